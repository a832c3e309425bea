"""Intervals of proportions: published examples, SciPy's own, simulated coverage, and bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.checks import check_level
from mrbiomarkers.response.intervals import check_count, proportion


@pytest.mark.parametrize(("k", "n"), [(0, 7), (3, 7), (7, 7), (43, 50), (158, 231)])
@pytest.mark.parametrize(("interval", "peer"), [("clopper-pearson", "exact"), ("wilson", "wilson")])
def test_intervals_are_those_of_scipy(k, n, interval, peer):
    ours = proportion(k, n, interval=interval, confidence=0.9)
    theirs = stats.binomtest(k, n).proportion_ci(0.9, method=peer)

    assert ours.value == k / n
    assert (ours.ci_low, ours.ci_high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_of_newcombe_1998():
    # Newcombe, Stat Med 1998;17:857, table I: 81 of 263
    found = proportion(81, 263, interval="wilson")
    assert (round(found.ci_low, 4), round(found.ci_high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize(("interval", "least", "most"), [("clopper-pearson", 0.95, 0.999), ("wilson", 0.92, 0.975)])
@pytest.mark.parametrize("p", [0.2, 0.5, 0.85])
def test_coverage_summed_over_all_counts(interval, least, most, p):
    n = 40
    counts = np.arange(n + 1)
    found = [proportion(int(k), n, interval=interval) for k in counts]
    holds = np.array([one.ci_low <= p <= one.ci_high for one in found])

    assert least <= stats.binom.pmf(counts, n, p)[holds].sum() <= most


def test_no_patients_give_no_figure():
    found = proportion(0, 0)
    assert math.isnan(found.value)
    assert math.isnan(found.ci_low)


def test_the_record_says_method_and_level():
    assert proportion(1, 4, confidence=0.9).record("ppv")["ppv_interval"] == "90 % Clopper-Pearson"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="count: expected at most the total of 4, got 5"):
        proportion(5, 4)
    with pytest.raises(ValueError, match="in percent"):
        check_level("confidence", 95)
    for bad in (-1, 2.5, True, math.nan):
        with pytest.raises(ValueError, match="n: expected a whole number of 0 or more"):
            check_count("n", bad)
    with pytest.raises(ValueError, match="interval: expected one of clopper-pearson, wilson"):
        proportion(1, 2, interval="wald")
