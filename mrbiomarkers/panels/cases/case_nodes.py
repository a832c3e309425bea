"""The nodes of a case of a worklist: what came into the scene for it, and leaves the scene with it. No Qt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer
import vtk

from mrbiomarkers.mrml import add_diffusion_sequence, add_echo_sequences
from mrbiomarkers.mrml.hierarchy import hierarchy_node
from mrbiomarkers.series import DiffusionSeries, EchoSeries

CASE = "MRBiomarkers.Case"
"""Attribute of nodes that belong to a case: how the case is shown."""

_OURS = "MRBiomarkers."
_DEPENDENT = (  # kinds that go with a node that refers to them, where nobody else does
    "vtkMRMLDisplayNode",
    "vtkMRMLStorageNode",
    "vtkMRMLColorNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLTableNode",
)
_KEPT = (
    "vtkMRMLScriptedModuleNode",
    "vtkMRMLSegmentEditorNode",
    "vtkMRMLAbstractViewNode",
    "vtkMRMLAbstractLayoutNode",
)


class CaseNodes:
    """What belongs to a case, from :meth:`begin` until :meth:`remove` or :meth:`forget`.

    A node belongs to it when it came into the scene in a block of :meth:`adding`, or when it came while the case was
    open, carries an attribute of this extension ("MRBiomarkers. ..."), and was not loaded from a file; with it go its
    display and storage nodes, plot series, and tables of these, that nothing else uses. Nodes that were there before,
    that were loaded, or that the user made for himself stay.

    Parameters
    ----------
    label : str
        How the case is shown; becomes the attribute ``MRBiomarkers.Case``.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.series: dict[str, dict[str, Any]] = {}
        self._own: set[str] = set()
        self._new: list[str] = []
        self._came: set[str] = set()
        self._tag: int | None = None
        self._scene: Any = None
        self._adding = False
        self._items: set[int] = set()

    def begin(self) -> None:
        """Look at every node that comes into the scene."""
        self._scene, self._items = slicer.mrmlScene, set(_items())
        self.listen(True)

    def listen(self, on: bool) -> None:
        """Look at the nodes that come, or pass over them: they are another case's."""
        if self._tag is not None:
            self._scene.RemoveObserver(self._tag)
        self._tag = self._scene.AddObserver(self._scene.NodeAddedEvent, self.onNodeAdded) if on else None

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Take every node that comes within the block for the case's."""
        self._adding = True
        try:
            yield
        finally:
            self._adding = False
        for identifier in self._own:
            node = self._scene.GetNodeByID(identifier)
            if node is not None:
                node.SetAttribute(CASE, self.label)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAdded(self, caller: Any, event: Any, node: Any) -> None:
        """Note a node; a scene that is loaded brings nodes of its own."""
        if self._adding:
            self._own.add(node.GetID())
        elif not caller.IsImporting():
            self._new.append(node.GetID())

    def add_series(self, series: DiffusionSeries | EchoSeries, kind: str) -> dict[str, Any]:
        """Add a series as sequences with a browser, and return them by the names that a module knows them by.

        Raises
        ------
        TypeError, ValueError
            When a sequence cannot hold it; the scene is as before.
        """
        name = self.label.replace(", ", " ")
        if isinstance(series, DiffusionSeries):
            self.series[kind] = {"diffusion": add_diffusion_sequence(series, f"{name} DWI", browser=True)}
        else:
            self.series[kind] = add_echo_sequences(series, f"{name} echoes", browser=True)
        return self.series[kind]

    def own(self, node: Any) -> None:
        """Take a node for the case's if it came while the case was open and was not loaded from a file."""
        self.sort()
        if node.GetID() in self._came and node.GetAttribute(CASE) is None:
            node.SetAttribute(CASE, self.label)

    def sort(self) -> None:
        """Pass over the nodes that were loaded from files.

        To be called soon after nodes came, for when the scene is saved they all have files.
        """
        for identifier in self._new:
            node = self._scene.GetNodeByID(identifier)
            if node is not None and not _is_loaded(node):
                self._came.add(identifier)
        self._new.clear()

    def remove(self) -> None:
        """Take what belongs to the case out of the scene, with the folders that are empty then."""
        if self._scene is None:
            return
        self.sort()
        doomed = self._doomed()
        own, places = _places_of(doomed)
        scene = self._scene
        self.forget()
        for node in sorted(doomed, key=_rank):
            if node.GetScene() is scene:  # a display node may have gone with its volume
                scene.RemoveNode(node)
        _tidy(own, places - self._items)

    def forget(self) -> None:
        """Leave the scene as it is: it was closed, or the nodes are to stay."""
        if self._scene is not None:
            self.listen(False)
        self._scene = None
        self._own, self._came, self._new, self.series = set(), set(), [], {}

    def _doomed(self) -> list[Any]:
        scene = self._scene
        alive = {name: node for name in self._own | self._came if (node := scene.GetNodeByID(name)) is not None}
        doomed = {name: node for name, node in alive.items() if name in self._own or _is_ours(node)}
        for node in list(doomed.values()):
            doomed.update((proxy.GetID(), proxy) for proxy in _proxies(node))
        waiting = list(doomed.values())
        while waiting:
            for name in _referred(waiting.pop()):
                node = alive.get(name)
                if node is not None and name not in doomed and any(map(node.IsA, _DEPENDENT)):
                    doomed[name] = node
                    waiting.append(node)
        return _unshared(scene, doomed, self._own)


