"""What the solver asks of a model."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class ModelPoint(Protocol):
    """A model at one theta for each of N fits.

    A point that knows a faster way to the inner products than over its slopes is also a
    :class:`~mrbiomarkers.leastsquares.products.FastPoint`.

    Attributes
    ----------
    columns : list of (M, N) array
        The columns.
    """

    columns: list[Array]

    def slopes(self) -> list[Array]:
        """Return, for each parameter, the derivative (M, N) of its column."""

    def curvature(self, residual: Array) -> dict[tuple[int, int], Array]:
        """Return, for each pair p <= q that shares a column, residual . d2(column)/d(theta_p)d(theta_q), each (N,)."""


class SeparableModel(Protocol):
    """What the solver asks of a model.

    Attributes
    ----------
    n_columns : int
        Number of linear coefficients: 1 or 2.
    column_of : tuple of int
        For each non-linear parameter, the one column that it shapes.
    """

    n_columns: int
    column_of: tuple[int, ...]

    def at(self, theta: Array) -> ModelPoint:
        """Return what the model is at ``theta`` (P, N)."""


def dot(a: Array, b: Array) -> Array:
    """Return the sum over measurements of ``a * b``, (N,), without a temporary of their size."""
    product: Array = np.einsum("mn,mn->n", a, b)
    return product
