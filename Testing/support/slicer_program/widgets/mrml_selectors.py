"""Stand-ins for Slicer's node selectors."""

import weakref

import shiboken6
import vtk
from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from .flavour import kept, stand_in
from .mrml_base import WithScene
from .sizes import in_a_row

CHANGES = ("NodeAddedEvent", "NodeRemovedEvent", "EndBatchProcessEvent", "EndCloseEvent", "EndImportEvent")


class _NodeList(WithScene, QWidget):
    """The nodes of some classes in the scene.

    A node that is hidden from editors, or gets another attribute, stays in the list, or out of it, until its name or
    what is to be shown changes (qMRMLSceneModel tells the filter nothing of it).
    """

    events = CHANGES
    priority = 10.0  # the list is up to date before a module hears of the event
    foreign_signals = ("nodeAdded(vtkMRMLNode*)", "nodeAddedByUser(vtkMRMLNode*)")
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)

    nodeTypes = kept("nodeTypes", "QStringList", [], "_refresh")
    hideChildNodeTypes = kept("hideChildNodeTypes", "QStringList", [], "_refresh")
    showHidden = kept("showHidden", bool, False, "_refresh")
    showChildNodeTypes = kept("showChildNodeTypes", bool, True, "_refresh")
    noneEnabled = kept("noneEnabled", bool, False)
    addEnabled = kept("addEnabled", bool, True)
    removeEnabled = kept("removeEnabled", bool, True)
    editEnabled = kept("editEnabled", bool, False)
    renameEnabled = kept("renameEnabled", bool, False)
    selectNodeUponCreation = kept("selectNodeUponCreation", bool, True)
    baseName = kept("baseName", str, "")
    noneDisplay = kept("noneDisplay", str, "None")
    interactionNodeSingletonTag = kept("interactionNodeSingletonTag", str, "")

    def __init__(self, *arguments):
        super().__init__(*arguments)
        box = QComboBox()
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)  # it elides names
        in_a_row(self, box)

    def addAttribute(self, nodeType, attributeName, attributeValue=None):
        """Show nodes of this class only if they have the attribute, with this value if one is given."""
        self.__dict__.setdefault("_wanted", {}).setdefault(nodeType, {})[attributeName] = attributeValue
        self._refresh()

    def removeAttribute(self, nodeType, attributeName):
        self.__dict__.get("_wanted", {}).get(nodeType, {}).pop(attributeName, None)
        self._refresh()

    def _shown(self, anew):
        """Return the nodes to list; one that was looked at before is looked at again only ``anew``."""
        scene, seen = self.mrmlScene(), {} if anew else self.__dict__.get("_seen", {})
        nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())] if scene else []
        self._seen = {node.GetID(): seen.get(node.GetID(), node.GetName()) for node in nodes}
        listed = self._nodes()
        shown = [node for node in nodes if (node in listed if node.GetID() in seen else self._fits(node))]
        for node in shown:
            self._watch(node)
        return shown

    def _watch(self, node):
        """Look again at a node that was shown once when its name has changed; nobody tells that it is hidden."""
        watched = self.__dict__.setdefault("_watched", weakref.WeakKeyDictionary())
        if node in watched:
            return
        own = weakref.ref(self)

        def modified(caller, event):
            widget = own()
            if widget is not None and shiboken6.isValid(widget) and widget.mrmlScene() is not None:
                widget._node_modified(caller)

        watched[node] = node.AddObserver(vtk.vtkCommand.ModifiedEvent, modified)

    def _node_modified(self, node):
        scene = self.mrmlScene()
        is_settled = not scene.IsClosing() and not scene.IsImporting() and scene.IsNodePresent(node)
        # qMRMLSortFilterProxyModel::filterAcceptsNode listens to every node of a kind for which an attribute is asked
        is_filtered = any(node.IsA(kind) for kind in self.__dict__.get("_wanted", {}))
        if is_settled and (is_filtered or self._seen.get(node.GetID(), node.GetName()) != node.GetName()):
            self._seen.pop(node.GetID(), None)
            self._refresh(anew=False)

    def _fits(self, node):
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if any(node.IsA(kind) for kind in self.hideChildNodeTypes):
            return False
        kinds = [
            kind
            for kind in self.nodeTypes
            if node.GetClassName() == kind or (self.showChildNodeTypes and node.IsA(kind))
        ]
        return any(self._has_attributes(node, kind) for kind in kinds)

    def _has_attributes(self, node, kind):
        for name, value in self.__dict__.get("_wanted", {}).get(kind, {}).items():
            found = node.GetAttribute(name)
            if found is None or (value is not None and found != str(value)):
                return False
        return True

    def nodeCount(self):
        return len(self._nodes())

    def nodeFromIndex(self, index):
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def _nodes(self):
        return self.__dict__.get("_listed", [])

    def nodes(self):
        return list(self._nodes())

    def addNode(self, nodeType=None):
        """Add a node as the user does with "Create new"."""
        kind = nodeType or self.nodeTypes[0]
        name = self.mrmlScene().GenerateUniqueName(self.baseName or kind.removeprefix("vtkMRML").removesuffix("Node"))
        node = self.mrmlScene().AddNewNodeByClass(kind, name)
        if self.selectNodeUponCreation:
            self._select_new(node)
        self.nodeAddedByUser.emit(node)
        return node

    def _select_new(self, node):
        """Do nothing; for subclasses."""

    def _scene_set(self):
        self._refresh()
        self.enabled = self.mrmlScene() is not None

    def _scene_event(self, event):
        scene = self.mrmlScene()
        if not scene.IsClosing() and not scene.IsImporting():
            self._imported = event == "EndImportEvent"
            self._refresh(anew=event in ("EndImportEvent", "EndCloseEvent"))
            self._imported = False

    def _refresh(self, anew=True):
        before, self._listed = self._nodes(), self._shown(anew)
        for node in self._listed:
            if node not in before:
                self.nodeAdded.emit(node)
        self._list_changed(before)


