"""The maps of the scene in a table with check boxes: which of them are measured."""

from __future__ import annotations

import json
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from mrbiomarkers.mrml.scene_nodes import visible_nodes
from mrbiomarkers.quantities import QUANTITIES

_MEASURED = "MRBiomarkers.Measured"  # of a map: what the user has chosen, "yes" or "no"; a scene file keeps it
# How well a fit went and what it was corrected for: nothing of the tissue.
_NOT_OF_TISSUE = {"R2", "AICc", "p_F", "field_map", "residual", "rmse"}


class MapList:
    """A ``QTableWidget`` of one column with the maps of this extension.

    A new map is checked when it shows something of the tissue in a unit of its own and no newer one is of the same
    kind: what was fitted again takes the place of what it was before.

    Parameters
    ----------
    table : QTableWidget
        The table.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._nodes: list[Any] = []
        table.cellChanged.connect(self._onCell)

    def refresh(self, without: Any = None) -> None:
        """Show the maps that are in the scene; not one that is about to be deleted."""
        self._nodes = [node for node in maps_of_scene() if node is not without]
        checked = set(map(id, _checked(self._nodes)))
        self._table.blockSignals(True)
        self._table.setRowCount(len(self._nodes))
        for row, node in enumerate(self._nodes):
            unit = node.GetAttribute("MRBiomarkers.Unit") or "1"
            item = qt.QTableWidgetItem(node.GetName() if unit == "1" else f"{node.GetName()} [{unit}]")
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
            item.setCheckState(qt.Qt.Checked if id(node) in checked else qt.Qt.Unchecked)
            item.setToolTip(_("{what}. Checked: it is measured.").format(what=node.GetDescription() or node.GetName()))
            self._table.setItem(row, 0, item)
        self._table.blockSignals(False)

    def clear(self) -> None:
        """Let go of the maps."""
        self._nodes = []
        self._table.setRowCount(0)

    def checked(self) -> list[Any]:
        """Return the maps that are measured."""
        return _checked([node for node in self._nodes if node.GetScene() is slicer.mrmlScene])

    def _onCell(self, row: int, column: int) -> None:
        item = self._table.item(row, column)
        if item is not None and row < len(self._nodes):
            self._nodes[row].SetAttribute(_MEASURED, "yes" if item.checkState() == qt.Qt.Checked else "no")


def maps_of_scene() -> list[Any]:
    """Return the maps that this extension has made, the oldest first; the hidden volumes of their status are none."""
    volumes = visible_nodes("vtkMRMLScalarVolumeNode")
    known = [node for node in volumes if node.GetAttribute("MRBiomarkers.Quantity") in QUANTITIES]
    return [node for node in known if node.GetImageData() is not None]


def model_of(node: Any) -> str:
    """Return the model that a map was fitted with; empty where it names none."""
    try:
        provenance = json.loads(node.GetAttribute("MRBiomarkers.Provenance") or "{}")
    except ValueError:
        return ""
    return str(provenance.get("model") or "") if isinstance(provenance, dict) else ""


def _checked(nodes: list[Any]) -> list[Any]:
    newest = {_kind(node): node for node in nodes}
    chosen = {"yes": True, "no": False}
    return [
        node
        for node in nodes
        if chosen.get(node.GetAttribute(_MEASURED), _of_tissue(node) and newest[_kind(node)] is node)
    ]


def _of_tissue(node: Any) -> bool:
    key = node.GetAttribute("MRBiomarkers.Quantity")
    quality = key in _NOT_OF_TISSUE or key.startswith("sd_")
    return not quality and QUANTITIES[key].reported_unit != "a.u."


def _kind(node: Any) -> tuple[str, ...]:
    """Return what two maps have in common of which only one is measured."""
    source = node.GetNodeReferenceID("MRBiomarkers.Source") or node.GetID()
    return str(source), str(node.GetAttribute("MRBiomarkers.Quantity")), model_of(node)
