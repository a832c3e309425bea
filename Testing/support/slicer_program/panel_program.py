"""The program with widgets: ``qt``, ``ctk`` and Slicer's own are stand-ins on PySide6, drawn on no screen."""

import ctypes
import logging
import os
import time

import slicer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shiboken6
from PySide6 import QtCore, QtWidgets

from .application import Application
from .program import Program
from .widgets.ctk_widgets import ctk
from .widgets.loader import CLASSES
from .widgets.mrml_base import forget_scenes
from .widgets.panel_module import PanelModule, qSlicerScriptedLoadableModuleWidget
from .widgets.qt_module import answers, qt

QtCore.qInstallMessageHandler(lambda kind, context, text: logging.getLogger("Qt").info(text))
# PySide6 6.12 gives back a reference to None that it never took with every call that returns nothing. Before Python
# 3.12, where None cannot be used up, the interpreter ends when the last one is gone.
_kept = [None] * 1_000_000
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_kept))  # to the very end
_application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["panels"])


class PanelApplication(Application):
    """``slicer.app`` with an event loop. There is no main window, as with --no-main-window, and no layout manager
    before :meth:`PanelProgram.open_layout`."""

    _layout = None

    def layoutManager(self):
        return self._layout

    def processEvents(self):
        _application.processEvents()

    def topLevelWidgets(self):
        return _application.topLevelWidgets()

    def clipboard(self):
        return _application.clipboard()

    def keyboardModifiers(self):
        return _application.keyboardModifiers()

    def setOverrideCursor(self, cursor):
        _application.setOverrideCursor(cursor)

    def restoreOverrideCursor(self):
        _application.restoreOverrideCursor()


class PanelProgram(Program):
    """The program of :class:`Program` with panels.

    Attributes
    ----------
    answers : Answers
        What the user says when a dialog asks.
    """

    level = "stand-ins for Qt"

    def __init__(self, scene=None):
        super().__init__(scene)
        self.answers = answers
        self._panels = []

    def make_application(self, logic):
        return PanelApplication(logic)

    def qt_modules(self):
        for name, kind in CLASSES.items():
            if not name.startswith("ctk"):
                setattr(slicer, name, kind)
        slicer.qSlicerScriptedLoadableModuleWidget = qSlicerScriptedLoadableModuleWidget
        slicer.qSlicerScriptedLoadableModule = PanelModule
        return {"qt": qt, "ctk": ctk}

    def make_module(self, name, path):
        return PanelModule(name, path)

    def open_panel(self, name, path=None):
        """Load a module if need be, enter its panel as the user does, and return the panel's object.

        Parameters
        ----------
        name : str
            Name of the module.
        path : path, optional
            Its file; otherwise the one of this repository.
        """
        if not hasattr(slicer.modules, name.lower()):
            self.load_module(name, path)
        frame = getattr(slicer.modules, name.lower()).widgetRepresentation()
        frame.show()
        if not frame.isEntered:
            frame.enter()
        self._panels.append(frame)
        self.app.processEvents()
        return frame.self()

    def open_layout(self):
        """Give the program a layout manager, and return it."""
        from .layout import LayoutManager

        if self.app._layout is None:
            self.app._layout = LayoutManager()
        return self.app._layout

    def wait(self, until, seconds=5.0):
        """Serve events until ``until()`` is true; fail after some seconds."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise AssertionError(f"nothing happened for {seconds} s")
            _application.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)

    def close(self):
        """Close the panels as Slicer does when it ends, then everything else."""
        for frame in self._panels:
            if frame.isEntered:
                frame.exit()
            frame.self().cleanup()
        _application.clipboard().clear()  # what it holds would outlive Python
        if self.app._layout is not None:
            self.app._layout._close()
            self.app._layout = None
        forget_scenes()
        answers.__init__()
        for widget in _application.topLevelWidgets():
            if shiboken6.isValid(widget):
                widget.close()
                widget.deleteLater()
        _application.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
        while _application.overrideCursor():
            _application.restoreOverrideCursor()
        super().close()
