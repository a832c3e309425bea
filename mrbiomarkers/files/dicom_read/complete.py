"""Whether a DICOM file is an image and whole, as far as its header and size show."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from mrbiomarkers.files.dicom_read.tags import numbers, texts

if TYPE_CHECKING:
    from pydicom import Dataset

_DICOMDIR = "1.2.840.10008.1.3.10"
_NO_IMAGE = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.4.2": "spectroscopy",
    "1.2.840.10008.5.1.4.1.1.66": "raw data",
}
_IMAGES = {f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "2.1", "4", "4.1", "4.3", "4.4", "7", "30")}
_BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_PIXELS = ((0x7FE0, 0x0010), (0x7FE0, 0x0008), (0x7FE0, 0x0009))
_UNDEFINED = 0xFFFFFFFF


def no_image(dataset: Dataset) -> str:
    """Return why this is no image, or an empty text."""
    kind = texts(dataset, (0x0008, 0x0016))
    meta = getattr(dataset, "file_meta", None)
    storage = str(getattr(meta, "MediaStorageSOPClassUID", "")) if meta is not None else ""
    if storage == _DICOMDIR or kind == (_DICOMDIR,):
        return "a DICOMDIR: the images are read from their own files"
    if not texts(dataset, (0x0008, 0x0018)):
        # This is also what a file looks like that ends in its first bytes.
        return "truncated or damaged: it has no SOP Instance UID (0008,0018)"
    if kind and kind[0] in _NO_IMAGE:
        return f"no image but {_NO_IMAGE[kind[0]]}"
    size = numbers(dataset, (0x0028, 0x0010)) + numbers(dataset, (0x0028, 0x0011))
    if not size and kind and kind[0] not in _IMAGES and _name_of(kind[0]):
        return f"no image but {_name_of(kind[0])}"
    if not size:
        return "truncated or damaged: the header ends before Rows (0028,0010)"
    if len(size) != 2 or min(size) < 1:
        return f"damaged: Rows and Columns are {size}"
    return ""


def _name_of(sop_class: str) -> str:
    """Return the name of a SOP class; empty for one that the standard does not have."""
    from pydicom.uid import UID

    name = UID(sop_class).name
    return "" if name == sop_class else name


def cut_off(file: BinaryIO, dataset: Dataset, size: int) -> str:
    """Return whether the pixels end early, as far as this shows without reading them."""
    meta = getattr(dataset, "file_meta", None)
    syntax = str(getattr(meta, "TransferSyntaxUID", ""))
    if syntax == _DEFLATED:
        return ""
    at = file.tell()
    head = file.read(12)
    order = ">" if syntax == _BIG_ENDIAN else "<"
    if len(head) < 8:
        return "ends before its pixels (truncated)"
    if struct.unpack(order + "HH", head[:4]) not in _PIXELS:
        return "damaged: no pixels follow the header"
    if dataset.original_encoding[0]:
        length, start = struct.unpack(order + "I", head[4:8])[0], at + 8
    elif len(head) == 12:
        length, start = struct.unpack(order + "I", head[8:12])[0], at + 12
    else:
        return "ends before its pixels (truncated)"
    if length == _UNDEFINED:
        return ""
    expected = _native_bytes(dataset)
    if start + length > size:
        return f"truncated: {length} bytes of pixels expected, {size - start} found"
    return f"damaged: {expected} bytes of pixels expected, {length} found" if length < expected else ""


def _native_bytes(dataset: Dataset) -> int:
    """Return how many bytes uncompressed pixels take; 0 where the header does not say."""
    parts = [numbers(dataset, (0x0028, element))[:1] for element in (0x10, 0x11, 0x100)]
    if not all(parts):
        return 0
    frames = numbers(dataset, (0x0028, 0x0008)) or (1.0,)
    samples = numbers(dataset, (0x0028, 0x0002)) or (1.0,)
    product = parts[0][0] * parts[1][0] * parts[2][0] / 8 * max(frames[0], 1.0) * max(samples[0], 1.0)
    return int(product) if product < 1e15 else 0
