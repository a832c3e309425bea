"""Small cases of radiomics on disk."""

import csv

import numpy as np
import SimpleITK as sitk  # noqa: N813

from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern


def write_cases(folder, count=3, **columns):
    """Write images that differ, one mask for all, and a table of cases; return the table."""
    mask = as_images(pattern(), notched_ellipsoid())[1]
    sitk.WriteImage(mask, str(folder / "mask.nrrd"))
    rows = []
    for number in range(count):
        image = as_images((pattern() * (1 + number)).astype(np.int16), notched_ellipsoid())[0]
        sitk.WriteImage(image, str(folder / f"image{number}.nii.gz"))
        rows.append({"subject": f"S{number}", "image": f"image{number}.nii.gz", "mask": "mask.nrrd", **columns})
    return write_table(folder / "cases.csv", rows)


def write_table(path, rows):
    """Write a table of cases."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)
    return path
