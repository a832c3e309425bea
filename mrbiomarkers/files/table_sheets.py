"""Workbooks of spreadsheets (XLSX, XLS) as rows of cells."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from mrbiomarkers.files.table_text import Grid, without_end
from mrbiomarkers.tables.table import no_such, number_text

_FORMULA = re.compile(rb"<f[ >/]")


def xlsx_grid(data: bytes, sheet: str = "") -> Grid:
    """Read a sheet of an XLSX workbook; formulas give the values that were saved with them.

    Parameters
    ----------
    data : bytes
        The file.
    sheet : str
        Name of the sheet; empty: the first, with a note where there are others.

    Raises
    ------
    ValueError
        When it is no such workbook, there is no such sheet, or a formula has no saved value (the cells are named).
    ModuleNotFoundError
        When openpyxl is not installed (extra ``tables``).
    """
    openpyxl = _library("openpyxl")
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise ValueError(f"expected an XLSX workbook, got a file that cannot be read ({_line(error)})") from None
    try:
        name, notes = _sheet(book.sheetnames, sheet)
        page = book[name]
        if not hasattr(page, "iter_rows"):
            raise ValueError(f"sheet: expected one with cells, got the chart {name!r}")
        page.reset_dimensions()  # some writers say a smaller size than the sheet has
        grid = _grid(([_text(value) for value in row] for row in page.iter_rows(values_only=True)), name, notes)
    finally:
        book.close()
    _check_formulas(openpyxl, data, name)
    return grid


def xls_grid(data: bytes, sheet: str = "") -> Grid:
    """Read a sheet of an XLS workbook (Excel 97-2003).

    Parameters
    ----------
    data : bytes
        The file.
    sheet : str
        As for :func:`xlsx_grid`.

    Raises
    ------
    ValueError
        When it is no such workbook, or there is no such sheet.
    ModuleNotFoundError
        When xlrd is not installed (extra ``tables``).
    """
    xlrd = _library("xlrd")
    try:
        book = xlrd.open_workbook(file_contents=data, on_demand=True, logfile=io.StringIO())
    except Exception as error:  # whatever a damaged file leads xlrd to: struct, index and its own errors
        raise ValueError(f"expected an XLS workbook, got a file that cannot be read ({_line(error)})") from None
    name, notes = _sheet(book.sheet_names(), sheet)
    page = book.sheet_by_name(name)

    def cell(kind: int, value: Any) -> str:
        if kind == xlrd.XL_CELL_DATE:
            if value < 1:  # a time of day without a day
                return number_text(value)
            return _text(xlrd.xldate_as_datetime(value, book.datemode))
        if kind == xlrd.XL_CELL_BOOLEAN:
            return _text(bool(value))
        if kind == xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(value, "#ERROR"))
        return _text(value)

    rows = (list(map(cell, page.row_types(n), page.row_values(n))) for n in range(page.nrows))
    return _grid(rows, name, notes)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"workbook: expected {name} to read it, which is not installed; pip install 'mrbiomarkers[tables]', or "
            "save the sheet as CSV"
        ) from None


def _sheet(names: Sequence[str], asked: str) -> tuple[str, list[str]]:
    """Return the sheet that is read, and a note on the others."""
    if not names:
        raise ValueError("expected a sheet, got a workbook without one")
    if asked:
        if asked not in names:
            raise ValueError(f"sheet: {no_such('sheet', asked, names)}")
        return asked, []
    others = ", ".join(repr(name) for name in names[1:])
    return names[0], [f"sheet {names[0]!r} was read, not {others}"] if others else []


def _grid(rows: Iterable[list[str]], sheet: str, notes: list[str]) -> Grid:
    cells, numbers = [], []
    for n, row in enumerate(rows, start=1):
        kept = without_end(row)
        if kept:
            cells.append(kept)
            numbers.append(n)
    return Grid(cells, numbers, {"sheet": sheet}, notes)


def _text(value: Any) -> str:
    """Return a cell as text: numbers with every digit, dates as ISO 8601 has them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, datetime.datetime):
        value = value.replace(microsecond=0)
        value = value.date() if value.time() == datetime.time() else value
    return str(value.isoformat()) if isinstance(value, (datetime.date, datetime.time)) else str(value)


def _check_formulas(openpyxl: Any, data: bytes, sheet: str) -> None:
    """Refuse formulas without a saved value, which would pass for empty cells."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        pages = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        if not any(_FORMULA.search(parts.read(name)) for name in pages):
            return
    books = [openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=flag) for flag in (False, True)]
    lacking = []
    try:
        for book in books:
            book[sheet].reset_dimensions()
        for formulas, values in zip(*(book[sheet].iter_rows() for book in books), strict=True):
            pairs = zip(formulas, values, strict=True)
            lacking += [one.coordinate for one, other in pairs if one.data_type == "f" and other.value is None]
    finally:
        for book in books:
            book.close()
    if lacking:
        shown = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        raise ValueError(
            f"sheet {sheet!r}: expected a saved value of every formula, got none in {shown}; open the workbook in a "
            "spreadsheet and save it"
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
