"""The section Regions: placing, preview, a model's labels, lesions and areas."""

import numpy as np
import pytest

from Testing.support.regions_host import LEVELS, SHAPE, Host, erase, is_placing, sizes_of


@pytest.fixture
def host(program):
    host = Host(program)
    yield host
    host.end()


def test_place_makes_five_named_points_and_asks_for_the_first(host):
    import slicer

    host.take_series()
    host.ui.placeButton.click()
    points = host.shared.points

    assert [points.GetNthControlPointLabel(index) for index in range(5)] == LEVELS
    assert (points.GetFixedNumberOfControlPoints(), points.GetNumberOfDefinedControlPoints()) == (1, 0)
    assert is_placing()
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    assert selection.GetActivePlaceNodeID() == points.GetID()
    assert "middle of L1" in host.said
    assert host.shared.image is host.node
    assert [host.ui.levelComboBox.itemText(index) for index in range(5)] == LEVELS


def test_without_an_image_place_says_so_and_adds_nothing(host):
    host.ui.placeButton.click()

    assert "Choose an image" in host.said
    assert host.shared.points is None
    assert not is_placing()


def test_regions_follow_the_points(host):
    from mrbiomarkers.regions import place_vertebrae

    node = host.placed()
    series = host.phantom.series
    wanted = place_vertebrae(host.middles(), series.affine, series.grid_shape).masks

    assert sizes_of(node) == {level: mask.sum() for level, mask in wanted.items()}
    assert host.regions.regions is node
    assert node.GetName() == "Regions of DWI"
    assert [area[0] for area in host.areas()] == LEVELS
    points = host.shared.points
    points.SetNthControlPointPosition(2, *(host.middles()["L3"] + [0, 6, 0]))
    assert host.regions._previewTimer.active
    host.settle()
    moved = {**host.middles(), "L3": host.middles()["L3"] + [0, 6, 0]}
    wanted = place_vertebrae(moved, series.affine, series.grid_shape).masks
    assert sizes_of(node) == {level: mask.sum() for level, mask in wanted.items()}
    assert node is host.shared.segmentation


def test_a_point_under_the_cursor_makes_no_region(host):
    host.take_series()
    host.ui.placeButton.click()
    host.click("L1", "L2")
    host.shared.points.SetNthControlPointPosition(2, *host.middles()["L3"], host.shared.points.PositionPreview)
    host.settle()

    assert list(sizes_of(host.shared.segmentation)) == ["L1", "L2"]
    assert "middle of L3" in host.said


def test_many_steps_of_the_mouse_make_few_previews(host, monkeypatch):
    from mrbiomarkers.panels.regions import regions_section

    host.placed()
    calls, update = [], regions_section.update_preview
    monkeypatch.setattr(regions_section, "update_preview", lambda *a, **k: calls.append(a) or update(*a, **k))
    for step in range(50):
        host.shared.points.SetNthControlPointPosition(2, *(host.middles()["L3"] + [0, 0.1 * step, 0]))
    host.settle()

    assert len(calls) == 1


def test_points_in_a_wrong_order_are_told_and_change_nothing(host):
    before = sizes_of(host.placed())
    host.shared.points.SetNthControlPointPosition(0, *(host.middles()["L3"] - [0, 0, 4]))
    host.settle()

    assert "from head to feet" in host.said
    assert sizes_of(host.shared.segmentation) == before


def test_a_first_preview_that_fails_leaves_no_segmentation(host):
    import slicer

    host.take_series()
    host.ui.placeButton.click()
    middles = host.middles()
    host.shared.points.SetNthControlPointPosition(0, *middles["L2"])
    host.shared.points.SetNthControlPointPosition(1, *middles["L1"])
    host.settle()

    assert "from head to feet" in host.said
    assert host.shared.segmentation is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_again_places_one_point_and_makes_its_region_anew(host):
    node = host.placed()
    before = sizes_of(node)
    erase(node, "L3")
    host.click("L2")
    host.settle()
    assert "L3: changed by hand and kept" in host.said
    host.ui.levelComboBox.currentIndex = 2
    host.ui.againButton.click()

    assert host.shared.points.GetNumberOfDefinedControlPoints() == 4
    assert is_placing()
    assert "middle of L3" in host.said
    host.settle()
    host.click("L3")
    host.settle()
    assert sizes_of(node) == before


def test_rebuild_makes_all_anew_and_can_be_undone(host):
    node = host.placed()
    before = sizes_of(node)
    erase(node, "L3")
    saved = host.ui.segmentEditor.state()[2]
    host.ui.rebuildButton.click()

    assert sizes_of(node) == before
    assert host.ui.segmentEditor.state()[2] == saved + 1


def test_when_all_are_placed_place_says_what_can_be_done(host):
    import slicer

    host.placed()
    slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
    host.ui.placeButton.click()

    assert "choose a level and press Again" in host.said
    assert not is_placing()


