"""What a Slicer module's file may do when it is imported, and what it may hand to VTK."""

import ast
import sys
from pathlib import Path

import pytest

from Testing.support.slicer_modules import added_folders, module_folders
from Testing.support.source_tree import PACKAGE, ROOT, Function, imports_of, parse, python_files

ALLOWED = {"slicer", "vtk", "qt", "ctk", "numpy", "mrbiomarkers"}
# Methods whose text VTK draws: it leaves out superscript minus and Greek letters without a word.
DRAWN_BY_VTK = {
    *("SetTitle", "SetXAxisTitle", "SetYAxisTitle", "SetTitleText", "SetLabelText", "SetText"),
    *("add_decay_chart", "add_agreement_chart", "add_box_chart"),
}
# Fields of a Quantity that are not for VTK; ascii_symbol and ascii_unit are.
NOT_ASCII = {"symbol", "reported_unit", "label"}


def forbidden_imports(path: Path) -> list[str]:
    """The imports at file scope of what a plain Slicer does not have."""
    found = imports_of(path, path.parent)
    allowed = ALLOWED | sys.stdlib_module_names
    return [f"line {item.line}: {item.name}" for item in found if item.at_file_scope and item.top not in allowed]


def is_guard(node: ast.stmt) -> bool:
    """Tell whether this is ``try: import mrbiomarkers`` with a path appended where it is not found."""
    if not isinstance(node, ast.Try):
        return False
    tried = {alias.name for part in node.body if isinstance(part, ast.Import) for alias in part.names}
    caught = {ast.unparse(handler.type) for handler in node.handlers if handler.type is not None}
    handled = "\n".join(ast.unparse(part) for handler in node.handlers for part in handler.body)
    return tried == {"mrbiomarkers"} and caught == {"ModuleNotFoundError"} and "sys.path.append(" in handled


def guard_complaints(tree: ast.Module) -> list[str]:
    """What is wrong with the guard that lets a module of a source checkout find the package."""
    guards = [number for number, node in enumerate(tree.body) if is_guard(node)]
    if len(guards) != 1:
        return [f"{len(guards)} guards around 'import mrbiomarkers'"]
    early = [
        node.lineno
        for node in tree.body[: guards[0]]
        if isinstance(node, ast.ImportFrom) and "mrbiomarkers" in _from(node)
    ]
    return [f"line {line}: mrbiomarkers is imported before the guard" for line in early]


def _from(node: ast.ImportFrom) -> str:
    return (node.module or "").partition(".")[0]


def code_at_file_scope(tree: ast.Module) -> list[str]:
    """The statements that do something when the file is imported, beside imports, definitions and constants."""
    definitions = ast.Import | ast.ImportFrom | ast.ClassDef | Function
    found = []
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_constant = isinstance(node, ast.Assign | ast.AnnAssign) and not _calls(node)
        if not (isinstance(node, definitions) or is_text or is_constant or is_guard(node)):
            found.append(f"line {node.lineno}: {ast.unparse(node).partition(chr(10))[0]}")
    return found


def _calls(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def missing_classes(path: Path, tree: ast.Module) -> list[str]:
    """The classes that Slicer, or the house, looks for in a module file and does not find."""
    names = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return [
        path.stem + part for part in ("", "ParameterNode", "Widget", "Logic", "Test") if path.stem + part not in names
    ]


def without_test(path: Path, tree: ast.Module) -> bool:
    """Tell whether a plain unittest loader, which wants ``test_...``, would find nothing in the self test."""
    tests = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == f"{path.stem}Test"]
    return not any(isinstance(part, Function) and part.name.startswith("test_") for node in tests for part in node.body)


def texts_vtk_cannot_draw(tree: ast.Module) -> list[str]:
    """The arguments of calls whose text VTK draws that are not ASCII, or are fields of a quantity that need not be."""
    found = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in DRAWN_BY_VTK:
            arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
            parts = [part for argument in arguments for part in ast.walk(argument)]
            texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            fields = [part.attr for part in parts if isinstance(part, ast.Attribute) and part.attr in NOT_ASCII]
            found += [f"line {call.lineno}: {text!r}" for text in texts if not text.isascii()]
            found += [f"line {call.lineno}: .{field}" for field in fields]
    return found


def repeated_resources(modules: list[Path]) -> list[str]:
    """The file names that two modules' Resources folders share; the installed extension has only one of each."""
    names = [path.name for module in modules for path in (module / "Resources").rglob("*") if path.is_file()]
    return sorted({name for name in names if names.count(name) > 1})


MODULES = module_folders(ROOT)


def module_file(module: Path) -> Path:
    return module / f"{module.name}.py"


