"""The best division of images among candidate measurements: continuous shares, and whole numbers of images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.intp]

_ROUNDS = 4000  # of the continuous design; each takes about 0.1 ms
_CLOSE = 1e-4  # relative distance from the lower limit at which it stops
_SINGULAR = 1e-13
# Starts of the whole design: the continuous one mixed with an even one, drawn at these places of each interval.
_MIXED, _OFFSETS = (0.0, 0.1, 0.4), (0.2, 0.5, 0.8)


@dataclass(frozen=True, eq=False)
class DesignTask:
    """The design problem of T tissues, C candidates and P parameters, each parameter in a unit that suits it.

    Attributes
    ----------
    rows : (T, C, P) array
        Derivatives of the signal by the parameters, divided by the noise.
    outer : (C, T, P, P) array
        Information that one image gives.
    costs : (T, P) array
        Weights of the variances in the criterion.
    idle : (T, P, P) array
        Ones on the diagonal for parameters without influence.
    worst : bool
        Whether the criterion is that of the worst tissue, not the mean over the tissues.
    """

    rows: Array
    outer: Array
    costs: Array
    idle: Array
    worst: bool

    def inverse(self, information: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Return the inverse (..., T, P, P), and whether there is one (..., T)."""
        values, vectors = np.linalg.eigh(information + self.idle)
        regular = values[..., 0] > _SINGULAR * values[..., -1]
        safe = np.where(regular[..., None], values, 1.0)
        return (vectors / safe[..., None, :]) @ np.swapaxes(vectors, -1, -2), regular

    def loss(self, information: Array) -> Array:
        """Return the criterion (...) of information (..., T, P, P); infinite where it is singular."""
        inverse, regular = self.inverse(information)
        each = np.einsum("...tpp,tp->...t", inverse, self.costs)
        each = np.where(regular, each, np.inf)
        return np.asarray(each.max(axis=-1) if self.worst else each.mean(axis=-1))


def continuous_design(task: DesignTask) -> tuple[Array, float]:
    """Return the shares of the images in the best continuous design, and the lower limit of the criterion.

    With the information M of the shares, a the derivatives at a b-value and C the diagonal of costs, no design has
    less than ``tr(C M^-1)^2 / max a^T M^-1 C M^-1 a`` (Cauchy-Schwarz; with equality at the optimum: the equivalence
    theorem). For the worst of several tissues the limit of any weighted mean of them holds.

    Parameters
    ----------
    task : DesignTask
        The problem; all candidates together determine every wanted parameter.

    Returns
    -------
    shares : (C,) array
        Share of each candidate; the sum is 1.
    limit : float
        No design of one image in all, however divided, has a criterion below this; of n images, below ``limit / n``.

    References
    ----------
    Silvey, Titterington and Torsney, Commun Stat Theory Methods 1978;7:1379 (multiplicative algorithm).
    """
    n = len(task.outer)
    shares, mix = np.full(n, 1 / n), np.full(len(task.rows), 1 / len(task.rows))
    best, limit = shares, 0.0
    for _ in range(_ROUNDS):
        inverse, regular = task.inverse(np.tensordot(shares, task.outer, 1))
        if not regular.all():
            break  # the best is reached in the limit only, where unwanted parameters are no longer determined
        each = np.einsum("tpp,tp->t", inverse, task.costs)
        gain = np.einsum("t,tcp,tp->c", mix, (task.rows @ inverse) ** 2, task.costs)
        loss = mix @ each
        if loss**2 / gain.max() > limit:
            best, limit = shares, float(loss**2 / gain.max())
        if limit > (1 - _CLOSE) * (each.max() if task.worst else loss):
            break
        shares = shares * np.sqrt(gain)
        shares /= shares.sum()
        if task.worst:
            mix = mix * np.sqrt(each)
            mix /= mix.sum()
    return best, limit


def whole_design(task: DesignTask, shares: Array, n: int, least: Counts) -> Counts:
    """Return the numbers of images of the best design found from several starts.

    Parameters
    ----------
    task : DesignTask
        The problem.
    shares : (C,) array
        Of the continuous design, see :func:`continuous_design`.
    n : int
        Number of images in all.
    least : (C,) array of int
        Least number of images of each candidate; ``n`` or fewer together.

    Returns
    -------
    (C,) array of int

    Raises
    ------
    ValueError
        When no design found determines the parameters.

    References
    ----------
    Atkinson, Donev and Tobias, Optimum Experimental Designs, with SAS, 2007, chapter 12 (exchange).
    """
    found = []
    free, places = n - int(least.sum()), np.arange(shares.size)
    edged = np.concatenate([[-1.0], shares, [-1.0]])
    peaks = np.flatnonzero((shares >= edged[:-2]) & (shares > edged[2:]))  # shares gather there as the rounds go on
    nearest = peaks[abs(places[:, None] - peaks).argmin(axis=1)]
    pure = np.bincount(nearest, weights=shares, minlength=shares.size)
    even = np.bincount(np.linspace(0, shares.size - 1, 12).round().astype(np.intp), minlength=shares.size) / 12
    helper = 0.01 * np.tensordot(shares, task.outer, 1)  # a start that determines too little can then be improved
    for mixed, offset in product(_MIXED, _OFFSETS):
        total = np.cumsum((1 - mixed) * pure + mixed * even)
        drawn = np.searchsorted(total, (np.arange(free) + offset) / max(free, 1) * total[-1])
        counts = least + np.bincount(drawn, minlength=shares.size)
        counts = _exchange(task, _exchange(task, counts, least, helper), least, 0 * helper)
        found.append((float(task.loss(np.tensordot(counts, task.outer, 1))), counts))
    loss, counts = min(found, key=lambda pair: pair[0])
    if not np.isfinite(loss):
        raise ValueError(f"n_images: {n} images, with those of minimum, do not determine the parameters")
    return counts


def _exchange(task: DesignTask, counts: Counts, least: Counts, helper: Array) -> Counts:
    """Move images between b-values, one or all that may go at a time, until no move lowers the criterion."""
    counts = counts.copy()
    while True:
        total = np.tensordot(counts, task.outer, 1) + helper
        present = float(task.loss(total))
        free = counts - least
        giving = np.flatnonzero(free > 0)
        moves = [(source, size) for source in giving for size in {1, int(free[source]) // 2 or 1, int(free[source])}]
        if not moves:
            return counts
        sizes = np.array([size for _, size in moves])[:, None, None, None, None]
        sources = task.outer[[source for source, _ in moves]][:, None]
        losses = task.loss(total + sizes * (task.outer[None] - sources))
        move, target = np.unravel_index(int(np.argmin(losses)), losses.shape)
        if not losses[move, target] < present * (1 - 1e-9):
            return counts
        source, size = moves[int(move)]
        counts[source] -= size
        counts[target] += size
