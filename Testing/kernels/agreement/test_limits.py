"""Limits of agreement: the published examples, simulated coverage, scales, and bad input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.agreement import bland_altman

# Bland and Altman 1986, table 1: first peak flow of 17 subjects by each meter [l/min].
LARGE = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427])
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451])
ESTIMATES = ("bias", "lower_limit", "upper_limit", "within_sd", "repeatability_coefficient", "cv", "slope")
COLUMNS = 4000


def numbers(estimate):
    return [float(estimate.value), float(estimate.ci_low), float(estimate.ci_high)]


def coverage(estimate, truth):
    return np.mean((estimate.ci_low <= truth) & (truth <= estimate.ci_high))


def simulated(n, bias=2.0, error=3.0, seed=1):
    """Two readings (columns, n) of subjects around 100, each with an error of this standard deviation."""
    rng = np.random.default_rng(seed)
    true = rng.normal(100, 20, (COLUMNS, n))
    first, second = rng.normal(0, error, (2, COLUMNS, n))
    return true + first + bias, true + second


def test_peak_flow_of_1986():
    result = bland_altman(LARGE, MINI)
    assert [round(v, 1) for v in numbers(result.bias)] == [-2.1, -22.0, 17.8]
    assert round(float(result.sd), 1) == 38.8
    # the paper takes 2 instead of 1.96: -79.7 and 75.5
    assert float(result.lower_limit.value) == pytest.approx(-2.1176 - 1.95996 * 38.7651, abs=1e-3)
    assert float(result.upper_limit.value) == pytest.approx(-2.1176 + 1.95996 * 38.7651, abs=1e-3)
    assert int(result.n) == 17
    np.testing.assert_array_equal(result.differences, LARGE - MINI)
    np.testing.assert_array_equal(result.means, (LARGE + MINI) / 2)


def test_blood_pressure_of_1999():
    # 85 subjects, observer J and the machine: mean -16.29, standard deviation 19.61 mmHg
    off = np.random.default_rng(0).normal(size=85)
    difference = -16.29 + 19.61 * (off - off.mean()) / off.std(ddof=1)
    result = bland_altman(120 + difference / 2, 120 - difference / 2, interval="approximate")
    assert [round(v, 1) for v in numbers(result.bias)] == [-16.3, -20.5, -12.1]
    assert numbers(result.lower_limit) == pytest.approx(
        [-54.7, -61.9, -47.5], abs=0.11
    )  # the paper adds rounded figures
    assert numbers(result.upper_limit) == pytest.approx([22.1, 14.9, 29.3], abs=0.11)


@pytest.mark.parametrize("n", [5, 17, 70])
def test_exact_intervals_hold_the_truth_as_often_as_they_say(n):
    result = bland_altman(*simulated(n))
    spread = 3 * np.sqrt(2)
    assert 0.94 < coverage(result.bias, 2) < 0.96
    assert 0.94 < coverage(result.upper_limit, 2 + stats.norm.ppf(0.975) * spread) < 0.96
    assert 0.94 < coverage(result.lower_limit, 2 + stats.norm.ppf(0.025) * spread) < 0.96
    assert 0.94 < coverage(result.slope, 0) < 0.96
    assert 0.04 < np.mean(result.slope_p < 0.05) < 0.06


def test_approximate_intervals_are_short_in_few_subjects_and_right_in_many():
    upper = 2 + stats.norm.ppf(0.975) * 3 * np.sqrt(2)
    assert coverage(bland_altman(*simulated(5), interval="approximate").upper_limit, upper) < 0.935
    assert 0.935 < coverage(bland_altman(*simulated(70), interval="approximate").upper_limit, upper) < 0.96
    many = [x[:20] for x in simulated(500)]
    exact, approximate = (bland_altman(*many, interval=how).upper_limit for how in ("exact", "approximate"))
    np.testing.assert_allclose(exact.ci_high - exact.value, approximate.ci_high - approximate.value, rtol=0.12)


def test_within_subject_figures_without_bias_hold_the_truth():
    result = bland_altman(*simulated(20, bias=0.0))
    assert 0.94 < coverage(result.within_sd, 3) < 0.96
    assert 0.94 < coverage(result.repeatability_coefficient, 1.96 * np.sqrt(2) * 3) < 0.96
    # two readings of a subject differ by less in 95 % of cases
    a, b = simulated(20, bias=0.0, seed=2)
    assert np.mean(np.abs(a - b) < np.median(result.repeatability_coefficient.value)) == pytest.approx(0.95, abs=0.01)


def test_limits_hold_ninety_five_percent_of_new_differences():
    result = bland_altman(*simulated(70))
    a, b = simulated(70, seed=2)
    inside = (a - b > np.median(result.lower_limit.value)) & (a - b < np.median(result.upper_limit.value))
    assert inside.mean() == pytest.approx(0.95, abs=0.005)


def test_the_slope_is_that_of_a_regression():
    rng = np.random.default_rng(3)
    true = rng.uniform(1, 50, 40)
    a, b = 1.1 * true + rng.normal(0, 1, 40), true + rng.normal(0, 1, 40)
    result = bland_altman(a, b)
    expected = stats.linregress((a + b) / 2, a - b)
    half = stats.t.ppf(0.975, 38) * expected.stderr
    assert numbers(result.slope) == pytest.approx([expected.slope, expected.slope - half, expected.slope + half])
    assert float(result.intercept) == pytest.approx(expected.intercept)
    assert float(result.slope_p) == pytest.approx(expected.pvalue)


def test_percent_and_ratio_of_proportional_errors():
    rng = np.random.default_rng(4)
    true = np.exp(rng.normal(3, 0.7, (COLUMNS, 40)))
    a, b = (true * np.exp(rng.normal(mean, 0.1, true.shape)) for mean in (0.05, 0.0))
    ratio = bland_altman(a, b, scale="log")
    assert 0.94 < coverage(ratio.bias, np.exp(0.05)) < 0.96
    assert 0.94 < coverage(ratio.upper_limit, np.exp(0.05 + 1.959964 * 0.1 * np.sqrt(2))) < 0.96
    np.testing.assert_allclose(ratio.differences, a / b, rtol=1e-12)
    np.testing.assert_allclose(ratio.means, np.sqrt(a * b), rtol=1e-12)
    percent = bland_altman(a, b, scale="percent")
    np.testing.assert_allclose(percent.differences, 200 * (a - b) / (a + b), rtol=1e-12)
    assert np.median(percent.bias.value) == pytest.approx(5.0, abs=0.1)
    np.testing.assert_allclose(percent.within_sd.value, percent.cv.value)


def test_figures_follow_the_unit_and_the_order_of_the_readers():
    a, b = simulated(12)
    reference, scaled, swapped = bland_altman(a, b), bland_altman(1000 * a, 1000 * b), bland_altman(b, a)
    for name in ("bias", "lower_limit", "upper_limit", "within_sd"):
        for end in ("value", "ci_low", "ci_high"):
            expected = 1000 * getattr(getattr(reference, name), end)
            np.testing.assert_allclose(getattr(getattr(scaled, name), end), expected, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(scaled.slope_p, reference.slope_p, rtol=1e-6)
    np.testing.assert_allclose(swapped.lower_limit.ci_low, -reference.upper_limit.ci_high, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(swapped.bias.value, -reference.bias.value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", ["difference", "percent", "log"])
def test_columns_together_equal_one_by_one_and_missing_pairs_are_left_out(scale):
    a, b = (x[:3, :9].copy() for x in simulated(9))
    a[1, 2], b[1, 5], b[2] = np.nan, np.nan, np.nan
    together = bland_altman(a, b, scale=scale)
    np.testing.assert_array_equal(together.n, [9, 7, 0])
    np.testing.assert_array_equal(together.n_incomplete, [0, 2, 9])
    kept = np.delete(a[1], [2, 5]), np.delete(b[1], [2, 5])
    for at, alone in ((0, bland_altman(a[0], b[0], scale=scale)), (1, bland_altman(*kept, scale=scale))):
        for name in ESTIMATES:
            estimate = getattr(together, name)
            whole = [estimate.value[at], estimate.ci_low[at], estimate.ci_high[at]]
            assert whole == pytest.approx(numbers(getattr(alone, name)), rel=1e-10), name
        assert float(together.slope_p[at]) == pytest.approx(float(alone.slope_p), rel=1e-9)
    assert all(np.isnan(getattr(together, name).value[2]) for name in ESTIMATES)


@pytest.mark.parametrize(("scale", "bias"), [("difference", 0.1), ("log", 1.1)])
def test_readers_always_the_same_apart(scale, bias):
    b = np.array([0.3, 0.7, 1.1, 2.9, 5.3])
    a = b + 0.1 if scale == "difference" else 1.1 * b
    result = bland_altman(a, b, scale=scale)
    assert float(result.sd) == 0
    for estimate in (result.bias, result.lower_limit, result.upper_limit):
        assert numbers(estimate) == pytest.approx([bias] * 3, rel=1e-12)
    assert [float(result.slope.value), float(result.slope_p)] == [0, 1]


def test_two_pairs_have_limits_but_no_slope():
    result = bland_altman([1.0, 2.0], [1.1, 1.8])
    assert np.isfinite(numbers(result.upper_limit)).all()
    assert np.isnan([*numbers(result.slope), float(result.slope_p), float(result.intercept)]).all()


def test_subjects_that_are_all_alike_have_no_slope():
    result = bland_altman([5.1, 4.9, 5.2], [4.9, 5.1, 4.8])
    assert np.isnan(result.slope_p)
    assert np.isfinite(result.sd)


def test_values_around_zero_have_no_coefficient_of_variation():
    result = bland_altman([-1.0, 2.0, 3.0], [-1.2, 2.1, 3.3])
    assert np.isnan(numbers(result.cv)).all()
    assert np.isfinite(numbers(result.within_sd)).all()


def test_the_input_is_left_as_it_was():
    a, b = LARGE.astype(float), MINI.astype(float)
    a[0] = np.nan
    copies = a.copy(), b.copy()
    result = bland_altman(a, b)
    np.testing.assert_array_equal(a, copies[0])
    np.testing.assert_array_equal(b, copies[1])
    assert {field.name for field in dataclasses.fields(result)} >= {*ESTIMATES, "confidence", "interval"}


@pytest.mark.parametrize(
    ("a", "b", "options", "error", "message"),
    [
        ([1, 2, 3], [1, 2], {}, ValueError, r"b: expected the shape of a, \(3,\), got \(2,\)"),
        ([1.0], [1.0], {}, ValueError, "a: expected at least two subjects on the last axis, got shape"),
        (1.0, 2.0, {}, ValueError, "a: expected at least two subjects"),
        ([1, 2, np.inf], [1, 2, 3], {}, ValueError, "a: expected finite values, .* got 1 infinite"),
        (["x", "y"], [1, 2], {}, TypeError, "a: expected real numbers"),
        (
            [1, 2, 3],
            [1, -2, 3],
            {"scale": "log"},
            ValueError,
            r"b: expected values above 0 for the scale 'log', got 1 at .*\(lowest -2\)",
        ),
        (
            [1, 2, 3],
            [1, -2, 3],
            {"scale": "percent"},
            ValueError,
            "means of a and b: expected values above 0 for the",
        ),
        ([1, 2, 3], [1, 2, 3], {"scale": "ratio"}, ValueError, "scale: expected one of difference, log, percent; got"),
        ([1, 2, 3], [1, 2, 3], {"interval": "wide"}, ValueError, "interval: expected one of approximate, exact; got"),
        ([1, 2, 3], [1, 2, 3], {"confidence": 0}, ValueError, "confidence: expected a number between 0 and 1"),
    ],
)
def test_bad_input_is_named(a, b, options, error, message):
    with pytest.raises(error, match=message):
        bland_altman(a, b, **options)
