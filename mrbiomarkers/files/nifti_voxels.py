"""What ITK hides of NIfTI files: one that ends early, read or written, and voxels that are NaN or infinite.

Its reader fills what is missing with zeros and turns every NaN and infinity into zero, without a word. A voxel that was
not fitted must not come back as a zero, so the file is passed through once more.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLOATS = {16: "f4", 32: "c8", 64: "f8", 1792: "c16"}  # NIfTI's codes of the types that can hold NaN
_HEADER_BYTES, _VOX_OFFSET = 348, 108
_CHUNK = 1 << 22


def check_nifti_voxels(path: Path, metadata: Mapping[str, str], values: NDArray[Any]) -> None:
    """Check that a NIfTI file is complete and put the NaN and infinities back that ITK has turned into zeros.

    Parameters
    ----------
    path : Path
        The file, compressed or not.
    metadata : mapping of str to str
        Its header fields as SimpleITK names them.
    values : (K, J, I) or (K, J, I, M) array
        What ITK has read; changed in place.

    Raises
    ------
    ValueError
        When the file ends early, or its checksum is wrong (compressed files).
    """
    try:
        with _open(path) as file:
            order = "<" if int.from_bytes(file.read(4), "little") == _HEADER_BYTES else ">"
            file.seek(max(int(float(metadata["vox_offset"])), _HEADER_BYTES))
            missing = _n_bytes(metadata)
            kind = _FLOATS.get(int(metadata["datatype"]))
            if kind is not None:
                missing -= _restore(file, np.dtype(order + kind), values)
            # To the very end: the checksum stands there.
            missing -= sum(len(chunk) for chunk in iter(lambda: file.read(_CHUNK), b""))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: truncated or damaged ({error})") from None
    if missing > 0:
        raise ValueError(f"{path}: truncated, {missing} of {_n_bytes(metadata)} bytes of voxels are missing")


def is_complete_nifti(path: Path, n_bytes: int) -> bool:
    """Return whether a NIfTI file that ITK has just written holds all its voxels: it passes over a disk that is full.

    Parameters
    ----------
    path : Path
        The file. Of a compressed one the length that stands at its end is compared, without reading it through.
    n_bytes : int
        Size of the voxels.
    """
    try:
        with _open(path) as file:
            header = file.read(_HEADER_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    if len(header) < _HEADER_BYTES:
        return False
    expected = int(np.frombuffer(header, np.float32, 1, _VOX_OFFSET)[0]) + n_bytes
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.stat().st_size >= expected
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little") == expected % (1 << 32)


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else path.open("rb")


def _n_bytes(metadata: Mapping[str, str]) -> int:
    n_axes = int(metadata["dim[0]"])
    n_voxels = int(np.prod([int(metadata[f"dim[{axis}]"]) for axis in range(1, n_axes + 1)], dtype=np.int64))
    return n_voxels * int(metadata["bitpix"]) // 8


def _restore(file: gzip.GzipFile | BufferedReader, dtype: np.dtype[Any], values: NDArray[Any]) -> int:
    """Return the number of bytes that were there for the images of ``values``."""
    images = values.reshape(*values.shape[:3], -1)  # of a contiguous array: a view
    n_read = 0
    for index in range(images.shape[-1]):
        raw = file.read(dtype.itemsize * images[..., index].size)
        n_read += len(raw)
        if len(raw) < dtype.itemsize * images[..., index].size:
            break
        stored = np.frombuffer(raw, dtype=dtype).reshape(images.shape[:3])
        lost = ~np.isfinite(stored)
        if lost.any():
            images[..., index][lost] = stored[lost]
    return n_read
