"""Images and regions for tests of radiomics, the same on every machine."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

SPACING = (0.9, 1.1, 2.0)  # x, y, z [mm]


def as_images(values, mask, spacing=SPACING, origin=(3.0, -4.0, 5.0)):
    """SimpleITK images of two arrays [k, j, i]."""
    images = []
    for array in (values, np.asarray(mask).astype(np.uint8)):
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        images.append(image)
    return tuple(images)


def pattern():
    """Whole numbers from 0 to 210 that look like noise, of three different, odd and even sizes."""
    k, j, i = np.indices((9, 14, 13))
    return ((17 * k * k + 5 * j * i + 11 * j + 3 * i * i) % 211).astype(np.int16)


def notched_ellipsoid():
    """An ellipsoid with a notch and a hole, in the grid of ``pattern``."""
    k, j, i = np.indices((9, 14, 13))
    mask = ((k - 4) / 3.2) ** 2 + ((j - 7) / 5.3) ** 2 + ((i - 6) / 4.4) ** 2 <= 1
    mask[3:5, 3:6, 5:7] = False
    mask[5, 8, 6] = False
    return mask
