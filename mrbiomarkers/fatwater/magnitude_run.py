"""The fit of magnitudes over a volume: both solutions of each voxel, and which of them is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_mask
from mrbiomarkers.fatwater.magnitude import MagnitudeFit, MagnitudeSolution, fit_magnitude, noise_from_residuals
from mrbiomarkers.fatwater.magnitude_choice import SolutionChoice, choose_solution
from mrbiomarkers.fatwater.precision import fat_water_cramer_rao
from mrbiomarkers.fatwater.quality import fit_warnings
from mrbiomarkers.fatwater.results import FatWaterMaps
from mrbiomarkers.fatwater.signal import GYROMAGNETIC_RATIO
from mrbiomarkers.fatwater.volume import EchoVolume
from mrbiomarkers.maps import Status

Array = NDArray[np.float64]

_BLOCK = 32768
_FIRST = 0.5  # part of the time that the fit without a noise floor takes
_CHOICE = 0.05  # part of it that the choice takes
_WIDTH = 1.0  # of the Gaussian that weights the neighbours, at least [mm]
_ONE_PEAK = 1e-3  # peaks of fat whose sum turns but hardly changes in size are one peak
_MANY = 5.0  # of the fitted voxels, worth a warning [%]
_SURE = 3.0  # standard errors
_MAIN_PEAK = 3.4  # of fat, from water [ppm]
_NAMES = ("PDFF", "R2star", "water", "fat", "in_phase", "opposed_phase", "field_map", "residual", "phase")
_FIELDS = [field.name for field in fields(MagnitudeSolution)]


class MagnitudeRun:
    """The fit of a volume of magnitudes.

    Magnitudes of water and fat exchanged look nearly alike, so that every voxel has two solutions. Which one is true
    the neighbours of a voxel tell, or all of a region together. The noise is learned from the residuals of a first fit;
    the second one knows the floor that it makes.

    Parameters
    ----------
    volume : EchoVolume
        The voxels: real signals, 0 or above.
    times : (N,) array [s]
        Echo times.
    modulation : (N,) complex array
        Signal of fat beside water.
    field_strength : float [T]
        Static field.

    Raises
    ------
    TypeError
        When the signals are not real floating point numbers.
    ValueError
        When a signal is below 0, or fat has a single peak at this field: the two solutions are then the same.
    """

    def __init__(
        self, volume: EchoVolume, times: Array, modulation: NDArray[np.complex128], field_strength: float
    ) -> None:
        if volume.rows.dtype.kind != "f":
            raise TypeError(f"signal: expected magnitudes as real numbers, got an array of type {volume.rows.dtype}")
        lowest = _lowest(volume.rows)
        if lowest < 0:
            raise ValueError(f"signal: expected magnitudes, 0 or above, got {lowest:g}; is this one of two channels?")
        if np.max(np.abs(np.abs(modulation) - 1.0)) < _ONE_PEAK:
            raise ValueError(
                "spectrum: expected two or more peaks of fat, whose sum changes in size from echo to echo; got what is "
                f"one peak at {field_strength:g} T and these echo times, where magnitudes cannot tell water from fat"
            )
        self._volume, self._times, self._modulation = volume, times, modulation
        self._field_strength = field_strength
        self._real = np.dtype(np.float32 if volume.rows.dtype == np.float32 else np.float64)

    def run(
        self,
        errors: bool,
        record: dict[str, Any],
        warnings: list[str],
        regions: Mapping[str, ArrayLike] | None = None,
    ) -> FatWaterMaps:
        """Return the maps; ``record`` and ``warnings`` are filled up.

        Parameters
        ----------
        errors : bool
            Fill the standard errors: the Cramer-Rao bound of magnitudes at the fit, with the noise of the residuals.
            They hold for the solution that was chosen and know nothing of the other one.
        record : dict
            Gets the noise [a.u.], the turning point [%], the share of ambiguous and merged voxels [%], and the side and
            score of each region.
        warnings : list of str
            Gets what a user has to know.
        regions : mapping of str to (...) array_like, optional
            Masks of the leading shape of the signal; the voxels of each take the same side.

        Raises
        ------
        ValueError
            When a region has another shape.
        InterruptedError
            When the user cancelled.
        """
        volume = self._volume
        boxes = {name: self._in_box(name, mask) for name, mask in (regions or {}).items()}
        fit = self._fit(None, 0.0, _FIRST - _CHOICE)
        noise = noise_from_residuals(fit.chosen(self._choose(fit, boxes).is_fat).cost, self._times.size)
        if noise > 0:
            del fit  # before the next one takes its place in memory
            fit = self._fit(noise, _FIRST, 1.0 - _CHOICE)
        choice = self._choose(fit, boxes)
        found, merged, turn = fit.chosen(choice.is_fat), fit.merged, fit.turning_point
        del fit
        noise = noise_from_residuals(found.cost, self._times.size)
        self._put_status(found, merged, choice)
        maps = self._maps(found)
        if errors:
            maps |= self._errors(found, noise)
        shares = [100 * float(flags.mean()) if flags.size else 0.0 for flags in (choice.ambiguous, merged)]
        record |= {"noise": noise, "turning_point_percent": turn}
        record |= {"ambiguous_percent": shares[0], "merged_percent": shares[1]}
        record |= {"regions": {name: _decision(score) for name, score in choice.regions.items()}}
        unconverged = int(np.count_nonzero(~found.converged))
        warnings += fit_warnings(abs(found.water + found.fat), noise, np.empty(0), unconverged)
        warnings += _echo_warnings(self._times, self._field_strength)
        warnings += _choice_warnings(shares[0], shares[1], choice.regions)
        volume.step(1.0)
        shaped = {name: values.reshape(volume.shape) for name, values in maps.items()}
        return FatWaterMaps(
            **shaped, status=volume.status.reshape(volume.shape), warnings=tuple(warnings), record=record
        )

    def _in_box(self, name: str, mask: ArrayLike) -> NDArray[np.bool_]:
        """Return a region on the box round the voxels that can be fitted."""
        volume = self._volume
        box = np.zeros(volume.box_shape, dtype=bool)
        box.ravel()[volume.inside] = check_mask(f"regions[{name!r}]", mask, volume.shape).ravel()[volume.voxels]
        return box

    def _fit(self, sigma: float | None, begin: float, end: float) -> MagnitudeFit:
        """Return both solutions of all voxels, while ``begin`` to ``end`` of the work is done."""
        volume = self._volume
        total = volume.voxels.size
        sides, merged, turn = [self._nothing(), self._nothing()], np.zeros(total, dtype=bool), float("nan")
        for first in range(0, max(total, 1), _BLOCK):
            part = slice(first, first + _BLOCK)
            fit = fit_magnitude(volume.signals(part).T, self._times, self._modulation, sigma=sigma)
            for whole, piece in zip(sides, (fit.water_dominant, fit.fat_dominant), strict=True):
                for name in _FIELDS:
                    getattr(whole, name)[part] = getattr(piece, name)
            merged[part], turn = fit.merged, fit.turning_point
            volume.step(begin + (end - begin) * min(first + _BLOCK, total) / max(total, 1))
        return MagnitudeFit(sides[0], sides[1], turn, merged)

    def _nothing(self) -> MagnitudeSolution:
        """Return a solution of all voxels, to be filled."""
        total = self._volume.voxels.size
        water, fat, rate, cost = np.empty((4, total), dtype=self._real)
        converged, on_bound = np.empty((2, total), dtype=bool)
        return MagnitudeSolution(water, fat, rate, cost, converged, on_bound)

    def _choose(self, fit: MagnitudeFit, regions: Mapping[str, NDArray[np.bool_]]) -> SolutionChoice:
        """Return the choice: by neighbours in an image, elsewhere each voxel for itself, unless a region decides."""
        volume = self._volume
        mask = np.zeros(volume.box_shape, dtype=bool)
        mask.ravel()[volume.inside] = True
        steps = [step for step, size in zip(volume.spacing, volume.box_shape, strict=True) if size > 1]
        width = max([_WIDTH, min(steps, default=0.0)]) if volume.is_image else 0.0
        costs = fit.water_dominant.cost, fit.fat_dominant.cost
        choice = choose_solution(*costs, mask, regions=regions, width=width, spacing=volume.spacing)
        if self._times.size > 3:
            return choice
        # Three echoes leave no residual: where the costs differ, it is by the bounds, and a score would not mean much.
        unknown = dict.fromkeys(choice.regions, float("nan"))
        return choice._replace(
            score=np.full_like(choice.score, np.nan), ambiguous=np.ones_like(choice.ambiguous), regions=unknown
        )

    def _put_status(self, found: MagnitudeSolution, merged: NDArray[np.bool_], choice: SolutionChoice) -> None:
        """Flag the voxels."""
        volume = self._volume
        flags = np.zeros(volume.voxels.size, dtype=np.uint16)
        for which, flag in (
            (~found.converged, Status.NOT_CONVERGED),
            (found.on_bound, Status.ON_BOUND),
            (choice.ambiguous, Status.AMBIGUOUS),
            (merged, Status.MERGED),
        ):
            flags[which] |= np.uint16(flag)
        flags[~np.isfinite(found.water)] = np.uint16(Status.NOT_FINITE)
        volume.status[volume.voxels] |= flags

    def _maps(self, found: MagnitudeSolution) -> dict[str, NDArray[Any]]:
        """Return the flat maps."""
        volume = self._volume
        maps = {name: volume.image(self._real) for name in _NAMES}
        for first in range(0, volume.voxels.size, _BLOCK):
            part = slice(first, first + _BLOCK)
            water, fat, cost = found.water[part], found.fat[part], found.cost[part]
            signal = volume.signals(part).astype(np.float64, copy=False)
            values = {
                "PDFF": 100 * fat / (water + fat),
                "R2star": found.R2star[part],
                "water": abs(water),
                "fat": abs(fat),
                "in_phase": abs(water + fat),
                "opposed_phase": abs(water - fat),
                "residual": 100 * np.sqrt(cost / (signal**2).sum(axis=0)),
            }
            for name, value in values.items():
                maps[name][volume.voxels[part]] = value
        return maps

    def _errors(self, found: MagnitudeSolution, noise: float) -> dict[str, NDArray[Any]]:
        """Return the flat maps of the standard errors."""
        volume = self._volume
        maps = {f"sd_{name}": volume.image(self._real) for name in ("PDFF", "R2star")}
        for first in range(0, volume.voxels.size, _BLOCK):
            part = slice(first, first + _BLOCK)
            truth = {"water": found.water[part], "fat": found.fat[part], "R2star": found.R2star[part]}
            bound = fat_water_cramer_rao(self._times, self._modulation, **truth, sigma=1.0, kind="magnitude")
            for name in ("PDFF", "R2star"):
                maps[f"sd_{name}"][volume.voxels[part]] = noise * bound[name]
        return maps


def _lowest(rows: NDArray[Any]) -> float:
    """Return the lowest finite signal of all, at most 0."""
    parts = (rows[first : first + _BLOCK] for first in range(0, len(rows), _BLOCK))
    return min((float(np.min(part, initial=0.0, where=np.isfinite(part))) for part in parts), default=0.0)


def _decision(score: float) -> dict[str, Any]:
    """Return what is recorded of a region."""
    return {"solution": "fat" if score > 0 else "water" if score <= 0 else "unknown", "score": score}


def _echo_warnings(times: Array, field_strength: float) -> list[str]:
    """Return what too few echoes, or too short a train, cost.

    Simulated at a signal-to-noise ratio of 24 (marrow of PDFF 5-90 %, R2* 50-200 1/s, regions of 512 voxels, 3 and
    1.5 T, spacing 0.98 to 2.3 ms): voxels on the wrong side by the region rule 18-33 % with three echoes; 31 and 2 %
    with four and five of 0.98 ms at 1.5 T, where fat turns by 0.6 and 0.9 against water; 4 % with four echoes of
    2.3 ms at 1.5 T; 0.01 % at most with five or more over at least one turn.
    """
    turn = 1e3 / (_MAIN_PEAK * GYROMAGNETIC_RATIO * field_strength)
    span = 1e3 * float(np.ptp(times))
    if times.size >= 5 and span >= turn:
        return []
    if times.size == 3:
        return ["3 echoes: both solutions of magnitudes fit exactly, so nothing tells water from fat; use 6 or more."]
    return [
        f"{times.size} echoes over {span:.1f} ms: magnitudes tell water from fat less surely, also in whole regions; "
        f"use 6 or more over at least {turn:.1f} ms at {field_strength:g} T (one turn of fat against water)."
    ]


def _choice_warnings(ambiguous: float, merged: float, regions: Mapping[str, float]) -> list[str]:
    """Return what is doubtful in the choice, from the shares of flagged voxels [%] and the scores of regions."""
    found = []
    if ambiguous > _MANY:
        found.append(
            f"{ambiguous:.0f} % of the voxels are ambiguous: magnitudes do not decide there whether water or fat is "
            "more, so PDFF may be far off; trust regions of one kind that decide together, or fit complex signals."
        )
    if merged > _MANY:
        found.append(
            f"In {merged:.0f} % of the voxels (PDFF about 45 to 65 %) the solutions with more water and with more fat "
            "have merged: PDFF is uncertain there and biased by up to 3 points."
        )
    unclear = [name for name, score in regions.items() if not abs(score) >= _SURE]
    if unclear:
        found.append(
            f"Not clear whether water or fat is more in {', '.join(unclear)}: too few voxels, PDFF near 57 %, or "
            "tissue of two kinds; PDFF there may be that of the other solution."
        )
    return found
