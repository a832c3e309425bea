import pytest

from mrbiomarkers.settings import (
    ADC_BOUNDS,
    IVIM_BOUNDS,
    DiffusionSettings,
    FatWaterSettings,
    MeasureSettings,
    merge_bounds,
)


def test_defaults_suit_marrow_and_lesions():
    settings = DiffusionSettings()
    assert settings.models == ("adc", "ivim")
    assert settings.bounds_of("ivim") == {"f": (0, 1), "D": (0, 5e-3), "Dstar": (5e-3, 0.2)}
    assert settings.bounds_of("adc") == dict(ADC_BOUNDS)


def test_given_bounds_reach_their_model_only():
    settings = DiffusionSettings(bounds={"Dstar": (3e-3, 0.6), "ADC": (0, 4e-3)})
    assert settings.bounds_of("ivim")["Dstar"] == (3e-3, 0.6)
    assert settings.bounds_of("adc") == {"ADC": (0, 4e-3)}
    assert IVIM_BOUNDS["Dstar"] == (5e-3, 0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ()}, "models: expected at least one of adc, ivim, stretched, kurtosis; got none"),
        ({"models": ("adc", "dti")}, "models: expected one of adc, ivim, kurtosis, stretched; got 'dti'"),
        (
            {"method": "magic"},
            "method: expected one of nlls, segmented, segmented-unconstrained, shrinkage; got 'magic'",
        ),
        ({"models": ("adc",), "fit_eta": True}, "fit_eta: expected ivim among the models, got adc"),
        ({"method": "segmented", "fit_eta": True}, "fit_eta: expected method 'nlls', got 'segmented'"),
        ({"bootstrap_samples": 20}, "bootstrap_samples: expected 0, or 100 or more; got 20"),
        ({"confidence": 95}, "confidence: expected 0.5 to 0.999, got 95"),
        (
            {"bounds": {"Dp": (0, 1)}},
            "bounds: expected parameter names among ADC, f, D, Dstar, DDC, alpha, MD, MK; got 'Dp'",
        ),
        ({"bounds": {"D": (2e-3, 1e-3)}}, "bounds of D: expected lower < upper"),
    ],
)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        DiffusionSettings(**changes)


def test_water_fat_defaults_leave_method_and_corrections_to_the_data():
    settings = FatWaterSettings()
    assert settings.spectrum == "ren-marrow"
    assert (settings.method, settings.precession, settings.bipolar) == (None, None, None)
    assert (settings.t1_water, settings.t1_fat) == (0, 0)


@pytest.mark.parametrize("bipolar", [None, False, 0, 1, 2])
def test_an_axis_of_0_is_not_off(bipolar):
    assert FatWaterSettings(bipolar=bipolar).bipolar is bipolar


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spectrum": ""}, "spectrum: expected the name of a spectrum of fat, got none"),
        ({"method": "magic"}, "method: expected one of complex, magnitude, mixed; got 'magic'"),
        ({"precession": 0}, "precession: expected 1, -1 or None, got 0"),
        ({"bipolar": True}, "bipolar: expected 0, 1, 2, False or None, got True"),
        ({"bipolar": 3}, "bipolar: expected 0, 1, 2, False or None, got 3"),
        ({"method": "magnitude", "precession": 1}, "precession and bipolar: expected None with method 'magnitude'"),
        ({"method": "magnitude", "bipolar": 0}, "precession and bipolar: expected None with method 'magnitude'"),
        ({"t1_water": 1.3}, "t1_water and t1_fat: expected both or neither, got 1.3 and 0.0 s"),
        ({"t1_water": 1300, "t1_fat": 365}, "t1_water: expected 0 or 0.05 to 10 s, got 1300"),
        ({"repetition_time": 8}, "repetition_time: expected 0 or 0.0001 to 1 s, got 8"),
        ({"flip_angle": -5}, "flip_angle: expected 0 or 0.5 to 90 deg, got -5"),
        ({"confidence": 95}, "confidence: expected 0.5 to 0.999, got 95"),
        ({"bootstrap_samples": 20}, "bootstrap_samples: expected 0, or 100 or more; got 20"),
    ],
)
def test_bad_water_fat_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        FatWaterSettings(**changes)


def test_a_readout_left_alone_is_no_contradiction_with_magnitudes():
    assert FatWaterSettings(method="magnitude", bipolar=False).bipolar is False


def test_merge_leaves_the_defaults_alone():
    merged = merge_bounds({"a": (0, 1)}, {"a": (0, 2)})
    assert merged == {"a": (0, 2)}


def test_identity_columns():
    assert MeasureSettings(subject="s1", reader="A").identity() == {
        "subject": "s1",
        "timepoint": "",
        "series": "",
        "reader": "A",
    }
