"""Segmentations and label maps of a scene as regions, and regions as a segmentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine
from mrbiomarkers.jobs import DrawnRegion
from mrbiomarkers.mrml.geometry import Affine, affine_of_node, matrix_of
from mrbiomarkers.mrml.nodes import add_node, check_node, check_untransformed, said, undo_on_error
from mrbiomarkers.mrml.segments import add_segment, import_masks, label_names, segment_region
from mrbiomarkers.regions import SNOMED_CODES, copy_mask, describe_grid, is_same_grid
from mrbiomarkers.regions.layers import check_regions, layers_of

Mask = NDArray[np.bool_]
Colour = tuple[float, float, float]

_GEOMETRY = "Reference image geometry"


def drawn_regions(node: Any, segments: Sequence[str] | None = None) -> dict[str, DrawnRegion]:
    """Return the regions of a segmentation or of a label map volume; the node is not changed.

    Parameters
    ----------
    node : vtkMRMLSegmentationNode or vtkMRMLLabelMapVolumeNode
        Not under a transform. A segmentation that holds closed surfaces only is turned into label maps on a copy, on
        its own reference geometry or, where it has none, on a fine grid that Slicer chooses. In a label map every value
        above 0 is a region, named as its colour table names it, else ``"label 3"``.
    segments : sequence of str, optional
        Names of the regions that are wanted, in this order; default all.

    Returns
    -------
    dict of str to DrawnRegion
        Boolean mask (K, J, I) on the region's own voxels, which may be a part of the image's, and their (4, 4) matrix
        to RAS [mm].

    Raises
    ------
    TypeError
        When the node is of another kind.
    ValueError
        When the node is under a transform, holds no region, lacks a wanted one, two wanted ones share a name, some are
        empty (all are named), or a label map holds no labels.
    """
    check_node("node", node, "vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode")
    check_untransformed("node", node)
    regions = _segments(node, segments) if node.IsA("vtkMRMLSegmentationNode") else _labels(node, segments)
    empty = [name for name, region in regions.items() if not region.mask.any()]
    if empty:
        raise ValueError(
            f"{said(node)}: expected a voxel in every region, got none in {_listed(empty)}; draw, delete or leave out"
        )
    return regions


def masks_on(
    regions: Mapping[str, DrawnRegion], shape: Sequence[int], affine: ArrayLike
) -> tuple[dict[str, Mask], dict[str, float]]:
    """Copy regions to the grid of an image by physical position, nearest neighbour.

    Parameters
    ----------
    regions : mapping of str to DrawnRegion
        As :func:`drawn_regions` returns them.
    shape : (3,) sequence of int
        Size (K, J, I) of the image.
    affine : (4, 4) array_like [mm]
        Voxel to RAS of the image.

    Returns
    -------
    dict of str to (K, J, I) bool array, dict of str to float
        The regions on the image, and the fraction of each one's voxels whose centres lie outside.

    Raises
    ------
    ValueError
        When there is no region, or some hold no voxel of the image; all are named.
    """
    if not regions:
        raise ValueError("regions: expected at least one, got none")
    target = check_affine(affine)
    masks: dict[str, Mask] = {}
    outside: dict[str, float] = {}
    failed: list[str] = []
    for name, region in regions.items():
        try:
            copied = copy_mask(region.mask, region.affine, shape, target)
        except ValueError as error:
            failed.append(f"region {name!r}: {error}")
            continue
        masks[name], outside[name] = copied.mask, copied.outside_fraction
    if failed:
        raise ValueError("\n".join(failed))
    return masks, outside


def add_segmentation(
    name: str,
    masks: Mapping[str, ArrayLike],
    affine: ArrayLike,
    *,
    reference: Any = None,
    codes: Mapping[str, str] | None = None,
) -> Any:
    """Add regions to the scene as a new segmentation.

    Regions that do not overlap share one layer; one that overlaps others gets a further layer, so none loses a voxel.
    Vertebrae (C1 to S1) carry their SNOMED code and, around the lumbar spine, a colour of their own.

    Parameters
    ----------
    name : str
        Name of the node; a number is added where it is taken.
    masks : mapping of str to (K, J, I) array_like
        The regions, above 0 inside, all on one grid.
    affine : (4, 4) array_like [mm]
        Voxel to RAS of the masks.
    reference : vtkMRMLScalarVolumeNode, optional
        Image on whose grid the masks are; the segmentation refers to it. Without it, to the grid alone.
    codes : mapping of str to str, optional
        SNOMED CT codes of regions by name, beside those of the vertebrae, which they may replace.

    Returns
    -------
    vtkMRMLSegmentationNode

    Raises
    ------
    TypeError
        When ``reference`` is no volume.
    ValueError
        When there is no region, one has no name or no voxel, shapes differ, or ``reference`` has another grid or is
        under a transform.
    """
    regions, grid = check_regions(masks), check_affine(affine)
    shape = next(iter(regions.values())).shape
    if reference is not None:
        _check_reference(reference, shape, grid)
    known = {level: (code, f"{level} vertebra") for level, code in SNOMED_CODES.items()}
    known.update({region: (code, region) for region, code in (codes or {}).items()})
    with undo_on_error():
        node = add_node("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        if reference is not None:
            node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        else:
            extent = [bound for length in shape[::-1] for bound in (0, length - 1)]
            geometry = slicer.vtkSegmentationConverter.SerializeImageGeometry(matrix_of(grid), extent)
            node.GetSegmentation().SetConversionParameter(_GEOMETRY, geometry)
        identifiers = {
            region: add_segment(node, region, number, known.get(region) or known.get(region.strip().upper()))
            for number, region in enumerate(regions)
        }
        for layer in layers_of(regions):
            import_masks(node, {identifiers[region]: regions[region] for region in layer}, grid)
    return node


def _segments(node: Any, wanted: Sequence[str] | None) -> dict[str, DrawnRegion]:
    """Return the wanted segments by name."""
    segmentation = node.GetSegmentation()
    identifiers = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    names = [segmentation.GetSegment(identifier).GetName() or identifier for identifier in identifiers]
    return {name: segment_region(node, identifiers[names.index(name)]) for name in _wanted(node, names, wanted)}


def _labels(node: Any, wanted: Sequence[str] | None) -> dict[str, DrawnRegion]:
    """Return where a label map has the wanted labels, by name."""
    values = np.zeros((0, 0, 0)) if node.GetImageData() is None else slicer.util.arrayFromVolume(node)
    named = label_names(node, np.unique(values))
    labels, names = list(named), list(named.values())
    affine = affine_of_node(node)
    return {
        name: DrawnRegion(np.asarray(values == labels[names.index(name)]), affine)
        for name in _wanted(node, names, wanted)
    }


def _wanted(node: Any, names: list[str], segments: Sequence[str] | None) -> list[str]:
    """Return the names of the wanted regions after checking that each is there once."""
    if isinstance(segments, str):
        raise TypeError(f"segments: expected a list of names, got the text {segments!r}")
    if not names:
        raise ValueError(f"{said(node)}: expected at least one region, got none")
    wanted = names if segments is None else list(dict.fromkeys(segments))
    missing = [name for name in wanted if name not in names]
    if missing or not wanted:
        asked = _listed(missing) or "none"
        raise ValueError(f"segments: expected regions of {said(node)} ({_listed(names)}), got {asked}")
    twice = [name for name, count in Counter(names).items() if count > 1 and name in wanted]
    if twice:
        raise ValueError(f"{said(node)}: expected regions of different names, got {_listed(twice)} more than once")
    return wanted


def _check_reference(reference: Any, shape: tuple[int, ...], affine: Affine) -> None:
    check_node("reference", reference, "vtkMRMLScalarVolumeNode")
    check_untransformed("reference", reference)
    image = reference.GetImageData()
    theirs = affine_of_node(reference)
    size = (0, 0, 0) if image is None else tuple(image.GetDimensions()[::-1])
    if not is_same_grid(shape, affine, size, theirs):
        raise ValueError(
            f"reference: expected the grid of the masks ({describe_grid(shape, affine)}), got {said(reference)} with "
            f"{describe_grid(size, theirs)}"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
