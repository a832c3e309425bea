"""Features of the grey level run length matrix: how many voxels in a line have the same level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mrbiomarkers.radiomics.discretise import Levels
from mrbiomarkers.radiomics.glcm import step_lengths
from mrbiomarkers.radiomics.lines import Lines
from mrbiomarkers.radiomics.tally import Counts, collect, size_features, tally
from mrbiomarkers.settings import RadiomicsSettings

_NAMES = {
    "GrayLevelNonUniformity": "grey_nonuniformity",
    "GrayLevelNonUniformityNormalized": "grey_nonuniformity_normalized",
    "GrayLevelVariance": "grey_variance",
    "HighGrayLevelRunEmphasis": "high",
    "LongRunEmphasis": "large",
    "LongRunHighGrayLevelEmphasis": "large_high",
    "LongRunLowGrayLevelEmphasis": "large_low",
    "LowGrayLevelRunEmphasis": "low",
    "RunEntropy": "entropy",
    "RunLengthNonUniformity": "size_nonuniformity",
    "RunLengthNonUniformityNormalized": "size_nonuniformity_normalized",
    "RunPercentage": "percentage",
    "RunVariance": "size_variance",
    "ShortRunEmphasis": "small",
    "ShortRunHighGrayLevelEmphasis": "small_high",
    "ShortRunLowGrayLevelEmphasis": "small_low",
}


def glrlm_features(
    levels: Levels, lines: Sequence[Lines], spacing: tuple[float, float, float], settings: RadiomicsSettings
) -> dict[str, float]:
    """Return the 16 features of the grey level run length matrix.

    Parameters
    ----------
    levels : Levels
        Grey levels of the region.
    lines : sequence of Lines
        Its lines at distance 1. A direction in which no line has two voxels of the region does not count.
    spacing : (3,) tuple of float [mm]
        Voxel size along k, j, i, for weights.
    settings : RadiomicsSettings
        ``aggregation``, ``weighting_norm``.

    Returns
    -------
    dict of str to float
        NaN where no line has two voxels of the region.

    References
    ----------
    Galloway, Comput Graph Image Process 1975;4:172. Zwanenburg et al., Radiology 2020;295:328, section 3.7 of the
    reference manual.
    """
    counts = runs(levels, lines)
    if settings.merges and counts.groups:
        steps = np.concatenate([block.directions for block in lines])
        counts = counts.merged(step_lengths(steps, spacing, settings.weighting_norm))
    counts = counts.without_empty()
    if counts.groups == 0 or counts.count.size == 0:
        return dict.fromkeys(_NAMES, np.nan)
    features = size_features(counts, levels)
    return {name: float(np.mean(features[key])) for name, key in _NAMES.items()}


def runs(levels: Levels, lines: Sequence[Lines]) -> Counts:
    """Return how many runs of a level (row) have a length (column + 1) in each direction."""
    n = levels.grey.size
    longest = max((block.longest for block in lines), default=1)
    parts = []
    for block in lines:
        along = levels.index[block.order]
        starts = block.begins.copy()
        starts[1:] |= along[1:] != along[:-1]
        first = np.flatnonzero(starts)
        length = np.diff(first, append=block.order.size)
        group = first // block.size
        keys, count = tally(((group * n + along[first]) * longest + length - 1)[block.long[group]])
        parts.append((keys + block.first_direction * n * longest, count))
    return collect(parts, n, longest, sum(len(block.directions) for block in lines))
