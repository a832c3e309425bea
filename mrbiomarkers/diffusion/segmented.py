"""IVIM in steps: the tissue from the high b-values alone, then the perfusion with the tissue held."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.diffusion.batches import Batch, VoxelBatches
from mrbiomarkers.diffusion.collect import Array, Estimate, MapCollector
from mrbiomarkers.diffusion.models import biexponential_jacobian
from mrbiomarkers.diffusion.separable import Exponentials, rate_grid
from mrbiomarkers.leastsquares import Box, dot, fit_multistart

DEFAULT_THRESHOLD = 200.0  # s/mm2

_BLOCK = 8192  # voxels searched together: their columns stay in the cache
_ERROR_BLOCK = 1024  # voxels whose standard errors are found together: that takes 5 B^2 numbers for each
_N_FAST = 12  # start values of D*
_MAX_STEPS = 40
_TOLERANCE = 1e-9  # of log D*
_CONVERGED = 1e-7  # of the sum of squares: the decrease that a step, which is still taken, promises
_ROUNDING = 1e-22  # of the signal's sum of squares: below it, only rounding is left
_SAME = 1e-9  # nearer to a bound than this part of it is on it


def fit_segmented(
    batches: VoxelBatches,
    limits: dict[str, tuple[float, float]],
    collector: MapCollector,
    *,
    threshold: float,
    constrained: bool,
    errors: bool,
) -> None:
    """Fit every batch in two or three steps.

    1. ``A exp(-b D)`` by bounded least squares to the measurements with ``b >= threshold``: D.
    2. Constrained: ``f = 1 - A / S(0)`` with the (weighted) mean of the measurements at b = 0, and then D* (and S0) by
       a search in one dimension over all b with D and f held. Unconstrained: f, D* and S0 together over all b with D
       alone held.

    Parameters
    ----------
    batches : VoxelBatches
        The voxels.
    limits : dict
        Bounds of f, D [mm2/s] and Dstar [mm2/s], in this order.
    collector : MapCollector
        Takes the estimates.
    threshold : float [s/mm2]
        Lowest b-value at which perfusion is taken to have vanished.
    constrained : bool
        Which variant.
    errors : bool
        Whether the collector wants standard errors: those of the first step are carried into the later ones.

    Raises
    ------
    ValueError
        When fewer than two different b-values reach the threshold, none lies below it, or the constrained variant
        has no b = 0.
    """
    fit = _Steps(batches.bvalues, batches.root_weights, limits, threshold, constrained)
    for batch in batches:
        collector.put(batch, fit.estimate(batch, errors))


class _Steps:
    """The two steps for one set of b-values."""

    def __init__(
        self,
        bvalues: Array,
        root_weights: Array,
        limits: dict[str, tuple[float, float]],
        threshold: float,
        constrained: bool,
    ) -> None:
        self._b, self._root, self._limits, self._constrained = bvalues, root_weights, limits, constrained
        self._high = np.flatnonzero(bvalues >= threshold)
        self._zero = np.flatnonzero(bvalues == 0)
        _check(bvalues, threshold, constrained)
        self._tissue = Exponentials(bvalues[self._high], root_weights[self._high], 1)
        self._grid = rate_grid(self._tissue, [limits["D"]])
        self._box = Box(np.array([limits["D"][0]]), np.array([limits["D"][1]]))
        self._search = _FastSearch(bvalues, root_weights, limits["f"], limits["Dstar"])

    def estimate(self, batch: Batch, errors: bool) -> Estimate:
        tissue = fit_multistart(self._tissue, batch.y[self._high], self._grid, self._box)
        slow, intercept = tissue.theta[0], tissue.coefficients[0]
        share = self._share(batch.y, intercept) if self._constrained else None
        found = self._search.run(batch.y, slow, share)
        values = [found.s0, found.f, slow, found.fast]
        on_bound, unknown = self._flags(values[1:], intercept)
        spread = None
        if errors:
            held = on_bound | unknown
            parts = [slice(begin, begin + _ERROR_BLOCK) for begin in range(0, slow.size, _ERROR_BLOCK)]
            spread = np.concatenate(
                [
                    self._errors(
                        batch.y[:, part], [v[part] for v in values], intercept[part], held[:, part], found.squares[part]
                    )
                    for part in parts
                ]
            )
        return Estimate(values, found.squares, tissue.converged & found.converged, on_bound, unknown, spread)

    def _share(self, y: Array, intercept: Array) -> Array:
        """Return ``f = 1 - A / S(0)`` inside its bounds; 0 where S(0) is not positive."""
        root = self._root[self._zero]
        s0 = root @ y[self._zero] / (root @ root)
        positive = s0 > 0
        share = np.where(positive, 1.0 - intercept / np.where(positive, s0, 1.0), 0.0)
        return np.clip(share, *self._limits["f"])

    def _flags(self, values: list[Array], intercept: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        pairs = zip(values, self._limits.values(), strict=True)
        on_bound = np.stack([(v <= low * (1 + _SAME)) | (v >= high * (1 - _SAME)) for v, (low, high) in pairs])
        unknown = np.zeros_like(on_bound)
        unknown[1] = (intercept <= 0) | (values[0] == 1)
        unknown[2] = values[0] == 0
        return on_bound, unknown

    def _errors(self, y: Array, values: list[Array], intercept: Array, held: NDArray[np.bool_], left: Array) -> Array:
        """Return standard errors (N, 4): the response of every step to each measurement, steps chained."""
        n_measurements, n = y.shape
        if n_measurements <= 4:
            return np.full((n, 4), np.nan)
        free = np.concatenate([np.ones((1, n), dtype=bool), ~held])
        columns = biexponential_jacobian(self._b, *values) * self._root[:, None]  # (N, B, 4)
        response = np.zeros((n, 4, n_measurements))
        response[:, 2], of_intercept = self._tissue_response(values[2], intercept)
        response[:, 2] *= free[2][:, None]
        last = [0, 3] if self._constrained else [0, 1, 3]
        given = [2]
        if self._constrained:
            given = [1, 2]
            response[:, 1] = self._share_response(y, intercept, of_intercept) * free[1][:, None]
        carried = np.eye(n_measurements) - columns[:, :, given] @ response[:, given]
        used = columns[:, :, last] * free[last].T[:, None, :]
        response[:, last] = np.linalg.pinv(used, rcond=1e-9) @ carried
        # what is left over is not the least possible: its degrees of freedom follow from its response
        degrees = ((np.eye(n_measurements) - columns @ response) ** 2).sum(axis=(1, 2))
        variance = (response**2).sum(axis=-1) * (left / degrees)[:, None]
        return np.where(free.T, np.sqrt(variance), np.nan)

    def _tissue_response(self, slow: Array, intercept: Array) -> tuple[Array, Array]:
        """Return the derivatives (N, B) of D and of A by the (weighted) measurements."""
        b, root = self._b[self._high], self._root[self._high]
        decay = root * np.exp(-np.outer(slow, b))
        jacobian = np.stack([decay, -b * decay * intercept[:, None]], axis=-1)
        inverse = np.linalg.pinv(jacobian, rcond=1e-12)
        full = np.zeros((slow.size, 2, self._b.size))
        full[:, :, self._high] = inverse
        return full[:, 1], full[:, 0]

    def _share_response(self, y: Array, intercept: Array, of_intercept: Array) -> Array:
        """Return the derivative (N, B) of ``f = 1 - A / S(0)`` by the (weighted) measurements."""
        root = self._root[self._zero]
        s0 = root @ y[self._zero] / (root @ root)
        s0 = np.where(s0 > 0, s0, np.inf)[:, None]
        response = -of_intercept / s0
        response[:, self._zero] += intercept[:, None] / s0**2 * root / (root @ root)
        return response


def _check(bvalues: Array, threshold: float, constrained: bool) -> None:
    high = np.unique(bvalues[bvalues >= threshold])
    if high.size < 2:
        raise ValueError(
            f"threshold: expected at least two different b-values of {threshold:g} s/mm2 or more for the segmented fit,"
            f" got {high.tolist()}"
        )
    if bvalues.min() >= threshold:
        raise ValueError(f"threshold: expected b-values below it too, got {threshold:g} s/mm2, which none is below")
    if constrained and bvalues.min() > 0:
        raise ValueError(
            "bvalues: expected a measurement at b = 0 for method 'segmented', which takes f from it; the lowest is "
            f"{bvalues.min():g} s/mm2 (method 'segmented-unconstrained' needs none)"
        )


class _Found(NamedTuple):
    """Results (N,) of the search for D*."""

    s0: Array
    f: Array
    fast: Array
    squares: Array
    converged: NDArray[np.bool_]


class _FastSearch:
    """The search for D* in one dimension: a grid, then Newton steps inside the interval around the best node.

    S0, and f where it is free, are solved for at every D*. The slope of the reduced sum of squares is exact, its
    curvature that of Gauss and Newton; a step that leaves the interval is replaced by halving it.
    """

    def __init__(
        self, bvalues: Array, root_weights: Array, share: tuple[float, float], fast: tuple[float, float]
    ) -> None:
        self._minus_b = -bvalues[:, None]
        self._powers = np.stack([np.ones_like(bvalues), bvalues, bvalues**2])
        self._root = None if np.all(root_weights == 1) else root_weights[:, None]
        self._share_limits = share
        low = max(fast[0], fast[1] * 1e-4)
        self._limits = (low, fast[1])
        self._nodes = np.linspace(np.log(low), np.log(fast[1]), _N_FAST)
        self._columns = self._column(np.exp(self._nodes)).T.copy()  # (K, B)
        self._norms = (self._columns**2).sum(axis=1)[:, None]

    def run(self, y: Array, slow: Array, share: Array | None) -> _Found:
        """Search D* of every voxel of ``y`` (B, N) with D ``slow`` held, and f ``share`` too unless it is None."""
        blocks = []
        for begin in range(0, y.shape[1], _BLOCK):
            part = slice(begin, min(begin + _BLOCK, y.shape[1]))
            blocks.append(self._run_block(y[:, part], slow[part], None if share is None else share[part]))
        return _Found(*(np.concatenate(column) for column in zip(*blocks, strict=True)))

    def _column(self, rate: Array) -> Array:
        column = self._minus_b * rate
        np.exp(column, out=column)
        if self._root is not None:
            column *= self._root
        return column

    def _run_block(self, y: Array, slow: Array, share: Array | None) -> _Found:
        first = self._column(slow)
        tissue = np.stack([dot(first, first), dot(first, y), dot(y, y)])
        whole = (y, first, tissue)
        low, high, start = self._bracket(y, first, tissue, share)
        result, converged = start.copy(), np.zeros(start.size, dtype=bool)
        index = np.arange(start.size)
        # of each search: the interval, where it is, and where it was with the slope there
        place = np.stack([low, high, start, start, np.zeros_like(start)])
        held = share
        for _ in range(_MAX_STEPS):
            slope, curvature, squares = self._slope(y, first, tissue, place[2], held)
            target = _next(place, slope, curvature)
            gain = np.abs(slope * (target - place[3]))
            done = (gain <= _CONVERGED * squares + _ROUNDING * tissue[2]) | (np.abs(target - place[3]) <= _TOLERANCE)
            going = ~converged[index]  # a search that is done stays where it was, whatever its neighbours do
            result[index[going]] = target[going]
            converged[index[done]] = True
            keep = np.flatnonzero(~done)
            if keep.size == 0:
                break
            if 4 * keep.size < 3 * index.size:
                index, held = index[keep], None if held is None else held[keep]
                y, first, tissue, place = (array.take(keep, axis=1) for array in (y, first, tissue, place))
        fast = np.clip(np.exp(result), *self._limits)
        return self._finish(*whole, fast, share, converged)

    def _bracket(self, y: Array, first: Array, tissue: Array, share: Array | None) -> tuple[Array, Array, Array]:
        """Return, as logarithms, the neighbours of the best node, and the top of the parabola through the three."""
        overlap, height = self._columns @ first, self._columns @ y
        f, norm = self._solve(tissue, overlap, self._norms, height, share)
        total = (1 - f) * tissue[1] + f * height
        score = np.maximum(total, 0.0, out=total)
        score *= score
        score /= norm
        best = score.argmax(axis=0)
        voxel, width = np.arange(best.size), self._nodes[1] - self._nodes[0]
        left, right = np.maximum(best - 1, 0), np.minimum(best + 1, _N_FAST - 1)
        down, up = (score[best, voxel] - score[side, voxel] for side in (left, right))
        inside = (left < best) & (best < right) & (down + up > 0)
        top = np.divide(0.5 * width * (down - up), down + up, out=np.zeros_like(down), where=inside)
        return self._nodes[left], self._nodes[right], self._nodes[best] + top

    def _solve(
        self, tissue: Array, overlap: Array, norm: Array, height: Array, share: Array | None
    ) -> tuple[Array, Array]:
        """Return f at given columns, solved for inside its bounds unless held, and the squared norm of their sum."""
        own, own_height = tissue[:2]
        if share is None:
            slow = norm * own_height - overlap * height
            fast = own * height - overlap * own_height
            total = slow + fast
            share = fast / np.where(total > 0, total, np.inf)
            np.copyto(share, 1.0, where=(total <= 0) & (fast > 0))
            share = np.clip(share, *self._share_limits)
        rest = 1.0 - share
        return share, rest * rest * own + 2 * rest * share * overlap + share * share * norm

    def _slope(
        self, y: Array, first: Array, tissue: Array, log_fast: Array, share: Array | None
    ) -> tuple[Array, Array, Array]:
        """Return slope and Gauss-Newton curvature of half the reduced sum of squares along log D*, and that sum."""
        rate = np.exp(log_fast)
        second = self._column(rate)
        # sums of b^k times products of the columns and the signal
        overlap, height = self._powers[:2] @ (first * second), self._powers[:2] @ (second * y)
        norm = self._powers @ np.square(second, out=second)
        f, length = self._solve(tissue, overlap[0], norm[0], height[0], share)
        s0 = np.maximum((1 - f) * tissue[1] + f * height[0], 0.0) / length
        along = (1 - f) * overlap[1] + f * norm[1]
        scale = s0 * f * rate
        slope = scale * (height[1] - s0 * along)
        removed = along**2 / length
        if share is None:
            free = (f > self._share_limits[0]) & (f < self._share_limits[1])
            determinant = tissue[0] * norm[0] - overlap[0] ** 2
            free &= determinant > 0
            pair = norm[0] * overlap[1] ** 2 - 2 * overlap[0] * overlap[1] * norm[1] + tissue[0] * norm[1] ** 2
            np.divide(pair, determinant, out=removed, where=free)
        return slope, scale**2 * np.maximum(norm[2] - removed, 0.0), np.maximum(tissue[2] - s0 * s0 * length, 0.0)

    def _finish(
        self, y: Array, first: Array, tissue: Array, fast: Array, share: Array | None, converged: NDArray[np.bool_]
    ) -> _Found:
        second = self._column(fast)
        height = dot(second, y)
        f, length = self._solve(tissue, dot(first, second), dot(second, second), height, share)
        s0 = np.maximum((1 - f) * tissue[1] + f * height, 0.0) / length
        residual = y - (s0 * (1 - f)) * first - (s0 * f) * second
        return _Found(s0, f, fast, dot(residual, residual), converged)


def _next(place: Array, slope: Array, curvature: Array) -> Array:
    """Narrow the intervals by the slope, step by the curvature or halve; return where each search goes.

    ``place`` (5, N) holds the interval, where the search is, and where it was with the slope there; it is updated.
    From the second step on the curvature is that of the secant where it is positive.
    """
    low, high, now, before, slope_before = place
    np.copyto(high, now, where=slope > 0)
    np.copyto(low, now, where=slope < 0)
    distance = now - before
    moved = distance != 0
    secant = np.divide(slope - slope_before, distance, out=curvature.copy(), where=moved)
    np.copyto(secant, curvature, where=secant <= 0)
    target = now - np.divide(slope, secant, out=np.zeros_like(slope), where=secant > 0)
    # where the optimum is a wall of the whole range, the interval has no width left
    outside = np.flatnonzero((target <= low) | (target >= high))
    target[outside] = np.where(slope[outside] == 0, now[outside], 0.5 * (low + high)[outside])
    place[3], place[4] = now, slope
    place[2] = target
    return target
