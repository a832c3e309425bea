"""The section Readers: a second reader who sees nothing of the first, both measured, their agreement."""

from types import SimpleNamespace

import pytest

from Testing.support.readers_host import ReadersHost
from Testing.support.regions_host import sizes_of


@pytest.fixture
def host(program):
    host = ReadersHost(program)
    yield host
    host.end()


def seen(combo):
    return [node.GetName() for node in combo.nodes()]


def test_at_first_the_tooltips_say_what_is_missing(host):
    form = host.form

    assert not any(button.enabled for button in (form.beginButton, form.showButton, form.compareButton))
    assert "the second reader's name" in form.beginButton.toolTip
    assert "a second reader who is reading" in form.showButton.toolTip
    assert "measurements of two readers" in form.compareButton.toolTip
    assert not host.readers.blinded
    assert host.readers.readings() == {}
    form.secondLineEdit.text = "Ben"
    assert form.beginButton.enabled
    assert "Hide the regions" in form.beginButton.toolTip


def test_the_second_reader_sees_nothing_of_the_first(host):
    import slicer

    measured = host.read_first()
    regions, points = host.regions.regions, host.regions.points
    before = sizes_of(regions)
    host.begin()

    assert host.readers.blinded
    assert (host.regions.regions, host.regions.points, host.regions.reader) == (None, None, "Ben")
    assert host.regions.image is host.node
    assert not regions.GetDisplayVisibility()
    assert not points.GetDisplayVisibility()
    assert all(node.GetHideFromEditors() for node in (regions, points, measured.table, measured.summary))
    for combo in (host.ui.segmentationSelector, host.ui.pointsSelector, host.ui.modelSelector):
        assert seen(combo) == []
        assert combo.currentNode() is None
    assert host.ui.segmentEditor.segmentationNode() is None
    assert host.areas() == []
    assert host.measure.forgotten == 1
    assert host.offered(host.form.readerAComboBox) == []
    assert "Ben reads; the regions, points, tables and charts of Anna are hidden" in host.form.stateLabel.text
    assert not host.ui.readerLineEdit.enabled
    assert not host.form.secondLineEdit.enabled
    assert not host.form.compareButton.enabled
    assert sizes_of(regions) == before
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_show_both_brings_back_what_was_there_and_both_are_measured(host):
    from mrbiomarkers.mrml import measurements_of

    first = host.read_first()
    hers, points = host.regions.regions, host.regions.points
    points.SetDisplayVisibility(False)
    second = host.read_second()
    assert {row.reader for row in measurements_of(second.table)} == {"Ben"}
    assert list(host.readers.readings()) == ["Ben"]
    mine = host.regions.regions
    assert mine is not hers
    host.form.showButton.click()

    assert not host.readers.blinded
    assert hers.GetDisplayVisibility()
    assert not points.GetDisplayVisibility()
    assert not any(node.GetHideFromEditors() for node in (hers, points, first.table, first.summary))
    assert sorted(seen(host.ui.segmentationSelector)) == sorted([hers.GetName(), mine.GetName()])
    assert (host.regions.regions, host.regions.reader) == (mine, "Ben")
    assert host.readers.readings() == {"Anna": hers, "Ben": mine}
    assert list(host.readers.readings()) == ["Anna", "Ben"]
    assert "Anna, Ben" in host.form.stateLabel.text
    assert "their mean" in host.told
    both = measurements_of(host.measured().table)
    assert {row.reader for row in both} == {"Anna", "Ben", "mean"}
    values = {row.reader: row.value for row in both if row.region == "L3"}
    assert values["mean"] == pytest.approx((values["Anna"] + values["Ben"]) / 2)


def test_one_reader_alone_has_no_mean(host):
    from mrbiomarkers.mrml import measurements_of

    assert {row.reader for row in measurements_of(host.read_first().table)} == {"Anna"}


def test_a_second_reader_who_has_begun_before_goes_on(host):
    host.read_first()
    host.read_second()
    mine = host.regions.regions
    host.form.showButton.click()
    host.sign("Anna")
    assert host.regions.regions is not mine
    before = sizes_of(mine)
    host.begin(" BEN ")
    host.settle()

    assert host.regions.regions is mine
    assert sizes_of(mine) == before


@pytest.mark.parametrize(
    ("second", "told"),
    [(" anna ", "another name than the first"), ("...", "needs a name"), ("mean", "average of the readers")],
)
def test_a_wrong_second_name_is_told_and_nothing_is_hidden(host, second, told):
    host.read_first()
    regions = host.regions.regions
    host.begin(second)

    assert told in host.told
    assert not host.readers.blinded
    assert (host.regions.reader, host.regions.regions) == ("Anna", regions)
    assert regions.GetDisplayVisibility()


def test_without_a_first_reader_or_regions_of_his_this_is_told(host):
    host.take_series()
    host.begin()
    assert "name of the first reader" in host.told
    host.sign("Anna")
    host.begin()
    assert "Anna has made no regions yet" in host.told
    assert not host.readers.blinded


def test_in_a_worklist_the_second_reader_is_sent_to_cases(host):
    host.read_first()
    host.cases = SimpleNamespace(case=object(), worklist=None, ui=None, identity=lambda: ("case 1", ""), check=None)
    host.begin()

    assert "opens the worklist under a name of his own" in host.told
    assert not host.readers.blinded
    assert list(host.readers.readings()) == ["Anna"]
    host.cases = None


def test_blinding_survives_a_saved_scene(host, tmp_path):
    import slicer

    host.read_first()
    host.read_second()
    names = (host.regions.regions.GetName(), host.regions.points.GetName())
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert not host.readers.blinded
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    host.settle()

    assert host.readers.blinded
    assert seen(host.ui.segmentationSelector) == [names[0]]
    assert (host.regions.regions.GetName(), host.regions.points.GetName()) == names
    assert "of Anna are hidden" in host.form.stateLabel.text
    host.form.showButton.click()
    assert list(host.readers.readings()) == ["Anna", "Ben"]
    assert len(seen(host.ui.segmentationSelector)) == 2


def test_what_is_hidden_can_be_shown_even_if_another_scene_was_added(host):
    host.read_first()
    regions = host.regions.regions
    host.begin()
    host.readers._parameters.blinded = False  # as when a scene is loaded on top, whose readers are not blinded
    assert host.readers.blinded
    host.form.showButton.click()

    assert regions.GetDisplayVisibility()
    assert not host.readers.blinded


def test_two_panels_share_the_readers(host, program):
    host.read_first()
    host.begin()
    host.leave()
    other = ReadersHost(program)

    assert other.readers.blinded
    assert seen(other.ui.segmentationSelector) == []
    assert other.regions.reader == "Ben"
    other.end()
