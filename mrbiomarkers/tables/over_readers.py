"""The mean of several readers: ``reader = "mean"``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from mrbiomarkers.measurements import Measurement
from mrbiomarkers.tables.averages import NO_MEAN, Averages, NoteBook, labels_of, listed
from mrbiomarkers.tables.rowkeys import check_names, group_rows

MEAN = "mean"
_COUNTS = ("n_voxels", "n_slices", "n_unfitted", "n_on_bound")
_AVERAGED = (
    *("value", "se", "mean", "sd", "median", "p25", "p75", "min", "max"),
    *("area_mm2", "volume_mm3", "outside_fraction"),
)


def mean_over_readers(rows: Iterable[Measurement], readers: Sequence[str] = ()) -> Averages:
    """Average the readers' values of the same region; every row of a single reader is kept.

    Rows are matched by all their names but the reader's: subject, timepoint, series, region, slice, quantity, model,
    fit and method. p values and Akaike criteria have no mean.

    Parameters
    ----------
    rows : iterable of Measurement
        The table of all readers. Rows without a reader's name are left out of the means, with a note.
    readers : sequence of str
        Readers that are averaged; default: all in the table.

    Returns
    -------
    Averages
        Rows with reader "mean" for what all of these readers measured; what one of them lacks is named in a note and
        has no mean, so that all means are of the same readers. Where a reader's value is empty the mean is, too, with a
        note.

        - ``value`` and the distribution columns (``mean``, ``sd``, ``median``, ...) are each the mean of the readers'
          entries, not figures of one set of voxels.
        - ``se`` is the mean of the readers' standard errors. Their voxels overlap, so that their errors are not
          independent, and by how much is not known; for whatever correlation, that of the mean is not above this
          (equal to it when the errors go fully together). How far the readers differ is not in it: that is for
          :mod:`mrbiomarkers.agreement`. The interval is empty.
        - ``area_mm2``, ``volume_mm3`` and ``outside_fraction`` are means; voxels, slices and counts, too, rounded up.

    Raises
    ------
    TypeError
        When ``readers`` is a text.
    ValueError
        When the table holds less than two readers, lacks one of those named, or has rows of reader "mean" already; when
        no row is common to the readers, units differ, or a row is there twice.
    """
    given = list(rows)
    found = list(dict.fromkeys(row.reader for row in given if row.reader))
    if MEAN in found:
        raise ValueError("rows: expected those of single readers, got some of reader 'mean' already")
    if len(found) < 2:
        raise ValueError(f"rows: expected those of at least two readers, got {listed(found)}")
    names = check_names("readers", readers, 2) if readers else tuple(found)
    if not set(names) <= set(found):
        raise ValueError(f"readers: expected names of the table ({listed(found)}), got {listed(names)}")
    means, notes = [], NoteBook()
    for group in group_rows((row for row in given if row.quantity not in NO_MEAN), "reader"):
        there = [group[reader] for reader in names if reader in group]
        lacking = [reader for reader in names if reader not in group]
        if there and lacking:
            notes.add(there[0], f"no row of reader {listed(lacking)}, no mean", "reader")
        elif there:
            means.append(_mean_row(there, notes))
    if not means:
        raise ValueError(f"rows: expected at least one that readers {listed(names)} have in common, got none")
    n_nameless = sum(not row.reader for row in given)
    nameless = [f"rows without a reader's name, in no mean: {n_nameless}"] if n_nameless else []
    return Averages(given, means, notes.lines() + nameless)


def _mean_row(there: Sequence[Measurement], notes: NoteBook) -> Measurement:
    """Return the mean of the rows of all readers."""
    empty = [row.reader for row in there if math.isnan(row.value)]
    if empty:
        notes.add(there[0], f"no value of reader {listed(empty)}, an empty mean", "reader")
    n_readers = len(there)
    numbers: dict[str, Any] = {name: sum(getattr(row, name) for row in there) / n_readers for name in _AVERAGED}
    counts = {name: -(-sum(getattr(row, name) for row in there) // n_readers) for name in _COUNTS}
    return Measurement(**labels_of(there[0], reader=MEAN), **numbers, **counts)
