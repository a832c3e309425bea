"""The noise floor of magnitude images: the mean that noise gives them, its removal, and the noise itself.

The magnitude of a complex signal S with Gaussian noise of standard deviation sigma in each part has a Rician
distribution, the root sum of squares of n coils a non-central chi distribution with 2 n degrees of freedom
(Constantinides et al., Magn Reson Med 1997;38:852; Koay and Basser, J Magn Reson 2006;179:317). Its mean lies above S:
by sigma^2 (2 n - 1) / (2 S) where S is large, and it never falls below the floor that is left where S is 0.

An average of magnitudes is not Rician: its scatter falls with the number of averages, its floor does not. Only its
mean is used here, and that is the mean of one magnitude. What counts is therefore sigma of one measurement as it was
when the magnitude was taken: averages of complex data lower it, averages of magnitudes do not, and a standard
deviation over residuals or repeats of averaged magnitudes is too small for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, hyp1f1

from mrbiomarkers.checks import check_choice, check_real_array

Array = NDArray[np.float64]

_FAR = 30.0  # S / sigma above which the series in sigma / S is exact to rounding
_STEPS = 60
_AVERAGES = ("magnitude", "complex")


def magnitude_mean(signal: ArrayLike, sigma: ArrayLike, *, n_coils: int = 1) -> Array:
    """Return the mean magnitude of a signal in noise.

    ``sigma sqrt(pi / 2) L(-S^2 / (2 sigma^2))`` with the generalised Laguerre function of order 1/2 and n - 1.

    Parameters
    ----------
    signal : (...) array_like [a.u.]
        Signal without noise, 0 or more (for several coils the root sum of squares over them).
    sigma : (...) array_like [a.u.]
        Standard deviation of the noise in the real and in the imaginary part of one coil, above 0; any shape that fits.
    n_coils : int
        Coils that were combined by the root sum of squares; 1 for one coil and for combinations that weigh the coils
        before the magnitude is taken (SENSE, adaptive combination).

    Returns
    -------
    (...) array [a.u.]
        Mean magnitude.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.

    References
    ----------
    Koay and Basser, J Magn Reson 2006;179:317.
    """
    values = check_real_array("signal", signal).astype(np.float64)
    if np.any(values < 0):
        raise ValueError(f"signal: expected 0 or more, got {np.nanmin(values):g}")
    noise, n = _check_noise(sigma, n_coils)
    return noise * _mean(values / noise, n)


def correct_noise_floor(
    mean_signal: ArrayLike,
    sigma: ArrayLike,
    *,
    n_coils: int = 1,
    averages: ArrayLike | None = None,
    averaged: str | None = None,
) -> Array:
    """Return the signal whose mean magnitude is the one that was measured.

    The inverse of :func:`magnitude_mean`, for the mean over a region (or over many repeats) at each b-value before it
    is fitted. It takes the region as uniform. Do not use it voxel by voxel: where noise pushes single magnitudes below
    the floor they have no inverse, and cutting them off at 0 makes a bias of its own.

    Parameters
    ----------
    mean_signal : (...) array_like [a.u.]
        Mean magnitudes.
    sigma : (...) array_like [a.u.]
        Standard deviation of the noise in the real and in the imaginary part of one coil and one measurement; any shape
        that fits.
    n_coils : int
        As for :func:`magnitude_mean`.
    averages : (...) array_like, optional
        Number of averages of each mean signal (NEX), where it is not 1.
    averaged : str, optional
        ``"magnitude"``: the scanner averaged magnitudes, which leaves the floor of one measurement. ``"complex"``: it
        averaged complex data, which divides sigma by the root of ``averages``. Needed where ``averages`` are above 1.

    Returns
    -------
    (...) array [a.u.]
        Signals without the noise floor; 0 where the mean magnitude is at or below the floor
        ``magnitude_mean(0, sigma)``: it is then compatible with no signal at all. NaN and infinity stay.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit, or averages above 1 come without how they were averaged.

    References
    ----------
    Koay and Basser, J Magn Reson 2006;179:317 (their fixed point, found here by Newton's method).
    """
    values = check_real_array("mean_signal", mean_signal).astype(np.float64)
    noise, n = _check_noise(sigma, n_coils)
    noise = noise / _root_of_averages(averages, averaged)
    values, noise = np.broadcast_arrays(values, noise)
    corrected = values.copy()
    finite = np.isfinite(values)
    corrected[finite] = noise[finite] * _inverse_mean(values[finite] / noise[finite], n)
    return corrected


def sigma_from_background(magnitudes: ArrayLike, *, n_coils: int = 1) -> float:
    """Return sigma from the magnitudes of a region without signal (air, clear of ghosts).

    Their mean over that of unit noise. The mean, rather than the mean square, holds for averaged magnitudes too. Wrong
    where the scanner masked the air, filtered it, or where parallel imaging makes the noise vary over the image.

    Parameters
    ----------
    magnitudes : (...) array_like [a.u.]
        At least 20 magnitudes, finite and not all 0.
    n_coils : int
        As for :func:`magnitude_mean`.

    Returns
    -------
    float [a.u.]
        Standard deviation in the real and in the imaginary part of one coil.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.

    References
    ----------
    Constantinides et al., Magn Reson Med 1997;38:852.
    """
    values = check_real_array("magnitudes", magnitudes).astype(np.float64).ravel()
    if values.size < 20 or not np.all(np.isfinite(values)) or np.any(values < 0) or not np.any(values > 0):
        raise ValueError(
            f"magnitudes: expected at least 20 finite numbers of 0 or more, not all 0, got {values.size} numbers"
        )
    _, n = _check_noise(1.0, n_coils)
    return float(values.mean() / _mean(np.zeros(1), n)[0])


def sigma_from_residuals(rmse: ArrayLike, n_measurements: int, n_parameters: int) -> float:
    """Return sigma from the residuals of fits, pooled over voxels.

    For signals well above the noise floor (about 5 sigma at the highest b-value): below it the magnitudes scatter less
    than sigma, down to 0.66 sigma. What the model cannot describe counts as noise. Of averaged data it gives the noise
    of the averages, which is not the sigma that makes the floor of averaged magnitudes.

    Parameters
    ----------
    rmse : (...) array_like [a.u.]
        Root mean square residuals, for example ``fit_ivim(...).rmse``; NaN is left out.
    n_measurements : int
        Measurements of each fit.
    n_parameters : int
        Parameters of each fit, S0 too.

    Returns
    -------
    float [a.u.]
        Standard deviation of a measurement (of weight 1, where the fit was weighted by averages that sum up to
        ``n_measurements``).

    Raises
    ------
    TypeError, ValueError
        When nothing is finite, or there are no more measurements than parameters.
    """
    values = check_real_array("rmse", rmse).astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        raise ValueError("rmse: expected at least one finite number, got none")
    if n_measurements <= n_parameters:
        raise ValueError(
            f"n_measurements: expected more than the {n_parameters} parameters, got {n_measurements}; nothing is left"
        )
    return float(np.sqrt(np.mean(values**2) * n_measurements / (n_measurements - n_parameters)))


def _check_noise(sigma: ArrayLike, n_coils: int) -> tuple[Array, int]:
    noise = check_real_array("sigma", sigma).astype(np.float64)
    if not np.all(np.isfinite(noise) & (noise > 0)):
        raise ValueError("sigma: expected finite numbers above 0, in the units of the signal")
    if isinstance(n_coils, bool) or not isinstance(n_coils, (int, np.integer)) or n_coils < 1:
        raise ValueError(f"n_coils: expected a whole number of 1 or more, got {n_coils!r}")
    return noise, int(n_coils)


def _root_of_averages(averages: ArrayLike | None, averaged: str | None) -> Array | float:
    """Return what sigma is to be divided by."""
    if averaged is not None:
        check_choice("averaged", averaged, _AVERAGES)
    if averages is None:
        return 1.0
    number = check_real_array("averages", averages).astype(np.float64)
    if not np.all(np.isfinite(number) & (number >= 1)):
        raise ValueError("averages: expected numbers of 1 or more")
    if averaged is None and np.any(number > 1):
        raise ValueError(
            "averaged: expected 'magnitude' or 'complex' with averages above 1, got None; an average of magnitudes is "
            "not Rician: its floor is that of one measurement, while averages of complex data lower it"
        )
    return np.sqrt(number) if averaged == "complex" else 1.0


def _mean(ratio: Array, n: int) -> Array:
    """Return the mean magnitude over sigma for ``ratio`` = S / sigma."""
    half = -0.5 * np.minimum(ratio, _FAR) ** 2
    near = np.sqrt(2.0) * np.exp(gammaln(n + 0.5) - gammaln(n)) * hyp1f1(-0.5, float(n), half)
    x = 1.0 / np.maximum(ratio, _FAR) ** 2
    # 1F1(-1/2; n; -z) / z^(1/2) for large z: sum over k of (-1/2)_k (1/2 - n)_k / (k! z^k), with 1 / z = 2 x
    term, total = np.ones_like(x), np.ones_like(x)
    for k in range(8):
        term = term * (k - 0.5) * (k + 0.5 - n) / (k + 1) * 2 * x
        total = total + term
    return np.where(ratio <= _FAR, near, np.maximum(ratio, _FAR) * total)


def _inverse_mean(target: Array, n: int) -> Array:
    """Return S / sigma whose mean magnitude over sigma is ``target``; 0 at and below the floor."""
    low = np.zeros_like(target)
    high = np.maximum(target, 0.0)  # the mean lies above the signal
    ratio = np.sqrt(np.maximum(target**2 - (2 * n - 1), 0.0))
    for _ in range(_STEPS):
        off = _mean(ratio, n) - target
        high, low = np.where(off > 0, ratio, high), np.where(off > 0, low, ratio)
        slope = (_mean(ratio + 1e-4, n) - off - target) / 1e-4
        moved = ratio - off / np.maximum(slope, 1e-12)
        moved = np.where((moved > low) & (moved < high), moved, 0.5 * (low + high))
        if np.all(np.abs(moved - ratio) <= 1e-12 * (1 + ratio)):
            break
        ratio = moved
    return np.where(target <= _mean(np.zeros(1), n)[0], 0.0, ratio)
