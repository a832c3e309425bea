"""The bi-exponential model with a third compartment of residual fat."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.diffusion.models.biexponential import biexponential
from mrbiomarkers.diffusion.models.monoexponential import monoexponential
from mrbiomarkers.diffusion.models.shapes import Array, column


def biexponential_with_fat(
    bvalues: ArrayLike,
    S0: ArrayLike,
    f: ArrayLike,
    D: ArrayLike,
    Dstar: ArrayLike,
    eta: ArrayLike,
    D_fat: ArrayLike,
) -> Array:
    """Return ``S0 {(1 - eta) [(1 - f) exp(-b D) + f exp(-b D*)] + eta exp(-b D_fat)}``.

    Parameters
    ----------
    bvalues, S0, f, D, Dstar
        As for :func:`~mrbiomarkers.diffusion.models.biexponential.biexponential`; S0 is that of water and fat together.
    eta : (...) array_like
        Share of fat in S0, signed.
    D_fat : (...) array_like [mm2/s]
        Diffusion coefficient of fat.

    Returns
    -------
    (..., B) array [a.u.]
        The signal; the b-values are the last axis.

    References
    ----------
    Correction for fat in marrow: Dieckmeyer et al., Magn Reson Med 2017;78:1432.
    """
    share = column(eta)
    water, fat = biexponential(bvalues, S0, f, D, Dstar), monoexponential(bvalues, S0, D_fat)
    return np.asarray((1.0 - share) * water + share * fat)
