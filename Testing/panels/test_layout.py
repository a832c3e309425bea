"""The layout of slices, plot and table: set, given back, and kept through scenes; on Slicer's own logic of layouts."""

import pytest

STARTS, ENDS = ("StartCloseEvent", "StartImportEvent"), ("EndCloseEvent", "EndImportEvent")


@pytest.fixture
def manager(program):
    return program.open_layout()


@pytest.fixture
def reading(program):
    """The layout of one panel, and how often the user left it."""
    from mrbiomarkers.panels.measure.layout import ReadingLayout

    left = []
    made = ReadingLayout(lambda: left.append(True))
    yield made, left
    made.leaveNodes()


def test_it_shows_three_slices_a_plot_and_a_table_and_gives_the_layout_back(manager, reading):
    from mrbiomarkers.panels.measure.layout import LAYOUT, PLOT, TABLE

    layout, left = reading
    manager.setLayout(6)
    layout.enter()

    assert (manager.layout, layout.isSet) == (LAYOUT, True)
    assert set(manager.viewNodes()) == {"Red", "Yellow", "Green", PLOT, TABLE}
    layout.exit()
    assert (manager.layout, layout.isSet, left) == (6, False, [])


def test_entered_twice_it_still_knows_the_layout_before(manager, reading):
    layout, _left = reading
    layout.enter()
    layout.enter()
    layout.exit()
    layout.exit()

    assert manager.layout == 3


def test_a_layout_that_the_user_chooses_meanwhile_stays(manager, reading):
    layout, left = reading
    layout.enter()
    manager.setLayout(7)
    assert (left, layout.isSet) == ([True], False)
    layout.exit()

    assert manager.layout == 7


def test_a_view_made_large_is_no_other_layout(manager, reading):
    layout, left = reading
    layout.enter()
    node = manager.layoutLogic().GetLayoutNode()
    manager.layoutLogic().MaximizeView(manager.viewNodes()["Yellow"])
    assert (left, manager.layout) == ([], node.SlicerLayoutMaximizedView)
    layout.exit()

    assert manager.layout == 3


def test_two_panels_in_turn_leave_the_users_layout(manager):
    from mrbiomarkers.panels.measure.layout import LAYOUT, ReadingLayout

    one, other = ReadingLayout(), ReadingLayout()
    manager.setLayout(9)
    for layout, next_one in ((one, other), (other, one), (one, None)):
        layout.enter()
        assert manager.layout == LAYOUT
        layout.exit()
        assert manager.layout == 9, next_one


@pytest.mark.parametrize("close_first", [True, False])
def test_it_stays_through_a_scene_that_was_saved_with_it(scene, manager, reading, tmp_path, close_first):
    from mrbiomarkers.panels.measure.layout import LAYOUT

    layout, left = reading
    manager.setLayout(6)
    layout.enter()
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    tags = [scene.AddObserver(getattr(scene, name), lambda *_: layout.leaveNodes()) for name in STARTS]
    tags += [scene.AddObserver(getattr(scene, name), lambda *_: layout.enter()) for name in ENDS]
    if close_first:
        scene.Clear()
        assert manager.layout == LAYOUT
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    for tag in tags:
        scene.RemoveObserver(tag)

    assert (manager.layout, left) == (LAYOUT, [])
    layout.exit()
    assert manager.layout == 6


def test_a_scene_with_another_layout_gives_that_one_back(scene, manager, reading, tmp_path):
    layout, left = reading
    manager.setLayout(7)
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    manager.setLayout(6)
    layout.enter()
    layout.leaveNodes()
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert manager.layout == 7
    layout.enter()
    layout.exit()

    assert (manager.layout, left) == (7, [])


def test_a_scene_saved_with_it_that_comes_before_the_panel_is_opened(scene, manager, reading, tmp_path):
    """Without the description Slicer shows no view at all; what was before is kept in the scene."""
    from mrbiomarkers.panels.measure.layout import LAYOUT, ReadingLayout, register

    layout, _left = reading
    manager.setLayout(6)
    layout.enter()
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    layout.exit()
    node = manager.layoutLogic().GetLayoutNode()
    node.SetLayoutDescription(LAYOUT, "")
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert (manager.layout, manager.viewNodes()) == (LAYOUT, {})
    register()
    assert "Yellow" in manager.viewNodes()
    later = ReadingLayout()
    later.enter()
    later.exit()

    assert manager.layout == 6


def test_a_layout_before_that_nobody_knows_is_slicers_usual_one(manager, reading):
    layout, _left = reading
    from mrbiomarkers.panels.measure.layout import LAYOUT, register

    register()
    manager.setLayout(LAYOUT)
    layout.enter()
    layout.exit()

    assert manager.layout == 3


def test_a_table_and_a_chart_are_shown_and_a_deleted_one_leaves_its_view_empty(scene, manager, reading):
    from mrbiomarkers.panels.measure.layout import PLOT, TABLE

    layout, _left = reading
    layout.enter()
    views = manager.viewNodes()
    table = scene.AddNewNodeByClass("vtkMRMLTableNode")
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    layout.showTable(table)
    layout.showChart(chart)
    assert (views[TABLE].GetTableNode(), views[PLOT].GetPlotChartNode()) == (table, chart)
    layout.showTable(None)
    assert views[TABLE].GetTableNode() is None
    layout.showTable(table)
    scene.RemoveNode(table)
    scene.RemoveNode(chart)

    assert (views[TABLE].GetTableNode(), views[PLOT].GetPlotChartNode()) == (None, None)


def test_without_a_layout_manager_nothing_is_done(program, reading):
    import slicer

    layout, left = reading
    count = slicer.mrmlScene.GetNumberOfNodes()
    layout.enter()
    layout.showTable(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode"))
    layout.showChart(None)
    layout.exit()

    assert (layout.isSet, left, slicer.mrmlScene.GetNumberOfNodes()) == (False, [], count + 1)
