"""Regions: 3D Slicer segmentations, label maps and masks."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.images import Volume, read_volume
from mrbiomarkers.files.itk import ImageHeader, read_array, read_header
from mrbiomarkers.files.paths import PathLike, suffix_of

# More labels than any anatomy model has: an image given by mistake, not a label map.
_MAX_LABELS = 512


def read_regions(path: PathLike) -> dict[str, Volume]:
    """Read named regions from a segmentation or a label map.

    Parameters
    ----------
    path : path
        A 3D Slicer segmentation (``.seg.nrrd``), or a 3-D label map in any supported format.

    Returns
    -------
    dict of str to Volume
        Boolean masks on the file's own grid, which may be a part of the image's grid. Names are those of the segments,
        or ``label_1``, ``label_2`` ... for every value above 0 of a label map.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file cannot be read, holds no region, two of the same name, or values that are no labels.
    """
    header = read_header(path)
    segments = _segment_numbers(header.metadata)
    if segments:
        return _read_segments(header, segments)
    if suffix_of(path) in (".seg.nrrd", ".seg.nhdr"):
        raise ValueError(f"{path}: expected a segmentation with at least one segment, got none")
    return _split_labels(read_volume(path))


def read_mask(path: PathLike) -> Volume:
    """Read a mask: the voxels above 0 of a 3-D image.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file cannot be read or holds no single 3-D image.
    """
    volume = read_volume(path)
    return Volume(np.greater(volume.values, 0), volume.affine, volume.name)


def _segment_numbers(metadata: Mapping[str, str]) -> list[int]:
    matches = (re.fullmatch(r"Segment(\d+)_(?:ID|Name)", key) for key in metadata)
    return sorted({int(match[1]) for match in matches if match})


def _read_segments(header: ImageHeader, segments: list[int]) -> dict[str, Volume]:
    layers = read_array(header).reshape(*header.shape[:3], header.n_images)
    regions: dict[str, Volume] = {}
    for number in segments:
        name = header.metadata.get(f"Segment{number}_Name") or header.metadata.get(f"Segment{number}_ID", "")
        if name in regions:
            raise ValueError(f"{header.path}: expected segments of different names, got {name!r} twice")
        # Slicer 4.10 and earlier: one layer for each segment, with the value 1.
        layer = _integer(header, f"Segment{number}_Layer", number if header.n_images > 1 else 0)
        label = _integer(header, f"Segment{number}_LabelValue", 1)
        if not 0 <= layer < header.n_images:
            raise ValueError(f"{header.path}: expected {name!r} in one of {header.n_images} layers, got layer {layer}")
        regions[name] = Volume(layers[..., layer] == label, header.affine, str(header.path))
    return regions


def _integer(header: ImageHeader, key: str, default: int) -> int:
    text = header.metadata.get(key, str(default))
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{header.path}: expected an integer in {key}, got {text!r}") from None


def _split_labels(volume: Volume) -> dict[str, Volume]:
    values: NDArray[np.generic] = volume.values
    labels = np.unique(values)
    if values.dtype.kind == "f" and not np.all(np.isfinite(labels) & (labels == np.round(labels))):
        raise ValueError(f"{volume.name}: expected a label map of integers, got fractions or NaN ({values.dtype})")
    labels = labels[np.greater(labels, 0)]
    if labels.size == 0:
        raise ValueError(f"{volume.name}: expected a label map with a value above 0, got none")
    if labels.size > _MAX_LABELS:
        raise ValueError(f"{volume.name}: expected at most {_MAX_LABELS} labels, got {labels.size}: is it an image?")
    return {f"label_{int(label)}": Volume(values == label, volume.affine, volume.name) for label in labels}
