from pathlib import Path

import pytest

from mrbiomarkers.study import Worklist
from mrbiomarkers.study.worklist_files import read_case_table

HEADER = "subject,timepoint,series"


def table(folder, text, encoding="utf-8"):
    path = folder / "cohort.csv"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


def subjects(folder, text, encoding="utf-8"):
    return [(case.subject, case.timepoint) for case in read_case_table(table(folder, text, encoding)).cases]


def test_every_column_is_read(tmp_path):
    elsewhere = (tmp_path / "else" / "m.nii").as_posix()
    header = f"{HEADER},magnitude,phase,regions,points,bvalues,dicomSeries"
    rows = [f"S01,pre,a/dwi.nii,{elsewhere},p.nii,r.seg.nrrd,p.mrk.json,b.bval,5", "S02,,d,,,,,0 50 400.5,"]
    first, second = read_case_table(table(tmp_path, "\n".join([header, *rows]))).cases
    assert (first.subject, first.timepoint, first.kind, first.origin) == ("S01", "pre", "", "line 2")
    names = {"series": "a/dwi.nii", "phase": "p.nii", "regions": "r.seg.nrrd", "points": "p.mrk.json"}
    paths = {key: tmp_path / name for key, name in names.items()}
    assert first.data == {
        **paths,
        "magnitude": Path(elsewhere),
        "bvalues": tmp_path / "b.bval",
        "dicomSeries": "5",
    }
    assert first.missing == ("series", "magnitude", "phase", "regions", "points", "bvalues")
    assert second.data == {"series": tmp_path / "d", "bvalues": (0.0, 50.0, 400.5)}
    (tmp_path / "d").mkdir()
    assert second.missing == ()


def test_magnitude_and_phase_may_stand_without_a_series(tmp_path):
    (case,) = read_case_table(table(tmp_path, f"{HEADER},magnitude,phase\nS01,,,m.nii,p.nii\n")).cases
    assert case.data == {"magnitude": tmp_path / "m.nii", "phase": tmp_path / "p.nii"}


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "sep=;\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_as_spreadsheets_write_them(tmp_path, sign, start, end):
    rows = ["Subject,Timepoint,SERIES,", "S01,pre,a.nii,", ',,,', 'Sü2, ,"b c,d;e.nii",', ""]  # fmt: skip
    if sign != ",":
        rows = [row.replace("c,d;e", "c d e").replace(",", sign) for row in rows]
    text = start.replace(";", sign).replace("\n", end) + end.join(rows)
    for encoding in ("utf-8", "utf-8-sig"):
        assert subjects(tmp_path, text, encoding) == [("S01", "pre"), ("Sü2", "")]
    last = read_case_table(tmp_path / "cohort.csv").cases[-1]
    assert last.data["series"].name == ("b c,d;e.nii" if sign == "," else "b c d e.nii")
    assert last.origin == ("line 5" if start else "line 4")


def test_other_columns_are_passed_over_with_a_note(tmp_path):
    listed = read_case_table(table(tmp_path, f"{HEADER},age,b-values\nS01,pre,a.nii,9,b.bval\n"))
    (note,) = listed.notes
    assert note.startswith("columns that are not used: age, b-values; used are subject, timepoint")
    assert "age" not in listed.cases[0].data
    with Worklist.read(tmp_path / "cohort.csv", reader="A") as worklist:
        assert worklist.notes == (note,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file"),
        (" \n \n", "an empty file"),
        ("\0\0", "no text"),
        (HEADER, "at least one case, got a header only"),
        (f"{HEADER}\n,,\n", "at least one case"),
        ("subject,series\nS01,a.nii\n", "expected the columns .* got none named timepoint"),
        ("S01,pre,a.nii\n", "got none named subject, timepoint, series"),
        (f"{HEADER},Series\nS01,pre,a.nii,b.nii\n", "expected every column once, got series twice"),
        (f"{HEADER}\nS01,pre,\n", "line 2, series: expected the path"),
        (f"{HEADER}\nS01,pre\n", "line 2, series: expected the path"),
        (f"{HEADER}\nS01,pre,a.nii\n,pre,b.nii\n", "line 3: subject: expected the code of a subject"),
        (f"{HEADER}\n../S01,pre,a.nii\n", "line 2: subject: expected letters"),
        (f"{HEADER}\nS01,a/b,a.nii\n", "line 2: timepoint: expected letters"),
        (f"{HEADER}\nS01,pre,a.nii,b\n", "line 2: expected 3 cells, got 4"),
        (f'{HEADER}\nS01,pre,"a.nii\n', r"line 2: cannot be read"),
        (f"{HEADER}\nS01,pre,a.nii\nS02,pre,a.nii\nS01,pre,a.nii\n", r"line 4: .* got S01 \(pre\) of line 2 again"),
        (f"{HEADER}\nS01,,b/dwi.nii\nS01,,c/dwi.nii\n", "line 3: expected every case once, got S01 of line 2 again"),
        (f"{HEADER}\nMü,,a.nii\nMu\u0308,,a.nii\n", "line 3: expected every case once"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path, text, said):
    with pytest.raises(ValueError, match=rf"^cohort\.csv.*{said}"):
        Worklist.read(table(tmp_path, text), reader="Anna")
    assert not (tmp_path / "readings").exists()


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused(tmp_path, encoding):
    with pytest.raises(ValueError, match="expected UTF-8 text, got another encoding; save it as 'CSV UTF-8'"):
        read_case_table(table(tmp_path, f"{HEADER}\nSü,pre,a.nii\n", encoding))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        Worklist.read(tmp_path / "none.csv", reader="Anna")


def test_what_may_be_a_slip_is_noted(tmp_path):
    rows = ["S01,pre,a.nii", "S01,pre,b.nii", "s01,post,a.nii", "S02,pre,c.nii"]
    listed = read_case_table(table(tmp_path, "\n".join([HEADER, *rows])))
    assert list(listed.notes) == [
        "2 cases share subject and time point with another one: their series tell them apart",
        "2 cases have their images in common with another one",
        "codes of subjects that differ in capital letters only: s01",
    ]
    with Worklist.read(tmp_path / "cohort.csv", reader="A") as worklist:
        labels = sorted(map(worklist.label, worklist.cases))
    assert [label.partition(" (")[0] for label in labels] == ["S01, pre", "S01, pre", "S02, pre", "s01, post"]
    assert len(set(labels)) == 4


@pytest.mark.parametrize("name", ["a" * 300, "a\x01", "con/\\:*?"])
def test_a_path_that_can_be_none_is_missing(tmp_path, name):
    (case,) = read_case_table(table(tmp_path, f"{HEADER}\nS01,pre,{name}\n")).cases
    assert case.missing == ("series",)
