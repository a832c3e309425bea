"""What a model has segmented, as one label map: from a segmentation or a label map volume."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from mrbiomarkers.mrml.geometry import Affine, affine_of_node
from mrbiomarkers.mrml.nodes import check_node, check_untransformed, said
from mrbiomarkers.mrml.segments import cropped, label_names, segment_region
from mrbiomarkers.regions import Segment, is_same_lattice


def model_labels(node: Any) -> tuple[NDArray[Any], Affine, list[Segment]]:
    """Return a model's segmentation as one label map, as ``mrbiomarkers.regions.vertebra_bodies`` takes it.

    Parameters
    ----------
    node : vtkMRMLSegmentationNode or vtkMRMLLabelMapVolumeNode
        Not under a transform. The segments of a segmentation keep their label values where no two are alike; else they
        are numbered from 1.

    Returns
    -------
    (K, J, I) array, (4, 4) array [mm], list of Segment
        Labels, their voxel to RAS, and what the node says of each label.

    Raises
    ------
    TypeError
        When the node is of another kind.
    ValueError
        When it is under a transform, is empty, holds an image, or its segments lie on different grids.
    """
    check_node("model", node, "vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode")
    check_untransformed("model", node)
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        values = np.zeros((0, 0, 0)) if node.GetImageData() is None else slicer.util.arrayFromVolume(node)
        names = label_names(node, np.unique(values))
        given = {label: "" if name == f"label {label}" else name for label, name in names.items()}
        found = values, affine_of_node(node), [Segment(label, name=name) for label, name in given.items()]
    else:
        found = _merged(node)
    if not found[2]:
        raise ValueError(f"model: {said(node)}: expected at least one label, got none")
    return found


def _merged(node: Any) -> tuple[NDArray[Any], Affine, list[Segment]]:
    """Return the segments of a segmentation in one label map that just holds them."""
    content = node.GetSegmentation()
    regions = {}
    for identifier in content.GetSegmentIDs():
        region = cropped(segment_region(node, identifier))
        if region is not None:
            regions[identifier] = region
    if not regions:
        return np.zeros((0, 0, 0), dtype=np.uint8), np.eye(4), []
    first = next(iter(regions.values()))
    starts = {}
    for identifier, region in regions.items():
        if not is_same_lattice(region.mask.shape, region.affine, first.mask.shape, first.affine):
            name = content.GetSegment(identifier).GetName()
            raise ValueError(f"model: {said(node)}: expected all segments on one grid, got {name!r} on another")
        starts[identifier] = np.round(np.linalg.solve(first.affine, region.affine)[:3, 3]).astype(int)[::-1]
    low = np.min(list(starts.values()), axis=0)
    high = np.max([starts[identifier] + region.mask.shape for identifier, region in regions.items()], axis=0)
    own = [content.GetSegment(identifier).GetLabelValue() for identifier in regions]
    values = own if len(set(own)) == len(own) and min(own) > 0 else range(1, len(own) + 1)
    labels = np.zeros(high - low, dtype=np.int32)
    segments = []
    for value, (identifier, region) in zip(values, regions.items(), strict=True):
        start = starts[identifier] - low
        box = tuple(slice(a, a + n) for a, n in zip(start, region.mask.shape, strict=True))
        labels[box][region.mask] = value
        segments.append(_described(content.GetSegment(identifier), identifier, value))
    affine = first.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low[::-1]
    return labels, affine, segments


def _described(segment: Any, identifier: str, value: int) -> Segment:
    tag = vtk.mutable("")
    has = segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), tag)
    return Segment(value, identifier, segment.GetName() or "", str(tag) if has else "")
