"""The floors of the house: a room imports rooms on lower floors only. The table is the one of the design."""

from pathlib import Path

import pytest

from Testing.support.source_tree import PACKAGE, imports_of, python_files, room_of

FLOORS = {
    "__init__": 0,
    "quantities": 1,
    "checks": 1,
    "series": 2,
    "maps": 2,
    "settings": 2,
    "measurements": 2,
    "leastsquares": 2,
    "diffusion": 3,
    "fatwater": 3,
    "vendor_maps": 3,
    "regions": 3,
    "radiomics": 3,
    "registration": 3,
    "agreement": 3,
    "tables": 4,
    "phantom": 4,
    "jobs": 5,
    "response": 5,
    "files": 6,
    "mrml": 6,
    "report": 6,
    "study": 7,
    "panels": 8,
    "cli": 8,
    "web": 8,
    "__main__": 9,
}
# Pairs (importer, imported) on one floor that the design allows. Every pair needs a reason beside it.
SAME_FLOOR_ALLOWED: frozenset[tuple[str, str]] = frozenset()


def rooms_on_disk(package: Path) -> set[str]:
    return {room_of(path, package) for path in python_files(package)}


def imported_rooms(path: Path, package: Path) -> list[tuple[str, int]]:
    """The rooms a file imports, with the line; a name of the package's own ``__init__`` counts as that file."""
    rooms = rooms_on_disk(package) | set(FLOORS)
    found = []
    for item in imports_of(path, package):
        parts = item.name.split(".")
        if parts[0] == package.name:
            found.append((parts[1] if len(parts) > 1 and parts[1] in rooms else "__init__", item.line))
    return found


def violations(package: Path) -> list[str]:
    """One line for every import that goes up, stays on its floor without leave, or leaves the table."""
    found = []
    for path in python_files(package):
        room = room_of(path, package)
        for imported, line in imported_rooms(path, package):
            allowed = imported == room or (room, imported) in SAME_FLOOR_ALLOWED
            if room in FLOORS and imported in FLOORS:
                allowed = allowed or FLOORS[imported] < FLOORS[room]
            if not allowed:
                where = path.relative_to(package.parent).as_posix()
                floors = f"floor {FLOORS.get(room, '?')} imports floor {FLOORS.get(imported, '?')}"
                found.append(f"{where}:{line}: {room} imports {imported} ({floors})")
    return found


def test_every_room_is_in_the_table():
    rooms = rooms_on_disk(PACKAGE)

    assert rooms > {"__init__"}, "no rooms were found: the test looks in the wrong place"
    assert rooms <= set(FLOORS), f"rooms without a floor: {sorted(rooms - set(FLOORS))}"


def test_rooms_import_lower_floors_only():
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "code", "expected"),
    [
        ("quantities.py", "from mrbiomarkers.maps import ParameterMap", "quantities imports maps"),
        ("quantities.py", "from . import maps", "quantities imports maps"),
        ("quantities.py", "from .maps import ParameterMap", "quantities imports maps"),
        ("quantities.py", "import mrbiomarkers.maps as m", "quantities imports maps"),
        ("series.py", "def f():\n    from mrbiomarkers import maps", "series imports maps"),
        ("diffusion/fit.py", "from ..jobs.subject import measure", "diffusion imports jobs"),
        ("diffusion/fit.py", "from importlib import import_module\nimport_module('mrbiomarkers.jobs')", "imports jobs"),
        ("response/__init__.py", "from importlib import import_module as i", None),
        ("response/__init__.py", "import importlib\nimportlib.import_module('.pipeline', __name__)", None),
        ("diffusion/fit.py", "from .models import f\nfrom ..leastsquares import solve", None),
        ("diffusion/fit.py", "from mrbiomarkers import __version__", None),
        ("__init__.py", "from mrbiomarkers.cli import main", "__init__ imports cli"),
        ("__main__.py", "from mrbiomarkers.cli import main", None),
        ("maps.py", "from mrbiomarkers.kitchen import sink", None),
        ("kitchen.py", "from mrbiomarkers.maps import ParameterMap", "kitchen imports maps"),
    ],
)
def test_the_walker_catches_what_is_forbidden_and_only_that(tmp_path, file, code, expected):
    path = tmp_path / "mrbiomarkers" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "mrbiomarkers" / "__init__.py").touch()
    path.write_text(code, encoding="utf-8")

    found = violations(tmp_path / "mrbiomarkers")

    if expected is None:
        assert found == []
    else:
        assert len(found) == 1
        assert expected in found[0]
