"""Nodes that are looked for in the scene: the one of its kind, and those that a user may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer


def singleton_node(kind: str, tag: str, prepare: Callable[[Any], Any] | None = None) -> Any:
    """Return the node of a kind of which the scene has one by this tag; it is added where there is none.

    Parameters
    ----------
    kind : str
        Class name.
    tag : str
        Singleton tag; the name of a new node, too.
    prepare : callable, optional
        Is given a new node before it is in the scene.
    """
    scene = slicer.mrmlScene
    node = scene.GetSingletonNode(tag, kind)
    if node is None:
        node = scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetSingletonTag(tag)
        node.SetName(tag)
        if prepare is not None:
            prepare(node)
        node = scene.AddNode(node)
    return node


def visible_nodes(kind: str) -> list[Any]:
    """Return the nodes of a kind that are not hidden from the user, as those of a blinded reader are; oldest first."""
    return [node for node in slicer.util.getNodesByClass(kind) if not node.GetHideFromEditors()]
