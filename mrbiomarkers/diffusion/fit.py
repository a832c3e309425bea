"""Voxel-wise least-squares fits of the models with one decay: mono-exponential, stretched exponential, kurtosis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.diffusion.batches import Progress, VoxelBatches
from mrbiomarkers.diffusion.collect import Estimate, MapCollector
from mrbiomarkers.diffusion.results import ADCMaps, KurtosisMaps, StretchedMaps
from mrbiomarkers.diffusion.separable import Exponentials, KurtosisDecay, LogLinearStart, StretchedDecay
from mrbiomarkers.leastsquares import Box, SeparableModel, StartGrid, Starts, fit_stream
from mrbiomarkers.maps import Status
from mrbiomarkers.settings import ADC_BOUNDS, KURTOSIS_BOUNDS, STRETCHED_BOUNDS, Bounds, merge_bounds


def fit_adc(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    bounds: Bounds | None = None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> ADCMaps:
    """Fit ``S0 exp(-b ADC)`` to every voxel by bounded non-linear least squares.

    The residuals are those of the signal itself, not of its logarithm, so noise at high b keeps its proper weight.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals, real, any leading shape; the b-values are the last axis. Never written to.
    bvalues : (B,) array_like [s/mm2]
        b-values, at least two different ones, any order.
    bounds : mapping, optional
        ``{"ADC": (lower, upper)}`` in mm2/s; default -5e-3 to 20e-3, so that noise around zero is not cut off.
    weights : (B,) array_like, optional
        Weights of the squared residuals, for example the number of averages.
    mask : (...) array_like, optional
        Voxels to fit; the others are NaN with the status "outside the mask".
    errors : bool
        Fill ``sd_S0`` and ``sd_ADC``.
    progress : callable, optional
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Returns
    -------
    ADCMaps
        In the floating point type of the signal (float32 for integers).

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Least squares for ADC: Walker-Samuel et al., Magn Reson Med 2009;62:420.
    """
    limits = merge_bounds(ADC_BOUNDS, bounds)
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=mask, n_parameters=2, progress=progress)
    model = Exponentials(batches.bvalues, batches.root_weights, 1)
    with np.errstate(under="ignore"):
        return ADCMaps(
            **_fit("adc", batches, model, LogLinearStart(batches.bvalues, batches.root_weights, 1), limits, errors)
        )


def fit_stretched(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    bounds: Bounds | None = None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> StretchedMaps:
    """Fit ``S0 exp(-(b DDC)^alpha)`` to every voxel by bounded non-linear least squares.

    Parameters
    ----------
    signal, bvalues, weights, mask, errors, progress
        As for :func:`fit_adc`; at least three different b-values.
    bounds : mapping, optional
        ``{"DDC": (lower, upper), "alpha": (lower, upper)}``, DDC in mm2/s, both above 0; default 1e-6 to 20e-3, and 0.1
        to 1.

    Returns
    -------
    StretchedMaps
        In the floating point type of the signal (float32 for integers).

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Bennett et al., Magn Reson Med 2003;50:727, equation 3.
    """
    limits = merge_bounds(STRETCHED_BOUNDS, bounds)
    if limits["DDC"][0] <= 0 or limits["alpha"][0] <= 0:
        raise ValueError(f"bounds of DDC and alpha: expected more than 0, got {limits['DDC']} and {limits['alpha']}")
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=mask, n_parameters=3, progress=progress)
    model = StretchedDecay(batches.bvalues, batches.root_weights)
    with np.errstate(under="ignore"):
        rates = np.geomspace(max(limits["DDC"][0], 1e-5), limits["DDC"][1], 14)
        axes = [rates, np.linspace(*limits["alpha"], 6)]
        return StretchedMaps(**_fit("stretched", batches, model, StartGrid(model, axes), limits, errors))


def fit_kurtosis(
    signal: ArrayLike,
    bvalues: ArrayLike,
    *,
    bounds: Bounds | None = None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    errors: bool = False,
    progress: Progress | None = None,
) -> KurtosisMaps:
    """Fit ``S0 exp(-b MD + b^2 MD^2 MK / 6)`` to every voxel by bounded non-linear least squares.

    MD and MK are apparent values unless the signal is an average over directions. The expansion holds up to about
    ``b = 3 / (MD MK)``; voxels whose largest b-value lies beyond carry the status "beyond the range of the model".

    Parameters
    ----------
    signal, bvalues, weights, mask, errors, progress
        As for :func:`fit_adc`; at least three different b-values.
    bounds : mapping, optional
        ``{"MD": (lower, upper), "MK": (lower, upper)}``, MD in mm2/s; default 0 to 10e-3, and -1 to 5.

    Returns
    -------
    KurtosisMaps
        In the floating point type of the signal (float32 for integers).

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    InterruptedError
        When ``progress`` returned False.

    References
    ----------
    Jensen et al., Magn Reson Med 2005;53:1432, equation 16; range of b: Jensen and Helpern, NMR Biomed 2010;23:698.
    """
    limits = merge_bounds(KURTOSIS_BOUNDS, bounds)
    if limits["MD"][0] < 0:
        raise ValueError(f"bounds of MD: expected 0 mm2/s or more, got {limits['MD']}")
    batches = VoxelBatches(signal, bvalues, weights=weights, mask=mask, n_parameters=3, progress=progress)
    model = KurtosisDecay(batches.bvalues, batches.root_weights)
    with np.errstate(under="ignore"):
        starts = LogLinearStart(batches.bvalues, batches.root_weights, 2)
        maps = KurtosisMaps(**_fit("kurtosis", batches, model, starts, limits, errors))
    beyond = maps.MD * np.maximum(maps.MK, 0) * batches.bvalues.max() > 3  # NaN is not beyond
    maps.status[beyond] |= np.uint32(Status.BEYOND_MODEL)
    return maps


def _fit(
    key: str,
    batches: VoxelBatches,
    model: SeparableModel,
    starts: Starts,
    limits: dict[str, tuple[float, float]],
    errors: bool,
) -> dict[str, Any]:
    """Fit a model of one column, whose non-linear parameters are those after S0, to every batch."""
    lower, upper = np.array(list(limits.values())).T
    box = Box(lower, upper)
    collector = MapCollector(batches, key, errors)
    for batch, fit in fit_stream(model, batches, starts, box):
        on_bound = (fit.theta <= lower[:, None]) | (fit.theta >= upper[:, None])
        unknown = np.zeros_like(on_bound)
        if key == "kurtosis":
            unknown[1] = fit.theta[0] == 0
        values = [fit.coefficients[0], *fit.theta]
        collector.put(batch, Estimate(values, fit.sum_of_squares, fit.converged, on_bound, unknown))
    return collector.maps()
