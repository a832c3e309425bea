"""Fisher's exact test of tables of any size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

_AS_LIKELY = 1e-7
"""Relative difference below which two tables count as equally likely, as in R."""
_MOST_STEPS = 2_000_000


@dataclass(frozen=True)
class FisherP:
    """What :func:`fisher_p` returns.

    Attributes
    ----------
    p : float
        Chance of a table that is as likely as the one found or less.
    method : str
        ``"exact"``, or how many tables were drawn with which seed.
    """

    p: float
    method: str


def fisher_p(table: Counts, *, draws: int = 100_000, seed: int = 0) -> FisherP:
    """Return the two-sided p of Fisher's exact test (Freeman and Halton beyond two by two).

    All tables with these margins are gone through; where they are too many, tables are drawn.

    Parameters
    ----------
    table : (r, c) int array
        Counts; rows and columns without any are left out. A table of one row or column has p 1.
    draws, seed : int
        Where tables are drawn: how many, and seed of the draw. p is (1 + as unlikely) / (1 + drawn).

    References
    ----------
    Freeman and Halton, Biometrika 1951;38:141.
    """
    used = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(used.shape) < 2:
        return FisherP(1.0, "exact")
    if used.shape[0] > used.shape[1]:
        used = used.T
    weights = -gammaln(np.arange(int(used.sum()) + 1) + 1.0)  # of a count: -ln n!
    found = float(weights[used].sum())
    all_tables = _all_tables(used, weights)
    if all_tables is None:
        drawn = _drawn(used, weights, draws, seed)
        p = (1 + np.count_nonzero(drawn <= found + _AS_LIKELY)) / (1 + draws)
        return FisherP(float(p), f"{draws} tables drawn, seed {seed}")
    values, many = all_tables
    chance = many * np.exp(values - values.max())
    return FisherP(float(min(chance[values <= found + _AS_LIKELY].sum() / chance.sum(), 1.0)), "exact")


def _all_tables(table: Counts, weights: Array) -> tuple[Array, Array] | None:
    """Return the different weights of all tables with these margins and how many have each; None: too many.

    Column by column: what is left of the rows decides all that follows, and in which order the rows are does not.
    """
    left = {tuple(sorted(int(row) for row in table.sum(axis=1))): (np.zeros(1), np.ones(1))}
    steps = 0
    for column in sorted((int(total) for total in table.sum(axis=0)), reverse=True):
        gathered: dict[tuple[int, ...], list[tuple[Array, Array]]] = {}
        for rows, (values, many) in left.items():
            for counts in _divided(column, rows):
                rest = tuple(sorted(row - count for row, count in zip(rows, counts, strict=True)))
                gathered.setdefault(rest, []).append((values + weights[list(counts)].sum(), many))
                steps += values.size + 16
                if steps > _MOST_STEPS:
                    return None
        left = {rest: _merged(parts) for rest, parts in gathered.items()}
    return left[(0,) * table.shape[0]]


def _divided(total: int, rows: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield all ways to divide a column among rows that have so much left."""
    if len(rows) == 1:
        yield (total,)
        return
    rest = sum(rows[1:])
    for count in range(max(0, total - rest), min(total, rows[0]) + 1):
        for others in _divided(total - count, rows[1:]):
            yield (count, *others)


def _merged(parts: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    values = np.concatenate([part[0] for part in parts])
    many = np.concatenate([part[1] for part in parts])
    rounded, where = np.unique(np.round(values, 9), return_inverse=True)
    return rounded, np.asarray(np.bincount(where.ravel(), weights=many), dtype=np.float64)


def _drawn(table: Counts, weights: Array, draws: int, seed: int) -> Array:
    """Return the weights of tables drawn with these margins, cell by cell of what is left of row and column."""
    rng = np.random.default_rng(seed)
    rows = np.tile(table.sum(axis=1), (draws, 1))
    total = np.zeros(draws)
    for column in table.sum(axis=0)[:-1]:
        wanted = np.full(draws, column)
        below = rows.sum(axis=1)
        for row in range(table.shape[0]):
            below = below - rows[:, row]
            counts = rng.hypergeometric(rows[:, row], below, wanted)
            wanted = wanted - counts
            rows[:, row] -= counts
            total += weights[counts]
    return np.asarray(total + weights[rows].sum(axis=1))
