"""The worklist that is open: one for both modules, with the case that is read and what is saved of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from mrbiomarkers.mrml import undo_on_error
from mrbiomarkers.mrml.views import shown_volume
from mrbiomarkers.panels.cases.case_nodes import CaseNodes
from mrbiomarkers.panels.cases.case_readings import Found
from mrbiomarkers.panels.cases.case_saving import Saving, without_folders
from mrbiomarkers.panels.cases.case_series import OtherKindError, plain, read_images
from mrbiomarkers.panels.readers.reader_nodes import give_reader
from mrbiomarkers.panels.section import EXPECTED, spoken
from mrbiomarkers.study import Worklist, WorklistCase

EVERY = 1000  # [ms] the readings are looked at so often; what has changed is saved at once

Progress = Callable[[int, int], bool]


class OpenWorklist:
    """A worklist, the case of it that is open, and its readings, which are saved as they change.

    Attributes
    ----------
    worklist : Worklist or None
        The one that is open.
    case : WorklistCase or None
        The case whose nodes are in the scene.
    message : str
        What was said last, for both modules.
    passed : dict of str to set of str
        For each kind of module, the names of the cases that it could not open; they are not its next ones.
    listeners : list of callable
        Called when something of this has changed; with the case, where only its state has.
    """

    def __init__(self) -> None:
        self.worklist: Worklist | None = None
        self.case: WorklistCase | None = None
        self.message = ""
        self.passed: dict[str, set[str]] = {}
        self.listeners: list[Callable[[WorklistCase | None], None]] = []
        self._panel: Any = None
        self._nodes: CaseNodes | None = None
        self._saving: Saving | None = None
        self._timer: Any = None
        self._tags: list[int] = []
        self._scene: Any = None

    @property
    def is_measured(self) -> bool:
        """Whether the case was measured, in the regions as they are now."""
        return self._saving is not None and self._saving.is_measured

    def open(self, worklist: Worklist) -> None:
        """Take a worklist that was just read."""
        self.close()
        self.worklist, self.passed = worklist, {}
        scene = self._scene = slicer.mrmlScene
        watched = (
            (scene.StartCloseEvent, self.onSceneStart),
            (scene.StartImportEvent, self.onSceneStart),
            (scene.EndCloseEvent, self.onSceneEnd),
            (scene.EndImportEvent, self.onSceneEnd),
        )
        self._tags = [scene.AddObserver(event, call) for event, call in watched]
        slicer.app.connect("aboutToQuit()", self.onQuit)
        self._timer = qt.QTimer()
        self._timer.setInterval(EVERY)
        self._timer.connect("timeout()", self.onTime)
        self._timer.start()
        self.tell("\n".join(worklist.notes))

    def close(self, *, keepNodes: bool = False) -> None:
        """Save, take the case out of the scene, and leave the worklist to other programs.

        Raises
        ------
        OSError
            When the readings cannot be saved; the worklist then stays open.
        """
        if self.worklist is None:
            return
        self.leaveCase(keepNodes=keepNodes)
        self._end()

    def abandon(self) -> None:
        """Close the worklist even where the readings cannot be saved: the panel goes."""
        try:
            self.close()
        except EXPECTED as error:
            slicer.util.errorDisplay(spoken(error))
            self._end()

    def openCase(self, case: WorklistCase, panel: Any, progress: Progress) -> list[str]:
        """Read a case, put it into the scene in place of the one that is open, and choose it in the panel.

        Returns
        -------
        list of str
            What is to be known of the images.

        Raises
        ------
        OtherKindError
            When the case is for the other module.
        KeyError, TypeError, ValueError, OSError
            When its files cannot be read, or the case that is open cannot be saved: that one stays.
        InterruptedError
            When ``progress`` returned False.
        """
        worklist = self._worklist()
        found = worklist.check(case)
        again = self._nodes if self.case is not None and self.case.name == found.name else None
        if again is not None and panel.kind in again.series:
            panel.take(again.series[panel.kind])
            return []
        try:
            images = read_images(found, panel.kind, progress)
            readings = Found(worklist.places(found), found.data, images.series.grid_shape, images.series.affine)
        except InterruptedError:  # an OSError, too, but no fault of the case
            raise
        except EXPECTED as error:
            self.passed.setdefault(panel.kind, set()).add(found.name)
            raise _named(worklist.label(found), error, found) from None
        if progress(1, 1) is False:
            raise InterruptedError(_("no case was opened"))
        if again is not None:
            with undo_on_error(), again.adding():
                again.add_series(images.series, panel.kind)
            panel.take(again.series[panel.kind])
            return list(images.notes)
        self.save()
        worklist.open(found)
        self._bring(found, images.series, readings, panel)
        self.passed.get(panel.kind, set()).discard(found.name)
        return list(images.notes)

    def leaveCase(self, *, keepNodes: bool = False) -> None:
        """Save the case that is open, and take it out of the scene; OSError where it cannot be saved."""
        self.save()
        nodes = self._nodes
        self._forget()
        if nodes is not None:
            nodes.forget() if keepNodes else nodes.remove()

    def watch(self, panel: Any = None) -> None:
        """Look at the regions and points that are chosen; those of another reader are not this reader's."""
        self._panel = panel or self._panel
        if self._saving is None or self._nodes is None or self._panel is None:
            return
        self._nodes.sort()
        regions = self._panel.regions
        chosen = {} if regions is None else {"regions": regions.regions, "points": regions.points}
        for what, node in chosen.items():
            if self._saving.take(what, node):
                self._nodes.own(node)
        self._saving.take_table(getattr(self._panel.measure, "table", None))

    def unwatch(self, panel: Any) -> None:
        """Let go of a panel that is left; its regions are still saved."""
        self.watch()
        if self._panel is panel:
            self._panel = None

    def save(self, *, everything: bool = False, changed: bool = False) -> bool:
        """Save the readings of the open case; see :meth:`Saving.save`."""
        if self._saving is None:
            return False
        self.watch()
        return self._saving.save(everything=everything, changed=changed)

    def mark(self, case: WorklistCase, state: str, reason: str = "", text: str = "") -> None:
        """Set the state of a case; ValueError or OSError as :meth:`Worklist.mark`."""
        self._worklist().mark(case, state, reason, text)
        self.changed(case)

    def identity(self) -> tuple[str, str] | None:
        """Return subject and time point of the case that is open as they may be shown; None without one."""
        return None if self._saving is None else self._saving.identity()

    def shown(self, kind: str) -> Any:
        """Return the volume in which the views show the series of the case; None where there is none."""
        series = {} if self._nodes is None else self._nodes.series.get(kind, {})
        return shown_volume(next(iter(series.values()), None))

    def tell(self, text: str) -> None:
        """Say something in both modules."""
        self.message = text
        self.changed()

    def changed(self, case: WorklistCase | None = None) -> None:
        """Tell those who show it."""
        for listener in list(self.listeners):
            listener(case)

    def onTime(self) -> None:
        """Save what has changed; what goes wrong is said."""
        try:
            failed = self._saving is not None and self._saving.has_failed
            if self.save(changed=True) and failed:
                self.tell(_("The readings are saved again."))
        except EXPECTED as error:
            self.tell(without_folders(error))

    def onSceneStart(self, caller: Any = None, event: Any = None) -> None:
        """Save before the scene is closed or another is loaded into it."""
        self.onTime()
        self._panel = None

    def onSceneEnd(self, caller: Any = None, event: Any = None) -> None:
        """Go on without a case: its nodes are gone, or others were loaded beside them, which may be chosen now."""
        if self.case is None:
            return
        nodes, label = self._nodes, self._worklist().label(self.case)
        self._forget()
        if nodes is not None:
            nodes.remove()
        self.tell(_("{case}: closed with the scene.").format(case=label))

    def onQuit(self) -> None:
        """Save before the program ends; the nodes go with it."""
        self.onTime()
        if self._nodes is not None:
            self._nodes.forget()
        self._end()

    def _end(self) -> None:
        worklist, self.worklist = self.worklist, None
        self._forget()
        if self._timer is not None:
            self._timer.stop()
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        slicer.app.disconnect("aboutToQuit()", self.onQuit)
        self._timer, self._tags, self._scene = None, [], None
        if worklist is not None:
            worklist.close()
        self.tell("")

    def _worklist(self) -> Worklist:
        if self.worklist is None:
            raise ValueError(_("no worklist is open"))
        return self.worklist

    def _forget(self) -> None:
        self.case = self._nodes = self._saving = None

    def _bring(self, case: WorklistCase, series: Any, found: Found, panel: Any) -> None:
        """Put a case into the scene and take the one before out of it."""
        worklist = self._worklist()
        before, nodes, saving = self._nodes, CaseNodes(worklist.label(case)), Saving(worklist, case)
        if before is not None:
            before.sort()
            before.listen(False)
        nodes.begin()
        try:
            with undo_on_error(), nodes.adding():
                chosen = nodes.add_series(series, panel.kind)
                image = next(iter(chosen.values()))
                found.add(image.GetName())
                give_reader(worklist.reader, image, found.regions, found.points)
                measured = saving.restored_table(found, image.GetName())
        except BaseException:
            nodes.forget()
            if before is not None:
                before.listen(True)
            raise
        saving.begin(found, None if measured is None else measured.table)
        self.case, self._nodes, self._saving = case, nodes, saving
        try:
            panel.take(chosen)
            if panel.measure is not None:
                panel.measure.forget()
            panel.regions.choose(reader=worklist.reader, points=found.points, segmentation=found.regions, image=image)
            if measured is not None and panel.measure is not None:
                panel.measure.show(measured)
        finally:
            if before is not None:
                before.remove()


def _named(label: str, error: BaseException, case: WorklistCase) -> Exception:
    """Return an error that names the case as it may be shown, and none of its files."""
    kind = OtherKindError if isinstance(error, OtherKindError) else ValueError
    return kind(f"{label}: {plain(spoken(error), case)}")


OPEN = OpenWorklist()
"""The worklist of the program; both modules show it."""
