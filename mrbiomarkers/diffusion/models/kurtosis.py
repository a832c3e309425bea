"""The kurtosis model: mean diffusivity and mean kurtosis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.diffusion.models.shapes import Array, column, stack


def kurtosis(bvalues: ArrayLike, S0: ArrayLike, MD: ArrayLike, MK: ArrayLike) -> Array:
    """Return ``S0 exp(-b MD + b^2 MD^2 MK / 6)``.

    The expansion holds up to about ``b = 3 / (MD MK)``, where the curve turns up again. With directions that were not
    averaged the parameters are apparent ones.

    Parameters
    ----------
    bvalues : (B,) array_like [s/mm2]
        b-values.
    S0 : (...) array_like [a.u.]
        Signal at b = 0.
    MD : (...) array_like [mm2/s]
        Mean diffusivity.
    MK : (...) array_like
        Mean kurtosis.

    Returns
    -------
    (..., B) array [a.u.]
        The signal; the b-values are the last axis.

    References
    ----------
    Jensen et al., Magn Reson Med 2005;53:1432, equation 16.
    """
    b = np.asarray(bvalues, dtype=np.float64)
    s0, slope, bend = (column(parameter) for parameter in (S0, MD, MK))
    return np.asarray(s0 * np.exp(-b * slope + b**2 * slope**2 * bend / 6.0))


def kurtosis_jacobian(bvalues: ArrayLike, S0: ArrayLike, MD: ArrayLike, MK: ArrayLike) -> Array:
    """Return the derivatives of :func:`kurtosis` by S0, MD and MK, (..., B, 3)."""
    b = np.asarray(bvalues, dtype=np.float64)
    s0, slope, bend = (column(parameter) for parameter in (S0, MD, MK))
    decay = np.exp(-b * slope + b**2 * slope**2 * bend / 6.0)
    return stack(decay, s0 * decay * (b**2 * slope * bend / 3.0 - b), s0 * decay * b**2 * slope**2 / 6.0)
