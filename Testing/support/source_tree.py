"""What the layout tests ask of source files: which there are, what they import, which functions they hold."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mrbiomarkers"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One imported name: ``numpy.linalg`` for both ``import numpy.linalg`` and ``from numpy import linalg``."""

    name: str
    line: int
    at_file_scope: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def python_files(folder: Path) -> list[Path]:
    """Every Python file in a folder and below, sorted; caches and hidden folders (.venv) are left out."""
    files = []
    for path in folder.rglob("*.py"):
        parents = path.relative_to(folder).parts[:-1]
        if not any(part.startswith(".") or part in {"__pycache__", "build", "dist"} for part in parents):
            files.append(path)
    return sorted(files)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path, package: Path) -> str:
    """The dotted name of a file: ``pkg/a/b.py`` is ``pkg.a.b``, ``pkg/a/__init__.py`` is ``pkg.a``."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(path: Path, package: Path) -> str:
    """The room a file belongs to: the first part below the package, without its ending."""
    return path.relative_to(package).with_suffix("").parts[0]


def imports_of(path: Path, package: Path) -> list[Import]:
    """Every import of a file, also inside functions, with relative names resolved.

    ``import_module`` and ``__import__`` with a name written out count too. What stands under ``if TYPE_CHECKING`` does
    not run: it counts as an import, but not as one at file scope.
    """
    name = module_name(path, package)
    own_package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = []
    for node, at_file_scope in _walk(parse(path), True):
        found += [Import(imported, node.lineno, at_file_scope) for imported in _names(node, own_package)]
    return found


def _walk(node: ast.AST, at_file_scope: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node and whether it runs when the file is imported."""
    for child in ast.iter_child_nodes(node):
        yield child, at_file_scope
        is_type_check = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        runs_later = isinstance(child, Function | ast.Lambda) or is_type_check
        yield from _walk(child, at_file_scope and not runs_later)


def _names(node: ast.AST, own_package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = resolve("." * node.level + (node.module or ""), own_package)
        return [f"{base}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"import_module", "__import__"}:
        return [
            resolve(argument.value, own_package)
            for argument in node.args[:1]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
    return []


def resolve(name: str, own_package: str) -> str:
    """Turn a relative module name (``.b``, ``..c``) into an absolute one."""
    level = len(name) - len(name.lstrip("."))
    if level == 0:
        return name
    parents = own_package.split(".")
    kept = parents[: len(parents) - level + 1]
    return ".".join([*kept, name.lstrip(".")] if name.lstrip(".") else kept)


def functions(tree: ast.Module) -> list[Function]:
    """Every function and method of a file, nested ones too."""
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def code_lines(function: Function) -> int:
    """The lines of a function from ``def`` to its end, without those of its docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def public_definitions(body: list[ast.stmt]) -> list[Function | ast.ClassDef]:
    """The functions and classes without a leading underscore in a file or class body."""
    kinds = Function | ast.ClassDef
    return [node for node in body if isinstance(node, kinds) and not node.name.startswith("_")]
