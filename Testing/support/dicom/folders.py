"""Folders as they are exported: foreign files between the images, no names that say anything, several series."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from Testing.support.dicom.datasets import image_dataset, uid
from Testing.support.dicom.grid import AXIAL, OBLIQUE, SAGITTAL, Grid
from Testing.support.dicom.truth import Truth, numbers
from Testing.support.dicom.writing import save, write_images


def files_of(folder: Path) -> list[Path]:
    """All files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def add_foreign_files(folder: Path) -> list[Path]:
    """Put files into the folder that are no images: text, nothing, a picture, a header without end, a DICOMDIR."""
    contents = {
        "readme.txt": b"Exported by the archive.\n",
        "empty": b"",
        "preview.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "rubbish.dcm": bytes(128) + b"DICM" + bytes(range(255, 100, -1)),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = MediaStorageDirectoryStorage, uid("dicomdir")
    ds.FileSetID = "EXPORT"
    return [*(folder / name for name in contents), save(ds, folder / "DICOMDIR")]


def scatter(target: Path, *sources: Path, seed: int = 3) -> Path:
    """Move the files of folders into one, nested, shuffled, under names that say nothing and have no ending."""
    paths = [path for source in sources for path in files_of(source)]
    for number, index in enumerate(np.random.default_rng(seed).permutation(len(paths))):
        place = target / f"S{number % 3}" / f"{number:08X}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(paths[index], place)
    return target


def anatomical(folder: Path, *, n: int = 1, grid: Grid = OBLIQUE) -> Truth:
    """A T1-weighted series of an unknown vendor, ``n`` images a slice; no element tells b or more than one TE."""
    stored = numbers(grid, n)
    base = image_dataset("Elsewhere MR Works", f"anatomical {n}", grid, description="T1 TSE sag")
    base.ScanningSequence, base.EchoTime, base.RepetitionTime = "SE", "12", "600"

    def tags(ds: Dataset, k: int, m: int) -> None:
        ds.TemporalPositionIdentifier = m + 1

    uids = (write_images(folder, base, grid, stored, tags),)
    return Truth(folder, stored.astype(float), grid.affine, uids)


def localiser(folder: Path, *, missing: bool = False) -> str:
    """Four slices in each of three planes, in one series; return its UID. ``missing``: the third one of a plane."""
    coronal = Grid(row=(1.0, 0.0, 0.0), column=(0.0, 0.0, -1.0))
    found = set()
    for number, grid in enumerate((SAGITTAL, coronal, AXIAL)):
        grid = replace(grid, shape=(4, 12, 10))
        base = image_dataset("SIEMENS", "localiser", grid, description="localizer")
        base.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM"]
        slices = [0, 1, 3] if missing and number == 1 else None
        stored = numbers(grid, 1)
        found.add(write_images(folder, base, grid, stored, lambda ds, k, m: None, slices=slices, start=1 + 4 * number))
    return found.pop()


def reencode(folder: Path, syntax: str) -> Path:
    """Write all files of a folder in another transfer syntax: compressed, or without types of private elements."""
    for path in files_of(folder):
        ds = dcmread(path)
        if UID(syntax).is_compressed:
            ds.compress(syntax, generate_instance_uid=False)
        else:
            ds.file_meta.TransferSyntaxUID = syntax
        ds.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    return folder
