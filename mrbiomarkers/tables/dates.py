"""Dates as they stand in tables, as ISO 8601 has them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence

_YEAR_FIRST = re.compile(
    r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})日)"
    r"(?:[T ](\d{1,2}:\d{2}(?::\d{2})?)(?:\.0+)?)?"
)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})")


def _year_first(text: str) -> str:
    found = _YEAR_FIRST.fullmatch(text)
    if not found:
        raise ValueError(text)
    day = datetime.date(int(found[1]), int(found[3] or found[5]), int(found[4] or found[6]))
    if not found[7]:
        return day.isoformat()
    time = datetime.time.fromisoformat(found[7].zfill(5 if found[7].count(":") == 1 else 8))
    return day.isoformat() if time == datetime.time() else f"{day.isoformat()}T{time.isoformat()}"


def _day_first(text: str) -> str:
    found = _YEAR_LAST.fullmatch(text)
    if not found:
        raise ValueError(text)
    return datetime.date(int(found[4]), int(found[3]), int(found[1])).isoformat()


def _month_first(text: str) -> str:
    found = _YEAR_LAST.fullmatch(text)
    if not found:
        raise ValueError(text)
    return datetime.date(int(found[4]), int(found[1]), int(found[3])).isoformat()


def _eight_digits(text: str) -> str:
    found = _EIGHT.fullmatch(text)
    if not found:
        raise ValueError(text)
    return datetime.date(*map(int, found.groups())).isoformat()


def _serial(first: datetime.date) -> Callable[[str], str]:
    def read(text: str) -> str:
        days = float(text)
        # From 1 March 1900 on; before, Excel counts a 29 February 1900 that never was.
        if not 61 <= days < 110000 or days != int(days):
            raise ValueError(text)
        return (first + datetime.timedelta(days=int(days))).isoformat()

    return read


_READERS: dict[str, Callable[[str], str]] = {
    "y-m-d": _year_first,
    "d/m/y": _day_first,
    "m/d/y": _month_first,
    "yyyymmdd": _eight_digits,
    "excel": _serial(datetime.date(1899, 12, 30)),
    "excel 1904": _serial(datetime.date(1904, 1, 1)),
}

DATE_ORDERS = tuple(_READERS)
"""How dates may be written."""


def iso_dates(texts: Sequence[str], order: str) -> tuple[list[str], list[int]]:
    """Read dates.

    Parameters
    ----------
    texts : sequence of str
        Cells; an empty one is missing.
    order : str
        One of :data:`DATE_ORDERS`. Years have four digits; ``-``, ``/`` and ``.`` may stand between. With the year in
        front a time may follow, which is kept unless it is midnight. Day numbers of Excel are whole and count from
        1 March 1900 on. A cell with the year in front is taken in every order: it has one reading, and workbooks mix
        true dates with texts.

    Returns
    -------
    dates : list of str
        ISO 8601; empty where missing or not read.
    misfits : list of int
        Places of cells that could not be read.
    """
    read = _READERS[order]
    dates, misfits = [], []
    for n, text in enumerate(texts):
        try:
            dates.append("" if not text else _year_first(text) if _YEAR_FIRST.fullmatch(text) else read(text))
        except ValueError:
            dates.append("")
            misfits.append(n)
    return dates, misfits
