"""From multi-echo signals to fat fraction and R2*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_echo_times, check_field_strength
from mrbiomarkers.fatwater.complex_fit import ComplexFit
from mrbiomarkers.fatwater.corrections import fit_and_correct, settle_precession
from mrbiomarkers.fatwater.magnitude_run import MagnitudeRun
from mrbiomarkers.fatwater.quality import echo_warnings
from mrbiomarkers.fatwater.results import FatWaterMaps
from mrbiomarkers.fatwater.signal import fat_modulation
from mrbiomarkers.fatwater.spectra import FatSpectrum
from mrbiomarkers.fatwater.spectra import spectrum as known_spectrum
from mrbiomarkers.fatwater.volume import EchoVolume, Progress
from mrbiomarkers.settings import FAT_WATER_METHODS


def fit_fat_water(
    signal: ArrayLike,
    echo_times: ArrayLike,
    field_strength: float,
    *,
    spectrum: str | FatSpectrum = "ren-marrow",
    method: str = "complex",
    spacing: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    precession: int | None = None,
    bipolar: int | bool | None = None,
    regions: Mapping[str, ArrayLike] | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> FatWaterMaps:
    """Separate water and fat, and measure the fat fraction and R2* of every voxel.

    The field is chosen for all voxels together, so that water and fat are not swapped; then each voxel is fitted by
    least squares. The fat fraction is the real part of F / (W + F): free of the bias that noise gives to magnitudes.

    Parameters
    ----------
    signal : (..., N) array_like [a.u.]
        Signals, echoes last: complex, or for ``"magnitude"`` real and 0 or above. Two or three axes before the echoes
        are an image whose neighbours help each other; with none or one the voxels are independent. Never written to.
    echo_times : (N,) array_like [s]
        Three or more (``"mixed"``: four), ascending, evenly spaced or not.
    field_strength : float [T]
        Static field.
    spectrum : str or FatSpectrum
        Peaks of fat, or the name of a published spectrum (:data:`SPECTRA`).
    method : str
        ``"complex"``: least squares of the complex signal. ``"mixed"``: the same without the phase of the first echo,
        which eddy currents may turn; the field is searched as for ``"complex"``. ``"magnitude"``: least squares of
        magnitudes, for data without phase; which of the two solutions of a voxel holds, neighbours or regions decide.
    spacing : (1 to 3) array_like [mm], optional
        Distance of voxels along each axis before the echoes.
    mask : (...) array_like, optional
        Voxels to fit; default: those with at least 5 % of the brightest signal.
    precession : int, optional
        1: the phase grows with the field, as in the model; -1: it falls, so the complex conjugate is fitted. Default:
        found from the residuals of some bright voxels, and 1 where they do not tell.
    bipolar : int or False, optional
        Axis of the signal along which echoes are read to and fro: the phase that this leaves, linear along the axis
        and alternating from echo to echo, is estimated and taken out. False: it is left. Default: it is taken out where
        it is clearly seen (images, four echoes or more), which costs a second fit.
    regions : mapping of str to (...) array_like, optional
        Masks for ``"magnitude"``: the voxels of each decide together.
    errors : bool
        Fill ``sd_PDFF`` and ``sd_R2star``.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    FatWaterMaps
        float64 for signals of double precision, else float32. ``record`` says what was found out and corrected,
        ``warnings`` what the user has to know.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Reeder et al., Magn Reson Med 2004;51:35 and Yu et al. 2008;60:1122 (model); Hernando et al. 2008;59:571 (field with
    water and fat eliminated) and 2012;67:638 (mixed fit); Liu et al. 2007;58:354 (noise bias of the fat fraction); Yu
    et al., J Magn Reson Imaging 2010;31:1264 (bipolar readout).
    """
    check_choice("method", method, FAT_WATER_METHODS)
    array = _check_signal(signal, method)
    times = _check_times(echo_times, array.shape[-1], method, errors)
    tesla = check_field_strength(field_strength)
    _check_options(method, precession, bipolar, regions, array.ndim - 1, times.size)
    peaks = known_spectrum(spectrum)
    modulation = fat_modulation(times, tesla, peaks)
    volume = EchoVolume(array, mask, spacing, progress)
    record: dict[str, Any] = {
        "method": method,
        "spectrum": {"name": peaks.name, "shifts_ppm": peaks.shifts, "amplitudes": peaks.amplitudes},
        "echo_times_s": times.tolist(),
        "field_strength_T": tesla,
    }
    found = echo_warnings(times, tesla, peaks)
    if method == "magnitude":
        return MagnitudeRun(volume, times, modulation, tesla).run(errors, record, found, regions)
    record["precession"], more = settle_precession(volume, times, modulation, tesla, precession)
    fit = ComplexFit(volume, times, modulation, tesla, method)
    record["bipolar"], still_more = fit_and_correct(fit, volume, times, modulation, bipolar)
    return fit.maps(errors, record, found + more + still_more)


def _check_times(echo_times: ArrayLike, n_echoes: int, method: str, errors: bool) -> NDArray[np.float64]:
    times = check_echo_times(echo_times, n_echoes)
    if times.size < 3:
        raise ValueError(f"echo_times: expected three or more echoes, got {times.size}")
    if times.size < 4 and method == "mixed":
        raise ValueError(
            "echo_times: expected four or more echoes for method 'mixed', which does without the phase of the first, "
            f"got {times.size}"
        )
    if errors and times.size < 4:
        raise ValueError(f"errors: expected four or more echoes, which leave residuals to learn from; got {times.size}")
    return times


def _check_signal(signal: ArrayLike, method: str) -> NDArray[Any]:
    array = np.asarray(signal)
    if array.ndim == 0:
        raise ValueError("signal: expected at least one axis, the echoes last; got a single number")
    if method == "magnitude":
        if array.dtype.kind == "c":
            raise TypeError(
                f"signal: expected magnitudes for method 'magnitude', got an array of type {array.dtype}; give its "
                "absolute values, or use method 'complex'"
            )
        if array.dtype.kind not in "iuf":
            raise TypeError(f"signal: expected real numbers, got an array of type {array.dtype}")
        return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
    if array.dtype.kind != "c":
        raise TypeError(
            f"signal: expected complex numbers for method {method!r}, got an array of type {array.dtype}; for "
            "magnitudes without phase use method 'magnitude'"
        )
    return array if array.dtype in (np.complex64, np.complex128) else array.astype(np.complex64)


def _check_options(
    method: str,
    precession: int | None,
    bipolar: int | bool | None,
    regions: Mapping[str, ArrayLike] | None,
    n_axes: int,
    n_echoes: int,
) -> None:
    """Raise where an option does not fit the method or the signal."""
    if method == "magnitude":
        for name, value in (("precession", precession), ("bipolar", bipolar)):
            if value is not None:
                raise ValueError(f"{name}: expected None for method 'magnitude', which has no phases; got {value!r}")
    elif regions is not None:
        raise ValueError(f"regions: expected None for method {method!r}; only 'magnitude' lets regions decide")
    if isinstance(precession, bool) or precession not in (None, 1, -1):
        raise ValueError(f"precession: expected 1, -1 or None, got {precession!r}")
    if bipolar is None or bipolar is False:
        return
    axes = range(n_axes) if n_axes > 1 else ()
    if isinstance(bipolar, bool) or bipolar not in axes:
        raise ValueError(
            f"bipolar: expected None, False or an axis of an image before the echoes ({', '.join(map(str, axes))}), "
            f"got {bipolar!r}"
        )
    if n_echoes < 4:
        raise ValueError(f"bipolar: expected four or more echoes, which tell the phase of the readout; got {n_echoes}")
