"""Whether regions and points have changed since they were saved, or measured. No Qt."""

from __future__ import annotations

import zlib
from typing import Any

from mrbiomarkers.mrml.segments import cropped, segment_region
from mrbiomarkers.panels.cases.case_nodes import CASE

_OURS = "MRBiomarkers."
_LABELMAP = "Binary labelmap"


def attributes_of(node: Any) -> dict[str, str]:
    """Return the attributes that this extension has given to a node, but for the case that it belongs to."""
    names = [name for name in node.GetAttributeNames() if name.startswith(_OURS) and name != CASE]
    return {name: node.GetAttribute(name) for name in sorted(names)}


def regions_state(node: Any) -> Any:
    """Return what is other after any change of a segmentation; cheap enough for every second."""
    content, states = node.GetSegmentation(), []
    for identifier in content.GetSegmentIDs():
        segment = content.GetSegment(identifier)
        picture = segment.GetRepresentation(_LABELMAP)
        states.append((identifier, segment.GetMTime(), None if picture is None else picture.GetMTime()))
    return node.GetID(), tuple(states), tuple(attributes_of(node).items())


def points_state(node: Any) -> Any:
    """Return what is other after any change of a list of points; the one under the cursor has no position yet."""
    points = []
    for index in range(node.GetNumberOfControlPoints()):
        is_placed = node.GetNthControlPointPositionStatus(index) == node.PositionDefined
        place = tuple(node.GetNthControlPointPositionWorld(index)) if is_placed else None
        flags = (node.GetNthControlPointLocked(index), node.GetNthControlPointVisibility(index))
        points.append((node.GetNthControlPointLabel(index), place, *flags))
    return node.GetID(), tuple(points), node.GetLocked()


def drawn_state(node: Any) -> Any:
    """Return what is other where a region has another name or other voxels; None for None."""
    if node is None:
        return None
    content, drawn = node.GetSegmentation(), []
    for identifier in content.GetSegmentIDs():
        region = cropped(segment_region(node, identifier))
        told = (
            None if region is None else (zlib.crc32(region.mask.tobytes()), region.mask.shape, region.affine.round(3))
        )
        drawn.append((content.GetSegment(identifier).GetName(), told and (*told[:2], told[2].tobytes())))
    return tuple(drawn)


def is_blank(node: Any) -> bool:
    """Tell whether nothing was drawn or placed yet, for which no file is made."""
    if node.IsA("vtkMRMLSegmentationNode"):
        return not node.GetSegmentation().GetNumberOfSegments()
    return not node.GetNumberOfDefinedControlPoints()
