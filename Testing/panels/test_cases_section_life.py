"""The section Cases through the life of scenes and programs, and with input that is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from Testing.support.cases_host import CasesHost, node_names, voxels_of, write_cases

ROOT = Path(__file__).resolve().parents[2]
CRASHING = """
import os, signal, sys
from Testing.support import slicer_core
from Testing.support.slicer_program.panel_program import PanelProgram
from Testing.support.cases_host import CasesHost
program = PanelProgram(slicer_core.start())
host = CasesHost(program)
host.open_worklist(sys.argv[1])
host.open_case("S02")
host.draw()
from mrbiomarkers.panels.cases.open_worklist import OPEN
regions = OPEN.worklist.places(host.cases.case).regions
program.wait(regions.exists)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def host(program):
    host = CasesHost(program)
    yield host
    host.end()


@pytest.fixture
def table(tmp_path):
    return write_cases(tmp_path)


def opened():
    from mrbiomarkers.panels.cases.open_worklist import OPEN

    return OPEN


def seen():
    """What is in the scene, but for what lives in every scene."""
    return set(node_names())


def is_free(table):
    from mrbiomarkers.study import Worklist

    try:
        Worklist.read(table, reader="A").close()
    except BlockingIOError:
        return False
    return True


def test_a_scene_that_is_closed_saves_first_and_leaves_the_worklist(host, table):
    import slicer

    host.open_worklist(table)
    case = host.open_case("S01")
    before = voxels_of(host.draw()[0])
    slicer.mrmlScene.Clear()

    assert (host.cases.case, host.cases.identity()) == (None, None)
    assert "S01, pre: closed with the scene" in host.said
    assert not host.ui.saveButton.enabled
    assert opened().worklist.current == case
    assert len(host.states()) == 3
    host.regions.regions = host.regions.points = None
    host.open_case("S01")
    assert voxels_of(host.regions.regions) == before


def test_a_scene_that_is_loaded_never_becomes_a_reading(host, table, tmp_path):
    import slicer

    from mrbiomarkers.mrml import add_segmentation

    add_segmentation("Other", {"L1": host.phantom.regions["L1"]}, host.phantom.series.affine)
    slicer.mrmlScene.SetURL(str(tmp_path / "other.mrml"))
    slicer.mrmlScene.Commit()
    slicer.mrmlScene.Clear()
    host.open_worklist(table)
    case = host.open_case("S01")
    before = voxels_of(host.draw()[0])
    slicer.mrmlScene.SetURL(str(tmp_path / "other.mrml"))
    slicer.mrmlScene.Import()
    host.regions.regions = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0]  # as the loaded scene chooses
    opened().onTime()

    assert host.cases.case is None
    assert [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")] == ["Other"]
    assert host.regions.regions.GetScene() is not None
    host.regions.regions = None
    host.open_case(case.subject)
    assert voxels_of(host.regions.regions) == before


def test_regions_of_another_reader_are_not_saved_as_mine(host, table):
    host.open_worklist(table)
    case = host.open_case("S01")
    regions, points = host.draw()
    regions.SetAttribute("MRBiomarkers.Reader", "B")
    points.SetAttribute("MRBiomarkers.Reader", " a ")
    opened().onTime()

    places = opened().worklist.places(case)
    assert not places.regions.exists()
    assert places.points.exists()


def test_the_other_module_shows_the_same_case(host, program, table):
    host.open_worklist(table)
    host.open_case("S01")
    host.leave()
    other = CasesHost(program)
    other.kind = "multi-echo"

    assert other.cases.case == host.cases.case
    assert other.states() == host.states()
    assert other.ui.saveButton.enabled
    other.open_case("S02")
    assert other.said.startswith("Not finished: S02, pre: the case is a diffusion series")
    assert "IVIM Bone Marrow" in other.said
    assert other.cases.case.subject == "S01"
    other.ui.nextButton.click()
    assert other.cases.case.subject == "S01"
    other.cases.cleanup = lambda: None
    other.end()


def test_regions_are_saved_while_no_panel_is_open(host, table):
    host.open_worklist(table)
    case = host.open_case("S01")
    regions, _ = host.draw()
    host.leave()
    file = opened().worklist.places(case).regions
    first = file.read_bytes()
    regions.GetSegmentation().GetNthSegment(0).SetName("changed elsewhere")
    opened().onTime()

    assert file.read_bytes() != first


def test_reload_frees_the_worklist_and_takes_the_case_away(host, table):
    before = seen()
    host.open_worklist(table)
    host.open_case("S01")
    assert not is_free(table)
    host.cases.cleanup()

    assert is_free(table)
    assert seen() == before
    assert opened().worklist is None


def test_the_end_of_the_program_saves_and_frees(host, program, table):
    host.open_worklist(table)
    case = host.open_case("S01")
    host.draw()
    places = opened().worklist.places(case)
    program.app.emit("aboutToQuit()")

    assert places.regions.exists()
    assert is_free(table)


def test_closing_takes_the_case_away(host, table):
    before = seen()
    host.open_worklist(table)
    host.open_case("S01")
    host.ui.closeButton.click()

    assert seen() == before
    assert is_free(table)
    assert host.ui.casesBox.isHidden()
    assert not host.ui.worklistForm.isHidden()


def test_after_a_crash_the_case_is_selected_and_whole(host, table):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", CRASHING, str(table)], env=environment, timeout=100, check=False)
    assert done.returncode == -9
    host.open_worklist(table)

    assert host.cases._selected().subject == "S02"
    assert host.cases.case is None
    host.ui.openButton.click()
    assert host.regions.regions.GetSegmentation().GetNumberOfSegments() == 5


def test_a_failing_save_is_said_and_tried_again(host, table, monkeypatch):
    from mrbiomarkers.panels.cases import case_saving

    host.open_worklist(table)
    case = host.open_case("S01")
    regions, _ = host.draw()
    opened().onTime()
    file = opened().worklist.places(case).regions
    old, tried = file.read_bytes(), []

    def refuse(node, path):
        tried.append(path)
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setitem(case_saving._SAVERS, "regions", refuse)
    regions.GetSegmentation().GetNthSegment(0).SetName("new")
    opened().onTime()
    opened().onTime()

    assert len(tried) == 1
    assert host.said == f"The readings cannot be saved: {file.name}: No space left on device"
    assert file.read_bytes() == old
    host.open_case("S02")
    assert host.cases.case == case  # it is not left before it is saved
    assert "No space left" in host.said
    host.ui.saveButton.click()
    assert opened().worklist.state(case).state == "to do"
    monkeypatch.undo()
    regions.GetSegmentation().GetNthSegment(0).SetName("newer")
    opened().onTime()
    assert host.said == "The readings are saved again."
    assert file.read_bytes() != old


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty file"),
        ("subject,timepoint,series\n", "at least one case"),
        ("subject,timepoint,series\nS01,pre,x\nS02,,x,y\n", "line 3"),
        (None, "no such file"),
    ],
)
def test_a_wrong_worklist_is_said_and_changes_nothing(host, tmp_path, text, word):
    before = seen()
    table = tmp_path / "cohort.csv"
    if text is not None:
        table.write_text(text)
    host.open_worklist(table)

    assert word in host.said
    assert opened().worklist is None
    assert not (tmp_path / "readings").exists()
    assert seen() == before


