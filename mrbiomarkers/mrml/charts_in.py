"""Charts of this extension back to numbers: what :mod:`mrbiomarkers.mrml.plots_out` has put into their tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.mrml.nodes import check_node, said
from mrbiomarkers.quantities import QUANTITIES

Array = NDArray[np.float64]
Points = tuple[Array, Array]

_HEADING = re.compile(r"(?P<region>.*) \((?P<count>\d+) voxels?\)(?:, (?P<note>.*))?")
_PERCENT = "% of the mean"


@dataclass(frozen=True, eq=False)
class DecayNumbers:
    """The mean signal of a region with the curves fitted to it.

    Attributes
    ----------
    region : str
        Name of the region, with its reader where there are several.
    n_voxels : int or None
        Number of voxels in it.
    note : str
        What else the title says: the unit of the values in the legend.
    is_echo : bool
        Whether ``x`` are echo times [ms]; else b-values [s/mm2].
    x, mean, sd : (B,) array
        Places, mean signal and its standard deviation over the voxels [a.u.]; NaN where there is none.
    curves : dict of str to ((N,) array, (N,) array)
        Places and signal of each curve, by its name in the legend.
    """

    region: str
    n_voxels: int | None
    note: str
    is_echo: bool
    x: Array
    mean: Array
    sd: Array
    curves: dict[str, Points]


@dataclass(frozen=True, eq=False)
class PairNumbers:
    """The pairs of a Bland-Altman chart.

    Attributes
    ----------
    name : str
        What is compared, as the name of the chart says it: ``"D, ivim, mean of map"``.
    quantity : str
        Key of the quantity, or what the axis says of it, as ``"volume [mm3]"``.
    readers : tuple of str
        Names of a and b.
    scale : str
        As for :func:`mrbiomarkers.agreement.bland_altman`.
    a, b : (n,) array
        Values of both readers.
    """

    name: str
    quantity: str
    readers: tuple[str, str]
    scale: str
    a: Array
    b: Array


def decay_numbers(chart: Any) -> DecayNumbers | None:
    """Return what a decay chart shows; None for a chart of another kind.

    Parameters
    ----------
    chart : vtkMRMLPlotChartNode
        Made by :func:`mrbiomarkers.mrml.plots_out.add_decay_chart`, in this session or loaded with a scene.

    Raises
    ------
    TypeError
        When the node is no chart.
    ValueError
        When the table of a series is gone.
    """
    names = _series(chart)
    stem = next((name.removesuffix(": mean") for name in names if name.endswith(": mean")), None)
    if stem is None:
        return None
    x, mean = _points(chart, names[f"{stem}: mean"])
    sd = np.full(x.shape, np.nan)
    if f"{stem}: SD" in names:
        sd = _spread(x, mean, *_points(chart, names[f"{stem}: SD"]))
    own = (f"{stem}: mean", f"{stem}: SD")
    curves = {name.removeprefix(f"{stem}: "): _points(chart, node) for name, node in names.items() if name not in own}
    title = chart.GetTitle() or stem
    heading = _HEADING.fullmatch(title)
    is_echo = (chart.GetXAxisTitle() or "").startswith("TE")
    if heading is None:
        return DecayNumbers(title, None, "", is_echo, x, mean, sd, curves)
    return DecayNumbers(heading["region"], int(heading["count"]), heading["note"] or "", is_echo, x, mean, sd, curves)


def pair_numbers(chart: Any) -> PairNumbers | None:
    """Return the pairs of a Bland-Altman chart; None for a chart of another kind.

    Parameters
    ----------
    chart : vtkMRMLPlotChartNode
        Made by :func:`mrbiomarkers.mrml.plots_out.add_agreement_chart`, in this session or loaded with a scene. Pairs
        with a missing value are not in it.

    Raises
    ------
    TypeError
        When the node is no chart.
    ValueError
        When the table of the pairs is gone.
    """
    node = next((node for name, node in _series(chart).items() if name.endswith(": pairs")), None)
    if node is None:
        return None
    means, differences = _points(chart, node)
    across, up = chart.GetXAxisTitle() or "", chart.GetYAxisTitle() or ""
    readers, shown, scale = _axes(across, up)
    name = re.sub(r"_\d+$", "", chart.GetName() or shown).removeprefix("Agreement in ")
    if scale == "log":
        half = np.sqrt(differences)
        return PairNumbers(name, shown, readers, scale, means * half, means / half)
    half = (means * differences / 100 if scale == "percent" else differences) / 2
    return PairNumbers(name, shown, readers, scale, means + half, means - half)


def _series(chart: Any) -> dict[str, Any]:
    check_node("chart", chart, "vtkMRMLPlotChartNode")
    nodes = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    return {node.GetName(): node for node in nodes if node is not None}


def _points(chart: Any, series: Any) -> Points:
    """Return x and y of a series, NaN rows among them."""
    table = series.GetTableNode()
    columns = [] if table is None else [table.GetTable().GetColumnByName(name) for name in ("x", "y")]
    if len(columns) != 2 or None in columns:
        raise ValueError(f"{said(chart)}: expected a table with x and y behind each line, got none for {said(series)}")
    x, y = ([_number(column.GetValue(row)) for row in range(column.GetNumberOfTuples())] for column in columns)
    return np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)


def _number(cell: Any) -> float:
    """Return the number of a cell; a table of a scene file may hold texts."""
    return float(cell if cell not in ("", None) else "nan")


def _spread(x: Array, mean: Array, at: Array, ends: Array) -> Array:
    """Return the SD at each mean from the strokes of the bars, of which there may be none for some means."""
    sd = np.full(x.shape, np.nan)
    starts = [row for row in range(at.size - 1) if np.isfinite(at[row : row + 2]).all()]
    place = 0
    for row in starts:  # in the order of the means, which lie in the middle of their bars
        low, high = ends[row], ends[row + 1]
        slack = 1e-5 * abs(high)  # files hold six digits
        for number in range(place, x.size):
            is_cut = low + slack < mean[number] < (low + high) / 2  # a bar to 0 ends above it on a logarithmic axis
            is_middle = abs((low + high) / 2 - mean[number]) <= slack
            if x[number] == at[row] and (is_middle or (is_cut and _is_least(low, mean))):
                sd[number], place = max(high - mean[number], 0.0), number + 1
                break
    return sd


def _is_least(low: float, mean: Array) -> bool:
    """Whether a bar was cut at its lower end: all bars are at the same height, below every mean."""
    return bool(low < 0.5 * np.nanmin(mean))


def _axes(across: str, up: str) -> tuple[tuple[str, str], str, str]:
    """Return the readers, the quantity and the scale from the titles of both axes."""
    text, _, unit = across.removeprefix("Mean of ").partition(" [")
    named, _, symbol = text.rpartition(", ")
    unit = unit.rstrip("]")
    found = [key for key, known in QUANTITIES.items() if (known.ascii_symbol, known.ascii_unit) == (symbol, unit)]
    shown = found[0] if found else f"{symbol} [{unit}]" if unit else symbol
    signs = {" / ": "log", " - ": "percent" if f"[{_PERCENT}]" in up else "difference"}
    for cut in re.finditer(" and ", named):  # a name may hold the word
        first, second = named[: cut.start()], named[cut.end() :]
        for sign, scale in signs.items():
            if up == f"{first}{sign}{second}" or up.startswith(f"{first}{sign}{second} ["):
                return (first, second), shown, scale
    return ("reader 1", "reader 2"), shown, signs[" / " if " / " in up else " - "]
