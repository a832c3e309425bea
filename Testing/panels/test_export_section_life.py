"""The section Export through the life of a panel, and its DICOM part."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from Testing.support.dicom.ge import ge_diffusion
from Testing.support.export_host import ExportHost, choose, listed, measured, said, settle, tick

FIELDS = ("exportedTable", "writeTable", "writeFigures", "writeMaps", "writeRegions", "writeDicom")


@pytest.fixture
def host(program, tmp_path):
    host = ExportHost(program, tmp_path / "results")
    yield host
    host.end()


def shared():
    import slicer

    return slicer.mrmlScene.GetSingletonNode("MRBiomarkers.Export", "vtkMRMLScriptedModuleNode")


def test_the_dicom_fields_are_there_only_when_they_are_needed(host):
    assert host.ui.dicomPlace.isHidden()
    tick(host, "dicom")
    assert not host.ui.dicomPlace.isHidden()
    assert "Who the patient is stays out" in host.ui.identityLabel.text
    assert not host.ui.identityCheckBox.checked


def test_another_section_shows_the_same_choices_and_folder(host, program):
    import qt

    from mrbiomarkers.panels.export.export_section import ExportSection

    tick(host, "maps")
    choose(host)
    other = ExportSection(host)
    frame = qt.QWidget()
    frame.setLayout(qt.QVBoxLayout())
    other.setup(frame.layout())
    host.leave()
    other.bind(object())
    other.enter()

    assert (other.ui.mapsCheckBox.checked, other.ui.tableCheckBox.checked) == (True, False)
    assert other.ui.folderPathLineEdit.currentPath == str(host.folder)
    other.cleanup()


def test_no_folder_goes_into_the_scene(host):
    choose(host)
    tick(host, "dicom", "table")
    host.ui.sourcePathLineEdit.currentPath = "/data/DOE JANE"
    text = shared().GetParameterNamesAsCommaSeparatedList() + "".join(
        shared().GetParameter(name) for name in shared().GetParameterNames()
    )

    assert set(shared().GetParameterNames()) <= set(FIELDS)
    assert "DOE" not in text
    assert str(host.folder) not in text


def test_a_closed_scene_is_left_and_a_new_one_taken(host):
    import slicer

    measured(host)
    choose(host)
    tick(host, "table")
    host.ui.exportButton.click()
    host.ui.sourcePathLineEdit.currentPath = "/data"
    host.regions = host.measure = None
    slicer.mrmlScene.Clear()

    assert (said(host), listed(host), host.ui.sourcePathLineEdit.currentPath) == ("", [], "")
    assert not host.ui.exportButton.enabled
    assert host.ui.folderPathLineEdit.currentPath == str(host.folder)
    measured(host)
    tick(host, "table")
    host.ui.exportButton.click()
    assert listed(host) == ["measurements.csv"]


def test_a_deleted_table_is_not_replaced_by_another(host):
    import slicer

    found = measured(host)
    host.ui.tableSelector.setCurrentNode(found.table)
    host.section.nodeRemoved(found.table)
    slicer.mrmlScene.RemoveNode(found.table)
    settle(host)

    assert host.ui.tableSelector.currentNode() is None
    assert found.summary.GetName() in host.ui.copyButton.toolTip
    tick(host, "table")
    assert "a table (Measure makes it)" in host.ui.exportButton.toolTip


def test_after_it_was_left_nothing_is_observed(host):
    import slicer

    host.leave()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    shared().Modified()

    assert not host.section._timer.active
    assert not host.ui.exportButton.enabled
    assert "a scene" in host.ui.exportButton.toolTip
    host.ui.copyButton.click()
    host.section.onExport()
    assert said(host) == ""


@pytest.fixture
def imported(host, tmp_path):
    """The host with a series from a DICOM folder, fitted; returns the folder."""
    pytest.importorskip("highdicom")
    truth = ge_diffusion(tmp_path / "DOE_JANE")
    host.take(host.logic.importFolder(truth.folder).series)
    host.fit(lambda done, total: True)
    choose(host)
    tick(host, "dicom")
    return truth.folder


def test_dicom_objects_are_written_from_a_typed_folder(host, imported):
    from pydicom import dcmread

    assert "the source DICOM folder" in host.ui.exportButton.toolTip
    host.ui.sourcePathLineEdit.currentPath = str(imported)
    assert host.ui.exportButton.enabled
    host.ui.exportButton.click()

    assert "dicom/ADC.dcm" in listed(host)
    assert str(dcmread(host.folder / "export" / "dicom" / "ADC.dcm").PatientName) == "ANONYMOUS"
    host.ui.identityCheckBox.checked = True
    host.ui.exportButton.click()
    assert "name the patient" in said(host)


def test_the_folder_of_the_open_case_is_used_and_not_shown(host, imported):
    host.cases = SimpleNamespace(
        case=SimpleNamespace(kind="diffusion", data={"series": imported, "dicomSeries": 999}),
        identity=lambda: ("S07", ""),
    )
    host.section.check()
    assert host.ui.exportButton.enabled
    assert host.ui.sourcePathLineEdit.currentPath == ""
    host.ui.exportButton.click()
    assert "Not finished: Source DICOM folder: " in said(host)
    assert "999" in said(host)
    assert "DOE" not in said(host)
    host.cases.case.data.pop("dicomSeries")
    host.ui.exportButton.click()
    assert "into S07." in said(host)


def test_a_case_of_files_needs_a_folder(host, imported):
    host.cases = SimpleNamespace(
        case=SimpleNamespace(kind="diffusion", data={"series": Path(__file__)}), identity=lambda: ("S07", "")
    )
    host.section.check()
    assert "the source DICOM folder" in host.ui.exportButton.toolTip


def test_a_folder_of_other_images_is_said(host, imported, tmp_path):
    (tmp_path / "other").mkdir()
    host.ui.sourcePathLineEdit.currentPath = str(tmp_path / "other")
    host.ui.exportButton.click()

    assert "Not finished: Source DICOM folder: " in said(host)
    assert list(host.folder.iterdir()) == []


def test_the_folder_of_another_case_is_forgotten(host, imported):
    host.ui.sourcePathLineEdit.currentPath = str(imported)
    host.ui.identityCheckBox.checked = True
    host.section.check()
    assert host.ui.sourcePathLineEdit.currentPath == str(imported)
    host.cases = SimpleNamespace(case=SimpleNamespace(kind="", data={}), identity=lambda: ("S08", ""))
    host.section.onExport()

    assert host.ui.sourcePathLineEdit.currentPath == ""
    assert not host.ui.identityCheckBox.checked
    assert said(host) == "Missing: the source DICOM folder."
    assert list(host.folder.iterdir()) == []
