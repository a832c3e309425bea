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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.leastsquares.linear import solve_one, solve_two
from mrbiomarkers.leastsquares.model import Array, SeparableModel, dot

Index = NDArray[np.intp]

_CONVERGED = 1e-9  # of the sum of squares: the decrease that one more step could bring
_ROUNDING = 1e-22  # of the signal's sum of squares: below it, only rounding is left
_BLOCK = 8192  # fits advanced together: their columns stay in the cache
_EASY = 6  # steps in blocks; most fits need 3 or 4
_PIVOT = 1e-3  # a curvature whose pivots fall below this part of its diagonal is not trusted


@dataclass(frozen=True, eq=False)
class SeparableFit:
    """Result of N fits.

    Attributes
    ----------
    theta : (P, N) array
        Non-linear parameters.
    coefficients : (L, N) array
        Linear coefficients.
    sum_of_squares : (N,) array
        Residual sum of squares.
    converged : (N,) bool array
        False where the iteration limit was reached.
    """

    theta: Array
    coefficients: Array
    sum_of_squares: Array
    converged: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds of a search: ``lower`` and ``upper`` (P,) of theta, ``fraction`` (lo, hi) of c_1 / (c_0 + c_1)."""

    lower: Array
    upper: Array
    fraction: tuple[float, float] = (0.0, 1.0)


def fit_separable(model: SeparableModel, y: Array, start: Array, box: Box, max_iterations: int = 60) -> SeparableFit:
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
    max_iterations : int
        Limit of the steps of a fit.

    Returns
    -------
    SeparableFit
        A local minimum of each fit, to 1e-9 of its sum of squares.
    """
    search = _Search(model, y, start, box)
    for begin in range(0, y.shape[1], _BLOCK):
        search.run(np.arange(begin, min(begin + _BLOCK, y.shape[1])), min(_EASY, max_iterations))
    # the few that need more steps go on together, which spares many calls on short arrays
    search.run(np.flatnonzero(~search.converged), max_iterations - _EASY)
    return SeparableFit(search.theta, search.coefficients, search.sum_of_squares, search.converged)


class _Search:
    """The state of N searches, advanced block by block."""

    def __init__(self, model: SeparableModel, y: Array, start: Array, box: Box) -> None:
        self._model, self._y, self._box = model, y, box
        self.theta = np.clip(start, box.lower[:, None], box.upper[:, None])
        n_fits = y.shape[1]
        self.coefficients = np.empty((model.n_columns, n_fits))
        self.sum_of_squares = np.empty(n_fits)
        self.converged = np.zeros(n_fits, dtype=bool)
        self._damping = np.zeros(n_fits)

    def run(self, index: Index, n_steps: int) -> None:
        """Advance the fits ``index`` by up to ``n_steps`` steps and store where they stand."""
        if index.size == 0 or n_steps < 1:
            return
        y, theta, damping = self._y.take(index, axis=1), self.theta.take(index, axis=1), self._damping[index]
        state = _evaluate(self._model, y, theta, self._box.fraction)
        floor = _ROUNDING * dot(y, y)
        for _ in range(n_steps):
            candidate, gain = _step(state, theta, damping, self._box)
            done = (np.abs(gain) <= 0.5 * _CONVERGED * state[0] + floor) | (damping > 1e8)
            if done.any():
                self._store(index[done], theta[:, done], state[:, done], damping[done])
                self.converged[index[done]] = True
                keep = np.flatnonzero(~done)
                if keep.size == 0:
                    return
                index, floor, damping, gain = index[keep], floor[keep], damping[keep], gain[keep]
                theta, candidate, state, y = (np.take(array, keep, axis=1) for array in (theta, candidate, state, y))
            trial = _evaluate(self._model, y, candidate, self._box.fraction)
            better = (trial[0] <= state[0]) & (gain > 0)  # a step cut short by two walls may promise nothing
            damping = _damp(damping, better, (state[0] - trial[0]) / (2 * gain))
            worse = np.flatnonzero(~better)
            trial[:, worse] = state[:, worse]
            candidate[:, worse] = theta[:, worse]
            state, theta = trial, candidate
        self._store(index, theta, state, damping)

    def _store(self, index: Index, theta: Array, state: Array, damping: Array) -> None:
        self.theta[:, index] = theta
        self.sum_of_squares[index] = state[0]
        self.coefficients[:, index] = state[1 : 1 + self._model.n_columns]
        self._damping[index] = damping


