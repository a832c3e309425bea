from dataclasses import replace

import numpy as np
import pytest

from mrbiomarkers.maps import ParameterMap, Status, to_reported
from mrbiomarkers.measurements import measurements_to_csv
from mrbiomarkers.quantities import quantity
from mrbiomarkers.regions import measure, warnings_of
from mrbiomarkers.settings import MeasureSettings
from Testing.support.volumes import oblique_affine

SHAPE = (3, 4, 5)
AFFINE = oblique_affine((1.5, 2.0, 4.0))


def make(values, key="D", status=None):
    known = quantity(key)
    return ParameterMap(values, known, known.unit, AFFINE, status, {"model": "ivim", "method": "nlls"})


@pytest.fixture
def values():
    return np.random.default_rng(0).uniform(0.2e-3, 1e-3, SHAPE)


@pytest.fixture
def mask():
    mask = np.zeros(SHAPE, bool)
    mask[1, 1:3, 1:4] = True
    mask[2, 1, 1:3] = True
    return mask


def test_statistics_are_those_of_the_reported_values(values, mask):
    (row,) = measure(make(values), {"L3": mask})
    inside = values[mask] * 1e3
    assert (row.quantity, row.unit, row.model, row.fit, row.method) == (
        "D",
        "10^-3 mm2/s",
        "ivim",
        "nlls",
        "mean of map",
    )
    assert row.value == row.mean == pytest.approx(inside.mean(), rel=1e-12)
    assert row.sd == pytest.approx(inside.std(ddof=1), rel=1e-12)
    assert (row.median, row.min, row.max) == pytest.approx((np.median(inside), inside.min(), inside.max()), rel=1e-12)
    assert (row.p25, row.p75) == pytest.approx(tuple(np.quantile(inside, (0.25, 0.75))), rel=1e-12)
    assert np.isnan([row.se, row.ci_low, row.ci_high]).all()


def test_sizes_in_physical_units(values, mask):
    (row,) = measure(make(values), {"L3": mask})
    assert (row.n_voxels, row.n_slices) == (8, 2)
    assert row.area_mm2 == pytest.approx(6 * 1.5 * 2.0)
    assert row.volume_mm3 == pytest.approx(8 * 1.5 * 2.0 * 4.0)


def test_a_reported_map_is_not_scaled_again(values, mask):
    once = measure(make(values), {"L3": mask})
    again = measure(to_reported(make(values)), {"L3": mask})
    assert measurements_to_csv(again) == measurements_to_csv(once)


def test_unfitted_and_undetermined_voxels_are_left_out_and_counted(values, mask):
    status = np.zeros(SHAPE, np.uint8)
    status[1, 1, 1], values[1, 1, 1] = Status.NO_SIGNAL, np.nan
    status[1, 1, 2] = Status.UNDETERMINED | Status.ON_BOUND
    status[1, 1, 3] = Status.ON_BOUND
    (row,) = measure(make(values, status=status), {"L3": mask})
    kept = mask.copy()
    kept[1, 1, 1:3] = False
    assert (row.n_voxels, row.n_unfitted, row.n_on_bound) == (8, 2, 1)
    assert row.mean == pytest.approx(values[kept].mean() * 1e3)


def test_voxels_that_are_not_identifiable_stay_in_the_mean(values, mask):
    status = np.zeros(SHAPE, np.uint16)
    status[1, 1, 1:3] = Status.NOT_IDENTIFIABLE
    (row,) = measure(make(values, "Dstar", status=status), {"L3": mask})
    assert (row.n_voxels, row.n_unfitted, row.n_on_bound) == (8, 0, 0)
    assert row.mean == pytest.approx(values[mask].mean() * 1e3)


def test_a_region_without_a_value_is_a_row_with_a_warning(mask):
    (row,) = measure(make(np.full(SHAPE, np.nan)), {"L3": mask})
    assert np.isnan(row.value)
    assert row.n_unfitted == row.n_voxels == 8
    assert warnings_of([row]) == ["region 'L3', D (ivim, mean of map): none of 8 voxels holds a value"]


def test_warnings_name_bounds_above_the_limit_and_cut_regions_once(values, mask):
    status = np.zeros(SHAPE, np.uint8)
    status[1, 1, 1] = Status.ON_BOUND
    rows = measure(make(values, status=status), {"L3": mask}, outside={"L3": 0.25})
    rows += measure(make(values, "f"), {"L3": mask}, outside={"L3": 0.25})
    assert warnings_of(rows) == [
        "region 'L3', D (ivim, mean of map): 1 of 8 voxels (12%) are on a bound",
        "region 'L3': 25.0% of it lies outside the map",
    ]
    assert len(warnings_of(rows, MeasureSettings(bound_warning=0.2))) == 1


