"""Regions that follow points: a segmentation rebuilt in place, what was drawn by hand in it kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine
from mrbiomarkers.jobs import DrawnRegion
from mrbiomarkers.mrml.geometry import Affine, matrix_of
from mrbiomarkers.mrml.nodes import add_node, check_node, check_untransformed, said
from mrbiomarkers.mrml.segments import add_segment, cropped, import_masks, segment_region
from mrbiomarkers.regions import SNOMED_CODES, is_same_lattice, lesion_size, place_vertebrae
from mrbiomarkers.regions.levels import LEVELS
from mrbiomarkers.settings import PlacementSettings

Mask = NDArray[np.bool_]

_LABELMAP = "Binary labelmap"
_GEOMETRY = "Reference image geometry"
_PLACED = "MRBiomarkers.Placed"  # tag of a segment: what of it was placed, so that drawing by hand is noticed
_NEAR = 0.01  # mm: positions in files are rounded


@dataclass(frozen=True)
class PreviewUpdate:
    """What :func:`update_preview` did.

    Attributes
    ----------
    placed : tuple of str
        Levels whose regions were made.
    kept : tuple of str
        Levels that were drawn, changed or erased by hand, and so were left as they are.
    left_out : dict of str to str
        Levels without a region, each with the reason.
    warnings : tuple of str
        What the reader should look at.
    """

    placed: tuple[str, ...]
    kept: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SegmentSize:
    """Size of a segment in its largest slice.

    Attributes
    ----------
    name : str
        Name of the segment.
    area_mm2 : float
        Area; 0 where it is empty.
    is_level : bool
        Whether it is named as a vertebra; all others are taken for lesions.
    warnings : tuple of str
        For a lesion: an unusual area.
    """

    name: str
    area_mm2: float
    is_level: bool = False
    warnings: tuple[str, ...] = ()


def add_preview(name: str) -> Any:
    """Add a segmentation without segments, which :func:`update_preview` fills.

    Parameters
    ----------
    name : str
        Name of the node; a number is added where it is taken.

    Returns
    -------
    vtkMRMLSegmentationNode
    """
    node = add_node("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    return node


def set_grid(segmentation: Any, affine: ArrayLike, shape: tuple[int, ...]) -> None:
    """Make a grid the one that a segment editor draws on.

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        The segmentation.
    affine : (4, 4) array_like [mm]
        Voxel to RAS.
    shape : (3,) tuple of int
        Size (K, J, I).
    """
    extent = [bound for length in shape[::-1] for bound in (0, length - 1)]
    wanted = slicer.vtkSegmentationConverter.SerializeImageGeometry(matrix_of(check_affine(affine)), extent)
    content = segmentation.GetSegmentation()
    if content.GetConversionParameter(_GEOMETRY) != wanted:
        content.SetConversionParameter(_GEOMETRY, wanted)


def update_preview(
    segmentation: Any,
    points: Mapping[str, ArrayLike],
    affine: ArrayLike,
    shape: tuple[int, ...],
    settings: PlacementSettings | None = None,
    image: ArrayLike | None = None,
    *,
    anew: Iterable[str] = (),
) -> PreviewUpdate:
    """Rebuild the regions of all levels from their points, in one call of Slicer.

    A segment belongs to the level it is named as; IDs, names, colours and visibility stay, and levels without a
    segment get one, in their order. A region that was drawn, changed or erased by hand is kept. The segment of a level
    whose point is gone is removed, if it was made here; one whose point is not good for a region is empty. All these
    regions share one layer; other segments, as lesions, stay as they are.

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        Not under a transform.
    points : mapping of str to (3,) array_like [mm]
        Middle of each body, RAS, as :func:`~mrbiomarkers.mrml.level_points` returns them.
    affine : (4, 4) array_like [mm]
        Voxel to RAS of the image.
    shape : (3,) tuple of int
        Its size (K, J, I).
    settings : PlacementSettings, optional
        Method, slices, size and margin.
    image : (K, J, I) array_like, optional
        The image, for the method ``"outline"``.
    anew : iterable of str
        Levels that are made anew even where they were drawn by hand.

    Raises
    ------
    TypeError
        When the node is no segmentation.
    ValueError
        When it is under a transform or holds no label maps, or no level can have a region: points out of order, too
        few, or all outside the image. After any error the segmentation is as before.
    """
    _check_segmentation(segmentation)
    grid, chosen = check_affine(affine), settings or PlacementSettings()
    masks, left_out, warnings = _placed(points, grid, shape, chosen, image)
    ours = _level_segments(segmentation)
    kept = {level: region for level, region in _by_hand(segmentation, ours).items() if level not in set(anew)}
    wanted = {level: masks.get(level, np.zeros(shape, dtype=bool)) for level in {**ours, **masks} if level not in kept}
    here = _on_grid(kept, grid, shape)
    for held in here.values():
        for mask in wanted.values():
            mask &= ~held
    gone = [
        level for level in ours if level in wanted and level not in points and _was_placed(ours[level][1]) is not None
    ]
    _replace(segmentation, ours, {**wanted, **here}, grid)
    for level in gone:  # measuring refuses an empty segment
        segmentation.GetSegmentation().RemoveSegment(ours[level][0])
        del wanted[level]
    ours = _level_segments(segmentation)
    for level, mask in [(level, mask) for level, mask in wanted.items() if level in points]:
        ours[level][1].SetTag(_PLACED, _mark(DrawnRegion(mask, grid)))
    placed = tuple(level for level in LEVELS if level in masks and level not in kept)
    covered = {level: "all of it lies in regions drawn by hand" for level in placed if not wanted[level].any()}
    return PreviewUpdate(
        tuple(level for level in placed if level not in covered),
        tuple(level for level in LEVELS if level in kept),
        {level: reason for level, reason in {**left_out, **covered}.items() if level not in kept},
        tuple(line for line in warnings if line.partition(":")[0] not in kept),
    )


class SizeReader:
    """Sizes of the segments of a segmentation; only what has changed since the last call is measured again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, SegmentSize]] = {}

    def read(self, segmentation: Any) -> dict[str, SegmentSize]:
        """Return the size of every segment by its ID, in their order; of a segmentation with label maps only."""
        content = segmentation.GetSegmentation()
        known: dict[str, tuple[Any, SegmentSize]] = {}
        for identifier in content.GetSegmentIDs():
            segment = content.GetSegment(identifier)
            picture = segment.GetRepresentation(_LABELMAP)
            state = (picture, picture and picture.GetMTime(), segment.GetLabelValue(), segment.GetName())
            before = self._known.get(identifier)
            size = before[1] if before and before[0] == state else _size(segmentation, identifier)
            known[identifier] = (state, size)
        self._known = known
        return {identifier: size for identifier, (_, size) in known.items()}


