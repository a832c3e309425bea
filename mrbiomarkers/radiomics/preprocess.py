"""From image and mask to the voxels that are measured: checks, z-scores, resampling, resegmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)

from mrbiomarkers.radiomics.inputs import Region, check_grids, check_image, check_inside, find_region, is_on_one_grid
from mrbiomarkers.radiomics.resample import resample
from mrbiomarkers.radiomics.volume import Volume, volume_of, z_score
from mrbiomarkers.settings import RadiomicsSettings

_FEW_VOXELS = 16


@dataclass(frozen=True, eq=False)
class Prepared:
    """What features are measured on.

    Attributes
    ----------
    volume : Volume
        The voxels that filters may read.
    region : Region
        Where intensities and textures are measured.
    outline : Region
        Where shape is measured: the region before resegmentation, unless the settings ask for what is left.
    warnings : tuple of str
        What the user should look at.
    """

    volume: Volume
    region: Region
    outline: Region
    warnings: tuple[str, ...]


def prepare(image: sitk.Image, mask: sitk.Image, settings: RadiomicsSettings) -> Prepared:
    """Check image and mask, and bring them to the state in which features are measured.

    Parameters
    ----------
    image : SimpleITK.Image
        Three axes, one real number a voxel.
    mask : SimpleITK.Image
        Labels on the grid of the image.
    settings : RadiomicsSettings
        What is done.

    Raises
    ------
    TypeError
        When image or mask is no SimpleITK image, or complex.
    ValueError
        When one is a vector image or has not three axes; when the grids differ; when the label is missing or lies
        outside the image; when the region is too small or has values that are not finite.
    """
    check_image("image", image)
    check_image("mask", mask)
    region, others = find_region(mask, settings.label)
    warnings = []
    if others:
        shown = ", ".join(str(label) for label in sorted([*others, settings.label]))
        warnings.append(f"the mask has labels {shown}: label {settings.label} was measured")
    if not is_on_one_grid(image, mask, settings.geometry_tolerance):
        if not settings.resample_mask and settings.spacing is None:
            check_grids(image, mask, settings.geometry_tolerance)
        check_inside(image, mask, region)
        warnings.append("the mask is on another grid than the image: it was resampled to the nearest neighbour")
    if settings.resample_mask and not is_on_one_grid(image, mask, settings.geometry_tolerance):
        mask = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        region, _ = find_region(mask, settings.label)
    zscore = z_score(image, settings)
    if settings.spacing is not None:
        image, mask = resample(image, mask, region, zscore, settings)
        if not (sitk.GetArrayViewFromImage(mask) == settings.label).any():
            raise ValueError(
                f"spacing: expected voxel sizes that leave something of the region, got {settings.spacing} mm for "
                f"{region.size} voxels"
            )
        region, _ = find_region(mask, settings.label)
        zscore = None
    volume = volume_of(image, zscore)
    _check_size(region, settings)
    _check_finite(volume, region)
    outline = region
    if settings.resegment_range is not None:
        region, outline = _resegmented(volume, region, settings)
        _check_size(region, settings)
    if region.size < _FEW_VOXELS:
        warnings.append(f"the region has {region.size} voxels: features of fewer than {_FEW_VOXELS} say little")
    return Prepared(volume, region, outline, tuple(warnings))


def _check_size(region: Region, settings: RadiomicsSettings) -> None:
    size = region.size
    if size == 1:
        raise ValueError("mask: expected a region of two voxels or more, got 1 voxel")
    axes = sum(length > 1 for length in region.mask.shape)
    if axes < settings.minimum_dimensions:
        raise ValueError(
            f"mask: expected a region longer than one voxel along {settings.minimum_dimensions} axes or more "
            f"(minimum_dimensions), got {axes}: {size} voxels in a box (k, j, i) of {region.mask.shape}"
        )
    if settings.minimum_voxels is not None and size <= settings.minimum_voxels:
        raise ValueError(
            f"mask: expected a region of more than {settings.minimum_voxels} voxels (minimum_voxels), got {size}"
        )


def _box(region: Region) -> tuple[slice, ...]:
    return tuple(slice(first, stop) for first, stop in zip(region.start, region.stop, strict=True))


def _check_finite(volume: Volume, region: Region) -> None:
    values = volume.voxels[_box(region)][region.mask]
    if values.dtype.kind == "f":
        bad = values.size - int(np.count_nonzero(np.isfinite(values)))
        if bad:
            raise ValueError(
                f"image: expected finite values inside the region, got NaN or infinite ones in {bad} of {values.size} "
                "voxels; leave these out of the mask"
            )


def _resegmented(volume: Volume, region: Region, settings: RadiomicsSettings) -> tuple[Region, Region]:
    """Return the region with the voxels in range only, and the region of shape."""
    values = volume.read(_box(region))
    inside = values[region.mask].astype(np.float64)
    limits = np.sort(np.array(settings.resegment_range, dtype=np.float64))
    if settings.resegment_mode == "relative":
        limits = limits * inside.max()
    elif settings.resegment_mode == "sigma":
        limits = inside.mean() + limits * inside.std()
    kept = region.mask & (values >= limits[0])
    if limits.size == 2:
        kept &= values <= limits[1]
    if not kept.any():
        shown = " to ".join(f"{limit:g}" for limit in limits)
        raise ValueError(
            f"resegment_range: expected voxels of the region from {shown}, got none; the region has "
            f"{inside.min():g} to {inside.max():g}"
        )
    spans = [np.flatnonzero(kept.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    cut = tuple(slice(int(span[0]), int(span[-1]) + 1) for span in spans)
    start = tuple(first + part.start for first, part in zip(region.start, cut, strict=True))
    left = Region(kept[cut], start)  # type: ignore[arg-type]
    if settings.resegment_shape:
        return left, left
    # PyRadiomics measures shape in the box around what is left: a voxel of the region outside it is not seen.
    clipped = region if settings.standard == "ibsi" else Region(region.mask[cut], start)  # type: ignore[arg-type]
    return left, clipped