def test_names_of_readers_that_cannot_be_are_said(host, table):
    from mrbiomarkers.study import Worklist

    host.open_worklist(table, reader="  ")
    assert not host.ui.openWorklistButton.enabled
    host.open_worklist(table, reader="--")
    assert "expected a name or code" in host.said
    Worklist.read(table, reader="Anna B").close()
    host.open_worklist(table, reader="anna b")
    assert "belongs to 'Anna B'" in host.said
    with Worklist.read(table, reader="C"):
        host.open_worklist(table, reader="C")
        assert "another program" in host.said
    host.open_worklist(table, reader="C")
    assert opened().worklist is not None


def test_files_that_are_gone_or_wrong_leave_the_open_case(host, tmp_path):
    cells = {"S02": ",gone.seg.nrrd", "S03": ",bad.seg.nrrd"}
    table = write_cases(tmp_path, ("S01", "S02", "S03"), columns=",regions", cells=cells)
    (tmp_path / "bad.seg.nrrd").write_text("nonsense")
    host.open_worklist(table)
    case = host.open_case("S01")
    before = seen()
    assert "1 with missing files" in host.ui.countsLabel.text
    host.open_case("S02")
    assert "S02, pre: missing: regions" in host.said
    host.open_case("S03")
    assert "the regions cannot be read" in host.said or "the file in regions" in host.said
    assert str(tmp_path) not in host.said

    assert host.cases.case == case
    assert seen() == before
    assert opened().worklist.current == case
    host.ui.nextButton.click()
    assert "1 could not be opened" in host.said


def test_a_damaged_reading_is_not_overwritten(host, table):
    host.open_worklist(table)
    case = host.open_case("S01")
    host.draw()
    host.open_case("S02")
    file = opened().worklist.places(case).regions
    file.write_bytes(file.read_bytes()[:-50])
    damaged = file.read_bytes()
    host.open_case("S01")

    assert f"{file.name}: the regions cannot be read" in host.said
    assert host.cases.case.subject == "S02"
    assert file.read_bytes() == damaged


def test_echoes_are_refused_here_and_read_in_the_other_module(host, program, tmp_path):
    from mrbiomarkers.files import write_echo_series
    from mrbiomarkers.phantom import lumbar_fat_water

    phantom = lumbar_fat_water(shape=(4, 32, 32))
    write_echo_series(tmp_path / "m.nii.gz", phantom.series, phase_path=tmp_path / "p.nii.gz")
    table = tmp_path / "cohort.csv"
    table.write_text("subject,timepoint,series,magnitude,phase\nS01,pre,,m.nii.gz,p.nii.gz\nS02,pre,m.nii.gz,,\n")
    host.open_worklist(table)
    before = seen()
    for name in ("S01", "S02"):
        host.open_case(name)
        assert f"{name}, pre: the case is a multi-echo series: open it in the module IDEAL Fat Quant" in host.said
    assert seen() == before
    host.kind, taken = "multi-echo", []
    host.take = taken.append
    host.open_case("S01")
    assert sorted(taken[0]) == ["magnitude", "phase"]
    assert host.regions.image is taken[0]["magnitude"]
    host.open_case("S02")
    assert list(taken[1]) == ["magnitude"]
    assert taken[0]["magnitude"].GetScene() is None
