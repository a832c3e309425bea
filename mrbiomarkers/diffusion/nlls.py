"""IVIM by bounded non-linear least squares over all parameters at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.diffusion.batches import VoxelBatches
from mrbiomarkers.diffusion.collect import Array, Estimate, MapCollector
from mrbiomarkers.diffusion.identifiable import DstarDoubt
from mrbiomarkers.diffusion.separable import Exponentials, rate_grid
from mrbiomarkers.leastsquares import Box, fit_stream

_NEAR = 1e-9  # of the width of a bound: nearer than that, a fraction is on it


def fit_nlls(batches: VoxelBatches, limits: dict[str, tuple[float, float]], collector: MapCollector) -> None:
    """Fit every batch: S0 and f are linear in the columns, D and D* are searched.

    Parameters
    ----------
    batches : VoxelBatches
        The voxels.
    limits : dict
        Bounds of f, D [mm2/s] and Dstar [mm2/s], in this order.
    collector : MapCollector
        Takes the estimates.
    """
    model = Exponentials(batches.bvalues, batches.root_weights, 2)
    rates = [limits["D"], limits["Dstar"]]
    box = Box(np.array([pair[0] for pair in rates]), np.array([pair[1] for pair in rates]), limits["f"])
    grid = rate_grid(model, rates, limits["f"])
    doubt = None if collector.with_errors else DstarDoubt(batches.bvalues, batches.root_weights, limits)
    for batch, fit in fit_stream(model, batches, grid, box):
        total = fit.coefficients.sum(axis=0)
        fraction = snap(fit.coefficients[1] / np.where(total > 0, total, 1.0), limits["f"])
        values = in_order([fraction, fit.theta[0], fit.theta[1]], limits["f"])
        on_bound, unknown = ivim_flags(values, limits)
        found = Estimate([total, *values], fit.sum_of_squares, fit.converged, on_bound, unknown)
        if doubt is not None:
            doubtful = np.zeros_like(on_bound)
            doubtful[2] = doubt.find(found.values, fit.sum_of_squares, on_bound | unknown)
            found = replace(found, doubtful=doubtful)
        collector.put(batch, found)


def in_order(values: list[Array], limits: tuple[float, float]) -> list[Array]:
    """Return f, D, D* with D <= D*: where the bounds of the two rates overlap, the compartments can change places."""
    fraction, slow, fast = values
    swap = (slow > fast) & (1 - fraction >= limits[0]) & (1 - fraction <= limits[1])
    if not swap.any():
        return values
    return [np.where(swap, 1 - fraction, fraction), np.where(swap, fast, slow), np.where(swap, slow, fast)]


def snap(values: Array, limits: tuple[float, float]) -> Array:
    """Return the values inside ``limits``; what rounding left beside a bound is put on it."""
    low, high = limits
    near = _NEAR * (high - low)
    values = np.where(values <= low + near, low, values)
    return np.where(values >= high - near, high, values)


def ivim_flags(
    values: list[Array], limits: dict[str, tuple[float, float]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of f, D, D* are on a bound, and which have no influence because their compartment is empty."""
    pairs = zip(values, limits.values(), strict=True)
    on_bound = np.stack([(value <= low) | (value >= high) for value, (low, high) in pairs])
    unknown = np.zeros_like(on_bound)
    unknown[1] = values[0] == 1
    unknown[2] = values[0] == 0
    return on_bound, unknown
