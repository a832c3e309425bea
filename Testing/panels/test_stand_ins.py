"""The stand-ins for Qt and Slicer's widgets, alone and under Slicer's own Python files (see ``slicer_program``)."""

import logging

import pytest

PANEL = """
import slicer, vtk, qt
from slicer.parameterNodeWrapper import parameterNodeWrapper, WithinRange
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin
from typing import Annotated

class MadeUp(ScriptedLoadableModule):
    pass

@parameterNodeWrapper
class MadeUpParameterNode:
    volume: slicer.vtkMRMLScalarVolumeNode
    limit: Annotated[float, WithinRange(-5, 5)] = 2.5
    smooth: bool

class MadeUpWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameterNode = self._guiTag = None
        self.calls = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/MadeUp.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = MadeUpLogic()
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onClosed)
        if self.parent.isEntered:
            self.enter()

    def enter(self):
        self.calls.append("enter")
        self.setParameterNode(self.logic.getParameterNode())

    def exit(self):
        self.calls.append("exit")
        self.setParameterNode(None)

    def cleanup(self):
        self.calls.append("cleanup")
        self.setParameterNode(None)
        self.removeObservers()

    def onClosed(self, caller, event):
        self.calls.append("closed")

    def setParameterNode(self, node):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
        self._parameterNode = node
        self._guiTag = node.connectGui(self.ui) if node else None

    def onApply(self):
        self.calls.append("apply")
        with slicer.util.tryWithErrorDisplay("Failed.", waitCursor=True):
            if self.ui.selector.currentNode() is None:
                raise ValueError("no volume")

class MadeUpLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return MadeUpParameterNode(super().getParameterNode())
"""
SELECTOR = """<property name="nodeTypes"><stringlist><string>vtkMRMLVolumeNode</string></stringlist></property>
<property name="showChildNodeTypes"><bool>false</bool></property>
<property name="SlicerParameterName" stdset="0"><string>volume</string></property>"""
CONNECTION = """<connection><sender>Top</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"""


def bound(kind, parameter, more=""):
    name = f'<property name="SlicerParameterName" stdset="0"><string>{parameter}</string></property>'
    return f'<item><widget class="{kind}" name="{parameter}">{name}{more}</widget></item>'


def ui_file(*items, connections=CONNECTION, selector=SELECTOR):
    """A .ui file with a node selector, a button and these items in a collapsible button."""
    return f"""<?xml version="1.0" encoding="UTF-8"?><ui version="4.0"><class>Top</class>
<widget class="qMRMLWidget" name="Top"><layout class="QVBoxLayout" name="layout">
<item><widget class="qMRMLNodeComboBox" name="selector">{selector}</widget></item>
<item><widget class="ctkCollapsibleButton" name="more"><property name="collapsed"><bool>true</bool></property>
<layout class="QVBoxLayout" name="inner">{"".join(items)}</layout></widget></item>
<item><widget class="QPushButton" name="applyButton"><property name="text"><string>Apply</string></property></widget>
</item></layout></widget><connections>{connections}</connections></ui>"""


@pytest.fixture
def load(program, tmp_path):
    """Load a .ui file as Slicer does."""
    import slicer

    def load(*items, **parts):
        path = tmp_path / "MadeUp.ui"
        path.write_text(ui_file(*items, **parts), encoding="utf-8")
        return slicer.util.loadUI(str(path))

    return load


@pytest.fixture
def panel(program, tmp_path):
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    items = [bound("ctkSliderWidget", "limit"), bound("QCheckBox", "smooth")]
    (tmp_path / "Resources" / "UI" / "MadeUp.ui").write_text(ui_file(*items), encoding="utf-8")
    (tmp_path / "MadeUp.py").write_text(PANEL, encoding="utf-8")
    return program.open_panel("MadeUp", tmp_path / "MadeUp.py")


def add(kind="vtkMRMLScalarVolumeNode", name="volume"):
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass(kind, name)


def test_a_panel_follows_its_parameter_node_and_back(panel):
    first, second = add(name="a"), add(name="b")
    ui, node = panel.ui, panel._parameterNode

    assert ui.selector.nodeTypes == ["vtkMRMLScalarVolumeNode"]  # of the parameter, not of the file
    assert (ui.limit.minimum, ui.limit.maximum, ui.limit.value) == (-5, 5, 2.5)
    assert ui.selector.currentNode() is node.volume is first
    ui.limit.value, ui.smooth.checked = 1.234, True
    ui.selector.setCurrentNode(second)
    assert (node.limit, node.smooth, node.volume) == (1.23, True, second)
    node.limit, node.smooth, node.volume = -3.0, False, None
    assert (ui.limit.value, ui.smooth.checked, ui.selector.currentNode()) == (-3.0, False, None)
    panel.exit()
    ui.limit.value = 4.0
    assert panel.logic.getParameterNode().limit == -3.0


