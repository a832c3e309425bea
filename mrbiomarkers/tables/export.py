"""Tables as CSV text: tidy, wide, and for SPSS with a dictionary."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrbiomarkers.tables.dictionary import data_dictionary
from mrbiomarkers.tables.spss import spss_names
from mrbiomarkers.tables.table import Table


@dataclass(frozen=True)
class SpssExport:
    """A table for SPSS.

    Attributes
    ----------
    table : str
        CSV text: headings that SPSS takes, a missing value as an empty cell (system-missing).
    dictionary : str
        CSV text: for each variable its name, the name of the column it was, and the data dictionary.
    names : mapping of str to str
        New names by old ones.
    """

    table: str
    dictionary: str
    names: Mapping[str, str]


def wide_csv(table: Table) -> str:
    """Return a table as CSV text, one column each; numbers keep every digit, a missing value is an empty cell."""
    return _csv([table.names, *_rows(table)])


def tidy_csv(table: Table, keys: Sequence[str] = ("subject", "timepoint")) -> str:
    """Return a table as CSV text with one row a value.

    Parameters
    ----------
    table : Table
        The table.
    keys : sequence of str
        Columns that say what a row is about; those that the table lacks are left out.

    Returns
    -------
    str
        The keys, then ``variable``, ``unit`` and ``value``. A missing value has a row, with an empty cell.

    Raises
    ------
    ValueError
        When the table has none of the keys, or a key is called as one of the new columns.
    """
    kept = [key for key in keys if key in table.names]
    if not kept:
        raise ValueError(f"keys: expected columns of {table.name}, got {', '.join(keys) or 'none'}")
    clash = {"variable", "unit", "value"} & set(kept)
    if clash:
        raise ValueError(f"keys: expected other names than variable, unit and value; got {', '.join(sorted(clash))}")
    labels = list(zip(*(table.texts(key) for key in kept), strict=True))
    others = [column for column in table.columns if column.name not in kept]
    texts = {column.name: table.texts(column.name) for column in others}
    body = (
        (*label, column.name, column.unit, texts[column.name][n]) for n, label in enumerate(labels) for column in others
    )
    return _csv([(*kept, "variable", "unit", "value"), *body])


def spss_csv(table: Table) -> SpssExport:
    """Return a table as CSV text for SPSS, and a dictionary that says what each variable was called.

    Parameters
    ----------
    table : Table
        The table; dates stay as ISO 8601 has them.

    Returns
    -------
    SpssExport
        See :func:`mrbiomarkers.tables.spss.spss_names` for the names.
    """
    names = spss_names(table.names)
    entries = [{"variable": names[entry.name], **entry.record()} for entry in data_dictionary(table)]
    dictionary = _csv([list(entries[0]), *(list(entry.values()) for entry in entries)]) if entries else ""
    return SpssExport(_csv([list(names.values()), *_rows(table)]), dictionary, names)


def _rows(table: Table) -> Iterable[Sequence[str]]:
    return zip(*(table.texts(name) for name in table.names), strict=True)


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
