"""The ``.ui`` files hold what the code asks for, and bind only what Slicer can bind."""

import ast
from pathlib import Path

import pytest

from Testing.support.slicer_modules import (
    Form,
    Widget,
    module_folders,
    parameter_fields,
    read_form,
    shared_fields,
    used_widget_names,
)
from Testing.support.source_tree import PACKAGE, ROOT, parse, python_files

PANELS = PACKAGE / "panels"
# What slicer.util.loadUI can make. qMRMLPlotView is not there: it becomes a bare QWidget without a word in the panel.
KNOWN = {
    *("QWidget", "QFrame", "Line", "QLabel", "QGroupBox", "QScrollArea", "QSplitter", "QStackedWidget", "QTabWidget"),
    *("QPushButton", "QToolButton", "QCheckBox", "QRadioButton", "QLineEdit", "QTextEdit", "QPlainTextEdit"),
    *("QComboBox", "QSpinBox", "QDoubleSpinBox", "QSlider", "QProgressBar", "QTextBrowser", "QTableWidget"),
    *("QListWidget", "QTreeWidget", "QToolBox"),
    *("ctkCollapsibleButton", "ctkCollapsibleGroupBox", "ctkCheckBox", "ctkCheckablePushButton", "ctkSliderWidget"),
    *("ctkRangeWidget", "ctkDoubleRangeSlider", "ctkDoubleSlider", "ctkDoubleSpinBox", "ctkComboBox"),
    *("ctkCheckableComboBox", "ctkPathLineEdit", "ctkDirectoryButton", "ctkColorPickerButton", "ctkMenuButton"),
    *("qMRMLWidget", "qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox", "qMRMLTableView", "qMRMLPlotWidget"),
    *("qMRMLSegmentEditorWidget", "qMRMLSegmentSelectorWidget", "qMRMLSegmentsTableView", "qMRMLSliderWidget"),
    *("qMRMLSpinBox", "qMRMLRangeWidget", "qMRMLSubjectHierarchyComboBox"),
    *("qSlicerSimpleMarkupsWidget", "qSlicerMarkupsPlaceWidget"),
}
NUMBERS = {"int", "float", "int within", "float within"}
# Classes of widgets, kinds of fields that connectGui can bind; every other pair raises an error in Slicer.
BINDINGS = [
    ("QCheckBox ctkCheckBox QPushButton ctkCheckablePushButton", {"bool"}),
    ("QSpinBox", {"int", "int within"}),
    ("QDoubleSpinBox ctkDoubleSpinBox qMRMLSpinBox ctkDoubleSlider", NUMBERS),
    ("QSlider", {"int within"}),
    ("ctkSliderWidget qMRMLSliderWidget", {"int within", "float within"}),
    ("ctkRangeWidget qMRMLRangeWidget ctkDoubleRangeSlider", {"float range"}),
    ("QComboBox ctkComboBox", {"choice", "enum"}),
    ("QLineEdit QTextEdit QLabel", {"str"}),
    ("ctkPathLineEdit ctkDirectoryButton", {"path"}),
    ("qMRMLNodeComboBox", {"node", "node union"}),
    ("qMRMLSubjectHierarchyComboBox", {"node"}),
    ("ctkColorPickerButton", {"colour"}),
]
BINDS = {name: kinds for names, kinds in BINDINGS for name in names.split()}
SCENE = ("mrmlSceneChanged(vtkMRMLScene*)", "setMRMLScene(vtkMRMLScene*)")


def unknown_classes(form: Form) -> list[str]:
    return [f"{widget.name}: {widget.kind}" for widget in form.widgets if widget.kind not in KNOWN]


def repeated_names(form: Form) -> list[str]:
    names = [widget.name for widget in form.widgets]
    return sorted({name for name in names if names.count(name) > 1 or not name})


def without_scene(form: Form) -> list[str]:
    """The widgets that would never learn of the scene: those not connected to the top one, a qMRMLWidget."""
    top, *others = form.widgets
    if top.kind != "qMRMLWidget":
        return [f"{top.name}, the top widget, is no qMRMLWidget"]
    needing = (widget.name for widget in others if widget.kind.startswith(("qMRML", "qSlicer")))
    return [name for name in needing if (top.name, SCENE[0], name, SCENE[1]) not in form.connections]


def dangling_connections(form: Form) -> list[str]:
    """The connections that name a widget which is not there."""
    pairs = {(sender, receiver) for sender, _, receiver, _ in form.connections}
    return [f"{sender} -> {receiver}" for sender, receiver in sorted(pairs) if not {sender, receiver} <= form.names]


