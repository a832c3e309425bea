"""Features of the grey level size zone matrix: how many connected voxels have the same level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mrbiomarkers.radiomics.discretise import Levels
from mrbiomarkers.radiomics.lines import Lines
from mrbiomarkers.radiomics.tally import Counts, size_features, tally

_NAMES = {
    "GrayLevelNonUniformity": "grey_nonuniformity",
    "GrayLevelNonUniformityNormalized": "grey_nonuniformity_normalized",
    "GrayLevelVariance": "grey_variance",
    "HighGrayLevelZoneEmphasis": "high",
    "LargeAreaEmphasis": "large",
    "LargeAreaHighGrayLevelEmphasis": "large_high",
    "LargeAreaLowGrayLevelEmphasis": "large_low",
    "LowGrayLevelZoneEmphasis": "low",
    "SizeZoneNonUniformity": "size_nonuniformity",
    "SizeZoneNonUniformityNormalized": "size_nonuniformity_normalized",
    "SmallAreaEmphasis": "small",
    "SmallAreaHighGrayLevelEmphasis": "small_high",
    "SmallAreaLowGrayLevelEmphasis": "small_low",
    "ZoneEntropy": "entropy",
    "ZonePercentage": "percentage",
    "ZoneVariance": "size_variance",
}


def glszm_features(levels: Levels, lines: Sequence[Lines]) -> dict[str, float]:
    """Return the 16 features of the grey level size zone matrix.

    Parameters
    ----------
    levels : Levels
        Grey levels of the region.
    lines : sequence of Lines
        Its neighbours at distance 1.

    References
    ----------
    Thibault et al., IEEE Trans Biomed Eng 2014;61:630. Zwanenburg et al., Radiology 2020;295:328, section 3.8 of the
    reference manual.
    """
    features = size_features(zones(levels, lines), levels)
    return {name: float(features[key][0]) for name, key in _NAMES.items()}


def zones(levels: Levels, lines: Sequence[Lines]) -> Counts:
    """Return how many zones of a level (row) have a number of voxels (column + 1)."""
    zone = np.arange(levels.index.size, dtype=np.int32)
    for block in lines:
        along = levels.index[block.order]
        after = np.flatnonzero(~block.begins[1:] & (along[1:] == along[:-1])) + 1
        ends = zone[block.order[after - 1]], zone[block.order[after]]
        links = csr_array((np.ones(after.size, dtype=bool), ends), shape=(zone.size, zone.size))
        zone = connected_components(links, directed=False)[1][zone]
    _, first, size = np.unique(zone, return_index=True, return_counts=True)
    largest = int(size.max())
    keys, count = tally(levels.index[first].astype(np.int64) * largest + size - 1)
    row, column = np.divmod(keys, largest)
    return Counts(np.zeros(row.size, dtype=np.int64), row, column, count, 1)
