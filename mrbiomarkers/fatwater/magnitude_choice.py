"""Which of the two solutions of a magnitude fit is true: the neighbours, or the whole region, decide together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from mrbiomarkers.checks import check_mask, check_real_array

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SURE = 3.0  # standard errors
_REACH = 4.0  # of the Gaussian, in its widths


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
    """

    is_fat: Flags
    score: Array
    ambiguous: Flags


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
    names = {
        name: check_mask(f"regions[{name!r}]", part, inside.shape)[inside] for name, part in (regions or {}).items()
    }
    with np.errstate(all="ignore"):
        difference = worse - better
        valid = np.isfinite(difference)
        difference = np.where(valid, difference, 0.0)
        mean, error = _neighbours(difference, valid, inside, widths)
        for members in names.values():
            mean[members], error[members] = _together(difference[members & valid])
        score = np.where(error > 0, mean / error, np.nan)
    return SolutionChoice(mean > 0, score, ~(np.abs(score) >= _SURE))


def _together(difference: Array) -> tuple[float, float]:
    """Return the mean difference of a region, and its standard error; NaN where there are too few voxels."""
    if difference.size == 0:
        return float("nan"), float("nan")
    error = float(difference.std(ddof=1) / np.sqrt(difference.size)) if difference.size > 1 else float("nan")
    return float(difference.mean()), error


def _neighbours(difference: Array, valid: Flags, inside: Flags, widths: Array) -> tuple[Array, Array]:
    """Return the mean difference round each voxel (V,), and its standard error.

    The weights g of the neighbours are Gaussian, so that their squares are too: the standard error of the mean is the
    local standard deviation times ``sqrt(sum g^2) / sum g``.
    """
    if not inside.any() or not widths.any():
        return difference.copy(), np.full(difference.shape, np.nan)

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
    return mean, np.sqrt(variance / np.maximum(independent - 1.0, 0.0))


def _sum_of_squares(widths: Array) -> float:
    """Return the sum of the squared weights of a Gaussian kernel."""
    product = 1.0
    for width in widths:
        delta = np.zeros(2 * int(np.ceil(_REACH * width)) + 3)
        delta[delta.size // 2] = 1.0
        product *= float((gaussian_filter1d(delta, width, truncate=_REACH) ** 2).sum()) if width > 0 else 1.0
    return product


def _check_cost(name: str, cost: ArrayLike, n_voxels: int) -> Array:
    """Return (V,) costs."""
    values = check_real_array(name, cost).astype(np.float64)
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