def test_the_life_of_a_panel(program, panel):
    import slicer

    frame = slicer.modules.madeup.widgetRepresentation()
    assert panel is slicer.modules.MadeUpWidget is frame.self() is slicer.util.getModuleWidget("MadeUp")
    assert (panel.calls, panel.parent.isEntered) == (["enter"], True)
    slicer.mrmlScene.Clear()
    assert panel.calls == ["enter", "closed"]
    for _ in range(2):
        old = slicer.modules.MadeUpWidget
        old.onReload()
        assert old.calls[-1] == "cleanup"
        assert slicer.modules.MadeUpWidget is not old
    assert slicer.modules.MadeUpWidget.calls == ["enter"]  # its own doing: the frame says that it is entered
    frame.exit()
    assert (slicer.modules.MadeUpWidget.calls, frame.isEntered) == (["enter", "exit"], False)


def test_an_exception_in_a_slot_is_swallowed_and_kept(program, panel):
    panel.ui.applyButton.click()
    assert panel.calls[-1] == "apply"
    program.swallowed.expect(ValueError, "no volume")
    with pytest.raises(AssertionError, match="no volume"):
        program.swallowed.expect(ValueError, "no volume")


def test_an_exception_in_an_observer_is_swallowed_and_kept(program):
    import vtk

    node = add()
    node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: {}["nothing"])
    node.Modified()
    program.swallowed.expect(KeyError, "nothing")


def test_the_scene_that_is_imported_under_an_open_panel(program, panel, tmp_path):
    """The first fault of slicer_desktop.md, section 0, as the user sees it: the selector is empty."""
    import slicer

    add()
    assert panel._parameterNode.volume is not None
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    panel.enter()
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert panel._parameterNode.volume is None
    panel.enter()
    assert panel.ui.selector.currentNode() is panel._parameterNode.volume is not None


def test_a_selector(program):
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    assert selector.currentNode() is None
    selector.nodeTypes = ("vtkMRMLScalarVolumeNode",)
    seen = []
    assert selector.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.enabled
    nodes = [add(name=name) for name in "abc"]
    assert (selector.currentNode(), seen, selector.nodeCount()) == (nodes[0], [nodes[0]], 3)
    add("vtkMRMLTableNode")
    labels = add("vtkMRMLLabelMapVolumeNode")
    assert selector.nodeFromIndex(3) is labels
    selector.showChildNodeTypes = False
    selector.setCurrentNode(labels)
    assert selector.currentNode() is None
    selector.setCurrentNode(nodes[1])
    selector.addAttribute("vtkMRMLScalarVolumeNode", "Map", "D")
    assert (selector.nodeCount(), selector.currentNode()) == (0, None)
    nodes[2].SetAttribute("Map", "D")
    selector.removeAttribute("vtkMRMLScalarVolumeNode", "Map")
    selector.baseName = "New"
    assert selector.addNode().GetName() == selector.currentNode().GetName() == "New"


def test_the_selector_takes_another_node_when_the_selected_one_is_deleted(program, panel):
    import slicer

    nodes = [add(name=name) for name in "abc"]
    panel._parameterNode.volume = nodes[1]
    slicer.mrmlScene.RemoveNode(nodes[1])
    assert panel._parameterNode.volume is nodes[2]


def test_a_selector_with_none_stays_empty(program):
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes, selector.noneEnabled = ["vtkMRMLScalarVolumeNode"], True
    selector.setMRMLScene(slicer.mrmlScene)
    assert add() is not None
    assert (selector.currentNode(), selector.nodeCount()) == (None, 1)


