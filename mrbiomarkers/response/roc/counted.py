"""Scores counted: points of the curve, resampled curves, and areas under a line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mrbiomarkers.response.roc.scores import Array, ClassScores

_BATCH = 1 << 21
"""Numbers held at once while curves are resampled."""


def tally(scores: ClassScores) -> tuple[Array, Array, Array]:
    """Return the different scores, ascending, and how many positives and negatives have each."""
    values, where = np.unique(np.concatenate([scores.positives, scores.negatives]), return_inverse=True)
    size = scores.positives.size
    counts = [np.bincount(part, minlength=values.size).astype(np.float64) for part in (where[:size], where[size:])]
    return values, counts[0], counts[1]


def rates(positives: Array, negatives: Array) -> tuple[Array, Array]:
    """Return sensitivity and specificity (..., k + 1) of counts (..., k) by score, strictest cut-off first."""
    found = []
    for counts in (positives, negatives):
        above = np.cumsum(counts[..., ::-1], axis=-1)
        found.append(np.concatenate([np.zeros((*counts.shape[:-1], 1)), above], axis=-1))
    tp, fp = found
    return tp / tp[..., -1:], (fp[..., -1:] - fp) / fp[..., -1:]


def resampled(positives: Array, negatives: Array, resamples: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Yield counts (b, k) of patients drawn again within each class, a batch at a time."""
    rng = np.random.default_rng(seed)
    step = max(1, _BATCH // positives.size)
    totals = [int(counts.sum()) for counts in (positives, negatives)]
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = [
            rng.multinomial(total, counts / total, size=size).astype(np.float64)
            for total, counts in zip(totals, (positives, negatives), strict=True)
        ]
        yield drawn[0], drawn[1]


def at_specificity(sensitivity: Array, specificity: Array, grid: Array) -> Array:
    """Return the highest sensitivity (b, q) at each specificity, between points of the curve by straight lines."""
    found = np.empty((sensitivity.shape[0], grid.size))
    for row, (se, sp) in enumerate(zip(sensitivity, specificity, strict=True)):
        x, first = np.unique(sp[::-1], return_index=True)  # of several points of one specificity
        top = np.maximum.reduceat(se[::-1], first)
        found[row] = np.interp(grid, x, top)
    return found


def area_between(x: Array, y: Array, low: float, high: float) -> Array:
    """Return the area (...) under the line through (x, y), x ascending on the last axis, from x = low to high."""
    left, right = x[..., :-1], x[..., 1:]
    start, end = np.maximum(left, low), np.minimum(right, high)
    width = np.maximum(end - start, 0.0)
    slope = (y[..., 1:] - y[..., :-1]) / np.where(right > left, right - left, 1.0)
    middle = y[..., :-1] + slope * ((start + end) / 2 - left)
    return np.asarray(np.sum(np.where(width > 0, width * middle, 0.0), axis=-1))
