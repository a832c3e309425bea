"""Every public function says what it takes, what it returns and what it does."""

import ast
from pathlib import Path

import pytest

from Testing.support.source_tree import PACKAGE, Function, parse, public_definitions, python_files


def untyped_parts(function: Function, *, is_method: bool) -> list[str]:
    """The arguments of a function that have no type hint, and ``return`` if that has none."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if is_method and "staticmethod" not in decorators(function):
        positional = positional[1:]
    rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    missing = [item.arg for item in [*positional, *arguments.kwonlyargs, *rest] if item.annotation is None]
    return missing if function.returns is not None else [*missing, "return"]


def decorators(function: Function) -> set[str]:
    return {ast.unparse(decorator).rpartition(".")[2] for decorator in function.decorator_list}


def complaints(path: Path) -> list[str]:
    """One line for everything a public definition of this file lacks."""
    tree = parse(path)
    found = [] if ast.get_docstring(tree) else ["the file has no docstring"]
    for node in public_definitions(tree.body):
        if isinstance(node, ast.ClassDef):
            found += [] if ast.get_docstring(node) else [f"{node.name} has no docstring"]
            for method in public_definitions(node.body):
                if isinstance(method, Function):
                    found += [f"{node.name}.{text}" for text in function_complaints(method, is_method=True)]
        else:
            found += function_complaints(node, is_method=False)
    return found


def function_complaints(function: Function, *, is_method: bool) -> list[str]:
    untyped = untyped_parts(function, is_method=is_method)
    found = [f"{function.name} has no type hint for {', '.join(untyped)}"] if untyped else []
    if not ast.get_docstring(function) and not decorators(function) & {"setter", "overload"}:
        found.append(f"{function.name} has no docstring")
    return found


def test_every_public_definition_is_typed_and_described():
    files = python_files(PACKAGE)
    found = {path.relative_to(PACKAGE).as_posix(): complaints(path) for path in files}

    assert files
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a: int, *b: int, c: int = 1, **d: int) -> None:\n    'Do.'", []),
        ("def f(a) -> None:\n    'Do.'", ["f has no type hint for a"]),
        ("def f(*a, b, **c):\n    'Do.'", ["f has no type hint for b, a, c, return"]),
        ("def f() -> None: ...", ["f has no docstring"]),
        ("def _f(a): ...", []),
        ("class A:\n    'A.'\n    def m(self, a) -> None:\n        'Do.'", ["A.m has no type hint for a"]),
        ("class A:\n    'A.'\n    @staticmethod\n    def m(a) -> None:\n        'Do.'", ["A.m has no type hint for a"]),
        ("class A:\n    'A.'\n    def __eq__(self, other): ...", []),
        ("class A: ...", ["A has no docstring"]),
        ("class _A:\n    def m(a): ...", []),
    ],
)
def test_what_is_missing_is_named(tmp_path, code, expected):
    path = tmp_path / "file.py"
    path.write_text(f"'The file.'\n{code}\n", encoding="utf-8")

    assert complaints(path) == expected


def test_a_file_without_docstring_is_named(tmp_path):
    path = tmp_path / "file.py"
    path.write_text("a = 1\n", encoding="utf-8")

    assert complaints(path) == ["the file has no docstring"]
