import numpy as np
import pytest

from mrbiomarkers.tables.clinical import Lacking, join_clinical
from mrbiomarkers.tables.table import Column, Table


def text(name, *values):
    return Column(name, np.array(values, dtype=object), "text")


def clinical(*subjects, **more):
    columns = [text("ID", *subjects), Column("age", np.arange(len(subjects), dtype=float))]
    columns += [text(name, *values) for name, values in more.items()]
    return Table("clinical.csv", tuple(columns), tuple(range(2, 2 + len(subjects))))


def measured(*keys):
    subjects, times = zip(*keys, strict=True)
    return Table(
        "maps", (text("subject", *subjects), text("timepoint", *times), Column("f", np.arange(len(keys)) * 0.1))
    )


def test_clinical_values_are_repeated_for_every_timepoint_of_a_subject():
    joined = join_clinical(
        clinical("a ", "b", "c"), measured(("b", "before"), ("a", "before"), ("b", "after")), subject="ID"
    )
    assert joined.table.names == ("ID", "age", "timepoint", "f")
    assert joined.table.texts("ID") == ["a ", "b", "b"]
    assert joined.table.texts("timepoint") == ["before", "before", "after"]
    np.testing.assert_allclose(joined.table.numbers("f"), [0.1, 0.0, 0.2])
    np.testing.assert_array_equal(joined.table.numbers("age"), [0, 1, 1])
    assert joined.table.rows == (2, 3, 3)
    assert joined.n_subjects == 2
    assert joined.lacking == (Lacking("a", "after"),)
    assert [row.record() for row in joined.unmatched] == [
        {"table": "clinical.csv", "row": 4, "subject": "c", "timepoint": "", "nearest": ""}
    ]
    assert joined.notes == (
        "clinical.csv: 1 rows match nothing: c (row 4)",
        "timepoint 'after' is missing for 1 subjects: a",
    )


def test_by_subject_and_timepoint():
    table = clinical("a", "a", "b", visit=("before", "after", "after"))
    joined = join_clinical(
        table, measured(("a", "after"), ("b", "before"), ("b", "after")), subject="ID", timepoint="visit"
    )
    assert joined.table.names == ("ID", "age", "visit", "f")
    assert joined.table.texts("visit") == ["after", "after"]
    np.testing.assert_allclose(joined.table.numbers("f"), [0.0, 0.2])
    assert [(row.table, row.row, row.subject, row.timepoint) for row in joined.unmatched] == [
        ("clinical.csv", 2, "a", "before"),
        ("maps", 2, "b", "before"),
    ]
    assert joined.lacking == (Lacking("a", "before"),)


def test_all_clinical_rows_can_be_kept():
    joined = join_clinical(clinical("a", "b"), measured(("b", ""), ("x", "")), subject="ID", keep="clinical")
    assert joined.table.texts("ID") == ["a", "b"]
    np.testing.assert_array_equal(joined.table.numbers("f"), [np.nan, 0])
    assert joined.table.texts("timepoint") == ["", ""]
    assert [row.subject for row in joined.unmatched] == ["a", "x"]
    assert joined.lacking == ()


def test_names_match_exactly_and_what_comes_near_is_said_only():
    joined = join_clinical(clinical("P-007", "p8", "", "9"), measured(("P7", ""), ("P8", ""), ("9", "")), subject="ID")
    assert joined.table.texts("ID") == ["9"]
    assert [(row.subject, row.nearest) for row in joined.unmatched] == [
        ("P-007", "P7"),
        ("p8", "P8"),
        ("", ""),
        ("P7", "P-007"),
        ("P8", "p8"),
    ]
    assert "no subject (row 4)" in joined.notes[0]
    assert "P-007 (row 2; the other table has P7)" in joined.notes[0]


def test_numbers_match_their_names():
    table = Table("c", (Column("ID", np.array([7.0, 12.0])), Column("age", np.zeros(2))))
    assert join_clinical(table, measured(("12", ""), ("7", "")), subject="ID").n_subjects == 2


@pytest.mark.parametrize(
    ("table", "other", "options", "message"),
    [
        (
            clinical("a", "b", "a"),
            measured(("a", "")),
            {},
            "got subject 'a' in rows 2 and 4; name its column of timepoints",
        ),
        (
            clinical("a", "a", visit=("1", "1")),
            measured(("a", "1")),
            {"timepoint": "visit"},
            "got subject 'a', timepoint '1' in rows 2 and 3$",
        ),
        (
            clinical("a"),
            measured(("a", "1"), ("a", "1")),
            {},
            "maps: .* got subject 'a', timepoint '1' in rows 1 and 2",
        ),
        (clinical("a"), measured(("b", "")), {}, "expected some in both tables, got 'a' ... and 'b'"),
        (clinical("a", f=("1",)), measured(("a", "")), {}, "got 'f' in both; rename"),
        (clinical("a"), measured(("a", "")), {"subject": "Id"}, "there is no column 'Id'; the nearest: 'ID'"),
        (clinical("a"), measured(("a", "")), {"keep": "all"}, "keep: expected one of"),
    ],
)
def test_what_cannot_be_joined_is_refused(table, other, options, message):
    with pytest.raises(ValueError, match=message):
        join_clinical(table, other, **{"subject": "ID", **options})


def test_a_measured_table_without_timepoints_cannot_match_some():
    other = Table("maps", (text("subject", "a"), Column("f", np.zeros(1))))
    with pytest.raises(ValueError, match="maps: expected a column 'timepoint'"):
        join_clinical(clinical("a", visit=("1",)), other, subject="ID", timepoint="visit")
    assert join_clinical(clinical("a"), other, subject="ID").table.names == ("ID", "age", "f")


def test_rows_without_a_subject_match_nothing():
    joined = join_clinical(clinical("a", ""), measured(("", ""), ("a", "")), subject="ID")
    assert joined.table.texts("ID") == ["a"]
    assert [(row.table, row.row) for row in joined.unmatched] == [("clinical.csv", 3), ("maps", 1)]
