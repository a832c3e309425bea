"""Both panels whole, from one to the other and back: a reader's day, odd orders, and what is said of bad input."""

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest

from Testing.support.scene_nodes import map_nodes, node_ids
from Testing.support.two_panels import IDEAL, IVIM, SHAPE, TwoPanels, said, segments_of


@pytest.fixture
def day(program):
    day = TwoPanels(program)
    yield day
    from mrbiomarkers.panels.cases.open_worklist import OPEN

    OPEN.abandon()


@pytest.fixture
def cohort(tmp_path, scene):
    """Three cases in a table; the table, and the middles of the bodies."""
    from mrbiomarkers.files import write_nrrd_sequence
    from mrbiomarkers.phantom import lumbar_diffusion, region_centres

    phantom = lumbar_diffusion(shape=SHAPE)
    write_nrrd_sequence(tmp_path / "dwi.seq.nrrd", phantom.series)
    lines = ["subject,timepoint,series", *(f"S0{number},pre,S0{number}.seq.nrrd" for number in (1, 2, 3))]
    for number in (1, 2, 3):
        shutil.copy(tmp_path / "dwi.seq.nrrd", tmp_path / f"S0{number}.seq.nrrd")
    table = tmp_path / "cohort.csv"
    table.write_text("\n".join(lines) + "\n")
    return table, region_centres(phantom.regions, phantom.series.affine)


def row_of(panel, name):
    table = panel.cases.ui.caseTable
    return next(row for row in range(table.rowCount) if name in table.item(row, 0).text())


def during(day, panel, act, monkeypatch):
    """Do something the first time that events are served while work runs."""
    serve, seen = day.program.app.processEvents, []

    def events():
        serve()
        if panel.running and not seen:
            seen.append(True)
            act()

    monkeypatch.setattr(day.program.app, "processEvents", events)
    return seen


def test_a_day_with_scenes_saved_and_loaded_and_the_other_module_in_between(day, cohort, tmp_path):
    panel = day.select(IVIM)
    day.open_worklist(panel, cohort[0])
    day.open_row(panel, row_of(panel, "S02"))
    day.place(panel, cohort[1])
    sizes = segments_of(panel.regions.regions)
    day.save_and_load(tmp_path / "scene.mrb")
    assert "closed with the scene" in said(panel)["casesMessage"]
    day.open_row(panel, row_of(panel, "S02"))
    assert segments_of(panel.regions.regions) == sizes
    day.measure(panel)
    other = day.select(IDEAL)
    day.click(other.cases.ui.openButton)
    assert "open it in the module IVIM Bone Marrow" in said(other)["casesMessage"]
    panel = day.select(IVIM)
    day.click(panel.cases.ui.saveButton)
    day.click(panel.cases.ui.nextButton)

    assert panel.cases.case.subject != "S02"
    assert panel.cases.ui.caseTable.item(row_of(panel, "S02"), 1).text() == "done"
    assert (panel.measure.table, segments_of(panel.regions.regions)) == (None, {})


def test_nothing_is_said_of_what_went_with_the_case(day, cohort):
    panel = day.select(IVIM)
    day.open_worklist(panel, cohort[0])
    day.open_row(panel, 0)
    day.place(panel, cohort[1])
    day.measure(panel)
    assert panel.ui.messageLabel.text.startswith("8 maps were made.")
    day.click(panel.cases.ui.nextButton)
    assert panel.ui.messageLabel.text == ""
    assert panel.regions.ui.regionsMessage.text.startswith("Click in the middle of L1")
    other = day.select(IDEAL)
    day.click(other.cases.ui.closeButton)
    panel = day.select(IVIM)

    assert set(said(panel)) == {"stateLabel"}
    assert panel.regions.points is None


def test_points_that_are_deleted_while_they_are_placed(day):
    import slicer

    panel = day.select(IVIM)
    day.sample(panel)
    day.click(panel.regions.ui.placeButton)
    assert panel.regions.ui.regionsMessage.text.startswith("Click in the middle of L1")
    slicer.mrmlScene.RemoveNode(panel.regions.points)
    day.pump(0.1)

    assert panel.regions.ui.regionsMessage.text == ""
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() != interaction.Place


