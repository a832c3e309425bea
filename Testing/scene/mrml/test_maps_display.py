"""How maps are shown: window, colours, and NaN that is transparent, through the display pipeline of real MRML nodes."""

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity


def add(maps):
    from mrbiomarkers.mrml.maps_out import add_maps

    return add_maps(maps)


def map_of(key, values):
    known = quantity(key)
    return ParameterMap(np.asarray(values, np.float32).reshape(1, 1, -1), known, known.unit, np.eye(4))


def shown(node):
    """What the display pipeline of a volume makes of its voxels: RGBA of each."""
    producer = node.GetDisplayNode().GetOutputImageDataConnection().GetProducer()
    producer.Update()
    return vtk_to_numpy(producer.GetOutputDataObject(0).GetPointData().GetScalars())


def window(node):
    display = node.GetDisplayNode()
    assert not display.GetAutoWindowLevel()
    assert not display.GetAutoThreshold()
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def add_colour_file(scene, name):
    """A colour table as the desktop program reads it from its file: at 0 red, at 255 blue."""
    import slicer

    table = slicer.vtkMRMLColorTableNode()
    table.SetTypeToUser()
    table.SetNumberOfColors(256)
    for number in range(256):
        table.SetColor(number, str(number), 1 - number / 255, 0.0, number / 255, 1.0)
    table.SetSingletonTag(f"File{name}.txt")
    return scene.AddNode(table)


def test_nan_is_transparent_and_every_number_is_opaque(scene):
    nodes = add({"D": map_of("D", [np.nan, 0.0, 1e-3, -0.5e-3, 0.1, np.inf])})
    nodes |= add({"S0": map_of("S0", [3.3e12, np.nan, -2e7])})

    np.testing.assert_array_equal(shown(nodes["D"])[:, 3], [0, 255, 255, 255, 255, 0])
    np.testing.assert_array_equal(shown(nodes["S0"])[:, 3], [255, 0, 255])


def test_without_the_threshold_nan_would_be_painted(scene):
    """The fault of slicer_desktop that the threshold cures; if Slicer cures it, the threshold may go."""
    node = add({"D": map_of("D", [np.nan, 1e-3])})["D"]
    node.GetDisplayNode().SetApplyThreshold(False)

    np.testing.assert_array_equal(shown(node)[:, 3], [255, 255])


def test_voxels_beside_nan_are_shown_whole(scene):
    """Interpolated, the half voxel towards a NaN is NaN: a reslice as in a slice view tells both."""
    node = add({"D": map_of("D", [np.nan, 1e-3, 1e-3])})["D"]
    missing = {}
    for is_linear in (False, True):
        reslice = vtk.vtkImageReslice()
        reslice.SetInputData(node.GetImageData())
        reslice.SetInterpolationMode(int(is_linear))
        reslice.SetOutputSpacing(0.25, 1, 1)
        reslice.SetOutputExtent(0, 8, 0, 0, 0, 0)
        reslice.Update()
        missing[is_linear] = np.isnan(vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())).sum()

    assert missing == {False: 2, True: 4}
    assert not node.GetDisplayNode().GetInterpolate()


def test_windows_are_those_of_the_quantities(scene):
    nodes = add({key: map_of(key, [1.0]) for key in ("D", "f", "PDFF", "field_map")})

    assert {key: window(node) for key, node in nodes.items()} == {
        "D": (0, 2),
        "f": (0, 0.5),
        "PDFF": (0, 100),
        "field_map": (-300, 300),
    }


def test_a_window_from_the_data_leaves_out_what_is_far_away(scene):
    values = np.r_[np.linspace(200, 800, 601), np.full(3, 1e6), np.full(50, np.nan), np.inf]

    low, high = window(add({"S0": map_of("S0", values)})["S0"])

    assert low == pytest.approx(206, abs=1)  # the 1st and 99th percentile of 604 numbers
    assert high == pytest.approx(797, abs=1)


