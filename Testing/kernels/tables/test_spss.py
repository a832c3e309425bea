import re

import pytest

from mrbiomarkers.tables.feature_codes import FEATURE_CODES
from mrbiomarkers.tables.spss import spss_names

RESERVED = {"ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"}


def check(names):
    """The rules of IBM's manual, written anew."""
    new = spss_names(names)
    assert list(new) == list(names)
    for name in new.values():
        assert name.isascii()
        assert len(name) <= 64
        assert name[0].isalpha()
        assert re.fullmatch(r"[A-Za-z0-9_]+", name)
        assert not name.endswith(("_", "."))
        assert name.upper() not in RESERVED
    assert len({name.upper() for name in new.values()}) == len(names)
    return list(new.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("age", "age"),
        ("f_L2-L4", "f_L2_L4"),
        ("D (10^-3 mm²/s)", "D_10_3_mm2_s"),
        ("R2*", "R2star"),
        ("blasts %", "blasts_pct"),
        ("α", "alpha"),
        ("µm", "um"),
        ("μm", "um"),
        ("Größe", "Grosse"),
        ("Ｋi-67", "Ki_67"),
        ("10Percentile", "v_10Percentile"),
        ("with", "v_with"),
        ("By", "v_By"),
        ("_x_", "x"),
        ("年龄", "v1"),
        ("年龄age", "age"),
        ("...", "v1"),
    ],
)
def test_a_name_becomes_one_that_spss_takes(name, expected):
    assert check([name]) == [expected]


def test_no_name_is_there_twice_in_whatever_case():
    assert check(["Age", "AGE", "age ", "age_2"]) == ["Age", "AGE_3", "age_4", "age_2"]
    assert check(["f-1", "f_1", "年", "龄"]) == ["f_1_2", "f_1", "v3", "v4"]


def test_long_names_of_features_stay_apart_and_readable():
    images = ["original", "wavelet-HHH", "log-sigma-3-0-mm-3D", "series_of_the_scanner_T2_tumour_wavelet-LLH"]
    names = [
        f"{image}_{family}_{name}" for image in images for family, codes in FEATURE_CODES.items() for name in codes
    ]
    new = check(names)
    longest = max(names, key=len)
    assert len(longest) > 64
    assert spss_names([longest])[longest] == f"{longest[:22].rstrip('_')}_{longest[-42:].lstrip('_')}".replace("-", "_")
    assert len(new) == len(names) > 400


def test_a_taken_long_name_gets_a_number_within_the_length():
    names = ["x" * 70, "x" * 64, "x" * 90]
    new = check(names)
    assert new[1] == "x" * 64
    assert {len(name) for name in new} == {64}


def test_a_name_twice_is_refused():
    with pytest.raises(ValueError, match="names: expected every name once"):
        spss_names(["a", "a"])