def test_a_selector_of_several_nodes(program):
    import qt
    import slicer

    selector = slicer.qMRMLCheckableNodeComboBox()
    selector.nodeTypes = ["vtkMRMLSegmentationNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    nodes = [add("vtkMRMLSegmentationNode", name) for name in "ab"]
    seen = []
    selector.checkedNodesChanged.connect(lambda: seen.append(len(selector.checkedNodes())))
    for node in nodes:
        selector.setCheckState(node, qt.Qt.Checked)
    slicer.mrmlScene.RemoveNode(nodes[0])
    assert (seen, selector.checkedNodes(), selector.allChecked()) == ([1, 2, 1], [nodes[1]], True)


def test_a_file_without_the_connection_gives_a_selector_without_a_scene(load):
    import slicer

    add()
    selector = SELECTOR.replace("VolumeNode", "ScalarVolumeNode")
    for connections, count in (CONNECTION, 1), ("", 0):
        widget = load(connections=connections, selector=selector)
        widget.setMRMLScene(slicer.mrmlScene)
        assert slicer.util.childWidgetVariables(widget).selector.nodeCount() == count


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"items": ['<item><widget class="qMRMLNoSuchThing" name="a"/></item>']}, "qMRMLNoSuchThing"),
        ({"items": ['<item><widget class="qMRMLPlotView" name="a"/></item>']}, "qMRMLPlotView"),
        ({"selector": '<property name="nodeType"><string>a</string></property>'}, "nodeType"),
        ({"connections": CONNECTION.replace("setMRMLScene", "setScene")}, "setScene"),
        ({"connections": CONNECTION.replace("mrmlSceneChanged", "sceneChanged")}, "sceneChanged"),
        ({"connections": CONNECTION.replace("<receiver>selector", "<receiver>selecter")}, "selecter"),
    ],
)
def test_what_slicer_would_leave_out_of_a_file_is_an_error(load, parts, said):
    with pytest.raises(LookupError, match=said):
        load(*parts.pop("items", []), **parts)


def test_a_file_is_loaded_with_all_that_it_holds(load):
    more = "<property name='filters'><set>ctkPathLineEdit::Dirs|ctkPathLineEdit::Writable</set></property>"
    widget = load(
        bound("ctkPathLineEdit", "folder", more), bound("QTableWidget", "table"), bound("QRadioButton", "one")
    )
    import slicer

    ui = slicer.util.childWidgetVariables(widget)
    assert (ui.applyButton.text, ui.more.collapsed, ui.table.rowCount) == ("Apply", True, 0)
    assert ui.folder.property("SlicerParameterName") == "folder"
    assert "Dirs" in ui.folder.filters
    assert not hasattr(widget, "applyButton")
    with pytest.raises(RuntimeError, match="not found"):
        slicer.util.loadUI("/no/such.ui")


def test_what_a_program_in_testing_says(program, caplog):
    import qt
    import slicer

    with caplog.at_level(logging.INFO):
        slicer.util.errorDisplay("This failed", detailedText="why")
    assert "This failed" in caplog.text
    assert slicer.util.confirmOkCancelDisplay("Sure?") is False
    dialog = slicer.util.createProgressDialog(
        value=0, maximum=100, labelText="Fitting", windowModality=qt.Qt.WindowModal
    )
    dialog.value = 40
    slicer.app.processEvents()
    assert (dialog.value, dialog.wasCanceled, dialog.labelText) == (40, False, "Fitting")
    dialog.cancel()
    assert dialog.wasCanceled
    dialog.close()


def test_a_dialog_waits_for_nobody(program):
    import qt

    with pytest.raises(RuntimeError, match="QMessageBox"):
        qt.QMessageBox().exec_()
    with pytest.raises(RuntimeError, match="file dialog"):
        qt.QFileDialog.getExistingDirectory(None, "Folder")
    with pytest.raises(RuntimeError, match="Delete"):
        qt.QMessageBox.question(None, "Delete", "Delete all?")
    with pytest.raises(RuntimeError, match="QMenu"):
        qt.QMenu().exec_()
    program.answers.file, program.answers.dialog = "/a", lambda dialog: qt.QMessageBox.Yes
    assert qt.QFileDialog.getExistingDirectory(None, "Folder") == "/a"
    assert qt.QMessageBox().exec_() == qt.QMessageBox.Yes


def test_timers(program):
    import qt

    seen = []
    qt.QTimer.singleShot(0, lambda: seen.append(1))
    qt.QTimer.singleShot(0, lambda: seen.append(1 / 0))
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(lambda: seen.append(2))
    timer.start(1)
    assert timer.active
    program.wait(lambda: len(seen) == 2 and not timer.active)
    program.swallowed.expect(ZeroDivisionError)


def test_a_segment_editor_that_is_active_when_a_scene_comes(program):
    import slicer

    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(slicer.mrmlScene)
    editor.setMRMLSegmentEditorNode(add("vtkMRMLSegmentEditorNode"))
    segmentation = add("vtkMRMLSegmentationNode")
    editor.setSegmentationNode(segmentation)
    assert editor.segmentationNode() is segmentation
    editor.setupViewObservations()
    editor.setActiveEffectByName("Paint")
    slicer.mrmlScene.StartState(slicer.mrmlScene.ImportState)
    slicer.mrmlScene.EndState(slicer.mrmlScene.ImportState)
    program.swallowed.expect(AssertionError, "here Slicer crashes: StartImportEvent")
    editor.setActiveEffect(None)
    editor.removeViewObservations()
    slicer.mrmlScene.Clear()
