"""Where to start a separable fit: a coarse search over a grid, with a second start where there are two valleys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.leastsquares.linear import solve_two
from mrbiomarkers.leastsquares.model import Array, SeparableModel, dot

_BLOCK = 2048  # signals searched at once: the scores of a block stay in the cache

Index = NDArray[np.intp]
Scores = NDArray[Any]


class StartGrid:
    """A grid over the non-linear parameters, scored for many signals by matrix products.

    Parameters
    ----------
    model : SeparableModel
        With one column, or with two columns of one parameter each.
    axes : sequence of 1-D arrays
        Values of each non-linear parameter. The last axis is the one along which minima compete.
    fraction : tuple of float
        Bounds of ``c_1 / (c_0 + c_1)`` for a model of two columns.
    """

    def __init__(
        self, model: SeparableModel, axes: Sequence[Array], fraction: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        self.axes = [np.asarray(axis, dtype=np.float64) for axis in axes]
        self.fraction = fraction
        self._n_last = len(self.axes[-1])
        self._nodes = np.array(list(itertools.product(*self.axes))).T.copy()
        columns = model.at(self._nodes).columns
        lengths = [np.sqrt(dot(column, column)) for column in columns]
        self._units = [(column / length).T for column, length in zip(columns, lengths, strict=True)]
        if len(columns) == 2:
            self._prepare_pair(columns, lengths)

    def _prepare_pair(self, columns: list[Array], lengths: list[Array]) -> None:
        """Keep what the scores of two columns need: the part of the second one that the first one cannot explain."""
        first, second = self._units
        overlap = np.einsum("nm,nm->n", first, second)
        rest = second - overlap[:, None] * first
        length = np.linalg.norm(rest, axis=1)
        apart = length > 1e-6
        rest = np.where(apart[:, None], rest / np.where(apart, length, 1.0)[:, None], 0.0)
        self._rest = rest.astype(np.float32)
        self._first = np.ascontiguousarray(first[:: self._n_last], dtype=np.float32)
        self._second = np.ascontiguousarray(second[: self._n_last], dtype=np.float32)
        self._overlap = overlap
        self._gram = (lengths[0] ** 2, overlap * lengths[0] * lengths[1], lengths[1] ** 2)
        self._lengths = lengths

    def search(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the best node of each signal, the best node of the next valley, and that one's score.

        Parameters
        ----------
        y : (M, N) array
            Signals.

        Returns
        -------
        first, second : (P, N) array
            Starts; ``second`` repeats ``first`` where there is one valley only.
        score : (N,) array
            Sum of squares that the second node explains; -inf where there is no second valley.
        """
        parts = [self._search_block(y[:, begin : begin + _BLOCK]) for begin in range(0, y.shape[1], _BLOCK)]
        first, second, score = (np.concatenate(column) for column in zip(*parts, strict=True))
        return self._nodes[:, first], self._nodes[:, second], score

    def _search_block(self, y: Array) -> tuple[Index, Index, Array]:
        if len(self._units) == 1:
            height = np.maximum(self._units[0] @ y, 0.0)
            return self._pick((height * height).reshape(-1, self._n_last, y.shape[1]))
        if self.fraction != (0.0, 1.0):
            return self._pick(self._exact_scores(y))
        y32 = y.astype(np.float32)
        height = self._first @ y32
        first, second, score = self._pick(self._fast_scores(y32, height))
        wrong = self._first_is_negative(first, height, self._second @ y32)
        if wrong.size:
            first[wrong], second[wrong], score[wrong] = self._pick(self._exact_scores(y[:, wrong]))
        return first, second, score

    def _pick(self, scores: Scores) -> tuple[Index, Index, Array]:
        """Return the best node, the best node of the next valley along the last axis, and that one's score.

        Only models of two columns have valleys that compete.
        """
        profile = scores.max(axis=0)
        voxel = np.arange(profile.shape[1])
        best = profile.argmax(axis=0)
        first = self._node(scores, best, voxel)
        if len(self._units) == 1:
            return first, first, np.full(best.size, -np.inf)
        rises = np.ones_like(profile, dtype=bool)
        rises[1:] &= profile[1:] >= profile[:-1]
        rises[:-1] &= profile[:-1] >= profile[1:]
        rises[best, voxel] = False
        profile[~rises] = -np.inf
        other = profile.argmax(axis=0)
        score = profile[other, voxel].astype(np.float64)
        second = first.copy()
        found = np.flatnonzero(score > -np.inf)
        second[found] = self._node(scores, other[found], found)
        return first, second, score

    def _node(self, scores: Scores, last: NDArray[np.intp], voxel: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the index of the best node among those with the given index on the last axis."""
        n_last, n = scores.shape[1:]
        column = scores.reshape(-1, n_last * n).take(last * n + voxel, axis=1)
        nodes: NDArray[np.intp] = column.argmax(axis=0) * n_last + last
        return nodes

    def _fast_scores(self, y: Scores, height: Scores) -> Scores:
        """Return the scores of two columns, in single precision; only the second coefficient is kept positive."""
        scores = self._rest @ y
        np.maximum(scores, 0.0, out=scores)  # where the second coefficient would be negative, the first explains alone
        scores *= scores
        scores = scores.reshape(-1, self._n_last, y.shape[1])
        scores += (height * height)[:, None, :]
        return scores

    def _first_is_negative(self, node: NDArray[np.intp], first: Scores, second: Scores) -> NDArray[np.intp]:
        """Return the signals whose best node would need a negative first coefficient, which the fast score allows."""
        voxel = np.arange(node.size)
        h0, h1 = first[node // self._n_last, voxel], second[node % self._n_last, voxel]
        return np.flatnonzero(h0 < self._overlap[node] * h1)

    def _exact_scores(self, y: Array) -> Scores:
        """Return the scores with the coefficients kept in their cone."""
        projection = [(unit @ y) * length[:, None] for unit, length in zip(self._units, self._lengths, strict=True)]
        gram = {pair: np.repeat(g, y.shape[1]) for pair, g in zip(((0, 0), (0, 1), (1, 1)), self._gram, strict=True)}
        flat = [h.ravel() for h in projection]
        coefficients, _ = solve_two(gram, flat, self.fraction)
        total = sum(c * h for c, h in zip(coefficients, flat, strict=True))
        return np.asarray(total).reshape(-1, self._n_last, y.shape[1])
