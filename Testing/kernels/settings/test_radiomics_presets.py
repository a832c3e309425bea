"""Recipes of published studies."""

import json

import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from mrbiomarkers.settings.radiomics_presets import (
    RADIOMICS_PRESETS,
    RadiomicsRecipe,
    few_levels_expected,
    radiomics_preset,
    with_standard,
)


@pytest.mark.parametrize(
    ("preset", "values"),
    [("rectal-t2", "brain1_shinT2_norm100_bw3_1mm"), ("rectal-adc", "brain1_shinADC_bw20_1mm")],
)
def test_the_rectal_presets_give_what_pyradiomics_gave(shared_data, preset, values):
    folder = shared_data / "radiomics"
    images = [sitk.ReadImage(folder / "pyradiomics_images" / f"brain1_{kind}.nrrd") for kind in ("image", "label")]
    expected = json.loads((folder / "pyradiomics_values" / f"{values}_v2.1.2.json").read_text(encoding="utf-8"))
    (settings,) = radiomics_preset(preset).settings
    found = extract(*images, settings)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_breast_preset_gives_851_features(shared_data):
    folder = shared_data / "radiomics" / "pyradiomics_images"
    images = [sitk.ReadImage(folder / f"breast1_{kind}.nrrd") for kind in ("image", "label")]
    assert len(extract(*images, *radiomics_preset("breast").settings)) == 851


def test_z_scores_in_wide_bins_are_warned_about():
    trap = RadiomicsSettings(normalize=True, bin_width=3)
    assert "has 1.3 grey levels" in few_levels_expected(trap)
    for fine in (
        RadiomicsSettings(bin_width=3),
        RadiomicsSettings(normalize=True, normalize_scale=100, bin_width=3),
        RadiomicsSettings(normalize=True, bin_count=32),
    ):
        assert few_levels_expected(fine) == ""
    assert all(not few_levels_expected(one) for recipe in RADIOMICS_PRESETS.values() for one in recipe.settings)
    assert "the scale is 100 here" in radiomics_preset("rectal-t2").notes[0]


def test_an_unknown_preset_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match="expected one of rectal-t2, rectal-adc, breast; got 'rectal'"):
        radiomics_preset("rectal")


def test_a_recipe_keeps_what_is_asked_for():
    recipe = RadiomicsRecipe("r", features={"glcm": ("Contrast",), "shape": ()})
    names = ["original_glcm_Contrast", "original_glcm_Id", "original_shape_Flatness", "original_shape2D_Perimeter"]
    assert [recipe.keeps(name) for name in names] == [True, False, True, False]
    assert RadiomicsRecipe("r").keeps("wavelet-LLH_gldm_DependenceEntropy")
    with pytest.raises(ValueError, match="settings: expected at least one"):
        RadiomicsRecipe("r", ())


def test_the_standard_is_changed_in_every_extraction():
    recipe = RadiomicsRecipe("r", (RadiomicsSettings(), RadiomicsSettings(filters=("wavelet",))))
    changed = with_standard(recipe, "ibsi", 0.0)
    assert [(one.standard, one.bin_minimum) for one in changed.settings] == [("ibsi", 0.0)] * 2
    assert recipe.settings[0].standard == "pyradiomics"
