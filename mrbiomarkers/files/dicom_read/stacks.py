"""Frames to volumes: one grid in RAS, slices in order, and every volume complete."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.dicom_read.frames import Frame

_SAME_PLACE = 0.05  # mm; thinner slices than this do not exist
_SAME_COSINE = 1e-3
_SAME_SPACING = 1e-3  # of itself
_UNEVEN = 0.02  # of the distance between slices
_MOST_PLANES = 9  # of a localiser
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Grid:
    """The voxels that a set of frames fills.

    Attributes
    ----------
    shape : (int, int, int)
        K, J, I.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS; slices ascend along the normal (row x column).
    slices : tuple of int
        The slice of each frame.
    notes : tuple of str
        What was assumed.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    slices: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Stack:
    """One volume: a frame for each slice, in order, and what these have in common."""

    frames: tuple[Frame, ...]
    key: Hashable

    @property
    def first(self) -> tuple[float, ...]:
        """Order of acquisition of the frame that came first."""
        return min(frame.order for frame in self.frames)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the frames, each once."""
        return tuple(dict.fromkeys(frame.path for frame in self.frames))


def grid_of(frames: Sequence[Frame], name: str) -> Grid:
    """Return the grid of the frames of one series.

    Parameters
    ----------
    frames : sequence of Frame
        In any order; several at one position are allowed.
    name : str
        The series, for messages.

    Raises
    ------
    ValueError
        When frames differ in size, voxel size or orientation, slices are missing, unevenly spaced or shifted against
        each other.
    """
    if not frames:
        raise ValueError(f"{name}: expected images, got none")
    first = frames[0]
    for frame in frames[1:]:
        _check_alike(first, frame, name)
    row, column = first.orientation
    normal = np.cross(row, column)
    positions = np.array([frame.position for frame in frames])
    along = positions @ normal
    heights, slices = _levels(along)
    places = np.array([positions[np.flatnonzero(slices == number)[0]] for number in range(heights.size)])
    _check_one_line(positions, places[slices], name)
    step, notes = _step(first, heights, places, normal, name)
    in_lps = np.column_stack([row * first.spacing[1], column * first.spacing[0], step])
    affine = np.eye(4)
    affine[:3, :3] = _LPS_TO_RAS @ in_lps
    affine[:3, 3] = _LPS_TO_RAS @ places[0]
    shape = (heights.size, first.rows, first.columns)
    return Grid(shape, affine + 0.0, tuple(int(one) for one in slices), notes)


def stacks_of(frames: Sequence[Frame], grid: Grid, keys: Sequence[Hashable], name: str) -> list[Stack]:
    """Return complete volumes: frames of one key, each with one frame for every slice, in the order of acquisition.

    Parameters
    ----------
    frames : sequence of Frame
        Those of ``grid``.
    grid : Grid
        Their grid.
    keys : sequence
        What the frames of one volume share (b-value and direction, echo time ...). Where a key comes several times at
        each slice, the n-th frame of every slice makes the n-th volume.
    name : str
        The series, for messages.

    Raises
    ------
    ValueError
        When a slice is missing, or comes more often than the others.
    """
    members: dict[Hashable, list[list[Frame]]] = {}
    for frame, slice_number, key in zip(frames, grid.slices, keys, strict=True):
        members.setdefault(key, [[] for _ in range(grid.shape[0])])[slice_number].append(frame)
    found = []
    for key, by_slice in members.items():
        counts = [len(inside) for inside in by_slice]
        if min(counts) != max(counts):
            raise ValueError(_uneven(name, key, counts))
        ordered = [sorted(inside, key=lambda frame: (frame.order, str(frame.path))) for inside in by_slice]
        found += [Stack(tuple(inside[repeat] for inside in ordered), key) for repeat in range(counts[0])]
    return sorted(found, key=lambda stack: stack.first)


def orientations(frames: Sequence[Frame]) -> int:
    """Return in how many orientations the frames of a series lie; a localiser has several.

    Parameters
    ----------
    frames : sequence of Frame
        In any order.

    Returns
    -------
    int
        0 where those of one orientation make no grid of their own, and where there are too many, as of a turning view.
    """
    planes: list[list[Frame]] = []
    for frame in frames:
        plane = next((one for one in planes if _same_orientation(one[0], frame)), None)
        if plane is not None:
            plane.append(frame)
        elif len(planes) < _MOST_PLANES:
            planes.append([frame])
        else:
            return 0
    try:
        for plane in planes:
            grid_of(plane, "one plane")
    except ValueError:
        return 0
    return len(planes)


def _same_orientation(first: Frame, other: Frame) -> bool:
    return bool(np.all(np.abs(first.orientation - other.orientation) <= _SAME_COSINE))


def _uneven(name: str, key: Hashable, counts: list[int]) -> str:
    usual = max(set(counts), key=counts.count)
    odd = {number + 1: count for number, count in enumerate(counts) if count != usual}
    shown = ", ".join(f"{count} at slice {number}" for number, count in list(odd.items())[:5])
    return (
        f"{name}: expected as many images at each of {len(counts)} slices, got {usual} at most of them and {shown}"
        f"{f', of {key}' if key else ''} (slices counted along their normal): an image is missing or comes twice"
    )


def _check_alike(first: Frame, other: Frame, name: str) -> None:
    if (first.rows, first.columns) != (other.rows, other.columns):
        raise ValueError(
            f"{name}: expected images of one matrix, got {first.rows} x {first.columns} ({first.path.name}) and "
            f"{other.rows} x {other.columns} ({other.path.name})"
        )
    if not np.allclose(first.spacing, other.spacing, rtol=_SAME_SPACING, atol=0):
        raise ValueError(
            f"{name}: expected images of one voxel size, got {first.spacing} ({first.path.name}) and "
            f"{other.spacing} mm ({other.path.name})"
        )
    if not _same_orientation(first, other):
        raise ValueError(
            f"{name}: expected images of one orientation, got {first.orientation.ravel().round(4).tolist()} "
            f"({first.path.name}) and {other.orientation.ravel().round(4).tolist()} ({other.path.name})"
        )


def _levels(along: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the distinct heights, ascending, and the one of each frame."""
    order = np.argsort(along, kind="stable")
    new = np.concatenate([[False], np.diff(along[order]) > _SAME_PLACE])
    numbers = np.empty(along.size, np.intp)
    numbers[order] = np.cumsum(new)
    heights = np.array([along[numbers == number].mean() for number in range(int(numbers.max()) + 1)])
    return heights, numbers


