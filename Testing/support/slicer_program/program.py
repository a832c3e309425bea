"""A program as Slicer is one for its modules: what a module file imports is there, until :meth:`Program.close`."""

import importlib.util
import sys
from contextlib import suppress
from pathlib import Path

import slicer

from .. import slicer_core
from . import genuine, packages, parameters, sample_data, scripted_module, segment_statistics, self_tests, texts
from .absent_qt import AbsentModule
from .application import Application
from .modules import Module

ROOT = Path(__file__).resolve().parents[3]
STAND_INS = {
    "slicer.i18n": texts,
    "slicer.testing": self_tests,
    "slicer.packaging": packages,
    "slicer.ScriptedLoadableModule": scripted_module,
    "slicer.parameterNodeWrapper": parameters,
    "SampleData": sample_data,
    "SegmentStatisticsPlugins": segment_statistics,
    "SegmentStatistics": segment_statistics,
}
# Slicer's own files name these where no Qt is.
WIDGETS = ("qMRMLNodeComboBox", "qMRMLRangeWidget", "qMRMLSliderWidget", "qMRMLSpinBox", "qMRMLWidget", "qSlicerWidget")
BESIDE_QT = "mrbiomarkers.panels"  # imports qt, and so must be imported anew when that is another


class Program:
    """The program without a main window, as ``Slicer --no-main-window --testing --python-script`` is one.

    Parameters
    ----------
    scene : vtkMRMLScene, optional
        One that ``slicer_core.start()`` made; otherwise a new one is made.
    """

    level = "no Qt"

    def __init__(self, scene=None):
        self._modules, self._path = dict(sys.modules), list(sys.path)
        self._attributes = dict(vars(slicer))
        self.scene = scene or slicer_core.start()
        self.app = slicer.app = self.make_application(slicer.app.applicationLogic())
        for name, thing in self.qt_modules().items():
            sys.modules[name] = thing
        self.is_genuine = genuine.source() is not None
        for name, module in (genuine.modules(self.level) if self.is_genuine else STAND_INS).items():
            sys.modules[name] = module
            if name.count(".") == 1 and name.startswith("slicer."):
                setattr(slicer, name.partition(".")[2], module)
        sys.modules["SegmentStatistics"].SegmentStatisticsLogic.registeredPlugins.clear()  # Slicer's own need vtkITK

    def make_application(self, logic):
        return Application(logic)

    def qt_modules(self):
        """Return the modules ``qt`` and ``ctk`` of this program, and put the widget classes into ``slicer``."""
        lenient = genuine.source() is not None
        for name in WIDGETS if lenient else ():
            setattr(slicer, name, getattr(AbsentModule("slicer", lenient), name))
        return {name: AbsentModule(name, lenient) for name in ("qt", "ctk")}

    def load_module(self, name, path=None):
        """Load a module file as Slicer does and return the Python module.

        Its folder is appended to ``sys.path``, its class of the same name is made, and ``slicer.modules`` knows it in
        lower case and as ``<name>Instance``.

        Parameters
        ----------
        name : str
            Name of the module.
        path : path, optional
            Its file; otherwise the one of this repository.
        """
        path = Path(path or ROOT / name / f"{name}.py").resolve()
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        spec = importlib.util.spec_from_file_location(name, path)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        try:
            spec.loader.exec_module(loaded)
        except BaseException:
            del sys.modules[name]
            raise
        if not hasattr(loaded, name):
            raise RuntimeError(f"{path.name} has no class {name}")
        module = self.make_module(name, path)
        instance = getattr(loaded, name)(module)
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.modules, f"{name}Instance", instance)
        if hasattr(instance, "setup"):
            instance.setup()
        return loaded

    def make_module(self, name, path):
        return Module(name, path)

    def finish_start(self):
        """Tell modules that the program has started; this is when they register sample data."""
        self.app.emit("startupCompleted()")

    def close(self):
        """Take everything away again; what the program imported from this repository's rooms stays imported."""
        for name, module in list(sys.modules.items()):
            is_new = name not in self._modules
            if is_new and (name == BESIDE_QT or name.startswith(f"{BESIDE_QT}.")):
                self._forget(name)
            elif is_new and self._is_ours(name, module):
                del sys.modules[name]
        sys.modules.update({name: module for name, module in self._modules.items() if name not in sys.modules})
        sys.path[:] = self._path
        for name in set(vars(slicer)) - set(self._attributes) - {"mrmlScene", "app", "modules"}:
            delattr(slicer, name)

    def _is_ours(self, name, module):
        installed = (
            {"qt", "ctk", *STAND_INS, *genuine.modules(self.level)} if self.is_genuine else {"qt", "ctk", *STAND_INS}
        )
        file = getattr(module, "__file__", None)
        is_module_file = file is not None and str(Path(file).parent) in set(sys.path) - set(self._path)
        return name in installed or is_module_file

    @staticmethod
    def _forget(name):
        del sys.modules[name]
        parent, _, own = name.rpartition(".")
        with suppress(KeyError, AttributeError):
            delattr(sys.modules[parent], own)
