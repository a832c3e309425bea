"""The section Measure: what is measured, the table, decays, the way to a region, and what it says of bad input."""

from types import SimpleNamespace

import numpy as np
import pytest

from Testing.support.section_host import LEVELS, SectionHost


@pytest.fixture
def host(program):
    from mrbiomarkers.panels.measure.measure_section import MeasureSection

    host = SectionHost(program, measure=MeasureSection)
    host.regions = SimpleNamespace(regions=None, reader="", takeReader=lambda: None)
    yield host
    host.end()


@pytest.fixture
def ready(host):
    """A series and regions are there; nothing is fitted."""
    host.take_series()
    draw(host)
    return host


def draw(host, names=LEVELS, reader=""):
    from mrbiomarkers.mrml import add_segmentation, display_regions

    masks = {name: host.phantom.regions[name] for name in names}
    node = add_segmentation("Regions of DWI", masks, host.phantom.series.affine)
    display_regions(node)
    host.regions.regions, host.regions.reader = node, reader
    host.measure.updateMaps()
    return node


def listed(host):
    """The maps in the form, and whether each is checked."""
    import qt

    table = host.measure.ui.mapTable
    items = [table.item(row, 0) for row in range(table.rowCount)]
    return {item.text(): item.checkState() == qt.Qt.Checked for item in items}


def check_map(host, text, on):
    import qt

    table = host.measure.ui.mapTable
    item = next(table.item(row, 0) for row in range(table.rowCount) if table.item(row, 0).text().startswith(text))
    item.setCheckState(qt.Qt.Checked if on else qt.Qt.Unchecked)


def said(host):
    return host.measure.ui.measureMessage.text


def columns(node):
    table = node.GetTable()
    return [table.GetColumn(index).GetName() for index in range(table.GetNumberOfColumns())]


def nodes():
    import slicer

    scene = slicer.mrmlScene
    return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}


def test_without_regions_or_a_series_the_button_says_what_is_missing(host):
    button = host.measure.ui.measureButton
    host.measure.check()
    assert not button.enabled
    assert "Missing: regions, a map, or a series to fit." in button.toolTip
    draw(host)
    assert "Missing: a map, or a series to fit." in button.toolTip
    assert host.measure.onMeasure() is False
    assert said(host) == "Missing: a map, or a series to fit."
    host.take_series()
    host.measure.check()
    assert button.enabled
    assert "Measure the checked maps" in button.toolTip
    host.running = True
    host.measure.check()
    assert not button.enabled
    assert host.measure.onMeasure() is False


def test_the_button_fits_and_measures(ready):
    from mrbiomarkers.mrml import measurements_of

    ready.measure.ui.measureButton.click()
    measured = ready.measure.measured
    rows = measurements_of(ready.measure.table)

    assert ready.last is not None
    assert {row.quantity for row in rows if row.method == "mean of map"} == {"ADC", "D", "Dstar", "f"}
    assert {row.region for row in rows} == set(LEVELS)
    truth = ready.phantom.truth["D"][ready.phantom.regions["L3"]].mean() * 1e3
    (found,) = [r.value for r in rows if (r.region, r.quantity, r.method) == ("L3", "D", "fit of mean signal")]
    assert found == pytest.approx(truth, rel=0.1)
    assert said(ready).splitlines()[0] == "Measured ADC, f, D, D* in L1, L2, L3, L4, L5."
    assert said(ready).splitlines()[1:] == list(measured.warnings)
    assert ready.measure.ui.resultTable.mrmlTableNode() is measured.summary
    assert set(measured.charts) == set(LEVELS)


def test_a_fit_that_is_there_is_not_made_again(ready):
    ready.fit(lambda done, total: True)
    ready.measure.updateMaps()
    made = ready.last
    before = listed(ready)

    assert before["D of DWI [10^-3 mm2/s]"]
    assert not any(on for name, on in before.items() if name.startswith(("S0", "RMSE", "R2", "AICc")))
    assert ready.measure.onMeasure()
    assert ready.last is made
    assert listed(ready) == before


