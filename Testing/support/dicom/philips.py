"""Philips single-frame series: scaling by volume, dummy b-values, lost private creators, phase in mrad."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from Testing.support.dicom.datasets import add_private, decimals, image_dataset
from Testing.support.dicom.grid import OBLIQUE, Grid
from Testing.support.dicom.truth import Truth, directions_ras, numbers, unit_directions
from Testing.support.dicom.writing import write_images

VENDOR = "Philips Medical Systems"
_IMAGING, _MR, _MR5 = "Philips Imaging DD 001", "Philips MR Imaging DD 001", "Philips MR Imaging DD 005"
BVALUES = np.array([0.0, 40.0, 273.0, 800.0])
RESCALE_SLOPES = np.array([1.5, 0.75, 2.25, 0.5])
SCALE_SLOPES = np.float32([0.03125, 0.0625, 0.015625, 0.05]).astype(float)  # as FL holds them


def _base(name: str, grid: Grid, description: str) -> Dataset:
    ds = image_dataset(VENDOR, name, grid, description=description)
    ds.ManufacturerModelName = "Ingenia"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]
    return ds


def _set_scaling(ds: Dataset, slope: float, intercept: float, scale: float, kind: str = "normalized") -> None:
    ds.RescaleSlope, ds.RescaleIntercept = decimals([slope, intercept])
    ds.RescaleType = kind
    add_private(ds, _MR, 0x2005100E, "FL", scale)


def _set_b(ds: Dataset, b: float, number: int, direction: int = 1) -> None:
    ds.DiffusionBValue = b
    add_private(ds, _IMAGING, 0x20011003, "FL", b)
    add_private(ds, _MR5, 0x20051412, "IS", number)
    add_private(ds, _MR5, 0x20051413, "IS", direction)


def philips_diffusion(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """Trace series; rescale and scale slopes differ by volume, so only x / scale slope can be compared.

    The slices of each b-value follow each other: instance numbers run along b first.
    """
    stored = numbers(grid, BVALUES.size)
    floating = (stored * RESCALE_SLOPES) / (RESCALE_SLOPES * SCALE_SLOPES)
    base = _base("philips diffusion", grid, "DWI 4b")

    def tags(ds: Dataset, k: int, m: int) -> None:
        _set_b(ds, BVALUES[m], m + 1)
        ds.DiffusionGradientOrientation = [0.0, 0.0, 0.0]
        _set_scaling(ds, RESCALE_SLOPES[m], 0.0, SCALE_SLOPES[m])
        ds.InstanceNumber = k * BVALUES.size + m + 1

    uids = (write_images(folder, base, grid, stored, tags),)
    return Truth(folder, floating, grid.affine, uids, BVALUES)


def philips_dummy_b(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """Further images of b = 0 that say 0.001 to 0.004, and two directions of b = 1000; one scale for all."""
    written = np.float32([0.0, 0.001, 0.002, 0.004, 1000.0, 1000.0]).astype(float)
    b = np.where(written < 2, 0.0, written)
    directions = unit_directions(b.size)
    stored = numbers(grid, b.size)
    base = _base("philips dummy b", grid, "DTI")

    def tags(ds: Dataset, k: int, m: int) -> None:
        _set_b(ds, written[m], m + 1)
        ds.DiffusionGradientOrientation = directions[m].tolist() if written[m] else [0.0, 0.0, 0.0]
        _set_scaling(ds, 1.5, 0.0, 0.03125)

    uids = (write_images(folder, base, grid, stored, tags),)
    known = directions_ras(directions, b)
    return Truth(folder, stored.astype(float), grid.affine, uids, b, known, any_scale=True)


def philips_unknown_bytes(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """As :func:`philips_diffusion`, but without private creators: values are raw bytes, and (0018,9087) is gone."""
    stored = numbers(grid, BVALUES.size)
    base = _base("philips unknown bytes", grid, "DWI 4b")

    def tags(ds: Dataset, k: int, m: int) -> None:
        ds.RescaleSlope, ds.RescaleIntercept = decimals([RESCALE_SLOPES[m], 0.0])
        ds.add_new(0x20011003, "UN", struct.pack("<f", BVALUES[m]))
        ds.add_new(0x2005100E, "UN", struct.pack("<f", SCALE_SLOPES[m]))
        ds.add_new(0x20051412, "UN", f"{m + 1} ".encode())

    uids = (write_images(folder, base, grid, stored, tags),)
    return Truth(folder, stored / SCALE_SLOPES, grid.affine, uids, BVALUES)


def philips_echoes(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """Magnitudes (M_FFE) and phases (P_FFE) of three echoes in one series; rescaled phases are in mrad."""
    times = np.array([1.15, 2.3, 3.45]) * 1e-3
    magnitude = numbers(grid, 3)
    phase = (numbers(grid, 3) * 1237) % 4096
    slope, intercept = 6283.0 / 4095.0, -3141.5
    stored = np.stack([part[..., echo] for echo in range(3) for part in (magnitude, phase)], axis=-1)
    base = _base("philips echoes", grid, "mDIXON source")
    base.ScanningSequence, base.RepetitionTime, base.FlipAngle = "GR", "7", "3"

    def tags(ds: Dataset, k: int, m: int) -> None:
        echo, is_phase = divmod(m, 2)
        letter = "P" if is_phase else "M"
        ds.ImageType = ["ORIGINAL", "PRIMARY", f"{letter}_FFE", letter, "FFE"]
        ds.EchoTime, ds.EchoNumbers = f"{times[echo] * 1e3:.2f}", echo + 1
        scaling = (slope, intercept, 0.0005, "mrad") if is_phase else (1.5, 0.0, 0.03125, "normalized")
        _set_scaling(ds, *scaling)

    uids = (write_images(folder, base, grid, stored, tags),)
    radians = (phase * float(decimals([slope])[0]) + intercept) / 1000
    signal = magnitude * np.exp(1j * radians)
    return Truth(folder, signal, grid.affine, uids, echo_times=times, any_scale=True)
