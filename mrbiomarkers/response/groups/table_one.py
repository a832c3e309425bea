"""Table 1: all columns described and compared among groups, as papers print it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.checks import check_choice
from mrbiomarkers.response.groups.adjust import ADJUSTMENTS, adjust_p
from mrbiomarkers.response.groups.compare import compare_groups
from mrbiomarkers.response.groups.counts import compare_categories, cross_table
from mrbiomarkers.response.groups.normality import Description, describe
from mrbiomarkers.response.groups.results import GroupTest
from mrbiomarkers.response.groups.split import group_order, split_by_group
from mrbiomarkers.response.labels import Label, read_labels

_KINDS = ("number", "category")


@dataclass(frozen=True)
class TableRow:
    """A line of :class:`TableOne`.

    Attributes
    ----------
    variable : str
        Name of the column.
    level : str
        Category; empty for figures.
    cells : tuple of str
        What is printed, for each group.
    missing : tuple of int
        Patients of each group without a value.
    shown : str
        What the cells hold: ``"mean ± SD"``, ``"median (P25, P75)"`` or ``"n (%)"``.
    normality : str
        The tests of normality in words; empty for categories.
    test : GroupTest, optional
        On the first line of a column; None where there is no test.
    p_adjusted : float
        NaN unless a correction was asked for.
    """

    variable: str
    level: str
    cells: tuple[str, ...]
    missing: tuple[int, ...]
    shown: str
    normality: str
    test: GroupTest | None
    p_adjusted: float = math.nan


@dataclass(frozen=True)
class TableOne:
    """What :func:`table_one` returns.

    Attributes
    ----------
    groups : tuple of str
        Names of the groups.
    n : tuple of int
        Patients of each.
    rows : tuple of TableRow
        Lines in the order of the columns.
    notes : tuple of str
        What belongs under the table.
    """

    groups: tuple[str, ...]
    n: tuple[int, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]

    def records(self) -> list[dict[str, Any]]:
        """Return one row for every line, by column."""
        found = []
        for line in self.rows:
            row: dict[str, Any] = {"variable": line.variable, "level": line.level, "shown": line.shown}
            heads = [f"{name} (n = {size})" for name, size in zip(self.groups, self.n, strict=True)]
            row |= dict(zip(heads, line.cells, strict=True))
            row |= {f"missing {name}": count for name, count in zip(self.groups, line.missing, strict=True)}
            row |= _test_columns(line.test)
            found.append(row | {"p_adjusted": line.p_adjusted, "normality": line.normality})
        return found

    def pair_records(self) -> list[dict[str, Any]]:
        """Return one row for every comparison of two of several groups, by column; none with two groups."""
        return [
            {"variable": line.variable, **row}
            for line in self.rows
            if line.test is not None
            for row in line.test.records()
        ]


def table_one(
    columns: Mapping[str, Sequence[Any] | ArrayLike],
    groups: Sequence[Any] | ArrayLike,
    *,
    kinds: Mapping[str, str] | None = None,
    tests: Mapping[str, str] | None = None,
    order: Sequence[Label] | None = None,
    variances: str = "equal",
    adjust: str | None = None,
    quartiles: str = "linear",
    digits: int = 2,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> TableOne:
    """Describe and compare columns among groups.

    Parameters
    ----------
    columns : mapping of str to (n,) sequence
        Figures or categories; missing ones are left out and counted for each column.
    groups : (n,) sequence
        Group of each patient; patients without one are left out and counted in the notes.
    kinds : mapping of str to {"number", "category"}, optional
        Of columns where the rule does not hold: text is categories, and so are figures of two different values only.
    tests : mapping of str to str, optional
        Tests of :func:`compare_groups` or :func:`compare_categories` for columns that are not to be tested by
        ``"auto"``.
    order : sequence, optional
        Of the groups.
    variances : {"equal", "unequal", "levene"}
        As in :func:`compare_groups`.
    adjust : {"bh", "by", "holm", "bonferroni"}, optional
        Correction of p for the number of columns.
    quartiles : {"linear", "weibull"}
        As in :func:`describe`.
    digits : int
        After the point, of figures.
    alpha, confidence : float
        Of the tests of normality, and of the intervals.

    Raises
    ------
    ValueError
        When a length differs, a column of figures holds text, a name in kinds or tests is not a column, there are fewer
        than two groups, or an argument is not allowed.

    Notes
    -----
    A column of figures is printed as mean and standard deviation when every group is normal by Shapiro and Wilk, or a
    test of means was asked for. A column that cannot be tested (constant, or fewer than two values in a group) is
    described, and the notes say why it has no test.
    """
    kinds, tests = kinds or {}, tests or {}
    for role, given in (("kinds", kinds), ("tests", tests)):
        for name in given:
            check_choice(f"{role}: column", name, columns)
    if adjust is not None:
        check_choice("adjust", adjust, ADJUSTMENTS)
    labels = read_labels("groups", groups)
    names = group_order(labels, order)
    rows: list[TableRow] = []
    notes: list[str] = []
    for name, values in columns.items():
        kind = check_choice(f"kinds: {name}", kinds.get(name) or column_kind(name, values), _KINDS)
        asked = tests.get(name, "auto")
        try:
            if kind == "category":
                lines, note = _categories(name, values, labels, names, asked, confidence)
            else:
                options = {"variances": variances, "alpha": alpha, "confidence": confidence}
                lines, note = _figures(name, values, labels, names, asked, options, quartiles, digits)
        except ValueError as error:
            raise ValueError(f"column {name!r}: {error}") from None
        rows += lines
        notes += note
    without = sum(label is None for label in labels)
    if without:
        notes.append(f"{without} patients without a group are left out")
    if adjust is not None:
        rows = _adjusted(rows, adjust)
        notes.append(f"p_adjusted: {ADJUSTMENTS[adjust]}")
    sizes = tuple(sum(label == name for label in labels) for name in names)
    return TableOne(tuple(map(str, names)), sizes, tuple(rows), tuple(notes))


def column_kind(name: str, values: Sequence[Any] | ArrayLike) -> str:
    """Return ``"category"`` for text and for columns of two different values or fewer, otherwise ``"number"``."""
    known = {label for label in read_labels(name, values) if label is not None}
    if len(known) <= 2:
        return "category"
    numbers = sum(_is_number(label) for label in known)
    # a few texts among figures are errors: the reading that follows says the row
    return "number" if 2 * numbers >= len(known) else "category"


def _is_number(label: Label) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _figures(
    name: str,
    values: Sequence[Any] | ArrayLike,
    labels: Sequence[Label | None],
    names: list[Label],
    asked: str,
    options: dict[str, Any],
    quartiles: str,
    digits: int,
) -> tuple[list[TableRow], list[str]]:
    split = split_by_group(values, labels, order=names)
    looked: list[Description] = [describe(part, alpha=options["alpha"], quartiles=quartiles) for part in split.values]
    normal = all(one.normality.normal for one in looked)
    if asked != "auto":
        normal = asked not in ("mann-whitney", "kruskal-wallis")
    test, note = None, []
    sizes = [part.size for part in split.values]
    both = np.concatenate(split.values)
    if min(sizes) < 2:
        note.append(f"{name}: no test, fewer than two values in a group")
    elif np.ptp(both) == 0:
        note.append(f"{name}: no test, all values are equal")
    else:
        test = compare_groups(values, labels, test=asked, order=names, **options)
    cells = tuple(one.text(normal=normal, digits=digits) for one in looked)
    said = "; ".join(f"{group}: {one.normality.text}" for group, one in zip(split.names, looked, strict=True))
    shown = "mean ± SD" if normal else "median (P25, P75)"
    return [TableRow(name, "", cells, split.n_missing, shown, said, test)], note


def _categories(
    name: str,
    values: Sequence[Any] | ArrayLike,
    labels: Sequence[Label | None],
    names: list[Label],
    asked: str,
    confidence: float,
) -> tuple[list[TableRow], list[str]]:
    _, categories, counts, missing, _ = cross_table(values, labels, order=names)
    totals = counts.sum(axis=1)
    test, note = None, []
    if np.count_nonzero(counts.sum(axis=0)) < 2 or totals.min() == 0:
        note.append(f"{name}: no test, fewer than two categories or a group without values")
    else:
        test = compare_categories(values, labels, test=asked, order=names, confidence=confidence)
    rows = []
    for place, category in enumerate(categories):
        cells = tuple(
            f"{count} ({100 * count / total:.1f})" if total else "0"
            for count, total in zip(counts[:, place], totals, strict=True)
        )
        rows.append(TableRow(name, str(category), cells, missing, "n (%)", "", None if place else test))
    if not rows:
        rows.append(TableRow(name, "", ("no values",) * len(names), missing, "n (%)", "", None))
    return rows, note


def _adjusted(rows: list[TableRow], method: str) -> list[TableRow]:
    p = adjust_p([math.nan if row.test is None else row.test.p for row in rows], method)
    return [replace(row, p_adjusted=float(value)) for row, value in zip(rows, p, strict=True)]


def _test_columns(test: GroupTest | None) -> dict[str, Any]:
    if test is None:
        return {"test": "", "statistic": "", "value": math.nan, "p": math.nan, "reason": "", "warnings": ""}
    row: dict[str, Any] = {"test": test.test, "statistic": test.statistic_name, "value": test.statistic, "p": test.p}
    return row | {"reason": test.reason, "warnings": "; ".join(test.warnings)}
