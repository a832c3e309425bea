"""Checks of an image and its mask: that they can be measured, and lie on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Region:
    """The voxels of a region in the box around them.

    Attributes
    ----------
    mask : (K, J, I) array of bool
        The box, which the region touches on all six sides.
    start : (3,) tuple of int
        Index (k, j, i) of the first voxel of the box in the volume.
    """

    mask: Flags
    start: tuple[int, int, int]

    @property
    def stop(self) -> tuple[int, int, int]:
        """Index (k, j, i) after the last voxel of the box."""
        return tuple(first + size for first, size in zip(self.start, self.mask.shape, strict=True))

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.count_nonzero(self.mask))


def check_image(name: str, image: sitk.Image) -> None:
    """Check that an image is a SimpleITK image with three axes and one real number a voxel.

    Raises
    ------
    TypeError
        When it is no SimpleITK image, or its voxels are complex.
    ValueError
        When it has not three axes, or several numbers a voxel.
    """
    if not isinstance(image, sitk.Image):
        raise TypeError(f"{name}: expected a SimpleITK image, got {type(image).__name__}")
    if image.GetDimension() != 3:
        raise ValueError(
            f"{name}: expected an image with three axes, got {image.GetDimension()} (size {image.GetSize()})"
        )
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ValueError(
            f"{name}: expected one number a voxel, got a vector image with {image.GetNumberOfComponentsPerPixel()}"
        )
    if "complex" in image.GetPixelIDTypeAsString():
        raise TypeError(f"{name}: expected real numbers, got {image.GetPixelIDTypeAsString()}")


def find_region(mask: sitk.Image, label: int) -> tuple[Region, tuple[int, ...]]:
    """Return the region of a label, and the other labels of the mask.

    Of each slice only the part that is filled is looked at and only the part in the region is kept: no copy of a slice
    is made.

    Raises
    ------
    ValueError
        When the mask is empty or has no voxel of this label.
    """
    view = sitk.GetArrayViewFromImage(mask)
    found: dict[tuple[int, int, int], Flags] = {}
    others: set[int] = set()
    for k, plane in enumerate(view):
        part = _filled(plane)
        if part is None:
            continue
        values = plane[part]
        inside = values == label
        if np.count_nonzero(inside) != np.count_nonzero(values):
            others |= {int(value) for value in np.unique(values) if value not in (0, label)}
        own = _filled(inside)
        if own is not None:
            # A copy: what is kept of a slice is no larger than the region in it.
            found[k, part[0].start + own[0].start, part[1].start + own[1].start] = inside[own].copy()
    if not found:
        labels = f"it has {_numbers(others)}" if others else "it is empty: all voxels are 0"
        raise ValueError(f"mask: expected voxels of label {label}, but {labels}")
    return _boxed(found), tuple(sorted(others))


def _filled(plane: NDArray[Any]) -> tuple[slice, slice] | None:
    """Return the box around what is not 0 in a plane, None where all is."""
    rows = np.flatnonzero(plane.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(plane[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _boxed(found: dict[tuple[int, int, int], Flags]) -> Region:
    """Return the region of the parts of slices by the index (k, j, i) of their first voxel."""
    first = np.array(list(found))
    sizes = np.array([(1, *inside.shape) for inside in found.values()])
    start = first.min(axis=0)
    box = np.zeros(np.max(first + sizes, axis=0) - start, dtype=bool)
    for (k, j, i), inside in zip(first - start, found.values(), strict=True):
        box[k, j : j + inside.shape[0], i : i + inside.shape[1]] = inside
    return Region(box, (int(start[0]), int(start[1]), int(start[2])))


def is_on_one_grid(image: sitk.Image, mask: sitk.Image, tolerance: float) -> bool:
    """Return whether two images have one size, and one origin, voxel size and direction within a tolerance."""
    if image.GetSize() != mask.GetSize():
        return False
    spacing = np.array(image.GetSpacing())
    shift = np.abs(np.subtract(image.GetOrigin(), mask.GetOrigin()))
    stretch = np.abs(spacing - mask.GetSpacing())
    turn = np.abs(np.subtract(image.GetDirection(), mask.GetDirection()))
    return bool(max(shift.max(), stretch.max()) <= tolerance * spacing.min() and turn.max() <= max(tolerance, 1e-6))


def check_grids(image: sitk.Image, mask: sitk.Image, tolerance: float) -> None:
    """Check that image and mask lie on one grid.

    Raises
    ------
    ValueError
        When they do not; the message has both grids and the way out.
    """
    if not is_on_one_grid(image, mask, tolerance):
        raise ValueError(
            f"mask: expected the grid of the image, {_grid(image)}; got {_grid(mask)}. With resample_mask=True "
            "(correctMask: true in a settings file) the mask is brought onto the grid of the image (nearest neighbour)"
        )


def check_inside(image: sitk.Image, mask: sitk.Image, region: Region) -> None:
    """Check that the box around a region lies inside the image.

    Raises
    ------
    ValueError
        When a part of it is outside.
    """
    first = np.array(region.start[::-1]) - 0.5
    last = np.array(region.stop[::-1]) - 0.5
    corners = np.array(
        [[(first, last)[bit][axis] for axis, bit in enumerate(bits)] for bits in np.ndindex(2, 2, 2)], dtype=float
    )
    there = np.array(
        [
            image.TransformPhysicalPointToContinuousIndex(mask.TransformContinuousIndexToPhysicalPoint(corner.tolist()))
            for corner in corners
        ]
    )
    if there.min() < -0.501 or np.any(there.max(axis=0) > np.array(image.GetSize()) - 0.499):
        low, high = (", ".join(f"{value:.1f}" for value in bound) for bound in (there.min(axis=0), there.max(axis=0)))
        raise ValueError(
            f"mask: expected a region inside the image of {_grid(image)}; in its voxels (x, y, z) the region lies from "
            f"({low}) to ({high})"
        )


def _grid(image: sitk.Image) -> str:
    size = " x ".join(str(number) for number in image.GetSize())
    spacing = " x ".join(f"{length:.6g}" for length in image.GetSpacing())
    origin = ", ".join(f"{value:.6g}" for value in image.GetOrigin())
    direction = " ".join(f"{value:.4g}" for value in image.GetDirection())
    return f"{size} voxels of {spacing} mm from ({origin}), direction {direction}"


def _numbers(labels: set[int]) -> str:
    shown = ", ".join(str(label) for label in sorted(labels)[:20])
    more = len(labels) - 20
    return f"label{'s' if len(labels) > 1 else ''} {shown}{f' and {more} more' if more > 0 else ''}"
