"""What is compared of an image: checked, cut to a box, smoothed and thinned to a level of detail."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from mrbiomarkers.checks import check_affine, check_real_array

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float64]
Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]

_SKEW = 1e-3  # largest cosine between two axes of the grid
_FEWEST = 3  # voxels along an axis
_CLIP = 99.8  # percentile above which brightness no longer counts: a few bright voxels would use up the histogram


@dataclass(frozen=True, eq=False)
class ComparedImage:
    """An image in patient space.

    Attributes
    ----------
    name : str
        ``"fixed"`` or ``"moving"``, for messages.
    values : (K, J, I) float32 array
        The image.
    affine : (4, 4) array [mm]
        Voxel to RAS.
    """

    name: str
    values: NDArray[np.float32]
    affine: Matrix

    @property
    def spacing(self) -> Vectors:
        """Voxel size (3,) [mm] along i, j, k."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def box_around(self, points: Vectors, margin: float) -> Box | None:
        """Return the part of the grid within ``margin`` [mm] of RAS points (N, 3) along its axes; None outside it."""
        index = (points - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T
        size = np.array(self.values.shape[::-1])
        low = np.clip(np.floor(index.min(axis=0) - margin / self.spacing), 0, size).astype(int)
        high = np.clip(np.ceil(index.max(axis=0) + margin / self.spacing) + 1, 0, size).astype(int)
        if np.any(high <= low):
            return None
        i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return k, j, i

    def cut(self, box: Box) -> ComparedImage:
        """Return the part of the image in a box, clipped at its 99.8th percentile.

        Raises
        ------
        ValueError
            When there is nothing to compare: no finite values, all the same, or fewer than 3 voxels along an axis.
        """
        part = self.values[box]
        finite = part[np.isfinite(part)]
        if finite.size == 0 or finite.min() == finite.max():
            got = "only NaN or infinite values" if finite.size == 0 else f"only {finite[0]:g}"
            raise ValueError(f"{self.name}: expected contrast where the images are compared, got {got}")
        if min(part.shape) < _FEWEST:
            size = " x ".join(map(str, part.shape[::-1]))
            raise ValueError(
                f"{self.name}: expected at least {_FEWEST} voxels along each axis where the images are compared, got "
                f"{size}"
            )
        affine = self.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ [part.start for part in box[::-1]]
        return ComparedImage(self.name, np.minimum(part, np.percentile(finite, _CLIP)), affine)

    def corners(self) -> Vectors:
        """Return the RAS positions (8, 3) [mm] of the outermost voxel centres."""
        k, j, i = self.values.shape
        index = np.array(list(itertools.product((0, i - 1), (0, j - 1), (0, k - 1))), dtype=np.float64)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])

    def positions(self, where: Mask) -> Vectors:
        """Return the RAS positions (N, 3) [mm] of the voxels of a mask (K, J, I)."""
        return np.asarray(np.argwhere(where)[:, ::-1] @ self.affine[:3, :3].T + self.affine[:3, 3])

    def at_level(self, level: float) -> tuple[sitk.Image, sitk.Image | None]:
        """Return the image smoothed and thinned to voxels of about ``level`` [mm], and where it is known, if not all.

        Axes with larger voxels stay as they are, so thick slices are neither smoothed nor left out.
        """
        finite = np.isfinite(self.values)
        sigma = [0.5 * math.sqrt(max(level**2 - step**2, 0.0)) / step for step in self.spacing]
        steps = [max(1, int(level / step + 1e-6)) for step in self.spacing]
        values = ndimage.gaussian_filter(np.where(finite, self.values, np.float32(0)), sigma[::-1])
        thin = tuple(slice(None, None, step) for step in steps[::-1])
        affine = self.affine.copy()
        affine[:3, :3] *= steps
        known = None if finite.all() else _to_itk(finite[thin].astype(np.uint8), affine)
        return _to_itk(values[thin], affine), known


def compared_image(name: str, values: ArrayLike, affine: ArrayLike) -> ComparedImage:
    """Return a volume as it is compared, float32.

    Parameters
    ----------
    name : str
        Name of the argument for messages.
    values : (K, J, I) array_like
        The image.
    affine : (4, 4) array_like [mm]
        Voxel to RAS.

    Raises
    ------
    ValueError
        When the volume is not 3-D, or the axes of the affine are not at right angles.
    """
    array = check_real_array(name, values, ndim=3).astype(np.float32)
    matrix = check_matrix(name, affine)
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    cosine = float(np.max(np.abs(axes.T @ axes - np.eye(3))))
    if cosine > _SKEW:
        raise ValueError(f"{name}: expected an affine with axes at right angles, got a cosine of {cosine:.3g}")
    return ComparedImage(name, array, matrix)


def check_matrix(name: str, matrix: ArrayLike) -> Matrix:
    """Return a (4, 4) matrix [mm] that can be inverted.

    Raises
    ------
    ValueError
        When it is not; the message begins with ``name``.
    """
    try:
        return check_affine(matrix)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _to_itk(values: NDArray[np.generic], affine: Matrix) -> sitk.Image:
    """Return a SimpleITK image whose physical space is RAS: nothing here leaves this room, so nothing is turned."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image
