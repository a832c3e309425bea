"""How precisely water, fat, R2* and the field can be measured: the Cramer-Rao bound, and standard errors of a fit.

Two parameters of the signal are linear (water and fat). With the others eliminated by projection, as in variable
projection, the inverse of the Fisher information is known in closed form, and the derivatives by the field map and by
R2* are orthogonal in a complex fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_echo_times, check_real_array
from mrbiomarkers.fatwater.signal import check_modulation

Array = NDArray[np.float64]

_CHUNK = 65536
_SINGULAR = 1e-9  # a column whose part outside the others is smaller than this share of it tells nothing of its own


def fat_water_cramer_rao(
    echo_times: ArrayLike,
    modulation: ArrayLike,
    *,
    water: ArrayLike,
    fat: ArrayLike,
    R2star: ArrayLike,
    field_map: ArrayLike = 0.0,
    phase: ArrayLike = 0.0,
    sigma: ArrayLike,
    kind: str = "complex",
) -> dict[str, Array]:
    """Return the Cramer-Rao bound of every parameter: the smallest standard deviation of an unbiased estimate.

    With ``kind="complex"`` six real parameters are unknown: water and fat with their two phases, field map and R2*; the
    noise is Gaussian in the real and in the imaginary part. With ``kind="magnitude"`` three are: water, fat and R2*;
    the noise is taken as Gaussian too, which holds where the signal is above about 3 sigma at all echoes, and the bound
    knows nothing of the second solution that magnitudes have, with water and fat exchanged.

    The fat fraction is ``100 Re{F / (W + F)}``. At the truth, where water and fat have one phase, its derivatives are
    those of ``100 |F| / (|W| + |F|)``, and it has them at a fat fraction of 0 too, where ``|F|`` has none.

    Parameters
    ----------
    echo_times : (N,) array_like [s]
        Echo times, ascending.
    modulation : (N,) array_like
        Signal of fat beside water (:func:`mrbiomarkers.fatwater.fat_modulation`).
    water, fat : (...) array_like [a.u.]
        True signal of water and of fat at t = 0, real.
    R2star : (...) array_like [1/s]
        True transverse relaxation rate.
    field_map, phase : (...) array_like [Hz, rad]
        True field and common phase of water and fat at t = 0. The bounds are the same whatever they are.
    sigma : (...) array_like [a.u.]
        Standard deviation of the noise in each of the two channels, or in the magnitude.
    kind : str
        "complex" or "magnitude".

    Returns
    -------
    dict of str to (...) array
        Standard deviations of "PDFF" [%], "R2star" [1/s], "field_map" [Hz], "water" and "fat" [a.u.]. Infinite for one
        that these echoes do not determine (the field map from magnitudes, all with two echoes); NaN where a parameter
        is NaN or infinite.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.

    References
    ----------
    Kay, Fundamentals of Statistical Signal Processing: Estimation Theory, 1993, chapters 3 and 15; Pineda et al., Magn
    Reson Med 2005;54:625 (water and fat); Golub and Pereyra, Inverse Problems 2003;19:R1 (projection).
    """
    times = check_echo_times(echo_times)
    of_fat = check_modulation(modulation, times.size)
    check_choice("kind", kind, ("complex", "magnitude"))
    given = {"water": water, "fat": fat, "R2star": R2star, "field_map": field_map, "phase": phase, "sigma": sigma}
    real = {name: check_real_array(name, value).astype(np.float64) for name, value in given.items()}
    if not np.all(np.isfinite(real["sigma"])) or not np.all(real["sigma"] > 0):
        raise ValueError(f"sigma: expected finite numbers above 0, got {np.unique(real['sigma'])[:4].tolist()}")
    try:
        values = np.broadcast_arrays(*real.values())
    except ValueError:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in real.items())
        raise ValueError(f"parameters and sigma: expected shapes that fit together, got {shapes}") from None
    in_water, in_fat, rate, *inert, noise = values
    rate = np.where(np.isfinite(inert[0] + inert[1]), rate, np.nan)
    return _bounds(times, of_fat, in_water, in_fat, rate, noise, magnitude=kind == "magnitude")


def fat_water_standard_errors(
    echo_times: ArrayLike,
    modulation: ArrayLike,
    water: ArrayLike,
    fat: ArrayLike,
    R2star: ArrayLike,
    sigma: ArrayLike,
) -> dict[str, Array]:
    """Return the standard errors of a complex fit from its curvature at the solution, one set a voxel.

    The same equation as :func:`fat_water_cramer_rao`, at fitted values instead of true ones. Nothing is checked.

    Parameters
    ----------
    echo_times : (N,) array_like [s]
        Echo times.
    modulation : (N,) array_like
        Signal of fat beside water (:func:`mrbiomarkers.fatwater.fat_modulation`).
    water, fat : (...) array_like [a.u.]
        Fitted signal of water and of fat at t = 0, complex with their phases.
    R2star : (...) array_like [1/s]
        Fitted relaxation rate.
    sigma : (...) array_like [a.u.]
        Standard deviation of the noise in each channel: known, or ``sqrt(sum |residual|^2 / (2 N - 6))``.

    Returns
    -------
    dict of str to (...) array
        Standard errors of "PDFF" (100 Re{F / (W + F)}) [%], "R2star" [1/s], "field_map" [Hz], "water" and "fat" (of the
        magnitudes) [a.u.]. Infinite for one that is not determined, NaN where a value is NaN or infinite.

    References
    ----------
    Seber and Wild, Nonlinear Regression, 1989, section 2.1.2.
    """
    in_water, in_fat = (np.asarray(part, dtype=np.complex128) for part in (water, fat))
    rate, noise = (np.asarray(part, dtype=np.float64) for part in (R2star, sigma))
    values = np.broadcast_arrays(in_water, in_fat, rate, noise)
    return _bounds(np.asarray(echo_times, dtype=np.float64), np.asarray(modulation), *values, magnitude=False)


def _bounds(
    times: Array,
    modulation: NDArray[np.complex128],
    water: NDArray,
    fat: NDArray,
    rate: Array,
    sigma: Array,
    *,
    magnitude: bool,
) -> dict[str, Array]:
    """Return the bounds by name from parameters (...) of one shape."""
    columns = _magnitude_columns if magnitude else _complex_columns
    flat = [value.reshape(-1) for value in (water, fat, rate, sigma)]
    found = np.full((rate.size, 4), np.nan)
    for begin in range(0, rate.size, _CHUNK):
        in_water, in_fat, decay_rate, noise = (value[begin : begin + _CHUNK] for value in flat)
        with np.errstate(all="ignore"):
            parts = columns(times, modulation, in_water[:, None], in_fat[:, None], decay_rate[:, None])
            bounds = noise[:, None] * _unit_bounds(*parts, in_water, in_fat)
            finite = np.isfinite(in_water + in_fat + decay_rate + noise)
        found[begin : begin + _CHUNK] = np.where(finite[:, None], bounds, np.nan)
    of_water, of_fat, pdff, of_rate = (found[:, n].reshape(rate.shape) for n in range(4))
    field = np.where(np.isnan(of_rate), np.nan, np.inf) if magnitude else of_rate / (2.0 * np.pi)
    return {"PDFF": pdff, "R2star": of_rate, "field_map": field, "water": of_water, "fat": of_fat}


def _complex_columns(
    times: Array, modulation: NDArray[np.complex128], water: NDArray, fat: NDArray, rate: Array
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the derivatives (n, N) of the complex signal by W and F, and minus that by R2*.

    The common factors of phase and field are left out: they turn all derivatives of an echo alike.
    """
    decay = np.exp(-times * rate)
    return decay.astype(np.complex128), modulation * decay, times * (water + fat * modulation) * decay


