"""The frame of both panels: scenes that come and go, reload, long work that is cancelled, interrupted or fails."""

import ast
import itertools
import sys
import time

import pytest

from Testing.support.scene_nodes import map_nodes, node_ids
from Testing.support.slicer_modules import parameter_fields, read_form, used_widget_names
from Testing.support.source_tree import ROOT

MODULES = ("IVIMBoneMarrow", "IDEALFatQuant")
SHAPE = (4, 32, 32)
EVENTS = ("StartCloseEvent", "StartImportEvent", "EndCloseEvent", "EndImportEvent", "NodeAboutToBeRemovedEvent")


@pytest.fixture(params=MODULES)
def opened(request, program):
    """The panel of a module with its sample, and everything chosen."""
    return Opened(program, request.param)


class Opened:
    """A panel, its sample, and what a test does with them."""

    def __init__(self, program, name):
        self.program, self.name = program, name
        self.panel = program.open_panel(name)
        self.take_sample()

    def take_sample(self):
        sample = self.panel.logic.createSampleData(shape=SHAPE)
        self.points = sample.pop("points")
        self.series = next(iter(sample.values()))
        self.regions = self.panel.logic.placeVertebrae(self.points, self.series).segmentation
        self.chosen = {**sample, "regions": self.regions}
        for parameter, node in self.chosen.items():
            setattr(self.node, parameter, node)

    ui = property(lambda self: self.panel.ui)
    node = property(lambda self: self.panel._parameterNode)

    def kept(self):
        return {parameter: getattr(self.node, parameter) for parameter in self.chosen}

    def during(self, act, monkeypatch):
        """Do something the first time that events are served while work runs; return what ``act`` returned."""
        serve, seen = self.program.app.processEvents, []

        def events():
            serve()
            if self.panel._running and not seen:
                seen.append(None)
                seen[0] = act()

        monkeypatch.setattr(self.program.app, "processEvents", events)
        return seen


def dialogs(program):
    return [widget for widget in program.app.topLevelWidgets() if hasattr(widget, "wasCanceled")]


def is_ready(opened):
    return opened.ui.applyButton.enabled and not any(dialog.visible for dialog in dialogs(opened.program))


def test_maps_a_table_and_a_message_are_made(opened):
    opened.ui.applyButton.click()

    table = opened.ui.resultTable.mrmlTableNode()
    assert len(map_nodes()) == 8
    assert opened.ui.messageLabel.text.startswith("8 maps were made.")
    assert [table.GetCellText(row, 0) for row in range(table.GetNumberOfRows())] == ["L1", "L2", "L3", "L4", "L5"]
    assert is_ready(opened)


def test_a_second_run_makes_nodes_of_its_own_and_shows_only_its_own_results(opened):
    opened.ui.applyButton.click()
    first = map_nodes()
    opened.node.regions = None
    opened.ui.applyButton.click()

    assert len(map_nodes()) == 16
    assert len({node.GetName() for node in map_nodes()}) == 16
    assert all(node in map_nodes() for node in first)
    assert opened.ui.messageLabel.text.startswith("8 maps were made.")
    assert opened.ui.resultTable.mrmlTableNode() is None


def test_a_click_on_cancel_leaves_nothing(opened, monkeypatch):
    calls, fit = [], opened.panel.logic.fit

    def counted(*given, progress, **options):
        return fit(*given, progress=lambda *share: calls.append(progress(*share)) or calls[-1], **options)

    monkeypatch.setattr(opened.panel.logic, "fit", counted)
    before = node_ids()
    seen = opened.during(lambda: dialogs(opened.program)[-1].cancel(), monkeypatch)
    opened.ui.applyButton.click()

    assert seen == [None]
    assert calls == [False]
    assert node_ids() == before
    assert opened.ui.messageLabel.text == "Cancelled."
    assert is_ready(opened)


def test_a_second_click_while_it_runs_is_ignored(opened, monkeypatch):
    def click():
        enabled = opened.ui.applyButton.enabled
        opened.ui.applyButton.click()  # disabled: nothing
        opened.panel.onApply()  # as if it had been queued before
        return enabled

    seen = opened.during(click, monkeypatch)
    opened.ui.applyButton.click()

    assert seen == [False]
    assert len(map_nodes()) == 8
    assert is_ready(opened)


def test_a_scene_closed_while_it_runs_ends_it(opened, monkeypatch):
    import slicer

    opened.during(slicer.mrmlScene.Clear, monkeypatch)
    opened.ui.applyButton.click()

    assert (map_nodes(), opened.ui.messageLabel.text) == ([], "Cancelled.")
    assert opened.kept() == dict.fromkeys(opened.chosen)
    assert not opened.ui.applyButton.enabled
    monkeypatch.undo()
    opened.take_sample()
    opened.ui.applyButton.click()
    assert len(map_nodes()) == 8


