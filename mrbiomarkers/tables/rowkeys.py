"""What tells one row of the measurement table from another, and rows put together by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mrbiomarkers.measurements import COLUMNS, Measurement

LABELS: tuple[str, ...] = COLUMNS[: COLUMNS.index("value")]
"""The text columns; all but the unit make a row unique."""

Key = tuple[str, ...]


def key_of(row: Measurement, *without: str) -> Key:
    """Return the text columns of a row that make it unique, except those named."""
    return tuple(getattr(row, name) for name in LABELS if name != "unit" and name not in without)


def group_rows(rows: Iterable[Measurement], over: str) -> list[dict[str, Measurement]]:
    """Put rows together that differ in one column only.

    Parameters
    ----------
    rows : iterable of Measurement
        The rows.
    over : str
        The column: ``"region"`` or ``"reader"``.

    Returns
    -------
    list of dict of str to Measurement
        The rows of each group by their entry in that column; groups and rows in the order in which they come.

    Raises
    ------
    ValueError
        When a row is there twice, or the rows of a group differ in unit; the row is named.
    """
    groups: dict[Key, dict[str, Measurement]] = {}
    for row in rows:
        group = groups.setdefault(key_of(row, over), {})
        entry = getattr(row, over)
        if entry in group:
            raise ValueError(f"rows: expected every row once, got two of {describe(row)}")
        group[entry] = row
        check_same_unit((next(iter(group.values())), row))
    return list(groups.values())


def check_same_unit(rows: Iterable[Measurement]) -> None:
    """Refuse rows of different units.

    Raises
    ------
    ValueError
        When the unit of a row is not that of the first; both rows are named.
    """
    first = None
    for row in rows:
        first = first or row
        if row.unit != first.unit:
            raise ValueError(
                f"rows: expected one unit of {row.quantity}, got {first.unit!r} ({describe(first)}) and "
                f"{row.unit!r} ({describe(row)})"
            )


def check_names(name: str, given: Sequence[str], at_least: int) -> tuple[str, ...]:
    """Return names as a tuple after checking them.

    Parameters
    ----------
    name : str
        Argument name for the message.
    given : sequence of str
        The names.
    at_least : int
        How many there must be.

    Raises
    ------
    TypeError
        When it is one text instead of a sequence.
    ValueError
        When there are too few, one is empty, or one is there twice.
    """
    if isinstance(given, str):
        raise TypeError(f"{name}: expected a sequence of names, got the text {given!r}")
    names = tuple(given)
    if len(names) < at_least or len(set(names)) < len(names) or not all(names):
        raise ValueError(f"{name}: expected {at_least} or more different names, got {list(names)}")
    return names


def describe(row: Measurement, *without: str) -> str:
    """Return what a row is about, for messages: its filled text columns, except those named."""
    who = ("subject", "timepoint", "series", "reader", "region")
    parts = [f"{name} {getattr(row, name)!r}" for name in who if name not in without and getattr(row, name)]
    if "slice" not in without and row.slice != "all":
        parts.append(f"slice {row.slice}")
    if "quantity" not in without:
        how = ", ".join(text for text in (row.model, row.fit, row.method) if text)
        parts.append(f"{row.quantity} ({how})")
    return ", ".join(parts)
