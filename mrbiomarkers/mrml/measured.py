"""What was measured, kept together in the scene: a table knows its summary, charts, regions and warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import slicer

from mrbiomarkers.mrml.nodes import check_node
from mrbiomarkers.mrml.results import MeasuredNodes

_SUMMARY, _CHART, _REGIONS = (f"MRBiomarkers.{name}" for name in ("Summary", "Chart", "Regions"))  # roles
_KEY = "MRBiomarkers.ChartOf"  # of a chart: the key that it has among those of the table
_WARNINGS = "MRBiomarkers.Warnings"
_READER = "MRBiomarkers.Reader"  # of a segmentation: whose it is


def keep_together(measured: MeasuredNodes, segmentations: Mapping[str, Any]) -> None:
    """Let the measurement table know what belongs to it, so that all is found again when a scene is loaded.

    Parameters
    ----------
    measured : MeasuredNodes
        What was measured.
    segmentations : mapping of str to segmentation node
        The regions, by the reader's name; "" where none is known.
    """
    table = measured.table
    table.SetNodeReferenceID(_SUMMARY, measured.summary.GetID())
    table.SetAttribute(_WARNINGS, json.dumps(measured.warnings, ensure_ascii=False))
    for role in (_CHART, _REGIONS):
        table.RemoveNodeReferenceIDs(role)
    for key, chart in measured.charts.items():
        chart.SetAttribute(_KEY, key)
        table.AddNodeReferenceID(_CHART, chart.GetID())
    for reader, node in segmentations.items():
        if node.GetAttribute(_READER) is None and reader:
            node.SetAttribute(_READER, reader)
        table.AddNodeReferenceID(_REGIONS, node.GetID())


def measured_of(table: Any) -> MeasuredNodes:
    """Return what belongs to a measurement table, as far as it is still in the scene.

    Parameters
    ----------
    table : vtkMRMLTableNode
        Made by the logic's ``measure``.

    Returns
    -------
    MeasuredNodes
        ``summary`` is None where there is none.

    Raises
    ------
    TypeError
        When it is no table node.
    """
    check_node("table", table, "vtkMRMLTableNode")
    charts = {str(chart.GetAttribute(_KEY)): chart for chart in _referenced(table, _CHART)}
    warnings = json.loads(table.GetAttribute(_WARNINGS) or "[]")
    return MeasuredNodes(table, table.GetNodeReference(_SUMMARY), charts, tuple(warnings))


def regions_of(table: Any) -> dict[str, tuple[str, Any, Any]]:
    """Return the regions that were measured and are still there.

    Parameters
    ----------
    table : vtkMRMLTableNode
        Made by the logic's ``measure``.

    Returns
    -------
    dict of str to (str, segmentation node or None, chart node or None)
        By what a person calls a region (with the reader where there are several): its name, where it can be seen and
        its decay.
    """
    check_node("table", table, "vtkMRMLTableNode")
    charts = measured_of(table).charts
    drawn = {" ".join((node.GetAttribute(_READER) or "").split()): node for node in _referenced(table, _REGIONS)}
    columns = [table.GetTable().GetColumnByName(name) for name in ("reader", "region")]
    if None in columns:
        return {}
    rows = dict.fromkeys(tuple(column.GetValue(n) for column in columns) for n in range(table.GetNumberOfRows()))
    found: dict[tuple[str, str], tuple[Any, Any]] = {}
    for reader, region in rows:
        node, chart = drawn.get(reader), charts.get(f"{reader} {region}".strip())
        if node is not None and not node.GetSegmentation().GetSegmentIdBySegmentName(region):
            node = None
        if node is not None or chart is not None:
            found[reader, region] = node, chart
    several = len({reader for reader, _ in found}) > 1
    return {
        f"{reader} {region}".strip() if several else region: (region, *shown)
        for (reader, region), shown in found.items()
    }


def _referenced(table: Any, role: str) -> list[Any]:
    nodes = [table.GetNthNodeReference(role, index) for index in range(table.GetNumberOfNodeReferences(role))]
    return [node for node in nodes if node is not None and node.GetScene() is slicer.mrmlScene]
