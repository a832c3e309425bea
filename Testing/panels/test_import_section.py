"""The section Import of both panels: a folder of DICOM files, several series in it, and what is wrong with it."""

import pytest

from Testing.support.dicom.faults import edit
from Testing.support.dicom.folders import anatomical, files_of, scatter
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.siemens import siemens_csa
from Testing.support.scene_nodes import node_ids
from Testing.support.section_host import SectionHost


@pytest.fixture
def host(program):
    from mrbiomarkers.panels.source.import_section import ImportSection

    host = SectionHost(program, imported=ImportSection)
    host.ui = host.imported.ui
    yield host
    host.end()


@pytest.fixture
def heap(tmp_path):
    """A folder with two diffusion series, numbers 5 and 9."""
    first, second = siemens_csa(tmp_path / "a"), ge_diffusion(tmp_path / "b")
    for path in files_of(second.folder):
        edit(path, lambda ds: setattr(ds, "SeriesNumber", 9))
    return scatter(tmp_path / "heap", first.folder, second.folder)


def said(host):
    return host.ui.importMessage.text


def test_without_a_folder_there_is_nothing_to_import(host):
    button = host.ui.importButton
    assert not button.enabled
    assert "Missing: a folder." in button.toolTip
    host.ui.folderEdit.currentPath = "somewhere"
    assert button.enabled
    assert "Missing" not in button.toolTip
    host.running = True
    host.imported.check()
    assert not button.enabled
    assert "Wait until the work" in button.toolTip


def test_the_series_is_chosen_and_its_bvalues_explained(host, tmp_path):
    import slicer

    siemens_csa(tmp_path)
    host.ui.folderEdit.currentPath = str(tmp_path)
    host.ui.subjectEdit.text = " S01 "
    host.ui.importButton.click()

    assert host.node.GetName() == "DWI 5"
    lines = said(host).splitlines()
    assert lines[0] == '"DWI 5" was imported and is chosen.'
    assert [line.partition(":")[0] for line in lines[1:5]] == [f"b {b} s/mm2" for b in (0, 50, 400, 800)]
    assert all("from" in line for line in lines[1:5])
    assert str(tmp_path) not in said(host)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert tree.GetItemByName("S01")


def test_several_series_are_listed_and_one_is_chosen(host, heap):
    host.ui.folderEdit.currentPath = str(heap)
    before = node_ids()
    host.ui.importButton.click()

    assert host.node is None
    assert node_ids() == before
    assert "expected one diffusion series, got 2: series " in said(host)
    assert "choose it in Series number" in said(host)
    assert "UID" not in said(host)
    assert "series=" not in said(host)
    combo = host.ui.seriesNumberComboBox
    assert sorted(combo.itemText(index) for index in range(combo.count)) == ["5", "9"]
    assert combo.currentText == ""
    combo.setEditText("9")
    host.ui.importButton.click()
    assert host.node.GetName() == "DWI 9"


def test_the_series_of_another_folder_are_forgotten(host, heap, tmp_path):
    host.ui.folderEdit.currentPath = str(heap)
    host.ui.importButton.click()
    host.ui.seriesNumberComboBox.setEditText("9")
    host.ui.folderEdit.currentPath = str(siemens_csa(tmp_path / "c").folder)

    assert (host.ui.seriesNumberComboBox.count, host.ui.seriesNumberComboBox.currentText) == (0, "")
    assert said(host) == ""
    host.ui.importButton.click()
    assert host.node.GetName() == "DWI 5"


@pytest.mark.parametrize(("number", "words"), [("77", "a series of the folder, got '77'"), ("x", "got 'x'")])
def test_a_number_that_is_not_there_is_said_and_kept(host, heap, number, words):
    host.ui.folderEdit.currentPath = str(heap)
    host.ui.seriesNumberComboBox.setEditText(number)
    host.ui.importButton.click()

    assert words in said(host)
    assert host.ui.seriesNumberComboBox.currentText == number
    assert host.node is None


@pytest.mark.parametrize(("make", "words"), [(None, "no"), ("empty", "DICOM"), ("anatomical", "series")])
def test_a_bad_folder_is_said_and_nothing_is_made(host, tmp_path, make, words):
    folder = tmp_path / "folder"
    if make:
        folder.mkdir()
    if make == "anatomical":
        anatomical(folder)
    host.ui.folderEdit.currentPath = str(folder)
    before = node_ids()
    host.ui.importButton.click()

    assert said(host).startswith("Not finished: ")
    assert words in said(host)
    assert "series=" not in said(host)
    assert node_ids() == before


def test_cancelling_leaves_nothing(host, tmp_path, monkeypatch):
    siemens_csa(tmp_path)
    calls = []

    def run(label, work, say):
        try:
            work(lambda done, total: calls.append(done) or False)
        except InterruptedError:
            say("Cancelled.")
            return False
        return True

    monkeypatch.setattr(host, "run", run)
    host.ui.folderEdit.currentPath = str(tmp_path)
    before = node_ids()
    host.ui.importButton.click()

    assert (len(calls), said(host)) == (1, "Cancelled.")
    assert node_ids() == before
    assert host.node is None


def test_a_closed_scene_takes_the_message_along(host, tmp_path):
    import slicer

    siemens_csa(tmp_path)
    host.ui.folderEdit.currentPath = str(tmp_path)
    host.ui.importButton.click()
    slicer.mrmlScene.Clear()

    assert said(host) == ""
    host.ui.importButton.click()
    assert host.node.GetName() == "DWI 5"


def test_no_path_is_kept_in_the_scene(host, tmp_path):
    import slicer

    siemens_csa(tmp_path)
    host.ui.folderEdit.currentPath = str(tmp_path)
    host.ui.importButton.click()
    scene = slicer.mrmlScene
    scene.SetSaveToXMLString(1)
    scene.Commit()
    scene.SetSaveToXMLString(0)

    assert "DWI 5" in scene.GetSceneXMLString()
    assert str(tmp_path) not in scene.GetSceneXMLString()


def test_two_modules_say_what_numbers_mean(program):
    from mrbiomarkers.panels.source.import_section import ImportSection

    class Echoes(SectionHost):
        kind = "multi-echo"

    host = Echoes(program, imported=ImportSection)
    try:
        assert "magnitudes and phases" in host.imported.ui.seriesNumberComboBox.toolTip
    finally:
        host.end()
