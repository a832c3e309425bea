"""Batched, bounded, separable least squares: thousands of small fits at once, knowing nothing of physics or images.

A model is ``y(x) = sum_l c_l phi_l(x; theta)``: linear in the coefficients ``c``, non-linear in ``theta``. The
coefficients are eliminated (variable projection: Golub and Pereyra, SIAM J Numer Anal 1973;10:413), so the search runs
over ``theta`` alone. Its curvature is the exact one of the reduced problem where that is positive definite, else the
approximation of Kaufman (BIT 1975;15:49); steps are damped (Levenberg-Marquardt) and kept in a box. With two columns
the coefficients are kept in the cone ``lo <= c_1 / (c_0 + c_1) <= hi``, ``c_0 + c_1 >= 0``, and its edges are handled
exactly.

Arrays hold the measurements along the first axis and the fits along the last: ``(M, N)``; all fits share ``x``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.leastsquares.curvature import evaluate, evaluate_ends
from mrbiomarkers.leastsquares.model import Array, SeparableModel, dot
from mrbiomarkers.leastsquares.steps import Box, next_step

Index = NDArray[np.intp]

_CONVERGED = 1e-9  # of the sum of squares: the decrease that one more step could bring
_NEAR = 1e-5  # of the sum of squares: a promised decrease so small that the next step may be the last
_ROUNDING = 1e-22  # of the signal's sum of squares: below it, only rounding is left
_HOPE = 40.0  # how many times the decrease that one step promises is still hoped for
_BLOCK = 8192  # fits advanced together: their columns stay in the cache


class SeparableFit(NamedTuple):
    """Result of N fits; the fits are the last axis of every array.

    Attributes
    ----------
    theta : (P, N) array
        Non-linear parameters.
    coefficients : (L, N) array
        Linear coefficients.
    sum_of_squares : (N,) array
        Residual sum of squares.
    converged : (N,) bool array
        False where the step limit was reached.
    damping : (N,) array
        Damping with which a fit that has not converged can be resumed.
    """

    theta: Array
    coefficients: Array
    sum_of_squares: Array
    converged: NDArray[np.bool_]
    damping: Array

    def copy(self) -> SeparableFit:
        """Return a copy whose arrays can be written to."""
        theta, coefficients, squares, converged, damping = self
        return SeparableFit(theta.copy(), coefficients.copy(), squares.copy(), converged.copy(), damping.copy())


def fit_separable(
    model: SeparableModel,
    y: Array,
    start: Array,
    box: Box,
    *,
    max_steps: int = 60,
    damping: Array | None = None,
    target: Array | None = None,
    leave: int = 0,
) -> SeparableFit:
    """Fit N signals from one start each.

    Parameters
    ----------
    model : SeparableModel
        The model; weights, if any, are already in its columns and in ``y``.
    y : (M, N) array
        Signals: finite.
    start : (P, N) array
        Start of theta; moved into the box.
    box : Box
        Bounds.
    max_steps : int
        Limit of the steps of a fit.
    damping : (N,) array, optional
        Damping of the first step, from a fit that is resumed; default 0.
    target : (N,) array, optional
        Sum of squares to beat: a fit that promises far too little to get there is given up, and counts as converged.
    leave : int
        Stop a block when no more than so many of its fits are left, which have then not converged.

    Returns
    -------
    SeparableFit
        A local minimum of each fit, to 1e-9 of its sum of squares, where ``converged``.
    """
    search = _Search(model, y, start, box, damping, target)
    for begin in range(0, y.shape[1], _BLOCK):
        search.run(slice(begin, min(begin + _BLOCK, y.shape[1])), max_steps, leave)
    return SeparableFit(search.theta, search.coefficients, search.sum_of_squares, search.converged, search.damping)


class _Search:
    """The state of N searches, advanced block by block."""

    def __init__(
        self,
        model: SeparableModel,
        y: Array,
        start: Array,
        box: Box,
        damping: Array | None,
        target: Array | None,
    ) -> None:
        self._model, self._y, self._box = model, y, box
        self.theta = np.minimum(np.maximum(start, box.lower[:, None]), box.upper[:, None])
        n_fits = y.shape[1]
        self.coefficients = np.empty((model.n_columns, n_fits))
        self.sum_of_squares = np.empty(n_fits)
        self.converged = np.zeros(n_fits, dtype=bool)
        self.damping = np.zeros(n_fits) if damping is None else damping.copy()
        self._target = target

    def run(self, part: slice, n_steps: int, leave: int) -> None:
        """Advance the fits ``part`` by up to ``n_steps`` steps, or until few are left; store where they stand."""
        index = np.arange(part.start, part.stop)
        y, theta, damping = self._y[:, part], self.theta[:, part], self.damping[part]
        state = evaluate(self._model, y, theta, self._box.fraction)
        floor = _ROUNDING * dot(y, y)
        for _ in range(n_steps):
            candidate, gain = next_step(state, theta, damping, self._box)
            finished = self._arrived(index, theta, state, damping, gain, floor)
            finished |= self._landing(index, y, candidate, state, damping, gain, finished)
            if finished.any():
                keep = np.flatnonzero(~finished)
                if keep.size == 0:
                    return
                index, floor, damping, gain = index[keep], floor[keep], damping[keep], gain[keep]
                theta, candidate, state, y = (array.take(keep, axis=1) for array in (theta, candidate, state, y))
                if keep.size <= leave:
                    break
            trial = evaluate(self._model, y, candidate, self._box.fraction)
            better = (trial[0] <= state[0]) & (gain > 0)  # a step cut short by two walls may promise nothing
            damping = _damp(damping, better, (state[0] - trial[0]) / (2 * gain))
            worse = np.flatnonzero(~better)
            if worse.size:
                trial[:, worse] = state[:, worse]
                candidate[:, worse] = theta[:, worse]
            state, theta = trial, candidate
        self._store(index, theta, state[0], state[1 : 1 + self._model.n_columns], damping)

    def _arrived(
        self, index: Index, theta: Array, state: Array, damping: Array, gain: Array, floor: Array
    ) -> NDArray[np.bool_]:
        """Store the fits that one more step would not change; return which."""
        done = (np.abs(gain) <= 0.5 * _CONVERGED * state[0] + floor) | (damping > 1e8)
        if self._target is not None:
            done |= state[0] - _HOPE * np.abs(gain) > self._target[index]
        chosen = np.flatnonzero(done)
        if chosen.size:
            place = index[chosen]
            self.converged[place] = True
            ends = state[: 1 + self._model.n_columns].take(chosen, axis=1)
            self._store(place, theta.take(chosen, axis=1), ends[0], ends[1:], damping[chosen])
        return done

    def _landing(
        self,
        index: Index,
        y: Array,
        candidate: Array,
        state: Array,
        damping: Array,
        gain: Array,
        finished: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Store the fits whose last step is the one just proposed; return which.

        A Newton step that keeps its promise to a part ``e`` leaves about ``2.25 e^2`` of it to be gained, so where the
        promise is small already, the sum of squares at the end tells that no more steps are needed.
        """
        near = (gain > 0) & (gain <= _NEAR * state[0]) & (damping == 0) & ~finished
        chosen = np.flatnonzero(near)
        if chosen.size == 0:
            return near
        # Each fit lands by its own figures only, so what stands beside it in a block cannot matter.
        whole = 2 * chosen.size > index.size
        some = (y, candidate) if whole else (y.take(chosen, axis=1), candidate.take(chosen, axis=1))
        squares, coefficients = evaluate_ends(self._model, *some, self._box.fraction)
        if whole:
            squares, coefficients = squares.take(chosen), [c.take(chosen) for c in coefficients]
        missed = state[0].take(chosen) - squares - 2 * gain.take(chosen)
        kept = 2.25 * missed * missed <= 2 * _CONVERGED * state[0].take(chosen) * gain.take(chosen)
        near[chosen[~kept]] = False
        landed = chosen[kept]
        self.converged[index[landed]] = True
        self._store(index[landed], candidate.take(landed, axis=1), squares[kept], [c[kept] for c in coefficients], 0.0)
        return near

    def _store(
        self, place: Index, theta: Array, squares: Array, coefficients: Array | list[Array], damping: Array | float
    ) -> None:
        """Store where the fits ``place`` stand."""
        self.theta[:, place] = theta
        self.sum_of_squares[place] = squares
        for into, values in zip(self.coefficients, coefficients, strict=True):
            into[place] = values
        self.damping[place] = damping


def better_of(first: SeparableFit, second: SeparableFit, index: Index) -> SeparableFit:
    """Return ``first`` with those of its fits ``index`` replaced that ``second`` (one a member of ``index``) beats."""
    wins = second.sum_of_squares < first.sum_of_squares[index]
    merged = first.copy()
    for into, part in zip(merged, second, strict=True):
        into[..., index[wins]] = part[..., wins]
    return merged


def _damp(damping: Array, better: NDArray[np.bool_], ratio: Array) -> Array:
    """Raise the damping after a step that failed, lower it after one that did what the curvature promised."""
    new = damping * 0.1
    new[new < 1e-6] = 0.0
    poor = np.flatnonzero(ratio <= 0.5)
    new[poor] = np.where(ratio[poor] > 0.1, damping[poor], damping[poor] * 4 + 1e-3)
    failed = np.flatnonzero(~better)
    new[failed] = np.maximum(damping[failed] * 8, 1e-2)
    return new
