"""What is wrong with real files: damaged, doubled, and images that do not fit to the others of their series."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from Testing.support.dicom.datasets import decimals
from Testing.support.dicom.writing import save, set_pixels


def truncate(path: Path, share: float) -> Path:
    """Keep only the first part of a file: at 0.98 the pixels, at 0.5 already the header is cut off."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def double(path: Path) -> Path:
    """Put a copy of a file beside it under another name."""
    return Path(shutil.copy(path, path.with_name("copy_" + path.name)))


def edit(path: Path, change: Callable[[Dataset], object]) -> Path:
    """Change the dataset of a file."""
    ds = dcmread(path)
    change(ds)
    return save(ds, path)


def shift_slice(path: Path, along: float) -> Path:
    """Move one slice along the normal by so many millimetres."""

    def change(ds: Dataset) -> None:
        normal = np.cross(ds.ImageOrientationPatient[:3], ds.ImageOrientationPatient[3:])
        ds.ImagePositionPatient = decimals(np.array(ds.ImagePositionPatient, dtype=float) + along * normal)

    return edit(path, change)


def crop(path: Path) -> Path:
    """Give one image two rows less than the others have."""
    return edit(path, lambda ds: set_pixels(ds, ds.pixel_array[:-2]))
