"""Legends and regions in slice views: the settings on real MRML nodes. What they look like: ../test_slice_views.py."""

import numpy as np
import pytest

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import QUANTITIES, quantity


@pytest.fixture(autouse=True)
def legends(scene):
    """The module Colors registers its node when the program starts."""
    import slicer

    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())


def add(key, values=(0.0, 1.0, np.nan)):
    from mrbiomarkers.mrml import add_maps

    known = quantity(key)
    made = ParameterMap(np.asarray(values, np.float32).reshape(1, 1, -1) / known.scale, known, known.unit, np.eye(4))
    return add_maps({key: made})[key]


def show(*arguments):
    from mrbiomarkers.mrml.views import show_legend

    return show_legend(*arguments)


def region(scene):
    from mrbiomarkers.mrml import add_segmentation

    return add_segmentation("Vertebrae", {"L1": np.eye(3)[None], "L2": 1 - np.eye(3)[None]}, np.eye(4))


def labels(legend):
    """The numbers at a legend, as its printf format writes them."""
    display = legend.GetPrimaryDisplayNode()
    low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    return [legend.GetLabelFormat() % number for number in np.linspace(low, high, legend.GetNumberOfLabels())]


def state(scene):
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return [(node.GetID(), node.GetName(), node.GetMTime()) for node in nodes]


def test_a_legend_says_symbol_unit_and_values_in_a_readable_size(scene):
    node = add("Dstar")
    legend = show(node)

    assert legend.IsA("vtkMRMLColorLegendDisplayNode")
    assert legend.GetTitleText() == "D*\n10^-3 mm^2/s"
    assert labels(legend) == ["0", "25", "50", "75", "100"]
    assert legend.GetTitleTextProperty().GetFontSize() == legend.GetLabelTextProperty().GetFontSize() == 12
    assert legend.GetPrimaryDisplayNode() is node.GetDisplayNode()
    assert legend.GetDisplayableNode() is node
    assert (legend.GetSize(), legend.GetPosition()) == ((0.08, 0.4), (0.95, 0.5))
    assert legend.GetVisibility()
    assert legend.GetNumberOfViewNodeIDs() == 0  # every view


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("D", [1.0], ["0.0", "0.5", "1.0", "1.5", "2.0"]),
        ("f", [0.1], ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        ("PDFF", [50.0], ["0", "25", "50", "75", "100"]),
        ("alpha", [0.8], ["0.4", "0.6", "0.8", "1.0"]),
        ("field_map", [0.0], ["-300", "-150", "0", "150", "300"]),
        ("S0", [200.0, 800.0], ["206", "353", "500", "647", "794"]),
        ("S0", [0.0, 3e9], ["3e+07", "7.65e+08", "1.5e+09", "2.24e+09", "2.97e+09"]),
    ],
)
def test_labels_are_round_and_differ(scene, key, values, expected):
    assert labels(show(add(key, values))) == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((100, 101), ["100.0", "100.2", "100.4", "100.6", "100.8", "101.0"]),
        ((0.2, 1.9), ["0.20", "0.54", "0.88", "1.22", "1.56", "1.90"]),
        ((0, 0.0016), ["0", "0.0004", "0.0008", "0.0012", "0.0016"]),
        ((1e6, 1e6 + 8), ["1000000", "1000002", "1000004", "1000006", "1000008"]),
        ((0.1, 0.1 + 1 / 3), ["0.100", "0.183", "0.267", "0.350", "0.433"]),
        ((0.123456, 0.123456), ["0.123"] * 5),  # an empty window, which a mouse can make
    ],
)
def test_labels_follow_a_window_that_a_person_chose(scene, window, expected):
    node = add("rmse")
    node.GetDisplayNode().SetWindowLevelMinMax(*window)

    assert labels(show(node)) == expected


@pytest.mark.parametrize("key", list(QUANTITIES))
def test_every_quantity_has_labels_that_differ_and_a_title_that_vtk_can_draw(scene, key):
    legend = show(add(key, np.linspace(0.37, 1.93, 50)))

    written = labels(legend)
    display = legend.GetPrimaryDisplayNode()
    span = display.GetWindowLevelMax() - display.GetWindowLevelMin()
    exact = np.linspace(display.GetWindowLevelMin(), display.GetWindowLevelMax(), len(written))
    np.testing.assert_allclose([float(label) for label in written], exact, atol=0.03 * span)
    assert len(set(written)) == len(written)
    assert max(map(len, written)) <= 6
    title = legend.GetTitleText()
    assert title.isascii()
    known = quantity(key)
    assert title.split("\n")[0] == known.ascii_symbol
    assert title.endswith(known.ascii_unit)
    assert title == title.strip()


def test_a_map_has_one_legend_which_gets_its_settings_back(scene):
    node = add("D")
    legend = show(node)
    count = scene.GetNumberOfNodes()
    legend.SetVisibility(False)
    legend.SetTitleText("mine")
    legend.SetSize(0.5, 0.9)
    legend.SetOrientation(legend.Horizontal)
    again = show(node)

    assert again is legend
    assert scene.GetNumberOfNodes() == count
    assert (legend.GetVisibility(), legend.GetTitleText()[0], legend.GetSize()) == (1, "D", (0.08, 0.4))
    assert legend.GetOrientation() == legend.Vertical


def test_a_legend_changes_nothing_else(scene):
    node = add("D")
    before = state(scene)
    display = node.GetDisplayNode()
    window = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    legend = show(node)

    after = [entry for entry in state(scene) if entry[0] not in (legend.GetID(), node.GetID())]
    assert after == [entry for entry in before if entry[0] != node.GetID()]
    assert node.GetDisplayNode() is display  # still the first: display_map and Slicer take that one
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == window