def _size(node: Any, identifier: str) -> SegmentSize:
    segment = node.GetSegmentation().GetSegment(identifier)
    name = segment.GetName() or identifier
    is_level = name.strip().upper() in LEVELS
    region = None if segment.GetRepresentation(_LABELMAP) is None else cropped(segment_region(node, identifier))
    if region is None:
        return SegmentSize(name, 0.0, is_level)
    measured = lesion_size(region.mask, region.affine, name=name)
    return SegmentSize(name, measured.area_mm2, is_level, () if is_level else measured.warnings)


def _check_segmentation(node: Any) -> None:
    check_node("segmentation", node, "vtkMRMLSegmentationNode")
    check_untransformed("segmentation", node)
    content = node.GetSegmentation()
    if content.GetNumberOfSegments() and content.GetSourceRepresentationName() != _LABELMAP:
        kind = content.GetSourceRepresentationName()
        raise ValueError(f"segmentation: {said(node)}: expected label maps as its source, got {kind!r}")


def _placed(
    points: Mapping[str, ArrayLike],
    affine: Affine,
    shape: tuple[int, ...],
    settings: PlacementSettings,
    image: ArrayLike | None,
) -> tuple[dict[str, Mask], dict[str, str], list[str]]:
    """Return the regions that can be made, why the others cannot, and warnings."""
    try:
        whole = place_vertebrae(points, affine, shape, settings, image)
    except ValueError as error:
        refused = error
    else:
        return dict(whole.masks), {}, list(whole.warnings)
    masks: dict[str, Mask] = {}
    reasons: dict[str, str] = {}
    warnings: list[str] = []
    taken = np.zeros(shape, dtype=bool)
    for level in settings.levels or points:
        try:
            one = place_vertebrae(points, affine, shape, replace(settings, levels=(level,)), image)
        except ValueError as error:
            reasons[level] = str(error)
            continue
        masks[level] = one.masks[level] & ~taken
        taken |= masks[level]
        warnings += one.warnings
    if not masks:
        raise refused
    return masks, reasons, list(dict.fromkeys(warnings))


def _level_segments(node: Any) -> dict[str, tuple[str, Any]]:
    """Return ID and segment of each level; of two with one name the first."""
    content = node.GetSegmentation()
    found: dict[str, tuple[str, Any]] = {}
    for identifier in content.GetSegmentIDs():
        segment = content.GetSegment(identifier)
        level = (segment.GetName() or "").strip().upper()
        if level in LEVELS:
            found.setdefault(level, (identifier, segment))
    return found


