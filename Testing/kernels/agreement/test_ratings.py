"""What the figures of agreement share: checks, and the interval of a standard deviation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.agreement.ratings import (
    Z95,
    check_above_zero,
    check_not_infinite,
    check_ratings,
    spread_estimate,
)
from mrbiomarkers.checks import check_level


def test_the_normal_point():
    assert pytest.approx(stats.norm.ppf(0.975), rel=1e-14) == Z95


def test_the_interval_of_a_standard_deviation_is_that_of_the_table():
    # chi-square with 10 degrees of freedom: 3.247 and 20.483
    estimate = spread_estimate(np.array(2.0), np.array(10), 0.95)
    assert float(estimate.ci_low) == pytest.approx(2 * np.sqrt(10 / 20.483), rel=1e-4)
    assert float(estimate.ci_high) == pytest.approx(2 * np.sqrt(10 / 3.247), rel=1e-4)
    assert float(estimate.value) == 2


def test_without_degrees_of_freedom_there_is_no_interval():
    estimate = spread_estimate(np.array([1.0, 2.0]), np.array([0, 3]), 0.95)
    np.testing.assert_array_equal(np.isnan(estimate.ci_low), [True, False])
    np.testing.assert_array_equal(np.isnan(estimate.ci_high), [True, False])


def test_missing_values_pass_the_checks_and_types_become_double():
    values = np.array([[1, np.nan], [2, 3]], dtype=np.float32)
    checked = check_ratings("x", values, "raters")
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, values)
    check_not_infinite("x", checked)
    check_above_zero("x", checked, "log")
    assert check_level("confidence", 0.9) == 0.9


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"x: expected shape \(..., subjects, echoes\), got \(3,\)"):
        check_ratings("x", np.ones(3), "echoes")
    with pytest.raises(ValueError, match="x: expected values above 0 for the scale 'log', got 2 at or below 0"):
        check_above_zero("x", np.array([0.0, -1.0, 1.0]), "log")
    for value in (0.0, 1.0, -0.5, float("nan")):
        with pytest.raises(ValueError, match="confidence: expected a number between 0 and 1"):
            check_level("confidence", value)
