"""What the stand-ins refuse or do because PythonQt, CTK or Slicer does; each test names one fact.

Read in PythonQt (PythonQtConversion.cpp, the wrapper of QTableWidgetItem), in CTK (ctkPathLineEdit, ctkDirectoryButton,
ctkCollapsibleGroupBox, ctkRangeWidget) and in Slicer (qMRMLNodeComboBox, qMRMLSceneModel).
"""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def table(program):
    import qt

    return qt.QTableWidget(2, 3)


def test_the_items_of_a_table_are_checked_by_methods(table):
    import qt

    item, seen = qt.QTableWidgetItem("D"), []
    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
    item.setCheckState(qt.Qt.Checked)
    table.setItem(0, 0, item)
    table.itemChanged.connect(lambda changed: seen.append(changed.text()))
    table.item(0, 0).setCheckState(qt.Qt.CheckState.Unchecked)

    assert table.item(0, 0).checkState() == qt.Qt.Unchecked
    assert table.item(1, 1) is None
    assert seen == ["D"]
    was = table.blockSignals(True)
    item.setCheckState(qt.Qt.Checked)
    table.blockSignals(was)
    assert seen == ["D"]


@pytest.mark.parametrize("name", ["text", "checkState", "toolTip", "flags", "kept"])
def test_an_item_has_no_attribute_that_can_be_set(table, name):
    import qt

    for thing in (qt.QTableWidgetItem("D"), qt.QListWidgetItem("D"), qt.QFont()):
        with pytest.raises(AttributeError, match=name):
            setattr(thing, name, "x")


@pytest.mark.parametrize("value", [np.int64(3), np.float32(0.5), np.bool_(True)])
def test_a_numpy_scalar_would_be_shown_as_nothing(table, value):
    import qt

    item, box = qt.QTableWidgetItem(), qt.QComboBox()
    box.addItem("a")
    for call in (
        lambda: item.setData(qt.Qt.DisplayRole, value),
        lambda: box.addItem("b", value),
        lambda: box.setItemData(0, value),
    ):
        with pytest.raises(TypeError, match="Python"):
            call()
    item.setData(qt.Qt.DisplayRole, 0.5)
    box.addItem("b", 3)
    assert (item.text(), box.itemData(1)) == ("0.5", 3)


def test_a_numpy_scalar_is_no_value_of_a_property(program):
    import qt

    for widget, name, value in (
        (qt.QDoubleSpinBox(), "value", np.float32(3)),
        (qt.QPushButton(), "enabled", np.bool_(False)),
        (qt.QLabel(), "text", np.float64(3)),
    ):
        with pytest.raises(AttributeError, match=name):
            setattr(widget, name, value)


@pytest.mark.parametrize("value", [3, 0.5, np.float64(0.5), None])
def test_an_item_is_made_of_text(table, value):
    import qt

    with pytest.raises(TypeError):
        qt.QTableWidgetItem(value)


def test_the_headers_of_a_table_have_properties_too(table):
    import qt

    header = table.horizontalHeader()
    header.stretchLastSection = True
    header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
    table.verticalHeader().visible = False

    assert table.horizontalHeader().stretchLastSection is True
    assert header.sectionResizeMode(0) == qt.QHeaderView.Stretch
    with pytest.raises(AttributeError, match="stretchLastSectoin"):
        header.stretchLastSectoin = True


def test_a_double_click_and_the_return_key_have_signals(table):
    import qt

    line, seen = qt.QLineEdit(), []
    assert table.connect("cellDoubleClicked(int,int)", lambda row, column: seen.append((row, column)))
    table.cellDoubleClicked.emit(1, 2)
    line.editingFinished.connect(lambda: seen.append(line.text))
    line.text = "R1"
    line.editingFinished.emit()

    assert seen == [(1, 2), "R1"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [("QFormLayout", ["setRowVisible"]), ("QCheckBox", ["checkStateChanged"]), ("QShortcut", ["setKeys"])],
)
def test_what_came_with_qt_6_is_not_there(program, kind, names):
    import qt

    thing = qt.QShortcut(qt.QLabel()) if kind == "QShortcut" else getattr(qt, kind)()
    for name in names:
        with pytest.raises(AttributeError, match="Qt 6"):
            getattr(thing, name)


def test_a_shortcut_is_told_by_its_signal(program):
    import qt

    seen, box = [], qt.QWidget()
    shortcut = qt.QShortcut(box)
    shortcut.setKey(qt.QKeySequence("Ctrl+Shift+L"))
    assert shortcut.connect("activated()", lambda: seen.append(shortcut.key.toString()))
    shortcut.activated.emit()

    assert (seen, shortcut.enabled) == (["Ctrl+Shift+L"], True)
    with pytest.raises(TypeError):
        shortcut.key()


def test_a_timer_says_whether_it_runs_by_a_property(program):
    import qt

    timer = qt.QTimer()
    timer.setInterval(1)
    timer.setSingleShot(True)
    timer.start()
    assert (timer.active, timer.singleShot, timer.interval) == (True, True, 1)
    timer.stop()
    assert not timer.active


def test_the_clipboard_holds_text_and_html(program):
    import qt
    import slicer

    slicer.app.clipboard().setText("a\tb")
    assert slicer.app.clipboard().text() == "a\tb"
    data = qt.QMimeData()
    data.setText("c")
    data.setHtml("<b>c</b>")
    slicer.app.clipboard().setMimeData(data)
    assert slicer.app.clipboard().text() == "c"
    assert "<b>c</b>" in slicer.app.clipboard().mimeData().html()


