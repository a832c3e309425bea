"""Map nodes to parameter maps: those of this extension as they were stored, any other once its scale is confirmed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_affine, check_choice, check_mask
from mrbiomarkers.jobs import VendorInput, run_vendor_maps
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.mrml.geometry import Affine
from mrbiomarkers.mrml.nodes import said
from mrbiomarkers.mrml.volumes import check_present, check_scalar_volume, voxels_of
from mrbiomarkers.quantities import quantity as quantity_of
from mrbiomarkers.regions import describe_grid, is_same_grid
from mrbiomarkers.vendor_maps import UNITS, MapScale, ScaleProposal, propose_scale

_QUANTITY, _UNIT, _PROVENANCE = "MRBiomarkers.Quantity", "MRBiomarkers.Unit", "MRBiomarkers.Provenance"
_STATUS = "MRBiomarkers.Status"  # role of a node reference
_BY_MARROW = ("R2star", "T2star")  # told apart in marrow only


def parameter_map(
    node: Any, *, quantity: str | None = None, scale: str | MapScale | None = None, notes: list[str] | None = None
) -> ParameterMap:
    """Return a map from a volume node.

    A map of this extension says itself what it is, in its attributes. Of any other volume the caller says what it shows
    and what its numbers stand for; nothing is guessed.

    Parameters
    ----------
    node : vtkMRMLScalarVolumeNode
        The map.
    quantity : str, optional
        A key of :data:`mrbiomarkers.vendor_maps.UNITS`, as ``"PDFF"``; for other volumes.
    scale : str or MapScale, optional
        A unit (``"%"``), a factor and a unit (``"0.1*1/s"``), or a scale; for other volumes.
    notes : list, optional
        Receives what a reader must know of another volume before using its numbers, in words.

    Returns
    -------
    ParameterMap
        Of this extension: the stored numbers bit for bit, in the unit of the node, with status and provenance. Of other
        volumes: in the kernel unit, as :func:`mrbiomarkers.jobs.run_vendor_maps` makes it.

    Raises
    ------
    TypeError
        When the node is no scalar volume, or its numbers are not of a type that a map has.
    ValueError
        When it was removed, holds no image, or is under a transform; when its attributes are damaged or say something
        else than the caller; when ``quantity`` or ``scale`` is missing: the message holds the scale that the values
        speak for.
    """
    voxels, affine = _voxels(node)
    if node.GetAttribute(_QUANTITY):
        return _own_map(node, voxels, affine, quantity, scale)
    _check_quantity(node, quantity)
    key = str(quantity)
    if scale is None:
        raise ValueError(_ask(node, key, propose_scale(voxels, key)))
    result = run_vendor_maps({key: VendorInput(voxels, affine, scale)})
    if notes is not None:
        notes.extend(result.warnings)
    return result.maps[key]


def scale_proposal(node: Any, quantity: str, masks: Mapping[str, ArrayLike] | ArrayLike | None = None) -> ScaleProposal:
    """Return the scale that the values of a volume speak for, with the reason, for a person to accept.

    Parameters
    ----------
    node : vtkMRMLScalarVolumeNode
        A map that was not made by this extension.
    quantity : str
        A key of :data:`mrbiomarkers.vendor_maps.UNITS`.
    masks : (K, J, I) array, or mapping of str to such arrays, optional
        Vertebral marrow on the grid of the map, which R2* and T2* are told apart in; not used for other quantities.

    Returns
    -------
    ScaleProposal
        ``proposal.accept()`` is a scale for :func:`parameter_map`.

    Raises
    ------
    TypeError
        When the node is no scalar volume.
    ValueError
        When it was removed, holds no image, or is under a transform; when it says itself what it shows; when the
        quantity is not known or a mask has another shape.
    """
    voxels, _ = _voxels(node)
    if node.GetAttribute(_QUANTITY):
        raise ValueError(f"node: expected a map that does not say its unit, got {said(node)}, which does")
    _check_quantity(node, quantity)
    return propose_scale(voxels, quantity, mask=_marrow(masks, voxels.shape) if quantity in _BY_MARROW else None)


def _voxels(node: Any) -> tuple[NDArray[Any], Affine]:
    check_scalar_volume("node", node)
    check_present("node", node)
    voxels, affine = voxels_of("node", node)
    if voxels.shape[-1] != 1:
        raise ValueError(f"node: expected one value a voxel, got {voxels.shape[-1]} in {said(node)}")
    try:
        return voxels[..., 0], check_affine(affine)
    except ValueError as error:
        raise ValueError(f"node {said(node)}: {error}") from None


def _own_map(
    node: Any, voxels: NDArray[Any], affine: Affine, quantity: str | None, scale: str | MapScale | None
) -> ParameterMap:
    """Return a map of this extension, all of it copied out of the node."""
    key, unit = node.GetAttribute(_QUANTITY), node.GetAttribute(_UNIT)
    if quantity not in (None, key):
        raise ValueError(f"quantity: expected {key!r}, which {said(node)} says it is, got {quantity!r}")
    if scale is not None:
        raise ValueError(f"scale: expected none, since {said(node)} says that its unit is {unit!r}; got {scale!r}")
    if not unit:
        raise ValueError(f"node: expected the attribute {_UNIT} in {said(node)}, which has {_QUANTITY}; got none")
    try:
        known = quantity_of(key)
        provenance = json.loads(node.GetAttribute(_PROVENANCE) or "{}")
    except ValueError as error:
        raise ValueError(f"node {said(node)}: attributes: {error}") from None
    if not isinstance(provenance, dict):
        raise ValueError(f"node {said(node)}: expected a JSON object in {_PROVENANCE}, got {provenance!r:.80}")
    status = _status(node, voxels.shape, affine)
    return ParameterMap(voxels.copy(), known, unit, affine, status, provenance)


def _status(node: Any, shape: tuple[int, ...], affine: Affine) -> NDArray[np.uint16] | None:
    """Return the flags of every voxel; None where the map refers to no status volume, or it was deleted."""
    other = node.GetNodeReference(_STATUS)
    if other is None:
        return None
    check_scalar_volume(f"status of {said(node)}", other)
    flags, status_affine = voxels_of(f"status of {said(node)}", other)
    if flags.shape[-1] != 1 or not is_same_grid(flags.shape[:3], status_affine, shape, affine):
        raise ValueError(
            f"status of {said(node)}: expected the grid of the map ({describe_grid(shape, affine)}), got "
            f"{describe_grid(flags.shape[:3], status_affine)}"
        )
    return flags[..., 0].copy()


def _check_quantity(node: Any, quantity: str | None) -> None:
    if quantity is None:
        raise ValueError(f"quantity: expected what {said(node)} shows, one of {', '.join(UNITS)}; got none")
    check_choice("quantity", quantity, UNITS)


def _marrow(masks: Mapping[str, ArrayLike] | ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if masks is None:
        return None
    named = masks if isinstance(masks, Mapping) else {"masks": masks}
    inside = [check_mask(f"mask {name!r}", mask, shape) for name, mask in named.items()]
    return np.logical_or.reduce(inside) if inside else None


def _ask(node: Any, key: str, proposal: ScaleProposal) -> str:
    """Return an error text with the scale that the values speak for, and how to accept it."""
    start = f"scale: expected what the numbers of {said(node)} stand for, got none. "
    if proposal.scale is None:
        return f"{start}The values propose none: {proposal.reason}. Give it, as scale={next(iter(UNITS[key].direct))!r}"
    found = proposal.scale
    text = found.unit if found.slope == 1 else f"{found.slope:g}*{found.unit}"
    return (
        f"{start}The values speak for {text}, confidence {proposal.confidence}: {proposal.reason}. If that is right, "
        f"accept it: scale={text!r}"
    )