def _check_one_line(positions: NDArray[np.float64], expected: NDArray[np.float64], name: str) -> None:
    apart = np.linalg.norm(positions - expected, axis=1)
    if apart.max() > 2 * _SAME_PLACE:
        raise ValueError(
            f"{name}: expected images of one slice at one position, got some {apart.max():.3g} mm apart in the plane "
            "(the table was moved, or two acquisitions are mixed)"
        )


def _step(
    first: Frame, heights: NDArray[np.float64], places: NDArray[np.float64], normal: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the vector from slice to slice, LPS."""
    if heights.size == 1:
        distance = first.slice_step or first.thickness
        if distance is not None:
            return np.asarray(normal * distance), ()
        return normal, (f"{name}: one slice of unknown thickness: taken as 1 mm",)
    gaps = np.diff(heights)
    usual = float(np.sort(gaps)[(gaps.size - 1) // 2])
    far = gaps > 1.5 * usual
    if far.any():
        after = int(np.flatnonzero(far)[0])
        raise ValueError(
            f"{name}: expected slices {usual:.4g} mm apart, got {gaps[after]:.4g} mm between slices {after + 1} and "
            f"{after + 2} (counted along their normal): a slice is missing"
        )
    if np.abs(gaps - usual).max() > max(_SAME_PLACE, _UNEVEN * usual):
        raise ValueError(
            f"{name}: expected evenly spaced slices, got distances of {gaps.min():.4g} to {gaps.max():.4g} mm"
        )
    step = (places[-1] - places[0]) / (heights.size - 1)
    ideal = places[0] + np.arange(heights.size)[:, None] * normal * (step @ normal)
    sideways = np.linalg.norm(places - ideal, axis=1).max()
    if sideways > 2 * _SAME_PLACE and sideways > 1e-3 * abs(heights[-1] - heights[0]):
        raise ValueError(
            f"{name}: expected slices above each other, got some shifted by {sideways:.3g} mm in their plane; a "
            "sheared volume is no grid with perpendicular axes"
        )
    return np.asarray(normal * (step @ normal)), _thin(first, usual, name)


def _thin(first: Frame, usual: float, name: str) -> tuple[str, ...]:
    told = first.slice_step
    if told is not None and abs(told - usual) > max(_SAME_PLACE, _UNEVEN * usual):
        return (f"{name}: slices lie {usual:.4g} mm apart, though the header says {told:.4g} mm (0018,0088)",)
    return ()