def better_of(first: SeparableFit, second: SeparableFit, index: Index) -> SeparableFit:
    """Return ``first`` with those of its fits ``index`` replaced that ``second`` (one a member of ``index``) beats."""
    wins = second.sum_of_squares < first.sum_of_squares[index]
    place = index[wins]
    theta, coefficients = first.theta.copy(), first.coefficients.copy()
    squares, converged = first.sum_of_squares.copy(), first.converged.copy()
    theta[:, place] = second.theta[:, wins]
    coefficients[:, place] = second.coefficients[:, wins]
    squares[place] = second.sum_of_squares[wins]
    converged[place] = second.converged[wins]
    return SeparableFit(theta, coefficients, squares, converged)


def _damp(damping: Array, better: NDArray[np.bool_], ratio: Array) -> Array:
    """Raise the damping after a step that failed, lower it after one that did what the curvature promised."""
    raised = np.maximum(damping * 8, 1e-2)
    kept = np.where(ratio > 0.5, damping * 0.1, np.where(ratio > 0.1, damping, damping * 4 + 1e-3))
    kept[kept < 1e-6] = 0.0
    return np.where(better, kept, raised)


def _evaluate(model: SeparableModel, y: Array, theta: Array, fraction: tuple[float, float]) -> Array:
    """Return the state (R, N) at ``theta``: sum of squares, coefficients, gradient, upper triangle of the curvature."""
    point = model.at(theta)
    columns = point.columns
    gram = {(a, b): dot(columns[a], columns[b]) for a in range(len(columns)) for b in range(a, len(columns))}
    projection = [dot(column, y) for column in columns]
    solve = solve_one if model.n_columns == 1 else solve_two
    coefficients, inverse = solve(gram, projection, fraction)
    residual = y - coefficients[0] * columns[0]
    if len(columns) == 2:
        residual -= coefficients[1] * columns[1]
    slopes = point.slopes()
    along = [dot(slope, residual) for slope in slopes]
    owner = model.column_of
    gradient = [-coefficients[owner[p]] * along[p] for p in range(len(slopes))]
    cross = [[dot(column, slope) * coefficients[owner[p]] for column in columns] for p, slope in enumerate(slopes)]
    pairs = [(p, q) for p in range(len(slopes)) for q in range(p, len(slopes))]
    tangent = {(p, q): coefficients[owner[p]] * coefficients[owner[q]] * dot(slopes[p], slopes[q]) for p, q in pairs}
    exact = {pair: value.copy() for pair, value in tangent.items()}
    for (p, q), bend in point.curvature(residual).items():
        exact[p, q] -= coefficients[owner[p]] * bend
    _reduce(tangent, cross, inverse)
    for p, column in enumerate(owner):
        cross[p][column] = cross[p][column] - along[p]
    _reduce(exact, cross, inverse)
    trusted = _is_definite(exact, len(slopes))
    curvature = [np.where(trusted, exact[pair], tangent[pair]) for pair in pairs]
    return np.stack([dot(residual, residual), *coefficients, *gradient, *curvature])


def _reduce(matrix: dict[tuple[int, int], Array], cross: list[list[Array]], inverse: list[list[Array]]) -> None:
    """Subtract ``cross_p . inverse . cross_q``: what re-solving the linear coefficients takes off the curvature."""
    size = len(inverse)
    for (p, q), value in matrix.items():
        for a in range(size):
            for b in range(size):
                value -= inverse[a][b] * cross[p][a] * cross[q][b]


