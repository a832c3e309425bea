"""What Slicer's widgets have in common: a scene that they are given, and that may be closed or imported under them."""

import weakref

import shiboken6
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from .. import swallowed
from .flavour import Flavour, stand_in

_observed = []  # every scene and tag: a scene that is destroyed later must call nobody


def forget_scenes():
    """Take every observer of every widget off the scenes."""
    for scene, tag in _observed:
        scene.RemoveObserver(tag)
    _observed.clear()


class WithScene(Flavour):
    """Has a scene; ``events`` of it call ``_scene_event``."""

    foreign_signals = ("mrmlSceneChanged(vtkMRMLScene*)",)
    events = ()
    priority = 0.0

    def mrmlScene(self):
        return self.__dict__.get("_scene")

    def setMRMLScene(self, scene):
        if scene is self.mrmlScene():
            return
        for tag in self.__dict__.pop("_tags", ()):
            self.mrmlScene().RemoveObserver(tag)
        self._scene = scene
        events = self.events if scene else ()
        self._tags = [scene.AddObserver(getattr(scene, name), self._teller(name), self.priority) for name in events]
        _observed.extend((scene, tag) for tag in self._tags)
        self._scene_set()
        if hasattr(self, "mrmlSceneChanged"):
            self.mrmlSceneChanged.emit(scene)

    def _teller(self, name):
        own = weakref.ref(self)

        def tell(caller, event):  # VTK has no names for the events of a scene
            widget = own()
            if widget is not None and shiboken6.isValid(widget):
                widget._scene_event(name)

        return tell

    def _scene_set(self):
        """Do nothing; for subclasses."""

    def _scene_event(self, event):
        """Do nothing; for subclasses."""


@stand_in
class qMRMLWidget(WithScene, QWidget):
    mrmlSceneChanged = Signal(object)


@stand_in
class qSlicerWidget(WithScene, QWidget):
    mrmlSceneChanged = Signal(object)


def crash(text):
    """Keep as an error what would end Slicer."""
    swallowed.keep(AssertionError(f"here Slicer crashes: {text}"))