def _unshared(scene: Any, doomed: dict[str, Any], own: set[str]) -> list[Any]:
    """Return the nodes without those that a node which stays refers to and that are not the case's by themselves."""
    used: set[str] = set()
    for number in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(number)
        if node.GetID() not in doomed:
            used.update(_referred(node))
    return [node for name, node in doomed.items() if name not in used or name in own or _is_ours(node)]


def _is_ours(node: Any) -> bool:
    """Tell whether a node carries an attribute of this extension, and is none that it keeps for itself."""
    return any(name.startswith(_OURS) for name in node.GetAttributeNames()) and not any(map(node.IsA, _KEPT))


def _is_loaded(node: Any) -> bool:
    """Tell whether a node came from a file."""
    if not node.IsA("vtkMRMLStorableNode") or not node.GetNumberOfStorageNodes():
        return False
    stores = (node.GetNthStorageNode(number) for number in range(node.GetNumberOfStorageNodes()))
    return any(store is not None and bool(store.GetFileName() or store.GetURI()) for store in stores)


def _proxies(node: Any) -> list[Any]:
    """Return the nodes in which a browser shows its sequences; none for any other node."""
    if not node.IsA("vtkMRMLSequenceBrowserNode"):
        return []
    found = vtk.vtkCollection()
    node.GetAllProxyNodes(found)
    return [found.GetItemAsObject(number) for number in range(found.GetNumberOfItems())]


def _referred(node: Any) -> Iterator[str]:
    """Give the IDs of the nodes that a node refers to."""
    for number in range(node.GetNumberOfNodeReferenceRoles()):
        role = node.GetNthNodeReferenceRole(number)
        for index in range(node.GetNumberOfNodeReferences(role)):
            yield node.GetNthNodeReferenceID(role, index)


def _rank(node: Any) -> int:
    """Return the turn of a node: browsers before what they show, and last what others refer to."""
    if node.IsA("vtkMRMLSequenceBrowserNode"):
        return 0
    return 2 if any(map(node.IsA, _DEPENDENT)) else 1


def _items() -> list[int]:
    """Return the items of the subject hierarchy."""
    found = vtk.vtkIdList()
    tree = hierarchy_node()
    tree.GetItemChildren(tree.GetSceneItemID(), found, True)
    return [found.GetId(number) for number in range(found.GetNumberOfIds())]


def _places_of(nodes: list[Any]) -> tuple[set[int], set[int]]:
    """Return the items of nodes, and all those above them."""
    tree = hierarchy_node()
    own = {item for node in nodes if (item := tree.GetItemByDataNode(node))}
    above: set[int] = set()
    for item in own:
        place = tree.GetItemParent(item)
        while place and place != tree.GetSceneItemID():
            above.add(place)
            place = tree.GetItemParent(place)
    return own, above - own


def _tidy(own: set[int], places: set[int]) -> None:
    """Remove the items of nodes that are gone, which the desktop program does itself, and the folders left empty."""
    tree, there = hierarchy_node(), set(_items())
    for item in own & there:
        tree.RemoveItem(item, False, False)
    left = places & there
    while left:
        empty = [item for item in left if not _children(tree, item) and tree.GetItemDataNode(item) is None]
        if not empty:
            return
        for item in empty:
            tree.RemoveItem(item, False, False)
            left.discard(item)


def _children(tree: Any, item: int) -> int:
    found = vtk.vtkIdList()
    tree.GetItemChildren(item, found)
    return int(found.GetNumberOfIds())
