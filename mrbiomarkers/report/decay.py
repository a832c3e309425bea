"""The signal of a region against the b-value, with the curves fitted to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues, check_real_array
from mrbiomarkers.report.style import COLOURS, figure_style, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Callable[[NDArray[np.float64]], ArrayLike]
"""Gives the signal (B,) [a.u.] at b-values (B,) [s/mm2]."""

_ZOOM = 200.0  # upper end of the enlarged part [s/mm2]
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_MARKS = ("o", "s", "^", "D")
_Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Decay:
    """What is plotted: points in order of b, and the curves on a fine grid and at the points."""

    b: _Values
    mean: _Values
    sd: _Values
    fine: _Values
    lines: dict[str, _Values]
    residuals: dict[str, _Values]

    @property
    def positive(self) -> bool:
        """Whether a logarithmic axis can show everything."""
        return all(bool(np.all(values[np.isfinite(values)] > 0)) for values in (self.mean, *self.lines.values()))


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
    decay = _collect(bvalues, mean, sd, curves)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    zoomed = np.unique(decay.b[decay.b <= _ZOOM]).size >= 2 and decay.b[-1] > _ZOOM
    with figure_style():
        figure = Figure(figsize=(7.6 if zoomed else 5.2, 4.9 if curves else 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        rows, columns = (2 if curves else 1), (2 if zoomed else 1)
        ratios = (3.2, 1)[:rows]
        axes = figure.subplots(rows, columns, squeeze=False, sharex="col", height_ratios=ratios)
        _draw_signal(axes[0, 0], decay, log=decay.positive)
        if zoomed:
            _draw_signal(axes[0, 1], decay, log=False, limit=_ZOOM)
            axes[0, 0].set_title("All b-values", loc="left")
            axes[0, 1].set_title(typeset(f"b up to {_ZOOM:g} s/mm2"), loc="left")
        if curves:
            _draw_residuals(axes[1], decay)
            _add_legend(figure, axes[0, 0], most=columns)
        for column, limit in zip(range(columns), (np.inf, _ZOOM), strict=False):
            _b_axis(axes[-1, column], decay.b, limit)
        figure.align_ylabels()
        count = "" if n_voxels is None else f" ({n_voxels} voxel{'s' if n_voxels != 1 else ''})"
        heading = f"{region}{count}: mean ± SD over voxels"
        figure.suptitle(heading + (f"\n{typeset(subtitle)}" if subtitle else ""), fontsize=10)
        figure.draw_without_rendering()
    return figure


def _collect(bvalues: ArrayLike, mean: ArrayLike, sd: ArrayLike, curves: Mapping[str, Curve]) -> _Decay:
    """Check the arguments of :func:`decay_figure`, sort the points by b and evaluate the curves."""
    b = check_bvalues(bvalues)
    order = np.argsort(b, kind="stable")
    points = {}
    for name, values in (("mean", mean), ("sd", sd)):
        points[name] = check_real_array(name, values, ndim=1).astype(np.float64)
        if points[name].size != b.size:
            raise ValueError(f"{name}: expected {b.size} values, one for each b-value, got {points[name].size}")
    if not np.isfinite(points["mean"]).any():
        raise ValueError("mean: expected at least one finite value, got none")
    if np.any(points["sd"] < 0):
        raise ValueError(f"sd: expected values of 0 or more, got {np.nanmin(points['sd']):g}")
    b, y = b[order], points["mean"][order]
    # Close together where perfusion bends the curve, wider above.
    dense = np.linspace(b[0], min(_ZOOM, b[-1]), 201) if b[0] < _ZOOM else b[:1]
    fine = np.union1d(dense, np.linspace(b[0], b[-1], 301))
    lines = {label: _evaluate(label, curve, fine) for label, curve in curves.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        residuals = {
            label: 100 * (y - _evaluate(label, curve, b)) / abs(lines[label][0]) for label, curve in curves.items()
        }
    return _Decay(b, y, points["sd"][order], fine, lines, residuals)


def _evaluate(label: str, curve: Curve, b: _Values) -> _Values:
    """Return the signal (B,) of one curve, checked."""
    values = check_real_array(f"curve {label!r}", curve(b)).astype(np.float64)
    if values.shape != b.shape:
        raise ValueError(f"curve {label!r}: expected shape {b.shape}, as its b-values have, got {values.shape}")
    return values


def _draw_signal(axes: Axes, decay: _Decay, *, log: bool, limit: float = np.inf) -> None:
    """Draw points with bars, and curves, up to the b-value ``limit``."""
    shown, fine = decay.b <= limit, decay.fine <= limit
    for n, (label, line) in enumerate(decay.lines.items()):
        colour, dashes = COLOURS[n % len(COLOURS)], _DASHES[n % len(_DASHES)]
        axes.plot(
            decay.fine[fine], line[fine], label=typeset(label), color=colour, linestyle=dashes, linewidth=1.6, zorder=2
        )
    b, y, sd = decay.b[shown], decay.mean[shown], decay.sd[shown]
    bars = np.where(np.isfinite(sd), sd, 0.0)
    axes.errorbar(
        b,
        y,
        bars,
        label="Measured: mean ± SD",
        fmt="o",
        color="black",
        markersize=4,
        elinewidth=0.9,
        capsize=2.5,
        zorder=3,
    )
    if log:
        _log_axis(axes, np.concatenate([y, y + bars, y - bars, *decay.lines.values()]), float(np.nanmin(y)))
    axes.set_ylabel("Signal [a.u.], " + ("logarithmic axis" if log else "linear axis"))


def _draw_residuals(row: NDArray[np.object_], decay: _Decay) -> None:
    """Draw what the curves leave over into one axes or two, with the same reach up and down in both."""
    finite = np.concatenate([values[np.isfinite(values)] for values in decay.residuals.values()] + [np.ones(1)])
    reach = 1.15 * float(abs(finite).max())  # at least about 1 %, lest rounding looks like misfit
    for axes, limit in zip(row, (np.inf, _ZOOM), strict=False):
        shown = decay.b <= limit
        axes.axhline(0, color="0.5", linewidth=0.8, zorder=0)
        for n, values in enumerate(decay.residuals.values()):
            look = {"color": COLOURS[n % len(COLOURS)], "marker": _MARKS[n % len(_MARKS)]}
            axes.plot(decay.b[shown], values[shown], markersize=4, linewidth=0.7, **look)
        axes.set_ylim(-reach, reach)
    row[0].set_ylabel("Data − curve\n[% at lowest b]")


def _b_axis(axes: Axes, b: _Values, limit: float) -> None:
    """Label the b axis and leave a little room at both ends."""
    last = float(min(limit, b[-1]))
    room = 0.03 * (last - b[0])
    axes.set_xlim(b[0] - room, last + room)
    axes.set_xlabel(typeset("b [s/mm2]"))


def _add_legend(figure: Figure, axes: Axes, most: int) -> None:
    """Put the legend under the panels in ``most`` columns, measured first; long texts stand one below the other."""
    handles, labels = axes.get_legend_handles_labels()
    columns = 1 if max(len(label) for label in labels) > 44 else min(len(labels), most)
    first = labels.index("Measured: mean ± SD")
    order = [first, *(n for n in range(len(labels)) if n != first)]
    shown = [handles[n] for n in order], [labels[n] for n in order]
    figure.legend(*shown, loc="outside lower center", ncols=columns, frameon=False)


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
