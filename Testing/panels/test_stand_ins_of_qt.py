"""The stand-ins for Qt objects as PythonQt shows them, and what a parameter can be bound to: with both, as above."""

import enum
import pathlib
from typing import Annotated, Union

import pytest


class Method(enum.Enum):
    NLLS = 1
    SEGMENTED = 2


def test_properties_are_attributes(program):
    import ctk
    import qt

    button = qt.QPushButton("Apply")
    button.enabled = False
    button.setText("Fit")
    assert (button.text, button.enabled, button.isEnabled()) == ("Fit", False, False)
    button.name = "apply"
    assert (button.objectName, button.className(), button.inherits("QWidget")) == ("apply", "QPushButton", True)
    assert not isinstance(button, qt.QWidget)
    box = qt.QComboBox()
    box.addItems(["a", "b"])
    assert (box.count, box.currentText, box.itemText(1)) == (2, "a", "b")
    with pytest.raises(TypeError):
        box.count()
    table = qt.QTableWidget(2, 3)
    table.setItem(0, 0, qt.QTableWidgetItem("x"))
    assert (table.rowCount, table.item(0, 0).text()) == (2, "x")
    number = ctk.ctkDoubleSpinBox()
    number.minimum, number.maximum, number.decimals, number.value = -1, 1, 3, 0.12345
    assert (number.value, number.suffix) == (0.123, "")
    number.value = 7
    assert number.value == 1


def test_an_attribute_that_is_not_there_cannot_be_set(program):
    import qt
    import slicer

    for widget in (qt.QLabel(), slicer.qMRMLNodeComboBox()):
        with pytest.raises(AttributeError, match="enabeld"):
            widget.enabeld = True
        with pytest.raises(AttributeError):
            _ = widget.enabeld
        with pytest.raises(AttributeError):
            widget.toolTip = None

    class Own(qt.QLabel):
        pass

    own = Own("a")
    own.kept = 3
    assert (own.kept, own.text) == (3, "a")


def test_a_tool_tip_reads_back_wrapped(program):
    import qt

    button = qt.QPushButton()
    assert button.toolTip == ""
    button.toolTip = "Choose a volume."
    assert button.toolTip == "<p>Choose a volume.</p>"


def test_signals(program):
    import qt

    button, seen = qt.QPushButton(), []

    def slot(on):
        seen.append(("slot", on))

    assert button.connect("clicked(bool)", slot)
    assert button.connect("clicked()", lambda *values: seen.append(values))
    button.clicked.connect(lambda: seen.append("none"))
    button.click()
    assert sorted(seen, key=str) == [("slot", False), (), "none"]
    assert button.disconnect("clicked(bool)", slot)
    assert not button.disconnect("clicked(bool)", slot)
    seen.clear()
    button.click()
    assert sorted(seen, key=str) == [(), "none"]
    for unknown in ("clickd(bool)", "clicked(int,int)"):
        assert button.connect(unknown, slot) is False
    with pytest.raises(AttributeError):
        button.clickd.connect(slot)
    table, cells = qt.QTableWidget(1, 2), []
    table.cellChanged.connect(lambda row, column: cells.append((row, column)))
    table.setItem(0, 1, qt.QTableWidgetItem("x"))
    before = table.blockSignals(True)
    table.setItem(0, 0, qt.QTableWidgetItem("y"))
    table.blockSignals(before)
    assert cells == [(0, 1)]


def test_widgets_that_are_found_twice_are_one(program):
    import qt

    box = qt.QWidget()
    layout = qt.QVBoxLayout()
    box.setLayout(layout)
    button = qt.QPushButton("a")
    button.name = "a"
    layout.addWidget(button)
    assert box.layout() is layout
    assert box.findChild(qt.QPushButton, "a") is button
    assert button.parent() is box


def test_settings_of_the_user_are_not_touched(program):
    import qt
    import slicer

    qt.QSettings().setValue("MadeUp/key", 3)
    assert slicer.util.settingsValue("MadeUp/key", 0, int) == 3
    assert slicer.util.settingsValue("Developer/DeveloperMode", False, converter=slicer.util.toBool) is False


def widget_named(name):
    import ctk
    import qt
    import slicer

    return next(getattr(place, name) for place in (slicer, ctk, qt) if hasattr(place, name))()


def bind(widget, hint):
    """A wrapper with the one parameter "member", bound to the widget."""
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    if hasattr(widget, "setMRMLScene"):
        widget.setMRMLScene(slicer.mrmlScene)
    widget.setProperty("SlicerParameterName", "member")
    made = parameterNodeWrapper(type("Parameters", (), {"__annotations__": {"member": hint}}))(node)
    gui = type("", (), {})()
    gui.it = widget
    return made, made.connectGui(gui)


def limited(kind):
    from slicer.parameterNodeWrapper import WithinRange

    return Annotated[kind, WithinRange(0, 10)]


