"""Water, fat, field and R2* of each voxel from a good start: least squares with water and fat eliminated."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Real = NDArray[np.floating]
Complex = NDArray[np.complexfloating]

_STEPS, _BOLD_STEPS, _BOLD = 40, 20, 0.5
_MOST_FIELD, _MOST_RATE = 40.0, 60.0  # of one step [Hz, 1/s]
# A step below both ends the search [Hz, 1/s]: far below the noise of any scanner, and above rounding.
_STILL = {"float32": (2e-3, 2e-2), "float64": (1e-6, 1e-5)}


class Refined(NamedTuple):
    """The fit of V voxels.

    Attributes
    ----------
    water, fat : (V,) complex array [a.u.]
        Signal of water and fat at t = 0.
    field : (V,) array [Hz]
        Field.
    rate : (V,) array [1/s]
        R2*.
    sum_of_squares : (V,) array [a.u.2]
        Squared residuals: both channels, all echoes.
    converged : (V,) bool array
        False where the step limit was reached.
    spread_water, spread_fat : (V,) array
        Standard deviation of either, along any phase, for noise of standard deviation 1 in each channel.
    spread_field : (V,) array [Hz / a.u.]
        Standard deviation of the field for that noise.
    """

    water: Complex
    fat: Complex
    field: Real
    rate: Real
    sum_of_squares: Real
    converged: NDArray[np.bool_]
    spread_water: Real
    spread_fat: Real
    spread_field: Real


class Refiner:
    """Gauss-Newton search for the field and R2*, whose steps do not depend on each other.

    With y the fitted signal, r the residual and u the part of t y that water and fat cannot explain, the steps are
    ``Im<u, r> / (2 pi |u|^2)`` for the field and ``-Re<u, r> / |u|^2`` for R2*: the derivatives of y by the two are the
    same but for a factor of i. All inner products are sums over few echoes, made by matrix products.

    Parameters
    ----------
    echo_times : (N,) array [s]
        Echo times.
    modulation : (N,) complex array
        Signal of fat beside water.
    dtype : dtype
        float32 or float64: the precision of the work.
    rate_range : tuple of float [1/s]
        Bounds of R2*.

    References
    ----------
    Golub and Pereyra, SIAM J Numer Anal 1973;10:413 (variable projection); Kaufman, BIT 1975;15:49.
    """

    def __init__(
        self, echo_times: Array, modulation: NDArray[np.complex128], dtype: Any, rate_range: tuple[float, float]
    ) -> None:
        self._dtype = np.dtype(dtype)
        self._range = rate_range
        self._still = _STILL[self._dtype.name]
        t, c = echo_times, modulation
        one = np.ones_like(t)
        shapes = np.stack([one, c.real, c.imag, abs(c) ** 2])
        self._of_decay = np.concatenate([shapes, t * shapes, t * t * shapes]).astype(dtype)
        plain = np.concatenate([np.stack([one, 0 * one]), np.stack([0 * one, one])], axis=1)  # real, imaginary part
        turned = np.concatenate([np.stack([c.real, -c.imag]), np.stack([c.imag, c.real])], axis=1)
        both = np.concatenate([plain, turned])
        self._of_signal = np.concatenate([both, both * np.concatenate([t, t])]).astype(dtype)
        self._times = t.astype(dtype)[:, None]
        self._modulation = c.astype(np.result_type(dtype, np.complex64))[:, None]

    def fit(self, signal: Complex, field: Real, rate: Real) -> Refined:
        """Fit the signals (N, V) from a start of field and R2*, (V,) each."""
        return self._fit(signal, field, rate, None, None)

    def fit_near(self, signal: Complex, field: Real, rate: Real, expected: Real, weight: Real) -> Refined:
        """Fit signals whose field is known beforehand, more or less.

        Parameters
        ----------
        signal : (N, V) complex array [a.u.]
            Finite signals.
        field, rate : (V,) array [Hz, 1/s]
            Start of field and R2*.
        expected : (V,) array [Hz]
            Where the field is expected.
        weight : (V,) array [a.u.2 / Hz2]
            The sum of squares plus ``weight * (field - expected)^2`` is made small: the variance of the noise in a
            channel over that of the expected field.

        Returns
        -------
        Refined
            ``sum_of_squares`` and the spreads are those of the signal alone.
        """
        return self._fit(signal, field, rate, expected.astype(self._dtype), weight.astype(self._dtype))

    def _fit(self, signal: Complex, field: Real, rate: Real, wanted: Real | None, weight: Real | None) -> Refined:
        field, rate = field.astype(self._dtype), np.clip(rate.astype(self._dtype), *self._range)
        moving = np.arange(field.size)
        part, f, r = np.concatenate([signal.real, signal.imag]).astype(self._dtype), field, rate
        whole = part
        for step in range(_STEPS):
            df, dr = self._step(part, f, r, wanted, weight)
            if step >= _BOLD_STEPS:  # faint voxels: Gauss-Newton steps may swing to and fro
                df, dr = _BOLD * df, _BOLD * dr
            new_rate = np.clip(r + dr, *self._range)
            still = (np.abs(df) < self._still[0]) & (np.abs(new_rate - r) < self._still[1])
            f, r = f + df, new_rate
            field[moving], rate[moving] = f, r
            keep = np.flatnonzero(~still)
            moving, f, r = moving[keep], f[keep], r[keep]
            if keep.size == 0:
                break
            part = part.take(keep, axis=1)
            if wanted is not None and weight is not None:
                wanted, weight = wanted[keep], weight[keep]
        converged = np.ones(field.size, dtype=bool)
        converged[moving] = False
        return self._ends(whole, field, rate, converged)

    def _step(
        self, signal: Real, field: Real, rate: Real, wanted: Real | None, weight: Real | None
    ) -> tuple[Real, Real]:
        """Return the next step of field and R2*; no step where there is no signal."""
        water, fat, gram, products = self._solve(*self._demodulated(signal, field, rate))
        size, _, _ = self._unexplained(water, fat, gram)
        t11, t12, t22 = gram[1]
        along = np.conj(water) * products[0] + np.conj(fat) * products[1]
        along = along - (abs(water) ** 2 * t11 + abs(fat) ** 2 * t22 + 2 * (np.conj(water) * fat * t12).real)
        slope, bend = 2 * np.pi * along.imag, 4 * np.pi**2 * size
        if wanted is not None and weight is not None:
            slope, bend = slope + weight * (wanted - field), bend + weight
        df = np.clip(slope / bend, -_MOST_FIELD, _MOST_FIELD)
        return df, np.clip(-along.real / size, -_MOST_RATE, _MOST_RATE)

    def _unexplained(self, water: Complex, fat: Complex, gram: Any) -> tuple[Real, Complex, Complex]:
        """Return |u|^2, infinite where it is 0, and what of t y is taken for water and for fat."""
        (g11, g12, g22, determinant), (t11, t12, t22), (q11, q12, q22) = gram
        of_water, of_fat = water * t11 + fat * t12, water * np.conj(t12) + fat * t22
        in_water = (g22 * of_water - g12 * of_fat) / determinant
        in_fat = (g11 * of_fat - np.conj(g12) * of_water) / determinant
        size = abs(water) ** 2 * q11 + abs(fat) ** 2 * q22 + 2 * (np.conj(water) * fat * q12).real
        size = size - (np.conj(in_water) * of_water + np.conj(in_fat) * of_fat).real
        return np.where(size > 0, size, np.inf), in_water, in_fat

    def _demodulated(self, signal: Real, field: Real, rate: Real) -> tuple[Real, Real]:
        """Return the decays (N, V) and the signal (2N, V), real part first, its phase turned back and damped."""
        decay = np.exp(-self._times * rate)
        angle = (2 * np.pi * self._times).astype(self._dtype) * field
        cosine, sine = np.cos(angle), np.sin(angle)
        n = len(decay)
        real, imaginary = signal[:n], signal[n:]
        turned = np.empty_like(signal)
        turned[:n] = real * cosine + imaginary * sine
        turned[n:] = imaginary * cosine - real * sine
        turned[:n] *= decay
        turned[n:] *= decay
        return decay, turned

    def _solve(self, decay: Real, turned: Real) -> tuple[Complex, Complex, Any, tuple[Complex, Complex]]:
        """Return water and fat, the inner products of their columns (also with t and t2), and those with the signal."""
        one, real, imaginary, square = (self._of_decay @ (decay * decay)).reshape(3, 4, -1).transpose(1, 0, 2)
        cross = real + 1j * imaginary
        determinant = one[0] * square[0] - abs(cross[0]) ** 2
        h1, h2, k1, k2 = (pair[0] + 1j * pair[1] for pair in (self._of_signal @ turned).reshape(4, 2, -1))
        water = (square[0] * h1 - cross[0] * h2) / determinant
        fat = (one[0] * h2 - np.conj(cross[0]) * h1) / determinant
        gram = [(one[p], cross[p], square[p]) for p in range(3)]
        return water, fat, ((*gram[0], determinant), gram[1], gram[2]), (k1, k2)

    def _ends(self, signal: Real, field: Real, rate: Real, converged: NDArray[np.bool_]) -> Refined:
        decay, turned = self._demodulated(signal, field, rate)
        water, fat, gram, _ = self._solve(decay, turned)
        n = len(decay)
        fitted = (water + fat * self._modulation) * decay * decay  # both sides carry the decay once more
        missed = ((turned[:n] - fitted.real) ** 2 + (turned[n:] - fitted.imag) ** 2) / (decay * decay)
        g11, _, g22, determinant = gram[0]
        size, in_water, in_fat = self._unexplained(water, fat, gram)
        spread_water = np.sqrt(g22 / determinant + abs(in_water) ** 2 / size)
        spread_fat = np.sqrt(g11 / determinant + abs(in_fat) ** 2 / size)
        spread_field = 1 / (2 * np.pi * np.sqrt(size))
        return Refined(water, fat, field, rate, missed.sum(axis=0), converged, spread_water, spread_fat, spread_field)
