"""Slicer's own Python files from a checkout, in place of the stand-ins: the proof that the two agree.

Nothing of them is kept in this repository; the environment variable says where the checkout is.
"""

import importlib.util
import os
import sys
from pathlib import Path

import slicer

from .absent_qt import AbsentModule

VARIABLE = "MRBIOMARKERS_SLICER_SOURCE"
FILES = {  # in the order in which they need each other
    "slicer.i18n": "Base/Python/slicer/i18n.py",
    "slicer.testing": "Base/Python/slicer/testing.py",
    "slicer.packaging": "Base/Python/slicer/packaging.py",
    "slicer.ScriptedLoadableModule": "Base/Python/slicer/ScriptedLoadableModule.py",
    "slicer.parameterNodeWrapper": "Base/Python/slicer/parameterNodeWrapper/__init__.py",
    "SampleData": "Modules/Scripted/SampleData/SampleData.py",
    "SegmentStatisticsPlugins": "Modules/Scripted/SegmentStatistics/SegmentStatisticsPlugins/__init__.py",
    "SegmentStatistics": "Modules/Scripted/SegmentStatistics/SegmentStatistics.py",
}
SUBMODULES = ("slicer.parameterNodeWrapper.", "SegmentStatisticsPlugins.")
_loaded = {}


def source():
    """Return the folder of the checkout, or None where the stand-ins are to be used."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    missing = [file for file in FILES.values() if not (Path(folder) / file).is_file()]
    if missing:
        raise FileNotFoundError(f"{VARIABLE}={folder}: expected a checkout of Slicer, {missing[0]} is not there")
    return Path(folder)


def modules(level):
    """Return Slicer's modules by name, loaded once for each kind of ``qt`` (``level``) they may find.

    ``qt`` and ``ctk`` and the widget classes in ``slicer`` must be there already. They are left in ``sys.modules``.
    """
    if level not in _loaded:
        sys.modules.setdefault("vtkITK", AbsentModule("vtkITK"))  # the wheel lacks it; Slicer's own plugins import it
        for name, file in FILES.items():
            _load(name, source() / file)
        names = [name for name in sys.modules if name in (*FILES, "vtkITK") or name.startswith(SUBMODULES)]
        _loaded[level] = {name: sys.modules[name] for name in names}
    return _loaded[level]


def _load(name, path):
    folders = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if name.startswith("slicer."):
        setattr(slicer, name.partition(".")[2], module)
    spec.loader.exec_module(module)
