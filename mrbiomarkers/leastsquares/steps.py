"""The next step of a search inside its box: a damped Newton step, cut at the walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.leastsquares.model import Array

_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds of a search: ``lower`` and ``upper`` (P,) of theta, ``fraction`` (lo, hi) of c_1 / (c_0 + c_1)."""

    lower: Array
    upper: Array
    fraction: tuple[float, float] = (0.0, 1.0)


def next_step(state: Array, theta: Array, damping: Array, box: Box) -> tuple[Array, Array]:
    """Return the next ``theta`` inside the box and the decrease of half the sum of squares that it promises.

    Parameters
    ----------
    state : (R, N) array
        As :func:`~mrbiomarkers.leastsquares.curvature.evaluate` returns it.
    theta : (P, N) array
        Where the fits stand.
    damping : (N,) array
        Part of the curvature's diagonal that is added to it (Levenberg-Marquardt).
    box : Box
        Bounds.

    Returns
    -------
    (theta, gain)
        (P, N) and (N,).
    """
    size = len(theta)
    n_pairs = size * (size + 1) // 2
    gradient = state[-n_pairs - size : -n_pairs]
    matrix = _unpack(state[-n_pairs:], size)
    lower, upper = box.lower[:, None], box.upper[:, None]
    if size <= 2:
        move = _newton(matrix, gradient, damping)
        target = theta + move
        walled = np.minimum(np.maximum(target, lower), upper)
        careful = np.flatnonzero((walled != target).any(axis=0))
    else:
        walled, careful = np.empty_like(theta), np.arange(theta.shape[1])
    if size > 1 and careful.size:
        some = [[entry.take(careful) for entry in row] for row in matrix]
        along = _pair_along_walls if size == 2 else _step_along_walls
        walled[:, careful] = along(
            some, gradient.take(careful, axis=1), damping.take(careful), theta.take(careful, axis=1), lower, upper
        )
    return walled, _gain(matrix, gradient, walled - theta)


def _newton(matrix: list[list[Array]], gradient: Array, damping: Array) -> Array:
    """Return the damped step of one or two parameters, walls not looked at."""
    factor = 1.0 + damping
    a = matrix[0][0] * factor + _TINY
    if len(gradient) == 1:
        return -gradient / a
    b, d = matrix[0][1], matrix[1][1] * factor + _TINY
    product = a * d
    determinant = product - b * b
    lost = np.flatnonzero(determinant <= 1e-10 * product)
    if lost.size:  # two parameters that cannot be told apart: move them one by one
        b = b.copy()
        b[lost] = 0.0
        determinant[lost] = np.maximum(product[lost], _TINY)
    move = np.empty_like(gradient)
    np.divide(b * gradient[1] - d * gradient[0], determinant, out=move[0])
    np.divide(b * gradient[0] - a * gradient[1], determinant, out=move[1])
    return move


def _gain(matrix: list[list[Array]], gradient: Array, move: Array) -> Array:
    """Return the decrease of half the sum of squares that the quadratic model promises for ``move``."""
    gain = np.zeros(move.shape[1])
    for p in range(len(move)):
        slope = gradient[p] + 0.5 * matrix[p][p] * move[p]
        for q in range(p + 1, len(move)):
            slope += matrix[p][q] * move[q]
        gain -= slope * move[p]
    return gain


def _pair_along_walls(
    matrix: list[list[Array]], gradient: Array, damping: Array, theta: Array, lower: Array, upper: Array
) -> Array:
    """Return what :func:`_step_along_walls` does, for two parameters in closed form."""
    diagonal = np.stack([matrix[0][0], matrix[1][1]]) * (1.0 + damping)
    safe = np.where(diagonal > 0, diagonal, np.inf)  # a parameter without influence does not move
    alone = -gradient / safe
    product = diagonal[0] * diagonal[1]
    determinant = product - matrix[0][1] ** 2
    tell_apart = determinant > 1e-10 * np.abs(product)
    joint = (matrix[0][1] * gradient[::-1] - diagonal[::-1] * gradient) / np.where(tell_apart, determinant, 1.0)
    fixed = ((theta <= lower) & (gradient > 0)) | ((theta >= upper) & (gradient < 0))
    move = np.where(fixed, 0.0, np.where(tell_apart & ~fixed[::-1], joint, alone))
    target = theta + move
    clipped = np.minimum(np.maximum(target, lower), upper)
    left = clipped != target
    held, given = fixed | left, np.where(left, clipped - theta, 0.0)
    move = np.where(held, given, np.where(held[::-1], alone - matrix[0][1] * given[::-1] / safe, move))
    inside = np.minimum(np.maximum(theta + move, lower), upper)
    return np.where(left, clipped, inside)  # on the wall, not beside it by rounding


def _step_along_walls(
    matrix: list[list[Array]], gradient: Array, damping: Array, theta: Array, lower: Array, upper: Array
) -> Array:
    """Return the next theta of fits that meet a wall: what leaves the box stays on it, the others are solved again."""
    fixed = ((theta <= lower) & (gradient > 0)) | ((theta >= upper) & (gradient < 0))
    target = theta + _solve_free(matrix, gradient, damping, fixed, np.zeros_like(theta))
    clipped = np.clip(target, lower, upper)
    left = clipped != target
    move = np.where(left, clipped - theta, 0.0)
    move = _solve_free(matrix, gradient, damping, fixed | left, move)
    return np.where(left, clipped, np.clip(theta + move, lower, upper))  # on the wall, not beside it by rounding


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
    return np.stack(solve_symmetric(a, right))


def solve_symmetric(a: list[list[Array]], right: list[Array]) -> list[Array]:
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
