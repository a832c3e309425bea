"""CSV and other delimited text as rows of cells; encoding and delimiter are found and said."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE = 50
_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class Grid(NamedTuple):
    """Cells of a file, row by row.

    Attributes
    ----------
    cells : list of list of str
        Rows that are not empty, without the empty cells at the end of each.
    rows : list of int
        Number of each row in the file, from 1; of a row over several lines the last.
    source : dict of str to str
        How it was read.
    notes : list of str
        What the user should look at.
    """

    cells: list[list[str]]
    rows: list[int]
    source: dict[str, str]
    notes: list[str]


def decoded(data: bytes, encoding: str = "") -> tuple[str, str, list[str]]:
    """Return a text, the name of its encoding, and notes.

    Parameters
    ----------
    data : bytes
        The file.
    encoding : str
        Name of the encoding as Python knows it; empty: found. A byte order mark decides; without one it is UTF-8 where
        the bytes are that, else GB18030 (which holds GB2312 and GBK), with a note that shows a text to look at: texts
        of other encodings may pass for it.

    Raises
    ------
    ValueError
        When the bytes are no text of that encoding, or of none that is tried.
    """
    if encoding:
        try:
            return data.decode(encoding), encoding, []
        except (LookupError, UnicodeDecodeError) as error:
            raise ValueError(f"encoding: expected one that the file has, got {encoding!r} ({error})") from None
    for mark, codec, name in _MARKED:
        if data.startswith(mark):
            try:
                return data.decode(codec), name, []
            except UnicodeDecodeError as error:
                raise ValueError(f"expected {name}, as its byte order mark says; got other bytes ({error})") from None
    if b"\0" in data[:4096]:
        raise ValueError("expected a text, got a file of another kind (it holds zero bytes)")
    try:
        return data.decode("utf-8"), "UTF-8", []
    except UnicodeDecodeError as first:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise ValueError(
                f"expected UTF-8 or GB18030, got other bytes (at byte {first.start}); name the encoding, as cp1252"
            ) from None
    line = next((line.strip() for line in text.splitlines() if not line.isascii()), "")
    return text, "GB18030", [f"read as GB18030, for it is not UTF-8; see whether this is right: {line[:60]!r}"]


def text_grid(data: bytes, *, encoding: str = "", delimiter: str = "") -> Grid:
    """Read delimited text.

    Parameters
    ----------
    data : bytes
        The file.
    encoding, delimiter : str
        Empty: found, see :func:`decoded` and :func:`found_delimiter`.

    Raises
    ------
    ValueError
        When it is no text, a quoted cell does not end, or the delimiter is not one of comma, semicolon, tab and bar.
    """
    if data.lstrip()[:1] == b"<":
        raise ValueError("expected a table, got HTML or XML; open it in a spreadsheet and save it as XLSX or CSV")
    text, name, notes = decoded(data, encoding)
    if delimiter and delimiter not in DELIMITERS:
        raise ValueError(f"delimiter: expected one of {', '.join(map(repr, DELIMITERS))}; got {delimiter!r}")
    delimiter = delimiter or found_delimiter(text)
    cells, rows, widths = [], [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(map(str.strip, row)):
                cells.append(without_end(row))
                rows.append(reader.line_num)
                widths.append(len(row))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: expected cells that can be told apart, got {error}") from None
    short = [str(n) for n, width in zip(rows, widths, strict=True) if width < widths[0]]
    if short:
        shown = ", ".join(short[:5]) + (" ..." if len(short) > 5 else "")
        notes.append(f"{len(short)} rows have fewer cells than the first and are taken as empty at the end: {shown}")
    return Grid(cells, rows, {"encoding": name, "delimiter": DELIMITERS[delimiter]}, notes)


def found_delimiter(text: str) -> str:
    """Return the delimiter that cuts the first 50 rows most evenly; a comma where none does.

    A sign counts when it cuts the heading; among those that do, the one with most rows of the heading's length, then
    with most columns.
    """
    best, most = ",", (0.0, 1)
    stream = io.StringIO(text, newline="")
    for delimiter in DELIMITERS:
        lengths = []
        stream.seek(0)
        try:
            for row in csv.reader(stream, delimiter=delimiter, strict=True):
                if any(map(str.strip, row)):
                    lengths.append(len(row))
                if len(lengths) == _SAMPLE:
                    break
        except csv.Error:
            continue
        if lengths and lengths[0] > 1:
            score = (lengths.count(lengths[0]) / len(lengths), lengths[0])
            best, most = (delimiter, score) if score > most else (best, most)
    return best


def without_end(row: Sequence[str]) -> list[str]:
    """Return a row without the empty cells at its end."""
    n = len(row)
    while n and not row[n - 1].strip():
        n -= 1
    return list(row[:n])
