import numpy as np
import pytest

from mrbiomarkers.tables.change import by_timepoint, change
from mrbiomarkers.tables.clinical import Lacking
from mrbiomarkers.tables.table import Column, Table


@pytest.fixture
def table():
    def text(name, *values, kind="text"):
        return Column(name, np.array(values, dtype=object), kind)

    return Table(
        "maps",
        (
            text("subject", "a", "a", "b", "c", "c"),
            text("timepoint", "before", "after", "before", "after", "before"),
            Column("f", np.array([0.5, 0.4, 0.6, 0.3, 0.0]), unit="1", meaning="perfusion fraction"),
            text("scan", "2016-01-01", "2016-02-01", "2016-01-02", "2016-02-03", "2016-01-03", kind="date"),
        ),
        (2, 3, 4, 5, 6),
    )


def test_timepoints_stand_side_by_side(table):
    spread = by_timepoint(table)
    assert spread.table.names == ("subject", "f_before", "f_after", "scan_before", "scan_after")
    assert spread.table.texts("subject") == ["a", "b", "c"]
    np.testing.assert_array_equal(spread.table.numbers("f_before"), [0.5, 0.6, 0.0])
    np.testing.assert_array_equal(spread.table.numbers("f_after"), [0.4, np.nan, 0.3])
    assert spread.table.texts("scan_after") == ["2016-02-01", "", "2016-02-03"]
    assert spread.table.rows == (2, 4, 5)
    assert spread.lacking == (Lacking("b", "after"),)
    assert by_timepoint(table, ["after"]).table.texts("subject") == ["a", "c"]


@pytest.mark.parametrize(
    ("kind", "name", "unit", "values"),
    [
        ("difference", "f_change", "1", [-0.1, np.nan, 0.3]),
        ("percent", "f_change_percent", "%", [-20, np.nan, np.nan]),
        ("ratio", "f_ratio", "1", [0.8, np.nan, np.nan]),
    ],
)
def test_change_from_before_to_after(table, kind, name, unit, values):
    spread = change(table, "before", "after", kind=kind)
    np.testing.assert_allclose(spread.table.numbers(name), values, atol=1e-12)
    column = spread.table.column(name)
    assert column.unit == unit
    assert column.meaning.endswith("of perfusion fraction, before to after")
    assert spread.table.names[-1] == name
    assert spread.lacking == (Lacking("b", "after"),)
    said = [f"column 'f': no {name[2:]} of 1 subjects, whose value before is not above 0"]
    assert list(spread.table.notes) == ([] if kind == "difference" else said)


def test_what_has_no_change_is_refused(table):
    with pytest.raises(ValueError, match="after: expected another timepoint than before, got 'after' for both"):
        change(table, "after", "after")
    with pytest.raises(ValueError, match="there is no timepoint 'befor'; the nearest: 'before'"):
        change(table, "befor", "after")
    with pytest.raises(ValueError, match="kind: expected one of"):
        change(table, "before", "after", kind="log")
    with pytest.raises(ValueError, match=r"got \('a', 'before'\) in rows 2 and 2"):
        by_timepoint(table.take([0, 0]))
    nameless = Table("t", (table.take([0]).columns[0], Column("timepoint", np.array([""], dtype=object), "text")), (7,))
    with pytest.raises(ValueError, match="t: expected a subject and a timepoint in every row, got none in row 7"):
        by_timepoint(nameless)