def test_named_views_are_the_only_ones(scene):
    red, green = (scene.AddNewNodeByClass("vtkMRMLSliceNode", name) for name in ("Red", "Green"))
    node = add("D")
    legend = show(node, [green])
    assert (legend.GetVisibility(red.GetID()), legend.GetVisibility(green.GetID())) == (False, True)
    show(node)
    assert (legend.GetVisibility(red.GetID()), legend.GetVisibility(green.GetID())) == (True, True)


def test_a_table_of_few_colours_keeps_numbers_as_labels(scene):
    """Slicer would write the names of the colours."""
    import slicer

    table = slicer.vtkMRMLColorTableNode()
    table.SetTypeToUser()
    table.SetNumberOfColors(3)
    for number, name in enumerate(("low", "middle", "high")):
        table.SetColor(number, name, number / 2, 0, 0, 1)
    node = add("D")
    node.GetDisplayNode().SetAndObserveColorNodeID(scene.AddNode(table).GetID())
    legend = show(node)

    assert not legend.GetUseColorNamesForLabels()
    assert labels(legend)[-1] == "2.0"


def test_a_legend_is_there_after_saving_and_loading(scene, tmp_path):
    import slicer

    from Testing.support import slicer_core

    legend = show(add("D"))
    expected = legend.GetTitleText(), labels(legend), legend.GetTitleTextProperty().GetFontSize(), legend.GetSize()
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.WriteToMRB(str(tmp_path / "saved.mrb"))
    loaded = slicer_core.start()
    loaded.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    loaded.ReadFromMRB(str(tmp_path / "saved.mrb"))
    legend = loaded.GetFirstNodeByClass("vtkMRMLColorLegendDisplayNode")

    found = legend.GetTitleText(), labels(legend), legend.GetTitleTextProperty().GetFontSize(), legend.GetSize()
    assert found == expected
    assert legend.GetPrimaryDisplayNode() is legend.GetDisplayableNode().GetDisplayNode()


def test_what_is_no_map_gets_no_legend(scene):
    volume, table = (scene.AddNewNodeByClass(f"vtkMRML{kind}Node", kind) for kind in ("ScalarVolume", "Table"))
    node, hidden, gone = add("D"), add("f"), scene.AddNewNodeByClass("vtkMRMLSliceNode", "Gone")
    scene.RemoveNode(hidden.GetDisplayNode())
    scene.RemoveNode(gone)
    removed = add("ADC")
    scene.RemoveNode(removed)
    before = state(scene)
    with pytest.raises(TypeError, match="map_node: expected a node of kind ScalarVolume, got 'Table'"):
        show(table)
    with pytest.raises(TypeError, match=r"map_node: .*got nothing"):
        show(None)
    with pytest.raises(ValueError, match=r"got 'ScalarVolume' without the attribute MRBiomarkers.Quantity"):
        show(volume)
    with pytest.raises(ValueError, match="got 'f', which has no display; call display_map first"):
        show(hidden)
    with pytest.raises(ValueError, match=r"map_node: .* got 'ADC', which is no longer in it"):
        show(removed)
    with pytest.raises(TypeError, match="views: expected a node of kind AbstractView, got 'Table'"):
        show(node, [table])
    with pytest.raises(TypeError, match="views: expected a node of kind AbstractView, got 'vtkMRMLSliceNodeRed'"):
        show(node, ["vtkMRMLSliceNodeRed"])
    with pytest.raises(ValueError, match=r"views: .*got 'Gone', which is no longer in it"):
        show(node, [gone])
    assert state(scene) == before


def test_a_text_in_place_of_views_is_refused(scene):
    with pytest.raises(TypeError, match="views: expected"):
        show(add("D"), "vtkMRMLSliceNodeRed")


def test_without_the_module_colors_a_legend_is_refused(capfd):
    import slicer

    from Testing.support import slicer_core

    scene = slicer_core.start()
    assert slicer.mrmlScene is scene
    node = add("D")
    with pytest.raises(RuntimeError, match="'D': expected Slicer to make a colour legend, but it refused"):
        show(node)
    assert scene.GetFirstNodeByClass("vtkMRMLColorLegendDisplayNode") is None


def test_regions_have_an_outline_of_two_pixels_and_a_faint_fill(scene):
    from mrbiomarkers.mrml.views import display_regions

    node = region(scene)
    display = node.GetDisplayNode()
    second = node.GetSegmentation().GetNthSegmentID(1)
    display.SetSegmentVisibility(second, False)
    display.SetVisibility2DOutline(False)
    colour = node.GetSegmentation().GetSegment(second).GetColor()
    display_regions(node)

    assert node.GetDisplayNode() is display
    assert display.GetSliceIntersectionThickness() == 2
    assert (display.GetVisibility2DOutline(), display.GetOpacity2DOutline()) == (True, 1)
    assert (display.GetVisibility2DFill(), display.GetOpacity2DFill()) == (True, 0.3)
    assert not display.GetSegmentVisibility(second)  # as the user left it
    assert node.GetSegmentation().GetSegment(second).GetColor() == colour


def test_regions_without_a_display_get_one(scene):
    from mrbiomarkers.mrml.views import display_regions

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
    assert node.GetDisplayNode() is None
    display_regions(node)
    assert node.GetDisplayNode().GetOpacity2DFill() == 0.3


def test_display_regions_refuses_what_is_no_segmentation(scene):
    from mrbiomarkers.mrml.views import display_regions

    with pytest.raises(TypeError, match="segmentation: expected a node of kind Segmentation, got 'D'"):
        display_regions(add("D"))
    node = region(scene)
    scene.RemoveNode(node)
    with pytest.raises(ValueError, match=r"segmentation: .* got 'Vertebrae', which is no longer in it"):
        display_regions(node)
