"""Features of the grey level dependence matrix: how many neighbours have about the same level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mrbiomarkers.radiomics.discretise import Levels
from mrbiomarkers.radiomics.lines import Lines
from mrbiomarkers.radiomics.tally import Counts, size_features, tally

_NAMES = {
    "DependenceEntropy": "entropy",
    "DependenceNonUniformity": "size_nonuniformity",
    "DependenceNonUniformityNormalized": "size_nonuniformity_normalized",
    "DependenceVariance": "size_variance",
    "GrayLevelNonUniformity": "grey_nonuniformity",
    "GrayLevelVariance": "grey_variance",
    "HighGrayLevelEmphasis": "high",
    "LargeDependenceEmphasis": "large",
    "LargeDependenceHighGrayLevelEmphasis": "large_high",
    "LargeDependenceLowGrayLevelEmphasis": "large_low",
    "LowGrayLevelEmphasis": "low",
    "SmallDependenceEmphasis": "small",
    "SmallDependenceHighGrayLevelEmphasis": "small_high",
    "SmallDependenceLowGrayLevelEmphasis": "small_low",
}


def gldm_features(levels: Levels, lines: Sequence[Lines], alpha: float) -> dict[str, float]:
    """Return the 14 features of the grey level dependence matrix.

    Parameters
    ----------
    levels : Levels
        Grey levels of the region.
    lines : sequence of Lines
        Its neighbours.
    alpha : float
        A neighbour is dependent if its level differs by no more than this.

    References
    ----------
    Sun and Wee, Comput Vis Graph Image Process 1983;23:341. Zwanenburg et al., Radiology 2020;295:328, section 3.11
    of the reference manual.
    """
    features = size_features(dependences(levels, lines, alpha), levels)
    return {name: float(features[key][0]) for name, key in _NAMES.items()}


def dependences(levels: Levels, lines: Sequence[Lines], alpha: float) -> Counts:
    """Return how many voxels of a level (row) have a number of dependent neighbours (column)."""
    size = levels.index.size
    dependent = np.zeros(size, dtype=np.int64)
    for block in lines:
        _, before, after = block.pairs()
        here, there = levels.index[before], levels.index[after]
        alike = here == there if alpha < 1 else np.abs(levels.grey[here] - levels.grey[there]) <= alpha
        dependent += np.bincount(before[alike], minlength=size)
        dependent += np.bincount(after[alike], minlength=size)
    most = int(dependent.max()) + 1
    keys, count = tally(levels.index.astype(np.int64) * most + dependent)
    row, column = np.divmod(keys, most)
    return Counts(np.zeros(row.size, dtype=np.int64), row, column, count, 1)
