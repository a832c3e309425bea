"""Long work of a panel: progress, cancel, errors, and a scene that changes meanwhile."""

import itertools
import time

import pytest

from Testing.support.opened_panel import Opened, dialogs, is_ready
from Testing.support.scene_nodes import map_nodes, node_ids

MODULES = ("IVIMBoneMarrow", "IDEALFatQuant")


@pytest.fixture(params=MODULES)
def opened(request, program):
    """The panel of a module with its sample, and everything chosen."""
    return Opened(program, request.param)


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


def test_what_was_made_before_an_error_stays_and_is_told(opened, monkeypatch):
    def work(parameters, progress):
        opened.panel.fit(progress)
        raise ValueError("regions: expected another thing")

    monkeypatch.setattr(opened.panel, "work", work)
    opened.ui.applyButton.click()

    lines = opened.ui.messageLabel.text.splitlines()
    assert lines[:2] == ["Not finished: regions: expected another thing", "8 maps were made."]
    assert len(map_nodes()) == 8
    assert is_ready(opened)


def test_an_error_in_the_input_is_told_and_leaves_the_scene_as_it_was(opened):
    opened.series.GetNthDataNode(0).SetAndObserveImageData(None)
    before = node_ids()
    opened.ui.applyButton.click()

    assert opened.ui.messageLabel.text.startswith("Not finished: ")
    assert node_ids() == before
    assert not opened.panel.running
    assert not any(dialog.visible for dialog in dialogs(opened.program))


@pytest.mark.parametrize(
    ("error", "text"),
    [(KeyError("case: expected one"), "case: expected one"), (OSError("no space left"), "no space left")],
)
def test_expected_errors_of_a_section_are_said_without_a_dialog(opened, error, text):
    said, panel = [], opened.panel

    def work(progress):
        assert panel.running
        assert not panel.run("Other", lambda progress: said.append("never"), said.append)
        raise error

    assert panel.run("Saving", work, said.append) is False
    assert said == [f"Not finished: {text}"]
    assert not panel.running
    assert is_ready(opened)


def test_an_error_that_no_input_explains_is_said_and_raised(opened):
    said = []

    def work(progress):
        raise ZeroDivisionError("a fault of ours")

    with pytest.raises(ZeroDivisionError):
        opened.panel.run("Fitting", work, said.append)
    assert said == ["Not finished: a fault of ours"]
    assert is_ready(opened)


def test_the_dialog_tells_how_long_it_will_take(opened, monkeypatch):
    from mrbiomarkers.panels import module_widget

    clock, texts = [100.0], []
    monkeypatch.setattr(module_widget.time, "monotonic", lambda: clock[0])

    def work(progress):
        for done, seconds in ((0, 0), (10, 1.0), (25, 9.0), (30, 190.0)):
            clock[0] += seconds
            assert progress(done, 100)
            texts.append(dialogs(opened.program)[-1].labelText)

    assert opened.panel.run("Measuring", work, texts.append)
    assert texts == ["Measuring", "Measuring", "Measuring, about 30 s left", "Measuring, about 8 min left"]


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
