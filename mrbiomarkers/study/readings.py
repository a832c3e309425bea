"""The readers of a cohort side by side: names that are one reader's, and what each has measured of a worklist."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mrbiomarkers.measurements import Measurement, measurements_from_csv
from mrbiomarkers.study.worklist_state import DONE, Record

RECORD, ROWS = "state.json", ".measurements.csv"  # as the worklist of a reader has them in his folder


def reader_name(text: str | None) -> str:
    """Return the name of a reader without blanks too many."""
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def same_reader(one: str | None, other: str | None) -> bool:
    """Tell whether two names are one reader's: capitals and blanks do not matter. No name is no reader."""
    names = reader_name(one).casefold(), reader_name(other).casefold()
    return names[0] == names[1] != ""


def readers_of(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Return the readers of a worklist.

    Parameters
    ----------
    folder : path
        Where each reader has a folder of his own, as ``Worklist.folder.parent``.

    Returns
    -------
    dict of str to Path
        Folder of each reader by name, in the order of the names. What is no reader's folder, or cannot be read, is left
        out.
    """
    found = {}
    for place in sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []:
        try:
            record = Record.read(place / RECORD)
        except (ValueError, OSError):
            continue
        if record is not None:
            found[record.reader] = place
    return dict(sorted(found.items(), key=lambda entry: entry[0].casefold()))


def rows_of(
    folder: str | os.PathLike[str], labels: Mapping[str, str] | None = None
) -> tuple[list[Measurement], list[str]]:
    """Return what a reader has measured in the cases that he has marked as done.

    Parameters
    ----------
    folder : path
        The reader's folder, as :func:`readers_of` returns it.
    labels : mapping of str to str, optional
        By the names of the cases: what takes the place of the subject while time points are hidden, which are then left
        empty; cases without a label are left out.

    Returns
    -------
    list of Measurement, list of str
        The rows of all these cases, with the reader's name in each; and what is missing, in words without a subject.

    Raises
    ------
    FileNotFoundError
        When the folder holds no readings.
    ValueError
        When the saved state, or a table, cannot be used; it is named.
    OSError
        When a file cannot be read.
    """
    place = Path(folder)
    record = Record.read(place / RECORD)
    if record is None:
        raise FileNotFoundError(f"{place}: holds no readings (expected {RECORD})")
    rows: list[Measurement] = []
    done = [name for name, state in record.states.items() if state.state == DONE]
    without = 0
    for name in [name for name in done if labels is None or name in labels]:
        table = place / f"{name}{ROWS}"
        if not table.exists():
            without += 1
            continue
        try:
            found = measurements_from_csv(table.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{table}: {error}") from None
        shown: dict[str, Any] = {} if labels is None else {"subject": labels[name], "timepoint": ""}
        own = [row for row in found if same_reader(row.reader, record.reader)]
        rows += [replace(row, reader=record.reader, **shown) for row in own]
    notes = []
    if without:
        notes.append(f"reader {record.reader!r}: {without} of {len(done)} cases that are done have no measurements")
    return rows, notes
