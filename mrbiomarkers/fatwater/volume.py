"""The voxels of a multi-echo signal that can be fitted, where they lie, and how the work goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_mask
from mrbiomarkers.maps import Status

Progress = Callable[[int, int], bool]

_FAINT = 0.05  # of the brightest voxels: fainter ones are air where no mask says what to fit
_BRIGHT = 99.0  # percentile


class EchoVolume:
    """Voxels of a signal with a leading shape of any kind.

    With two or three leading axes the voxels are an image, and neighbours help each other; with none or one they are
    independent of each other.

    Parameters
    ----------
    signal : (..., N) array [a.u.]
        Complex or real signals, echoes last. Never written to.
    mask : (...) array_like or None
        Voxels to fit. None: those with at least 5 % of the signal of the brightest.
    spacing : sequence of float or None [mm]
        Distance of voxels along each leading axis; None: 1 mm.
    progress : callable or None
        ``progress(done, total) -> bool`` in voxels; False cancels.

    Attributes
    ----------
    rows : (M, N) array
        The signals, one a row.
    voxels : (V,) array
        Rows that can be fitted.
    inside : (V,) array
        Where they are in the flattened box ``box_shape`` round them.
    status : (M,) uint16 array
        Why the others cannot.
    scale : float [a.u.]
        Typical signal of those that can.
    conjugate : bool
        Whether the signals are handed out conjugated: the scanner's phase runs the other way.
    span : tuple of float
        From where to where of the whole work the steps that are reported next count, 0 to 1.

    Raises
    ------
    ValueError
        When shapes do not fit, the signal is all zero, or the mask is empty.
    """

    def __init__(
        self, signal: NDArray[Any], mask: ArrayLike | None, spacing: ArrayLike | None, progress: Progress | None
    ) -> None:
        self.shape = signal.shape[:-1]
        if len(self.shape) > 3:
            raise ValueError(f"signal: expected at most three axes before the echoes, got shape {signal.shape}")
        self.rows = signal.reshape(-1, signal.shape[-1])
        self._progress = progress
        self.conjugate = False
        self.span = 0.0, 1.0
        self._done = 0
        self._turn: tuple[int, NDArray[np.complex128]] | None = None
        self.spacing = _spacing_of(spacing, len(self.shape))
        finite, power = _power(self.rows)
        self.status = _status(finite, power, None if mask is None else check_mask("mask", mask, self.shape).ravel())
        self.voxels = np.flatnonzero(self.status == 0)
        self.scale = float(np.sqrt(power[self.voxels].mean())) if self.voxels.size else 1.0
        self.is_image = len(self.shape) > 1
        whole = (1,) * (3 - len(self.shape)) + self.shape if self.is_image else (1, 1, max(len(self.rows), 1))
        places = np.stack(np.unravel_index(self.voxels, whole))
        low = places.min(axis=1, initial=max(whole))
        k, j, i = (places.max(axis=1, initial=0) - low + 1).clip(1).tolist()
        self.box_shape: tuple[int, int, int] = (k, j, i)
        self.inside = (
            np.ravel_multi_index(tuple(places - low[:, None]), self.box_shape) if self.voxels.size else self.voxels
        )

    def signals(self, part: slice | NDArray[np.intp]) -> NDArray[Any]:
        """Return the signals of some of the voxels that can be fitted, (N, V), corrected as was asked for."""
        signals: NDArray[Any] = self.rows[self.voxels[part]].T
        if self.conjugate:
            signals = np.conj(signals)
        if self._turn is None:
            return signals
        axis, turn = self._turn
        return signals * turn.astype(signals.dtype).take(self.places(part)[axis], axis=1)

    def places(self, part: slice | NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the index of some of the voxels that can be fitted along each leading axis, (A, V)."""
        return np.stack(np.unravel_index(self.voxels[part], self.shape))

    def turn_back(self, phase: NDArray[np.float64], axis: int) -> None:
        """Turn the signals handed out from now on back by phases (N, L) [rad] that change along a leading axis."""
        self._turn = axis, np.exp(-1j * phase)

    def step(self, part: float) -> None:
        """Report that ``part`` (0 to 1) of the work is done; never less than before.

        Raises
        ------
        InterruptedError
            When ``progress`` returned False.
        """
        begin, end = self.span
        total = self.voxels.size
        self._done = done = max(self._done, round((begin + (end - begin) * part) * total))
        if self._progress is not None and self._progress(done, total) is False:
            raise InterruptedError(f"fit cancelled after {done} of {total} voxels")

    def image(self, dtype: Any) -> NDArray[Any]:
        """Return a flat map of NaN."""
        return np.full(len(self.rows), np.nan, dtype=dtype)


def _spacing_of(spacing: ArrayLike | None, n_axes: int) -> tuple[float, float, float]:
    """Return the spacing of three axes, leading ones filled up."""
    if spacing is None:
        return 1.0, 1.0, 1.0
    values = np.atleast_1d(np.asarray(spacing, dtype=np.float64))
    if values.shape != (n_axes,) or not np.all(np.isfinite(values)) or not np.all(values > 0):
        raise ValueError(
            f"spacing: expected {n_axes} numbers above 0 in mm, one for each axis before the echoes, "
            f"got {values.tolist()}"
        )
    k, j, i = np.concatenate([np.ones(3 - n_axes), values]).tolist()
    return k, j, i


def _power(rows: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which rows are finite, and the mean square of the echoes of each."""
    power = np.empty(len(rows), dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, len(rows), 65536):
            part = rows[begin : begin + 65536]
            power[begin : begin + 65536] = (part.real**2 + part.imag**2).mean(axis=1)
    return np.isfinite(power), power


def _status(
    finite: NDArray[np.bool_], power: NDArray[np.float32], inside: NDArray[np.bool_] | None
) -> NDArray[np.uint16]:
    status = np.zeros(power.size, dtype=np.uint16)
    if power.size == 0:
        return status
    if not np.any(power[finite] > 0):
        raise ValueError("signal: expected a signal above 0 in some voxel, got none")
    if inside is None:
        bright = float(np.percentile(power[finite], _BRIGHT))
        status[power < _FAINT**2 * bright] = Status.NO_SIGNAL
    elif not inside.any():
        raise ValueError("mask: expected at least one voxel inside, got none")
    else:
        status[~inside] = Status.OUTSIDE_MASK
    status[(power == 0) & (status == 0)] = Status.NO_SIGNAL
    status[~finite & (status != Status.OUTSIDE_MASK)] = Status.NOT_FINITE
    return status
