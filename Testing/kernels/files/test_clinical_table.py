import datetime

import numpy as np
import pytest

from mrbiomarkers.files.clinical_table import read_clinical_table
from mrbiomarkers.tables.cells import ColumnRules
from Testing.support.volumes import one_line


def written(tmp_path, text, name="t.csv", codec="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(codec))
    return path


def test_a_chinese_table_of_a_spreadsheet(tmp_path):
    path = written(tmp_path, "编号;年龄（月）;缓解\n 007 ;61;CR\n012;999;N-CR\n", codec="gb18030")
    table = read_clinical_table(path, ColumnRules(missing=(999,), units={"年龄（月）": "month"}))
    assert table.names == ("编号", "年龄（月）", "缓解")
    assert table.texts("编号") == ["007", "012"]
    np.testing.assert_array_equal(table.numbers("年龄（月）"), [61, np.nan])
    assert table.column("年龄（月）").coded == {"999": 1}
    assert table.column("年龄（月）").unit == "month"
    assert dict(table.source) == {
        "path": str(path),
        "format": "text",
        "encoding": "GB18030",
        "delimiter": "semicolon",
    }
    assert table.rows == (2, 3)


def test_the_content_tells_the_format(tmp_path):
    path = written(tmp_path, "a\tb\n1\t2\n", "export.xls")
    assert dict(read_clinical_table(path).source)["delimiter"] == "tab"
    with pytest.raises(ValueError, match="HTML"):
        read_clinical_table(written(tmp_path, "<table><tr><td>1", "export2.xls"))
    with pytest.raises(ValueError, match="which has no sheets"):
        read_clinical_table(path, sheet="s")


def test_rows_above_the_headings_are_left_out_when_asked(tmp_path):
    path = written(tmp_path, "Study of 2016,,\n,,\nID,age,\n1,5,\n")
    table = read_clinical_table(path, heading_row=3)
    assert table.names == ("ID", "age")
    assert table.rows == (4,)
    assert any("1 rows above the headings" in note for note in table.notes)
    with pytest.raises(ValueError, match="heading_row: expected a row with cells, got row 2"):
        read_clinical_table(path, heading_row=2)


def test_columns_without_a_heading(tmp_path):
    table = read_clinical_table(written(tmp_path, "ID,,b,\n1,x,,7\n2,,5,8\n"))
    assert table.names == ("ID", "column_2", "b", "column_4")
    table = read_clinical_table(written(tmp_path, "ID,,age\n1,,7\n2,,8\n"))
    assert table.names == ("ID", "age")
    assert table.notes == ("column 2 is empty and left out",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty file"),
        ("a,b\n", "no row below the headings"),
        ("a,b,A ,a\n1,2,3,4\n", "expected every heading once, got 'a' in columns 1 and 4"),
        ("a,b\n1,2\n1,2,see notes\n", r"row 3: expected 2 cells as there are headings, got 3 \('see notes'\)"),
        ("a,ldh\n1,300\n2,>500\n", "column 'ldh': expected numbers, got '>500' in row 3; give"),
    ],
)
def test_bad_tables_are_refused_in_one_line_with_their_path(tmp_path, text, message):
    path = written(tmp_path, text)
    rules = ColumnRules(kinds={"ldh": "number"}) if "ldh" in text else None
    with pytest.raises(ValueError, match=message) as caught:
        read_clinical_table(path, rules)
    one_line(caught.value, path)


def test_files_that_are_not_there_or_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_clinical_table(tmp_path / "t.csv")
    with pytest.raises(ValueError, match=r"expected a table \(\.csv"):
        read_clinical_table(tmp_path / "t.docx")


def test_xlsx_with_dates_and_text_among_numbers(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [["ID", "scan", "ldh"], ["a", datetime.date(2016, 6, 30), 300], ["b", "1/7/2016", "high"]]:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    table = read_clinical_table(tmp_path / "t.xlsx", ColumnRules(dates={"scan": "d/m/y"}))
    assert table.texts("scan") == ["2016-06-30", "2016-07-01"]
    assert table.notes == ("column 'ldh': 1 numbers, but also 'high' in row 3; taken as text",)
    with pytest.raises(ValueError, match=r"column 'ldh': expected numbers, got 'high' in row 3$"):
        table.numbers("ldh")


def test_the_real_table_of_i_spy_2(shared_data):
    path = shared_data / "response" / "ispy2_pcr" / "TrainDataset2024.xls"
    pytest.importorskip("xlrd")
    plain = read_clinical_table(path)
    suspects = {note.split("'")[1] for note in plain.notes if "is it a missing code?" in note}
    assert {"pCR (outcome)", "Gene", "ChemoGrade"} <= suspects
    table = read_clinical_table(path, ColumnRules(missing=(999,)))
    assert (len(table.rows), len(table.columns)) == (400, 121)
    outcome = table.numbers("pCR (outcome)")
    # DATA.md: pCR 84 of 395; Gene has 88 missing.
    assert (np.nansum(outcome), np.count_nonzero(np.isfinite(outcome))) == (84, 395)
    assert np.count_nonzero(table.column("Gene").missing) == 88
    assert sum(name.startswith("original_") for name in table.names) == 107
    assert not any(column.kind == "text" for column in table.columns[1:])


def test_the_real_tables_in_csv(shared_data):
    asah = read_clinical_table(shared_data / "response" / "pROC_aSAH" / "aSAH.csv")
    assert (len(asah.rows), asah.column("outcome").kind, asah.texts("outcome").count("Poor")) == (113, "text", 41)
    curves = read_clinical_table(shared_data / "response" / "dcurves" / "df_binary.csv")
    assert len(curves.rows) == 750
    assert set(curves.texts("cancer")) == {"TRUE", "FALSE"}
    assert asah.notes == curves.notes == ()
