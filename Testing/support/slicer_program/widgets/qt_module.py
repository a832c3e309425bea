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
    if not is_class or issubclass(plain, QtCore.QCoreApplication):
        return plain
    extra = {}
    for base, members in EXTRA.items():
        if issubclass(plain, _plain(base)):
            extra |= members
    return stand_in(type(plain)(name, (Flavour, plain), {"__module__": "qt", **extra}))


qt = QtModule("qt")
_settings = Settings()
qt.QSettings = lambda *arguments: _settings
