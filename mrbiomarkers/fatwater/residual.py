"""How well a field explains a voxel: the residual with water and fat solved, over all fields at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.floating]

N_CANDIDATES = 3
"""How many fields of each voxel are kept."""

_RATES = (20.0, 80.0, 200.0)  # R2* for which the residual is looked at [1/s]
_RATES_OF_THREE = (60.0,)  # three echoes: with R2* free, every field would explain them
_PER_PERIOD = 19  # grid points over one period of the fastest term
_COARSE = 3  # every so many grid points decide between the rates
_UNIFORM = 0.01  # echo spacings that differ by less than this part are one
_PPM = 8.0  # echoes without a period: fields looked at, either side of 0 [ppm]


class Candidates(NamedTuple):
    """The best fields of V voxels; the candidates are the first axis, best first.

    Attributes
    ----------
    field : (K, V) float32 array [Hz]
        Local minima of the residual; the best one again where there are fewer.
    cost : (K, V) float32 array
        Residual of each above that of the best.
    curvature : (V,) float32 array [1/Hz2]
        Second derivative of the residual at the best, 0 or more.
    rate : (V,) float32 array [1/s]
        R2* with the smallest residual, of three.
    least : (V,) float32 array
        Residual of the best.
    """

    field: NDArray[np.float32]
    cost: NDArray[np.float32]
    curvature: NDArray[np.float32]
    rate: NDArray[np.float32]
    least: NDArray[np.float32]


class FieldResidual:
    """Residual of a voxel as a function of the field, water and fat solved for (variable projection).

    With P the projection onto what water and fat cannot explain, the residual ``sum_mn conj(d_m) P_mn d_n`` of the
    demodulated signal ``d_n = S_n exp(-i 2 pi f t_n)`` is a trigonometric polynomial of f, whose frequencies are the
    differences of echo times. Its few coefficients say what it is at every field.

    Parameters
    ----------
    echo_times : (N,) array [s]
        Echo times, three or more.
    modulation : (N,) complex array
        Signal of fat beside water.
    field_strength : float [T]
        Sets the range of fields where the echoes are not evenly spaced.

    Attributes
    ----------
    period : float [Hz]
        Fields that differ by it cannot be told apart; infinite where the echoes are not evenly spaced.
    grid : (G,) array [Hz]
        Fields at which the residual is evaluated.

    References
    ----------
    Hernando et al., Magn Reson Med 2008;59:571 (variable projection).
    """

    def __init__(self, echo_times: Array, modulation: NDArray[np.complex128], field_strength: float) -> None:
        spacing = np.diff(echo_times)
        even = bool(np.ptp(spacing) <= _UNIFORM * spacing.mean())
        first, second = np.triu_indices(echo_times.size, 1)
        delays = (second - first) * spacing.mean() if even else echo_times[second] - echo_times[first]
        lags, group = np.unique(np.round(delays, 9), return_inverse=True)
        self.period = float(1.0 / spacing.mean()) if even else float("inf")
        half = 0.5 * self.period if even else _PPM * 42.577 * field_strength
        n_grid = max(int(np.ceil(2 * half * lags.max() * _PER_PERIOD)), 32)
        self.grid = -half + 2 * half * np.arange(n_grid) / n_grid
        self._pairs, self._n_echoes = (first, second), echo_times.size
        angle = 2.0 * np.pi * np.outer(self.grid, lags)
        self._basis = np.concatenate([np.ones((n_grid, 1)), np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        self._rates = np.array(_RATES if echo_times.size > 3 else _RATES_OF_THREE, dtype=np.float32)
        self._to_terms = np.stack(
            [self._terms(_outside(echo_times, modulation, float(rate)), group, lags.size) for rate in self._rates]
        )

    def _terms(self, outside: NDArray[np.complex128], group: NDArray[np.intp], n_lags: int) -> NDArray[np.float32]:
        """Return the matrix from the products of echoes to the coefficients of the polynomial."""
        first, second = self._pairs
        n, m = len(outside), first.size
        weight = 2.0 * outside[first, second]
        matrix = np.zeros((1 + 2 * n_lags, n + 2 * m), dtype=np.float32)
        matrix[0, :n] = np.diag(outside).real
        column = np.arange(m)
        matrix[1 + group, n + column] = weight.real
        matrix[1 + group, n + m + column] = -weight.imag
        matrix[1 + n_lags + group, n + column] = weight.imag
        matrix[1 + n_lags + group, n + m + column] = weight.real
        return matrix

    def candidates(self, signal: NDArray[np.complexfloating], scale: float = 1.0) -> Candidates:
        """Return the best fields of each voxel; ``signal`` (N, V) times ``scale`` is of about size 1."""
        terms = self._to_terms @ self._products(signal, np.float32(scale))
        coarse = (self._basis[::_COARSE] @ terms).min(axis=1)
        choice = coarse.argmin(axis=0)
        chosen = np.take_along_axis(terms, choice[None, None], axis=0)[0]
        residual = self._basis @ chosen
        field, cost, curvature = self._minima(residual)
        least = cost[0].copy()
        cost -= least
        return Candidates(field, cost, curvature, self._rates[choice], least)

    def noise_variance(self, least: NDArray[np.float32]) -> float:
        """Return the variance of the noise in a channel from the least residuals (V,) of many voxels.

        It is too high where R2* lies between the few that are looked at, most of all with three echoes.
        """
        degrees = max(2 * self._n_echoes - 6, 1)
        typical = degrees * (1 - 2 / (9 * degrees)) ** 3  # median of the chi-squared distribution
        return float(np.median(least)) / typical

    def _products(self, signal: NDArray[np.complexfloating], scale: np.float32) -> NDArray[np.float32]:
        """Return the squares of the echoes, and real and imaginary parts of the products of each pair."""
        first, second = self._pairs
        n, m = len(signal), first.size
        real, imaginary = (np.multiply(part, scale, dtype=np.float32) for part in (signal.real, signal.imag))
        products = np.empty((n + 2 * m, signal.shape[1]), dtype=np.float32)
        products[:n] = real * real + imaginary * imaginary
        products[n : n + m] = real[first] * real[second] + imaginary[first] * imaginary[second]
        products[n + m :] = real[first] * imaginary[second] - imaginary[first] * real[second]
        return products

    def _minima(self, residual: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Return place (K, V) and value (K, V) of the lowest minima of (G, V), and the curvature (V,) of the lowest."""
        n_grid, n = residual.shape
        falls = np.empty((n_grid, n), dtype=bool)  # from the point before
        np.less(residual[1:], residual[:-1], out=falls[1:])
        if np.isinf(self.period):
            falls[0] = True
        else:
            np.less(residual[0], residual[-1], out=falls[0])
        lowest = falls.copy()
        lowest[:-1] &= ~falls[1:]
        lowest[-1] &= ~falls[0] if np.isfinite(self.period) else True
        lowest[0] |= ~lowest.any(axis=0)  # a flat residual
        places, voxels = np.nonzero(lowest)
        # Numbered by sorting them by voxel: a running count over the whole grid takes ten times longer.
        order = np.argsort(voxels.astype(np.min_scalar_type(n)), kind="stable")
        counts = np.bincount(voxels, minlength=n)
        rank = np.empty(voxels.size, dtype=np.intp)
        rank[order] = np.arange(voxels.size) - np.repeat(np.cumsum(counts) - counts, counts)
        table = np.full((max(int(rank.max(initial=0)) + 1, N_CANDIDATES), n), np.inf, dtype=np.float32)
        where = np.zeros(table.shape, dtype=np.int32)
        table[rank, voxels] = residual[places, voxels]
        where[rank, voxels] = places
        return self._lowest(residual, table, where)

    def _lowest(
        self, residual: NDArray[np.float32], table: NDArray[np.float32], where: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], ...]:
        n_grid, n = residual.shape
        voxel = np.arange(n)
        step = np.float32(self.grid[1] - self.grid[0])
        field, value = np.empty((2, N_CANDIDATES, n), dtype=np.float32)
        curvature = np.zeros(n, dtype=np.float32)
        for k in range(N_CANDIDATES):
            best = table.argmin(axis=0)
            missing = np.isinf(table[best, voxel])
            place = where[best, voxel]
            table[best, voxel] = np.inf
            before, here, after = (residual[(place + shift) % n_grid, voxel] for shift in (-1, 0, 1))
            if np.isinf(self.period):
                at_end = (place == 0) | (place == n_grid - 1)
                before, after = np.where(at_end, here, before), np.where(at_end, here, after)
            bend = before - 2 * here + after
            shift = np.where(bend > 0, 0.5 * (before - after) / np.where(bend > 0, bend, 1), 0)
            field[k] = self.grid[place] + np.clip(shift, -0.5, 0.5) * step
            value[k] = here - 0.25 * (before - after) * shift
            if k == 0:
                curvature[:] = np.maximum(bend, 0) / step**2
            else:
                field[k] = np.where(missing, field[0], field[k])
                value[k] = np.where(missing, value[0], value[k])
        return field, value, curvature


def _outside(echo_times: Array, modulation: NDArray[np.complex128], rate: float) -> NDArray[np.complex128]:
    """Return the projection (N, N) onto what water and fat with this R2* [1/s] cannot explain."""
    decay = np.exp(-rate * echo_times)
    columns = np.stack([decay, modulation * decay], axis=1)
    orthogonal, _ = np.linalg.qr(columns)
    return np.asarray(np.eye(echo_times.size) - orthogonal @ orthogonal.conj().T)
