"""Islands of a fitted field: groups of voxels round which it jumps, and what moving one as a whole would gain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
Apart = Callable[[Floats, Floats], Floats]

_BINS = 48  # of jumps, to find the commonest along a shore
_MOST = 600.0  # jumps beyond are counted as this one [Hz]


class Islands(NamedTuple):
    """Groups of voxels within which the field is smooth; the largest group and the smallest are none.

    Attributes
    ----------
    voxels : (V,) array
        Their voxels, places in the flattened volume.
    island : (V,) array
        To which island each belongs, 0 to ``number`` - 1.
    number : int
        How many islands there are.
    near, far : (E,) array
        Neighbours: the first is a place in ``voxels``, the second one in the flattened volume. Each pair is there once.
    inside : (E,) array
        The second as a place in ``voxels``; -1 where it is in no island.
    axis : (E,) array
        Axis along which they are neighbours.
    """

    voxels: Indices
    island: Indices
    number: int
    near: Indices
    far: Indices
    inside: Indices
    axis: Indices


def find_islands(field: Floats, apart: Apart, joined: float, sizes: tuple[int, int]) -> Islands | None:
    """Return the islands of a field, or None.

    Parameters
    ----------
    field : (K, J, I) array [Hz]
        NaN where there is none.
    apart : callable
        Difference of two fields [Hz].
    joined : float [Hz]
        Neighbours that differ by less are of one group.
    sizes : tuple of int
        Fewest and most voxels of an island.
    """
    held = np.isfinite(field)
    shore, cuts = np.zeros(field.shape, dtype=bool), []
    for axis in range(3):
        low, high = _pair(axis)
        cut = np.zeros(field.shape, dtype=bool)
        with np.errstate(invalid="ignore"):
            cut[low] = np.abs(apart(field[high], field[low])) > joined
        shore |= cut
        shore[high] |= cut[low]
        cuts.append(cut.ravel())
    if not shore.any():
        return None
    group = _groups(held, shore, cuts)
    counts = np.bincount(group[held.ravel()])
    taken = (counts >= sizes[0]) & (counts <= sizes[1])
    taken[counts.argmax()] = False
    voxels = np.flatnonzero(held.ravel() & taken[group])
    if not voxels.size:
        return None
    names, island = np.unique(group[voxels], return_inverse=True)
    return Islands(voxels, island, names.size, *_links(voxels, held))


def _groups(held: Flags, shore: Flags, cuts: list[Flags]) -> Indices:
    """Return a number for each voxel (flattened) that is the same within a group."""
    # Voxels away from every shore are grouped by their image; only those on a shore need a graph.
    inland, count = label(held & ~shore)
    number = np.asarray(inland.ravel(), dtype=np.intp)
    ashore = np.flatnonzero(shore)
    number[ashore] = count + 1 + np.arange(ashore.size)
    pairs = []
    flat = held.ravel()
    for axis, stride in enumerate(_strides(held.shape)):
        position = ashore // stride % held.shape[axis]
        for first in (ashore[position < held.shape[axis] - 1], ashore[position > 0] - stride):
            some = first[flat[first] & flat[first + stride] & ~cuts[axis][first]]
            pairs.append((number[some], number[some + stride]))
    one, other = (np.concatenate(part) for part in zip(*pairs, strict=True))
    size = count + 1 + ashore.size
    graph = coo_matrix((np.ones(one.size, dtype=np.int8), (one, other)), (size, size))
    return np.asarray(connected_components(graph, directed=False)[1][number])


def _links(voxels: Indices, held: Flags) -> tuple[Indices, Indices, Indices, Indices]:
    """Return the last four attributes of islands."""
    number = np.full(held.size, -1)
    number[voxels] = np.arange(voxels.size)
    flat, parts = held.ravel(), []
    for axis, stride in enumerate(_strides(held.shape)):
        position = voxels // stride % held.shape[axis]
        up, down = np.flatnonzero(position < held.shape[axis] - 1), np.flatnonzero(position > 0)
        for step, some in ((stride, up), (-stride, down)):
            there = voxels[some] + step
            # a pair of which both are in islands is seen from its first voxel alone
            keep = flat[there] & ((step > 0) | (number[there] < 0))
            parts.append((some[keep], there[keep], np.full(np.count_nonzero(keep), axis)))
    near, far, axes = (np.concatenate(part) for part in zip(*parts, strict=True))
    return near, far, number[far], axes


def _strides(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return shape[1] * shape[2], shape[2], 1


def _pair(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    low, high = [slice(None)] * 3, [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return tuple(low), tuple(high)


def shore_jumps(islands: Islands, field: Floats, apart: Apart, most: int) -> Iterator[Floats]:
    """Yield, for each island, the commonest jumps (number,) [Hz] from its field to that across its shore."""
    out, both = _crossing(islands)
    up = apart(field[islands.far], field[islands.voxels[islands.near]])
    owner = np.concatenate([islands.island[islands.near[out]], islands.island[islands.inside[both]]])
    jump = np.clip(np.concatenate([up[out], -up[both]]), -_MOST, _MOST)
    bins = np.minimum(((jump + _MOST) * (_BINS / (2 * _MOST))).astype(np.intp), _BINS - 1) + 1
    place = owner * (_BINS + 2) + bins
    size = islands.number * (_BINS + 2)
    counts, sums = (np.bincount(place, weight, minlength=size).reshape(-1, _BINS + 2) for weight in (None, jump))
    counts = counts.astype(np.float64)
    rows = np.arange(islands.number)[:, None]
    for _ in range(most):
        top = 1 + (counts[:, :-2] + counts[:, 1:-1] + counts[:, 2:]).argmax(axis=1)
        three = rows, top[:, None] + np.array([-1, 0, 1])
        yield sums[three].sum(axis=1) / np.maximum(counts[three].sum(axis=1), 1)
        counts[three] = sums[three] = 0


def _crossing(islands: Islands) -> tuple[Indices, Indices]:
    """Return the links that leave an island, and those of them that come to another."""
    to = np.where(islands.inside >= 0, islands.island[islands.inside], -1)
    leaves = to != islands.island[islands.near]
    return np.flatnonzero(leaves), np.flatnonzero(leaves & (to >= 0))


def change_of_energy(
    islands: Islands, own: Floats, before: Floats, after: Floats, link: Callable[[Floats, Floats, Indices], Floats]
) -> Floats:
    """Return by how much the energy grows when one island alone changes its field, (number,).

    Parameters
    ----------
    islands : Islands
        The islands.
    own : (V,) array
        By how much the energy of each voxel grows.
    before : (...) array [Hz]
        Field of the flattened volume.
    after : (V,) array [Hz]
        Field of the islands then.
    link : callable
        ``link(near, far, which)`` is the energy of the links ``which`` with these fields at their ends.
    """
    count = islands.number
    now = before[islands.voxels]
    owner = islands.island[islands.near]
    out, both = _crossing(islands)
    there = before[islands.far]
    everything = np.arange(owner.size)
    old = link(now[islands.near], there, everything)
    beyond = after[islands.inside]
    beyond[out] = there[out]
    change = np.bincount(islands.island, own, minlength=count)
    change += np.bincount(owner, link(after[islands.near], beyond, everything) - old, minlength=count)
    other = islands.inside[both]
    seen = link(now[islands.near[both]], after[other], both) - old[both]
    return np.asarray(change + np.bincount(islands.island[other], seen, minlength=count))


def best_first(islands: Islands, change: Floats, gain: float) -> Flags:
    """Return which islands (number,) may change at once: those that gain, and more than all islands beside them."""
    _, both = _crossing(islands)
    one, other = islands.island[islands.near[both]], islands.island[islands.inside[both]]
    least = np.full(islands.number, np.inf)
    np.minimum.at(least, one, change[other])
    np.minimum.at(least, other, change[one])
    return np.asarray((change < -gain) & (change < least))
