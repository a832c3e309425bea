"""What figures of a region's signal share: measured points with bars, fitted curves, residuals, legend, heading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array
from mrbiomarkers.report.style import COLOURS, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Callable[[NDArray[np.float64]], ArrayLike]
"""Gives the signal (N,) [a.u.] at N places of the axis: b-values or echo times."""

_MEASURED = "Measured: mean ± SD"
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_MARKS = ("o", "s", "^", "D")
_Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FittedPoints:
    """What is plotted: points in ascending order, and the curves on a fine grid and at the points.

    Attributes
    ----------
    x : (N,) array
        Places of the points, in the unit of the axis.
    mean, sd : (N,) array [a.u.]
        Mean over the voxels and its standard deviation; NaN where there is none.
    fine : (M,) array
        Places where the curves are drawn.
    lines : dict of str to (M,) array [a.u.]
        The curves there, by legend text.
    residuals : dict of str to (N,) array [%]
        Mean minus curve, in percent of the curve at the first place of ``fine``.
    """

    x: _Values
    mean: _Values
    sd: _Values
    fine: _Values
    lines: dict[str, _Values]
    residuals: dict[str, _Values]

    @property
    def positive(self) -> bool:
        """Whether a logarithmic axis can show everything."""
        return all(bool(np.all(values[np.isfinite(values)] > 0)) for values in (self.mean, *self.lines.values()))


def fitted_points(
    x: _Values, mean: ArrayLike, sd: ArrayLike, curves: Mapping[str, Curve], fine: _Values, *, each: str
) -> FittedPoints:
    """Check the points of a figure, put them in order and evaluate the curves.

    Parameters
    ----------
    x : (N,) array
        Places of the points in any order, checked, in the unit that the curves take.
    mean, sd : (N,) array_like [a.u.]
        Mean and standard deviation; NaN where there is none.
    curves : mapping of str to callable
        Legend text of each curve, and the function that gives its signal [a.u.].
    fine : (M,) array
        Ascending places where the curves are drawn; residuals are in percent of the curve at the first.
    each : str
        What a place is, for messages: ``"b-value"``.

    Raises
    ------
    TypeError, ValueError
        When shapes do not fit together, no mean is finite, an sd is negative, or a curve returns another shape.
    """
    order = np.argsort(x, kind="stable")
    points = {}
    for name, values in (("mean", mean), ("sd", sd)):
        points[name] = check_real_array(name, values, ndim=1).astype(np.float64)
        if points[name].size != x.size:
            raise ValueError(f"{name}: expected {x.size} values, one for each {each}, got {points[name].size}")
    if not np.isfinite(points["mean"]).any():
        raise ValueError("mean: expected at least one finite value, got none")
    if np.any(points["sd"] < 0):
        raise ValueError(f"sd: expected values of 0 or more, got {np.nanmin(points['sd']):g}")
    x, y = x[order], points["mean"][order]
    lines = {label: _evaluate(label, curve, fine, each) for label, curve in curves.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        residuals = {
            label: 100 * (y - _evaluate(label, curve, x, each)) / abs(lines[label][0])
            for label, curve in curves.items()
        }
    return FittedPoints(x, y, points["sd"][order], fine, lines, residuals)


def _evaluate(label: str, curve: Curve, x: _Values, each: str) -> _Values:
    """Return the signal (N,) of one curve, checked."""
    values = check_real_array(f"curve {label!r}", curve(x)).astype(np.float64)
    if values.shape != x.shape:
        raise ValueError(f"curve {label!r}: expected shape {x.shape}, as its {each}s have, got {values.shape}")
    return values


def draw_points(axes: Axes, points: FittedPoints, limit: float = np.inf) -> None:
    """Draw the curves, and the points with their bars over them, up to the place ``limit``."""
    fine, shown = points.fine <= limit, points.x <= limit
    for n, (label, line) in enumerate(points.lines.items()):
        colour, dashes = COLOURS[n % len(COLOURS)], _DASHES[n % len(_DASHES)]
        axes.plot(
            points.fine[fine], line[fine], label=typeset(label), color=colour, linestyle=dashes, linewidth=1.6, zorder=2
        )
    sd = points.sd[shown]
    axes.errorbar(
        points.x[shown],
        points.mean[shown],
        np.where(np.isfinite(sd), sd, 0.0),
        label=_MEASURED,
        fmt="o",
        color="black",
        markersize=4,
        elinewidth=0.9,
        capsize=2.5,
        zorder=3,
    )


def draw_residuals(row: Sequence[Axes], points: FittedPoints, limits: Sequence[float], label: str) -> None:
    """Draw what the curves leave over into axes that end at ``limits``, with the same reach up and down in all."""
    finite = np.concatenate([values[np.isfinite(values)] for values in points.residuals.values()] + [np.ones(1)])
    reach = 1.15 * float(abs(finite).max())  # at least about 1 %, lest rounding looks like misfit
    for axes, limit in zip(row, limits, strict=True):
        shown = points.x <= limit
        axes.axhline(0, color="0.5", linewidth=0.8, zorder=0)
        for n, values in enumerate(points.residuals.values()):
            look: dict[str, Any] = {"color": COLOURS[n % len(COLOURS)], "marker": _MARKS[n % len(_MARKS)]}
            axes.plot(points.x[shown], values[shown], markersize=4, linewidth=0.7, **look)
        axes.set_ylim(-reach, reach)
    row[0].set_ylabel(label)


def add_legend(figure: Figure, axes: Axes, most: int) -> None:
    """Put the legend under the panels in up to ``most`` columns, the data first; long texts stand one below the other.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Laid out by ``layout="constrained"``.
    axes : matplotlib.axes.Axes
        Whose labelled curves and points are listed.
    most : int
        Largest number of columns.
    """
    handles, labels = axes.get_legend_handles_labels()
    columns = 1 if max(len(label) for label in labels) > 44 else min(len(labels), most)
    first = labels.index(_MEASURED)
    order = [first, *(n for n in range(len(labels)) if n != first)]
    shown = [handles[n] for n in order], [labels[n] for n in order]
    figure.legend(*shown, loc="outside lower center", ncols=columns, frameon=False)


def region_heading(region: str, n_voxels: int | None, subtitle: str) -> str:
    """Return the heading of a figure: the region with its number of voxels, what is shown, and a second line."""
    count = "" if n_voxels is None else f" ({n_voxels} voxel{'s' if n_voxels != 1 else ''})"
    return f"{region}{count}: mean ± SD over voxels" + (f"\n{typeset(subtitle)}" if subtitle else "")