@stand_in
class qMRMLNodeComboBox(_NodeList):
    """Selects one node.

    Where None cannot be chosen, the first node that comes into an empty list is selected, but not one of an imported
    scene. When the selected node is deleted, another one is selected without a word.
    """

    foreign_signals = (
        *WithScene.foreign_signals,
        *_NodeList.foreign_signals,
        "currentNodeChanged(vtkMRMLNode*)",
        "currentNodeIDChanged(QString)",
        "nodeActivated(vtkMRMLNode*)",
    )
    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)

    def currentNode(self):
        return self.__dict__.get("_current")

    def setCurrentNode(self, node):
        """Select a node; one that is not listed selects None. Without a scene it is selected when the scene comes."""
        if isinstance(node, str):
            self.setCurrentNodeID(node)
            return
        if self.mrmlScene() is None:
            self._requested = node
            return
        self._select(node if node in self._nodes() else None)

    def setCurrentNodeID(self, identifier):
        self.setCurrentNode(next((node for node in self._nodes() if node.GetID() == identifier), None))

    def setCurrentNodeIndex(self, index):
        self._select(self.nodeFromIndex(index))

    currentNodeID = Property(
        str,
        lambda self: self.currentNode().GetID() if self.currentNode() else "",
        lambda self, text: self.setCurrentNodeID(text),
    )

    def removeCurrentNode(self):
        self.mrmlScene().RemoveNode(self.currentNode())

    def _select_new(self, node):
        self.setCurrentNode(node)

    def _scene_set(self):
        super()._scene_set()
        requested = self.__dict__.pop("_requested", None)
        if requested is not None:
            self.setCurrentNode(requested)

    def _select(self, node):
        if node is not self.currentNode():
            self._current = node
            self.currentNodeChanged.emit(node)
            self.currentNodeIDChanged.emit(node.GetID() if node else "")

    def _list_changed(self, before):
        current, nodes = self.currentNode(), self._nodes()
        if current is None:
            if nodes and not before and not self.noneEnabled and not self.__dict__.get("_imported"):
                self._select(nodes[0])
        elif current not in nodes:
            place = before.index(current) if current in before else 0
            is_gone = not self.mrmlScene().IsNodePresent(current) or (
                current.GetHideFromEditors() and not self.showHidden
            )
            self._select(nodes[min(place, len(nodes) - 1)] if nodes and is_gone else None)


@stand_in
class qMRMLCheckableNodeComboBox(_NodeList):
    """Selects several nodes."""

    checkedNodesChanged = Signal()

    def checkState(self, node):
        return Qt.CheckState.Checked if node in self.checkedNodes() else Qt.CheckState.Unchecked

    def setCheckState(self, node, state):
        checked = [other for other in self.checkedNodes() if other is not node]
        if state == Qt.CheckState.Checked and node in self._nodes():
            checked.append(node)
        self._set(checked)

    def checkedNodes(self):
        checked = self.__dict__.get("_checked", [])
        return [node for node in self._nodes() if node in checked]

    def uncheckedNodes(self):
        return [node for node in self._nodes() if node not in self.checkedNodes()]

    def allChecked(self):
        return not self.uncheckedNodes()

    def noneChecked(self):
        return not self.checkedNodes()

    def _set(self, checked):
        changed = checked != self.__dict__.get("_checked", [])
        self._checked = checked
        if changed:
            self.checkedNodesChanged.emit()

    def _list_changed(self, before):
        self._set(self.checkedNodes())
