"""What a second reader must not see: hidden in views and lists, and shown again as it was. No Qt.

What is hidden says itself how it was, so that this survives saving and loading of the scene.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import slicer

from mrbiomarkers.panels.readers.reader_nodes import read_nodes, reader_of
from mrbiomarkers.study.readings import same_reader

HIDDEN = "MRBiomarkers.Hidden"  # attribute of a hidden node, and role of what a view showed
_VIEWS = {
    "vtkMRMLPlotViewNode": ("GetPlotChartNodeID", "SetPlotChartNodeID"),
    "vtkMRMLTableViewNode": ("GetTableNodeID", "SetTableNodeID"),
}


def to_hide(reader: str) -> list[Any]:
    """Return what tells something of other readers: their regions and points, and all tables and charts.

    Parameters
    ----------
    reader : str
        Who is to read now; a table of measurements that are all his is left out.
    """
    others = [node for node in read_nodes() if not same_reader(reader_of(node), reader)]
    return [node for node in [*others, *_results(reader)] if node.GetAttribute(HIDDEN) is None]


def hide(nodes: Iterable[Any]) -> None:
    """Hide nodes in all views, and from all lists of nodes."""
    gone = list(nodes)
    for node in gone:
        shown = [display.GetVisibility() for display in _displays(node)]
        node.SetAttribute(HIDDEN, json.dumps({"editors": node.GetHideFromEditors(), "display": shown}))
        for display in _displays(node):
            display.SetVisibility(False)
        node.SetHideFromEditors(True)
    names = {node.GetID() for node in gone}
    for view, get, put in _views():
        if getattr(view, get)() in names:
            view.SetNodeReferenceID(HIDDEN, getattr(view, get)())
            getattr(view, put)(None)


def hidden_nodes() -> list[Any]:
    """Return the nodes of the scene that are hidden from a second reader."""
    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    return [node for node in nodes if node.GetAttribute(HIDDEN) is not None]


def show_hidden() -> list[Any]:
    """Show what was hidden, as it was before, and return it; a view that shows something else by now goes on."""
    nodes = hidden_nodes()
    for node in nodes:
        before = json.loads(node.GetAttribute(HIDDEN))
        node.RemoveAttribute(HIDDEN)
        node.SetHideFromEditors(before["editors"])
        for display, visible in zip(_displays(node), before["display"], strict=False):
            display.SetVisibility(visible)
    for view, get, put in _views():
        shown = view.GetNodeReferenceID(HIDDEN)
        view.RemoveNodeReferenceIDs(HIDDEN)
        if shown and not getattr(view, get)():
            getattr(view, put)(shown)
    return nodes


def _displays(node: Any) -> list[Any]:
    """Return the display nodes of a node; none of a table or chart."""
    if not node.IsA("vtkMRMLDisplayableNode"):
        return []
    found = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    return [display for display in found if display is not None]


def _views() -> Iterator[tuple[Any, str, str]]:
    for kind, (get, put) in _VIEWS.items():
        for view in slicer.util.getNodesByClass(kind):
            yield view, get, put


def _results(reader: str) -> Iterator[Any]:
    """Yield the tables and charts that this extension has made, with what the charts are drawn from."""
    for table in slicer.util.getNodesByClass("vtkMRMLTableNode"):
        if table.GetAttribute("MRBiomarkers.Table") and not _is_only_of(table, reader):
            yield table
    for chart in slicer.util.getNodesByClass("vtkMRMLPlotChartNode"):
        if chart.GetAttribute("MRBiomarkers.Chart") is None:
            continue
        yield chart
        for index in range(chart.GetNumberOfPlotSeriesNodes()):
            series = chart.GetNthPlotSeriesNode(index)
            if series is not None:
                yield series
                if series.GetTableNode() is not None:
                    yield series.GetTableNode()


def _is_only_of(table: Any, reader: str) -> bool:
    """Tell whether all rows of a table are of one reader."""
    column = table.GetTable().GetColumnByName("reader")
    if column is None:
        return False
    return all(same_reader(str(column.GetValue(row)), reader) for row in range(column.GetNumberOfValues()))
