"""Where to start: the motion that brings the points of one image onto those of the same names in another."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from mrbiomarkers.checks import check_real_array

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float64]

_APART = 5.0  # root mean square distance from their middle below which points are taken for one [mm]
_SPREAD = 45.0  # root sum of squares below which clicks 1.5 mm off turn the image by 3 degrees and more [mm]
_LARGEST_TURN = 45.0  # beyond it the names are wrong, not the patient [deg]
_TILT_VARIANCE = 2 * 2.0**2  # of the difference of two clicks across the slices, each 2 mm off [mm2]
_TILT_EXPECTED = math.radians(1.5)  # standard deviation of the sideways tilt between two images of one patient


def across_axis(affine: Matrix) -> Vectors:
    """Return the unit vector (3,), to the patient's right, of the image axis that comes nearest to left-right.

    Parameters
    ----------
    affine : (4, 4) array [mm]
        Voxel to RAS, with its axes at right angles.
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    nearest = axes[:, int(np.argmax(np.abs(axes[0])))]
    return np.asarray(nearest * np.sign(nearest[0]))


def check_named_points(name: str, points: Mapping[str, ArrayLike]) -> dict[str, Vectors]:
    """Return the points, (3,) float64 each, after checking that each is three finite numbers.

    Raises
    ------
    ValueError
        When there are none, or a point is something else.
    """
    if not points:
        raise ValueError(f"{name}: expected points by name, as {{'L1': (x, y, z)}}, got none")
    checked = {}
    for label, point in points.items():
        values = check_real_array(f"{name} {label!r}", point).astype(np.float64)
        if values.shape != (3,) or not np.all(np.isfinite(values)):
            raise ValueError(f"{name}: expected three finite numbers for {label!r}, got {np.asarray(point).tolist()}")
        checked[str(label)] = values
    return checked


def common_points(
    fixed: Mapping[str, Vectors], moving: Mapping[str, Vectors]
) -> tuple[tuple[str, ...], Vectors, Vectors]:
    """Return the names both have, in the order of the fixed ones, and their positions (N, 3) [mm] in each image.

    Raises
    ------
    ValueError
        When there are fewer than two, or those of one image nearly coincide.
    """
    names = tuple(name for name in fixed if name in moving)
    if len(names) < 2:
        raise ValueError(
            "fixed_points and moving_points: expected at least 2 names that both have, got "
            f"{', '.join(names) or 'none'} ({', '.join(fixed)} fixed; {', '.join(moving)} moving)"
        )
    pair = [np.array([points[name] for name in names]) for points in (fixed, moving)]
    for what, points in zip(("fixed_points", "moving_points"), pair, strict=True):
        apart = float(np.sqrt(np.sum(np.var(points, axis=0))))
        if apart < _APART:
            raise ValueError(
                f"{what}: expected points of different bodies, got {', '.join(names)} {apart:.1f} mm apart"
            )
    return names, pair[0], pair[1]


def landmark_start(fixed: Vectors, moving: Vectors, across: Vectors) -> Matrix:
    """Return the rigid motion that brings the moving points onto the fixed ones as far as they can tell.

    Bodies of a spine lie nearly on a line, so their points say nothing about a turn about it: that angle is left out.
    The turn in the sagittal plane is that of Procrustes; it is left out too where the points are too close together
    (two neighbouring bodies) to give it better than 3 degrees. The sideways tilt rests on the slices that were clicked
    and is taken as far as clicks 2 mm off can be trusted against an expected tilt of 1.5 degrees. The middle of the
    points is met exactly.

    Parameters
    ----------
    fixed, moving : (N, 3) arrays [mm]
        The same points in both images, RAS; two or more.
    across : (3,) array
        Unit vector across the sagittal plane, to the right.

    Returns
    -------
    (4, 4) array [mm]
        RAS of the moving image to RAS of the fixed one.

    Raises
    ------
    ValueError
        When the points ask for a turn of more than 45 degrees.
    """
    middle, from_middle = fixed.mean(axis=0), fixed - fixed.mean(axis=0)
    others = moving - moving.mean(axis=0)
    turn = _turn_in_plane(from_middle, others, across)
    others = others @ turn.T
    turn = _tilt(from_middle, others, across) @ turn
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = middle - turn @ moving.mean(axis=0)
    return matrix


def point_distances(matrix: Matrix, moving: Vectors, fixed: Vectors) -> Vectors:
    """Return how far [mm] each moving point (N, 3), taken by ``matrix``, lies from the fixed one."""
    moved = moving @ matrix[:3, :3].T + matrix[:3, 3]
    return np.asarray(np.linalg.norm(moved - fixed, axis=1))


def _turn_in_plane(fixed: Vectors, moving: Vectors, across: Vectors) -> Matrix:
    """Return the rotation about ``across`` that suits the points best; both seen from their middles."""
    flat, other = (points - np.outer(points @ across, across) for points in (fixed, moving))
    sine, cosine = float(np.sum(np.cross(other, flat) @ across)), float(np.sum(other * flat))
    angle = math.atan2(sine, cosine)
    if abs(math.degrees(angle)) > _LARGEST_TURN:
        raise ValueError(
            f"fixed_points and moving_points: expected a turn of at most {_LARGEST_TURN:g} degrees between them, got "
            f"{abs(math.degrees(angle)):.0f}; are the names in the same order?"
        )
    if min(np.linalg.norm(flat), np.linalg.norm(other)) < _SPREAD:
        return np.eye(3)
    return np.asarray(Rotation.from_rotvec(angle * across).as_matrix())


def _tilt(fixed: Vectors, moving: Vectors, across: Vectors) -> Matrix:
    """Return the rotation that leans the spine sideways, held back by how little the clicks tell of it."""
    flat = fixed - np.outer(fixed @ across, across)
    along = np.linalg.svd(flat, full_matrices=False)[2][0]  # the line that the points lie on
    position, aside = moving @ along, (fixed - moving) @ across
    angle = position @ aside / (position @ position + _TILT_VARIANCE / _TILT_EXPECTED**2)
    return np.asarray(Rotation.from_rotvec(angle * np.cross(along, across)).as_matrix())
