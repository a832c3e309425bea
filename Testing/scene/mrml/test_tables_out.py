"""Tables of a scene: measurements that come back as they were, and tables for reading."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from mrbiomarkers.measurements import COLUMNS, Measurement

D = Measurement(
    "S01", "baseline", "DWI, sag", "A", "L1", "all", "D", "10^-3 mm2/s", "ivim", "nlls", "mean of map", value=1 / 3,
    mean=1 / 3, sd=0.1 + 0.2, median=0.25, p25=1e-300, p75=2 / 3, min=-0.0, max=1e22, n_voxels=1234567, n_slices=3,
    n_unfitted=2, n_on_bound=1, area_mm2=123456.789012, volume_mm3=math.pi, outside_fraction=0.125,
)  # fmt: skip
FIT = replace(D, method="fit of mean signal", value=0.3, se=0.01, ci_low=0.28, ci_high=0.32, mean=math.nan)
PDFF = replace(D, series="mDixon", quantity="PDFF", unit="%", model="water-fat", fit="complex", value=45.5)
ROWS = [D, FIT, PDFF, replace(D, region="L2", value=0.5), replace(D, subject="", region="Läsion α", value=math.nan)]


def same(rows, others, digits=None):
    """Whether rows are equal, NaN to NaN; with ``digits``, numbers as so many digits show them."""

    def shown(row):
        return [f"{cell:.{digits or 17}g}" if isinstance(cell, float) else cell for cell in asdict(row).values()]

    return [shown(row) for row in rows] == [shown(row) for row in others]


def cells(node):
    table = node.GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return {c.GetName(): [c.GetValue(row) for row in range(table.GetNumberOfRows())] for c in columns}


def nodes_of(scene):
    return [scene.GetNthNode(index).GetName() for index in range(scene.GetNumberOfNodes())]


def through_file(node, path):
    """The table written to a file by Slicer's storage node and read into another node, with nothing but the file."""
    import slicer

    schema = path.with_name(f"{path.stem}.schema{path.suffix}")
    nodes = [node, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "read")]
    for table, work in zip(nodes, ("WriteData", "ReadData"), strict=True):
        storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableStorageNode")
        storage.SetFileName(str(path))
        storage.SetSchemaFileName(str(schema))
        assert getattr(storage, work)(table)
    return nodes[1]


def test_the_rows_come_back_as_they_were(scene):
    from mrbiomarkers.mrml.tables_out import add_measurement_table, measurements_of

    node = add_measurement_table(iter(ROWS), "table")

    assert same(measurements_of(node), ROWS)
    assert all(type(row.n_voxels) is int for row in measurements_of(node))
    assert set(cells(node)) == set(COLUMNS)
    assert cells(node)["n_voxels"][0] == 1234567
    assert np.isnan(cells(node)["se"][0])


def test_every_column_says_what_it_is_and_the_unit_is_in_no_title(scene):
    from mrbiomarkers.mrml.tables_out import add_measurement_table

    node = add_measurement_table(ROWS, "table")
    kinds = [node.GetTable().GetColumnByName(name).GetClassName() for name in COLUMNS]
    descriptions = [node.GetColumnDescription(name) for name in COLUMNS]

    assert kinds == 11 * ["vtkStringArray"] + 11 * ["vtkDoubleArray"] + 4 * ["vtkIntArray"] + 3 * ["vtkDoubleArray"]
    assert all(text.endswith(".") for text in descriptions)
    assert len(set(descriptions)) == len(COLUMNS)
    assert node.GetUseColumnTitleAsColumnHeader()
    assert {name: node.GetColumnUnitLabel(name) for name in COLUMNS if node.GetColumnUnitLabel(name)} == {
        "area_mm2": "mm2",
        "volume_mm3": "mm3",
    }
    assert node.GetColumnTitle("area_mm2") == "area"
    assert node.GetColumnTitle("value") == "value"


def test_a_scene_file_keeps_every_digit(scene, tmp_path):
    from mrbiomarkers.mrml.tables_out import add_measurement_table, measurements_of
    from Testing.support import slicer_core

    add_measurement_table(ROWS, "table")
    assert scene.WriteToMRB(str(tmp_path / "s.mrb"))
    again = slicer_core.start()
    again.ReadFromMRB(str(tmp_path / "s.mrb"), True)
    node = again.GetFirstNodeByName("table")

    assert cells(node)["value"][0] == 0.333333  # what the file holds
    assert same(measurements_of(node), ROWS)
    assert node.GetColumnUnitLabel("area_mm2") == "mm2"
    assert node.GetUseColumnTitleAsColumnHeader()


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_a_table_file_keeps_six_digits_every_count_and_every_text(scene, tmp_path, ending):
    from mrbiomarkers.mrml.tables_out import add_measurement_table, measurements_of

    read = through_file(add_measurement_table(ROWS, "table"), tmp_path / f"t.{ending}")

    assert same(measurements_of(read), ROWS, digits=6)
    assert read.GetColumnUnitLabel("volume_mm3") == "mm3"


