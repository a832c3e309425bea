"""Canon (Toshiba) series: b = 0 without any element, b in the image comments, enhanced b = 0 by directionality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from Testing.support.dicom.datasets import image_dataset, series_dataset
from Testing.support.dicom.enhanced import add_frames, enhanced_dataset, frame_type, item, rescale, write_enhanced
from Testing.support.dicom.grid import OBLIQUE, Grid
from Testing.support.dicom.truth import Truth, numbers, unit_directions
from Testing.support.dicom.writing import write_images

BVALUES = np.array([0.0, 100.0, 1500.0])


def canon_untagged(folder: Path, *, comments: bool = False, grid: Grid = OBLIQUE) -> Truth:
    """Images of b = 0 carry nothing. ``comments``: b stands in the image comments (V6.0), else in (0018,9087)."""
    directions = unit_directions(BVALUES.size)
    stored = numbers(grid, BVALUES.size)
    vendor = "TOSHIBA" if comments else "CANON_MEC"
    base = image_dataset(vendor, f"canon {comments}", grid, description="SE-EPI DWI")
    base.ManufacturerModelName = "Vantage Titan"
    base.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]

    def tags(ds: Dataset, k: int, m: int) -> None:
        if m and comments:
            ds.ImageComments = f"b={BVALUES[m]:.0f}({','.join(f'{part:.3f}' for part in directions[m])})"
        elif m:
            ds.DiffusionBValue = BVALUES[m]

    uids = (write_images(folder, base, grid, stored, tags),)
    return Truth(folder, stored.astype(float), grid.affine, uids, BVALUES)


def canon_enhanced(folder: Path, *, grid: Grid = OBLIQUE) -> Truth:
    """One enhanced image; of b = 0 it is only said that it has no direction."""
    stored = numbers(grid, BVALUES.size)
    base = series_dataset("CANON_MEC", "canon enhanced", description="DWI")

    def tags(groups: Dataset, k: int, m: int) -> None:
        groups.MRImageFrameTypeSequence = frame_type("ORIGINAL", "PRIMARY", "DIFFUSION", "NONE")
        groups.MREchoSequence = item(EffectiveEchoTime=75.0)
        groups.PixelValueTransformationSequence = rescale(1.0)
        if m == 0:
            groups.MRDiffusionSequence = item(DiffusionDirectionality="NONE")
        else:
            groups.MRDiffusionSequence = item(DiffusionBValue=BVALUES[m], DiffusionDirectionality="ISOTROPIC")

    ds = enhanced_dataset(base, grid, image_type=["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"])
    order = [(k, m) for m in range(BVALUES.size) for k in range(grid.shape[0])]
    add_frames(ds, grid, stored, order, tags, shared_geometry=True)
    write_enhanced(folder, ds)
    return Truth(folder, stored.astype(float), grid.affine, (str(base.SeriesInstanceUID),), BVALUES)
