"""What one reader has made is hidden from another, and shown again exactly as it was."""

import numpy as np
import pytest

AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])


@pytest.fixture
def blinding(program):
    from mrbiomarkers.panels.readers import blinding

    return blinding


def measurement(reader, region="L3", value=1.0):
    from mrbiomarkers.measurements import Measurement

    names = ("ADC", "10^-3 mm2/s", "adc", "nlls", "mean of map")
    return Measurement("S1", "pre", "dwi", reader, region, "all", *names, value=value)


def regions(reader, name="Regions", image=None):
    from mrbiomarkers.mrml import add_level_points, add_segmentation
    from mrbiomarkers.panels.readers.reader_nodes import give_reader

    node = add_segmentation(name, {"L3": np.ones((2, 3, 4))}, AFFINE)
    points = add_level_points(f"{name} points", points={"L3": (0, 0, 0)})
    give_reader(reader, image, node, points)
    return node, points


def chart(name="Decay"):
    from mrbiomarkers.mrml import add_decay_chart

    return add_decay_chart(name, [0, 1], [2, 1], [0.1, 0.1], {"fit": [2, 1]}, curve_x=[0, 1])


def is_seen(node):
    display = getattr(node, "GetDisplayVisibility", lambda: 1)()
    return bool(display) and not node.GetHideFromEditors()


def test_what_others_have_made_goes_and_comes_back_as_it_was(blinding):
    from mrbiomarkers.mrml import add_measurement_table

    hers, points = regions("Anna")
    older, _ = regions("Anna", "Older")
    older.SetDisplayVisibility(False)
    mine, _ = regions("ben")
    model, _ = regions("")
    table, own = add_measurement_table([measurement("Anna")], "A"), add_measurement_table([measurement("BEN")], "B")
    both = add_measurement_table([measurement("Anna"), measurement("Ben")], "AB")
    decay = chart()
    lines = [decay.GetNthPlotSeriesNode(0), decay.GetNthPlotSeriesNode(0).GetTableNode()]
    both.SetHideFromEditors(True)
    blinding.hide(blinding.to_hide("Ben"))

    assert not any(map(is_seen, [hers, points, older, table, both, decay, *lines]))
    assert all(map(is_seen, [mine, model, own]))
    assert blinding.to_hide("Ben") == []
    assert set(blinding.hidden_nodes()) >= {hers, points, older, table, both, decay, *lines}
    blinding.show_hidden()
    assert all(map(is_seen, [hers, points, table, decay, *lines, mine, model, own]))
    assert (older.GetDisplayVisibility(), older.GetHideFromEditors(), both.GetHideFromEditors()) == (0, 0, 1)
    assert blinding.hidden_nodes() == []


def test_each_display_of_a_node_comes_back(blinding):
    import slicer

    hers, _ = regions("Anna")
    second = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationDisplayNode")
    second.SetVisibility(False)
    hers.AddAndObserveDisplayNodeID(second.GetID())
    blinding.hide([hers])
    assert [hers.GetNthDisplayNode(n).GetVisibility() for n in (0, 1)] == [0, 0]
    blinding.show_hidden()
    assert [hers.GetNthDisplayNode(n).GetVisibility() for n in (0, 1)] == [1, 0]


def test_views_that_show_the_hidden_are_emptied_and_filled_again(blinding):
    import slicer

    from mrbiomarkers.mrml import add_measurement_table

    table, decay = add_measurement_table([measurement("Anna")], "A"), chart()
    plot = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotViewNode")
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotViewNode")
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableViewNode")
    for one in (plot, other):
        one.SetPlotChartNodeID(decay.GetID())
    view.SetTableNodeID(table.GetID())
    blinding.hide(blinding.to_hide("Ben"))
    assert (plot.GetPlotChartNodeID(), view.GetTableNodeID()) == (None, None)
    new = chart("New")
    other.SetPlotChartNodeID(new.GetID())
    blinding.show_hidden()

    assert (plot.GetPlotChartNodeID(), view.GetTableNodeID()) == (decay.GetID(), table.GetID())
    assert other.GetPlotChartNodeID() == new.GetID()


def test_it_survives_a_saved_scene(blinding, tmp_path):
    import slicer

    regions("Anna")
    regions("Anna", "Older")[0].SetDisplayVisibility(False)
    regions("Ben", "Bens")
    chart()
    before = {node.GetName() for node in blinding.to_hide("Ben")}
    blinding.hide(blinding.to_hide("Ben"))
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert {node.GetName() for node in blinding.hidden_nodes()} == before
    assert not any(map(is_seen, blinding.hidden_nodes()))
    shown = blinding.show_hidden()

    assert {node.GetName() for node in shown if not is_seen(node)} == {"Older"}


def test_readings_by_reader_and_image(blinding):
    import slicer

    from mrbiomarkers.panels.readers.reader_nodes import readings

    images = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in ("a", "b")]
    first, second = regions("Anna", image=images[0]), regions("anna ", image=images[1])
    newest = regions("ANNA", image=images[0])

    assert list(readings()) == ["Anna"]
    assert tuple(readings(images[0])["Anna"]) == newest != first
    assert tuple(readings(images[1])["anna"]) == second


def test_a_readers_name_is_not_taken_away(blinding):
    from mrbiomarkers.panels.readers.reader_nodes import give_reader, reader_of

    hers, _ = regions("Anna")
    give_reader("Ben", None, hers)

    assert reader_of(hers) == "Anna"
    assert reader_of(None) == ""