def test_a_second_reader_in_the_scene_and_the_first_one_first(day, tmp_path):
    panel = day.select(IVIM)
    middles = day.sample(panel)
    day.place(panel, middles)
    day.measure(panel)  # before anybody has written a name
    day.reader(panel, "A")
    form = panel.readers.ui
    form.secondLineEdit.text = "B"
    day.pump(0.1)
    day.click(form.beginButton)
    panel.readers.onBegin()  # again
    day.save_and_load(tmp_path / "blinded.mrb")
    day.select(IDEAL)
    panel = day.select(IVIM)
    assert form.stateLabel.text == "B reads; the regions, points, tables and charts of A are hidden."
    assert segments_of(panel.regions.regions) == {}
    day.place(panel, middles, 2.0)
    day.measure(panel)
    day.click(form.showButton)
    day.measure(panel)
    assert (form.readerAComboBox.currentText, form.readerBComboBox.currentText) == ("A", "B")
    day.click(form.compareButton)

    table = form.agreementTable.mrmlTableNode()
    assert table.GetName() == "Agreement of A and B"
    titles = [table.GetColumnTitle(table.GetColumnName(n)) for n in range(table.GetNumberOfColumns())]
    assert titles[:9] == ["Quantity", "Unit", "Method", "Pairs", "ICC", "ICC from", "ICC to", "Agreement", "Bias"]
    day.save_and_load(tmp_path / "compared.mrb")
    kept = form.agreementTable.mrmlTableNode()
    assert kept.GetColumnTitle("lower_limit") == "Lower limit"
    assert kept.GetUseColumnTitleAsColumnHeader()


def test_magnitudes_are_fitted_once_whatever_is_measured_in_between(day):
    panel = day.select(IDEAL)
    middles = day.sample(panel)
    panel._parameterNode.data = "magnitudes only"
    day.pump(0.1)
    day.read(panel, middles)
    assert len(map_nodes()) == 7
    diffusion = day.select(IVIM)
    day.sample(diffusion)
    day.measure(diffusion)
    assert len(map_nodes()) == 15
    day.measure(day.select(IDEAL))

    assert len(map_nodes()) == 15


def test_the_scene_is_cleared_while_it_measures_and_while_it_exports(day, monkeypatch, tmp_path):
    import slicer

    panel = day.select(IVIM)
    middles = day.sample(panel)
    day.reader(panel, "A")
    day.place(panel, middles)
    with monkeypatch.context() as patch:
        seen = during(day, panel, slicer.mrmlScene.Clear, patch)
        panel.measure.ui.measureButton.click()
    assert (seen, panel.measure.ui.measureMessage.text, map_nodes()) == ([True], "Cancelled.", [])
    day.read(panel, day.sample(panel))
    form = panel.export.ui
    form.folderPathLineEdit.currentPath = str(tmp_path)
    day.pump(0.2)
    with monkeypatch.context() as patch:
        seen = during(day, panel, slicer.mrmlScene.Clear, patch)
        form.exportButton.click()

    assert (seen, form.exportMessage.text, list(tmp_path.iterdir())) == ([True], "Cancelled.", [])
    assert not panel.running


