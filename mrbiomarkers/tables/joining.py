"""The measurement tables of several runs as one: other readers, other subjects, other timepoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path

from mrbiomarkers.measurements import Measurement, measurements_from_csv
from mrbiomarkers.tables.rowkeys import Key, describe, key_of


def join_tables(tables: Mapping[str, Iterable[Measurement]]) -> list[Measurement]:
    """Join tables, each of which is named for messages.

    Parameters
    ----------
    tables : mapping of str to iterable of Measurement
        Rows by the name of their table.

    Returns
    -------
    list of Measurement
        All rows, in the order in which they come.

    Raises
    ------
    ValueError
        When a row is there twice (the same in all text columns but the unit), or a quantity has another unit in another
        row; the row and both tables are named.
    """
    joined: list[Measurement] = []
    seen: dict[Key, str] = {}
    units: dict[str, tuple[str, str]] = {}
    for name, rows in tables.items():
        for row in rows:
            key = key_of(row)
            if key in seen:
                where = f"twice in {name}" if seen[key] == name else f"in {seen[key]} and in {name}"
                raise ValueError(
                    f"tables: expected every row once, got {describe(row)} {where}; give the rows of each run a "
                    "subject, timepoint, series or reader of their own"
                )
            unit, first = units.setdefault(row.quantity, (row.unit, name))
            if row.unit != unit:
                raise ValueError(
                    f"tables: expected one unit of {row.quantity}, got {unit!r} in {first} and {row.unit!r} in {name} "
                    f"({describe(row)})"
                )
            seen[key] = name
            joined.append(row)
    return joined


def read_tables(paths: Iterable[str | PathLike[str]]) -> list[Measurement]:
    """Read the measurement tables (CSV) of several runs and join them.

    Parameters
    ----------
    paths : iterable of path
        Files written by the command line or by :func:`mrbiomarkers.measurements.measurements_to_csv`; UTF-8, with or
        without byte order mark.

    Returns
    -------
    list of Measurement
        All rows, in the order of the files.

    Raises
    ------
    TypeError
        When it is one path instead of several.
    FileNotFoundError
        When there is no such file.
    ValueError
        When there is no path, a file is named twice, a table has other columns or a cell that is not a number (the file
        is named), or as for :func:`join_tables`.
    """
    if isinstance(paths, (str, PathLike)):
        raise TypeError(f"paths: expected a sequence of paths, got the single path {str(paths)!r}")
    tables: dict[Path, list[Measurement]] = {}
    for path in map(Path, paths):
        if path.resolve() in (other.resolve() for other in tables):
            raise ValueError(f"paths: expected every file once, got {path} twice")
        try:
            tables[path] = measurements_from_csv(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    if not tables:
        raise ValueError("paths: expected at least one measurement table, got none")
    return join_tables({str(path): rows for path, rows in tables.items()})
