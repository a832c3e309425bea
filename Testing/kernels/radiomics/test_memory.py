"""Memory goes with the region and its surroundings, not with the image."""

import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings


def peak_of(image, mask, settings):
    extract(image, mask, settings)  # what is made once, as tables and imports, is not counted
    tracemalloc.start()
    extract(image, mask, settings)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def ball_in(shape, radius):
    values = np.random.default_rng(0).normal(0, 100, shape).astype(np.float32)
    away = sum(
        (np.arange(n).reshape([-1 if a == axis else 1 for a in range(3)]) - n // 2) ** 2 for axis, n in enumerate(shape)
    )
    return sitk.GetImageFromArray(values), sitk.GetImageFromArray((away <= radius**2).astype(np.uint8))


@pytest.mark.parametrize(
    ("settings", "margin", "radius"),
    [
        (RadiomicsSettings(), 0, 42),
        (RadiomicsSettings(), 0, 15),
        (RadiomicsSettings(filters=("wavelet",), families=("firstorder", "glcm")), 6, 42),
        (RadiomicsSettings(filters=("log",), log_sigma=(2.0,), families=("firstorder", "glcm")), 24, 42),
    ],
    ids=["original", "original, small", "wavelet", "log"],
)
def test_it_takes_at_most_ten_times_the_region_and_its_margin(settings, margin, radius):
    image, mask = ball_in((120, 130, 140), radius)

    assert peak_of(image, mask, settings) <= 10 * 8 * (2 * radius + 1 + 2 * margin) ** 3


def test_a_larger_image_takes_no_more():
    settings = RadiomicsSettings(filters=("original", "wavelet", "log"), log_sigma=(1.0,))
    small, large = (peak_of(*ball_in(shape, 8), settings) for shape in ((60, 60, 60), (200, 210, 220)))

    # Less than a slice of the mask with one byte a voxel: of each slice only the part that is filled is looked at.
    assert large <= small + 210 * 220 / 2