def test_a_series_deleted_while_it_runs_gives_no_map(opened, monkeypatch):
    import slicer

    opened.during(lambda: slicer.mrmlScene.RemoveNode(opened.series), monkeypatch)
    before = node_ids()
    opened.ui.applyButton.click()

    assert node_ids() < before
    assert opened.ui.messageLabel.text.startswith("Cancelled: the series was taken out of the scene")
    assert not opened.ui.applyButton.enabled
    assert "Missing" in opened.ui.applyButton.toolTip


def test_a_node_that_is_deleted_is_no_longer_chosen_and_no_other_takes_its_place(opened):
    """Fault 8 of slicer_desktop.md, section 0: the selector would take the next node of its kind."""
    import slicer

    others = opened.panel.logic.createSampleData(shape=SHAPE)
    for parameter, node in opened.chosen.items():
        slicer.mrmlScene.RemoveNode(node)
        assert getattr(opened.node, parameter) is None
    assert opened.kept() == dict.fromkeys(opened.chosen)
    assert all(slicer.mrmlScene.IsNodePresent(node) for node in others.values())
    assert not opened.ui.applyButton.enabled


def test_a_table_that_is_deleted_and_a_scene_that_is_closed_are_no_longer_shown(opened):
    import slicer

    opened.ui.applyButton.click()
    slicer.mrmlScene.RemoveNode(opened.ui.resultTable.mrmlTableNode())
    assert opened.ui.resultTable.mrmlTableNode() is None
    opened.ui.applyButton.click()
    slicer.mrmlScene.Clear()

    assert (opened.ui.messageLabel.text, opened.ui.resultTable.mrmlTableNode()) == ("", None)
    assert opened.kept() == dict.fromkeys(opened.chosen)
    assert not opened.ui.applyButton.enabled


@pytest.mark.parametrize("close_first", [True, False])
def test_a_scene_loaded_under_the_open_panel_keeps_what_was_chosen(opened, tmp_path, close_first):
    """Fault 1 of slicer_desktop.md, section 0: references of a parameter node held during the import are lost."""
    import slicer

    names = {parameter: node.GetName() for parameter, node in opened.kept().items()}
    opened.node.method = "segmented" if opened.name == "IVIMBoneMarrow" else "mixed"
    method = opened.node.method
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    if close_first:
        slicer.mrmlScene.Clear()
        assert opened.node.method != method
    else:
        opened.node.method = "nlls" if opened.name == "IVIMBoneMarrow" else "complex"
        opened.node.regions = None
    held, scene = [], slicer.mrmlScene
    scene.AddObserver(scene.EndImportEvent, lambda caller, event: held.append(opened.node), 100.0)  # before the panel's
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert held == [None]
    loaded = opened.kept()
    assert {parameter: node and node.GetName().split("_")[0] for parameter, node in loaded.items()} == names
    assert all(scene.IsNodePresent(node) for node in loaded.values())
    assert opened.ui.regionsSelector.currentNode() is loaded["regions"]
    assert opened.node.method == opened.ui.methodComboBox.currentText == method
    assert opened.ui.applyButton.enabled
    opened.ui.applyButton.click()
    assert len(map_nodes()) == 8


def test_a_module_that_is_left_lets_go_and_takes_up_again(opened):
    frame = opened.panel.parent
    kept = opened.kept()
    frame.exit()
    opened.ui.regionsSelector.setCurrentNode(None)

    assert opened.node is None
    assert not opened.ui.applyButton.enabled
    frame.enter()
    assert opened.kept() == kept
    assert opened.ui.regionsSelector.currentNode() is kept["regions"]
    assert opened.ui.applyButton.enabled


def test_a_scene_that_changes_while_another_module_is_open(opened, tmp_path):
    import slicer

    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    opened.panel.parent.exit()
    slicer.mrmlScene.Clear()
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert opened.node is None
    opened.panel.parent.enter()

    assert None not in opened.kept().values()
    assert opened.ui.applyButton.enabled


@pytest.fixture
def package():
    """Put the package back that was imported before: other tests hold its classes."""

    def ours():
        return [name for name in sys.modules if name.partition(".")[0] == "mrbiomarkers"]

    before = {name: sys.modules[name] for name in ours() if not name.startswith("mrbiomarkers.panels")}
    yield before
    for name in ours():
        del sys.modules[name]
    sys.modules.update(before)


def test_reload_three_times(package, opened):
    import slicer

    kept = opened.kept()
    for _ in range(3):
        old, rooms = opened.panel, sys.modules["mrbiomarkers.mrml"]
        old.onReload()
        opened.panel = opened.panel.parent.self()
        assert opened.panel is not old
        assert sys.modules["mrbiomarkers.mrml"] is not rooms
        assert old.Observations == []
        assert old._parameterNode is None
        assert opened.kept() == kept
        assert opened.panel.parent.layout().count() == 1
    opened.ui.applyButton.click()
    assert len(map_nodes()) == 8
    slicer.mrmlScene.Clear()  # no old panel hears of it
    assert opened.kept() == dict.fromkeys(opened.chosen)