def test_what_is_measured_may_go_or_be_spoilt(day):
    """Regions, series and points deleted, an empty lesion, a transform, a table edited by hand."""
    import slicer

    panel = day.select(IVIM)
    day.read(panel, day.sample(panel))
    form, message = panel.measure.ui, panel.measure.ui.measureMessage
    slicer.mrmlScene.RemoveNode(panel.regions.regions)
    day.pump(0.2)
    assert "regions" in form.measureButton.toolTip
    assert panel.measure.table is not None
    day.click(panel.regions.ui.rebuildButton)
    slicer.mrmlScene.RemoveNode(panel.regions.points)
    day.measure(panel)
    day.click(panel.regions.ui.lesionButton)
    before = node_ids()
    day.click(form.measureButton)
    assert "got none in 'Lesion 1'; draw, delete or leave out" in message.text
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "T")
    panel.regions.regions.SetAndObserveTransformNodeID(transform.GetID())
    day.click(form.measureButton)
    assert "is under the transform 'T'" in message.text
    slicer.mrmlScene.RemoveNode(transform)
    assert node_ids() == before
    regions = panel.regions.regions.GetSegmentation()
    regions.RemoveSegment(regions.GetSegmentIdBySegmentName("Lesion 1"))
    slicer.mrmlScene.RemoveNode(panel.image())
    day.measure(panel)
    panel.measure.table.RemoveColumn(panel.measure.table.GetColumnIndex("region"))
    form.statisticComboBox.currentIndex = 1
    day.pump(0.1)
    assert "missing=['region']" in message.text


def test_regions_outside_the_images(day):
    from mrbiomarkers.mrml import add_segmentation

    panel = day.select(IVIM)
    day.sample(panel)
    affine = np.eye(4)
    affine[:3, 3] = 5000
    panel.regions._parameters.segmentation = add_segmentation("Far", {"L1": np.ones((2, 3, 4))}, affine)
    day.pump(0.2)
    before = node_ids()
    day.click(panel.measure.ui.measureButton)

    assert "region 'L1'" in panel.measure.ui.measureMessage.text
    assert "lies outside" in panel.measure.ui.measureMessage.text
    assert {node for node in before if node not in node_ids()} == set()
    assert panel.measure.table is None


def test_a_disk_that_is_full_and_a_folder_that_is_gone(day, cohort, monkeypatch, tmp_path):
    panel = day.select(IVIM)
    day.open_worklist(panel, cohort[0])
    (tmp_path / "S02.seq.nrrd").unlink()
    day.open_row(panel, row_of(panel, "S02"))
    assert "S02, pre: missing: series (line 3 of the worklist): no such file" in said(panel)["casesMessage"]
    assert panel.cases.case is None
    day.open_row(panel, row_of(panel, "S01"))
    day.place(panel, cohort[1])
    day.measure(panel)
    day.click(panel.cases.ui.saveButton)
    own = tmp_path / "readings" / "A"
    form = panel.export.ui
    form.folderPathLineEdit.currentPath = str(tmp_path)
    form.figuresCheckBox.checked = False
    day.place(panel, cohort[1], 1.0)
    kept = {file.name: file.read_bytes() for file in own.iterdir() if file.name.startswith("S01")}

    def full(path, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        patch.setattr(Path, "replace", full)
        patch.setattr(Path, "rename", full)
        day.click(panel.cases.ui.saveButton)
        assert "The readings cannot be saved: S01" in said(panel)["casesMessage"]
        assert str(tmp_path) not in said(panel)["casesMessage"]
        day.click(form.exportButton)
    told = form.exportMessage.text
    assert "the disk is full; nothing was exported" in told
    assert "Errno" not in told
    assert {name: (own / name).read_bytes() for name in kept} == kept
    assert segments_of(panel.regions.regions)
    day.click(panel.cases.ui.saveButton)
    assert "S01, pre: saved, done." in said(panel)["casesMessage"]


@pytest.mark.parametrize(
    ("module", "folder"),
    [(IVIM, "siemens_prisma_gre_2echo_mag_TE5.19_7.65__dcmqa_fmap"), (IDEAL, "ge_mr750_b0_1000_private_only__d2n")],
)
def test_a_folder_of_the_other_kind_is_refused_in_words_of_the_form(day, shared_data, module, folder):
    panel = day.select(module)
    before = node_ids()
    panel.imported.ui.folderEdit.currentPath = str(shared_data / "dicom" / folder)
    day.click(panel.imported.ui.importButton)

    told = panel.imported.ui.importMessage.text
    assert told.startswith("Not finished: series ")
    assert "=" not in told
    assert told.endswith(".")
    assert node_ids() == before
