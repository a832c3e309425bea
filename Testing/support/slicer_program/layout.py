"""Stand-in for Slicer's layout manager: the real logic of layouts and slices, and no widgets.

What is in the layout is known from the scene's view nodes, as in Slicer.
"""

from types import SimpleNamespace

import slicer
import vtk
from PySide6.QtCore import Property, QObject, Signal

from .widgets.flavour import Flavour, stand_in

SLICES = ("Red", "Green", "Yellow")
CONVENTIONAL = 2  # what Slicer takes for a layout that it does not know


@stand_in
class LayoutManager(Flavour, QObject):
    """``slicer.app.layoutManager()`` of a program with a main window."""

    layoutChanged = Signal(int)

    def __init__(self):
        super().__init__()
        scene, application = slicer.mrmlScene, slicer.app.applicationLogic()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(application)
        self._logic.SetMRMLScene(scene)
        self._slices = {}
        for name in SLICES:
            logic = self._slices[name] = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(application)
            logic.SetMRMLScene(scene)
            logic.SetSliceNode(scene.GetSingletonNode(name, "vtkMRMLSliceNode"))
        node = self._logic.GetLayoutNode()
        self._observed = (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._tell))
        self.setLayout(node.SlicerLayoutFourUpView)

    def _tell(self, caller, event):
        if not caller.GetScene().IsBatchProcessing():
            self.layoutChanged.emit(caller.GetViewArrangement())

    layout = Property(
        int,
        lambda self: self._logic.GetLayoutNode().GetViewArrangement(),
        lambda self, layout: self.setLayout(layout),
    )

    def setLayout(self, layout):
        node = self._logic.GetLayoutNode()
        if layout != self.layout:
            node.SetViewArrangement(layout if node.IsLayoutDescription(layout) else CONVENTIONAL)

    def layoutLogic(self):
        return self._logic

    def sliceViewNames(self):
        return list(self._slices)

    def sliceWidget(self, name):
        logic = self._slices[name]
        return SimpleNamespace(
            mrmlSliceNode=logic.GetSliceNode,
            sliceLogic=lambda: logic,
            mrmlSliceCompositeNode=logic.GetSliceCompositeNode,
        )

    def mrmlSliceLogics(self):
        found = vtk.vtkCollection()
        for logic in self._slices.values():
            found.AddItem(logic)
        return found

    def viewNodes(self):
        """Return (for tests) the nodes of the views that are shown now, by their singleton tags."""
        views = self._logic.GetViewNodes()
        nodes = [views.GetItemAsObject(index) for index in range(views.GetNumberOfItems())]
        return {node.GetSingletonTag(): node for node in nodes}

    def _close(self):
        node, tag = self._observed
        node.RemoveObserver(tag)
        for logic in [*self._slices.values(), self._logic]:
            logic.SetMRMLScene(None)
