"""The diffusion models in the form that the least-squares solver takes: columns and their derivatives."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from mrbiomarkers.leastsquares import Products, StartGrid, dot, solve_symmetric
from mrbiomarkers.leastsquares.model import Array

_LOG_OF_ZERO = -700.0
_LARGEST_EXPONENT = 300.0  # the square of its exponential is still a number


class Exponentials:
    """``sum_l c_l exp(-b theta_l)`` with one rate [mm2/s] for each column.

    Parameters
    ----------
    bvalues : (B,) array [s/mm2]
        b-values.
    root_weights : (B,) array
        Square roots of the weights of the measurements; the signals must be multiplied by them too.
    n_columns : int
        Number of exponentials: 1 or 2.
    """

    def __init__(self, bvalues: Array, root_weights: Array, n_columns: int) -> None:
        self.n_columns = n_columns
        self.column_of = tuple(range(n_columns))
        self.minus_b = -bvalues[:, None]
        self.powers = np.stack([np.ones_like(bvalues), bvalues, bvalues**2])
        self._root_weights = None if np.all(root_weights == 1) else root_weights[:, None]

    def at(self, theta: Array) -> _ExponentialPoint:
        """Return columns and derivatives at the rates ``theta`` (L, N) [mm2/s]."""
        columns = []
        for rate in theta:
            column = self.minus_b * rate
            np.exp(column, out=column)
            if self._root_weights is not None:
                column *= self._root_weights
            columns.append(column)
        return _ExponentialPoint(self, columns)


class _ExponentialPoint:
    def __init__(self, model: Exponentials, columns: list[Array]) -> None:
        self._model, self.columns = model, columns

    @cached_property
    def _moments(self) -> dict[tuple[int, int], Array]:
        """Sums of b^k times products of columns, k = 0, 1, 2: all inner products of columns and slopes are there."""
        columns, size = self.columns, len(self.columns)
        return {(p, q): self._model.powers @ (columns[p] * columns[q]) for p in range(size) for q in range(p, size)}

    def slopes(self) -> list[Array]:
        return [self._model.minus_b * column for column in self.columns]

    def curvature(self, residual: Array) -> dict[tuple[int, int], Array]:
        return self.products(residual).bend

    def gram(self) -> dict[tuple[int, int], Array]:
        return {pair: moment[0] for pair, moment in self._moments.items()}

    def products(self, residual: Array) -> Products:
        with_residual = [self._model.powers[1:] @ (column * residual) for column in self.columns]
        size = len(self.columns)
        return Products(
            [-moment[0] for moment in with_residual],
            [[-self._moments[min(p, q), max(p, q)][1] for q in range(size)] for p in range(size)],
            {pair: moment[2] for pair, moment in self._moments.items()},
            {(p, p): moment[1] for p, moment in enumerate(with_residual)},
        )


class StretchedDecay:
    """``c exp(-(b DDC)^alpha)``, theta = (DDC [mm2/s], alpha); parameters as for :class:`Exponentials`."""

    n_columns: int = 1
    column_of: tuple[int, ...] = (0, 0)

    def __init__(self, bvalues: Array, root_weights: Array) -> None:
        positive = bvalues > 0
        self._log_b = np.where(positive, np.log(np.where(positive, bvalues, 1.0)), _LOG_OF_ZERO)[:, None]
        self._root_weights = root_weights[:, None]

    def at(self, theta: Array) -> _OneDecayPoint:
        """Return the column and its derivatives at ``theta`` (2, N)."""
        rate, power = theta
        log = self._log_b + np.log(rate)
        raised = np.exp(power * log)
        column = self._root_weights * np.exp(-raised)
        # (b DDC)^alpha = 0 at b = 0, and so are its derivatives
        first = [-raised * (power / rate), -raised * log]
        second = {
            (0, 0): first[0] * ((power - 1.0) / rate),
            (0, 1): -raised * (1.0 + power * log) / rate,
            (1, 1): first[1] * log,
        }
        return _OneDecayPoint(column, first, second)


class KurtosisDecay:
    """``c exp(-b MD + b^2 MD^2 MK / 6)``, theta = (MD [mm2/s], MK); parameters as for :class:`Exponentials`."""

    n_columns: int = 1
    column_of: tuple[int, ...] = (0, 0)

    def __init__(self, bvalues: Array, root_weights: Array) -> None:
        self.powers = bvalues ** np.arange(5)[:, None]
        self._line = np.stack([-bvalues, bvalues**2], axis=1)
        self._last = int(bvalues.argmax())
        self._root_weights = None if np.all(root_weights == 1) else root_weights[:, None]

    def at(self, theta: Array) -> _KurtosisPoint:
        """Return the column and its derivatives at ``theta`` (2, N)."""
        slope, bend = theta
        exponent = self._line @ np.stack([slope, slope**2 * bend / 6.0])
        if exponent[self._last].max(initial=0.0) > _LARGEST_EXPONENT:  # a parabola from 0 is largest at an end
            np.minimum(exponent, _LARGEST_EXPONENT, out=exponent)
        column = np.exp(exponent, out=exponent)
        if self._root_weights is not None:
            column *= self._root_weights
        return _KurtosisPoint(self.powers, column, slope, bend)


class _KurtosisPoint:
    """The exponent's derivatives are polynomials of b, so every inner product is a sum of moments of b."""

    def __init__(self, powers: Array, column: Array, slope: Array, bend: Array) -> None:
        self.columns = [column]
        self._powers = powers
        # d(exponent) = (-b + a b^2) d(MD) + c b^2 d(MK)
        self._a, self._c = slope * bend / 3.0, slope * slope / 6.0
        self._second = bend / 3.0, slope / 3.0

    @cached_property
    def _moments(self) -> Array:
        return self._powers @ (self.columns[0] * self.columns[0])

    def slopes(self) -> list[Array]:
        b, b_squared = self._powers[1][:, None], self._powers[2][:, None]
        return [self.columns[0] * (b_squared * self._a - b), self.columns[0] * (b_squared * self._c)]

    def curvature(self, residual: Array) -> dict[tuple[int, int], Array]:
        return self.products(residual).bend

    def gram(self) -> dict[tuple[int, int], Array]:
        return {(0, 0): self._moments[0]}

    def products(self, residual: Array) -> Products:
        a, c = self._a, self._c
        m, r = self._moments, self._powers @ (self.columns[0] * residual)
        bend = self._pairs(r)
        bend[0, 0] += self._second[0] * r[2]
        bend[0, 1] += self._second[1] * r[2]
        return Products([a * r[2] - r[1], c * r[2]], [[a * m[2] - m[1]], [c * m[2]]], self._pairs(m), bend)

    def _pairs(self, moments: Array) -> dict[tuple[int, int], Array]:
        """Return the sums of column times (first derivative p) (first derivative q), from moments of b."""
        a, c = self._a, self._c
        mixed = a * moments[4] - moments[3]
        return {(0, 0): moments[2] + a * (mixed - moments[3]), (0, 1): c * mixed, (1, 1): c * c * moments[4]}


