"""Means of redrawn voxels of a region, what they say of an error, and the labels of a row of a region fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.quantities import quantity

Array = NDArray[np.float64]

FEWEST_VOXELS = 20
"""Fewer voxels are too few to draw from."""


def draw_means(region: str, signals: NDArray[Any], samples: int, seed: int) -> NDArray[Any]:
    """Return the mean signals of redrawn voxels (bootstrap: Efron and Tibshirani 1993).

    Parameters
    ----------
    region : str
        Its name makes the draws of each region their own.
    signals : (V, M) array
        Signals of the voxels, real or complex.
    samples : int
        Number of draws R, each of V voxels with replacement.
    seed : int
        Seed of the draws.

    Returns
    -------
    (R, M) array
        float64 or complex128; R is 0 where ``samples`` is, and where there are less than 20 voxels.
    """
    n_voxels, n_measurements = signals.shape
    if n_voxels < FEWEST_VOXELS or samples == 0:
        return np.empty((0, n_measurements), dtype=np.result_type(signals.dtype, np.float64))
    generator = np.random.default_rng([seed, *region.encode()])
    counts = generator.multinomial(n_voxels, np.full(n_voxels, 1.0 / n_voxels), size=samples)
    return np.asarray(counts @ signals / n_voxels)


def spread(draws: Array) -> float:
    """Return the standard deviation of the finite draws (R,); NaN for less than two."""
    draws = draws[np.isfinite(draws)]
    return float(draws.std(ddof=1)) if draws.size > 1 else float("nan")


def percentiles(draws: Array, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of the finite draws (R,); NaN where there are none."""
    draws = draws[np.isfinite(draws)]
    if draws.size == 0:
        return np.nan, np.nan
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def fit_labels(region: str, key: str, model: str, fit: str) -> dict[str, Any]:
    """Return the columns of a region fit's row that say what it is: region, quantity ``key``, unit, model and fit."""
    return {
        "region": region,
        "slice": "all",
        "quantity": key,
        "unit": quantity(key).reported_unit,
        "model": model,
        "fit": fit,
        "method": "fit of mean signal",
    }
