"""Fitting the voxels of an image in batches: choice of voxels, floating point types, progress, and status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues, check_mask, check_real_array
from mrbiomarkers.maps import Status

Progress = Callable[[int, int], bool]

BATCH = 8192  # voxels handed out together: their signals and columns stay in the cache


class Batch(NamedTuple):
    """Voxels that are fitted together.

    Attributes
    ----------
    voxels : (N,) array
        Numbers of the voxels in the flattened image.
    y : (B, N) array
        Their signals divided by ``scale`` and multiplied by the roots of the weights.
    scale : (N,) array [a.u.]
        Largest absolute signal of each voxel.
    """

    voxels: NDArray[np.intp]
    y: NDArray[np.float64]
    scale: NDArray[np.float64]


class VoxelBatches:
    """The voxels of a signal that can be fitted, handed out in batches of measurements by voxels.

    Parameters
    ----------
    signal : (..., B) array_like [a.u.]
        Signals; any leading shape, real numbers of any type. Never written to.
    bvalues : (B,) array_like [s/mm2]
        b-values.
    weights : (B,) array_like or None
        Weights of the squared residuals (number of averages); None for equal weights.
    mask : (...) array_like or None
        Voxels to fit; None for all.
    n_parameters : int
        Parameters of the model: so many different b-values are needed.
    progress : callable or None
        ``progress(done, total) -> bool`` with voxel numbers after each batch; False cancels.

    Raises
    ------
    TypeError, ValueError
        When an argument does not fit; the message names it.
    """

    def __init__(
        self,
        signal: ArrayLike,
        bvalues: ArrayLike,
        *,
        weights: ArrayLike | None,
        mask: ArrayLike | None,
        n_parameters: int,
        progress: Progress | None,
    ) -> None:
        array = check_real_array("signal", signal)
        if array.ndim == 0:
            raise ValueError("signal: expected at least one axis, the measurements last; got a single number")
        self.bvalues = check_bvalues(bvalues, array.shape[-1])
        n_different = np.unique(self.bvalues).size
        if n_different < n_parameters:
            raise ValueError(
                f"bvalues: expected at least {n_parameters} different b-values for a model of {n_parameters} "
                f"parameters, got {n_different}"
            )
        self.root_weights = np.sqrt(_check_weights(weights, self.bvalues.size))
        self.shape = array.shape[:-1]
        self.dtype = np.dtype(array.dtype if array.dtype in (np.float32, np.float64) else np.float32)
        self._rows = array.reshape(-1, array.shape[-1])
        self._inside = None if mask is None else np.flatnonzero(check_mask("mask", mask, self.shape))
        self._progress = progress
        self.status = np.zeros(len(self._rows), dtype=np.uint32)
        if self._inside is not None:
            self.status[:] = Status.OUTSIDE_MASK
            self.status[self._inside] = Status.FITTED

    def empty_map(self) -> NDArray[np.floating]:
        """Return a flat map of NaN, one value for each voxel, in the floating point type of the signal."""
        return np.full(len(self._rows), np.nan, dtype=self.dtype)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches; voxels that cannot be fitted are left out, their status is set.

        Raises
        ------
        InterruptedError
            When ``progress`` returned False.
        """
        total = len(self._rows) if self._inside is None else self._inside.size
        for begin in range(0, total, BATCH):
            end = min(begin + BATCH, total)
            part = slice(begin, end)
            index = np.arange(begin, end) if self._inside is None else self._inside[part]
            rows = self._rows[part] if self._inside is None else self._rows[index]
            yield from self._fittable(index, rows)
            if self._progress is not None and self._progress(end, total) is False:
                raise InterruptedError(f"fit cancelled after {end} of {total} voxels")

    def _fittable(self, index: NDArray[np.intp], rows: NDArray[np.generic]) -> Iterator[Batch]:
        y = rows.T.astype(np.float64, order="C")
        top, bottom = y.max(axis=0), y.min(axis=0)  # NaN where any measurement is NaN
        finite = np.isfinite(top) & np.isfinite(bottom)
        status = np.zeros(index.size, dtype=np.uint32)
        status[~finite] = Status.NOT_FINITE
        status[finite & (top <= 0)] = Status.NO_SIGNAL
        status[finite & (top > 0) & (top == bottom)] = Status.CONSTANT
        self.status[index] = status
        good = np.flatnonzero(status == 0)
        if good.size < index.size:
            index, y, top, bottom = index[good], y.take(good, axis=1), top[good], bottom[good]
        if good.size == 0:
            return
        scale = np.maximum(top, -bottom)
        y *= self.root_weights[:, None]
        y /= scale
        yield Batch(index, y, scale)


def _check_weights(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(n)
    values = check_real_array("weights", weights, ndim=1).astype(np.float64)
    if values.size != n or not np.all(np.isfinite(values)) or not np.all(values > 0):
        raise ValueError(f"weights: expected {n} positive numbers, one for each b-value, got {values.tolist()}")
    return values
