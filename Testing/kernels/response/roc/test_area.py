"""Area under the curve: figures of pROC, coverage, the ends of the scale, parts of the curve, bands, and bad input."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.response.roc import auc, partial_auc, roc_curve, roc_summary
from mrbiomarkers.response.roc.counted import at_specificity

# pROC, tests/testthat/test-auc.R; aSAH, Poor is positive
PARTS = [
    ("wfns", (0.9, 1), "specificity", False, 0.0334417344173442),
    ("wfns", (0.8, 0.9), "specificity", False, 0.0598373983739837),
    ("ndka", (0, 0.5), "specificity", False, 0.416836043360434),
    ("wfns", (0, 1), "specificity", False, 0.823678861788618),
    ("wfns", (0.9, 1), "sensitivity", False, 0.0400999322493225),
    ("ndka", (0.8, 0.9), "sensitivity", False, 0.0242547425474255),
    ("wfns", (0.9, 1), "specificity", True, 0.649693339038653),
    ("ndka", (0.8, 0.9), "specificity", True, 0.575163398692811),
    ("wfns", (0.8, 0.9), "sensitivity", True, 0.770561002178649),
    ("ndka", (0, 0.5), "sensitivity", True, 0.714092140921409),
    ("ndka", (0, 1), "specificity", True, 0.611957994579946),
]


@pytest.fixture(scope="module")
def asah(shared_data):
    folder = shared_data / "response" / "pROC_aSAH"
    with (folder / "aSAH.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads((folder / "expected_pROC.json").read_text(encoding="utf-8"))


def column(rows, name):
    return [row["outcome"] for row in rows], np.array([float(row[name]) for row in rows])


def test_delong_intervals_are_those_of_proc(asah):
    rows, expected = asah
    intervals = expected["ci_auc_delong_95"]
    for name in ("wfns", "s100b", "ndka"):
        found = auc(*column(rows, name), positive="Poor", interval="delong").estimate
        low, high = intervals["ndka"][::2] if name == "ndka" else intervals[f"{name}(our reproduction)"]
        assert found.value == pytest.approx(expected["auc"][name], abs=1e-7)
        assert (found.ci_low, found.ci_high) == pytest.approx((low, high), abs=1e-7)
    women = [row for row in rows if row["gender"] == "Female"]
    found = auc(*column(women, "ndka"), positive="Poor", interval="delong").estimate
    assert (found.ci_low, found.value, found.ci_high) == pytest.approx(intervals["ndka_female"], abs=1e-7)


def test_the_logit_interval_is_delongs_error_on_the_logit_scale(asah):
    rows, _ = asah
    found = auc(*column(rows, "wfns"), positive="Poor")
    area = found.estimate.value
    half = 1.959963984540054 * found.se / (area * (1 - area))
    ends = stats.logistic.cdf(stats.logistic.ppf(area) + np.array([-half, half]))
    assert (found.estimate.ci_low, found.estimate.ci_high) == pytest.approx(tuple(ends), abs=1e-12)
    assert found.estimate.method == "logit DeLong"


@pytest.mark.parametrize(("name", "bounds", "of", "corrected", "printed"), PARTS)
def test_parts_are_those_of_proc(asah, name, bounds, of, corrected, printed):
    found = partial_auc(
        *column(asah[0], name), bounds=bounds, of=of, corrected=corrected, positive="Poor", resamples=100
    )
    assert found.estimate.value == pytest.approx(printed, abs=1e-7)
    assert found.range == f"{of} {bounds[0]:g} to {bounds[1]:g}"


def test_a_part_below_chance_has_no_corrected_area(asah):
    found = partial_auc(*column(asah[0], "ndka"), of="sensitivity", corrected=True, positive="Poor", resamples=100)
    assert np.isnan(found.estimate.value)
    assert "below chance" in found.warnings[0]


@pytest.mark.parametrize("truth", [0.7, 0.95])
def test_the_logit_interval_holds_the_truth(truth):
    rng = np.random.default_rng(11)
    shift = np.sqrt(2) * stats.norm.ppf(truth)
    outcome = np.repeat([1, 0], [27, 53])
    held = 0
    for _ in range(400):
        found = auc(outcome, rng.normal(size=80) + shift * outcome).estimate
        held += found.ci_low <= truth <= found.ci_high
    assert 0.92 <= held / 400 <= 0.98


def test_the_bootstrap_agrees_with_delong_in_many_patients():
    rng = np.random.default_rng(2)
    outcome = np.repeat([1, 0], [200, 300])
    score = rng.normal(size=500) + outcome
    delong, drawn = (auc(outcome, score, interval=how) for how in ("delong", "bootstrap"))
    assert drawn.estimate.value == delong.estimate.value
    assert drawn.se == pytest.approx(delong.se, rel=0.06)
    assert drawn.estimate.ci_low == pytest.approx(delong.estimate.ci_low, abs=0.005)
    assert "2000 resamples, seed 0" in drawn.estimate.method
    whole = partial_auc(outcome, score, bounds=(0, 1))
    assert whole.se == pytest.approx(drawn.se, rel=1e-9)


@pytest.mark.parametrize("score", [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [1, 1, 1, 1, 1, 1]])
def test_an_area_without_variance_has_an_interval_nevertheless(score):
    found = auc([0, 0, 0, 1, 1, 1], score)
    low, high = found.estimate.ci_low, found.estimate.ci_high
    assert low < found.estimate.value or found.estimate.value == low == 0
    assert high - low > 0.3
    assert found.estimate.method == "Newcombe score"
    assert "variance is 0" in found.warnings[0]


def test_newcombes_interval_solves_its_own_equation():
    found = auc(np.repeat([0, 1], 10), np.arange(20.0)).estimate
    t = found.ci_low
    error = np.sqrt(t * (1 - t) / 100 * (1 + 9 * (1 - t) / (2 - t) + 9 * t / (1 + t)))
    assert (1 - t) / error == pytest.approx(1.959963984540054, abs=1e-6)


def test_missing_ones_are_left_out_and_counted():
    found = auc([0, 1, None, 1, 0, "", 1], [1, 2, 3, None, 1.5, 2, "2.5"])
    assert found.estimate == auc([0, 1, 0, 1], [1, 2, 1.5, 2.5]).estimate
    assert found.scores.n_missing == 3
    assert found.warnings[0] == "3 patients are left out: outcome or score is missing"


def test_directions():
    outcome, score = np.array(["N", "CR"] * 4), np.array([1.0, 2, 3, 3.5, 2.5, 4, 0.5, 5])
    higher = auc(outcome, score, positive="CR")
    lower = auc(outcome, -score, positive="CR", direction="lower")
    wrong = auc(outcome, score, positive="CR", direction="lower")
    chosen = auc(outcome, -score, positive="CR", direction="auto")
    assert higher.estimate == lower.estimate == chosen.estimate
    assert wrong.estimate.value == pytest.approx(1 - higher.estimate.value)
    assert chosen.record()["direction"] == "lower score: CR"
    assert "chosen from the data" in chosen.record()["warnings"]
    assert higher.record()["positive"] == "CR"


def test_the_curve_has_the_area_and_its_band_the_curve():
    rng = np.random.default_rng(4)
    outcome = np.repeat([1, 0], [40, 60])
    score = np.round(rng.normal(size=100) + outcome, 1)
    curve = roc_curve(outcome, score, band=True, resamples=500)
    area = np.trapezoid(curve.sensitivity, 1 - curve.specificity)
    assert area == pytest.approx(auc(outcome, score).estimate.value, abs=1e-12)
    for row in curve.records()[1:-1]:
        assert row["sensitivity"] == np.mean(score[outcome == 1] >= row["threshold"])
        assert row["specificity"] == np.mean(score[outcome == 0] < row["threshold"])
    middle = np.interp(curve.band_specificity, curve.specificity[::-1], curve.sensitivity[::-1])
    inside = (curve.band_low <= middle + 1e-9) & (middle <= curve.band_high + 1e-9)
    assert inside.mean() > 0.95
    assert len(curve.band_records()) == 101
    assert roc_curve(outcome, score).band_records() == []


def test_thresholds_lie_midway_and_a_rise_counts_at_its_top():
    curve = roc_curve([0, 0, 1, 1], [1.0, 2, 4, 7])
    np.testing.assert_array_equal(curve.thresholds, [np.inf, 5.5, 3, 1.5, -np.inf])
    np.testing.assert_array_equal(roc_curve([0, 1], [2, 1], direction="lower").thresholds, [-np.inf, 1.5, np.inf])
    grid = np.array([0, 0.5, 0.75, 1])
    np.testing.assert_allclose(
        at_specificity(np.array([[0, 0.2, 0.5, 0.9, 1]]), np.array([[1, 1, 1, 0.5, 0]]), grid), [[1, 0.9, 0.7, 0.5]]
    )


def test_the_summary_warns_of_a_cutoff_of_the_same_patients():
    rng = np.random.default_rng(5)
    outcome = np.repeat([1, 0], 30)
    score = rng.normal(size=60) + outcome
    training = roc_summary(outcome, score, name="D")
    test = roc_summary(outcome, score - 0.5, name="D", cutoff=training.cutoff, data="test")
    assert any("too good" in line for line in training.warnings)
    assert test.warnings == ()
    assert test.performance.cutoff is training.cutoff
    assert test.record()["source"] == "training"
    assert test.record()["auc"] == training.record()["auc"]


@pytest.mark.parametrize(
    ("outcome", "score", "options", "message"),
    [
        ([1, 1, 1], [1, 2, 3], {}, r"expected two classes, got 1: 1 \(3\)"),
        ([0, 1, 2], [1, 2, 3], {}, r"got 3: 0 \(1\), 1 \(1\), 2 \(1\)"),
        ([0, 1, None], [1, np.nan, 3], {}, r"got 1: 0 \(1\)"),
        ([0, 1, 1], [1, np.inf, 3], {}, "score: expected a finite number in row 2, got inf"),
        ([0, 1, 1], [1, "high", 3], {}, "score: expected a number in row 2, got 'high'"),
        ([0, 1], [1, 2, 3], {}, "expected 2 values, one for each outcome, got 3"),
        ([0, 1, 1], [1, 2, 3], {"positive": "CR"}, r"positive: expected one of 0 \(1\), 1 \(2\); got 'CR'"),
        ([1, 2, 2], [1, 2, 3], {}, "positive: say which class"),
        ([0, 1, 1], [1, 2, 3], {"direction": "up"}, "direction: expected one of"),
        ([0, 1, 1], [1, 2, 3], {"interval": "wald"}, "interval: expected one of"),
        ([0, 1, 1], [1, 2, 3], {"resamples": 10}, "resamples: expected a whole number of 100 or more"),
    ],
)
def test_bad_input_is_named(outcome, score, options, message):
    with pytest.raises(ValueError, match=message):
        auc(outcome, score, **options)
