"""Shape features of a region in three dimensions."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from mrbiomarkers.radiomics.inputs import Flags
from mrbiomarkers.radiomics.mesh import border_points, surface_mesh
from mrbiomarkers.settings import RadiomicsSettings

Numbers = NDArray[np.float64]

_PAIRS_AT_ONCE = 1 << 14


def shape_features(mask: Flags, spacing: tuple[float, float, float], settings: RadiomicsSettings) -> dict[str, float]:
    """Return the 14 shape features.

    Parameters
    ----------
    mask : (K, J, I) array of bool
        The region.
    spacing : (3,) tuple of float [mm]
        Voxel size along k, j, i.
    settings : RadiomicsSettings
        With standard ``"ibsi"``, axis lengths come from the covariance over N - 1.

    References
    ----------
    van Griethuysen et al., Cancer Res 2017;77:e104. Zwanenburg et al., Radiology 2020;295:328, section 3.1 of the
    reference manual.
    """
    mesh = surface_mesh(mask, spacing)
    voxels = int(np.count_nonzero(mask))
    least, minor, major = axis_lengths(mask, spacing, settings)
    points = border_points(mask)
    column, row = (longest_in_planes(points, spacing, axis) for axis in (1, 2))
    return {
        "Elongation": _ratio(minor, major),
        "Flatness": _ratio(least, major),
        "LeastAxisLength": least,
        "MajorAxisLength": major,
        "Maximum2DDiameterColumn": column,
        "Maximum2DDiameterRow": row,
        "Maximum2DDiameterSlice": longest_in_planes(points, spacing, 0),
        "Maximum3DDiameter": longest_distance(points, spacing),
        "MeshVolume": mesh.content,
        "MinorAxisLength": minor,
        "Sphericity": float(np.cbrt(36 * np.pi * mesh.content**2) / mesh.border),
        "SurfaceArea": mesh.border,
        "SurfaceVolumeRatio": mesh.border / mesh.content,
        "VoxelVolume": float(voxels * np.prod(spacing)),
    }


def axis_lengths(mask: Flags, spacing: tuple[float, ...], settings: RadiomicsSettings) -> list[float]:
    """Return the lengths [mm] of the axes of the ellipsoid with the covariance of a region, ascending.

    Each is four standard deviations of the voxel centres along a principal axis.

    Parameters
    ----------
    mask : array of bool
        The region, two voxels or more; any number of axes.
    spacing : tuple of float [mm]
        Voxel size along each axis.
    settings : RadiomicsSettings
        Over how many voxels the covariance is taken: N, or N - 1 with standard ``"ibsi"``.
    """
    centres = np.argwhere(mask) * np.array(spacing)
    centres -= centres.mean(axis=0)
    count = len(centres) - (settings.standard == "ibsi")
    variances = np.linalg.eigvalsh(np.einsum("na,nb->ab", centres, centres) / count)
    return [4 * float(np.sqrt(max(variance, 0.0))) for variance in variances]


def longest_distance(points: NDArray[np.int64], spacing: tuple[float, ...]) -> float:
    """Return the largest distance [mm] between points that are given as twice their index."""
    corners = points * (np.array(spacing) / 2)
    # Points in a plane or on a line have no hull: all of them are compared.
    with suppress(QhullError):
        corners = corners[ConvexHull(corners).vertices]
    rows = max(1, _PAIRS_AT_ONCE // len(corners))
    largest = 0.0
    for first in range(0, len(corners), rows):
        steps = corners[first : first + rows, np.newaxis] - corners
        largest = max(largest, float(np.einsum("abc,abc->ab", steps, steps).max()))
    return float(np.sqrt(largest))


def longest_in_planes(points: NDArray[np.int64], spacing: tuple[float, ...], axis: int) -> float:
    """Return the largest distance [mm] between two points in one plane across an axis.

    In each row of a plane only the outermost points matter.

    Parameters
    ----------
    points : (P, 3) array of int
        Twice the index of each point.
    spacing : (3,) tuple of float [mm]
        Voxel size along k, j, i.
    axis : int
        The axis.
    """
    shape = points.max(axis=0) + 1
    # Rows run along the longer side: there are fewer of them.
    side, along = sorted(({0, 1, 2} - {axis}), key=lambda other: shape[other])
    row = points[:, axis] * shape[side] + points[:, side]
    low = np.full(shape[axis] * shape[side], np.inf)
    high = np.full(shape[axis] * shape[side], -np.inf)
    np.minimum.at(low, row, points[:, along] * (spacing[along] / 2))
    np.maximum.at(high, row, points[:, along] * (spacing[along] / 2))
    largest = 0.0
    for first, last in zip(low.reshape(shape[axis], -1), high.reshape(shape[axis], -1), strict=True):
        rows = np.flatnonzero(np.isfinite(first))
        if rows.size:
            across = rows * (spacing[side] / 2)
            apart = last[rows][:, np.newaxis] - first[rows]
            largest = max(largest, float(((across[:, np.newaxis] - across) ** 2 + apart**2).max()))
    return float(np.sqrt(largest))


def _ratio(shorter: float, longer: float) -> float:
    return shorter / longer if longer > 0 else np.nan
