"""The data dictionary: what each column of a table is, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mrbiomarkers.tables.table import Column, Table, no_such, number_text

_SHOWN = 12


@dataclass(frozen=True)
class Entry:
    """One column of a table.

    Attributes
    ----------
    name, kind, unit, meaning : str
        As the column has them.
    n, n_missing : int
        Rows with and without a value.
    low, high : str
        Least and greatest number or date; empty for texts and where there is no value.
    n_different : int
        Different values.
    values : str
        Up to 12 different values with how often each is there (``0: 311; 1: 84``), the least first; empty where there
        are more.
    codes : str
        Codes that stood for missing, with how often (``999: 88``).
    """

    name: str
    kind: str
    unit: str
    meaning: str
    n: int
    n_missing: int
    low: str
    high: str
    n_different: int
    values: str
    codes: str

    def record(self) -> dict[str, Any]:
        """Return the entry as a mapping, for a table."""
        return asdict(self)


def data_dictionary(
    table: Table, *, meanings: Mapping[str, str] | None = None, units: Mapping[str, str] | None = None
) -> list[Entry]:
    """Describe every column of a table.

    Parameters
    ----------
    table : Table
        The table.
    meanings, units : mapping of str to str, optional
        By column, instead of the column's own.

    Returns
    -------
    list of Entry
        In the order of the columns.

    Raises
    ------
    ValueError
        When a column is named that is not there.
    """
    for what, given in (("meanings", meanings), ("units", units)):
        for name in given or {}:
            if name not in table.names:
                raise ValueError(f"{what}: {no_such('column', name, table.names)}")
    return [_entry(column, meanings or {}, units or {}) for column in table.columns]


def _entry(column: Column, meanings: Mapping[str, str], units: Mapping[str, str]) -> Entry:
    known = column.values[~column.missing]
    different, counts = np.unique(known, return_counts=True)
    ends = [_text(value) for value in different[[0, -1]]] if len(different) and column.kind != "text" else ["", ""]
    n_shown = len(different) if len(different) <= _SHOWN else 0
    pairs = [f"{_text(different[n])}: {counts[n]}" for n in range(n_shown)]
    return Entry(
        name=column.name,
        kind=column.kind,
        unit=units.get(column.name, column.unit),
        meaning=meanings.get(column.name, column.meaning),
        n=len(known),
        n_missing=len(column.values) - len(known),
        low=ends[0],
        high=ends[1],
        n_different=len(different),
        values="; ".join(pairs),
        codes="; ".join(f"{code}: {n}" for code, n in column.coded.items()),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else number_text(float(value))
