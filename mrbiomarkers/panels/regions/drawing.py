"""The segment editor inside a panel: a node of its own, and what keeps it from crashing Slicer."""

from __future__ import annotations

from typing import Any

from mrbiomarkers.mrml.scene_nodes import singleton_node
from mrbiomarkers.mrml.views import shown_volume

NODE = "vtkMRMLSegmentEditorNode"
EFFECTS = ("Paint", "Draw", "Erase", "Level tracing", "Islands", "Smoothing", "Margin", "Scissors", "Threshold")


class Drawing:
    """A ``qMRMLSegmentEditorWidget`` in the life of a panel.

    Parameters
    ----------
    widget : qMRMLSegmentEditorWidget
        The widget.
    name : str
        Name of the module: each has its own editor node, or the effect chosen in one would be active in the other, too.
    """

    def __init__(self, widget: Any, name: str) -> None:
        self._widget, self._tag = widget, f"MRBiomarkers.{name}"
        self._active = False
        widget.setEffectNameOrder(list(EFFECTS))
        widget.unorderedEffectsVisible = False

    def enter(self) -> None:
        """Take the views and the keys."""
        self._widget.setMRMLSegmentEditorNode(self._node())
        self._widget.setupViewObservations()
        self._widget.installKeyboardShortcuts()
        self._widget.updateWidgetFromMRML()
        self._active = True

    def exit(self) -> None:
        """End the effect and give the views and the keys back."""
        self._widget.setActiveEffect(None)
        if self._active:
            self._widget.removeViewObservations()
            self._widget.uninstallKeyboardShortcuts()
        self._active = False

    def leaveNodes(self) -> None:
        """Let go of the nodes before a scene goes or comes: an effect that is active then crashes Slicer."""
        self.exit()
        self._widget.setSourceVolumeNode(None)  # first: without a segmentation the editor does not listen
        self._widget.setSegmentationNode(None)

    def cleanup(self) -> None:
        """Let go of everything: the widget left over from a reload would crash Slicer later."""
        self.leaveNodes()
        self._widget.setMRMLSegmentEditorNode(None)

    def nodeRemoved(self, node: Any) -> None:
        """Let go of a node before it is deleted."""
        if node is self._widget.sourceVolumeNode():
            self._widget.setSourceVolumeNode(None)
        if node is self._widget.segmentationNode():
            self._widget.setActiveEffect(None)
            self._widget.setSegmentationNode(None)

    def show(self, segmentation: Any, image: Any) -> None:
        """Edit a segmentation over an image: a scalar volume, or the volume that stands for a sequence in the views."""
        if self._widget.segmentationNode() is not segmentation:
            self._widget.setActiveEffect(None)
            self._widget.setSegmentationNode(segmentation)
        volume = shown_volume(image)
        is_drawn_on = volume is not None and volume.IsA("vtkMRMLScalarVolumeNode")
        if is_drawn_on and self._widget.sourceVolumeNode() is not volume:
            self._widget.setSourceVolumeNode(volume)

    def _node(self) -> Any:
        def prepare(node: Any) -> None:
            node.SetOverwriteMode(node.OverwriteNone)  # a lesion may lie in a vertebra and takes nothing from it

        return singleton_node(NODE, self._tag, prepare)
