"""Clinical tables: CSV, TSV, XLSX and XLS as plain tables."""

from __future__ import annotations

from collections import Counter

from mrbiomarkers.files.paths import PathLike, check_suffix, existing_file
from mrbiomarkers.files.table_sheets import xls_grid, xlsx_grid
from mrbiomarkers.files.table_text import Grid, text_grid
from mrbiomarkers.tables.cells import ColumnRules, typed_columns
from mrbiomarkers.tables.table import Table

_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls")
_XLSX = b"PK\x03\x04"
_XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_clinical_table(
    path: PathLike,
    rules: ColumnRules | None = None,
    *,
    sheet: str = "",
    heading_row: int = 0,
    encoding: str = "",
    delimiter: str = "",
) -> Table:
    """Read a table with one heading row.

    Whether it is a workbook or text is told by its content: what hospital programs call ``.xls`` is often text.

    Parameters
    ----------
    path : path
        ``.csv``, ``.tsv``, ``.txt``, ``.xlsx``, ``.xlsm`` or ``.xls``. Workbooks need openpyxl and xlrd (extra
        ``tables``).
    rules : ColumnRules, optional
        Kinds of columns, codes that mean missing, how dates are written, units.
    sheet : str
        Sheet of a workbook; empty: the first.
    heading_row : int
        Row with the headings, as the spreadsheet counts; 0: the first that is not empty. What is above is left out.
    encoding, delimiter : str
        Of text; empty: found, and recorded in ``source``.

    Returns
    -------
    Table
        Headings are trimmed and line breaks in them are blanks. Empty rows and columns are left out. Notes say what was
        found out and what looks wrong.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ModuleNotFoundError
        When the library for a workbook is not installed.
    ValueError
        When the file cannot be read, has no row below the heading, has a heading twice, has a cell beyond the last
        heading, or a cell does not fit the rules (see :func:`mrbiomarkers.tables.cells.typed_columns`).
    """
    check_suffix(path, _SUFFIXES, "a table")
    found = existing_file(path, "a table")
    data = found.read_bytes()
    try:
        if not data.strip():
            raise ValueError("expected a table, got an empty file")
        if data.startswith(_XLSX):
            kind, grid = "xlsx", xlsx_grid(data, sheet)
        elif data.startswith(_XLS):
            kind, grid = "xls", xls_grid(data, sheet)
        else:
            if sheet:
                raise ValueError(f"sheet: expected none for a text, which has no sheets; got {sheet!r}")
            kind, grid = "text", text_grid(data, encoding=encoding, delimiter=delimiter)
        return _table(str(path), grid, rules, heading_row, {"path": str(path), "format": kind, **grid.source})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _table(name: str, grid: Grid, rules: ColumnRules | None, heading_row: int, source: dict[str, str]) -> Table:
    notes = list(grid.notes)
    if heading_row and heading_row not in grid.rows:
        raise ValueError(f"heading_row: expected a row with cells, got row {heading_row}, which has none")
    first = grid.rows.index(heading_row) if heading_row else 0
    if len(grid.cells) < first + 2:
        raise ValueError("expected a row of headings and rows of cells, got no row below the headings")
    body, rows = grid.cells[first + 1 :], grid.rows[first + 1 :]
    if first:
        notes.append(f"{first} rows above the headings in row {heading_row} are left out")
    names = _headings(grid.cells[first], body, notes)
    for n, cells in zip(rows, body, strict=True):
        if len(cells) > len(names):
            raise ValueError(
                f"row {n}: expected {len(names)} cells as there are headings, got {len(cells)} ({cells[-1]!r})"
            )
    padded = [cells + [""] * (len(names) - len(cells)) for cells in body]
    given = {heading: cells for heading, cells in zip(names, zip(*padded, strict=True), strict=True) if heading}
    columns, more = typed_columns(list(given), list(given.values()), rows, rules)
    return Table(name, columns, tuple(rows), (*notes, *more), source)


def _headings(cells: list[str], body: list[list[str]], notes: list[str]) -> list[str]:
    """Return the headings; a column without one is named by its place, or is empty and left out (an empty name)."""
    names = [" ".join(cell.split()) for cell in cells]
    width = max(map(len, body))
    if width > len(names):
        worst = next(n for n in range(len(names), width) if any(len(row) > n and row[n].strip() for row in body))
        full = sum(len(row) > worst for row in body)
        if full == len(body):  # a column that is full but has no heading, not a stray cell
            names += [""] * (width - len(names))
    for n, name in enumerate(names):
        if name:
            continue
        if any(len(row) > n and row[n].strip() for row in body):
            names[n] = f"column_{n + 1}"
            notes.append(f"column {n + 1} has no heading; it is called {names[n]!r} here")
        else:
            notes.append(f"column {n + 1} is empty and left out")
    twice = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if twice:
        places = [str(n + 1) for n, name in enumerate(names) if name == twice[0]]
        raise ValueError(f"expected every heading once, got {twice[0]!r} in columns {' and '.join(places)}")
    return names
