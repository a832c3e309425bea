"""The field of a whole volume without swaps: a few candidates a voxel, chosen so that neighbours agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.messages import choose_labels
from mrbiomarkers.fatwater.residual import N_CANDIDATES, FieldResidual
from mrbiomarkers.fatwater.volume import EchoVolume

Step = Callable[[float], None]

_BLOCK = 4096  # voxels worked at once: their residuals stay in the cache
_TICKS = 65536  # of the ring on which a field is an int16
_SMOOTHNESS = 0.1  # weight of the neighbours beside the voxel's own residual [mm]
_JUMP = 200.0  # a jump of the field between neighbours costs no more than this one [Hz]
_SPREAD = 8.0  # of neighbours 1 mm apart: bright voxels are tied no closer [Hz]
_LEAST_NOISE = 0.005  # of the typical signal: signals without noise have neighbours too
_SWEEPS = 4


class FieldSearch:
    """The candidates of a volume, and the choice among them.

    The energy is the residual of the chosen candidates and, for neighbours, the square of their difference (cut off at
    200 Hz, and round the corner where the echoes make the field periodic), weighted by the smaller curvature of their
    residuals over their distance: a voxel that knows its field gives it to one that does not. The weight has a limit
    that the noise sets: where signals are bright and the field is steep, as beside gas, they are believed.

    Parameters
    ----------
    residual : FieldResidual
        Residual of one voxel.
    shape : tuple of int
        Shape (K, J, I) of the volume.
    spacing : tuple of float [mm]
        Distance of voxels along the three axes.
    neighbours : bool
        False: each voxel takes its best candidate.

    Attributes
    ----------
    noise_variance : float [a.u.2]
        Variance of the noise in a channel that the last run found; 0 before.
    """

    def __init__(
        self,
        residual: FieldResidual,
        shape: tuple[int, int, int],
        spacing: tuple[float, float, float],
        *,
        neighbours: bool = True,
    ) -> None:
        self._residual, self._shape, self._spacing = residual, shape, spacing
        self._neighbours = neighbours
        self.noise_variance = 0.0
        reach = float(residual.grid[-1] - residual.grid[0])
        # without a period the ring is so long that its ends never meet
        self._tick = (residual.period if np.isfinite(residual.period) else 2 * reach + 4 * _JUMP) / _TICKS

    def run(self, volume: EchoVolume, step: Step) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return field [Hz] and R2* [1/s] from which to start, (V,) each.

        Parameters
        ----------
        volume : EchoVolume
            The voxels.
        step : callable
            Told the part of the work that is done, 0 to 1.
        """
        inside, scale = volume.inside, 1 / volume.scale
        size = int(np.prod(self._shape))
        cost = np.zeros((N_CANDIDATES, size), dtype=np.float32)
        place = np.zeros((N_CANDIDATES, size), dtype=np.int16)
        stiffness = np.zeros(size, dtype=np.float32)
        rate, least = np.empty((2, inside.size), dtype=np.float32)
        for begin in range(0, inside.size, _BLOCK):
            some = inside[begin : begin + _BLOCK]
            found = self._residual.candidates(volume.signals(slice(begin, begin + _BLOCK)), scale)
            cost[:, some] = found.cost
            place[:, some] = np.round(found.field / self._tick).astype(np.int64).astype(np.int16)  # wraps
            stiffness[some] = np.float32(_SMOOTHNESS * self._tick**2) * found.curvature
            rate[begin : begin + some.size], least[begin : begin + some.size] = found.rate, found.least
            step(0.4 * (begin + some.size) / inside.size)
        if not self._neighbours:
            return place[0, inside] * np.float32(self._tick), rate
        variance = max(self._residual.noise_variance(least), _LEAST_NOISE**2)
        self.noise_variance = variance * volume.scale**2
        np.minimum(stiffness, np.float32(variance * (self._tick / _SPREAD) ** 2), out=stiffness)
        labels = choose_labels(
            cost.reshape(-1, *self._shape),
            place.reshape(-1, *self._shape),
            stiffness.reshape(self._shape),
            self._spacing,
            cap=int(_JUMP / self._tick),
            sweeps=_SWEEPS,
            progress=lambda done, total: step(0.4 + 0.6 * done / total),
        )
        chosen = labels.ravel()[inside]
        return place[chosen, inside] * np.float32(self._tick), rate
