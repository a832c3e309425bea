"""Stand-ins for ctk's buttons, boxes and path editors, and the module ``ctk``."""

import fnmatch
import re
import types
from pathlib import Path

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGroupBox, QMessageBox, QPushButton, QToolButton, QWidget

from . import ctk_numbers
from .flavour import Flavour, kept, stand_in
from .qt_module import EXTRA, Choices, qt
from .sizes import in_a_row


class _Collapsible(Flavour):
    def _show_children(self, shown):
        """Show or hide what is in it; what was hidden before for itself stays so."""
        hidden = self.__dict__.setdefault("_hidden_before", set())
        children = [child for child in self.children() if isinstance(child, QWidget)]
        if not shown:
            hidden.update(id(child) for child in children if child.isHidden())
        for child in children:
            child.setVisible(shown and id(child) not in hidden)
        if shown:
            hidden.clear()

    def _collapse(self):
        self._show_children(not self.collapsed)
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
    """A group box whose check mark is its arrow; collapsed, its children are disabled, and it says so by toggled."""

    collapsed = Property(bool, lambda self: not self.checked, lambda self, on: self.setChecked(not on))
    collapsedHeight = kept("collapsedHeight", int, 14)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.setCheckable(True)
        self.toggled.connect(self._show_children)


@stand_in
class ctkCheckBox(Flavour, QCheckBox):
    pass


@stand_in
class ctkCheckablePushButton(Flavour, QPushButton):
    checkBoxControlsButtonToggleState = kept("checkBoxControlsButtonToggleState", bool, True)


@stand_in
class ctkComboBox(Flavour, Choices, QComboBox):
    defaultText = kept("defaultText", str, "")


@stand_in
class ctkCheckableComboBox(Flavour, Choices, QComboBox):
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
    """A path. A text that does not end as the name filters say, or none, is shown, but not told by currentPathChanged.

    Whether such a file is there makes no difference.
    """

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
    minimumContentsLength = kept("minimumContentsLength", int, 0)
    sizeAdjustPolicy = kept("sizeAdjustPolicy", str, "ctkPathLineEdit::AdjustToMinimumContentsLength")

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._box, button = qt.QComboBox(), QToolButton()
        self._box.editable = True
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        button.setText("...")
        in_a_row(self, self._box, button)
        self._box.editTextChanged.connect(self.setCurrentPath)

    def _changed(self):
        self._box.setEditText(self.currentPath)
        before, self._valid = self.__dict__.get("_valid", True), self._is_valid()
        if self._valid:
            self.currentPathChanged.emit(self.currentPath)
        if self._valid != before:
            self.validInputChanged.emit(self._valid)

    def _is_valid(self):
        in_brackets = [re.search(r"\((.*)\)", text) for text in self.nameFilters]
        texts = [found[1] if found else text for found, text in zip(in_brackets, self.nameFilters, strict=True)]
        patterns = [pattern for text in texts for pattern in text.split()] or ["?*"]
        return any(fnmatch.fnmatchcase(self.currentPath, pattern) for pattern in patterns)

    def comboBox(self):
        return self._box

    def setCurrentPath(self, path):
        self.currentPath = path

    def browse(self):
        """Take the path that the user of the test chooses."""
        path = qt.QFileDialog.getExistingDirectory()
        if path:
            self.setCurrentPath(path)

    def retrieveHistory(self):
        """Do nothing; the stand-in has no history."""

    def addCurrentPathToHistory(self):
        """Do nothing; the stand-in has no history."""


@stand_in
class ctkDirectoryButton(Flavour, QWidget):
    """A folder: at first "."; what is set is made an absolute path, so that "" and "." are the working folder."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)
    caption = kept("caption", str, "")
    text = kept("text", str, "")

    def __init__(self, *arguments):
        super().__init__(*arguments)
        in_a_row(self, QPushButton("..."))

    def setDirectory(self, folder):
        before, now = self.directory, str(Path(folder).absolute())
        self.__dict__["_directory"] = before if str(Path(before).absolute()) == now else now
        self.directorySelected.emit(now)
        if self.directory != before:
            self.directoryChanged.emit(now)

    directory = Property(str, lambda self: self.__dict__.get("_directory", "."), setDirectory)

    def browse(self):
        """Take the folder that the user of the test chooses, and return it."""
        folder = qt.QFileDialog.getExistingDirectory()
        if folder:
            self.setDirectory(folder)
        return folder


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
