"""Voxel-wise fits of intravoxel incoherent motion (IVIM)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.checks import check_choice
from mrbiomarkers.diffusion.batches import Progress, VoxelBatches
from mrbiomarkers.diffusion.collect import MapCollector
from mrbiomarkers.diffusion.nlls import fit_nlls
from mrbiomarkers.diffusion.results import IVIMMaps
from mrbiomarkers.settings import DIFFUSION_METHODS, IVIM_BOUNDS, Bounds, merge_bounds


def fit_ivim(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    method: str = "nlls",
    bounds: Bounds | None = None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> IVIMMaps:
    """Fit ``S0 [(1 - f) exp(-b D) + f exp(-b D*)]`` to every voxel.

    ``method="nlls"`` is bounded non-linear least squares over all four parameters at once, from a grid and once more
    where two minima compete: the maximum-likelihood estimate for Gaussian noise. It is right for region means and for
    maps of good signal-to-noise ratio (about 50 and above in marrow); below that, f and D* of single voxels scatter
    widely.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals, real, any leading shape; the b-values are the last axis. Never written to.
    bvalues : (B,) array_like [s/mm2]
        b-values, at least four different ones, any order; b = 0 is not needed.
    method : str
        ``"nlls"``.
    bounds : mapping, optional
        Any of ``{"f": (lower, upper), "D": ..., "Dstar": ...}``; D and D* in mm2/s. Default: f 0 to 1, D 0 to
        5e-3, D* 5e-3 to 200e-3.
    weights : (B,) array_like, optional
        Weights of the squared residuals, for example the number of averages.
    mask : (...) array_like, optional
        Voxels to fit; the others are NaN with the status "outside the mask".
    errors : bool
        Fill ``sd_S0``, ``sd_f``, ``sd_D``, ``sd_Dstar``; NaN for a parameter on a bound.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    IVIMMaps
        In the floating point type of the signal (float32 for integers). Where f ended on 0, D* has no influence on the
        signal (and D where f ended on 1): its value is flagged as undetermined.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Le Bihan et al., Radiology 1988;168:497. Elimination of S0 and f: Golub and Pereyra, SIAM J Numer Anal 1973;10:413.
    """
    check_choice("method", method, DIFFUSION_METHODS)
    limits = merge_bounds(IVIM_BOUNDS, bounds)
    _check_ivim_bounds(limits)
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=mask, n_parameters=4, progress=progress)
    collector = MapCollector(batches, "ivim", errors)
    with np.errstate(under="ignore"):
        fit_nlls(batches, limits, collector)
    return IVIMMaps(**collector.maps())


def _check_ivim_bounds(limits: dict[str, tuple[float, float]]) -> None:
    if not 0 <= limits["f"][0] < limits["f"][1] <= 1:
        raise ValueError(f"bounds of f: expected 0 <= lower < upper <= 1, got {limits['f']}")
    if limits["D"][0] < 0 or limits["Dstar"][0] < 0:
        raise ValueError(f"bounds of D and Dstar: expected 0 mm2/s or more, got {limits['D']} and {limits['Dstar']}")
    if limits["D"][0] > limits["Dstar"][0] or limits["D"][1] > limits["Dstar"][1]:
        raise ValueError(
            "bounds of D and Dstar: expected those of D not to lie above those of Dstar, "
            f"got D {limits['D']} and Dstar {limits['Dstar']} mm2/s"
        )