def test_only_checked_maps_are_measured_and_the_checks_stay(ready):
    ready.fit(lambda done, total: True)
    ready.measure.updateMaps()
    check_map(ready, "ADC", False)
    ready.measure.onMeasure()
    from mrbiomarkers.mrml import measurements_of

    maps = {row.quantity for row in measurements_of(ready.measure.table) if row.method == "mean of map"}
    assert maps == {"D", "Dstar", "f"}
    ready.measure.updateMaps()
    assert not listed(ready)["ADC of DWI [10^-3 mm2/s]"]
    ready.leave()
    ready.open()
    assert not listed(ready)["ADC of DWI [10^-3 mm2/s]"]


def test_maps_fitted_again_take_the_place_of_the_older_ones(ready):
    first = ready.fit(lambda done, total: True).maps["D"]
    second = ready.fit(lambda done, total: True).maps["D"]
    ready.measure.updateMaps()

    assert not listed(ready)[f"{first.GetName()} [10^-3 mm2/s]"]
    assert listed(ready)[f"{second.GetName()} [10^-3 mm2/s]"]


def test_nothing_checked_is_told_and_nothing_is_added(ready):
    ready.fit(lambda done, total: True)
    ready.measure.updateMaps()
    for name, on in listed(ready).items():
        if on:
            check_map(ready, name, False)
    before = nodes()

    assert ready.measure.onMeasure() is False
    assert "Check a map to measure." in said(ready)
    assert nodes() == before