def test_water_and_fat_share_one_window_from_zero(scene):
    ramp = np.linspace(0, 1, 1001)
    maps = {
        "water": map_of("water", 400 * ramp),
        "fat": map_of("fat", 900 * ramp),
        "in_phase": map_of("in_phase", ramp),
    }
    nodes = add({**maps, "rmse": map_of("rmse", ramp)})

    assert window(nodes["water"]) == window(nodes["fat"]) == window(nodes["in_phase"]) == (0, 873)  # 97 % of 900
    assert window(nodes["rmse"]) == pytest.approx((0.01, 0.99))
    assert window(add({"water": map_of("water", 400 * ramp)})["water"]) == (0, 388)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([np.nan] * 4, (0, 1)), ([np.inf, np.nan], (0, 1)), ([0.0] * 3, (0, 1)), ([7.0] * 3, (0, 7)), ([-7.0], (-7, 0))],
)
def test_a_map_without_a_spread_has_a_window_all_the_same(scene, values, expected):
    node = add({"AICc": map_of("AICc", values)})["AICc"]

    assert window(node) == expected
    node.GetImageData().Modified()  # Slicer would compute an automatic window now: NaN or reversed
    node.GetDisplayNode().Modified()
    assert window(node) == expected


def test_slicers_own_window_fails_on_such_maps(scene):
    """Why the automatic window must stay off; with this fault cured, the range of the quantity still is the better."""
    node = add({"AICc": map_of("AICc", [np.inf, 1.0, 2.0, np.nan])})["AICc"]
    node.GetDisplayNode().SetAutoWindowLevel(True)

    assert not np.isfinite(node.GetDisplayNode().GetWindow())


def test_colours_are_slicers_own_tables(scene):
    viridis = add_colour_file(scene, "Viridis")
    nodes = add({"D": map_of("D", [0.0, 2e-3]), "S0": map_of("S0", [0.0, 1.0]), "f": map_of("f", [0.0, 0.5])})

    assert viridis.GetID() == "vtkMRMLColorTableNodeFileViridis.txt"
    assert nodes["D"].GetDisplayNode().GetColorNodeID() == viridis.GetID()
    assert nodes["S0"].GetDisplayNode().GetColorNodeID() == "vtkMRMLColorTableNodeGrey"
    assert nodes["f"].GetDisplayNode().GetColorNodeID() == "vtkMRMLColorTableNodeGrey"  # no Inferno in slicer-core
    np.testing.assert_array_equal(shown(nodes["D"]), [[255, 0, 0, 255], [0, 0, 255, 255]])


def test_a_program_without_any_colours_shows_maps_all_the_same(scene):
    scene.RemoveNode(scene.GetNodeByID("vtkMRMLColorTableNodeGrey"))

    assert window(add({"D": map_of("D", [1e-3])})["D"]) == (0, 2)


def test_a_display_changed_by_hand_can_be_put_back(scene):
    from mrbiomarkers.mrml.maps_out import display_map

    node = add({"D": map_of("D", [1e-3])})["D"]
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(True)
    display.SetThreshold(0.1, 0.2)
    count = scene.GetNumberOfNodes()
    display_map(node)
    assert window(node) == (0, 2)
    display_map(node, window=(0.5, 1.0))

    assert node.GetDisplayNode() is display
    assert window(node) == (0.5, 1.0)
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == (-1e6, 1e6)
    assert scene.GetNumberOfNodes() == count


def test_display_map_refuses_what_is_no_map(scene):
    from mrbiomarkers.mrml.maps_out import display_map

    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "DWI")
    with pytest.raises(ValueError, match="got 'DWI' without the attribute"):
        display_map(empty)
    empty.SetAttribute("MRBiomarkers.Quantity", "D")
    with pytest.raises(ValueError, match="got 'DWI' without voxels"):
        display_map(empty)
    with pytest.raises(TypeError, match="node: expected a node of kind ScalarVolume"):
        display_map(scene.AddNewNodeByClass("vtkMRMLTableNode"))
    with pytest.raises(ValueError, match=r"window: expected two numbers, the lower first, got \(1, 1\)"):
        display_map(add({"D": map_of("D", [1e-3])})["D"], window=(1, 1))
    assert empty.GetDisplayNode() is None
