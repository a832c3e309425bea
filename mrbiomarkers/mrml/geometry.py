"""Arrays and matrices between NumPy and VTK."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

Affine = NDArray[np.float64]


def affine_of_node(volume: Any) -> Affine:
    """Return the (4, 4) matrix [mm] of a volume, which maps ``(i, j, k, 1)`` to RAS."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def matrix_of(affine: Affine) -> Any:
    """Return a (4, 4) array as a vtkMatrix4x4."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(affine, dtype=float).ravel().tolist())
    return matrix


def image_of(values: NDArray[Any]) -> Any:
    """Return an array (K, J, I) as a new vtkImageData; later changes of the array do not reach it."""
    native = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(native.ravel(), deep=True))
    return image
