import math
from dataclasses import replace

import numpy as np
import pytest

from mrbiomarkers.measurements import COLUMNS, Measurement, measurements_from_csv, measurements_to_csv
from mrbiomarkers.tables import mean_over_readers, mean_over_regions


def row(reader="A", value=1.0, **changes):
    given = dict.fromkeys(COLUMNS[:11], "") | {"subject": "s1", "region": "L1", "slice": "all"}
    given |= {"quantity": "ADC", "unit": "10^-3 mm2/s", "model": "adc", "fit": "nlls", "method": "mean of map"}
    return Measurement(**{**given, "reader": reader, "value": value, "n_voxels": 10, **changes})


def test_every_column_is_the_mean_and_single_readers_are_kept():
    first = {"value": 1.0, "mean": 1.0, "sd": 0.2, "median": 0.9, "p25": 0.8, "p75": 1.2, "min": 0.5, "max": 1.5}
    first |= {"se": 0.1, "ci_low": 0.8, "ci_high": 1.2, "area_mm2": 90.0, "volume_mm3": 300.0, "outside_fraction": 0.1}
    counts = {"n_voxels": 10, "n_slices": 3, "n_unfitted": 0, "n_on_bound": 1}
    second = {name: value + 0.5 for name, value in first.items()}
    rows = [row("A", **{**first, **counts}), row("B", **{**second, "n_voxels": 15, "n_slices": 3, "n_on_bound": 0})]
    result = mean_over_readers(rows)
    (mean,) = result.means
    assert result.rows == [*rows, mean]
    for name, value in first.items():
        if not name.startswith("ci_"):
            assert getattr(mean, name) == pytest.approx(value + 0.25), name
    assert np.isnan([mean.ci_low, mean.ci_high]).all()
    assert (mean.n_voxels, mean.n_slices, mean.n_unfitted, mean.n_on_bound) == (13, 3, 0, 1)  # rounded up
    same = [name for name in COLUMNS[:11] if name != "reader"]
    assert [getattr(mean, name) for name in same] == [getattr(rows[0], name) for name in same]
    assert (mean.reader, result.notes) == ("mean", [])


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.7, 1.0])
def test_the_error_of_the_mean_is_never_too_small(correlation):
    errors = np.array([0.3, 0.1])
    covariance = np.outer(errors, errors) * [[1, correlation], [correlation, 1]]
    (mean,) = mean_over_readers([row("A", se=0.3), row("B", se=0.1)]).means
    exact = math.sqrt(np.full(2, 0.5) @ covariance @ np.full(2, 0.5))
    assert mean.se >= exact - 1e-12
    assert (mean.se == pytest.approx(exact)) is (correlation == 1.0)


def test_a_reader_without_error_or_value():
    rows = [row("A", se=0.1), row("B"), row("A", quantity="D"), row("B", float("nan"), quantity="D")]
    result = mean_over_readers(rows)
    assert [mean.value for mean in result.means] == [1.0, pytest.approx(float("nan"), nan_ok=True)]
    assert math.isnan(result.means[0].se)
    assert result.notes == ["subject 's1', region 'L1': no value of reader 'B', an empty mean (D)"]


def test_rows_are_matched_by_name_and_the_rest_is_listed():
    rows = [row("A", 1.0), row("A", 2.0, region="L2"), row("A", 2.0, region="L2", quantity="D")]
    rows += [row("B", 5.0, region="T12"), row("B", 3.0), row("C", 8.0)]
    rows += [row("A", 1.0, region="L3"), row("C", 2.0, region="L3")]
    result = mean_over_readers(rows)
    assert [(mean.region, mean.value) for mean in result.means] == [("L1", 4.0)]
    assert result.notes == [
        "subject 's1', region 'L2': no row of reader 'B', 'C', no mean (ADC, D)",
        "subject 's1', region 'T12': no row of reader 'A', 'C', no mean (ADC)",
        "subject 's1', region 'L3': no row of reader 'B', no mean (ADC)",
    ]
    assert result.rows[: len(rows)] == rows


