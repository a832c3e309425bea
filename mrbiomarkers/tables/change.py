"""The timepoints of a subject side by side, and the change between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.tables.clinical import Key, Lacking, lacking_timepoints
from mrbiomarkers.tables.table import Column, Table, no_such

Array = NDArray[np.float64]

CHANGES = ("difference", "percent", "ratio")


@dataclass(frozen=True, eq=False)
class Spread:
    """One row a subject.

    Attributes
    ----------
    table : Table
        Each column once for every timepoint (``f_before``, ``f_after``), and changes where they were asked for.
    lacking : tuple of Lacking
        Timepoints that a subject does not have; its cells are missing.
    """

    table: Table
    lacking: tuple[Lacking, ...]


def by_timepoint(table: Table, timepoints: Sequence[str] = ()) -> Spread:
    """Put the timepoints of a subject side by side.

    Parameters
    ----------
    table : Table
        With the columns ``subject`` and ``timepoint``.
    timepoints : sequence of str
        Those that are taken, in this order; default: all, as they come.

    Returns
    -------
    Spread
        One row a subject that has one of them; columns ``<name>_<timepoint>``.

    Raises
    ------
    ValueError
        When a subject has a timepoint twice (both rows are named), a row has none, or a timepoint is not in the table.
    """
    subjects, times = table.texts("subject"), table.texts("timepoint")
    keys: list[Key] = list(zip(subjects, times, strict=True))
    empty = [row for row, key in zip(table.rows, keys, strict=True) if not all(key)]
    if empty:
        raise ValueError(f"{table.name}: expected a subject and a timepoint in every row, got none in row {empty[0]}")
    known = list(dict.fromkeys(times))
    for timepoint in timepoints:
        if timepoint not in known:
            raise ValueError(f"timepoints: {no_such('timepoint', timepoint, known)}")
    wanted = list(timepoints) or known
    place: dict[Key, int] = {}
    for n, key in enumerate(keys):
        if key in place:
            rows = f"rows {table.rows[place[key]]} and {table.rows[n]}"
            raise ValueError(f"{table.name}: expected every timepoint of a subject once, got {key} in {rows}")
        place[key] = n
    names = list(dict.fromkeys(subject for subject, time in keys if time in wanted))
    places = {time: [place.get((subject, time), -1) for subject in names] for time in wanted}
    columns = [Column("subject", np.array(names, dtype=object), "text")]
    for column in table.columns:
        if column.name in ("subject", "timepoint"):
            continue
        for time in wanted:
            cells = column.with_missing_end()[places[time]]
            meaning = f"{column.meaning or column.name}, {time}"
            columns.append(replace(column, name=f"{column.name}_{time}", values=cells, meaning=meaning, coded={}))
    first = dict(reversed(list(zip(subjects, table.rows, strict=True))))
    rows_of = tuple(first[subject] for subject in names)
    lacking = lacking_timepoints([key for key in keys if key[1] in wanted], names)
    return Spread(Table(table.name, tuple(columns), rows_of, table.notes, table.source), lacking)


def change(table: Table, before: str, after: str, *, kind: str = "difference") -> Spread:
    """Return the change of every number from one timepoint to another.

    Parameters
    ----------
    table : Table
        With the columns ``subject`` and ``timepoint``.
    before, after : str
        The timepoints.
    kind : str
        ``"difference"``: after - before; ``"percent"``: 100 (after - before) / before; ``"ratio"``: after / before.

    Returns
    -------
    Spread
        Columns ``f_<before>``, ``f_<after>``, and after all of them ``f_change`` (percent: ``f_change_percent``, ratio:
        ``f_ratio``). Where a value is missing, or the one before is not above 0 for percent and ratio, the change is
        missing; the latter with a note.

    Raises
    ------
    ValueError
        When both timepoints are the same, or as for :func:`by_timepoint`.
    """
    check_choice("kind", kind, CHANGES)
    if before == after:
        raise ValueError(f"after: expected another timepoint than before, got {after!r} for both")
    spread = by_timepoint(table, (before, after))
    ending = {"difference": "change", "percent": "change_percent", "ratio": "ratio"}[kind]
    columns, notes = [], []
    for column in table.columns:
        if column.kind != "number" or column.name in ("subject", "timepoint"):
            continue
        first, second = (spread.table.numbers(f"{column.name}_{time}") for time in (before, after))
        n_bad = 0 if kind == "difference" else int(np.count_nonzero(first <= 0))
        if n_bad:
            notes.append(f"column {column.name!r}: no {ending} of {n_bad} subjects, whose value before is not above 0")
        cells = _changed(first, second, kind)
        unit = {"difference": column.unit, "percent": "%", "ratio": "1"}[kind]
        meaning = f"{ending.replace('_', ' in ')} of {column.meaning or column.name}, {before} to {after}"
        columns.append(Column(f"{column.name}_{ending}", cells, "number", unit, meaning))
    whole = replace(spread.table, columns=(*spread.table.columns, *columns), notes=(*spread.table.notes, *notes))
    return replace(spread, table=whole)


def _changed(before: Array, after: Array, kind: str) -> Array:
    if kind == "difference":
        return after - before
    ratio = after / np.where(before > 0, before, np.nan)
    return 100 * (ratio - 1) if kind == "percent" else ratio
