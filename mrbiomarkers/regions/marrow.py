"""From vertebral bodies to regions of marrow on a target grid: eroded, parts left out, cut to the middle slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.regions.erosion import depth_in_plane, fitting_margin, outlying_voxels, vein_wedge
from mrbiomarkers.regions.grids import Affine, Shape, is_same_grid, mask_on_grid
from mrbiomarkers.regions.measure import region_size
from mrbiomarkers.regions.sagittal import SagittalView, Slab, Vector, mid_slab
from mrbiomarkers.settings import BodySettings

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Grid:
    """Size (K, J, I) and voxel-to-RAS matrix [mm] of an image."""

    shape: Shape
    affine: Affine


@dataclass(frozen=True, eq=False)
class Scene:
    """What regions are made from, beside the bodies.

    Attributes
    ----------
    grid, target : Grid
        Grids of the segmentation and of the maps.
    view : SagittalView
        View of the segmentation.
    image : (K, J, I) array or None
        The image that was segmented.
    settings : BodySettings
        Margin, slices and what is left out.
    """

    grid: Grid
    target: Grid
    view: SagittalView
    image: NDArray[Any] | None
    settings: BodySettings

    def slab(self, point: Vector) -> Slab | None:
        """Return the slab of the target around the mid-sagittal plane through ``point``; None: no limit."""
        settings = self.settings
        if settings.neighbours is None and settings.thickness is None:
            return None
        neighbours = settings.neighbours or 0
        return mid_slab(self.target.shape, self.target.affine, point, self.view.normal, neighbours, settings.thickness)


def marrow_regions(
    scene: Scene, bodies: Mapping[str, Mask], point: Vector, slab: Slab | None
) -> tuple[dict[str, Mask], dict[str, dict[str, Any]], list[str]]:
    """Return masks on the target grid, what is recorded of each level, and warnings.

    Parameters
    ----------
    scene : Scene
        Grids, view, image and settings.
    bodies : mapping of str to (R, S, A) bool array
        Whole bodies in the view of the segmentation; none is empty.
    point : (3,) array [mm]
        A point of the mid-sagittal plane, RAS.
    slab : Slab or None
        The slices that are kept.
    """
    masks: dict[str, Mask] = {}
    record: dict[str, dict[str, Any]] = {}
    warnings = []
    # in the voxels of the segmentation and of the target
    counted, shown = (
        np.ones(grid.shape, dtype=bool) if slab is None else slab.holds(grid.shape, grid.affine)
        for grid in (scene.grid, scene.target)
    )
    for name, body in bodies.items():
        inner, facts = _marrow(scene, body, point, counted)
        mask, facts["outside_fraction"] = _on_target(scene, inner, counted, shown)
        size = {"n_voxels": 0}
        if mask.any():
            masks[name] = mask
            size = region_size(name, mask, scene.target.affine)
        else:
            warnings.append(
                f"{name}: nothing is left of a body {facts['width_mm']:.1f} mm wide after a margin of "
                f"{facts['margin_mm']:.1f} mm on the slices that were asked for ({inner.sum()} voxels before)"
            )
        if facts["outside_fraction"] > 0:
            warnings.append(f"{name}: {facts['outside_fraction']:.1%} of the region lies outside the target grid")
        record[name] = {**facts, **size}
    return masks, record, warnings


def _marrow(scene: Scene, body: Mask, point: Vector, counted: Mask) -> tuple[Mask, dict[str, Any]]:
    """Return the inner part of a body as [right, up, forwards], and what was left out of the part that counts."""
    view, settings = scene.view, scene.settings
    box = tuple(slice(int(hit.min()), int(hit.max()) + 1) for hit in np.nonzero(body))
    whole, plane = body[box], (float(view.spacing[1]), float(view.spacing[2]))
    depth = depth_in_plane(whole, plane)
    width = 2 * float(depth.max())
    margin = fitting_margin(settings.margin, width)
    inner = whole & (depth >= margin - 1e-6)
    within = view.look(counted)[box]
    facts: dict[str, Any] = {"width_mm": round(width, 3), "margin_mm": round(margin, 3), "n_vein": 0, "n_outliers": 0}
    if settings.without_vein:
        middle = (point - view.origin) @ view.normal / (view.steps[:, 0] @ view.normal)
        vein = vein_wedge(whole, plane, int(np.clip(np.round(middle) - box[0].start, 0, len(whole) - 1)))
        facts["n_vein"] = int(np.count_nonzero(inner & vein & within))
        inner &= ~vein
    if settings.outlier_limit is not None and scene.image is not None:
        outlying = outlying_voxels(inner, view.look(scene.image)[box], settings.outlier_limit)
        facts["n_outliers"] = int(np.count_nonzero(outlying & within))
        inner &= ~outlying
    full = np.zeros(body.shape, dtype=bool)
    full[box] = inner
    return full, facts


def _on_target(scene: Scene, inner: Mask, counted: Mask, shown: Mask) -> tuple[Mask, float]:
    """Return the region on the target grid, and the fraction of its part between the outer slices that lies outside.

    The cut is made on the target: the nearest voxel of the segmentation may lie just beyond the outer plane.
    """
    source, target = scene.grid, scene.target
    region = scene.view.back(inner)
    if is_same_grid(source.shape, source.affine, target.shape, target.affine):
        return region & shown, 0.0
    mask, outside = mask_on_grid(region, source.affine, target.shape, target.affine)
    if outside > 0:  # some of it beyond the outer slices, perhaps
        _, outside = mask_on_grid(region & counted, source.affine, target.shape, target.affine)
    return mask & shown, outside
