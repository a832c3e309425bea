import math
from dataclasses import replace

import numpy as np
import pytest

from mrbiomarkers.maps import ParameterMap, Status
from mrbiomarkers.measurements import COLUMNS, Measurement, measurements_from_csv, measurements_to_csv
from mrbiomarkers.quantities import quantity
from mrbiomarkers.regions import measure
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.tables import mean_over_regions

SHAPE = (3, 6, 7)
LEVELS = ("L1", "L2", "L3", "L4", "L5")


def row(region="L1", value=1.0, **changes):
    given = dict.fromkeys(COLUMNS[:11], "") | {"subject": "s1", "reader": "A", "slice": "all"}
    given |= {"quantity": "D", "unit": "10^-3 mm2/s", "model": "ivim", "fit": "nlls", "method": "fit of mean signal"}
    return Measurement(**{**given, "region": region, "value": value, "n_voxels": 10, **changes})


def map_rows(masks, values, status=None, outside=None):
    known = quantity("D")
    affine = np.diag([1.5, 2.0, 4.0, 1.0])
    provenance = {"model": "ivim", "method": "nlls"}
    settings = MeasureSettings(subject="s1", reader="A")
    return measure(
        ParameterMap(values, known, known.unit, affine, status, provenance), masks, settings, outside=outside
    )


@pytest.fixture
def bodies():
    """Five regions of 1, 4, 9, 14 and 14 voxels, and the map of D."""
    label = np.repeat(np.arange(1, 6), (1, 4, 9, 14, 14))
    grid = np.zeros(SHAPE, int)
    grid.flat[30 : 30 + label.size] = label
    values = np.random.default_rng(1).uniform(0.2e-3, 1e-3, SHAPE)
    return {level: grid == n for n, level in enumerate(LEVELS, start=1)}, values


def test_mean_sd_and_extremes_by_voxels_are_those_of_all_voxels_together(bodies):
    masks, values = bodies
    status = np.zeros(SHAPE, np.uint16)
    status[masks["L2"]] = (Status.NO_SIGNAL, Status.ON_BOUND, Status.ON_BOUND, 0)
    rows = map_rows(masks, values, status)
    result = mean_over_regions(rows)
    (mean,) = result.means
    (truth,) = map_rows({"L1-L5": np.logical_or.reduce(list(masks.values()))}, values, status)
    for name in ("value", "mean", "sd", "min", "max", "volume_mm3"):
        assert getattr(mean, name) == pytest.approx(getattr(truth, name), rel=1e-12), name
    same = [*COLUMNS[:11], "n_voxels", "n_unfitted", "n_on_bound", "outside_fraction"]
    assert [getattr(mean, name) for name in same] == [getattr(truth, name) for name in same]
    assert (mean.n_voxels, mean.n_unfitted, mean.n_on_bound) == (42, 1, 2)
    assert np.isnan([mean.median, mean.p25, mean.p75, mean.se, mean.ci_low, mean.ci_high]).all()
    assert mean.area_mm2 == max(row.area_mm2 for row in rows)
    assert mean.n_slices == max(row.n_slices for row in rows)
    assert result.rows == [*rows, mean]
    assert result.notes == []


def test_equal_weights_give_the_mean_of_means_and_no_sd(bodies):
    masks, values = bodies
    (mean,) = mean_over_regions(map_rows(masks, values), weights="equal").means
    expected = np.mean([values[mask].mean() * 1e3 for mask in masks.values()])
    assert mean.value == mean.mean == pytest.approx(expected, rel=1e-12)
    assert math.isnan(mean.sd)


@pytest.mark.parametrize(
    ("weights", "value", "se"),
    # 10 and 30 voxels: shares 1/4 and 3/4. 0.25 * 2 + 0.75 * 4 = 3.5; sqrt(0.1^2 + 0.3^2); sqrt(0.2^2 + 0.2^2).
    [("voxels", 3.5, math.sqrt(0.1)), ("equal", 3.0, math.sqrt(0.08))],
)
def test_error_of_region_fits(weights, value, se):
    rows = [row("L1", 2.0, se=0.4), row("L2", 4.0, se=0.4, n_voxels=35, n_unfitted=5)]
    (mean,) = mean_over_regions(rows, ("L1", "L2"), weights=weights, name="upper").means
    assert (mean.region, mean.value, mean.n_voxels, mean.n_unfitted) == ("upper", pytest.approx(value), 45, 5)
    assert mean.se == pytest.approx(se)
    assert np.isnan([mean.mean, mean.sd, mean.min, mean.ci_low]).all()


def test_error_of_the_mean_is_that_of_simulated_regions():
    generator = np.random.default_rng(2)
    errors, counts = np.array([0.5, 0.1, 0.3]), np.array([10, 40, 25])
    draws = generator.normal(1.0, errors, (20_000, 3)) @ counts / counts.sum()
    names = ("L1", "L2", "L3")
    rows = [
        row(name, 1.0, se=e, n_voxels=n) for name, e, n in zip(names, errors.tolist(), counts.tolist(), strict=True)
    ]
    (mean,) = mean_over_regions(rows, names).means
    assert mean.se == pytest.approx(draws.std(), rel=0.02)  # 20,000 draws know their SD to 0.5 %


def test_a_region_without_an_error_leaves_the_mean_without():
    (mean,) = mean_over_regions([row("L1", se=0.1), row("L2")], ("L1", "L2")).means
    assert math.isnan(mean.se)