def test_a_reload_while_it_runs_ends_it(package, opened, monkeypatch):
    before = node_ids()
    opened.during(lambda: opened.panel.onReload(), monkeypatch)
    opened.panel.onApply()

    assert node_ids() == before
    opened.panel = opened.panel.parent.self()
    assert is_ready(opened)


def test_cleanup_leaves_no_observer(opened):
    import slicer

    panel, parameters = opened.panel, opened.node
    asked = []
    panel.missing = lambda given: asked.append(given) or []
    assert {event for _, event, *_ in panel.Observations} >= {getattr(slicer.mrmlScene, name) for name in EVENTS}
    panel.cleanup()
    parameters.method = "segmented" if opened.name == "IVIMBoneMarrow" else "mixed"
    slicer.mrmlScene.Clear()

    assert panel.Observations == []
    assert asked == []
    assert panel._parameterNode is None
    assert panel.ui.methodComboBox.currentText != "mixed"


def test_a_part_that_fails_after_the_fit_leaves_the_maps_and_says_so(opened, monkeypatch):
    import slicer

    def move():
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
        opened.regions.SetAndObserveTransformNodeID(transform.GetID())

    shown = []
    monkeypatch.setattr(opened.program.app, "testingEnabled", lambda: False)  # else no error is shown
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: shown.append(text))
    opened.during(move, monkeypatch)
    opened.ui.applyButton.click()

    error = opened.program.swallowed.expect(ValueError, "under the transform")
    assert shown == [f"Not finished. Results made before this error stay in the scene.\n\n{error}"]
    lines = opened.ui.messageLabel.text.splitlines()
    assert lines[0].startswith("Not finished: ")
    assert "under the transform 'Shift'" in lines[0]
    assert "8 maps were made." in lines
    assert len(map_nodes()) == 8
    assert slicer.util.getNodesByClass("vtkMRMLTableNode") == []
    assert is_ready(opened)


def test_cancelled_after_the_fit_the_maps_stay(opened, monkeypatch):
    def cancelled(*given, progress, **options):
        dialogs(opened.program)[-1].cancel()
        assert progress(1, 2) is False
        raise InterruptedError("region fits cancelled")

    monkeypatch.setattr(opened.panel.logic, "measure", cancelled)
    opened.ui.applyButton.click()

    assert opened.ui.messageLabel.text.splitlines()[:2] == ["Cancelled.", "8 maps were made."]
    assert len(map_nodes()) == 8


def test_an_error_before_the_fit_leaves_the_scene_as_it_was(opened):
    import slicer

    identifier = opened.regions.GetSegmentation().GetSegmentIdBySegmentName("L3")
    layer = slicer.util.arrayFromSegmentInternalBinaryLabelmap(opened.regions, identifier)
    layer[layer == opened.regions.GetSegmentation().GetSegment(identifier).GetLabelValue()] = 0
    before = node_ids()
    opened.ui.applyButton.click()

    opened.program.swallowed.expect(ValueError, "L3")
    assert "none in 'L3'" in opened.ui.messageLabel.text
    assert opened.ui.messageLabel.text.startswith("Not finished: ")
    assert node_ids() == before
    assert is_ready(opened)


def test_events_are_served_by_time_and_not_by_call(opened, monkeypatch):
    served, calls = [], []

    def work(parameters, progress):
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            calls.append(progress(len(calls), 10**6))
            assert served, "the first call serves events"
            time.sleep(0.001)

    monkeypatch.setattr(opened.program.app, "processEvents", lambda: served.append(time.monotonic()))
    monkeypatch.setattr(opened.panel, "work", work)
    opened.panel.onApply()

    assert all(calls)
    assert len(calls) > 3 * len(served)
    assert 2 <= len(served) <= 8
    assert all(later - earlier >= 0.045 for earlier, later in itertools.pairwise(served))


@pytest.mark.parametrize("name", MODULES)
def test_every_parameter_that_is_named_exists(name):
    """A misspelt name would be kept by the parameter node without a word."""
    tree = ast.parse((ROOT / name / f"{name}.py").read_text(encoding="utf-8"))
    fields = set(parameter_fields(tree))
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    named = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "parameters"}
    form = read_form(ROOT / name / "Resources" / "UI" / f"{name}.ui")
    bound = [widget.parameter for widget in form.widgets if widget.parameter]

    assert named <= fields
    assert sorted(bound) == sorted(fields)
    assert set(used_widget_names(tree)) <= form.names
    assert len(fields) >= 6
