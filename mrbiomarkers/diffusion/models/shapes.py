"""How parameters and b-values broadcast: the b-values are a new last axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def column(parameter: ArrayLike) -> Array:
    """Return a parameter (...) as float64 with a new last axis, (..., 1)."""
    return np.asarray(parameter, dtype=np.float64)[..., None]


def stack(*derivatives: Array) -> Array:
    """Return derivatives (..., B) side by side, (..., B, P)."""
    return np.stack(np.broadcast_arrays(*derivatives), axis=-1)
