"""The marrow inside a vertebral body: a margin in mm, the basivertebral vein and outlying voxels left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import ConvexHull, QhullError

Mask = NDArray[np.bool_]

# A margin of a sixth of the width leaves two thirds of it; the cortex shows in the first 1.5 mm of any body.
_LARGEST_SHARE = 1 / 6
_SMALLEST_MARGIN = 1.5
_MAD_TO_SD = 1.4826


def depth_in_plane(mask: Mask, spacing: tuple[float, float]) -> NDArray[np.float64]:
    """Return how deep each voxel centre lies inside the mask, slice by slice.

    Parameters
    ----------
    mask : (R, S, A) bool array
        Slices first. What lies beyond the image counts as outside.
    spacing : (2,) tuple [mm]
        Voxel size along the other two axes.

    Returns
    -------
    (R, S, A) float64 array [mm]
        Distance in the plane of the slice to the nearest face of a voxel outside; 0 outside.

    Notes
    -----
    The Euclidean distance transform measures between voxel centres. It is taken here on a grid of twice the
    resolution, whose even points are the faces and corners of the voxels: exact for any voxel size.
    """
    depth = np.zeros(mask.shape)
    half = (spacing[0] / 2, spacing[1] / 2)
    for number in np.flatnonzero(mask.any(axis=(1, 2))):
        outside = np.pad(~mask[number], 1, constant_values=True)
        fine = np.zeros((2 * outside.shape[0] + 1, 2 * outside.shape[1] + 1), dtype=bool)
        for up in (0, 1, 2):
            for ahead in (0, 1, 2):
                window = fine[up : up + 2 * outside.shape[0] : 2, ahead : ahead + 2 * outside.shape[1] : 2]
                window |= outside
        depth[number] = distance_transform_edt(~fine, sampling=half)[1::2, 1::2][1:-1, 1:-1]
    return depth


def fitting_margin(margin: float, width: float) -> float:
    """Return the margin [mm] for a body of this width [mm]: at most a sixth of it, but not below 1.5 mm.

    Parameters
    ----------
    margin : float
        What is asked for; a smaller one is never enlarged.
    width : float
        The diameter of the largest circle in the body's sagittal outline.
    """
    return min(margin, max(_LARGEST_SHARE * width, _SMALLEST_MARGIN))


def vein_wedge(body: Mask, spacing: tuple[float, float], centre: int) -> Mask:
    """Return the part of a body where the basivertebral vein runs: central third of height, posterior third of depth.

    Parameters
    ----------
    body : (R, S, A) bool array
        The whole body: to the right, upwards, forwards.
    spacing : (2,) tuple [mm]
        Voxel size upwards and forwards.
    centre : int
        The slice whose outline gives the height and depth; the one with most voxels where it is empty.

    Returns
    -------
    (R, S, A) bool array
        The same part of every slice. Height and depth are those of the smallest upright box around the outline, turned
        by up to 45 degrees.
    """
    area = body.sum(axis=(1, 2))
    outline = body[centre if area[centre] else int(area.argmax())]
    points = np.argwhere(outline) * np.asarray(spacing)
    try:
        hull = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):  # a line or fewer than three voxels
        hull = points
    angles = np.deg2rad(np.arange(-45, 45, 1.0))
    up, ahead = _turned(hull, angles)
    turn = angles[int(np.argmin(np.ptp(up, axis=1) * np.ptp(ahead, axis=1)))]
    edge_up, edge_ahead = (values[0] for values in _turned(hull, np.array([turn])))
    grid = np.indices(outline.shape).reshape(2, -1).T * np.asarray(spacing)
    height, depth = (values[0].reshape(outline.shape) for values in _turned(grid, np.array([turn])))
    height = (height - edge_up.min()) / max(np.ptp(edge_up), 1e-9)
    depth = (depth - edge_ahead.min()) / max(np.ptp(edge_ahead), 1e-9)
    return np.asarray(body & (np.abs(height - 0.5) <= 1 / 6) & (depth <= 1 / 3))


def outlying_voxels(region: Mask, image: NDArray[np.generic], limit: float = 3.0) -> Mask:
    """Return the voxels of a region that lie off its median by more than ``limit`` median absolute deviations.

    The deviation is multiplied by 1.4826, which makes it the standard deviation of normal noise. A voxel that is not a
    finite number is outlying.

    Parameters
    ----------
    region : bool array
        The region.
    image : array of the same shape
        The image it was drawn on.
    limit : float
        Above 0.
    """
    values = np.asarray(image[region], dtype=np.float64)
    known = values[np.isfinite(values)]
    outlying = np.zeros(region.shape, dtype=bool)
    if known.size == 0:
        return region.copy()
    middle = np.median(known)
    deviation = _MAD_TO_SD * np.median(np.abs(known - middle))
    outlying[region] = ~(np.abs(values - middle) <= limit * deviation)
    return outlying


def _turned(
    points: NDArray[np.float64], angles: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    return cos * points[:, 0] - sin * points[:, 1], sin * points[:, 0] + cos * points[:, 1]
