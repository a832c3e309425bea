"""Single segments and labels: their voxels, names and colours, and voxels put into them."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from mrbiomarkers.jobs import DrawnRegion
from mrbiomarkers.mrml.geometry import Affine, matrix_of
from mrbiomarkers.mrml.nodes import said

Mask = NDArray[np.bool_]
Colour = tuple[float, float, float]

_LABELMAP = "Binary labelmap"
_MOST_LABELS = 512  # more than any anatomy model has: an image given by mistake
_TERMINOLOGY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure~SCT^{}^{}~^^~"
    "Anatomic codes - DICOM master list~^^~^^"
)
_COLOURS: Mapping[str, Colour] = {
    "T12": (0.73, 0.67, 0.86),
    "L1": (0.34, 0.71, 0.91),
    "L2": (0.90, 0.62, 0.20),
    "L3": (0.20, 0.68, 0.52),
    "L4": (0.80, 0.47, 0.65),
    "L5": (0.90, 0.84, 0.40),
    "S1": (0.55, 0.63, 0.80),
}


def segment_region(node: Any, identifier: str) -> DrawnRegion:
    """Return a segment on the voxels of its layer, or of the label map made of its surface."""
    segmentation = node.GetSegmentation()
    if segmentation.ContainsRepresentation(_LABELMAP):
        segment = segmentation.GetSegment(identifier)
        return _of_image(segment.GetRepresentation(_LABELMAP), segment.GetLabelValue())
    image = slicer.vtkOrientedImageData()
    # converts a copy of the segment, so the user's node keeps what it has
    convert = slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentBinaryLabelmapRepresentation
    if not convert(node, identifier, image, False):
        kind = segmentation.GetSourceRepresentationName()
        raise ValueError(
            f"{said(node)}: expected label maps or closed surfaces, got {kind!r} that cannot be converted "
            f"({segmentation.GetSegment(identifier).GetName()!r})"
        )
    return _of_image(image, 1)


def _of_image(image: Any, label: int) -> DrawnRegion:
    """Return where an image, whose extent need not start at 0, has a value."""
    scalars = None if image is None else image.GetPointData().GetScalars()
    if scalars is None or image.GetNumberOfPoints() == 0:
        return DrawnRegion(np.zeros((0, 0, 0), dtype=bool), np.eye(4))
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    affine = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    affine[:3, 3] += affine[:3, :3] @ np.array(image.GetExtent()[::2])
    values = vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])
    return DrawnRegion(np.asarray(values == label), affine)


def label_names(node: Any, values: NDArray[Any]) -> dict[int, str]:
    """Return the names of the labels above 0, by value."""
    if not np.all(np.isfinite(values) & (values == np.round(values))):
        raise ValueError(f"{said(node)}: expected whole numbers as labels, got fractions or NaN ({values.dtype})")
    labels = [int(value) for value in values if value > 0]
    if len(labels) > _MOST_LABELS:
        raise ValueError(f"{said(node)}: expected at most {_MOST_LABELS} labels, got {len(labels)}: is it an image?")
    display = node.GetDisplayNode()
    table = display.GetColorNode() if display is not None else None
    return {label: _colour_name(table, label) or f"label {label}" for label in labels}


def _colour_name(table: Any, label: int) -> str:
    """Return the name that a colour table has for a label; empty where it has none."""
    if table is None or label >= table.GetNumberOfColors():
        return ""
    name = (table.GetColorName(label) or "").strip()
    return "" if name == "(none)" else str(name)  # as Slicer before 5.10 names undefined entries


def add_segment(node: Any, name: str, number: int, code: tuple[str, str] | None) -> str:
    """Add a segment without voxels and return its ID."""
    red, green, blue = _COLOURS.get(name.strip().upper()) or colorsys.hsv_to_rgb(number * 0.618034 % 1.0, 0.45, 0.9)
    identifier: str = node.GetSegmentation().AddEmptySegment("", name, (red, green, blue))
    if code is not None:
        segment = node.GetSegmentation().GetSegment(identifier)
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), _TERMINOLOGY.format(*code))
    return identifier


def import_masks(node: Any, masks: Mapping[str, Mask], affine: Affine) -> None:
    """Give segments that do not overlap their voxels in one call, which puts them into one layer."""
    labels = np.zeros(next(iter(masks.values())).shape, dtype=np.uint8 if len(masks) < 256 else np.uint16)
    identifiers = vtk.vtkStringArray()
    for label, (identifier, mask) in enumerate(masks.items(), start=1):
        labels[mask] = label  # the call takes label n for the n-th segment
        identifiers.InsertNextValue(identifier)
    volume = slicer.vtkMRMLLabelMapVolumeNode()  # outside the scene: gone at the end, and nobody sees it
    volume.SetIJKToRASMatrix(matrix_of(affine))
    slicer.util.updateVolumeFromArray(volume, labels)
    call = slicer.vtkSlicerSegmentationsModuleLogic.ImportLabelmapToSegmentationNode
    if not call(volume, node, identifiers):
        raise RuntimeError(f"{said(node)}: expected Slicer to import the regions, but it refused")


def cropped(region: DrawnRegion) -> DrawnRegion | None:
    """Return a region within its own bounds; None for an empty one."""
    hits = [np.flatnonzero(region.mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not all(hit.size for hit in hits):
        return None
    box = tuple(slice(int(hit[0]), int(hit[-1]) + 1) for hit in hits)
    affine = region.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box[::-1]]
    return DrawnRegion(region.mask[box], affine)
