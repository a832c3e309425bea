"""Parameter maps to volume nodes: the values bit for bit, how they are shown, and where they come from."""

from __future__ import annotations

import enum
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from mrbiomarkers.maps import STATUS_TEXT, ParameterMap, to_reported
from mrbiomarkers.mrml.geometry import image_of, matrix_of
from mrbiomarkers.mrml.nodes import add_node, check_node, check_untransformed, said, undo_on_error
from mrbiomarkers.quantities import Quantity, quantity

Window = tuple[float, float]
_GREY = "vtkMRMLColorTableNodeGrey"
# Codes of the reported units; 1 um2/ms is 10^-3 mm2/s.
_UCUM = {
    "10^-3 mm2/s": "um2/ms",
    "1": "1",
    "%": "%",
    "1/s": "/s",
    "ms": "ms",
    "Hz": "Hz",
    "a.u.": "[arb'U]",
}


def add_maps(maps: Mapping[str, ParameterMap], *, source: Any = None, label: str = "") -> dict[str, Any]:
    """Add parameter maps to the scene, in the unit that a person reads.

    Nothing is placed in a folder (:func:`mrbiomarkers.mrml.hierarchy.place_in_folder`) and no view is changed.

    Parameters
    ----------
    maps : mapping of str to ParameterMap
        In kernel or reported units, float32 or float64; any number, not all on one grid.
    source : vtkMRMLNode, optional
        What was fitted. The maps are named after it (``"D (IVIM) of DWI"``) and refer to it (role
        ``"MRBiomarkers.Source"``).
    label : str
        What they are maps of, for their names: ``"IVIM"``.

    Returns
    -------
    dict of str to vtkMRMLScalarVolumeNode
        By the names of ``maps``. Attributes ``MRBiomarkers.Quantity``, ``.Unit`` and ``.Provenance`` (JSON text); node
        reference ``"MRBiomarkers.Status"`` to a hidden uint16 volume, one for all maps with the same status.

    Raises
    ------
    TypeError
        When something else than a map is given, its numbers are neither float32 nor float64, or its provenance holds
        what JSON cannot hold.
    ValueError
        When there is no map, or the source is under a transform or no longer in the scene. The scene is as it was.
    """
    texts = _check_maps(maps)
    _check_source(source)
    windows = _shared_windows(maps)
    of = "" if source is None else f" of {source.GetName()}"
    nodes: dict[str, Any] = {}
    statuses: list[tuple[ParameterMap, Any]] = []
    with undo_on_error():
        for name, given in maps.items():
            known = given.quantity
            attributes = _attributes(known, texts[name])
            node = add_node("vtkMRMLScalarVolumeNode", _title(name, known, label) + of, attributes)
            _fill(node, to_reported(given).values, given.affine)
            _describe(node, known)
            display_map(node, window=windows.get(known.family or ""))
            if source is not None:
                node.SetNodeReferenceID("MRBiomarkers.Source", source.GetID())
            status = _status_node(given, statuses, f"Status ({label})" if label else "Status", of)
            node.SetNodeReferenceID("MRBiomarkers.Status", status.GetID())
            nodes[name] = node
    return nodes


