"""Siemens images that hold a whole volume: the mosaic of the V line and the enhanced image of XA."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from Testing.support.dicom.csa import csa_header
from Testing.support.dicom.datasets import add_private, decimals, image_dataset, series_dataset, uid
from Testing.support.dicom.enhanced import add_frames, enhanced_dataset, frame_type, item, rescale, write_enhanced
from Testing.support.dicom.grid import OBLIQUE, Grid
from Testing.support.dicom.truth import Truth, directions_ras, numbers, unit_directions
from Testing.support.dicom.writing import save, set_pixels

BVALUES = np.array([0.0, 50.0, 800.0])


def tiled(volume: np.ndarray, across: int) -> np.ndarray:
    """Slices [k, j, i] side by side in rows of ``across``, no more rows than needed, the rest filled with 0."""
    k, j, i = volume.shape
    down = -(-k // across)
    mosaic = np.zeros((down * j, across * i), dtype=volume.dtype)
    for number, tile in enumerate(volume):
        row, column = divmod(number, across)
        mosaic[row * j : (row + 1) * j, column * i : (column + 1) * i] = tile
    return mosaic


def siemens_mosaic(folder: Path, *, reverse: bool = False, grid: Grid | None = None) -> Truth:
    """Seven slices in a mosaic of 3 x 3 tiles, the position being that of a whole image as large as the mosaic.

    ``reverse``: the tiles go down along row x column, as ``SliceNormalVector`` tells.
    """
    grid = grid or replace(OBLIQUE, shape=(7, 12, 10))
    across = int(np.ceil(np.sqrt(grid.shape[0])))
    directions = unit_directions(BVALUES.size)
    stored = numbers(grid, BVALUES.size)
    base = image_dataset("SIEMENS", f"siemens mosaic {reverse}", grid, description="ep2d_diff_mosaic")
    base.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "MOSAIC"]
    order = range(grid.shape[0])[::-1] if reverse else range(grid.shape[0])
    # The header's position: half the tiles that are not the first one lie before the corner of the first slice.
    i, j = (-(across - 1) * size / 2 for size in (grid.shape[2], grid.shape[1]))
    for m, b in enumerate(BVALUES):
        ds = Dataset()
        ds.update(base)
        ds.InstanceNumber = ds.AcquisitionNumber = m + 1
        ds.SOPInstanceUID = uid(base.SeriesInstanceUID, m)
        ds.ImagePositionPatient = decimals(grid.position(i, j, order[0]))
        ds.AcquisitionMatrix = [grid.shape[1], 0, 0, grid.shape[2]]
        normal = -grid.normal if reverse else grid.normal
        header = csa_header(
            {
                "B_value": ("IS", [int(b)]),
                "AcquisitionMatrixText": ("SH", [f"{grid.shape[1]}*{grid.shape[2]}"]),
                "NumberOfImagesInMosaic": ("US", [grid.shape[0]]),
                "SliceNormalVector": ("FD", normal.tolist()),
            }
        )
        add_private(ds, "SIEMENS CSA HEADER", 0x00291008, "CS", "IMAGE NUM 4")
        add_private(ds, "SIEMENS CSA HEADER", 0x00291010, "OB", header)
        add_private(ds, "SIEMENS MR HEADER", 0x0019100A, "US", grid.shape[0])
        add_private(ds, "SIEMENS MR HEADER", 0x0019100C, "IS", int(b))
        if m:
            add_private(ds, "SIEMENS MR HEADER", 0x0019100E, "FD", directions[m].tolist())
        set_pixels(ds, tiled(stored[list(order), :, :, m], across))
        save(ds, folder / f"MOSAIC{m}.dcm")
    known = directions_ras(directions, BVALUES)
    return Truth(folder, stored.astype(float), grid.affine, (str(base.SeriesInstanceUID),), BVALUES, known)


def siemens_xa(folder: Path, *, trace: bool = True, grid: Grid = OBLIQUE) -> Truth:
    """An enhanced series, one image for each b-value. ``trace``: a series of trace images, else one of directions."""
    kind = "TRACEW" if trace else "NONE"
    words = ["DERIVED" if trace else "ORIGINAL", "PRIMARY", "DIFFUSION", kind]
    directions = unit_directions(BVALUES.size)
    stored = numbers(grid, BVALUES.size)
    base = series_dataset("Siemens Healthineers", f"siemens xa {trace}", description="ep2d_diff_TRACEW")
    base.ManufacturerModelName = "MAGNETOM Vida"

    def tags(groups: Dataset, k: int, m: int) -> None:
        groups.MRImageFrameTypeSequence = frame_type(*words)
        groups.MREchoSequence = item(EffectiveEchoTime=62.0)
        groups.PixelValueTransformationSequence = rescale(1.0)
        if m == 0:
            groups.MRDiffusionSequence = item(DiffusionBValue=0.0, DiffusionDirectionality="NONE")
        elif trace:
            groups.MRDiffusionSequence = item(DiffusionBValue=BVALUES[m], DiffusionDirectionality="ISOTROPIC")
        else:
            way = item(DiffusionGradientOrientation=directions[m].tolist())
            groups.MRDiffusionSequence = item(
                DiffusionBValue=BVALUES[m],
                DiffusionDirectionality="DIRECTIONAL",
                DiffusionGradientDirectionSequence=way,
            )

    for m in range(BVALUES.size):
        ds = enhanced_dataset(base, grid, image_type=words, number=m + 1)
        order = [(k, m) for k in range(grid.shape[0])]
        add_frames(ds, grid, stored, order, tags, shared_geometry=False)
        write_enhanced(folder, ds)
    known = None if trace else directions_ras(directions, BVALUES)
    return Truth(folder, stored.astype(float), grid.affine, (str(base.SeriesInstanceUID),), BVALUES, known)


def siemens_xa_adc(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """An enhanced ADC map in 10^-6 mm2/s; no element tells so. ``signal`` holds the stored numbers."""
    words = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
    stored = numbers(grid, 1)
    base = series_dataset("Siemens Healthineers", "siemens xa adc", description="ep2d_diff_ADC")

    def tags(groups: Dataset, k: int, m: int) -> None:
        groups.MRImageFrameTypeSequence = frame_type(*words)
        groups.MREchoSequence = item(EffectiveEchoTime=62.0)
        groups.PixelValueTransformationSequence = rescale(1.0)

    ds = enhanced_dataset(base, grid, image_type=words)
    add_frames(ds, grid, stored, [(k, 0) for k in range(grid.shape[0])], tags, shared_geometry=False)
    write_enhanced(folder, ds)
    return Truth(folder, stored.astype(float), grid.affine, (str(base.SeriesInstanceUID),))
