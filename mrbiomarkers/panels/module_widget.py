"""The frame of a module's panel: its parameter node through every change of the scene, and long work with a way out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin


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

    def makeLogic(self) -> Any:
        """Return the module's logic."""
        raise NotImplementedError

    def missing(self, parameters: Any) -> list[str]:
        """Return what has to be chosen before work can begin, in words; empty: nothing."""
        raise NotImplementedError

    def work(self, parameters: Any, progress: Callable[[int, int], bool]) -> None:
        """Do what Apply is for."""
        raise NotImplementedError

    def setup(self) -> None:
        """Build the panel; Slicer calls it once, when the module is opened first or reloaded."""
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = self.makeLogic()
        scene = slicer.mrmlScene
        for event in (scene.StartCloseEvent, scene.StartImportEvent):
            self.addObserver(scene, event, self.onSceneStart)
        for event in (scene.EndCloseEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self.onSceneEnd)
        self.ui.applyButton.clicked.connect(self.onApply)
        if self.parent.isEntered:  # reloaded: the new panel gets no enter() of its own
            self.enter()
        else:
            self.initializeParameterNode()

    def enter(self) -> None:
        """Take up the parameter node; Slicer calls it when the module is opened."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Let go of the parameter node; Slicer calls it when another module is opened."""
        self.setParameterNode(None)

    def cleanup(self) -> None:
        """Let go of everything; Slicer calls it when the module is reloaded or the program ends."""
        self._cancelled = True
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
        self.setParameterNode(None)
        self.leaveNodes()

    def onSceneEnd(self, caller: Any = None, event: Any = None) -> None:
        """Take up the nodes of the scene as it is now."""
        if self.parent.isEntered:
            self.enter()

    def leaveNodes(self) -> None:
        """Take away the nodes that are shown but not bound; a deleted table would stay in view."""
        self.ui.resultTable.setMRMLTableNode(None)

    def showTable(self, table: Any) -> None:
        """Show a table node below the Apply button."""
        self.ui.resultTable.setMRMLTableNode(table)

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
        if missing:
            self.ui.applyButton.toolTip = _("Missing: {things}.").format(things=", ".join(missing))
        else:
            self.ui.applyButton.toolTip = _("Results are new nodes; nothing in the scene is changed.")

    def onApply(self) -> None:
        """Do the work with a dialog that shows how far it is and can end it."""
        if self._running:  # events are served while it runs, a second click among them
            return
        self._running, self._cancelled = True, False
        self.check()
        dialog = None
        try:
            dialog = slicer.util.createProgressDialog(
                parent=slicer.util.mainWindow(),
                value=0,
                maximum=100,
                minimumDuration=0,
                windowTitle=self.parent.windowTitle or self.moduleName,
                labelText=_("Fitting"),
                windowModality=qt.Qt.WindowModal,
            )
            with slicer.util.tryWithErrorDisplay(_("Nothing was changed.")):
                self._work(dialog)
        finally:
            if dialog is not None:
                dialog.close()
                dialog.deleteLater()
            self._running = False
            self.check()

    def _work(self, dialog: Any) -> None:
        """Run the work; being cancelled is no error."""

        def progress(done: int, total: int) -> bool:
            dialog.value = int(99 * done / max(total, 1))  # at its maximum the dialog closes
            slicer.app.processEvents()
            self._cancelled = bool(self._cancelled or dialog.wasCanceled)
            return not self._cancelled

        try:
            self.work(self._parameterNode, progress)
        except InterruptedError:
            self.say(_("Cancelled; nothing was changed."))

    def say(self, text: str) -> None:
        """Show a text below the Apply button."""
        self.ui.messageLabel.text = text
