"""The bi-exponential model of intravoxel incoherent motion (IVIM)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.diffusion.models.shapes import Array, column, stack


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
    s0, fraction, slow, fast = (column(parameter) for parameter in (S0, f, D, Dstar))
    return np.asarray(s0 * ((1.0 - fraction) * np.exp(-b * slow) + fraction * np.exp(-b * fast)))


def biexponential_jacobian(bvalues: ArrayLike, S0: ArrayLike, f: ArrayLike, D: ArrayLike, Dstar: ArrayLike) -> Array:
    """Return the derivatives of :func:`biexponential` by S0, f, D and D*, (..., B, 4)."""
    b = np.asarray(bvalues, dtype=np.float64)
    s0, fraction, slow, fast = (column(parameter) for parameter in (S0, f, D, Dstar))
    tissue, blood = np.exp(-b * slow), np.exp(-b * fast)
    return stack(
        (1.0 - fraction) * tissue + fraction * blood,
        s0 * (blood - tissue),
        -b * s0 * (1.0 - fraction) * tissue,
        -b * s0 * fraction * blood,
    )
