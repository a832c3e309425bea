"""Voxel-wise fits of intravoxel incoherent motion (IVIM)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.diffusion.batches import Progress, VoxelBatches
from mrbiomarkers.diffusion.collect import Array, Estimate, MapCollector
from mrbiomarkers.diffusion.results import IVIMMaps
from mrbiomarkers.diffusion.separable import Exponentials, rate_grid
from mrbiomarkers.leastsquares import Box, fit_multistart
from mrbiomarkers.settings import DIFFUSION_METHODS, IVIM_BOUNDS, Bounds, merge_bounds

_NEAR = 1e-9  # of the width of a bound: nearer than that, a fraction is on it


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
        _fit_nlls(batches, limits, collector)
    return IVIMMaps(**collector.maps())


def _fit_nlls(batches: VoxelBatches, limits: dict[str, tuple[float, float]], collector: MapCollector) -> None:
    """All four parameters at once: S0 and f are linear in the columns, D and D* are searched."""
    model = Exponentials(batches.bvalues, batches.root_weights, 2)
    rates = [limits["D"], limits["Dstar"]]
    box = Box(np.array([pair[0] for pair in rates]), np.array([pair[1] for pair in rates]), limits["f"])
    grid = rate_grid(model, rates, limits["f"])
    for batch in batches:
        fit = fit_multistart(model, batch.y, grid, box)
        total = fit.coefficients.sum(axis=0)
        fraction = _snap(fit.coefficients[1] / np.where(total > 0, total, 1.0), limits["f"])
        values = _in_order([fraction, fit.theta[0], fit.theta[1]], limits["f"])
        on_bound, unknown = _ivim_flags(values, limits)
        collector.put(batch, Estimate([total, *values], fit.sum_of_squares, fit.converged, on_bound, unknown))


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


def _in_order(values: list[Array], limits: tuple[float, float]) -> list[Array]:
    """Return f, D, D* with D <= D*: where the bounds of the two rates overlap, the compartments can change places."""
    fraction, slow, fast = values
    swap = (slow > fast) & (1 - fraction >= limits[0]) & (1 - fraction <= limits[1])
    if not swap.any():
        return values
    return [np.where(swap, 1 - fraction, fraction), np.where(swap, fast, slow), np.where(swap, slow, fast)]


def _snap(values: Array, limits: tuple[float, float]) -> Array:
    """Return the values inside ``limits``; what rounding left beside a bound is put on it."""
    low, high = limits
    near = _NEAR * (high - low)
    values = np.where(values <= low + near, low, values)
    return np.where(values >= high - near, high, values)


def _ivim_flags(
    values: list[Array], limits: dict[str, tuple[float, float]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of f, D, D* are on a bound, and which have no influence because their compartment is empty."""
    pairs = zip(values, limits.values(), strict=True)
    on_bound = np.stack([(value <= low) | (value >= high) for value, (low, high) in pairs])
    unknown = np.zeros_like(on_bound)
    unknown[1] = values[0] == 1
    unknown[2] = values[0] == 0
    return on_bound, unknown