BINDINGS = [
    ("QCheckBox", bool, "checked", True),
    ("QPushButton", bool, "checked", True),
    ("QSpinBox", int, "value", 3),
    ("QDoubleSpinBox", float, "value", 2.5),
    ("ctkDoubleSpinBox", float, "value", -2.5),
    ("ctkDoubleSpinBox", int, "value", 4),
    ("QSlider", "limited int", "value", 7),
    ("ctkSliderWidget", "limited float", "value", 7.25),
    ("QLineEdit", str, "text", "abc"),
    ("QTextEdit", str, "plainText", "abc"),
    ("ctkPathLineEdit", pathlib.Path, "currentPath", "/a b"),
    ("ctkDirectoryButton", pathlib.Path, "directory", "/a b"),
    ("QComboBox", Method, "currentIndex", 1),
    ("ctkComboBox", Method, "currentIndex", 1),
]
KINDS = {"limited int": lambda: limited(int), "limited float": lambda: limited(float)}


@pytest.mark.parametrize(("name", "hint", "attribute", "value"), BINDINGS)
def test_what_can_be_bound_follows_both_ways(program, name, hint, attribute, value):
    widget = widget_named(name)
    if name == "QPushButton":
        widget.checkable = True
    made, tag = bind(widget, KINDS[hint]() if isinstance(hint, str) else hint)
    start, before = made.member, getattr(widget, attribute)
    setattr(widget, attribute, value)
    expected = {Method: Method.SEGMENTED, pathlib.Path: pathlib.Path("/a b")}.get(hint, value)
    assert made.member == expected != start
    made.member = start
    assert getattr(widget, attribute) == (str(pathlib.Path.cwd()) if name == "ctkDirectoryButton" else before)
    made.disconnectGui(tag)
    setattr(widget, attribute, value)
    assert made.member == start


NOT_BOUND = [
    ("QRadioButton", bool),
    ("QToolButton", bool),
    ("ctkCheckableComboBox", list[str]),
    ("QPlainTextEdit", str),
    ("QListWidget", list[str]),
    ("QSlider", int),
    ("ctkSliderWidget", float),
    ("QLineEdit", float),
    ("QSpinBox", float),
    ("QComboBox", str),
    ("qMRMLNodeComboBox", str),
    ("qMRMLCheckableNodeComboBox", "list of nodes"),
]


@pytest.mark.parametrize(("name", "hint"), NOT_BOUND)
def test_what_cannot_be_bound_is_an_error(program, name, hint):
    import slicer

    hint = list[slicer.vtkMRMLScalarVolumeNode] if hint == "list of nodes" else hint
    with pytest.raises(RuntimeError):
        bind(widget_named(name), hint)


def test_a_choice_shows_its_items(program):
    from slicer.parameterNodeWrapper import Choice, Default

    box = widget_named("QComboBox")
    made, _ = bind(box, Annotated[str, Choice(["a", "b"]), Default("b")])
    assert [box.itemText(row) for row in range(box.count)] == ["a", "b"]
    assert (box.currentText, made.member) == ("b", "b")
    box.currentIndex = 0
    assert made.member == "a"


def test_a_range_needs_its_default_inside_the_annotation(program):
    from slicer.parameterNodeWrapper import Default, FloatRange, RangeBounds

    with pytest.raises(AttributeError, match="'int' object has no attribute 'minimum'"):
        bind(widget_named("ctkRangeWidget"), Annotated[FloatRange, RangeBounds(0, 10)])
    widget = widget_named("ctkRangeWidget")
    made, _ = bind(widget, Annotated[FloatRange, RangeBounds(0, 10), Default(FloatRange(1, 5))])
    assert (widget.minimum, widget.maximum, widget.minimumValue, widget.maximumValue) == (0, 10, 1, 5)
    widget.setValues(2, 3)
    assert made.member == FloatRange(2, 3)
    made.member.maximum = 8
    assert widget.maximumValue == 8


def test_nodes_of_several_classes(program):
    import slicer

    widget = widget_named("qMRMLNodeComboBox")
    made, _ = bind(widget, Union[slicer.vtkMRMLSequenceNode, slicer.vtkMRMLScalarVolumeNode, None])  # noqa: UP007
    assert widget.nodeTypes == ["vtkMRMLSequenceNode", "vtkMRMLScalarVolumeNode"]
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode")
    widget.setCurrentNode(node)
    assert made.member is node
    with pytest.raises(TypeError):
        bind(widget_named("qMRMLNodeComboBox"), slicer.vtkMRMLNode)


def test_an_optional_node_class_cannot_be_bound(program):
    import slicer

    if program.is_genuine:
        pytest.skip("seen in Slicer 5.12.3 itself; its Python files alone do not show it")
    with pytest.raises(RuntimeError, match="optional"):
        bind(widget_named("qMRMLNodeComboBox"), Union[slicer.vtkMRMLSequenceNode, None])  # noqa: UP007


def test_an_unknown_parameter_name_is_an_error(program):
    widget = widget_named("QCheckBox")
    made, _ = bind(widget, bool)
    widget.setProperty("SlicerParameterName", "membre")
    gui = type("", (), {})()
    gui.it = widget
    with pytest.raises(ValueError, match="member"):
        made.connectGui(gui)
