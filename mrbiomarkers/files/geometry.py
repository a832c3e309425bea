"""Image geometry: ITK's LPS origin, spacing and direction to the voxel-to-RAS matrix and back. LPS ends here."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine

# Largest cosine between two axes. ITK's NIfTI reader refuses more, and its writer would silently straighten the axes;
# at this limit that moves a voxel 400 mm from the origin by 0.04 mm.
_MAX_SHEAR = 2e-4

# ITK turns three-dimensional NRRD spaces into LPS, but leaves one with a time axis as the file has it.
_RAS_SPACES = ("right-anterior-superior-time", "rast")
_LPS_TO_RAS = (-1.0, -1.0, 1.0)


def affine_of(image: sitk.Image | sitk.ImageFileReader) -> NDArray[np.float64]:
    """Return the matrix that maps voxel indices to RAS millimetres.

    Parameters
    ----------
    image : SimpleITK.Image or SimpleITK.ImageFileReader
        Three- or four-dimensional, or a reader that has read such a header.

    Returns
    -------
    (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS; of a 4-D image, from its first three axes.

    Raises
    ------
    ValueError
        When the image has another number of dimensions, its fourth axis is mixed with the spatial ones, or the spatial
        axes are not perpendicular.
    """
    n = image.GetDimension()
    if n not in (3, 4):
        raise ValueError(f"image: expected 3 or 4 dimensions, got {n} (size {image.GetSize()})")
    direction = np.array(image.GetDirection(), dtype=np.float64).reshape(n, n)
    if n == 4 and (np.any(np.abs(direction[:3, 3]) > 1e-6) or np.any(np.abs(direction[3, :3]) > 1e-6)):
        raise ValueError(f"image: expected a fourth axis apart from the others, got direction {direction.tolist()}")
    space = image.GetMetaData("NRRD_space").lower() if image.HasMetaDataKey("NRRD_space") else ""
    to_ras = np.array((1.0, 1.0, 1.0) if space in _RAS_SPACES else _LPS_TO_RAS)
    affine = np.eye(4)
    affine[:3, :3] = to_ras[:, None] * direction[:3, :3] * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = to_ras * np.array(image.GetOrigin()[:3])
    _check_perpendicular(affine)
    return affine + 0.0  # turns -0 into 0


def set_geometry(image: sitk.Image, affine: ArrayLike) -> None:
    """Give an image the origin, spacing and direction of ``affine``.

    Parameters
    ----------
    image : SimpleITK.Image
        Three- or four-dimensional (the fourth axis gets spacing 1 and no direction in space); changed in place.
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` to RAS.

    Raises
    ------
    ValueError
        When ``affine`` is not a valid matrix, or is sheared: an ITK image is a grid with perpendicular axes.
    """
    matrix = check_affine(affine)
    _check_perpendicular(matrix)
    to_lps = np.array(_LPS_TO_RAS)
    columns = to_lps[:, None] * matrix[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    n = image.GetDimension()
    direction = np.eye(n)
    direction[:3, :3] = columns / spacing + 0.0
    image.SetSpacing([*spacing.tolist(), 1.0][:n])
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin([*(to_lps * matrix[:3, 3] + 0.0).tolist(), 0.0][:n])


def _check_perpendicular(affine: NDArray[np.float64]) -> None:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    shear = np.abs(axes.T @ axes - np.eye(3)).max()
    if not shear <= _MAX_SHEAR:
        raise ValueError(
            f"affine: expected perpendicular axes, got a sheared matrix {affine[:3, :3].tolist()} "
            f"(largest cosine between two axes {shear:.3g}, allowed {_MAX_SHEAR:g})"
        )
