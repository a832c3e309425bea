"""Measurements and other records as tables of a scene, and measurements read back from them.

Slicer's table files hold six digits of a number, break at quotes, tabs and line breaks in a text, take what follows #
for a comment, and shift a line whose first cell is empty. So the first column is one that is never empty, texts are put
in such as a file can hold them, and the numbers of the measurement table are kept once more, with all digits, in an
attribute of the node.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from numbers import Real
from typing import Any

from mrbiomarkers.measurements import COLUMNS, METHODS, Measurement
from mrbiomarkers.mrml.nodes import check_node, said, undo_on_error
from mrbiomarkers.mrml.table_nodes import CONTENT, Column, add_table, cleaned, fill_table
from mrbiomarkers.quantities import QUANTITIES

_NUMBERS = "MRBiomarkers.Numbers"
_TYPES = {field.name: str(field.type) for field in fields(Measurement)}  # "str", "float" or "int"
_CASTS: dict[str, Any] = {"str": str, "float": float, "int": int}
_IN_TEXT = tuple(name for name in COLUMNS if _TYPES[name] == "str")
_IN_NUMBERS = tuple(name for name in COLUMNS if _TYPES[name] != "str")
_KEY = ("region", "subject", "timepoint", "reader")
_STATISTICS = {"value": "", "sd": "SD", **{name: name for name in ("median", "p25", "p75", "min", "max", "se")}}
_METHOD_WORDS = dict(zip(METHODS, ("", "fit", "ratio"), strict=True))
_NAN = float("nan")

# name: (title where it differs, unit, what it is)
_MEASURED: dict[str, tuple[str, str, str]] = {
    "subject": ("", "", "Subject that was measured."),
    "timepoint": ("", "", "Visit or date of the examination."),
    "series": ("", "", "Series that the value comes from."),
    "reader": ("", "", "Who drew the region; mean: the average of several readers."),
    "region": ("", "", "Region that was measured."),
    "slice": ("", "", "Slice index, or all for the whole region."),
    "quantity": ("", "", "What was measured."),
    "unit": ("", "", "Unit of the value and of its distribution; 1: a pure number."),
    "model": ("", "", "Signal model of the fit."),
    "fit": ("", "", "How the model was fitted."),
    "method": ("", "", "Mean of the map, fit of the mean signal, or ratio of mean signals."),
    "value": ("", "", "The result, in the unit of the row."),
    "se": ("", "", "Standard error of the value."),
    "ci_low": ("", "", "Lower end of the confidence interval of the value."),
    "ci_high": ("", "", "Upper end of the confidence interval of the value."),
    "mean": ("", "", "Mean over the fitted voxels of the region."),
    "sd": ("", "", "Standard deviation over the fitted voxels."),
    "median": ("", "", "Median over the fitted voxels."),
    "p25": ("", "", "First quartile over the fitted voxels."),
    "p75": ("", "", "Third quartile over the fitted voxels."),
    "min": ("", "", "Smallest value of a fitted voxel."),
    "max": ("", "", "Largest value of a fitted voxel."),
    "n_voxels": ("", "", "Number of voxels in the region."),
    "n_slices": ("", "", "Number of slices that hold a part of the region."),
    "n_unfitted": ("", "", "Number of voxels without a value, which are left out."),
    "n_on_bound": ("", "", "Number of voxels whose value ended on a bound of the fit; they are in the mean."),
    "area_mm2": ("area", "mm2", "Area of the region in the slice where it is largest."),
    "volume_mm3": ("volume", "mm3", "Volume of the region."),
    "outside_fraction": ("", "", "Share of the region that lies outside the map."),
}


def add_measurement_table(rows: Iterable[Measurement], name: str) -> Any:
    """Add the tidy measurement table to the scene, one row for each measured value.

    Parameters
    ----------
    rows : iterable of Measurement
        The rows. In their texts double quotes become single ones, # becomes No., tabs and line breaks become blanks,
        and blanks at the ends go: Slicer's table files cannot hold them.
    name : str
        Name of the node; a number is added where it is taken.

    Returns
    -------
    vtkMRMLTableNode
        Every column of :data:`mrbiomarkers.measurements.COLUMNS`, the region first; empty numbers are NaN.

    Raises
    ------
    TypeError
        When a row is no measurement.
    ValueError
        When there is no row, or a name of a region is blank.
    """
    table = _rows(rows)
    columns = []
    for column in sorted(COLUMNS, key=lambda column: column != "region"):
        cells = [_CASTS[_TYPES[column]](getattr(row, column)) for row in table]
        columns.append(Column(column, cells, *_MEASURED[column]))
    with undo_on_error():
        node = add_table(name, columns, "measurements")
        node.SetAttribute(_NUMBERS, json.dumps([[getattr(row, column) for column in _IN_NUMBERS] for row in table]))
    return node


def measurements_of(table: Any) -> list[Measurement]:
    """Return the rows of a measurement table, as they were put in, with what was changed by hand since.

    A table loaded from a table file alone has the six digits that Slicer writes; one from a scene file has all.

    Parameters
    ----------
    table : vtkMRMLTableNode
        Made by :func:`add_measurement_table`; columns in any order.

    Raises
    ------
    TypeError
        When it is no table node, or a row is not valid.
    ValueError
        When a column is missing, unknown or there twice, or a cell holds no number where one is expected; row and
        column are named.
    """
    check_node("table", table, "vtkMRMLTableNode")
    data = table.GetTable()
    arrays = [data.GetColumn(index) for index in range(data.GetNumberOfColumns())]
    found = [array.GetName() for array in arrays]
    if sorted(map(str, found)) != sorted(COLUMNS):
        missing, unknown = sorted(set(COLUMNS) - set(found)), sorted({str(name) for name in found} - set(COLUMNS))
        raise ValueError(
            f"table: expected the columns of a measurement table, each once, got {said(table)} with {missing=}, "
            f"{unknown=}"
        )
    exact = _exact_numbers(table.GetAttribute(_NUMBERS))
    rows = []
    for index in range(data.GetNumberOfRows()):
        cells = {array.GetName(): array.GetValue(index) for array in arrays}
        where = f"{said(table)}, row {index + 1}"
        texts = {name: str(cells[name]) for name in _IN_TEXT}
        numbers = [_number(where, name, cells[name]) for name in _IN_NUMBERS]
        kept = exact.get(_six_digits(numbers))
        numbers = kept.pop(0) if kept else numbers
        whole = {name: _whole(where, name, value) for name, value in zip(_IN_NUMBERS, numbers, strict=True)}
        try:
            rows.append(Measurement(**texts, **whole))  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    return rows


def add_summary_table(rows: Iterable[Measurement], name: str, *, statistics: Sequence[str] = ("value",)) -> Any:
    """Add a table for reading: one row for each region of a subject, time point and reader, one column a quantity.

    "D" is the mean of the map, "D (fit)" the fit of the region's mean signal, "PDFF (ratio)" the ratio of mean signals.
    Where one region has several values of a kind, model, fit or series tell the columns apart, else a number. Rows of
    single slices are left out, and columns that would be empty.

    Parameters
    ----------
    rows : iterable of Measurement
        Rows of the tidy table.
    name : str
        Name of the node; a number is added where it is taken.
    statistics : sequence of str
        What is told of each quantity, a column each: "value", "sd", "median", "p25", "p75", "min", "max" or "se".

    Returns
    -------
    vtkMRMLTableNode
        NaN where a region has no such value.

    Raises
    ------
    TypeError
        When a row is no measurement.
    ValueError
        When there is no row of a whole region, a column would mix units, or a statistic is not known or never there.
    """
    return add_table(name, _summary_columns(rows, statistics), "summary")


def show_statistics(summary: Any, rows: Iterable[Measurement], statistics: Sequence[str]) -> None:
    """Show other statistics in a summary table; the node stays the same, so that views follow.

    Parameters
    ----------
    summary : vtkMRMLTableNode
        Made by :func:`add_summary_table`.
    rows, statistics
        As there.

    Raises
    ------
    TypeError, ValueError
        As there, or when the node is no summary table. The table is as it was.
    """
    check_node("summary", summary, "vtkMRMLTableNode")
    if summary.GetAttribute(CONTENT) != "summary":
        raise ValueError(f"summary: expected a summary table of this extension, got {said(summary)}")
    columns = _summary_columns(rows, statistics)
    was_modified = summary.StartModify()
    summary.RemoveAllColumns()
    fill_table(summary, columns)
    summary.EndModify(was_modified)


def _summary_columns(rows: Iterable[Measurement], statistics: Sequence[str]) -> list[Column]:
    unknown = [one for one in statistics if one not in _STATISTICS]
    if unknown or not statistics:
        raise ValueError(f"statistics: expected one or more of {', '.join(_STATISTICS)}, got {list(statistics)}")
    whole = [row for row in _rows(rows) if row.slice == "all"]
    if not whole:
        raise ValueError("rows: expected a row of a whole region (slice 'all'), got single slices only")
    keys = list(dict.fromkeys(_key(row) for row in whole))
    groups: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for row in sorted(whole, key=lambda row: METHODS.index(row.method)):
        groups[row.quantity, row.method].append(row)
    columns = [Column(part, [key[n] for key in keys], "", "", _MEASURED[part][2]) for n, part in enumerate(_KEY)]
    columns = [column for column in columns if any(column.values)]
    values = [column for group in groups.values() for column in _value_columns(group, keys, statistics)]
    if not values:
        raise ValueError(f"statistics: expected one that the rows have, got {', '.join(statistics)}")
    return columns + values


def add_record_table(
    records: Iterable[Mapping[str, Any]],
    name: str,
    units: Mapping[str, str] | None = None,
    descriptions: Mapping[str, str] | None = None,
    *,
    titles: Mapping[str, str] | None = None,
) -> Any:
    """Add any records as a table.

    Parameters
    ----------
    records : iterable of mapping
        One a row, by column. A column of numbers becomes one, NaN where a record has none; all others are texts.
    name : str
        Name of the node; a number is added where it is taken.
    units, descriptions, titles : mapping of str to str, optional
        By column; the title is what a person reads in place of the column's name.

    Returns
    -------
    vtkMRMLTableNode

    Raises
    ------
    ValueError
        When there is no record, a column has no name, or a unit, description or title is of a column that is not there.
    """
    table = [dict(record) for record in records]
    names = list(dict.fromkeys(column for record in table for column in record))
    if not names:
        raise ValueError("records: expected at least one with a column, got none")
    if any(not isinstance(column, str) or not column or cleaned(column) != column for column in names):
        raise ValueError(f"records: expected names of columns without quotes and line breaks, got {names}")
    told = {"units": units or {}, "descriptions": descriptions or {}, "titles": titles or {}}
    for argument, given in told.items():
        unknown = [column for column in given if column not in names]
        if unknown:
            raise ValueError(f"{argument}: expected columns of the records ({', '.join(names)}), got {unknown}")
    columns: list[Column] = []
    for column in names:
        cells = [record.get(column) for record in table]
        known = [cell for cell in cells if cell is not None]
        numeric = all(isinstance(cell, Real) and not isinstance(cell, bool) for cell in known) and bool(known)
        # in a file an empty first cell would shift the row
        texts = [_said(cell) or ("" if columns else "-") for cell in cells]
        numbers = [_NAN if cell is None else float(cell) for cell in cells] if numeric else []
        unit, described, title = (given.get(column, "") for given in told.values())
        columns.append(Column(column, numbers or texts, title, unit, described))
    return add_table(name, columns, "records")


def _rows(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows with texts that Slicer's table files can hold."""
    table = list(rows)
    wrong = next((row for row in table if not isinstance(row, Measurement)), None)
    if wrong is not None:
        raise TypeError(f"rows: expected measurements, got {type(wrong).__name__}")
    if not table:
        raise ValueError("rows: expected at least one, got none")
    texts: list[dict[str, Any]] = [{name: cleaned(getattr(row, name)) for name in _IN_TEXT} for row in table]
    return [replace(row, **cleaned) for row, cleaned in zip(table, texts, strict=True)]


