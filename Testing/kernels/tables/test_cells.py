import numpy as np
import pytest

from mrbiomarkers.tables.cells import ColumnRules, typed_columns


def one(cells, **rules):
    (column,), notes = typed_columns(["x"], [cells], range(2, 2 + len(cells)), ColumnRules(**rules))
    return column, notes


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", " 2.5 ", "-3e2", ""], "number", [1, 2.5, -300, np.nan]),
        (["1", "NA", "N/A", "nan"], "number", [1, np.nan, np.nan, np.nan]),
        (["CR", "", " N-CR"], "text", ["CR", "", "N-CR"]),
        (["2016-06-30", "2016/7/1", "2016年7月2日", "NA"], "date", ["2016-06-30", "2016-07-01", "2016-07-02", ""]),
        (["01/02/2016", "03/02/2016"], "text", ["01/02/2016", "03/02/2016"]),
        (["2016-02-30", "2016-02-01"], "text", ["2016-02-30", "2016-02-01"]),
    ],
)
def test_the_kind_is_found_from_the_cells(cells, kind, values):
    column, notes = one(cells)
    assert (column.kind, notes) == (kind, ())
    np.testing.assert_array_equal(column.values, np.array(values, dtype=column.values.dtype))


def test_digits_that_are_a_name_stay_one():
    for cells in (["007", "012"], ["1234567890123456", "1"]):
        column, notes = one(cells)
        assert column.values.tolist() == cells
        assert "digits that are a name" in notes[0]
    assert one(["0", "0.07"])[0].kind == "number"
    assert one(["7", "12"], kinds={"x": "text"})[0].values.tolist() == ["7", "12"]


def test_text_among_numbers_is_said_with_row_and_value():
    assert "'-nan' in row 3" in one(["1", "-nan"])[1][0]
    cells = ["300", "high", "1_000", "inf", "n.d.", "5"]
    column, notes = one(cells)
    shown = "'high' in row 3, '1_000' in row 4, 'inf' in row 5 and 1 more"
    assert column.values.tolist() == cells
    assert notes == (f"column 'x': 2 numbers, but also {shown}; taken as text",)
    with pytest.raises(ValueError, match=f"column 'x': expected numbers, got {shown}; give"):
        one(cells, kinds={"x": "number"})


def test_missing_codes_are_taken_out_and_counted():
    column, notes = one(["1", "999", "999.0", "-", "-", ""], missing=(999, "-"))
    np.testing.assert_array_equal(column.values, [1] + [np.nan] * 5)
    assert column.coded == {"999": 2, "-": 2}
    assert notes == ()
    column, _ = one(["unknown", "CR", "9"], missing=("unknown",), missing_in={"x": (9,)})
    assert (column.values.tolist(), column.coded) == (["", "CR", ""], {"unknown": 1, "9": 1})


def test_codes_of_one_column_leave_the_others():
    rules = ColumnRules(missing_in={"a": (9,)})
    (a, b), _ = typed_columns(["a", "b"], [["9", "1"], ["9", "1"]], [2, 3], rules)
    assert (a.coded, b.coded) == ({"9": 1}, {})
    assert b.values.tolist() == [9, 1]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (["0", "1", "999"], "999"),
        (["61", "84", "-999"], "-999"),
        (["0", "1", "2", "-9", "-9"], "-9"),
        (["0", "1", "99", "99"], "99"),
        (["300", "999", "1400"], ""),
        (["-9.5", "-9", "-9", "3"], ""),
        (["0", "1", "99"], ""),
    ],
)
def test_a_number_that_may_mean_missing_is_pointed_out_and_kept(cells, code):
    column, notes = one(cells)
    assert not column.missing.any()
    assert [note.split(": ")[1].split(" in ")[0] for note in notes] == ([code] if code else [])


def test_na_in_a_text_is_kept_and_pointed_out():
    column, notes = one(["EU", "NA", "NA"])
    assert column.values.tolist() == ["EU", "NA", "NA"]
    assert notes == ("column 'x': 'NA' stands in 2 rows and is kept; is it a missing code?",)


