"""Grey levels: the values of a region sorted into bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.settings import RadiomicsSettings

_MOST_LEVELS = 1_000_000


@dataclass(frozen=True, eq=False)
class Levels:
    """The grey levels of a region.

    Attributes
    ----------
    index : (N,) array of int32
        For each voxel, its place among the levels that occur.
    grey : (n,) array of float
        The levels that occur, ascending, from 1.
    counts : (n,) array of int
        Voxels of each.
    """

    index: NDArray[np.int32]
    grey: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def highest(self) -> int:
        """The highest level, which is the number of bins from the lowest to the highest that occurs."""
        return int(self.grey[-1])


def discretise(values: NDArray[Any], settings: RadiomicsSettings, *, minimum: float | None = None) -> Levels:
    """Sort values into bins.

    Bins of a fixed width start at a multiple of the width, at or below the smallest value, as in PyRadiomics; or at a
    stated minimum, as in the definitions of IBSI. A fixed number of bins lies between the smallest and largest value.

    Parameters
    ----------
    values : (N,) array
        Finite values.
    settings : RadiomicsSettings
        ``bin_width`` or ``bin_count``.
    minimum : float, optional
        Where the first bin starts; smaller values are refused.

    Raises
    ------
    ValueError
        When there would be more than 1,000,000 levels, or a value lies below ``minimum``.
    """
    edges = _edges(values, settings, minimum)
    bins = np.searchsorted(edges, values, side="right")
    if bins.max() <= 4 * values.size + 65536:
        tally = np.bincount(bins)
        grey = np.flatnonzero(tally)
        place = np.zeros(tally.size, dtype=np.int32)
        place[grey] = np.arange(grey.size)
        return Levels(place[bins], grey.astype(np.float64), tally[grey])
    grey, index, counts = np.unique(bins, return_inverse=True, return_counts=True)
    return Levels(index.astype(np.int32), grey.astype(np.float64), counts)


def _edges(values: NDArray[Any], settings: RadiomicsSettings, minimum: float | None) -> NDArray[Any]:
    if settings.bin_count is not None:
        edges = np.histogram_bin_edges(values, settings.bin_count)
        # The largest value belongs to the last bin.
        edges[-1] += 1
        return edges
    low, high = float(values.min()), float(values.max())
    width = settings.bin_width
    start = low - low % width if minimum is None else minimum
    if low < start:
        raise ValueError(
            f"bin_minimum: expected {low:g} or less, the smallest value of the region, got {minimum:g}; shift it, or "
            "resegment the region"
        )
    if (high - start) / width > _MOST_LEVELS:
        raise ValueError(
            f"bin_width: expected a width that gives {_MOST_LEVELS} levels or fewer, got {width:g} for values from "
            f"{low:g} to {high:g}"
        )
    return np.arange(start, high + 2 * width, width)
