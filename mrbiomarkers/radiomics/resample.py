"""Resampling of image and mask to another voxel size, around the region only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.radiomics.inputs import Region, is_on_one_grid
from mrbiomarkers.radiomics.volume import ZScore
from mrbiomarkers.settings import RadiomicsSettings

Numbers = NDArray[np.float64]

# The B-spline filter forgets a voxel by a factor of 0.27 a voxel: 0.27^32 is 1e-18.
_SPLINE_MARGIN = 32
# A new voxel halfway between two old ones belongs to the region, and a grid that ends where the old one does needs no
# voxel more, whatever the last digits say.
_ROUNDING = 1e-6
_INTERPOLATORS = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}


@dataclass(frozen=True, eq=False)
class _Grid:
    """A grid whose axes run along those of the mask; all in the order x, y, z."""

    size: list[int]
    spacing: list[float]
    origin: list[float]
    direction: tuple[float, ...]


def resample(
    image: sitk.Image, mask: sitk.Image, region: Region, zscore: ZScore | None, settings: RadiomicsSettings
) -> tuple[sitk.Image, sitk.Image]:
    """Return image (as z-scores, if asked for) and mask at the voxel size of the settings, cut out around the region.

    With standard ``"pyradiomics"`` the new grid starts at the outer corner of the mask's grid and the mask is taken to
    the nearest neighbour; an image of an integer type keeps its type, and what is behind the point is cut off. With
    ``"ibsi"`` both grids have the same centre and a voxel belongs to the region where the linearly interpolated mask is
    0.5 or more; an image of whole numbers, of whatever type, is rounded. Axes along which the region is one voxel thick
    keep their voxel size.
    """
    old = np.array(mask.GetSpacing())
    box = np.array(region.mask.shape[::-1])
    new = np.array([length or kept for length, kept in zip(settings.spacing or old, old, strict=True)])
    new = np.where(box != 1, new, old)
    if np.allclose(image.GetSpacing(), new):
        if not is_on_one_grid(image, mask, settings.geometry_tolerance):
            mask = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
            return _scored(image, zscore), mask
        cut = _cut(region, mask.GetSize(), settings.pad_distance)
        return _scored(image[cut], zscore), mask[cut]
    grid = _new_grid(mask, region, new, settings)
    part = image
    # A linear interpolation can come to lie halfway between two whole numbers: there, a cut would change last digits.
    cuts = zscore is not None or settings.interpolator == "bspline"
    if cuts and is_on_one_grid(image, mask, settings.geometry_tolerance):
        reach = np.ceil((settings.pad_distance + 2) * new / old).astype(int) + _SPLINE_MARGIN
        part = image[_cut(region, mask.GetSize(), reach)]
    part = _scored(part, zscore)
    interpolator = _INTERPOLATORS[settings.interpolator]
    if settings.standard == "ibsi":
        values = _on_grid(sitk.Cast(part, sitk.sitkFloat64), grid, interpolator)
        if zscore is None and _is_whole(part):
            values = sitk.Round(values)
        share = _on_grid(sitk.Cast(mask == settings.label, sitk.sitkFloat64), grid, sitk.sitkLinear)
        return values, sitk.Cast(share >= 0.5 - _ROUNDING, sitk.sitkUInt32) * settings.label
    return _on_grid(part, grid, interpolator), _on_grid(mask, grid, sitk.sitkNearestNeighbor)


def _new_grid(mask: sitk.Image, region: Region, new: Numbers, settings: RadiomicsSettings) -> _Grid:
    """Return the part of the new grid that covers the region and the voxels kept around it."""
    old, size = np.array(mask.GetSpacing()), np.array(mask.GetSize())
    ratio = old / new
    first, stop = np.array(region.start[::-1]), np.array(region.stop[::-1])
    count = np.ceil(size * ratio)
    # Where the first voxel of the whole new grid lies, in voxels of the mask.
    corner = 0.5 * (new - old) / old
    if settings.standard == "ibsi":
        count = np.ceil(size * ratio - _ROUNDING)
        corner = 0.5 * (size - 1) - 0.5 * (count - 1) / ratio
    low = np.maximum(np.floor((first - 0.5) * ratio - settings.pad_distance), 0)
    high = np.minimum(np.ceil((stop - 0.5) * ratio + settings.pad_distance), count - 1)
    origin = mask.TransformContinuousIndexToPhysicalPoint((corner + low / ratio).tolist())
    return _Grid([int(number) for number in high - low + 1], new.tolist(), list(origin), mask.GetDirection())


def _cut(region: Region, size: tuple[int, ...], reach: int | NDArray[np.int_]) -> tuple[slice, ...]:
    low = np.maximum(np.array(region.start[::-1]) - reach, 0)
    high = np.minimum(np.array(region.stop[::-1]) + reach, size)
    return tuple(slice(int(first), int(stop)) for first, stop in zip(low, high, strict=True))


def _scored(image: sitk.Image, zscore: ZScore | None) -> sitk.Image:
    if zscore is None:
        return image
    scores = sitk.GetImageFromArray(zscore(sitk.GetArrayViewFromImage(image)))
    scores.CopyInformation(image)
    return scores


def _is_whole(image: sitk.Image) -> bool:
    values = sitk.GetArrayViewFromImage(image)
    return values.dtype.kind in "iu" or bool(np.all(values == np.round(values)))


def _on_grid(image: sitk.Image, grid: _Grid, interpolator: int) -> sitk.Image:
    return sitk.Resample(
        image,
        grid.size,
        sitk.Transform(),
        interpolator,
        grid.origin,
        grid.spacing,
        grid.direction,
        0.0,
        image.GetPixelID(),
    )
