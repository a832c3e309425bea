"""Plots of a scene: decays with their fits, agreement of two readers, and groups side by side.

Slicer's plots have neither error bars nor boxes. A line series breaks where a row is NaN, so one series draws any
number of strokes. Text is drawn by VTK, which drops Greek letters and raised minus signs without a word: every title
and legend here is plain ASCII.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.agreement import BlandAltman
from mrbiomarkers.checks import check_real_array
from mrbiomarkers.mrml.nodes import add_node, undo_on_error
from mrbiomarkers.quantities import quantity

Array = NDArray[np.float64]
Stroke = Sequence[tuple[float, float]]

# Colours that colour-blind readers tell apart (Okabe and Ito 2008), without the yellow that fades on white.
_COLOURS = (
    (0.000, 0.447, 0.698),
    (0.835, 0.369, 0.000),
    (0.000, 0.620, 0.451),
    (0.800, 0.475, 0.655),
    (0.902, 0.624, 0.000),
    (0.337, 0.706, 0.914),
)
_DARK, _GREY = (0.15, 0.15, 0.15), (0.5, 0.5, 0.5)
_LEAST = 0.25  # of the smallest mean: where bars that reach to 0 end on a logarithmic axis
_BOX, _CAP, _SPREAD = 0.25, 0.12, 0.16  # half widths; groups are 1 apart
_WIDE = 4.0  # largest by smallest from which the marks of a logarithmic axis are close enough
_GREEK = str.maketrans(
    {"α": "alpha", "β": "beta", "η": "eta", "Δ": "d", "μ": "u", "µ": "u", "−": "-", "–": "-", "×": "x", "±": "+/-"}
)


@dataclass(frozen=True)
class _Series:
    legend: str
    x: Array
    y: Array
    colour: tuple[float, float, float]
    line: str = "LineStyleSolid"
    width: float = 2.0
    marker: str = "MarkerStyleNone"
    size: float = 8.0


@dataclass(frozen=True)
class _Axis:
    title: str
    log: bool = False
    limits: tuple[float, float] | None = None


def add_decay_chart(
    region: str,
    x: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    curve_x: ArrayLike = (),
    x_title: str = "b [s/mm^2]",
    y_title: str = "Signal [a.u.]",
    log: bool = True,
    name: str = "",
    title: str = "",
) -> Any:
    """Add the mean signal of a region, its spread, and the curves fitted to it.

    Parameters
    ----------
    region : str
        Name of the region.
    x : (B,) array_like
        b-values or echo times in the unit that ``x_title`` says; in any order, repeats allowed.
    mean, sd : (B,) array_like [a.u.]
        Mean signal and its standard deviation over the voxels; NaN where there is none.
    curves : mapping of str to (N,) array_like [a.u.]
        Fitted signal at ``curve_x``, by the name in the legend.
    curve_x : (N,) array_like
        Where the curves are known: close together, so that they look smooth.
    x_title, y_title : str
        Axes with their units, for example ``"TE [ms]"``.
    log : bool
        Logarithmic signal axis; linear where a mean or a curve is not above 0. Bars that reach to 0 are cut there.
    name : str
        Name of the chart node; default "REGION decay".
    title : str
        Title; default the region.

    Returns
    -------
    vtkMRMLPlotChartNode

    Raises
    ------
    ValueError
        When shapes do not fit together, no mean is finite, or an sd is negative.
    """
    at, heights, spread = (_values(key, value) for key, value in (("x", x), ("mean", mean), ("sd", sd)))
    fine = _values("curve_x", curve_x)
    lines = {label: _values(f"curves[{label!r}]", curve) for label, curve in curves.items()}
    for key, array, shape in (
        ("mean", heights, at.shape),
        ("sd", spread, at.shape),
        *((f"curves[{label!r}]", curve, fine.shape) for label, curve in lines.items()),
    ):
        if array.shape != shape:
            raise ValueError(f"{key}: expected {shape[0]} values, one for each on the x axis, got {array.size}")
    if not np.any(np.isfinite(heights)) or np.any(spread < 0) or not np.all(np.isfinite(at)):
        raise ValueError("mean, sd: expected at least one finite mean, no negative sd, and finite x; got others")
    known = np.isfinite(heights)
    log = log and all(np.all(array[np.isfinite(array)] > 0) for array in (heights, *lines.values()))
    least = _LEAST * float(np.min(heights[known])) if log else -np.inf
    barred = known & np.isfinite(spread)
    bars = [
        ((b, max(m - s, least)), (b, m + s))
        for b, m, s in zip(at[barred], heights[barred], spread[barred], strict=True)
    ]
    series = [_Series("mean", at[known], heights[known], _DARK, "LineStyleNone", marker="MarkerStyleCircle")]
    if bars:
        series.append(_Series("SD", *_strokes(bars), _GREY, width=1.5))
    for number, (label, curve) in enumerate(lines.items()):
        series.append(_Series(label, fine, curve, _COLOURS[number % len(_COLOURS)]))
    axes = _Axis(x_title, limits=_around(np.concatenate([at, fine]))), _Axis(y_title, log)
    return _add_chart(name or f"{region} decay", region, title or region, series, *axes)


def add_agreement_chart(
    result: BlandAltman,
    key: str,
    *,
    readers: tuple[str, str] = ("reader 1", "reader 2"),
    name: str = "",
    title: str = "",
) -> Any:
    """Add a Bland-Altman plot: the difference of every pair against its mean, with bias and limits of agreement.

    Parameters
    ----------
    result : BlandAltman
        Of one column; it holds the pairs.
    key : str
        What was measured: a key of :mod:`mrbiomarkers.quantities`, or any other text with its unit, as
        ``"volume [mm3]"``.
    readers : tuple of str
        Names of a and b.
    name : str
        Name of the chart node; default "agreement in KEY".
    title : str
        Title; default the quantity and the number of pairs.

    Returns
    -------
    vtkMRMLPlotChartNode
        The legend says bias and limits.

    Raises
    ------
    ValueError
        When the result has more than one column or fewer than two pairs.
    """
    if result.means.ndim != 1:
        raise ValueError(f"result: expected one column, got leading shape {result.means.shape[:-1]}")
    if int(result.n) < 2:
        raise ValueError(f"result: expected at least two pairs, got {int(result.n)}")
    whole = np.isfinite(result.means) & np.isfinite(result.differences)
    means, differences = result.means[whole], result.differences[whole]
    ends = np.array([means.min(), means.max()])
    series = [_Series("pairs", means, differences, _COLOURS[0], "LineStyleNone", marker="MarkerStyleCircle")]
    for word, estimate, line in (
        ("upper limit", result.upper_limit, "LineStyleDash"),
        ("bias", result.bias, "LineStyleSolid"),
        ("lower limit", result.lower_limit, "LineStyleDash"),
    ):
        value = float(estimate.value)
        colour = _COLOURS[1] if word != "bias" else _DARK
        series.append(_Series(f"{word} {value:.3g}", ends, np.full(2, value), colour, line))
    symbol, unit = _symbol_and_unit(key)
    units = {"difference": "percentage points" if unit == "%" else unit, "percent": "% of the mean", "log": ""}
    log = result.scale == "log" and means.max() > _WIDE * means.min()
    x_axis = _Axis(_with_unit(f"Mean of {readers[0]} and {readers[1]}, {symbol}", unit), log, _around(means, log=log))
    drawn = np.concatenate([one.y for one in series])
    log = result.scale == "log" and drawn.max() > _WIDE * drawn.min()
    sign = "/" if result.scale == "log" else "-"
    limits = _around(drawn, log=log, entries=len(series))
    y_axis = _Axis(_with_unit(f"{readers[0]} {sign} {readers[1]}", units[result.scale]), log, limits)
    heading = title or f"{symbol}: {int(result.n)} pairs"
    return _add_chart(name or f"agreement in {symbol}", symbol, heading, series, x_axis, y_axis)


def add_box_chart(groups: Mapping[str, ArrayLike], ylabel: str, *, name: str = "", title: str = "") -> Any:
    """Add groups side by side: boxes from quartile to quartile, medians, whiskers, and every value.

    Whiskers reach to the last value within 1.5 times the box from it (Tukey 1977). Values that are not finite are left
    out. Slicer's axes cannot hold names: the legend has them in colour and the x axis by number.

    Parameters
    ----------
    groups : mapping of str to (n,) array_like
        Values of each group.
    ylabel : str
        What the values are, with the unit, for example ``"D [10^-3 mm^2/s]"``.
    name : str
        Name of the chart node; default "LABEL by group".
    title : str
        Title; default none.

    Returns
    -------
    vtkMRMLPlotChartNode

    Raises
    ------
    ValueError
        When there is no group, or one has no finite value.
    """
    if not groups:
        raise ValueError("groups: expected at least one, got none")
    finite: dict[str, Array] = {}
    for group, values in groups.items():
        array = _values(f"groups[{group!r}]", values)
        finite[group] = np.sort(array[np.isfinite(array)])
        if finite[group].size == 0:
            raise ValueError(f"groups[{group!r}]: expected at least one finite value, got none")
    series, medians, points = [], [], []
    for number, (group, values) in enumerate(finite.items(), start=1):
        strokes = _box(number, values)
        colour = _COLOURS[(number - 1) % len(_COLOURS)]
        series.append(_Series(f"{group} (n = {values.size})", *_strokes(strokes), colour))
        median = float(np.median(values))
        medians.append(((number - _BOX, median), (number + _BOX, median)))
        points += list(zip(number + _spread(values.size), values, strict=True))
    series.append(_Series("median", *_strokes(medians), _DARK, width=4.0))
    x, y = np.array(points).T
    series.append(_Series("values", x, y, _GREY, "LineStyleNone", marker="MarkerStyleCircle", size=6.0))
    named = ", ".join(f"{number}: {group}" for number, group in enumerate(finite, start=1))
    stem = ylabel.partition(" [")[0] or ylabel
    axes = _Axis(named, limits=(0.5, len(finite) + 0.5)), _Axis(ylabel, limits=_around(y, entries=len(series)))
    return _add_chart(name or f"{stem} by group", stem, title, series, *axes)


def _values(name: str, values: ArrayLike) -> Array:
    return check_real_array(name, values, ndim=1).astype(np.float64)


def _around(values: Array, *, log: bool = False, entries: int = 0) -> tuple[float, float]:
    """Return the ends of an axis: a little room beyond the values, and above them room for a legend."""
    known = np.log(values[np.isfinite(values)]) if log else values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    room = (high - low) or abs(high) or 1.0
    low, high = low - 0.04 * room, high + (0.04 + 0.06 * entries) * room
    return (float(np.exp(low)), float(np.exp(high))) if log else (low, high)


def _strokes(strokes: Sequence[Stroke]) -> tuple[Array, Array]:
    """Return x and y of strokes one after the other, NaN between them."""
    gap = (np.nan, np.nan)
    points = np.array([point for stroke in strokes for point in (*stroke, gap)][:-1])
    return points[:, 0], points[:, 1]


def _box(place: int, values: Array) -> list[Stroke]:
    """Return box and whiskers of sorted values."""
    low, high = (float(value) for value in np.percentile(values, (25, 75)))
    reach = 1.5 * (high - low)
    first, last = float(values[values >= low - reach][0]), float(values[values <= high + reach][-1])
    left, right = place - _BOX, place + _BOX
    return [
        ((left, low), (left, high), (right, high), (right, low), (left, low)),
        ((place, low), (place, first)),
        ((place - _CAP, first), (place + _CAP, first)),
        ((place, high), (place, last)),
        ((place - _CAP, last), (place + _CAP, last)),
    ]


def _spread(size: int) -> Array:
    """Return the same sideways places every time, such that neighbours in size lie apart (golden ratio)."""
    return np.asarray((2 * (np.arange(1, size + 1) * 0.618034 % 1.0) - 1) * _SPREAD)


def _symbol_and_unit(key: str) -> tuple[str, str]:
    try:
        known = quantity(key)
    except ValueError:
        symbol, _, unit = key.partition(" [")
        return symbol, unit.rstrip("]")
    return known.ascii_symbol, known.ascii_unit


def _with_unit(text: str, unit: str) -> str:
    return f"{text} [{unit}]" if unit else text


def _ascii(text: str) -> str:
    """Return a text with ASCII characters only; what has no such spelling becomes a question mark, in view."""
    raised = re.sub("[⁺⁻⁰¹²³⁴-⁹]+", lambda found: f"^{unicodedata.normalize('NFKC', found[0])}", text)
    apart = unicodedata.normalize("NFKD", raised.translate(_GREEK)).translate(_GREEK)
    return "".join(c for c in apart if not unicodedata.combining(c)).encode("ascii", "replace").decode("ascii")


def _add_chart(name: str, stem: str, title: str, series: Sequence[_Series], x_axis: _Axis, y_axis: _Axis) -> Any:
    """Add a chart, its series and their tables; the name of a series is its entry in the legend."""
    stem = _free(_ascii(stem), [_ascii(one.legend) for one in series])
    with undo_on_error():
        chart = add_node("vtkMRMLPlotChartNode", name)
        chart.SetAttribute("MRBiomarkers.Chart", chart.GetName())
        chart.SetTitle(_ascii(title))
        chart.SetXAxisTitle(_ascii(x_axis.title))
        chart.SetYAxisTitle(_ascii(y_axis.title))
        chart.SetXAxisLogScale(x_axis.log)
        chart.SetYAxisLogScale(y_axis.log)
        if x_axis.limits is not None:
            chart.SetXAxisRangeAuto(False)
            chart.SetXAxisRange(*x_axis.limits)
        if y_axis.limits is not None:
            chart.SetYAxisRangeAuto(False)
            chart.SetYAxisRange(*y_axis.limits)
        chart.SetGridVisibility(False)
        chart.SetLegendFontSize(12)
        for one in series:
            node = _add_series(f"{stem}: {_ascii(one.legend)}", one)
            chart.AddAndObservePlotSeriesNodeID(node.GetID())
    return chart


def _free(stem: str, legends: Sequence[str]) -> str:
    """Return the stem with a number where it takes one: a number behind the legend would change a value in it."""
    free, number = stem, 1
    while any(slicer.mrmlScene.GetFirstNodeByName(f"{free}: {legend}") for legend in legends):
        number += 1
        free = f"{stem} ({number})"
    return free


def _add_series(name: str, series: _Series) -> Any:
    """Add a series and the table of its points."""
    table = add_node("vtkMRMLTableNode", f"{name} (points)")
    for column, values in (("x", series.x), ("y", series.y)):
        array = vtk.vtkDoubleArray()
        array.SetName(column)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
        table.SetColumnNullValue(column, "nan")
    table.SetUseColumnTitleAsColumnHeader(True)
    node = add_node("vtkMRMLPlotSeriesNode", name)
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetXColumnName("x")
    node.SetYColumnName("y")
    node.SetPlotType(node.PlotTypeScatter)
    node.SetLineStyle(getattr(node, series.line))
    node.SetLineWidth(series.width)
    node.SetMarkerStyle(getattr(node, series.marker))
    node.SetMarkerSize(series.size)
    node.SetColor(*series.colour)
    return node
