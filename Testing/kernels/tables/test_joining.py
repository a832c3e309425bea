import pytest

from mrbiomarkers.measurements import COLUMNS, Measurement, measurements_to_csv
from mrbiomarkers.tables import join_tables, mean_over_readers, pairs, read_tables


def row(reader="A", value=1.0, **changes):
    given = dict.fromkeys(COLUMNS[:11], "") | {"subject": "s1", "region": "L1", "slice": "all"}
    given |= {"quantity": "PDFF", "unit": "%", "model": "water-fat", "fit": "complex", "method": "mean of map"}
    return Measurement(**{**given, "reader": reader, "value": value, "n_voxels": 5, **changes})


@pytest.fixture
def write(tmp_path):
    def write_table(name, rows, encoding="utf-8"):
        path = tmp_path / name / "measurements.csv"
        path.parent.mkdir()
        path.write_text(measurements_to_csv(rows), encoding=encoding)
        return path

    return write_table


def test_tables_of_two_readers_are_joined_in_order(write):
    paths = [write("a", [row("A", 40.0), row("A", 42.0, region="L2")]), write("b", [row("B", 44.0)])]
    rows = read_tables(paths)
    assert [(item.reader, item.region, item.value) for item in rows] == [
        ("A", "L1", 40.0),
        ("A", "L2", 42.0),
        ("B", "L1", 44.0),
    ]
    assert [mean.value for mean in mean_over_readers(rows).means] == [42.0]
    assert pairs(rows, "A", "B", "PDFF").ratings.tolist() == [[40.0, 44.0]]


def test_a_byte_order_mark_and_an_empty_table_do_no_harm(write):
    paths = [write("a", [row("Ä")], encoding="utf-8-sig"), write("b", [])]
    assert [item.reader for item in read_tables(map(str, paths))] == ["Ä"]


def test_what_was_written_is_read_again(write, tmp_path):
    rows = [row("A", 1 / 3), row("B", 0.1)]
    assert measurements_to_csv(read_tables([write("a", rows)])) == measurements_to_csv(rows)


@pytest.mark.parametrize("column", ["subject", "timepoint", "series", "reader", "region", "slice", "model", "fit"])
def test_rows_that_differ_in_one_name_are_not_the_same(column):
    assert len(join_tables({"a": [row()], "b": [row(**{column: "2"})]})) == 2


def test_the_same_row_in_two_tables_is_named_with_both():
    where = r"got subject 's1', reader 'A', region 'L1', PDFF \(water-fat, complex, mean of map\) in a and in b"
    with pytest.raises(ValueError, match=where):
        join_tables({"a": [row()], "b": [row(value=2.0)]})
    with pytest.raises(ValueError, match="twice in a; give the rows of each run a"):
        join_tables({"a": [row(), row()]})


def test_a_unit_makes_no_other_row_and_may_not_be_mixed():
    with pytest.raises(ValueError, match="expected every row once"):
        join_tables({"a": [row()], "b": [row(unit="1")]})
    with pytest.raises(ValueError, match=r"expected one unit of PDFF, got '%' in a and '1' in b \(subject 's1'"):
        join_tables({"a": [row()], "b": [row("B", unit="1")]})


def test_unusable_files_are_named(write, tmp_path):
    good = write("good", [row()])
    other = tmp_path / "other.csv"
    other.write_text("subject,value\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.csv: measurement table: expected columns subject, .* missing="):
        read_tables([good, other])
    broken = tmp_path / "broken.csv"
    broken.write_text(good.read_text(encoding="utf-8").replace(",5,", ",five,"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.csv: measurement table, line 2, column n_voxels: .* 'five'"):
        read_tables([broken])
    latin = tmp_path / "latin.csv"
    latin.write_bytes(measurements_to_csv([row("Ä")]).encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.csv: 'utf-8' codec"):
        read_tables([latin])
    with pytest.raises(FileNotFoundError, match="absent"):
        read_tables([good, tmp_path / "absent.csv"])


def test_paths_are_several_different_ones(write):
    path = write("a", [row()])
    with pytest.raises(TypeError, match="paths: expected a sequence of paths, got the single path"):
        read_tables(str(path))
    with pytest.raises(ValueError, match="paths: expected at least one measurement table, got none"):
        read_tables([])
    with pytest.raises(ValueError, match="paths: expected every file once"):
        read_tables([path, path.parent / ".." / "a" / "measurements.csv"])
