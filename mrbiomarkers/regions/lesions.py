"""The size of a lesion: area of each slice, largest diameter in the plane, and whether it touches an outer contour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

from mrbiomarkers.checks import check_affine, check_bounds, check_mask
from mrbiomarkers.regions.measure import region_size

Mask = NDArray[np.bool_]

LESION_AREA = (30.0, 100.0)
"""Usual area of a lesion's region in its largest slice [mm2]."""


@dataclass(frozen=True, eq=False)
class LesionSize:
    """Size of a lesion.

    Attributes
    ----------
    areas : dict of int to float [mm2]
        Area in each slice (k) that holds a voxel.
    area_mm2 : float
        The largest of them, as in the measurement table.
    diameter_mm : float
        Largest distance of two voxel corners of one slice.
    diameter_slice : int
        The slice (k) with that diameter.
    ends : (2, 3) array [mm]
        RAS positions of its two ends, in the plane of the voxel centres.
    volume_mm3 : float
        Volume.
    n_touching : int
        Voxels on or beyond the outer contour.
    warnings : tuple of str
        An area outside the usual range, contact with the outer contour.
    """

    areas: dict[int, float]
    area_mm2: float
    diameter_mm: float
    diameter_slice: int
    ends: NDArray[np.float64]
    volume_mm3: float
    n_touching: int = 0
    warnings: tuple[str, ...] = ()


def lesion_size(
    mask: ArrayLike,
    affine: ArrayLike,
    *,
    name: str = "lesion",
    outline: ArrayLike | None = None,
    area_range: tuple[float, float] = LESION_AREA,
) -> LesionSize:
    """Measure a lesion's region in its slices.

    The diameter is that of the farthest pair of voxel corners, not centres: it spans the voxels at both ends, as
    calipers set to the edge of a lesion do, and a single voxel has its diagonal. Only corners of the convex hull are
    compared.

    Parameters
    ----------
    mask : (K, J, I) array_like
        The region, above 0 inside; k counts the slices.
    affine : (4, 4) array_like [mm]
        Voxel to RAS.
    name : str
        Name for messages.
    outline : (K, J, I) array_like, optional
        All that lies within the outer contour (the bone, the body). A voxel of the region touches the contour when it,
        or a neighbour across one of its four sides in the slice, lies outside; so does all beyond the image.
    area_range : (2,) tuple of float [mm2]
        Usual area in the largest slice; a warning says when it is smaller or larger.

    Raises
    ------
    ValueError
        When the region is empty or not 3-D, the outline has another shape, or the range is not ascending.
    """
    inside = check_mask(f"region {name!r}", mask, np.shape(mask))
    if inside.ndim != 3:
        raise ValueError(f"region {name!r}: expected 3 dimensions, got {inside.ndim} (shape {inside.shape})")
    matrix = check_affine(affine)
    low, high = check_bounds("area_range", area_range)
    size = region_size(name, inside, matrix)
    pixel = float(np.linalg.norm(np.cross(matrix[:3, 0], matrix[:3, 1])))
    areas = {int(k): float(np.count_nonzero(inside[k])) * pixel for k in np.flatnonzero(inside.any(axis=(1, 2)))}
    diameters = {k: _diameter(inside[k], k, matrix) for k in areas}
    longest = max(diameters, key=lambda k: diameters[k][0])
    warnings = []
    if not low <= size["area_mm2"] <= high:
        warnings.append(
            f"region {name!r}: its largest slice has {size['area_mm2']:.1f} mm2, usual are {low:g} to {high:g} mm2"
        )
    touching = 0
    if outline is not None:
        touching = _n_touching(inside, check_mask("outline", outline, inside.shape))
        if touching:
            warnings.append(f"region {name!r}: {touching} of its voxels touch the outer contour or lie beyond it")
    distance, ends = diameters[longest]
    return LesionSize(areas, size["area_mm2"], distance, longest, ends, size["volume_mm3"], touching, tuple(warnings))


def _diameter(slice_: Mask, k: int, affine: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the largest distance of two voxel corners [mm], and where they are."""
    j, i = np.nonzero(slice_)
    corners = np.unique(
        np.concatenate([np.stack([i + a, j + b], -1) for a in (-0.5, 0.5) for b in (-0.5, 0.5)]), axis=0
    )
    hull = corners[ConvexHull(corners).vertices]
    index = np.column_stack([hull, np.full(len(hull), float(k))])
    points = index @ affine[:3, :3].T + affine[:3, 3]
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    return float(apart[first, second]), points[[first, second]]


def _n_touching(inside: Mask, outline: Mask) -> int:
    around = np.pad(outline, ((0, 0), (1, 1), (1, 1)), constant_values=False)
    within = outline & around[:, :-2, 1:-1] & around[:, 2:, 1:-1] & around[:, 1:-1, :-2] & around[:, 1:-1, 2:]
    return int(np.count_nonzero(inside & ~within))