def wrong_bindings(form: Form, fields: dict[str, str]) -> list[str]:
    """The widgets bound to a field that does not exist, or of a kind that cannot be bound to this widget."""
    found = []
    for widget in form.widgets:
        if widget.parameter is None:
            continue
        kind = fields.get(widget.parameter)
        if kind is None:
            found.append(f"{widget.name}: no parameter {widget.parameter!r}")
        elif kind not in BINDS.get(widget.kind, set()):
            found.append(f"{widget.name}: a {widget.kind} cannot be bound to {widget.parameter} ({kind})")
        elif widget.kind == "QPushButton" and widget.properties.get("checkable") != "true":
            found.append(f"{widget.name}: only a checkable QPushButton can be bound")
    return found


def lists_label_maps(form: Form) -> list[str]:
    """The boxes for scalar volumes in which label maps, a derived class, would be offered too."""
    return [
        widget.name
        for widget in form.widgets
        if "vtkMRMLScalarVolumeNode" in widget.properties.get("nodeTypes", "").split()
        and widget.properties.get("showChildNodeTypes") != "false"
    ]


def volume_boxes_without_types(form: Form) -> list[str]:
    """The node boxes that say nothing of the nodes they show (the check of label maps could not see them)."""
    kinds = {"qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox"}
    return [widget.name for widget in form.widgets if widget.kind in kinds and "nodeTypes" not in widget.properties]


def missing_names(tree: ast.Module, forms: dict[str, Form]) -> list[str]:
    """The widgets that code uses as ``self.ui.NAME`` and some form it is used with lacks."""
    return [
        f"line {line}: ui.{name} is not in {file}"
        for name, line in used_widget_names(tree).items()
        for file, form in forms.items()
        if name not in form.names
    ]


def form_complaints(form: Form, fields: dict[str, str]) -> list[str]:
    checks = (unknown_classes, repeated_names, without_scene, dangling_connections, lists_label_maps)
    found = [line for check in (*checks, volume_boxes_without_types) for line in check(form)]
    return found + wrong_bindings(form, fields)


def forms_of(folder: Path) -> dict[str, Form]:
    return {path.name: read_form(path) for path in sorted(folder.rglob("*.ui"))}


MODULES = module_folders(ROOT)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_the_forms_of_a_module_are_sound(module):
    fields = {**shared_fields(), **parameter_fields(parse(module / f"{module.name}.py"))}
    forms = forms_of(module)

    assert f"{module.name}.ui" in forms
    assert fields, "no parameter node class was found"
    assert {name: form_complaints(form, fields) for name, form in forms.items()} == {name: [] for name in forms}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_widget_a_module_uses_is_in_its_form(module):
    forms = forms_of(module)
    own = {f"{module.name}.ui": forms[f"{module.name}.ui"]}

    assert missing_names(parse(module / f"{module.name}.py"), own) == []


def test_every_widget_the_panels_use_is_there():
    """A section with a form of its own name uses that one; what all modules share uses the form of every module."""
    if not PANELS.is_dir():
        return  # no shared section exists yet
    own = {path.stem: {path.name: read_form(path)} for path in PANELS.rglob("*.ui")}
    modules = {name: form for module in MODULES for name, form in forms_of(module).items()}
    found = {path.name: missing_names(parse(path), own.get(path.stem, modules)) for path in python_files(PANELS)}

    assert {name: lines for name, lines in found.items() if lines} == {}


def test_the_forms_of_shared_sections_are_sound():
    fields = shared_fields()
    for module in MODULES:
        fields.update(parameter_fields(parse(module / f"{module.name}.py")))
    forms = forms_of(PANELS) if PANELS.is_dir() else {}

    assert {name: form_complaints(form, fields) for name, form in forms.items()} == {name: [] for name in forms}


def ui(*widgets: str, connections: str = "") -> str:
    """A small form: the top widget and those given as ``name:class:properties``."""
    body = ""
    for widget in widgets:
        name, kind, properties = (*widget.split(":"), "", "")[:3]
        pairs = (pair.split("=") for pair in properties.split())
        values = "".join(f'<property name="{key}"><string>{value}</string></property>' for key, value in pairs)
        body += f'<widget class="{kind}" name="{name}">{values}</widget>'
    return (
        f'<ui version="4.0"><class>A</class><widget class="qMRMLWidget" name="A">{body}</widget>'
        f"<connections>{connections}</connections></ui>"
    )


def connection(receiver: str, sender: str = "A") -> str:
    return (
        f"<connection><sender>{sender}</sender><signal>{SCENE[0]}</signal><receiver>{receiver}</receiver>"
        f"<slot>{SCENE[1]}</slot></connection>"
    )


def form_of(tmp_path, *widgets: str, connections: str = "") -> Form:
    (tmp_path / "A.ui").write_text(ui(*widgets, connections=connections), encoding="utf-8")
    return read_form(tmp_path / "A.ui")


BOX = "box:qMRMLNodeComboBox:nodeTypes=vtkMRMLScalarVolumeNode showChildNodeTypes=false SlicerParameterName=volume"


