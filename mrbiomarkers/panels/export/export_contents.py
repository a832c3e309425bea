"""What of a scene can be exported: tables, charts and maps of this extension, and a table as text. No Qt."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mrbiomarkers.mrml import check_node
from mrbiomarkers.mrml.charts_in import DecayNumbers, PairNumbers, decay_numbers, pair_numbers
from mrbiomarkers.mrml.scene_nodes import visible_nodes
from mrbiomarkers.panels.measure.map_list import model_of
from mrbiomarkers.settings import MeasureSettings

_TABLE, _QUANTITY = "MRBiomarkers.Table", "MRBiomarkers.Quantity"
_SOURCE = "MRBiomarkers.Source"  # role of a node reference


@dataclass(frozen=True, eq=False)
class Results:
    """What there is to export: nodes of the scene; what is None or empty is not there.

    Attributes
    ----------
    identity : MeasureSettings
        Subject, time point and reader as they may be shown: they name the folder.
    is_echo : bool
        Of a multi-echo series; else of a diffusion series.
    table : vtkMRMLTableNode or None
        The table that is written as CSV.
    measurements : vtkMRMLTableNode or None
        The measurement table for the DICOM report.
    charts : sequence of vtkMRMLPlotChartNode or None
        Decays that become figures; None: all that are not hidden.
    maps : dict of str to vtkMRMLScalarVolumeNode
        By the names of their files.
    best_model : vtkMRMLLabelMapVolumeNode or None
        Which model each voxel supports.
    regions : vtkMRMLSegmentationNode or None
        The regions.
    points : vtkMRMLMarkupsFiducialNode or None
        Points in vertebral bodies.
    image : node or None
        Series or image on whose grid the regions are written and shown; without it, the grid of the maps.
    """

    identity: MeasureSettings = field(default_factory=MeasureSettings)
    is_echo: bool = False
    table: Any = None
    measurements: Any = None
    charts: Any = None
    maps: Mapping[str, Any] = field(default_factory=dict)
    best_model: Any = None
    regions: Any = None
    points: Any = None
    image: Any = None

    @property
    def has_points(self) -> bool:
        """Whether a point has a position."""
        return self.points is not None and self.points.GetNumberOfDefinedControlPoints() > 0


def latest_table(*kinds: str) -> Any:
    """Return the table that was made last, of one of these kinds; None where there is none.

    Parameters
    ----------
    *kinds : str
        ``"measurements"``, ``"summary"`` or ``"records"``. What is hidden, as from a blinded reader, does not count.
    """
    found = [node for node in visible_nodes("vtkMRMLTableNode") if node.GetAttribute(_TABLE) in kinds]
    return found[-1] if found else None


def charted(is_echo: bool, charts: Iterable[Any] | None = None) -> tuple[list[DecayNumbers], list[PairNumbers]]:
    """Return the numbers of the charts that are not hidden, the latest of each region and of each comparison.

    Parameters
    ----------
    is_echo : bool
        Decays of multi-echo series; else of diffusion series.
    charts : iterable of vtkMRMLPlotChartNode, optional
        Decay charts that are wanted; default all of the scene.
    """
    everything = visible_nodes("vtkMRMLPlotChartNode")
    wanted = everything if charts is None else [chart for chart in charts if chart in everything]
    decays, compared = {}, {}
    for chart in wanted:
        decay = decay_numbers(chart)
        if decay is not None and decay.is_echo == is_echo:
            decays[decay.region] = decay
    for chart in everything:
        pairs = pair_numbers(chart)
        if pairs is not None:
            compared[pairs.name, pairs.readers] = pairs
    return list(decays.values()), list(compared.values())


def maps_of(sources: Iterable[Any]) -> dict[str, Any]:
    """Return the maps that were made of these nodes; where there are none, all maps of the scene.

    Parameters
    ----------
    sources : iterable of vtkMRMLNode
        What was fitted.

    Returns
    -------
    dict of str to vtkMRMLScalarVolumeNode
        By the quantity, and the model where several models have it. Of two maps of one name, the latest.
    """
    made = list(sources)
    nodes = [node for node in visible_nodes("vtkMRMLScalarVolumeNode") if node.GetAttribute(_QUANTITY)]
    own = [node for node in nodes if node.GetNodeReference(_SOURCE) in made and made]
    kept = {(node.GetAttribute(_QUANTITY), model_of(node)): node for node in own or nodes}
    keys = [key for key, _ in kept]
    return {f"{key}_{model}" if keys.count(key) > 1 and model else key: node for (key, model), node in kept.items()}


def table_rows(table: Any) -> list[dict[str, Any]]:
    """Return the rows of a table node by the titles of its columns, each with its unit: ``"D [10^-3 mm2/s]"``.

    Raises
    ------
    TypeError
        When the node is no table.
    """
    data = check_node("table", table, "vtkMRMLTableNode").GetTable()
    columns = [data.GetColumn(index) for index in range(data.GetNumberOfColumns())]
    titles: list[str] = []
    for column in columns:
        title = _title(table, column.GetName() or "")
        titles.append(title if title not in titles else f"{title} ({column.GetName()})")
    return [
        {title: column.GetValue(row) for title, column in zip(titles, columns, strict=True)}
        for row in range(data.GetNumberOfRows())
    ]


def table_text(table: Any) -> tuple[str, str]:
    """Return a table as Slicer shows it, for other programs: tab-separated text, and HTML.

    Numbers have six digits as in Slicer's tables, NaN is an empty cell.

    Raises
    ------
    TypeError
        When the node is no table.
    ValueError
        When it is empty.
    """
    rows = table_rows(table)
    if not rows:
        raise ValueError("table: expected at least one row, got none")
    header = list(rows[0])
    cells = [[_cell(value) for value in row.values()] for row in rows]
    lines = ["\t".join(line) for line in (header, *cells)]
    head, *body = [_html_row(line, tag) for line, tag in ((header, "th"), *((line, "td") for line in cells))]
    return "\n".join(lines) + "\n", f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"


def _title(table: Any, name: str) -> str:
    title, unit = table.GetColumnTitle(name) or name, table.GetColumnUnitLabel(name)
    return f"{title} [{unit}]" if unit else title


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return " ".join(str(value).split())


def _html_row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
