"""Workbooks. XLSX files are written here by openpyxl; XLS by a stand-in of xlrd, and a real one elsewhere."""

import datetime
import io
from types import SimpleNamespace

import pytest

from mrbiomarkers.files import table_sheets
from mrbiomarkers.files.table_sheets import xls_grid, xlsx_grid


def workbook(*sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_cells_of_every_kind():
    day = datetime.datetime(2016, 6, 30)
    rows = [
        ["ID", "age", "on", "at", "ok", "text"],
        [1, 1 / 3, day, day.replace(hour=9), True, " x "],
        [],
        [2.0, None, None, None, False, "007"],
    ]
    grid = xlsx_grid(workbook(("Tabelle", rows)))
    assert grid.cells[1:] == [
        ["1", "0.3333333333333333", "2016-06-30", "2016-06-30T09:00:00", "TRUE", " x "],
        ["2", "", "", "", "FALSE", "007"],
    ]
    assert (grid.rows, grid.source, grid.notes) == ([1, 2, 4], {"sheet": "Tabelle"}, [])


def test_the_first_sheet_is_read_and_the_others_are_named():
    data = workbook(("患者", [["a"], [1]]), ("old", [["b"], [2]]))
    grid = xlsx_grid(data)
    assert grid.cells == [["a"], ["1"]]
    assert grid.notes == ["sheet '患者' was read, not 'old'"]
    assert xlsx_grid(data, "old").cells == [["b"], ["2"]]
    with pytest.raises(ValueError, match=r"sheet: there is no sheet 'Old2'; the nearest: 'old'"):
        xlsx_grid(data, "Old2")


def test_a_formula_without_a_saved_value_is_refused():
    with pytest.raises(ValueError, match=r"expected a saved value of every formula, got none in B2, B3; open the"):
        xlsx_grid(workbook(("s", [["a", "b"], [1, "=A2*2"], [2, "=A3*2"]])))
    # One in another sheet does not matter.
    assert xlsx_grid(workbook(("s", [["a"], [1]]), ("t", [["=1+1"]]))).cells == [["a"], ["1"]]


def test_damaged_workbooks_are_refused():
    data = workbook(("s", [["a"], [1]]))
    with pytest.raises(ValueError, match="expected an XLSX workbook, got a file that cannot be read"):
        xlsx_grid(data[:200])
    pytest.importorskip("xlrd")
    with pytest.raises(ValueError, match="expected an XLS workbook, got a file that cannot be read"):
        xls_grid(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


def test_a_missing_library_is_named(monkeypatch):
    def no_such(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(table_sheets, "import_module", no_such)
    for read, library in ((xlsx_grid, "openpyxl"), (xls_grid, "xlrd")):
        with pytest.raises(ModuleNotFoundError, match=rf"expected {library} .*mrbiomarkers\[tables\]"):
            read(b"")


def test_dates_flags_and_errors_of_xls(monkeypatch):
    cells = [[(1, "on"), (1, "b")], [(3, 42551.0), (4, 1)], [(3, 42551.5), (5, 7)], [(3, 0.5), (2, 3.0)]]

    def as_datetime(value, mode):
        assert mode == 0
        return datetime.datetime(1899, 12, 30) + datetime.timedelta(days=value)

    page = SimpleNamespace(
        nrows=len(cells),
        row_types=lambda n: [kind for kind, _ in cells[n]],
        row_values=lambda n: [value for _, value in cells[n]],
    )
    book = SimpleNamespace(sheet_names=lambda: ["s"], sheet_by_name=lambda _: page, datemode=0)
    stand_in = SimpleNamespace(
        open_workbook=lambda **_: book,
        xldate_as_datetime=as_datetime,
        error_text_from_code={7: "#DIV/0!"},
        XL_CELL_DATE=3,
        XL_CELL_BOOLEAN=4,
        XL_CELL_ERROR=5,
    )
    monkeypatch.setattr(table_sheets, "import_module", lambda _: stand_in)
    expected = [["on", "b"], ["2016-06-30", "TRUE"], ["2016-06-30T12:00:00", "#DIV/0!"], ["0.5", "3"]]
    assert xls_grid(b"").cells == expected
