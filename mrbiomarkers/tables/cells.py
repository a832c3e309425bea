"""Cells as they stand in a file, made into columns of numbers, texts or dates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.tables.dates import DATE_ORDERS, iso_dates
from mrbiomarkers.tables.table import KINDS, Column, is_number, no_such, number_text

_MARKS = frozenset({"NA", "N/A", "#N/A", "NaN", "nan", "NAN", "NULL", "."})
_CODES = (999.0, -999.0, 9999.0, -9999.0, 99.0, -99.0, -9.0, -1.0)
_COMMA = re.compile(r"[+-]?\d+,\d+")
_IDENTIFIER = re.compile(r"0\d+|\d{16,}")


@dataclass(frozen=True)
class ColumnRules:
    """What the user says about columns; what is not said is found from the cells.

    Attributes
    ----------
    kinds : mapping of str to str
        ``"number"``, ``"text"`` or ``"date"`` by column. A cell that does not fit is an error then.
    missing : tuple of str or float
        Codes that mean missing in every column, as 999.
    missing_in : mapping of str to sequence of str or float
        Codes of single columns.
    dates : mapping of str to str
        How the dates of a column are written: ``"y-m-d"``, ``"d/m/y"``, ``"m/d/y"`` (also with ``-`` or ``.``),
        ``"yyyymmdd"``, ``"excel"`` or ``"excel 1904"`` (day numbers). Unsaid, only dates with the year in front are
        taken for dates, for 03/04/2016 has two readings.
    decimal : str
        Decimal sign of texts: ``"."`` or ``","``.
    units, meanings : mapping of str to str
        For the data dictionary.

    Raises
    ------
    TypeError
        When ``missing`` or the codes of a column are a text or a number instead of several.
    ValueError
        When a kind, the writing of dates or the decimal sign is not one of these.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str | float] = ()
    missing_in: Mapping[str, Sequence[str | float]] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    units: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("decimal", self.decimal, (".", ","))
        for name, kind in self.kinds.items():
            check_choice(f"kinds, {name}", kind, KINDS)
        for name, order in self.dates.items():
            check_choice(f"dates, {name}", order, DATE_ORDERS)
            if self.kinds.get(name, "date") != "date":
                raise ValueError(f"kinds, {name}: expected 'date', as dates says; got {self.kinds[name]!r}")
        given = {"missing": self.missing, **{f"missing_in, {name}": codes for name, codes in self.missing_in.items()}}
        for where, codes in given.items():
            if isinstance(codes, str) or not isinstance(codes, Sequence):
                raise TypeError(f"{where}: expected several codes, as (999,); got {codes!r}")

    def check_names(self, names: Sequence[str]) -> None:
        """Check that every column that is named is there.

        Raises
        ------
        ValueError
            When one is not; the message has the nearest names.
        """
        for what in ("kinds", "missing_in", "dates", "units", "meanings"):
            for name in getattr(self, what):
                if name not in names:
                    raise ValueError(f"{what}: {no_such('column', name, names)}")

    def codes_of(self, name: str) -> tuple[str, ...]:
        """Return the codes that mean missing in a column."""
        codes = (*self.missing, *self.missing_in.get(name, ()))
        return tuple(code.strip() if isinstance(code, str) else number_text(float(code)) for code in codes)


class _Read(NamedTuple):
    """The values of a column, its kind, and what is to be said about it."""

    values: NDArray[Any]
    kind: str
    notes: tuple[str, ...] = ()


