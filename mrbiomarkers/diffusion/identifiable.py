"""Whether the signal tells D* of IVIM at its noise: its standard error against its value, fast enough for every fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

_NODES = 64  # of the table, along each rate
_MARGIN = 0.9  # kept though the least information of a cell was at a corner wherever it was looked for
_APART = 1.5  # D* above this multiple of D is told from it by more than rounding
_FEW = 4096  # for fewer voxels the table is not worth its making
_SINGULAR = 1e-13  # of the squared length of the derivative: less is rounding, the measurements do not tell D*


class DstarDoubt:
    """Finds where the standard error of D* exceeds D*, as the curvature of the bi-exponential model tells.

    The answer is that of ``standard_errors(...) > Dstar`` at about a fiftieth of its cost: with S0, f and D eliminated,
    the variance of D* is ``s^2 / (S0^2 f^2 I)``, where the information I depends on D and D* alone. Most voxels lie so
    far from the limit that a lower bound of I from a coarse table decides; for the others it is computed. (Where f or D
    is held on a bound, I is larger, so the lower bound holds there too.)

    Parameters
    ----------
    bvalues : (B,) array [s/mm2]
        b-values.
    root_weights : (B,) array
        Square roots of the weights.
    limits : dict
        Bounds of f, D [mm2/s] and Dstar [mm2/s], between which the estimates lie.
    """

    def __init__(self, bvalues: Array, root_weights: Array, limits: dict[str, tuple[float, float]]) -> None:
        self._minus_b, self._root = -bvalues[:, None], root_weights[:, None]
        self._powers = np.stack([np.ones_like(bvalues), bvalues, bvalues**2])
        self._degrees = bvalues.size - 4
        self._table: _Table | None = None
        self._limits = limits

    def find(self, values: list[Array], squares: Array, held: Bools) -> Bools:
        """Return where (N,) the standard error of D* exceeds it; False where D* is held.

        Parameters
        ----------
        values : list of (N,) array
            S0, f, D [mm2/s] and D* [mm2/s].
        squares : (N,) array
            (Weighted) residual sum of squares, in the units of S0.
        held : (3, N) bool array
            Which of f, D and D* are on a bound or have no influence.
        """
        s0, f, slow, fast = values
        doubtful = np.zeros(s0.size, dtype=bool)
        if self._degrees < 1:
            return doubtful
        if self._table is None and s0.size >= _FEW:
            self._table = _Table(self, self._limits["D"], self._limits["Dstar"])
        ratio = squares / self._degrees
        reach = (s0 * f * fast) ** 2
        near = (s0 > 0) & ~held[2]
        if self._table is not None:
            near &= ratio > reach * self._table.least(slow, fast)
        index = np.flatnonzero(near)
        if index.size:
            information = self.information([v[index] for v in values[1:]], ~held[:2, index])
            doubtful[index] = ratio[index] > reach[index] * information
        return doubtful

    def information(self, values: list[Array], free: Bools) -> Array:
        """Return I (N,), of ``values`` f, D and D* (N,) [mm2/s]; 0 where the measurements do not tell D*.

        ``free`` (2, N) says where f and D were free; S0 always is. I is what is left of the square of the derivative
        by D* when those by S0, f and D, all without their factors, are eliminated.
        """
        f, slow, fast = values
        first, second = (self._root * np.exp(self._minus_b * rate) for rate in (slow, fast))
        a, b, c = (self._powers @ (one * two) for one, two in ((first, first), (first, second), (second, second)))
        g = 1.0 - f
        # sums over the measurements of products of (g e1 + f e2), (e2 - e1), b e1 and b e2
        left = {
            (0, 0): g * g * a[0] + 2 * g * f * b[0] + f * f * c[0],
            (0, 1): g * (b[0] - a[0]) + f * (c[0] - b[0]),
            (0, 2): g * a[1] + f * b[1],
            (0, 3): g * b[1] + f * c[1],
            (1, 1): a[0] - 2 * b[0] + c[0],
            (1, 2): b[1] - a[1],
            (1, 3): c[1] - b[1],
            (2, 2): a[2],
            (2, 3): b[2],
            (3, 3): c[2],
        }
        for i, used in enumerate([np.ones_like(free[0]), *free]):
            pivot = left[i, i]
            inverse = np.divide(1.0, pivot, out=np.zeros_like(pivot), where=used & (pivot > 0))
            for j in range(i + 1, 4):
                share = left[i, j] * inverse
                for k in range(j, 4):
                    left[j, k] = left[j, k] - share * left[i, k]
        return np.where(left[3, 3] > _SINGULAR * c[2], left[3, 3], 0.0)


class _Table:
    """A lower bound of the information about D* with f and D free (held, they leave more), by cells of D and D*."""

    def __init__(self, doubt: DstarDoubt, slow: tuple[float, float], fast: tuple[float, float]) -> None:
        low = max(fast[0], 1e-4 * fast[1])
        slow_nodes = np.linspace(*slow, _NODES)
        fast_nodes = np.geomspace(low, fast[1], _NODES)
        grid = [part.ravel() for part in np.meshgrid(slow_nodes, fast_nodes, indexing="ij")]
        free = np.ones((2, grid[0].size), dtype=bool)
        known = doubt.information([np.full_like(grid[0], 0.5), *grid], free).reshape(_NODES, _NODES)
        corners = np.stack([known[:-1, :-1], known[1:, :-1], known[:-1, 1:], known[1:, 1:]])
        least = _MARGIN * corners.min(axis=0)
        # near D = D* the information vanishes in rounding; below the lowest node, and outside, nothing is promised
        least[_APART * slow_nodes[1:, None] >= fast_nodes[None, :-1]] = 0.0
        self._cells = np.pad(least, 1).ravel()
        self._slow = slow[0], (_NODES - 1) / (slow[1] - slow[0])
        self._fast = np.log(low), (_NODES - 1) / np.log(fast[1] / low)

    def least(self, slow: Array, fast: Array) -> Array:
        """Return the bound (N,) at D and D* (N,) [mm2/s]."""
        row = np.clip((slow - self._slow[0]) * self._slow[1] + 1.0, 0.0, _NODES).astype(np.intp)
        place = (np.log(np.maximum(fast, 1e-300)) - self._fast[0]) * self._fast[1] + 1.0
        return self._cells[row * (_NODES + 1) + np.clip(place, 0.0, _NODES).astype(np.intp)]
