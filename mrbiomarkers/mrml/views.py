"""What is seen of maps and regions in slice views: a colour legend with unit, outlines that leave the map visible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import slicer

from mrbiomarkers.mrml.nodes import check_node, said
from mrbiomarkers.quantities import quantity

_FONT_SIZE = 12
_SIZE = (0.08, 0.4)  # of the view: width, height
_POSITION = (0.95, 0.5)  # at the right, half-way up
_NUMBERS_OF_LABELS = (5, 6, 4)  # tried in this order
_OUTLINE_WIDTH = 2  # pixels
_FILL_OPACITY = 0.3


def show_legend(map_node: Any, views: Sequence[Any] = ()) -> Any:
    """Show the colours of a map with their values, its symbol and its unit, in views that show the map.

    Call it when the map is in the views: where code chose the map, Slicer draws its legend, and takes away that of the
    map before, only when the legend changes. A map has one legend: called again, the same node gets these settings
    back and becomes visible.

    Parameters
    ----------
    map_node : vtkMRMLScalarVolumeNode
        A map as :func:`mrbiomarkers.mrml.add_maps` makes it.
    views : sequence of vtkMRMLAbstractViewNode
        Slice or 3D views that may show the legend; by default all.

    Returns
    -------
    vtkMRMLColorLegendDisplayNode

    Raises
    ------
    TypeError
        When the map is no scalar volume, or a view is none.
    ValueError
        When the volume is no map or has no display, or a node is no longer in the scene. The scene is as it was.
    RuntimeError
        When the program has no module Colors.
    """
    display = _map_display(map_node)
    identifiers = [_identifier("views", check_node("views", view, "vtkMRMLAbstractViewNode")) for view in views]
    known = quantity(map_node.GetAttribute("MRBiomarkers.Quantity"))
    count, label_format = _labels(display.GetWindowLevelMin(), display.GetWindowLevelMax())
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(display)
    if legend is None:  # the Colors module of the program is not loaded
        raise RuntimeError(f"{said(map_node)}: expected Slicer to make a colour legend, but it refused")
    legend.SetTitleText("\n".join(text for text in (known.ascii_symbol, known.ascii_unit) if text))
    for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        text.SetFontSize(_FONT_SIZE)
    legend.SetOrientation(legend.Vertical)
    legend.SetSize(*_SIZE)
    legend.SetPosition(*_POSITION)
    legend.SetUseColorNamesForLabels(False)
    legend.SetNumberOfLabels(count)
    legend.SetLabelFormat(label_format)
    legend.SetViewNodeIDs(identifiers)
    legend.SetVisibility(True)
    for shown in slicer.util.getNodesByClass(legend.GetClassName()):
        shown.Modified()  # views look at a legend when it changes, not when code puts another map into them
    return legend


def display_regions(segmentation: Any) -> None:
    """Show regions in slice views with an outline of 2 pixels and a faint fill, so that the map below is seen.

    Which segments are visible, and their colours, stay as they are.

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        The regions.

    Raises
    ------
    TypeError
        When the node is no segmentation.
    ValueError
        When it is no longer in the scene.
    """
    check_node("segmentation", segmentation, "vtkMRMLSegmentationNode")
    _identifier("segmentation", segmentation)
    segmentation.CreateDefaultDisplayNodes()  # does nothing where there is one
    display = segmentation.GetDisplayNode()
    display.SetSliceIntersectionThickness(_OUTLINE_WIDTH)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DOutline(1.0)
    display.SetVisibility2DFill(True)
    display.SetOpacity2DFill(_FILL_OPACITY)


def _map_display(node: Any) -> Any:
    """Return the display node of a map after checking that it is one."""
    check_node("map_node", node, "vtkMRMLScalarVolumeNode")
    if node.GetAttribute("MRBiomarkers.Quantity") is None:
        raise ValueError(
            f"map_node: expected a parameter map, got {said(node)} without the attribute MRBiomarkers.Quantity"
        )
    _identifier("map_node", node)
    display = node.GetScalarVolumeDisplayNode()
    if display is None:
        raise ValueError(
            f"map_node: expected a map with a display, got {said(node)}, which has no display; call display_map first"
        )
    return display


def _identifier(name: str, node: Any) -> str:
    if node.GetScene() is not slicer.mrmlScene:
        raise ValueError(f"{name}: expected a node of the scene, got {said(node)}, which is no longer in it")
    return str(node.GetID())


def _labels(low: float, high: float) -> tuple[int, str]:
    """Return how many labels a legend has, and the printf format that shows each with few digits.

    The number of labels is the one that needs the fewest decimals: 5 from 0 to 2, 6 from 0 to 0.5.
    """
    first, largest = _NUMBERS_OF_LABELS[0], max(abs(low), abs(high))
    step = (high - low) / (first - 1)
    if not 0 < step < math.inf:  # a window that a person set to nothing, or one of Slicer's own on NaN
        return first, "%.3g"
    if not 1e-2 <= largest < 1e5:
        return first, f"%.{max(3, 2 + math.floor(math.log10(largest / step)))}g"
    for decimals in range(4):
        for count in _NUMBERS_OF_LABELS:
            values = [low + (high - low) * number / (count - 1) for number in range(count)]
            if all(math.isclose(value, round(value, decimals), abs_tol=1e-6 * step) for value in values):
                return count, f"%.{decimals}f"
    return first, f"%.{max(0, 1 - math.floor(math.log10(step)))}f"  # two digits of what tells labels apart
