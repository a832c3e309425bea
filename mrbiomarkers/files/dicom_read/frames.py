"""One record for each two-dimensional image: the same for classic and enhanced files and for mosaics."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.dicom_read.bvalues import BValue, bvalue_of
from mrbiomarkers.files.dicom_read.groups import (
    FrameHeader,
    check_count,
    frame_header,
    frame_headers,
    kept_header,
    shared_groups,
)
from mrbiomarkers.files.dicom_read.headers import Instance
from mrbiomarkers.files.dicom_read.mosaic import Plane, tiles_of
from mrbiomarkers.files.dicom_read.tags import items, lenient, numbers, texts
from mrbiomarkers.files.dicom_read.walk import GroupBytes, decimals_in

if TYPE_CHECKING:
    from pydicom import Dataset

_POSITION, _ORIENTATION, _MEASURES = (0x0020, 0x9113), (0x0020, 0x9116), (0x0028, 0x9110)
_TYPE, _RESCALE, _ECHO, _CONTENT = (0x0018, 0x9226), (0x0028, 0x9145), (0x0018, 0x9114), (0x0020, 0x9111)
_GE_TYPES = ("magnitude", "phase", "real", "imaginary")
_COMPONENTS = {
    "magnitude": ("MAGNITUDE", "M"),
    "phase": ("PHASE", "P", "PHASE MAP"),
    "real": ("REAL", "R"),
    "imaginary": ("IMAGINARY", "I"),
}
_LETTERS = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary"}
_UNIT_COSINE = 1e-3


@dataclass(frozen=True, eq=False, slots=True)
class Scaling:
    """What a stored number stands for.

    Attributes
    ----------
    slope, intercept : float
        Rescale Slope (0028,1053) and Intercept (0028,1052); 1 and 0 where there are none.
    unit : str
        Rescale Type (0028,1054), or empty.
    is_told : bool
        Whether the header has a rescale slope at all.
    philips : float or None
        Scale Slope (2005,100E).
    real_world : (float, float, str), optional
        Slope, intercept and unit of the Real World Value Mapping.
    note : str
        What was odd, for the user.
    """

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    is_told: bool = False
    philips: float | None = None
    real_world: tuple[float, float, str] | None = None
    note: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One two-dimensional image.

    Attributes
    ----------
    header : FrameHeader
        Where it was read from; of a file, only what images of a series have in common is still in it.
    window : (int, int, int, int), optional
        First row, first column, rows and columns of its tile in a mosaic.
    rows, columns : int
        Its size.
    position : (3,) array [mm]
        Centre of its first voxel, LPS.
    orientation : (2, 3) array
        Unit vectors along a row and along a column, LPS.
    spacing : (float, float) [mm]
        Between rows and between columns.
    thickness, slice_step : float or None [mm]
        Slice Thickness (0018,0050) and Spacing Between Slices (0018,0088).
    echo_time : float or None [s]
        Echo time.
    image_type : tuple of str
        Image Type, or Frame Type of an enhanced image, in upper case.
    component : str
        "magnitude", "phase", "real", "imaginary" or "unknown".
    bvalue : BValue
        What the header says of diffusion.
    scaling : Scaling
        What a stored number stands for.
    order : tuple of float
        Temporal position, acquisition number, instance number and frame: the order of acquisition, as far as known.
    """

    header: FrameHeader
    window: tuple[int, int, int, int] | None
    rows: int
    columns: int
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing: tuple[float, float]
    thickness: float | None
    slice_step: float | None
    echo_time: float | None
    image_type: tuple[str, ...]
    component: str
    bvalue: BValue
    scaling: Scaling
    order: tuple[float, ...]

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.instance.path

    @property
    def series(self) -> str:
        """Series Instance UID."""
        return (*texts(self.header.instance.dataset, (0x0020, 0x000E)), "")[0]


@lenient()
def frames_of(instance: Instance) -> list[Frame]:
    """Return every image of a file.

    Raises
    ------
    ValueError
        When the header does not say where the images lie, what they are is no grey image, or values are damaged; the
        message names the file.
    """
    if instance.frames:
        return _enhanced(instance)
    return [frame for header in frame_headers(instance) for frame in _frames(header)]


