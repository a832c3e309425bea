"""Effect sizes with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import gammaincinv, gammaln, ndtr

from mrbiomarkers.response.intervals import Estimate
from mrbiomarkers.response.roc.area import auc

Array = NDArray[np.float64]
_FURTHEST = 1e6
_NODES = 200


def hedges_g(t: float, n: tuple[int, int], df: float, confidence: float) -> Estimate:
    """Return the standardised difference of two means from Student's t, corrected for small samples.

    The interval comes from the noncentral t distribution.

    Parameters
    ----------
    t, df : float
        Of Student's test; df is n1 + n2 - 2.
    n : tuple of two int
        Sizes.
    confidence : float
        Level of the interval.

    References
    ----------
    Hedges, J Educ Stat 1981;6:107. Interval: Steiger and Fouladi 1997.
    """
    scale = math.sqrt(1 / n[0] + 1 / n[1])
    return _standardised("Hedges g", t, df, scale, confidence)


def paired_d(t: float, n: int, confidence: float) -> Estimate:
    """Return mean difference over the standard deviation of the differences, corrected for small samples."""
    return _standardised("Hedges g of paired differences", t, n - 1.0, 1 / math.sqrt(n), confidence)


def superiority(first: Array, second: Array, confidence: float) -> Estimate:
    """Return the chance that a value of the first group is larger than one of the second, ties counted half.

    It is the area under the ROC curve; the interval is DeLong's on the logit scale.
    """
    outcome = np.repeat([1, 0], [first.size, second.size])
    found = auc(outcome, np.concatenate([first, second]), confidence=confidence).estimate
    name = "probability of superiority"
    return Estimate(name, found.value, found.ci_low, found.ci_high, confidence, found.method)


def eta_squared(f: float, df1: float, df2: float, confidence: float) -> Estimate:
    """Return the share of the variance that lies between groups, from F; interval by the noncentral F distribution.

    References
    ----------
    Steiger, Psychol Methods 2004;9:164.
    """
    value = f * df1 / (f * df1 + df2) if math.isfinite(f) else 1.0
    total = df1 + df2 + 1
    low, high = _invert(
        lambda shift: float(stats.ncf.cdf(f, df1, df2, shift)), lambda: stats.f.cdf(f, df1, df2), confidence
    )
    ends = [1 - total / (end + total) for end in (low, high)]
    return Estimate("eta squared", value, ends[0], ends[1], confidence, "noncentral F")


def epsilon_squared(
    groups: list[Array], h: float, confidence: float, *, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """Return H / (n - 1) of Kruskal and Wallis; interval of percentiles of groups drawn again.

    Groups drawn again differ more than those of the population: the lower end lies too high where the effect is near 0.
    """
    n = sum(group.size for group in groups)
    rng = np.random.default_rng(seed)
    sizes = [group.size for group in groups]
    drawn = np.concatenate([rng.choice(group, (resamples, group.size)) for group in groups], axis=1)
    ranks = stats.rankdata(drawn, axis=1)
    edges = np.cumsum([0, *sizes[:-1]])
    sums = np.add.reduceat(ranks, edges, axis=1)
    between = np.sum(sums**2 / np.array(sizes), axis=1) - n * ((n + 1) / 2) ** 2
    total = np.sum((ranks - (n + 1) / 2) ** 2, axis=1)
    shares = np.divide(between, total, out=np.zeros(resamples), where=total > 0)
    low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2])
    method = f"bootstrap percentiles, {resamples} resamples, seed {seed}"
    return Estimate("epsilon squared", h / (n - 1), float(low), float(high), confidence, method)


def cramers_v(chi2: float, df: int, total: int, smallest: int, confidence: float) -> Estimate:
    """Return Cramer's V; interval by the noncentral chi-square distribution.

    Parameters
    ----------
    chi2 : float
        Of the test without Yates' correction.
    df, total : int
        Its degrees of freedom, and the number of patients.
    smallest : int
        Rows or columns, whichever are fewer.
    confidence : float
        Level of the interval.

    References
    ----------
    Smithson, Confidence Intervals, 2003, chapter 4.
    """
    scale = total * (smallest - 1)
    low, high = _invert(
        lambda shift: float(stats.ncx2.cdf(chi2, df, shift)), lambda: stats.chi2.cdf(chi2, df), confidence
    )
    ends = [min(math.sqrt(end / scale), 1.0) for end in (low, high)]
    return Estimate("Cramer's V", math.sqrt(chi2 / scale), ends[0], ends[1], confidence, "noncentral chi-square")


def _standardised(name: str, t: float, df: float, scale: float, confidence: float) -> Estimate:
    if not math.isfinite(t):
        return Estimate(name, math.nan, math.nan, math.nan, confidence, "noncentral t")
    small = math.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) * math.sqrt(2 / df) if df > 1 else math.nan
    # SciPy's own noncentral t is NaN where the signs of t and shift differ much: the chance is summed here, over the
    # possible standard deviations
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    spreads = t * np.sqrt(2 * gammaincinv(df / 2, (1 + node) / 2) / df)
    reach = 10 + 3 * float(np.abs(spreads).max())

    def shift(level: float) -> float:
        return float(optimize.brentq(lambda nc: float(weight @ ndtr(spreads - nc)) / 2 - level, t - reach, t + reach))

    factor, tail = scale * small, (1 - confidence) / 2
    return Estimate(name, t * factor, shift(1 - tail) * factor, shift(tail) * factor, confidence, "noncentral t")


def _invert(cdf: Callable[[float], float], central: Callable[[], float], confidence: float) -> tuple[float, float]:
    """Return the noncentralities at which the statistic found is the upper and the lower end of what is likely."""
    tail = (1 - confidence) / 2
    ends = []
    for level in (1 - tail, tail):
        if central() <= level:
            ends.append(0.0)
            continue
        top = 1.0
        while cdf(top) > level and top < _FURTHEST:
            top *= 2
        ends.append(
            float(optimize.brentq(lambda shift, goal=level: cdf(shift) - goal, 0.0, top))
            if top < _FURTHEST
            else math.inf
        )
    return ends[0], ends[1]
