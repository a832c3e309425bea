"""The super-ellipse: a rounded box, the shape of a vertebral body seen from the side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]


def inside_superellipse(
    forward: Values, up: Values, half_depth: float, half_height: float, power: float
) -> NDArray[np.bool_]:
    """Return which points lie inside ``|forward / half_depth|^power + |up / half_height|^power <= 1``.

    Parameters
    ----------
    forward, up : arrays of any one shape [mm]
        Position from the centre, along the axes of the shape.
    half_depth, half_height : float [mm]
        Half axes.
    power : float
        2 is an ellipse; the more, the closer to a box.

    Returns
    -------
    bool array of the same shape
    """
    return np.asarray(np.abs(forward / half_depth) ** power + np.abs(up / half_height) ** power <= 1)


def superellipse_radius(angles: Values, half_depth: float, half_height: float, power: float) -> Values:
    """Return the distance [mm] from the centre to the edge at ``angles`` [rad] from forward towards up."""
    sum_of_powers = np.abs(np.cos(angles) / half_depth) ** power + np.abs(np.sin(angles) / half_height) ** power
    return np.asarray(sum_of_powers ** (-1 / power))
