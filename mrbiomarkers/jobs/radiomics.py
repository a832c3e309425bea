"""Radiomic features of one image in its regions: a row for each, also for one that cannot be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.checks import check_affine
from mrbiomarkers.jobs.measuring import DrawnRegion
from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.quantities import Quantity
from mrbiomarkers.radiomics import extract
from mrbiomarkers.radiomics.inputs import is_on_one_grid
from mrbiomarkers.regions import is_same_lattice
from mrbiomarkers.settings import RadiomicsSettings
from mrbiomarkers.settings.radiomics_presets import RadiomicsRecipe, few_levels_expected
from mrbiomarkers.tables.features import FeatureRow

_DIGITS = 12
_MOST_SHEAR = 2e-4  # cosine between two axes, as files accept it
_USUAL_WIDTH = RadiomicsSettings().bin_width


class ImageOnGrid(NamedTuple):
    """Voxels (K, J, I) and the voxel-to-RAS matrix (4, 4) [mm] of an image that is no map of a quantity."""

    values: NDArray[Any]
    affine: NDArray[np.float64]


class GridDigits(NamedTuple):
    """Voxel size, direction (9 numbers, row after row) and origin of a grid as ITK has them.

    A matrix has lost their last digits, on which it depends which of two voxels is nearest to a point between them.
    """

    spacing: tuple[float, ...]
    direction: tuple[float, ...]
    origin: tuple[float, ...]


@dataclass(frozen=True)
class CaseNames:
    """What the rows of an image are called.

    Attributes
    ----------
    subject, timepoint : str
        Whose image, and when.
    series : str
        Which image; empty: the quantity, for a map.
    """

    subject: str = ""
    timepoint: str = ""
    series: str = ""


def run_radiomics(
    image: ParameterMap | ImageOnGrid,
    regions: Mapping[str, DrawnRegion],
    recipe: RadiomicsRecipe | RadiomicsSettings | None = None,
    *,
    names: CaseNames | None = None,
    keep_bin_width: bool = False,
    image_grid: GridDigits | None = None,
    mask_grid: GridDigits | None = None,
    progress: Callable[[int, int], bool] | None = None,
) -> list[FeatureRow]:
    """Return the radiomic features of an image in each of its regions.

    A map is measured in its reported unit (D in 10^-3 mm2/s); one that is reported already is not scaled again. A bin
    width of 25 (PyRadiomics' default), and one as wide as all values that the quantity usually has, would leave a map
    one grey level or few: in their place comes the bin width of the quantity.

    Parameters
    ----------
    image : ParameterMap or ImageOnGrid
        What is measured.
    regions : mapping of str to DrawnRegion
        Masks (K, J, I) by name. One whose voxels coincide with those of the image (to 0.01 voxel) may cover another
        part of space; one on any other grid is refused unless the settings resample.
    recipe : RadiomicsRecipe or RadiomicsSettings, optional
        What is measured, and how; default: PyRadiomics' 107 features. Masks are looked at voxel by voxel: ``label`` of
        the settings has no part in it.
    names : CaseNames, optional
        Columns of the rows.
    keep_bin_width : bool
        Take the bin width of the settings for a map, too, whatever its quantity.
    image_grid, mask_grid : GridDigits, optional
        What the matrices say, of the image and of all masks, to the last digit: with both, resampling equals
        PyRadiomics' on the same files.
    progress : callable, optional
        ``progress(done, total)`` for every region; False cancels.

    Returns
    -------
    list of FeatureRow
        One for each region, in their order; one that cannot be measured says why.

    Raises
    ------
    TypeError
        When the image is of another kind, or has complex numbers.
    ValueError
        When there is no region, or the image has not three axes that are perpendicular.
    InterruptedError
        When ``progress`` returned False.
    """
    if not regions:
        raise ValueError("regions: expected at least one, got none")
    chosen = recipe if isinstance(recipe, RadiomicsRecipe) else RadiomicsRecipe("", (recipe or RadiomicsSettings(),))
    values, affine = _values_of(image)
    known = image.quantity if isinstance(image, ParameterMap) else None
    settings, notes = _suited(chosen, known, keep_bin_width)
    names = names or CaseNames()
    own = replace(names, series=names.series or (known.key if known else ""))
    if image_grid is None or mask_grid is None:  # the space of the one is LPS, that of the other RAS
        image_grid = mask_grid = None
    voxels = _as_image("image", values, affine, image_grid)
    rows = []
    for done, (region, drawn) in enumerate(regions.items()):
        if progress is not None and progress(done, len(regions)) is False:
            raise InterruptedError(f"radiomics was cancelled after {done} of {len(regions)} regions")
        row = FeatureRow(own.subject, own.timepoint, own.series, region, "failed", "not measured")
        rows.append(_measured(row, voxels, affine, drawn, mask_grid, replace(chosen, settings=settings), notes))
    if progress is not None:
        progress(len(regions), len(regions))
    return rows


def failed_row(names: CaseNames, region: str, reason: str) -> FeatureRow:
    """Return the row of a region, or of a whole case, that cannot be measured."""
    return FeatureRow(names.subject, names.timepoint, names.series, region, "failed", reason or "unknown reason")


def settings_of_map(
    settings: RadiomicsSettings, quantity: Quantity, *, keep_bin_width: bool = False
) -> tuple[RadiomicsSettings, str]:
    """Return the settings with the bin width of a quantity where theirs does not suit it, and what was done in words.

    Theirs does not suit where it is PyRadiomics' default, 25, or as wide as the usual range of the quantity. Z-scores
    and a number of bins have no unit and stay.

    Parameters
    ----------
    settings : RadiomicsSettings
        What was asked for; the bin width is meant in the reported unit.
    quantity : Quantity
        What is mapped.
    keep_bin_width : bool
        Change nothing.
    """
    width = settings.bin_width
    if keep_bin_width or quantity.bin_width is None or settings.bin_count is not None or settings.normalize:
        return settings, ""
    low, high = quantity.display_range
    if width == quantity.bin_width or not (width == _USUAL_WIDTH or width >= high - low):
        return settings, ""
    unit = "" if quantity.reported_unit == "1" else f" {quantity.reported_unit}"
    note = f"bin width {quantity.bin_width:g}{unit}, that of {quantity.key}, in place of {width:g}"
    return replace(settings, bin_width=quantity.bin_width), note


def _suited(
    recipe: RadiomicsRecipe, known: Quantity | None, keep_bin_width: bool
) -> tuple[tuple[RadiomicsSettings, ...], tuple[str, ...]]:
    """Return the settings of each extraction for this image, and what the user should know of them."""
    found, notes = [], []
    for settings in recipe.settings:
        own, note = settings, few_levels_expected(settings)
        notes.append(note)
        if known is not None:
            own, note = settings_of_map(settings, known, keep_bin_width=keep_bin_width)
            notes.append(note)
        found.append(replace(own, label=1))
    return tuple(found), tuple(dict.fromkeys(note for note in notes if note))


def _values_of(image: ParameterMap | ImageOnGrid) -> tuple[NDArray[Any], NDArray[np.float64]]:
    if isinstance(image, ParameterMap):
        reported = to_reported(image)
        return np.asarray(reported.values), reported.affine
    if not isinstance(image, ImageOnGrid):
        raise TypeError(f"image: expected a ParameterMap or an ImageOnGrid, got {type(image).__name__}")
    values = np.asarray(image.values)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"image: expected real numbers, got {values.dtype}")
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"image: expected three axes (K, J, I), got shape {values.shape}")
    return values, check_affine(image.affine)


def _as_image(
    name: str, values: NDArray[Any], affine: NDArray[np.float64], grid: GridDigits | None = None
) -> sitk.Image:
    """Return an array as an image; its physical space is RAS, or that of the grid: no feature depends on it."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    direction = affine[:3, :3] / spacing
    if np.abs(direction.T @ direction - np.eye(3)).max() > _MOST_SHEAR:
        raise ValueError(f"{name}: expected perpendicular axes, got {affine[:3, :3].tolist()}")
    plain = values.astype({"b": np.uint8, "f": np.float32}[values.dtype.kind]) if values.dtype.char in "?e" else values
    image = sitk.GetImageFromArray(np.ascontiguousarray(plain), isVector=False)
    lengths = [float(f"{length:.{_DIGITS}g}") for length in spacing]
    own = grid or GridDigits(tuple(lengths), tuple(direction.ravel().tolist()), tuple(affine[:3, 3].tolist()))
    image.SetSpacing(own.spacing)
    image.SetDirection(own.direction)
    image.SetOrigin(own.origin)
    return image


def _measured(
    row: FeatureRow,
    image: sitk.Image,
    affine: NDArray[np.float64],
    drawn: DrawnRegion,
    grid: GridDigits | None,
    recipe: RadiomicsRecipe,
    notes: tuple[str, ...],
) -> FeatureRow:
    """Return the row of one region, filled in: with its features, or with the reason why there are none."""
    features: dict[str, float] = {}
    levels: dict[str, int] = {}
    warnings = list(notes)
    n_voxels = 0
    try:
        mask = _mask_of(drawn, grid, image, affine, recipe.settings[0].geometry_tolerance)
        for settings in recipe.settings:
            found = extract(image, mask, settings)
            features.update((name, value) for name, value in found.items() if recipe.keeps(name))
            levels.update(found.levels)
            warnings += found.warnings
            n_voxels = found.n_voxels
    except (ValueError, TypeError, RuntimeError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return replace(row, reason=reason, warnings=tuple(dict.fromkeys(notes)))
    told = tuple(dict.fromkeys(warnings))
    return replace(
        row, status="measured", reason="", n_voxels=n_voxels, warnings=told, levels=levels, features=features
    )


def _mask_of(
    drawn: DrawnRegion, grid: GridDigits | None, image: sitk.Image, affine: NDArray[np.float64], tolerance: float
) -> sitk.Image:
    """Return a mask as an image: on the grid of the image where the voxels of both coincide, else on its own.

    Raises
    ------
    ValueError
        When it has not three axes, is empty, or a part of it lies outside the image.
    """
    mask, own = np.asarray(drawn.mask) != 0, check_affine(drawn.affine)
    shape = image.GetSize()[::-1]
    if mask.ndim != 3 or not mask.any():
        raise ValueError(
            f"mask: expected three axes and at least one voxel, got shape {mask.shape} and "
            f"{np.count_nonzero(mask)} voxels"
        )
    if not is_same_lattice(mask.shape, own, shape, affine):
        return _as_image("mask", mask, own, grid)
    if mask.shape == shape:
        kept = _as_image("mask", mask, own, grid)
        if is_on_one_grid(image, kept, tolerance):  # its own last digits count, as they do for PyRadiomics
            return kept
    offset = np.round((np.linalg.inv(affine) @ own)[:3, 3]).astype(int)[::-1]
    first = np.maximum(offset, 0)
    last = np.minimum(offset + mask.shape, shape)
    placed = np.zeros(shape, dtype=np.uint8)
    inside = tuple(slice(a, max(a, b)) for a, b in zip(first, last, strict=True))
    source = tuple(slice(a - o, max(a, b) - o) for a, b, o in zip(first, last, offset, strict=True))
    placed[inside] = mask[source]
    left = np.count_nonzero(placed)
    total = np.count_nonzero(mask)
    if left < total:
        raise ValueError(f"mask: expected a region inside the image, got {total - left} of {total} voxels outside it")
    placed_mask = sitk.GetImageFromArray(placed)
    placed_mask.CopyInformation(image)
    return placed_mask