class _OneDecayPoint:
    """One column ``c exp(u)`` given by the first and second derivatives of ``u`` by the parameters."""

    def __init__(self, column: Array, first: list[Array], second: dict[tuple[int, int], Array]) -> None:
        self.columns = [column]
        self._first, self._second = first, second

    def slopes(self) -> list[Array]:
        return [self.columns[0] * part for part in self._first]

    def curvature(self, residual: Array) -> dict[tuple[int, int], Array]:
        weighted = residual * self.columns[0]
        found = {}
        for p in range(len(self._first)):
            for q in range(p, len(self._first)):
                bend = self._first[p] * self._first[q]
                found[p, q] = dot(weighted, bend + self._second[p, q] if (p, q) in self._second else bend)
        return found


class LogLinearStart:
    """Start of a one-decay model by a straight (or bent) line through the logarithm of the signal.

    The squares of the signal are the weights, which undoes what the logarithm does to the noise.

    Parameters
    ----------
    bvalues, root_weights
        As for :class:`Exponentials`.
    degree : int
        1: theta = (ADC,). 2: theta = (MD, MK) of the kurtosis model.

    References
    ----------
    Weights: Salvador et al., Hum Brain Mapp 2005;24:144.
    """

    def __init__(self, bvalues: Array, root_weights: Array, degree: int) -> None:
        self._unit = float(bvalues.max())
        self._degree = degree
        self._powers = (bvalues / self._unit) ** np.arange(2 * degree + 1)[:, None]
        self._root_weights = None if np.all(root_weights == 1) else root_weights[:, None]

    def search(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the start (P, N) of each signal twice, and a score that says that there is no other valley."""
        size = self._degree + 1
        weights = y * y
        signal = np.maximum(y if self._root_weights is None else y / self._root_weights, 1e-3)
        left = self._powers @ weights
        np.log(signal, out=signal)
        signal *= weights
        right = self._powers[:size] @ signal
        matrix = [[left[p + q] for q in range(size)] for p in range(size)]
        line = solve_symmetric(matrix, list(right))
        theta = np.empty((self._degree, y.shape[1]))
        theta[0] = -line[1] / self._unit
        if self._degree == 2:
            slope = np.where(np.abs(line[1]) > 1e-6, line[1], 1e-6)
            theta[1] = 6.0 * line[2] / slope**2
        return theta, theta, np.full(y.shape[1], -np.inf)


def rate_axis(lower: float, upper: float, n: int, smallest: float) -> Array:
    """Return start values of a rate [mm2/s]: the lower bound, then ``n`` in geometric steps from ``smallest`` up."""
    low = max(lower, min(smallest, upper / 4))
    axis = np.geomspace(low, upper, n)
    axis[0], axis[-1] = low, upper
    return axis if low == lower else np.concatenate([[lower], axis])


def rate_grid(
    model: Exponentials, bounds: list[tuple[float, float]], fraction: tuple[float, float] = (0.0, 1.0)
) -> StartGrid:
    """Return the start grid of one or two rates in their ``bounds`` [mm2/s]."""
    sizes = ((15, 5e-5),) if len(bounds) == 1 else ((19, 1e-4), (12, 1e-3))
    axes = [rate_axis(*pair, n, smallest) for pair, (n, smallest) in zip(bounds, sizes, strict=True)]
    return StartGrid(model, axes, fraction)
