"""The signal of a region against the b-value, with the curves fitted to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues
from mrbiomarkers.report.curves import (
    Curve,
    FittedPoints,
    add_legend,
    draw_points,
    draw_residuals,
    fitted_points,
    region_heading,
)
from mrbiomarkers.report.style import figure_style, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ZOOM = 200.0  # upper end of the enlarged part [s/mm2]
_Values = NDArray[np.float64]


def decay_figure(
    region: str,
    bvalues: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike,
    curves: Mapping[str, Curve],
    *,
    n_voxels: int | None = None,
    subtitle: str = "",
) -> Figure:
    """Draw the mean signal of a region against b, the fitted curves, and what the curves leave over.

    The left panel holds all b-values with a logarithmic signal axis (linear where a mean or a curve is not above 0);
    the right panel enlarges 0 to 200 s/mm2 where at least two different b-values lie there and others lie above.
    Beneath, residuals in percent of each curve's signal at the lowest b, if there are curves.

    Parameters
    ----------
    region : str
        Name of the region, for the title.
    bvalues : (B,) array_like [s/mm2]
        In any order, repeats allowed.
    mean, sd : (B,) array_like [a.u.]
        Mean signal over the voxels of the region and its standard deviation; NaN where there is none.
    curves : mapping of str to callable
        Legend text of each curve, and the function that gives its signal [a.u.] at an array of b-values [s/mm2].
    n_voxels : int, optional
        Number of voxels in the region, for the title.
    subtitle : str
        A second line: subject, series, date.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When shapes do not fit together, no mean is finite, an sd is negative, or a curve returns another shape.
    """
    b = check_bvalues(bvalues)
    points = fitted_points(b, mean, sd, curves, _fine_grid(b.min(), b.max()), each="b-value")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    zoomed = np.unique(b[b <= _ZOOM]).size >= 2 and b.max() > _ZOOM
    with figure_style():
        figure = Figure(figsize=(7.6 if zoomed else 5.2, 4.9 if curves else 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        rows, columns = (2 if curves else 1), (2 if zoomed else 1)
        ratios = (3.2, 1)[:rows]
        axes = figure.subplots(rows, columns, squeeze=False, sharex="col", height_ratios=ratios)
        limits = (np.inf, _ZOOM)[:columns]
        _draw_signal(axes[0, 0], points, log=points.positive)
        if zoomed:
            _draw_signal(axes[0, 1], points, log=False, limit=_ZOOM)
            axes[0, 0].set_title("All b-values", loc="left")
            axes[0, 1].set_title(typeset(f"b up to {_ZOOM:g} s/mm2"), loc="left")
        if curves:
            draw_residuals(list(axes[1]), points, limits, "Data − curve\n[% at lowest b]")
            add_legend(figure, axes[0, 0], most=columns)
        for column, limit in enumerate(limits):
            _b_axis(axes[-1, column], points.x, limit)
        figure.align_ylabels()
        figure.suptitle(region_heading(region, n_voxels, subtitle), fontsize=10)
        figure.draw_without_rendering()
    return figure


def _fine_grid(low: float, high: float) -> _Values:
    """Return b-values close together where perfusion bends the curve, wider above."""
    dense = np.linspace(low, min(_ZOOM, high), 201) if low < _ZOOM else np.array([low])
    return np.union1d(dense, np.linspace(low, high, 301))


def _draw_signal(axes: Axes, points: FittedPoints, *, log: bool, limit: float = np.inf) -> None:
    """Draw points with bars, and curves, up to the b-value ``limit``."""
    draw_points(axes, points, limit)
    if log:
        shown = points.x <= limit
        y, bars = points.mean[shown], np.nan_to_num(points.sd[shown], posinf=0.0)
        _log_axis(axes, np.concatenate([y, y + bars, y - bars, *points.lines.values()]), float(np.nanmin(y)))
    axes.set_ylabel("Signal [a.u.], " + ("logarithmic axis" if log else "linear axis"))


def _b_axis(axes: Axes, b: _Values, limit: float) -> None:
    """Label the b axis and leave a little room at both ends."""
    last = float(min(limit, b[-1]))
    room = 0.03 * (last - b[0])
    axes.set_xlim(b[0] - room, last + room)
    axes.set_xlabel(typeset("b [s/mm2]"))


def _log_axis(axes: Axes, values: _Values, smallest_mean: float) -> None:
    """Make the signal axis logarithmic with plain numbers; a bar that reaches to 0 does not stretch it."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    usable = values[np.isfinite(values) & (values > 0)]
    low = max(usable.min(), 0.25 * min(smallest_mean, usable.max())) if np.isfinite(smallest_mean) else usable.min()
    high = usable.max()
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(low / 1.15, high * 1.15)
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if high / low < 4 else (1, 2, 3, 5) if high / low < 40 else (1,)
    axes.yaxis.set_major_locator(LogLocator(10, subs=steps, numticks=30))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
