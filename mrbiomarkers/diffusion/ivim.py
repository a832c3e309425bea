"""Voxel-wise fits of intravoxel incoherent motion (IVIM)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.checks import check_choice
from mrbiomarkers.diffusion.batches import Progress, VoxelBatches
from mrbiomarkers.diffusion.collect import MapCollector
from mrbiomarkers.diffusion.nlls import fit_nlls
from mrbiomarkers.diffusion.results import IVIMMaps
from mrbiomarkers.diffusion.segmented import DEFAULT_THRESHOLD, fit_segmented
from mrbiomarkers.diffusion.shrinkage import Regions, ShrinkageMaps, fit_shrinkage
from mrbiomarkers.settings import DIFFUSION_METHODS, IVIM_BOUNDS, Bounds, merge_bounds


def fit_ivim(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    method: str = "nlls",
    bounds: Bounds | None = None,
    threshold: float | None = None,
    weights: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    regions: Regions | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> IVIMMaps:
    """Fit ``S0 [(1-f) exp(-b D) + f exp(-b D*)]`` to every voxel.

    ``"nlls"`` is bounded non-linear least squares over all four parameters at once, from a grid and once more where
    two minima compete: the maximum-likelihood estimate for Gaussian noise. It is right for region means and for maps
    of good signal-to-noise ratio (about 50 and above in marrow); below that, f and D* of single voxels scatter widely.

    ``"segmented"`` takes D from ``b >= threshold`` alone, f from the intercept of that line and the signal at b = 0,
    and searches D* with D and f held (DICOM code 113269, segmented constrained; OJ_GU_seg among the published
    implementations). ``"segmented-unconstrained"`` holds D alone in its last step and fits f again with D* (DICOM code
    113268; IAR_LU_segmented_2step): its f is the more precise one. Both are fast, steady in D where f is low, and the
    usual choice for comparison with the literature. Perfusion that is left at the threshold biases D upwards and f
    downwards, by 1e-5 of their values at most where ``threshold D* > 14`` and f is 0.6 at most.

    ``"shrinkage"`` is for maps of noisy voxels: the most probable values under a population of f, D and D* that is
    learned from the region itself (empirical Bayes). It gives up some of the differences between voxels for much less
    scatter; a lesion wants a region of its own. Do not use it for single signals or region means.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals, real, any leading shape; the b-values are the last axis. Never written to.
    bvalues : (B,) array_like [s/mm2]
        b-values, at least four different ones, any order; b = 0 is needed for ``"segmented"`` only.
    method : str
        ``"nlls"``, ``"segmented"``, ``"segmented-unconstrained"`` or ``"shrinkage"``.
    bounds : mapping, optional
        Any of ``{"f": (lower, upper), "D": ..., "Dstar": ...}``; D and D* in mm2/s. Default: f 0 to 1, D 0 to
        5e-3, D* 5e-3 to 200e-3. ``"shrinkage"`` also keeps D* at 8 D or above.
    threshold : float, optional [s/mm2]
        For the segmented methods: lowest b-value of the first step; default 200.
    weights : (B,) array_like, optional
        Weights of the squared residuals, for example the number of averages.
    sigma : float or (...) array_like, optional [a.u.]
        For ``"shrinkage"``: standard deviation of the noise of a measurement of weight 1; default: estimated.
    mask : (...) array_like, optional
        Voxels to fit; the others are NaN with the status "outside the mask".
    regions : mapping of name to (...) mask, or (...) integer array, optional
        For ``"shrinkage"``: regions with a population each; they may not overlap. In an array of labels 0 is no region.
        The voxels of ``mask`` outside all regions form one more. Default: one region.
    errors : bool
        Fill ``sd_S0``, ``sd_f``, ``sd_D``, ``sd_Dstar``; NaN for a parameter on a bound. With ``"shrinkage"`` they
        are posterior standard deviations (Laplace's approximation).
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    IVIMMaps
        In the floating point type of the signal (float32 for integers). Where f ended on 0, D* has no influence on the
        signal (and D where f ended on 1): its value is flagged as undetermined. Where the standard error of D* exceeds
        D*, it is flagged as not identifiable at this noise, and the value stays; the segmented methods find that with
        ``errors=True`` only, and with 4 measurements nothing tells the noise. ``"shrinkage"`` returns
        :class:`~mrbiomarkers.diffusion.shrinkage.ShrinkageMaps`, which holds the populations too.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit, or the method cannot honour it; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Le Bihan et al., Radiology 1988;168:497. Elimination of S0 and f: Golub and Pereyra, SIAM J Numer Anal 1973;10:413.
    Segmented: Sigmund et al., Magn Reson Med 2011;65:1437; Jalnefjord et al., MAGMA 2018;31:715. Shrinkage: Orton et
    al., Magn Reson Med 2014;71:411.
    """
    check_choice("method", method, DIFFUSION_METHODS)
    segmented = method.startswith("segmented")
    _refuse("threshold", threshold, method, segmented, "the segmented methods")
    _refuse("sigma", sigma, method, method == "shrinkage", "method 'shrinkage'")
    _refuse("regions", regions, method, method == "shrinkage", "method 'shrinkage'")
    limits = merge_bounds(IVIM_BOUNDS, bounds)
    check_ivim_bounds(limits)
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=mask, n_parameters=4, progress=progress)
    collector = MapCollector(batches, "ivim", errors)
    with np.errstate(under="ignore"):
        if method == "shrinkage":
            populations = fit_shrinkage(signal, batches, limits, collector, sigma=sigma, regions=regions)
            return ShrinkageMaps(**collector.maps(), populations=populations, limits=limits)
        if segmented:
            edge = DEFAULT_THRESHOLD if threshold is None else float(threshold)
            constrained = method == "segmented"
            fit_segmented(batches, limits, collector, threshold=edge, constrained=constrained, errors=errors)
        else:
            fit_nlls(batches, limits, collector)
    return IVIMMaps(**collector.maps())


def _refuse(name: str, value: object, method: str, honoured: bool, who: str) -> None:
    if value is not None and not honoured:
        raise ValueError(f"{name}: expected only with {who}; method {method!r} cannot honour it")


def check_ivim_bounds(limits: dict[str, tuple[float, float]]) -> None:
    """Check that f lies within 0 to 1, that no rate is negative, and that D does not lie above D*.

    Parameters
    ----------
    limits : dict
        Bounds of f, D [mm2/s] and Dstar [mm2/s].

    Raises
    ------
    ValueError
        When one of these does not hold.
    """
    if not 0 <= limits["f"][0] < limits["f"][1] <= 1:
        raise ValueError(f"bounds of f: expected 0 <= lower < upper <= 1, got {limits['f']}")
    if limits["D"][0] < 0 or limits["Dstar"][0] < 0:
        raise ValueError(f"bounds of D and Dstar: expected 0 mm2/s or more, got {limits['D']} and {limits['Dstar']}")
    if limits["D"][0] > limits["Dstar"][0] or limits["D"][1] > limits["Dstar"][1]:
        raise ValueError(
            "bounds of D and Dstar: expected those of D not to lie above those of Dstar, "
            f"got D {limits['D']} and Dstar {limits['Dstar']} mm2/s"
        )
