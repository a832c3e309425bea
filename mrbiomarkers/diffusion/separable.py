"""The diffusion models in the form that the least-squares solver takes: exponential columns over shared b-values."""

from __future__ import annotations

import numpy as np

from mrbiomarkers.leastsquares import StartGrid, dot
from mrbiomarkers.leastsquares.solver import Array


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
        self._minus_b = -bvalues[:, None]
        self._b_squared = bvalues[:, None] ** 2
        self._root_weights = None if np.all(root_weights == 1) else root_weights[:, None]

    def columns(self, theta: Array) -> list[Array]:
        """Return the weighted exponentials, each (B, N)."""
        columns = []
        for rate in theta:
            column = self._minus_b * rate
            np.exp(column, out=column)
            if self._root_weights is not None:
                column *= self._root_weights
            columns.append(column)
        return columns

    def slopes(self, theta: Array, columns: list[Array]) -> list[Array]:
        """Return the derivative of each column by its rate."""
        return [self._minus_b * column for column in columns]

    def curvature(self, theta: Array, columns: list[Array], residual: Array) -> dict[tuple[int, int], Array]:
        """Return residual . second derivative of each column by its rate."""
        weighted = residual * self._b_squared
        return {(p, p): dot(weighted, column) for p, column in enumerate(columns)}


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
