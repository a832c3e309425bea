"""Rows of two readers put together for the agreement."""

import pytest

from Testing.scene.test_blinding import measurement


@pytest.fixture
def comparing(program):
    from mrbiomarkers.panels.readers import comparing

    return comparing


LEVELS = ("L1", "L2", "L3", "L4", "L5")


def rows(reader, shift=0.0, regions=LEVELS):
    return [measurement(reader, region, index + 1 + shift * (index % 2)) for index, region in enumerate(regions)]


def test_of_what_was_measured_twice_the_last_counts(comparing):
    from mrbiomarkers.mrml import add_measurement_table

    tables = [
        add_measurement_table([measurement("Anna", value=1.0), measurement("mean", value=9.0)], "1"),
        add_measurement_table([measurement("ANNA", value=2.0), measurement("", value=7.0)], "2"),
    ]
    assert comparing.tables_of_scene() == tables
    found = comparing.rows_by_reader(tables)
    assert {name: [row.value for row in own] for name, own in found.items()} == {"Anna": [2.0]}
    tables[1].SetHideFromEditors(True)
    assert comparing.tables_of_scene() == tables[:1]


def test_bias_is_that_of_the_values_and_nothing_else_stays_in_the_scene(comparing, ivim):
    import slicer

    found = {"Anna": [*rows("Anna"), measurement("Anna", "L1-L5", 50.0)], "Ben": [*rows("B", 1.0)]}
    before = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode")
    made = comparing.compare(ivim, found, ("Anna", "Ben"), [], "here")
    data = made.table.GetTable()

    # Ben's values are larger by 1 in two of five regions
    assert data.GetColumnByName("bias").GetValue(0) == pytest.approx(-0.4)
    assert (data.GetColumnByName("n").GetValue(0), data.GetNumberOfRows()) == (5, 1)
    assert data.GetColumnByName("reader_b").GetValue(0) == "Ben"
    (name,) = comparing.charts_of(made.table)
    assert name == "ADC, adc, mean of map"
    lines = 4  # tables of the chart's pairs, bias and limits
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == before + 1 + lines
    one = comparing.compare(ivim, found, ("Anna", "Ben"), ["L1", "L2"], "here")
    assert one.table.GetTable().GetColumnByName("n").GetValue(0) == 2


@pytest.mark.parametrize(
    ("found", "regions", "told"),
    [
        ({"Anna": rows("Anna")}, [], "Ben has no measurements here"),
        ({"Anna": rows("Anna"), "Ben": rows("Ben", regions=["Lesion 1"])}, [], "no region in common .*Lesion 1"),
        ({"Anna": rows("Anna"), "Ben": rows("Ben")}, ["L9"], "Nobody has measured L9; measured were L1"),
        ({"Anna": rows("Anna"), "Ben": rows("Ben", regions=["L1"])}, [], "needs two or more .* have 1 in common here"),
        ({"Anna": rows("Anna"), "Ben": rows("Ben")}, ["L1"], "have 1 in common"),
    ],
)
def test_what_cannot_be_compared_is_told_and_adds_nothing(comparing, ivim, found, regions, told):
    import slicer

    before = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(ValueError, match=told):
        comparing.compare(ivim, found, ("Anna", "Ben"), regions, "here")

    assert slicer.mrmlScene.GetNumberOfNodes() == before
