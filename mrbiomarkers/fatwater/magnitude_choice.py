"""Which of the two solutions of a magnitude fit is true: the neighbours, or the whole region, decide together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.special import ndtri, stdtr

from mrbiomarkers.checks import check_mask, check_real_array

Array = NDArray[np.float64]
Real = NDArray[Any]  # float32 or float64
Flags = NDArray[np.bool_]

_SURE = 3.0  # standard errors
_REACH = 4.0  # of the Gaussian, in its widths
_FEWEST = 1.5  # neighbours, counted by their weight, that tell how much their votes scatter
_SLAB = 1 << 16  # voxels averaged at once, so that the work takes little memory


class SolutionChoice(NamedTuple):
    """The choice for each of V voxels.

    Attributes
    ----------
    is_fat : (V,) bool array
        The solution in which fat dominates is the better one.
    score : (V,) array
        Mean difference of the costs (water - fat) over its standard error: above 0 for fat. NaN where it is not known,
        as without neighbours.
    ambiguous : (V,) bool array
        The score is within 3 of 0, or not known: the choice may be wrong, or, where the solutions are merged, not
        matter.
    regions : dict of str to float
        Score of each region; within 3 of 0, or NaN, it does not decide.
    """

    is_fat: Flags
    score: Array
    ambiguous: Flags
    regions: dict[str, float]


def choose_solution(
    cost_water: ArrayLike,
    cost_fat: ArrayLike,
    mask: ArrayLike,
    *,
    regions: Mapping[str, ArrayLike] | None = None,
    width: float = 1.0,
    spacing: ArrayLike | None = None,
) -> SolutionChoice:
    """Choose between the solution in which water dominates and that in which fat does.

    The difference of the two costs is that of two log-likelihoods (times -2 sigma^2), so that it can be averaged: over
    the neighbours of a voxel inside the mask, or, by the region rule, over all of a region, whose voxels then all take
    the same side. A region is meant to be of one kind, as a vertebral body is; where one part of it is mostly water and
    another mostly fat, give each as a region.

    Voxels of marrow on the wrong side and off by more than 15 points, simulated at PDFF 10-80 %, R2* 50-200 1/s, a
    signal-to-noise ratio of 24 and six echoes 1.24 + 0.98 n ms, at 3 and 1.5 T: 15 and 25 % alone; 0.01 and 0.26 % in
    regions of 200 voxels, 0.002 and 0.07 % of 500, 0.002 and 0.01 % of 2000, nearly all of them flagged as ambiguous.
    The choice rests on the small peaks of fat: with a spectrum of one peak it has no meaning.

    Parameters
    ----------
    cost_water, cost_fat : (V,) array_like [a.u.2]
        Sums of squared residuals of the two solutions, one for each voxel of the mask in its order in memory (the last
        axis fastest). NaN: not fitted, has no vote.
    mask : (...) array_like
        Where the V voxels are; any number of axes.
    regions : mapping of str to (...) array_like, optional
        Masks of the same shape. A voxel in several takes the choice of the last; one in none that of its neighbours.
    width : float [mm, or voxels without spacing]
        Standard deviation of the Gaussian that weights the neighbours; 0: each voxel for itself.
    spacing : (...) array_like [mm], optional
        Distance of voxels along each axis of the mask.

    Returns
    -------
    SolutionChoice

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.

    References
    ----------
    Triay Bagur et al., Magn Reson Med 2019;82:460 (the smaller residual decides).
    """
    whole = np.asarray(mask)
    inside = check_mask("mask", whole, whole.shape)
    n_voxels = int(np.count_nonzero(inside))
    worse, better = (_check_cost(*named, n_voxels) for named in (("cost_water", cost_water), ("cost_fat", cost_fat)))
    widths = _check_widths(width, spacing, inside.ndim)
    masks = {name: check_mask(f"regions[{name!r}]", part, inside.shape) for name, part in (regions or {}).items()}
    scores = {}
    with np.errstate(all="ignore"):
        difference = worse - better
        valid = np.isfinite(difference)
        difference[~valid] = 0.0
        is_fat, score = _by_neighbours(difference, valid, inside, widths)
        for name, part in masks.items():
            members = part[inside]
            scores[name] = _together(difference[members & valid])
            is_fat[members], score[members] = difference[members].sum(dtype=np.float64) > 0, scores[name]
        ambiguous = ~(np.abs(score) >= _SURE)
    return SolutionChoice(is_fat, score, ambiguous, scores)


def _together(difference: Real) -> float:
    """Return the score of a region: infinite where its voxels do not scatter, NaN where there are too few.

    That of few voxels, which has Student's distribution, is turned into the one of the same chance among many.
    """
    if difference.size < 2:
        return float("nan")
    values = difference.astype(np.float64)
    score = values.mean() * np.sqrt(values.size) / values.std(ddof=1)
    return float(np.copysign(ndtri(stdtr(values.size - 1, -abs(score))), score))


def _by_neighbours(difference: Real, valid: Flags, inside: Flags, widths: Array) -> tuple[Flags, Array]:
    """Return whether the mean difference round each voxel (V,) is above 0, and its score; worked slab by slab."""
    is_fat, score = difference > 0, np.full(difference.shape, np.nan)
    if not difference.size or not widths.any():
        return is_fat, score
    first = np.append(0, np.cumsum(np.count_nonzero(inside, axis=tuple(range(1, inside.ndim)))))  # voxel of each row
    halo = int(np.ceil(_REACH * widths[0])) + 1
    thick = max(_SLAB // max(inside[0].size, 1), halo)
    for begin in range(0, len(inside), thick):
        end = min(begin + thick, len(inside))
        low, high = max(begin - halo, 0), min(end + halo, len(inside))
        some = slice(first[low], first[high])
        mean, error = _neighbours(difference[some].astype(np.float64), valid[some], inside[low:high], widths)
        kept = slice(first[begin] - first[low], first[end] - first[low])
        here = slice(first[begin], first[end])
        is_fat[here] = mean[kept] > 0
        score[here] = np.where(error[kept] > 0, mean[kept] / error[kept], np.nan)
    return is_fat, score


def _neighbours(difference: Array, valid: Flags, inside: Flags, widths: Array) -> tuple[Array, Array]:
    """Return the mean difference round each voxel (V,), and its standard error.

    The weights g of the neighbours are Gaussian, so that their squares are too: the standard error of the mean is the
    local standard deviation times ``sqrt(sum g^2) / sum g``.
    """

    def smooth(values: Array, by: Array) -> Array:
        volume = np.zeros(inside.shape)
        volume[inside] = values
        return np.asarray(gaussian_filter(volume, by, mode="constant", truncate=_REACH)[inside])

    votes = valid.astype(np.float64)
    weight = smooth(votes, widths)
    mean = smooth(difference, widths) / weight
    variance = np.maximum(smooth(difference**2, widths) / weight - mean**2, 0.0)
    squares = _sum_of_squares(widths) * smooth(votes, widths / np.sqrt(2.0))
    independent = weight**2 / squares  # how many voxels there are in effect
    return mean, np.where(independent > _FEWEST, np.sqrt(variance / (independent - 1.0)), np.nan)


def _sum_of_squares(widths: Array) -> float:
    """Return the sum of the squared weights of a Gaussian kernel."""
    product = 1.0
    for width in widths:
        delta = np.zeros(2 * int(np.ceil(_REACH * width)) + 3)
        delta[delta.size // 2] = 1.0
        product *= float((gaussian_filter1d(delta, width, truncate=_REACH) ** 2).sum()) if width > 0 else 1.0
    return product


def _check_cost(name: str, cost: ArrayLike, n_voxels: int) -> Real:
    """Return (V,) costs, float32 as they are and all else in float64."""
    values = check_real_array(name, cost)
    values = values if values.dtype == np.float32 else values.astype(np.float64, copy=False)
    if values.shape != (n_voxels,):
        raise ValueError(f"{name}: expected shape ({n_voxels},), one for each voxel of the mask, got {values.shape}")
    return values


def _check_widths(width: float, spacing: ArrayLike | None, n_axes: int) -> Array:
    """Return the width of the Gaussian along each axis [voxels]."""
    value = float(check_real_array("width", width, ndim=0))
    if not 0 <= value < np.inf:
        raise ValueError(f"width: expected a finite number, 0 or above, got {value:g}")
    steps = np.ones(n_axes) if spacing is None else check_real_array("spacing", spacing).astype(np.float64)
    if steps.shape != (n_axes,) or not np.all(np.isfinite(steps)) or not np.all(steps > 0):
        raise ValueError(
            f"spacing: expected {n_axes} numbers above 0 in mm, one for each axis of the mask, got {steps.tolist()}"
        )
    return value / steps
