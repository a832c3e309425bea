"""Volumes whose values tell where they are, written by libraries that are not the product's own."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
from numpy.typing import NDArray

SHAPE = (3, 4, 5)  # (K, J, I): three different sizes
BVALUES = (0.0, 50.0, 100.0, 400.0, 800.0, 1000.0)
SPACINGS = (1.25, 2.5, 4.0)

_RAS_TO = {
    "right-anterior-superior": (1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "left-anterior-superior": (-1, 1, 1),
}


def pynrrd_write(path: Path, data: NDArray[Any], header: dict[str, Any]) -> None:
    """Write by pynrrd; its use of ``datetime.utcnow`` warns from Python 3.12 on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "datetime.datetime.utcnow", DeprecationWarning)
        nrrd.write(str(path), data, header, index_order="F")


def oblique_affine(
    spacings: tuple[float, float, float] = SPACINGS, origin: tuple[float, float, float] = (-71.5, 33.25, 12.125)
) -> NDArray[np.float64]:
    """A voxel-to-RAS matrix, rotated about two axes."""
    a, b = np.deg2rad([25.0, -35.0])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ np.diag(spacings)
    affine[:3, 3] = origin
    return affine


def positions(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The RAS position of every voxel, (K, J, I, 3)."""
    k, j, i = np.indices(shape)
    return np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]


def turned(
    array: NDArray[Any], affine: NDArray[np.float64], axes: Sequence[int], flips: Sequence[int]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The same volume with its [k, j, i] axes permuted, then flipped, and the matrix that goes with it."""
    columns = affine[:3, 2::-1][:, list(axes)]
    moved = array.transpose(tuple(axes))
    origin = affine[:3, 3].copy()
    for axis in flips:
        origin += columns[:, axis] * (moved.shape[axis] - 1)
        columns[:, axis] *= -1
    matrix = np.eye(4)
    matrix[:3, :3] = columns[:, ::-1]
    matrix[:3, 3] = origin
    return np.flip(moved, tuple(flips)), matrix


def encode(ras: NDArray[np.float64]) -> NDArray[np.float64]:
    """One number for each position; no two voxels of the grid share it, and swapping or flipping axes changes it."""
    return ras @ np.array([1.0, 17.3, 291.7]) + 20000.0


def position_volume(shape: tuple[int, int, int] = SHAPE) -> NDArray[np.float64]:
    """(K, J, I) array of encoded positions on the oblique grid."""
    return encode(positions(shape, oblique_affine()))


def position_series() -> NDArray[np.float64]:
    """(K, J, I, B) array: the encoded positions plus 10^5 times the index of the image."""
    return position_volume()[..., None] + 1e5 * np.arange(len(BVALUES))


def write_nifti(path: Path, values: NDArray[Any], affine: NDArray[np.float64] | None = None) -> Path:
    """Write a [k, j, i] or [k, j, i, m] array by nibabel."""
    axes = (2, 1, 0, *range(3, values.ndim))
    image = nibabel.Nifti1Image(values.transpose(axes), oblique_affine() if affine is None else affine)
    nibabel.save(image, path)
    return path


def write_nrrd(
    path: Path,
    values: NDArray[Any],
    *,
    space: str = "left-posterior-superior",
    list_axis: str = "last",
    affine: NDArray[np.float64] | None = None,
    **fields: Any,
) -> Path:
    """Write a [k, j, i] or [k, j, i, m] array by pynrrd; ``fields`` go into the header, key/value pairs too."""
    matrix = oblique_affine() if affine is None else affine
    signs = np.array(_RAS_TO[space], dtype=float)
    directions = (signs[:, None] * matrix[:3, :3]).T
    kinds = ["domain"] * 3
    data = values.transpose(2, 1, 0, *range(3, values.ndim))
    if values.ndim == 4:
        none = np.full((1, 3), np.nan)
        first = list_axis == "first"
        directions = np.vstack([none, directions] if first else [directions, none])
        kinds = ["list", *kinds] if first else [*kinds, "list"]
        data = np.moveaxis(data, -1, 0) if first else data
    header = {"space": space, "kinds": kinds, "space directions": directions, "space origin": signs * matrix[:3, 3]}
    pynrrd_write(path, data, {**header, **fields})
    return path


def one_line(error: BaseException, path: Path) -> str:
    """The message of an error after checking that it is one line and names the file."""
    message = str(error)
    assert "\n" not in message
    assert path.name in message
    return message


SMALL_SHAPE = (6, 9, 4)  # i, j, k, as nibabel and pynrrd hold it
SMALL_AFFINE = oblique_affine((2.0, 2.5, 4.0), (-31.0, 12.5, -70.25))
"""The grid of the series that the tests of the command line write."""