def test_a_table_of_texts_alone_is_read_too(scene, tmp_path):
    import slicer

    from mrbiomarkers.mrml.tables_out import add_measurement_table, measurements_of

    through_file(add_measurement_table(ROWS[:2], "table"), tmp_path / "t.tsv")
    (tmp_path / "t.schema.tsv").unlink()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "without schema")
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableStorageNode")
    storage.SetFileName(str(tmp_path / "t.tsv"))
    assert storage.ReadData(node)

    assert same(measurements_of(node), ROWS[:2], digits=6)
    for text, message in (
        ("12.5", "a whole number, got 12.5"),
        ("", "a whole number, got nan"),
        ("x", "a number, got 'x'"),
    ):
        node.SetCellText(0, node.GetColumnIndex("n_voxels"), text)
        with pytest.raises(ValueError, match=f"'without schema', row 1, column n_voxels: expected {message}"):
            measurements_of(node)


def test_changes_by_hand_count(scene):
    from mrbiomarkers.mrml.tables_out import add_measurement_table, measurements_of

    node = add_measurement_table(ROWS, "table")
    node.RemoveRow(1)
    node.SetCellText(0, node.GetColumnIndex("value"), "0.75")
    node.SetCellText(2, node.GetColumnIndex("reader"), "B")
    expected = [replace(ROWS[0], value=0.75), ROWS[2], replace(ROWS[3], reader="B"), ROWS[4]]

    assert same(measurements_of(node), expected)


def test_texts_that_a_table_file_would_lose_are_cleaned(scene, tmp_path):
    from mrbiomarkers.mrml.tables_out import add_measurement_table, measurements_of

    rows = [replace(D, region=' the "big" one', series="a\tb\r\nc "), replace(D, subject="'S01'", reader="#1, a\\b")]
    node = add_measurement_table(rows, "table")
    expected = [replace(rows[0], region="the 'big' one", series="a b c"), replace(rows[1], reader="No.1, a\\b")]

    assert same(measurements_of(node), expected)
    for ending in ("tsv", "csv"):
        assert same(measurements_of(through_file(node, tmp_path / f"t.{ending}")), expected, digits=6)


def test_tables_that_are_not_ours_are_refused(scene):
    import slicer

    from mrbiomarkers.mrml.tables_out import add_measurement_table, add_record_table, measurements_of

    with pytest.raises(ValueError, match=r"'other' with missing=.*'value'.*unknown=\['a'\]"):
        measurements_of(add_record_table([{"a": 1}], "other"))
    with pytest.raises(TypeError, match="Table, got"):
        measurements_of(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "model"))
    node = add_measurement_table(ROWS, "table")
    node.SetCellText(1, node.GetColumnIndex("method"), "guess")
    with pytest.raises(ValueError, match=r"'table', row 2: method: expected one of"):
        measurements_of(node)
    node.RemoveColumn(3)
    with pytest.raises(ValueError, match="missing="):
        measurements_of(node)


def test_rows_that_cannot_be_kept_leave_the_scene_as_it_was(scene, monkeypatch):
    from mrbiomarkers.mrml import tables_out

    names = nodes_of(scene)
    with pytest.raises(ValueError, match="region: expected a name"):
        tables_out.add_measurement_table([D, replace(D, region=" ")], "table")
    for add in (tables_out.add_measurement_table, tables_out.add_summary_table):
        with pytest.raises(ValueError, match="expected at least one, got none"):
            add([], "table")
        with pytest.raises(TypeError, match="expected measurements, got dict"):
            add([asdict(D)], "table")
    with pytest.raises(ValueError, match="single slices only"):
        tables_out.add_summary_table([replace(D, slice="3")], "table")
    with pytest.raises(ValueError, match="expected one unit of D"):
        tables_out.add_summary_table([D, replace(D, region="L2", unit="mm2/s")], "table")
    for given, message in (([], "at least one"), ([{}], "at least one"), ([{"": 1}], "names of columns")):
        with pytest.raises(ValueError, match=message):
            tables_out.add_record_table(given, "table")
    with pytest.raises(ValueError, match="units: expected columns of the records"):
        tables_out.add_record_table([{"a": 1}], "table", {"b": "mm"})
    monkeypatch.setattr(tables_out, "json", None)  # fails after the node was added
    with pytest.raises(AttributeError):
        tables_out.add_measurement_table(ROWS, "table")

    assert nodes_of(scene) == names


def test_the_summary_has_a_row_a_region_and_a_column_a_quantity(scene):
    from mrbiomarkers.mrml.tables_out import add_summary_table

    dstar = replace(D, quantity="Dstar", value=20.0)
    node = add_summary_table([*ROWS[:4], dstar, replace(D, slice="4", value=9.0)], "summary")
    found = cells(node)

    assert list(found) == ["region", "subject", "timepoint", "reader", "D", "PDFF", "Dstar", "D (fit)"]
    assert found["region"] == ["L1", "L2"]
    assert found["D"] == [1 / 3, 0.5]
    np.testing.assert_array_equal(found["PDFF"], [45.5, np.nan])
    np.testing.assert_array_equal(found["D (fit)"], [0.3, np.nan])
    assert [node.GetColumnTitle(name) for name in ("D", "Dstar")] == ["D", "D*"]
    assert [node.GetColumnUnitLabel(name) for name in ("D", "PDFF")] == ["10^-3 mm2/s", "%"]
    assert node.GetColumnDescription("D (fit)") == "Diffusion coefficient: fit of mean signal."