def _said(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return cleaned({True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value))


def _exact_numbers(text: str | None) -> dict[tuple[str, ...], list[list[float]]]:
    """Return the rows of numbers with all digits, by what six digits show of them."""
    exact: dict[tuple[str, ...], list[list[float]]] = defaultdict(list)
    for numbers in json.loads(text) if text else []:
        exact[_six_digits(numbers)].append(numbers)
    return exact


def _six_digits(numbers: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{value:g}" for value in numbers)


def _number(where: str, name: str, cell: Any) -> float:
    try:
        return float(cell if cell != "" else "nan")
    except ValueError:
        raise ValueError(f"{where}, column {name}: expected a number, got {cell!r}") from None


def _whole(where: str, name: str, value: float) -> float:
    """Return a number, as int where the column counts something."""
    if _TYPES[name] != "int":
        return value
    if not math.isfinite(value) or value != int(value):
        raise ValueError(f"{where}, column {name}: expected a whole number, got {value:g}")
    return int(value)


def _key(row: Measurement) -> tuple[str, ...]:
    return tuple(getattr(row, part) for part in _KEY)


def _value_columns(
    group: Sequence[Measurement], keys: Sequence[tuple[str, ...]], statistics: Sequence[str]
) -> list[Column]:
    """Return the columns of one quantity and method: one a statistic, or several where regions have several values."""
    first = group[0]
    told_apart = [part for part in ("model", "fit", "series") if _varies(group, part)]
    kinds: dict[tuple[str, ...], dict[tuple[str, ...], Measurement]] = defaultdict(dict)
    for row in group:
        parts = tuple(getattr(row, part) for part in told_apart)
        number = 1
        while _key(row) in kinds[(*parts, _numbered(number))]:  # as where two maps of one kind are measured
            number += 1
        kinds[(*parts, _numbered(number))][_key(row)] = row
    units = sorted({row.unit for row in group})
    if len(units) > 1:
        raise ValueError(f"rows: expected one unit of {first.quantity} ({first.method}), got {', '.join(units)}")
    known = QUANTITIES.get(first.quantity)
    unit = "" if first.unit == "1" else first.unit
    columns = []
    for parts, found in kinds.items():
        for statistic in statistics:
            said_so = _STATISTICS[statistic]
            values = [float(getattr(found[key], statistic)) if key in found else _NAN for key in keys]
            if said_so and all(math.isnan(value) for value in values):
                continue  # a fit of the mean signal has no distribution
            words = ", ".join(text for text in (*parts, _METHOD_WORDS[first.method], said_so) if text)
            suffix = f" ({words})" if words else ""
            symbol = known.symbol if known else first.quantity
            told = f"{first.method}, {said_so}" if said_so else first.method
            described = f"{known.name if known else first.quantity}: {told}."
            columns.append(Column(f"{first.quantity}{suffix}", values, f"{symbol}{suffix}", unit, described))
    return columns


def _numbered(number: int) -> str:
    return "" if number == 1 else str(number)


def _varies(group: Sequence[Measurement], part: str) -> bool:
    """Tell whether a region has values that differ in model, fit or series."""
    seen: dict[tuple[str, ...], str] = {}
    return any(seen.setdefault(_key(row), getattr(row, part)) != getattr(row, part) for row in group)
