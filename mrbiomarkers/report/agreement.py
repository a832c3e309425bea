"""The agreement of two readers as a picture: differences against means, with the limits of agreement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mrbiomarkers.agreement import BlandAltman
from mrbiomarkers.agreement.ratings import Array, Estimate
from mrbiomarkers.quantities import quantity
from mrbiomarkers.report.style import COLOURS, figure_style, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GREY = "#555555"


def bland_altman_figure(
    result: BlandAltman,
    key: str,
    *,
    readers: tuple[str, str] = ("reader 1", "reader 2"),
    title: str = "",
) -> Figure:
    """Draw the difference of every pair against its mean, the bias and the limits of agreement.

    Bands are the confidence intervals of bias and limits. The line of the difference on the mean is drawn where its
    slope differs from 0 with p below 0.05; the title tells p in any case. On the log scale the ratio is drawn on
    logarithmic axes.

    Parameters
    ----------
    result : BlandAltman
        Of one column.
    key : str
        What was measured: a key of :mod:`mrbiomarkers.quantities`, values in its reported unit; or any other text,
        which is printed as it is with its unit, as ``"volume [mm3]"``.
    readers : tuple of str
        Names of a and b.
    title : str
        First line of the heading; by default the quantity.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When the result has more than one column or fewer than two pairs.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if result.means.ndim != 1:
        raise ValueError(f"result: expected one column, got leading shape {result.means.shape[:-1]}")
    if int(result.n) < 2:
        raise ValueError(f"result: expected at least two pairs, got {int(result.n)}")
    with figure_style():
        figure = Figure(figsize=(5.6, 3.9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.plot(result.means, result.differences, "o", color=COLOURS[0], markersize=4.5, alpha=0.75, zorder=3)
        if result.scale == "log":
            _use_log_axis(axes, "x", result.means)
            _use_log_axis(axes, "y", result.differences)
        _draw_lines(axes, result)
        if float(result.slope_p) < 0.05:
            _draw_slope(axes, result)
        name, symbol, unit = _names_and_unit(key)
        axes.set_xlabel(typeset(_with_unit(f"Mean of {readers[0]} and {readers[1]}, {symbol}", unit)))
        axes.set_ylabel(typeset(_difference(result.scale, readers, unit)))
        figure.suptitle(f"{typeset(title or name)}\n{_summary(result)}", fontsize=10)
        figure.draw_without_rendering()
    return figure


def _names_and_unit(key: str) -> tuple[str, str, str]:
    """Return name, symbol and unit of a quantity, or of a text such as ``"volume [mm3]"``."""
    try:
        known = quantity(key)
    except ValueError:
        name, _, unit = key.partition(" [")
        return name, name, unit.rstrip("]")
    return known.name, known.symbol, "" if known.reported_unit == "1" else known.reported_unit


def _with_unit(text: str, unit: str) -> str:
    return f"{text} [{unit}]" if unit else text


def _difference(scale: str, readers: tuple[str, str], unit: str) -> str:
    """Return the label of the vertical axis."""
    if scale == "log":
        return f"{readers[0]} / {readers[1]}"
    # Of a quantity in percent, "% of the mean" and percentage points would read alike.
    units = {"difference": "percentage points" if unit == "%" else unit, "percent": "% of the mean"}
    return _with_unit(f"{readers[0]} − {readers[1]}", units[scale])


def _summary(result: BlandAltman) -> str:
    """Return the second line of the heading: number of pairs and p of the slope."""
    left_out = f" ({int(result.n_incomplete)} left out)" if int(result.n_incomplete) else ""
    p = float(result.slope_p)
    if np.isnan(p):
        slope = "slope not determined"
    else:
        slope = "slope p < 0.001" if p < 0.001 else f"slope p = {p:.3f}" if p < 0.1 else f"slope p = {p:.2f}"
    return f"n = {int(result.n)} pairs{left_out}, {slope}, bands: {100 * result.confidence:g} % confidence"


def _draw_lines(axes: Axes, result: BlandAltman) -> None:
    """Draw bias and limits with their bands, and write their values at the right edge."""
    lines: tuple[tuple[str, Estimate, str, Any], ...] = (
        ("upper limit", result.upper_limit, COLOURS[1], (0, (5, 2))),
        ("bias", result.bias, _GREY, "-"),
        ("lower limit", result.lower_limit, COLOURS[1], (0, (5, 2))),
    )
    none = 1.0 if result.scale == "log" else 0.0
    axes.axhline(none, color="0.75", linewidth=0.8, zorder=0)
    digits = _digits(result)
    if float(result.sd) == 0:
        _open_axis(axes, result)
    for _, line, colour, dashes in lines:
        axes.axhspan(float(line.ci_low), float(line.ci_high), color=colour, alpha=0.13, linewidth=0, zorder=1)
        axes.axhline(float(line.value), color=colour, linestyle=dashes, linewidth=1.3, zorder=2)
    for place, (name, line, colour, _) in zip(_places(axes, [line for _, line, _, _ in lines]), lines, strict=True):
        value = f"{float(line.value):.{digits}f}".replace("-", "−")
        text = f"{name}\n{value}"
        axes.text(1.02, place, text, transform=axes.transAxes, color=colour, va="center", ha="left", fontsize=8.5)


def _open_axis(axes: Axes, result: BlandAltman) -> None:
    """Give the vertical axis a range where all differences are the same."""
    bias = float(result.bias.value)
    if result.scale == "log":
        axes.set_ylim(min(bias, 1.0) / 1.5, max(bias, 1.0) * 1.5)
    else:
        half = abs(bias) or (0.1 * float(np.nanmax(np.abs(result.means))) or 1.0)
        axes.set_ylim(min(bias, 0.0) - half, max(bias, 0.0) + half)


def _places(axes: Axes, lines: list[Estimate]) -> list[float]:
    """Return the heights of the texts as fractions of the axis, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    values = [float(line.value) for line in lines]
    if axes.get_yscale() == "log":
        low, high, values = np.log(low), np.log(high), [float(np.log(value)) for value in values]
    upper, middle, lower = ((value - low) / (high - low) for value in values)
    gap = 0.12
    return [max(upper, middle + gap), middle, min(lower, middle - gap)]


def _digits(result: BlandAltman) -> int:
    """Return the digits after the point that show the limits to three figures."""
    if result.scale == "log":
        return 3
    size = max(abs(float(result.upper_limit.value)), abs(float(result.lower_limit.value)))
    return int(np.clip(2 - np.floor(np.log10(size)), 0, 6)) if size > 0 else 1


def _draw_slope(axes: Axes, result: BlandAltman) -> None:
    """Draw the regression of the difference on the mean over the range of the means."""
    ends = np.array([np.nanmin(result.means), np.nanmax(result.means)])
    log = result.scale == "log"
    heights = float(result.intercept) + float(result.slope.value) * (np.log(ends) if log else ends)
    axes.plot(ends, np.exp(heights) if log else heights, color=COLOURS[2], linewidth=1.3, zorder=2, label="regression")
    axes.legend(loc="best", frameon=False)


def _use_log_axis(axes: Axes, which: str, values: Array) -> None:
    """Make an axis logarithmic, with plain numbers at marks as close as its range needs."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    known = values[np.isfinite(values)]
    wide = known.max() > 4 * known.min()
    axis = {"x": axes.xaxis, "y": axes.yaxis}[which]
    {"x": axes.set_xscale, "y": axes.set_yscale}[which]("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)) if wide else MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
