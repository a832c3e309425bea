"""The pixels of frames, scaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.dicom_read.frames import Frame
from mrbiomarkers.files.dicom_read.stacks import Grid, Stack
from mrbiomarkers.files.dicom_read.tags import lenient

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

Scale = Callable[[Frame, NDArray[Any]], NDArray[Any]]

_NEEDED = [
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "FloatPixelData",
    "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
]  # fmt: skip
# By how the name of the transfer syntax begins; for none of it a package under the GNU licence is needed.
_PACKAGES = {
    "JPEG 2000": "pylibjpeg pylibjpeg-openjpeg",
    "High-Throughput JPEG 2000": "pylibjpeg pylibjpeg-openjpeg",
    "JPEG-LS": "pyjpegls",
    "JPEG": "python-gdcm",
}


def read_stacks(
    stacks: Sequence[Stack], grid: Grid, scale: Scale, dtype: type[np.generic] = np.float32
) -> NDArray[Any]:
    """Read the pixels of volumes.

    Parameters
    ----------
    stacks : sequence of Stack
        N volumes on ``grid``.
    grid : Grid
        Their grid.
    scale : callable
        Turns the stored pixels of a frame into values.
    dtype : type
        Number type of the result.

    Returns
    -------
    (K, J, I, N) array

    Raises
    ------
    ValueError
        When the pixels of a file cannot be decoded, or are not of the size that the header says; where a package is
        missing for it, the message says which.
    """
    result = np.empty((*grid.shape, len(stacks)), dtype)
    places: dict[Path, list[tuple[int, int, Frame]]] = {}
    for number, stack in enumerate(stacks):
        for k, frame in enumerate(stack.frames):
            places.setdefault(frame.path, []).append((k, number, frame))
    for path, wanted in places.items():
        images = _decode(path)
        for k, number, frame in wanted:
            result[k, ..., number] = scale(frame, _cut(images, frame))
    return result


def stored(_: Frame, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels as they are stored."""
    return pixels


def rescaled(frame: Frame, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the values after Rescale Slope and Intercept."""
    line = frame.scaling
    return pixels * line.slope + line.intercept if (line.slope, line.intercept) != (1.0, 0.0) else pixels


def signal_scale(stacks: Sequence[Stack], name: str) -> tuple[Scale, list[str]]:
    """Return the scaling that makes the signal of several volumes comparable, and notes.

    Philips scales every image on its own: (stored * slope + intercept) / (slope * scale slope) is the signal. Where
    neither slope differs, the factor is common to all and the rescaled values do.

    References
    ----------
    Chenevert et al., Transl Oncol 2014;7:65 (PMC3998685).
    """
    lines = [frame.scaling for stack in stacks for frame in stack.frames]
    notes = [f"{name}: {note}" for note in dict.fromkeys(line.note for line in lines) if note]
    if any(len({_line(frame) for frame in stack.frames}) > 1 for stack in stacks):
        notes.append(f"{name}: slopes differ between the slices of one volume: each was applied to its own")
    slopes = {(line.slope, line.intercept) for line in lines}
    scales = {line.philips for line in lines}
    if len(slopes) == 1 and len(scales) == 1:
        return rescaled, notes
    if None not in scales:
        notes.append(f"{name}: Philips rescale and scale slopes differ between images: both were taken off")
        return _philips, notes
    if any(frame.header.vendor == "Philips" for frame in stacks[0].frames):
        notes.append(
            f"{name}: the rescale slopes differ between images, and Philips' scale slope (2005,100E) is missing in "
            "some: their signals may not be comparable"
        )
    else:
        notes.append(f"{name}: rescale slope or intercept differ between images: each was applied to its own")
    return rescaled, notes


def _line(frame: Frame) -> tuple[float, float, float | None]:
    return frame.scaling.slope, frame.scaling.intercept, frame.scaling.philips


def _philips(frame: Frame, pixels: NDArray[Any]) -> NDArray[Any]:
    line = frame.scaling
    return (pixels * line.slope + line.intercept) / (line.slope * (line.philips or 1.0))


def _decode(path: Path) -> NDArray[Any]:
    """Return the pixels (frames, rows, columns) of a file."""
    import pydicom

    syntax: UID | None = None
    try:
        with lenient():
            dataset = pydicom.dcmread(path, specific_tags=_NEEDED, force=True)
            syntax = dataset.file_meta.get("TransferSyntaxUID")
            pixels = np.asarray(dataset.pixel_array)
            pixels = _own_bits(pixels, dataset)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    except Exception as error:  # pydicom and its decoders raise whatever the damage leads to
        raise ValueError(f"{path}: expected pixels that can be decoded, got {_cause(error, syntax)}") from None
    return pixels if pixels.ndim == 3 else pixels[None]


def _cause(error: Exception, syntax: UID | None) -> str:
    """Return why pixels were not decoded: the package that is missing, else the error; with the compression by name."""
    from pydicom.pixels import get_decoder

    if syntax is None or syntax.is_private or not syntax.is_compressed:
        return _first_line(error)
    package = next((package for start, package in _PACKAGES.items() if syntax.name.startswith(start)), "")
    try:
        is_missing = not get_decoder(syntax).is_available
    except NotImplementedError:  # pydicom knows no package that decodes it
        is_missing, package = True, ""
    if not is_missing:
        return f"{syntax.name} that cannot be: {_first_line(error)}"
    help_ = f"pip install {package}" if package else "there is none; export the images without compression"
    return f"{syntax.name}, for which no installed package has a decoder: {help_}"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _own_bits(pixels: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Return integers without what old files keep in the bits above the image's own (overlays)."""
    allocated, kept = int(dataset.get("BitsAllocated", 0)), int(dataset.get("BitsStored", 0))
    unused = allocated - kept
    if pixels.dtype.kind not in "iu" or not 0 < unused < allocated or allocated != 8 * pixels.dtype.itemsize:
        return pixels
    return (pixels << unused) >> unused


def _cut(images: NDArray[Any], frame: Frame) -> NDArray[Any]:
    if images.ndim != 3 or frame.header.number >= images.shape[0]:
        raise ValueError(f"{frame.path}: expected {frame.header.number + 1} grey images, got shape {images.shape}")
    image = images[frame.header.number]
    if frame.window is not None:
        top, left, rows, columns = frame.window
        image = image[top : top + rows, left : left + columns]
    if image.shape != (frame.rows, frame.columns):
        raise ValueError(f"{frame.path}: expected {frame.rows} x {frame.columns} pixels, got {image.shape}")
    return image
