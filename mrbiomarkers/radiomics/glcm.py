"""Features of the grey level co-occurrence matrix: how often two levels are neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.radiomics.correlation import maximal_correlation
from mrbiomarkers.radiomics.discretise import Levels
from mrbiomarkers.radiomics.lines import Lines
from mrbiomarkers.radiomics.tally import EPSILON, Counts, collect, tally
from mrbiomarkers.settings import RadiomicsSettings

Numbers = NDArray[np.float64]


def glcm_features(
    levels: Levels, lines: Sequence[Lines], spacing: tuple[float, float, float], settings: RadiomicsSettings
) -> dict[str, float]:
    """Return the 24 features of the grey level co-occurrence matrix.

    Parameters
    ----------
    levels : Levels
        Grey levels of the region.
    lines : sequence of Lines
        Its neighbours, at ``settings.distances``.
    spacing : (3,) tuple of float [mm]
        Voxel size along k, j, i, for weights.
    settings : RadiomicsSettings
        ``symmetrical_glcm``, ``aggregation``, ``weighting_norm``.

    Returns
    -------
    dict of str to float
        NaN where no two voxels of the region are neighbours.

    References
    ----------
    Haralick et al., IEEE Trans Syst Man Cybern 1973;3:610. Zwanenburg et al., Radiology 2020;295:328, section 3.6 of
    the reference manual.
    """
    counts = co_occurrences(levels, lines, symmetrical=settings.symmetrical_glcm)
    if settings.merges and counts.groups:
        counts = counts.merged(_weights(lines, spacing, settings.weighting_norm))
    counts = counts.without_empty()
    with np.errstate(invalid="ignore", divide="ignore"):
        features = {**_joint(counts, levels), **_of_sums_and_differences(counts, levels)}
    if counts.groups == 0:
        return dict.fromkeys(sorted(features), np.nan)
    return {name: float(np.mean(features[name])) for name in sorted(features)}


def co_occurrences(levels: Levels, lines: Sequence[Lines], *, symmetrical: bool) -> Counts:
    """Return how often a level (row) is followed by a level (column) in each direction, or either way round."""
    n = levels.grey.size
    parts = []
    for block in lines:
        direction, before, after = block.pairs()
        keys, count = tally((direction * n + levels.index[before]) * n + levels.index[after])
        if symmetrical:
            place, other = np.divmod(keys, n)
            turned = (place // n * n + other) * n + place % n
            keys, count = tally(np.concatenate([keys, turned]), np.concatenate([count, count]))
        parts.append((keys + block.first_direction * n * n, count))
    return collect(parts, n, n, sum(len(block.directions) for block in lines))


def _weights(lines: Sequence[Lines], spacing: tuple[float, float, float], norm: str | None) -> Numbers:
    steps = np.concatenate([block.directions for block in lines])
    return (
        np.exp(-(step_lengths(steps, spacing, norm) ** 2))
        if norm not in (None, "no_weighting")
        else np.ones(len(steps))
    )


def step_lengths(steps: NDArray[np.int64], spacing: tuple[float, float, float], norm: str | None) -> Numbers:
    """Return the length [mm] of steps between voxels by a norm, 1 for no norm."""
    lengths = np.abs(steps) * np.array(spacing)
    if norm == "infinity":
        return lengths.max(axis=1)
    if norm == "euclidean":
        return np.sqrt(np.sum(lengths**2, axis=1))
    return lengths.sum(axis=1) if norm == "manhattan" else np.ones(len(steps))


@dataclass(frozen=True, eq=False)
class _Spread:
    """A distribution of whole numbers for each direction."""

    group: NDArray[np.int64]
    value: Numbers
    share: Numbers
    groups: int

    def mean(self, values: Numbers) -> Numbers:
        return np.bincount(self.group, weights=values * self.share, minlength=self.groups).astype(np.float64)

    def entropy(self) -> Numbers:
        return -self.mean(np.log2(self.share + EPSILON))


def _spread(counts: Counts, value: Numbers, share: Numbers) -> _Spread:
    length = int(value.max(initial=0)) + 1
    keys, total = tally(counts.group * length + value.astype(np.int64), share)
    group, number = np.divmod(keys, length)
    return _Spread(group, number.astype(np.float64), total, counts.groups)


def _joint(counts: Counts, levels: Levels) -> dict[str, Numbers]:
    """Features of the matrices and of their marginal distributions."""
    group, n = counts.group, levels.grey.size
    share = counts.count / counts.sums()[group]

    def mean(values: Numbers) -> Numbers:
        return np.bincount(group, weights=values * share, minlength=counts.groups).astype(np.float64)

    here, there = levels.grey[counts.row], levels.grey[counts.column]
    shape = (counts.groups, n)
    rows, columns = (
        np.bincount(group * n + side, weights=share, minlength=counts.groups * n).astype(np.float64).reshape(shape)
        for side in (counts.row, counts.column)
    )
    mean_here, mean_there = (np.sum(side * levels.grey, axis=1) for side in (rows, columns))
    off_here, off_there = here - mean_here[group], there - mean_there[group]
    variance = mean(off_here**2)
    deviations = np.sqrt(variance) * np.sqrt(mean(off_there**2))
    correlation = np.where(deviations == 0, 1.0, mean(off_here * off_there) / (deviations + EPSILON))
    joint_entropy = -mean(np.log2(share + EPSILON))
    entropies = [-np.sum(side * np.log2(side + EPSILON), axis=1) for side in (rows, columns)]
    apart = entropies[0] + entropies[1]
    # One level only: all entropies are 0 but for the epsilon inside the logarithm.
    largest = np.maximum(*entropies)
    single = largest < 1e-12
    return {
        "Autocorrelation": mean(here * there),
        "Correlation": correlation,
        "Imc1": np.where(single, 0.0, (joint_entropy - apart) / np.where(single, 1.0, largest)),
        "Imc2": np.where(single, 0.0, np.sqrt(1 - np.exp(-2 * np.maximum(apart - joint_entropy, 0)))),
        "JointAverage": mean_here,
        "JointEnergy": mean(share),
        "JointEntropy": joint_entropy,
        "MCC": maximal_correlation(counts, share, rows, columns),
        "MaximumProbability": _largest_of(counts, share),
        "SumSquares": variance,
    }


def _largest_of(counts: Counts, share: Numbers) -> Numbers:
    if not share.size:
        return np.zeros(0)
    starts = np.flatnonzero(np.diff(counts.group, prepend=-1))
    return np.maximum.reduceat(share, starts)


def _of_sums_and_differences(counts: Counts, levels: Levels) -> dict[str, Numbers]:
    """Features of the sum and of the difference of two neighbours' levels."""
    share = counts.count / counts.sums()[counts.group]
    here, there = levels.grey[counts.row], levels.grey[counts.column]
    sums = _spread(counts, here + there, share)
    apart = _spread(counts, np.abs(here - there), share)
    average, distance = sums.mean(sums.value), apart.mean(apart.value)
    off, gap = sums.value - average[sums.group], apart.value
    highest = levels.highest
    return {
        "ClusterProminence": sums.mean(off**4),
        "ClusterShade": sums.mean(off**3),
        "ClusterTendency": sums.mean(off**2),
        "Contrast": apart.mean(gap**2),
        "DifferenceAverage": distance,
        "DifferenceEntropy": apart.entropy(),
        "DifferenceVariance": apart.mean((gap - distance[apart.group]) ** 2),
        "Id": apart.mean(1 / (1 + gap)),
        "Idm": apart.mean(1 / (1 + gap**2)),
        "Idmn": apart.mean(1 / (1 + gap**2 / highest**2)),
        "Idn": apart.mean(1 / (1 + gap / highest)),
        "InverseVariance": apart.mean(np.where(gap > 0, 1 / np.where(gap > 0, gap, 1.0) ** 2, 0.0)),
        "SumAverage": average,
        "SumEntropy": sums.entropy(),
    }