def typed_columns(
    names: Sequence[str], cells: Sequence[Sequence[str]], rows: Sequence[int], rules: ColumnRules | None = None
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Make columns of cells.

    Parameters
    ----------
    names : sequence of str
        Headings.
    cells : sequence of sequence of str
        The cells of each column; an empty one is missing. Blanks at both ends do not count.
    rows : sequence of int
        Number of each row in its file, for messages.
    rules : ColumnRules, optional
        What is known of them.

    Returns
    -------
    columns : tuple of Column
        Numbers where every cell is one, dates where every cell is one with the year in front, else texts. Numbers with
        zeros in front or of 16 and more digits are names, thus texts. NA, N/A, NaN, NULL and a single point are missing
        among numbers and dates; texts keep them, with a note.
    notes : tuple of str
        Texts among numbers (row and value), names that look like numbers, empty columns, codes that may mean missing.

    Raises
    ------
    ValueError
        When a cell does not fit the kind that is said (row and value are named), or the rules name a column that is not
        there.
    """
    rules = rules or ColumnRules()
    rules.check_names(names)
    columns, notes = [], []
    for name, given in zip(names, cells, strict=True):
        texts = [cell.strip() for cell in given]
        coded = _without_codes(texts, rules.codes_of(name))
        read = _read(name, texts, rows, rules)
        unit, meaning = rules.units.get(name, ""), rules.meanings.get(name, "")
        columns.append(Column(name, read.values, read.kind, unit, meaning, coded))
        notes += [f"column {name!r}: {note}" for note in read.notes]
    return tuple(columns), tuple(notes)


def _without_codes(texts: list[str], codes: Sequence[str]) -> dict[str, int]:
    """Empty the cells that hold a code, in place; return how many held each. 999.0 is the code 999."""
    if not codes:
        return {}
    numeric = {float(code): code for code in codes if is_number(code)}
    numbers, _ = _numbers(texts, ".") if numeric else (np.full(len(texts), np.nan), [])
    found = {n: numeric[float(numbers[n])] for n in np.flatnonzero(np.isin(numbers, list(numeric))).tolist()}
    wanted = frozenset(code for code in codes if code and not is_number(code))
    if wanted:
        found |= {n: text for n, text in enumerate(texts) if text in wanted}
    for n in found:
        texts[n] = ""
    return dict(Counter(found[n] for n in sorted(found)))


def _read(name: str, texts: list[str], rows: Sequence[int], rules: ColumnRules) -> _Read:
    kind = "date" if name in rules.dates else rules.kinds.get(name, "")
    if kind == "text":
        return _as_texts(texts)
    numbers, misfits = _numbers(texts, rules.decimal)
    if kind == "number":
        if misfits:
            hint = "; give texts that mean missing as missing codes"
            raise ValueError(f"column {name!r}: expected numbers, got {_shown(texts, misfits, rows)}{hint}")
        return _Read(numbers, "number", _suspects(numbers))
    if kind == "date":
        dates, misfits = iso_dates(_unmarked(texts), rules.dates.get(name, "y-m-d"))
        if misfits:
            order = rules.dates.get(name, "y-m-d")
            raise ValueError(f"column {name!r}: expected dates written {order}, got {_shown(texts, misfits, rows)}")
        return _Read(np.array(dates, dtype=object), "date")
    return _guessed(texts, numbers, misfits, rows)


def _guessed(texts: list[str], numbers: NDArray[Any], misfits: list[int], rows: Sequence[int]) -> _Read:
    """Return a column of which nothing is said."""
    n_numbers = int(np.count_nonzero(np.isfinite(numbers)))
    if n_numbers == len(misfits) == 0:
        return _Read(numbers, "number", ("no value in any row",))
    if not misfits:
        is_whole = np.array_equal(numbers, np.floor(numbers), equal_nan=True)
        if is_whole and any(map(_IDENTIFIER.fullmatch, texts)):
            return _as_texts(texts, "digits that are a name (zeros in front, or 16 and more), taken as text")
        return _Read(numbers, "number", _suspects(numbers))
    if n_numbers:
        hint = "; are they numbers with a decimal comma?" if all(_COMMA.fullmatch(texts[n]) for n in misfits) else ""
        what = f"{n_numbers} numbers, but also {_shown(texts, misfits, rows)}; taken as text{hint}"
        return _as_texts(texts, what)
    dates, wrong = iso_dates(_unmarked(texts), "y-m-d")
    if all(_COMMA.fullmatch(texts[n]) for n in misfits):
        return _as_texts(texts, f"{_shown(texts, misfits, rows)} taken as text; are they numbers with a decimal comma?")
    return _as_texts(texts) if wrong else _Read(np.array(dates, dtype=object), "date")


def _numbers(texts: list[str], decimal: str) -> tuple[NDArray[np.float64], list[int]]:
    """Return the numbers, NaN where there is none, and the places of texts that are neither number nor missing."""
    if decimal == ",":  # a point would be a sign of thousands, which is refused like that in 1,000
        texts = [text.replace(".", "_").replace(",", ".") if text != "." else text for text in texts]
    try:
        values = np.array([float(text) if text else np.nan for text in texts])
        n_finite = np.count_nonzero(np.isfinite(values))  # float takes inf, nan and 1_000, too
        plain = n_finite == len(texts) - texts.count("") and "_" not in "".join(texts)
    except ValueError:
        plain = False
    if plain:
        return values, []
    values = np.full(len(texts), np.nan)
    misfits = []
    for n, text in enumerate(texts):
        if is_number(text):
            values[n] = float(text)
        elif text and text not in _MARKS:
            misfits.append(n)
    return values, misfits


def _unmarked(texts: Sequence[str]) -> list[str]:
    return ["" if text in _MARKS else text for text in texts]


def _as_texts(texts: Sequence[str], *notes: str) -> _Read:
    """Return texts, with a note where one of them may mean missing."""
    marks = Counter(text for text in texts if text in _MARKS)
    kept = [f"{mark!r} stands in {n} rows and is kept; is it a missing code?" for mark, n in marks.items()]
    return _Read(np.array(texts, dtype=object), "text", (*notes, *kept))


def _suspects(numbers: NDArray[np.float64]) -> tuple[str, ...]:
    """Return a note where a number that often means missing stands far off all others."""
    known = numbers[np.isfinite(numbers)]
    for code in _CODES:
        others = known[known != code]
        n_code = len(known) - len(others)
        if n_code < (1 if abs(code) > 900 else 2) or len(others) == 0:
            continue
        low, high = float(others.min()), float(others.max())
        is_far = code > 3 * abs(high) if code > 0 else low >= 0 and bool(np.all(others == np.round(others)))
        if is_far:
            return (f"{number_text(code)} in {n_code} rows, others from {low:g} to {high:g}; is it a missing code?",)
    return ()


def _shown(texts: Sequence[str], places: Sequence[int], rows: Sequence[int]) -> str:
    """Return cells with their rows, for a message."""
    some = ", ".join(f"{texts[n]!r} in row {rows[n]}" for n in places[:3])
    return some + (f" and {len(places) - 3} more" if len(places) > 3 else "")
