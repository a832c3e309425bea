"""Stand-ins for Slicer's tables, plots, segment editor and markups widgets: they keep what they were given."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTableView, QWidget

from .flavour import kept, stand_in
from .mrml_base import WithScene, crash
from .qt_module import Headers, qt

STARTS = ("StartCloseEvent", "StartImportEvent")


@stand_in
class qMRMLTableView(WithScene, Headers, QTableView):
    foreign_signals = (*WithScene.foreign_signals, "selectionChanged()")
    mrmlSceneChanged = Signal(object)
    selectionChanged = Signal()
    transposed = kept("transposed", bool, False)
    firstRowLocked = kept("firstRowLocked", bool, False)
    firstColumnLocked = kept("firstColumnLocked", bool, False)

    def mrmlTableViewNode(self):
        return self.__dict__.get("_view")

    def setMRMLTableViewNode(self, node):
        """Show the table of a view node, as it is now."""
        self._view = node
        scene = self.mrmlScene()
        self._table = scene.GetNodeByID(node.GetTableNodeID() or "") if node and scene else None

    def mrmlTableNode(self):
        return self.__dict__.get("_table")

    def setMRMLTableNode(self, node):
        """Show a table; it goes on showing one that was deleted."""
        self._table = node

    def copySelection(self):
        """Do nothing; cells only, and no headers, would go to the clipboard."""


@stand_in
class qMRMLPlotView(WithScene, QWidget):
    def mrmlPlotViewNode(self):
        return self.__dict__.get("_view")

    def setMRMLPlotViewNode(self, node):
        self._view = node

    def chart(self):
        """Return the chart that is drawn (for tests); none without a scene, which Slicer draws black."""
        view, scene = self.mrmlPlotViewNode(), self.mrmlScene()
        return scene.GetNodeByID(view.GetPlotChartNodeID() or "") if view and scene else None

    def fitToContent(self):
        """Do nothing; nothing is drawn."""


@stand_in
class qMRMLPlotViewControllerWidget(WithScene, QWidget):
    """The bar above a plot."""


@stand_in
class qMRMLPlotWidget(WithScene, QWidget):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._parts = qMRMLPlotViewControllerWidget(self), qMRMLPlotView(self)

    def _scene_set(self):
        self.plotView().setMRMLScene(self.mrmlScene())

    def mrmlPlotViewNode(self):
        return self.plotView().mrmlPlotViewNode()

    def setMRMLPlotViewNode(self, node):
        self.plotView().setMRMLPlotViewNode(node)

    def plotController(self):
        return self._parts[0]

    def plotView(self):
        return self._parts[1]

    def chart(self):
        """Return the chart that is drawn (for tests)."""
        return self.plotView().chart()


@stand_in
class qMRMLSegmentEditorWidget(WithScene, QWidget):
    """Knows its nodes and its active effect by name.

    An active effect that sees a scene close or come is an error: Slicer crashes. The box for the segmentation, in which
    None cannot be chosen, does what it wants: where it shows none it takes the first that comes; and when a batch has
    ended the editor takes what the box showed before it.
    """

    events = (*STARTS, "NodeAddedEvent", "EndBatchProcessEvent")
    foreign_signals = (*WithScene.foreign_signals, "segmentationNodeChanged(vtkMRMLSegmentationNode*)")
    segmentationNodeChanged = Signal(object)
    priority = -1.0  # what the module does at the same event comes first
    segmentationNodeSelectorVisible = kept("segmentationNodeSelectorVisible", bool, True)
    sourceVolumeNodeSelectorVisible = kept("sourceVolumeNodeSelectorVisible", bool, True)
    switchToSegmentationsButtonVisible = kept("switchToSegmentationsButtonVisible", bool, True)
    maskingSectionVisible = kept("maskingSectionVisible", bool, True)
    specifyGeometryButtonVisible = kept("specifyGeometryButtonVisible", bool, True)
    show3DButtonVisible = kept("show3DButtonVisible", bool, True)
    addRemoveSegmentButtonsVisible = kept("addRemoveSegmentButtonsVisible", bool, True)
    autoShowSourceVolumeNode = kept("autoShowSourceVolumeNode", bool, True)
    undoEnabled = kept("undoEnabled", bool, True)
    maximumNumberOfUndoStates = kept("maximumNumberOfUndoStates", int, 10)
    readOnly = kept("readOnly", bool, False)
    effectColumnCount = kept("effectColumnCount", int, 2)
    unorderedEffectsVisible = kept("unorderedEffectsVisible", bool, True)
    jumpToSelectedSegmentEnabled = kept("jumpToSelectedSegmentEnabled", bool, False)
    defaultTerminologyEntrySettingsKey = kept("defaultTerminologyEntrySettingsKey", str, "")

    def mrmlSegmentEditorNode(self):
        return self.__dict__.get("_editor")

    def setMRMLSegmentEditorNode(self, node):
        self._editor = node

    def segmentationNode(self):
        editor = self.mrmlSegmentEditorNode()
        return editor.GetSegmentationNode() if editor else None

    def setSegmentationNode(self, node):
        """Do nothing without a segment editor node; with another segmentation the source volume is let go."""
        if self.mrmlSegmentEditorNode() and node is not self.segmentationNode():
            self.mrmlSegmentEditorNode().SetAndObserveSegmentationNode(node)
            self.updateWidgetFromMRML()

    def _boxed(self):
        node = self.__dict__.get("_box")
        return node if node is not None and node.GetScene() is self.mrmlScene() else None

    def sourceVolumeNode(self):
        editor = self.mrmlSegmentEditorNode()
        return editor.GetSourceVolumeNode() if editor else None

    def setSourceVolumeNode(self, node):
        """Do nothing without a segmentation (vtkSlicerSegmentEditorLogic::SetSourceVolumeNode)."""
        if self.mrmlSegmentEditorNode() and self.segmentationNode():
            self.mrmlSegmentEditorNode().SetAndObserveSourceVolumeNode(node)

    def canEdit(self):
        """Return (for tests) whether the effects can be used: Slicer disables them all without a source volume."""
        return bool(self.segmentationNode() and self.sourceVolumeNode())

    def currentSegmentID(self):
        editor = self.mrmlSegmentEditorNode()
        return editor.GetSelectedSegmentID() or "" if editor else ""

    def setCurrentSegmentID(self, identifier):
        if self.mrmlSegmentEditorNode():
            self.mrmlSegmentEditorNode().SetSelectedSegmentID(identifier)

    def activeEffect(self):
        return self.__dict__.get("_effect")

    def setActiveEffect(self, effect):
        self._effect = effect

    def setActiveEffectByName(self, name):
        self._effect = name or None

    def setEffectNameOrder(self, names):
        self._order = list(names)

    def effectNameOrder(self):
        return self.__dict__.get("_order", [])

    def setupViewObservations(self):
        self._observing = True

    def removeViewObservations(self):
        self._observing = False

    def installKeyboardShortcuts(self):
        self._shortcuts = True

    def uninstallKeyboardShortcuts(self):
        self._shortcuts = False

    def updateWidgetFromMRML(self):
        """Take over the segmentation; not while the scene is in a batch."""
        scene, node = self.mrmlScene(), self.segmentationNode()
        if scene is None or scene.IsBatchProcessing() or node is self.__dict__.get("_box"):
            return
        self._box = node
        if node is not None:
            self.setSourceVolumeNode(node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()))
        self.segmentationNodeChanged.emit(node)

    def saveStateForUndo(self):
        self._saved = self.__dict__.get("_saved", 0) + 1

    def state(self):
        """Return (for tests) whether views are observed and shortcuts installed, and the number of saved states."""
        return tuple(self.__dict__.get(name, 0) for name in ("_observing", "_shortcuts", "_saved"))

    def _scene_event(self, event):
        scene = self.mrmlScene()
        if event == "EndBatchProcessEvent":
            self.setSegmentationNode(self._boxed())
            self.updateWidgetFromMRML()
        elif event == "NodeAddedEvent":
            if self._boxed() is None and not scene.IsBatchProcessing():
                self.setSegmentationNode(scene.GetFirstNodeByClass("vtkMRMLSegmentationNode"))
        elif self.activeEffect() and self.state()[0]:
            crash(f"{event} with the active effect {self.activeEffect()} in a segment editor")


@stand_in
class qMRMLSegmentsTableView(WithScene, QWidget):
    selectionChanged = Signal()
    headerVisible = kept("headerVisible", bool, True)
    visibilityColumnVisible = kept("visibilityColumnVisible", bool, True)
    colorColumnVisible = kept("colorColumnVisible", bool, True)
    opacityColumnVisible = kept("opacityColumnVisible", bool, True)
    statusColumnVisible = kept("statusColumnVisible", bool, False)
    readOnly = kept("readOnly", bool, False)

    def segmentationNode(self):
        return self.__dict__.get("_segmentation")

    def setSegmentationNode(self, node):
        self._segmentation = node

    def selectedSegmentIDs(self):
        return self.__dict__.get("_selected", [])

    def setSelectedSegmentIDs(self, identifiers):
        self._selected = list(identifiers)
        self.selectionChanged.emit()


@stand_in
class qMRMLSegmentSelectorWidget(WithScene, QWidget):
    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)
    foreign_signals = ("currentNodeChanged(vtkMRMLNode*)", "currentSegmentChanged(QString)")
    noneEnabled = kept("noneEnabled", bool, False)
    segmentationNodeSelectorVisible = kept("segmentationNodeSelectorVisible", bool, True)

    def currentNode(self):
        return self.__dict__.get("_segmentation")

    def setCurrentNode(self, node):
        if node is not self.currentNode():
            self._segmentation, self._segment = node, ""
            self.currentNodeChanged.emit(node)

    def currentSegmentID(self):
        return self.__dict__.get("_segment", "")

    def setCurrentSegmentID(self, identifier):
        if identifier != self.currentSegmentID():
            self._segment = identifier
            self.currentSegmentChanged.emit(identifier)


class _Markups(WithScene):
    foreign_signals = ("markupsNodeChanged()",)

    def currentNode(self):
        return self.__dict__.get("_points")

    def setCurrentNode(self, node):
        if node is not self.currentNode():
            self._points = node
            if hasattr(self, "markupsNodeChanged"):
                self.markupsNodeChanged.emit()


@stand_in
class qSlicerMarkupsPlaceWidget(_Markups, QWidget):
    activeMarkupsPlaceModeChanged = Signal(bool)
    buttonsVisible = kept("buttonsVisible", bool, True)
    deleteAllControlPointsOptionVisible = kept("deleteAllControlPointsOptionVisible", bool, True)
    placeModePersistency = kept("placeModePersistency", bool, False)
    placeModeEnabled = kept("placeModeEnabled", bool, False, "_mode_changed")
    placeMultipleMarkups = kept("placeMultipleMarkups", str, "")

    def setPlaceModeEnabled(self, on):
        self.placeModeEnabled = on and self.currentNode() is not None

    def placeButton(self):
        return self._button("_place")

    def deleteButton(self):
        return self._button("_delete")

    def _button(self, name):
        if name not in self.__dict__:
            self.__dict__[name] = qt.QToolButton(self)
        return self.__dict__[name]

    def _mode_changed(self):
        self.activeMarkupsPlaceModeChanged.emit(self.placeModeEnabled)


@stand_in
class qSlicerSimpleMarkupsWidget(_Markups, QWidget):
    markupsNodeChanged = Signal()
    activeMarkupsPlaceModeChanged = Signal(bool)
    updateFinished = Signal()
    enterPlaceModeOnNodeChange = kept("enterPlaceModeOnNodeChange", bool, True)
    jumpToSliceEnabled = kept("jumpToSliceEnabled", bool, False)
    nodeSelectorVisible = kept("nodeSelectorVisible", bool, True)
    optionsVisible = kept("optionsVisible", bool, True)
    viewGroup = kept("viewGroup", int, -1)

    def markupsPlaceWidget(self):
        if "_place" not in self.__dict__:
            self._place = qSlicerMarkupsPlaceWidget(self)
        return self._place


WIDGETS = [thing for thing in list(vars().values()) if isinstance(thing, type) and "_is_stand_in" in vars(thing)]
