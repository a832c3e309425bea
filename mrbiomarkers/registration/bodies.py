"""Where two images are compared, and what must not move far there: the vertebral bodies, as far as they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.checks import check_mask
from mrbiomarkers.registration.compared import Box, ComparedImage, Matrix, Vectors

_BODY_REACH = 20.0  # from the middle of a body to its edge, at most [mm]
_BRIGHT = 0.1  # of the 99th percentile: what is brighter counts as anatomy
_ROOM = 16.0  # around the moving image, so that pushing it 10 mm away does not leave it [mm]
_OVERLAP = 0.1


def drawn_positions(mask: ArrayLike, image: ComparedImage) -> Vectors:
    """Return the RAS positions (N, 3) [mm] of a mask (K, J, I) on the image.

    Raises
    ------
    ValueError
        When it has another shape or is empty.
    """
    given = check_mask("mask", mask, image.values.shape)
    if not given.any():
        raise ValueError("mask: expected at least one voxel, got an empty mask")
    return image.positions(given)


def without_air(part: ComparedImage) -> ComparedImage:
    """Return the image with NaN where it is darker than a tenth of its 99th percentile.

    The outline of a whole body would decide otherwise, and it hardly changes when the images are pushed apart.
    """
    top = np.percentile(part.values[np.isfinite(part.values)], 99)
    return replace(part, values=np.where(part.values > _BRIGHT * top, part.values, np.float32(np.nan)))


def compared_box(
    image: ComparedImage, drawn: Vectors | None, known: Mapping[str, Vectors] | None, margin: float
) -> Box:
    """Return where the images are compared: around the mask, else around the bodies of the points, else everywhere.

    Parameters
    ----------
    image : ComparedImage
        The fixed image.
    drawn : (N, 3) array [mm] or None
        Positions of the mask's voxels.
    known : mapping or None
        The points.
    margin : float
        What is added around the bodies [mm].

    Raises
    ------
    ValueError
        When no point lies near the image.
    """
    if drawn is not None:
        around, reach = drawn, margin
    elif known is not None:
        around = np.array([*known.values()])
        reach = margin + _body_reach(around)
    else:
        around, reach = image.corners(), 0.0
    box = image.box_around(around, reach)
    if box is None:
        raise ValueError("fixed_points: expected points in the fixed image, got none there")
    return box


def _body_reach(points: Vectors) -> float:
    """Return half the usual distance from one point to the nearest other one [mm], which a body does not exceed."""
    if len(points) < 2:
        return _BODY_REACH
    apart = np.linalg.norm(points[:, None] - points, axis=-1) + np.diag(np.full(len(points), np.inf))
    return float(min(_BODY_REACH, np.median(apart.min(axis=1)) / 2))


def opposite_part(
    part: ComparedImage, other: ComparedImage, start: Matrix, max_move: float
) -> tuple[ComparedImage, float]:
    """Return the part of the moving image that lies opposite, and the share of the fixed part that it covers.

    Parameters
    ----------
    part : ComparedImage
        The part of the fixed image that is compared.
    other : ComparedImage
        The moving image.
    start : (4, 4) array [mm]
        Moving to fixed.
    max_move : float [mm]
        How far the search may go.

    Raises
    ------
    ValueError
        When less than a tenth is covered, or the part has no contrast.
    """
    back = np.linalg.inv(start)
    thin = np.zeros(part.values.shape, dtype=bool)
    k, j, i = (max(1, n // 20) for n in part.values.shape)
    thin[::k, ::j, ::i] = True
    seen = part.positions(thin) @ back[:3, :3].T + back[:3, 3]
    index = (seen - other.affine[:3, 3]) @ np.linalg.inv(other.affine[:3, :3]).T
    overlap = float(np.mean(np.all((index >= -0.5) & (index <= np.array(other.values.shape[::-1]) - 0.5), axis=1)))
    if overlap < _OVERLAP:
        raise ValueError(
            f"fixed and moving: expected images that overlap where they are compared, got {overlap:.0%} in common; "
            "points in both would bring them together"
        )
    corners = part.corners() @ back[:3, :3].T + back[:3, 3]
    box = other.box_around(corners, max_move + _ROOM)
    assert box is not None  # they overlap
    return other.cut(box), overlap


def body_positions(part: ComparedImage, drawn: Vectors | None, known: Mapping[str, Vectors] | None) -> Vectors:
    """Return the positions (N, 3) [mm] that must not move far: points, else the mask, else all that is known."""
    if known is not None:
        return np.array([*known.values()])
    if drawn is not None:
        return drawn
    return part.positions(np.isfinite(part.values))
