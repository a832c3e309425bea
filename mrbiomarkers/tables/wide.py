"""Measurements and features as plain tables with one row a subject and timepoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.measurements import COLUMNS, Measurement
from mrbiomarkers.tables.features import FeatureRow, check_once
from mrbiomarkers.tables.joining import join_tables
from mrbiomarkers.tables.table import Column, Table

_PARTS = ("region", "series", "reader", "model", "fit", "method")
_NUMBERS = COLUMNS[COLUMNS.index("value") :]
_COUNTED = ("n_voxels", "n_slices", "n_unfitted", "n_on_bound")
_UNITS = {"area_mm2": "mm2", "volume_mm3": "mm3", "outside_fraction": "1", **dict.fromkeys(_COUNTED, "1")}


def measurement_table(
    rows: Iterable[Measurement], *, column: str = "value", parts: Sequence[str] = (), name: str = "measurements"
) -> Table:
    """Return measurements with one row a subject and timepoint.

    Parameters
    ----------
    rows : iterable of Measurement
        Those of whole regions; rows of single slices are left out, with a note.
    column : str
        Number that is taken: ``"value"``, ``"median"``, ``"volume_mm3"`` ...
    parts : sequence of str
        Columns that are always in the new names. Unasked, only those are that differ within a quantity: ``f`` where
        there is one region, ``f_L1`` and ``f_L2`` where there are two.
    name : str
        What messages call the table.

    Returns
    -------
    Table
        Columns subject, timepoint, then one for each quantity, region, series, reader, model, fit and method. Its
        meaning says all of them. What was not measured is missing.

    Raises
    ------
    ValueError
        When there is no row of a whole region, the column or a part is another one, a row is there twice, or a quantity
        has two units.
    """
    check_choice("column", column, _NUMBERS)
    for part in parts:
        check_choice("parts", part, _PARTS)
    given = join_tables({name: rows})
    whole = [row for row in given if row.slice == "all"]
    if not whole:
        raise ValueError("rows: expected some of whole regions (slice 'all'), got none")
    keys = list(dict.fromkeys((row.subject, row.timepoint) for row in whole))
    columns = _columns(whole, keys, column, parts)
    n_slices = len(given) - len(whole)
    notes = (f"{n_slices} rows of single slices are left out",) if n_slices else ()
    return Table(name, (*_key_columns(keys), *columns), notes=notes)


def _columns(
    rows: Sequence[Measurement], keys: Sequence[tuple[str, str]], column: str, parts: Sequence[str]
) -> list[Column]:
    """Return a column for each quantity and how it was measured, in the order of the rows."""
    varied: dict[tuple[str, str], set[str]] = {}
    cells: dict[tuple[str, ...], NDArray[np.float64]] = {}
    first: dict[tuple[str, ...], Measurement] = {}
    place = {key: n for n, key in enumerate(keys)}
    for row in rows:
        what = (row.quantity, *(getattr(row, part) for part in _PARTS))
        for part, entry in zip(_PARTS, what[1:], strict=True):
            varied.setdefault((row.quantity, part), set()).add(entry)
        if what not in cells:
            cells[what] = np.full(len(keys), np.nan)
            first[what] = row
        cells[what][place[row.subject, row.timepoint]] = getattr(row, column)
    columns = []
    for what, row in first.items():
        entries = dict(zip(_PARTS, what[1:], strict=True))
        named = [entry for part, entry in entries.items() if part in parts or len(varied[row.quantity, part]) > 1]
        ending = "" if column == "value" else column
        said = ", ".join(f"{part} {entry}" for part, entry in entries.items() if entry)
        heading = "_".join(filter(None, (row.quantity, *named, ending)))
        unit = _UNITS.get(column, row.unit)
        columns.append(Column(heading, cells[what], "number", unit, f"{row.quantity}, {column}: {said}"))
    return columns


def feature_table(rows: Sequence[FeatureRow], *, name: str = "features") -> Table:
    """Return features with one row a subject and timepoint.

    Parameters
    ----------
    rows : sequence of FeatureRow
        Several series or regions of a subject stand side by side: their names come before that of the feature
        (``T2_tumour_original_firstorder_Mean``).
    name : str
        What messages call the table.

    Returns
    -------
    Table
        Columns subject, timepoint, then the features. A row that failed has none, with a note that says why.

    Raises
    ------
    ValueError
        When there is no row, or a region of an image is there twice.
    """
    if not rows:
        raise ValueError("rows: expected at least one, got none")
    check_once(rows)
    several = [part for part in ("series", "region") if len({getattr(row, part) for row in rows}) > 1]
    keys = list(dict.fromkeys((row.subject, row.timepoint) for row in rows))
    place = {key: n for n, key in enumerate(keys)}
    values: dict[str, NDArray[np.float64]] = {}
    notes = []
    for row in rows:
        before = "".join(f"{getattr(row, part)}_" for part in several if getattr(row, part))
        n = place[row.subject, row.timepoint]
        for feature, value in row.features.items():
            heading = before + feature
            if heading not in values:
                values[heading] = np.full(len(keys), np.nan)
            values[heading][n] = value
        if row.status == "failed":
            notes.append(f"{' '.join(filter(None, row.key))}: no features ({row.reason})")
    columns = tuple(Column(heading, cells) for heading, cells in values.items())
    return Table(name, (*_key_columns(keys), *columns), notes=tuple(notes))


def _key_columns(keys: Sequence[Any]) -> tuple[Column, Column]:
    subjects, times = ([key[n] for key in keys] for n in range(2))
    return (
        Column("subject", np.array(subjects, dtype=object), "text"),
        Column("timepoint", np.array(times, dtype=object), "text"),
    )
