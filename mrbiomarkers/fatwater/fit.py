"""From multi-echo signals to fat fraction and R2*."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_echo_times, check_field_strength
from mrbiomarkers.fatwater.complex_fit import ComplexFit
from mrbiomarkers.fatwater.quality import echo_warnings
from mrbiomarkers.fatwater.results import FatWaterMaps
from mrbiomarkers.fatwater.signal import fat_modulation
from mrbiomarkers.fatwater.spectra import FatSpectrum
from mrbiomarkers.fatwater.spectra import spectrum as known_spectrum
from mrbiomarkers.fatwater.volume import EchoVolume, Progress

METHODS = ("complex",)
"""Names of the methods of :func:`fit_fat_water`."""


def fit_fat_water(
    signal: ArrayLike,
    echo_times: ArrayLike,
    field_strength: float,
    *,
    spectrum: str | FatSpectrum = "ren-marrow",
    method: str = "complex",
    spacing: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    precession: int = 1,
    errors: bool = False,
    progress: Progress | None = None,
) -> FatWaterMaps:
    """Separate water and fat, and measure the fat fraction and R2* of every voxel.

    The field is chosen for all voxels together, so that water and fat are not swapped; then each voxel is fitted by
    least squares. The fat fraction is the real part of F / (W + F): free of the bias that noise gives to magnitudes.

    Parameters
    ----------
    signal : (..., N) array_like [a.u.]
        Complex signals, echoes last. Two or three axes before the echoes are an image whose neighbours help each other;
        with none or one the voxels are independent. Never written to.
    echo_times : (N,) array_like [s]
        Three or more, ascending, evenly spaced or not.
    field_strength : float [T]
        Static field.
    spectrum : str or FatSpectrum
        Peaks of fat, or the name of a published spectrum (:data:`SPECTRA`).
    method : str
        ``"complex"``: least squares of the complex signal.
    spacing : (1 to 3) array_like [mm], optional
        Distance of voxels along each axis before the echoes.
    mask : (...) array_like, optional
        Voxels to fit; default: those with at least 5 % of the brightest signal.
    precession : int
        1: the phase grows with the field, as in the model; -1: it falls, so the complex conjugate is fitted.
    errors : bool
        Fill ``sd_PDFF`` and ``sd_R2star``.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    FatWaterMaps
        float64 for complex128 signals, else float32.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Reeder et al., Magn Reson Med 2004;51:35 and Yu et al. 2008;60:1122 (model); Hernando et al. 2008;59:571 (field with
    water and fat eliminated); Liu et al. 2007;58:354 (noise bias of the fat fraction).
    """
    check_choice("method", method, METHODS)
    array = _check_signal(signal)
    times = _check_times(echo_times, array.shape[-1], errors)
    tesla = check_field_strength(field_strength)
    if precession not in (1, -1):
        raise ValueError(f"precession: expected 1 or -1, got {precession!r}")
    peaks = known_spectrum(spectrum)
    modulation = fat_modulation(times, tesla, peaks)
    volume = EchoVolume(array, mask, spacing, progress)
    volume.conjugate = precession == -1
    record: dict[str, Any] = {
        "method": method,
        "precession": precession,
        "spectrum": {"name": peaks.name, "shifts_ppm": peaks.shifts, "amplitudes": peaks.amplitudes},
        "echo_times_s": times.tolist(),
        "field_strength_T": tesla,
    }
    found = echo_warnings(times, tesla, peaks)
    return ComplexFit(volume, times, modulation, tesla).run(errors, record, found)


def _check_times(echo_times: ArrayLike, n_echoes: int, errors: bool) -> NDArray[np.float64]:
    times = check_echo_times(echo_times, n_echoes)
    if times.size < 3:
        raise ValueError(f"echo_times: expected three or more echoes, got {times.size}")
    if errors and times.size < 4:
        raise ValueError(f"errors: expected four or more echoes, which leave residuals to learn from; got {times.size}")
    return times


def _check_signal(signal: ArrayLike) -> NDArray[Any]:
    array = np.asarray(signal)
    if array.ndim == 0:
        raise ValueError("signal: expected at least one axis, the echoes last; got a single number")
    if array.dtype.kind != "c":
        raise TypeError(f"signal: expected complex numbers, got an array of type {array.dtype}")
    return array if array.dtype in (np.complex64, np.complex128) else array.astype(np.complex64)
