"""The lumbar spine in the scanner: slices, position, coil and the regions a reader would draw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.phantom.anatomy import SagittalGrid, core_mask
from mrbiomarkers.phantom.spine import Block, vertebrae

LEVELS = ("L1", "L2", "L3", "L4", "L5")
"""The five bodies that have regions."""

_THICKNESS, _GAP = 4.0, 0.5  # [mm]
_PATCH = 6.0  # length over which marrow varies [mm]
_ORIGIN = (4.0, 8.0, -12.0)  # RAS position of the centre of the volume [mm]
_CENTRE = (14.0, -13.0)  # anterior and superior distance from L3 to the centre of the picture [mm of an adult]
_YAW, _ROLL, _PITCH = (math.radians(angle) for angle in (5.0, -3.0, 2.0))


@dataclass(frozen=True)
class Scene:
    """A patient in the scanner: what both the diffusion and the water-fat series see.

    Attributes
    ----------
    shape : tuple of int
        Slices, rows and columns (K, J, I). Slices are 4 mm thick with gaps of 0.5 mm; k counts them from left to right,
        rows run from superior to inferior, columns from anterior to posterior.
    scale : float
        Size of the patient, 1 for an adult.
    field_of_view : float [mm]
        Length of both sides of a slice.
    lesion : bool
        Whether L3 holds a focal lesion.

    Raises
    ------
    ValueError
        When one of them is out of its range.
    """

    shape: tuple[int, int, int]
    scale: float = 1.0
    field_of_view: float = 250.0
    lesion: bool = False

    def __post_init__(self) -> None:
        shape = self.shape
        if len(shape) != 3 or shape[0] < 1 or min(shape[1:]) < 16 or any(n != int(n) for n in shape):
            raise ValueError(
                f"shape: expected three whole numbers (1 or more slices, 16 or more rows, columns), got {shape}"
            )
        _check_range("scale", self.scale, 0.4, 1.2)
        _check_range("field_of_view", self.field_of_view, 100.0, 400.0)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of voxel centres along slices, rows and columns [mm]."""
        return _THICKNESS + _GAP, self.field_of_view / self.shape[1], self.field_of_view / self.shape[2]

    @property
    def patch(self) -> tuple[float, float, float]:
        """Length over which marrow varies, along slices, rows and columns [voxels]."""
        k, j, i = self.spacing
        return _PATCH / k, _PATCH / j, _PATCH / i

    @property
    def grid(self) -> SagittalGrid:
        """Voxel centres in millimetres of an adult: rows run down, columns run back."""
        k, j, i = (
            (np.arange(n, dtype=np.float64) - (n - 1) / 2) * (step / self.scale)
            for n, step in zip(self.shape, self.spacing, strict=True)
        )
        size = _THICKNESS / self.scale, self.spacing[1] / self.scale, self.spacing[2] / self.scale
        return SagittalGrid(k, _CENTRE[1] - j, _CENTRE[0] - i, size)

    @property
    def affine(self) -> NDArray[np.float64]:
        """The voxel-to-RAS matrix [mm]: sagittal, turned a few degrees about all three axes.

        The technician has turned the slices to fit the spine, so the anatomy is turned with them.
        """
        cos, sin = math.cos, math.sin
        yaw = np.array([[cos(_YAW), -sin(_YAW), 0], [sin(_YAW), cos(_YAW), 0], [0, 0, 1]])
        roll = np.array([[cos(_ROLL), 0, sin(_ROLL)], [0, 1, 0], [-sin(_ROLL), 0, cos(_ROLL)]])
        pitch = np.array([[1, 0, 0], [0, cos(_PITCH), -sin(_PITCH)], [0, sin(_PITCH), cos(_PITCH)]])
        straight = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # i to posterior, j to inferior, k to the right
        affine = np.eye(4)
        affine[:3, :3] = yaw @ roll @ pitch @ straight * np.array(self.spacing[::-1])
        affine[:3, 3] = np.array(_ORIGIN) - affine[:3, :3] @ ((np.array(self.shape[::-1]) - 1) / 2)
        return affine

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """Sensitivity (1, J, I) of a coil behind the back, 1 at the centre of L3."""
        grid = self.grid
        along = np.exp(-grid.v * (grid.v - 2 * _CENTRE[1]) / 190.0**2)
        return np.asarray((np.exp(-grid.u / 105.0)[None, :] * along[:, None])[None])

    def regions(self, fractions: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.bool_]]:
        """Return the masks (K, J, I) of L1 to L5 and of the lesion, if any: only voxels of one tissue.

        Parameters
        ----------
        fractions : dict of (K, J, I) arrays
            Shares of the tissues, from :func:`mrbiomarkers.phantom.anatomy.tissue_fractions`.

        Raises
        ------
        ValueError
            When the picture does not hold all five bodies, or the voxels are too large for one of the regions.
        """
        grid = self.grid
        none = np.zeros(self.shape, dtype=np.float32)  # of a body that lies outside the picture
        regions = {level: core_mask(level, grid) & (fractions.get(level, none) == 1) for level in LEVELS}
        if self.lesion:
            regions["lesion"] = fractions.get("lesion", none) == 1
        empty = [name for name, mask in regions.items() if not mask.any()]
        cut = [body.name for body in vertebrae() if body.name in empty and not _holds(grid, body)]
        if cut:
            raise ValueError(
                f"field_of_view: expected a picture that holds L1 to L5, got {self.field_of_view:g} mm at scale "
                f"{self.scale:g}, without {', '.join(cut)}"
            )
        if empty:
            raise ValueError(
                f"shape: expected voxels small enough to fit into {', '.join(empty)}, got shape {self.shape}"
            )
        return regions


def _holds(grid: SagittalGrid, body: Block) -> bool:
    """Return whether the middle of a body lies inside the picture."""
    return bool(grid.u.min() <= body.u <= grid.u.max() and grid.v.min() <= body.v <= grid.v.max())


def region_means(
    regions: dict[str, NDArray[np.bool_]], truth: dict[str, NDArray[np.float64]]
) -> dict[str, dict[str, float]]:
    """Return the mean of each truth map (K, J, I) over each region (K, J, I), in the unit of the map."""
    return {name: {key: float(values[mask].mean()) for key, values in truth.items()} for name, mask in regions.items()}


def region_centres(
    regions: Mapping[str, NDArray[np.bool_]], affine: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return the centre (3,) of each vertebral region [mm, RAS]: where a reader would click."""
    centres = {}
    for level in LEVELS:
        k, j, i = np.argwhere(regions[level]).mean(axis=0)
        centres[level] = (affine @ [i, j, k, 1])[:3]
    return centres


def check_noise(snr: float | None, seed: int, heterogeneity: float) -> None:
    """Raise ValueError when the noise level, the seed or the relative spread inside a tissue cannot be used."""
    if snr is not None and not snr > 0:
        raise ValueError(f"snr: expected a number above 0, or None for no noise, got {snr}")
    if seed < 0 or seed != int(seed):
        raise ValueError(f"seed: expected a whole number, 0 or more, got {seed}")
    _check_range("heterogeneity", heterogeneity, 0.0, 0.2)


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {value}")
