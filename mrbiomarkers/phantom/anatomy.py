"""Which tissue fills each voxel of a sagittal lumbar image: the anatomy, painted finely and averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.phantom.spine import REACH, Block, Line, discs, vertebrae
from mrbiomarkers.phantom.tissues import TISSUES

_NAMES = tuple(TISSUES)
_CORTEX = 0.9  # thickness of cortical bone and endplate [mm]
_IN_PLANE, _THROUGH = 3, 3  # subsamples of a voxel along rows and columns, and across the slice
_LESION = (7.0, 4.5, 1.0, 7.0)  # p, q, r of the centre in L3 and radius [mm]
_BACK, _FRONT = -84.0, 108.0  # skin [mm]

_Grid = NDArray[np.float64]
_Mask = NDArray[np.bool_]


class Canvas:
    """One fine sagittal plane on which tissues are painted one over the other.

    Parameters
    ----------
    u, v : (I,), (J,) array [mm]
        Anterior and superior coordinates of columns and rows.
    x : float [mm]
        Distance of the plane to the right of the middle.
    """

    def __init__(self, u: _Grid, v: _Grid, x: float) -> None:
        self.u, self.v, self.x = u[None, :], v[:, None], x
        self.labels = np.zeros((v.size, u.size), dtype=np.uint8)

    def paint(self, tissue: str, mask: _Mask) -> None:
        """Fill the points of ``mask`` (J, I) with a tissue."""
        self.labels[mask] = _NAMES.index(tissue)

    def window(self, block: Block) -> tuple[slice, slice]:
        """Return rows and columns that hold the whole of a block: nothing else has to be looked at."""
        reach = math.hypot(block.p, block.q) * 1.2 + 1.0
        rows = np.flatnonzero(abs(self.v[:, 0] - block.v) <= reach)
        columns = np.flatnonzero(abs(self.u[0] - block.u) <= reach)
        if rows.size == 0 or columns.size == 0:
            return slice(0, 0), slice(0, 0)
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def paint_block(self, tissue: str, block: Block, shift: float = 0.0) -> None:
        """Fill a block; ``shift`` [mm] is the distance of its middle to the right."""
        rows, columns = self.window(block)
        inside = block.inside(self.u[:, columns], self.v[rows], self.x - shift)
        self.labels[rows, columns][inside] = _NAMES.index(tissue)

    def paint_bone(self, tissue: str, block: Block, shift: float = 0.0) -> None:
        """Fill a block with marrow inside a shell of cortical bone."""
        self.paint_block("cortex", block, shift)
        self.paint_block(tissue, block.shrunk(_CORTEX), shift)


def _ripple(u: _Grid, v: _Grid, x: float, length: float) -> _Grid:
    """Return a smooth, irregular, fixed pattern between about -1 and 1 with features of ``length`` [mm]."""
    waves = ((1.0, 0.3, 0.4, 0.0), (-0.5, 0.9, 0.2, 1.3), (0.4, -1.1, 0.7, 2.9), (0.9, 0.8, -0.6, 4.1))
    pattern = [np.cos((a * u + b * v + c * x) / length + phase) for a, b, c, phase in waves]
    return np.asarray(np.sum(pattern, axis=0) / 2.6)


def _paint_trunk(canvas: Canvas) -> None:
    """Paint skin to skin: fat, the muscles of the back and the belly wall, and what lies in the belly."""
    u, v, x = canvas.u, canvas.v, canvas.x
    column, behind = _lines()["front"].at(v), _lines()["canal"].at(v)
    furrow = 4.0 * math.exp(-((x / 9.0) ** 2))
    back = _BACK + 4.0 * np.cos(v / 60.0 - 0.2) + furrow - 7.0 / (1 + np.exp((v + 85) / 12))
    front = _FRONT + 6.0 * np.cos((v + 20) / 75.0)
    body = (u > back) & (u < front)
    canvas.paint("fat", body)
    deep = back + 9.0 + 9.0 / (1 + np.exp((v + 60) / 14))
    streaks = _ripple(u, 0.16 * v, x, 3.4) > 0.72
    canvas.paint("muscle", (u > deep) & (u < behind) & body)
    canvas.paint("fat", (u > deep) & (u < behind - 12) & streaks)
    canvas.paint("muscle", (u > front - 24) & (u < front - 13) & (abs(x) > 3))
    belly = (u > column + 2) & (u < front - 26)
    pattern = _ripple(u, v, x, 9.5)
    canvas.paint("bowel", belly & (pattern > -0.05))
    canvas.paint("gas", belly & (pattern > 0.72))
    # The left lobe of the liver hangs from the top of the picture, behind the belly wall.
    liver = ((u - front + 52) / 34) ** 2 + ((v - 122 - 0.5 * x) / 46) ** 2 < 1
    canvas.paint("liver", belly & liver)


def _paint_vessels(canvas: Canvas) -> None:
    """Paint the aorta to the left and the inferior vena cava to the right, in front of the bodies."""
    u, v, x = canvas.u, canvas.v, canvas.x
    for middle, radius, lowest in ((-9.0, 9.0, -46.0), (14.0, 9.5, -54.0)):
        # Below the fork only a narrowing branch goes on, away from the middle.
        width = radius * np.clip(1 - np.clip(lowest - v, 0, None) / 50, 0.0, 1)
        course = middle + math.copysign(0.45, middle) * np.clip(lowest - v, 0, None)
        axis = _lines()["front"].at(v) + 4.0 + radius
        distance = (u - axis) ** 2 + (x - course) ** 2
        canvas.paint("ligament", distance < (width + 1.0) ** 2)
        canvas.paint("vessel", distance < width**2)


def _paint_arches(canvas: Canvas) -> None:
    """Paint spinous processes in the middle, and pedicles with the joints beside the canal."""
    for body in vertebrae():
        if body.name in ("S2", "S3", "S4", "S5"):
            continue
        small = 0.55 if body.name.startswith("S") else body.q / 13.5
        back = -body.p - 21.0
        middle = body.point(back - 13 * small, -9.0)
        spinous = Block(body.name, *middle, body.tilt - 0.18, 16 * small, 9.5 * small, 4.2, -0.2, 0.1, 4.0)
        lamina = Block(body.name, *body.point(back + 1, -4.0), body.tilt - 0.35, 3.4, 11.0 * small, 11.0)
        canvas.paint_bone("posterior", lamina)
        canvas.paint_bone("posterior", spinous)
        for side in (-16.5, 16.5):
            pedicle = Block(body.name, *body.point(-body.p - 5, 4.5), body.tilt, 8.0, 6.6 * small, 5.5)
            joint = Block(body.name, *body.point(-body.p - 15, -5.0), body.tilt - 0.25, 5.2, 16.0 * small, 6.5)
            canvas.paint_bone("posterior", joint, side)
            canvas.paint_bone("posterior", pedicle, side)


def _paint_canal(canvas: Canvas) -> None:
    """Paint the canal: fat, the sac with its fluid, the cord down to L1, and the roots below it."""
    u, v, x = canvas.u, canvas.v, canvas.x
    line = _lines()["canal"]
    away = (u - line.at(v)) * np.cos(np.arctan(line.slope(v)))
    end = vertebrae()[11].v  # the sac ends at S2
    taper = np.clip((v - end) / 30, 0, 1) ** 0.5
    canvas.paint("ligament", ((away / 10.6) ** 2 + (x / 14) ** 2 < 1) & (v > end - 45))
    canvas.paint("fat", ((away / 9.6) ** 2 + (x / 12.6) ** 2 < 1) & (v > end - 40))
    sac = (away - 1.0) ** 2 / 6.7**2 + (x / 10.5) ** 2 < taper**2
    canvas.paint("csf", sac)
    conus = vertebrae()[6].v + 14
    width = np.clip((v - conus + 22) / 26, 0, 1)
    canvas.paint("nerve", (away + 0.8) ** 2 / 4.0**2 + (x / 4.8) ** 2 < width**2)
    strands = np.cos(away * 2.6 + 1.5 * np.sin(v / 22) + x) > 0.55
    roots = ((away + 2.6) ** 2 / 3.4**2 + (x / 7.5) ** 2 < 1) & (v < conus) & strands
    canvas.paint("nerve", sac & roots)


def _paint_foramina(canvas: Canvas) -> None:
    """Paint the fat of the foramina beside the canal, each with its nerve root."""
    if not 10 < abs(canvas.x) < 24:
        return
    for disc, body in zip(discs(), vertebrae(), strict=False):
        if body.name.startswith("S"):
            continue
        u, v = body.point(-body.p - 5.5, -body.q + 2)
        canvas.paint_block("fat", Block(disc.name, u, v, body.tilt, 6.5, 9.5, 60.0))
        u, v = body.point(-body.p - 4.5, -body.q + 6)
        canvas.paint_block("nerve", Block(disc.name, u, v, body.tilt, 2.6, 2.8, 60.0))


def _paint_column(canvas: Canvas, lesion: bool) -> None:
    """Paint ligaments, discs and bodies with their marrow, the basivertebral veins and, if asked, the lesion."""
    if abs(canvas.x) > 17:
        for body in vertebrae()[:10]:
            canvas.paint_block("muscle", Block(body.name, body.u, body.v, body.tilt, 16.0, 24.0, 60.0))
    for block in vertebrae() + discs():
        rim = Block(block.name, block.u, block.v, block.tilt, block.p + 1.6, block.q, block.r + 1.5)
        canvas.paint_block("ligament", rim)
    for disc in discs():
        canvas.paint_block("annulus", disc)
        half = disc.q - REACH
        if not disc.name.startswith("S"):
            u, v = disc.point(-1.0, 0)
            core = Block(disc.name, u, v, disc.tilt, 0.76 * disc.p, half + 0.9, 0.78 * disc.r, corner=2.4)
            canvas.paint_block("nucleus", core)
    for body in vertebrae():
        canvas.paint_bone(marrow_of(body.name), body)
        _paint_vein(canvas, body)
        if lesion and body.name == "L3":
            p, q = body.local(canvas.u, canvas.v)
            distance = (p - _LESION[0]) ** 2 + (q - _LESION[1]) ** 2 + (canvas.x - _LESION[2]) ** 2
            canvas.paint("lesion", distance < _LESION[3] ** 2)


def _paint_vein(canvas: Canvas, body: Block) -> None:
    """Paint the basivertebral vein: a wedge from the middle of the posterior wall towards the centre."""
    if body.name.startswith("S") or abs(canvas.x) > 6:
        return
    rows, columns = canvas.window(body)
    p, q = body.local(canvas.u[:, columns], canvas.v[rows])
    depth = (p + 0.97 * body.p) / (0.68 * body.p)
    wedge = (depth > 0) & (depth < 1) & (abs(q) < 2.2 - 1.6 * depth)
    canvas.labels[rows, columns][wedge] = _NAMES.index("vein")


def marrow_of(level: str) -> str:
    """Return the name of the tissue that fills the body of a level."""
    if level in TISSUES:
        return level
    return "sacrum" if level.startswith("S") else "thoracic"


@lru_cache(maxsize=1)
def _lines() -> dict[str, Line]:
    """Return the lines along the spine that soft tissue follows."""
    return {"canal": Line(11.5), "front": Line(-2.0)}


@dataclass(frozen=True, eq=False)
class SagittalGrid:
    """Voxel centres of a sagittal volume in the axes of the anatomy, and the size of what a voxel sees.

    Attributes
    ----------
    x, v, u : (K,), (J,), (I,) array [mm]
        Right, superior and anterior coordinates, in millimetres of an adult.
    size : tuple of float [mm]
        Slice thickness, row height and column width, in the same millimetres.
    """

    x: _Grid
    v: _Grid
    u: _Grid
    size: tuple[float, float, float]


def tissue_fractions(grid: SagittalGrid, *, lesion: bool = False) -> dict[str, NDArray[np.float32]]:
    """Return how much of each voxel each tissue fills.

    Parameters
    ----------
    grid : SagittalGrid
        Where the voxels are.
    lesion : bool
        Whether L3 holds a focal lesion.

    Returns
    -------
    dict of (K, J, I) float32 arrays
        Volume fractions of the tissues that occur; they add up to 1 in every voxel.
    """
    rows = _finer(grid.v, grid.size[1], _IN_PLANE)
    columns = _finer(grid.u, grid.size[2], _IN_PLANE)
    shape = grid.x.size, grid.v.size, grid.u.size
    counts = np.zeros((len(_NAMES), *shape), dtype=np.float32)
    for k, centre in enumerate(grid.x):
        for x in _finer(np.array([centre]), grid.size[0], _THROUGH):
            canvas = Canvas(columns, rows, float(x))
            for paint in (_paint_trunk, _paint_vessels, _paint_arches, _paint_foramina, _paint_canal):
                paint(canvas)
            _paint_column(canvas, lesion)
            for tissue in np.unique(canvas.labels):
                counts[tissue, k] += _count(canvas.labels == tissue)
    counts /= _IN_PLANE**2 * _THROUGH
    return {name: fraction for name, fraction in zip(_NAMES, counts, strict=True) if fraction.any()}


def _count(fine: _Mask) -> NDArray[np.uint8]:
    """Return how many points (J, I) of each voxel are marked on a fine plane."""
    marks = fine.view(np.uint8)
    parts = [marks[j::_IN_PLANE, i::_IN_PLANE] for j in range(_IN_PLANE) for i in range(_IN_PLANE)]
    count = parts[0].copy()
    for part in parts[1:]:
        count += part
    return count


def _finer(centres: _Grid, size: float, n: int) -> _Grid:
    """Return ``n`` evenly spread points in each interval of length ``size`` around ``centres``."""
    offsets = ((np.arange(n) + 0.5) / n - 0.5) * size
    order = offsets if centres.size < 2 or centres[1] > centres[0] else -offsets
    return np.asarray((centres[:, None] + order).ravel())


def core_mask(level: str, grid: SagittalGrid) -> NDArray[np.bool_]:
    """Return the voxels (K, J, I) whose centre lies in the middle of a body, on the middle slice and its neighbours.

    This is where a reader draws: clear of endplates and walls, in front of the basivertebral vein.
    """
    body = next(block for block in vertebrae() if block.name == level)
    u, v = body.point(0.2 * body.p, 0.0)
    core = Block(level, u, v, body.tilt, 0.51 * body.p, 0.62 * body.q, body.r, corner=4.0)
    mask = np.zeros((grid.x.size, grid.v.size, grid.u.size), dtype=bool)
    middle = (grid.x.size - 1) / 2
    for k in range(grid.x.size):
        if abs(k - middle) <= 1:
            mask[k] = core.inside(grid.u[None, :], grid.v[:, None], 0.0)
    return mask
