"""Stand-in for Qt's loader of .ui files. What Slicer would pass over silently is an error here."""

import io
from pathlib import Path
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools

from . import ctk_widgets, mrml_base, mrml_selectors, mrml_views
from .flavour import loading, properties_of
from .qt_module import qt

MRML = [mrml_base.qMRMLWidget, mrml_base.qSlicerWidget, *mrml_views.WIDGETS]
MRML += [mrml_selectors.qMRMLNodeComboBox, mrml_selectors.qMRMLCheckableNodeComboBox]
CLASSES = {kind.__name__: kind for kind in MRML} | ctk_widgets.WIDGETS
NOT_IN_A_FILE = ("qMRMLPlotView",)  # Slicer's loader cannot make it; code can


class Loader(QtUiTools.QUiLoader):
    """Makes stand-ins, and the connections between widgets, also those that carry a scene.

    A class that is unknown, a property that the class has not or a connection to a slot that is not there raises
    LookupError; Slicer makes a bare QWidget, or leaves the thing out.
    """

    def load(self, file, parent=None):
        path = Path(file.fileName())
        tree = ElementTree.parse(path)
        self._check(tree, path.name)
        connections = _take(tree, "connections")
        texts = self._take_enumerations(tree)
        written = io.BytesIO()
        tree.write(written, encoding="utf-8", xml_declaration=True)
        buffer = QtCore.QBuffer()
        buffer.setData(written.getvalue())
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        loading.add(path.name)
        self._layouts = []
        try:
            widget = super().load(buffer, parent)
        finally:
            loading.clear()
        widget._layouts = self._layouts  # PySide would delete those inside other layouts, as it takes them for its own
        for name, key, value in texts:
            setattr(_find(widget, name, path.name), key, value)
        for connection in connections:
            self._connect(widget, connection, path.name)
        return widget

    def createWidget(self, name, parent=None, objectName=""):
        kind = CLASSES.get(name) or getattr(qt, name)
        widget = kind(parent) if parent is not None else kind()
        widget.setObjectName(objectName)
        return widget

    def createLayout(self, name, parent=None, objectName=""):
        is_inner = parent is None or not parent.isWidgetType()  # a layout takes its inner layouts itself
        layout = getattr(qt, name)() if is_inner else getattr(qt, name)(parent)
        layout.setObjectName(objectName)
        self._layouts.append(layout)
        return layout

    def createAction(self, parent=None, objectName=""):
        action = qt.QAction(parent)
        action.setObjectName(objectName)
        return action

    def _check(self, tree, file):
        known = {*CLASSES, *self.availableWidgets()} - set(NOT_IN_A_FILE)
        for element in tree.iter("widget"):
            kind, name = element.get("class"), element.get("name")
            if kind not in known:
                raise LookupError(f"{file}, {name}: the class {kind} is unknown to the stand-in, or to Slicer's loader")
            names = properties_of(CLASSES.get(kind) or getattr(qt, kind))
            for item in element.findall("property"):
                if item.get("stdset") != "0" and item.get("name") not in names:
                    raise LookupError(f"{file}, {name}: {kind} has no property {item.get('name')!r}")

    @staticmethod
    def _take_enumerations(tree):
        """Take out values that are names in C++ of a class that Qt does not know here; they are set as text."""
        found = []
        for element in tree.iter("widget"):
            for item in element.findall("property") if element.get("class") in CLASSES else ():
                value = item.find("enum") if item.find("enum") is not None else item.find("set")
                if value is not None and value.text.startswith(element.get("class")):
                    element.remove(item)
                    found.append((element.get("name"), item.get("name"), value.text))
        return found

    @staticmethod
    def _connect(widget, connection, file):
        sender, signal, receiver, slot = (
            connection.findtext(part) for part in ("sender", "signal", "receiver", "slot")
        )
        target = getattr(_find(widget, receiver, file), slot.partition("(")[0], None)
        if not callable(target) or not _find(widget, sender, file).connect(signal, target):
            raise LookupError(f"{file}: {sender}.{signal} cannot be connected to {receiver}.{slot}")


def _take(tree, name):
    element = tree.getroot().find(name)
    if element is None:
        return []
    tree.getroot().remove(element)
    return list(element)


def _find(widget, name, file):
    found = widget if widget.objectName == name else widget.findChild(QtCore.QObject, name)
    if found is None:
        raise LookupError(f"{file}: there is no {name}")
    return found


qt.QUiLoader = Loader
