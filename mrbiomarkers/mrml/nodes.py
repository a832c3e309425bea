"""Nodes of a scene: their kind, new ones, and a scene that stays as it was when work fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import slicer
import vtk


def check_node(name: str, node: Any, *kinds: str) -> Any:
    """Return ``node`` when it is of one of the kinds.

    Parameters
    ----------
    name : str
        Argument named in the message.
    node : vtkMRMLNode
        The node.
    kinds : str
        Class names, of which the node's class is one or derives.

    Raises
    ------
    TypeError
        When it is something else, or None.
    """
    is_kind = hasattr(node, "IsA") and any(node.IsA(kind) for kind in kinds)
    if not is_kind:
        wanted = " or ".join(kind.removeprefix("vtkMRML").removesuffix("Node") for kind in kinds)
        got = "nothing" if node is None else f"{said(node)} ({type(node).__name__})"
        raise TypeError(f"{name}: expected a node of kind {wanted}, got {got}")
    return node


def said(node: Any) -> str:
    """Return a node's name in quotes, or what else it is."""
    return repr(node.GetName()) if hasattr(node, "GetName") else repr(node)


def check_untransformed(name: str, node: Any) -> None:
    """Raise ValueError when a node lies under a transform, which moves it away from its own geometry."""
    transform = node.GetParentTransformNode()
    if transform is not None:
        raise ValueError(
            f"{name}: {said(node)} is under the transform {said(transform)}; expected a node without one. Harden the "
            "transform (Transforms module, or node.HardenTransform()), or take it off"
        )


@contextmanager
def undo_on_error() -> Iterator[None]:
    """Take back every node and subject hierarchy item that was added, when the block ends with an exception.

    No event is served in the block, so all that is new in it is its own.
    """
    scene = slicer.mrmlScene
    nodes, items = _node_ids(scene), _items(scene)
    try:
        yield
    except BaseException:
        for item in sorted(_items(scene) - items, reverse=True):
            slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene).RemoveItem(item, False, False)
        for identifier in sorted(_node_ids(scene) - nodes, reverse=True):
            node = scene.GetNodeByID(identifier)
            if node is not None:  # a display node may have gone with its volume
                scene.RemoveNode(node)
        raise


def _node_ids(scene: Any) -> set[str]:
    return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}


def _items(scene: Any) -> set[int]:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is None:
        return set()
    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    return {found.GetId(index) for index in range(found.GetNumberOfIds())}


def add_node(kind: str, name: str, attributes: Mapping[str, str] | None = None) -> Any:
    """Add a node with a name of its own to the scene; nodes that are there keep theirs.

    Parameters
    ----------
    kind : str
        Class name.
    name : str
        Wanted name; a number is added where it is taken.
    attributes : dict of str to str, optional
        Given before the node is in the scene: the boxes of panels that ask for one look at a node when it comes.
    """
    scene = slicer.mrmlScene
    node = scene.CreateNodeByClass(kind)
    node.UnRegister(None)
    node.SetName(scene.GetUniqueNameByString(name) or name)
    for key, value in (attributes or {}).items():
        node.SetAttribute(key, value)
    return scene.AddNode(node)
