"""A region drawn on one image, copied to another at the same size and position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine, check_choice, check_mask
from mrbiomarkers.regions.grids import describe_grid, mask_on_grid, voxel_sizes
from mrbiomarkers.regions.measure import region_size

_SIZES_DIFFER = 0.01  # relative


@dataclass(frozen=True, eq=False)
class CopiedMask:
    """A region on another grid, and its size there.

    Attributes
    ----------
    mask : (K, J, I) bool array
        The region on the target grid.
    by : str
        ``"position"`` or ``"index"``.
    n_voxels, n_slices : int
        Voxels, and slices (k) that hold any.
    area_mm2 : float
        Area of the largest slice.
    volume_mm3 : float
        Volume.
    outside_fraction : float
        Fraction of the region's voxels whose centres lie outside the target grid.
    warnings : tuple of str
        A part that lies outside; voxel sizes that differ in a copy by index.
    """

    mask: NDArray[np.bool_]
    by: str
    n_voxels: int
    n_slices: int
    area_mm2: float
    volume_mm3: float
    outside_fraction: float
    warnings: tuple[str, ...] = ()


def copy_mask(
    mask: ArrayLike,
    affine: ArrayLike,
    target_shape: Sequence[int],
    target_affine: ArrayLike,
    *,
    by: Literal["position", "index"] = "position",
) -> CopiedMask:
    """Copy a region to the grid of another image.

    By position, each voxel of the target takes the value of the mask voxel that holds its centre (nearest neighbour);
    identical grids give identical voxels. By index, voxel (k, j, i) becomes voxel (k, j, i) whatever the headers say:
    for images that lost their geometry when they were exported. It is never chosen without being asked for.

    Parameters
    ----------
    mask : (K, J, I) array_like
        The region, above 0 inside.
    affine : (4, 4) array_like [mm]
        Its voxel to RAS.
    target_shape : (3,) sequence of int
        Size (K, J, I) of the other image.
    target_affine : (4, 4) array_like [mm]
        Voxel to RAS of the other image; area and volume follow it.
    by : str
        ``"position"`` or ``"index"``.

    Raises
    ------
    ValueError
        When the mask is empty or not 3-D, does not meet the target, or is copied by index to another shape.
    """
    check_choice("by", by, ("position", "index"))
    inside = check_mask("mask", mask, np.shape(mask))
    shape = tuple(int(n) for n in target_shape)
    source, target = check_affine(affine), check_affine(target_affine)
    if inside.ndim != 3 or not inside.any():
        raise ValueError(
            f"mask: expected 3 dimensions and a voxel above 0, got shape {inside.shape}, {inside.sum()} voxels"
        )
    warnings = []
    if by == "index":
        copied, outside = inside.copy(), 0.0
        if inside.shape != shape:
            ours, theirs = (" x ".join(map(str, size[::-1])) for size in (inside.shape, shape))
            raise ValueError(f"mask: expected the shape of the target to copy by index ({theirs} voxels), got {ours}")
        sizes = voxel_sizes(source), voxel_sizes(target)
        if not np.allclose(*sizes, rtol=_SIZES_DIFFER):
            shown = " and ".join(" x ".join(f"{length:.4g}" for length in size) + " mm" for size in sizes)
            warnings.append(f"copied by index between voxels of {shown}: area and volume follow the latter")
    else:
        copied, outside = mask_on_grid(inside, source, shape, target)
        if not copied.any():
            where = "lies outside" if outside == 1 else "is too small"
            raise ValueError(
                f"mask: expected it to hold a voxel centre of the target, but it {where} (the target: "
                f"{describe_grid(shape, target)}; the mask's own: {describe_grid(inside.shape, source)})"
            )
        if outside > 0:
            warnings.append(f"{outside:.1%} of the region lies outside the target")
    return CopiedMask(
        copied, by, **region_size("copy", copied, target), outside_fraction=outside, warnings=tuple(warnings)
    )
