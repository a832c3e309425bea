"""What CMake installs is what is on disk, and the folders are such that Slicer accepts them."""

import re
from pathlib import Path

import pytest

from Testing.support.source_tree import PACKAGE, ROOT

SCRIPT_ENDINGS = {".py"}
RESOURCE_ENDINGS = {".toml", ".ui", ".typed"}


def cmake_list(text: str, name: str) -> list[str]:
    """The entries of ``set(<name> ...)`` in a CMake file, comments left out."""
    match = re.search(rf"\bset\(\s*{re.escape(name)}\b([^)]*)\)", re.sub(r"#.*", "", text))
    assert match, f"no set({name} ...) found"
    return match.group(1).split()


def files_with(folder: Path, endings: set[str]) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.suffix in endings and "__pycache__" not in path.parts)
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def undeclared(package: Path) -> list[str]:
    """What differs between the two lists of a package's CMake file and the disk, one line a file."""
    text = (package / "CMakeLists.txt").read_text(encoding="utf-8")
    differences = []
    for name, endings in {"SCRIPTS": SCRIPT_ENDINGS, "RESOURCES": RESOURCE_ENDINGS}.items():
        listed, on_disk = cmake_list(text, f"{package.name}_{name}"), files_with(package, endings)
        differences += [f"{name} lacks {file}" for file in sorted(set(on_disk) - set(listed))]
        differences += [f"{name} lists {file}, which is not there" for file in sorted(set(listed) - set(on_disk))]
        differences += [f"{name} lists {file} twice" for file in sorted(set(listed)) if listed.count(file) > 1]
        if not differences and listed != on_disk:
            differences.append(f"{name} is not sorted")
    return differences


def cmake_folders(root: Path) -> list[str]:
    """The folders of the repository that are built: those with a CMake file, except the tests."""
    found = (path.parent.name for path in root.glob("*/CMakeLists.txt"))
    return sorted(name for name in found if name != "Testing" and not name.startswith((".", "build")))


def added_folders(root: Path) -> list[str]:
    text = re.sub(r"#.*", "", (root / "CMakeLists.txt").read_text(encoding="utf-8"))
    return sorted(re.findall(r"\badd_subdirectory\(\s*([\w/]+)", text))


def misplaced_inits(root: Path) -> list[str]:
    """Each ``__init__.py`` in the root or in a Slicer module folder (one that holds a file of its own name)."""
    folders = [root, *(path.parent for path in root.glob("*/*.py") if path.stem == path.parent.name)]
    inits = (folder / "__init__.py" for folder in folders)
    return sorted(path.relative_to(root).as_posix() for path in inits if path.exists())


def test_the_lists_of_the_package_equal_the_disk():
    assert files_with(PACKAGE, SCRIPT_ENDINGS), "no files were found: the test looks in the wrong place"
    assert undeclared(PACKAGE) == []


def test_every_file_that_is_read_at_run_time_has_a_known_ending():
    known = SCRIPT_ENDINGS | RESOURCE_ENDINGS
    others = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in known and "__pycache__" not in path.parts
    ]

    assert others == ["CMakeLists.txt"]


def test_the_lists_are_what_cmake_builds():
    text = (PACKAGE / "CMakeLists.txt").read_text(encoding="utf-8")
    call = re.search(r"slicerMacroBuildScriptedModule\(([^)]*)\)", text).group(1).split()

    assert call == [
        *("NAME", "mrbiomarkers", "SCRIPTS", "${mrbiomarkers_SCRIPTS}"),
        *("RESOURCES", "${mrbiomarkers_RESOURCES}", "WITH_SUBDIR"),
    ]


def test_every_folder_with_a_cmake_file_is_added():
    assert "mrbiomarkers" in cmake_folders(ROOT)
    assert added_folders(ROOT) == cmake_folders(ROOT)


def test_no_init_where_slicer_would_stumble():
    assert misplaced_inits(ROOT) == []


@pytest.fixture
def tree(tmp_path):
    """A small repository in which nothing is wrong."""
    package = tmp_path / "package"
    (package / "room").mkdir(parents=True)
    for name in ("__init__.py", "room/b.py", "py.typed"):
        (package / name).touch()
    lists = (
        "set(package_SCRIPTS\n  __init__.py  # a comment\n  room/b.py\n  )\nset(package_RESOURCES\n  py.typed\n  )\n"
    )
    (package / "CMakeLists.txt").write_text(lists, encoding="utf-8")
    (tmp_path / "CMakeLists.txt").write_text("add_subdirectory(package)\n", encoding="utf-8")
    return tmp_path


def test_a_sound_tree_passes(tree):
    assert undeclared(tree / "package") == []
    assert added_folders(tree) == cmake_folders(tree) == ["package"]
    assert misplaced_inits(tree) == []


def test_a_file_that_is_not_listed_is_caught(tree):
    (tree / "package" / "room" / "a.py").touch()
    (tree / "package" / "room" / "a.toml").touch()

    assert undeclared(tree / "package") == ["SCRIPTS lacks room/a.py", "RESOURCES lacks room/a.toml"]


def test_a_listed_file_that_is_gone_is_caught(tree):
    (tree / "package" / "room" / "b.py").unlink()

    assert undeclared(tree / "package") == ["SCRIPTS lists room/b.py, which is not there"]


def test_a_list_out_of_order_is_caught(tree):
    lists = "set(package_SCRIPTS room/b.py __init__.py)\nset(package_RESOURCES py.typed)\n"
    (tree / "package" / "CMakeLists.txt").write_text(lists, encoding="utf-8")

    assert undeclared(tree / "package") == ["SCRIPTS is not sorted"]


def test_a_folder_that_is_not_added_is_caught(tree):
    (tree / "Module").mkdir()
    (tree / "Module" / "CMakeLists.txt").touch()

    assert added_folders(tree) != cmake_folders(tree)


@pytest.mark.parametrize("place", ["__init__.py", "Module/__init__.py"])
def test_a_misplaced_init_is_caught(tree, place):
    (tree / "Module").mkdir()
    (tree / "Module" / "Module.py").touch()
    (tree / place).touch()

    assert misplaced_inits(tree) == [place]