def _enhanced(instance: Instance) -> list[Frame]:
    """Return the frames of a file; those whose groups are alike differ in their position and time only."""
    check_count(instance, len(instance.frames))
    shared = shared_groups(instance)
    frames: list[Frame] = []
    known: dict[tuple[bytes, ...], Frame] = {}
    positions: dict[bytes, NDArray[np.float64] | None] = {}
    times: dict[bytes, float] = {}
    for number, group in enumerate(instance.frames):
        first = known.get(group.alike)
        if first is None:
            found = _frames(frame_header(instance, group, shared, number), group)
            if found[0].window is None:
                known[group.alike] = found[0]
            frames += found
            continue
        if group.position not in positions:
            positions[group.position] = _own_position(instance, group.position, shared)
        if group.content not in times:
            times[group.content] = _order(frame_header(instance, GroupBytes(content=group.content), shared))[0]
        position = positions[group.position]
        if position is None:
            raise _no_position(instance.path)
        order = (times[group.content], *first.order[1:3], float(number))
        frames.append(replace(first, header=replace(first.header, number=number), position=position, order=order))
    return frames


def _frames(header: FrameHeader, group: GroupBytes | None = None) -> list[Frame]:
    path = header.instance.path
    samples = header.number_of((0x0028, 0x0002))
    if samples not in (None, 1.0):
        raise ValueError(f"{path}: expected a grey image, got one of {samples:g} colours")
    size = header.numbers((0x0028, 0x0010))[:1] + header.numbers((0x0028, 0x0011))[:1]
    rows, columns = (int(one) for one in size)
    image_type = _image_type(header)
    plane = _plane(header)
    tiles = tiles_of(header, plane, (rows, columns), image_type)
    if plane.position is None and not tiles:
        raise _no_position(path)
    frame = Frame(
        kept_header(header, group),
        None,
        rows,
        columns,
        np.zeros(3) if plane.position is None else plane.position,
        plane.orientation,
        plane.spacing,
        _positive(header.number_of((0x0018, 0x0050), _MEASURES)),
        _positive(header.number_of((0x0018, 0x0088), _MEASURES)),
        _echo_time(header),
        image_type,
        _component(header, image_type),
        bvalue_of(header),
        _scaling(header),
        _order(header),
    )
    return [
        replace(frame, window=tile.window, rows=tile.window[2], columns=tile.window[3], position=tile.position)
        for tile in tiles
    ] or [frame]


def _no_position(path: Path) -> ValueError:
    return ValueError(f"{path}: expected Image Position (0020,0032) with 3 numbers, got none")


def _own_position(instance: Instance, content: bytes, shared: tuple[Dataset, ...]) -> NDArray[np.float64] | None:
    """Return the position in a coded Plane Position Sequence; most need no help of pydicom, which takes long for it."""
    found = decimals_in(content, 0x00200032, bool(instance.dataset.original_encoding[0]))
    if found:
        return _placed(found)
    return _position(frame_header(instance, GroupBytes(position=content), shared))


def _position(header: FrameHeader) -> NDArray[np.float64] | None:
    return _placed(header.numbers((0x0020, 0x0032), _POSITION))


def _placed(found: tuple[float, ...]) -> NDArray[np.float64] | None:
    position = np.array(found)
    is_there = position.shape == (3,) and np.all(np.isfinite(position)) and np.all(np.abs(position) < 1e5)
    return position if is_there else None


def _plane(header: FrameHeader) -> Plane:
    path = header.instance.path
    cosines = np.array(header.numbers((0x0020, 0x0037), _ORIENTATION))
    spacing = header.numbers((0x0028, 0x0030), _MEASURES)
    if cosines.shape != (6,) or not np.all(np.isfinite(cosines)):
        raise ValueError(f"{path}: expected Image Orientation (0020,0037) with 6 numbers, got {cosines.tolist()}")
    orientation = cosines.reshape(2, 3)
    lengths = np.linalg.norm(orientation, axis=1)
    if np.any(np.abs(lengths - 1) > _UNIT_COSINE) or abs(orientation[0] @ orientation[1]) > _UNIT_COSINE:
        raise ValueError(
            f"{path}: expected two perpendicular unit vectors in Image Orientation (0020,0037), got {cosines.tolist()}"
        )
    if len(spacing) != 2 or not all(0 < one < 1000 for one in spacing):
        raise ValueError(f"{path}: expected Pixel Spacing (0028,0030) with 2 numbers above 0 mm, got {spacing}")
    return Plane(_position(header), orientation / lengths[:, None], (spacing[0], spacing[1]))


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value < 1e4 else None


