"""Table nodes made of columns with unit and meaning, and texts as Slicer's table files can hold them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import vtk

from mrbiomarkers import __version__
from mrbiomarkers.mrml.nodes import add_node, undo_on_error

CONTENT = "MRBiomarkers.Table"  # attribute: what the table holds
_LOST = str.maketrans({'"': "'", "#": "No.", "\t": " "})  # in table files
# Whole numbers keep all digits in a file, others six.
_ARRAYS = {str: vtk.vtkStringArray, float: vtk.vtkDoubleArray, int: vtk.vtkIntArray}


@dataclass(frozen=True)
class Column:
    """A column: its name, cells, the title where it differs, the unit, and what it holds."""

    name: str
    values: Sequence[str] | Sequence[float]
    title: str = ""
    unit: str = ""
    description: str = ""


def fill_table(node: Any, columns: Sequence[Column]) -> None:
    """Give a table columns that say their unit and meaning."""
    for column in columns:
        array = _ARRAYS[type(column.values[0])]()
        array.SetName(column.name)
        for value in column.values:
            array.InsertNextValue(value)
        node.AddColumn(array)
        node.SetColumnTitle(column.name, column.title or column.name)
        node.SetColumnUnitLabel(column.name, column.unit)
        node.SetColumnDescription(column.name, cleaned(column.description))
        if array.IsA("vtkDoubleArray"):  # else an empty cell of a file is read as 0
            node.SetColumnNullValue(column.name, "nan")


def add_table(name: str, columns: Sequence[Column], content: str) -> Any:
    """Add a table node."""
    with undo_on_error():
        made_by = json.dumps({"software": f"MRBiomarkers {__version__}"})
        node = add_node("vtkMRMLTableNode", name, {CONTENT: content, "MRBiomarkers.Provenance": made_by})
        fill_table(node, columns)
        node.SetUseColumnTitleAsColumnHeader(True)
    return node


def cleaned(text: str) -> str:
    """Return a text as Slicer's table files can hold it."""
    return " ".join(text.translate(_LOST).splitlines()).strip()
