import pytest

from mrbiomarkers.measurements import Measurement, measurements_to_csv
from mrbiomarkers.study import Worklist
from mrbiomarkers.study.readings import reader_name, readers_of, rows_of, same_reader


def row(subject, reader, value, region="L3"):
    names = ("ADC", "10^-3 mm2/s", "adc", "nlls", "mean of map")
    return Measurement(subject, "pre", "dwi", reader, region, "all", *names, value=value)


def read(folder, reader, done, excluded=(), without=(), rows_by=None):
    """A worklist of three cases with the values 1, 2, 3 of one reader."""
    table = folder / "cohort.csv"
    lines = ["subject,timepoint,series"]
    for number in (1, 2, 3):
        (folder / f"s{number}.nii.gz").touch()
        lines.append(f"S{number},pre,s{number}.nii.gz")
    table.write_text("\n".join(lines))
    with Worklist.read(table, reader=reader) as worklist:
        for case in worklist.cases:
            number = int(case.subject[1:])
            if number not in without:
                rows = [row(case.subject, rows_by or reader, float(number)), row(case.subject, "mean", 99.0)]
                worklist.places(case).measurements.write_text(measurements_to_csv(rows))
            if number in done:
                worklist.mark(case, "done")
            if number in excluded:
                worklist.mark(case, "excluded", "motion")
        return worklist.folder


@pytest.mark.parametrize("other", ["Anna", "anna", " ANNA ", "An\u0303na".replace("\u0303", "")])
def test_capitals_and_blanks_make_no_other_reader(other):
    assert same_reader("Anna", other)


def test_names_that_differ_or_are_none_are_not_the_same():
    assert not same_reader("Anna", "Ann")
    assert not same_reader("Anna B", "AnnaB")
    assert not same_reader("", "")
    assert not same_reader(None, " ")
    assert same_reader("Mu\u0308ller", "M\u00fcLLER")
    assert same_reader("A  B", "a b")
    assert reader_name("  A \t B ") == "A B"


def test_readers_and_the_rows_of_what_they_have_done(tmp_path):
    anna = read(tmp_path, "Anna", done=(1, 3))
    ben = read(tmp_path, "ben", done=(2,), excluded=(3,))

    assert readers_of(anna.parent) == {"Anna": anna, "ben": ben}
    rows, notes = rows_of(anna)
    assert sorted((row.subject, row.reader, row.value) for row in rows) == [("S1", "Anna", 1.0), ("S3", "Anna", 3.0)]
    assert notes == []
    assert [(row.subject, row.reader) for row in rows_of(ben)[0]] == [("S2", "ben")]


def test_rows_under_another_spelling_get_the_readers_name(tmp_path):
    anna = read(tmp_path, "Anna", done=(1,), rows_by="ANNA ")

    assert [row.reader for row in rows_of(anna)[0]] == ["Anna"]


def test_done_cases_without_measurements_are_counted_and_not_named(tmp_path):
    anna = read(tmp_path, "Anna", done=(1, 2), without=(2,))
    rows, notes = rows_of(anna)

    assert len(rows) == 1
    assert notes == ["reader 'Anna': 1 of 2 cases that are done have no measurements"]


def test_what_is_no_reader_is_left_out(tmp_path):
    anna = read(tmp_path, "Anna", done=(1,))
    (anna.parent / "notes.txt").touch()
    (anna.parent / "other").mkdir()
    (anna.parent / "broken").mkdir()
    (anna.parent / "broken" / "state.json").write_text("{")

    assert list(readers_of(anna.parent)) == ["Anna"]
    assert readers_of(tmp_path / "nothing") == {}
    with pytest.raises(FileNotFoundError, match="holds no readings"):
        rows_of(anna.parent / "other")
    with pytest.raises(ValueError, match="cannot be used"):
        rows_of(anna.parent / "broken")


def test_a_broken_table_is_named(tmp_path):
    anna = read(tmp_path, "Anna", done=(1,))
    (table,) = anna.glob("S1*.measurements.csv")
    table.write_text("subject,value\nS1,2\n")

    with pytest.raises(ValueError, match=r"S1.*measurements\.csv: measurement table: expected columns"):
        rows_of(anna)


def test_labels_take_the_place_of_subject_and_time_point(tmp_path):
    anna = read(tmp_path, "Anna", done=(1, 2, 3))
    with Worklist.read(tmp_path / "cohort.csv", reader="Anna", blind=True) as worklist:
        labels = {case.name: worklist.label(case) for case in worklist.cases[:2]}
    rows = rows_of(anna, labels)[0]

    assert sorted((row.subject, row.timepoint) for row in rows) == [("case 1", ""), ("case 2", "")]
