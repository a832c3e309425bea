"""How a slice is laid on paper: which way up it is shown, its edge letters, its size in millimetres."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine

# Normal axis -> name, then the anatomical axis and sense that point to the right of the picture, and to its bottom.
# Pictures are as radiologists read them: the patient's right on the left side, anterior left in sagittal slices.
_VIEWS = {0: ("sagittal", (1, -1), (2, -1)), 1: ("coronal", (0, -1), (2, -1)), 2: ("axial", (0, -1), (1, -1))}
_LETTERS = ("LR", "PA", "IS")  # negative and positive end of each RAS axis


@dataclass(frozen=True)
class SlicePlane:
    """How slices ``[k]`` of a volume are shown.

    Attributes
    ----------
    name : str
        ``"axial"``, ``"sagittal"`` or ``"coronal"``: the nearest one.
    transposed, flip_rows, flip_columns : bool
        How a stored slice (J, I) becomes a picture: transposed first, then flipped.
    row_height, column_width : float [mm]
        Size of a pixel of the picture.
    left, right, top, bottom : str
        Letter of the direction towards each edge of the picture: R, L, A, P, S or I.
    """

    name: str
    transposed: bool
    flip_rows: bool
    flip_columns: bool
    row_height: float
    column_width: float
    left: str
    right: str
    top: str
    bottom: str

    def picture(self, image: ArrayLike) -> NDArray[np.generic]:
        """Return a stored slice (J, I) as a picture, first row on top."""
        shown = np.asarray(image).T if self.transposed else np.asarray(image)
        if self.flip_rows:
            shown = shown[::-1]
        return shown[:, ::-1] if self.flip_columns else shown


def slice_plane(affine: ArrayLike) -> SlicePlane:
    """Return how slices ``[k]`` of a volume have to be shown to be seen the usual anatomical way.

    Axial and coronal: the patient's right on the left; sagittal: anterior on the left; superior (axial: anterior) on
    top. Oblique axes count as the nearest anatomical one.

    Parameters
    ----------
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` to RAS.

    Raises
    ------
    ValueError
        When the affine cannot be inverted or is not (4, 4).
    """
    axes = check_affine(affine)[:3, :2]  # columns of the stored slice are i, rows are j
    lengths = np.linalg.norm(axes, axis=0)
    units = axes / lengths
    # The two anatomical axes that i and j follow best, together: what is left over is the normal.
    pairs = itertools.permutations(range(3), 2)
    of_i, of_j = max(pairs, key=lambda pair: abs(units[pair[0], 0]) + abs(units[pair[1], 1]))
    name, across, down = _VIEWS[3 - of_i - of_j]
    transposed = of_i != across[0]
    column, row = (1, 0) if transposed else (0, 1)
    return SlicePlane(
        name,
        transposed,
        flip_rows=bool(units[down[0], row] * down[1] < 0),
        flip_columns=bool(units[across[0], column] * across[1] < 0),
        row_height=float(lengths[row]),
        column_width=float(lengths[column]),
        left=_LETTERS[across[0]][across[1] < 0],
        right=_LETTERS[across[0]][across[1] > 0],
        top=_LETTERS[down[0]][down[1] < 0],
        bottom=_LETTERS[down[0]][down[1] > 0],
    )


def outline(mask: ArrayLike) -> NDArray[np.float64]:
    """Return the border of a picture mask along the edges of its pixels.

    Parameters
    ----------
    mask : (R, C) array_like
        True inside.

    Returns
    -------
    (N, 2, 2) array [pixels]
        N line segments, each from one (column, row) corner to another; pixel (0, 0) covers corners 0 to 1.
    """
    inside = np.pad(np.asarray(mask, dtype=bool), 1).astype(np.int8)
    rows, columns = np.nonzero(np.diff(inside, axis=0)[:, 1:-1])
    across = np.stack([np.stack([columns, rows], -1), np.stack([columns + 1, rows], -1)], 1)
    rows, columns = np.nonzero(np.diff(inside, axis=1)[1:-1])
    along = np.stack([np.stack([columns, rows], -1), np.stack([columns, rows + 1], -1)], 1)
    return np.concatenate([across, along]).astype(np.float64)


def crop_window(
    mask: ArrayLike, plane: SlicePlane, *, margin: float = 40.0, narrowest: float = 0.6
) -> tuple[float, float, float, float]:
    """Return the part of a picture worth showing: what is marked and its neighbourhood.

    Parameters
    ----------
    mask : (R, C) array_like
        What has to be seen.
    plane : SlicePlane
        The pixel size.
    margin : float [mm]
        Shown on every side, as far as the picture goes; half the size of what is marked when that is more.
    narrowest : float
        The shorter side is at least this part of the longer one.

    Returns
    -------
    left, right, top, bottom : float [mm]
        From the top left corner of the picture. The whole picture when nothing is marked or when cropping would
        take away less than a quarter of it.
    """
    marked = np.asarray(mask, dtype=bool)
    size = np.array([marked.shape[1] * plane.column_width, marked.shape[0] * plane.row_height])
    whole = (0.0, float(size[0]), 0.0, float(size[1]))
    if not marked.any():
        return whole
    low, high = np.empty(2), np.empty(2)
    for axis, step in ((0, plane.column_width), (1, plane.row_height)):
        filled = np.flatnonzero(marked.any(axis=axis))
        low[axis], high[axis] = filled[0] * step, (filled[-1] + 1) * step
    middle = (low + high) / 2
    wanted = (high - low) + 2 * np.maximum(margin, (high - low) / 2)
    wanted = np.minimum(np.maximum(wanted, narrowest * np.minimum(wanted, size).max()), size)
    start = np.clip(middle - wanted / 2, 0, size - wanted)
    if wanted.prod() > 0.75 * size.prod():
        return whole
    return float(start[0]), float(start[0] + wanted[0]), float(start[1]), float(start[1] + wanted[1])
