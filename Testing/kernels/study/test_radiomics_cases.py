"""The table of cases for radiomics."""

import pytest

from mrbiomarkers.study.radiomics_cases import read_radiomics_cases


@pytest.fixture
def read(tmp_path):
    def read_text(text, encoding="utf-8"):
        (tmp_path / "cases.csv").write_bytes(text.encode(encoding))
        return read_radiomics_cases(tmp_path / "cases.csv")

    return read_text


def test_columns_in_any_order_case_and_delimiter(read, tmp_path):
    (case,), notes = read(
        "﻿sep=;\nMask;Subject;IMAGE;Timepoint;Label;DicomSeries;who\nm.nrrd;S1; i.nii ;1;2.0;7;x\n\n;;;\n"
    )
    assert (case.subject, case.timepoint, case.label, case.dicom_series, case.line) == ("S1", "1", "2", "7", 3)
    assert case.image_path == tmp_path / "i.nii"
    assert case.mask_path == tmp_path / "m.nrrd"
    assert (case.name, case.asked_region) == ("line 3 (S1, 1)", "label_2")
    (note,) = notes
    assert note.startswith("columns that are not used: who; used are subject, image, mask, timepoint")


def test_the_key_stands_for_all_cells_but_not_for_the_place(read, tmp_path):
    text = "subject,image,mask,region\nS1,i.nii,m.nrrd,a\nS1,i.nii,m.nrrd,b\n"
    first = read(text).cases
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "cases.csv").write_text("subject,image,mask,region\n\nS1,i.nii,m.nrrd,a\n")
    (moved,) = read_radiomics_cases(tmp_path / "moved" / "cases.csv").cases
    assert moved.key == first[0].key != first[1].key


def test_absolute_paths_stay(read, tmp_path):
    (case,) = read(f"subject,image,mask\nS1,{tmp_path / 'x' / 'i.nii'},m.nrrd\n").cases
    assert case.image_path == tmp_path / "x" / "i.nii"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("S1,,a,,\nS1,,a,,", 3),
        ("S1,,a,,\nS1,,b,,", 3),
        ("S1,,a,,\nS1,,a,,1", 3),
        ("S1,,a,x,\nS1,,b,,", 3),
        ("S1,,a,,1\nS1,,b,,2\nS1,,b,,1", 4),
        ("S1,,a,label_1,\nS1,,b,,1", 3),
    ],
)
def test_rows_that_could_have_the_same_names_are_refused(read, rows, line):
    with pytest.raises(ValueError, match=f"cases.csv, line {line}: expected what tells this case from line 2"):
        read("subject,timepoint,image,region,label,mask\n" + "\n".join(row + ",m" for row in rows.split("\n")))


def test_rows_that_differ_are_accepted(read):
    text = "subject,timepoint,series,image,mask,region,label\n"
    text += "S1,1,T2,a,m,,\nS1,1,ADC,b,m,,\nS1,2,T2,a,m,,\nS2,1,T2,a,m,x,\nS2,1,T2,a,m,y,\nS2,1,T2,a,m,,3\n"
    assert len(read(text).cases) == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a table of cases, got an empty file"),
        ("subject,image,mask\n", "expected at least one case, got a header only"),
        (
            "subject,image\nS1,i\n",
            "columns subject, image, mask, got none named mask; its first line has subject, image$",
        ),
        ("subject,image,mask,Image\nS1,i,m,i\n", "expected every column once, got image twice"),
        ("subject,image,mask\nS1,i,m,x\n", "line 2: expected 3 cells, got 4"),
        ("subject,image,mask\nS1,,m\n", "line 2, image: expected the path of a file, got an empty cell"),
        ("subject,image,mask\n,i,m\n", "line 2, subject: expected the code of a subject"),
        ("subject,image,mask,label\nS1,i,m,0\n", "line 2, label: expected a whole number, 1 or more; got '0'"),
        ("subject,image,mask,label\nS1,i,m,1.5\n", "label: expected a whole number"),
        ("subject,image,mask,quantity\nS1,i,m,adc\n", "line 2, quantity: expected one of S0, ADC"),
        ("subject,image,mask,unit\nS1,i,m,%\n", "line 2, unit: expected the quantity, too"),
        ('subject,image,mask\nS1,"i"x,m\n', "line 2: cannot be read"),
    ],
)
def test_bad_tables_are_named_with_the_line(read, text, message):
    with pytest.raises(ValueError, match=r"cases\.csv") as caught:
        read(text)
    assert __import__("re").search(message, str(caught.value))


def test_other_encodings_and_missing_files(read, tmp_path):
    with pytest.raises(ValueError, match="save it as 'CSV UTF-8' in Excel"):
        read("subject,image,mask\nMüller,i,m\n", "latin-1")
    with pytest.raises(FileNotFoundError):
        read_radiomics_cases(tmp_path / "none.csv")