def test_every_module_folder_that_is_built_is_looked_at():
    built = {name for name in added_folders(ROOT) if name not in {PACKAGE.name, "Testing"}}

    assert {module.name for module in MODULES} == built
    assert built >= {"IVIMBoneMarrow", "IDEALFatQuant"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_importing_a_module_file_needs_only_what_slicer_has_and_does_nothing(module):
    path = module_file(module)
    tree = parse(path)

    assert forbidden_imports(path) == []
    assert guard_complaints(tree) == []
    assert code_at_file_scope(tree) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_has_the_classes_slicer_looks_for(module):
    tree = parse(module_file(module))

    assert missing_classes(module_file(module), tree) == []
    assert not without_test(module_file(module), tree)


def test_resource_names_are_unique():
    assert repeated_resources(MODULES) == []


def test_vtk_gets_only_text_it_can_draw():
    folders = [PACKAGE / "mrml", PACKAGE / "panels", *MODULES]
    files = [path for folder in folders if folder.is_dir() for path in python_files(folder)]
    found = {path.relative_to(ROOT).as_posix(): texts_vtk_cannot_draw(parse(path)) for path in files}

    assert files
    assert {file: lines for file, lines in found.items() if lines} == {}


GUARD = (
    "try:\n    import mrbiomarkers\nexcept ModuleNotFoundError:\n    sys.path.append('x')\n    import mrbiomarkers\n"
)


def test_a_sound_module_file_passes(tmp_path):
    path = tmp_path / "A.py"
    code = "'A.'\nimport sys\nimport qt, ctk, vtk, slicer\nfrom slicer.util import x\nimport numpy as np\n" + GUARD
    code += "from mrbiomarkers.jobs import y\nNAMES = ('a', 'b')\nclass ATest:\n    def test_it(self): ...\n"
    path.write_text(code + "def f():\n    import matplotlib\n", encoding="utf-8")
    tree = parse(path)

    assert forbidden_imports(path) == guard_complaints(tree) == code_at_file_scope(tree) == []
    assert not without_test(path, tree)


@pytest.mark.parametrize("name", ["pandas", "matplotlib.pyplot", "SimpleITK", "pydicom"])
def test_a_package_that_slicer_lacks_or_that_has_its_room_is_caught(tmp_path, name):
    (tmp_path / "A.py").write_text(f"import {name}\n", encoding="utf-8")

    assert forbidden_imports(tmp_path / "A.py") == [f"line 1: {name}"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import mrbiomarkers", "0 guards around 'import mrbiomarkers'"),
        (GUARD.replace("append", "extend"), "0 guards around 'import mrbiomarkers'"),
        (GUARD.replace("ModuleNotFoundError", "Exception"), "0 guards around 'import mrbiomarkers'"),
        ("from mrbiomarkers.maps import x\n" + GUARD, "line 1: mrbiomarkers is imported before the guard"),
    ],
)
def test_a_guard_that_does_not_work_is_caught(code, expected):
    assert guard_complaints(ast.parse(code)) == [expected]


@pytest.mark.parametrize(
    "code", ["print('x')", "N = int('3')", "for i in x: pass", "sys.path.append('x')", "if a: b = 1"]
)
def test_code_at_file_scope_is_caught(code):
    assert code_at_file_scope(ast.parse(code)) == [f"line 1: {ast.unparse(ast.parse(code)).partition(chr(10))[0]}"]


def test_a_missing_class_is_caught():
    tree = ast.parse("class A: ...\nclass AWidget: ...\nclass ALogic: ...\nclass ATest:\n    def runTest(self): ...\n")

    assert missing_classes(Path("A.py"), tree) == ["AParameterNode"]
    assert without_test(Path("A.py"), tree)


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ("chart.SetYAxisTitle('D [10⁻³ mm²/s]')", True),
        ("chart.SetTitle(f'{name} α')", True),
        ("chart.SetTitle(title='α')", True),
        ("chart.SetXAxisTitle(quantity.symbol + ' x')", True),
        ("chart.SetXAxisTitle(quantity.ascii_symbol + ' [10^-3 mm^2/s]')", False),
        ("label.text = 'α'", False),
    ],
)
def test_text_that_vtk_would_cut_is_caught(code, caught):
    assert bool(texts_vtk_cannot_draw(ast.parse(code))) is caught


def test_two_resources_of_one_name_are_caught(tmp_path):
    for folder in ("A/Resources/UI", "B/Resources/UI"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Panel.ui").touch()
    (tmp_path / "A" / "Resources" / "A.png").touch()

    assert repeated_resources([tmp_path / "A", tmp_path / "B"]) == ["Panel.ui"]