def test_a_path_line_tells_only_what_its_filters_accept(program):
    import ctk

    line, paths, valid = ctk.ctkPathLineEdit(), [], []
    line.currentPathChanged.connect(paths.append)
    line.validInputChanged.connect(valid.append)
    line.currentPath = "/a/list.csv"
    line.currentPath = ""
    assert (paths, valid, line.currentPath) == (["/a/list.csv"], [False], "")
    line.nameFilters = ["Table (*.csv *.tsv)"]
    line.currentPath = "/a/folder"
    line.currentPath = "/a/list.tsv"
    assert (paths, valid) == (["/a/list.csv", "/a/list.tsv"], [False, True])


def test_what_is_typed_into_a_path_line_is_its_path(program):
    import ctk

    line = ctk.ctkPathLineEdit()
    line.comboBox().setEditText("/a/b")
    assert line.currentPath == "/a/b"


def test_the_folder_of_a_directory_button_is_absolute(program):
    import ctk

    button, changed, selected = ctk.ctkDirectoryButton(), [], []
    button.directoryChanged.connect(changed.append)
    button.directorySelected.connect(selected.append)
    assert button.directory == "."
    button.directory = ""
    assert (changed, button.directory) == ([], ".")
    button.directory = "a"
    button.directory = "a"
    assert button.directory == str(Path.cwd() / "a")
    assert (changed, selected[1:]) == ([button.directory], 2 * [button.directory])


def test_what_is_in_a_collapsed_group_box_is_disabled_and_hidden(program):
    import ctk
    import qt

    box, seen = ctk.ctkCollapsibleGroupBox(), []
    layout = qt.QVBoxLayout()
    box.setLayout(layout)
    shown, hidden = qt.QPushButton("a"), qt.QPushButton("b")
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.visible = False
    shown.clicked.connect(lambda: seen.append("clicked"))
    box.toggled.connect(seen.append)
    box.show()
    box.collapsed = True
    shown.click()
    assert (seen, shown.enabled, shown.visible, box.checked) == ([False], False, False, False)
    box.collapsed = False
    shown.click()
    assert seen == [False, True, "clicked"]
    assert (shown.visible, hidden.visible) == (True, False)
    with pytest.raises(AttributeError):
        box.contentsCollapsed.connect(seen.append)


def test_one_end_of_a_range_never_passes_the_other(program):
    import ctk

    widget, seen = ctk.ctkRangeWidget(), []
    widget.setRange(0, 10)
    widget.setValues(5, 2)
    assert (widget.minimumValue, widget.maximumValue) == (2, 5)
    widget.connect("valuesChanged(double,double)", lambda low, high: seen.append((low, high)))
    widget.minimumValue = 9
    assert (widget.minimumValue, widget.maximumValue) == (5, 5)
    widget.maximumValue = 1
    assert (widget.minimumValue, widget.maximumValue, seen) == (5, 5, [(5, 5)])
    widget.setMaximumValue(99)
    assert widget.maximumValue == 10


@pytest.mark.parametrize("name", ["ctkRangeWidget", "ctkSliderWidget", "ctkPathLineEdit"])
def test_widgets_with_parts_need_their_width(program, name):
    import ctk

    widget = getattr(ctk, name)()
    narrow = widget.minimumSizeHint.width()
    font = widget.font
    font.setPointSizeF(2 * font.pointSizeF())
    widget.setFont(font)
    assert 30 < narrow < widget.minimumSizeHint.width()


def test_a_node_that_is_hidden_stays_listed_until_the_list_is_made_anew(program):
    import slicer

    nodes = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", name) for name in "abc"]
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTableNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    selector.setCurrentNode(nodes[1])
    nodes[1].SetHideFromEditors(True)
    nodes.append(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "d"))
    assert (selector.nodes(), selector.currentNode()) == (nodes, nodes[1])
    selector.showHidden = True
    selector.showHidden = False
    assert (selector.nodes(), selector.currentNode()) == ([nodes[0], *nodes[2:]], nodes[2])
    nodes[1].SetHideFromEditors(False)
    assert nodes[1] not in selector.nodes()
    nodes[1].SetName("e")
    assert (selector.nodes(), selector.currentNode()) == (nodes, nodes[2])


def test_an_attribute_that_comes_after_the_node_comes_too_late(program):
    """qMRMLNodeFactory says so: attributes must be set before the node is added, or the selector does not list it."""
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTableNode"]
    selector.addAttribute("vtkMRMLTableNode", "Made", "up")
    selector.setMRMLScene(slicer.mrmlScene)
    late = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "late")
    late.SetAttribute("Made", "up")
    late.SetName("later")
    early = slicer.mrmlScene.CreateNodeByClass("vtkMRMLTableNode")
    early.UnRegister(None)
    early.SetAttribute("Made", "up")
    slicer.mrmlScene.AddNode(early)
    assert selector.nodes() == [early]
    selector.addAttribute("vtkMRMLTableNode", "Made")
    assert selector.nodes() == [late, early]


def test_a_plot_widget_without_a_scene_draws_nothing(program):
    import slicer

    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotViewNode")
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    view.SetPlotChartNodeID(chart.GetID())
    widget = slicer.qMRMLPlotWidget()
    widget.setMRMLPlotViewNode(view)
    assert widget.chart() is None
    widget.setMRMLScene(slicer.mrmlScene)
    assert widget.chart() is widget.plotView().chart() is chart
    slicer.mrmlScene.RemoveNode(chart)
    assert widget.chart() is None


def test_a_table_view_shows_the_table_of_its_view_node(program):
    import slicer

    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableViewNode")
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    view.SetTableNodeID(table.GetID())
    widget = slicer.qMRMLTableView()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLTableViewNode(view)
    assert widget.mrmlTableNode() is table
