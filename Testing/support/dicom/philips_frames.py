"""Philips enhanced multi-frame images: diffusion with an appended trace volume, mDIXON Quant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from Testing.support.dicom.datasets import add_private, series_dataset
from Testing.support.dicom.enhanced import add_frames, enhanced_dataset, frame_type, item, rescale, write_enhanced
from Testing.support.dicom.grid import OBLIQUE, Grid
from Testing.support.dicom.truth import Truth, directions_ras, numbers, unit_directions

_VENDOR = "Philips Medical Systems"
_MR, _MR5 = "Philips MR Imaging DD 001", "Philips MR Imaging DD 005"
_RAW, _ADC = ("ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"), ("DERIVED", "PRIMARY", "DIFFUSION", "ADC")


def philips_enhanced(folder: Path, *, scaled: bool = False, grid: Grid = OBLIQUE) -> Truth:
    """b = 0, three directions of b = 600 and, appended, their ISOTROPIC trace and ADC.

    Trace and ADC do not belong to the series; of the ADC no b-value is told. Frames go along the measurements first.
    ``scaled``: rescale and scale slopes differ by volume; the scale slope stands in the private sequence (2005,140F)
    of each frame.
    """
    b = np.array([0.0, 600.0, 600.0, 600.0, 600.0, 600.0])
    directions = unit_directions(b.size)
    stored = numbers(grid, b.size)
    slopes = np.array([1.5, 0.75, 2.0, 1.25, 0.5, 1.0]) if scaled else np.full(b.size, 1.5)
    scales = np.float32([0.5, 0.25, 0.125, 0.2, 0.3, 1.0] if scaled else [0.5] * b.size).astype(float)
    base = series_dataset(_VENDOR, f"philips enhanced {scaled}", description="DWI enhanced")

    def tags(groups: Dataset, k: int, m: int) -> None:
        groups.MRImageFrameTypeSequence = frame_type(*(_ADC if m == 5 else _RAW))
        groups.MREchoSequence = item(EffectiveEchoTime=68.0)
        groups.PixelValueTransformationSequence = rescale(slopes[m], 0.0, "normalized")
        private = Dataset()
        add_private(private, _MR, 0x2005100E, "FL", scales[m])
        add_private(groups, _MR5, 0x2005140F, "SQ", Items([private]))
        if m == 5:
            return
        word = "NONE" if m == 0 else "ISOTROPIC" if m == 4 else "DIRECTIONAL"
        groups.MRDiffusionSequence = item(DiffusionBValue=b[m], DiffusionDirectionality=word)
        if word == "DIRECTIONAL":
            way = item(DiffusionGradientOrientation=directions[m].tolist())
            groups.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = way

    ds = enhanced_dataset(base, grid, image_type=_RAW)
    order = [(k, m) for k in range(grid.shape[0]) for m in range(b.size)]
    add_frames(ds, grid, stored, order, tags, shared_geometry=False)
    write_enhanced(folder, ds)
    return Truth(
        folder,
        stored[..., :4] / scales[:4] if scaled else stored[..., :4].astype(float),
        grid.affine,
        (str(base.SeriesInstanceUID),),
        b[:4],
        directions_ras(directions[:4], b[:4]),
        left_out=2 * grid.shape[0],
        any_scale=not scaled,
    )


def philips_fat_fraction(
    folder: Path, *, unit: bool = True, words: Sequence[str] = ("FAT_FRACTION",), grid: Grid = OBLIQUE
) -> Truth:
    """mDIXON Quant: fat fractions, rescaled to %. ``signal`` holds the stored numbers of the fat fraction.

    ``unit``: a real world value mapping says slope, intercept and UCUM ``%``; else only the rescale slope is there.
    ``words``: what the frames are; more than the fat fraction may lie in the same file, one volume each.
    """
    slope = 100.0 / 2000.0
    stored = numbers(grid, len(words))
    base = series_dataset(_VENDOR, f"philips quant {unit} {len(words)}", description="mDIXON Quant")

    def tags(groups: Dataset, k: int, m: int) -> None:
        groups.MRImageFrameTypeSequence = frame_type("ORIGINAL", "PRIMARY", "DIXON", words[m])
        groups.MREchoSequence = item(EffectiveEchoTime=1.15)
        groups.PixelValueTransformationSequence = rescale(slope * (m + 1), 0.0, "normalized")
        if unit and words[m] == "FAT_FRACTION":
            code = item(CodeValue="%", CodingSchemeDesignator="UCUM", CodeMeaning="Percent")
            mapping = item(
                RealWorldValueIntercept=0.0,
                RealWorldValueSlope=slope * (m + 1),
                LUTExplanation="Fat fraction",
                LUTLabel="Philips",
                MeasurementUnitsCodeSequence=code,
            )
            mapping[0].add_new("RealWorldValueFirstValueMapped", "US", 0)
            mapping[0].add_new("RealWorldValueLastValueMapped", "US", 4095)
            groups.RealWorldValueMappingSequence = mapping

    kind = words[0] if len(words) == 1 else "MIXED"
    ds = enhanced_dataset(base, grid, image_type=["ORIGINAL", "PRIMARY", "DIXON", kind])
    order = [(k, m) for k in range(grid.shape[0]) for m in range(len(words))]
    add_frames(ds, grid, stored, order, tags, shared_geometry=True)
    write_enhanced(folder, ds)
    m = list(words).index("FAT_FRACTION")
    scale = (slope * (m + 1), 0.0, "%") if unit else None
    return Truth(folder, stored[..., [m]].astype(float), grid.affine, (str(base.SeriesInstanceUID),), scale=scale)


def enhanced_echoes(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """Three echoes in one enhanced image, magnitude and phase by Complex Image Component, phase in mrad."""
    times = np.array([1.2, 2.2, 3.2])
    magnitude, phase = numbers(grid, 3), (numbers(grid, 3) * 1237) % 4096
    stored = np.stack([part[..., echo] for echo in range(3) for part in (magnitude, phase)], axis=-1)
    base = series_dataset(_VENDOR, "enhanced echoes", description="mDIXON source enhanced")
    slope, intercept = 1.53, -3141.5

    def tags(groups: Dataset, k: int, m: int) -> None:
        echo, is_phase = divmod(m, 2)
        component = "PHASE" if is_phase else "MAGNITUDE"
        words = ("ORIGINAL", "PRIMARY", "P_FFE" if is_phase else "M_FFE", "NONE")
        groups.MRImageFrameTypeSequence = frame_type(*words, component=component)
        groups.MREchoSequence = item(EffectiveEchoTime=times[echo])
        groups.PixelValueTransformationSequence = rescale(slope, intercept, "mrad") if is_phase else rescale(1.0)

    ds = enhanced_dataset(base, grid, image_type=["ORIGINAL", "PRIMARY", "MIXED", "NONE"])
    order = [(k, m) for m in range(6) for k in range(grid.shape[0])]
    add_frames(ds, grid, stored, order, tags, shared_geometry=True)
    write_enhanced(folder, ds)
    signal = magnitude * np.exp(1j * (phase * slope + intercept) / 1000)
    return Truth(folder, signal, grid.affine, (str(base.SeriesInstanceUID),), echo_times=times * 1e-3)
