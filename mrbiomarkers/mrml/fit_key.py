"""What tells that maps are those of a fit: a digest of the voxels and settings it was made from, kept on each map."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mrbiomarkers.mrml.regions import drawn_regions
from mrbiomarkers.mrml.volumes import voxels_of

_FIT = "MRBiomarkers.Fit"
# What the nodes of a series say beside their voxels.
_TOLD = ("Averages", "Directions", "FieldStrength", "FlipAngle", "Part", "Precession", "ReadoutAxis", "RepetitionTime")
_ATTRIBUTES = ("MultiVolume.FrameLabels", *(f"MRBiomarkers.{name}" for name in _TOLD))


def fit_key(*given: Any) -> str:
    """Return a digest of what a fit was given: nodes by what they hold, all else by what it says.

    It is the same after the scene was saved and loaded, and another one when a voxel, a b-value or a setting differs.

    Parameters
    ----------
    given : nodes, dataclasses, mappings, sequences, texts, numbers
        Series, regions and settings.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(given):
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()


def mark_fit(nodes: Iterable[Any], key: str) -> None:
    """Say on each map by which fit it was made, and of how many maps."""
    made = list(nodes)
    for node in made:
        node.SetAttribute(_FIT, f"{key} {len(made)}")


def is_marked(node: Any) -> bool:
    """Tell whether a map says by which fit it was made."""
    return node.GetAttribute(_FIT) is not None


def marked_maps(nodes: Iterable[Any], key: str) -> dict[str, Any]:
    """Return those of some maps that a fit made, by name; none where one of them is missing.

    Of two equal fits the maps of the later one are returned.
    """
    found, wanted = {}, 0
    for node in nodes:
        told, _, count = (node.GetAttribute(_FIT) or "").partition(" ")
        if told == key and count.isdigit():
            found[_kind(node)] = node
            wanted = int(count)
    return {node.GetName(): node for node in found.values()} if len(found) == wanted else {}


def _kind(node: Any) -> str:
    """Return what tells the maps of one fit apart."""
    return f"{node.GetAttribute('MRBiomarkers.Quantity')} {node.GetAttribute('MRBiomarkers.Provenance')}"


def _parts(value: Any) -> Iterator[bytes]:
    if hasattr(value, "GetMTime"):
        yield from _of_node(value)
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__.encode()
        yield from _parts({field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield str(key).encode()
            yield from _parts(value[key])
    elif isinstance(value, (list, tuple)):
        yield str(len(value)).encode()
        for one in value:
            yield from _parts(one)
    elif isinstance(value, np.ndarray):
        yield from _of_array(value)
    else:
        yield repr(value).encode()


def _of_node(node: Any) -> Iterator[bytes]:
    yield node.GetClassName().encode()
    yield from (str(node.GetAttribute(name)).encode() for name in _ATTRIBUTES)
    if node.IsA("vtkMRMLDiffusionWeightedVolumeNode"):
        yield from (repr(node.GetBValue(index)).encode() for index in range(node.GetNumberOfGradients()))
    if node.IsA("vtkMRMLSequenceNode"):
        for index in range(node.GetNumberOfDataNodes()):
            yield str(node.GetNthIndexValue(index)).encode()
            yield from _of_node(node.GetNthDataNode(index))
    elif node.IsA("vtkMRMLSegmentationNode") or node.IsA("vtkMRMLLabelMapVolumeNode"):
        for name, region in drawn_regions(node).items():
            yield name.encode()
            yield from _of_array(np.packbits(region.mask))
            yield from _of_array(np.round(region.affine, 4))
    elif node.GetImageData() is not None:
        voxels, affine = voxels_of("node", node)
        yield from _of_array(voxels)
        yield from _of_array(np.round(affine, 4) + 0.0)  # a scene file holds rounded numbers; -0 is 0


def _of_array(array: Any) -> Iterator[bytes]:
    yield f"{array.dtype.str}{array.shape}".encode()
    yield np.ascontiguousarray(array).tobytes()
