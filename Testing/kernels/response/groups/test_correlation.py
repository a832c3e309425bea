"""Correlation: SciPy and pingouin, coverage of the intervals, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.response.groups import correlate

X = [6.1, 7.4, 5.9, 8.2, 6.6, 7.9, 9.1, 8.4, 6.8, 8.8, 9.9, 5.2, 6.3, 4.9, 5.5]
Y = [3.1, 4.4, 2.9, 5.2, 3.6, 4.9, 5.1, 6.4, 3.8, 4.8, 6.9, 7.2, 2.3, 2.9, 3.5]
Z = [1, 4, 2, 8, 5, 7, 1, 3, 9, 6, 4, 2, 8, 7, 5]


def test_pearson_and_spearman_are_those_of_scipy():
    found, peer = correlate(X, Y, method="pearson"), stats.pearsonr(X, Y)
    interval = peer.confidence_interval()
    assert (found.estimate.value, found.p) == pytest.approx((peer.statistic, peer.pvalue))
    assert (found.estimate.ci_low, found.estimate.ci_high) == pytest.approx((interval.low, interval.high))
    found, peer = correlate(X, Y, method="spearman"), stats.spearmanr(X, Y)
    assert (found.estimate.value, found.p) == pytest.approx((peer.statistic, peer.pvalue))
    half = 1.959963984540054 * np.sqrt((1 + peer.statistic**2 / 2) / 12)
    ends = np.tanh(np.arctanh(peer.statistic) + np.array([-half, half]))
    assert (found.estimate.ci_low, found.estimate.ci_high) == pytest.approx(tuple(ends))


@pytest.mark.parametrize(
    ("method", "r", "p"),
    [("pearson", 0.5612922215600205, 0.03675526911103763), ("spearman", 0.5923611256949858, 0.025609453690437878)],
)
def test_partial_correlation_is_that_of_pingouin(method, r, p):
    found = correlate(X, Y, method=method, constant={"age": Z})
    assert (found.estimate.value, found.p) == pytest.approx((r, p), abs=1e-10)
    assert "held constant: age" in found.test
    if method == "pearson":  # pingouin prints two digits
        assert (round(found.estimate.ci_low, 2), round(found.estimate.ci_high, 2)) == (0.04, 0.84)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_intervals_hold_the_truth(method):
    rng = np.random.default_rng(1)
    r = 0.7
    truth = r if method == "pearson" else 6 / np.pi * np.arcsin(r / 2)
    held = 0
    for _ in range(500):
        x, e = rng.normal(size=(2, 40))
        found = correlate(x, r * x + np.sqrt(1 - r * r) * e, method=method).estimate
        held += found.ci_low <= truth <= found.ci_high
    assert 0.92 <= held / 500 <= 0.975


def test_auto_says_why_and_counts_what_is_missing():
    rng = np.random.default_rng(2)
    x = rng.normal(size=50)
    assert correlate(x, x + rng.normal(size=50)).test == "Pearson correlation"
    skewed = correlate([*np.exp(3 * x), None], [*x, 1.0])
    assert skewed.test == "Spearman rank correlation"
    assert "not normal" in skewed.reason
    assert skewed.estimate.value == pytest.approx(1)
    assert skewed.record()["n_missing"] == 1


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([1, 2, 3, 4], [1, 2, 3], {}, "y: expected 4 values, one for each patient, got 3"),
        ([1, 2, 3], [3, 1, 2], {}, "at least 4 patients with all values, got 3"),
        ([1, 2, 3, 4], [5, 5, 5, 5], {}, "y: it does not vary among the 4 patients"),
        ([1, 2, "-", 4], [5, 6, 7, 8], {}, "x: expected a number in row 3, got '-'"),
        ([1, 2, 3, 5, 9], [5, 1, 4, 2, 2], {"constant": {"a": [2, 4, 6, 10, 18]}}, "linear combination"),
        ([1, 2, 3, 4], [5, 6, 7, 9], {"method": "kendall"}, "method: expected one of"),
    ],
)
def test_bad_input_is_named(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        correlate(x, y, **{"method": "pearson"} | options)
