"""What is seen in slice views: a map over the images, its colour legend, outlines of regions, and where to look."""

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


def show_overlay(map_node: Any, *, opacity: float = 0.6, background: Any = None, legend: bool = True) -> None:
    """Show a map over the images in all slice views, with one legend; None: take the map that is shown away.

    What lies below stays what it is. Of legends only those of maps of this extension are touched.

    Parameters
    ----------
    map_node : vtkMRMLScalarVolumeNode or None
        A map as :func:`mrbiomarkers.mrml.add_maps` makes it.
    opacity : float
        Of the map, 0 to 1.
    background : vtkMRMLVolumeNode, optional
        Shown below in views that show nothing there.
    legend : bool
        Whether the legend of the map is shown.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As :func:`show_legend`. The views are as they were.
    """
    if map_node is not None:
        _map_display(map_node)
    for layers in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if map_node is None:
            if _is_map(_volume(layers.GetForegroundVolumeID())):
                layers.SetForegroundVolumeID(None)
            continue
        if background is not None and _volume(layers.GetBackgroundVolumeID()) is None:
            layers.SetBackgroundVolumeID(background.GetID())
        layers.SetForegroundVolumeID(map_node.GetID())
        layers.SetForegroundOpacity(opacity)
    for other in slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode"):
        if _is_map(other.GetDisplayableNode()) and (other.GetDisplayableNode() is not map_node or not legend):
            other.SetVisibility(False)
    if map_node is not None and legend:
        show_legend(map_node)


def display_regions(segmentation: Any, *, fill: bool = True) -> None:
    """Show regions in slice views with an outline of 2 pixels and a faint fill, so that the map below is seen.

    Which segments are visible, and their colours, stay as they are.

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        The regions.
    fill : bool
        False: outlines only, so that the colours of a map are seen as they are.

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
    display.SetVisibility2DFill(fill)
    display.SetOpacity2DFill(_FILL_OPACITY)


def jump_to_region(segmentation: Any, region: str) -> None:
    """Move all slice views such that the middle of a region is in their middle.

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        The regions.
    region : str
        Name of a segment.

    Raises
    ------
    TypeError
        When the node is no segmentation.
    ValueError
        When it is no longer in the scene, has no such segment, or the segment is empty.
    """
    check_node("segmentation", segmentation, "vtkMRMLSegmentationNode")
    _identifier("segmentation", segmentation)
    content = segmentation.GetSegmentation()
    segment = content.GetSegmentIdBySegmentName(region)
    if not segment:
        raise ValueError(f"region: expected a segment of {said(segmentation)}, got {region!r}, which it does not have")
    centre = segmentation.GetSegmentCenterRAS(segment)
    if centre is None:
        raise ValueError(f"region: expected one with a voxel, got {region!r} of {said(segmentation)}, which is empty")
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, slicer.vtkMRMLSliceNode.CenteredJumpSlice)


def shown_volume(image: Any) -> Any:
    """Return the volume that stands for an image in the views: of a sequence its proxy; None where there is none."""
    if image is None or image.IsA("vtkMRMLVolumeNode"):
        return image
    if not image.IsA("vtkMRMLSequenceNode"):
        return None
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"):
        if browser.IsSynchronizedSequenceNode(image, True):
            volume = browser.GetProxyNode(image)
            if volume is not None and volume.IsA("vtkMRMLVolumeNode"):
                return volume
    return None


def _volume(identifier: str | None) -> Any:
    return slicer.mrmlScene.GetNodeByID(identifier) if identifier else None


def _is_map(node: Any) -> bool:
    return node is not None and node.GetAttribute("MRBiomarkers.Quantity") is not None


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
