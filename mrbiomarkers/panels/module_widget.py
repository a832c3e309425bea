"""The frame of a module's panel: its parameter node through every change of the scene, and long work with a way out."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from mrbiomarkers.panels.section import EXPECTED, Section, lacks, spoken

Progress = Callable[[int, int], bool]
TELL_AFTER = 2.0  # [s] after which the time that is left is told
EVENTS_EVERY = 0.05  # [s] events are served so often while work runs, and not at each progress call of a fast fit


class ModulePanel(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """A panel made of one ``.ui`` file, bound to one parameter node.

    A module's widget derives from it and says what its logic is, what is missing before work can begin, and what the
    work is. The scene may be closed, or another loaded into it, at any time: the parameter node is let go when that
    begins and taken up again when it has ended, or its references would be lost.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameterNode: Any = None
        self._guiTag: Any = None
        self._running = False
        self._cancelled = False
        self._sections: list[Section] = []

    def makeLogic(self) -> Any:
        """Return the module's logic."""
        raise NotImplementedError

    def makeSections(self) -> list[Section]:
        """Return the sections that the panel shares with others, in their order; they come where the form has place."""
        return []

    def missing(self, parameters: Any) -> list[str]:
        """Return what has to be chosen before work can begin, in words; empty: nothing."""
        raise NotImplementedError

    def work(self, parameters: Any, progress: Progress) -> None:
        """Do what Apply is for; ``say`` what was made as soon as it is made: it stays when a later part fails."""
        raise NotImplementedError

    def setup(self) -> None:
        """Build the panel; Slicer calls it once, when the module is opened first or reloaded."""
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = self.makeLogic()
        self._sections = self.makeSections()
        for section in self._sections:
            section.setup(getattr(self.ui, section.place).layout())
        scene = slicer.mrmlScene
        for event in (scene.StartCloseEvent, scene.StartImportEvent):
            self.addObserver(scene, event, self.onSceneStart)
        for event in (scene.EndCloseEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self.onSceneEnd)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self.onNodeRemoved)
        self.ui.applyButton.clicked.connect(self.onApply)
        if self.parent.isEntered:  # reloaded: the new panel gets no enter() of its own
            self.enter()
        else:
            self.initializeParameterNode()

    def enter(self) -> None:
        """Take up the parameter node; Slicer calls it when the module is opened."""
        self.initializeParameterNode()
        for section in self._sections:
            section.bind(self._parameterNode)
            section.enter()

    def exit(self) -> None:
        """Let go of the parameter node; Slicer calls it when another module is opened."""
        for section in self._sections:
            section.exit()
            section.release()
        self.setParameterNode(None)

    def cleanup(self) -> None:
        """Let go of everything; Slicer calls it when the module is reloaded or the program ends."""
        self._cancelled = True
        for section in self._sections:
            section.cleanup()
        self.setParameterNode(None)
        self.removeObservers()

    def onReload(self) -> None:
        """Reload the module with the package behind it."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "mrbiomarkers"]:
            del sys.modules[name]
        super().onReload()

    def onSceneStart(self, caller: Any = None, event: Any = None) -> None:
        """Let go of the nodes before the scene is closed or another is loaded into it."""
        self._cancelled = True
        for section in self._sections:
            section.leaveNodes()
            section.release()
        self.setParameterNode(None)
        self.say("")

    def onSceneEnd(self, caller: Any = None, event: Any = None) -> None:
        """Take up the nodes of the scene as it is now."""
        if self.parent.isEntered:
            self.enter()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller: Any, event: Any, node: Any) -> None:
        """Let go of a node that is about to be deleted; its selector would take another one without a word."""
        if caller.IsClosing():
            return
        for widget in vars(self.ui).values():
            if hasattr(widget, "currentNode") and widget.currentNode() is node:
                widget.setCurrentNode(None)
        for section in self._sections:
            section.nodeRemoved(node)

    def initializeParameterNode(self) -> None:
        """Take up the module's parameter node."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node: Any) -> None:
        """Bind the panel to a parameter node; None: to none."""
        if self._parameterNode is not None:
            if self._guiTag is not None:
                self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.check)
        self._parameterNode, self._guiTag = node, None
        if node is not None:
            self._guiTag = node.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.check)
        self.check()

    def check(self, caller: Any = None, event: Any = None) -> None:
        """Enable Apply when all that it needs is there; else its tooltip says what is missing."""
        missing = [_("a scene")] if self._parameterNode is None else self.missing(self._parameterNode)
        self.ui.applyButton.enabled = not missing and not self._running
        self.ui.applyButton.toolTip = lacks(missing) or _("Results are new nodes; nothing in the scene is changed.")

    def onApply(self) -> None:
        """Do the work of the Apply button."""
        if self._running:  # events are served while it runs, a second click among them
            return
        self.say("")
        self.run(_("Fitting"), lambda progress: self.work(self._parameterNode, progress), self._sayMore)

    def run(self, label: str, work: Callable[[Progress], None], say: Callable[[str], None]) -> bool:
        """Do long work with a dialog that shows how far it is and can end it.

        Parameters
        ----------
        label : str
            What is done, in a word: "Fitting".
        work : callable
            ``work(progress)``, which calls ``progress(done, total) -> bool`` and ends with InterruptedError when it is
            False. What it adds to the scene before an error stays.
        say : callable
            Is told how the work ended before its time, in words.

        Returns
        -------
        bool
            Whether it was finished; False, too, when other work is running. An error that no input explains is raised.
        """
        if self._running:
            return False
        self._running, self._cancelled = True, False
        self._checkAll()
        dialog = None
        try:
            dialog = slicer.util.createProgressDialog(
                parent=slicer.util.mainWindow(),
                value=0,
                maximum=100,
                minimumDuration=0,
                windowTitle=self.parent.windowTitle or self.moduleName,
                labelText=label,
                windowModality=qt.Qt.WindowModal,
            )
            work(self._progress(dialog, label))
            return True
        except InterruptedError as error:
            say(_("Cancelled.") if self._cancelled else _("Cancelled: {reason}.").format(reason=error))
        except EXPECTED as error:
            say(_("Not finished: {error}").format(error=spoken(error)))
        except Exception as error:
            say(_("Not finished: {error}").format(error=error))
            raise
        finally:
            if dialog is not None:
                dialog.close()
                dialog.deleteLater()
            self._running = False
            self._checkAll()
        return False

    @property
    def running(self) -> bool:
        """Whether long work runs; no other can begin then."""
        return self._running

    def say(self, text: str) -> None:
        """Show a text below the Apply button."""
        self.ui.messageLabel.text = text

    def _progress(self, dialog: Any, label: str) -> Progress:
        """Return what work calls to tell how far it is."""
        began, served = time.monotonic(), -math.inf

        def progress(done: int, total: int) -> bool:
            nonlocal served
            now = time.monotonic()
            if now - served >= EVENTS_EVERY:
                dialog.value = int(99 * done / max(total, 1))  # at its maximum the dialog closes
                dialog.labelText = _remaining(label, now - began, done, total)
                slicer.app.processEvents()
                served = time.monotonic()
            self._cancelled = bool(self._cancelled or dialog.wasCanceled)
            return not self._cancelled

        return progress

    def _checkAll(self) -> None:
        """Let everything that waits for the end of work be enabled, or not."""
        self.check()
        for section in self._sections:
            section.check()

    def _sayMore(self, text: str) -> None:
        """Say how the work ended before its time, and what it had made until then."""
        self.say("\n".join(line for line in (text, self.ui.messageLabel.text) if line))


def _remaining(label: str, seconds: float, done: int, total: int) -> str:
    """Return the label with the time that is left, once that can be told."""
    if seconds < TELL_AFTER or not 0 < done < total:
        return label
    left = seconds * (total - done) / done
    if left < 90:
        return _("{label}, about {seconds} s left").format(label=label, seconds=math.ceil(left))
    return _("{label}, about {minutes} min left").format(label=label, minutes=math.ceil(left / 60))
