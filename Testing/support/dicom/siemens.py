"""Siemens series of the V line: where the b-value stands, phase images, q-Dixon maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from Testing.support.dicom.csa import csa_header
from Testing.support.dicom.datasets import add_private, image_dataset
from Testing.support.dicom.grid import OBLIQUE, Grid
from Testing.support.dicom.truth import Truth, directions_ras, numbers, unit_directions
from Testing.support.dicom.writing import write_images

VENDOR = "SIEMENS"
_HEADER, _CSA = "SIEMENS MR HEADER", "SIEMENS CSA HEADER"
BVALUES = np.array([0.0, 50.0, 400.0, 800.0])


def _base(name: str, grid: Grid, description: str) -> Dataset:
    ds = image_dataset(VENDOR, name, grid, description=description)
    ds.ManufacturerModelName, ds.SoftwareVersions = "Skyra", "syngo MR E11"
    return ds


def siemens_private(folder: Path, *, lowest: float = 0.0, grid: Grid = OBLIQUE) -> Truth:
    """Directions in (0019,100E), b in (0019,100C). ``lowest`` = 5 is what VE11C writes for b = 0."""
    b = np.array([lowest, 500.0, 500.0, 1000.0])
    directions = unit_directions(b.size)
    stored = numbers(grid, b.size)
    base = _base(f"siemens private {lowest}", grid, "ep2d_diff")
    base.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "NORM"]

    def tags(ds: Dataset, k: int, m: int) -> None:
        add_private(ds, _HEADER, 0x0019100C, "IS", int(b[m]))
        add_private(ds, _HEADER, 0x0019100D, "CS", "DIRECTIONAL" if m else "NONE")
        if m:
            add_private(ds, _HEADER, 0x0019100E, "FD", directions[m].tolist())
        ds.AcquisitionNumber = m + 1

    uids = (write_images(folder, base, grid, stored, tags),)
    known = directions_ras(directions, np.array([0.0, 1.0, 1.0, 1.0]))
    return Truth(folder, stored.astype(float), grid.affine, uids, b, known)


def siemens_csa(folder: Path, *, repeats: int = 1, grid: Grid = OBLIQUE) -> Truth:
    """b in the CSA header alone (B_value); the whole series ``repeats`` times over."""
    b = np.tile(BVALUES, repeats)
    stored = numbers(grid, b.size)
    base = _base(f"siemens csa {repeats}", grid, "ep2d_diff_3scan_trace")

    def tags(ds: Dataset, k: int, m: int) -> None:
        header = csa_header(
            {
                "EchoLinePosition": ("IS", [64]),
                "B_value": ("IS", [int(b[m])]),
                "DiffusionDirectionality": ("CS", ["ISOTROPIC" if b[m] else "NONE"]),
                "SliceNormalVector": ("FD", grid.normal.tolist()),
            }
        )
        add_private(ds, _CSA, 0x00291008, "CS", "IMAGE NUM 4")
        add_private(ds, _CSA, 0x00291010, "OB", header)
        ds.AcquisitionNumber = m + 1

    uids = (write_images(folder, base, grid, stored, tags),)
    return Truth(folder, stored.astype(float), grid.affine, uids, b)


def siemens_sequence_name(folder: Path, *, zeros: bool = False, grid: Grid = OBLIQUE) -> Truth:
    """A trace-weighted series whose private elements are lost: b stands in the sequence name, ``*ep_b800t``.

    ``zeros``: the private element is there, but says 0 for b = 50, as some scanners write.
    """
    stored = numbers(grid, BVALUES.size)
    base = _base(f"siemens sequence name {zeros}", grid, "ep2d_diff_TRACEW")
    base.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND", "NORM"]

    def tags(ds: Dataset, k: int, m: int) -> None:
        ds.SequenceName = f"*ep_b{BVALUES[m]:.0f}" + ("t" if m else "")
        if zeros:
            add_private(ds, _HEADER, 0x0019100C, "IS", int(BVALUES[m]) if BVALUES[m] > 50 else 0)

    uids = (write_images(folder, base, grid, stored, tags, slices=range(grid.shape[0])[::-1]),)
    return Truth(folder, stored.astype(float), grid.affine, uids, BVALUES)


def siemens_with_derived(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """Directions of b = 500 with trace, ADC and FA images in the same series; only the directions count.

    The derived images keep the b-value in (0019,100C), as exports do.
    """
    kinds = [(b, "NONE") for b in (0, 500, 500, 500)] + [(500, "TRACEW"), (500, "ADC"), (500, "FA")]
    b = np.array([kind[0] for kind in kinds], dtype=float)
    directions = unit_directions(b.size)
    stored = numbers(grid, b.size)
    base = _base("siemens with derived", grid, "ep2d_diff_mddw")

    def tags(ds: Dataset, k: int, m: int) -> None:
        word = kinds[m][1]
        ds.ImageType = ["ORIGINAL" if word == "NONE" else "DERIVED", "PRIMARY", "DIFFUSION", word, "ND", "NORM"]
        add_private(ds, _HEADER, 0x0019100C, "IS", int(b[m]))
        if word == "NONE" and m:
            add_private(ds, _HEADER, 0x0019100E, "FD", directions[m].tolist())

    uids = (write_images(folder, base, grid, stored, tags),)
    left_out = 3 * grid.shape[0]
    known = directions_ras(directions[:4], b[:4])
    return Truth(folder, stored[..., :4].astype(float), grid.affine, uids, b[:4], known, left_out=left_out)


def siemens_echoes(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """Magnitudes and phases of three echoes in two series; the phase is 2 x - 4096 for -pi to pi at 4096."""
    times = np.array([1.23, 2.46, 3.69]) * 1e-3
    magnitude = numbers(grid, 3)
    phase = (numbers(grid, 3) * 1237) % 4096
    uids = []
    for kind, stored in (("M", magnitude), ("P", phase)):
        base = _base(f"siemens gre {kind}", grid, "gre_multi_echo")
        base.SeriesNumber = 2 if kind == "M" else 3
        base.ImageType = ["ORIGINAL", "PRIMARY", kind, "ND"]
        base.ScanningSequence, base.RepetitionTime, base.FlipAngle = "GR", "9", "4"
        if kind == "P":
            base.RescaleSlope, base.RescaleIntercept, base.RescaleType = "2", "-4096", "US"

        def tags(ds: Dataset, k: int, m: int) -> None:
            ds.EchoTime, ds.EchoNumbers = f"{times[m] * 1e3:.2f}", m + 1

        uids.append(write_images(folder / kind, base, grid, stored, tags))
    signal = magnitude * np.exp(1j * np.pi * (2.0 * phase - 4096) / 4096)
    return Truth(folder, signal, grid.affine, tuple(uids), echo_times=times)


def siemens_fat_fraction(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """The fat fraction of q-Dixon in 0.1 %; no element tells so. ``signal`` holds the stored numbers."""
    stored = np.round(np.linspace(0, 1000, np.prod(grid.shape))).astype(int).reshape(*grid.shape, 1)
    base = _base("siemens qdixon", grid, "ME_vibe_fatquant_pre_Output_FP")
    base.ImageType = ["DERIVED", "PRIMARY", "DIXON", "FP", "ND"]
    base.ScanningSequence, base.EchoTime = "GR", "1.23"
    base.RescaleSlope, base.RescaleIntercept, base.RescaleType = "1", "0", "US"
    uids = (write_images(folder, base, grid, stored, lambda ds, k, m: None),)
    return Truth(folder, stored.astype(float), grid.affine, uids)
