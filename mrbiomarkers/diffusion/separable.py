"""The diffusion models in the form that the least-squares solver takes: columns and their derivatives."""

from __future__ import annotations

import numpy as np

from mrbiomarkers.leastsquares import StartGrid, dot
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
        self.b_squared = bvalues[:, None] ** 2
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

    def slopes(self) -> list[Array]:
        return [self._model.minus_b * column for column in self.columns]

    def curvature(self, residual: Array) -> dict[tuple[int, int], Array]:
        weighted = residual * self._model.b_squared
        return {(p, p): dot(weighted, column) for p, column in enumerate(self.columns)}


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
        self._b = bvalues[:, None]
        self._b_squared = self._b**2
        self._root_weights = root_weights[:, None]

    def at(self, theta: Array) -> _OneDecayPoint:
        """Return the column and its derivatives at ``theta`` (2, N)."""
        slope, bend = theta
        exponent = self._b_squared * (slope**2 * bend / 6.0) - self._b * slope
        column = self._root_weights * np.exp(np.minimum(exponent, _LARGEST_EXPONENT))
        first = [self._b_squared * (slope * bend / 3.0) - self._b, self._b_squared * (slope**2 / 6.0)]
        second = {(0, 0): self._b_squared * (bend / 3.0), (0, 1): self._b_squared * (slope / 3.0)}
        return _OneDecayPoint(column, first, second)


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
