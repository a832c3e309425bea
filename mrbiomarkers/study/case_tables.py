"""Tables of cases as spreadsheets write them: their columns and rows, before anything is made of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mrbiomarkers.files.paths import existing_file

_DELIMITERS = ",;\t"


class CaseTable(NamedTuple):
    """What a table holds.

    Attributes
    ----------
    rows : tuple of (int, dict)
        For each row that is not empty its line and its cells by column, without white space around them; a cell that
        is missing at the end of a row has no entry.
    unused : tuple of str
        Columns that are not among the known ones.
    """

    rows: tuple[tuple[int, dict[str, str]], ...]
    unused: tuple[str, ...]


def read_case_rows(path: Path, columns: Sequence[str], required: Sequence[str]) -> CaseTable:
    """Read a table of cases.

    Parameters
    ----------
    path : Path
        UTF-8 text, with commas, semicolons or tabulators between the cells; the first line that is not empty names the
        columns, in any order and in small or capital letters.
    columns : sequence of str
        The known columns, as they are spelled in the result.
    required : sequence of str
        Those of them that must be there.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is a folder or no such table, or has no row below the names; the line is named.
    """
    lines, skipped = _lines(path)
    first = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=first.count), strict=True)
    try:
        rows = [(reader.line_num + skipped, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise ValueError(f"{path.name}, line {reader.line_num + skipped}: cannot be read ({error})") from None
    (_, names), *filled = [(line, cells) for line, cells in rows if any(cells)] or [(0, [""])]
    header = _header(path.name, names, columns, required)
    for line, cells in filled:
        if any(cells[len(header) :]):
            raise ValueError(f"{path.name}, line {line}: expected {len(header)} cells, got {len(cells)}")
    if not filled:
        raise ValueError(f"{path.name}: expected at least one case, got a header only")
    found = tuple((line, dict(zip(header, cells, strict=False))) for line, cells in filled)
    return CaseTable(found, tuple(name for name in header if name and name not in columns))


def _lines(path: Path) -> tuple[list[str], int]:
    """Return the lines of a table, and how many are left out before them."""
    existing_file(path, "a table of cases")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(
            f"{path.name}: expected UTF-8 text, got another encoding; save it as 'CSV UTF-8' in Excel"
        ) from None
    if not text.strip() or "\0" in text:
        raise ValueError(
            f"{path.name}: expected a table of cases, got {'no text' if text.strip() else 'an empty file'}"
        )
    lines = io.StringIO(text, newline="").readlines()
    skipped = int(lines[0].lower().startswith("sep="))  # a line of Excel's own
    return lines[skipped:], skipped


def _header(table: str, names: Sequence[str], columns: Sequence[str], required: Sequence[str]) -> list[str]:
    """Return the names of the columns as they are known."""
    known = {name.casefold(): name for name in columns}
    header = [known.get(name.casefold(), name) for name in names]
    missing = [name for name in required if name not in header]
    if missing:
        raise ValueError(
            f"{table}: expected the columns {', '.join(required)}, got none named {', '.join(missing)}; its first line "
            f"has {', '.join(filter(None, names)) or 'none'}"
        )
    twice = [name for name, count in Counter(header).items() if name in columns and count > 1]
    if twice:
        raise ValueError(f"{table}: expected every column once, got {', '.join(twice)} twice")
    return header
