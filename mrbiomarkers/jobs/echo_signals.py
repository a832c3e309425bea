"""The echoes of a region's voxels, made alike so that they can be averaged, and the fit of their means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater import (
    FatWaterMaps,
    fat_modulation,
    fat_water_cramer_rao,
    fat_water_signal,
    fat_water_standard_errors,
)
from mrbiomarkers.fatwater.bipolar import alternating
from mrbiomarkers.fatwater.complex_fit import R2STAR_BOUNDS
from mrbiomarkers.fatwater.magnitude import fit_magnitude
from mrbiomarkers.fatwater.mixed import MixedRefiner, mixed_standard_errors
from mrbiomarkers.fatwater.refine import Refiner
from mrbiomarkers.fatwater.volume import EchoVolume
from mrbiomarkers.maps import NOT_FITTED, Status
from mrbiomarkers.series import EchoSeries
from mrbiomarkers.settings import FatWaterSettings

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Mask = NDArray[np.bool_]

_UNUSED = np.uint16(NOT_FITTED | Status.NOT_CONVERGED)
_FEWEST, _MOST = 1000, 4096  # voxels that are simulated to learn what noise does to a mean
_STREAM = 1  # of the random numbers: not that of the draws


@dataclass(frozen=True, eq=False)
class RegionSignals:
    """Signals of the V voxels of a region that were fitted.

    Attributes
    ----------
    values : (V, N) array
        What is averaged: complex signals without field and phase [a.u.], or squares of magnitudes [a.u.2].
    excess : (N,) array
        What noise adds to the mean of ``values``, of their type.
    sd : (N,) array [a.u.]
        Standard deviation of the magnitudes over the voxels; 0 for a single one.
    ratio : float [%]
        Fat fraction of the mean signals: mean F / (mean W + mean F).
    rate : float [1/s]
        Median R2*.
    fat_share : float
        Share of the voxels in which fat dominates (for magnitudes: the solution that was chosen).
    """

    values: NDArray[Any]
    excess: NDArray[Any]
    sd: Array
    ratio: float
    rate: float
    fat_share: float


class MeanFits(NamedTuple):
    """Fits of R mean signals.

    Attributes
    ----------
    water, fat : (R,) array [a.u.]
        At t = 0; complex unless from magnitudes.
    rate : (R,) array [1/s]
        R2*.
    sum_of_squares : (R,) array [a.u.2]
        Squared residuals.
    """

    water: NDArray[Any]
    fat: NDArray[Any]
    rate: Array
    sum_of_squares: Array

    @property
    def pdff(self) -> Array:
        """Fat fraction (R,) [%]."""
        return np.asarray(100 * (self.fat / (self.water + self.fat)).real)


class RegionEchoes(ABC):
    """What the fits of regions need of a series and its maps.

    Parameters
    ----------
    series : EchoSeries
        The series.
    maps : FatWaterMaps
        Fitted to it.
    settings : FatWaterSettings
        Spectrum, seed.
    regions : (K, J, I) bool array
        The voxels of all regions.
    """

    degrees: int
    """Degrees of freedom that the residuals of one mean have."""

    def __init__(self, series: EchoSeries, maps: FatWaterMaps, settings: FatWaterSettings, regions: Mask) -> None:
        self.times = series.echo_times
        self.modulation = fat_modulation(series.echo_times, series.field_strength, settings.spectrum)
        self._maps, self._seed = maps, settings.bootstrap_seed
        self._used = regions & ((maps.status & _UNUSED) == 0) & np.isfinite(maps.PDFF)
        noise = float(maps.record["noise"])
        self.noise = noise if noise > 0 else 0.0  # three echoes do not tell it
        self._volume: EchoVolume | None = None
        if self._used.any():
            signal = series.signal if self.is_complex else abs(series.signal)
            self._volume = EchoVolume(signal, self._used, None, None)

    is_complex = True

    def signals(self, region: Mask) -> RegionSignals | None:
        """Return the signals of a region (K, J, I); None where no voxel of it was fitted."""
        inside = np.flatnonzero(region & self._used)
        if self._volume is None or inside.size == 0:
            return None
        seen = self._volume.signals(np.searchsorted(self._volume.voxels, inside))
        names = ("PDFF", "R2star", "in_phase", "field_map", "phase")
        values = {name: getattr(self._maps, name).reshape(-1)[inside].astype(np.float64) for name in names}
        return self._of(seen.astype(np.complex128 if self.is_complex else np.float64), values)

    @abstractmethod
    def _of(self, seen: NDArray[Any], values: dict[str, Array]) -> RegionSignals:
        """Return the signals of some voxels from those the fit saw (N, V) and what it found (V,)."""

    @abstractmethod
    def means(self, averaged: NDArray[Any], signals: RegionSignals) -> NDArray[Any]:
        """Return mean signals (..., N) [a.u.] without what noise adds, from averages (..., N) of ``signals.values``."""

    @abstractmethod
    def fit(self, means: NDArray[Any], signals: RegionSignals) -> MeanFits:
        """Fit mean signals (R, N) [a.u.] of a region."""

    @abstractmethod
    def errors(self, fits: MeanFits) -> dict[str, Array]:
        """Return the standard errors (R,) of "PDFF" [%] and "R2star" [1/s] from the curvature and the residuals."""

    def _sigma(self, fits: MeanFits) -> Array:
        return np.sqrt(np.maximum(fits.sum_of_squares, np.finfo(float).tiny) / self.degrees)


class ComplexRegionEchoes(RegionEchoes):
    """Complex signals: each voxel is turned back by its own field and phase before the mean is taken.

    Field and phase of a voxel are fitted to the same noise as its signal, and turning by them makes the mean a little
    too large, the more so the fainter an echo is. How much is found by simulation: noise is added to the fitted signals
    of the voxels, once as it is and once negative, so that what is linear in it cancels; both are fitted and turned
    back, and what their mean is above the signals is taken off (bias by the parametric bootstrap: Efron and Tibshirani
    1993, chapter 10). Three echoes do not tell the noise: nothing is taken off.
    """

    def __init__(self, series: EchoSeries, maps: FatWaterMaps, settings: FatWaterSettings, regions: Mask) -> None:
        super().__init__(series, maps, settings, regions)
        self._is_mixed = maps.record["method"] == "mixed"
        self.degrees = 2 * self.times.size - (7 if self._is_mixed else 6)
        kind = MixedRefiner if self._is_mixed else Refiner
        self._refiner = kind(self.times, self.modulation, np.float64, R2STAR_BOUNDS)
        if self._volume is not None:
            self._volume.conjugate = maps.record["precession"]["sign"] == -1
            readout = maps.record["bipolar"]
            if readout["corrected"]:
                phase = np.multiply.outer(alternating(self.times.size), np.asarray(readout["phase_rad"]))
                self._volume.turn_back(phase, readout["axis"])

    def _of(self, seen: NDArray[Any], values: dict[str, Array]) -> RegionSignals:
        turned = seen * np.conj(self._turn(values["phase"], values["field_map"]))
        total = values["in_phase"]
        fat = total * values["PDFF"] / 100
        excess, of_fat, of_total = self._excess(values)
        ratio = 100 * (fat.mean() - of_fat) / (total.mean() - of_total)
        share = float(np.mean(values["PDFF"] > 50))
        return RegionSignals(
            turned.T, excess, _spread(abs(seen)), float(ratio), float(np.median(values["R2star"])), share
        )

    def _turn(self, phase: NDArray[np.floating], field: NDArray[np.floating]) -> Complex:
        """Return what phases (V,) [rad] and fields (V,) [Hz] do to a signal, (N, V)."""
        return fat_water_signal(self.times, np.exp(1j * phase), 0.0, field, 0.0, self.modulation).T

    def _excess(self, values: dict[str, Array]) -> tuple[Complex, float, float]:
        """Return what noise adds to the mean of turned signals (N,), to mean F and to mean W + F."""
        n_voxels = values["phase"].size
        some = np.linspace(0, n_voxels - 1, min(n_voxels, _MOST)).round().astype(np.intp)
        some = np.tile(some, -(-_FEWEST // some.size))
        total, part, rate, field, phase = (
            values[key][some] for key in ("in_phase", "PDFF", "R2star", "field_map", "phase")
        )
        unit = np.exp(1j * phase)
        fat = total * part / 100
        clean = fat_water_signal(self.times, (total - fat) * unit, fat * unit, field, rate, self.modulation).T
        noise = np.random.default_rng([self._seed, _STREAM]).normal(0.0, self.noise or 1.0, (2, *clean.shape))
        if self.noise == 0:
            return np.zeros(self.times.size, dtype=np.complex128), 0.0, 0.0
        turned, of_fat, of_total = np.zeros_like(clean), np.zeros(some.size), np.zeros(some.size)
        for sign in (1.0, -1.0):
            noisy = clean + sign * (noise[0] + 1j * noise[1])
            with np.errstate(all="ignore"):
                fit = self._refiner.fit(noisy, field, rate)
                together = fit.water + fit.fat
                turned += noisy * np.conj(self._turn(np.angle(together), fit.field)) / 2
                of_fat += (fit.fat * np.conj(together)).real / abs(together) / 2
                of_total += abs(together) / 2
        turned -= clean * np.conj(self._turn(phase, field))
        known = np.isfinite(turned).all(axis=0) & np.isfinite(of_fat)
        return (
            turned[:, known].mean(axis=1),
            float((of_fat - fat)[known].mean()),
            float((of_total - total)[known].mean()),
        )

    def means(self, averaged: NDArray[Any], signals: RegionSignals) -> NDArray[Any]:
        """Return mean signals (..., N) [a.u.] without what noise adds."""
        return np.asarray(averaged - signals.excess)

    def fit(self, means: NDArray[Any], signals: RegionSignals) -> MeanFits:
        """Fit mean signals (R, N) [a.u.]; from a field of 0, where theirs is, so that none is swapped."""
        n = len(means)
        with np.errstate(all="ignore"):
            found = self._refiner.fit(means.T, np.zeros(n), np.full(n, signals.rate))
        return MeanFits(found.water, found.fat, np.asarray(found.rate), np.asarray(found.sum_of_squares))

    def errors(self, fits: MeanFits) -> dict[str, Array]:
        """Return the standard errors (R,) of "PDFF" [%] and "R2star" [1/s]."""
        if self.degrees < 1:
            return {key: np.full(fits.rate.shape, np.nan) for key in ("PDFF", "R2star")}
        of = mixed_standard_errors if self._is_mixed else fat_water_standard_errors
        found = of(self.times, self.modulation, fits.water, fits.fat, fits.rate, self._sigma(fits))
        return {key: found[key] for key in ("PDFF", "R2star")}


class MagnitudeRegionEchoes(RegionEchoes):
    """Magnitudes: the root of their mean squares, less the ``2 sigma^2`` that noise adds to each square.

    Squares have a mean without bias at any signal-to-noise ratio (Gudbjartsson and Patz, Magn Reson Med 1995;34:910).
    The side of the mean, more water or more fat, is that of most voxels.
    """

    is_complex = False

    def __init__(self, series: EchoSeries, maps: FatWaterMaps, settings: FatWaterSettings, regions: Mask) -> None:
        super().__init__(series, maps, settings, regions)
        self.degrees = self.times.size - 3
        self._turning_point = float(maps.record["turning_point_percent"])

    def _of(self, seen: NDArray[Any], values: dict[str, Array]) -> RegionSignals:
        total, fraction = values["in_phase"], values["PDFF"]
        ratio = float((total * fraction).mean() / total.mean())
        excess = np.full(self.times.size, 2 * self.noise**2)
        share = float(np.mean(fraction > self._turning_point))
        return RegionSignals((seen**2).T, excess, _spread(seen), ratio, float(np.median(values["R2star"])), share)

    def means(self, averaged: NDArray[Any], signals: RegionSignals) -> NDArray[Any]:
        """Return root mean squares (..., N) [a.u.] without what noise adds."""
        return np.sqrt(np.maximum(averaged - signals.excess, 0.0))

    def fit(self, means: NDArray[Any], signals: RegionSignals) -> MeanFits:
        """Fit mean signals (R, N) [a.u.], all on the side of most voxels."""
        both = fit_magnitude(means, self.times, self.modulation)
        found = both.chosen(np.full(len(means), signals.fat_share > 0.5))
        return MeanFits(found.water, found.fat, found.R2star, found.cost)

    def errors(self, fits: MeanFits) -> dict[str, Array]:
        """Return the standard errors (R,) of "PDFF" [%] and "R2star" [1/s]."""
        if self.degrees < 1:
            return {key: np.full(fits.rate.shape, np.nan) for key in ("PDFF", "R2star")}
        truth = {"water": fits.water, "fat": fits.fat, "R2star": fits.rate}
        found = fat_water_cramer_rao(self.times, self.modulation, **truth, sigma=self._sigma(fits), kind="magnitude")
        return {key: found[key] for key in ("PDFF", "R2star")}


def _spread(magnitudes: Array) -> Array:
    """Return the standard deviation (N,) over voxels of magnitudes (N, V)."""
    return magnitudes.std(axis=1, ddof=1) if magnitudes.shape[1] > 1 else np.zeros(len(magnitudes))
