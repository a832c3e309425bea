"""What CMake installs is what is on disk, and the folders are such that Slicer accepts them."""

import re
from pathlib import Path

import pytest

from Testing.support.slicer_modules import added_folders, module_folders
from Testing.support.source_tree import PACKAGE, ROOT

SCRIPT_ENDINGS = {".py"}
RESOURCE_ENDINGS = {".toml", ".ui", ".typed"}
MODULE_RESOURCE_ENDINGS = {".ui", ".png", ".svg"}


def cmake_list(text: str, name: str) -> list[str]:
    """The entries of ``set(<name> ...)`` in a CMake file, comments left out."""
    match = re.search(rf"\bset\(\s*{re.escape(name)}\b([^)]*)\)", re.sub(r"#.*", "", text))
    assert match, f"no set({name} ...) found"
    return match.group(1).split()


def module_list(text: str, name: str) -> list[str]:
    """The entries of a list in the CMake file of a Slicer module, with the module's name put in."""
    (module,) = cmake_list(text, "MODULE_NAME")
    return [entry.replace("${MODULE_NAME}", module) for entry in cmake_list(text, name)]


def files_with(folder: Path, endings: set[str]) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.suffix in endings and "__pycache__" not in path.parts)
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def undeclared(package: Path) -> list[str]:
    """What differs between the two lists of a package's CMake file and the disk, one line a file."""
    text = (package / "CMakeLists.txt").read_text(encoding="utf-8")
    found = []
    for name, endings in {"SCRIPTS": SCRIPT_ENDINGS, "RESOURCES": RESOURCE_ENDINGS}.items():
        found += differences(name, cmake_list(text, f"{package.name}_{name}"), files_with(package, endings))
    return found


def undeclared_in_module(module: Path) -> list[str]:
    """The same for a Slicer module, and the files that neither list may hold: Slicer would not find them."""
    text = (module / "CMakeLists.txt").read_text(encoding="utf-8")
    scripts, resources = files_with(module, SCRIPT_ENDINGS), files_with(module, MODULE_RESOURCE_ENDINGS)
    found = differences("SCRIPTS", module_list(text, "MODULE_PYTHON_SCRIPTS"), scripts)
    found += differences("RESOURCES", module_list(text, "MODULE_PYTHON_RESOURCES"), resources)
    found += [f"{file} is outside Resources" for file in resources if not file.startswith("Resources/")]
    known = {*scripts, *resources, "CMakeLists.txt"}
    every = (path.relative_to(module).as_posix() for path in module.rglob("*") if path.is_file())
    return found + [f"{file} is of no known kind" for file in every if file not in known and "__pycache__" not in file]


def differences(name: str, listed: list[str], on_disk: list[str]) -> list[str]:
    """What differs between a list and the files that should be in it, in order."""
    found = [f"{name} lacks {file}" for file in sorted(set(on_disk) - set(listed))]
    found += [f"{name} lists {file}, which is not there" for file in sorted(set(listed) - set(on_disk))]
    found += [f"{name} lists {file} twice" for file in sorted(set(listed)) if listed.count(file) > 1]
    return found if found or listed == on_disk else [f"{name} is not sorted"]


def cmake_folders(root: Path) -> list[str]:
    """The folders of the repository that have a CMake file."""
    found = (path.parent.name for path in root.glob("*/CMakeLists.txt"))
    return sorted(name for name in found if not name.startswith((".", "build")))


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


@pytest.mark.parametrize("module", module_folders(ROOT), ids=lambda module: module.name)
def test_the_lists_of_a_module_equal_the_disk(module):
    text = (module / "CMakeLists.txt").read_text(encoding="utf-8")
    call = re.search(r"slicerMacroBuildScriptedModule\(([^)]*)\)", text).group(1).split()

    assert undeclared_in_module(module) == []
    assert f"Resources/Icons/{module.name}.png" in module_list(text, "MODULE_PYTHON_RESOURCES")
    assert f"Resources/UI/{module.name}.ui" in module_list(text, "MODULE_PYTHON_RESOURCES")
    assert cmake_list(text, "MODULE_NAME") == [module.name]
    assert call == [
        *("NAME", "${MODULE_NAME}", "SCRIPTS", "${MODULE_PYTHON_SCRIPTS}"),
        *("RESOURCES", "${MODULE_PYTHON_RESOURCES}", "WITH_GENERIC_TESTS"),
    ]
    assert "slicer_add_python_unittest(SCRIPT ${MODULE_NAME}.py)" in text


def test_every_folder_with_a_cmake_file_is_added():
    assert "mrbiomarkers" in cmake_folders(ROOT)
    assert added_folders(ROOT) == cmake_folders(ROOT)


def test_the_tests_are_added_only_where_tests_are_built():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")

    assert re.search(r"if\(BUILD_TESTING\)\s*add_subdirectory\(Testing\)\s*endif\(\)", text)


def test_the_launched_suite_is_given_every_module():
    text = (ROOT / "Testing" / "CMakeLists.txt").read_text(encoding="utf-8")
    paths = [entry.removeprefix("${CMAKE_SOURCE_DIR}/") for entry in cmake_list(text, "_source_paths")]

    assert sorted(paths) == [module.name for module in module_folders(ROOT)]
    assert (ROOT / "Testing" / "launched" / "run.py").is_file()
    assert "${CMAKE_CURRENT_SOURCE_DIR}/launched/run.py" in text


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


@pytest.fixture
def module(tmp_path):
    """A small Slicer module in which nothing is wrong."""
    folder = tmp_path / "Module"
    (folder / "Resources" / "Icons").mkdir(parents=True)
    for name in ("Module.py", "Resources/Icons/Module.png"):
        (folder / name).touch()
    lists = "set(MODULE_NAME Module)\nset(MODULE_PYTHON_SCRIPTS\n  ${MODULE_NAME}.py\n  )\n"
    lists += "set(MODULE_PYTHON_RESOURCES\n  Resources/Icons/${MODULE_NAME}.png\n  )\n"
    (folder / "CMakeLists.txt").write_text(lists, encoding="utf-8")
    return folder


def test_a_sound_module_passes(module):
    assert undeclared_in_module(module) == []


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("Helper.py", ["SCRIPTS lacks Helper.py"]),
        ("Resources/UI.ui", ["RESOURCES lacks Resources/UI.ui"]),
        ("Logo.png", ["RESOURCES lacks Logo.png", "Logo.png is outside Resources"]),
        ("Resources/notes.docx", ["Resources/notes.docx is of no known kind"]),
    ],
)
def test_a_file_of_a_module_that_is_not_installed_is_caught(module, file, expected):
    (module / file).touch()

    assert undeclared_in_module(module) == expected


def test_a_listed_file_of_a_module_that_is_gone_is_caught(module):
    (module / "Resources" / "Icons" / "Module.png").unlink()

    assert undeclared_in_module(module) == ["RESOURCES lists Resources/Icons/Module.png, which is not there"]
