"""The section Regions: whose regions these are, choosing all at once, points moved in another module."""

from types import SimpleNamespace

import numpy as np
import pytest

from Testing.support.regions_host import LEVELS, Host, is_placing, sizes_of


@pytest.fixture
def host(program):
    host = Host(program)
    yield host
    host.end()


def reader_of(node):
    return node.GetAttribute("MRBiomarkers.Reader")


def test_the_name_is_taken_over_when_the_field_is_left_and_not_at_each_key(host):
    host.ui.readerLineEdit.text = "An"
    assert host.regions.reader == ""
    host.sign("  Anna   B ")

    assert host.regions.reader == host.ui.readerLineEdit.text == "Anna B"


def test_a_name_that_is_being_typed_is_kept_and_taken_by_what_makes_regions(host):
    """A key of the panel, and on macOS a button, does not take the focus from the field."""
    from PySide6.QtTest import QTest

    host.take_series()
    QTest.keyClicks(host.ui.readerLineEdit, "Anna")
    host.shared.size = 0.5
    assert (host.regions.reader, host.ui.readerLineEdit.text) == ("", "Anna")
    host.ui.placeButton.click()
    assert (host.regions.reader, reader_of(host.regions.points)) == ("Anna", "Anna")
    QTest.keyClicks(host.ui.readerLineEdit, "X")
    host.regions.choose(reader="Berta", points=None)

    assert host.ui.readerLineEdit.text == "Berta"


def test_new_regions_and_points_are_the_readers(host):
    host.sign("Anna")
    regions = host.placed()

    assert (reader_of(regions), reader_of(host.regions.points)) == ("Anna", "Anna")
    assert regions.GetNodeReference("MRBiomarkers.Image") is host.node


def test_regions_made_under_no_name_become_those_of_the_first_name(host):
    regions = host.placed()
    before = sizes_of(regions)
    assert reader_of(regions) is None
    host.sign("Anna")

    assert (reader_of(regions), reader_of(host.regions.points)) == ("Anna", "Anna")
    assert (host.regions.regions, sizes_of(regions), host.said) == (regions, before, "")


@pytest.mark.parametrize("same", ["anna", " ANNA ", "Anna"])
def test_another_spelling_is_the_same_reader(host, same):
    host.sign("Anna")
    regions = host.placed()
    host.sign(same)

    assert host.regions.reader == host.ui.readerLineEdit.text == "Anna"
    assert host.regions.regions is regions


@pytest.mark.parametrize(("name", "told"), [("", "needs a name"), (" . ", "needs a name"), ("Mean", "average")])
def test_a_name_that_is_none_is_told_and_changes_nothing(host, name, told):
    host.sign("Anna")
    regions = host.placed()
    host.sign(name)

    assert told in host.said
    assert (host.regions.reader, host.ui.readerLineEdit.text, reader_of(regions)) == ("Anna", "Anna", "Anna")


def test_regions_of_another_reader_do_not_change_hands(host):
    host.sign("Anna")
    regions = host.placed()
    host.sign("Ben")

    assert "those of Anna" in host.said
    assert "second reader in Readers" in host.said
    assert (host.regions.reader, host.ui.readerLineEdit.text) == ("Anna", "Anna")
    assert (host.regions.regions, reader_of(regions)) == (regions, "Anna")


def test_a_reader_who_has_regions_gets_them_back_in_view(host):
    host.sign("Anna")
    regions, points = host.placed(), host.regions.points
    before = sizes_of(regions)
    host.regions.choose(reader="", segmentation=None, points=None)
    regions.SetDisplayVisibility(False)
    host.sign("ANNA")
    host.settle()

    assert (host.regions.regions, host.regions.points) == (regions, points)
    assert regions.GetDisplayVisibility()
    assert sizes_of(regions) == before
    assert "Anna" in host.said.title()


def test_who_chooses_another_readers_regions_is_that_reader(host):
    host.sign("Anna")
    regions = host.placed()
    host.regions.choose(reader="Ben", segmentation=None, points=None)
    host.ui.segmentationSelector.setCurrentNode(regions)

    assert host.regions.reader == host.ui.readerLineEdit.text == "Anna"


def test_regions_of_another_image_are_not_taken(host):
    host.sign("Anna")
    regions = host.placed()
    first = host.node
    host.take_series()
    host.regions.choose(reader="", segmentation=None, points=None, image=host.node)
    host.sign("Anna")
    assert host.regions.regions is None
    host.regions.choose(reader="", image=first)
    host.sign("Anna")

    assert host.regions.regions is regions


