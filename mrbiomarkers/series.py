"""What was acquired: the diffusion series, checked once, here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_affine, check_bvalues, check_real_array


@dataclass(frozen=True, eq=False)
class DiffusionSeries:
    """A diffusion-weighted series on one grid.

    Attributes
    ----------
    signal : (K, J, I, B) array [a.u.]
        Magnitude images. Integers become float32; float32 and float64 are kept.
    bvalues : (B,) array [s/mm2]
        b-value of each measurement, in any order, repeats allowed.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    directions : (B, 3) array, optional
        Unit gradient directions in RAS; NaN rows for measurements without a direction.
    averages : (B,) array, optional
        Number of averages (NEX) behind each measurement; weights of the fits.
    source : tuple of str, optional
        Where each b-value came from (a tag, a file, the caller).

    Raises
    ------
    TypeError
        When an array is complex or not numeric.
    ValueError
        When shapes or values do not fit together.
    """

    signal: NDArray[np.floating]
    bvalues: NDArray[np.float64]
    affine: NDArray[np.float64]
    directions: NDArray[np.float64] | None = None
    averages: NDArray[np.float64] | None = None
    source: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        signal = check_real_array("signal", self.signal, ndim=4)
        if signal.dtype not in (np.float32, np.float64):
            signal = signal.astype(np.float32)
        n = signal.shape[-1]
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "bvalues", check_bvalues(self.bvalues, n))
        object.__setattr__(self, "affine", check_affine(self.affine))
        if self.directions is not None:
            directions = check_real_array("directions", self.directions).astype(np.float64)
            if directions.shape != (n, 3):
                raise ValueError(f"directions: expected shape {(n, 3)}, got {directions.shape}")
            object.__setattr__(self, "directions", directions)
        if self.averages is not None:
            averages = check_real_array("averages", self.averages, ndim=1).astype(np.float64)
            if averages.size != n or not np.all(averages > 0):
                raise ValueError(f"averages: expected {n} positive numbers, got {averages.tolist()}")
            object.__setattr__(self, "averages", averages)
        if self.source is not None and len(self.source) != n:
            raise ValueError(f"source: expected {n} entries, one for each b-value, got {len(self.source)}")

    @property
    def grid_shape(self) -> tuple[int, int, int]:
        """Shape (K, J, I) of one image."""
        k, j, i = self.signal.shape[:3]
        return k, j, i
