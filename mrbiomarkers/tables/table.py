"""A plain table: named columns of numbers, texts or dates, each with its unit and meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_choice

KINDS = ("number", "text", "date")


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes
    ----------
    name : str
        Heading.
    values : (n,) array
        ``float64`` for numbers, NaN where missing; texts as objects, empty where missing. Dates are texts as ISO 8601
        has them (``2016-06-30``), so that they sort in time.
    kind : str
        ``"number"``, ``"text"`` or ``"date"``.
    unit, meaning : str
        For the data dictionary; empty where not known.
    coded : mapping of str to int
        How often each missing code stood in the source. These cells are missing in ``values``.

    Raises
    ------
    ValueError
        When the name is empty, the kind is another one, or there is more than one axis.
    """

    name: str
    values: NDArray[Any]
    kind: str = "number"
    unit: str = ""
    meaning: str = ""
    coded: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: expected a name for every column, got none")
        check_choice("kind", self.kind, KINDS)
        values = np.array(self.values, dtype=np.float64 if self.kind == "number" else object)
        if values.ndim != 1:
            raise ValueError(f"column {self.name!r}: expected one axis, got shape {values.shape}")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Where there is no value."""
        return np.isnan(self.values) if self.kind == "number" else np.asarray(self.values == "", dtype=bool)

    def with_missing_end(self) -> NDArray[Any]:
        """Return the values with a missing one at the end, which the place -1 picks."""
        missing = np.array([np.nan if self.kind == "number" else ""], dtype=self.values.dtype)
        return np.concatenate([self.values, missing])


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of the same length.

    Attributes
    ----------
    name : str
        What messages call it: the file name, mostly.
    columns : tuple of Column
        In the order of the source.
    rows : tuple of int
        Number of each row in its source, for messages; default 1, 2, 3, ...
    notes : tuple of str
        What the user should look at.
    source : mapping of str to str
        Where it came from and how it was read: path, encoding, delimiter, sheet.

    Raises
    ------
    ValueError
        When a name is there twice, or the columns differ in length.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    source: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(column.values) for column in self.columns}
        if self.columns and not self.rows:
            object.__setattr__(self, "rows", tuple(range(1, max(lengths) + 1)))
        if lengths - {len(self.rows)}:
            raise ValueError(f"{self.name}: expected {len(self.rows)} values in every column, got {sorted(lengths)}")
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise ValueError(f"{self.name}: expected every column once, got {', '.join(map(repr, twice))} twice")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return dict(zip(self.names, self.columns, strict=True))

    def column(self, name: str) -> Column:
        """Return a column by name.

        Raises
        ------
        ValueError
            When there is none; the message has the nearest names.
        """
        if name in self._by_name:
            return self._by_name[name]
        raise ValueError(f"{self.name}: {no_such('column', name, self.names)}")

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a column, NaN where missing.

        Raises
        ------
        ValueError
            When there is no such column, or it holds texts; the rows and what stands there are named.
        """
        column = self.column(name)
        if column.kind == "number":
            return column.values
        rows = [n for n, value in zip(self.rows, column.values, strict=True) if value and not is_number(value)]
        values = {n: value for n, value in zip(self.rows, column.values, strict=True) if n in set(rows[:3])}
        found = ", ".join(f"{value!r} in row {n}" for n, value in values.items()) or f"{column.kind}s"
        rest = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        raise ValueError(f"{self.name}, column {name!r}: expected numbers, got {found}{rest}")

    def texts(self, name: str) -> list[str]:
        """Return a column as texts, empty where missing; whole numbers have no decimal point.

        Raises
        ------
        ValueError
            When there is no such column.
        """
        column = self.column(name)
        if column.kind == "number":
            return [number_text(value) for value in column.values.tolist()]
        return [str(value) for value in column.values]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the values of all columns by name."""
        return {column.name: column.values for column in self.columns}

    def take(self, indices: Sequence[int] | NDArray[np.intp]) -> Table:
        """Return the rows at these places, counted from 0."""
        places = np.asarray(indices, dtype=np.intp)
        columns = tuple(replace(column, values=column.values[places]) for column in self.columns)
        return replace(self, columns=columns, rows=tuple(self.rows[n] for n in places.tolist()))

    def renamed(self, names: Mapping[str, str]) -> Table:
        """Return the table with other names of columns.

        Parameters
        ----------
        names : mapping of str to str
            New names by old ones.

        Raises
        ------
        ValueError
            When an old name is not there, or a new one is there twice.
        """
        for name in names:
            self.column(name)
        columns = tuple(replace(column, name=names.get(column.name, column.name)) for column in self.columns)
        return replace(self, columns=columns)


def number_text(value: float) -> str:
    """Return a number with every digit, a whole one without decimal point, NaN as an empty text."""
    if value != value:
        return ""
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(float(value))


def is_number(text: str) -> bool:
    """Tell whether a text is a finite number as a spreadsheet has it: ``1_000`` and ``inf`` are none."""
    try:
        return "_" not in text and abs(float(text)) < float("inf")
    except ValueError:
        return False


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """Return the end of a message: there is no such thing, and what its nearest are called."""
    names = list(known)
    lower = {one.casefold(): one for one in names}
    near = [lower[one] for one in get_close_matches(name.casefold(), list(lower), n=3, cutoff=0.5)]
    shown = near or names[:8]
    hint = f"the nearest: {', '.join(map(repr, shown))}" if shown else "there is none at all"
    return f"there is no {what} {name!r}; {hint}"
