"""Nodes that hold several images of one place, or lists of volumes, as one array with what is known of each image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from mrbiomarkers.checks import check_affine
from mrbiomarkers.mrml.frame_values import FrameValues, gradient_values, label_values, sequence_values
from mrbiomarkers.mrml.geometry import Affine
from mrbiomarkers.mrml.nodes import check_node, check_untransformed, said
from mrbiomarkers.mrml.volumes import check_present, check_scalar_volume, voxels_of
from mrbiomarkers.regions import describe_grid, is_same_grid

_AVERAGES, _DIRECTIONS, _SOURCE = "MRBiomarkers.Averages", "MRBiomarkers.Directions", "MRBiomarkers.Source"
_SEQUENCE, _WEIGHTED = "vtkMRMLSequenceNode", "vtkMRMLDiffusionWeightedVolumeNode"
_SEVERAL = ("vtkMRMLMultiVolumeNode", "vtkMRMLVectorVolumeNode")
_KINDS = (_SEQUENCE, *_SEVERAL, _WEIGHTED, "vtkMRMLScalarVolumeNode")
_COLOURS = ("VoxelVectorTypeColorRGB", "VoxelVectorTypeColorRGBA")


@dataclass(frozen=True, eq=False)
class Frames:
    """Images of one place, and what their nodes say of each.

    Attributes
    ----------
    images : (K, J, I, M) array [a.u.]
        A copy: float64 where the nodes hold float64, else float32.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    values : tuple of float or None
        b-values [s/mm2] or echo times [s], in the order of the images; None where the nodes hold none.
    quantity : str
        ``"b"``, ``"TE"``, or ``""`` where there are no values or they have no name.
    unit : str
        ``"s/mm2"``, ``"s"`` or ``""``.
    source : tuple of str
        Where each value came from, without names of nodes; empty where there are none.
    directions : (M, 3) array or None
        Unit gradient directions in RAS; NaN where an image has none.
    averages : (M,) array or None
        Number of averages of each image.
    name : str
        Name of the (first) node.
    reason : str
        Why there are no values.
    """

    images: NDArray[np.floating]
    affine: Affine
    values: tuple[float, ...] | None
    quantity: str = ""
    unit: str = ""
    source: tuple[str, ...] = ()
    directions: NDArray[np.float64] | None = None
    averages: NDArray[np.float64] | None = None
    name: str = ""
    reason: str = ""

    @property
    def first(self) -> NDArray[np.floating]:
        """The image (K, J, I) of the lowest b-value or first echo; the first one where there are no values."""
        index = 0 if self.values is None else int(np.argmin(self.values))
        return np.asarray(self.images[..., index])


@dataclass(frozen=True, eq=False)
class FrameStack:
    """The same before any voxel is copied.

    Attributes
    ----------
    views : tuple of (K, J, I) array
        Read-only views of the memory of VTK, one for each image: see :func:`mrbiomarkers.mrml.volumes.voxels_of`.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    known : FrameValues
        b-values or echo times.
    nodes : tuple of vtkMRMLNode
        The nodes, as given.
    source, directions, averages
        As for :class:`Frames`.
    """

    views: tuple[NDArray[Any], ...]
    affine: Affine
    known: FrameValues
    nodes: tuple[Any, ...]
    source: tuple[str, ...] = ()
    directions: NDArray[np.float64] | None = None
    averages: NDArray[np.float64] | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape (K, J, I, M) of all images together."""
        k, j, i = self.views[0].shape
        return k, j, i, len(self.views)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Floating point type of the copy."""
        return np.dtype(np.float64 if any(view.dtype == np.float64 for view in self.views) else np.float32)

    def place(self, number: int) -> str:
        """Return how image ``number``, counted from 0, is called in messages."""
        if len(self.nodes) == len(self.views):
            return said(self.nodes[number])
        return f"image {number + 1} of {said(self.nodes[0])}"

    def copy_into(self, target: NDArray[Any], order: Sequence[int] | None = None) -> None:
        """Copy the images into an array (K, J, I, M), in another order of the images if one is given."""
        views = self.views if order is None else [self.views[number] for number in order]
        for k, plane in enumerate(target):  # slice by slice: the images lie voxel by voxel beside each other in it
            for number, view in enumerate(views):
                plane[..., number] = view[k]


def frames_of(nodes: Any) -> Frames:
    """Return the images of nodes as one array.

    Parameters
    ----------
    nodes : node or iterable of nodes
        A vtkMRMLSequenceNode of scalar volumes; a vtkMRMLMultiVolumeNode or vtkMRMLVectorVolumeNode; a
        vtkMRMLDiffusionWeightedVolumeNode; one scalar volume; or several, which keep their order. The images of a
        sequence come in the order of its index, which Slicer sorts.

    Returns
    -------
    Frames
        A copy: nothing that happens to the nodes later changes it.

    Raises
    ------
    TypeError
        When a node is of another kind.
    ValueError
        When a node was removed from the scene, holds no image, or is under a transform; when images differ in size or
        place: the message names the image; when an attribute of the node is damaged.
    """
    stack = open_frames("nodes", nodes)
    images = np.empty(stack.shape, stack.dtype)
    stack.copy_into(images)
    known = stack.known
    return Frames(
        images,
        stack.affine,
        known.values,
        known.quantity,
        known.unit,
        stack.source,
        stack.directions,
        stack.averages,
        str(stack.nodes[0].GetName()),
        known.reason,
    )


def open_frames(name: str, nodes: Any) -> FrameStack:
    """Check nodes and return what :func:`frames_of` would, without a copy of the voxels.

    Parameters
    ----------
    name : str
        Argument named in messages.
    nodes : node or iterable of nodes
        As for :func:`frames_of`.

    Raises
    ------
    TypeError, ValueError
        As for :func:`frames_of`.
    """
    given = _as_list(name, nodes)
    if len(given) > 1:
        return _list_stack(name, given)
    node = check_node(name, given[0], *_KINDS)
    check_present(name, node)
    if node.IsA(_SEQUENCE):
        return _sequence_stack(name, node)
    if node.IsA(_WEIGHTED) or any(node.IsA(kind) for kind in _SEVERAL):
        return _component_stack(name, node)
    return _list_stack(name, given)


def _as_list(name: str, nodes: Any) -> list[Any]:
    if hasattr(nodes, "IsA") or isinstance(nodes, str) or not isinstance(nodes, Iterable):
        return [nodes]
    given = list(nodes)
    if not given:
        raise ValueError(f"{name}: expected a node or several, got an empty list")
    return given


def _list_stack(name: str, nodes: Sequence[Any]) -> FrameStack:
    """Return the images of plain volumes, in the given order."""
    for number, node in enumerate(nodes):
        check_scalar_volume(name, node)
        check_present(name, node)
        if any(node is other for other in nodes[:number]):
            raise ValueError(f"{name}: expected every volume once, got {said(node)} twice")
    reason = "single volumes hold none" if len(nodes) > 1 else "a single volume holds none"
    placed = [(f"volume {number} ({said(node)})", node) for number, node in enumerate(nodes, 1)]
    views, affine = _on_one_grid(name, placed)
    return FrameStack(views, affine, FrameValues(None, reason=reason), tuple(nodes))


def _sequence_stack(name: str, sequence: Any) -> FrameStack:
    """Return the images of a sequence, in the order of its index."""
    _check_proxies(name, sequence)
    count = sequence.GetNumberOfDataNodes()
    if count == 0:
        raise ValueError(f"{name}: expected a sequence of volumes, got {said(sequence)} without any image")
    places = [
        f"image {number + 1} of {said(sequence)} (index {sequence.GetNthIndexValue(number)!r})"
        for number in range(count)
    ]
    images = [sequence.GetNthDataNode(number) for number in range(count)]
    for place, image in zip(places, images, strict=True):
        check_scalar_volume(f"{name}: {place}", image)
    views, affine = _on_one_grid(name, list(zip(places, images, strict=True)))
    known = sequence_values(sequence)
    return FrameStack(
        views,
        affine,
        known,
        (sequence,),
        _sources(known, sequence.GetAttribute(_SOURCE)),
        _attribute(name, sequence, _DIRECTIONS, (count, 3)),
        _attribute(name, sequence, _AVERAGES, (count,)),
    )


def _component_stack(name: str, volume: Any) -> FrameStack:
    """Return the images of a node that holds them as components of its voxels."""
    if volume.GetVoxelVectorType() in [getattr(slicer.vtkMRMLVolumeNode, kind) for kind in _COLOURS]:
        raise ValueError(f"{name}: expected images of one series, got {said(volume)}, a colour image")
    voxels, affine = voxels_of(name, volume)
    count = voxels.shape[-1]
    directions = None
    if volume.IsA(_WEIGHTED):
        known, directions = gradient_values(volume, count)
    else:
        known = label_values(volume, count)
    views = tuple(voxels[..., number] for number in range(count))
    usable = _usable(f"{name}: {said(volume)}", affine)
    return FrameStack(views, usable, known, (volume,), _sources(known), directions)


def _on_one_grid(name: str, placed: Sequence[tuple[str, Any]]) -> tuple[tuple[NDArray[Any], ...], Affine]:
    """Return views of volumes of one image each and their matrix, after checking that all lie on one grid."""
    read = [voxels_of(f"{name}: {place}", node) for place, node in placed]
    first = _usable(f"{name}: {placed[0][0]}", read[0][1])
    shape = read[0][0].shape[:3]
    for (place, _), (voxels, affine) in zip(placed, read, strict=True):
        if voxels.shape[-1] != 1:
            raise ValueError(f"{name}: {place}: expected one value a voxel, got {voxels.shape[-1]}")
        if not is_same_grid(voxels.shape[:3], affine, shape, first):
            raise ValueError(
                f"{name}: {place}: expected the grid of the first image ({describe_grid(shape, first)}), got "
                f"{describe_grid(voxels.shape[:3], affine)}"
            )
    return tuple(voxels[..., 0] for voxels, _ in read), first


def _usable(place: str, affine: Affine) -> Affine:
    try:
        return check_affine(affine)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _check_proxies(name: str, sequence: Any) -> None:
    """Refuse a sequence that a browser shows through a volume under a transform: it is not seen where it is."""
    scene, kind = slicer.mrmlScene, "vtkMRMLSequenceBrowserNode"
    for number in range(scene.GetNumberOfNodesByClass(kind)):
        proxy = scene.GetNthNodeByClass(number, kind).GetProxyNode(sequence)
        if proxy is not None and hasattr(proxy, "GetParentTransformNode"):
            check_untransformed(name, proxy)


def _sources(known: FrameValues, written: str | None = None) -> tuple[str, ...]:
    """Return where each value came from: what the writer of the sequence has put down, if it fits."""
    if known.values is None:
        return ()
    try:
        found = json.loads(written or "null")
    except ValueError:
        found = None
    fits = isinstance(found, list) and len(found) == len(known.values) and all(isinstance(one, str) for one in found)
    return tuple(found) if fits else (known.source,) * len(known.values)


def _attribute(name: str, node: Any, key: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Return an attribute of ours, JSON numbers of a known shape; null stands for a direction that an image lacks."""
    text = node.GetAttribute(key)
    if not text:
        return None
    try:
        rows = json.loads(text)
        rows = [[None] * 3 if row is None else row for row in rows] if len(shape) > 1 else rows
        values = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError):
        raise ValueError(
            f"{name}: expected a JSON list in attribute {key} of {said(node)}, got {text[:80]!r}"
        ) from None
    if values.shape != shape:
        raise ValueError(
            f"{name}: expected {shape[0]} entries in attribute {key} of {said(node)}, one for each image, got "
            f"{len(values) if values.ndim else 1}; if images were taken out, remove the attribute"
        )
    return values
