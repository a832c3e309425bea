"""A second look at voxels whose field does not go with that of their neighbours, or which say little of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.islands import Islands, best_first, change_of_energy, find_islands, shore_jumps
from mrbiomarkers.fatwater.refine import Refined, Refiner
from mrbiomarkers.fatwater.residual import FieldResidual
from mrbiomarkers.fatwater.volume import EchoVolume

Floats = NDArray[np.floating]
Indices = NDArray[np.intp]
Put = Callable[[Indices, NDArray[Any], Refined], None]

_ROUGH = 10.0  # standard deviation of the difference of fields 1 mm apart, growing with the root of the distance [Hz]
_UNSURE = 20.0  # standard error of the field beyond which the neighbours are asked [Hz]
_FAR = 1.0  # mean penalty of the differences to the neighbours beyond which the voxel is looked at again
_POWER = 0.15  # of the penalty of differences
_RATE, _LEAST_RATE = 50.0, 5.0  # R2* that tissue has, within a factor of e, and what is added to both [1/s]
_ROUNDS = 3
_MOVED = 3.0  # a voxel is looked at again when a neighbour moved by more [Hz]
_JOINED = 30.0  # neighbours whose fields differ by less are of one island [Hz]
_ISLAND = 8, 20_000  # fewest and most voxels: fewer are left to the second look, more take too long
_JUMPS, _ISLAND_ROUNDS = 2, 4
_GAIN = 10.0  # of energy, for which an island is moved
_BLOCK = 65536
_WORK = 8192


class SecondLook:
    """Voxels fitted again with what their neighbours know of the field.

    Least squares alone leave the field of a faint voxel to its noise, and the search for the field weighs the
    neighbours without knowing where the fit of R2* ends. Here a voxel is fitted from several starts (its candidates,
    and the field of its neighbours), and the solution with the least energy is kept:
    ``|residual|^2 / (2 sigma^2) + sum_n rho(d_n^2 / (2 s_n^2)) + r(R2*)``. There d_n is the difference to the field of
    neighbour n and s_n^2 the variance of that field and of true differences, larger where the neighbours differ;
    ``rho(x) = ((1 + x)^a - 1) / a`` grows slowly, so that a voxel with a clear signal keeps its field whatever the
    neighbours say; and r is least for the R2* that tissue has: water that decays looks like fat that does not. It helps
    to choose and does not pull at R2*. Before, islands of the field (:mod:`mrbiomarkers.fatwater.islands`) are fitted
    anew, each as a whole, from the field across their shore, and moved where they fit no worse and the same energy is
    less: voxels of an island agree with each other, so that one alone never leaves it. Voxels with a sure field that
    goes with the neighbours' stay as they are: theirs is the fit of least squares.

    Parameters
    ----------
    volume : EchoVolume
        The voxels.
    residual : FieldResidual
        Finds the candidates.
    refiner : Refiner
        Fits them.
    variance : float [a.u.2]
        Variance of the noise in a channel, above 0.

    References
    ----------
    Hernando et al., Magn Reson Med 2008;59:571 (smooth field as prior knowledge); Barron, CVPR 2019, p. 4326 (the
    penalty, of which that of Cauchy is the limit for a = 0).
    """

    def __init__(self, volume: EchoVolume, residual: FieldResidual, refiner: Refiner, variance: float) -> None:
        self._volume, self._residual, self._refiner, self._variance = volume, residual, refiner, variance
        self._period = residual.period
        k, j, i = (size + 2 for size in volume.box_shape)
        strides = (j * i, i, 1)
        self._around = np.array([sign * stride for stride in strides for sign in (-1, 1)])[:, None]
        self._rough = np.repeat(_ROUGH**2 * np.asarray(volume.spacing), 2)[:, None].astype(np.float32)
        self._field = np.full(k * j * i, np.nan, dtype=np.float32)
        self._spread = np.full(k * j * i, np.inf, dtype=np.float32)  # variance

    def run(self, field: Floats, spread: Floats, squares: Floats, rate: Floats, put: Put) -> int:
        """Look again, and return how many voxels were.

        Parameters
        ----------
        field : (V,) array [Hz]
            Fitted field.
        spread : (V,) array [Hz]
            Its standard error for noise of standard deviation 1.
        squares : (V,) array [a.u.2]
            Squared residuals; those of islands that move are replaced.
        rate : (V,) array [1/s]
            R2*; the same.
        put : callable
            ``put(voxels, signals, fit)`` is told the fits that replace others: which of the V, their signals (N, n).
        """
        for begin in range(0, field.size, _BLOCK):
            part = slice(begin, begin + _BLOCK)
            place = self._place(part)
            self._field[place], self._spread[place] = field[part], self._variance * spread[part] ** 2
        self._move_islands(squares, rate, put)
        looked = np.concatenate([self._doubtful(begin) for begin in range(0, field.size, _BLOCK)])
        total = looked.size
        for _ in range(_ROUNDS):
            moved = np.zeros(self._field.size, dtype=bool)
            for begin in range(0, looked.size, _WORK):
                some = looked[begin : begin + _WORK]
                place = self._place(some)
                before = self._field[place]
                fit, signal = self._again(some, place)
                put(some, signal, fit)
                self._field[place], self._spread[place] = fit.field, self._variance * fit.spread_field**2
                moved[place] = np.abs(self._difference(fit.field, before)) > _MOVED
            looked = looked[moved[self._place(looked) + self._around].any(axis=0)]
        return total

    def _move_islands(self, squares: Floats, rate: Floats, put: Put) -> None:
        """Fit whole islands of the field from another start, where that makes the energy less."""
        shape = tuple(size + 2 for size in self._volume.box_shape)
        for _ in range(_ISLAND_ROUNDS):
            islands = find_islands(self._field.reshape(shape), self._difference, _JOINED, _ISLAND)
            if islands is None:
                return
            some = self._voxels_at(islands.voxels)
            energy = squares[some] / (2 * self._variance) + self._unlikely(rate[some])
            start, change = self._other_starts(islands, some, energy)
            go = np.flatnonzero(best_first(islands, change, _GAIN)[islands.island] & np.isfinite(start))
            if not go.size:
                return
            for begin in range(0, go.size, _WORK):
                part = go[begin : begin + _WORK]
                fit, signal = self._fit_from(some[part], start[part])
                put(some[part], signal, fit)
                place = islands.voxels[part]
                self._field[place], self._spread[place] = fit.field, self._variance * fit.spread_field**2
                squares[some[part]], rate[some[part]] = fit.sum_of_squares, fit.rate

    def _other_starts(self, islands: Islands, some: Indices, energy: Floats) -> tuple[Floats, Floats]:
        """Return where to start the voxels of islands, NaN to leave them, and the change of energy of each island."""
        now = self._field[islands.voxels]
        near, far = islands.voxels[islands.near], islands.far
        spread = self._spread[near] + self._spread[far] + self._rough[2 * islands.axis, 0]

        def link(one: Floats, other: Floats, which: Indices) -> Floats:
            return self._rho(self._difference(one, other) ** 2 / (2 * spread[which]))

        start, least = np.full_like(now, np.nan), np.full(islands.number, np.inf)
        for jump in shore_jumps(islands, self._field, self._difference, _JUMPS):
            target = now + jump[islands.island].astype(np.float32)
            after, grows = now.copy(), np.zeros_like(now)
            for begin in range(0, some.size, _WORK):
                part = slice(begin, begin + _WORK)
                fit, _ = self._fit_from(some[part], target[part])
                more = fit.sum_of_squares / (2 * self._variance) + self._unlikely(fit.rate) - energy[part]
                width = 2 * (self._spread[islands.voxels[part]] + self._rough.min())
                to_stay, to_go = (
                    len(self._around) * self._rho(self._difference(field, target[part]) ** 2 / width)
                    for field in (now[part], fit.field)
                )
                goes = more + to_go < to_stay  # not every voxel has another solution there
                after[part], grows[part] = np.where(goes, fit.field, now[part]), np.where(goes, more, 0)
            change = change_of_energy(islands, grows, self._field, after, link)
            # What fits worse stays, however smooth: where the model is wrong, the noise says little of the fit.
            change[np.bincount(islands.island, grows, minlength=islands.number) >= 0] = np.inf
            better = (change < least)[islands.island]
            start[better] = np.where(after == now, np.nan, target)[better]
            least = np.minimum(change, least)
        return start, least

    def _fit_from(self, some: Indices, start: Floats) -> tuple[Refined, NDArray[Any]]:
        signal = self._volume.signals(some)
        return self._refiner.fit(signal, start, np.full(some.size, _RATE, dtype=np.float32)), signal

    @staticmethod
    def _unlikely(rate: Floats) -> Floats:
        """Return what is added to the energy for R2* that tissue seldom has."""
        return np.asarray(0.5 * np.log((rate + _LEAST_RATE) / (_RATE + _LEAST_RATE)) ** 2)

    def _voxels_at(self, place: Indices) -> Indices:
        """Return which voxels lie at places of the box with a rim: the inverse of ``_place``."""
        _, j, i = self._volume.box_shape
        plane, rest = np.divmod(place, (j + 2) * (i + 2))
        row, column = np.divmod(rest, i + 2)
        inside = ((plane - 1) * j + row - 1) * i + column - 1
        return np.searchsorted(self._volume.inside, inside)

    def _place(self, part: slice | Indices) -> Indices:
        """Return where voxels are in the flattened box with a rim of one voxel."""
        _, j, i = self._volume.box_shape
        inside = self._volume.inside[part]
        plane, rest = np.divmod(inside, j * i)
        row, column = np.divmod(rest, i)
        return np.asarray(((plane + 1) * (j + 2) + row + 1) * (i + 2) + column + 1)

    def _difference(self, one: Floats, other: Floats) -> Floats:
        apart = one - other
        if np.isfinite(self._period):
            apart = apart - np.float32(self._period) * np.round(apart / np.float32(self._period))
        return apart

    def _penalty(self, field: Floats, near: Floats, spread: Floats) -> Floats:
        """Return the penalty (6, V) of the differences to the neighbours; 0 where there is none."""
        return np.asarray(np.nan_to_num(self._rho(self._difference(field, near) ** 2 / (2 * spread))))

    @staticmethod
    def _rho(x: Floats) -> Floats:
        return np.asarray(((1 + x) ** np.float32(_POWER) - 1) / np.float32(_POWER))

    def _doubtful(self, begin: int) -> Indices:
        """Return the voxels of a block to look at."""
        part = slice(begin, begin + _BLOCK)
        place = self._place(part)
        field, own, near = self._field[place], self._spread[place], self._field[place + self._around]
        spread = self._spread[place + self._around] + self._rough + own
        # Of the two neighbours along an axis the mean difference counts: a steep field is no reason for doubt.
        there = np.isfinite(near).reshape(3, 2, -1).sum(axis=1)
        apart = np.nan_to_num(self._difference(field, near)).reshape(3, 2, -1).sum(axis=1) / np.maximum(there, 1)
        nearest = spread.reshape(3, 2, -1).min(axis=1)
        penalty = np.where(there > 0, self._rho(apart**2 / (2 * nearest)), 0).sum(axis=0)
        count = (there > 0).sum(axis=0)
        doubtful = (count > 0) & ((own > _UNSURE**2) | (penalty > _FAR * count))
        return begin + np.flatnonzero(doubtful)

    def _again(self, some: Indices, place: Indices) -> tuple[Refined, NDArray[Any]]:
        """Return the best fits of some voxels, and their signals."""
        signal = self._volume.signals(some)
        found = self._residual.candidates(signal, 1 / self._volume.scale)
        near = self._field[place + self._around]
        spread = self._spread[place + self._around] + self._rough
        centre = self._centre(near, spread)
        spread = spread + self._roughness(near, centre)
        fits, energies = [], []
        for start in (*found.field, centre):
            pull, target = self._pull(start, near, spread)
            fit = self._refiner.fit_near(signal, start, found.rate, target, self._variance * pull)
            fits.append(fit)
            penalty = self._penalty(fit.field, near, spread).sum(axis=0)
            energies.append(fit.sum_of_squares / (2 * self._variance) + penalty + self._unlikely(fit.rate))
        best = np.nan_to_num(np.stack(energies), nan=np.inf).argmin(axis=0)
        columns = np.arange(some.size)
        return Refined(*(np.stack(values)[best, columns] for values in zip(*fits, strict=True))), signal

    def _centre(self, near: Floats, spread: Floats) -> Floats:
        """Return the field (V,) of the neighbour that goes best with the others (6, V)."""
        penalty = np.stack([self._penalty(one, near, spread).sum(axis=0) for one in near])
        penalty[np.isnan(near)] = np.inf
        return np.asarray(near[penalty.argmin(axis=0), np.arange(near.shape[1])])

    def _roughness(self, near: Floats, centre: Floats) -> Floats:
        """Return the variance (V,) that the neighbours show among themselves; one of three or more may be wrong."""
        apart = np.sort(np.nan_to_num(abs(self._difference(near, centre))), axis=0)
        return np.asarray(np.where(np.isfinite(near).sum(axis=0) > 2, apart[-2], apart[-1]) ** 2)

    def _pull(self, start: Floats, near: Floats, spread: Floats) -> tuple[Floats, Floats]:
        """Return weight (V,) [1/Hz2] and place (V,) [Hz] of the parabola that has the slope of the penalty at start."""
        apart = np.nan_to_num(self._difference(near, start))
        bend = (1 + apart**2 / (2 * spread)) ** np.float32(_POWER - 1) / spread
        weight = np.where(np.isnan(near), 0, bend)
        total = weight.sum(axis=0)
        return total, start + (weight * apart).sum(axis=0) / np.maximum(total, np.float32(1e-30))
