"""Where the slices of a simulated series lie.

Positions are added up voxel by voxel in DICOM's own axes (LPS), so that this does not rest on the product's code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Grid:
    """Slices with a gap between them; the slice normal is row x column, and slice 0 is the lowest along it."""

    shape: tuple[int, int, int] = (4, 12, 10)  # slices, rows, columns
    spacing: tuple[float, float] = (1.5, 1.25)  # between rows, between columns [mm]
    step: float = 4.4  # from slice to slice [mm]
    thickness: float = 4.0  # [mm]
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)  # where the column index grows to, LPS
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)  # where the row index grows to, LPS
    first: tuple[float, float, float] = (-31.5, 12.25, -70.125)  # centre of the first voxel, LPS [mm]

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.row, self.column)

    def position(self, i: float, j: float, k: float) -> NDArray[np.float64]:
        """The centre of a voxel in LPS [mm]."""
        along_row = np.array(self.row) * self.spacing[1] * i
        along_column = np.array(self.column) * self.spacing[0] * j
        return np.array(self.first) + along_row + along_column + self.normal * self.step * k

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4), maps ``(i, j, k, 1)`` to RAS [mm]."""
        origin = self.position(0, 0, 0)
        steps = [self.position(*unit) - origin for unit in np.eye(3)]
        matrix = np.eye(4)
        matrix[:3] = LPS_TO_RAS[:, None] * np.column_stack([*steps, origin])
        return matrix


def rotated(about_x: float, about_z: float, grid: Grid) -> Grid:
    """The grid turned about the first, then the third axis of the patient [deg]."""
    a, b = np.deg2rad([about_x, about_z])
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    turn = turn_z @ turn_x
    row, column = (tuple((turn @ np.array(axis)).tolist()) for axis in (grid.row, grid.column))
    return replace(grid, row=row, column=column)


AXIAL = Grid()
SAGITTAL = Grid(row=(0.0, 1.0, 0.0), column=(0.0, 0.0, -1.0))
OBLIQUE = rotated(12.0, -9.0, SAGITTAL)
"""A sagittal stack turned about two axes: the usual plane of the lumbar spine."""