def display_map(node: Any, *, window: Window | None = None) -> None:
    """Show a map with the colours of its quantity, a window that stays, and voxels without a value transparent.

    Slicer's automatic window is off: it is NaN or reversed where a map holds infinite numbers or nothing but NaN.
    Voxels are not interpolated: a picture element between two voxels of which one is NaN would be NaN, so that every
    edge of the fitted region would lose half a voxel.

    Parameters
    ----------
    node : vtkMRMLScalarVolumeNode
        A map as :func:`add_maps` makes it. Colours that this program does not have are shown in grey.
    window : tuple of float, optional
        Lowest and highest value shown, in the unit of the node. By default the usual range of the quantity; where it
        has none, from the 1st to the 99th percentile, or from 0 to the 97th percentile where the quantity has a family.

    Raises
    ------
    TypeError
        When the node is no scalar volume.
    ValueError
        When it holds no voxels, does not say which quantity it is of, or the window is not one.
    """
    check_node("node", node, "vtkMRMLScalarVolumeNode")
    key, image = node.GetAttribute("MRBiomarkers.Quantity"), node.GetImageData()
    if key is None or image is None or image.GetPointData().GetScalars() is None:
        missing = "the attribute MRBiomarkers.Quantity" if key is None else "voxels"
        raise ValueError(f"node: expected a parameter map, got {said(node)} without {missing}")
    known = quantity(key)
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    low, high = window or _own_window(known, values)
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"window: expected two numbers, the lower first, got {(low, high)}")
    display = node.GetDisplayNode()
    is_new = display is None
    if is_new:
        display = slicer.vtkMRMLScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetAutoThreshold(False)
    if is_new:  # only now: an automatic window would be computed from the voxels at once
        slicer.mrmlScene.AddNode(display)
        node.SetAndObserveDisplayNodeID(display.GetID())
    colours = _colour_node_id(known.colour_map)
    if colours is not None:
        display.SetAndObserveColorNodeID(colours)
    display.SetWindowLevelMinMax(low, high)
    limit = _beyond(values)
    display.SetThreshold(-limit, limit)
    display.SetApplyThreshold(True)
    display.SetInterpolate(False)


def json_text(data: Any) -> str:
    """Return values of Python and NumPy as JSON text for an attribute of a node.

    NaN becomes null, an infinite number ``"inf"`` or ``"-inf"``, a path its last part: no folder of the user's goes
    into a scene.

    Raises
    ------
    TypeError
        When a value has no plain form; the message names its type.
    """
    return json.dumps(_plain(data), ensure_ascii=False, allow_nan=False)


def _check_maps(maps: Mapping[str, ParameterMap]) -> dict[str, str]:
    """Return the provenance of each map as text."""
    if not maps:
        raise ValueError("maps: expected one map or more, got none")
    texts = {}
    for name, given in maps.items():
        if not isinstance(given, ParameterMap):
            raise TypeError(f"maps[{name!r}]: expected a ParameterMap, got {type(given).__name__}")
        if given.values.dtype.itemsize not in (4, 8):
            raise TypeError(f"maps[{name!r}]: expected float32 or float64, got {given.values.dtype}")
        if not given.values.size:
            raise ValueError(f"maps[{name!r}]: expected voxels, got an array of shape {given.values.shape}")
        try:
            texts[name] = json_text(given.provenance)
        except TypeError as error:
            raise TypeError(f"maps[{name!r}]: provenance: {error}") from None
    return texts


def _check_source(source: Any) -> None:
    if source is None:
        return
    check_node("source", source, "vtkMRMLNode")
    if source.GetScene() is not slicer.mrmlScene:
        raise ValueError(f"source: expected a node of the scene, got {said(source)}, which is no longer in it")
    if hasattr(source, "GetParentTransformNode"):
        check_untransformed("source", source)


def _title(name: str, known: Quantity, label: str) -> str:
    """Return ``"D (IVIM)"``; of two maps of one quantity (``S0_adc``, ``S0_ivim``) each says its own."""
    own = name.removeprefix(known.key).strip("_ ") if name.startswith(f"{known.key}_") else ""
    words = [label, own] if own.lower() != label.lower() else [label]
    inside = ", ".join(word for word in words if word)
    return f"{known.ascii_symbol} ({inside})" if inside else known.ascii_symbol


def _fill(node: Any, values: NDArray[Any], affine: NDArray[np.float64]) -> None:
    """Give a volume its voxels and geometry, and a file format that keeps both."""
    node.SetIJKToRASMatrix(matrix_of(affine))
    node.SetAndObserveImageData(image_of(values))
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetDefaultWriteFileExtension("nrrd")  # a user may prefer NIfTI: Slicer writes 0 for NaN there


