"""The posterior of the IVIM parameters of voxels under a Gaussian population: its modes and their spread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from mrbiomarkers.diffusion.collect import Array
from mrbiomarkers.diffusion.population import Population
from mrbiomarkers.leastsquares import dot

_RATIO = 8.0  # D* is kept at this multiple of D or above
_LEAST_F = 1e-6  # where a bound of f is 0 or 1, its logit ends here
_LEAST_RATE = 1e-8  # mm2/s, likewise
_LEAST_NOISE = 1e-5  # of the largest signal: data without noise are fitted as if they had this much
_BLOCK = 1024  # voxels whose start is looked for together
_STEPS = 40  # limit of the steps of a fit
_CONVERGED = 1e-6  # of the log posterior: the gain that one more step could bring
_NODES = (np.linspace(-1.5, 1.5, 3), np.linspace(-3.5, 3.5, 8), np.linspace(-1.5, 1.5, 3))  # standard deviations


class Mode(NamedTuple):
    """Posterior modes of N voxels.

    ``theta`` (3, N); ``covariance`` (6, N), upper triangles; ``walls`` (3, N), parameters on a bound; ``s0`` and
    ``squares`` (N,), S0 and sum of squares; ``errors`` (4, N), standard deviations of S0 and theta; ``converged`` (N,).
    """

    theta: Array
    covariance: Array
    walls: NDArray[np.bool_]
    s0: Array
    squares: Array
    errors: Array
    converged: NDArray[np.bool_]


_ROW, _COLUMN = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 1, 2, 2])
# Rows of the state of a search.
_OBJECTIVE, _GRADIENT, _CURVATURE = 0, slice(1, 4), slice(4, 10)
_S0, _SQUARES, _NORM, _ALONG = 10, 11, 12, slice(13, 16)


class Posterior:
    """The posterior of theta = (logit f, log D, log D*) of voxels that share b-values; S0 is eliminated.

    Hard walls: the bounds of f, D and D*, and D* >= 8 D as far as the bounds of D* allow, without which noise or a
    tissue that is no sum of two exponentials lets the two compartments merge.

    Parameters
    ----------
    bvalues : (B,) array [s/mm2]
        b-values.
    root_weights : (B,) array
        Square roots of the weights; the signals must be multiplied by them too.
    limits : dict
        Bounds of f, D [mm2/s] and Dstar [mm2/s], in this order.
    """

    def __init__(self, bvalues: Array, root_weights: Array, limits: dict[str, tuple[float, float]]) -> None:
        self.limits = limits
        self._minus_b, self._root = -bvalues[:, None], root_weights[:, None]
        self._powers = np.stack([np.ones_like(bvalues), bvalues, bvalues**2])
        share = logit(np.clip(limits["f"], _LEAST_F, 1 - _LEAST_F))
        rates = np.log(np.maximum([limits["D"], limits["Dstar"]], _LEAST_RATE))
        self._lower, self._upper = np.array([share, *rates]).T[:, :, None]

    def to_theta(self, f: Array, slow: Array, fast: Array) -> Array:
        """Return theta (3, N), inside its walls, of f, D and D* (N,) [mm2/s]."""
        rates = np.log(np.maximum([slow, fast], _LEAST_RATE))
        return self.clip(np.stack([logit(np.clip(f, _LEAST_F, 1 - _LEAST_F)), *rates]))

    def to_values(self, theta: Array) -> list[Array]:
        """Return f, D and D* (N,) [mm2/s], inside their bounds, of theta (3, N)."""
        values = (expit(theta[0]), np.exp(theta[1]), np.exp(theta[2]))
        return [np.clip(value, *pair) for value, pair in zip(values, self.limits.values(), strict=True)]

    def clip(self, theta: Array) -> Array:
        """Return ``theta`` (3, N) inside its walls."""
        clipped = np.clip(theta, self._lower, self._upper)
        np.maximum(clipped[2], self._lowest_fast(clipped), out=clipped[2])
        return clipped

    def _lowest_fast(self, theta: Array) -> Array:
        """Return the lower wall of log D*: its bound, or that of its ratio to D."""
        lowest: Array = np.clip(theta[1] + np.log(_RATIO), self._lower[2], self._upper[2])
        return lowest

    def starts(self, y: Array, variance: Array, population: Population) -> Array:
        """Return, for each voxel of ``y`` (B, N), the most probable node of a grid over the population."""
        grid = np.stack([axis.ravel() for axis in np.meshgrid(*_NODES, indexing="ij")])
        nodes = self.clip(population.mean[:, None] + np.linalg.cholesky(population.covariance) @ grid)
        first, second = self._columns(nodes)
        f = expit(nodes[0])
        column = (1 - f) * first + f * second
        column /= np.sqrt(dot(column, column))
        cost, best = (grid**2).sum(axis=0)[:, None], np.empty(y.shape[1], dtype=np.intp)
        for begin in range(0, best.size, _BLOCK):
            part = slice(begin, begin + _BLOCK)
            explained = np.maximum(column.T @ y[:, part], 0.0) ** 2
            explained -= cost * np.maximum(variance[part], _LEAST_NOISE**2)
            best[part] = explained.argmax(axis=0)
        return nodes[:, best]

    def fit(self, y: Array, variance: Array, population: Population, start: Array, steps: int = _STEPS) -> Mode:
        """Return the modes of the voxels ``y`` (B, N) with noise ``variance`` (N,): damped Gauss-Newton steps."""
        noise = np.maximum(variance, _LEAST_NOISE**2)
        prior: tuple[Array, Array] = (population.mean[:, None], np.linalg.inv(population.covariance).astype(np.float64))
        theta = self.clip(start)
        state = self._evaluate(y, noise, theta, prior)
        result, converged = np.concatenate([theta, state]), np.zeros(noise.size, dtype=bool)
        index, damping, variance = np.arange(noise.size), np.zeros(noise.size), noise
        for _ in range(steps):
            candidate, gain = self._step(theta, state, damping)
            done = (np.abs(gain) <= _CONVERGED) | (damping > 1e8)
            converged[index[done]] = True
            if 2 * done.sum() > index.size:
                result[:3, index], result[3:, index] = theta, state
                keep = np.flatnonzero(~done)
                index, damping, variance, gain = index[keep], damping[keep], variance[keep], gain[keep]
                theta, state, candidate, y = (array.take(keep, axis=1) for array in (theta, state, candidate, y))
            if index.size == 0:
                break
            trial = self._evaluate(y, variance, candidate, prior)
            better = (trial[_OBJECTIVE] <= state[_OBJECTIVE]) & (gain > 0)
            damping = np.where(better, damping * 0.1, np.maximum(damping * 8, 1e-2))
            damping[damping < 1e-4] = 0.0
            worse = np.flatnonzero(~better)
            trial[:, worse], candidate[:, worse] = state[:, worse], theta[:, worse]
            theta, state = candidate, trial
        result[:3, index], result[3:, index] = theta, state
        return self._describe(result[:3], result[3:], noise, converged)

    def _columns(self, theta: Array) -> tuple[Array, Array]:
        first, second = (np.exp(self._minus_b * np.exp(rate)) for rate in theta[1:])
        return first * self._root, second * self._root

    def _evaluate(self, y: Array, variance: Array, theta: Array, prior: tuple[Array, Array]) -> Array:
        """Return the state (16, N) at ``theta``: minus the log posterior, its slope and curvature, and S0's share.

        Everything follows from the sums over the measurements of b^k e_i e_j and b^k y e_i.
        """
        f, slow, fast = expit(theta[0]), np.exp(theta[1]), np.exp(theta[2])
        g = 1.0 - f
        first, second = self._columns(theta)
        a, b, c = (self._powers @ (one * two) for one, two in ((first, first), (first, second), (second, second)))
        p, q = self._powers[:2] @ (first * y), self._powers[:2] @ (second * y)
        norm = g * g * a[0] + 2 * f * g * b[0] + f * f * c[0]
        s0 = np.maximum(g * p[0] + f * q[0], 0.0) / norm
        squares = np.maximum(dot(y, y) - s0 * s0 * norm, 0.0)
        # the derivatives of the column by theta are u (e2 - e1), v b e1 and w b e2
        u, v, w = f * g, -g * slow, -f * fast
        along = np.stack(
            [u * (g * (b[0] - a[0]) + f * (c[0] - b[0])), v * (g * a[1] + f * b[1]), w * (g * b[1] + f * c[1])]
        )
        slope = s0 * (s0 * along - np.stack([u * (q[0] - p[0]), v * p[1], w * q[1]]))
        curvature = np.stack([
            u * u * (a[0] - 2 * b[0] + c[0]), u * v * (b[1] - a[1]), u * w * (c[1] - b[1]),
            v * v * a[2], v * w * b[2], w * w * c[2],
        ])  # fmt: skip
        curvature -= along[_ROW] * along[_COLUMN] / norm
        curvature *= s0 * s0 / variance
        curvature += prior[1][_ROW, _COLUMN][:, None]
        off = theta - prior[0]
        pull = prior[1] @ off
        objective = 0.5 * (squares / variance + (off * pull).sum(axis=0))
        return np.concatenate([objective[None], slope / variance + pull, curvature, [s0, squares, norm], along])

    def _walls(self, theta: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which parameters are on their lower and on their upper walls."""
        below, above = theta <= self._lower, theta >= self._upper
        below[2] = theta[2] <= self._lowest_fast(theta)
        return below, above

    def _step(self, theta: Array, state: Array, damping: Array) -> tuple[Array, Array]:
        """Return the next ``theta`` inside its walls and the gain that it promises."""
        slope, curvature = state[_GRADIENT], state[_CURVATURE]
        below, above = self._walls(theta)
        fixed = (below & (slope > 0)) | (above & (slope < 0))
        raised = curvature.copy()
        raised[[0, 3, 5]] *= 1.0 + damping
        inverse = _inverse(raised, fixed)
        move = -_product(inverse, np.where(fixed, 0.0, slope))
        candidate = self.clip(theta + move)
        move = candidate - theta
        return candidate, -(move * (slope + 0.5 * _product(curvature, move))).sum(axis=0)

    def _describe(self, theta: Array, state: Array, variance: Array, converged: NDArray[np.bool_]) -> Mode:
        below, above = self._walls(theta)
        walls = below | above
        covariance = _inverse(state[_CURVATURE], walls)
        pull = state[_ALONG] * (state[_S0] / state[_NORM])  # S0 moves with theta by this
        own = variance / state[_NORM] + (pull * _product(covariance, pull)).sum(axis=0)
        errors = np.sqrt(np.concatenate([own[None], covariance[[0, 3, 5]]]))
        return Mode(theta, covariance, walls, state[_S0], state[_SQUARES], errors, converged)