def test_one_voxel_has_no_spread(values):
    mask = np.zeros(SHAPE, bool)
    mask[0, 0, 0] = True
    (row,) = measure(make(values), {"x": mask}, MeasureSettings(subject="s", reader="A"))
    assert np.isnan(row.sd)
    assert row.mean == pytest.approx(values[0, 0, 0] * 1e3)
    assert (row.subject, row.reader) == ("s", "A")


def test_order_of_regions_is_kept(values, mask):
    assert [row.region for row in measure(make(values), {"b": mask, "a": mask})] == ["b", "a"]


def test_bare_arrays_empty_masks_and_other_shapes_are_refused(values, mask):
    with pytest.raises(TypeError, match="parameter_map: expected a ParameterMap, which knows its unit; got ndarray"):
        measure(values, {"L3": mask})
    with pytest.raises(ValueError, match="region 'L3': expected at least one voxel above 0"):
        measure(make(values), {"L3": np.zeros(SHAPE)})
    with pytest.raises(ValueError, match=r"region 'L3': expected shape \(3, 4, 5\), got \(2, 2, 2\)"):
        measure(make(values), {"L3": np.ones((2, 2, 2))})


def test_rows_of_slices_are_the_region_cut_to_the_slice(values, mask):
    status = np.zeros(SHAPE, np.uint16)
    status[1, 1, 1], values[1, 1, 1] = Status.NO_SIGNAL, np.nan
    status[2, 1, 1] = Status.ON_BOUND
    whole, first, second = measure(make(values, status=status), {"L3": mask}, MeasureSettings(per_slice=True))
    assert [row.slice for row in (whole, first, second)] == ["all", "2", "3"]  # k + 1; the first slice is empty
    assert measurements_to_csv([whole]) == measurements_to_csv(measure(make(values, status=status), {"L3": mask}))
    for k, row in ((1, first), (2, second)):
        alone = np.zeros(SHAPE, bool)
        alone[k] = mask[k]
        (expected,) = measure(make(values, status=status), {"L3": alone})
        assert measurements_to_csv([replace(row, slice="all")]) == measurements_to_csv([expected])
    assert (first.n_voxels, first.n_unfitted, first.n_on_bound, first.n_slices) == (6, 1, 0, 1)
    assert (second.n_voxels, second.n_unfitted, second.n_on_bound, second.n_slices) == (2, 0, 1, 1)
    assert (first.area_mm2, second.area_mm2) == pytest.approx((6 * 1.5 * 2.0, 2 * 1.5 * 2.0))
    assert second.mean == pytest.approx(values[2, 1, 1:3].mean() * 1e3, rel=1e-12)


def test_slices_say_nothing_of_what_was_lost_outside(values, mask):
    settings = MeasureSettings(per_slice=True)
    cut = measure(make(values), {"L3": mask}, settings, outside={"L3": 0.25})
    assert cut[0].outside_fraction == 0.25
    assert np.isnan([row.outside_fraction for row in cut[1:]]).all()
    assert [row.outside_fraction for row in measure(make(values), {"L3": mask}, settings)] == [0, 0, 0]


def test_a_slice_is_warned_of_where_its_region_is_not(values, mask):
    settings = MeasureSettings(per_slice=True, bound_warning=0.2)
    status = np.zeros(SHAPE, np.uint16)
    status[2, 1, 1] = Status.ON_BOUND
    rows = measure(make(values, status=status), {"L3": mask}, settings)
    assert warnings_of(rows, settings) == [
        "region 'L3', slice 3, D (ivim, mean of map): 1 of 2 voxels (50%) are on a bound"
    ]
    status[1] = Status.ON_BOUND
    rows = measure(make(values, status=status), {"L3": mask}, settings)
    assert warnings_of(rows, settings) == ["region 'L3', D (ivim, mean of map): 7 of 8 voxels (88%) are on a bound"]


def test_the_same_warning_of_two_maps_is_kept(mask):
    (row,) = measure(make(np.full(SHAPE, np.nan)), {"L3": mask})
    assert len(warnings_of([row, row])) == 2
