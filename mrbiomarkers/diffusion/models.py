"""Signal models of diffusion-weighted MR, each with its Jacobian beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


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
    s0, adc = (_column(parameter) for parameter in (S0, ADC))
    return np.asarray(s0 * np.exp(-b * adc))


def monoexponential_jacobian(bvalues: ArrayLike, S0: ArrayLike, ADC: ArrayLike) -> Array:
    """Return the derivatives of :func:`monoexponential` by S0 and ADC, (..., B, 2)."""
    b = np.asarray(bvalues, dtype=np.float64)
    s0, adc = (_column(parameter) for parameter in (S0, ADC))
    decay = np.exp(-b * adc)
    return _stack(decay, -b * s0 * decay)


def biexponential(bvalues: ArrayLike, S0: ArrayLike, f: ArrayLike, D: ArrayLike, Dstar: ArrayLike) -> Array:
    """Return ``S0 [(1 - f) exp(-b D) + f exp(-b D*)]``.

    The fast compartment decays with D* itself, not with D + D*.

    Parameters
    ----------
    bvalues : (B,) array_like [s/mm2]
        b-values.
    S0 : (...) array_like [a.u.]
        Signal at b = 0.
    f : (...) array_like
        Perfusion fraction, 0 to 1.
    D, Dstar : (...) array_like [mm2/s]
        Diffusion coefficient of tissue and pseudo-diffusion coefficient of flowing blood.

    Returns
    -------
    (..., B) array [a.u.]
        The signal; the b-values are the last axis.

    References
    ----------
    Le Bihan et al., Radiology 1988;168:497, equation 4.
    """
    b = np.asarray(bvalues, dtype=np.float64)
    s0, fraction, slow, fast = (_column(parameter) for parameter in (S0, f, D, Dstar))
    return np.asarray(s0 * ((1.0 - fraction) * np.exp(-b * slow) + fraction * np.exp(-b * fast)))


def biexponential_jacobian(bvalues: ArrayLike, S0: ArrayLike, f: ArrayLike, D: ArrayLike, Dstar: ArrayLike) -> Array:
    """Return the derivatives of :func:`biexponential` by S0, f, D and D*, (..., B, 4)."""
    b = np.asarray(bvalues, dtype=np.float64)
    s0, fraction, slow, fast = (_column(parameter) for parameter in (S0, f, D, Dstar))
    tissue, blood = np.exp(-b * slow), np.exp(-b * fast)
    return _stack(
        (1.0 - fraction) * tissue + fraction * blood,
        s0 * (blood - tissue),
        -b * s0 * (1.0 - fraction) * tissue,
        -b * s0 * fraction * blood,
    )


def _column(parameter: ArrayLike) -> Array:
    return np.asarray(parameter, dtype=np.float64)[..., None]


def _stack(*derivatives: Array) -> Array:
    return np.stack(np.broadcast_arrays(*derivatives), axis=-1)
