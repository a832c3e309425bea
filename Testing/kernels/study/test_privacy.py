from pathlib import Path

import pytest

from mrbiomarkers.study.privacy import paths_in, without_paths


@pytest.mark.parametrize(
    ("text", "with_names", "without"),
    [
        ("/data/John Doe/dwi.nii.gz: no such file", "dwi.nii.gz: no such file", "[file].nii.gz: no such file"),
        ("cannot open '/data/John Doe/a.b/scan'", "cannot open 'scan'", "cannot open '[path]'"),
        (r"C:\Users\John Doe\dwi.bval: expected 11", "dwi.bval: expected 11", "[file].bval: expected 11"),
        (r"\\server\John Doe\dwi.dcm", "dwi.dcm", "[file].dcm"),
        (
            "see /data/John (2)/p.nii (beside /b/q.nii)",
            "see p.nii (beside q.nii)",
            "see [file].nii (beside [file].nii)",
        ),
        ("John_Doe/dwi.nii is bad", "dwi.nii is bad", "[file].nii is bad"),
        ("http://host/John/series", "http:series", "http:[path]"),
        ("two\nlines  of /a/b", "two lines of b", "two lines of [path]"),
    ],
)
def test_folders_are_taken_out_and_file_names_where_asked(text, with_names, without):
    assert without_paths(text) == with_names
    assert without_paths(text, names=False) == without


@pytest.mark.parametrize(
    "text",
    [
        "D: expected 10^-3 mm2/s or um2/ms, got 1/s",
        "water/fat of L1/L2, b > 3 / (MD MK), +/- 0.5, 5/7 voxels",
        "PDFF: expected 0 to 100 %, got 1.2e3",
    ],
)
def test_units_and_fractions_stay(text):
    assert without_paths(text, names=False) == text


def test_a_unit_after_a_path_stays():
    assert without_paths("/a b/D.nii in mm2/s: bad") == "D.nii in mm2/s: bad"


def test_known_paths_are_found_whatever_they_hold():
    known = ["/data/John Q Doe/dwi: one.nii"]
    assert without_paths("read /data/John Q Doe/dwi: one.nii now", known, names=False) == "read [file].nii now"
    assert without_paths("the folder /data/John Q Doe is empty", known, names=False) == "the folder [path] is empty"
    assert without_paths("in S1/dwi but S10/dwi.nii", ["S1/dwi"], names=False) == "in [path] but [file].nii"
    escaped = without_paths(r"open 'C:\\John Q Doe\\dwi'", [r"C:\John Q Doe\dwi"], names=False)
    assert escaped == "open '[path]'"


def test_a_name_that_is_no_text_can_be_written():
    without_paths("a\udcff.nii: bad").encode()


def test_paths_of_a_case():
    data = {"series": Path("dwi.nii"), "regions": ["a/one.nii", {"x": "b\\two.nii"}], "method": "nlls", "n": 3}
    assert sorted(paths_in(data)) == ["a/one.nii", "b\\two.nii", "dwi.nii"]
    assert list(paths_in({"unit": "10^-3 mm2/s"})) == []
