"""Whose regions are whose: the reader's name on segmentations and points, and the image they are of. No Qt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import slicer

from mrbiomarkers.study.readings import reader_name, same_reader

READER = "MRBiomarkers.Reader"
IMAGE = "MRBiomarkers.Image"  # role of a reference: two examinations may be open in one scene
KINDS = ("vtkMRMLSegmentationNode", "vtkMRMLMarkupsFiducialNode")


class Reading(NamedTuple):
    """What a reader has made of an image; None where there is no such node."""

    segmentation: Any = None
    points: Any = None


def reader_of(node: Any) -> str:
    """Return the reader whose regions or points these are; empty where that is not known."""
    return "" if node is None else reader_name(node.GetAttribute(READER))


def give_reader(reader: str, image: Any, *nodes: Any) -> None:
    """Say on nodes whose they are and of which image; what belongs to somebody stays his."""
    for node in [node for node in nodes if node is not None]:
        if reader and not reader_of(node):
            node.SetAttribute(READER, reader)
        if image is not None and node.GetNodeReference(IMAGE) is None:
            node.SetNodeReferenceID(IMAGE, image.GetID())


def read_nodes() -> Iterator[Any]:
    """Yield the segmentations and points of the scene that have a reader, also hidden ones."""
    for kind in KINDS:
        for node in slicer.util.getNodesByClass(kind):
            if reader_of(node):
                yield node


def readings(image: Any = None) -> dict[str, Reading]:
    """Return what each reader has made, by name.

    Parameters
    ----------
    image : node, optional
        Only what was made on this image, or on one that is not known.
    """
    found: dict[str, Reading] = {}
    for node in read_nodes():
        made_on = node.GetNodeReference(IMAGE)
        if image is not None and made_on not in (None, image):
            continue
        own = reader_of(node)
        name = next((name for name in found if same_reader(name, own)), own)
        part = "segmentation" if node.IsA(KINDS[0]) else "points"
        found[name] = found.get(name, Reading())._replace(**{part: node})  # of several the newest
    return found


def wrong_name(name: str) -> str:
    """Return, in words, why this can be no reader's name; empty where it can."""
    if not any(sign.isalnum() for sign in name):
        return "A reader needs a name or a code."
    if same_reader(name, "mean"):
        return "The name mean stands for the average of the readers; take another one."
    return ""
