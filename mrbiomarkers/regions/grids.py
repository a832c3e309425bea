"""Whether two images share a grid, and a mask taken from one grid to another by physical position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_affine

Affine = NDArray[np.float64]
Shape = tuple[int, ...]

TOLERANCE = 0.01  # of a voxel: NIfTI headers are single precision


def voxel_sizes(affine: Affine) -> NDArray[np.float64]:
    """Return the lengths (3,) [mm] of the voxel along i, j, k."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0))


def describe_grid(shape: Shape, affine: Affine) -> str:
    """Return one line with size, voxel size and origin, in the order i, j, k."""
    size = " x ".join(str(n) for n in shape[::-1])
    spacing = " x ".join(f"{length:.4g}" for length in voxel_sizes(affine))
    origin = ", ".join(f"{position:.2f}" for position in affine[:3, 3])
    return f"{size} voxels of {spacing} mm, origin ({origin}) mm RAS"


def is_same_lattice(shape: Shape, affine: Affine, other_shape: Shape, other: Affine) -> bool:
    """Whether the voxel centres of both grids coincide, though one may cover more than the other.

    Parameters
    ----------
    shape, other_shape : (3,) tuple of int
        Sizes (K, J, I).
    affine, other : (4, 4) array [mm]
        Voxel to RAS.

    Returns
    -------
    bool
        True where every corner of the first grid falls on a voxel centre of the (continued) second one, to 0.01 voxel,
        and the axes run alike.
    """
    to_other = np.linalg.inv(other) @ affine
    corners = _corners(shape)
    moved = (to_other @ corners)[:3]
    offset = np.round(to_other[:3, 3])
    return bool(np.all(np.abs(moved - (corners[:3] + offset[:, None])) < TOLERANCE))


def is_same_grid(shape: Shape, affine: Affine, other_shape: Shape, other: Affine) -> bool:
    """Whether both grids have the same size and the same voxel positions, to 0.01 voxel."""
    if tuple(shape) != tuple(other_shape):
        return False
    apart = (np.linalg.inv(other) @ affine - np.eye(4)) @ _corners(shape)
    return bool(np.all(np.abs(apart[:3]) < TOLERANCE))


def mask_on_grid(
    mask: NDArray[np.bool_], affine: Affine, target_shape: Shape, target_affine: Affine
) -> tuple[NDArray[np.bool_], float]:
    """Take a mask to another grid by physical position, nearest neighbour.

    Parameters
    ----------
    mask : (K, J, I) bool array
        The mask.
    affine : (4, 4) array [mm]
        Its voxel to RAS.
    target_shape : (3,) tuple of int
        Size (K, J, I) of the other grid.
    target_affine : (4, 4) array [mm]
        Voxel to RAS of the other grid.

    Returns
    -------
    (mask, outside_fraction)
        The mask on the target grid: each voxel takes the value of the mask voxel that holds its centre. The fraction of
        the mask's voxels whose centres lie outside the target grid.
    """
    affine, target_affine = check_affine(affine), check_affine(target_affine)
    to_mask = np.asarray(np.linalg.inv(affine) @ target_affine)
    to_target = np.asarray(np.linalg.inv(to_mask))
    copied = np.zeros(target_shape, dtype=bool)
    sources: NDArray[np.float64] = np.argwhere(mask)[:, ::-1].T.astype(np.float64)
    if not sources.size:
        return copied, 0.0
    box = _box_around(sources, to_target, target_shape)  # a region is a small part of an image
    part = copied[box]
    corner = np.array([side.start for side in box[::-1]], dtype=np.float64)[:, None]
    index = _nearest(to_mask, np.indices(part.shape)[::-1].reshape(3, -1) + corner)
    inside = _is_inside(index, mask.shape)
    found = np.zeros(part.size, dtype=bool)
    i, j, k = index[:, inside]
    found[inside] = mask[k, j, i]
    copied[box] = found.reshape(part.shape)
    return copied, 1.0 - float(_is_inside(_nearest(to_target, sources), target_shape).mean())


def place_mask(
    what: str,
    mask: NDArray[np.bool_],
    affine: Affine,
    target_shape: Shape,
    target_affine: Affine,
    *,
    resample: bool = False,
) -> tuple[NDArray[np.bool_], float]:
    """Return a mask on the grid of an image, and the fraction of it that lies outside.

    A mask on another grid is refused unless ``resample``. One whose voxels coincide with those of the image, but which
    covers another part of it (a cropped segmentation), is put in its place without asking: nothing is interpolated.

    Parameters
    ----------
    what : str
        Name of the mask for messages.
    mask, affine, target_shape, target_affine
        As for :func:`mask_on_grid`.
    resample : bool
        Copy a mask from another grid by physical position.

    Raises
    ------
    ValueError
        When the mask is empty, lies on another grid, or does not overlap the image.
    """
    if not mask.any():
        raise ValueError(f"{what}: expected at least one voxel above 0, got an empty mask")
    grids = (mask.shape, affine, target_shape, target_affine)
    if is_same_grid(*grids):
        return mask, 0.0
    if not resample and not is_same_lattice(*grids):
        raise ValueError(
            f"{what}: expected the grid of the series ({describe_grid(target_shape, target_affine)}), "
            f"got {describe_grid(mask.shape, affine)}; --resample-regions copies it by physical position"
        )
    placed, outside = mask_on_grid(mask, affine, target_shape, target_affine)
    if not placed.any():
        raise ValueError(f"{what}: expected it to overlap the series, but it holds no voxel centre of the series")
    return placed, outside


def _box_around(points: NDArray[np.float64], transform: Affine, shape: Shape) -> tuple[slice, ...]:
    """Return the part (K, J, I) of a grid that holds all voxels which may lie in those around the points."""
    ends = np.stack([points.min(axis=1) - 1, points.max(axis=1) + 1])
    corners = np.array(np.meshgrid(*ends.T, indexing="ij")).reshape(3, -1)
    moved = transform[:3, :3] @ corners + transform[:3, 3:]
    limit = np.array(shape[::-1])
    start = np.clip(np.floor(moved.min(axis=1)), 0, limit).astype(int)
    stop = np.clip(np.ceil(moved.max(axis=1)) + 1, start, limit).astype(int)
    return tuple(slice(int(a), int(b)) for a, b in zip(start[::-1], stop[::-1], strict=True))


def _nearest(transform: Affine, points: NDArray[np.float64]) -> NDArray[np.intp]:
    moved = transform[:3, :3] @ points + transform[:3, 3:]
    # rounding of the header must not decide a tie between two voxels differently along an edge
    nearest: NDArray[np.intp] = np.floor(moved + 0.5 + 1e-6).astype(np.intp)
    return nearest


def _is_inside(index: NDArray[np.intp], shape: Shape) -> NDArray[np.bool_]:
    limit = np.array(shape[::-1])[:, None]
    return np.asarray(np.all((index >= 0) & (index < limit), axis=0))


def _corners(shape: Shape) -> NDArray[np.float64]:
    k, j, i = shape
    corners = np.array(np.meshgrid([0, i - 1], [0, j - 1], [0, k - 1], indexing="ij"), dtype=np.float64).reshape(3, -1)
    return np.vstack([corners, np.ones(8)])
