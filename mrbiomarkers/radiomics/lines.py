"""Neighbours in a region: its voxels in the order of straight lines, once for all filtered images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.inputs import Flags

Index = NDArray[np.int32]

# So many voxels times directions are worked on at once: memory stays small for large regions.
_MOST_AT_ONCE = 1 << 14


@dataclass(frozen=True, eq=False)
class Lines:
    """The N voxels of a region along some directions.

    Attributes
    ----------
    first_direction : int
        Place of the first direction among all of them.
    directions : (A, 3) array of int
        Steps along k, j, i.
    order : (A * N,) array of int32
        For each direction, all voxels, line after line.
    begins : (A * N,) array of bool
        Where no voxel of the region lies one step before.
    long : (A,) array of bool
        Whether any line in this direction has two voxels of the region or more, gaps allowed.
    longest : int
        Most voxels of the region in a row without a gap, along any of the directions.
    """

    first_direction: int
    directions: NDArray[np.int64]
    order: Index
    begins: Flags
    long: Flags
    longest: int

    @property
    def size(self) -> int:
        """Number of voxels of the region."""
        return self.order.size // len(self.directions)

    def pairs(self) -> tuple[NDArray[np.int64], Index, Index]:
        """Return the direction (from 0 in this block) of each pair of neighbours, and its voxel before and after."""
        after = np.flatnonzero(~self.begins)
        return after // self.size, self.order[after - 1], self.order[after]


def find_lines(mask: Flags, distances: tuple[int, ...], flat_axis: int | None) -> list[Lines]:
    """Return the lines of a region in all directions, several directions at a time.

    Parameters
    ----------
    mask : (K, J, I) array of bool
        The region.
    distances : tuple of int
        Largest step along an axis; 1 gives the 13 directions of the 26 neighbours.
    flat_axis : int or None
        Axis along which there are no steps.
    """
    directions = _directions(mask.shape, distances, flat_axis)
    reach = max(distances)
    position = np.flatnonzero(np.pad(mask, reach))
    strides = np.cumprod([1, *(length + 2 * reach for length in mask.shape[:0:-1])])[::-1]
    each = max(1, _MOST_AT_ONCE // position.size)
    blocks = []
    for first in range(0, len(directions), each):
        part = directions[first : first + each]
        found = [_along(position, int(np.dot(step, strides))) for step in part]
        order = np.concatenate([item[0] for item in found])
        begins = np.concatenate([item[1] for item in found])
        long = np.array(
            [not item[1].all() or _has_gapped_line(mask, step) for item, step in zip(found, part, strict=True)]
        )
        longest = int(np.diff(np.flatnonzero(begins), append=begins.size).max())
        blocks.append(Lines(first, part, order, begins, long, longest))
    return blocks


def _directions(shape: tuple[int, ...], distances: tuple[int, ...], flat_axis: int | None) -> NDArray[np.int64]:
    """Return one of each pair of opposite steps, in the order of PyRadiomics."""
    reach = max(distances)
    steps = np.array(list(product(range(reach, -reach - 1, -1), repeat=3)))
    steps = steps[: len(steps) // 2]
    fits = np.all(np.abs(steps) < shape, axis=1) & np.isin(np.abs(steps).max(axis=1), distances)
    if flat_axis is not None:
        fits &= steps[:, flat_axis] == 0
    return steps[fits]


def _along(position: NDArray[np.int64], step: int) -> tuple[Index, Flags]:
    """Return the order of voxels along a step between their positions, and where no voxel lies one step before."""
    rounds, line = np.divmod(position, step)
    order = np.argsort(line * (rounds.max() + 1) + rounds, kind="stable")
    begins = np.ones(position.size, dtype=bool)
    begins[1:] = np.diff(position[order]) != step
    return order.astype(np.int32), begins


def _has_gapped_line(mask: Flags, step: NDArray[np.int64]) -> bool:
    """Return whether two voxels of the region lie on one line."""
    voxels = np.argwhere(mask)
    axis = int(np.flatnonzero(step)[0])
    base = voxels - (voxels[:, [axis]] // step[axis]) * step
    return bool(len(np.unique(base, axis=0)) < len(base))