def other_map(host, shift=0.0):
    """A map of PDFF with voxels of another size, as of the other module."""
    from mrbiomarkers.maps import ParameterMap
    from mrbiomarkers.mrml import add_maps
    from mrbiomarkers.quantities import quantity

    affine = host.phantom.series.affine.copy()
    affine[:3, :2] *= 2
    affine[:3, 3] += shift
    shape = host.phantom.series.grid_shape
    values = np.full((shape[0], shape[1] // 2, shape[2] // 2), 42.0, dtype=np.float32)
    node = add_maps({"PDFF": ParameterMap(values, quantity("PDFF"), "%", affine)})["PDFF"]
    host.measure.updateMaps()
    return node


def test_a_map_of_another_grid_is_measured_without_a_series(host):
    from mrbiomarkers.mrml import measurements_of

    draw(host)
    other_map(host)
    assert host.measure.onMeasure(), said(host)
    rows = measurements_of(host.measure.table)

    assert {(row.quantity, row.region) for row in rows} == {("PDFF", level) for level in LEVELS}
    np.testing.assert_allclose([row.value for row in rows], 42.0, rtol=1e-6)
    assert host.measure.measured.charts == {}


def test_maps_of_two_modules_are_measured_together(ready):
    from mrbiomarkers.mrml import measurements_of

    other_map(ready)
    ready.measure.onMeasure()
    found = {(row.quantity, row.method) for row in measurements_of(ready.measure.table)}

    assert {("PDFF", "mean of map"), ("D", "mean of map"), ("D", "fit of mean signal")} <= found


@pytest.mark.parametrize("fault", ["outside", "empty", "deleted"])
def test_regions_that_cannot_be_measured_are_named_and_the_scene_is_as_it_was(ready, fault):
    import slicer

    ready.fit(lambda done, total: True)
    node = ready.regions.regions
    if fault == "outside":
        other_map(ready, shift=2000.0)
    elif fault == "empty":
        node.GetSegmentation().ClearSegment(node.GetSegmentation().GetSegmentIdBySegmentName("L3"))
    before = nodes()
    if fault == "deleted":
        slicer.mrmlScene.RemoveNode(node)
        before = nodes()

    assert ready.measure.onMeasure() is False
    assert {"outside": "L1", "empty": "L3", "deleted": "Missing: regions"}[fault] in said(ready)
    assert nodes() == before
    assert ready.measure.measured is None


def test_rows_have_reader_subject_and_time_point(ready):
    from mrbiomarkers.mrml import measurements_of

    ready.regions.reader = "AB"
    ui = ready.measure.ui
    ui.subjectEdit.text, ui.timepointEdit.text = "S01 ", "1"
    assert ready.measure.typed() == ("S01", "1")
    ready.measure.onMeasure()
    rows = measurements_of(ready.measure.table)

    assert {(row.subject, row.timepoint, row.reader) for row in rows} == {("S01", "1", "AB")}
    assert said(ready).splitlines()[0].endswith("in L1, L2, L3, L4, L5. Reader: AB.")
    assert set(ready.measure.measured.charts) == {f"AB {level}" for level in LEVELS}
    assert [ui.regionComboBox.itemText(n) for n in range(5)] == LEVELS


def test_an_open_case_says_who_is_measured(ready):
    ui = ready.measure.ui
    ui.subjectEdit.text = "typed"
    ready.cases = SimpleNamespace(identity=lambda: ("case 7", ""))
    ready.measure.check()

    assert (ui.subjectEdit.text, ui.timepointEdit.text) == ("case 7", "")
    assert not ui.subjectEdit.enabled
    ui.subjectEdit.text = "case 8"
    ready.cases = None
    ready.measure.check()
    assert (ui.subjectEdit.text, ui.subjectEdit.enabled) == ("typed", True)


def test_each_slice_and_the_mean_of_the_levels(ready):
    from mrbiomarkers.mrml import measurements_of

    ready.measure.ui.sliceCheckBox.checked = True
    ready.measure.ui.meanCheckBox.checked = True
    ready.measure.onMeasure()
    rows = measurements_of(ready.measure.table)

    slices = {str(k + 1) for k in np.argwhere(ready.phantom.regions["L2"])[:, 0]}
    assert {row.slice for row in rows if row.region == "L2" and row.quantity == "ADC"} == {"all", *slices}
    assert {row.quantity for row in rows if row.region == "L1-L5"} >= {"ADC", "D"}


def test_a_lesion_alone_has_no_mean_of_levels_and_no_error(ready):
    node = ready.regions.regions
    content = node.GetSegmentation()
    for level in LEVELS[1:]:
        content.RemoveSegment(content.GetSegmentIdBySegmentName(level))
    content.GetNthSegment(0).SetName("Lesion 1")
    ready.measure.ui.meanCheckBox.checked = True

    assert ready.measure.onMeasure(), said(ready)


def test_the_table_shows_what_is_chosen(ready):
    ready.measure.onMeasure()
    ui, measured = ready.measure.ui, ready.measure.measured
    ui.shownComboBox.currentText = "all measurements"
    assert ui.resultTable.mrmlTableNode() is measured.table
    ui.shownComboBox.currentText = "summary"
    assert ui.resultTable.mrmlTableNode() is measured.summary
    means = columns(measured.summary)
    ui.statisticComboBox.currentText = "mean and SD"
    assert ui.resultTable.mrmlTableNode() is measured.summary
    assert set(columns(measured.summary)) - set(means) == {f"{name} (SD)" for name in ("ADC", "D", "Dstar", "f")}
    ui.statisticComboBox.currentText = "median"
    assert "D (median)" in columns(measured.summary)
    ready.measure.onMeasure()
    assert "D (median)" in columns(ready.measure.measured.summary)


def test_two_readers_are_measured_with_their_mean_and_a_hidden_one_is_not(ready):
    from mrbiomarkers.mrml import measurements_of

    first = ready.regions.regions
    first.SetAttribute("MRBiomarkers.Reader", "A")
    second = draw(ready, LEVELS, "B")
    second.SetAttribute("MRBiomarkers.Reader", "B")
    ready.measure.onMeasure()
    assert {row.reader for row in measurements_of(ready.measure.table)} == {"A", "B", "mean"}
    names = [ready.measure.ui.regionComboBox.itemText(n) for n in range(10)]
    assert names == [f"{reader} {level}" for reader in "AB" for level in LEVELS]
    first.SetHideFromEditors(True)
    ready.measure.onMeasure()
    assert {row.reader for row in measurements_of(ready.measure.table)} == {"B"}