def _by_hand(node: Any, segments: Mapping[str, tuple[str, Any]]) -> dict[str, DrawnRegion | None]:
    """Return the regions that are not as they were placed, or were not placed at all; None for one that was erased."""
    found: dict[str, DrawnRegion | None] = {}
    for level, (identifier, segment) in segments.items():
        region = cropped(segment_region(node, identifier))
        was = _was_placed(segment)
        if was if region is None else not _is_marked(region, was or ""):
            found[level] = region
    return found


def _was_placed(segment: Any) -> str | None:
    """Return the mark of what was placed in a segment, empty where that was no voxel; None where nothing was."""
    tag = vtk.mutable("")
    return str(tag) if segment.GetTag(_PLACED, tag) else None


def _mark(region: DrawnRegion) -> str:
    """Return what tells a region from one that was changed, however its label map is cropped."""
    small = cropped(region)
    if small is None:
        return ""
    code = zlib.crc32(np.packbits(small.mask).tobytes() + repr(small.mask.shape).encode())
    return " ".join([f"{code:08x}", *(f"{x:.4f}" for x in small.affine[:3].ravel())])


def _is_marked(region: DrawnRegion, mark: str) -> bool:
    code, *numbers = mark.split() or [""]
    own, *here = _mark(region).split()
    if code != own or len(numbers) != len(here):
        return False
    return bool(np.allclose(np.array(numbers, dtype=float), np.array(here, dtype=float), rtol=0, atol=_NEAR))


def _on_grid(regions: Mapping[str, DrawnRegion | None], affine: Affine, shape: tuple[int, ...]) -> dict[str, Mask]:
    """Return the regions that lie wholly on a grid, on it; one that lies elsewhere keeps the layer that it has."""
    masks = {}
    for name, region in regions.items():
        if region is None or not is_same_lattice(region.mask.shape, region.affine, shape, affine):
            continue
        start = np.round(np.linalg.solve(affine, region.affine)[:3, 3]).astype(int)[::-1]
        end = start + region.mask.shape
        if (start >= 0).all() and (end <= np.array(shape)).all():
            masks[name] = np.zeros(shape, dtype=bool)
            masks[name][tuple(slice(a, b) for a, b in zip(start, end, strict=True))] = region.mask
    return masks


def _replace(node: Any, segments: Mapping[str, tuple[str, Any]], masks: Mapping[str, Mask], affine: Affine) -> None:
    """Give the levels these voxels; whatever goes wrong, the segmentation is as before."""
    content = node.GetSegmentation()
    before, geometry = _pictures(content), content.GetConversionParameter(_GEOMETRY)
    try:
        identifiers = {level: identifier for level, (identifier, _) in segments.items()}
        for level in LEVELS:
            if level in masks and level not in identifiers:
                code = SNOMED_CODES.get(level)
                known = None if code is None else (code, f"{level} vertebra")
                identifiers[level] = add_segment(node, level, content.GetNumberOfSegments(), known)
                _move_up(content, level, identifiers)
        if masks:
            set_grid(node, affine, next(iter(masks.values())).shape)
            import_masks(node, {identifiers[level]: mask for level, mask in masks.items()}, affine)
    except BaseException:
        for identifier in content.GetSegmentIDs():
            if identifier not in before:
                content.RemoveSegment(identifier)
        for identifier, (picture, value) in before.items():
            segment = content.GetSegment(identifier)
            segment.SetLabelValue(value)
            segment.AddRepresentation(_LABELMAP, picture)
        content.SetConversionParameter(_GEOMETRY, geometry)
        raise


def _move_up(content: Any, level: str, identifiers: Mapping[str, str]) -> None:
    """Put the new, last segment of a level before those of lower levels."""
    lower = [
        content.GetSegmentIndex(identifiers[one]) for one in LEVELS[LEVELS.index(level) + 1 :] if one in identifiers
    ]
    if lower:
        content.SetSegmentIndex(identifiers[level], min(lower))


def _pictures(content: Any) -> dict[str, tuple[Any, int]]:
    """Return copies of the label maps by segment, each layer copied once."""
    copies: list[tuple[Any, Any]] = []
    found = {}
    for identifier in content.GetSegmentIDs():
        segment = content.GetSegment(identifier)
        picture = segment.GetRepresentation(_LABELMAP)
        copy = next((copy for old, copy in copies if old is picture), None)
        if copy is None:
            copy = slicer.vtkOrientedImageData()
            copy.DeepCopy(picture)
            copies.append((picture, copy))
        found[identifier] = (copy, segment.GetLabelValue())
    return found
