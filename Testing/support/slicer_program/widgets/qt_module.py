"""Stand-in for the module ``qt``: PySide6's classes as PythonQt shows them. No dialog ever waits for an answer."""

import types

from PySide6 import QtCore, QtGui, QtWidgets

from ..application import Settings
from ..swallowed import Guard
from .flavour import Flavour, stand_in


class Answers:
    """What the user of a test says when a dialog asks.

    ``dialog`` is called with a dialog or menu that was executed, or with the arguments of a question such as
    QMessageBox.question, and returns the result; ``file`` is what a file dialog returns. A dialog that nobody answers
    raises, where Slicer would wait.
    """

    def __init__(self):
        self.dialog = None
        self.file = None


answers = Answers()


def _execute(self, *arguments):
    if answers.dialog is None:
        raise RuntimeError(f"a {type(self).__name__} was opened, and the test has no answer for it")
    return answers.dialog(self)


def _file(*arguments):
    if answers.file is None:
        raise RuntimeError("a file dialog was opened, and the test has no answer for it")
    return answers.file


def _ask(*arguments):
    if answers.dialog is None:
        raise RuntimeError(f"a question was asked, and the test has no answer for it: {arguments}")
    return answers.dialog(arguments)


def _single_shot(milliseconds, slot):
    QtCore.QTimer.singleShot(milliseconds, Guard(slot, 0).__call__)


QUESTIONS = {
    "QMessageBox": ("question", "information", "warning", "critical", "about"),
    "QInputDialog": ("getText", "getMultiLineText", "getItem", "getInt", "getDouble"),
    "QColorDialog": ("getColor",),
}
EXTRA = {
    "QDialog": {"exec_": _execute, "exec": _execute},
    "QMenu": {"exec_": _execute, "exec": _execute},
    "QTimer": {"singleShot": staticmethod(_single_shot)},
    "QFileDialog": {
        name: staticmethod(_file)
        for name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory")
    },
    **{kind: {name: staticmethod(_ask) for name in names} for kind, names in QUESTIONS.items()},
}


def _plain_value(value):
    """Raise for what PythonQt puts into a QVariant as an object of Python: an item shows nothing of it."""
    if type(value).__module__ == "numpy" and not isinstance(value, str):
        raise TypeError(f"{value!r} would be shown as nothing; give a number of Python's own")
    return value


class Value:
    """Mixed into a class that is no QObject: its properties are methods, and no attribute can be set."""

    def __setattr__(self, name, value):
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r} that can be set; call its setter")


class Item(Value):
    """Mixed into the items of tables, lists and trees."""

    def __init__(self, *arguments):
        if any(isinstance(argument, (int, float)) or _plain_value(argument) is None for argument in arguments):
            raise TypeError(f"expected the text of an item, got {arguments}")
        super().__init__(*arguments)

    def setData(self, *arguments):
        super().setData(*arguments[:-1], _plain_value(arguments[-1]))


class Choices:
    """Mixed into combo boxes: what comes with an item is shown as an item's own data are."""

    def addItem(self, *arguments):
        super().addItem(*map(_plain_value, arguments))

    def insertItem(self, *arguments):
        super().insertItem(*map(_plain_value, arguments))

    def setItemData(self, index, value, *role):
        super().setItemData(index, _plain_value(value), *role)


class Headers:
    """Mixed into tables: Qt's own headers would come without properties, and take any attribute."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        for place, setter in ((qt.Qt.Horizontal, self.setHorizontalHeader), (qt.Qt.Vertical, self.setVerticalHeader)):
            header = qt.QHeaderView(place, self)
            header.setSectionsClickable(True)
            header.setHighlightSections(True)
            setter(header)


MIXED = {QtWidgets.QComboBox: Choices, QtWidgets.QTableView: Headers}
VALUES = {"QFont": Value, **dict.fromkeys(("QTableWidgetItem", "QListWidgetItem", "QTreeWidgetItem"), Item)}


class QtModule(types.ModuleType):
    """Makes each class when it is asked for the first time."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        value = _flavoured(name, _plain(name))
        setattr(self, name, value)
        return value


def _plain(name):
    for module in (QtWidgets, QtGui, QtCore):
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"the stand-in for qt has no {name}")


def _flavoured(name, plain):
    is_class = isinstance(plain, type) and issubclass(plain, QtCore.QObject)
    if name in VALUES:
        return type(plain)(name, (VALUES[name], plain), {"__module__": "qt"})
    if not is_class or issubclass(plain, QtCore.QCoreApplication):
        return plain
    extra = {}
    for base, members in EXTRA.items():
        if issubclass(plain, _plain(base)):
            extra |= members
    mixed = [kind for base, kind in MIXED.items() if issubclass(plain, base)]
    return stand_in(type(plain)(name, (Flavour, *mixed, plain), {"__module__": "qt", **extra}))


qt = QtModule("qt")
_settings = Settings()
qt.QSettings = lambda *arguments: _settings
