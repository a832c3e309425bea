"""The section Regions through scenes that come and go, deleted nodes, other modules and the end."""

import pytest

from Testing.support.regions_host import LEVELS, Host, erase, is_placing, sizes_of


@pytest.fixture
def host(program):
    host = Host(program)
    yield host
    host.end()


@pytest.mark.parametrize("close_first", [True, False])
def test_a_scene_that_comes_while_painting_keeps_what_was_chosen(host, tmp_path, close_first):
    """Faults 1 and 2 of slicer_desktop.md, section 0."""
    import slicer

    before = sizes_of(host.placed())
    host.shared.size = 0.5
    host.settle()
    smaller = sizes_of(host.shared.segmentation)
    assert smaller != before
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    host.ui.lesionButton.click()
    host.ui.placeButton.click()
    if close_first:
        slicer.mrmlScene.Clear()
        assert (host.shared.points, host.shared.segmentation, host.areas()) == (None, None, [])
        assert host.ui.segmentEditor.activeEffect() is None
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    host.settle()

    assert host.ui.segmentEditor.activeEffect() is None
    assert not is_placing()
    assert (host.shared.size, host.ui.sizeSlider.value) == (0.5, 0.5)
    assert sizes_of(host.shared.segmentation) == smaller
    assert host.ui.segmentEditor.segmentationNode() is host.shared.segmentation
    assert [area[0] for area in host.areas()] == LEVELS
    host.shared.points.SetNthControlPointPosition(2, *(host.middles()["L3"] + [0, 6, 0]))
    host.settle()
    assert "by hand" not in host.said


def test_a_node_that_is_deleted_is_let_go_and_no_other_is_taken(host):
    import slicer

    from mrbiomarkers.mrml import add_level_points, add_segmentation

    host.placed()
    add_segmentation("Other", host.phantom.regions, host.phantom.series.affine)
    add_level_points("Others", points=host.middles())
    for name in ("points", "segmentation", "image"):
        node = getattr(host.shared, name)
        host.regions.nodeRemoved(node)
        slicer.mrmlScene.RemoveNode(node)
        assert getattr(host.shared, name) is None
    host.settle()

    assert host.ui.segmentEditor.segmentationNode() is None
    assert host.areas() == []
    assert not host.ui.againButton.enabled
    assert "points" in host.ui.againButton.toolTip


def test_a_section_that_is_left_gives_back_what_it_took(host):
    import slicer

    node = host.placed()
    before = sizes_of(node)
    host.ui.againButton.click()
    points, editor = host.shared.points, host.ui.segmentEditor
    editor.setActiveEffectByName("Paint")
    host.leave()

    assert not is_placing()
    assert (editor.activeEffect(), editor.state()[:2]) == (None, (False, False))
    assert host.regions._shortcuts._made == []
    assert not host.ui.placeButton.enabled
    points.SetNthControlPointPosition(1, 0, 0, 0)
    assert not host.regions._previewTimer.active
    assert sizes_of(node) == before
    host.open()
    assert host.shared.segmentation is node
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentEditorNode") == 1


def test_the_shortcut_places(host):
    host.take_series()
    assert host.regions._shortcuts._made[0].key.toString() == "Ctrl+Shift+L"
    host.regions._shortcuts._made[0].activated.emit()

    assert is_placing()
    host.end()
    assert host.regions._shortcuts._made == []


def test_what_one_panel_has_made_is_there_in_another(host, program):
    node = host.placed()
    host.leave()
    other = Host(program)

    assert (other.regions.regions, other.shared.image) == (node, host.node)
    assert host.regions.regions is None
    assert [area[0] for area in other.areas()] == LEVELS
    other.end()


def test_cleanup_leaves_no_observer_and_no_timer(host):
    node = host.placed()
    points = host.shared.points
    host.end()
    points.SetNthControlPointPosition(1, 0, 0, 0)
    erase(node, "L1")

    assert host.regions.Observations == []
    assert not host.regions._previewTimer.active
    assert host.ui.segmentEditor.mrmlSegmentEditorNode() is None


def test_the_editor_draws_on_no_other_regions_than_those_that_are_chosen(host):
    """The editor's own hidden box takes the first segmentation that comes, and that of before a batch of changes."""
    import slicer

    from mrbiomarkers.mrml import add_segmentation

    scene, editor = slicer.mrmlScene, host.ui.segmentEditor
    other = add_segmentation("Other", host.phantom.regions, host.phantom.series.affine)
    assert editor.segmentationNode() is other
    host.settle()
    assert (host.shared.segmentation, editor.segmentationNode()) == (None, None)
    node = host.placed()
    assert editor.segmentationNode() is node
    scene.StartState(scene.BatchProcessState)
    host.regions.choose(segmentation=other)
    scene.EndState(scene.BatchProcessState)
    assert editor.segmentationNode() is node
    host.settle()

    assert editor.segmentationNode() is host.shared.segmentation is other
    assert editor.canEdit()
