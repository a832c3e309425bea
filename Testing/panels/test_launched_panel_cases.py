"""The cases of the launched suite that open panels, on the stand-ins: they are right about the panels, and can fail.

What they cannot prove here is skipped in view, each with its reason: what is drawn, and what a mouse does in a view.
"""

import importlib
import io
import re
import sys
import unittest

import pytest

from Testing.support.source_tree import ROOT

CASES = ROOT / "Testing" / "launched" / "cases"
FILES = ("test_modules_load", "test_panels", "test_traps", "test_view_traps", "test_case_path")
NEEDS_SLICER = {  # part of a test's name: why it needs the program itself
    "is_drawn": "views are drawn by Slicer's own widgets",
    "describe_themselves": "Slicer finds the icons of modules",
    "nothing_in_the_log": "the log is the program's",
}
ONCE = (  # of sections that both modules have: here with diffusion series only, in Slicer with both modules
    "test_a_right_order_is_asked_for_in_words",
    "test_a_second_measurement_needs_no_second_fit",
    "test_a_jump_shows_the_region_in_the_middle_of_the_views",
    "test_a_second_reader_sees_nothing_of_the_first_and_both_are_compared",
    "test_what_cannot_be_measured_is_said_and_the_panel_is_ready_again",
    "test_voxels_without_a_value_are_transparent",
    "test_a_scene_comes_while_paint_is_active",
    "test_a_scene_is_cleared_while_paint_is_active_and_points_are_placed",
    "test_an_effect_ends_when_the_module_is_left",
    "test_the_layout_is_set_and_given_back",
    "test_two_modules_in_turn_give_the_first_layout_back",
    "test_a_layout_that_the_user_chooses_stays",
    "test_a_deleted_map_is_not_replaced_by_another",
    "test_deleted_regions_leave_a_panel_that_asks_for_them",
    "test_one_legend_is_visible_with_text_that_vtk_can_draw",
)


def names_of_tests(file):
    """The tests of a file with their cases, read without importing it: it needs Slicer."""
    text = (CASES / f"{file}.py").read_text(encoding="utf-8")
    cases = re.findall(r"^class (\w+)\(.*LaunchedCase\):", text, re.MULTILINE)
    tests = re.findall(r"^    def (test_\w+)\(", text, re.MULTILINE)
    is_again = {(case, test) for case in cases if case.startswith("FatWater") for test in ONCE}
    return [f"{file}.{case}.{test}" for case in cases for test in tests if (case, test) not in is_again]


@pytest.fixture
def package():
    """Put the package back that was imported before a module is reloaded: other tests hold its classes."""

    def ours():
        return [name for name in sys.modules if name.partition(".")[0] == "mrbiomarkers"]

    before = {name: sys.modules[name] for name in ours() if not name.startswith("mrbiomarkers.panels")}
    yield
    for name in ours():
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def desktop(package, program, monkeypatch, tmp_path, request):
    """Both modules, and what the cases use of a desktop, done with what is here."""
    import slicer

    program.open_layout()
    desktop = Desktop(program)
    monkeypatch.setattr(slicer.util, "selectModule", desktop.select)
    monkeypatch.setattr(slicer.util, "saveScene", lambda file: bool(slicer.mrmlScene.WriteToMRB(file, None)))
    monkeypatch.setattr(slicer.util, "loadScene", desktop.load)
    monkeypatch.setattr(slicer.util, "mainWindow", lambda: None)
    monkeypatch.syspath_prepend(str(CASES))
    for name in ("IVIMBoneMarrow", "IDEALFatQuant"):
        program.load_module(name)
    program.finish_start()
    monkeypatch.setenv("MRBIOMARKERS_SCREENSHOTS", str(tmp_path))
    launched = importlib.import_module("launched_case")
    monkeypatch.setattr(launched, "click_in_view", desktop.click_in_view)
    monkeypatch.setattr(launched, "log_text", lambda: "")  # what is swallowed fails the test itself
    is_exact = "truth" in request.node.name
    monkeypatch.setattr(launched, "SHAPE", (6, 64, 64) if is_exact else (4, 32, 32))
    pump = launched.LaunchedCase.pump
    monkeypatch.setattr(launched.LaunchedCase, "pump", staticmethod(lambda seconds=0.0: pump(min(seconds, 0.06))))
    slicer.mrmlScene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())  # as the module Colors does
    yield desktop
    for name in ("launched_case", *FILES):
        sys.modules.pop(name, None)


class Desktop:
    """The main window of the program, as far as the cases use it."""

    def __init__(self, program):
        self.program, self.open = program, None

    def select(self, name):
        import slicer

        if self.open is not None:
            getattr(slicer.modules, self.open.lower()).widgetRepresentation().exit()
        self.open = name if hasattr(slicer.modules, name.lower()) else None
        if self.open is not None:
            self.program.open_panel(name)

    @staticmethod
    def load(file, properties=None):
        import slicer

        if (properties or {}).get("clear"):
            slicer.mrmlScene.Clear()
        slicer.mrmlScene.ReadFromMRB(file, False)

    @staticmethod
    def click_in_view(position, view=""):
        """Place the next point of the list that is placed; after the last one placing ends, as in Slicer."""
        import slicer

        interaction = slicer.app.applicationLogic().GetInteractionNode()
        if interaction.GetCurrentInteractionMode() != interaction.Place:
            return
        selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        points = slicer.mrmlScene.GetNodeByID(selection.GetActivePlaceNodeID())
        count = points.GetNumberOfControlPoints()
        free = [n for n in range(count) if points.GetNthControlPointPositionStatus(n) != points.PositionDefined]
        points.SetNthControlPointPosition(free[0], *(float(value) for value in position))
        if len(free) == 1:
            interaction.SwitchToViewTransformMode()
        slicer.app.processEvents()


@pytest.mark.parametrize("name", [name for file in FILES for name in names_of_tests(file)])
def test_the_case_passes_on_the_stand_ins(desktop, name, monkeypatch):
    reasons = [reason for part, reason in NEEDS_SLICER.items() if part in name]
    if reasons:
        pytest.skip(reasons[0])
    file = importlib.import_module(name.partition(".")[0])
    if hasattr(file, "CASE_SHAPE"):
        monkeypatch.setattr(file, "CASE_SHAPE", (6, 64, 64))
    suite = unittest.TestLoader().loadTestsFromName(name.partition(".")[2], file)
    output = io.StringIO()
    result = unittest.TextTestRunner(stream=output, verbosity=2).run(suite)

    assert result.wasSuccessful(), output.getvalue()
    assert (result.testsRun, result.skipped) == (1, [])


def test_every_reason_not_to_run_belongs_to_a_test():
    names = [name for file in FILES for name in names_of_tests(file)]

    assert len(names) > 20
    assert [part for part in NEEDS_SLICER if not any(part in name for name in names)] == []
    assert [test for test in ONCE if sum(name.endswith(f".{test}") for name in names) != 1] == []
