import numpy as np
import pytest

from mrbiomarkers.tables.table import Column, Table, is_number, number_text


def table():
    columns = (
        Column("subject", np.array(["P1", "P2", "P3"], dtype=object), "text"),
        Column("age", np.array([61.0, np.nan, 0.5])),
        Column("ldh", np.array(["300", ">500", ""], dtype=object), "text"),
        Column("scan", np.array(["2016-06-30", "", "2016-07-01"], dtype=object), "date"),
    )
    return Table("clinical.csv", columns, (2, 3, 5))


def test_numbers_texts_and_what_is_missing():
    given = table()
    np.testing.assert_array_equal(given.numbers("age"), [61, np.nan, 0.5])
    assert given.texts("age") == ["61", "", "0.5"]
    assert [column.missing.tolist() for column in given.columns] == [
        [False] * 3,
        [False, True, False],
        [False, False, True],
        [False, True, False],
    ]
    assert given.arrays()["scan"].tolist() == ["2016-06-30", "", "2016-07-01"]


def test_text_in_a_number_column_is_said_with_row_and_value():
    with pytest.raises(ValueError, match=r"clinical.csv, column 'ldh': expected numbers, got '>500' in row 3$"):
        table().numbers("ldh")
    with pytest.raises(ValueError, match=r"got '2016-06-30' in row 2, '2016-07-01' in row 5$"):
        table().numbers("scan")


def test_the_nearest_names_of_a_column_are_said():
    with pytest.raises(ValueError, match=r"clinical.csv: there is no column 'AGES'; the nearest: 'age'"):
        table().numbers("AGES")
    with pytest.raises(ValueError, match="there is no column 'xyz'; the nearest: 'subject', 'age', 'ldh', 'scan'"):
        table().column("xyz")


def test_rows_and_names_can_be_chosen():
    some = table().take([2, 0])
    assert (some.rows, some.texts("subject")) == ((5, 2), ["P3", "P1"])
    assert table().renamed({"age": "months"}).names == ("subject", "months", "ldh", "scan")
    with pytest.raises(ValueError, match="no column 'agee'"):
        table().renamed({"agee": "x"})
    with pytest.raises(ValueError, match="expected every column once, got 'ldh' twice"):
        table().renamed({"age": "ldh"})


def test_a_table_is_not_changed_from_outside():
    values = np.array([1.0, 2.0])
    column = Column("a", values)
    values[0] = 9
    assert column.values[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        column.values[0] = 9


def test_columns_of_other_lengths_kinds_or_without_a_name_are_refused():
    with pytest.raises(ValueError, match=r"t: expected 2 values in every column, got \[1, 2\]"):
        Table("t", (Column("a", np.zeros(2)), Column("b", np.zeros(1))))
    with pytest.raises(ValueError, match="kind: expected one of"):
        Column("a", np.zeros(2), "flag")
    with pytest.raises(ValueError, match="name: expected a name"):
        Column("", np.zeros(2))
    with pytest.raises(ValueError, match=r"column 'a': expected one axis, got shape \(2, 2\)"):
        Column("a", np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7.0, "7"),
        (-0.5, "-0.5"),
        (float("nan"), ""),
        (1e22, "1e+22"),
        (1 / 3, "0.3333333333333333"),
        (1e14, "1" + "0" * 14),
    ],
)
def test_numbers_keep_every_digit(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize("text", ["1_000", "inf", "-infinity", "nan", "", "1,5", "0x1", "5 %"])
def test_what_is_no_number(text):
    assert not is_number(text)
