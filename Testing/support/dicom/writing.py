"""Single-frame images to files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from Testing.support.dicom.datasets import decimals, uid
from Testing.support.dicom.grid import Grid

Tags = Callable[[Dataset, int, int], None]
"""Sets what is special of the image of slice k and measurement m."""


def set_pixels(ds: Dataset, pixels: Any, *, signed: bool = False, bits: int = 12) -> None:
    """Give the dataset its pixels: rows and columns last, frames before them."""
    pixels = np.asarray(pixels)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    assert low <= pixels.min()
    assert pixels.max() <= high
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits, bits - 1
    ds.PixelRepresentation = int(signed)
    ds.add_new("PixelData", "OW", pixels.astype("<i2" if signed else "<u2").tobytes())


def save(ds: Dataset, path: Path) -> Path:
    """Write a DICOM file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(path, enforce_file_format=True)
    return path


def write_images(
    folder: Path,
    base: Dataset,
    grid: Grid,
    stored: Any,
    tags: Tags,
    *,
    slices: Sequence[int] | None = None,
    start: int = 1,
    signed: bool = False,
    bits: int = 12,
) -> str:
    """Write [k, j, i, m] numbers as single-frame images and return the series UID.

    Instance numbers count from ``start``, all slices of a measurement together, in the order of ``slices``.
    """
    order = [(k, m) for m in range(stored.shape[-1]) for k in (slices or range(grid.shape[0]))]
    for number, (k, m) in enumerate(order, start):
        ds = Dataset()
        ds.update(base)
        ds.InstanceNumber = number
        ds.SOPInstanceUID = uid(base.SeriesInstanceUID, number)
        ds.ImagePositionPatient = decimals(grid.position(0, 0, k))
        ds.SliceLocation = decimals([grid.position(0, 0, k) @ grid.normal])[0]
        set_pixels(ds, stored[k, :, :, m], signed=signed, bits=bits)
        tags(ds, k, m)
        save(ds, folder / f"IM{number:04d}.dcm")
    return str(base.SeriesInstanceUID)
