"""Clinical data joined with measurements or features, subject by subject; what does not match is listed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mrbiomarkers.checks import check_choice
from mrbiomarkers.tables.table import Table

KEEP = ("matched", "clinical")

Key = tuple[str, str]


@dataclass(frozen=True)
class Unmatched:
    """A row that has no partner in the other table.

    Attributes
    ----------
    table : str
        The table it stands in.
    row : int
        Its number there.
    subject, timepoint : str
        What it is about; an empty subject matches nothing.
    nearest : str
        Subject of the other table that differs only in case, blanks, signs or zeros in front, or whose timepoint does;
        empty where there is none. Nothing is matched by it.
    """

    table: str
    row: int
    subject: str
    timepoint: str = ""
    nearest: str = ""

    def record(self) -> dict[str, Any]:
        """Return the row as a mapping, for a table."""
        return asdict(self)


@dataclass(frozen=True)
class Lacking:
    """A timepoint that a subject does not have."""

    subject: str
    timepoint: str

    def record(self) -> dict[str, Any]:
        """Return the row as a mapping, for a table."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Joined:
    """Two tables as one.

    Attributes
    ----------
    table : Table
        The clinical columns, then the measured ones. Rows are numbered as in the clinical table.
    unmatched : tuple of Unmatched
        Every row of either table without a partner, the clinical ones first.
    lacking : tuple of Lacking
        Timepoints of the measured table that a subject with a partner does not have.
    n_subjects : int
        Subjects with a partner.
    """

    table: Table
    unmatched: tuple[Unmatched, ...]
    lacking: tuple[Lacking, ...]
    n_subjects: int

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each table with rows that do not match, and for each timepoint that subjects lack."""
        lines = []
        for table in dict.fromkeys(row.table for row in self.unmatched):
            rows = [row for row in self.unmatched if row.table == table]
            shown = ", ".join(_shown(row) for row in rows)
            lines.append(f"{table}: {len(rows)} rows match nothing: {shown}")
        for timepoint in dict.fromkeys(one.timepoint for one in self.lacking):
            subjects = [one.subject for one in self.lacking if one.timepoint == timepoint]
            lines.append(f"timepoint {timepoint!r} is missing for {len(subjects)} subjects: {', '.join(subjects)}")
        return tuple(lines)


def join_clinical(
    clinical: Table, measured: Table, *, subject: str = "subject", timepoint: str = "", keep: str = "matched"
) -> Joined:
    """Join a clinical table with a table of measurements or features.

    Names match exactly, after blanks at both ends are taken off; a number 7 is the name 7.

    Parameters
    ----------
    clinical : Table
        One row a subject, or one a subject and timepoint.
    measured : Table
        With the column ``subject``, and ``timepoint`` where there are several.
    subject : str
        Column of the clinical table with the subject.
    timepoint : str
        Its column with the timepoint; empty: its rows hold for all timepoints of a subject and are repeated for each.
    keep : str
        ``"matched"``: rows with a partner; ``"clinical"``: all clinical rows; what was not measured is
        missing.

    Returns
    -------
    Joined
        The table, and every row without a partner.

    Raises
    ------
    ValueError
        When a column is not there, a subject (or subject and timepoint) is in a table twice (both rows are named), both
        tables have a column of one name, or nothing matches.
    """
    check_choice("keep", keep, KEEP)
    left = _keys(clinical, subject, timepoint)
    right = _keys(measured, "subject", "timepoint" if "timepoint" in measured.names else "")
    if timepoint and "timepoint" not in measured.names:
        raise ValueError(f"{measured.name}: expected a column 'timepoint' as in the clinical table, got none")
    _check_once(clinical, left, "; name its column of timepoints" if not timepoint else "")
    _check_once(measured, right, "")
    places: dict[Key, list[int]] = {}
    for n, key in enumerate(right):
        places.setdefault(key if timepoint else (key[0], ""), []).append(n)
    partners = [places.get(key, []) if key[0] else [] for key in left]
    if not any(partners):
        some = [", ".join(repr(key[0]) for key in keys[:3]) for keys in (left, right)]
        raise ValueError(f"subject: expected some in both tables, got {some[0]} ... and {some[1]} ... without a match")
    found = [(n, m) for n, ms in enumerate(partners) for m in (ms or ([-1] if keep == "clinical" else []))]
    table = _together(clinical, measured, found, {subject, timepoint}, with_timepoint=not timepoint)
    matched = {m for ms in partners for m in ms}
    unmatched = (
        *_unmatched(clinical, left, {n for n, ms in enumerate(partners) if ms}, right),
        *_unmatched(measured, right, matched, left),
    )
    subjects = tuple(dict.fromkeys(right[m][0] for ms in partners for m in ms))
    return Joined(table, unmatched, lacking_timepoints(right, subjects), len(subjects))


def lacking_timepoints(keys: Sequence[Key], subjects: Sequence[str]) -> tuple[Lacking, ...]:
    """Return the timepoints that others have and one of these subjects has not.

    Parameters
    ----------
    keys : sequence of (str, str)
        Subject and timepoint of every row.
    subjects : sequence of str
        Subjects that are looked at.
    """
    there = set(keys)
    timepoints = dict.fromkeys(timepoint for _, timepoint in keys)
    return tuple(Lacking(name, time) for time in timepoints for name in subjects if (name, time) not in there)


def _keys(table: Table, subject: str, timepoint: str) -> list[Key]:
    subjects = [text.strip() for text in table.texts(subject)]
    times = [text.strip() for text in table.texts(timepoint)] if timepoint else [""] * len(subjects)
    return list(zip(subjects, times, strict=True))


def _check_once(table: Table, keys: Sequence[Key], hint: str) -> None:
    seen: dict[Key, int] = {}
    for row, key in zip(table.rows, keys, strict=True):
        if key in seen and key[0]:
            what = f"subject {key[0]!r}" + (f", timepoint {key[1]!r}" if key[1] else "")
            raise ValueError(
                f"{table.name}: expected every subject once, got {what} in rows {seen[key]} and {row}{hint}"
            )
        seen[key] = row


def _together(
    clinical: Table, measured: Table, found: Sequence[tuple[int, int]], keys: set[str], *, with_timepoint: bool
) -> Table:
    """Return the columns of both; -1 stands for no row."""
    left = clinical.take([n for n, _ in found])
    drop = {"subject"} if with_timepoint else {"subject", "timepoint"}
    places = np.array([m for _, m in found], dtype=np.intp)
    columns = [column for column in measured.columns if column.name not in drop]
    both = [column.name for column in columns if column.name in clinical.names]
    if both:
        shown = ", ".join(map(repr, both[:5]))
        raise ValueError(
            f"{measured.name}: expected other columns than in {clinical.name}, got {shown} in both; rename one "
            "(Table.renamed)"
        )
    more = tuple(replace(column, values=column.with_missing_end()[places]) for column in columns)
    notes = (*clinical.notes, *measured.notes)
    source: Mapping[str, str] = {**clinical.source, "joined_with": measured.name}
    return Table(clinical.name, (*left.columns, *more), left.rows, notes, source)


def _unmatched(table: Table, keys: Sequence[Key], matched: set[int], others: Sequence[Key]) -> list[Unmatched]:
    like = {_plain(name): name for name, _ in others}
    return [
        Unmatched(table.name, row, *key, nearest=like.get(_plain(key[0]), "") if key[0] else "")
        for n, (row, key) in enumerate(zip(table.rows, keys, strict=True))
        if n not in matched
    ]


def _plain(name: str) -> str:
    """Return a name without what two spellings of it often differ in."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\s_.-]+", "", name.casefold()))


def _shown(row: Unmatched) -> str:
    what = " ".join(filter(None, (row.subject, row.timepoint))) or "no subject"
    near = f"; the other table has {row.nearest}" if row.nearest else ""
    return f"{what} (row {row.row}{near})"
