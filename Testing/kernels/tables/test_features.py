"""The feature table and the names of features."""

import csv
import io
import json

import numpy as np
import pytest

from mrbiomarkers.radiomics import extract
from mrbiomarkers.tables.feature_codes import FEATURE_CODES, with_code, without_code
from mrbiomarkers.tables.features import FeatureRow, check_once, features_from_csv, features_to_csv
from Testing.support.radiomics_images import as_images, notched_ellipsoid, pattern

FIRST = FeatureRow(
    "S1",
    "before",
    "T2w",
    "tumour",
    n_voxels=20,
    warnings=("few voxels", 'odd, "quoted"'),
    levels={"original": 9, "wavelet-LLH": 3},
    features={"original_shape_Flatness": 1 / 3, "original_glcm_Id": float("nan"), "wavelet-LLH_glcm_Id": -1e-300},
)
BAD = FeatureRow("S2", status="failed", reason="mask: expected, got\nnone")
FLAT = FeatureRow(
    "S3",
    levels={"original": 1},
    features={"original_shape_Flatness": 0.1, "original_shape2D_Perimeter": 7.0, "original_glcm_Id": 0.5},
)


def test_a_table_comes_back_with_every_digit():
    rows = features_from_csv(features_to_csv([FIRST, BAD]))
    assert repr(rows) == repr([FIRST, BAD])


def test_columns_stand_where_a_row_has_them():
    text = features_to_csv([BAD, FIRST, FLAT])
    header, bad, first, flat = csv.reader(io.StringIO(text))
    assert header == [
        *("subject", "timepoint", "series", "region", "status", "reason", "n_voxels", "warnings"),
        *("levels_original", "levels_wavelet-LLH", "original_shape_Flatness", "original_shape2D_Perimeter"),
        *("original_glcm_Id", "wavelet-LLH_glcm_Id"),
    ]
    assert bad == ["S2", "", "", "", "failed", "mask: expected, got\nnone", "0", "", *[""] * 6]
    assert first[7:] == ['few voxels; odd, "quoted"', "9", "3", "0.3333333333333333", "", "", "-1e-300"]
    assert flat[8:] == ["1", "", "0.1", "7.0", "0.5", ""]
    assert features_to_csv(features_from_csv(text)) == text


def test_numpy_numbers_are_written_as_numbers():
    row = FeatureRow("S", features={"original_glcm_Id": np.float64(0.1)})
    assert features_to_csv([row]).endswith(",0.1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected it to start with the columns subject"),
        ("a,b\n1,2\n", "expected it to start with the columns subject"),
        (features_to_csv([FIRST]) + "S2,x\n", "line 3: expected 12 cells|expected 13 cells, got 2"),
        (
            features_to_csv([FLAT]).replace("7.0", "seven"),
            "line 2, column original_shape2D_Perimeter: expected a number",
        ),
        (features_to_csv([FLAT]).replace("measured,,0", "measured,,many"), "column n_voxels: expected a number"),
        (features_to_csv([FLAT]).replace("measured", "good"), "status: expected"),
        (features_to_csv([FLAT]).replace("2D_Perimeter", "_Flatness"), "expected every column once"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        features_from_csv(text)


def test_a_region_twice_is_refused():
    check_once([FIRST, BAD, FLAT])
    with pytest.raises(ValueError, match="got S1, before, T2w, tumour twice"):
        check_once([FIRST, BAD, FIRST])
    with pytest.raises(ValueError, match="reason: expected why"):
        FeatureRow("S", status="failed")


def test_the_names_are_those_that_are_measured():
    found = extract(*as_images(pattern(), notched_ellipsoid()))
    ours = [f"original_{f}_{name}" for f in FEATURE_CODES if f != "shape2D" for name in FEATURE_CODES[f]]
    assert list(found) == ours


def test_the_names_of_flat_regions_are_those_that_are_measured():
    mask = notched_ellipsoid()
    mask[:4], mask[5:] = False, False
    found = extract(*as_images(pattern(), mask))
    flat = [name.split("_")[2] for name in found if "shape2D" in name]
    assert flat == list(FEATURE_CODES["shape2D"])


def test_codes_are_four_signs_and_stand_once():
    codes = [code for names in FEATURE_CODES.values() for code in names.values() if code]
    assert len(codes) == len(set(codes)) == 102
    assert all(len(code) == 4 and code.upper() == code for code in codes)


def test_codes_are_added_and_taken_off():
    assert with_code("wavelet-LLH_glcm_Contrast", "pyradiomics") == "wavelet-LLH_glcm_Contrast_ACUI"
    assert with_code("original_ngtdm_Contrast", "pyradiomics") == "original_ngtdm_Contrast_65HE"
    assert with_code("original_glcm_MCC", "ibsi") == "original_glcm_MCC"
    # PyRadiomics' kurtosis is not the excess.
    assert with_code("original_firstorder_Kurtosis", "pyradiomics") == "original_firstorder_Kurtosis"
    assert with_code("original_firstorder_Kurtosis", "ibsi") == "original_firstorder_Kurtosis_IPH6"
    names = [f"log-sigma-1-0-mm-3D_{f}_{name}" for f in FEATURE_CODES for name in FEATURE_CODES[f]]
    assert [without_code(with_code(name, "ibsi")) for name in names] == names
    rows = features_from_csv(features_to_csv([FLAT], code_standard="ibsi"))
    assert rows[0].features == FLAT.features


def test_names_and_order_are_those_of_pyradiomics(shared_data):
    values = shared_data / "radiomics" / "pyradiomics_values" / "brain1_default_bw25_owl135_v2.1.2.json"
    names = [name for name in json.loads(values.read_text()) if name.startswith("original_")]
    assert names == [f"original_{f}_{name}" for f in FEATURE_CODES if f != "shape2D" for name in FEATURE_CODES[f]]
