"""T1 bias of the fat fraction: fat recovers faster than water, so that a spoiled gradient echo shows too much of it.

In the steady state of a spoiled gradient echo the signal of a component is its proton density times
``(1 - E) / (1 - E cos(angle))`` with ``E = exp(-TR / T1)`` (times ``sin(angle)``, the same for both). With ``k``, the
weight of fat over that of water, a true fat fraction FF shows as

    FF_app = k FF / (1 + (k - 1) FF)        and inversely        FF = FF_app / (k - (k - 1) FF_app).

Scanners keep the flip angle low (3 to 5 degrees) and do not correct.

There are no default relaxation times. What is published for vertebral marrow is the T1 of the whole tissue (3 T, L4:
586 +- 73 ms; subcutaneous fat 382 +- 13 ms: de Bazelaire et al., Radiology 2004;230:652), not that of its water and its
fat, and both change with the mixture (Hu and Nayak, PMC2813964). Give values of your own and record them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array


def t1_bias_factor(repetition_time: float, flip_angle: float, t1_water: float, t1_fat: float) -> float:
    """Return ``k``, by how much fat is weighted more than water in a spoiled gradient echo.

    Parameters
    ----------
    repetition_time : float [s]
        Time from pulse to pulse; 1 s at most.
    flip_angle : float [deg]
        0.5 to 90.
    t1_water, t1_fat : float [s]
        Longitudinal relaxation times of the two components in the tissue, 0.05 to 10 s.

    Returns
    -------
    float
        1 where there is no bias; above 1 where fat recovers faster.

    Raises
    ------
    TypeError, ValueError
        When an argument is not a number or not in its range, as when milliseconds or radians were given.

    References
    ----------
    Liu et al., Magn Reson Med 2007;58:354 (T1 bias of water-fat imaging).
    """
    time = _in_range("repetition_time", repetition_time, (1e-4, 1.0), "s", "milliseconds")
    angle = _in_range("flip_angle", flip_angle, (0.5, 90.0), "deg", "radians")
    water = _in_range("t1_water", t1_water, (0.05, 10.0), "s", "milliseconds")
    fat = _in_range("t1_fat", t1_fat, (0.05, 10.0), "s", "milliseconds")
    return _steady_state(time, angle, fat) / _steady_state(time, angle, water)


def apply_t1_bias(pdff: ArrayLike, factor: float) -> NDArray[np.floating]:
    """Return the fat fraction [%] that a T1-weighted acquisition shows for a true one.

    Parameters
    ----------
    pdff : array_like [%]
        True fat fraction, any shape.
    factor : float
        ``k`` of :func:`t1_bias_factor`.

    Returns
    -------
    array [%]
        Of the shape of ``pdff``; float64 where that was float64, float32 otherwise. NaN stays NaN. The map rises
        throughout, below 0 % and above 100 % too, up to its pole at ``-100 / (k - 1)`` %, beyond which it is NaN.

    Raises
    ------
    TypeError, ValueError
        When the fat fraction is not real or the factor is not from 0.05 to 20.

    References
    ----------
    Liu et al., Magn Reson Med 2007;58:354.
    """
    return _weighted(pdff, _in_range("factor", factor, (0.05, 20.0), "", "percent"))


def correct_t1_bias(pdff: ArrayLike, factor: float) -> NDArray[np.floating]:
    """Return the true fat fraction [%] of one measured with T1 weighting: the exact inverse of :func:`apply_t1_bias`.

    Parameters
    ----------
    pdff : array_like [%]
        Apparent fat fraction, any shape; not a map that was corrected already.
    factor : float
        ``k`` of :func:`t1_bias_factor`.

    Returns
    -------
    array [%]
        Of the shape of ``pdff``; float64 where that was float64, float32 otherwise. 0 and 100 % stay. Values below 0 %
        and above 100 %, as noise makes them, are neither clipped nor reordered: the map rises throughout, up to its
        pole at ``100 k / (k - 1)`` %. No true fraction shows as the pole or more: NaN there, and where ``pdff`` is NaN.

    Raises
    ------
    TypeError, ValueError
        When the fat fraction is not real or the factor is not from 0.05 to 20.

    References
    ----------
    Liu et al., Magn Reson Med 2007;58:354.
    """
    # To undo a weight of k is to weight by 1 / k.
    return _weighted(pdff, 1.0 / _in_range("factor", factor, (0.05, 20.0), "", "percent"))


def _steady_state(repetition_time: float, flip_angle: float, t1: float) -> float:
    """Return the signal of a spoiled gradient echo over that with full recovery; times in s, angle in deg."""
    recovered = -np.expm1(-repetition_time / t1)
    return float(recovered / (1.0 - (1.0 - recovered) * np.cos(np.deg2rad(flip_angle))))


def _weighted(pdff: ArrayLike, weight: float) -> NDArray[np.floating]:
    """Return fat fractions [%] with fat weighted by ``weight``; NaN from the pole on."""
    given = check_real_array("pdff", pdff)
    # An infinite fraction has no ratio to speak of.
    fraction = np.where(np.isfinite(given), given.astype(np.float64), np.nan) / 100.0
    total = 1.0 + (weight - 1.0) * fraction
    found = np.full(fraction.shape, np.nan)
    np.divide(100.0 * weight * fraction, total, out=found, where=total > 0)
    return found.astype(np.float64 if given.dtype == np.float64 else np.float32, copy=False)


def _in_range(name: str, value: float, limits: tuple[float, float], unit: str, mistaken: str) -> float:
    """Return a number within limits; the message asks whether it was given in another unit."""
    number = float(check_real_array(name, value, ndim=0))
    low, high = limits
    if not low <= number <= high:
        unit = f" {unit}" if unit else ""
        raise ValueError(f"{name}: expected {low:g} to {high:g}{unit}, got {number:g}; is it in {mistaken}?")
    return number
