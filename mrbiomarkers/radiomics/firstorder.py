"""First-order features: the distribution of the values, regardless of where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.discretise import Levels
from mrbiomarkers.radiomics.tally import EPSILON
from mrbiomarkers.settings import RadiomicsSettings


def first_order_features(
    values: NDArray[Any], levels: Levels, voxel_volume: float, settings: RadiomicsSettings
) -> dict[str, float]:
    """Return the 18 first-order features.

    Parameters
    ----------
    values : (N,) array
        Values in the region.
    levels : Levels
        The same as grey levels, for Entropy and Uniformity.
    voxel_volume : float [mm3]
        For Total Energy.
    settings : RadiomicsSettings
        ``voxel_array_shift``; with standard ``"ibsi"``, Kurtosis is in excess of that of a normal distribution.

    References
    ----------
    van Griethuysen et al., Cancer Res 2017;77:e104. Zwanenburg et al., Radiology 2020;295:328.
    """
    sample = np.sort(values.astype(np.float64))
    low, lower, median, upper, high = np.percentile(sample, (10, 25, 50, 75, 90))
    mean = sample.mean()
    centred = sample - mean
    square = centred**2
    variance = square.mean()
    middle = sample[(sample >= low) & (sample <= high)]
    energy = float(np.sum((sample + settings.voxel_array_shift) ** 2))
    share = levels.counts / sample.size
    # In a constant region both are 0, as PyRadiomics defines them.
    spread = variance if variance > 0 else 1.0
    kurtosis = np.mean(square**2) / spread**2
    return {
        "10Percentile": float(low),
        "90Percentile": float(high),
        "Energy": energy,
        "Entropy": float(-np.sum(share * np.log2(share + EPSILON))) if share.size > 1 else 0.0,
        "InterquartileRange": float(upper - lower),
        "Kurtosis": float(kurtosis - 3 if settings.standard == "ibsi" else kurtosis),
        "Maximum": float(sample[-1]),
        "MeanAbsoluteDeviation": float(np.abs(centred).mean()),
        "Mean": float(mean),
        "Median": float(median),
        "Minimum": float(sample[0]),
        "Range": float(sample[-1] - sample[0]),
        "RobustMeanAbsoluteDeviation": float(np.abs(middle - middle.mean()).mean()) if middle.size else np.nan,
        "RootMeanSquared": float(np.sqrt(energy / sample.size)),
        "Skewness": float(np.mean(square * centred) / spread**1.5),
        "TotalEnergy": energy * voxel_volume,
        "Uniformity": float(np.sum(share**2)),
        "Variance": float(variance),
    }
