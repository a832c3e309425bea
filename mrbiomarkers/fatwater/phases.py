"""Phase errors of echoes: how the fit of each voxel answers them, and those that voxels share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.volume import EchoVolume

Array = NDArray[np.float64]
Real = NDArray[np.floating]
Complex = NDArray[np.complexfloating]

_BRIGHT, _TOP = 0.3, 95.0  # of the signal of the brightest; their percentile


def bright_voxels(volume: EchoVolume, most: int) -> NDArray[np.intp]:
    """Return which voxels to learn phases from: bright ones, spread evenly, in the order of the image.

    Parameters
    ----------
    volume : EchoVolume
        The voxels.
    most : int
        How many are taken at most.

    Returns
    -------
    (S,) array
        Places in ``volume.voxels``.
    """
    size = volume.voxels.size
    several = np.arange(min(size, 3 * most))
    if size > several.size:
        # One of each stretch, at a place of its own: even steps could keep to one column of the image.
        inside = np.random.default_rng(0).random(several.size)
        several = ((several + inside) * (size / several.size)).astype(np.intp)
    power = (abs(volume.signals(several)) ** 2).mean(axis=0)
    several = several[power >= _BRIGHT**2 * np.percentile(power, _TOP)] if size else several
    if several.size > most:
        several = several[np.linspace(0, several.size - 1, most).round().astype(np.intp)]
    return several


def common_phases(
    signal: Complex, field: Real, rate: Real, times: Array, of_fat: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Return the phase error of each echo that all voxels share, in one step of Gauss and Newton from a fit.

    Parameters
    ----------
    signal : (N, V) complex array [a.u.]
        Signals that were fitted.
    field, rate : (V,) array [Hz, 1/s]
        Field and R2* of the fit.
    times : (N,) array [s]
        Echo times.
    of_fat : (N,) complex array
        Signal of fat beside water.

    Returns
    -------
    (N,) array [rad]
        The smallest of all phases that explain as much: the mean and the slope over time go into the fit.
    """
    residual, turned = phase_derivatives(signal, field, rate, times, of_fat, np.eye(times.size))
    rows = np.conj(turned.reshape(len(turned), -1))
    along, size = (rows @ residual.ravel()).real, (rows @ rows.conj().T).real
    return np.asarray(np.linalg.pinv(size, rcond=1e-6, hermitian=True) @ along, dtype=np.float64)


def phase_derivatives(
    signal: Complex, field: Real, rate: Real, times: Array, of_fat: NDArray[np.complex128], patterns: Real
) -> tuple[Complex, Complex]:
    """Return the residual (N, V) [a.u.] of signals, and the derivatives of their fit by phases, (Q, N, V) [a.u./rad].

    Of both that part is returned which water, fat, field and R2* of a voxel cannot follow.

    Parameters
    ----------
    signal, field, rate, times, of_fat
        As for :func:`common_phases`.
    patterns : (Q, N) array
        How much each phase turns each echo.

    References
    ----------
    Golub and Pereyra, SIAM J Numer Anal 1973;10:413.
    """
    t = times[:, None]
    columns = np.exp(-t * rate), of_fat[:, None] * np.exp(-t * rate)
    seen = signal * np.exp(-2j * np.pi * t * field)
    residual = _outside(seen, *columns)
    fitted = seen - residual
    slope = _outside(t * fitted, *columns)
    slope = slope / np.sqrt(np.maximum((abs(slope) ** 2).sum(axis=0), np.finfo(float).tiny))
    parts = [residual, *(_outside(1j * pattern[:, None] * fitted, *columns) for pattern in patterns)]
    left = np.stack([part - slope * (np.conj(slope) * part).sum(axis=0) for part in parts])
    return left[0], left[1:]


def _outside(values: Complex, first: Array, second: Complex) -> Complex:
    """Return what of (N, V) is outside the span of two columns, (N, V) each."""
    one = first / np.sqrt((first * first).sum(axis=0))
    two = second - one * (one * second).sum(axis=0)
    two = two / np.sqrt((abs(two) ** 2).sum(axis=0))
    left = values - one * (one * values).sum(axis=0)
    return np.asarray(left - two * (np.conj(two) * left).sum(axis=0))