def _magnitude_columns(
    times: Array, modulation: NDArray[np.complex128], water: NDArray, fat: NDArray, rate: Array
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the derivatives (n, N) of the magnitude by W and F, and minus that by R2*."""
    decay = np.exp(-times * rate)
    density = water + fat * modulation
    size = np.abs(density)
    direction = density / np.where(size == 0, 1.0, size)
    return direction.real * decay, (np.conj(direction) * modulation).real * decay, times * size * decay


def _unit_bounds(of_water: NDArray, of_fat: NDArray, of_rate: NDArray, water: NDArray, fat: NDArray) -> Array:
    """Return the bounds (n, 4) of W, F, the fat fraction [%] and R2* for noise of standard deviation 1.

    With A = (of_water, of_fat) = Q R, d = of_rate and d' its part outside the span of A: ``var(R2*) = 1 / |d'|^2``,
    that of 2 pi times the field map the same and independent of it, and the covariance of (W, F) is ``(A^H A)^-1 + g
    g^H / |d'|^2`` with ``g = R^-1 Q^H d``. A linear function ``Re(h . (W, F))`` has the variance ``|R^-T h|^2 + |h .
    g|^2 / |d'|^2``.
    """
    length = _norm(of_water)
    first = of_water / np.where(length == 0, 1.0, length)[:, None]
    along = _dot(first, of_fat)
    second = of_fat - along[:, None] * first
    across = _norm(second)
    lost = (length == 0) | (across <= _SINGULAR * _norm(of_fat))
    second = np.where(lost[:, None], 0.0, second / np.where(across == 0, 1.0, across)[:, None])
    q_first, q_second = _dot(first, of_rate), _dot(second, of_rate)
    rest = _norm(of_rate - q_first[:, None] * first - q_second[:, None] * second)
    rest[rest <= _SINGULAR * _norm(of_rate)] = 0.0

    total = water + fat
    one, none = np.ones_like(total), np.zeros_like(total)
    bounds = []
    for by_water, by_fat in ((one, none), (none, one), (-fat / total**2, water / total**2)):
        k_first = by_water / length
        k_second = (by_fat - along * k_first) / across
        coupling = np.abs(k_first * q_first + k_second * q_second)
        coupling = np.where(coupling == 0, 0.0, coupling / rest)
        bounds.append(np.where(lost, np.inf, np.sqrt(np.abs(k_first) ** 2 + np.abs(k_second) ** 2 + coupling**2)))
    bounds[2] = np.where(total == 0, np.inf, 100.0 * bounds[2])
    return np.stack([*bounds, 1.0 / rest], axis=-1)


def _norm(columns: NDArray) -> Array:
    """Return the lengths (n,) of vectors (n, N)."""
    return np.asarray(np.sqrt(np.einsum("nt,nt->n", np.conj(columns), columns).real))


def _dot(left: NDArray, right: NDArray) -> NDArray:
    """Return the products (n,) of vectors (n, N), the left one conjugated."""
    return np.einsum("nt,nt->n", np.conj(left), right)