@pytest.mark.parametrize("cells", [["", " "], ["NA", ""], ["999", "999"]])
def test_a_column_without_any_value_is_said(cells):
    column, notes = one(cells, missing=(999,))
    assert column.missing.all()
    assert notes == ("column 'x': no value in any row",)


def test_decimal_commas_are_read_when_said_and_pointed_out_when_not():
    np.testing.assert_array_equal(one(["1,5", "2"], decimal=",")[0].values, [1.5, 2])
    assert "'1.000' in row 3" in one(["1,5", "1.000"], decimal=",")[1][0]
    for cells in (["1,5", "2"], ["1,5", "2,5"]):
        column, notes = one(cells)
        assert column.kind == "text"
        assert "are they numbers with a decimal comma?" in notes[0]


@pytest.mark.parametrize(
    ("order", "cells", "days"),
    [
        ("d/m/y", ["03/04/2016", "3.4.2016", "2016-04-03"], ["2016-04-03"] * 3),
        ("m/d/y", ["03/04/2016", "3-4-2016"], ["2016-03-04"] * 2),
        ("yyyymmdd", ["20160630"], ["2016-06-30"]),
        # 30 June 2016 in a spreadsheet is day 42551; from 1904 on, 1462 days less.
        ("excel", ["42551", "61", ""], ["2016-06-30", "1900-03-01", ""]),
        ("excel 1904", ["41089"], ["2016-06-30"]),
        (
            "y-m-d",
            ["2016-06-30 00:00:00", "2016-06-30 9:05", "2016-06-30T23:59:59.000"],
            ["2016-06-30", "2016-06-30T09:05:00", "2016-06-30T23:59:59"],
        ),
    ],
)
def test_dates_as_they_are_said_to_be_written(order, cells, days):
    column, _ = one(cells, dates={"x": order})
    assert (column.kind, column.values.tolist()) == ("date", days)


@pytest.mark.parametrize(
    ("order", "cell"),
    [
        ("d/m/y", "12/31/2016"),
        ("d/m/y", "1/2/16"),
        ("m/d/y", "31/12/2016"),
        ("excel", "42551.5"),
        ("excel", "60"),
        ("yyyymmdd", "20161301"),
        ("y-m-d", "spring"),
        ("y-m-d", "2016-06/30"),
    ],
)
def test_dates_that_cannot_be_read_are_said_with_row_and_value(order, cell):
    with pytest.raises(ValueError, match=f"column 'x': expected dates written {order}, got '{cell}' in row 3$"):
        one(["", cell], dates={"x": order})


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({"kinds": {"y": "number"}}, ValueError, "kinds: there is no column 'y'; the nearest: 'x'"),
        ({"kinds": {"x": "integer"}}, ValueError, "kinds, x: expected one of date, number, text"),
        ({"dates": {"x": "d/m"}}, ValueError, "dates, x: expected one of"),
        ({"dates": {"x": "d/m/y"}, "kinds": {"x": "text"}}, ValueError, "kinds, x: expected 'date'"),
        ({"missing": "999"}, TypeError, r"missing: expected several codes, as \(999,\)"),
        ({"missing_in": {"x": 999}}, TypeError, "missing_in, x: expected several codes"),
        ({"decimal": ";"}, ValueError, "decimal: expected one of"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules, error, message):
    with pytest.raises(error, match=message):
        one(["1"], **rules)


def test_numbers_of_every_size_keep_every_digit():
    values = np.random.default_rng(3).normal(size=(60, 50)) * 10.0 ** np.arange(-25, 25)
    cells = [[repr(value) for value in column.tolist()] for column in values.T]
    columns, notes = typed_columns([f"f{n}" for n in range(50)], cells, range(60))
    assert notes == ()
    np.testing.assert_array_equal(np.stack([column.values for column in columns], axis=1), values)
