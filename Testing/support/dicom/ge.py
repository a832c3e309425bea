"""GE series: b-values with 10^9 added in the private element, fat fraction maps, real and imaginary images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from Testing.support.dicom.datasets import add_private, image_dataset
from Testing.support.dicom.grid import OBLIQUE, Grid
from Testing.support.dicom.truth import Truth, numbers
from Testing.support.dicom.writing import write_images

VENDOR = "GE MEDICAL SYSTEMS"
_PARAMETERS = "GEMS_PARM_01"
_BIAS = 1_000_000_000
BVALUES = np.array([0.0, 50.0, 400.0, 800.0])


def _base(name: str, grid: Grid, description: str) -> Dataset:
    ds = image_dataset(VENDOR, name, grid, description=description)
    ds.ManufacturerModelName = "DISCOVERY MR750"
    return ds


def ge_diffusion(folder: Path, *, public: bool = False, second: int = 8, grid: Grid = OBLIQUE) -> Truth:
    """A multi-b series: (0043,1039) holds b + 10^9. ``public``: (0018,9087) too, but not on the images of b = 0.

    ``second`` is the second number of (0043,1039); newer software writes 1073741832.
    """
    stored = numbers(grid, BVALUES.size)
    base = _base(f"ge diffusion {public} {second}", grid, "DWI multi b")
    base.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]

    def tags(ds: Dataset, k: int, m: int) -> None:
        b = BVALUES[m]
        add_private(ds, _PARAMETERS, 0x00431039, "IS", [int(b) + _BIAS, second, 0, 0])
        add_private(ds, _PARAMETERS, 0x0043107F, "DS", ["1000000000.0", "0", "0", "0"])
        if public and b > 0:
            ds.DiffusionBValue = b

    uids = (write_images(folder, base, grid, stored, tags, slices=range(grid.shape[0])[::-1]),)
    return Truth(folder, stored.astype(float), grid.affine, uids, BVALUES)


def ge_diffusion_plain(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """A series of an older scanner: b alone in (0043,1039), nothing added, no public element."""
    b = np.array([0.0, 1000.0])
    stored = numbers(grid, 2)

    def tags(ds: Dataset, k: int, m: int) -> None:
        add_private(ds, _PARAMETERS, 0x00431039, "IS", [int(b[m]), 8, 0, 0])
        add_private(ds, _PARAMETERS, 0x00431030, "SS", 14 if m == 0 else 16)

    uids = (write_images(folder, _base("ge diffusion plain", grid, "DTI"), grid, stored, tags),)
    return Truth(folder, stored.astype(float), grid.affine, uids, b)


def ge_fat_fraction(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """A fat fraction map in 0.1 %; no element tells so. ``signal`` holds the stored numbers."""
    stored = np.round(np.linspace(0, 1000, np.prod(grid.shape))).astype(int).reshape(*grid.shape, 1)
    base = _base("ge fatfrac", grid, "FatFrac: Ax IDEAL IQ")
    base.ImageType = ["DERIVED", "PRIMARY", "IDEAL", "FAT_FRACTION"]
    base.ScanningSequence, base.EchoTime = "GR", "0.992"
    uids = (write_images(folder, base, grid, stored, lambda ds, k, m: None),)
    return Truth(folder, stored.astype(float), grid.affine, uids)


def ge_real_imaginary(folder: Path, *, with_magnitude: bool = True, grid: Grid = OBLIQUE) -> Truth:
    """Six echoes, real (2) and imaginary (3) images in one series, told apart by (0043,102F) alone.

    ``with_magnitude``: magnitudes (0) stand between them, so that there is more than is needed.
    """
    times = np.array([1.1, 3.1, 5.1]) * 1e-3
    real, imaginary = (numbers(grid, 3, first=first) - 1500 for first in (1, 1442))
    types = (0, 2, 3) if with_magnitude else (2, 3)
    parts = {0: np.round(np.hypot(real, imaginary)).astype(int), 2: real, 3: imaginary}
    stored = np.stack([parts[kind][..., echo] for echo in range(3) for kind in types], axis=-1)
    base = _base(f"ge complex {with_magnitude}", grid, "IDEAL IQ raw")
    base.ScanningSequence, base.RepetitionTime, base.FlipAngle = "GR", "8", "3"

    def tags(ds: Dataset, k: int, m: int) -> None:
        echo, kind = divmod(m, len(types))
        ds.EchoTime, ds.EchoNumbers = f"{times[echo] * 1e3:.3f}", echo + 1
        add_private(ds, _PARAMETERS, 0x0043102F, "SS", types[kind])

    uids = (write_images(folder, base, grid, stored, tags, signed=True, bits=16),)
    return Truth(folder, real + 1j * imaginary, grid.affine, uids, echo_times=times)
