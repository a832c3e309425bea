"""Shape features of a region that lies in one slice."""

from __future__ import annotations

import numpy as np

from mrbiomarkers.radiomics.inputs import Flags
from mrbiomarkers.radiomics.mesh import border_points, outline_mesh
from mrbiomarkers.radiomics.shape import axis_lengths, longest_distance
from mrbiomarkers.settings import RadiomicsSettings


def flat_axis(mask: Flags, settings: RadiomicsSettings) -> int | None:
    """Return the axis along which a region is one voxel thick, None where there is none.

    Where there are several, it is ``settings.force_2d_axis`` if that is among them, else the first (k, j, i).
    """
    thin = [axis for axis, length in enumerate(mask.shape) if length == 1]
    if settings.force_2d_axis in thin:
        return settings.force_2d_axis
    return thin[0] if thin else None


def shape2d_features(
    mask: Flags, spacing: tuple[float, float, float], axis: int, settings: RadiomicsSettings
) -> dict[str, float]:
    """Return the 9 shape features of a region in a slice.

    Parameters
    ----------
    mask : (K, J, I) array of bool
        The region, one voxel thick along ``axis``.
    spacing : (3,) tuple of float [mm]
        Voxel size along k, j, i.
    axis : int
        The axis across the slice.
    settings : RadiomicsSettings
        With standard ``"ibsi"``, axis lengths come from the covariance over N - 1.

    References
    ----------
    van Griethuysen et al., Cancer Res 2017;77:e104.
    """
    flat = mask.squeeze(axis)
    size = (spacing[:axis] + spacing[axis + 1 :])[:2]
    mesh = outline_mesh(flat, size)
    minor, major = axis_lengths(flat, size, settings)
    return {
        "Elongation": minor / major if major > 0 else np.nan,
        "MajorAxisLength": major,
        "MaximumDiameter": longest_distance(border_points(flat), size),
        "MeshSurface": mesh.content,
        "MinorAxisLength": minor,
        "Perimeter": mesh.border,
        "PerimeterSurfaceRatio": mesh.border / mesh.content,
        "PixelSurface": float(np.count_nonzero(flat) * np.prod(size)),
        "Sphericity": float(2 * np.sqrt(np.pi * mesh.content) / mesh.border),
    }
