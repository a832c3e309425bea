"""Features of the neighbouring grey tone difference matrix: how far a level is from the mean of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.discretise import Levels
from mrbiomarkers.radiomics.lines import Lines
from mrbiomarkers.settings import RadiomicsSettings

Numbers = NDArray[np.float64]

_COARSEST = 1e6  # Coarseness of a region without differences, as PyRadiomics and IBSI define it.
_ROWS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Differences:
    """The matrix: for each level that occurs, its voxels and their differences.

    Attributes
    ----------
    grey : (n,) array
        Grey level.
    count : (n,) array
        Number of voxels.
    total : (n,) array
        Sum of the absolute differences to the mean of the neighbours.
    """

    grey: Numbers
    count: Numbers
    total: Numbers


def ngtdm_features(levels: Levels, lines: Sequence[Lines], settings: RadiomicsSettings) -> dict[str, float]:
    """Return the 5 features of the neighbouring grey tone difference matrix.

    Parameters
    ----------
    levels : Levels
        Grey levels of the region.
    lines : sequence of Lines
        Its neighbours.
    settings : RadiomicsSettings
        With standard ``"ibsi"``, voxels without a neighbour are left out; PyRadiomics counts them with difference 0.

    References
    ----------
    Amadasun and King, IEEE Trans Syst Man Cybern 1989;19:1264. Zwanenburg et al., Radiology 2020;295:328, section
    3.10 of the reference manual.
    """
    found = differences(levels, lines, lonely=settings.standard != "ibsi")
    voxels = found.count.sum()
    if voxels == 0:
        return dict.fromkeys(("Busyness", "Coarseness", "Complexity", "Contrast", "Strength"), np.nan)
    share, sums = found.count / voxels, found.total
    weighted = float(np.sum(share * sums))
    busy, complexity, spread, strength = _over_pairs(found.grey, share, sums)
    n = found.grey.size
    return {
        "Busyness": weighted / busy if busy != 0 else 0.0,
        "Coarseness": 1 / weighted if weighted != 0 else _COARSEST,
        "Complexity": complexity / voxels,
        "Contrast": spread * sums.sum() / voxels / (n * (n - 1)) if n > 1 else 0.0,
        "Strength": strength / sums.sum() if sums.sum() != 0 else 0.0,
    }


def differences(levels: Levels, lines: Sequence[Lines], *, lonely: bool) -> Differences:
    """Return the matrix, with or without the voxels that have no neighbour."""
    size = levels.index.size
    own = levels.grey[levels.index]
    sums, neighbours = np.zeros(size), np.zeros(size)
    for block in lines:
        _, before, after = block.pairs()
        for here, there in ((before, after), (after, before)):
            sums += np.bincount(here, weights=own[there], minlength=size)
            neighbours += np.bincount(here, minlength=size)
    off = np.where(neighbours > 0, np.abs(own - sums / np.maximum(neighbours, 1)), 0.0)
    counted = np.ones(size) if lonely else (neighbours > 0).astype(np.float64)
    n = levels.grey.size
    count = np.bincount(levels.index, weights=counted, minlength=n)
    total = np.bincount(levels.index, weights=off, minlength=n)
    kept = count > 0
    return Differences(levels.grey[kept], count[kept].astype(np.float64), total[kept].astype(np.float64))


def _over_pairs(grey: Numbers, share: Numbers, sums: Numbers) -> tuple[float, float, float, float]:
    """Return the sums over all pairs of levels that the features need, some rows of pairs at a time."""
    result = np.zeros(4)
    both = share * sums
    rows = max(1, _ROWS_AT_ONCE // grey.size)
    for first in range(0, grey.size, rows):
        part = slice(first, first + rows)
        step = np.abs(grey[part, np.newaxis] - grey)
        together = share[part, np.newaxis] + share
        square = step**2
        weight = grey * share
        result += [
            np.abs(weight[part, np.newaxis] - weight).sum(),
            (step * (both[part, np.newaxis] + both) / together).sum(),
            (square * share[part, np.newaxis] * share).sum(),
            (square * together).sum(),
        ]
    return tuple(result)  # type: ignore[return-value]
