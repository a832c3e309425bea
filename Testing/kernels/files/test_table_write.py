import csv

import numpy as np
import pytest

from mrbiomarkers.files.clinical_table import read_clinical_table
from mrbiomarkers.files.table_write import write_table
from mrbiomarkers.tables.table import Column, Table


def table(**more):
    columns = (
        Column("subject", np.array(["P1", "李"], dtype=object), "text"),
        Column("D (10^-3 mm2/s)", np.array([0.1 + 0.2, np.nan]), unit="10^-3 mm2/s"),
    )
    return Table("t", columns, **more)


def test_wide_is_read_back_bit_for_bit(tmp_path):
    files = write_table(tmp_path / "t.csv", table())
    assert [file.name for file in files] == ["t.csv", "t_dictionary.csv"]
    again = read_clinical_table(files[0])
    for ours, theirs in zip(table().columns, again.columns, strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)
    assert read_clinical_table(files[1]).texts("unit") == ["", "10^-3 mm2/s"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t_dictionary.csv"]


def test_spss_begins_with_the_mark_and_has_ascii_names(tmp_path):
    files = write_table(tmp_path / "t.csv", table(), form="spss")
    data = files[0].read_bytes()
    assert data.startswith(b"\xef\xbb\xbfsubject,D_10_3_mm2_s\n")
    with files[1].open(encoding="utf-8-sig", newline="") as stream:
        entries = list(csv.DictReader(stream))
    assert [(entry["variable"], entry["name"]) for entry in entries][1] == ("D_10_3_mm2_s", "D (10^-3 mm2/s)")


def test_tidy_has_a_row_for_what_is_missing(tmp_path):
    text = write_table(tmp_path / "t.csv", table(), form="tidy")[0].read_text(encoding="utf-8")
    assert text.splitlines()[2] == "李,D (10^-3 mm2/s),10^-3 mm2/s,"


def test_the_table_that_was_read_is_never_written_over(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    with pytest.raises(ValueError, match="expected another file than the one the table was read from"):
        write_table(path, read_clinical_table(path))
    assert path.read_text() == "a\n1\n"
    other = tmp_path / "x_dictionary.csv"
    path.rename(other)
    with pytest.raises(ValueError, match="expected another file"):
        write_table(tmp_path / "x.csv", read_clinical_table(other))


def test_bad_requests(tmp_path):
    with pytest.raises(ValueError, match="form: expected one of"):
        write_table(tmp_path / "t.csv", table(), form="long")
    with pytest.raises(ValueError, match=r"expected a table \(\.csv\)"):
        write_table(tmp_path / "t.xlsx", table())
    with pytest.raises(ValueError, match="expected a table with columns"):
        write_table(tmp_path / "t.csv", Table("t", ()))
