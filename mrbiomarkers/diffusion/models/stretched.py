"""The stretched-exponential model: distributed diffusion coefficient and heterogeneity index."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.diffusion.models.shapes import Array, column, stack


def stretched_exponential(bvalues: ArrayLike, S0: ArrayLike, DDC: ArrayLike, alpha: ArrayLike) -> Array:
    """Return ``S0 exp(-(b DDC)^alpha)``.

    Parameters
    ----------
    bvalues : (B,) array_like [s/mm2]
        b-values.
    S0 : (...) array_like [a.u.]
        Signal at b = 0.
    DDC : (...) array_like [mm2/s]
        Distributed diffusion coefficient, 0 or more.
    alpha : (...) array_like
        Heterogeneity index: 1 for a single exponential, smaller for a wider spread of rates.

    Returns
    -------
    (..., B) array [a.u.]
        The signal; the b-values are the last axis.

    References
    ----------
    Bennett et al., Magn Reson Med 2003;50:727, equation 3.
    """
    b = np.asarray(bvalues, dtype=np.float64)
    s0, rate, power = (column(parameter) for parameter in (S0, DDC, alpha))
    return np.asarray(s0 * np.exp(-((b * rate) ** power)))


def stretched_exponential_jacobian(bvalues: ArrayLike, S0: ArrayLike, DDC: ArrayLike, alpha: ArrayLike) -> Array:
    """Return the derivatives of :func:`stretched_exponential` by S0, DDC and alpha, (..., B, 3).

    DDC must be positive: at 0 the derivative by DDC is infinite for alpha below 1.
    """
    b = np.asarray(bvalues, dtype=np.float64)
    s0, rate, power = (column(parameter) for parameter in (S0, DDC, alpha))
    z = b * rate
    raised = z**power
    decay = np.exp(-raised)
    # z^alpha log z goes to 0 with z
    log = np.log(np.where(z > 0, z, 1.0))
    return stack(decay, -s0 * decay * raised * power / rate, -s0 * decay * raised * log)