def test_missing_and_empty_regions_are_left_out_and_named():
    rows = [row("L1", 1.0), row("L2", float("nan"), n_voxels=7), row("L3", 3.0), row("lesion", 99.0)]
    rows += [replace(item, quantity="f", unit="1") for item in rows if item.region != "L2"]
    result = mean_over_regions(rows)
    assert [(item.quantity, item.value, item.n_voxels) for item in result.means] == [("D", 2.0, 20), ("f", 2.0, 20)]
    assert result.notes == [
        "subject 's1', reader 'A': mean of L1-L5 without L4, L5, which the table lacks (D)",
        "subject 's1', reader 'A': mean of L1-L5 without the value of L2, which is empty (D)",
        "subject 's1', reader 'A': mean of L1-L5 without L2, L4, L5, which the table lacks (f)",
    ]


def test_quantities_with_the_same_gap_share_a_note():
    rows = [row("L2", quantity=name) for name in ("D", "f", "S0")]
    (note,) = mean_over_regions(rows, ("L1", "L2")).notes
    assert note == "subject 's1', reader 'A': mean of L1+L2 without L1, which the table lacks (D, f, S0)"


def test_no_value_at_all_is_an_empty_row():
    empty = [row(name, float("nan"), n_unfitted=10) for name in ("L1", "L2")]
    (mean,) = mean_over_regions(empty, ("L1", "L2")).means
    assert math.isnan(mean.value)
    assert (mean.region, mean.n_voxels, mean.n_unfitted) == ("L1+L2", 20, 20)


def test_a_subject_with_a_lesion_alone_has_a_note_and_no_mean():
    result = mean_over_regions([row("L1"), row("lesion", subject="s2")], ("L1",), name="body")
    assert [mean.subject for mean in result.means] == ["s1"]
    assert result.notes == ["subject 's2', reader 'A': none of the regions of body, no mean (D)"]


@pytest.mark.parametrize("column", ["subject", "timepoint", "series", "reader", "quantity", "model", "fit", "method"])
def test_what_differs_is_kept_apart(column):
    other = "mean of map" if column == "method" else "other"
    rows = [row("L1", 1.0), row("L2", 3.0), row("L1", 5.0, **{column: other}), row("L2", 7.0, **{column: other})]
    means = mean_over_regions(rows, ("L1", "L2")).means
    assert [(mean.value, getattr(mean, column)) for mean in means] == [(2.0, getattr(rows[0], column)), (6.0, other)]


def test_slices_p_values_and_criteria_have_no_mean():
    rows = [row("L1"), row("L1", slice="2"), row("L1", quantity="p_F"), row("L1", quantity="AICc")]
    assert [(mean.quantity, mean.slice) for mean in mean_over_regions(rows, ("L1",), name="x").means] == [("D", "all")]


def test_the_mean_of_two_readers_has_no_sd_over_voxels():
    rows = [row(name, 1.0, mean=1.0, sd=0.2, method="mean of map") for name in ("L1", "L2")]
    # 9 (0.2^2) + 9 (0.2^2) over 19
    assert mean_over_regions(rows, ("L1", "L2")).means[0].sd == pytest.approx(math.sqrt(18 * 0.04 / 19))
    of_both = [replace(item, reader="mean") for item in rows]
    assert math.isnan(mean_over_regions(of_both, ("L1", "L2")).means[0].sd)


def test_rows_without_a_count_can_be_weighted_equally():
    rows = [row("L1", 1.0, n_voxels=0), row("L2", 3.0, n_voxels=0)]
    assert mean_over_regions(rows, ("L1", "L2"), weights="equal").means[0].value == 2.0


def test_fraction_outside_is_that_of_all_voxels():
    # 10 inside of 20, 30 inside of 30: 10 of 50 are lost
    rows = [row("L1", outside_fraction=0.5), row("L2", n_voxels=30)]
    assert mean_over_regions(rows, ("L1", "L2")).means[0].outside_fraction == pytest.approx(0.2)


def test_round_trip(bodies):
    rows = mean_over_regions(map_rows(*bodies)).rows
    text = measurements_to_csv(rows)
    assert measurements_to_csv(measurements_from_csv(text)) == text
    assert "np." not in text


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        ([row("T12")], {}, ValueError, r"regions: expected at least one of those in the table \('T12'\), got \['L1',"),
        ([], {}, ValueError, r"regions: expected at least one of those in the table \(none\)"),
        ([row()], {"regions": "L1"}, TypeError, "regions: expected a sequence of names, got the text 'L1'"),
        ([row()], {"regions": ()}, ValueError, r"regions: expected 1 or more different names, got \[\]"),
        ([row()], {"regions": ("L1", "L1")}, ValueError, r"regions: .* different names, got \['L1', 'L1'\]"),
        ([row()], {"weights": "area"}, ValueError, "weights: expected one of equal, voxels; got 'area'"),
        ([row(), row("L1-L5")], {}, ValueError, "name: expected one that no region of the table has, got 'L1-L5'"),
        (
            [row(), row()],
            {},
            ValueError,
            "expected every row once, got two of subject 's1', reader 'A', region 'L1', D",
        ),
        ([row(), row("L2", unit="mm2/s")], {}, ValueError, "expected one unit of D, got '10.-3 mm2/s' .* and 'mm2/s'"),
        ([row(n_voxels=0)], {}, ValueError, "weights: expected voxels in every row that has a value, got 0 in subject"),
    ],
)
def test_bad_input_is_refused(rows, options, error, message):
    with pytest.raises(error, match=message):
        mean_over_regions(rows, **options)
