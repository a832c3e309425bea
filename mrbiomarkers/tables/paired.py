"""Pairs of two readers' values, for intraclass correlation and Bland-Altman analysis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.tables.averages import listed
from mrbiomarkers.tables.rowkeys import check_names, check_same_unit, describe

Array = NDArray[np.float64]

PAIRED_COLUMNS = ("value", "mean", "sd", "median", "p25", "p75", "min", "max", "area_mm2", "volume_mm3")
_UNITS = {"area_mm2": "mm2", "volume_mm3": "mm3"}


class PairLabel(NamedTuple):
    """What a pair is about."""

    subject: str
    timepoint: str
    series: str
    region: str
    slice: str


@dataclass(frozen=True, eq=False)
class ReaderPairs:
    """Values of the same region by two readers.

    Attributes
    ----------
    quantity, column, unit : str
        What the values are, the column they were taken from, and their unit.
    readers : (str, str)
        Names of a and b.
    labels : tuple of PairLabel
        What each pair is about, in the order of reader a's rows.
    a, b : (n,) array
        Their values; NaN where a value is empty, which :mod:`mrbiomarkers.agreement` takes for missing.
    only_a, only_b : tuple of PairLabel
        What only one of them measured.
    """

    quantity: str
    column: str
    unit: str
    readers: tuple[str, str]
    labels: tuple[PairLabel, ...]
    a: Array
    b: Array
    only_a: tuple[PairLabel, ...]
    only_b: tuple[PairLabel, ...]

    @property
    def ratings(self) -> Array:
        """Both as (n, 2), as :func:`mrbiomarkers.agreement.icc` takes them."""
        return np.stack([self.a, self.b], axis=1)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each reader with rows that the other lacks."""
        lines = []
        for reader, labels in zip(self.readers, (self.only_a, self.only_b), strict=True):
            if labels:
                names = "; ".join(" ".join(text for text in label if text not in ("", "all")) for label in labels)
                lines.append(f"{self.quantity}: only reader {reader!r} measured {names}")
        return tuple(lines)


def pairs(
    rows: Iterable[Measurement],
    reader_a: str,
    reader_b: str,
    quantity: str,
    *,
    model: str = "",
    fit: str = "",
    method: str = "",
    regions: Sequence[str] = (),
    column: str = "value",
    per_slice: bool = False,
) -> ReaderPairs:
    """Pair the values of two readers, matched by subject, timepoint, series, region and slice.

    Parameters
    ----------
    rows : iterable of Measurement
        The table of both readers.
    reader_a, reader_b : str
        The readers.
    quantity : str
        What is compared, as the column ``quantity`` has it.
    model, fit, method : str
        Entries of these columns; must be given where the table holds several for the quantity.
    regions : sequence of str
        Regions that are compared; default: all. Regions of a subject are not independent of each other, nor is the mean
        over regions of its parts: choose what belongs together.
    column : str
        Column that is compared: ``"value"``, a column of the distribution, ``"area_mm2"`` or ``"volume_mm3"``.
    per_slice : bool
        Whether single slices are paired instead of whole regions.

    Returns
    -------
    ReaderPairs
        Arrays in the unit of the rows, with labels.

    Raises
    ------
    TypeError
        When ``regions`` is a text.
    ValueError
        When the readers are the same, a reader has no such row, no row is common to both, the rows are of several
        models, fits or methods, units differ, or a row is there twice.
    """
    check_choice("column", column, PAIRED_COLUMNS)
    if reader_a == reader_b:
        raise ValueError(f"reader_b: expected another reader than reader_a, got {reader_b!r} for both")
    asked = {"quantity": quantity, "model": model, "fit": fit, "method": method}
    kinds = {name: text for name, text in asked.items() if text}
    wanted = check_names("regions", regions, 0)
    chosen = [
        row
        for row in rows
        if all(getattr(row, name) == text for name, text in kinds.items())
        and (row.region in wanted or not wanted)
        and (row.slice != "all") == per_slice
    ]
    what = ", ".join(f"{name} {text!r}" for name, text in kinds.items())
    sides = _sides(chosen, (reader_a, reader_b), what)
    first, second = sides
    labels = tuple(label for label in first if label in second)
    if not labels:
        raise ValueError(
            f"rows: expected at least one of {what} that readers {reader_a!r} and {reader_b!r} have in common, got none"
        )
    a, b = (np.array([getattr(side[label], column) for label in labels], dtype=np.float64) for side in sides)
    return ReaderPairs(
        quantity,
        column,
        _UNITS.get(column, first[labels[0]].unit),
        (reader_a, reader_b),
        labels,
        a,
        b,
        tuple(label for label in first if label not in second),
        tuple(label for label in second if label not in first),
    )


def _sides(
    rows: Sequence[Measurement], readers: tuple[str, str], what: str
) -> tuple[dict[PairLabel, Measurement], dict[PairLabel, Measurement]]:
    """Return the rows of each reader by label, all of one kind and one unit."""
    both = [row for row in rows if row.reader in readers]
    found = list(dict.fromkeys(row.reader for row in rows))
    for name, reader in zip(("reader_a", "reader_b"), readers, strict=True):
        if reader not in found:
            raise ValueError(f"{name}: expected a reader with rows of {what} ({listed(found)}), got {reader!r}")
    kinds = list(dict.fromkeys((row.model, row.fit, row.method) for row in both))
    if len(kinds) > 1:
        raise ValueError(
            f"rows: expected one model, fit and method, got several of {what}; choose one of "
            f"{'; '.join(', '.join(repr(text) for text in kind) for kind in kinds)}"
        )
    check_same_unit(both)
    sides: tuple[dict[PairLabel, Measurement], dict[PairLabel, Measurement]] = ({}, {})
    for row in both:
        side = sides[readers.index(row.reader)]
        label = PairLabel(row.subject, row.timepoint, row.series, row.region, row.slice)
        if label in side:
            raise ValueError(f"rows: expected every row once, got two of {describe(row)}")
        side[label] = row
    return sides
