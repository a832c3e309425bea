"""What cannot be measured is refused with its reason; what can be, but says little, is warned of."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern

WHOLE = (9, 14, 13)


def box(*parts):
    mask = np.zeros(WHOLE, dtype=np.uint8)
    mask[parts] = 1
    return mask


def with_value(value, place):
    values = pattern().astype(np.float32)
    values[place] = value
    return values


def measured(values=None, mask=None, **settings):
    images = as_images(pattern() if values is None else values, notched_ellipsoid() if mask is None else mask)
    return extract(*images, RadiomicsSettings(**settings))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask": 0 * box(2)}, "mask: expected voxels of label 1, but it is empty: all voxels are 0"),
        ({"mask": 3 * box(2)}, "mask: expected voxels of label 1, but it has label 3"),
        ({"mask": 2 * box(2) + 5 * box(4)}, "mask: expected voxels of label 1, but it has labels 2, 5"),
        ({"mask": box(2, 3, 4)}, "mask: expected a region of two voxels or more, got 1 voxel"),
        (
            {"mask": box(2, 3, slice(2, 9))},
            r"longer than one voxel along 2 axes or more \(minimum_dimensions\), got 1: 7 voxels in .* \(1, 1, 7\)",
        ),
        ({"minimum_voxels": 308}, r"expected a region of more than 308 voxels \(minimum_voxels\), got 308"),
        (
            {"values": with_value(np.nan, (4, 7, 7))},
            "expected finite values inside the region, got .* in 1 of 308",
        ),
        ({"values": with_value(np.inf, (4, 7, slice(6, 9)))}, "got NaN or infinite ones in 3 of 308 voxels"),
        (
            {"values": with_value(np.nan, (0, 0, 0)), "normalize": True},
            "image: expected finite values that differ, for z-scores; got mean nan",
        ),
        ({"values": np.full(WHOLE, 7), "normalize": True}, "for z-scores; got mean 7, standard deviation 0"),
        ({"resegment_range": (500, 600)}, "resegment_range: expected voxels of the region from 500 to 600, got none"),
        (
            {"spacing": (50, 50, 50)},
            r"spacing: expected voxel sizes that leave something .*, got \(50, 50, 50\) mm for 308",
        ),
        ({"bin_width": 1e-7}, "bin_width: expected a width that gives .* levels or fewer, got 1e-07 for values from"),
        ({"standard": "ibsi"}, "bin_minimum: expected the value at which the first bin starts, for standard 'ibsi'"),
        ({"standard": "ibsi", "bin_minimum": 50}, "bin_minimum: expected 0 or less, the smallest value .*, got 50"),
    ],
)
def test_it_is_refused_with_the_reason(changes, message):
    with pytest.raises(ValueError, match=message):
        measured(**changes)


def vector():
    return sitk.Image(WHOLE, sitk.sitkVectorFloat32, 3)


@pytest.mark.parametrize(
    ("image", "mask", "error", "message"),
    [
        (vector(), None, ValueError, "image: expected one number a voxel, got a vector image with 3"),
        (None, vector(), ValueError, "mask: expected one number a voxel, got a vector image with 3"),
        (
            sitk.Image((5, 5, 5, 2), sitk.sitkInt16),
            None,
            ValueError,
            r"image: expected an image with three axes, got 4",
        ),
        (sitk.Image((5, 5), sitk.sitkInt16), None, ValueError, r"image: expected an image with three axes, got 2"),
        (sitk.Image(WHOLE, sitk.sitkComplexFloat32), None, TypeError, "image: expected real numbers, got complex"),
        (pattern(), None, TypeError, "image: expected a SimpleITK image, got ndarray"),
        (None, "mask.nrrd", TypeError, "mask: expected a SimpleITK image, got str"),
    ],
)
def test_only_scalar_volumes_are_measured(image, mask, error, message):
    ours = as_images(pattern(), notched_ellipsoid())

    with pytest.raises(error, match=message):
        extract(ours[0] if image is None else image, ours[1] if mask is None else mask)


def moved(mask, **changes):
    other = sitk.Image(mask)
    if "origin" in changes:
        other.SetOrigin(changes["origin"])
    if "spacing" in changes:
        other.SetSpacing(changes["spacing"])
    if "direction" in changes:
        other.SetDirection(changes["direction"])
    return other


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"origin": (3.0, -4.0, 5.01)}, r"got 13 x 14 x 9 voxels of 0.9 x 1.1 x 2 mm from \(3, -4, 5.01\)"),
        ({"spacing": (0.9, 1.2, 2.0)}, "got 13 x 14 x 9 voxels of 0.9 x 1.2 x 2 mm"),
        ({"direction": (1, 0, 0, 0, -1, 0, 0, 0, -1)}, "got .* direction 1 0 0 0 -1 0 0 0 -1"),
    ],
)
def test_other_grids_are_both_shown_and_the_way_out_said(changes, shown):
    image, mask = as_images(pattern(), notched_ellipsoid())

    with pytest.raises(ValueError, match=shown) as caught:
        extract(image, moved(mask, **changes))

    assert "expected the grid of the image, 13 x 14 x 9 voxels of 0.9 x 1.1 x 2 mm from (3, -4, 5)" in str(caught.value)
    assert "resample_mask=True" in str(caught.value)


def test_a_mask_on_a_cut_grid_is_brought_back():
    image, mask = as_images(pattern(), notched_ellipsoid())
    cut = mask[1:12, 1:14, 0:8]

    found = extract(image, cut, RadiomicsSettings(resample_mask=True))

    assert found == extract(image, mask)
    assert found.warnings == ("the mask is on another grid than the image: it was resampled to the nearest neighbour",)


@pytest.mark.parametrize("settings", [{"resample_mask": True}, {"spacing": (1, 1, 1)}])
def test_a_region_outside_the_image_is_refused(settings):
    image, mask = as_images(pattern(), notched_ellipsoid())

    with pytest.raises(ValueError, match=r"mask: expected a region inside the image of .*; in its voxels .* lies from"):
        extract(image, moved(mask, origin=(30.0, -4.0, 5.0)), RadiomicsSettings(**settings))


def test_a_last_digit_of_the_origin_does_not_matter():
    image, mask = as_images(pattern(), notched_ellipsoid())

    assert extract(image, moved(mask, origin=(3.0 + 1e-8, -4.0, 5.0))) == extract(image, mask)


def test_other_labels_are_named():
    found = measured(mask=notched_ellipsoid() + 4 * box(8, 13), label=1)

    assert found.warnings == ("the mask has labels 1, 4: label 1 was measured",)
    assert found == measured()


def test_few_voxels_are_warned_of():
    found = measured(mask=box(slice(3, 5), slice(4, 6), slice(4, 6)))

    assert found.n_voxels == 8
    assert "the region has 8 voxels: features of fewer than 16 say little" in found.warnings
    assert np.isfinite(list(found.values())).all()


def test_a_slice_has_features_in_two_dimensions_too():
    found = measured(mask=box(4, slice(2, 12), slice(3, 11)))

    assert len(found) == 107 + 9
    assert list(found)[14:23] == [name for name in found if "shape2D" in name]
    assert any("lies in one slice" in text for text in found.warnings)


def test_a_constant_region_has_the_values_of_pyradiomics_and_is_flagged():
    found = measured(values=np.full(WHOLE, 50, np.int16), mask=box(slice(2, 6), slice(3, 7), slice(4, 8)))

    expected = {
        "firstorder_Kurtosis": 0,
        "firstorder_Entropy": 0,
        "glcm_Correlation": 1,
        "glcm_MCC": 1,
        "glcm_Imc2": 0,
        "gldm_DependenceEntropy": 1.811278124459,
        "glrlm_RunEntropy": 1.392087892658,
        "glszm_LargeAreaEmphasis": 4096,
        "ngtdm_Busyness": 0,
        "ngtdm_Coarseness": 1e6,
        "ngtdm_Strength": 0,
    }
    assert {name: found[f"original_{name}"] for name in expected} == pytest.approx(expected, rel=1e-11, abs=1e-14)
    assert found.levels == {"original": 1}
    assert found.warnings == ("original: the region is constant (50): textures have the values defined for this case",)


@pytest.mark.parametrize(
    ("width", "expected"),
    [(50, "5 grey levels in the region, fewer than 8"), (0.5, "grey levels in the region, more than 256")],
)
def test_too_few_and_too_many_levels_are_warned_of(width, expected):
    (text,) = measured(bin_width=width).warnings

    assert text.startswith("original: ")
    assert expected in text


def test_isolated_voxels_have_no_pairs_and_it_is_said():
    mask = np.zeros(WHOLE, dtype=bool)
    mask[::3, ::3, ::3] = True

    found = measured(mask=mask)

    assert np.isnan(found["original_glcm_JointEntropy"])
    assert np.isfinite(found["original_glszm_ZoneEntropy"])
    assert any("not defined for this region: glcm_Autocorrelation" in text for text in found.warnings)


def test_values_missing_next_to_the_region_spoil_filtered_images_only():
    found = measured(values=with_value(np.nan, (0, 7, 6)), filters=("original", "log", "wavelet"), log_sigma=(1.0,))
    plain = measured(values=pattern().astype(np.float32))

    assert {name: found[name] for name in plain} == plain
    assert len(found) == 14 + 10 * 93
    assert np.isnan([value for name, value in found.items() if name.startswith("log-sigma")]).all()
    assert found.levels["log-sigma-1-0-mm-3D"] == 0
    assert any("log-sigma-1-0-mm-3D: not measured: NaN or infinite in 308 of 308" in text for text in found.warnings)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_filter_hides_what_is_not_finite_around_the_region(value):
    values = np.where(notched_ellipsoid(), pattern(), value).astype(np.float32)
    filters = ("original", "wavelet", "log", "square", "squareroot", "logarithm", "exponential", "gradient")

    found = measured(values=values, filters=filters, log_sigma=(1.0,))

    assert [title for title, levels in found.levels.items() if levels] == ["original"]
    assert [text.split(":")[0] for text in found.warnings] == list(found.levels)[1:]
    assert all("not measured: NaN or infinite in " in text for text in found.warnings)


def test_a_filter_wider_than_the_image_is_nan_with_the_reason():
    found = measured(filters=("log",), log_sigma=(1.0, 30.0))

    assert np.isfinite(found["log-sigma-1-0-mm-3D_firstorder_Mean"])
    assert np.isnan(found["log-sigma-30-0-mm-3D_firstorder_Mean"])
    assert any(
        "needs an image of 16 x 29 x 35 voxels (k, j, i) or more, got 9 x 14 x 13" in text for text in found.warnings
    )


def test_long_voxels_are_measured():
    images = as_images(pattern(), notched_ellipsoid(), spacing=(1.0, 1.0, 20.0))

    found = extract(*images, RadiomicsSettings(filters=("original", "wavelet", "log"), log_sigma=(1.0, 3.0)))

    assert np.isfinite(list(found.values())).all()
    assert found["original_shape_VoxelVolume"] == 308 * 20


def test_nothing_is_written_to_image_and_mask():
    images = as_images(pattern(), notched_ellipsoid())

    extract(*images, RadiomicsSettings(normalize=True, normalize_scale=100, spacing=(1, 1, 1), resegment_range=(0, 50)))

    assert np.array_equal(sitk.GetArrayFromImage(images[0]), pattern())
    assert np.array_equal(sitk.GetArrayFromImage(images[1]), notched_ellipsoid())
