"""Choosing one of a few fields for each voxel so that neighbours agree: min-sum message passing along the axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ticks = NDArray[np.int16]

_LINES = 4096  # lines of voxels worked at once: what belongs to one step stays in the cache


def choose_labels(
    cost: Floats,
    place: Ticks,
    stiffness: Floats,
    spacing: tuple[float, float, float],
    *,
    cap: int,
    sweeps: int = 4,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.intp]:
    """Return the label of each voxel that makes the whole volume cheap.

    The energy is ``sum_p cost[label_p] + sum_pq min(w_p, w_q) / spacing * min(|place_p - place_q|, cap)^2`` over
    neighbours p, q along the three axes. Each axis is solved exactly along all of its lines, given what the other two
    axes tell, and this is repeated.

    Parameters
    ----------
    cost : (L, K, J, I) float32 array
        Cost of each label.
    place : (L, K, J, I) int16 array
        Where each label lies on a ring of 65,536 ticks.
    stiffness : (K, J, I) float32 array
        Weight w of a voxel [cost mm / tick2]; 0 cuts it from its neighbours.
    spacing : tuple of float [mm]
        Distance of neighbours along each axis.
    cap : int [ticks]
        Largest distance that counts, below 32,768.
    sweeps : int
        How often the three axes are worked.
    progress : callable, optional
        Called with (done, total) after each axis.

    References
    ----------
    Kolmogorov, IEEE Trans Pattern Anal Mach Intell 2006;28:1568 (passing messages along chains).
    """
    belief = cost.copy()
    told = [np.zeros_like(cost) if size > 1 else None for size in cost.shape[1:]]
    for sweep in range(sweeps):
        for axis in range(3):
            messages = told[axis]
            if messages is not None:
                belief -= messages
                _pass_along(axis, belief, place, stiffness, spacing[axis], cap, messages)
                belief += messages
            if progress is not None:
                progress(3 * sweep + axis + 1, 3 * sweeps)
    return belief.argmin(axis=0)


def _pass_along(
    axis: int, belief: Floats, place: Ticks, stiffness: Floats, spacing: float, cap: int, messages: Floats
) -> None:
    """Put into ``messages`` what all lines along one axis tell their voxels."""
    weight = np.moveaxis(stiffness, axis, 0)
    beliefs, places, told = (np.moveaxis(array, 1 + axis, 1) for array in (belief, place, messages))
    active = np.nonzero((weight > 0).any(axis=0))
    for begin in range(0, active[0].size, _LINES):
        lines = tuple(part[begin : begin + _LINES] for part in active)
        here: Any = (slice(None), slice(None), *lines)
        weights = weight[here[1:]]
        links = np.minimum(weights[1:], weights[:-1]) / np.float32(spacing)
        unary, ticks = (np.ascontiguousarray(array[here].transpose(1, 0, 2)) for array in (beliefs, places))
        told[here] = _chain(unary, ticks, links.astype(np.float32), cap).transpose(1, 0, 2)


def _chain(unary: Floats, place: Ticks, links: Floats, cap: int) -> Floats:
    """Return what the rest of a line tells each voxel: (n, K, L) for L lines of n voxels."""
    length, n_labels, n_lines = unary.shape
    told = np.zeros_like(unary)
    buffer = _Pairs(n_labels, n_lines, cap)
    message = np.zeros((n_labels, n_lines), dtype=np.float32)
    for n in range(1, length):
        message = buffer.message(unary[n - 1] + message, place[n - 1], place[n], links[n - 1])
        told[n] = message
    message = np.zeros((n_labels, n_lines), dtype=np.float32)
    for n in range(length - 2, -1, -1):
        message = buffer.message(unary[n + 1] + message, place[n + 1], place[n], links[n])
        told[n] += message
    return told


class _Pairs:
    """The costs of all pairs of labels of neighbours, (K, K, L), in arrays that are used again."""

    def __init__(self, n_labels: int, n_lines: int, cap: int) -> None:
        shape = (n_labels, n_labels, n_lines)
        self._distance, self._cost = np.empty(shape, dtype=np.int16), np.empty(shape, dtype=np.float32)
        self._cap = np.uint16(cap)

    def message(self, sender: Floats, from_place: Ticks, to_place: Ticks, weight: Floats) -> Floats:
        """Return the message (K, L): for each label of the receiver the cheapest label of the sender."""
        distance, cost = self._distance, self._cost
        np.subtract(from_place[:, None], to_place[None], out=distance)  # wraps: the ring closes
        np.abs(distance, out=distance)
        size = distance.view(np.uint16)  # of -32768 the absolute value is itself, and 32768 when seen as unsigned
        np.minimum(size, self._cap, out=size)
        cost[...] = size
        np.multiply(cost, cost, out=cost)
        cost *= weight
        cost += sender[:, None]
        message = cost.min(axis=0)
        message -= message.min(axis=0)
        return message
