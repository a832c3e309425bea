"""Tests of means from size, mean and standard deviation of each group: Student, Welch, ANOVA."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mrbiomarkers.checks import check_choice, check_level
from mrbiomarkers.response.groups.effects import eta_squared, hedges_g
from mrbiomarkers.response.groups.results import GroupTest
from mrbiomarkers.response.intervals import Estimate, check_count

MEAN_TESTS = {
    "student": "Student's t test (equal variances)",
    "welch": "Welch's t test (unequal variances)",
    "anova": "one-way ANOVA",
    "welch-anova": "Welch's ANOVA (unequal variances)",
}


@dataclass(frozen=True)
class Summary:
    """Size, mean and standard deviation (n - 1) of a group, as papers print them.

    Attributes
    ----------
    n : int
        2 or more.
    mean, sd : float
        Finite; the standard deviation 0 or more.
    name : str
        Of the group.
    """

    n: int
    mean: float
    sd: float
    name: str = ""

    def __post_init__(self) -> None:
        check_count("n", self.n, least=2)
        if not math.isfinite(self.mean):
            raise ValueError(f"mean: expected a finite number, got {self.mean!r}")
        if not (math.isfinite(self.sd) and self.sd >= 0):
            raise ValueError(f"sd: expected a finite number of 0 or more, got {self.sd!r}")


def compare_summaries(summaries: Sequence[Summary], *, test: str = "student", confidence: float = 0.95) -> GroupTest:
    """Test means from what a paper prints: size, mean and standard deviation.

    Parameters
    ----------
    summaries : sequence of Summary
        Two groups, or more for the last two tests.
    test : {"student", "welch", "anova", "welch-anova"}
        Welch's tests do not suppose equal variances.
    confidence : float
        Level of the intervals.

    Raises
    ------
    ValueError
        When there are too few or too many groups for the test, no group varies, or an argument is not allowed.

    Notes
    -----
    Rounded means and standard deviations give rounded figures: of a printed 0.25 ± 0.15 the third digit of t is not to
    be relied on.

    References
    ----------
    Student, Biometrika 1908;6:1. Welch, Biometrika 1947;34:28 and 1951;38:330.
    """
    check_choice("test", test, MEAN_TESTS)
    level = check_level("confidence", confidence)
    if len(summaries) < 2:
        raise ValueError(f"summaries: expected two groups or more, got {len(summaries)}")
    if test in ("student", "welch") and len(summaries) != 2:
        raise ValueError(f"summaries: the test {test!r} compares two groups, got {len(summaries)}")
    sds = [group.sd for group in summaries]
    if max(sds) == 0 or (test == "welch-anova" and min(sds) == 0):
        raise ValueError("summaries: expected groups with a standard deviation above 0")
    if test in ("student", "welch"):
        return _t_test(summaries[0], summaries[1], test, level)
    return _anova(summaries, test, level)


def mean_difference(first: Summary, second: Summary, test: str, confidence: float) -> tuple[Estimate, float, float]:
    """Return the difference of two means with its interval, t, and its degrees of freedom."""
    parts = (first.sd**2 / first.n, second.sd**2 / second.n)
    if test == "student":
        df = float(first.n + second.n - 2)
        pooled = ((first.n - 1) * first.sd**2 + (second.n - 1) * second.sd**2) / df
        error = math.sqrt(pooled * (1 / first.n + 1 / second.n))
    else:
        error = math.sqrt(sum(parts))
        df = sum(parts) ** 2 / (parts[0] ** 2 / (first.n - 1) + parts[1] ** 2 / (second.n - 1))
    difference = first.mean - second.mean
    half = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    estimate = Estimate("difference of means", difference, difference - half, difference + half, confidence, "t")
    return estimate, difference / error, df


def _t_test(first: Summary, second: Summary, test: str, confidence: float) -> GroupTest:
    difference, t, df = mean_difference(first, second, test, confidence)
    pooled, whole = mean_difference(first, second, "student", confidence)[1:]
    effect = hedges_g(pooled, (first.n, second.n), whole, confidence)
    p = float(2 * stats.t.sf(abs(t), df))
    names, sizes = (first.name, second.name), (first.n, second.n)
    return GroupTest(MEAN_TESTS[test], "t", t, (df,), p, names, sizes, (0, 0), difference, (effect,))


def _anova(groups: Sequence[Summary], test: str, confidence: float) -> GroupTest:
    n, mean, variance = (np.array([getattr(g, key) for g in groups], dtype=np.float64) for key in ("n", "mean", "sd"))
    variance = variance**2
    k = len(groups)
    plain, within = _f(n, mean, variance), float(n.sum() - k)
    if test == "anova":
        f, df2 = plain, within
    else:
        weight = n / variance
        centre = np.sum(weight * mean) / weight.sum()
        spread = float(np.sum((1 - weight / weight.sum()) ** 2 / (n - 1)))
        between = float(np.sum(weight * (mean - centre) ** 2)) / (k - 1)
        f, df2 = between / (1 + 2 * (k - 2) * spread / (k**2 - 1)), (k**2 - 1) / (3 * spread)
    effect = eta_squared(plain, k - 1.0, within, confidence)
    names, sizes = tuple(group.name for group in groups), tuple(int(size) for size in n)
    p = float(stats.f.sf(f, k - 1, df2))
    return GroupTest(MEAN_TESTS[test], "F", f, (k - 1.0, df2), p, names, sizes, (0,) * k, None, (effect,))


def _f(n: NDArray[np.float64], mean: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    centre = np.sum(n * mean) / n.sum()
    between = np.sum(n * (mean - centre) ** 2) / (n.size - 1)
    return float(between / (np.sum((n - 1) * variance) / (n.sum() - n.size)))