def test_settings_are_bound_and_change_the_regions(host):
    before = sizes_of(host.placed())
    slider = host.ui.sizeSlider

    assert (slider.minimum, slider.maximum, slider.value) == (0.2, 1.0, 0.62)
    slider.value = 0.4
    host.settle()
    smaller = sizes_of(host.shared.segmentation)
    assert all(smaller[level] < before[level] for level in LEVELS)
    host.ui.neighboursSpinBox.value = 0
    host.settle()
    assert all(sizes_of(host.shared.segmentation)[level] * 3 == smaller[level] for level in LEVELS)
    host.ui.methodComboBox.currentText = "outline"
    host.settle()
    assert host.shared.method == "outline"
    assert '"method": "outline"' in host.shared.segmentation.GetAttribute("MRBiomarkers.Placement")


def test_choosing_other_regions_or_points_makes_nothing(host):
    from mrbiomarkers.mrml import add_level_points, add_segmentation

    first = host.placed()
    other = add_segmentation("Other", host.phantom.regions, host.phantom.series.affine)
    before = (sizes_of(first), sizes_of(other))
    host.ui.segmentationSelector.setCurrentNode(other)
    host.settle()
    host.ui.pointsSelector.setCurrentNode(add_level_points("Others", points=host.middles()))
    host.settle()

    assert (sizes_of(first), sizes_of(other)) == before
    assert host.regions.regions is other
    assert host.ui.segmentEditor.segmentationNode() is other


def test_regions_are_made_of_a_models_labels(host):
    import slicer

    from mrbiomarkers.mrml.geometry import matrix_of
    from mrbiomarkers.regions import vertebra_bodies
    from mrbiomarkers.settings import BodySettings

    host.take_series()
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for number, level in enumerate(LEVELS):
        labels[host.phantom.regions[level]] = 24 - number
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Model")
    slicer.util.updateVolumeFromArray(model, labels)
    model.SetIJKToRASMatrix(matrix_of(host.phantom.series.affine))
    assert not host.ui.modelButton.enabled
    assert "a model's segmentation" in host.ui.modelButton.toolTip
    host.ui.modelSelector.setCurrentNode(model)
    assert host.ui.modelButton.enabled
    host.ui.modelButton.click()
    assert host.shared.segmentation is None
    assert "expected" in host.said
    labels[:] = np.where(labels, labels - 14 - 4, 0)
    slicer.util.updateVolumeFromArray(model, labels)
    host.ui.tableComboBox.currentText = "totalsegmentator-mr"
    host.shared.margin = 1.5
    host.ui.modelButton.click()

    assert host.said.startswith("5 regions were made.")
    made = sizes_of(host.shared.segmentation)
    assert list(made) == LEVELS
    settings = BodySettings(margin=1.5, neighbours=1)
    wanted = vertebra_bodies(labels, host.phantom.series.affine, table="totalsegmentator-mr", settings=settings).masks
    assert made == {level: mask.sum() for level, mask in wanted.items()}


def test_a_lesion_is_added_and_its_area_follows_the_brush(host):
    import slicer

    from mrbiomarkers.mrml.geometry import image_of, matrix_of

    node = host.placed()
    host.ui.lesionButton.click()
    editor = host.ui.segmentEditor
    assert editor.activeEffect() == "Paint"
    assert editor.currentSegmentID() == node.GetSegmentation().GetNthSegmentID(5)
    host.settle()
    assert host.areas()[5] == ("Lesion 1", "empty", "30-100")
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[3, 30, 30] = 1
    picture = slicer.vtkOrientedImageData()
    picture.ShallowCopy(image_of(mask))
    picture.SetGeometryFromImageToWorldMatrix(matrix_of(host.phantom.series.affine))
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(picture, node, editor.currentSegmentID())
    host.settle()
    pixel = float(np.linalg.norm(np.cross(*host.phantom.series.affine[:3, :2].T)))

    name, area, usual = host.areas()[5]
    assert (name, float(area)) == ("Lesion 1", pytest.approx(pixel, abs=0.5))
    assert usual == ("30-100" if 30 <= pixel <= 100 else "30-100 (outside)")
    host.ui.lesionButton.click()
    host.settle()
    assert host.areas()[6][0] == "Lesion 2"


def test_a_lesion_can_be_drawn_on_the_series_where_no_image_was_chosen(host):
    """Slicer disables every effect of an editor without a source volume."""
    host.take_series()
    host.ui.lesionButton.click()
    editor = host.ui.segmentEditor

    assert host.shared.image is host.node
    assert editor.segmentationNode() is host.shared.segmentation
    assert editor.canEdit()
    host.regions.leaveNodes()
    assert (editor.segmentationNode(), editor.sourceVolumeNode()) == (None, None)


def test_the_editor_draws_on_the_volume_that_shows_the_series(host):
    host.placed()
    volume = host.ui.segmentEditor.sourceVolumeNode()

    assert volume.IsA("vtkMRMLScalarVolumeNode")
    assert host.ui.segmentEditor.mrmlSegmentEditorNode().GetOverwriteMode() == 2
