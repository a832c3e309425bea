"""The search behind the magnitude fit: from a coarse grid into the two valleys of the sum of squares, by Newton steps.

The magnitude ``|W + F c| exp(-R2* t)`` is ``S |1 + x (c - 1)| exp(-R2* t)`` with S = W + F and x = F / S, so that the
search runs over x and R2* in a box, and S, which is nearly linear, is eliminated from every step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.leastsquares.steps import Box, next_step

Array = NDArray[np.float64]
Real = NDArray[Any]  # float32 or float64
Index = NDArray[np.intp]

_STEPS = 40
_STILL = {np.dtype(np.float32): (2e-7, 1e-13), np.dtype(np.float64): (1e-9, 1e-22)}
"""The decrease of half the sum of squares that ends a search: of that sum, and of the squares of the signal."""
_FLOOR = 1e-10  # of the largest signal's square: keeps the magnitude from a kink where it is 0
_LEAST = 1e-4  # of the largest signal: a voxel whose S is below it holds noise only
_PIVOT = 1e-3  # a curvature whose determinant is below this part of its diagonal's is not trusted
_NODES = np.linspace(0.04, 1.0, 9)  # of x, from the turning point to the bound: not on it, where neither side begins
_RATES = (0.0, 30.0, 65.0, 110.0, 170.0, 260.0, 400.0)  # of the grid [1/s]


class Ends(NamedTuple):
    """Where the searches of V signals ended, the water side first: (2, V) each.

    Attributes
    ----------
    total : array
        S = W + F, in units of the signal.
    fraction : array
        x = F / S.
    rate : array [1/s]
        R2*.
    cost : array
        Sum of squares, in squared units of the signal.
    converged : bool array
        False where the step limit was reached.
    """

    total: Real
    fraction: Real
    rate: Real
    cost: Real
    converged: NDArray[np.bool_]


class ValleySearch:
    """The search on both sides of the turning point of x, for many voxels at once.

    At the turning point magnitudes tell nothing of x: on either side of it they look nearly alike. For one peak of fat
    it is 1/2 and the two sides are the same; with more peaks it is where the derivative by x, as far as S and R2*
    cannot explain it, is smallest.

    Parameters
    ----------
    echo_times : (N,) array [s]
        Echo times.
    modulation : (N,) complex array
        Signal of fat beside water.
    dtype : dtype
        float32 or float64: the precision of the work.
    fractions, rates : tuple of float
        Bounds of x and of R2* [1/s].

    Attributes
    ----------
    turning_point : float
        x there.

    References
    ----------
    Two starts: Triay Bagur et al., Magn Reson Med 2019;82:460. S eliminated: Golub and Pereyra, SIAM J Numer Anal
    1973;10:413.
    """

    def __init__(
        self,
        echo_times: Array,
        modulation: NDArray[np.complex128],
        dtype: Any,
        fractions: tuple[float, float],
        rates: tuple[float, float],
    ) -> None:
        self._dtype = np.dtype(dtype)
        away = modulation - 1
        self._along, self._across = (part.astype(dtype)[:, None] for part in (away.real, away.imag))
        self._bend = (abs(away) ** 2).astype(dtype)
        self._times = echo_times.astype(dtype)[:, None]
        self._powers = np.stack([np.ones_like(echo_times), echo_times, echo_times**2]).astype(dtype)
        turn = self.turning_point = _turning_point(echo_times, modulation, fractions)
        self._boxes = [
            Box(*np.array([side, rates], dtype=dtype).T) for side in ((fractions[0], turn), (turn, fractions[1]))
        ]
        self._grids = [_grid(echo_times, modulation, turn + _NODES * (end - turn), rates) for end in fractions]

    def run(self, signal: Real, variance: Real) -> Ends:
        """Search for both solutions of some signals.

        Parameters
        ----------
        signal : (N, V) array
            Magnitudes of about size 1, finite.
        variance : (V,) array
            Square of the noise floor.
        """
        floor = variance + self._dtype.type(_FLOOR)
        sides = [
            self._search(signal, floor, self._start(signal, variance, grid), box)
            for grid, box in zip(self._grids, self._boxes, strict=True)
        ]
        total, fraction, rate, cost, converged = np.stack(sides, axis=1)
        return Ends(total, fraction, rate, cost, converged.astype(bool))

    def _start(self, signal: Real, variance: Real, grid: tuple[Array, NDArray[np.float32]]) -> Real:
        """Return S, x and R2* (3, V) of the best node of one side."""
        nodes, units = grid
        without_floor = np.sqrt(np.maximum(signal * signal - variance, 0), dtype=np.float32)
        height = without_floor.T @ units
        best = height.argmax(axis=1)
        start = nodes[:, best].astype(self._dtype)
        start[0] *= height[np.arange(best.size), best]
        np.maximum(start[0], _LEAST, out=start[0])
        return start

    def _search(self, y: Real, variance: Real, start: Real, box: Box) -> Real:
        """Return S, x, R2*, the sum of squares and whether the search ended (1 or 0), (5, V)."""
        relative, rounding = _STILL[self._dtype]
        total, theta = start[0], start[1:]
        found = np.empty((5, total.size), dtype=self._dtype)
        index, damping = np.arange(total.size), np.zeros_like(total)
        floor: Real = rounding * np.einsum("nv,nv->v", y, y)
        state = self._evaluate(y, variance, total, theta)
        for _ in range(_STEPS):
            ahead, gain = next_step(state, theta, damping, box)
            gain = gain + state[2]
            done = (np.abs(gain) <= relative * state[0] + floor) | (damping > 1e8)
            if done.any():
                _store(found, index[done], total[done], theta[:, done], state[0][done], 1)
                keep = np.flatnonzero(~done)
                if keep.size == 0:
                    break
                index = index[keep]
                total, damping, gain, variance, floor = (a[keep] for a in (total, damping, gain, variance, floor))
                theta, ahead, state, y = (a.take(keep, axis=1) for a in (theta, ahead, state, y))
            new_total = self._follow(state, total, ahead - theta)
            trial = self._evaluate(y, variance, new_total, ahead)
            better = trial[0] <= state[0]
            damping = _damp(damping, better, (state[0] - trial[0]) / (2 * gain))
            total = np.where(better, new_total, total)
            theta, state = np.where(better, ahead, theta), np.where(better, trial, state)
        else:
            _store(found, index, total, theta, state[0], 0)
        return found

    def _follow(self, state: Real, total: Real, move: Real) -> Real:
        """Return S after a move of x and R2*: never below a tenth of what it was."""
        return np.maximum(total - (state[1] + state[3] * move[0] + state[4] * move[1]), np.maximum(0.1 * total, _LEAST))

    def _evaluate(self, y: Real, variance: Real, total: Real, theta: Real) -> Real:
        """Return the sum of squares, what S needs (4 rows), gradient (2) and curvature (3) of x and R2*, (10, V).

        With q the square of the model, m its root, r = y - m and u = y / m, the exact curvature of half the sum of
        squares is ``sum u m_i m_j - (r / m) q_ij / 2``. S is eliminated from gradient and curvature.
        """
        x, rate = theta
        energy = np.exp(-2 * self._times * rate)
        energy *= total * total
        inner = 1 + self._along * x
        squared = (inner * inner + (self._across * x) ** 2) * energy
        model = np.sqrt(squared + variance)
        residual = y - model
        inverse = 1 / model
        radial = squared * inverse  # S times the derivative by S; that by R2* is -t times it
        energy *= inverse
        by_x = (self._along + self._bend[:, None] * x) * energy
        up = y * inverse
        pull = (
            self._powers @ (residual * radial),
            self._powers[:2] @ (residual * by_x),
            self._bend @ (residual * energy),
        )
        exact = self._curvature(up * radial, up * by_x, radial, by_x, total, pull)
        cost = np.einsum("nv,nv->v", residual, residual)
        gradient = np.stack([-pull[0][0] / total, -pull[1][0], pull[0][1]])
        state = _reduced(cost, gradient, exact)
        doubtful = np.flatnonzero(~_is_safe(exact, state))
        if doubtful.size:
            some = radial.take(doubtful, axis=1), by_x.take(doubtful, axis=1)
            gauss = self._curvature(*some, *some, total[doubtful], None)
            state[:, doubtful] = _reduced(cost[doubtful], gradient.take(doubtful, axis=1), gauss)
        return state

    def _curvature(self, up_radial: Real, up_x: Real, radial: Real, by_x: Real, total: Real, pull: Any) -> list[Real]:
        """Return the curvature SS, Sx, SR, xx, xR, RR; without ``pull`` that of Gauss and Newton."""
        rr = self._powers @ (up_radial * radial)
        rx = self._powers[:2] @ (up_radial * by_x)
        xx = np.einsum("nv,nv->v", up_x, by_x)
        if pull is not None:
            of_radial, of_x, of_bend = pull
            rr[0] -= of_radial[0]
            rr[1:] -= 2 * of_radial[1:]
            rx -= 2 * of_x
            xx -= of_bend
        return [rr[0] / (total * total), rx[0] / total, -rr[1] / total, xx, -rx[1], rr[2]]


def _reduced(cost: Real, gradient: Real, curvature: list[Real]) -> Real:
    """Return the state of :meth:`ValleySearch._evaluate` from gradient (3, V) and curvature by S, x and R2*."""
    by_total, by_x, by_rate = gradient
    ss, sx, sr, xx, xr, rr = curvature
    tiny = np.finfo(cost.dtype).tiny
    inverse = 1 / np.maximum(ss, tiny)
    of_x, of_rate, step = sx * inverse, sr * inverse, by_total * inverse
    return np.stack(
        [
            cost,
            step,
            0.5 * step * by_total,
            of_x,
            of_rate,
            by_x - of_x * by_total,
            by_rate - of_rate * by_total,
            np.maximum(xx - of_x * sx, tiny),
            xr - of_x * sr,
            np.maximum(rr - of_rate * sr, tiny),
        ]
    )


def _is_safe(curvature: list[Real], state: Real) -> NDArray[np.bool_]:
    """Whether a curvature is safely positive definite."""
    xx, xr, rr = state[7:]
    return np.asarray((curvature[0] > 0) & (xx * rr * (1 - _PIVOT) > xr * xr))


def _store(found: Real, place: Index, total: Real, theta: Real, cost: Real, converged: int) -> None:
    found[0, place], found[1:3, place], found[3, place], found[4, place] = total, theta, cost, converged


def _damp(damping: Real, better: NDArray[np.bool_], ratio: Real) -> Real:
    """Raise the damping after a step that failed, lower it after one that did what the curvature promised."""
    lower = np.where(damping < 1e-5, 0, 0.1 * damping)
    new = np.where(ratio > 0.5, lower, np.where(ratio > 0.1, damping, 4 * damping + 1e-3))
    return np.where(better, new, np.maximum(8 * damping, 1e-2)).astype(damping.dtype)


def _grid(
    times: Array, modulation: NDArray[np.complex128], fractions: Array, rates: tuple[float, float]
) -> tuple[Array, NDArray[np.float32]]:
    """Return the nodes (3, G), S for a signal of length 1 first, and the signals of length 1 there (N, G)."""
    inside = [rate for rate in _RATES if rates[0] < rate < rates[1]]
    x, rate = np.array([(x, rate) for x in fractions for rate in (rates[0], *inside)]).T
    signals = abs(1 + np.multiply.outer(modulation - 1, x)) * np.exp(-np.multiply.outer(times, rate))
    length = np.linalg.norm(signals, axis=0)
    return np.stack([1 / length, x, rate]), (signals / length).astype(np.float32)


def _turning_point(times: Array, modulation: NDArray[np.complex128], fractions: tuple[float, float]) -> float:
    """Return x where a change of it is most like one of S and R2*."""
    x = np.linspace(max(fractions[0], 0.3), min(fractions[1], 0.8), 251)
    away = modulation - 1
    size = np.maximum(abs(1 + np.outer(x, away)), 1e-9)
    change = (away.real + np.outer(x, abs(away) ** 2)) / size**2  # relative: S is then 1, and R2* is -t
    weight = size * np.exp(-times * 100.0)
    left = []
    for slope, w in zip(change, weight, strict=True):
        columns = np.stack([w, w * times], axis=1)
        left.append(np.linalg.norm(w * slope - columns @ np.linalg.lstsq(columns, w * slope)[0]))
    return float(x[int(np.argmin(left))])
