"""A map on the grid of another image, by linear interpolation; masks are copied instead, see ``copying.py``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from mrbiomarkers.checks import check_affine
from mrbiomarkers.regions.grids import is_same_grid

_STEPS = 1e6  # in a voxel: the outermost voxels count in spite of rounding


def map_on_grid(
    values: ArrayLike, affine: ArrayLike, target_shape: Sequence[int], target_affine: ArrayLike
) -> NDArray[np.float64]:
    """Return a map on another grid by linear interpolation; identical grids give identical values.

    Parameters
    ----------
    values : (K, J, I) array_like
        The map, in any unit.
    affine : (4, 4) array_like [mm]
        Its voxel to RAS.
    target_shape : (3,) sequence of int
        Size (K, J, I) of the other grid.
    target_affine : (4, 4) array_like [mm]
        Voxel to RAS of the other grid.

    Returns
    -------
    (K, J, I) float64 array
        NaN outside the map, and where a voxel without a value (NaN) has a share.

    Raises
    ------
    ValueError
        When an array has not that shape, or a matrix cannot be inverted.
    """
    source = np.asarray(values, dtype=np.float64)
    own, target = check_affine(affine), check_affine(target_affine)
    if source.ndim != 3 or len(target_shape) != 3:
        raise ValueError(
            f"values, target_shape: expected three axes (K, J, I), got {source.shape}, {tuple(target_shape)}"
        )
    n_slices, n_rows, n_columns = map(int, target_shape)
    if is_same_grid(source.shape, own, (n_slices, n_rows, n_columns), target):
        return source
    to_map = np.linalg.inv(own) @ target
    unknown = np.isnan(source)
    filled = np.where(unknown, 0.0, source)  # NaN would spread to voxels in whose mean it has no weight
    weight = unknown.astype(np.float64) if unknown.any() else None
    result = np.empty((n_slices, n_rows, n_columns))
    j, i = np.indices((n_rows, n_columns))
    for k in range(n_slices):  # slice by slice: only the result takes memory
        voxels = np.stack([i, j, np.full_like(i, k), np.ones_like(i)])
        places = np.einsum("ab,bji->aji", to_map, voxels)[2::-1]
        near = np.round(places * _STEPS) / _STEPS
        result[k] = map_coordinates(filled, near, order=1, mode="constant", cval=np.nan)
        if weight is not None:
            result[k][map_coordinates(weight, near, order=1, mode="constant") > 0] = np.nan
    return result
