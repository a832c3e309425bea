"""The reduced problem at one point: sum of squares, coefficients, gradient and curvature, linear part solved.

Quantities of N fits are rows of one array, the state, so that picking some of the fits is one call.
"""

from __future__ import annotations

import numpy as np

from mrbiomarkers.leastsquares.linear import Inverse, solve_one, solve_two
from mrbiomarkers.leastsquares.model import Array, ModelPoint, SeparableModel, dot
from mrbiomarkers.leastsquares.products import gram_of, plain_gram, products_of

_PIVOT = 1e-3  # a curvature whose pivots fall below this part of its diagonal is not trusted

Cross = list[list[Array]]
Matrix = dict[tuple[int, int], Array]


def evaluate(model: SeparableModel, y: Array, theta: Array, fraction: tuple[float, float]) -> Array:
    """Return the state of N fits at ``theta``.

    Parameters
    ----------
    model : SeparableModel
        The model.
    y : (M, N) array
        Signals.
    theta : (P, N) array
        Non-linear parameters.
    fraction : tuple of float
        Bounds of ``c_1 / (c_0 + c_1)`` for a model of two columns.

    Returns
    -------
    (1 + L + P + P (P + 1) / 2, N) array
        Sum of squares, coefficients, gradient of half the sum of squares, upper triangle of its curvature.
    """
    point = model.at(theta)
    coefficients, inverse, residual = _solve(point, gram_of(point), y, fraction)
    along, cross, tangent, bend = products_of(point, residual)
    owner = model.column_of
    scale = [coefficients[column] for column in owner]
    cross = [[x * scale[p] for x in row] for p, row in enumerate(cross)]
    tangent = {(p, q): value * (scale[p] * scale[q]) for (p, q), value in tangent.items()}
    exact = dict(tangent)
    for pair, value in bend.items():
        exact[pair] = exact[pair] - scale[pair[0]] * value
    bent = [[x - along[p] if a == owner[p] else x for a, x in enumerate(row)] for p, row in enumerate(cross)]
    exact = _reduce(exact, bent, inverse)
    _trust(exact, tangent, cross, inverse)
    gradient = [-s * a for s, a in zip(scale, along, strict=True)]
    return np.stack([dot(residual, residual), *coefficients, *gradient, *exact.values()])


def evaluate_ends(
    model: SeparableModel, y: Array, theta: Array, fraction: tuple[float, float]
) -> tuple[Array, list[Array]]:
    """Return the sum of squares and the coefficients of N fits at ``theta``, which is what the end of a search needs.

    The arguments are those of :func:`evaluate`; each result is (N,).
    """
    point = model.at(theta)
    coefficients, _, residual = _solve(point, plain_gram(point), y, fraction)
    return dot(residual, residual), coefficients


def _solve(
    point: ModelPoint, gram: Matrix, y: Array, fraction: tuple[float, float]
) -> tuple[list[Array], Inverse, Array]:
    """Return the coefficients, the inverse Gram matrix of their free directions, and the residual (M, N)."""
    columns = point.columns
    projection = [dot(column, y) for column in columns]
    solve = solve_one if len(columns) == 1 else solve_two
    coefficients, inverse = solve(gram, projection, fraction)
    residual = coefficients[0] * columns[0]
    np.subtract(y, residual, out=residual)
    if len(columns) == 2:
        residual -= coefficients[1] * columns[1]
    return coefficients, inverse, residual


def _reduce(matrix: Matrix, cross: Cross, inverse: Inverse) -> Matrix:
    """Return ``matrix - cross_p . inverse . cross_q``: what re-solving the linear coefficients takes off."""
    if len(inverse) == 1:
        solved = [[inverse[0][0] * x[0]] for x in cross]
        return {(p, q): value - cross[p][0] * solved[q][0] for (p, q), value in matrix.items()}
    (q00, q01), (_, q11) = inverse
    solved = [[q00 * x[0] + q01 * x[1], q01 * x[0] + q11 * x[1]] for x in cross]
    return {
        (p, q): value - (cross[p][0] * solved[q][0] + cross[p][1] * solved[q][1]) for (p, q), value in matrix.items()
    }


def _trust(exact: Matrix, tangent: Matrix, cross: Cross, inverse: Inverse) -> None:
    """Where the exact curvature is not safely positive definite, put the approximation of Kaufman in its place."""
    doubtful = _indefinite(exact, len(cross))
    if doubtful.size == 0:
        return
    part = [[x.take(doubtful) for x in row] for row in cross]
    free = [[x.take(doubtful) for x in row] for row in inverse]
    safe = _reduce({pair: value.take(doubtful) for pair, value in tangent.items()}, part, free)
    for pair, value in safe.items():
        exact[pair][doubtful] = value


def _indefinite(matrix: Matrix, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Return the fits whose matrix is not safely positive definite."""
    if size == 1:
        return np.flatnonzero(~(matrix[0, 0] > 0))
    if size == 2:
        product = matrix[0, 0] * matrix[1, 1]
        return np.flatnonzero(~((matrix[0, 0] > 0) & (product * (1 - _PIVOT) > matrix[0, 1] ** 2)))
    dense = np.stack([np.stack([matrix[min(p, q), max(p, q)] for q in range(size)]) for p in range(size)])
    smallest = np.linalg.eigvalsh(np.moveaxis(dense, -1, 0))[:, 0]
    return np.flatnonzero(~(smallest > _PIVOT * np.abs(dense).max(axis=(0, 1))))
