"""IVIM with fat, each voxel with an eta of its own: Newton's method near a solution, and how the solution moves.

Parameters are the rows S0, f, D, D*, eta of arrays (5, N). What is minimised is
``Q = sum r^2 + pull (eta - eta_given)^2`` with the (weighted) residuals ``r``.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.leastsquares import dot

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

_CONVERGED = 1e-12  # of the sum of squares: the decrease that one more step could bring
_ROUNDING = 1e-22  # of the signal's sum of squares: below it, only rounding is left
_EASY_STEPS = 4  # most voxels need 2 or 3
_MAX_STEPS = 50
_BLOCK = 2048  # voxels advanced together: their arrays stay in the cache
_PIVOT = 1e-10  # a matrix whose pivots fall below this part of its diagonal is singular
_ETA = 4


class FatSignals(NamedTuple):
    """Signals of N voxels and what is known of their fat.

    Attributes
    ----------
    y : (B, N) array
        Signals, multiplied by the roots of the weights.
    eta : (N,) array
        The given eta.
    pull : (N,) array
        Weight of ``(eta - given eta)^2``: 0, or the variance of the noise over that of eta.
    bvalues, root_weights : (B, 1) array
        b-values [s/mm2] and roots of the weights.
    D_fat : float [mm2/s]
        Diffusion coefficient of fat.
    """

    y: Array
    eta: Array
    pull: Array
    bvalues: Array
    root_weights: Array
    D_fat: float

    def take(self, index: NDArray[np.intp] | slice) -> FatSignals:
        """Return the signals of some voxels."""
        return self._replace(y=self.y[:, index], eta=self.eta[index], pull=self.pull[index])


class Moves(NamedTuple):
    """How the solutions of N voxels move, rows S0, f, D, D*, eta; a parameter that is not free stays where it is.

    Attributes
    ----------
    by_eta : (5, N) array
        Derivative by the given eta.
    by_D_fat : (5, N) array
        Derivative by D_fat.
    variance : (5, N) array
        What noise of variance 1 does: diagonal of the inverse curvature; NaN where that is singular or a parameter is
        not free.
    """

    by_eta: Array
    by_D_fat: Array
    variance: Array


class _Normal(NamedTuple):
    """Q and its part of the residuals (N,), and halves of derivatives of Q.

    The gradient (5, N), the curvature as it is and without that of the model (5, 5, N), and the derivative of the
    gradient by D_fat (5, N).
    """

    value: Array
    squares: Array
    gradient: Array
    exact: Array
    tangent: Array
    by_D_fat: Array


def refine(signals: FatSignals, start: Array, lower: Array, upper: Array, fit_eta: bool) -> tuple[Array, Array, Bools]:
    """Find the minimum of Q next to a start, by damped Newton steps inside a box.

    Parameters
    ----------
    signals : FatSignals
        The voxels.
    start : (5, N) array
        S0 > 0, f, D, D*, eta.
    lower, upper : (5,) array
        Bounds; that of S0 is above 0.
    fit_eta : bool
        Whether eta is searched too.

    Returns
    -------
    values : (5, N) array
        The minimum.
    squares : (N,) array
        Sum of the squared residuals there.
    converged : (N,) bool array
        False where the iteration limit was reached.
    """
    values = np.clip(start, lower[:, None], upper[:, None])
    squares, converged = np.empty(start.shape[1]), np.zeros(start.shape[1], dtype=bool)
    # the few that need many steps go on together: long iterations over short arrays would cost more than all the rest
    for n_steps in (_EASY_STEPS, _MAX_STEPS):
        left = np.flatnonzero(~converged)
        for begin in range(0, left.size, _BLOCK):
            part = left[begin : begin + _BLOCK]
            box = lower[:, None], upper[:, None]
            found = _refine_block(signals.take(part), values[:, part], box, fit_eta, n_steps)
            values[:, part], squares[part], converged[part] = found
    return values, squares, converged


def _refine_block(
    signals: FatSignals, values: Array, box: tuple[Array, Array], fit_eta: bool, n_steps: int
) -> tuple[Array, Array, Bools]:
    """Advance the voxels of one block by up to ``n_steps``; return what :func:`refine` does."""
    lower, upper = box
    index = np.arange(values.shape[1])
    here, now, damping = values.copy(), _normal(signals, values), np.zeros(index.size)
    squares, converged = np.empty(index.size), np.zeros(index.size, dtype=bool)
    floor = _ROUNDING * dot(signals.y, signals.y)
    for _ in range(n_steps):
        fixed = ((here <= lower) & (now.gradient > 0)) | ((here >= upper) & (now.gradient < 0))
        fixed[_ETA] |= not fit_eta
        move = _step(now, ~fixed, damping)
        gain = -np.sum(now.gradient * move, axis=0)
        done = (gain <= _CONVERGED * now.value + floor) | (damping > 1e8)
        if done.any():
            values[:, index[done]], squares[index[done]], converged[index[done]] = (
                here[:, done],
                now.squares[done],
                True,
            )
            keep = np.flatnonzero(~done)
            if keep.size == 0:
                return values, squares, converged
            signals, now = signals.take(keep), _Normal(*(array[..., keep] for array in now))
            index, here, move, damping, floor = index[keep], here[:, keep], move[:, keep], damping[keep], floor[keep]
        target = np.clip(here + move, lower, upper)
        trial = _normal(signals, target)
        better = trial.value <= now.value
        here = np.where(better, target, here)
        now = _Normal(*(np.where(better, new, old) for new, old in zip(trial, now, strict=True)))
        damping = np.where(better, np.where(damping < 1e-5, 0.0, damping * 0.1), np.maximum(damping * 10, 1e-2))
    values[:, index], squares[index] = here, now.squares
    return values, squares, converged


def sensitivities(signals: FatSignals, values: Array, free: Bools) -> Moves:
    """Return how the solutions move with what is known of the fat.

    Parameters
    ----------
    signals : FatSignals
        The voxels.
    values : (5, N) array
        Their solutions: S0, f, D, D*, eta. Where S0 <= 0 there is none, and NaN is returned.
    free : (5, N) bool array
        What can move: not on a bound, with influence on the signal; eta only where it was fitted.

    Returns
    -------
    Moves
        By the implicit function theorem: the gradient stays 0 when the solution moves.
    """
    moves = Moves(*(np.full(values.shape, np.nan) for _ in range(3)))
    there = np.flatnonzero(values[0] > 0)
    for begin in range(0, there.size, _BLOCK):
        part = there[begin : begin + _BLOCK]
        found = _sensitivities_of_block(signals.take(part), values[:, part], free[:, part])
        for into, array in zip(moves, found, strict=True):
            into[:, part] = array
    return moves


def _sensitivities_of_block(signals: FatSignals, values: Array, free: Bools) -> Moves:
    now = _normal(signals, values)
    by_eta = -now.exact[:, _ETA]
    by_eta[:_ETA] *= ~free[_ETA]  # a fitted eta is drawn to the given one by its prior only
    by_eta[_ETA] = signals.pull
    solved, regular = _solve(now.exact, np.stack([by_eta, -now.by_D_fat], axis=1), free)
    rough = np.flatnonzero(~regular)  # no minimum in all directions: a flat valley
    if rough.size:
        right = np.stack([by_eta, -now.by_D_fat], axis=1)[..., rough]
        solved[..., rough], regular = _solve(now.tangent[..., rough], right, free[:, rough])
        solved[..., rough[~regular]] = np.nan
    identity = np.broadcast_to(np.eye(5)[..., None], now.tangent.shape)
    inverse, regular = _solve(now.tangent, identity, free)
    variance = np.einsum("ppn->pn", inverse).copy()
    variance[~free | ~regular] = np.nan
    return Moves(solved[:, 0], solved[:, 1], variance)


def _normal(signals: FatSignals, values: Array) -> _Normal:
    """Return the normal equations at ``values`` (5, N)."""
    s0, f, slow, fast, eta = values
    minus_b, water = -signals.bvalues, s0 * (1.0 - eta)
    tissue, blood = (signals.root_weights * np.exp(minus_b * rate) for rate in (slow, fast))
    fat = signals.root_weights * np.exp(minus_b * signals.D_fat)
    mixed = tissue + f * (blood - tissue)
    shape = mixed + eta * (fat - mixed)
    residual = signals.y - s0 * shape
    # derivatives by S0, f, D, D*, eta, D_fat, up to these factors, which may be 0
    parts = [shape, water * (blood - tissue), minus_b * (water * tissue), minus_b * (water * blood)]
    parts += [s0 * (fat - mixed), minus_b * (s0 * fat)]
    factors = np.ones((6, s0.size))
    factors[2], factors[3], factors[5] = 1.0 - f, f, eta
    along = np.stack([dot(part, residual) for part in parts])
    tangent = np.empty((6, 6, s0.size))
    for p, q in itertools.combinations_with_replacement(range(6), 2):
        tangent[p, q] = tangent[q, p] = dot(parts[p], parts[q])
    tangent = tangent[:5] * factors * factors[:5, None]
    bends = _bends(residual * minus_b, parts, along, factors, values)
    squares, off = dot(residual, residual), eta - signals.eta
    gradient = -along[:5] * factors[:5]
    gradient[_ETA] += signals.pull * off
    exact = tangent - bends
    exact[_ETA, _ETA] += signals.pull
    tangent[_ETA, _ETA] += signals.pull
    value = squares + signals.pull * off**2
    return _Normal(value, squares, gradient, exact[:, :5], tangent[:, :5], exact[:, 5])


def _bends(bent: Array, parts: list[Array], along: Array, factors: Array, values: Array) -> Array:
    """Return residual . second derivative of the model by two parameters, (5, 6, N)."""
    s0, eta = values[0], values[_ETA]
    whole = along * factors
    bends = np.zeros((5, 6, s0.size))
    bends[0, 1:] = whole[1:] / s0
    bends[1, 2], bends[1, 3] = -along[2], along[3]
    bends[1:_ETA, _ETA] = -whole[1:_ETA] / (1.0 - eta)
    for p in (1, 2, 3, _ETA):
        bends[p, :p] = bends[:p, p]
    for p in (2, 3):
        bends[p, p] = factors[p] * dot(bent, parts[p])
    bends[_ETA, 5] = along[5]
    return bends


def _step(now: _Normal, free: Bools, damping: Array) -> Array:
    """Return the damped Newton step (5, N); where the curvature is not positive, without that of the model."""
    diagonal = np.arange(5)
    matrix = now.exact.copy()
    matrix[diagonal, diagonal] *= 1.0 + damping
    move, regular = _solve(matrix, -now.gradient[:, None], free)
    rough = np.flatnonzero(~regular)
    if rough.size:
        matrix = now.tangent[..., rough]
        matrix[diagonal, diagonal] *= 1.0 + damping[rough]
        move[..., rough], _ = _solve(matrix, -now.gradient[:, None, rough], free[:, rough])
    return move[:, 0]


def _solve(matrix: Array, right: Array, free: Bools) -> tuple[Array, Bools]:
    """Solve ``matrix x = right`` for the free parameters of each voxel; the others are 0.

    ``matrix`` (P, P, N), ``right`` (P, R, N), ``free`` (P, N). Also returned is whether the matrix is safely positive
    definite; a direction in which it is not does not move.
    """
    size = len(matrix)
    a, x = matrix * (free[:, None] & free), right * free[:, None]
    smallest = _PIVOT * np.einsum("ppn->pn", a)
    regular = np.ones(a.shape[-1], dtype=bool)
    inverse = np.empty(free.shape)
    for p in range(size):
        good = a[p, p] > smallest[p]
        regular &= good | ~free[p]
        inverse[p] = np.where(good, 1.0 / np.where(good, a[p, p], 1.0), 0.0)
        for row in range(p + 1, size):
            factor = a[row, p] * inverse[p]
            a[row, p + 1 :] -= factor * a[p, p + 1 :]
            x[row] -= factor * x[p]
    for p in reversed(range(size)):
        for q in range(p + 1, size):
            x[p] -= a[p, q] * x[q]
        x[p] *= inverse[p]
    return x, regular
