"""The fit of complex signals: field of the whole volume, then each voxel by least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from mrbiomarkers.fatwater.fieldmap import FieldSearch
from mrbiomarkers.fatwater.mixed import MixedRefiner, mixed_standard_errors
from mrbiomarkers.fatwater.precision import fat_water_standard_errors
from mrbiomarkers.fatwater.quality import fit_warnings, noise_level, phase_difference
from mrbiomarkers.fatwater.refine import Refined, Refiner
from mrbiomarkers.fatwater.residual import FieldResidual
from mrbiomarkers.fatwater.results import FatWaterMaps
from mrbiomarkers.fatwater.second_look import SecondLook
from mrbiomarkers.fatwater.volume import EchoVolume
from mrbiomarkers.maps import Status

Array = NDArray[np.float64]

R2STAR_BOUNDS = (0.0, 600.0)
"""Bounds of R2* [1/s].

R2* below 0 is not physical, but where noise is strong (a signal-to-noise ratio below 10, or three echoes) the lower
bound cuts off one side of the scatter, and means over regions of much fat come out too high: in a simulated L5 (55 %
fat, 300 voxels, 18 to 29 % of them on the bound) by 20 to 46 1/s with three echoes and 11 to 24 1/s at a ratio of 8.
Fits started from the truth do the same. Without the bound the errors are -3 to 27 and -5 to 10 1/s. PDFF does not
suffer.
"""

_BLOCK = 8192
_SEARCH = 0.85  # part of the time that the search for the field takes
_NAMES = (
    "PDFF",
    "R2star",
    "water",
    "fat",
    "in_phase",
    "opposed_phase",
    "field_map",
    "residual",
    "phase",
)


class ComplexFit:
    """The fit of a volume of complex signals.

    Parameters
    ----------
    volume : EchoVolume
        The voxels.
    times : (N,) array [s]
        Echo times.
    modulation : (N,) complex array
        Signal of fat beside water.
    field_strength : float [T]
        Static field.
    method : str
        ``"complex"``, or ``"mixed"``: without the phase of the first echo.
    """

    def __init__(
        self,
        volume: EchoVolume,
        times: Array,
        modulation: NDArray[np.complex128],
        field_strength: float,
        method: str = "complex",
    ) -> None:
        self._volume, self._times, self._modulation = volume, times, modulation
        self.method = method
        self._unknowns = 7 if method == "mixed" else 6  # a voxel
        self._real = np.dtype(np.float64 if volume.rows.dtype == np.complex128 else np.float32)
        self._maps: dict[str, NDArray[np.floating]] = {}
        self._squares, self._spread = np.zeros((2, volume.voxels.size), dtype=np.float32)
        self._angles: list[NDArray[np.float64]] = []

        residual = FieldResidual(times, modulation, field_strength)
        self._residual, self._period = residual, residual.period
        self._search = FieldSearch(residual, volume.box_shape, volume.spacing, neighbours=volume.is_image)
        self._refiner = Refiner(times, modulation, self._real, R2STAR_BOUNDS)
        self._last = MixedRefiner(times, modulation, self._real, R2STAR_BOUNDS) if method == "mixed" else None

    def fit(self) -> None:
        """Fit the voxels; once more where the volume has been corrected since."""
        volume = self._volume
        volume.status[volume.voxels] = Status.FITTED
        self._angles = []
        self._maps.clear()  # the search needs the room
        field, rate = self._search.run(volume, lambda part: volume.step(_SEARCH * part))
        self._maps |= {name: volume.image(self._real) for name in _NAMES}
        self._refine(self._refiner, field, rate)
        if volume.is_image:
            self._look_again()
        if self._last is not None:
            self._angles = []
            self._refine(self._last, *self.start(np.arange(volume.voxels.size)))

    def start(self, some: NDArray[np.intp]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return field [Hz] and R2* [1/s] that were found in some of the voxels that can be fitted."""
        here = self._volume.voxels[some]
        return self._maps["field_map"][here], self._maps["R2star"][here]

    def maps(self, errors: bool, record: dict[str, Any], warnings: list[str]) -> FatWaterMaps:
        """Return the maps of the last fit; ``record`` and ``warnings`` are filled up."""
        volume = self._volume
        noise = noise_level(self._squares, self._times.size, self._unknowns)
        unconverged = int(np.count_nonzero(volume.status & np.uint16(Status.NOT_CONVERGED)))
        angles = np.concatenate(self._angles) if self._angles else np.empty(0)
        in_phase = self._maps["in_phase"][volume.voxels]
        warnings += fit_warnings(in_phase, noise, angles, unconverged)
        record |= {"period_Hz": self._period, "noise": noise}
        if errors:
            self._put_errors()
        shaped = {name: values.reshape(volume.shape) for name, values in self._maps.items()}
        return FatWaterMaps(
            **shaped, status=volume.status.reshape(volume.shape), warnings=tuple(warnings), record=record
        )

    def _refine(self, refiner: Refiner, field: NDArray[np.floating], rate: NDArray[np.floating]) -> None:
        volume = self._volume
        total = volume.voxels.size
        for begin in range(0, total, _BLOCK):
            part = slice(begin, begin + _BLOCK)
            signal = volume.signals(part)
            with np.errstate(all="ignore"):
                fit = refiner.fit(signal, field[part], rate[part])
                self._put(part, signal, fit)
            self._spread[part] = fit.spread_field
            self._angles.append(phase_difference(fit.water, fit.fat))
            volume.step(_SEARCH + (1 - _SEARCH) * min(begin + _BLOCK, total) / total)

    def _look_again(self) -> None:
        """Fit the voxels again that do not go with their neighbours, or say little of the field."""
        variance = self._search.noise_variance
        if self._times.size > 3:
            variance = max(noise_level(self._squares, self._times.size) ** 2, 1e-6 * self._volume.scale**2)
        with np.errstate(all="ignore"):
            look = SecondLook(self._volume, self._residual, self._refiner, variance)
            field, rate = self.start(np.arange(self._volume.voxels.size))
            look.run(field, self._spread, self._squares, rate, self._put)

    def _put(self, part: slice | NDArray[np.intp], signal: NDArray[np.complexfloating], fit: Refined) -> None:
        """Store the fits of some voxels."""
        voxels = self._volume.voxels[part]
        together = fit.water + fit.fat
        fraction = (fit.fat / together).real
        values = {
            "PDFF": 100 * fraction,
            "R2star": fit.rate,
            "water": abs(fit.water),
            "fat": abs(fit.fat),
            "in_phase": abs(together),
            "opposed_phase": abs(fit.water - fit.fat),
            "field_map": fit.field,
            "residual": 100 * np.sqrt(fit.sum_of_squares / (abs(signal) ** 2).sum(axis=0)),
            "phase": np.angle(together),
        }
        for name, value in values.items():
            self._maps[name][voxels] = value
        self._squares[part] = fit.sum_of_squares
        flags = np.where(fit.converged, 0, Status.NOT_CONVERGED).astype(np.uint16)
        on_bound = (fit.rate <= R2STAR_BOUNDS[0]) | (fit.rate >= R2STAR_BOUNDS[1])
        flags[on_bound] |= np.uint16(Status.ON_BOUND)
        before = self._volume.status[voxels] & ~np.uint16(Status.NOT_CONVERGED | Status.ON_BOUND)
        self._volume.status[voxels] = before | flags

    def _put_errors(self) -> None:
        """Fill the standard errors: the noise of a voxel is that of its neighbourhood in the image."""
        volume, degrees = self._volume, 2 * self._times.size - self._unknowns
        variance = self._squares.astype(np.float64)
        if volume.is_image:
            squares, weight = np.zeros((2, *volume.box_shape))
            squares.ravel()[volume.inside], weight.ravel()[volume.inside] = variance, 1.0
            near = tuple(min(3, size) if size > 1 else 1 for size in volume.box_shape)
            mean = uniform_filter(squares, near, mode="constant") / np.maximum(
                uniform_filter(weight, near, mode="constant"), 1e-9
            )
            variance = mean.ravel()[volume.inside]
        maps = {name: self._maps[name][volume.voxels] for name in ("water", "PDFF", "in_phase", "R2star")}
        fat = maps["in_phase"] * maps["PDFF"] / 100
        standard_errors = mixed_standard_errors if self.method == "mixed" else fat_water_standard_errors
        found = standard_errors(
            self._times,
            self._modulation,
            maps["in_phase"] - fat,
            fat,
            maps["R2star"],
            np.sqrt(np.maximum(variance, 0) / degrees),
        )
        for name in ("PDFF", "R2star"):
            self._maps[f"sd_{name}"] = volume.image(self._real)
            self._maps[f"sd_{name}"][volume.voxels] = found[name]
