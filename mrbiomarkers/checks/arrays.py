"""Checks of arrays, bounds and choices."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def check_real_array(name: str, value: ArrayLike, ndim: int | None = None) -> NDArray[Any]:
    """Return ``value`` as a real numeric array of native byte order, copied only when it must be.

    Parameters
    ----------
    name : str
        Argument name for the message.
    value : array_like
        Any shape; boolean, integer or real.
    ndim : int, optional
        Number of dimensions that is required.

    Raises
    ------
    TypeError
        When the array is complex or not numeric.
    ValueError
        When the number of dimensions is wrong.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got an array of type {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name}: expected {ndim} dimensions, got {array.ndim} (shape {array.shape})")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def check_mask(name: str, mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return ``mask`` as a boolean array of the given shape.

    Parameters
    ----------
    name : str
        Argument name for the message.
    mask : array_like
        Values above 0 are inside. A floating point mask may hold NaN, which is outside.
    shape : tuple of int
        The shape that is required.

    Raises
    ------
    ValueError
        When the shape differs.
    """
    array = check_real_array(name, mask)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    inside: NDArray[np.bool_] = np.asarray(array, dtype=bool) if array.dtype == np.bool_ else np.greater(array, 0)
    return inside


def check_affine(affine: ArrayLike) -> NDArray[np.float64]:
    """Return a (4, 4) voxel-to-RAS matrix [mm] after checking that it can be inverted.

    Raises
    ------
    ValueError
        When it is not (4, 4), not finite, has another last row than 0 0 0 1, or is singular.
    """
    matrix = check_real_array("affine", affine).astype(np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"affine: expected shape (4, 4), got {matrix.shape}")
    if not np.all(np.isfinite(matrix)) or not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise ValueError(f"affine: expected finite numbers and a last row of 0 0 0 1, got {matrix.tolist()}")
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise ValueError(f"affine: expected three independent axes, got {matrix[:3, :3].tolist()}")
    return matrix


def check_choice(name: str, value: str, allowed: Collection[str]) -> str:
    """Return ``value`` when it is one of ``allowed``.

    Raises
    ------
    ValueError
        When it is not; the message lists what is allowed.
    """
    if value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(sorted(allowed))}; got {value!r}")
    return value


def check_bounds(name: str, bounds: tuple[float, float]) -> tuple[float, float]:
    """Return ``(lower, upper)`` as two floats with ``lower < upper``.

    Raises
    ------
    ValueError
        When there are not two numbers, one is NaN, or lower is not below upper.
    """
    try:
        lower, upper = (float(value) for value in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"bounds of {name}: expected two numbers (lower, upper), got {bounds!r}") from None
    if not lower < upper:
        raise ValueError(f"bounds of {name}: expected lower < upper, got ({lower:g}, {upper:g})")
    return lower, upper


def check_level(name: str, value: float) -> float:
    """Return a level between 0 and 1, as of confidence, as a float.

    Raises
    ------
    ValueError
        When it is not between 0 and 1, as when it was given in percent.
    """
    level = float(value)
    if not 0 < level < 1:
        hint = "; is it in percent?" if level > 1 else ""
        raise ValueError(f"{name}: expected a number between 0 and 1, as 0.95; got {level:g}{hint}")
    return level
