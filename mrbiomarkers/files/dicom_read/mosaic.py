"""Many slices tiled into one image: the mosaics of Siemens and the VFRAME images of UIH."""

from __future__ import annotations

import functools
import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.dicom_read.groups import FrameHeader
from mrbiomarkers.files.dicom_read.tags import items, numbers

_SIEMENS = ("SIEMENS MR",)
_UIH = ("IMAGE PRIVATE", "UIH")
Window = tuple[int, int, int, int]
_MATRIX = re.compile(r"(\d+)p?\s*\*\s*(\d+)")


class Tile(NamedTuple):
    """One slice in a mosaic.

    Attributes
    ----------
    window : tuple of int
        First row, first column, rows and columns in the mosaic.
    position : (3,) array [mm]
        Centre of its first voxel, LPS.
    """

    window: tuple[int, int, int, int]
    position: NDArray[np.float64]


class Plane(NamedTuple):
    """Where an image lies: position (3,) [mm], orientation (2, 3) and spacing between rows and columns [mm], LPS."""

    position: NDArray[np.float64] | None
    orientation: NDArray[np.float64]
    spacing: tuple[float, float]


def tiles_of(header: FrameHeader, plane: Plane, size: tuple[int, int], image_type: tuple[str, ...]) -> list[Tile]:
    """Return the slices of a mosaic; empty for any other image.

    Parameters
    ----------
    header : FrameHeader
        Of the image.
    plane : Plane
        As the header has it: of a Siemens mosaic, the position is that of one image of the mosaic's size.
    size : (int, int)
        Rows and columns of the mosaic.
    image_type : tuple of str
        Its image type, which says whether it is one.

    Raises
    ------
    ValueError
        When the image is a mosaic, but the header does not say of how many slices or where they are.
    """
    if "MOSAIC" in image_type:
        return _siemens(header, plane, size)
    if "VFRAME" in image_type and header.vendor == "UIH":
        return _uih(header, size)
    return []


def _siemens(header: FrameHeader, plane: Plane, size: tuple[int, int]) -> list[Tile]:
    path = header.instance.path
    count = _count(header)
    step = header.number_of((0x0018, 0x0088)) or header.number_of((0x0018, 0x0050))
    if count is None or plane.position is None or step is None or step <= 0:
        raise ValueError(
            f"{path}: expected a mosaic with the number of its slices ((0019,100A) or the CSA header), their distance "
            "(0018,0088) and a position, got no such elements"
        )
    windows = _windows(path.name, count, size)
    rows, columns = windows[0][2:]
    row, column = plane.orientation
    between_rows, between_columns = plane.spacing
    first = (
        plane.position + row * between_columns * (size[1] - columns) / 2 + column * between_rows * (size[0] - rows) / 2
    )
    normal = _normal(header, np.cross(row, column))
    return [Tile(window, first + number * step * normal) for number, window in enumerate(windows)]


def _count(header: FrameHeader) -> int | None:
    values = header.private_numbers(0x0019, 0x100A, _SIEMENS, "Siemens", "H")
    if not values:
        csa = header.instance.csa.get("NumberOfImagesInMosaic", ())
        values = tuple(float(one) for one in csa[:1] if one.isdigit())
    return int(values[0]) if values and 1 <= values[0] <= 4096 else None


def _normal(header: FrameHeader, normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the direction in which the slices follow each other: the header's, which can be the opposite one."""
    try:
        told = np.array([float(one) for one in header.instance.csa.get("SliceNormalVector", ())])
    except ValueError:
        return normal
    return -normal if told.shape == (3,) and told @ normal < 0 else normal


def _uih(header: FrameHeader, size: tuple[int, int]) -> list[Tile]:
    path = header.instance.path
    found = header.find_private(0x0065, 0x1051, _UIH, "UIH")
    slices = [] if found is None else items(*found)
    positions = [np.array(numbers(item, (0x0020, 0x0032))) for item in slices]
    told = header.private_numbers(0x0065, 0x1050, _UIH, "UIH")
    if not positions or any(position.shape != (3,) for position in positions):
        raise ValueError(f"{path}: expected a mosaic with the position of each slice in (0065,1051), got none")
    if told and int(told[0]) != len(positions):
        raise ValueError(
            f"{path}: expected {told[0]:g} slices in (0065,1051), as (0065,1050) says, got {len(positions)}"
        )
    windows = _uih_windows(header, len(positions), size)
    return [Tile(window, position) for window, position in zip(windows, positions, strict=True)]


def _uih_windows(header: FrameHeader, count: int, size: tuple[int, int]) -> tuple[Window, ...]:
    """Return the windows; the layout of UIH need not be square, its matrix tells."""
    matrix = header.numbers((0x0018, 0x1310))
    found = header.find_private(0x0065, 0x1004, _UIH, "UIH")
    match = _MATRIX.search(str(found[0][found[1]].value)) if found is not None else None
    candidates = [(int(match.group(1)), int(match.group(2)))] if match else []
    used = [int(one) for one in matrix if one > 0]
    candidates += [(used[0], used[1]), (used[1], used[0])] if len(used) == 2 else []
    for rows, columns in candidates:
        if rows > 0 and columns > 0 and size[0] % rows == 0 and size[1] % columns == 0:
            across, down = size[1] // columns, size[0] // rows
            if across * down >= count and across * (down - 1) < count:
                return _grid(count, across, rows, columns)
    return _windows(header.instance.path.name, count, size)


def _windows(name: str, count: int, size: tuple[int, int]) -> tuple[Window, ...]:
    """Return the windows of a square layout."""
    across = math.ceil(math.sqrt(count))
    if size[0] % across or size[1] % across:
        raise ValueError(f"{name}: expected a mosaic of {count} slices as {across} x {across} tiles, got {size} pixels")
    return _grid(count, across, size[0] // across, size[1] // across)


@functools.lru_cache(maxsize=64)
def _grid(count: int, across: int, rows: int, columns: int) -> tuple[Window, ...]:
    """Return the windows; the same ones for all mosaics of a series, which can be thousands."""
    return tuple((number // across * rows, number % across * columns, rows, columns) for number in range(count))