def _attributes(known: Quantity, provenance: str) -> dict[str, str]:
    names = {"Quantity": known.key, "Unit": known.reported_unit, "Provenance": provenance}
    return {f"MRBiomarkers.{name}": text for name, text in names.items()}


def _describe(node: Any, known: Quantity) -> None:
    unit = known.reported_unit
    node.SetDescription(known.name if unit == "1" else f"{known.name} [{unit}]")
    node.SetVoxelValueUnits(_coded("UCUM", _UCUM[unit], "no units" if unit == "1" else unit))
    if known.code is not None:
        node.SetVoxelValueQuantity(_coded(*known.code))


def _coded(scheme: str, value: str, meaning: str) -> Any:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry


def _status_node(given: ParameterMap, made: list[tuple[ParameterMap, Any]], title: str, of: str) -> Any:
    """Return the hidden volume of a map's status: one of those made, if it is equal."""
    status = np.asarray(given.status)
    for other, node in made:
        same = other.status is given.status or np.array_equal(np.asarray(other.status), status)
        if same and np.array_equal(other.affine, given.affine):
            return node
    scene = slicer.mrmlScene
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetHideFromEditors(True)  # before it is added: the desktop program lists it otherwise
    node.SetName(scene.GetUniqueNameByString(title + of))
    node = scene.AddNode(node)
    _fill(node, status, given.affine)
    legend = {str(int(flag)): text for flag, text in STATUS_TEXT.items()}
    node.SetAttribute("MRBiomarkers.StatusText", json_text(legend))
    made.append((given, node))
    return node


def _colour_node_id(colour_map: str) -> str | None:
    """Return the node of Slicer's own table; grey where this program has no colour files; None where it has no grey."""
    file_node = f"vtkMRMLColorTableNodeFile{colour_map.capitalize()}.txt"
    wanted = [_GREY] if colour_map == "gray" else [file_node, _GREY]
    return next((one for one in wanted if slicer.mrmlScene.GetNodeByID(one) is not None), None)


def _shared_windows(maps: Mapping[str, ParameterMap]) -> dict[str, Window]:
    """Return the window of each family: the widest of its members'."""
    windows: dict[str, Window] = {}
    for given in maps.values():
        known = given.quantity
        if known.family is not None:
            low, high = _own_window(known, to_reported(given).values)
            windows[known.family] = (low, max(high, windows.get(known.family, (low, high))[1]))
    return windows


def _own_window(known: Quantity, values: NDArray[np.floating]) -> Window:
    low, high = known.display_range
    if math.isfinite(low) and math.isfinite(high):
        return low, high
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return 0.0, 1.0
    if known.family is not None:  # as in the figures: fat under the skin may go beyond
        low, high = 0.0, float(np.percentile(finite, 97))
    else:
        low, high = (float(number) for number in np.percentile(finite, (1, 99)))
    # A scene file holds six digits: a round window is the same when it is loaded again.
    low, high = (
        (low, high) if float(f"{low:.3g}") >= float(f"{high:.3g}") else (float(f"{low:.3g}"), float(f"{high:.3g}"))
    )
    if low < high:
        return low, high
    return (min(low, 0.0), max(high, 0.0)) if low or high else (0.0, 1.0)


def _beyond(values: NDArray[np.floating]) -> float:
    """Return a power of ten, which a scene file keeps, above every finite value."""
    finite = np.isfinite(values)
    largest = max(float(np.max(values, where=finite, initial=0)), -float(np.min(values, where=finite, initial=0)))
    power = math.ceil(math.log10(largest)) + 1 if largest > 0 else 0
    return float(f"1e{min(max(power, 6), 308)}")


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name if isinstance(value, enum.Flag) else _plain(value.value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return Path(value).name
    raise TypeError(f"expected values that JSON can hold, got {type(value).__name__}")
