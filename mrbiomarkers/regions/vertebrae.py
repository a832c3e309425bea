"""From a model's segmentation of vertebrae to regions of marrow: bodies only, eroded, around the mid-sagittal slice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine, check_mask, check_real_array
from mrbiomarkers.regions.bodies import body_of_vertebra
from mrbiomarkers.regions.grids import Shape
from mrbiomarkers.regions.levels import LEVELS, LUMBAR, Segment, SegmentLevels, find_levels
from mrbiomarkers.regions.marrow import Grid, Scene, marrow_regions
from mrbiomarkers.regions.sagittal import SagittalView, Vector, sagittal_view
from mrbiomarkers.settings import BodySettings

Mask = NDArray[np.bool_]

_CORPUS = (49, 50)  # of SPINEPS' subregion map: the body and its border
_SUBREGION_CANAL = (60, 61)  # cord and canal
_FAR_FROM_MIDDLE = 5.0  # mm


@dataclass(frozen=True, eq=False)
class BodyRegions:
    """Regions of vertebral bodies.

    Attributes
    ----------
    masks : dict of str to (K, J, I) bool array
        The region of each level on the target grid, from top to bottom.
    warnings : tuple of str
        What a reader has to know.
    record : mapping
        Settings, table, plane, and for each level its label, what identified it, margin, width, voxels, area, volume,
        the voxels of the segmentation that were left out of these slices, and the fraction outside the target grid.
    """

    masks: dict[str, Mask]
    warnings: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)


def vertebra_bodies(
    labels: ArrayLike,
    affine: ArrayLike,
    *,
    table: str | Mapping[int | str, str] | None = None,
    segments: Iterable[Segment] | None = None,
    levels: Sequence[str] | None = None,
    shift: int = 0,
    subregions: ArrayLike | None = None,
    canal: ArrayLike | None = None,
    image: ArrayLike | None = None,
    target_shape: Sequence[int] | None = None,
    target_affine: ArrayLike | None = None,
    settings: BodySettings | None = None,
) -> BodyRegions:
    """Make regions of marrow from a segmentation of whole vertebrae, in any orientation.

    Each level is found by code, name or table (:func:`~mrbiomarkers.regions.levels.find_levels`), its body separated
    from the arch (:func:`~mrbiomarkers.regions.bodies.body_of_vertebra`), eroded in sagittal planes of the
    segmentation, and taken to the target grid by physical position, where it is cut to the mid-sagittal slice and its
    neighbours. The mid-sagittal plane goes through the middle of the canal beside these levels, or the median of the
    bodies.

    Parameters
    ----------
    labels : (K, J, I) array_like
        The label map: whole numbers, 0 outside.
    affine : (4, 4) array_like [mm]
        Its voxel to RAS.
    table : str or mapping, optional
        What the labels mean, where codes and names do not tell: a key of ``LABEL_TABLES`` or label to level.
    segments : iterable of Segment, optional
        What the file says of its labels.
    levels : sequence of str, optional
        Levels that are wanted, after the shift; the lumbar ones that are found when absent.
    shift : int
        -1, 0 or 1: move the numbering by one vertebra.
    subregions : (K, J, I) array_like, optional
        SPINEPS' map of subregions on the same grid: 49 and 50 then are the body, 60 and 61 the canal.
    canal : (K, J, I) array_like, optional
        Mask of the spinal canal or cord on the same grid, where the labels hold none.
    image : (K, J, I) array_like, optional
        The image that was segmented, on the same grid; needed for ``outlier_limit``.
    target_shape, target_affine : optional
        Grid of the maps; that of the labels when absent.
    settings : BodySettings, optional
        Margin, slices and what is left out.

    Raises
    ------
    TypeError
        When the labels are not real numbers.
    ValueError
        When an array does not fit the labels, no wanted level is found, the levels do not follow each other from top to
        bottom in space (a wrong table), or no region is left.
    """
    settings = settings or BodySettings()
    values = _label_map(labels)
    grid = Grid(values.shape, check_affine(affine))
    target = _target(grid, target_shape, target_affine)
    if settings.outlier_limit is not None and image is None:
        raise ValueError("image: expected the image that was segmented, which outlier_limit needs, got none")
    picture = None if image is None else _beside("image", image, grid.shape)
    parts = None if subregions is None else _beside("subregions", subregions, grid.shape)
    occurring = {int(n) for n in np.unique(values) if n > 0}
    known = [Segment(n) for n in sorted(occurring)] if segments is None else segments
    found = find_levels([item for item in known if item.label in occurring], table, shift=shift)
    wanted, warnings = _wanted(found, levels)
    behind = _canal(values, parts, canal, found)
    bodies, remarks = _bodies(values, grid, {name: found.labels[name] for name in wanted}, parts, behind)
    scene = Scene(grid, target, sagittal_view(grid.shape, grid.affine), picture, settings)
    point = _middle_point(scene.view, bodies, behind)
    slab = scene.slab(point)
    masks, facts, more = marrow_regions(scene, bodies, point, slab)
    warnings += [*remarks, *_beside_middle(scene.view, bodies, point), *more]
    if not masks:
        raise ValueError("labels: expected a region on the target grid, got none; " + "; ".join(warnings))
    record = {
        "settings": asdict(settings),
        "table": table if table is None or isinstance(table, str) else "own",
        "shift": shift,
        "body": _how(parts, behind),
        "middle_mm": [round(float(x), 3) for x in point],
        "thickness_mm": None if slab is None else round(2 * slab.half, 3),
        "unused_labels": list(found.unused),
        "levels": {
            name: {"label": found.labels[name], "found_by": found.found_by[name], **facts[name]} for name in facts
        },
    }
    return BodyRegions(masks, tuple(warnings), record)


def _label_map(labels: ArrayLike) -> NDArray[Any]:
    values = check_real_array("labels", labels, ndim=3)
    if values.dtype.kind == "f" and not np.array_equal(values, np.round(values)):
        raise ValueError("labels: expected whole numbers, got fractions or NaN: is it an image?")
    return values


def _beside(name: str, value: ArrayLike, shape: Shape) -> NDArray[Any]:
    array = check_real_array(name, value)
    if array.shape != shape:
        raise ValueError(f"{name}: expected the grid of the labels, shape {shape}, got {array.shape}")
    return array


def _target(grid: Grid, shape: Sequence[int] | None, affine: ArrayLike | None) -> Grid:
    if shape is None and affine is None:
        return grid
    if shape is None or affine is None:
        missing = "target_shape" if shape is None else "target_affine"
        raise ValueError(f"{missing}: expected target_shape and target_affine together, got only one of them")
    size = tuple(int(n) for n in shape)
    if len(size) != 3 or min(size) < 1:
        raise ValueError(f"target_shape: expected three sizes (K, J, I) above 0, got {tuple(shape)}")
    return Grid(size, check_affine(affine))


def _wanted(found: SegmentLevels, levels: Sequence[str] | None) -> tuple[list[str], list[str]]:
    unknown = [name for name in levels or () if name not in LEVELS]
    if unknown:
        raise ValueError(f"levels: expected levels as L1, T12, C7 or S1, got {', '.join(map(repr, unknown))}")
    asked = LUMBAR if levels is None else levels
    wanted = [name for name in found.labels if name in asked]
    if not wanted:
        raise ValueError(
            f"levels: expected one of {', '.join(asked)} among the labels, found {', '.join(found.labels)} "
            f"(labels {', '.join(map(str, found.labels.values()))})"
        )
    missing = [name for name in levels or () if name not in wanted]
    warnings = list(found.warnings)
    if missing:
        warnings.append(f"levels: {', '.join(missing)} not found; found {', '.join(found.labels)}")
    return wanted, warnings


def _canal(
    values: NDArray[Any], parts: NDArray[Any] | None, canal: ArrayLike | None, found: SegmentLevels
) -> Mask | None:
    """Return the canal that was given, else that of the subregions, else that of the labels."""
    if canal is not None:
        behind = check_mask("canal", canal, values.shape)
    elif parts is not None:
        behind = np.isin(parts, _SUBREGION_CANAL)
    else:
        behind = np.isin(values, found.canal)
    return behind if behind.any() else None


def _how(parts: NDArray[Any] | None, behind: Mask | None) -> str:
    if parts is not None:
        return "subregions 49 and 50"
    return "most anterior part" if behind is None else "part in front of the canal"


def _bodies(
    values: NDArray[Any], grid: Grid, labels: Mapping[str, int], parts: NDArray[Any] | None, behind: Mask | None
) -> tuple[dict[str, Mask], list[str]]:
    """Return the bodies as [right, up, forwards], and remarks."""
    view = sagittal_view(grid.shape, grid.affine)
    right, up, ahead = (float(length) for length in view.spacing)
    beside = None if behind is None else view.look(behind)
    bodies: dict[str, Mask] = {}
    warnings = []
    for name, number in labels.items():
        vertebra = view.look(values == number)
        if parts is None:
            body = body_of_vertebra(vertebra, beside, (right, up, ahead))
        else:
            body = vertebra & np.isin(view.look(parts), _CORPUS)
        if not body.any():
            warnings.append(f"{name}: label {number} has no part that can be its body ({_how(parts, behind)})")
            continue
        bodies[name] = body
        edges = (body[:, 0], body[:, -1], body[:, :, 0], body[:, :, -1])
        if any(edge.any() for edge in edges):
            warnings.append(f"{name}: the body touches the edge of the segmented image and may be cut")
    if not bodies:
        raise ValueError("labels: expected a vertebral body, got none; " + "; ".join(warnings))
    heights = {name: float(_centre(view, body)[2]) for name, body in bodies.items()}
    if list(heights.values()) != sorted(heights.values(), reverse=True):
        shown = ", ".join(f"{name} at {height:.0f} mm" for name, height in heights.items())
        raise ValueError(f"labels: expected levels from top to bottom, got {shown}: is it another table?")
    return bodies, warnings


def _centre(view: SagittalView, mask: Mask) -> Vector:
    return np.asarray(view.positions(np.argwhere(mask)).mean(axis=0))


def _middle_point(view: SagittalView, bodies: Mapping[str, Mask], behind: Mask | None) -> Vector:
    """Return a point of the mid-sagittal plane: the middle of the canal beside the bodies, or the median of these."""
    rows = np.any([body.any(axis=(0, 2)) for body in bodies.values()], axis=0)
    beside = None if behind is None else view.look(behind) & rows[:, None]
    if beside is not None and beside.any():
        return _centre(view, beside)
    centres = np.array([_centre(view, body) for body in bodies.values()])
    middle = centres.mean(axis=0)
    return np.asarray(middle + (np.median(centres @ view.normal) - middle @ view.normal) * view.normal)


def _beside_middle(view: SagittalView, bodies: Mapping[str, Mask], point: Vector) -> list[str]:
    warnings = []
    for name, body in bodies.items():
        off = float((_centre(view, body) - point) @ view.normal)
        if abs(off) > _FAR_FROM_MIDDLE:
            side = "right" if off > 0 else "left"
            warnings.append(f"{name}: its body lies {abs(off):.0f} mm to the {side} of the mid-sagittal plane")
    return warnings
