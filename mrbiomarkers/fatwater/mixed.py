"""The fit that does without the phase of the first echo, and its standard errors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.precision import fat_water_standard_errors
from mrbiomarkers.fatwater.refine import Refined, Refiner

Array = NDArray[np.float64]
Real = NDArray[np.floating]
Complex = NDArray[np.complexfloating]

_STEPS = 40
_MOST_FIELD, _MOST_RATE, _MOST_TURN = 40.0, 60.0, 0.5  # of one step [Hz, 1/s, rad]
_BOLD_STEPS, _BOLD = 20, 0.25
_STILL_TURN = {"float32": 1e-4, "float64": 1e-7}  # a smaller step ends the search [rad]
_DEGENERATE = 1e-5  # of the first echo: where less of its turn is its own, the turn is left as it is


class _Normal(NamedTuple):
    """Parts of the normal equations of field (times 2 pi), R2* and turn; all (V,)."""

    size: Real  # |u|^2, of the field and of R2*
    by_field: Real  # Re<u, v>, field with turn
    by_rate: Real  # Im<u, v>, R2* with turn
    rest: Real  # |v|^2 without what field and R2* explain; infinite where there is nothing left


class MixedRefiner(Refiner):
    """Gauss-Newton search for the field, R2* and the phase by which the first echo is turned.

    The sum ``(|S_1| - |y_1|)^2 + sum over n > 1 |S_n - y_n|^2`` is that of all complex echoes, least over a phase of
    the first: one more unknown, so that it keeps its size but says nothing by its phase. With u what water and fat
    cannot explain of t y, v that of the first echo of y, and r the residual, the steps of ``2 pi`` field, R2* and phase
    have the columns ``i u``, ``-u`` and ``i v``: the first two do not depend on each other, and the phase is solved
    first.

    Parameters
    ----------
    echo_times : (N,) array [s]
        Echo times, four or more.
    modulation : (N,) complex array
        Signal of fat beside water.
    dtype : dtype
        float32 or float64: the precision of the work.
    rate_range : tuple of float [1/s]
        Bounds of R2*.

    Raises
    ------
    ValueError
        With less than four echoes: seven real unknowns need as many numbers.

    References
    ----------
    Hernando et al., Magn Reson Med 2012;67:638 (mixed fit); Golub and Pereyra, SIAM J Numer Anal 1973;10:413.
    """

    def __init__(
        self, echo_times: Array, modulation: NDArray[np.complex128], dtype: Any, rate_range: tuple[float, float]
    ) -> None:
        if echo_times.size < 4:
            raise ValueError(
                f"echo_times: expected four or more echoes for method 'mixed', which does without the phase of the "
                f"first, got {echo_times.size}"
            )
        super().__init__(echo_times, modulation, dtype, rate_range)
        self._still_turn = _STILL_TURN[self._dtype.name]
        self._later = Refiner(echo_times[1:], modulation[1:], dtype, rate_range)

    def fit(self, signal: Complex, field: Real, rate: Real, held: tuple[Real, Real] | None = None) -> Refined:
        """Fit signals from a start, which may be that of the complex fit; voxels do not depend on each other.

        Parameters
        ----------
        signal : (N, V) complex array [a.u.]
            Finite signals.
        field, rate : (V,) array [Hz, 1/s]
            Start of field and R2*.
        held : None
            The field cannot be held here.

        Returns
        -------
        Refined
            ``sum_of_squares`` is that of the mixed fit, with 2 N - 7 degrees of freedom; the spreads are those for a
            known turn (:func:`mixed_standard_errors` says what they are without).

        Raises
        ------
        ValueError
            When ``held`` is given.
        """
        if held is not None:
            raise ValueError("held: expected None, for the mixed fit starts from a field that is settled")
        field, rate = field.astype(self._dtype), np.clip(rate.astype(self._dtype), *self._range)
        whole = np.concatenate([signal.real, signal.imag]).astype(self._dtype)
        turn = self._first_turn(whole, field, rate)
        moving = np.arange(field.size)
        part, f, r, a = whole, field, rate, turn
        for step in range(_STEPS):
            df, dr, da = self._turn_step(part, f, r, a, _BOLD if step < _BOLD_STEPS else 1.0)
            new_rate = np.clip(r + dr, *self._range)
            still = (np.abs(df) < self._still[0]) & (np.abs(new_rate - r) < self._still[1])
            still &= np.abs(da) < self._still_turn
            f, r, a = f + df, new_rate, a + da
            field[moving], rate[moving], turn[moving] = f, r, a
            keep = np.flatnonzero(~still)
            moving, f, r, a = moving[keep], f[keep], r[keep], a[keep]
            if keep.size == 0:
                break
            part = part.take(keep, axis=1)
        converged = np.ones(field.size, dtype=bool)
        converged[moving] = False
        return self._ends(_turned_back(whole, turn), field, rate, converged)

    def _first_turn(self, signal: Real, field: Real, rate: Real) -> Real:
        """Return the phase of the first echo beside what the others say of it: a start that does not know it."""
        n = len(self._times)
        others = np.concatenate([signal[1:n], signal[n + 1 :]])
        water, fat, _, _ = self._later._solve(*self._later._demodulated(others, field, rate))
        expected = (water + fat * self._modulation[0]) * np.exp(2j * np.pi * self._times[0] * field)
        turn = np.angle((signal[0] + 1j * signal[n]) * np.conj(expected))
        return np.asarray(turn, dtype=self._dtype)

    def _turn_step(self, signal: Real, field: Real, rate: Real, turn: Real, caution: float) -> tuple[Real, Real, Real]:
        """Return the next step of field, R2* and turn; no step where there is no signal."""
        decay, turned = self._demodulated(_turned_back(signal, turn), field, rate)
        water, fat, gram, products = self._solve(decay, turned)
        echo = (turned[0] + 1j * turned[len(decay)]) / decay[0]
        normal, first = self._normal(decay, water, fat, gram, abs(echo), caution)
        t11, t12, t22 = gram[1]
        along = np.conj(water) * products[0] + np.conj(fat) * products[1]
        along = along - (abs(water) ** 2 * t11 + abs(fat) ** 2 * t22 + 2 * (np.conj(water) * fat * t12).real)
        across = (np.conj(first) * (echo - first)).imag
        across = across - (normal.by_field * along.imag - normal.by_rate * along.real) / normal.size
        da = np.clip(across / normal.rest, -_MOST_TURN, _MOST_TURN)
        df = (along.imag - normal.by_field * da) / (2 * np.pi * normal.size)
        dr = (-along.real - normal.by_rate * da) / normal.size
        return np.clip(df, -_MOST_FIELD, _MOST_FIELD), np.clip(dr, -_MOST_RATE, _MOST_RATE), da

    def _normal(
        self, decay: Real, water: Complex, fat: Complex, gram: Any, measured: Real, caution: float
    ) -> tuple[_Normal, Complex]:
        """Return the normal equations and the first echo of the fitted signal, turned back (V,).

        Where the first echo is faint, its size ``measured`` (V,) may be well above the fitted one; then the second
        derivative by the turn is above that of Gauss and Newton, and steps without it would swing to and fro.
        """
        size, _, _ = self._unexplained(water, fat, gram)
        (g11, g12, g22, determinant), (t11, t12, t22), _ = gram
        first = (water + fat * self._modulation[0]) * decay[0]
        by_water, by_fat = first * decay[0], np.conj(self._modulation[0]) * first * decay[0]
        turn_water = (g22 * by_water - g12 * by_fat) / determinant
        turn_fat = (g11 * by_fat - np.conj(g12) * by_water) / determinant
        power = abs(first) ** 2
        own = power - (np.conj(turn_water) * by_water + np.conj(turn_fat) * by_fat).real
        of_water, of_fat = water * t11 + fat * t12, water * np.conj(t12) + fat * t22
        product = self._times[0] * power - (np.conj(of_water) * turn_water + np.conj(of_fat) * turn_fat)
        shared = abs(product) ** 2 / size
        excess = measured / np.where(power > 0, np.sqrt(power), np.inf)
        newton = excess * power - (power - own) * excess**2 - shared
        rest = np.maximum(newton, caution * (own - shared))
        rest = np.where(rest > _DEGENERATE * power, rest, np.inf)
        return _Normal(size, product.real, product.imag, rest), first


def _turned_back(signal: Real, turn: Real) -> Real:
    """Return the signal (2N, V), real part first, with its first echo turned back by the phase ``turn`` (V,) [rad]."""
    n = len(signal) // 2
    cosine, sine = np.cos(turn), np.sin(turn)
    real, imaginary = signal[0], signal[n]
    back = signal.copy()
    back[0], back[n] = real * cosine + imaginary * sine, imaginary * cosine - real * sine
    return back


def mixed_standard_errors(
    times: Array, modulation: NDArray[np.complex128], water: NDArray[Any], fat: NDArray[Any], rate: Real, sigma: Real
) -> dict[str, Array]:
    """Return the standard errors of a mixed fit from its curvature at the solution, one set a voxel.

    Those of the complex fit (:func:`mrbiomarkers.fatwater.fat_water_standard_errors`) and what one more unknown, the
    turn of the first echo, adds. Nothing is checked.

    Parameters
    ----------
    times : (N,) array [s]
        Echo times.
    modulation : (N,) complex array
        Signal of fat beside water.
    water, fat : (V,) array [a.u.]
        Fitted signal of water and of fat at t = 0, real or complex with their phases.
    rate : (V,) array [1/s]
        Fitted R2*.
    sigma : (V,) array [a.u.]
        Standard deviation of the noise in each channel: known, or ``sqrt(sum |residual|^2 / (2 N - 7))``.

    Returns
    -------
    dict of str to (V,) array
        Standard errors of "PDFF" [%], "R2star" [1/s] and "field_map" [Hz]; infinite for one that is not determined.

    References
    ----------
    Hernando et al., Magn Reson Med 2012;67:638 (mixed fit); Seber and Wild, Nonlinear Regression, 1989, section 2.1.2.
    """
    known = fat_water_standard_errors(times, modulation, water, fat, rate, sigma)
    with np.errstate(all="ignore"):
        decay = np.exp(-times[:, None] * rate)
        columns = np.stack([decay + 0j, modulation[:, None] * decay], axis=-1).transpose(1, 0, 2)  # (V, N, 2)
        fitted = columns[..., 0] * water[:, None] + columns[..., 1] * fat[:, None]
        by_time, by_turn = times * fitted, fitted * (np.arange(times.size) == 0)
        inverse = _inverse(columns)
        slope, turn = ((inverse @ column[..., None])[..., 0] for column in (by_time, by_turn))
        slope_left = by_time - (columns @ slope[..., None])[..., 0]
        turn_left = by_turn - (columns @ turn[..., None])[..., 0]
        # i times the turn is i (Re k + i Im k) times the slope, and of water and fat i (turn - k slope).
        k = (np.conj(slope_left) * turn_left).sum(axis=1) / (abs(slope_left) ** 2).sum(axis=1)
        own = (abs(turn_left - k[:, None] * slope_left) ** 2).sum(axis=1)
        power = (abs(by_turn) ** 2).sum(axis=1)
        error = np.where(own > _DEGENERATE**2 * power, sigma / np.sqrt(own), np.inf)
        of_water, of_fat = (1j * (turn - k[:, None] * slope)).T
        change = 100 * ((water * of_fat - fat * of_water) / (water + fat) ** 2).real
        by_turned = {"PDFF": change, "R2star": k.imag, "field_map": k.real / (2 * np.pi)}
        return {name: np.hypot(known[name], np.where(by == 0, 0, by * error)) for name, by in by_turned.items()}


def _inverse(columns: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the pseudo-inverse (V, 2, N) of two columns (V, N, 2)."""
    one, two = columns[..., 0], columns[..., 1]
    g11, g22 = (abs(one) ** 2).sum(axis=1), (abs(two) ** 2).sum(axis=1)
    g12 = (np.conj(one) * two).sum(axis=1)
    determinant = (g11 * g22 - abs(g12) ** 2)[:, None]
    first = (g22[:, None] * np.conj(one) - g12[:, None] * np.conj(two)) / determinant
    second = (g11[:, None] * np.conj(two) - np.conj(g12)[:, None] * np.conj(one)) / determinant
    return np.stack([first, second], axis=1)
