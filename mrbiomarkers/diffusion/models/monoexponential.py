"""The mono-exponential model: apparent diffusion coefficient."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.diffusion.models.shapes import Array, column, stack


def monoexponential(bvalues: ArrayLike, S0: ArrayLike, ADC: ArrayLike) -> Array:
    """Return ``S0 exp(-b ADC)``.

    Parameters
    ----------
    bvalues : (B,) array_like [s/mm2]
        b-values.
    S0 : (...) array_like [a.u.]
        Signal at b = 0.
    ADC : (...) array_like [mm2/s]
        Apparent diffusion coefficient.

    Returns
    -------
    (..., B) array [a.u.]
        The signal; the b-values are the last axis.

    References
    ----------
    Stejskal and Tanner, J Chem Phys 1965;42:288; Le Bihan et al., Radiology 1986;161:401.
    """
    b = np.asarray(bvalues, dtype=np.float64)
    s0, adc = (column(parameter) for parameter in (S0, ADC))
    return np.asarray(s0 * np.exp(-b * adc))


def monoexponential_jacobian(bvalues: ArrayLike, S0: ArrayLike, ADC: ArrayLike) -> Array:
    """Return the derivatives of :func:`monoexponential` by S0 and ADC, (..., B, 2)."""
    b = np.asarray(bvalues, dtype=np.float64)
    s0, adc = (column(parameter) for parameter in (S0, ADC))
    decay = np.exp(-b * adc)
    return stack(decay, -b * s0 * decay)
