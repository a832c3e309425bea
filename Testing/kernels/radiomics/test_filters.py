"""Filters in the box around a region against the same filter of the whole image."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics.filters import filtered_values
from mrbiomarkers.radiomics.inputs import find_region
from mrbiomarkers.radiomics.volume import volume_of
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern

# The coiflet by its exact values, as reconstruction weights.
ROOT = np.sqrt(7)
SCALING = np.array([1 - ROOT, 5 + ROOT, 14 + 2 * ROOT, 14 - 2 * ROOT, 1 - ROOT, -3 + ROOT]) / (16 * np.sqrt(2))
LOW, HIGH = SCALING[::-1], SCALING * (-1, 1, -1, 1, -1, 1)


def corner():
    """A region that touches three sides of the image."""
    mask = np.zeros((9, 14, 13), dtype=bool)
    mask[6:, :5, 9:] = True
    mask[7, 3, 10] = False
    return mask


def filtered(values, mask, spacing=(0.9, 1.1, 2.0), **settings):
    image, label = as_images(values, mask, spacing)
    region, _ = find_region(label, 1)
    found = list(filtered_values(volume_of(image, None), region, RadiomicsSettings(**settings)))
    assert [item.problem for item in found] == [""] * len(found)
    return {item.name: item.values for item in found}


def circular(values, axis, weights):
    """The stationary transform of one axis as a sum over a circle, after lengthening an odd axis."""
    return sum(weight * np.roll(values, shift - 3, axis=axis) for shift, weight in enumerate(weights))


@pytest.mark.parametrize("mask", [notched_ellipsoid(), corner()], ids=["inside", "corner"])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.float64])
def test_wavelet_bands_are_those_of_the_whole_image(mask, dtype):
    values = pattern().astype(dtype)
    padded = np.pad(values.astype(np.float64), [(0, size % 2) for size in values.shape], mode="wrap")

    found = filtered(values, mask, filters=("wavelet",))

    assert len(found) == 8
    for name, band in found.items():
        expected = padded
        for axis, letter in zip((2, 1, 0), name.removeprefix("wavelet-"), strict=True):
            expected = circular(expected, axis, LOW if letter == "L" else HIGH)
        assert band == pytest.approx(expected[:9, :14, :13][mask], abs=1e-3 if dtype is np.float32 else 1e-8)


@pytest.mark.parametrize("mask", [notched_ellipsoid(), corner()], ids=["inside", "corner"])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.7])
@pytest.mark.parametrize("offset", [0, 5000])
def test_the_laplacian_of_gaussian_is_that_of_itk(mask, sigma, offset):
    values = pattern() + np.int16(offset)
    image, _ = as_images(values, mask)
    expected = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(image, sigma, True))[mask]

    (found,) = filtered(values, mask, filters=("log",), log_sigma=(sigma,)).values()

    assert found.dtype == np.float32
    # A few roundings of single precision, of values as large as the offset.
    assert np.abs(found - expected).max() <= 1e-6 * (np.ptp(expected) + offset / 100)


def test_the_laplacian_sees_as_far_as_it_matters():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 100, (30, 90, 80)).astype(np.float32)
    mask = np.zeros(values.shape, dtype=bool)
    mask[14:17, 40:44, 38:43] = True
    image, _ = as_images(values, mask, (1.0, 1.0, 4.0))
    expected = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(image, 2.0, True))

    (found,) = filtered(values, mask, (1.0, 1.0, 4.0), filters=("log",), log_sigma=(2.0,)).values()

    assert np.abs(found - expected[mask]).max() <= 2e-7 * np.ptp(expected)


@pytest.mark.parametrize("mask", [notched_ellipsoid(), corner()], ids=["inside", "corner"])
@pytest.mark.parametrize("per_mm", [True, False])
def test_the_gradient_is_that_of_itk(mask, per_mm):
    image, _ = as_images(pattern(), mask)
    expected = sitk.GetArrayFromImage(sitk.GradientMagnitude(image, per_mm))[mask]

    (found,) = filtered(pattern(), mask, filters=("gradient",), gradient_use_spacing=per_mm).values()

    assert found.tolist() == expected.tolist()


def test_functions_of_the_value_keep_range_and_sign():
    values = pattern().astype(np.float64) - 100  # -100 to 110
    mask = notched_ellipsoid()
    inside = values[mask]

    found = filtered(values, mask, filters=("square", "squareroot", "logarithm", "exponential"))

    assert found["square"] == pytest.approx(inside**2 / 110)
    assert found["squareroot"] == pytest.approx(np.sign(inside) * np.sqrt(110 * np.abs(inside)))
    assert found["logarithm"] == pytest.approx(np.sign(inside) * np.log1p(np.abs(inside)) * 110 / np.log(111))
    assert found["exponential"] == pytest.approx(110 ** (inside / 110))


def test_a_flat_image_has_the_last_digits_of_pywavelets():
    # pywt.swtn of PyWavelets 1.8, level 1, of an image of 37. Whether it is above or below 0 decides the grey level.
    expected = {"LLL": 104.65180361560904, "LLH": 1.554312234475219e-14, "LHL": 1.0833637964918049e-14}

    found = filtered(np.full((4, 6, 8), 37, np.int16), np.ones((4, 6, 8), bool), filters=("wavelet",))

    for name, value in expected.items():
        assert set(found[f"wavelet-{name}"].tolist()) == {value}
    assert all(band.min() > 0 for band in found.values())


def test_values_do_not_hang_on_memory_that_is_gone():
    first = filtered(pattern(), corner(), filters=("gradient", "original"))
    for _ in range(20):
        filtered(pattern() * 2, corner(), filters=("gradient",))

    assert first["gradient"].tolist() == filtered(pattern(), corner(), filters=("gradient",))["gradient"].tolist()
