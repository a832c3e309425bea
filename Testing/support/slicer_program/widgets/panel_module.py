"""Stand-in for a module whose panel can be shown, and for the frame around the panel."""

import sys

import slicer
from PySide6.QtCore import Property
from PySide6.QtWidgets import QWidget

from ..modules import Module
from .flavour import stand_in
from .mrml_base import WithScene
from .qt_module import qt


@stand_in
class qSlicerScriptedLoadableModuleWidget(WithScene, QWidget):
    """The frame that Slicer gives a panel as its parent. It calls the panel's setup, enter and exit."""

    isEntered = Property(bool, lambda self: self.__dict__.get("_entered", False))

    def self(self):
        return self.__dict__.get("_panel")

    def reload(self):
        """Make the panel anew; ``enter`` is not called."""
        name = f"{self.__dict__['_module']}Widget"
        self._panel = getattr(sys.modules[self.__dict__["_module"]], name)(self)
        setattr(slicer.modules, name, self._panel)
        self._panel.setup()

    def enter(self):
        self._entered = True
        self._call("enter")

    def exit(self):
        self._entered = False
        self._call("exit")

    def _call(self, method):
        getattr(self._panel, method, lambda: None)()


class PanelModule(Module):
    """A module with a panel, which is made when it is asked for the first time."""

    __slots__ = ()

    def widgetRepresentation(self):
        if self.widget is None:
            self.widget = qSlicerScriptedLoadableModuleWidget()
            self.widget.setLayout(qt.QVBoxLayout())
            self.widget.setMRMLScene(slicer.mrmlScene)
            self.widget._module = self.name
            self.widget.reload()
        return self.widget

    def createNewWidgetRepresentation(self):
        raise RuntimeError("the stand-in makes one panel a module")
