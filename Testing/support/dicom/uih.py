"""United Imaging (UIH) mosaics: the b-value that was reached, the one that was asked for, a position for each tile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from Testing.support.dicom.datasets import add_private, decimals, image_dataset, uid
from Testing.support.dicom.grid import OBLIQUE, Grid
from Testing.support.dicom.siemens_frames import tiled
from Testing.support.dicom.truth import Truth, directions_ras, numbers, unit_directions
from Testing.support.dicom.writing import save, set_pixels

_PRIVATE = "Image Private Header"
ACTUAL = np.array([1.25, 480.5, 929.75])


def uih_mosaic(folder: Path, *, grid: Grid | None = None) -> Truth:
    """Six slices in two rows of three tiles; the b-value asked for stands on the images of b = 0 too.

    The directions stand in the frame of the image: along its rows, its columns and their normal.
    """
    grid = grid or replace(OBLIQUE, shape=(6, 12, 10))
    directions = unit_directions(ACTUAL.size)
    axes = np.column_stack([grid.row, grid.column, grid.normal])
    stored = numbers(grid, ACTUAL.size)
    base = image_dataset("UIH", "uih mosaic", grid, description="dwi_tra_SaveBySlc")
    base.ManufacturerModelName, base.SequenceName = "uMR 770", "epi_dti"
    base.ImageType = ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
    base.AcquisitionMatrix = [grid.shape[1], 0, 0, grid.shape[2]]
    across = int(np.ceil(np.sqrt(grid.shape[0])))
    for m, actual in enumerate(ACTUAL):
        ds = Dataset()
        ds.update(base)
        ds.InstanceNumber = m + 1
        ds.SOPInstanceUID = uid(base.SeriesInstanceUID, m)
        tiles = Items()
        for k in range(grid.shape[0]):
            tile = Dataset()
            tile.ImagePositionPatient = decimals(grid.position(0, 0, k))
            tile.SliceLocation = decimals([grid.position(0, 0, k) @ grid.normal])[0]
            tiles.append(tile)
        add_private(ds, _PRIVATE, 0x00651009, "FD", actual)
        add_private(ds, _PRIVATE, 0x0065100A, "FD", 1000.0)
        add_private(ds, _PRIVATE, 0x00651037, "FD", (directions[m] @ axes).tolist())
        add_private(ds, _PRIVATE, 0x00651050, "DS", str(grid.shape[0]))
        add_private(ds, _PRIVATE, 0x00651051, "SQ", tiles)
        set_pixels(ds, tiled(stored[..., m], across))
        save(ds, folder / f"VFRAME{m}.dcm")
    b = np.where(ACTUAL < 2, 0.0, ACTUAL)
    uids = (str(base.SeriesInstanceUID),)
    return Truth(folder, stored.astype(float), grid.affine, uids, b, directions_ras(directions, b))