def test_the_summary_tells_models_fits_and_series_apart_where_it_has_to(scene):
    from mrbiomarkers.mrml.tables_out import add_summary_table

    rows = [
        replace(D, quantity="S0", unit="a.u."),
        replace(D, quantity="S0", unit="a.u.", model="adc"),
        D,
        replace(D, subject="S02", series="another"),
        replace(PDFF, fit="magnitude"),
        PDFF,
    ]
    names = list(cells(add_summary_table(rows, "summary")))
    twice = cells(add_summary_table([D, replace(D, value=0.5), FIT], "twice"))

    assert twice["D"] + twice["D (2)"] + twice["D (fit)"] == [1 / 3, 0.5, 0.3]
    assert names[4:] == ["S0 (ivim)", "S0 (adc)", "D", "PDFF (magnitude)", "PDFF (complex)"]


def test_a_summary_without_subjects_survives_its_file(scene, tmp_path):
    from mrbiomarkers.mrml.tables_out import add_summary_table

    rows = [replace(row, subject="", timepoint="", reader="") for row in (D, PDFF, FIT)]
    node = add_summary_table(rows, "summary")
    read = through_file(node, tmp_path / "t.tsv")

    assert list(cells(node)) == ["region", "D", "PDFF", "D (fit)"]
    assert cells(read)["region"] == ["L1"]
    assert cells(read)["PDFF"] == [45.5]


def test_records_become_columns_of_numbers_and_texts(scene, tmp_path):
    from mrbiomarkers.mrml.tables_out import add_record_table

    records = [
        {"note": "", "icc": 0.9, "n": 5, "good": True, "mixed": 1},
        {"note": 'a "b"\nc', "icc": None, "n": np.int64(6), "mixed": "x", "more": np.float64(2)},
    ]
    node = add_record_table(records, "agreement", {"n": "pairs"}, {"icc": "Intraclass correlation."})
    found = cells(node)

    assert found["note"] == ["-", "a 'b' c"]
    np.testing.assert_array_equal(found["icc"], [0.9, np.nan])
    assert (found["n"], found["good"], found["mixed"]) == ([5, 6], ["yes", ""], ["1", "x"])
    np.testing.assert_array_equal(found["more"], [np.nan, 2])
    assert (node.GetColumnUnitLabel("n"), node.GetColumnDescription("icc")) == ("pairs", "Intraclass correlation.")
    assert cells(through_file(node, tmp_path / "t.tsv"))["note"] == found["note"]


def test_new_tables_have_names_of_their_own(scene):
    from mrbiomarkers.mrml.tables_out import add_measurement_table, add_summary_table, measurements_of

    first = add_measurement_table(ROWS, "table")
    second = add_summary_table(ROWS[:1], "table")

    assert (first.GetName(), second.GetName()) == ("table", "table_1")
    assert same(measurements_of(first), ROWS)


def test_a_summary_tells_other_statistics_in_the_same_node(scene):
    from mrbiomarkers.mrml.tables_out import add_summary_table, show_statistics

    empty = dict.fromkeys(("mean", "sd", "median", "p25", "p75", "min", "max", "se"), float("nan"))
    of_map = replace(D, **{**empty, "sd": 0.1, "median": 0.3, "p25": 0.2, "p75": 0.4})
    rows = [of_map, replace(of_map, **{**empty, "se": 0.01}, method="fit of mean signal", value=0.35)]
    node = add_summary_table(rows, "summary", statistics=("value", "sd"))
    assert [*cells(node)][-3:] == ["D", "D (SD)", "D (fit)"]
    assert cells(node)["D (SD)"] == [0.1]
    assert node.GetColumnTitle("D (SD)") == "D (SD)"
    assert node.GetColumnUnitLabel("D (SD)") == "10^-3 mm2/s"
    assert node.GetColumnDescription("D (SD)") == "Diffusion coefficient: mean of map, SD."
    show_statistics(node, rows, ("median", "p25", "p75"))
    assert [*cells(node)][-3:] == ["D (median)", "D (p25)", "D (p75)"]
    show_statistics(node, rows, ("se",))
    assert [*cells(node)][-1] == "D (fit, se)"
    before = cells(node)
    for statistics, message in (
        (("mode",), "expected one or more of value"),
        ((), "expected one or more of value"),
        (("max",), "expected one that the rows have, got max"),
    ):
        with pytest.raises(ValueError, match=message):
            show_statistics(node, rows, statistics)
    with pytest.raises(ValueError, match="expected a summary table"):
        show_statistics(scene.AddNewNodeByClass("vtkMRMLTableNode"), rows, ("value",))
    assert cells(node) == before
