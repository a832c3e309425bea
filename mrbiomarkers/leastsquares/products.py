"""The inner products of a model's columns, slopes and residual, over slopes or by a way of the model's own."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from mrbiomarkers.leastsquares.model import Array, ModelPoint, dot


class Products(NamedTuple):
    """Inner products over the measurements that the reduced problem is made of; (N,) each.

    Attributes
    ----------
    along : list
        ``slope_p . residual``.
    cross : list of list
        ``cross[p][l] = column_l . slope_p``.
    tangent : dict
        ``slope_p . slope_q`` for p <= q.
    bend : dict
        ``residual . d2(column)/d(theta_p)d(theta_q)`` for the pairs p <= q that share a column.
    """

    along: list[Array]
    cross: list[list[Array]]
    tangent: dict[tuple[int, int], Array]
    bend: dict[tuple[int, int], Array]


@runtime_checkable
class FastPoint(Protocol):
    """A point with its own way to the inner products."""

    def gram(self) -> dict[tuple[int, int], Array]:
        """Return ``column_a . column_b`` for a <= b."""

    def products(self, residual: Array) -> Products:
        """Return the inner products with the residual (M, N)."""


def gram_of(point: ModelPoint) -> dict[tuple[int, int], Array]:
    """Return ``column_a . column_b`` for a <= b, each (N,)."""
    return point.gram() if isinstance(point, FastPoint) else plain_gram(point)


def plain_gram(point: ModelPoint) -> dict[tuple[int, int], Array]:
    """Return what :func:`gram_of` does, from the columns alone: quicker where the other products are not needed."""
    columns = point.columns
    return {(a, b): dot(columns[a], columns[b]) for a in range(len(columns)) for b in range(a, len(columns))}


def products_of(point: ModelPoint, residual: Array) -> Products:
    """Return the inner products of a point with the residual (M, N)."""
    if isinstance(point, FastPoint):
        return point.products(residual)
    slopes = point.slopes()
    size = len(slopes)
    return Products(
        [dot(slope, residual) for slope in slopes],
        [[dot(column, slope) for column in point.columns] for slope in slopes],
        {(p, q): dot(slopes[p], slopes[q]) for p in range(size) for q in range(p, size)},
        point.curvature(residual),
    )
