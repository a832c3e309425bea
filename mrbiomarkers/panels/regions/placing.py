"""Slicer's place mode for the points of the levels. No Qt."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _


def start_placing(points: Any) -> None:
    """Let clicks fill the points that have no position yet.

    Raises
    ------
    ValueError
        When all have one.
    RuntimeError
        When Slicer does not start.
    """
    if points.GetNumberOfDefinedControlPoints() == points.GetNumberOfControlPoints():
        raise ValueError(_("All points are placed: drag them, or choose a level and press Again."))
    logic = slicer.modules.markups.logic()
    logic.SetActiveList(points)
    if not logic.StartPlaceMode(1):  # until all are placed, or the right button is clicked
        raise RuntimeError(_("Slicer did not start placing."))


def end_placing() -> None:
    """End placing, which goes on in another module."""
    node = slicer.app.applicationLogic().GetInteractionNode()
    if node is not None:
        node.SwitchToViewTransformMode()


def next_point(points: Any) -> str:
    """Return, in words, which point the next click places; nothing when none is being placed."""
    node = slicer.app.applicationLogic().GetInteractionNode()
    if node is None or node.GetCurrentInteractionMode() != node.Place:
        return ""
    for index in range(points.GetNumberOfControlPoints()):
        if points.GetNthControlPointPositionStatus(index) != points.PositionDefined:
            label = points.GetNthControlPointLabel(index)
            return str(_("Click in the middle of {level}; a right click ends placing.").format(level=label))
    return ""
