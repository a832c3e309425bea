"""All features of a region, by the names and in the order of PyRadiomics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.radiomics.discretise import Levels, discretise
from mrbiomarkers.radiomics.filters import Filtered, filtered_values
from mrbiomarkers.radiomics.firstorder import first_order_features
from mrbiomarkers.radiomics.glcm import glcm_features
from mrbiomarkers.radiomics.gldm import gldm_features
from mrbiomarkers.radiomics.glrlm import glrlm_features
from mrbiomarkers.radiomics.glszm import glszm_features
from mrbiomarkers.radiomics.lines import Lines, find_lines
from mrbiomarkers.radiomics.ngtdm import ngtdm_features
from mrbiomarkers.radiomics.preprocess import Prepared, prepare
from mrbiomarkers.radiomics.shape import shape_features
from mrbiomarkers.radiomics.shape2d import flat_axis, shape2d_features
from mrbiomarkers.settings import FEATURE_FAMILIES, RadiomicsSettings

_FEW_LEVELS, _MANY_LEVELS = 8, 256
_TEXTURES = ("glcm", "gldm", "glrlm", "glszm", "ngtdm")


class Features(dict[str, float]):
    """Feature values by name, ``image_family_feature``, in the order of PyRadiomics.

    Attributes
    ----------
    levels : dict of str to int
        For each image, how many bins there are from the lowest to the highest grey level in the region.
    n_voxels : int
        Voxels of the region, after resampling and resegmentation.
    warnings : tuple of str
        What the user should look at.
    """

    def __init__(self) -> None:
        super().__init__()
        self.levels: dict[str, int] = {}
        self.n_voxels = 0
        self.warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """What textures need of the region, found once for all images."""

    near: list[Lines]
    lines: list[Lines]


def extract(image: sitk.Image, mask: sitk.Image, settings: RadiomicsSettings | None = None) -> Features:
    """Return the radiomic features of an image in a region.

    Parameters
    ----------
    image : SimpleITK.Image
        Three axes, one real number a voxel, finite in the region. Nothing is written to it.
    mask : SimpleITK.Image
        Whole numbers on the grid of the image; the region has ``settings.label``.
    settings : RadiomicsSettings, optional
        What is measured, and how; by default what PyRadiomics measures by default: 107 features of the image itself.

    Returns
    -------
    Features
        A dictionary of the values, with the grey levels of each image and warnings. A value is NaN where the feature is
        not defined for this region, or where an image cannot be filtered: a warning says so.

    Raises
    ------
    TypeError
        When image or mask is no SimpleITK image, or complex.
    ValueError
        When one is a vector image or has not three axes, when their grids differ, when the label is missing or outside
        the image, when the region is too small or has values that are not finite, or when the settings do not suit the
        values (:class:`~mrbiomarkers.settings.RadiomicsSettings`).

    References
    ----------
    van Griethuysen et al., Cancer Res 2017;77:e104 (PyRadiomics: names, definitions and defaults). Zwanenburg et al.,
    Radiology 2020;295:328 (IBSI).
    """
    settings = settings or RadiomicsSettings()
    prepared = prepare(image, mask, settings)
    features = Features()
    features.n_voxels = prepared.region.size
    warnings = [*prepared.warnings]
    for name, value in _shape(prepared, settings):
        features[name] = float(value)
    families = [family for family in FEATURE_FAMILIES if family in settings.families and family != "shape"]
    if families:
        neighbours = _neighbours(prepared, settings) if set(families) & set(_TEXTURES) else _Neighbours([], [])
        for filtered in filtered_values(prepared.volume, prepared.region, settings):
            found, levels, notes = _of_image(filtered, prepared, neighbours, families, settings)
            features.update((f"{filtered.name}_{name}", float(value)) for name, value in found.items())
            features.levels[filtered.name] = levels
            warnings += notes
    if flat_axis(prepared.outline.mask, settings) is not None and "shape" in settings.families:
        warnings.append("the region lies in one slice: its 3-D shape features say little, 2-D ones were added")
    features.warnings = tuple(warnings)
    return features


def _shape(prepared: Prepared, settings: RadiomicsSettings) -> Iterator[tuple[str, float]]:
    if "shape" not in settings.families:
        return
    mask, spacing = prepared.outline.mask, prepared.volume.spacing
    for name, value in shape_features(mask, spacing, settings).items():
        yield f"original_shape_{name}", value
    axis = flat_axis(mask, settings)
    if axis is not None:
        for name, value in shape2d_features(mask, spacing, axis, settings).items():
            yield f"original_shape2D_{name}", value


def _neighbours(prepared: Prepared, settings: RadiomicsSettings) -> _Neighbours:
    axis = settings.force_2d_axis if settings.force_2d else None
    lines = find_lines(prepared.region.mask, (1,), axis)
    if tuple(settings.distances) == (1,):
        return _Neighbours(lines, lines)
    return _Neighbours(find_lines(prepared.region.mask, tuple(settings.distances), axis), lines)


def _of_image(
    filtered: Filtered,
    prepared: Prepared,
    neighbours: _Neighbours,
    families: list[str],
    settings: RadiomicsSettings,
) -> tuple[dict[str, float], int, list[str]]:
    """Return the features of one image, its number of grey levels and what should be looked at."""
    title, values, volume = filtered.name, filtered.values, prepared.volume
    if filtered.problem:
        # The names are those of any region.
        names = _of_image(Filtered(title, np.zeros(values.size)), prepared, neighbours, families, settings)[0]
        return dict.fromkeys(names, np.nan), 0, [f"{title}: not measured: {filtered.problem}"]
    levels = discretise(values, settings, minimum=_minimum(title, values, settings))
    found: dict[str, float] = {}
    for family in families:
        if family == "firstorder":
            part = first_order_features(values, levels, float(np.prod(volume.spacing)), settings)
        else:
            part = _texture(family, levels, neighbours, volume.spacing, settings)
        found.update((f"{family}_{name}", value) for name, value in part.items())
    return found, levels.highest, _notes(title, values, levels, found)


def _texture(
    family: str,
    levels: Levels,
    neighbours: _Neighbours,
    spacing: tuple[float, float, float],
    settings: RadiomicsSettings,
) -> dict[str, float]:
    if family == "glcm":
        return glcm_features(levels, neighbours.near, spacing, settings)
    if family == "gldm":
        return gldm_features(levels, neighbours.near, settings.gldm_alpha)
    if family == "glrlm":
        return glrlm_features(levels, neighbours.lines, spacing, settings)
    if family == "glszm":
        return glszm_features(levels, neighbours.lines)
    return ngtdm_features(levels, neighbours.near, settings)


def _minimum(title: str, values: NDArray[Any], settings: RadiomicsSettings) -> float | None:
    """Return where the first bin starts, None for PyRadiomics' multiple of the width."""
    if settings.standard != "ibsi" or settings.bin_count is not None:
        return None
    if title != "original":
        return float(values.min())
    if settings.bin_minimum is not None:
        return settings.bin_minimum
    if settings.resegment_range is not None and settings.resegment_mode == "absolute":
        return float(min(settings.resegment_range))
    raise ValueError(
        "bin_minimum: expected the value at which the first bin starts, for standard 'ibsi' and a bin width; got none, "
        "and no resegment_range of mode 'absolute'"
    )


def _notes(title: str, values: NDArray[Any], levels: Levels, found: dict[str, float]) -> list[str]:
    notes = []
    plural = "s" if levels.highest > 1 else ""
    if values.min() == values.max():
        notes.append(f"{title}: the region is constant ({values[0]:g}): textures have the values defined for this case")
    elif levels.highest < _FEW_LEVELS:
        notes.append(
            f"{title}: {levels.highest} grey level{plural} in the region, fewer than {_FEW_LEVELS}: textures say little"
        )
    elif levels.highest > _MANY_LEVELS:
        notes.append(f"{title}: {levels.highest} grey levels in the region, more than {_MANY_LEVELS}: most occur once")
    undefined = [name for name, value in found.items() if np.isnan(value)]
    if undefined:
        shown = ", ".join(undefined[:3]) + (f" and {len(undefined) - 3} more" if len(undefined) > 3 else "")
        notes.append(f"{title}: not defined for this region: {shown}")
    return notes
