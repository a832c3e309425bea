"""A mask taken from one image to another by a transform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine, check_mask
from mrbiomarkers.registration.compared import check_matrix

_TIE = 1e-6  # of a voxel: rounding of a matrix must not decide between two voxels differently along an edge


def move_mask(
    mask: ArrayLike,
    affine: ArrayLike,
    transform: ArrayLike,
    target_shape: Sequence[int],
    target_affine: ArrayLike,
) -> NDArray[np.bool_]:
    """Take a mask drawn on one image to the grid of another, nearest neighbour through physical space.

    Parameters
    ----------
    mask : (K, J, I) array_like
        The mask, above 0 inside.
    affine : (4, 4) array_like [mm]
        Its voxel to RAS.
    transform : (4, 4) array_like [mm]
        RAS of the image the mask was drawn on to RAS of the target, as ``Registration.transform`` for a mask of the
        moving image; its inverse for one of the fixed image.
    target_shape : (3,) sequence of int
        Size (K, J, I) of the other image.
    target_affine : (4, 4) array_like [mm]
        Voxel to RAS of the other image.

    Returns
    -------
    (K, J, I) bool array
        Each voxel of the target takes the value of the mask voxel in which its centre comes to lie; False outside.

    Raises
    ------
    ValueError
        When the mask is empty or not 3-D, does not meet the target, or a matrix cannot be inverted.
    """
    inside = check_mask("mask", mask, np.shape(mask))
    shape = tuple(int(n) for n in target_shape)
    if inside.ndim != 3 or len(shape) != 3:
        raise ValueError(f"mask and target_shape: expected 3 dimensions, got shapes {inside.shape} and {shape}")
    if not inside.any():
        raise ValueError("mask: expected at least one voxel above 0, got an empty mask")
    source, moved_by = check_affine(affine), check_matrix("transform", transform)
    to_mask = np.linalg.inv(source) @ np.linalg.inv(moved_by) @ check_matrix("target_affine", target_affine)
    moved = np.zeros(shape, dtype=bool)
    size = np.array(inside.shape[::-1])
    j, i = np.indices(shape[1:], dtype=np.float64)
    in_slice = np.stack([i, j], axis=-1) @ to_mask[:3, :2].T + to_mask[:3, 3]
    for number in range(shape[0]):
        index = np.floor(in_slice + to_mask[:3, 2] * number + 0.5 + _TIE).astype(np.intp)
        known = np.all((index >= 0) & (index < size), axis=-1)
        column, row, slab = index[known].T
        moved[number][known] = inside[slab, row, column]
    if not moved.any():
        raise ValueError("mask: expected it to hold a voxel centre of the target, got one that lies elsewhere")
    return moved
