"""Slices, plot and table: the layout of the views that a panel sets and gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk

from mrbiomarkers.mrml.scene_nodes import singleton_node

LAYOUT = 8461  # beyond the numbers of Slicer's own layouts; a scene file keeps it
PLOT, TABLE = "MRBiomarkersPlot", "MRBiomarkersTable"  # singleton tags of the views
FORM_PLOT = "MRBiomarkersFormPlot"  # of the plot in a form: not the view of the layout
_BEFORE = "MRBiomarkers.LayoutBefore"  # of the layout node: a scene may be saved with our layout, and loaded elsewhere
_SLICE = """<view class="vtkMRMLSliceNode" singletontag="{tag}">
<property name="orientation" action="default">{orientation}</property>
<property name="viewlabel" action="default">{label}</property>
<property name="viewcolor" action="default">{colour}</property></view>"""
_SAGITTAL = _SLICE.format(tag="Yellow", orientation="Sagittal", label="Y", colour="#EDD54C")
_AXIAL = _SLICE.format(tag="Red", orientation="Axial", label="R", colour="#F34A33")
_CORONAL = _SLICE.format(tag="Green", orientation="Coronal", label="G", colour="#6EB04B")
# The spine is read in sagittal slices: that view is high, the two others are for orientation.
DESCRIPTION = f"""<layout type="horizontal" split="true">
<item splitSize="500">{_SAGITTAL}</item>
<item splitSize="500"><layout type="vertical" split="true">
<item splitSize="300"><layout type="horizontal" split="true">
<item splitSize="500">{_AXIAL}</item><item splitSize="500">{_CORONAL}</item></layout></item>
<item splitSize="400"><view class="vtkMRMLPlotViewNode" singletontag="{PLOT}">
<property name="viewlabel" action="default">P</property></view></item>
<item splitSize="300"><view class="vtkMRMLTableViewNode" singletontag="{TABLE}">
<property name="viewlabel" action="default">T</property></view></item>
</layout></item></layout>"""


class ReadingLayout:
    """The layout of one panel. Without a layout manager nothing is done.

    Parameters
    ----------
    left : callable, optional
        Called when the user has chosen another layout while this one was set.
    """

    def __init__(self, left: Callable[[], Any] | None = None) -> None:
        self._left = left
        self._before: int | None = None
        self._observed: tuple[Any, int] | None = None

    @property
    def isSet(self) -> bool:
        """Whether the views stand in this layout, set by this panel."""
        return self._observed is not None

    def enter(self) -> None:
        """Set the layout; the one before is remembered."""
        node = register()
        if node is None:
            return
        self.leaveNodes()
        now = node.GetViewArrangement()
        if now not in _ours(node):
            self._before = now
        if self._before is not None:
            node.SetAttribute(_BEFORE, str(self._before))
        slicer.app.layoutManager().setLayout(LAYOUT)
        self._observed = (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified))

    def exit(self) -> None:
        """Put the layout before back, unless the user has chosen another one meanwhile."""
        was_set = self.isSet
        self.leaveNodes()
        node = _layoutNode()
        if was_set and node is not None and node.GetViewArrangement() in _ours(node):
            slicer.app.layoutManager().setLayout(self._last(node))
        self._before = None

    def leaveNodes(self) -> None:
        """Follow the user's choice no more: a scene that goes or comes changes the layout, too."""
        if self._observed is not None:
            node, tag = self._observed
            node.RemoveObserver(tag)
        self._observed = None

    def showTable(self, table: Any) -> None:
        """Show a table node in the layout; None: nothing."""
        view = slicer.mrmlScene.GetSingletonNode(TABLE, "vtkMRMLTableViewNode")
        if view is not None:
            view.SetTableNodeID(None if table is None else table.GetID())

    def showChart(self, chart: Any) -> None:
        """Show a chart node in the layout; None: nothing."""
        view = slicer.mrmlScene.GetSingletonNode(PLOT, "vtkMRMLPlotViewNode")
        if view is not None:
            view.SetPlotChartNodeID(None if chart is None else chart.GetID())

    def _last(self, node: Any) -> int:
        """Return the layout to put back; Slicer's usual one where none is known."""
        text = node.GetAttribute(_BEFORE) or ""
        before = int(text) if self._before is None and text.isdecimal() else self._before
        known = before is not None and before != LAYOUT and node.IsLayoutDescription(before)
        return int(before) if known and before is not None else int(node.SlicerLayoutFourUpView)

    def _onModified(self, caller: Any, event: Any) -> None:
        scene = caller.GetScene()
        changing = scene is None or scene.IsBatchProcessing() or scene.IsClosing() or scene.IsImporting()
        if not changing and caller.GetViewArrangement() not in _ours(caller):
            self.leaveNodes()
            self._before = None
            if self._left is not None:
                self._left()


def register() -> Any:
    """Make the layout known to the program, as a scene file may ask for it; return the layout node, or None."""
    node = _layoutNode()
    if node is None:
        return None
    if not node.AddLayoutDescription(LAYOUT, DESCRIPTION):
        node.SetLayoutDescription(LAYOUT, DESCRIPTION)  # after a reload it may be another one
    if node.GetViewArrangement() == LAYOUT and not node.GetCurrentLayoutDescription():
        node.SetViewArrangement(LAYOUT)  # a scene was loaded before the layout was known
    return node


def formPlot() -> Any:
    """Return the plot view of the forms, which is there without a layout and stays when the scene is closed."""
    return singleton_node("vtkMRMLPlotViewNode", FORM_PLOT)


def _layoutNode() -> Any:
    manager = slicer.app.layoutManager()
    return None if manager is None or manager.layoutLogic() is None else manager.layoutLogic().GetLayoutNode()


def _ours(node: Any) -> tuple[int, ...]:
    """Return what is not another layout that the user has chosen: none while a scene is closed, one view made large."""
    return LAYOUT, node.SlicerLayoutNone, node.SlicerLayoutMaximizedView
