"""Parameter files of PyRadiomics."""

import json

import pytest

from mrbiomarkers.files.radiomics_settings import read_radiomics_settings
from mrbiomarkers.settings import RadiomicsSettings

FULL = """
setting:
  minimumROIDimensions: 1
  minimumROISize: 50
  geometryTolerance: 1e-3   # YAML takes this for a text
  correctMask: true
  label: 2
  binWidth: 5
  binCount: null
  normalize: true
  normalizeScale: 100
  removeOutliers: 3
  resampledPixelSpacing: [2, 2, 0]
  interpolator: 'sitkLinear'
  padDistance: 10
  distances: [1, 2]
  force2D: true
  force2Ddimension: 2
  resegmentRange: [-3, 3]
  resegmentMode: sigma
  resegmentShape: true
  voxelArrayShift: 300
  symmetricalGLCM: false
  weightingNorm: euclidean
  gldm_a: 1
  additionalInfo: true
imageType:
  Original: {}
  LoG: {sigma: [2.0, 3.0]}
  Gradient: {gradientUseSpacing: false}
  Wavelet: {start_level: 1, level: 2, wavelet: coif1}
featureClass:
  shape:
  glcm: [Contrast, Idm]
"""


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "Params.yaml"
        path.write_text(text, encoding="utf-8")
        return read_radiomics_settings(path)

    return read_text


def test_every_setting_goes_where_it_belongs(read):
    recipe = read(FULL)
    expected = RadiomicsSettings(
        label=2,
        families=("shape", "glcm"),
        filters=("original", "log", "gradient", "wavelet"),
        bin_width=5,
        normalize=True,
        normalize_scale=100,
        remove_outliers=3,
        spacing=(2, 2, 0),
        interpolator="linear",
        pad_distance=10,
        resample_mask=True,
        resegment_range=(-3, 3),
        resegment_mode="sigma",
        resegment_shape=True,
        minimum_dimensions=1,
        minimum_voxels=50,
        distances=(1, 2),
        force_2d=True,
        force_2d_axis=2,
        symmetrical_glcm=False,
        weighting_norm="euclidean",
        gldm_alpha=1,
        voxel_array_shift=300,
        log_sigma=(2, 3),
        wavelet_start_level=1,
        wavelet_levels=2,
        gradient_use_spacing=False,
        geometry_tolerance=1e-3,
    )
    assert recipe.settings == (expected,)
    assert recipe.features == {"shape": (), "glcm": ("Contrast", "Idm"), "shape2D": ()}
    assert (recipe.name, recipe.notes) == ("Params.yaml", ())


def test_what_a_file_does_not_say_is_the_default(read):
    recipe = read("setting: {binWidth: 10}")
    assert recipe.settings == (RadiomicsSettings(bin_width=10),)
    assert recipe.features == {}
    assert read("imageType:\nfeatureClass:\n").settings == (RadiomicsSettings(),)


def test_json_is_read_too(tmp_path):
    path = tmp_path / "Params.json"
    path.write_text(json.dumps({"setting": {"binCount": 32, "interpolator": 1}}))
    assert read_radiomics_settings(path).settings == (RadiomicsSettings(bin_count=32, interpolator="nearest"),)


def test_an_image_with_a_bin_width_of_its_own_is_an_extraction_of_its_own(read):
    recipe = read("""
        setting: {binWidth: 25}
        imageType: {Original: {}, Wavelet: {binWidth: 10}, LoG: {sigma: [3], binWidth: 25}}
    """)
    first, second, third = recipe.settings
    assert (first.filters, first.bin_width, "shape" in first.families) == (("original",), 25, True)
    assert (second.filters, second.bin_width, "shape" in second.families) == (("wavelet",), 10, False)
    assert (third.filters, third.bin_width, third.log_sigma) == (("log",), 25, (3,))


def test_our_own_keys(read):
    (settings,) = read("setting: {standard: ibsi, binMinimum: -1000, aggregation: average}").settings
    assert (settings.standard, settings.bin_minimum, settings.aggregation) == ("ibsi", -1000, "average")


def test_what_is_not_followed_is_said(read):
    notes = read("setting: {preCrop: true, normalize: true, binWidth: 3}\nvoxelSetting: {kernelRadius: 2}").notes
    assert [note.split(" ")[0] for note in notes] == ["preCrop", "voxelSetting", "z-scores"]
    assert read("setting: {preCrop: false}").notes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("setting: {binWith: 5}", "setting: there is no 'binWith'; the nearest is 'binWidth'"),
        ("setting: {Resample: 5}", "there is no 'Resample'; the nearest is 'resample"),
        ("settings: {binWidth: 5}", "part: there is no 'settings'; the nearest is 'setting'"),
        ("imageType: {Wavelets: {}}", "imageType: there is no 'Wavelets'; the nearest is 'Wavelet'"),
        ("imageType: {LBP3D: {}}", "LBP3D is not supported"),
        ("featureClass: {glmc: }", "featureClass: there is no 'glmc'; the nearest is 'glcm'"),
        ("featureClass: {glcm: [Contrasts]}", "featureClass, glcm: there is no 'Contrasts'; the nearest is 'Contrast'"),
        ("featureClass: {glcm: Contrast}", "expected a list of features, or nothing for all; got 'Contrast'"),
        ("imageType: {Wavelet: {normalize: true}}", "normalize holds for all images; expected it under setting"),
        ("imageType: [Original]", "imageType: expected keys with values"),
        ("imageType: {LoG: {}}", "log_sigma: expected at least one width"),
        ("setting: {binWidth: wide}", "setting: expected a number for binWidth, got 'wide'"),
        ("setting: {binWidth: -5}", "bin_width: expected a number above 0, got -5"),
        ("setting: {label: 1.5}", "expected a whole number for label, got 1.5"),
        ("setting: {normalize: 1}", "expected true or false for normalize, got 1"),
        ("setting: {interpolator: sitkGaussian}", "expected one of sitkNearestNeighbor, sitkLinear, sitkBSpline"),
        ("setting: {resampledPixelSpacing: 2}", "expected a list of numbers for resampledPixelSpacing, got 2"),
        ("setting: {binWidth: [}", "expected YAML, got a text that cannot be read"),
        (
            "setting:\n  binWidth: 5\n  label: 1\n  binWidth: 25\n",
            "setting: expected every key once, got 'binWidth' in lines 2 and 4",
        ),
        ("setting: {}\nimageType: {}\nsetting: {label: 2}", "expected every key once, got 'setting' in lines 1 and 3"),
        ("imageType:\n  LoG: {sigma: [1],\n   sigma: [2]}", "imageType, LoG: expected every key once, got 'sigma'"),
        ('{"imageType": {"Original": {}, "Original": {}}}', "imageType: expected every key once, got 'Original'"),
        ("setting: &a {label: *a}", "expected a number for label, got {'label': {...}}"),
        ("a: 1\n---\nb: 2", "expected YAML, got a text that cannot be read"),
        ("- a\n- b", "expected the parts setting, imageType, featureClass; got list"),
        ("", "expected the parts setting, imageType, featureClass; got NoneType"),
    ],
)
def test_bad_files_are_named_with_what_was_expected(read, text, message):
    with pytest.raises(ValueError, match=r"Params\.yaml: ") as caught:
        read(text)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.yaml: no such file \(expected a parameter file"):
        read_radiomics_settings(tmp_path / "none.yaml")


def test_without_pyyaml_the_package_to_install_is_named(read, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mrbiomarkers\[radiomics\]'"):
        read("setting: {}")
