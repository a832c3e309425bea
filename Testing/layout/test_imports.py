"""Importing a room needs only what every installation has, and changes nothing in the process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from Testing.support.source_tree import PACKAGE, ROOT, imports_of, module_name, python_files, room_of

CORE = {"numpy", "scipy", "SimpleITK", "mrbiomarkers"}
# Imports at file scope beyond the core: file or room -> libraries. The design names each.
FILE_SCOPE_EXCEPTIONS = {
    "response/pipeline.py": {"sklearn"},
    "mrml": {"slicer", "vtk"},
    "panels": {"qt", "ctk", "slicer", "vtk", "SegmentStatisticsPlugins"},
}
# Libraries that are imported in these rooms only, also inside functions.
BOUND_TO_ROOMS = {
    "pydicom": {"files"},
    "highdicom": {"files"},
    "slicer": {"mrml", "panels"},
    "vtk": {"mrml", "panels"},
    "qt": {"panels"},
    "ctk": {"panels"},
}
NEED_SLICER = {"mrml", "panels"}
NEVER_ON_IMPORT = ["matplotlib", "pydicom", "highdicom", "pandas", "nibabel", "nrrd", "openpyxl", "xlrd", "yaml"]

# Runs in a process of its own. What the libraries change when they are loaded is theirs: they are loaded before the
# first look.
PROBE = """
import importlib, json, logging, os, sys, warnings
import numpy

libraries, modules, never = json.loads(sys.argv[1])

def state():
    loggers = {name: logger for name, logger in logging.root.manager.loggerDict.items() if name.startswith("mrbiom")}
    return {
        "numpy's error state": numpy.geterr(),
        "numpy's print options": repr(numpy.get_printoptions()),
        "numpy's global random state": repr(numpy.random.get_state()),
        "the warnings filters": list(warnings.filters),
        "the root logger": (list(logging.root.handlers), logging.root.level, logging.root.manager.disable),
        "a logger's handlers": [name for name in loggers if getattr(loggers[name], "handlers", [])],
        "the environment": dict(os.environ),
        "sys.path": list(sys.path),
        "the working directory": os.getcwd(),
    }

def load(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:  # the last part is a function or a class
        load(name.rpartition(".")[0])

for name in libraries:
    load(name)
before = state()
for name in modules:
    importlib.import_module(name)
    after = state()
    for what in before:
        if before[what] != after[what]:
            print(f"importing {name} changes {what}")
    before = after
for library in never:
    if library in sys.modules:
        print(f"importing loads {library}")
"""


def file_scope_violations(package: Path) -> list[str]:
    """One line for every import at file scope of something optional."""
    found = []
    for path in python_files(package):
        relative, room = path.relative_to(package).as_posix(), room_of(path, package)
        allowed = CORE | FILE_SCOPE_EXCEPTIONS.get(relative, set()) | FILE_SCOPE_EXCEPTIONS.get(room, set())
        for item in imports_of(path, package):
            if item.at_file_scope and item.top not in allowed | sys.stdlib_module_names:
                found.append(f"{relative}:{item.line}: {item.top} at file scope")
    return found


def room_violations(package: Path) -> list[str]:
    """One line for every import, anywhere, of a library outside the rooms it is bound to."""
    found = []
    for path in python_files(package):
        relative, room = path.relative_to(package).as_posix(), room_of(path, package)
        for item in imports_of(path, package):
            if room not in BOUND_TO_ROOMS.get(item.top, {room}):
                found.append(f"{relative}:{item.line}: {item.top} outside {', '.join(BOUND_TO_ROOMS[item.top])}")
    return found


def import_report(package: Path) -> str:
    """Import every module in a new process with warnings as errors; return what goes wrong, or an empty text."""
    paths = [path for path in python_files(package) if room_of(path, package) not in NEED_SLICER | {"__main__"}]
    imports = [item for path in paths for item in imports_of(path, package) if item.at_file_scope]
    libraries = sorted({item.name for item in imports if item.top in CORE and item.top != package.name})
    # SimpleITK's wrapper classes, made by SWIG, warn at import from Python 3.12 on.
    options = ["-B", "-W", "error", "-W", "ignore:builtin type:DeprecationWarning"]
    modules = [module_name(path, package) for path in paths]
    result = subprocess.run(
        [sys.executable, *options, "-c", PROBE, json.dumps([libraries, modules, NEVER_ON_IMPORT])],
        cwd=package.parent,
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    return (result.stdout + result.stderr).strip()


def test_file_scope_imports_are_core_only():
    assert file_scope_violations(PACKAGE) == []


def test_libraries_stay_in_their_rooms():
    assert room_violations(PACKAGE) == []


def test_importing_every_module_changes_nothing():
    assert PACKAGE.parent == ROOT
    assert import_report(PACKAGE) == ""


@pytest.fixture
def write(tmp_path):
    """Write one file of a small package beside an empty ``__init__``, and return the package's folder."""

    def write_file(file: str, code: str) -> Path:
        package = tmp_path / "mrbiomarkers"
        path = package / file
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in {package, path.parent}:
            (folder / "__init__.py").touch()
        path.write_text(code, encoding="utf-8")
        return package

    return write_file


@pytest.mark.parametrize(
    ("file", "code", "caught"),
    [
        ("maps.py", "import matplotlib.pyplot as plt", True),
        ("maps.py", "try:\n    import pandas\nexcept ImportError:\n    pandas = None", True),
        ("maps.py", "class A:\n    import pandas", True),
        ("maps.py", "from slicer import util", True),
        ("response/logistic.py", "import sklearn", True),
        ("response/pipeline.py", "from sklearn.svm import SVC", False),
        ("mrml/volumes.py", "import slicer, vtk", False),
        ("maps.py", "def f():\n    import pandas", False),
        ("maps.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas", False),
        ("maps.py", "import numpy as np\nfrom scipy import optimize\nimport SimpleITK\nfrom . import series", False),
    ],
)
def test_an_optional_library_at_file_scope_is_caught(write, file, code, caught):
    assert bool(file_scope_violations(write(file, code))) is caught


@pytest.mark.parametrize(
    ("file", "code", "caught"),
    [
        ("maps.py", "def f():\n    import pydicom", True),
        ("cli/main.py", "def f():\n    from qt import QWidget", True),
        ("files/dicom_read.py", "def f():\n    import pydicom", False),
        ("panels/cases.py", "import qt, ctk", False),
    ],
)
def test_a_library_outside_its_room_is_caught(write, file, code, caught):
    assert bool(room_violations(write(file, code))) is caught


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import numpy as np", ""),
        ("import numpy as np\nnp.seterr(all='ignore')", "importing mrbiomarkers.maps changes numpy's error state"),
        ("import warnings\nwarnings.simplefilter('ignore')", "changes the warnings filters"),
        ("import logging\nlogging.basicConfig()", "changes the root logger"),
        (
            "import logging\nlogging.getLogger(__name__).addHandler(logging.NullHandler())",
            "changes a logger's handlers",
        ),
        ("import os\nos.environ['A_NEW_ONE'] = '1'", "changes the environment"),
        ("import sys\nsys.path.append('x')", "changes sys.path"),
        ("import numpy as np\nnp.random.seed(1)", "changes numpy's global random state"),
        ("import warnings\nwarnings.warn('hello')", "UserWarning: hello"),
        ("from importlib import import_module\nimport_module('matplotlib')", "importing loads matplotlib"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_module_that_changes_the_process_is_caught(write, code, expected):
    report = import_report(write("maps.py", code))

    assert expected in report
    assert bool(report) is bool(expected)
