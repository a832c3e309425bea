"""Every feature equals what PyRadiomics 2.1.2 gives for its own images, by name and order."""

import json

import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings

SHIN_T2 = {"normalize": True, "normalize_scale": 100, "bin_width": 3, "spacing": (1, 1, 1)}
SHIN_ADC = {"bin_width": 20, "spacing": (1, 1, 1)}


@pytest.mark.parametrize(
    ("image", "values", "settings"),
    [
        ("brain1", "brain1_default_bw25_owl135", {}),
        ("breast1", "breast1_default_bw25_owl135", {}),
        ("lung1", "lung1_default_bw25_owl135", {}),
        ("brain1", "brain1_shinT2_norm100_bw3_1mm", SHIN_T2),
        ("brain1", "brain1_shinADC_bw20_1mm", SHIN_ADC),
    ],
)
def test_all_1130_features_are_those_of_pyradiomics(shared_data, image, values, settings):
    folder = shared_data / "radiomics"
    images = [sitk.ReadImage(folder / "pyradiomics_images" / f"{image}_{kind}.nrrd") for kind in ("image", "label")]
    expected = json.loads((folder / "pyradiomics_values" / f"{values}_v2.1.2.json").read_text(encoding="utf-8"))

    found = extract(*images, RadiomicsSettings(filters=("original", "wavelet", "log"), log_sigma=(1, 3, 5), **settings))

    assert len(found) == 1130
    assert list(found) == list(expected)
    # 1e-6 is asked for; 1e-7 is what is reached, and shows a filter that has lost its rounding.
    wrong = {
        name: (found[name], value) for name, value in expected.items() if abs(found[name] - value) > 1e-7 * abs(value)
    }
    assert wrong == {}
