"""Comparisons of two groups each after the test of several."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mrbiomarkers.response.groups.adjust import adjust_p
from mrbiomarkers.response.groups.means import Summary
from mrbiomarkers.response.groups.results import PairComparison
from mrbiomarkers.response.intervals import Estimate

Array = NDArray[np.float64]
POSTHOC = {
    "tukey": "Tukey-Kramer",
    "lsd": "Fisher's LSD (not corrected)",
    "holm": "pairwise t, pooled variance, Holm",
    "bonferroni": "pairwise t, pooled variance, Bonferroni",
    "games-howell": "Games-Howell",
    "dunn-holm": "Dunn, Holm",
    "dunn-bonferroni": "Dunn, Bonferroni",
}
USUAL = {"anova": "tukey", "welch-anova": "games-howell", "kruskal-wallis": "dunn-holm"}
FITTING = {
    "anova": ("tukey", "lsd", "holm", "bonferroni"),
    "welch-anova": ("games-howell",),
    "kruskal-wallis": ("dunn-holm", "dunn-bonferroni"),
}


def compare_means(groups: Sequence[Summary], method: str, confidence: float) -> tuple[PairComparison, ...]:
    """Compare every two groups after ANOVA.

    Parameters
    ----------
    groups : sequence of Summary
        Three or more, of which one varies at least.
    method : {"tukey", "lsd", "holm", "bonferroni", "games-howell"}
        The last does not suppose equal variances. Intervals of ``"holm"`` are those of Bonferroni.
    confidence : float
        Of all intervals together; of each with ``"lsd"``.

    References
    ----------
    Kramer, Biometrics 1956;12:307. Games and Howell, J Educ Stat 1976;1:113.
    """
    couples = list(itertools.combinations(groups, 2))
    k, df = len(groups), float(sum(group.n - 1 for group in groups))
    pooled = sum((group.n - 1) * group.sd**2 for group in groups) / df
    statistic, p, halves = [], [], []
    for one, other in couples:
        parts = (one.sd**2 / one.n, other.sd**2 / other.n)
        error, free = math.sqrt(pooled * (1 / one.n + 1 / other.n)), df
        if method == "games-howell":
            error = math.sqrt(sum(parts))
            free = sum(parts) ** 2 / (parts[0] ** 2 / (one.n - 1) + parts[1] ** 2 / (other.n - 1))
        t = (one.mean - other.mean) / error
        if method in ("tukey", "games-howell"):
            statistic.append(t * math.sqrt(2))
            p.append(float(stats.studentized_range.sf(abs(t) * math.sqrt(2), k, free)))
            halves.append(error * float(stats.studentized_range.ppf(confidence, k, free)) / math.sqrt(2))
        else:
            statistic.append(t)
            p.append(float(2 * stats.t.sf(abs(t), free)))
            share = 1 if method == "lsd" else len(couples)
            halves.append(error * float(stats.t.isf((1 - confidence) / (2 * share), free)))
    corrected = adjust_p(p, method) if method in ("holm", "bonferroni") else np.array(p)
    name = POSTHOC[method]
    found = []
    for (one, other), value, chance, half in zip(couples, statistic, corrected, halves, strict=True):
        gap = one.mean - other.mean
        estimate = Estimate("difference of means", gap, gap - half, gap + half, confidence, name)
        found.append(PairComparison(one.name, other.name, name, value, float(min(chance, 1.0)), estimate))
    return tuple(found)


def compare_ranks(groups: Sequence[Array], names: Sequence[str], method: str) -> tuple[PairComparison, ...]:
    """Compare the mean ranks of every two groups after Kruskal and Wallis, corrected for ties.

    Parameters
    ----------
    groups : sequence of (n,) array
        Three or more, not all values equal.
    names : sequence of str
        Of the groups.
    method : {"dunn-holm", "dunn-bonferroni"}
        Correction for the number of comparisons.

    References
    ----------
    Dunn, Technometrics 1964;6:241.
    """
    both = np.concatenate(groups)
    ranks, total = stats.rankdata(both), both.size
    parts = np.split(ranks, np.cumsum([group.size for group in groups])[:-1])
    ties = np.unique(both, return_counts=True)[1].astype(np.float64)
    variance = (total * (total + 1) - np.sum(ties**3 - ties) / (total - 1)) / 12
    couples = list(itertools.combinations(range(len(groups)), 2))
    z = [
        float((parts[a].mean() - parts[b].mean()) / math.sqrt(variance * (1 / parts[a].size + 1 / parts[b].size)))
        for a, b in couples
    ]
    p = adjust_p([float(2 * stats.norm.sf(abs(value))) for value in z], method.removeprefix("dunn-"))
    return tuple(
        PairComparison(names[a], names[b], POSTHOC[method], value, float(chance))
        for (a, b), value, chance in zip(couples, z, p, strict=True)
    )
