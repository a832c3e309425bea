"""The stand-ins for Slicer's Python files, against what Slicer's own do: run with both (see ``slicer_program``)."""

import logging
import pathlib
import sys
import types

import numpy as np
import pytest

import mrbiomarkers

MODULE = """
import os
import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

class MadeUp(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Made up")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        slicer.app.connect("startupCompleted()", registerSampleData)

def registerSampleData():
    import SampleData
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="Made", sampleName="Made up", uris="", fileNames="", nodeNames="Made up", customDownloader=make)

def make(source):
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", source.sampleName)

@parameterNodeWrapper
class MadeUpParameterNode:
    volume: slicer.vtkMRMLScalarVolumeNode
    limit: float = 2.5

class MadeUpWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    button: qt.QPushButton = None

class MadeUpLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return MadeUpParameterNode(super().getParameterNode())

class MadeUpTest(ScriptedLoadableModuleTest):
    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_two(self):
        ran.append(self.messageDelay)

    def test_one(self):
        self.delayDisplay("one")
        ran.append(1)

ran = []
"""


@pytest.fixture
def module(program, tmp_path):
    folder = tmp_path / "MadeUp"
    folder.mkdir()
    (folder / "MadeUp.py").write_text(MODULE, encoding="utf-8")
    return program.load_module("MadeUp", folder / "MadeUp.py")


def add(scene, kind="vtkMRMLScalarVolumeNode", name="volume"):
    return scene.AddNewNodeByClass(kind, name)


def test_a_module_file_is_loaded_as_slicer_loads_it(program, module):
    import slicer

    folder = pathlib.Path(module.__file__).parent
    assert sys.path[-1] == str(folder)
    assert sys.modules["MadeUp"] is module
    assert slicer.modules.madeup.path == str(folder / "MadeUp.py")
    assert (slicer.modules.madeup.title, slicer.modules.madeup.categories) == ("Made up", ["Quantification"])
    assert slicer.modules.MadeUpInstance.resourcePath("UI/MadeUp.ui") == str(folder / "Resources/UI/MadeUp.ui")
    assert slicer.util.modulePath("MadeUp") == slicer.modules.madeup.path


def test_a_module_that_cannot_be_imported_is_not_there(program, tmp_path):
    import slicer

    (tmp_path / "Broken.py").write_text("import no_such_package\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        program.load_module("Broken", tmp_path / "Broken.py")
    assert "Broken" not in sys.modules
    assert not hasattr(slicer.modules, "broken")


def test_everything_goes_with_the_program(scene, tmp_path, monkeypatch):
    import slicer

    from Testing.support.slicer_program.program import Program

    for name in [name for name in sys.modules if name.startswith("mrbiomarkers.panels")]:
        monkeypatch.delitem(sys.modules, name)  # other tests have taken what of it needs no Qt
    monkeypatch.delattr(mrbiomarkers, "panels", raising=False)
    modules, names, path = set(sys.modules), set(vars(slicer)), list(sys.path)
    (tmp_path / "MadeUp.py").write_text(MODULE, encoding="utf-8")
    running = Program(scene)
    running.load_module("MadeUp", tmp_path / "MadeUp.py")
    assert "slicer.i18n" in sys.modules
    sys.modules["mrbiomarkers.panels"] = mrbiomarkers.panels = types.ModuleType("mrbiomarkers.panels")
    running.close()

    assert not {name for name in set(sys.modules) - modules if name.startswith(("slicer.", "Seg", "Sample", "Made"))}
    assert not {"qt", "ctk"} & set(sys.modules)
    assert set(vars(slicer)) - names <= {"app", "modules"}
    assert "mrbiomarkers.panels" not in sys.modules  # the next program may have another qt
    assert not hasattr(mrbiomarkers, "panels")
    assert sys.path == path


def test_what_was_swallowed_fails_the_test_unless_it_was_expected(scene):
    import vtk

    from Testing.support.slicer_program.fixtures import _run
    from Testing.support.slicer_program.program import Program

    for is_expected in (True, False):
        run = _run(Program, scene)
        running = next(run)
        node = add(scene)
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: {}["nothing"])
        node.Modified()
        if is_expected:
            running.swallowed.expect(KeyError, "nothing")
            assert list(run) == []
        else:
            with pytest.raises(AssertionError, match="nothing"):
                list(run)


def test_a_widget_cannot_be_made_where_no_qt_is(program):
    import qt

    class Panel(qt.QWidget):
        pass

    if not program.is_genuine:
        with pytest.raises(RuntimeError, match="there is no Qt"):
            Panel()
        with pytest.raises(RuntimeError, match="there is no Qt"):
            qt.QTimer.singleShot(0, print)


def test_the_parameter_node_is_one_for_each_module_and_scene(program, module):
    logic = module.MadeUpLogic()
    first, second = logic.getParameterNode(), module.MadeUpLogic().getParameterNode()

    assert first.parameterNode is second.parameterNode
    assert first.parameterNode.GetSingletonTag() == "MadeUp"
    assert first.parameterNode.GetAttribute("ModuleName") == "MadeUp"
    first.limit = 4.5
    assert second.limit == 4.5
    program.scene.Clear()
    assert logic.getParameterNode().limit == 2.5


def test_several_parameter_nodes_of_a_module(program, module):
    logic = module.MadeUpLogic()
    logic.isSingletonParameterNode = False
    nodes = [program.scene.AddNode(logic.createParameterNode()) for _ in range(2)]

    assert nodes[0].GetName() != nodes[1].GetName()
    assert logic.getAllParameterNodes() == nodes
    assert logic.getParameterNode().parameterNode is nodes[0]


def test_the_self_test_runs_each_method(program, module):
    import slicer

    slicer.selfTests["MadeUp"](msec=7)
    assert module.ran == [1, 7]
    module.MadeUpTest().setUp()


