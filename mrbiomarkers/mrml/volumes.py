"""Volume nodes: whether one can be used, its voxels and its grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtk.util import numpy_support

from mrbiomarkers.mrml.geometry import Affine, affine_of_node
from mrbiomarkers.mrml.nodes import check_node, check_untransformed, said

_NO_SCALARS = ("vtkMRMLLabelMapVolumeNode", "vtkMRMLTensorVolumeNode", "vtkMRMLDiffusionWeightedVolumeNode")


def check_present(name: str, node: Any) -> None:
    """Raise ValueError when a node is in no scene: it was removed, or never added.

    Parameters
    ----------
    name : str
        Argument named in the message.
    node : vtkMRMLNode
        The node.
    """
    if node.GetScene() is None:
        raise ValueError(f"{name}: expected a node of the scene, got {said(node)}, which was removed or never added")


def check_scalar_volume(name: str, node: Any) -> Any:
    """Return ``node`` when it is a plain scalar volume: no label map, no vectors, no diffusion-weighted volume.

    Parameters
    ----------
    name : str
        Argument named in the message.
    node : vtkMRMLNode
        The node.

    Raises
    ------
    TypeError
        When it is something else, or None.
    """
    if any(hasattr(node, "IsA") and node.IsA(kind) for kind in _NO_SCALARS):
        raise TypeError(f"{name}: expected a node of kind ScalarVolume, got {said(node)} ({node.GetClassName()})")
    return check_node(name, node, "vtkMRMLScalarVolumeNode")


def voxels_of(name: str, node: Any) -> tuple[NDArray[Any], Affine]:
    """Return the voxels and the matrix of a volume node.

    Parameters
    ----------
    name : str
        Argument named in messages.
    node : vtkMRMLVolumeNode
        Any volume node; need not be in a scene, as the images of a sequence are in a scene of their own.

    Returns
    -------
    voxels : (K, J, I, M) array
        Read-only view of the memory of VTK, with the components of the voxels last: to be copied from at once. It holds
        whatever the node's image holds later.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.

    Raises
    ------
    ValueError
        When the volume holds no image or is under a transform.
    """
    check_untransformed(name, node)
    image = node.GetImageData()
    scalars = None if image is None or image.GetNumberOfPoints() == 0 else image.GetPointData().GetScalars()
    if scalars is None:
        raise ValueError(f"{name}: expected a volume with an image, got {said(node)} without image data")
    voxels = numpy_support.vtk_to_numpy(scalars).reshape(*image.GetDimensions()[::-1], -1)
    voxels.flags.writeable = False
    affine = affine_of_node(node)
    first = np.array(image.GetExtent()[::2], dtype=float)
    if first.any():  # a cropped image counts its voxels from there
        affine[:3, 3] += affine[:3, :3] @ first
    return voxels, affine
