"""Stand-ins for ctk's buttons, boxes and path editors, and the module ``ctk``."""

import types

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGroupBox, QMessageBox, QPushButton, QWidget

from . import ctk_numbers
from .flavour import Flavour, kept, stand_in
from .qt_module import EXTRA


class _Collapsible(Flavour):
    def _collapse(self):
        for child in self.children():
            if isinstance(child, QWidget):
                child.setVisible(not self.collapsed)
        self.contentsCollapsed.emit(self.collapsed)


@stand_in
class ctkCollapsibleButton(_Collapsible, QWidget):
    contentsCollapsed = Signal(bool)
    clicked = Signal(bool)
    toggled = Signal(bool)
    text = kept("text", str, "")
    collapsed = kept("collapsed", bool, False, "_collapse")
    collapsedHeight = kept("collapsedHeight", int, 10)
    flat = kept("flat", bool, False)
    checkable = kept("checkable", bool, True)
    checked = Property(bool, lambda self: not self.collapsed, lambda self, on: self.setProperty("collapsed", not on))

    def click(self):
        self.setProperty("collapsed", not self.collapsed)
        self.clicked.emit(not self.collapsed)


@stand_in
class ctkCollapsibleGroupBox(_Collapsible, QGroupBox):
    contentsCollapsed = Signal(bool)
    collapsed = kept("collapsed", bool, False, "_collapse")
    collapsedHeight = kept("collapsedHeight", int, 10)


@stand_in
class ctkCheckBox(Flavour, QCheckBox):
    pass


@stand_in
class ctkCheckablePushButton(Flavour, QPushButton):
    checkBoxControlsButtonToggleState = kept("checkBoxControlsButtonToggleState", bool, True)


@stand_in
class ctkComboBox(Flavour, QComboBox):
    defaultText = kept("defaultText", str, "")


@stand_in
class ctkCheckableComboBox(Flavour, QComboBox):
    checkedIndexesChanged = Signal()

    def checkedIndexes(self):
        indexes = [self.model().index(row, 0) for row in range(self.count)]
        return [index for index in indexes if self.checkState(index) == Qt.CheckState.Checked]

    def checkState(self, index):
        state = self.itemData(index.row(), Qt.ItemDataRole.CheckStateRole)
        return Qt.CheckState.Unchecked if state is None else Qt.CheckState(state)

    def setCheckState(self, index, state):
        if state != self.checkState(index):
            self.setItemData(index.row(), state, Qt.ItemDataRole.CheckStateRole)
            self.checkedIndexesChanged.emit()


@stand_in
class ctkPathLineEdit(Flavour, QWidget):
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    currentPath = kept("currentPath", str, "", "_changed")
    nameFilters = kept("nameFilters", "QStringList", [])
    filters = kept("filters", str, "")
    options = kept("options", str, "")
    label = kept("label", str, "")
    settingKey = kept("settingKey", str, "")
    showBrowseButton = kept("showBrowseButton", bool, True)
    showHistoryButton = kept("showHistoryButton", bool, True)

    def _changed(self):
        self.currentPathChanged.emit(self.currentPath)

    def setCurrentPath(self, path):
        self.currentPath = path

    def addCurrentPathToHistory(self):
        """Do nothing; the stand-in has no history."""


@stand_in
class ctkDirectoryButton(Flavour, QWidget):
    directoryChanged = Signal(str)
    directorySelected = Signal(str)
    directory = kept("directory", str, "", "_changed")
    caption = kept("caption", str, "")
    text = kept("text", str, "")

    def _changed(self):
        self.directoryChanged.emit(self.directory)


@stand_in
class ctkMessageBox(Flavour, QMessageBox):
    dontShowAgainSettingsKey = kept("dontShowAgainSettingsKey", str, "")
    exec = exec_ = EXTRA["QDialog"]["exec"]


class CtkModule(types.ModuleType):
    """The module ``ctk``."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "ctkColorPickerButton":  # Slicer's own connectors name it; no panel has one
            return type(name, (), {})
        raise AttributeError(f"the stand-in for ctk has no {name}")


ctk = CtkModule("ctk")
WIDGETS = {
    name: thing
    for space in (ctk_numbers, vars())
    for name, thing in (vars(space) if hasattr(space, "__file__") else space).copy().items()
    if isinstance(thing, type) and "_is_stand_in" in vars(thing)
}
for _name, _thing in WIDGETS.items():
    if _name.startswith("ctk"):
        setattr(ctk, _name, _thing)
