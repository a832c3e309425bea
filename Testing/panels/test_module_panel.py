"""The frame of both panels: scenes that come and go, reload, long work that is cancelled, interrupted or fails."""

import ast
import re
import sys

import pytest

from Testing.support.opened_panel import SHAPE, Opened, is_ready
from Testing.support.scene_nodes import map_nodes, node_ids
from Testing.support.slicer_modules import parameter_fields, read_form, shared_fields, used_widget_names
from Testing.support.source_tree import PACKAGE, ROOT, parse, python_files

MODULES = ("IVIMBoneMarrow", "IDEALFatQuant")
EVENTS = ("StartCloseEvent", "StartImportEvent", "EndCloseEvent", "EndImportEvent", "NodeAboutToBeRemovedEvent")


@pytest.fixture(params=MODULES)
def opened(request, program):
    """The panel of a module with its sample, and everything chosen."""
    return Opened(program, request.param)


def test_maps_and_a_message_are_made(opened):
    opened.ui.applyButton.click()

    assert len(map_nodes()) == 8
    assert opened.ui.messageLabel.text.startswith("8 maps were made.")
    assert set(opened.panel.fitted().maps.values()) == set(map_nodes())
    assert is_ready(opened)


def test_a_second_run_makes_nodes_of_its_own(opened):
    opened.ui.applyButton.click()
    first = map_nodes()
    opened.ui.applyButton.click()

    assert len(map_nodes()) == 16
    assert len({node.GetName() for node in map_nodes()}) == 16
    assert all(node in map_nodes() for node in first)
    assert set(opened.panel.fitted().maps.values()) == set(map_nodes()) - set(first)


def test_maps_are_those_of_the_fit_until_something_is_changed(opened):
    import slicer

    assert opened.panel.fitted() is None
    opened.ui.applyButton.click()
    fit = opened.panel.fitted()
    method, other = opened.node.method, "segmented" if opened.name == "IVIMBoneMarrow" else "mixed"
    opened.node.method = other
    assert opened.panel.fitted() is None
    opened.node.method = method
    assert opened.panel.fitted() is fit
    browser = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")[0]
    browser.SetSelectedItemNumber(2)  # another image is looked at: the series is the same
    assert opened.panel.fitted() is fit
    image = opened.series.GetNthDataNode(0)
    image.GetImageData().Modified()  # and so it is when the voxels were written anew, as they were
    assert set(opened.panel.fitted().maps.values()) == set(fit.maps.values())
    slicer.util.arrayFromVolume(image)[1, 2, 3] += 1
    image.GetImageData().Modified()
    assert opened.panel.fitted() is None
    opened.ui.applyButton.click()
    slicer.mrmlScene.RemoveNode(next(iter(opened.panel.fitted().maps.values())))
    assert opened.panel.fitted() is None


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


def test_a_scene_that_is_closed_is_no_longer_shown(opened):
    import slicer

    opened.ui.applyButton.click()
    slicer.mrmlScene.Clear()

    assert (opened.ui.messageLabel.text, opened.panel.fitted()) == ("", None)
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
        opened.selector.setCurrentNode(None)
    held, scene = [], slicer.mrmlScene
    scene.AddObserver(scene.EndImportEvent, lambda caller, event: held.append(opened.node), 100.0)  # before the panel's
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert held == [None]
    loaded = opened.kept()
    assert {parameter: node and node.GetName().split("_")[0] for parameter, node in loaded.items()} == names
    assert all(scene.IsNodePresent(node) for node in loaded.values())
    assert opened.selector.currentNode() is next(iter(loaded.values()))
    assert opened.node.method == opened.ui.methodComboBox.currentText == method
    assert opened.ui.applyButton.enabled
    opened.ui.applyButton.click()
    assert len(map_nodes()) == 8


def test_a_loaded_scene_still_tells_which_maps_are_of_this_fit(opened, tmp_path):
    import slicer

    opened.ui.applyButton.click()
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert opened.panel.fitted() is None
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert set(opened.panel.fitted().maps.values()) == set(map_nodes())
    opened.node.method = "segmented" if opened.name == "IVIMBoneMarrow" else "mixed"
    assert opened.panel.fitted() is None


def test_a_module_that_is_left_lets_go_and_takes_up_again(opened):
    frame = opened.panel.parent
    kept = opened.kept()
    frame.exit()
    opened.selector.setCurrentNode(None)

    assert opened.node is None
    assert not opened.ui.applyButton.enabled
    frame.enter()
    assert opened.kept() == kept
    assert opened.selector.currentNode() is next(iter(kept.values()))
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


@pytest.mark.parametrize("name", MODULES)
def test_every_parameter_that_is_named_exists(name):
    """A misspelt name would be kept by the parameter node without a word."""
    tree = ast.parse((ROOT / name / f"{name}.py").read_text(encoding="utf-8"))
    fields = {*shared_fields(), *parameter_fields(tree)}
    named = {
        node.attr
        for file in (tree, *map(parse, python_files(PACKAGE / "panels")))
        for node in ast.walk(file)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "parameters"
    }
    form = read_form(ROOT / name / "Resources" / "UI" / f"{name}.ui")
    bound = [widget.parameter for widget in form.widgets if widget.parameter]

    assert named - {"GetParameter"} <= fields
    assert len(set(bound)) == len(bound) >= 6
    assert set(bound) <= fields
    assert set(used_widget_names(tree)) <= form.names


def test_the_help_names_every_key_that_the_panels_take(opened):
    import slicer

    files = (PACKAGE / "panels").rglob("*.py")
    keys = {key for file in files for key in re.findall(r"Ctrl\+Shift\+\w", file.read_text(encoding="utf-8"))}

    assert len(keys) == 5
    assert {key for key in keys if key not in getattr(slicer.modules, opened.name.lower()).helpText} == set()