def test_choose_sets_all_at_once_and_makes_nothing(host):
    from mrbiomarkers.mrml import add_level_points, add_segmentation

    host.take_series()
    host.ui.placeButton.click()
    assert is_placing()
    regions = add_segmentation("Saved", host.phantom.regions, host.phantom.series.affine)
    points = add_level_points("Saved", points={level: p + np.array([0, 5, 0]) for level, p in host.middles().items()})
    before = sizes_of(regions)
    host.regions.choose(reader=" Anna ", points=points, segmentation=regions, image=host.node)

    assert not is_placing()
    assert not host.regions._previewTimer.active
    assert (host.regions.regions, host.regions.points, host.regions.reader) == (regions, points, "Anna")
    assert host.ui.segmentEditor.segmentationNode() is regions
    assert [host.ui.levelComboBox.itemText(index) for index in range(5)] == LEVELS
    host.regions.choose(points=points, segmentation=None)
    host.settle()
    assert host.regions.regions is None
    host.leave()
    host.open()
    host.settle()
    assert host.regions.regions is None
    assert sizes_of(regions) == before
    with pytest.raises(TypeError, match="segment"):
        host.regions.choose(segment=regions)
    points.SetNthControlPointPosition(2, *host.middles()["L3"])
    host.settle()
    assert list(sizes_of(host.regions.regions)) == LEVELS


def test_the_name_of_an_open_case_or_a_second_reader_cannot_be_changed(host):
    host.regions.choose(reader="Anna")
    host.cases = SimpleNamespace(case=object(), identity=lambda: ("S1", ""))
    host.regions.check()
    assert not host.ui.readerLineEdit.enabled
    assert "worklist" in host.ui.readerLineEdit.toolTip
    host.cases, host.readers = None, SimpleNamespace(blinded=True)
    host.regions.check()
    assert not host.ui.readerLineEdit.enabled
    assert "Show both" in host.ui.readerLineEdit.toolTip
    host.sign("Ben")
    assert host.regions.reader == "Anna"
    host.readers = None
    host.regions.check()
    assert host.ui.readerLineEdit.enabled


def test_points_moved_in_another_module_are_followed_on_entering(host):
    regions = host.placed()
    points, before = host.regions.points, sizes_of(regions)
    host.leave()
    host.open()
    assert not host.regions._previewTimer.active
    host.leave()
    points.SetNthControlPointPosition(2, *(host.middles()["L3"] + [0, 6, 0]))
    assert sizes_of(regions) == before
    host.open()
    assert host.regions._previewTimer.active
    host.settle()
    from mrbiomarkers.mrml import drawn_regions
    from mrbiomarkers.regions import place_vertebrae

    moved = {**host.middles(), "L3": host.middles()["L3"] + [0, 6, 0]}
    wanted = place_vertebrae(moved, host.phantom.series.affine, host.phantom.series.grid_shape).masks
    assert sizes_of(regions) == {level: mask.sum() for level, mask in wanted.items()}
    assert np.array_equal(drawn_regions(regions)["L3"].mask.sum(), wanted["L3"].sum())


def test_other_points_than_those_of_the_preview_make_nothing_on_entering(host):
    from mrbiomarkers.mrml import add_level_points

    regions = host.placed()
    before = sizes_of(regions)
    others = add_level_points("Others", points={level: p + np.array([0, 6, 0]) for level, p in host.middles().items()})
    host.ui.pointsSelector.setCurrentNode(others)
    host.leave()
    host.open()
    host.settle()

    assert sizes_of(regions) == before


def test_a_level_whose_point_is_gone_has_no_segment_and_can_be_measured_without(host):
    regions = host.placed()
    host.regions.points.UnsetNthControlPointPosition(4)
    host.settle()

    assert list(sizes_of(regions)) == LEVELS[:4]  # drawn_regions refuses an empty one by name
    assert [area[0] for area in host.areas()] == LEVELS[:4]


def test_the_reader_survives_a_saved_scene(host, tmp_path):
    import slicer

    host.sign("Anna")
    before = sizes_of(host.placed())
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert host.ui.readerLineEdit.text == ""
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    host.settle()

    assert host.regions.reader == host.ui.readerLineEdit.text == "Anna"
    assert reader_of(host.regions.regions) == "Anna"
    assert sizes_of(host.regions.regions) == before
    assert not host.regions._previewTimer.active
    host.sign("Ben")
    assert "those of Anna" in host.said
