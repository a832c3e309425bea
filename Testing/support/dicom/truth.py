"""What must be read from a simulated series: numbers, geometry, b-values or echo times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from Testing.support.dicom.grid import LPS_TO_RAS, Grid


@dataclass(frozen=True, eq=False)
class Truth:
    """What must be read from a folder.

    ``signal`` is [k, j, i, m], real or complex, after the scaling that the vendor's tags ask for; slices ascend along
    the normal. ``bvalues`` [s/mm2], ``directions`` (m, 3) in RAS with NaN rows, ``echo_times`` [s]. ``uids`` are the
    series instance UIDs that belong to it; ``left_out`` counts images that are in the folder but not in the signal.
    ``any_scale``: one factor for all numbers is left open (scales that do not differ between volumes). ``scale``:
    slope, intercept and unit that the elements of a map state; None where they state no unit.
    """

    folder: Path
    signal: NDArray[Any]
    affine: NDArray[np.float64]
    uids: tuple[str, ...]
    bvalues: NDArray[np.float64] | None = None
    directions: NDArray[np.float64] | None = None
    echo_times: NDArray[np.float64] | None = None
    left_out: int = 0
    any_scale: bool = False
    scale: tuple[float, float, str] | None = None


def numbers(grid: Grid, n: int, *, first: int = 1) -> NDArray[np.int64]:
    """(K, J, I, n) whole numbers, no two the same, so that no two voxels or images can change places unseen."""
    k, j, i = grid.shape
    return first + np.arange(n * k * j * i).reshape(n, k, j, i).transpose(1, 2, 3, 0)


def directions_ras(lps: NDArray[np.float64], bvalues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient directions in RAS; none at b = 0."""
    return np.where(np.asarray(bvalues)[:, None] > 0, np.asarray(lps) * LPS_TO_RAS, np.nan)


def unit_directions(n: int) -> NDArray[np.float64]:
    """(n, 3) unit vectors in LPS, all different, none along an axis."""
    turn = np.arange(n) * 2.399963 + 0.3
    z = 0.8 - 1.3 * (np.arange(n) + 0.5) / n
    flat = np.sqrt(1 - z**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])
