"""The signal of water and fat at several echo times, complex and as magnitude, and its derivatives."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_echo_times, check_field_strength
from mrbiomarkers.fatwater.spectra import FatSpectrum
from mrbiomarkers.fatwater.spectra import spectrum as known_spectrum

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

GYROMAGNETIC_RATIO = 42.577478518
"""Gyromagnetic ratio of the proton over 2 pi [MHz/T] (CODATA 2018)."""


def fat_modulation(echo_times: ArrayLike, field_strength: float, spectrum: str | FatSpectrum) -> ComplexArray:
    """Return ``c(t) = sum over peaks of a exp(i 2 pi f t)``: the signal of fat beside water, 1 at t = 0.

    ``f = gamma B0 shift`` is the frequency of a peak relative to water: fat is below it, -434 Hz at 3 T.

    Parameters
    ----------
    echo_times : (N,) array_like [s]
        Echo times, ascending.
    field_strength : float [T]
        Field strength.
    spectrum : str or FatSpectrum
        Peaks of fat, or the name of a published spectrum.

    Returns
    -------
    (N,) complex array

    Raises
    ------
    TypeError, ValueError
        When echo times, field strength or spectrum do not fit; the message names the argument.

    References
    ----------
    Yu et al., Magn Reson Med 2008;60:1122.
    """
    times = check_echo_times(echo_times)
    peaks = known_spectrum(spectrum)
    frequencies = GYROMAGNETIC_RATIO * check_field_strength(field_strength) * np.asarray(peaks.shifts)
    return np.asarray(np.exp(2j * np.pi * np.multiply.outer(times, frequencies)) @ np.asarray(peaks.amplitudes))


def check_modulation(modulation: ArrayLike, n_echoes: int) -> ComplexArray:
    """Return the signal of fat beside water at each echo as complex128 after checking it.

    Parameters
    ----------
    modulation : (N,) array_like
        Real or complex, finite (:func:`fat_modulation`).
    n_echoes : int
        Number of echoes N.

    Raises
    ------
    TypeError
        When it holds no numbers.
    ValueError
        When there is not one finite value for each echo.
    """
    values = np.asarray(modulation)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"modulation: expected numbers, got an array of type {values.dtype}")
    if values.shape != (n_echoes,) or not np.all(np.isfinite(values)):
        raise ValueError(f"modulation: expected {n_echoes} finite values, one for each echo, got shape {values.shape}")
    return values.astype(np.complex128)


def fat_water_signal(
    echo_times: ArrayLike,
    water: ArrayLike,
    fat: ArrayLike,
    field_map: ArrayLike,
    R2star: ArrayLike,
    modulation: ArrayLike,
) -> ComplexArray:
    """Return ``(W + F c) exp(i 2 pi f t) exp(-R2* t)``.

    Parameters
    ----------
    echo_times : (N,) array_like [s]
        Echo times t.
    water, fat : (...) array_like [a.u.]
        Signal of water and of fat at t = 0, real or complex (with its phase).
    field_map : (...) array_like [Hz]
        Frequency f of water beside that of the receiver.
    R2star : (...) array_like [1/s]
        Transverse relaxation rate, one for water and fat.
    modulation : (N,) array_like
        Signal c of fat beside water (:func:`fat_modulation`).

    Returns
    -------
    (..., N) complex array [a.u.]
        The signal; the echoes are the last axis.

    References
    ----------
    Yu et al., Magn Reson Med 2008;60:1122; signs as in the ISMRM fat-water toolbox (precession clockwise).
    """
    density, decay = _density_and_decay(echo_times, water, fat, field_map, R2star, modulation)
    return np.asarray(density * decay)


def fat_water_jacobian(
    echo_times: ArrayLike,
    water: ArrayLike,
    fat: ArrayLike,
    field_map: ArrayLike,
    R2star: ArrayLike,
    modulation: ArrayLike,
) -> ComplexArray:
    """Return the derivatives of :func:`fat_water_signal`, (..., N, 6) complex.

    They are by Re W, Im W, Re F, Im F, the field map [1/Hz] and R2* [s], in this order.
    """
    density, decay = _density_and_decay(echo_times, water, fat, field_map, R2star, modulation)
    times = np.asarray(echo_times, dtype=np.float64)
    of_fat = np.asarray(modulation, dtype=np.complex128) * decay
    by_rate = -times * density * decay
    return _stack(decay, 1j * decay, of_fat, 1j * of_fat, -2j * np.pi * by_rate, by_rate)


def magnitude_signal(
    echo_times: ArrayLike, water: ArrayLike, fat: ArrayLike, R2star: ArrayLike, modulation: ArrayLike
) -> Array:
    """Return ``|W + F c| exp(-R2* t)``: the magnitude where water and fat have one phase at t = 0.

    Parameters
    ----------
    echo_times : (N,) array_like [s]
        Echo times t.
    water, fat : (...) array_like [a.u.]
        Signal of water and of fat at t = 0, real.
    R2star : (...) array_like [1/s]
        Transverse relaxation rate, one for water and fat.
    modulation : (N,) array_like
        Signal c of fat beside water (:func:`fat_modulation`).

    Returns
    -------
    (..., N) array [a.u.]
        The signal without noise; the echoes are the last axis.

    References
    ----------
    Bydder et al., Magn Reson Imaging 2008;26:347.
    """
    density, decay = _density_and_decay(echo_times, _real(water), _real(fat), 0.0, R2star, modulation)
    return np.asarray(np.abs(density) * decay.real)


def magnitude_jacobian(
    echo_times: ArrayLike, water: ArrayLike, fat: ArrayLike, R2star: ArrayLike, modulation: ArrayLike
) -> Array:
    """Return the derivatives of :func:`magnitude_signal` by W, F and R2* [s], (..., N, 3).

    Where the signal is 0 it has no derivatives by W and F; they are given as 0.
    """
    density, decay = _density_and_decay(echo_times, _real(water), _real(fat), 0.0, R2star, modulation)
    times = np.asarray(echo_times, dtype=np.float64)
    size = np.abs(density)
    direction = density / np.where(size == 0, 1.0, size)
    by_fat = (np.conj(direction) * np.asarray(modulation, dtype=np.complex128)).real
    return _stack(direction.real * decay.real, by_fat * decay.real, -times * size * decay.real)


def _density_and_decay(
    echo_times: ArrayLike,
    water: ArrayLike,
    fat: ArrayLike,
    field_map: ArrayLike,
    R2star: ArrayLike,
    modulation: ArrayLike,
) -> tuple[ComplexArray, ComplexArray]:
    """Return ``W + F c`` and ``exp(i 2 pi f t - R2* t)``, both (..., N)."""
    times = np.asarray(echo_times, dtype=np.float64)
    rate = _real(R2star)[..., None] - 2j * np.pi * _real(field_map)[..., None]
    in_water, in_fat = (np.asarray(part, dtype=np.complex128)[..., None] for part in (water, fat))
    return in_water + in_fat * np.asarray(modulation, dtype=np.complex128), np.exp(-times * rate)


def _real(parameter: ArrayLike) -> Array:
    """Return a parameter as float64."""
    return np.asarray(parameter, dtype=np.float64)


def _stack(*derivatives: NDArray) -> NDArray:
    """Return derivatives (..., N) side by side, (..., N, P)."""
    return np.stack(np.broadcast_arrays(*derivatives), axis=-1)
