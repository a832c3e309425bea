"""Where the vertebrae, discs and the canal of the simulated lumbar spine lie.

Everything is in millimetres of an adult: ``u`` points to anterior, ``v`` to superior, ``x`` to the right, with the
centre of L3 at the origin. A vertebra has axes of its own: ``p`` forward, ``q`` up, ``r`` to the right, turned
by its tilt.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline


@dataclass(frozen=True)
class Block:
    """A vertebral body or a disc: a rounded box, if asked with a waist and hollow ends.

    Attributes
    ----------
    name : str
        Level, for example ``"L3"``, or ``"L3/L4"`` for a disc.
    u, v : float [mm]
        Centre.
    tilt : float [rad]
        Angle of the long axis from superior towards anterior.
    p, q, r : float [mm]
        Half depth (anterior-posterior), half height and half width.
    wedge : float
        Relative gain of height at the front; the back loses the same.
    waist : float
        Relative depth of the hollow of front, back and ends; below 0 they bulge.
    corner : float
        Exponent of the outline: 2 is an ellipse, more is closer to a box.
    """

    name: str
    u: float
    v: float
    tilt: float
    p: float
    q: float
    r: float
    wedge: float = 0.0
    waist: float = 0.0
    corner: float = 3.0

    def local(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the coordinates (p, q) [mm] of points (u, v) [mm] in the axes of the block."""
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        du, dv = u - self.u, v - self.v
        return cos * du - sin * dv, sin * du + cos * dv

    def point(self, p: float, q: float) -> tuple[float, float]:
        """Return (u, v) [mm] of the point (p, q) [mm] given in the axes of the block."""
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        return self.u + cos * p + sin * q, self.v - sin * p + cos * q

    def inside(self, u: NDArray[np.float64], v: NDArray[np.float64], x: float) -> NDArray[np.bool_]:
        """Return which points (u, v) [mm] of the sagittal plane ``x`` [mm] lie inside."""
        r = abs(x) / self.r
        if r >= 1:
            return np.zeros(np.broadcast_shapes(u.shape, v.shape), dtype=bool)
        # Seen from above a body is a kidney: its back is flatter than its front.
        front, back = (1 - r**2.2) ** (1 / 2.2), (1 - r**6) ** (1 / 6)
        p, q = self.local(u, v)
        depth = self.p * np.where(p > 0, front, back) * (1 - self.waist * np.clip(1 - (q / self.q) ** 2, 0, 1))
        along = np.clip(p / self.p, -1, 1)
        height = self.q * (1 + self.wedge * along) * (1 - self.waist * (1 - along**2))
        return np.asarray(abs(p / depth) ** self.corner + abs(q / height) ** self.corner <= 1)

    def shrunk(self, margin: float) -> Block:
        """Return the same block, smaller by ``margin`` [mm] on every side."""
        return replace(self, p=self.p - margin, q=self.q - margin, r=self.r - margin)


REACH = 3.5
"""How far a disc reaches under the hollow ends of its two bodies [mm]."""

# Name, tilt [degrees], half depth, half height, half width [mm], wedge, height of the
# disc below at its back [mm]: supine adult.
_LEVELS = (
    ("T8", -2, 13.5, 9.5, 15.0, 0.0, 4.5),
    ("T9", -5, 14.0, 10.0, 16.0, 0.0, 5.0),
    ("T10", -8, 14.5, 10.8, 17.0, 0.0, 5.5),
    ("T11", -11, 15.0, 11.5, 18.5, 0.0, 6.0),
    ("T12", -13, 15.4, 12.5, 20.0, -0.03, 5.8),
    ("L1", -13, 15.8, 13.0, 21.0, -0.02, 6.2),
    ("L2", -9, 16.2, 13.4, 21.8, 0.0, 6.6),
    ("L3", -2, 16.5, 13.5, 22.5, 0.02, 6.6),
    ("L4", 8, 16.8, 13.5, 23.5, 0.05, 6.4),
    ("L5", 21, 17.0, 13.4, 25.0, 0.11, 5.6),
    ("S1", 42, 15.0, 14.5, 26.0, 0.06, 2.5),
    ("S2", 52, 11.0, 12.5, 24.0, 0.0, 1.8),
    ("S3", 46, 8.5, 11.0, 21.0, 0.0, 1.5),
    ("S4", 28, 7.0, 9.5, 17.0, 0.0, 1.5),
    ("S5", 5, 6.0, 8.5, 12.0, 0.0, 1.5),
)
_ORIGIN = [level[0] for level in _LEVELS].index("L3")


def _stack(step: int) -> list[Block]:
    """Place the bodies from L3 upwards (``step`` -1) or downwards (1), each on the disc of its neighbour."""
    u, v = 0.0, 0.0
    blocks = []
    index = _ORIGIN
    while 0 <= index < len(_LEVELS):
        name, degrees, p, q, r, wedge, disc = _LEVELS[index]
        waist = 0.09 if not name.startswith("S") else 0.05
        block = Block(name, u, v, math.radians(degrees), p, q, r, wedge, waist, corner=7.0)
        blocks.append(block)
        index += step
        if not 0 <= index < len(_LEVELS):
            break
        gap = disc if step > 0 else _LEVELS[index][6]
        tilt, half = math.radians(_LEVELS[index][1]), _LEVELS[index][3]
        # Half of the disc along this body's axis, half along the next one's, ends lined up at the back as in life.
        u, v = block.point(-block.p, -step * (block.q + gap / 2))
        along = -step * (half + gap / 2)
        back = _LEVELS[index][2]
        u += math.sin(tilt) * along + math.cos(tilt) * back
        v += math.cos(tilt) * along - math.sin(tilt) * back
    return blocks


@lru_cache(maxsize=1)
def vertebrae() -> tuple[Block, ...]:
    """Return the bodies from T8 to S5, top to bottom."""
    upper, lower = _stack(-1), _stack(1)
    return tuple(upper[:0:-1] + lower)


@lru_cache(maxsize=1)
def discs() -> tuple[Block, ...]:
    """Return the discs between the bodies, top to bottom; each reaches a little into its neighbours."""
    bodies = vertebrae()
    found = []
    for upper, lower in itertools.pairwise(bodies):
        top, bottom = upper.point(0, -upper.q), lower.point(0, lower.q)
        found.append(
            Block(
                f"{upper.name}/{lower.name}",
                (top[0] + bottom[0]) / 2,
                (top[1] + bottom[1]) / 2,
                (upper.tilt + lower.tilt) / 2,
                min(upper.p, lower.p) + 1.0,
                math.hypot(top[0] - bottom[0], top[1] - bottom[1]) / 2 + REACH,
                min(upper.r, lower.r),
                corner=5.0,
            )
        )
    return tuple(found)


class Line:
    """A smooth line along the spine, straight on above T8 and below S5.

    Parameters
    ----------
    offset : float [mm]
        Distance behind the posterior wall of the bodies; below 0, distance in front of their anterior wall.
    """

    def __init__(self, offset: float) -> None:
        wall = [block.point(-block.p - offset if offset >= 0 else block.p - offset, 0.0) for block in vertebrae()]
        u, v = np.array(wall[::-1]).T
        self._curve = CubicSpline(v, u)
        self._ends = v[0], v[-1]

    def at(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the anterior coordinate u [mm] at heights ``v`` [mm], any shape."""
        return np.asarray(self._curve(np.clip(v, *self._ends)))

    def slope(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return du/dv at heights ``v`` [mm], any shape."""
        return np.asarray(self._curve(np.clip(v, *self._ends), 1))