def test_sample_data_are_registered_once_the_program_has_started(program, module):
    import SampleData

    assert SampleData.SampleDataLogic.sampleDataSourcesByCategory("Made") == []
    program.finish_start()
    program.finish_start()
    (source,) = SampleData.SampleDataLogic.sampleDataSourcesByCategory("Made")
    source.customDownloader(source)
    assert program.scene.GetFirstNodeByName("Made up") is not None


def test_texts(program):
    from slicer.i18n import tr, translate

    assert tr("{count} regions").format(count=5) == "5 regions"
    assert translate("qSlicerAbstractCoreModule", "Quantification") == "Quantification"
    program.app.translations = {"{count} regions": "{Zahl} Bereiche", "Apply": "Anwenden"}
    assert (tr("Apply"), tr("{count} regions")) == ("Anwenden", "{count} regions")


def test_packages_are_not_installed_in_testing(program, tmp_path):
    from slicer.packaging import load_requirements, pip_check, pip_ensure

    file = tmp_path / "requirements.txt"
    file.write_text("# needed\nnumpy>=2.0\n\nno-such-package>=1\n", encoding="utf-8")
    needed = load_requirements(str(file))

    assert [str(requirement) for requirement in needed] == ["numpy>=2.0", "no-such-package>=1"]
    assert pip_ensure(needed, requester="MadeUp") is None
    assert [pip_check(requirement) for requirement in needed] == [True, False]
    assert not pip_check("numpy>=1000")
    file.write_text("numpy>=2.0  # a remark\n", encoding="utf-8")
    with pytest.raises(ValueError, match="remark"):
        load_requirements(str(file))


def test_the_reference_of_an_open_wrapper_is_lost_when_a_scene_is_imported(program, module, tmp_path):
    """The first fault of slicer_desktop.md, section 0: the references are right, the wrapper gives None."""
    made = module.MadeUpLogic().getParameterNode()
    made.volume = add(program.scene)
    made.limit = 7.5
    file = str(tmp_path / "scene.mrb")
    assert program.scene.WriteToMRB(file)
    program.scene.Clear()
    made = module.MadeUpLogic().getParameterNode()

    assert program.scene.ReadFromMRB(file)
    assert made.limit == 7.5
    assert made.parameterNode.GetNodeReference("volume").GetName() == "volume"
    assert made.volume is None
    assert module.MadeUpLogic().getParameterNode().volume.GetName() == "volume"


def test_a_deleted_node(program, module):
    made = module.MadeUpLogic().getParameterNode()
    made.volume = add(program.scene)
    program.scene.RemoveNode(made.volume)
    assert made.parameterNode.GetNodeReference("volume") is None
    assert module.MadeUpLogic().getParameterNode().volume is None


def test_a_plugin_of_segment_statistics(program):
    import SegmentStatistics
    from SegmentStatisticsPlugins import SegmentStatisticsPluginBase

    class Heights(SegmentStatisticsPluginBase):
        def __init__(self):
            super().__init__()
            self.name = self.title = "Heights"
            self.keys = self.defaultKeys = ["mean", "odd"]

        def computeStatistics(self, segmentID):
            return {"mean": 1.5, "odd": np.float32(2)} if segmentID == "a" else {}

        def getMeasurementInfo(self, key):
            unit = self.createCodedEntry("mm", "UCUM", "millimeter", True)
            return self.createMeasurementInfo(key, key.title(), f"{key} of the height", "mm", None, unit)

    logic_class = SegmentStatistics.SegmentStatisticsLogic
    before = list(logic_class.registeredPlugins)
    logic_class.registerPlugin(Heights())
    logic_class.registerPlugin("no plugin")
    assert logic_class.registeredPlugins == [*before, Heights]
    segmentation = add(program.scene, "vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    for name in "ab":
        segmentation.GetSegmentation().AddEmptySegment(name, name)
    logic = logic_class()
    parameters = logic.getParameterNode()
    for plugin in before:
        parameters.SetParameter(f"{plugin.__name__}.enabled", "False")
    parameters.SetParameter("Segmentation", segmentation.GetID())
    logic.computeStatistics()
    assert logic.getStatistics()["a", "Heights.mean"] == 1.5
    assert ("b", "Heights.mean") not in logic.getStatistics()
    logic_class.registeredPlugins.remove(Heights)

    table = add(program.scene, "vtkMRMLTableNode")
    with pytest.raises(TypeError):  # only Python's own float and int make columns of numbers
        logic.exportToTable(table)
    parameters.SetParameter("Heights.odd.enabled", "False")
    assert logic.plugins[-1].getRequestedKeys() == ["mean"]
    del logic.getStatistics()["a", "Heights.odd"]
    logic.exportToTable(table)
    assert [table.GetColumnName(column) for column in range(2)] == ["Segment", "mean"]
    assert (table.GetColumnUnitLabel("mean"), table.GetColumnDescription("mean")) == ("mm", "mean of the height")
    assert "millimeter" in table.GetColumnProperty("mean", "DICOM.UnitsCode")
    column = table.GetTable().GetColumn(1)
    assert column.GetValue(0) == 1.5
    assert np.isnan(column.GetValue(1))


def test_the_program_says_what_it_has_not(program, caplog):
    import slicer

    assert slicer.app.testingEnabled()
    assert slicer.util.mainWindow() is None
    with pytest.raises(AttributeError):
        slicer.app.noSuchThing()
    with caplog.at_level(logging.ERROR):
        assert not slicer.app.connect("noSuchSignal()", print)
    assert slicer.util.confirmYesNoDisplay("Delete?") is False
    with pytest.raises(KeyError), slicer.util.tryWithErrorDisplay("Failed"):
        raise KeyError