def _echo_time(header: FrameHeader) -> float | None:
    milliseconds = header.number_of((0x0018, 0x9082), _ECHO)
    if milliseconds is None:
        milliseconds = header.number_of((0x0018, 0x0081))
    return None if milliseconds is None or not 0 < milliseconds < 1e4 else round(milliseconds / 1000, 10)


def _image_type(header: FrameHeader) -> tuple[str, ...]:
    own = header.texts((0x0008, 0x9007), _TYPE)
    return tuple(text.upper() for text in own or texts(header.instance.dataset, (0x0008, 0x0008)))


def _component(header: FrameHeader, image_type: tuple[str, ...]) -> str:
    raw = header.private_numbers(0x0043, 0x102F, ("GEMS_PARM",), "GE", "h")
    if raw and raw[0] in (0, 1, 2, 3):
        return _GE_TYPES[int(raw[0])]
    told = [text.upper() for text in header.texts((0x0008, 0x9208), _TYPE)]
    for token in (*told, *image_type[2:]):
        for component, names in _COMPONENTS.items():
            if token in names:
                return component
        if re.match(r"[MPRI]_", token):  # Philips: M_FFE, P_SE ...
            return _LETTERS[token[0]]
    return "unknown"


def _scaling(header: FrameHeader) -> Scaling:
    slope = header.number_of((0x0028, 0x1053), _RESCALE)
    intercept = header.number_of((0x0028, 0x1052), _RESCALE)
    unit = (*header.texts((0x0028, 0x1054), _RESCALE), *header.texts((0x0054, 0x1001)), "")[0]
    if slope is not None and not (np.isfinite(slope) and slope != 0 and np.isfinite(intercept or 0.0)):
        raise ValueError(f"{header.instance.path}: expected a Rescale Slope other than 0, got {slope} and {intercept}")
    told = slope is not None
    note = ""
    scale = header.private_numbers(0x2005, 0x100E, ("PHILIPS MR IMAGING",), "Philips", "f")
    hidden = header.private_numbers(0x2005, 0x140A, ("PHILIPS MR IMAGING",), "Philips")
    if slope in (None, 1.0) and hidden and 0 < hidden[0] < np.inf and hidden[0] != 1:
        first = header.private_numbers(0x2005, 0x1409, ("PHILIPS MR IMAGING",), "Philips")
        slope, intercept, told = hidden[0], first[0] if first else intercept, True
        note = "the rescale slope is missing or 1: that of Philips (2005,140A) was taken"
    return Scaling(
        1.0 if slope is None else slope,
        intercept or 0.0,
        unit,
        told,
        scale[0] if scale and 0 < scale[0] < np.inf else None,
        _real_world(header),
        note,
    )


def _real_world(header: FrameHeader) -> tuple[float, float, str] | None:
    """Return the first linear mapping, one with a unit before one without."""
    found = []
    for place in (*header.groups, header.instance.dataset):
        for item in items(place, (0x0040, 0x9096)):
            slope, intercept = numbers(item, (0x0040, 0x9225), "d"), numbers(item, (0x0040, 0x9224), "d")
            code = [text for unit in items(item, (0x0040, 0x08EA))[:1] for text in texts(unit, (0x0008, 0x0100))]
            if slope and np.isfinite(slope[0]) and slope[0] != 0:
                found.append((slope[0], intercept[0] if intercept else 0.0, code[0] if code else ""))
    return min(found, key=lambda mapping: mapping[2] in ("", "1"), default=None)


def _order(header: FrameHeader) -> tuple[float, ...]:
    temporal = header.number_of((0x0020, 0x9128), _CONTENT)
    if temporal is None:
        temporal = header.number_of((0x0020, 0x0100))
    acquisition = header.number_of((0x0020, 0x0012))
    instance = header.number_of((0x0020, 0x0013))
    return (temporal or 0.0, acquisition or 0.0, instance or 0.0, float(header.number))
