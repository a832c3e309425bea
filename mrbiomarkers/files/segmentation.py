"""Regions: 3D Slicer segmentations, label maps and masks."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.images import Volume, read_volume
from mrbiomarkers.files.itk import ImageHeader, read_array, read_header
from mrbiomarkers.files.paths import PathLike, stem_of, suffix_of
from mrbiomarkers.regions.levels import Segment

LEGEND_SUFFIX = ".labels.json"
"""Of the file beside a plain label map that names its labels."""

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
        or, for every value above 0 of a label map, that of the legend beside it (``r.labels.json`` for ``r.nii.gz``,
        as :func:`write_regions` writes it), else ``label_1``, ``label_2`` ...

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file cannot be read, holds no region, two of the same name, or values that are no labels.
    """
    header = read_header(path)
    if _segment_numbers(header):
        return _read_masks(header)
    volume, legend = read_volume(path), _read_legend(path)
    return {
        legend.get(label, f"label_{label}"): Volume(volume.values == label, volume.affine, volume.name)
        for label in _labels_of(volume)
    }


def read_segments(path: PathLike) -> tuple[Volume, list[Segment]]:
    """Read a segmentation as one label map, with what the file says of each label.

    Parameters
    ----------
    path : path
        As for :func:`read_regions`.

    Returns
    -------
    Volume
        The label map, 0 outside, on the file's own grid. The labels are those of the file; where the layers of a
        segmentation use one twice, they are 1, 2 ... in the order of the segments.
    list of Segment
        Label, ID, name and terminology of every segment; of a plain label map, label and name (from its legend).

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        As :func:`read_regions`, and when segments overlap: one label map cannot hold them.
    """
    header = read_header(path)
    if not _segment_numbers(header):
        volume, legend = read_volume(path), _read_legend(path)
        return volume, [Segment(label, name=legend.get(label, "")) for label in _labels_of(volume)]
    segments = _described(header)
    masks = _read_masks(header)
    if len({segment.label for segment in segments}) < len(segments):
        segments = [Segment(n, s.id, s.name, s.terminology) for n, s in enumerate(segments, start=1)]
    values = np.zeros(header.shape[:3], dtype=np.int32)
    for segment, (name, mask) in zip(segments, masks.items(), strict=True):
        both = values[mask.values]
        if both.any():
            other = next(item for item in segments if item.label == both.max())
            raise ValueError(
                f"{header.path}: expected segments that do not overlap, got {name!r} and {other.name or other.id!r} "
                f"with {np.count_nonzero(both)} voxels in common"
            )
        values[mask.values] = segment.label
    return Volume(values, header.affine, str(header.path)), segments


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


def _segment_numbers(header: ImageHeader) -> list[int]:
    matches = (re.fullmatch(r"Segment(\d+)_(?:ID|Name)", key) for key in header.metadata)
    numbers = sorted({int(match[1]) for match in matches if match})
    if not numbers and suffix_of(header.path) in (".seg.nrrd", ".seg.nhdr"):
        raise ValueError(f"{header.path}: expected a segmentation with at least one segment, got none")
    return numbers


def _described(header: ImageHeader) -> list[Segment]:
    """Return what the header says of each segment."""
    segments = []
    for number in _segment_numbers(header):
        field = f"Segment{number}_"
        tags = (tag.partition(":") for tag in header.metadata.get(f"{field}Tags", "").split("|"))
        terminology = next((value for key, _, value in tags if key == "TerminologyEntry"), "")
        identity, name = (header.metadata.get(f"{field}{key}", "") for key in ("ID", "Name"))
        segments.append(Segment(_integer(header, f"{field}LabelValue", 1), identity, name, terminology))
    return segments


def _read_masks(header: ImageHeader) -> dict[str, Volume]:
    layers = read_array(header).reshape(*header.shape[:3], header.n_images)
    regions: dict[str, Volume] = {}
    for number, segment in zip(_segment_numbers(header), _described(header), strict=True):
        name = segment.name or segment.id
        if name in regions:
            raise ValueError(f"{header.path}: expected segments of different names, got {name!r} twice")
        # Slicer 4.10 and earlier: one layer for each segment, with the value 1.
        layer = _integer(header, f"Segment{number}_Layer", number if header.n_images > 1 else 0)
        if not 0 <= layer < header.n_images:
            raise ValueError(f"{header.path}: expected {name!r} in one of {header.n_images} layers, got layer {layer}")
        regions[name] = Volume(layers[..., layer] == segment.label, header.affine, str(header.path))
    return regions


def _integer(header: ImageHeader, key: str, default: int) -> int:
    text = header.metadata.get(key, str(default))
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{header.path}: expected an integer in {key}, got {text!r}") from None


def _labels_of(volume: Volume) -> list[int]:
    """Return the values above 0 of a label map."""
    values: NDArray[np.generic] = volume.values
    labels = np.unique(values)
    if values.dtype.kind == "f" and not np.all(np.isfinite(labels) & (labels == np.round(labels))):
        raise ValueError(f"{volume.name}: expected a label map of integers, got fractions or NaN ({values.dtype})")
    labels = labels[np.greater(labels, 0)]
    if labels.size == 0:
        raise ValueError(f"{volume.name}: expected a label map with a value above 0, got none")
    if labels.size > _MAX_LABELS:
        raise ValueError(f"{volume.name}: expected at most {_MAX_LABELS} labels, got {labels.size}: is it an image?")
    return [int(label) for label in labels]


def _read_legend(path: PathLike) -> dict[int, str]:
    """Return the names of the labels from the file beside a label map; none when there is no such file."""
    legend = Path(path).with_name(stem_of(path) + LEGEND_SUFFIX)
    if not legend.is_file():
        return {}
    try:
        names = {int(label): str(name) for label, name in json.loads(legend.read_text("utf-8"))["labels"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f'{legend}: expected {{"labels": {{"1": "L1", ...}}}}, got something else') from None
    twice = [a for a, b in itertools.pairwise(sorted(names.values())) if a == b]
    if twice:
        raise ValueError(f"{legend}: expected labels of different names, got {twice[0]!r} twice")
    return names