def test_chosen_readers():
    rows = [row("A", 1.0), row("B", 3.0), row("C", 8.0), row("C", 9.0, region="L2"), row("", 50.0)]
    result = mean_over_readers(rows, ("A", "C"))
    assert [(mean.region, mean.value) for mean in result.means] == [("L1", 4.5)]
    assert result.notes == [
        "subject 's1', region 'L2': no row of reader 'A', no mean (ADC)",
        "rows without a reader's name, in no mean: 1",
    ]


@pytest.mark.parametrize("column", ["subject", "timepoint", "series", "slice", "model", "fit", "method"])
def test_what_differs_is_not_averaged(column):
    other = "fit of mean signal" if column == "method" else "2"
    rows = [row("A", 1.0), row("B", 2.0), row("A", 5.0, **{column: other})]
    result = mean_over_readers(rows)
    assert [mean.value for mean in result.means] == [1.5]
    assert len(result.notes) == 1


def test_slices_are_averaged_one_by_one_and_named():
    rows = [row("A", 1.0, slice="2"), row("B", 2.0, slice="2"), row("B", 4.0, slice="3")]
    result = mean_over_readers(rows)
    assert [(mean.slice, mean.value) for mean in result.means] == [("2", 1.5)]
    assert result.notes == ["subject 's1', region 'L1', slice 3: no row of reader 'A', no mean (ADC)"]


def test_p_values_and_criteria_have_no_mean():
    rows = [row(reader, quantity=name) for name in ("ADC", "p_F", "AICc") for reader in ("A", "B")]
    assert [mean.quantity for mean in mean_over_readers(rows).means] == ["ADC"]


def test_means_over_regions_are_averaged_over_readers():
    rows = [row("A", 1.0, n_voxels=10), row("A", 4.0, region="L2", n_voxels=20)]
    rows += [row("B", 2.0, n_voxels=30), row("B", 6.0, region="L2", n_voxels=30)]
    means = mean_over_readers(mean_over_regions(rows, ("L1", "L2")).rows).means
    # reader A: 90 / 30, reader B: 240 / 60
    assert {mean.region: mean.value for mean in means} == {"L1": 1.5, "L2": 5.0, "L1+L2": 3.5}


def test_round_trip():
    text = measurements_to_csv(mean_over_readers([row("A", 0.1, sd=1 / 3), row("B", 0.2, sd=0.1)]).rows)
    assert measurements_to_csv(measurements_from_csv(text)) == text


@pytest.mark.parametrize(
    ("rows", "readers", "error", "message"),
    [
        ([row("A")], (), ValueError, "rows: expected those of at least two readers, got 'A'"),
        ([], (), ValueError, "rows: expected those of at least two readers, got none"),
        ([row("A"), row("mean")], (), ValueError, "got some of reader 'mean' already"),
        ([row("A"), row("B")], ("A", "X"), ValueError, r"names of the table \('A', 'B'\), got 'A', 'X'"),
        ([row("A"), row("B")], ("A",), ValueError, r"readers: expected 2 or more different names, got \['A'\]"),
        ([row("A"), row("B")], "AB", TypeError, "readers: expected a sequence of names, got the text 'AB'"),
        ([row("A"), row("B", region="L2")], (), ValueError, "one that readers 'A', 'B' have in common, got none"),
        ([row("A"), row("A"), row("B")], (), ValueError, "every row once, got two of subject 's1', reader 'A', region"),
        ([row("A"), replace(row("B"), unit="mm2/s")], (), ValueError, "expected one unit of ADC, got .* and 'mm2/s'"),
    ],
)
def test_bad_input_is_refused(rows, readers, error, message):
    with pytest.raises(error, match=message):
        mean_over_readers(rows, readers)
