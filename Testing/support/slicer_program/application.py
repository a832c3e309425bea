"""Stand-in for ``slicer.app`` and its module manager, in a program that was started with --testing.

What is not here raises AttributeError: either the program has no such thing, or the stand-in must learn it.
"""

import logging
import tempfile
from types import SimpleNamespace

import slicer


class Signals:
    """Signals by their full name, as ``connect("startupCompleted()", f)`` takes them.

    Slicer prints what a slot raises and goes on; the stand-in lets it through, which no test can overlook.
    """

    names = ()

    def __init__(self):
        self._slots = {}

    def connect(self, signal, slot):
        """Return False for a signal that is not there, as Slicer does; it only logs a line."""
        if signal not in self.names:
            logging.error(f"there is no signal {signal}")
            return False
        self._slots.setdefault(signal, []).append(slot)
        return True

    def disconnect(self, signal, slot):
        if slot not in self._slots.get(signal, []):
            return False
        self._slots[signal].remove(slot)
        return True

    def emit(self, signal, *values):
        for slot in list(self._slots.get(signal, [])):
            slot(*values)


class ModuleManager(Signals):
    """Knows the modules that were loaded, which are the members of ``slicer.modules``."""

    names = ("moduleAboutToBeUnloaded(QString)", "moduleLoaded(QString)", "moduleUnloaded(QString)")

    def module(self, name):
        return getattr(slicer.modules, name.lower(), None)

    def factoryManager(self):
        modules = vars(slicer.modules).values()
        return SimpleNamespace(loadedModuleNames=lambda: [module.name for module in modules if hasattr(module, "name")])


class Settings:
    """The user's settings: none."""

    def __init__(self):
        self._values = {}

    def value(self, key, default=None):
        return self._values.get(key, default)

    def setValue(self, key, value):
        self._values[key] = value

    def contains(self, key):
        return key in self._values


class Application(Signals):
    """The program without a main window: ``layoutManager()`` is None, there is nobody to answer a question."""

    names = ("startupCompleted()", "aboutToQuit()", "lastWindowClosed()", "mrmlSceneChanged(vtkMRMLScene*)")
    applicationName = "Slicer"
    applicationVersion = "5.12.3"
    majorVersion, minorVersion = 5, 12
    documentationBaseUrl = "https://slicer.readthedocs.io/"

    def __init__(self, application_logic):
        super().__init__()
        self._logic, self._manager, self._settings = application_logic, ModuleManager(), Settings()
        self.temporaryPath = tempfile.gettempdir()
        self.translations = {}  # for tests: text to translated text

    def applicationLogic(self):
        return self._logic

    def moduleManager(self):
        return self._manager

    def mrmlScene(self):
        return slicer.mrmlScene

    def layoutManager(self):
        return None

    def topLevelWidgets(self):
        return []

    def testingEnabled(self):
        return True

    def translate(self, context, text):
        return self.translations.get(text, text)

    def settings(self):
        return self._settings

    userSettings = settings

    def moduleDocumentationUrl(self, name):
        return f"{self.documentationBaseUrl}{name}"

    def processEvents(self):
        """Serve nothing: this program has no event loop."""

    def pauseRender(self):
        """Do nothing; there are no views."""

    def resumeRender(self):
        """Do nothing; there are no views."""

    def setOverrideCursor(self, cursor):
        """Do nothing; there is no mouse."""

    def restoreOverrideCursor(self):
        """Do nothing; there is no mouse."""
