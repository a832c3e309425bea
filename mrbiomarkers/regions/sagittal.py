"""Looking at a volume of any orientation from the side, and the slab of slices around the mid-sagittal plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.regions.grids import Affine, Shape

Scalar = TypeVar("Scalar", bound=np.generic)
Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SagittalView:
    """A grid with its axes named: to the right, upwards, forwards (each the axis that comes nearest).

    Attributes
    ----------
    axes : tuple of int
        Array axes of [k, j, i] that run left-right, foot-head and back-front.
    flipped : tuple of int
        Those array axes whose index grows leftwards, downwards or backwards.
    origin : (3,) array [mm]
        RAS position of voxel (0, 0, 0) of the view.
    steps : (3, 3) array [mm]
        Columns: one voxel to the right, up, forwards.
    """

    axes: tuple[int, int, int]
    flipped: tuple[int, ...]
    origin: Vector
    steps: Vector

    def look(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the [k, j, i] array as [right, up, forwards]; nothing is interpolated or copied."""
        return np.flip(array, self.flipped).transpose(self.axes)

    def back(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return what :meth:`look` gave as [k, j, i]."""
        return np.flip(array.transpose(np.argsort(self.axes)), self.flipped)

    @property
    def spacing(self) -> Vector:
        """Voxel size (3,) [mm] to the right, up, forwards."""
        return np.asarray(np.linalg.norm(self.steps, axis=0))

    @property
    def normal(self) -> Vector:
        """Unit vector across the sagittal slices, to the right."""
        across = np.cross(self.steps[:, 1], self.steps[:, 2])
        across /= np.linalg.norm(across)
        return across if across @ self.steps[:, 0] > 0 else -across

    def positions(self, index: NDArray[Any]) -> Vector:
        """Return RAS positions (..., 3) [mm] of indices (..., 3) of the view."""
        return np.asarray(index @ self.steps.T + self.origin)


def sagittal_view(shape: Shape, affine: Affine) -> SagittalView:
    """Return the view of a grid of size (K, J, I) and voxel-to-RAS matrix ``affine`` [mm]."""
    from scipy.optimize import linear_sum_assignment  # late: it takes 0.1 s to load

    columns = affine[:3, 2::-1]  # one voxel along k, j, i
    cosines = columns / np.linalg.norm(columns, axis=0)
    anatomical = cosines[[0, 2, 1]]  # right, superior, anterior
    _, axes = linear_sum_assignment(-np.abs(anatomical))
    signs = np.sign(anatomical[np.arange(3), axes])
    steps = columns[:, axes] * signs
    flipped = tuple(int(axis) for axis, sign in zip(axes, signs, strict=True) if sign < 0)
    origin = affine[:3, 3] + sum((columns[:, axis] * (shape[axis] - 1) for axis in flipped), np.zeros(3))
    return SagittalView((int(axes[0]), int(axes[1]), int(axes[2])), flipped, origin, steps)


@dataclass(frozen=True, eq=False)
class Slab:
    """The space between two planes: ``|normal . position - centre| <= half`` [mm]."""

    normal: Vector
    centre: float
    half: float

    def holds(self, shape: Shape, affine: Affine) -> NDArray[np.bool_]:
        """Return which voxel centres of a grid lie in it, (K, J, I)."""
        along = [affine[:3, column] @ self.normal * np.arange(n) for column, n in zip((2, 1, 0), shape, strict=True)]
        across = along[0][:, None, None] + along[1][:, None] + along[2] + (affine[:3, 3] @ self.normal - self.centre)
        return np.asarray(np.abs(across) <= self.half + 1e-6)


def mid_slab(
    shape: Shape,
    affine: Affine,
    point: Vector,
    normal: Vector,
    neighbours: int,
    thickness: float | None = None,
) -> Slab:
    """Return the slab of the mid-sagittal slice of a grid and its neighbours, by physical position.

    Where the slices of the grid are sagittal (the left-right axis is the coarsest), it holds the slice nearest to
    ``point`` and ``neighbours`` on each side. Elsewhere, as in axial maps, it is centred on ``point`` and as thick as
    that many slices of the grid. A ``thickness`` in mm replaces this, for the same part of the body in every map.

    Parameters
    ----------
    shape, affine
        The grid: size (K, J, I), voxel to RAS [mm].
    point : (3,) array [mm]
        A point of the mid-sagittal plane, RAS.
    normal : (3,) array
        Unit vector across that plane, for grids that are not sagittal.
    neighbours : int
        Slices on each side.
    thickness : float, optional
        Whole thickness [mm].
    """
    view = sagittal_view(shape, affine)
    coarsest = float(view.spacing.max())
    if thickness is not None:
        return Slab(normal, float(point @ normal), thickness / 2)
    if view.spacing[0] < 0.99 * coarsest:
        return Slab(normal, float(point @ normal), (neighbours + 0.5) * coarsest)
    apart = float(view.steps[:, 0] @ view.normal)
    nearest = np.floor((point - view.origin) @ view.normal / apart + 0.5 + 1e-6)
    return Slab(view.normal, float(view.origin @ view.normal + nearest * apart), (neighbours + 0.5) * apart)
