"""Points in vertebral bodies: which count, where they are, and the list that clicks fill."""

import numpy as np
import pytest

POINTS = {"L1": (1.5, -20.0, 33.25), "L2": (2.0, -21.0, 0.125), "T12": (0.0, -18.0, 66.0)}


def nodes_of(scene):
    return [scene.GetNthNode(index).GetName() for index in range(scene.GetNumberOfNodes())]


def points_node(*labelled):
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "clicks")
    for label, position in labelled:
        node.AddControlPoint(vtk.vtkVector3d(*position), label)
    return node


def test_points_come_back_by_level_in_their_order(scene):
    from mrbiomarkers.mrml.points import add_level_points, level_points

    found = level_points(add_level_points("points", points=POINTS))

    assert list(found) == ["L1", "L2", "T12"]
    for level, position in POINTS.items():
        np.testing.assert_array_equal(found[level], position)


def test_capitals_and_blanks_do_not_matter(scene):
    from mrbiomarkers.mrml.points import level_points

    found = level_points(points_node((" l1 ", (1, 2, 3)), ("t 12", (4, 5, 6)), ("S1", (7, 8, 9))))

    assert {level: tuple(point) for level, point in found.items()} == {
        "L1": (1, 2, 3),
        "T12": (4, 5, 6),
        "S1": (7, 8, 9),
    }


def test_transforms_count(scene):
    import slicer
    import vtk

    from mrbiomarkers.mrml.points import level_points

    node = points_node(("L1", (1, 2, 3)))
    turned = vtk.vtkMatrix4x4()
    turned.DeepCopy([0, -1, 0, 10, 1, 0, 0, 20, 0, 0, 1, 30, 0, 0, 0, 1])
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turned")
    transform.SetMatrixTransformToParent(turned)
    node.SetAndObserveTransformNodeID(transform.GetID())

    np.testing.assert_allclose(level_points(node)["L1"], (8, 21, 33), atol=1e-12)


def test_an_empty_list_waits_for_a_click_a_level(scene):
    from mrbiomarkers.mrml.points import add_level_points, level_points

    node = add_level_points()
    labels = [node.GetNthControlPointLabel(index) for index in range(5)]

    assert (node.GetName(), labels) == ("L1-L5", ["L1", "L2", "L3", "L4", "L5"])
    assert node.GetFixedNumberOfControlPoints()
    assert (node.GetNumberOfControlPoints(), node.GetNumberOfDefinedControlPoints()) == (5, 0)
    with pytest.raises(ValueError, match="'L1-L5': expected at least one point"):
        level_points(node)


def test_points_without_position_and_previews_are_left_out(scene):
    from mrbiomarkers.mrml.points import add_level_points, level_points

    node = add_level_points("clicks", ["L3", "L4", "L5"], {"L4": (1, 2, 3)})
    node.SetNthControlPointPosition(2, 9.0, 9.0, 9.0, node.PositionPreview)

    assert list(level_points(node)) == ["L4"]
    node.SetNthControlPointPosition(2, 9.0, 9.0, 9.0)  # the click
    assert list(level_points(node)) == ["L4", "L5"]


def test_a_scene_file_keeps_the_points(scene, tmp_path):
    from mrbiomarkers.mrml.points import add_level_points, level_points
    from Testing.support import slicer_core

    add_level_points("clicks", ["L1", "L2", "T12", "L3"], POINTS)
    assert scene.WriteToMRB(str(tmp_path / "s.mrb"))
    again = slicer_core.start()
    again.ReadFromMRB(str(tmp_path / "s.mrb"), True)
    node = again.GetFirstNodeByName("clicks")

    assert node.GetNumberOfControlPoints() == 4
    for level, position in level_points(node).items():
        np.testing.assert_allclose(position, POINTS[level], atol=1e-6)


def test_wrong_labels_and_nodes_are_named(scene):
    import slicer

    from mrbiomarkers.mrml.points import level_points

    with pytest.raises(ValueError, match=r"'clicks': point 2: expected the name of a level.*got 'F-2'"):
        level_points(points_node(("L1", (1, 2, 3)), ("F-2", (1, 2, 3))))
    with pytest.raises(ValueError, match="point 2: expected each level once, got L1 twice"):
        level_points(points_node(("L1", (1, 2, 3)), ("l1", (4, 5, 6))))
    with pytest.raises(ValueError, match="got 'L9'"):
        level_points(points_node(("L9", (1, 2, 3))))
    with pytest.raises(TypeError, match="MarkupsFiducial"):
        level_points(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode", "curve"))


def test_a_list_that_cannot_be_made_leaves_the_scene_as_it_was(scene, monkeypatch):
    import vtk

    from mrbiomarkers.mrml.points import add_level_points

    names = nodes_of(scene)
    wrong = [
        ({"levels": []}, "levels: .*got none"),
        ({"levels": ["L1", "l1"]}, "each once"),
        ({"levels": ["disc"]}, "levels: .*got 'disc'"),
        ({"points": {"L1": (1, 2)}}, r"points\['L1'\]: expected three finite numbers"),
        ({"points": {"L1": (1, 2, np.nan)}}, "three finite numbers"),
        ({"points": {"L1": (1, 2, 3), "l1": (4, 5, 6)}}, "each once"),
        ({"levels": ["L2"], "points": {"L1": (1, 2, 3)}}, "points of L2, got one of L1"),
    ]
    for options, message in wrong:
        with pytest.raises(ValueError, match=message):
            add_level_points(**options)
    monkeypatch.setattr(vtk, "vtkVector3d", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        add_level_points()

    assert nodes_of(scene) == names
