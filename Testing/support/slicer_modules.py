"""What the layout tests ask of Slicer modules: which there are, what their ``.ui`` files hold, what they bind."""

import ast
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from Testing.support.source_tree import PACKAGE, parse, python_files


@dataclass(frozen=True)
class Widget:
    """One widget of a ``.ui`` file: name, class, and its properties as text."""

    name: str
    kind: str
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def parameter(self) -> str | None:
        """The field of the parameter node this widget is bound to."""
        return self.properties.get("SlicerParameterName")


@dataclass(frozen=True)
class Form:
    """One ``.ui`` file: its widgets, the first being the top one, and its connections."""

    widgets: list[Widget]
    connections: set[tuple[str, str, str, str]]

    @property
    def names(self) -> set[str]:
        return {widget.name for widget in self.widgets}


def module_folders(root: Path) -> list[Path]:
    """The folders of Slicer modules: those that hold a Python file of their own name."""
    return sorted(path.parent for path in root.glob("*/*.py") if path.stem == path.parent.name)


def added_folders(root: Path) -> list[str]:
    """The folders that the CMake file of the repository adds."""
    text = re.sub(r"#.*", "", (root / "CMakeLists.txt").read_text(encoding="utf-8"))
    return sorted(re.findall(r"\badd_subdirectory\(\s*([\w/]+)", text))


def read_form(path: Path) -> Form:
    """Read a ``.ui`` file; what is not XML raises ``ParseError``."""
    tree = ElementTree.parse(path).getroot()
    widgets = [
        Widget(element.get("name", ""), element.get("class", ""), dict(_properties(element)))
        for element in tree.iter("widget")
    ]
    parts = ("sender", "signal", "receiver", "slot")
    connections = {
        tuple((connection.findtext(part) or "").replace(" ", "") for part in parts)
        for connection in tree.iter("connection")
    }
    return Form(widgets, connections)


def _properties(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for item in element.findall("property"):
        texts = [text.strip() for value in item for text in value.itertext() if text.strip()]
        yield item.get("name", ""), " ".join(texts)


def used_widget_names(tree: ast.Module) -> dict[str, int]:
    """The names ``NAME`` in ``ui.NAME`` and ``anything.ui.NAME``, with the line of the first use."""
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", None)
            if name == "ui":
                found.setdefault(node.attr, node.lineno)
    return found


def parameter_fields(tree: ast.Module) -> dict[str, str]:
    """The fields of the parameter node classes of a file, with the kind :func:`field_kind` gives them.

    A field that is a parameter pack of the same file is offered as ``pack.member``.
    """
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    enums = {name for name, node in classes.items() if any("Enum" in ast.unparse(base) for base in node.bases)}
    packs = {name: _fields(node, enums) for name, node in classes.items() if "parameterPack" in _decorators(node)}
    found: dict[str, str] = {}
    for node in classes.values():
        if "parameterNodeWrapper" in _decorators(node):
            for name, kind in _fields(node, enums).items():
                members = packs.get(kind)
                found.update({f"{name}.{part}": inner for part, inner in members.items()} if members else {name: kind})
    return found


def _decorators(node: ast.ClassDef) -> set[str]:
    calls = (item.func if isinstance(item, ast.Call) else item for item in node.decorator_list)
    return {ast.unparse(item).rpartition(".")[2] for item in calls}


def _fields(node: ast.ClassDef, enums: set[str]) -> dict[str, str]:
    items = (item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name))
    return {item.target.id: field_kind(item.annotation, enums) for item in items}


def field_kind(annotation: ast.expr, enums: set[str] = frozenset()) -> str:
    """Name the kind of a field as far as binding a widget goes; what is none of these is its own text.

    ``bool``, ``int``, ``float``, ``str``, ``path``, ``colour``, ``enum``, ``choice``, ``int within``, ``float within``,
    ``float range``, ``node``, ``node union``, ``abstract node``.
    """
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Annotated":
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        marks = {_last(part.func if isinstance(part, ast.Call) else part) for part in parts[1:]}
        kind = field_kind(parts[0], enums)
        if kind == "FloatRange":
            return "float range" if marks >= {"RangeBounds", "Default"} else "FloatRange without bounds or default"
        return "choice" if "Choice" in marks else f"{kind} within" if marks & {"WithinRange"} else kind
    text = ast.unparse(annotation)
    if (isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Union") or "|" in text:
        return "node union" if text.count("vtkMRML") > 1 and "None" in text else text
    if "[" in text:
        return text
    return _plain_kind(text.rpartition(".")[2], enums)


def _last(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


ABSTRACT_NODES = {
    "vtkMRMLNode",
    "vtkMRMLVolumeNode",
    "vtkMRMLStorableNode",
    "vtkMRMLTransformableNode",
    "vtkMRMLDisplayableNode",
    "vtkMRMLDisplayNode",
    "vtkMRMLStorageNode",
    "vtkMRMLAbstractViewNode",
}
PLAIN = {"bool": "bool", "int": "int", "float": "float", "str": "str", "Path": "path", "QColor": "colour"}


def _plain_kind(name: str, enums: set[str]) -> str:
    if name in ABSTRACT_NODES:
        return "abstract node"
    if name.startswith("vtkMRML"):
        return "node"
    return "enum" if name in enums else PLAIN.get(name, name)


def shared_fields() -> dict[str, str]:
    """The parameter node fields that files of the shared panels define."""
    files = python_files(PACKAGE / "panels")
    return {name: kind for path in files for name, kind in parameter_fields(parse(path)).items()}
