import numpy as np
import pytest

from mrbiomarkers.files import read_bvalues, read_series
from Testing.support.volumes import BVALUES, one_line, position_series, write_nifti

TEXT = "0 50 100 400 800 1000"


@pytest.fixture
def dwi(tmp_path):
    return write_nifti(tmp_path / "dwi.nii.gz", position_series().astype(np.float32))


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + "\n",
        "\ufeff" + TEXT + "\r\n",
        TEXT.replace(" ", "\n"),
        TEXT.replace(" ", ", "),
        TEXT.replace(" ", ",\r\n") + ",\n\n",
        TEXT.replace(" ", "\t"),
        "0.0 5e1 1.0E2 400 800.000 1e3",
    ],
)
def test_layouts_that_are_read(tmp_path, text):
    path = tmp_path / "x.bval"
    path.write_bytes(text.encode("utf-8"))

    values = read_bvalues(path)

    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, BVALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"0 50 b100", "got 'b100'"),
        (b"0 50 nan", "got 'nan'"),
        (b"0 50 inf", "got 'inf'"),
        (b"0 -50 100", "got '-50'"),
        (b" \n,\n", "got an empty file"),
        (b"1 0 0\n0 1 0\n0 0 1\n", "one row or one column, got 3 rows"),
        (b"\xff\xfe\x00\x9d", "got other data"),
    ],
)
def test_texts_that_are_refused(tmp_path, content, message):
    path = tmp_path / "x.bval"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_bvalues(path)
    one_line(caught.value, path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file") as caught:
        read_bvalues(tmp_path / "x.bval")
    one_line(caught.value, tmp_path / "x.bval")


def test_precedence(tmp_path, dwi):
    (tmp_path / "dwi.bvals").write_text("0 1 2 3 4 5")
    np.testing.assert_array_equal(read_series(dwi).bvalues, [0, 1, 2, 3, 4, 5])
    (tmp_path / "dwi.bval").write_text("0 10 20 30 40 50")
    (tmp_path / "dwi.bvec").write_text("not looked at")
    beside = read_series(dwi)
    np.testing.assert_array_equal(beside.bvalues, [0, 10, 20, 30, 40, 50])
    assert beside.source == ("text file",) * 6  # its name may hold a patient's name and would go into every export
    (tmp_path / "other.txt").write_text(TEXT)

    from_file = read_series(dwi, bval_file=tmp_path / "other.txt")
    assert from_file.source == ("text file",) * 6
    np.testing.assert_array_equal(from_file.bvalues, BVALUES)

    given = read_series(dwi, bvalues=[0, 100, 200, 300, 400, 500], bval_file=tmp_path / "other.txt")
    assert given.source == ("caller",) * 6
    np.testing.assert_array_equal(given.bvalues, [0, 100, 200, 300, 400, 500])


def test_no_bvalues_says_where_was_looked_and_what_to_do(dwi):
    with pytest.raises(ValueError, match=r"no dwi\.bval or dwi\.bvals\. Give them with --bvalues or --bval") as caught:
        read_series(dwi)
    one_line(caught.value, dwi)


@pytest.mark.parametrize(
    ("bvalues", "message"),
    [
        ((0, 50, 100), "expected 6 b-values, one for each image, got 3 from caller"),
        ((0, 50, 100, 400, 800, -1), "0 s/mm2 or more, got -1"),
        ((0, 50, 100, 400, 800, float("nan")), "expected finite values"),
        ((7,) * 6, "at least two different b-values"),
        (("a",) * 6, "expected real numbers"),
        (50.0, "expected 1 dimensions"),
    ],
)
def test_bvalues_that_do_not_fit_are_named_with_the_file(dwi, bvalues, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_series(dwi, bvalues=bvalues)
    one_line(caught.value, dwi)


def test_bvalues_are_checked_before_the_voxels_are_read(dwi):
    # Unpacking this file would fail; the error about the b-values, which is cheap to find, comes first.
    data = dwi.read_bytes()
    dwi.write_bytes(data[:-20])
    with pytest.raises(ValueError, match="expected 6 b-values"):
        read_series(dwi, bvalues=(0, 50))


def test_one_image_is_no_series(tmp_path):
    path = write_nifti(tmp_path / "b0.nii", position_series()[..., 0])
    with pytest.raises(ValueError, match=r"at least two images, got one image of shape \(3, 4, 5\)") as caught:
        read_series(path, bvalues=(0, 50))
    one_line(caught.value, path)
