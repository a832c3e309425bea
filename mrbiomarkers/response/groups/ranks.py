"""Tests by ranks: Mann-Whitney, Kruskal-Wallis, Wilcoxon's signed ranks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mrbiomarkers.response.groups.effects import epsilon_squared, superiority
from mrbiomarkers.response.groups.results import GroupTest
from mrbiomarkers.response.intervals import Estimate

Array = NDArray[np.float64]
_EXACT_MOST = 25
_SHIFT_MOST = 5_000_000


def mann_whitney(first: Array, second: Array, *, exact: bool | None, continuity: bool, confidence: float) -> GroupTest:
    """Compare two groups by ranks, with the Hodges-Lehmann shift and the probability of superiority.

    Parameters
    ----------
    first, second : (m,), (n,) array
        Values, none missing.
    exact : bool, optional
        Exact p, or the normal approximation; None: exact with at most 25 values a group and no ties.
    continuity : bool
        Of the approximation: corrected as R does it, or not, as SPSS does it.
    confidence : float
        Level of the intervals.

    Raises
    ------
    ValueError
        When an exact p is asked for and values are tied.
    """
    both = np.concatenate([first, second])
    tied = np.unique(both).size < both.size
    use = (not tied and max(first.size, second.size) <= _EXACT_MOST) if exact is None else exact
    if use and tied:
        raise ValueError("exact: values are tied, so there is no exact p; leave it to the approximation")
    u = float(stats.rankdata(both)[: first.size].sum() - first.size * (first.size + 1) / 2)
    warnings: tuple[str, ...] = ()
    if np.ptp(both) == 0:
        p, how = 1.0, "no test: all values are equal"
        warnings = ("all values are equal: there is nothing to test",)
    else:
        method = "exact" if use else "asymptotic"
        p = float(stats.mannwhitneyu(first, second, method=method, use_continuity=continuity).pvalue)
        how = "exact" if use else _approximation(tied, continuity)
    effects = (superiority(first, second, confidence),)
    sizes = (first.size, second.size)
    test, shift = f"Mann-Whitney U test ({how})", _shift(first, second, confidence)
    return GroupTest(test, "U", u, (), p, (), sizes, (0, 0), shift, effects, warnings=warnings)


def kruskal_wallis(groups: list[Array], *, confidence: float) -> GroupTest:
    """Compare several groups by ranks, corrected for ties, with epsilon squared."""
    both = np.concatenate(groups)
    df, sizes = len(groups) - 1.0, tuple(group.size for group in groups)
    if np.ptp(both) == 0:
        warning = "all values are equal: there is nothing to test"
        return GroupTest(
            "Kruskal-Wallis test", "H", 0.0, (df,), 1.0, (), sizes, (0,) * len(groups), warnings=(warning,)
        )
    found = stats.kruskal(*groups)
    h = float(found.statistic)
    effects = (epsilon_squared(groups, h, confidence),)
    return GroupTest(
        "Kruskal-Wallis test", "H", h, (df,), float(found.pvalue), (), sizes, (0,) * len(groups), None, effects
    )


def signed_ranks(differences: Array, *, continuity: bool, confidence: float) -> GroupTest:
    """Test paired differences by Wilcoxon's signed ranks; pairs without difference are left out, as Wilcoxon did.

    Exact with at most 25 differences, none tied and none 0; otherwise the normal approximation.
    """
    moved = differences[differences != 0]
    size = np.abs(moved)
    tied = np.unique(size).size < size.size
    ranks = stats.rankdata(size)
    w = float(ranks[moved > 0].sum())
    n = moved.size
    equal = differences.size - n
    warnings = (f"{equal} pairs without difference are left out of the ranks",) if equal else ()
    if n == 0:
        p, how = 1.0, "no test: no pair differs"
    elif not tied and not equal and n <= _EXACT_MOST:
        p, how = float(stats.wilcoxon(moved, method="exact").pvalue), "exact"
    else:
        ties = np.unique(size, return_counts=True)[1].astype(np.float64)
        spread = math.sqrt((n * (n + 1) * (2 * n + 1) - np.sum(ties**3 - ties) / 2) / 24)
        off = max(abs(w - n * (n + 1) / 4) - (0.5 if continuity else 0.0), 0.0)
        p, how = float(2 * stats.norm.sf(off / spread)), _approximation(tied, continuity)
    effect = _rank_biserial(moved, w, confidence)
    test, shift = f"Wilcoxon signed-rank test ({how})", _median_of_means(differences, confidence)
    return GroupTest(test, "W", w, (), min(p, 1.0), (), (differences.size,), (0,), shift, (effect,), warnings=warnings)


def _approximation(tied: bool, continuity: bool) -> str:
    ties = ", corrected for ties" if tied else ""
    return f"normal approximation{ties}, {'with' if continuity else 'without'} continuity correction"


def _shift(first: Array, second: Array, confidence: float) -> Estimate:
    """Return the median of all differences of a value of each group (Hodges and Lehmann 1963, interval of Moses)."""
    name, z = "Hodges-Lehmann shift", float(stats.norm.ppf((1 + confidence) / 2))
    m, n = first.size, second.size
    if m * n > _SHIFT_MOST:
        return Estimate(
            "difference of medians", float(np.median(first) - np.median(second)), math.nan, math.nan, confidence
        )
    ordered = np.sort((first[:, None] - second).ravel())
    place = math.floor(m * n / 2 - z * math.sqrt(m * n * (m + n + 1) / 12))
    return _between(name, ordered, place, confidence)


def _median_of_means(differences: Array, confidence: float) -> Estimate:
    """Return the median of the means of all pairs of differences (Walsh averages)."""
    name, n = "Hodges-Lehmann median of the differences", differences.size
    z = float(stats.norm.ppf((1 + confidence) / 2))
    if n * n > _SHIFT_MOST:
        return Estimate("median of the differences", float(np.median(differences)), math.nan, math.nan, confidence)
    one, other = np.triu_indices(n)
    ordered = np.sort((differences[one] + differences[other]) / 2)
    place = math.floor(n * (n + 1) / 4 - z * math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    return _between(name, ordered, place, confidence)


def _rank_biserial(moved: Array, w: float, confidence: float, *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Return the share of ranks for less that against an increase; interval of percentiles of pairs drawn again."""
    name, n = "matched rank-biserial correlation", moved.size
    if n == 0:
        return Estimate(name, 0.0, math.nan, math.nan, confidence)
    drawn = np.random.default_rng(seed).choice(moved, (resamples, n))
    ranks = stats.rankdata(np.abs(drawn), axis=1)
    half = n * (n + 1) / 4
    shares = np.sum(ranks * (drawn > 0), axis=1) / half - 1
    low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2])
    method = f"bootstrap percentiles, {resamples} resamples, seed {seed}"
    return Estimate(name, w / half - 1, float(low), float(high), confidence, method)


def _between(name: str, ordered: Array, place: int, confidence: float) -> Estimate:
    """Return the median with the values ``place`` from both ends; too few values have no interval."""
    middle, how = float(np.median(ordered)), "by ranks, normal approximation"
    if place < 1:
        return Estimate(name, middle, -math.inf, math.inf, confidence, how)
    return Estimate(name, middle, float(ordered[place - 1]), float(ordered[-place]), confidence, how)
