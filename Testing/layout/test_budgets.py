"""The budgets of the house. Complexity is ruff's part (C901)."""

from pathlib import Path

import pytest

from Testing.support.slicer_modules import module_folders
from Testing.support.source_tree import PACKAGE, ROOT, code_lines, functions, parse, public_definitions, python_files

FILE_LINES = 400
FUNCTION_LINES = 60
USUAL_FUNCTION_LINES = 30
USUAL_SHARE = 0.9
PUBLIC_NAMES = 6
CODE = [PACKAGE, *module_folders(ROOT)]
every_folder = pytest.mark.parametrize("folder", CODE, ids=lambda folder: folder.name)


def long_files(folder: Path) -> list[str]:
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(folder)}
    return [f"{path.relative_to(folder)}: {count} lines" for path, count in counts.items() if count > FILE_LINES]


def function_lengths(folder: Path) -> dict[str, int]:
    """The lines of code of every function, by file, line and name."""
    lengths = {}
    for path in python_files(folder):
        for function in functions(parse(path)):
            where = f"{path.relative_to(folder).as_posix()}:{function.lineno}: {function.name}"
            lengths[where] = code_lines(function)
    return lengths


def long_functions(folder: Path) -> list[str]:
    return [f"{where}: {count} lines" for where, count in function_lengths(folder).items() if count > FUNCTION_LINES]


def share_of_usual_functions(folder: Path) -> float:
    lengths = list(function_lengths(folder).values())
    return sum(length <= USUAL_FUNCTION_LINES for length in lengths) / len(lengths)


def crowded_files(folder: Path) -> list[str]:
    names = {path: [node.name for node in public_definitions(parse(path).body)] for path in python_files(folder)}
    return [f"{path.relative_to(folder)}: {', '.join(n)}" for path, n in names.items() if len(n) > PUBLIC_NAMES]


def test_no_file_is_too_long():
    assert len(python_files(ROOT)) > len(python_files(PACKAGE)) > 0
    assert long_files(ROOT) == []


@every_folder
def test_no_function_is_too_long(folder):
    assert long_functions(folder) == []


@every_folder
def test_nine_functions_in_ten_are_short(folder):
    over = {where: count for where, count in function_lengths(folder).items() if count > USUAL_FUNCTION_LINES}

    assert share_of_usual_functions(folder) >= USUAL_SHARE, over


@every_folder
def test_no_file_offers_too_much(folder):
    assert crowded_files(folder) == []


def test_a_long_file_is_caught(tmp_path):
    (tmp_path / "long.py").write_text("a = 1\n" * (FILE_LINES + 1), encoding="utf-8")
    (tmp_path / "fits.py").write_text("a = 1\n" * FILE_LINES, encoding="utf-8")

    assert long_files(tmp_path) == [f"long.py: {FILE_LINES + 1} lines"]


def test_a_long_function_is_caught_and_its_docstring_not_counted(tmp_path):
    docstring = '    """One.\n\n    Two.\n    """\n'
    for name, lines in {"fits": FUNCTION_LINES - 1, "long": FUNCTION_LINES}.items():
        code = f"class A:\n  def {name}():\n{docstring}" + "    a = 1\n" * lines
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")

    assert long_functions(tmp_path) == [f"long.py:2: long: {FUNCTION_LINES + 1} lines"]
    assert share_of_usual_functions(tmp_path) == 0


def test_a_crowded_file_is_caught(tmp_path):
    names = [f"f{number}" for number in range(PUBLIC_NAMES)]
    private = "def _g(): ...\nCONSTANT = 1\n"
    (tmp_path / "fits.py").write_text(private + "".join(f"def {name}(): ...\n" for name in names), encoding="utf-8")
    (tmp_path / "full.py").write_text(
        "class C: ...\n" + "".join(f"def {name}(): ...\n" for name in names), encoding="utf-8"
    )

    assert crowded_files(tmp_path) == ["full.py: C, " + ", ".join(names)]
