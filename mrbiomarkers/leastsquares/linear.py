"""The linear part of a separable fit: one or two coefficients in their cone, for many fits at once."""

from __future__ import annotations

import numpy as np

from mrbiomarkers.leastsquares.model import Array

Inverse = list[list[Array]]


def solve_one(
    gram: dict[tuple[int, int], Array], projection: list[Array], fraction: tuple[float, float]
) -> tuple[list[Array], Inverse]:
    """Solve for one coefficient >= 0; return it and the inverse Gram matrix of the free directions."""
    coefficient = np.maximum(projection[0] / gram[0, 0], 0.0)
    return [coefficient], [[np.where(coefficient > 0, 1.0 / gram[0, 0], 0.0)]]


def solve_two(
    gram: dict[tuple[int, int], Array], projection: list[Array], fraction: tuple[float, float]
) -> tuple[list[Array], Inverse]:
    """Solve for two coefficients in the cone; return them and the inverse Gram matrix of the free directions."""
    g00, g01, g11 = gram[0, 0], gram[0, 1], gram[1, 1]
    h0, h1 = projection
    lo, hi = fraction
    product = g00 * g11
    determinant = product - g01 * g01
    regular = determinant > 1e-12 * product
    scale = 1.0 / np.where(regular, determinant, 1.0)
    q00, q01, q11 = g11 * scale, -g01 * scale, g00 * scale
    c0, c1 = q00 * h0 + q01 * h1, q01 * h0 + q11 * h1
    total = c0 + c1
    inside = regular & (total > 0) & (c1 >= lo * total) & (c1 <= hi * total)
    edge = np.flatnonzero(~inside)
    if edge.size:
        on_edge = _solve_edge([g[edge] for g in (g00, g01, g11)], h0[edge], h1[edge], fraction)
        for full, part in zip((c0, c1, q00, q01, q11), on_edge, strict=True):
            full[edge] = part
    return [c0, c1], [[q00, q01], [q01, q11]]


def _solve_edge(gram: list[Array], h0: Array, h1: Array, fraction: tuple[float, float]) -> list[Array]:
    """Solve on the better of the cone's two edges, where the ratio of the coefficients is fixed."""
    best = [np.zeros_like(h0) for _ in range(5)]
    gain = np.zeros_like(h0)
    for share in fraction:
        weight0, weight1 = 1.0 - share, share
        norm = weight0 * weight0 * gram[0] + 2 * weight0 * weight1 * gram[1] + weight1 * weight1 * gram[2]
        height = np.maximum(weight0 * h0 + weight1 * h1, 0.0)
        amplitude = height / norm
        wins = amplitude * height > gain
        gain[wins] = (amplitude * height)[wins]
        values = (
            weight0 * amplitude,
            weight1 * amplitude,
            weight0**2 / norm,
            weight0 * weight1 / norm,
            weight1**2 / norm,
        )
        for kept, value in zip(best, values, strict=True):
            kept[wins] = value[wins]
    return best
