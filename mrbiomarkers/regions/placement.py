"""Regions in vertebral bodies from one point in each: the reader clicks five times and edits the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_affine, check_real_array
from mrbiomarkers.regions.erosion import fitting_margin
from mrbiomarkers.regions.grids import Affine, Shape, describe_grid
from mrbiomarkers.regions.outline import HEIGHT, Sampler, find_outline, inside_outline
from mrbiomarkers.regions.sagittal import mid_slab, sagittal_view
from mrbiomarkers.regions.spine_curve import BodyFrame, across_spine, body_frames, check_points, uneven_spacing
from mrbiomarkers.regions.superellipse import inside_superellipse, superellipse_radius
from mrbiomarkers.settings import PlacementSettings

Mask = NDArray[np.bool_]
Values = NDArray[np.floating]

# The body box as shares of the spacing (measured before this code was written), and how square the region is.
_BOX_DEPTH, _BOX_HEIGHT, _POWER = 0.95, 0.72, 3.0
_REACH = 1.0  # of the spacing: how far around its point a body is looked for
_SIDES = np.arange(72) * (2 * np.pi / 72)


@dataclass(frozen=True, eq=False)
class PlacedRegions:
    """What :func:`place_vertebrae` returns.

    Attributes
    ----------
    masks : mapping of str to (K, J, I) bool array
        The regions by level, from top to bottom; no voxel is in two.
    outlines : mapping of str to (72, 3) float64 array [mm]
        Corners, RAS, in the middle of the region: of the super-ellipse, or of the body before the margin was taken off.
    warnings : tuple of str
        What the reader should look at.
    record : dict
        What made them: software, settings, and for each level its centre [mm, RAS], spacing, margin and area [mm, mm2],
        voxels and the fraction that lies outside the image.
    """

    masks: Mapping[str, Mask]
    outlines: Mapping[str, Values]
    warnings: tuple[str, ...]
    record: dict[str, Any]


def place_vertebrae(
    points: Mapping[str, ArrayLike],
    affine: ArrayLike,
    shape: tuple[int, ...],
    settings: PlacementSettings | None = None,
    image: ArrayLike | None = None,
) -> PlacedRegions:
    """Place a region in every vertebral body that has a point.

    The spacing d of the points gives the expected size of a body. ``"super-ellipse"`` is a rounded box of 0.62 times
    0.95 d by 0.72 d, turned with the curve through the points. ``"outline"`` looks for the edge of the body near a box
    of 0.86 d by 0.68 d, in the mean of the slices of the region, and takes a margin off.

    Where the slices of the grid are sagittal (its left-right axis is the coarsest), a region covers the slice nearest
    to its own point and the neighbours, with the same shape in each: a reader who clicks in another slice, as in a
    scoliotic spine, means it. Elsewhere, as in axial images, it is as thick as that many slices, centred on the point,
    across the line from the first to the last point: +-1 slices of 4 mm are 12 mm. Flipped or permuted axes of the
    grid give the same voxels.

    Parameters
    ----------
    points : mapping of str to (3,) array_like [mm]
        Middle of each body, RAS; T1 to T13, L1 to L6. Transitional anatomy: :func:`shift_levels`. Any order of entry.
    affine : (4, 4) array_like [mm]
        Voxel (i, j, k) to RAS of the target grid.
    shape : (3,) tuple of int
        Its size (K, J, I).
    settings : PlacementSettings, optional
        Method, levels, slices, size and margin.
    image : (K, J, I) array_like, optional
        Image on that grid, real; needed for ``"outline"``. What is not finite counts as darker than all.

    Returns
    -------
    PlacedRegions
        The masks, with warnings below 60 mm2 or 30 voxels, for regions that leave the image, for uneven points, and
        for a single point, which does not tell how the body is turned.

    Raises
    ------
    ValueError
        When a name is not a level, levels that are asked for have no point, points are out of order, nearly equal, too
        few or outside the image, the image has another shape or is missing, or a region holds no voxel.
    """
    settings = settings or PlacementSettings()
    matrix, grid = check_affine(affine), _check_shape(shape)
    values = _check_image(image, grid, settings.method)
    ordered = check_points(points, settings.spacing)
    levels = _check_levels(settings.levels, ordered)
    _check_inside({level: ordered[level] for level in levels}, grid, matrix)
    warnings = uneven_spacing(ordered)
    if len(ordered) == 1:
        warnings.append(f"{levels[0]}: one point; the body is taken to stand upright, with the spacing that was given")
    right = mid_slab(grid, matrix, ordered[levels[0]], across_spine(ordered), settings.neighbours).normal
    frames = body_frames(ordered, right, settings.spacing)
    taken = np.zeros(grid, dtype=bool)
    masks, outlines, records = {}, {}, {}
    for level in levels:
        body = _Body(frames[level], grid, matrix, settings, values)
        masks[level] = body.mask(level, taken)
        outlines[level] = body.frame.position(body.corners[:, 0], body.corners[:, 1])
        records[level] = body.record()
        warnings += _warnings(level, records[level], settings)
    record = {"software": f"MRBiomarkers {__version__}", **asdict(settings), "regions": records}
    return PlacedRegions(masks, outlines, tuple(warnings), record)


class _Body:
    """One body on the target grid."""

    def __init__(
        self, frame: BodyFrame, shape: Shape, affine: Affine, settings: PlacementSettings, image: NDArray[Any] | None
    ) -> None:
        self.shape, self.affine, self.settings = shape, affine, settings
        self.slab = mid_slab(shape, affine, frame.centre, frame.right, settings.neighbours)
        middle = frame.centre + (self.slab.centre - frame.centre @ frame.right) * frame.right
        self.frame = BodyFrame(middle, frame.forward, frame.up, frame.right, frame.spacing)
        thickness = 2 * self.slab.half / (2 * settings.neighbours + 1)
        self.offsets = thickness * np.arange(-settings.neighbours, settings.neighbours + 1)
        half_box = (settings.size * _BOX_DEPTH * frame.spacing / 2, settings.size * _BOX_HEIGHT * frame.spacing / 2)
        self.half_axes = half_box
        self.margin = 0.0
        self.held = np.zeros((0, 0, 0), dtype=bool)  # the region, in the part of the grid around it
        if image is None:
            radius = superellipse_radius(_SIDES, *half_box, _POWER)
            self.corners = radius[:, None] * np.stack([np.cos(_SIDES), np.sin(_SIDES)], axis=-1)
        else:
            self.margin = fitting_margin(settings.margin, HEIGHT * frame.spacing)
            self.corners = find_outline(self._sampler(image), frame.spacing)

    def mask(self, level: str, taken: Mask) -> Mask:
        """Return the region on the grid, without the voxels that are taken, and mark its own as taken."""
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        index, nearby = self._box(low, high, self.slab.half)
        held = self.slab.holds(taken[index].shape, nearby) & ~taken[index]
        k, j, i = np.nonzero(held)
        positions = np.stack([i, j, k], axis=-1) @ nearby[:3, :3].T + nearby[:3, 3]
        held[k, j, i] = self._holds(*self.frame.in_plane(positions))
        if not held.any():
            raise ValueError(
                f"points[{level!r}]: expected a region of one voxel or more, got none; spacing "
                f"{self.frame.spacing:.1f} mm, margin {self.margin:.1f} mm, {describe_grid(self.shape, self.affine)}"
            )
        taken[index] |= held
        mask = np.zeros(self.shape, dtype=bool)
        mask[index] = held
        self.held = held
        return mask

    def record(self) -> dict[str, Any]:
        """Return what is recorded of the region, once it is made."""
        view = sagittal_view(self.shape, self.affine)
        if np.allclose(view.normal, self.slab.normal):  # whole slices
            pixel = np.linalg.norm(np.cross(view.steps[:, 1], view.steps[:, 2]))
            area = float(view.look(self.held).sum(axis=(1, 2)).max() * pixel)
        else:
            area = float(self.held.sum() * abs(np.linalg.det(self.affine[:3, :3])) / (2 * self.slab.half))
        return {
            "centre": [round(float(value), 3) for value in self.frame.centre],
            "spacing_mm": round(self.frame.spacing, 2),
            "margin_mm": round(self.margin, 2),
            "area_mm2": round(area, 1),
            "n_voxels": int(self.held.sum()),
            "outside_fraction": round(self._outside(), 3),
        }

    def _holds(self, forward: Values, up: Values) -> NDArray[np.bool_]:
        if self.settings.method == "super-ellipse":
            return inside_superellipse(forward, up, *self.half_axes, _POWER)
        return inside_outline(self.corners, forward, up, self.margin)

    def _box(self, low: Values, high: Values, half: float) -> tuple[tuple[slice, slice, slice], Affine]:
        """Return the part of the grid around the body, as slices of [k, j, i] and with its own voxel-to-RAS matrix.

        ``low`` and ``high`` (forward, up) and +-``half`` to the side [mm] are what it holds at least.
        """
        sides = np.array(np.meshgrid([low[0], high[0]], [low[1], high[1]], [-half, half])).reshape(3, -1)
        corners = self.frame.position(sides[0], sides[1]) + sides[2][:, None] * self.frame.right
        index = self._index(corners)
        size = np.array(self.shape[::-1])
        first = np.clip(np.floor(index.min(axis=0)), 0, size - 1).astype(int)
        last = np.clip(np.ceil(index.max(axis=0)), first, size - 1).astype(int)
        nearby = self.affine.copy()
        nearby[:3, 3] = self.affine[:3, :3] @ first + self.affine[:3, 3]
        i, j, k = (slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
        return (k, j, i), nearby

    def _sampler(self, image: NDArray[Any]) -> Sampler:
        """Return what gives the mean of the slices of the region at positions forward and up [mm]."""
        reach = np.full(2, _REACH * self.frame.spacing)
        index, nearby = self._box(-reach, reach, 2 * self.slab.half)
        part = image[index].astype(np.float64)
        finite = np.isfinite(part)
        if not finite.any():
            raise ValueError("image: expected finite values around each point, got none")
        lowest, highest = part[finite].min(), part[finite].max()
        part[~finite] = lowest - max(highest - lowest, abs(lowest))  # darker than all the rest: an edge
        inverse = np.linalg.inv(nearby)

        def sample(forward: Values, up: Values) -> Values:
            total = np.zeros(forward.shape)
            for offset in self.offsets:
                places = self.frame.position(forward, up, offset) @ inverse[:3, :3].T + inverse[:3, 3]
                total += map_coordinates(part, np.moveaxis(places[..., ::-1], -1, 0), order=1, mode="nearest")
            return np.asarray(total / len(self.offsets))

        return sample

    def _outside(self) -> float:
        """Return the fraction of the region that the grid does not cover."""
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        forward, up = (axis.ravel() for axis in np.meshgrid(*np.linspace(low, high, 41).T))
        held = self._holds(forward, up)
        index = np.concatenate(
            [self._index(self.frame.position(forward[held], up[held], offset)) for offset in self.offsets]
        )
        beyond = (index < -0.5) | (index > np.array(self.shape[::-1]) - 0.5)
        return float(beyond.any(axis=-1).mean()) if len(index) else 0.0

    def _index(self, positions: Values) -> Values:
        inverse = np.linalg.inv(self.affine)
        return np.asarray(positions @ inverse[:3, :3].T + inverse[:3, 3])


def _check_shape(shape: tuple[int, ...]) -> Shape:
    if len(shape) != 3 or any(size != int(size) or size < 1 for size in shape):
        raise ValueError(f"shape: expected the three sizes (K, J, I) of the grid, got {shape}")
    return tuple(int(size) for size in shape)


def _check_image(image: ArrayLike | None, shape: Shape, method: str) -> NDArray[Any] | None:
    """Return the image; None where the method needs none."""
    if method != "outline":
        return None
    if image is None:
        raise ValueError("image: expected an image on the target grid for method 'outline', got none")
    values = check_real_array("image", image)
    if values.shape != shape:
        raise ValueError(f"image: expected the shape {shape} of the target grid, got {values.shape}")
    return values


def _check_levels(asked: tuple[str, ...], points: Mapping[str, Values]) -> list[str]:
    missing = [level for level in asked if level not in points]
    if missing:
        raise ValueError(f"points: expected one for each of {', '.join(asked)}; got none for {', '.join(missing)}")
    return [level for level in points if not asked or level in asked]


def _check_inside(points: Mapping[str, Values], shape: Shape, affine: Affine) -> None:
    away = np.array(list(points.values())) - affine[:3, 3]
    index = np.linalg.solve(affine[:3, :3], away.T).T
    beyond = np.any((index < -0.5) | (index > np.array(shape[::-1]) - 0.5), axis=1)
    if beyond.any():
        names = ", ".join(level for level, out in zip(points, beyond, strict=True) if out)
        raise ValueError(
            f"points: expected RAS positions in mm inside the image ({describe_grid(shape, affine)}); "
            f"outside are {names}"
        )


def _warnings(level: str, record: Mapping[str, Any], settings: PlacementSettings) -> list[str]:
    found = []
    if record["area_mm2"] < settings.min_area or record["n_voxels"] < settings.min_voxels:
        found.append(
            f"{level}: small region of {record['area_mm2']:g} mm2 and {record['n_voxels']} voxels (expected "
            f"{settings.min_area:g} mm2 and {settings.min_voxels} voxels or more)"
        )
    if record["outside_fraction"] > 0:
        found.append(f"{level}: {record['outside_fraction']:.1%} of the region lies outside the image")
    return found
