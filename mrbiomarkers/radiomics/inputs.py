"""Checks of an image and its mask: that they can be measured, and lie on one grid."""

from __future__ import annotations

from dataclasses import dataclass

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

    Slices are looked through one by one, so that no copy of the whole mask is made.

    Raises
    ------
    ValueError
        When the mask is empty or has no voxel of this label.
    """
    view = sitk.GetArrayViewFromImage(mask)
    slices: list[int] = []
    flags: list[Flags] = []
    others: set[int] = set()
    for k, plane in enumerate(view):
        if not plane.any():
            continue
        inside = plane == label
        if np.count_nonzero(inside) != np.count_nonzero(plane):
            others |= {int(value) for value in np.unique(plane) if value not in (0, label)}
        if inside.any():
            slices.append(k)
            flags.append(inside)
    if not slices:
        found = f"it has {_numbers(others)}" if others else "it is empty: all voxels are 0"
        raise ValueError(f"mask: expected voxels of label {label}, but {found}")
    return _boxed(slices, flags), tuple(sorted(others))


def _boxed(slices: list[int], flags: list[Flags]) -> Region:
    ever = np.zeros_like(flags[0])
    for inside in flags:
        ever |= inside
    rows, columns = (np.flatnonzero(ever.any(axis=axis)) for axis in (1, 0))
    j, i = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    box = np.zeros((slices[-1] - slices[0] + 1, j.stop - j.start, i.stop - i.start), dtype=bool)
    for k, inside in zip(slices, flags, strict=True):
        box[k - slices[0]] = inside[j, i]
    return Region(box, (slices[0], int(rows[0]), int(columns[0])))


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
            f"mask: expected the grid of the image, {_grid(image)}; got {_grid(mask)}. With resample_mask=True the "
            "mask is brought onto the grid of the image (nearest neighbour)"
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
