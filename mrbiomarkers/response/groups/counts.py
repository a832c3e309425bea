"""Tests of counts: chi-square with and without Yates' correction, Fisher's exact test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.stats import contingency

from mrbiomarkers.checks import check_choice, check_level, check_real_array
from mrbiomarkers.response.groups.effects import cramers_v
from mrbiomarkers.response.groups.fisher import Counts, fisher_p
from mrbiomarkers.response.groups.results import GroupTest
from mrbiomarkers.response.groups.split import group_order
from mrbiomarkers.response.intervals import Estimate
from mrbiomarkers.response.labels import Label, read_labels

_TESTS = ("auto", "chi-square", "yates", "fisher")


def compare_counts(
    table: ArrayLike, *, test: str = "auto", groups: Sequence[str] = (), confidence: float = 0.95, seed: int = 0
) -> GroupTest:
    """Test whether the rows of a table of counts differ.

    Parameters
    ----------
    table : (r, c) array_like
        Groups by categories: whole counts of 0 or more; two rows and two columns at least with a count in each.
    test : {"auto", "chi-square", "yates", "fisher"}
        ``"auto"``, two by two: chi-square without correction from 40 patients on with all expected counts 5 or more;
        with Yates' correction where one is between 1 and 5; otherwise Fisher. Larger: chi-square when no expected count
        is below 1 and at most a fifth below 5, otherwise Fisher.
    groups : sequence of str, optional
        Names of the rows.
    confidence : float
        Level of the intervals.
    seed : int
        Of Fisher's test where the tables are too many and have to be drawn.

    Returns
    -------
    GroupTest
        Of two by two tables with the odds ratio (first row against second, first column against second).

    Raises
    ------
    TypeError
        When the counts are not numeric.
    ValueError
        When a count is negative or not whole, the table is too small, or an argument is not allowed.

    References
    ----------
    Yates, J R Stat Soc Suppl 1934;1:217. Cochran, Biometrics 1954;10:417. Freeman and Halton, Biometrika 1951;38:141.
    """
    check_choice("test", test, _TESTS)
    level = check_level("confidence", confidence)
    counts = _checked(table)
    names = tuple(groups) or tuple(f"row {row + 1}" for row in range(counts.shape[0]))
    if len(names) != counts.shape[0]:
        raise ValueError(f"groups: expected {counts.shape[0]} names, one for each row, got {len(names)}")
    expected = contingency.expected_freq(counts)
    square = counts.shape == (2, 2)
    chosen, reason = _chosen(expected, int(counts.sum()), square) if test == "auto" else (test, "asked for")
    if chosen == "yates" and not square:
        raise ValueError(
            f"test: Yates' correction is for two by two tables, got {counts.shape[0]} by {counts.shape[1]}"
        )
    plain = stats.chi2_contingency(counts, correction=False)
    effects = [cramers_v(float(plain.statistic), int(plain.dof), int(counts.sum()), min(counts.shape), level)]
    if square:
        effects.insert(0, _odds_ratio(counts, chosen == "fisher", level))
    sizes = tuple(int(total) for total in counts.sum(axis=1))
    parts: dict[str, Any] = {"groups": names, "n": sizes, "n_missing": (0,) * len(names), "reason": reason}
    parts |= {"effects": tuple(effects)}
    if chosen == "fisher":
        found = fisher_p(counts, seed=seed)
        size = "" if square else f" {counts.shape[0]} x {counts.shape[1]} (Freeman-Halton)"
        how = "" if found.method == "exact" else f" ({found.method})"
        return GroupTest(f"Fisher's exact test{size}{how}", "", math.nan, (), found.p, **parts)
    used = stats.chi2_contingency(counts, correction=True) if chosen == "yates" else plain
    name = "chi-square test with Yates' correction" if chosen == "yates" else "chi-square test (Pearson, not corrected)"
    small = int(np.count_nonzero(expected < 5))
    warnings = (f"{small} of {expected.size} expected counts are below 5",) if small else ()
    df = (float(used.dof),)
    return GroupTest(name, "chi2", float(used.statistic), df, float(used.pvalue), **parts, warnings=warnings)


def compare_categories(
    values: Sequence[Any] | ArrayLike,
    groups: Sequence[Any] | ArrayLike,
    *,
    test: str = "auto",
    order: Sequence[Label] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> GroupTest:
    """Test whether categories are spread differently among groups.

    Parameters
    ----------
    values : (n,) sequence
        Category of each patient; patients without one are left out and counted.
    groups : (n,) sequence
        Group of each patient; patients without one are left out and counted.
    test, confidence, seed
        As in :func:`compare_counts`.
    order : sequence, optional
        Of the groups.

    Raises
    ------
    ValueError
        When lengths differ, there are fewer than two groups or categories, or an argument is not allowed.
    """
    names, categories, counts, missing, without = cross_table(values, groups, order=order)
    if len(categories) < 2:
        raise ValueError(f"values: expected two categories or more, got {', '.join(map(repr, categories)) or 'none'}")
    found = compare_counts(counts, test=test, groups=[str(name) for name in names], confidence=confidence, seed=seed)
    lines = list(found.warnings)
    if sum(missing):
        lines.append(f"{sum(missing)} patients without a value are left out")
    if without:
        lines.append(f"{without} patients without a group are left out")
    return replace(found, n_missing=missing, warnings=tuple(lines))


def cross_table(
    values: Sequence[Any] | ArrayLike, groups: Sequence[Any] | ArrayLike, *, order: Sequence[Label] | None = None
) -> tuple[list[Label], list[Label], Counts, tuple[int, ...], int]:
    """Count categories by group.

    Returns
    -------
    names, categories : list
        Of the rows and columns.
    counts : (r, c) int array
        Patients.
    missing : tuple of int
        Patients of each group without a category.
    without : int
        Patients without a group.

    Raises
    ------
    ValueError
        When lengths differ or there are fewer than two groups.
    """
    found, labels = read_labels("values", values), read_labels("groups", groups)
    if len(found) != len(labels):
        raise ValueError(f"groups: expected {len(found)} values, one for each patient, got {len(labels)}")
    names = group_order(labels, order)
    pairs = zip(found, labels, strict=True)
    present = {value for value, label in pairs if value is not None and label is not None}
    categories = sorted(present, key=lambda value: (isinstance(value, str), value))
    counts = np.zeros((len(names), len(categories)), dtype=np.int64)
    missing, without = [0] * len(names), 0
    rows, columns = ({key: place for place, key in enumerate(keys)} for keys in (names, categories))
    for value, label in zip(found, labels, strict=True):
        if label is None:
            without += 1
        elif value is None:
            missing[rows[label]] += 1
        else:
            counts[rows[label], columns[value]] += 1
    return names, categories, counts, tuple(missing), without


def _checked(table: ArrayLike) -> Counts:
    values = check_real_array("table", table, ndim=2)
    if not np.all(np.isfinite(values)) or np.any(values < 0) or np.any(values != np.round(values)):
        raise ValueError(f"table: expected whole counts of 0 or more, got {values.tolist()}")
    counts = values.astype(np.int64)
    for axis, name in ((1, "row"), (0, "column")):
        if counts.shape[1 - axis] < 2:
            raise ValueError(f"table: expected two {name}s or more, got {counts.shape[1 - axis]}")
        empty = np.flatnonzero(counts.sum(axis=axis) == 0)
        if empty.size:
            raise ValueError(f"table: {name} {int(empty[0]) + 1} has no patients; leave it out")
    return counts


def _chosen(expected: Any, total: int, square: bool) -> tuple[str, str]:
    least, below = float(expected.min()), float(np.mean(expected < 5))
    reason = f"n = {total}, smallest expected count {least:.3g}"
    if square:
        test = "fisher" if total < 40 or least < 1 else "yates" if least < 5 else "chi-square"
        return test, reason
    test = "fisher" if least < 1 or below > 0.2 else "chi-square"
    return test, f"{reason}, {100 * below:.0f} % below 5"


def _odds_ratio(counts: Counts, exact: bool, confidence: float) -> Estimate:
    """Return the odds ratio: of Fisher's conditional likelihood, or of the counts with Wald's interval."""
    conditional = exact or bool(np.any(counts == 0))
    found = contingency.odds_ratio(counts, kind="conditional" if conditional else "sample")
    ends = found.confidence_interval(confidence)
    how = "exact, conditional" if conditional else "Wald, log scale"
    return Estimate("odds ratio", float(found.statistic), float(ends.low), float(ends.high), confidence, how)