def test_a_sound_form_passes(tmp_path):
    form = form_of(tmp_path, BOX, "ok:QPushButton", connections=connection("box"))

    assert form.widgets[1] == Widget(
        "box",
        "qMRMLNodeComboBox",
        {"nodeTypes": "vtkMRMLScalarVolumeNode", "showChildNodeTypes": "false", "SlicerParameterName": "volume"},
    )
    assert form_complaints(form, {"volume": "node"}) == []


@pytest.mark.parametrize(
    ("widgets", "connections", "expected"),
    [
        (["plot:qMRMLPlotView"], connection("plot"), ["plot: qMRMLPlotView"]),
        (["a:QLabel", "a:QLabel"], "", ["a"]),
        (["table:qMRMLTableView"], "", ["table"]),
        (["table:qMRMLTableView"], connection("table", sender="B"), ["table", "B -> table"]),
        (["ok:QPushButton"], connection("gone"), ["A -> gone"]),
        ([BOX.replace("=false", "=true")], connection("box"), ["box"]),
        ([BOX.replace("showChildNodeTypes=false ", "")], connection("box"), ["box"]),
        (["box:qMRMLNodeComboBox"], connection("box"), ["box"]),
        ([BOX.replace("=volume", "=volum")], connection("box"), ["box: no parameter 'volum'"]),
    ],
)
def test_a_fault_in_a_form_is_named(tmp_path, widgets, connections, expected):
    assert form_complaints(form_of(tmp_path, *widgets, connections=connections), {"volume": "node"}) == expected


def test_a_top_widget_that_knows_no_scene_is_named(tmp_path):
    (tmp_path / "A.ui").write_text(ui().replace("qMRMLWidget", "QWidget"), encoding="utf-8")

    assert without_scene(read_form(tmp_path / "A.ui")) == ["A, the top widget, is no qMRMLWidget"]


@pytest.mark.parametrize(
    ("kind", "annotation", "bindable"),
    [
        ("QCheckBox", "bool", True),
        ("QRadioButton", "bool", False),
        ("QPushButton", "bool", False),  # not checkable
        ("QSlider", "int", False),
        ("QSlider", "Annotated[int, WithinRange(0, 3)]", True),
        ("ctkSliderWidget", "float", False),
        ("ctkSliderWidget", "Annotated[float, WithinRange(0, 1)]", True),
        ("QSpinBox", "float", False),
        ("QComboBox", "str", False),
        ("QComboBox", "Annotated[str, Choice(['a'])]", True),
        ("ctkComboBox", "Method", True),
        ("ctkRangeWidget", "Annotated[FloatRange, RangeBounds(0, 1)]", False),
        ("ctkRangeWidget", "Annotated[FloatRange, RangeBounds(0, 1), Default(FloatRange(0, 1))]", True),
        ("ctkCheckableComboBox", "list[str]", False),
        ("qMRMLCheckableNodeComboBox", "list[slicer.vtkMRMLScalarVolumeNode]", False),
        ("qMRMLNodeComboBox", "slicer.vtkMRMLScalarVolumeNode", True),
        ("qMRMLNodeComboBox", "slicer.vtkMRMLVolumeNode", False),
        ("qMRMLNodeComboBox", "Union[slicer.vtkMRMLSequenceNode, slicer.vtkMRMLScalarVolumeNode, None]", True),
        ("qMRMLNodeComboBox", "Union[slicer.vtkMRMLSequenceNode, slicer.vtkMRMLScalarVolumeNode]", False),
        ("qMRMLNodeComboBox", "slicer.vtkMRMLSequenceNode | slicer.vtkMRMLScalarVolumeNode | None", True),
        ("qMRMLNodeComboBox", "Optional[slicer.vtkMRMLScalarVolumeNode]", False),
        ("qMRMLNodeComboBox", "slicer.vtkMRMLScalarVolumeNode | None", False),
        ("ctkPathLineEdit", "pathlib.Path", True),
        ("QLineEdit", "pathlib.Path", False),
    ],
)
def test_what_cannot_be_bound_is_named(tmp_path, kind, annotation, bindable):
    code = f"class Method(Enum):\n  A = 1\n@parameterNodeWrapper\nclass P:\n  field: {annotation}\n"
    form = form_of(tmp_path, f"w:{kind}:SlicerParameterName=field")

    assert (wrong_bindings(form, parameter_fields(ast.parse(code))) == []) is bindable


def test_a_member_of_a_pack_is_a_field_with_a_dot():
    code = "@parameterPack\nclass B:\n  lo: float = 0\n@parameterNodeWrapper\nclass P:\n  adv: B\n  name: str\n"

    assert parameter_fields(ast.parse(code)) == {"adv.lo": "float", "name": "str"}


def test_a_widget_that_is_not_in_the_form_is_named(tmp_path):
    form = form_of(tmp_path, "fit:QPushButton")
    code = "class W:\n  def f(self):\n    self.ui.fit.enabled = 1\n    self.ui.ftt.enabled = 1\n    ui.ftt.text = ''\n"

    assert missing_names(ast.parse(code), {"A.ui": form}) == ["line 4: ui.ftt is not in A.ui"]