def _is_definite(matrix: dict[tuple[int, int], Array], size: int) -> NDArray[np.bool_]:
    """Whether each matrix is safely positive definite, by the pivots of its LDL factorisation."""
    good = matrix[0, 0] > 0
    if size == 1:
        return good
    if size == 2:
        product = matrix[0, 0] * matrix[1, 1]
        return good & (product - matrix[0, 1] ** 2 > _PIVOT * product)
    dense = np.stack([np.stack([matrix[min(p, q), max(p, q)] for q in range(size)]) for p in range(size)])
    smallest = np.linalg.eigvalsh(np.moveaxis(dense, -1, 0))[:, 0]
    return good & (smallest > _PIVOT * np.abs(dense).max(axis=(0, 1)))


def _step(state: Array, theta: Array, damping: Array, box: Box) -> tuple[Array, Array]:
    """Return the next ``theta`` inside the box and the decrease of half the sum of squares that it promises."""
    size = len(theta)
    n_pairs = size * (size + 1) // 2
    gradient = state[-n_pairs - size : -n_pairs]
    matrix = _unpack(state[-n_pairs:], size)
    lower, upper = box.lower[:, None], box.upper[:, None]
    fixed = ((theta <= lower) & (gradient > 0)) | ((theta >= upper) & (gradient < 0))
    move = _solve_free(matrix, gradient, damping, fixed, np.zeros_like(theta))
    target = theta + move
    clipped = np.clip(target, lower, upper)
    left = clipped != target
    if size > 1 and left.any():
        # what leaves the box stays on its wall; the others are solved again with that move given
        move = np.where(left, clipped - theta, 0.0)
        move = _solve_free(matrix, gradient, damping, fixed | left, move)
        clipped = np.clip(theta + move, lower, upper)
    move = clipped - theta
    gain = -np.einsum("pn,pn->n", gradient, move)
    for p in range(size):
        for q in range(size):
            gain -= 0.5 * matrix[p][q] * move[p] * move[q]
    return clipped, gain


def _unpack(triangle: Array, size: int) -> list[list[Array]]:
    rows = iter(triangle)
    upper = {(p, q): next(rows) for p in range(size) for q in range(p, size)}
    return [[upper[min(p, q), max(p, q)] for q in range(size)] for p in range(size)]


def _solve_free(
    matrix: list[list[Array]], gradient: Array, damping: Array, fixed: NDArray[np.bool_], given: Array
) -> Array:
    """Solve ``(matrix + damping diag) move = -gradient`` for the free parameters; the fixed ones move as given."""
    size = len(gradient)
    free = ~fixed
    right = [np.where(fixed[p], given[p], -gradient[p]) for p in range(size)]
    a = [[matrix[p][q] for q in range(size)] for p in range(size)]
    for p in range(size):
        for q in range(size):
            if p != q:
                right[p] = right[p] - np.where(free[p] & fixed[q], matrix[p][q] * given[q], 0.0)
                a[p][q] = np.where(free[p] & free[q], matrix[p][q], 0.0)
        # a parameter without influence (zero curvature) does not move
        a[p][p] = np.where(fixed[p] | (matrix[p][p] <= 0), 1.0, matrix[p][p] * (1.0 + damping))
        right[p] = np.where(free[p] & (matrix[p][p] <= 0), 0.0, right[p])
    return np.stack(_eliminate(a, right))


def _eliminate(a: list[list[Array]], right: list[Array]) -> list[Array]:
    """Solve small symmetric systems element by element; a pivot lost to rounding gives no move."""
    size = len(right)
    for p in range(size):
        pivot = np.where(a[p][p] > 0, a[p][p], np.inf)
        for row in range(p + 1, size):
            factor = a[row][p] / pivot
            right[row] = right[row] - factor * right[p]
            for q in range(p + 1, size):
                a[row][q] = a[row][q] - factor * a[p][q]
    solution: list[Array] = [right[0]] * size
    for p in reversed(range(size)):
        rest = right[p]
        for q in range(p + 1, size):
            rest = rest - a[p][q] * solution[q]
        solution[p] = rest / np.where(a[p][p] > 0, a[p][p], np.inf)
    return solution
