"""The subject hierarchy: patients and studies, and results in a folder beside what they were made from.

The desktop program makes an item for each node it shows as soon as the node is there; ``slicer-core`` does not. Both
are met here: an item that is missing is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer
import vtk

from mrbiomarkers.mrml.nodes import undo_on_error
from mrbiomarkers.mrml.views import shown_volume


def place_in_folder(nodes: Iterable[Any], source: Any, folder_name: str) -> int:
    """Put nodes into a new folder, beside the node that they were made from.

    Parameters
    ----------
    nodes : iterable of vtkMRMLNode
        Results. Those that have left the scene meanwhile are passed over.
    source : vtkMRMLNode or None
        What they were made from. A sequence has no item of its own in the desktop program: the place of its browser's
        volume counts. Without a place, the folder is at the top.
    folder_name : str
        For example ``"IVIM of DWI"``; a second one beside it becomes ``"IVIM of DWI (2)"``.

    Returns
    -------
    int
        The folder's item; 0 (no item) where no node is left, and then no folder is made.

    Raises
    ------
    ValueError
        When the name is empty.
    """
    _check_name("folder_name", folder_name)
    hierarchy = hierarchy_node()
    alive = [node for node in nodes if _is_in_scene(node)]
    if not alive:
        return int(hierarchy.GetInvalidItemID())
    parent = _place_of(source)
    with undo_on_error():
        folder = hierarchy.CreateFolderItem(parent, free_name(parent, folder_name))
        for node in alive:
            hierarchy.CreateItem(folder, node)  # moves the item where the node has one
    return int(folder)


def place_in_study(nodes: Iterable[Any], subject: str = "", study: str = "", *, study_uid: str = "") -> int:
    """Put nodes under the item of their study.

    A study that Slicer has imported itself, or that was made here before, is found by its UID, else by the names of
    subject and study; what is not there is made. Without a subject, a new patient is: two patients never share an item
    because nothing is known of them.

    Parameters
    ----------
    nodes : iterable of vtkMRMLNode
        What was read; none is allowed. For a sequence with a browser, the volume that shows it is placed.
    subject : str
        Code of the subject, the name of the patient's item; not the patient's name. Empty: a new "Subject".
    study : str
        Name of the study; empty: a new "MR study".
    study_uid : str
        Study Instance UID; empty where not known.

    Returns
    -------
    int
        Item of the study.
    """
    tree = hierarchy_node()
    levels = slicer.vtkMRMLSubjectHierarchyConstants
    uid_name, top = levels.GetDICOMUIDName(), tree.GetSceneItemID()
    with undo_on_error():
        item = tree.GetItemByUID(uid_name, study_uid) if study_uid else 0
        if not item:
            patient = _child(top, subject, levels.GetDICOMLevelPatient()) if subject else 0
            patient = patient or tree.CreateSubjectItem(top, subject or free_name(top, "Subject"))
            item = _child(patient, study, levels.GetDICOMLevelStudy()) if study and not study_uid else 0
            item = item or tree.CreateStudyItem(patient, free_name(patient, study or "MR study"))
            if study_uid:
                tree.SetItemUID(item, uid_name, study_uid)
        for node in nodes:
            if _is_in_scene(node):
                tree.CreateItem(item, shown_volume(node) or node)  # moves the item where the node has one
    return int(item)


def hierarchy_node() -> Any:
    """Return the subject hierarchy of the scene."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def free_name(parent: int, wanted: str) -> str:
    """Return a name that no child of an item has: ``wanted``, or ``"wanted (2)"`` and so on.

    Parameters
    ----------
    parent : int
        The item.
    wanted : str
        Name.
    """
    taken = {hierarchy_node().GetItemName(item) for item in _children(parent)}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} ({number})"
    return name


def _check_name(argument: str, name: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{argument}: expected a name, got {name!r}")


def _is_in_scene(node: Any) -> bool:
    return node is not None and node.GetScene() is slicer.mrmlScene


def _children(item: int) -> list[int]:
    found = vtk.vtkIdList()
    hierarchy_node().GetItemChildren(item, found)
    return [found.GetId(number) for number in range(found.GetNumberOfIds())]


def _child(parent: int, name: str, level: str) -> int:
    """Return the child of that name and level; 0 where there is none."""
    hierarchy = hierarchy_node()
    found = (item for item in _children(parent) if hierarchy.GetItemName(item) == name)
    return next((item for item in found if hierarchy.IsItemLevel(item, level)), 0)


def _place_of(source: Any) -> int:
    """Return the item that holds the source's item; the top where it has none."""
    hierarchy = hierarchy_node()
    for node in (source, shown_volume(source)):
        item = hierarchy.GetItemByDataNode(node) if _is_in_scene(node) else 0
        parent = hierarchy.GetItemParent(item) if item else 0
        if parent:
            return int(parent)
    return int(hierarchy.GetSceneItemID())
