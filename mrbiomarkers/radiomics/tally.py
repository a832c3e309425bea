"""Sparse matrices of counts, and the features that runs, zones and dependences share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.discretise import Levels

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]

# As many bins are counted however few keys there are.
_ALWAYS_SMALL = 8192

EPSILON = np.spacing(1)  # PyRadiomics adds it inside logarithms.


@dataclass(frozen=True, eq=False)
class Counts:
    """The entries above 0 of one matrix of counts a direction.

    Attributes
    ----------
    group : (M,) array of int
        The direction, ascending.
    row, column : (M,) array of int
        Place in the matrix.
    count : (M,) array of float
        What stands there.
    groups : int
        Number of directions.
    """

    group: Whole
    row: Whole
    column: Whole
    count: Numbers
    groups: int

    def sums(self, values: Numbers | None = None) -> Numbers:
        """Return the sum of the counts, or of counts times values, of each direction."""
        weights = self.count if values is None else self.count * values
        return np.bincount(self.group, weights=weights, minlength=self.groups).astype(np.float64)

    def without_empty(self) -> Counts:
        """Return the matrices that are not empty."""
        full = self.sums() > 0
        if full.all():
            return self
        kept = full[self.group]
        place = np.cumsum(full) - 1
        return Counts(
            place[self.group[kept]], self.row[kept], self.column[kept], self.count[kept], int(np.count_nonzero(full))
        )

    def merged(self, weights: Numbers) -> Counts:
        """Return the sum of all matrices, each times its weight."""
        columns = int(self.column.max(initial=0)) + 1
        keys, count = tally(self.row * columns + self.column, self.count * weights[self.group])
        kept = count > 0
        row, column = np.divmod(keys[kept], columns)
        return Counts(np.zeros(row.size, dtype=np.int64), row, column, count[kept], 1)


def tally(keys: Whole, weights: Numbers | None = None) -> tuple[Whole, Numbers]:
    """Return the different keys, ascending, and how often each occurs or the sum of its weights."""
    if keys.size == 0:
        return keys, np.zeros(0)
    size = int(keys.max()) + 1
    if size <= 4 * keys.size + _ALWAYS_SMALL:
        occurs = np.bincount(keys, weights=weights)
        if weights is None:
            found = np.flatnonzero(occurs)
        else:
            seen = np.zeros(size, dtype=bool)
            seen[keys] = True
            found = np.flatnonzero(seen)
        return found, occurs[found].astype(np.float64)
    found, place, number = np.unique(keys, return_inverse=True, return_counts=True)
    if weights is None:
        return found, number.astype(np.float64)
    return found, np.bincount(place, weights=weights, minlength=found.size).astype(np.float64)


def collect(parts: list[tuple[Whole, Numbers]], rows: int, columns: int, groups: int) -> Counts:
    """Return the counts of keys ``(group * rows + row) * columns + column``; the parts have different groups."""
    keys = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    count = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0)
    rest, column = np.divmod(keys, columns)
    group, row = np.divmod(rest, rows)
    return Counts(group, row, column, count, groups)


def entropy(counts: Counts) -> Numbers:
    """Return the entropy [bit] of each matrix."""
    share = counts.count / counts.sums()[counts.group]
    return -counts.sums(np.log2(share + EPSILON)) / counts.sums()


def size_features(counts: Counts, levels: Levels) -> dict[str, Numbers]:
    """Return the features of matrices of grey level (row) and size (column + 1), one value a matrix.

    The sizes are lengths of runs, voxels of zones, or numbers of dependent voxels. In the names of the results,
    ``small`` and ``large`` belong to sizes, ``low`` and ``high`` to grey levels.
    """
    grey2 = np.square(levels.grey[counts.row])
    size = (counts.column + 1).astype(np.float64)
    size2 = np.square(size)
    total = counts.sums()
    parts: dict[str, Numbers] = {
        "small": 1 / size2,
        "large": size2,
        "low": 1 / grey2,
        "high": grey2,
        "small_low": 1 / (size2 * grey2),
        "small_high": grey2 / size2,
        "large_low": size2 / grey2,
        "large_high": size2 * grey2,
    }
    features = {name: counts.sums(values) / total for name, values in parts.items()}
    squares = {
        "grey": _sum_of_squares(counts, counts.row, levels.grey.size),
        "size": _sum_of_squares(counts, counts.column, int(counts.column.max(initial=0)) + 1),
    }
    for name, value in squares.items():
        features[f"{name}_nonuniformity"] = value / total
        features[f"{name}_nonuniformity_normalized"] = value / total**2
    for name, values in (("grey", levels.grey[counts.row]), ("size", size)):
        mean = counts.sums(values) / total
        features[f"{name}_variance"] = counts.sums((values - mean[counts.group]) ** 2) / total
    features["percentage"] = total / counts.sums(size)
    features["entropy"] = entropy(counts)
    return features


def _sum_of_squares(counts: Counts, place: Whole, length: int) -> Numbers:
    """Return the sum of the squared sums over one axis of each matrix."""
    keys, count = tally(counts.group * length + place, counts.count)
    return np.bincount(keys // length, weights=count**2, minlength=counts.groups).astype(np.float64)
