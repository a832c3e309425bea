import numpy as np
import pytest

from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.study import Case
from mrbiomarkers.study.cases import check_cases, digest
from Testing.support.simulate import B_ALL, ivim_signal


def test_the_folder_is_named_after_the_case():
    assert Case("S01").folder == "S01"
    assert Case("S01", "after", "A").folder == "S01_after_A"
    assert Case("S01", reader="Reader B").folder == "S01_Reader B"
    assert Case("Müller-3.b+").folder == "Müller-3.b+"


@pytest.mark.parametrize(
    "name", ["", "a/b", "a\\b", "..", ".hidden", "a.", "a ", " a", "a:b", "a*", "a\nb", "CON", "nul.x", "batch.csv"]
)
def test_a_name_that_no_folder_can_have_is_refused(name):
    with pytest.raises(ValueError, match=r"^name: expected"):
        Case(name)


def test_time_point_and_reader_are_checked_too():
    with pytest.raises(ValueError, match=r"^timepoint: expected letters.*got '\.\./x'"):
        Case("S01", "../x")
    with pytest.raises(ValueError, match=r"^reader: expected letters"):
        Case("S01", reader="a/b")
    with pytest.raises(ValueError, match="at most 100 characters in all, got 103"):
        Case("S" * 51, "T" * 51)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Case("S01"), Case("S01")),
        (Case("S01"), Case("s01")),
        (Case("S01", "1"), Case("S01_1")),
        (Case("M\u00fc"), Case("Mu\u0308")),  # one letter, and a letter with its dots: the same on some disks
    ],
)
def test_two_cases_of_one_folder_are_refused(one, other):
    with pytest.raises(ValueError, match="expected names that differ"):
        check_cases([one, Case("S02"), other])


def test_what_is_no_case_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        check_cases([])
    with pytest.raises(TypeError, match="expected Case, got str"):
        check_cases(["S01"])
    assert len(check_cases([Case("S01"), Case("S01", "1"), Case("S02")])) == 3


def series(value=1.0):
    return DiffusionSeries(ivim_signal(B_ALL, value, 0.2, 1e-3, 0.03)[None, None, None], B_ALL, np.eye(4))


def test_inputs_that_differ_have_another_digest(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.dcm").write_bytes(b"12")
    (tmp_path / "one" / "b.dcm").write_bytes(b"3")
    a = np.arange(6.0)
    different = [
        "",
        "x",
        ["x"],
        [["x"]],
        {"x": 1},
        {"x": 2},
        a,
        a.reshape(2, 3),
        a.astype(np.float32),
        a[::-1],
        np.zeros((0, 3)),
        np.array(["2020-01-01"], "M8[D]"),
        series(),
        series(1.5),
        tmp_path / "one",
        tmp_path / "one" / "a.dcm",
        tmp_path / "one" / "b.dcm",
        "a\udcff",
    ]
    found = [digest(inputs) for inputs in different]
    assert len(set(found)) == len(different)
    assert all(len(text) == 64 for text in found)
    assert digest(None) == ""


def test_the_same_inputs_have_the_same_digest(tmp_path):
    assert digest({"s": series(), "n": 2}) == digest({"s": series(), "n": 2})
    assert digest(np.arange(9).reshape(3, 3).T) == digest(np.arange(9).reshape(3, 3).T.copy())
    for name in ("here", "there"):  # the study may be moved to another place
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(b"12")
    assert digest(tmp_path / "here") == digest(tmp_path / "there")


def test_inputs_that_cannot_be_told_apart_are_refused(tmp_path):
    with pytest.raises(TypeError, match="got object"):
        digest([object()])
    with pytest.raises(TypeError):
        digest(np.array([object()]))
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "none.nii")
