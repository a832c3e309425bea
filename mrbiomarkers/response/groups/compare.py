"""Figures of two or more groups compared, and figures before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrbiomarkers.checks import check_choice, check_level
from mrbiomarkers.response.groups.effects import paired_d
from mrbiomarkers.response.groups.means import MEAN_TESTS, Summary, compare_summaries
from mrbiomarkers.response.groups.normality import normality
from mrbiomarkers.response.groups.posthoc import FITTING, USUAL, compare_means, compare_ranks
from mrbiomarkers.response.groups.ranks import Array, kruskal_wallis, mann_whitney, signed_ranks
from mrbiomarkers.response.groups.results import GroupTest
from mrbiomarkers.response.groups.split import split_by_group
from mrbiomarkers.response.intervals import Estimate
from mrbiomarkers.response.labels import Label, read_numbers

_TESTS = ("auto", *MEAN_TESTS, "mann-whitney", "kruskal-wallis")
_VARIANCES = ("equal", "unequal", "levene")
_PAIRED = ("auto", "t", "wilcoxon")


def compare_groups(
    values: Sequence[Any] | ArrayLike,
    groups: Sequence[Any] | ArrayLike,
    *,
    test: str = "auto",
    variances: str = "equal",
    order: Sequence[Label] | None = None,
    posthoc: str | None = None,
    exact: bool | None = None,
    continuity: bool = True,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> GroupTest:
    """Compare figures of independent groups.

    Parameters
    ----------
    values : (n,) sequence
        Figures; missing ones are left out and counted.
    groups : (n,) sequence
        Group of each; patients without one are left out and counted.
    test : str
        ``"auto"``, ``"student"``, ``"welch"``, ``"anova"``, ``"welch-anova"``, ``"mann-whitney"`` or
        ``"kruskal-wallis"``. ``"auto"``: by means when every group is normal by Shapiro and Wilk, otherwise by ranks.
    variances : {"equal", "unequal", "levene"}
        Of ``"auto"`` by means: Student and ANOVA; Welch's tests; or what Levene's test (about means, as in SPSS) says.
    order : sequence, optional
        Groups in the order of the result; differences are first minus second. Without it as sorted.
    posthoc : str, optional
        With three groups or more: ``"tukey"``, ``"lsd"``, ``"holm"``, ``"bonferroni"`` after ANOVA, ``"games-howell"``
        after Welch's, ``"dunn-holm"``, ``"dunn-bonferroni"`` after Kruskal-Wallis, ``"none"``. Without it the first.
    exact : bool, optional
        Of Mann-Whitney: None is exact with at most 25 values a group and no ties.
    continuity : bool
        Of the normal approximation of Mann-Whitney: as R does it; False as SPSS does it.
    alpha : float
        Level of the tests of normality and of variances.
    confidence : float
        Level of the intervals.

    Returns
    -------
    GroupTest
        The test is named, and why it was taken.

    Raises
    ------
    ValueError
        When lengths differ, a value is text or infinite, there are fewer than two groups, a group has fewer than two
        values, a column is constant in a test of means, or an argument is not allowed.

    Notes
    -----
    A test chosen by a test of normality is not independent of the data; name a test beforehand where one can.
    """
    check_choice("test", test, _TESTS)
    check_choice("variances", variances, _VARIANCES)
    check_level("alpha", alpha)
    level = check_level("confidence", confidence)
    split = split_by_group(values, groups, order=order)
    for name, part in zip(split.names, split.values, strict=True):
        if part.size < 2:
            raise ValueError(f"values: expected two or more in group {name!r}, got {part.size}")
    chosen, reason = _chosen(list(split.values), test, variances, alpha)
    _check_fits(chosen, len(split.names), posthoc)
    if chosen == "mann-whitney":
        found = mann_whitney(*split.values, exact=exact, continuity=continuity, confidence=level)
    elif chosen == "kruskal-wallis":
        found = kruskal_wallis(list(split.values), confidence=level)
    else:
        found = compare_summaries(_summaries(split.values, split.names), test=chosen, confidence=level)
    if len(split.names) > 2 and posthoc != "none" and found.p < 1:
        how = posthoc or USUAL[chosen]
        if chosen == "kruskal-wallis":
            found = replace(found, pairs=compare_ranks(split.values, split.names, how))
        else:
            found = replace(found, pairs=compare_means(_summaries(split.values, split.names), how, level))
    warnings = found.warnings + split.warnings
    return replace(found, groups=split.names, n_missing=split.n_missing, reason=reason, warnings=warnings)


def compare_paired(
    before: Sequence[Any] | ArrayLike,
    after: Sequence[Any] | ArrayLike,
    *,
    test: str = "auto",
    continuity: bool = True,
    alpha: float = 0.05,
    confidence: float = 0.95,
    names: tuple[str, str] = ("before", "after"),
) -> GroupTest:
    """Compare two figures of the same patients; the difference is the second minus the first.

    Parameters
    ----------
    before, after : (n,) sequence
        Figures in the same order of patients; a pair that lacks one is left out and counted.
    test : {"auto", "t", "wilcoxon"}
        ``"auto"``: the paired t test when the differences are normal by Shapiro and Wilk, otherwise Wilcoxon.
    continuity : bool
        Of the normal approximation of Wilcoxon's test.
    alpha : float
        Level of the test of normality.
    confidence : float
        Level of the intervals.
    names : tuple of two str
        What the figures are called.

    Raises
    ------
    ValueError
        When lengths differ, a value is text or infinite, there are fewer than two pairs, the differences are constant
        in a t test, or an argument is not allowed.
    """
    check_choice("test", test, _PAIRED)
    level = check_level("confidence", confidence)
    first, second = read_numbers(names[0], before), read_numbers(names[1], after)
    if first.size != second.size:
        raise ValueError(f"{names[1]}: expected {first.size} values, one for each patient, got {second.size}")
    differences = second - first
    known = differences[~np.isnan(differences)]
    missing = first.size - known.size
    if known.size < 2:
        raise ValueError(f"{names[1]}: expected two pairs or more, got {known.size}")
    looked = normality(known, alpha=alpha)
    chosen, reason = test, "asked for"
    if test == "auto":
        chosen, reason = ("t" if looked.normal else "wilcoxon"), f"differences: {looked.text}"
    found = _paired_t(known, level) if chosen == "t" else signed_ranks(known, continuity=continuity, confidence=level)
    warnings = found.warnings
    if missing:
        warnings += (f"{missing} patients are left out: a figure of the pair is missing",)
    return replace(found, groups=names, n_missing=(missing,), reason=reason, warnings=warnings)


def _paired_t(differences: Array, confidence: float) -> GroupTest:
    n, mean, sd = differences.size, float(differences.mean()), float(differences.std(ddof=1))
    if sd <= 1e-12 * max(float(np.abs(differences).max()), np.finfo(np.float64).tiny):
        raise ValueError("after: the differences do not vary, so there is no t test")
    t = mean / (sd / math.sqrt(n))
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * sd / math.sqrt(n)
    change = Estimate("mean difference", mean, mean - half, mean + half, confidence, "t")
    effects = (paired_d(t, n, confidence),)
    p = float(2 * stats.t.sf(abs(t), n - 1))
    return GroupTest("paired t test", "t", t, (n - 1.0,), p, (), (n,), (0,), change, effects)


def _summaries(values: Sequence[Array], names: Sequence[str]) -> list[Summary]:
    parts = zip(values, names, strict=True)
    found = [Summary(part.size, float(part.mean()), float(part.std(ddof=1)), name) for part, name in parts]
    largest = max(float(np.abs(part).max()) for part in values)
    if max(group.sd for group in found) <= 1e-12 * largest:
        raise ValueError("values: they do not vary inside the groups, so there is no test of means")
    return found


def _chosen(values: list[Array], test: str, variances: str, alpha: float) -> tuple[str, str]:
    """Return the test and why."""
    if test != "auto":
        return test, "asked for"
    several = len(values) > 2
    looked = [normality(part, alpha=alpha) for part in values]
    reason = "; ".join(one.text for one in looked)
    if not all(one.normal for one in looked):
        return ("kruskal-wallis" if several else "mann-whitney"), reason
    unequal = variances == "unequal"
    if variances == "levene":
        p = float(stats.levene(*values, center="mean").pvalue)
        unequal = p < alpha
        reason += f"; Levene p = {p:.3g}: variances {'differ' if unequal else 'taken as equal'}"
    else:
        reason += f"; variances taken as {variances}"
    if several:
        return ("welch-anova" if unequal else "anova"), reason
    return ("welch" if unequal else "student"), reason


def _check_fits(test: str, count: int, posthoc: str | None) -> None:
    if test in ("student", "welch", "mann-whitney") and count != 2:
        raise ValueError(f"test: {test!r} compares two groups, got {count}")
    if posthoc not in (None, "none") and posthoc not in FITTING.get(test, ()):
        fitting = ", ".join(FITTING.get(test, ())) or "none"
        raise ValueError(f"posthoc: expected one that fits {test!r} ({fitting}); got {posthoc!r}")
