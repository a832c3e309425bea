"""Radiomic features of an image in its regions: rows, masks on other grids, maps of our own, bad input."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.jobs import DrawnRegion
from mrbiomarkers.jobs.radiomics import CaseNames, ImageOnGrid, run_radiomics, settings_of_map
from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.quantities import quantity
from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from mrbiomarkers.settings.radiomics_presets import RadiomicsRecipe
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern
from Testing.support.volumes import oblique_affine

AFFINE = oblique_affine((0.9, 1.1, 2.0))
IMAGE = ImageOnGrid(pattern(), AFFINE)
REGION = DrawnRegion(notched_ellipsoid(), AFFINE)


def one(image, region, *given, **options):
    (row,) = run_radiomics(image, {"tumour": region}, *given, **options)
    return row


def test_a_row_holds_what_the_kernel_gives():
    settings = RadiomicsSettings(filters=("original", "wavelet"), bin_width=10)
    found = extract(*as_images(pattern(), notched_ellipsoid()), settings)
    row = one(IMAGE, REGION, settings, names=CaseNames("S1", "before", "T2w"))
    assert row.key == ("S1", "before", "T2w", "tumour")
    assert (row.status, row.reason, row.n_voxels, row.levels) == ("measured", "", found.n_voxels, found.levels)
    assert list(row.features) == list(found)
    assert row.features == pytest.approx(found, rel=1e-9, nan_ok=True)
    assert row.warnings == found.warnings


def test_several_regions_are_several_rows_and_a_bad_one_says_why():
    small = np.zeros(pattern().shape, bool)
    small[4, 4:6, 4:6] = True
    single = np.zeros_like(small)
    single[1, 1, 1] = True
    regions = {
        name: DrawnRegion(mask, AFFINE) for name, mask in (("one", single), ("four", small), ("none", small & 0))
    }
    seen = []
    rows = run_radiomics(IMAGE, regions, progress=lambda done, total: seen.append((done, total)) or True)
    assert [(row.region, row.status) for row in rows] == [("one", "failed"), ("four", "measured"), ("none", "failed")]
    assert "expected a region of two voxels or more, got 1 voxel" in rows[0].reason
    assert "4 voxels: features of fewer than 16 say little" in " ".join(rows[1].warnings)
    assert "expected three axes and at least one voxel" in rows[2].reason
    assert not rows[0].features
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_cropped_mask_is_put_in_its_place():
    k, j, i = (np.flatnonzero(REGION.mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    box = np.s_[k[0] : k[-1] + 1, j[0] : j[-1] + 1, i[0] : i[-1] + 1]
    moved = AFFINE.copy()
    moved[:3, 3] = AFFINE[:3] @ (i[0], j[0], k[0], 1)
    larger = AFFINE.copy()
    larger[:3, 3] = AFFINE[:3] @ (-2, -1, -3, 1)
    padded = np.pad(REGION.mask, ((3, 1), (1, 2), (2, 2)))
    whole = one(IMAGE, REGION)
    assert one(IMAGE, DrawnRegion(REGION.mask[box], moved)) == whole
    assert one(IMAGE, DrawnRegion(padded, larger)) == whole


def test_a_mask_outside_the_image_is_refused():
    far = AFFINE.copy()
    far[:3, 3] = AFFINE[:3] @ (100, 0, 0, 1)
    assert "expected a region inside the image, got" in one(IMAGE, DrawnRegion(REGION.mask, far)).reason
    near = AFFINE.copy()
    near[:3, 3] = AFFINE[:3] @ (6, 0, 0, 1)
    row = one(IMAGE, DrawnRegion(REGION.mask, near))
    inside = np.count_nonzero(REGION.mask[:, :, :-6])
    assert f"got {REGION.mask.sum() - inside} of {REGION.mask.sum()} voxels outside it" in row.reason


def test_another_grid_is_refused_with_both_and_resampled_on_request():
    finer = AFFINE @ np.diag([0.5, 1, 1, 1])
    finer[:3, 3] = AFFINE[:3] @ (-0.25, 0, 0, 1)
    region = DrawnRegion(np.repeat(REGION.mask, 2, axis=2), finer)
    row = one(IMAGE, region)
    assert row.status == "failed"
    assert "13 x 14 x 9 voxels of 0.9 x 1.1 x 2 mm" in row.reason
    assert "26 x 14 x 9 voxels of 0.45 x 1.1 x 2 mm" in row.reason
    assert "resample_mask=True" in row.reason
    resampled = one(IMAGE, region, RadiomicsSettings(resample_mask=True))
    assert resampled.features == pytest.approx(one(IMAGE, REGION).features, rel=1e-9)


def test_features_are_chosen_and_extractions_put_together():
    settings = (RadiomicsSettings(), RadiomicsSettings(filters=("square",), families=("glcm",), bin_width=9))
    recipe = RadiomicsRecipe("r", settings, {"glcm": ("Contrast",), "shape": ("Flatness",)})
    row = one(IMAGE, REGION, recipe)
    assert list(row.features) == ["original_shape_Flatness", "original_glcm_Contrast", "square_glcm_Contrast"]
    own = extract(*as_images(pattern(), notched_ellipsoid()), settings[1])
    assert row.features["square_glcm_Contrast"] == pytest.approx(own["square_glcm_Contrast"], rel=1e-9)
    assert set(row.levels) == {"original", "square"}


def map_of(key, scale=1.0):
    known = quantity(key)
    values = (pattern() / 210 * scale).astype(np.float32)
    return ParameterMap(values, known, known.unit, AFFINE)


def test_a_map_is_measured_in_its_reported_unit_with_the_bin_width_of_its_quantity():
    adc = map_of("ADC", 1.6e-3)
    row = one(adc, REGION)
    assert row.series == "ADC"
    assert row.features["original_firstorder_Mean"] == pytest.approx(1e3 * adc.values[REGION.mask].mean(), rel=1e-5)
    assert 60 < row.levels["original"] <= 81  # 1.6 in bins of 0.02
    assert row.warnings == ("bin width 0.02 10^-3 mm2/s, that of ADC, in place of 25",)
    assert one(to_reported(adc), REGION) == row


def test_the_bin_width_of_the_settings_is_kept_on_request():
    row = one(map_of("ADC", 1.6e-3), REGION, keep_bin_width=True)
    assert row.levels == {"original": 1}
    assert "1 grey level" in " ".join(row.warnings)


@pytest.mark.parametrize(
    ("key", "settings", "expected"),
    [
        ("D", {}, 0.02),
        ("Dstar", {}, 2),
        ("f", {}, 0.02),
        ("PDFF", {}, 1),
        ("R2star", {}, 5),
        ("ADC", {"bin_width": 20}, 0.02),  # meant for 10^-6 mm2/s, as in the rectal study
        ("ADC", {"bin_width": 0.05}, 0.05),
        ("R2star", {"bin_width": 10}, 10),
        ("PDFF", {"bin_count": 32}, 25),
        ("PDFF", {"normalize": True}, 25),
        ("water", {}, 25),
    ],
)
def test_the_bin_width_of_each_quantity(key, settings, expected):
    found, note = settings_of_map(RadiomicsSettings(**settings), quantity(key))
    assert found.bin_width == expected
    assert bool(note) == (expected != settings.get("bin_width", 25))


def test_z_scores_in_wide_bins_are_warned_about_in_every_row():
    row = one(IMAGE, REGION, RadiomicsSettings(normalize=True, bin_width=3))
    assert "normalizeScale" in row.warnings[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_inside_the_region_only_are_refused(value):
    inside, outside = pattern().astype(np.float32), pattern().astype(np.float32)
    inside[4, 7, 8], outside[0, 0, 0] = value, value
    assert REGION.mask[4, 7, 8]
    assert "in 1 of 308 voxels" in one(ImageOnGrid(inside, AFFINE), REGION).reason
    assert one(ImageOnGrid(outside, AFFINE), REGION).features == one(IMAGE, REGION).features


def test_a_constant_region_is_measured_and_flagged():
    row = one(ImageOnGrid(np.full(pattern().shape, 7), AFFINE), REGION)
    assert row.status == "measured"
    assert "the region is constant (7)" in " ".join(row.warnings)


def test_thick_slices_are_measured():
    affine = np.diag([1.0, 1.0, 20.0, 1.0])
    row = one(ImageOnGrid(pattern(), affine), DrawnRegion(REGION.mask, affine))
    assert row.features["original_shape_VoxelVolume"] == 20 * row.n_voxels


def test_images_that_cannot_be_measured_are_refused():
    sheared = np.eye(4)
    sheared[0, 1] = 0.1
    for image, error, message in (
        (ImageOnGrid(np.zeros((2, 3, 4, 5)), AFFINE), ValueError, r"expected three axes \(K, J, I\), got shape"),
        (ImageOnGrid(pattern() * 1j, AFFINE), TypeError, "expected real numbers, got complex128"),
        (ImageOnGrid(pattern(), sheared), ValueError, "image: expected perpendicular axes"),
        (sitk.GetImageFromArray(pattern()), TypeError, "expected a ParameterMap or an ImageOnGrid, got Image"),
    ):
        with pytest.raises(error, match=message):
            one(image, REGION)
    with pytest.raises(ValueError, match="regions: expected at least one"):
        run_radiomics(IMAGE, {})
    with pytest.raises(InterruptedError, match="after 0 of 1 regions"):
        one(IMAGE, REGION, progress=lambda done, total: False)
    assert "axes" in one(IMAGE, DrawnRegion(REGION.mask[0], AFFINE)).reason
    assert one(ImageOnGrid(pattern() > 90, AFFINE), REGION).levels == {"original": 1}