def _product(triangle: Array, vector: Array) -> Array:
    """Return the product of symmetric matrices (6, N) with vectors (3, N)."""
    h00, h01, h02, h11, h12, h22 = triangle
    x, y, z = vector
    return np.stack([h00 * x + h01 * y + h02 * z, h01 * x + h11 * y + h12 * z, h02 * x + h12 * y + h22 * z])


def _inverse(triangle: Array, fixed: NDArray[np.bool_]) -> Array:
    """Return the inverses (6, N) of positive definite matrices over what is not fixed; 0 for what is."""
    h = triangle
    if fixed.any():
        h = np.where(fixed[_ROW] | fixed[_COLUMN], 0.0, triangle)
        h[[0, 3, 5]] += fixed
    h00, h01, h02, h11, h12, h22 = h
    m00, m01, m02 = h11 * h22 - h12 * h12, h02 * h12 - h01 * h22, h01 * h12 - h02 * h11
    m11, m12, m22 = h00 * h22 - h02 * h02, h01 * h02 - h00 * h12, h00 * h11 - h01 * h01
    inverse = np.stack([m00, m01, m02, m11, m12, m22]) / (h00 * m00 + h01 * m01 + h02 * m02)
    if fixed.any():
        inverse[[0, 3, 5]] -= fixed
    return inverse


def determined(mode: Mode, population: Population) -> Array:
    """Return how many (N,) of the three parameters the data of each voxel determine, rather than the population."""
    weights = np.array([1, 2, 2, 1, 2, 1]) * np.linalg.inv(population.covariance)[_ROW, _COLUMN]
    return 3.0 - weights @ mode.covariance
