"""The body of a vertebra without its arch, from a label of the whole vertebra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Mask = NDArray[np.bool_]

# Of the largest part of a slice: smaller parts are chips at the edge, not the body.
_SMALLEST_PART = 0.25
# The back wall is hollow: beside the middle it may lie this far behind it [mm].
_BEHIND_WALL = 2.0


def body_of_vertebra(vertebra: Mask, canal: Mask | None, spacing: tuple[float, float, float]) -> Mask:
    """Return the body of one vertebra.

    In the sagittal slice through the canal, body and arch are apart: the body is the part in front of the canal or,
    where no canal is known, the most anterior of the large parts. From there it is followed to both sides. Where the
    pedicles join it to the arch it is cut behind the back wall of the middle slice, continued as a line.

    Parameters
    ----------
    vertebra : (R, S, A) bool array
        The vertebra: to the right, upwards, forwards.
    canal : (R, S, A) bool array, optional
        Spinal canal or cord. It is ignored where it does not reach the height of the vertebra.
    spacing : (3,) tuple [mm]
        Voxel size to the right, upwards, forwards.

    Returns
    -------
    (R, S, A) bool array
        The body; empty when the vertebra is, or none of it lies in front of the canal.
    """
    body = np.zeros(vertebra.shape, dtype=bool)
    if not vertebra.any():
        return body
    box = tuple(slice(int(hit.min()), int(hit.max()) + 1) for hit in np.nonzero(vertebra))
    inside = vertebra[box]
    beside = canal[:, box[1]] if canal is not None else None
    if beside is not None and not beside.any():
        beside = None
    first = _middle(inside, beside, box[0].start)
    front = np.ones(inside.shape[1:], dtype=bool)
    if beside is not None:
        rows, columns = np.nonzero(beside.any(axis=0))
        front = _in_front(_line(rows, columns, inside.shape[1]), box[2].start, inside.shape[2])
    found = body[box]
    found[first] = _part(inside[first] & front, forwards=True)
    if not found[first].any():
        return body
    wall = _back_wall(found[first], inside.shape[1]) - _BEHIND_WALL / spacing[2]
    front &= _in_front(wall, 0, inside.shape[2])
    for step in (1, -1):
        previous = found[first]
        for number in range(first + step, inside.shape[0] if step > 0 else -1, step):
            part = _part(inside[number] & front, forwards=False)
            if not np.any(part & previous):
                break
            found[number] = previous = part
    return body


def _middle(vertebra: Mask, canal: Mask | None, start: int) -> int:
    """Return the slice through the canal, or through the middle of the vertebra."""
    across = np.nonzero(vertebra)[0] if canal is None else np.nonzero(canal)[0] - start
    occupied = np.flatnonzero(vertebra.any(axis=(1, 2)))
    return int(occupied[np.argmin(np.abs(occupied - across.mean()))])


def _part(slice_: Mask, *, forwards: bool) -> Mask:
    """Return the largest connected part of a slice, or the most anterior of the large ones."""
    parts, n = label(slice_)
    if n < 2:
        return slice_
    area = np.bincount(parts.ravel())[1:]
    if not forwards:
        return np.asarray(parts == 1 + area.argmax())
    ahead = np.bincount(parts.ravel(), np.indices(slice_.shape)[1].ravel())[1:] / area
    ahead[area < _SMALLEST_PART * area.max()] = -1
    return np.asarray(parts == 1 + ahead.argmax())


def _back_wall(outline: Mask, height: int) -> NDArray[np.float64]:
    """Return where the body begins in each row, as a straight line through the middle half of its rows."""
    rows = np.flatnonzero(outline.any(axis=1))
    inner = rows[len(rows) // 4 : len(rows) - len(rows) // 4]
    return _line(inner, outline[inner].argmax(axis=1), height)


def _line(rows: NDArray[np.intp], values: NDArray[np.intp], height: int) -> NDArray[np.float64]:
    """Return the straight line through values at rows, for every row."""
    centre = rows.mean()
    spread = np.sum((rows - centre) ** 2)
    slope = np.sum((rows - centre) * (values - values.mean())) / spread if spread else 0.0
    return np.asarray(values.mean() + slope * (np.arange(height) - centre))


def _in_front(line: NDArray[np.float64], start: int, depth: int) -> Mask:
    return np.asarray(np.arange(start, start + depth) >= line[:, None])
