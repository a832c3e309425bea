"""Repeatability: published figures, simulated coverage, missing measurements and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.agreement import bland_altman, repeatability

# Bland and Altman 1986, table 1: two peak flows of 17 subjects by each meter [l/min].
LARGE = np.array(
    [
        [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427],
        [490, 397, 512, 401, 470, 611, 415, 431, 638, 429, 420, 633, 275, 492, 165, 372, 421],
    ]
).T
MINI = np.array(
    [
        [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451],
        [525, 415, 508, 444, 500, 625, 460, 390, 642, 432, 420, 605, 227, 467, 268, 370, 443],
    ]
).T


def numbers(estimate):
    return [float(estimate.value), float(estimate.ci_low), float(estimate.ci_high)]


def coverage(estimate, truth):
    return np.mean((estimate.ci_low <= truth) & (truth <= estimate.ci_high))


@pytest.mark.parametrize(("ratings", "spread"), [(LARGE, 21.6), (MINI, 28.2)])
def test_peak_flow_of_1986(ratings, spread):
    # the paper: standard deviation of the differences around 0; its coefficient is twice that, here 1.96 times
    result = repeatability(ratings)
    assert np.sqrt(2) * float(result.within_sd.value) == pytest.approx(spread, abs=0.05)
    assert float(result.coefficient.value) == pytest.approx(1.96 * spread, abs=0.1)
    assert (int(result.df), int(result.n_subjects), int(result.n_incomplete)) == (17, 17, 0)
    assert float(result.mean) == pytest.approx(ratings.mean())


@pytest.mark.parametrize("k", [2, 3, 6])
def test_figures_are_those_of_the_analysis_of_variance(k):
    ratings = np.random.default_rng(k).normal(10, 2, (9, k))
    result = repeatability(ratings)
    variances = ratings.var(axis=1, ddof=1)
    assert float(result.within_sd.value) == pytest.approx(np.sqrt(variances.mean()), rel=1e-12)
    expected = 100 * np.sqrt(np.mean(variances / ratings.mean(axis=1) ** 2))
    assert float(result.cv.value) == pytest.approx(expected, rel=1e-12)
    assert int(result.df) == 9 * (k - 1)


@pytest.mark.parametrize(("scale", "name"), [("difference", "within_sd"), ("difference", "coefficient")])
def test_intervals_of_even_errors_hold_the_truth(scale, name):
    rng = np.random.default_rng(1)
    ratings = rng.normal(50, 10, (4000, 12, 1)) + rng.normal(0, 2, (4000, 12, 3))
    truth = {"within_sd": 2.0, "coefficient": 1.959964 * np.sqrt(2) * 2}[name]
    assert 0.94 < coverage(getattr(repeatability(ratings, scale=scale), name), truth) < 0.96


@pytest.mark.parametrize("scale", ["percent", "log"])
def test_intervals_of_proportional_errors_hold_the_truth(scale):
    rng = np.random.default_rng(2)
    ratings = np.exp(rng.normal(3, 0.5, (4000, 12, 1)) + rng.normal(0, 0.1, (4000, 12, 3)))
    result = repeatability(ratings, scale=scale)
    truth = 100 * np.sqrt(np.exp(0.01) - 1)  # of a lognormal error
    assert 0.93 < coverage(result.cv, truth) < 0.97
    assert np.median(result.cv.value) == pytest.approx(truth, rel=0.03)
    if scale == "log":
        assert 0.94 < coverage(result.within_sd, 0.1) < 0.96
        assert 0.94 < coverage(result.coefficient, np.exp(1.959964 * np.sqrt(2) * 0.1)) < 0.96
        np.testing.assert_allclose(result.mean, np.exp(np.log(ratings).mean(axis=(1, 2))), rtol=1e-12)


def test_the_factor_of_the_log_scale_holds_95_percent_of_ratios():
    rng = np.random.default_rng(3)
    ratings = np.exp(rng.normal(3, 0.5, (20000, 1)) + rng.normal(0, 0.1, (20000, 2)))
    factor = float(repeatability(ratings, scale="log").coefficient.value)
    ratios = np.maximum(ratings[:, 0] / ratings[:, 1], ratings[:, 1] / ratings[:, 0])
    assert np.mean(ratios < factor) == pytest.approx(0.95, abs=0.005)


def test_two_measurements_equal_the_bland_altman_figures():
    result, pairs = repeatability(LARGE), bland_altman(*LARGE.T)
    assert numbers(result.within_sd) == numbers(pairs.within_sd)
    assert numbers(result.coefficient) == numbers(pairs.repeatability_coefficient)


def test_subjects_with_unequal_numbers_count_by_their_degrees_of_freedom():
    ratings = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0], [7.0, np.nan, np.nan], [np.nan] * 3])
    result = repeatability(ratings)
    assert float(result.within_sd.value) == pytest.approx(np.sqrt((2 + 2) / 3))  # sums of squares 2 and 2; 2 + 1
    assert (int(result.df), int(result.n_subjects), int(result.n_incomplete)) == (3, 2, 2)
    assert float(result.mean) == pytest.approx(3.5)


@pytest.mark.parametrize("scale", ["difference", "percent", "log"])
def test_columns_together_equal_one_by_one(scale):
    ratings = np.random.default_rng(4).uniform(1, 9, (3, 2, 6, 3))
    ratings[0, 1, 2, 0] = ratings[2, 0, :, 1:] = np.nan
    together = repeatability(ratings, scale=scale)
    assert np.isnan(together.within_sd.value[2, 0])
    assert int(together.n_subjects[2, 0]) == 0
    for at in np.ndindex(3, 2):
        alone = repeatability(ratings[at], scale=scale)
        for name in ("within_sd", "coefficient", "cv"):
            estimate = getattr(together, name)
            whole = [estimate.value[at], estimate.ci_low[at], estimate.ci_high[at]]
            assert whole == pytest.approx(numbers(getattr(alone, name)), rel=1e-10, nan_ok=True)
        assert together.mean[at] == pytest.approx(float(alone.mean), nan_ok=True)


def test_identical_measurements_repeat_exactly():
    result = repeatability(np.repeat([[1.0], [2.0], [5.0]], 3, axis=1))
    assert numbers(result.within_sd) == numbers(result.coefficient) == numbers(result.cv) == [0, 0, 0]


@pytest.mark.parametrize(
    ("ratings", "options", "error", "message"),
    [
        (LARGE[:1], {}, ValueError, "ratings: expected at least two subjects, got 1"),
        (LARGE[:, :1], {}, ValueError, "ratings: expected at least two measurements, got 1"),
        (
            LARGE - 178.0,
            {"scale": "log"},
            ValueError,
            r"ratings: expected values above 0 for the scale 'log', got 2 at",
        ),
        (LARGE - 500, {"scale": "percent"}, ValueError, "means of the subjects in ratings: expected values above 0"),
        (LARGE, {"scale": "square"}, ValueError, "scale: expected one of difference, log, percent; got 'square'"),
        (LARGE, {"confidence": 1.0}, ValueError, "confidence: expected a number between 0 and 1, as 0.95; got 1"),
        (LARGE.astype(str), {}, TypeError, "ratings: expected real numbers"),
    ],
)
def test_bad_input_is_named(ratings, options, error, message):
    with pytest.raises(error, match=message):
        repeatability(ratings, **options)
