"""The signal of a region against the echo time, with the water-fat curves fitted to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_echo_times, check_field_strength
from mrbiomarkers.fatwater.signal import GYROMAGNETIC_RATIO
from mrbiomarkers.report.curves import Curve, add_legend, draw_points, draw_residuals, fitted_points, region_heading
from mrbiomarkers.report.style import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MS = 1e3
_MAIN_PEAK = 3.4  # of fat beside water [ppm]
_MOST_PERIODS = 12  # beyond, marks would stand too close to be read


def echo_figure(
    region: str,
    echo_times: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike,
    curves: Mapping[str, Curve],
    *,
    field_strength: float | None = None,
    n_voxels: int | None = None,
    subtitle: str = "",
) -> Figure:
    """Draw the magnitude of the mean signal of a region against the echo time, and the fitted curves.

    Water and fat beat against each other, so the curves are drawn finely, from an echo time of 0 on. Beneath, residuals
    in percent of each curve's signal at 0, if there are curves. With a field strength, light vertical lines mark the
    times at which water and the main peak of fat (-3.4 ppm) are in phase (IP) and opposed (OP); they are left out where
    there are more than 12 periods.

    Parameters
    ----------
    region : str
        Name of the region, for the title.
    echo_times : (N,) array_like [s]
        Ascending.
    mean : (N,) array_like [a.u.]
        Mean signal over the voxels of the region, each voxel's field and phase taken out first; of complex numbers the
        magnitude is drawn. NaN where there is none.
    sd : (N,) array_like [a.u.]
        Standard deviation over the voxels; NaN where there is none.
    curves : mapping of str to callable
        Legend text of each curve, and the function that gives its signal [a.u.] at an array of echo times [s]; of
        complex numbers the magnitude is drawn.
    field_strength : float, optional [T]
        For the marks of in-phase and opposed-phase times.
    n_voxels : int, optional
        Number of voxels in the region, for the title.
    subtitle : str
        A second line: subject, series, date.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        When echo times or field strength do not fit, shapes differ, no mean is finite, an sd is negative, or a curve
        returns another shape.
    """
    times = check_echo_times(echo_times) * _MS
    period = (
        None
        if field_strength is None
        else _MS / (GYROMAGNETIC_RATIO * _MAIN_PEAK * check_field_strength(field_strength))
    )
    fine = np.linspace(0, 1.03 * times[-1], 601)
    shown = {label: _in_ms(curve) for label, curve in curves.items()}
    points = fitted_points(times, _magnitude(mean), sd, shown, fine, each="echo time")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with figure_style():
        figure = Figure(figsize=(5.6, 4.9 if curves else 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        rows = 2 if curves else 1
        axes = figure.subplots(rows, 1, squeeze=False, sharex=True, height_ratios=(3.2, 1)[:rows])[:, 0]
        draw_points(axes[0], points)
        axes[0].set_ylim(bottom=0)
        axes[0].set_ylabel("Signal magnitude [a.u.]")
        axes[0].set_xlim(0, fine[-1])
        if curves:
            draw_residuals([axes[1]], points, (np.inf,), "Data − curve\n[% at TE 0]")
        if period is not None:
            _mark_phases(axes, period, float(fine[-1]))
        if curves or period is not None:
            add_legend(figure, axes[0], most=1)
        axes[-1].set_xlabel("Echo time [ms]")
        figure.align_ylabels()
        figure.suptitle(region_heading(region, n_voxels, subtitle), fontsize=10)
        figure.draw_without_rendering()
    return figure


def _magnitude(values: ArrayLike) -> NDArray[Any]:
    """Return the magnitude of complex values, and others as they are."""
    array = np.asarray(values)
    return np.asarray(np.abs(array)) if array.dtype.kind == "c" else array


def _in_ms(curve: Curve) -> Curve:
    """Return the magnitude of a curve as a function of the echo time in ms."""
    return lambda times: _magnitude(curve(times / _MS))


def _mark_phases(axes: NDArray[np.object_], period: float, last: float) -> None:
    """Draw lines at the times [ms] at which water and fat are opposed and in phase, named at the upper edge."""
    halves = np.arange(1, int(2 * last / period) + 1)
    if halves.size > 2 * _MOST_PERIODS:
        return
    for half in halves:
        opposed = half % 2 == 1
        look: dict[str, Any] = {"color": "0.75", "linewidth": 0.8, "linestyle": ":" if opposed else "-", "zorder": 0}
        for one in axes:
            one.axvline(half * period / 2, **look)
        _name(axes[0], half * period / 2, "OP" if opposed else "IP")
    axes[0].plot([], [], color="0.75", linewidth=0.8, label="IP, OP: water and fat in phase, opposed")


def _name(axes: Axes, time: float, text: str) -> None:
    axes.annotate(
        text,
        (time, 1.0),
        (0, 1),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7.5,
        color="0.4",
    )
