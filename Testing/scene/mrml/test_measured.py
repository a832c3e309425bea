"""What belongs to a measurement table is found again, also in a scene that was saved and loaded."""

from dataclasses import replace

import numpy as np
import pytest

from mrbiomarkers.measurements import Measurement

ROW = Measurement("S01", "", "", "A", "L1", "all", "D", "10^-3 mm2/s", "ivim", "nlls", "mean of map", value=0.5)
ROWS = [replace(ROW, reader=reader, region=region) for reader in "AB" for region in ("L1", "L2")]
ROWS += [replace(row, reader="mean") for row in ROWS[:2]]


def measured(readers=("A", "B"), warnings=("one", 'a "second"')):
    """A table of what the readers have drawn, with a chart of each L1."""
    import slicer

    from mrbiomarkers.mrml import MeasuredNodes, add_measurement_table, add_segmentation, add_summary_table
    from mrbiomarkers.mrml.measured import keep_together

    rows = [row for row in ROWS if row.reader in readers or len(readers) > 1]
    mask = np.eye(3)[None]
    drawn = {reader: add_segmentation(f"of {reader}", {"L1": mask, "L2": 1 - mask}, np.eye(4)) for reader in readers}
    charts = {f"{reader} L1": slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode") for reader in readers}
    made = MeasuredNodes(add_measurement_table(rows, "table"), add_summary_table(rows, "summary"), charts, warnings)
    keep_together(made, drawn)
    return made, drawn


def test_all_that_belongs_to_a_table_is_found(scene):
    from mrbiomarkers.mrml.measured import measured_of, regions_of

    made, drawn = measured()
    found = measured_of(made.table)
    assert (found.table, found.summary, found.charts) == (made.table, made.summary, made.charts)
    assert found.warnings == ("one", 'a "second"')
    assert regions_of(made.table) == {
        "A L1": ("L1", drawn["A"], made.charts["A L1"]),
        "A L2": ("L2", drawn["A"], None),
        "B L1": ("L1", drawn["B"], made.charts["B L1"]),
        "B L2": ("L2", drawn["B"], None),
    }


def test_one_readers_regions_have_their_own_names(scene):
    from mrbiomarkers.mrml.measured import regions_of

    made, _drawn = measured(("A",))

    assert list(regions_of(made.table)) == ["L1", "L2"]


def test_it_survives_saving_and_loading_beside_another(scene, tmp_path):
    import slicer

    from mrbiomarkers.mrml.measured import measured_of, regions_of

    made, drawn = measured()
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    tables = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLTableNode")
        if node.GetAttribute("MRBiomarkers.Table") == "measurements"
    ]
    assert tables[0] is made.table
    again = measured_of(tables[1])
    assert again.summary not in (None, made.summary)
    assert set(again.charts) == {"A L1", "B L1"}
    assert not set(again.charts.values()) & set(made.charts.values())
    assert again.warnings == made.warnings
    assert not {entry[1] for entry in regions_of(tables[1]).values()} & set(drawn.values())


def test_deleted_nodes_and_segments_are_left_out(scene):
    from mrbiomarkers.mrml.measured import measured_of, regions_of

    made, drawn = measured()
    scene.RemoveNode(made.summary)
    scene.RemoveNode(made.charts["A L1"])
    scene.RemoveNode(drawn["B"])
    content = drawn["A"].GetSegmentation()
    content.RemoveSegment(content.GetSegmentIdBySegmentName("L2"))

    assert measured_of(made.table).summary is None
    assert regions_of(made.table) == {
        "A L1": ("L1", drawn["A"], None),
        "B L1": ("L1", None, made.charts["B L1"]),
    }


def test_a_table_of_another_kind_has_nothing(scene):
    from mrbiomarkers.mrml.measured import measured_of, regions_of

    table = scene.AddNewNodeByClass("vtkMRMLTableNode")
    found = measured_of(table)
    assert (found.summary, found.charts, found.warnings, regions_of(table)) == (None, {}, (), {})
    with pytest.raises(TypeError, match="table: expected a node of kind Table"):
        measured_of(scene.AddNewNodeByClass("vtkMRMLModelNode"))
