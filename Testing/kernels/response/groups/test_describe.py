"""Normality, descriptions, correction of p, and effect sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.response.groups import Summary, adjust_p, compare_summaries, describe, normality
from mrbiomarkers.response.groups.effects import eta_squared, hedges_g


def test_normality_is_shapiro_and_wilk_and_says_so():
    values = np.random.default_rng(1).normal(5e6, 1, 40)
    found, peer = normality(values), stats.shapiro(values - 5e6)
    assert (found.statistic, found.p) == pytest.approx((peer.statistic, peer.pvalue), abs=1e-6)
    assert found.normal
    assert found.text.startswith("Shapiro-Wilk p = ")
    assert not normality(np.exp(2 * (values - 5e6))).normal


@pytest.mark.parametrize(
    ("values", "why"), [([1, 2, None], "fewer than three"), ([4, 4, 4, 4], "all values are equal")]
)
def test_what_cannot_be_tested_is_not_normal_and_says_why(values, why):
    found = normality(values)
    assert not found.normal
    assert why in found.text


def test_many_values_are_tested_by_dagostino():
    assert normality(np.random.default_rng(3).normal(size=6000)).test == "D'Agostino-Pearson"


def test_descriptions():
    found = describe([1, 2, 3, 4, 10, None, math.nan])
    assert (found.n, found.n_missing, found.mean, found.median) == (5, 2, 4, 3)
    assert (found.p25, found.p75) == (2, 4)
    spss = describe([1, 2, 3, 4, 10], quartiles="weibull")
    assert (spss.p25, spss.p75) == (1.5, 7)
    assert found.text(normal=True, digits=1) == "4.0 ± 3.5"
    assert found.text(normal=False, digits=0) == "3 (2, 4)"
    assert found.record()["normality_test"] == "Shapiro-Wilk"
    assert describe([None]).text() == "no values"
    assert math.isnan(describe([3]).sd)


def test_corrections():
    # Benjamini and Hochberg 1995, table of 15 p: four are found at 0.05
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.324,
        0.4262,
        0.5719,
        0.6528,
        0.759,
        1,
    ]
    assert np.sum(adjust_p(p) <= 0.05) == 4
    assert np.sum(adjust_p(p, "bonferroni") <= 0.05) == 3
    np.testing.assert_allclose(adjust_p(p), stats.false_discovery_control(p))
    np.testing.assert_allclose(adjust_p(p, "by"), stats.false_discovery_control(p, method="by"))
    np.testing.assert_allclose(adjust_p([0.01, 0.04, 0.03], "holm"), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(adjust_p([0.04, math.nan, 0.02]), [0.04, math.nan, 0.04])
    with pytest.raises(ValueError, match="p: expected values from 0 to 1"):
        adjust_p([0.5, 1.5])
    with pytest.raises(ValueError, match="method: expected one of"):
        adjust_p([0.5], "sidak")


@pytest.mark.parametrize(("t", "n"), [(-6.298, (20, 50)), (0.4, (8, 9)), (2.2, (3, 3))])
def test_the_interval_of_hedges_g_solves_the_noncentral_t(t, n):
    df = sum(n) - 2
    found = hedges_g(t, n, df, 0.95)
    small = math.gamma(df / 2) / (math.sqrt(df / 2) * math.gamma((df - 1) / 2))
    scale = math.sqrt(1 / n[0] + 1 / n[1]) * small
    assert found.value == pytest.approx(t * scale)
    for end, chance in ((found.ci_low, 0.975), (found.ci_high, 0.025)):
        drawn = np.random.default_rng(0)
        sample = (drawn.normal(size=400_000) + end / scale) / np.sqrt(drawn.chisquare(df, 400_000) / df)
        assert np.mean(sample <= t) == pytest.approx(chance, abs=0.0015)


def test_the_interval_of_hedges_g_holds_the_truth():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(500):
        a, b = rng.normal(0.8, 1, 12), rng.normal(0, 1, 18)
        parts = [Summary(x.size, float(x.mean()), float(x.std(ddof=1))) for x in (a, b)]
        found = compare_summaries(parts).effects[0]
        held += found.ci_low <= 0.8 <= found.ci_high
    assert 0.93 <= held / 500 <= 0.98


def test_eta_squared():
    found = eta_squared(5.0, 2, 60, 0.9)
    shift = [63 * end / (1 - end) for end in (found.ci_low, found.ci_high)]
    assert found.value == pytest.approx(10 / 70)
    assert stats.ncf.cdf(5.0, 2, 60, shift) == pytest.approx([0.95, 0.05], abs=1e-6)
    assert eta_squared(0.2, 2, 60, 0.95).ci_low == 0
