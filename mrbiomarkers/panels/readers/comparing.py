"""Two readers' measurements, from the tables of the scene or from the files of a worklist, put together. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import slicer

from mrbiomarkers.measurements import Measurement
from mrbiomarkers.mrml import AgreementNodes, add_measurement_table, measurements_of, undo_on_error
from mrbiomarkers.mrml.scene_nodes import visible_nodes
from mrbiomarkers.regions.levels import LEVELS
from mrbiomarkers.study.readings import reader_name, readers_of, rows_of, same_reader

CHART = "MRBiomarkers.Chart"  # role of the charts that go with a table of agreement
MEAN = "mean"  # rows of the readers' average
Rows = list[Measurement]


def tables_of_scene() -> list[Any]:
    """Return the measurement tables that are not hidden, the newest last."""
    tables = visible_nodes("vtkMRMLTableNode")
    return [table for table in tables if table.GetAttribute("MRBiomarkers.Table") == "measurements"]


def rows_by_reader(tables: Iterable[Any]) -> dict[str, Rows]:
    """Return what each reader has measured; of what was measured several times the last."""
    found: dict[str, dict[tuple[str, ...], Measurement]] = {}
    for table in tables:
        for row in measurements_of(table):
            if reader_name(row.reader) in ("", MEAN):
                continue
            name = next((name for name in found if same_reader(name, row.reader)), row.reader)
            texts = (row.subject, row.timepoint, row.series, row.region, row.slice, row.quantity)
            found.setdefault(name, {})[(*texts, row.model, row.fit, row.method)] = row
    return {name: list(rows.values()) for name, rows in found.items()}


def worklist_readers(worklist: Any) -> list[str]:
    """Return the readers of an open worklist."""
    return list(readers_of(worklist.folder.parent))


def worklist_rows(worklist: Any, readers: Sequence[str]) -> tuple[dict[str, Rows], list[str]]:
    """Return what readers have measured in the cases that they have done, and notes.

    Raises
    ------
    ValueError, OSError
        When the readings of a reader are not there, or cannot be used.
    """
    places, found, notes = readers_of(worklist.folder.parent), {}, []
    labels = {case.name: worklist.label(case) for case in worklist.cases} if worklist.blind else None
    for reader in readers:
        if reader not in places:
            raise ValueError(f"{reader} has no readings beside this worklist any more.")
        found[reader], lines = rows_of(places[reader], labels)
        notes += lines
    return found, notes


def compare(
    logic: Any, found: dict[str, Rows], readers: tuple[str, str], regions: Sequence[str], where: str
) -> AgreementNodes:
    """Compare two readers with the logic of a module; charts and table are new nodes, and know each other.

    Parameters
    ----------
    logic : RegionLogic
        Its ``agreement`` is used.
    found : dict of str to list of Measurement
        By the readers' names.
    readers : (str, str)
        Who is compared.
    regions : sequence of str
        In which regions; empty: all, without means over regions.
    where : str
        In messages, where the rows are: "in this scene".

    Raises
    ------
    ValueError
        When a reader has no rows, they have no region in common, or there are fewer than two pairs; in plain words.
    """
    rows = {reader: [row for row in found.get(reader, []) if row.slice == "all"] for reader in readers}
    wanted = _common(rows, readers, regions, where)
    chosen = [replace(row, reader=reader) for reader in readers for row in rows[reader] if row.region in wanted]
    pairs = [{(row.subject, row.timepoint, row.region) for row in chosen if row.reader == one} for one in readers]
    if len(pairs[0] & pairs[1]) < 2:
        raise ValueError(
            f"Agreement needs two or more measurements that both readers have made; {readers[0]} and {readers[1]} have "
            f"{len(pairs[0] & pairs[1])} in common {where}."
        )
    with undo_on_error():
        table = add_measurement_table(chosen, "Measurements to compare")
        try:
            made: AgreementNodes = logic.agreement(table, *readers, regions=wanted)
        finally:
            slicer.mrmlScene.RemoveNode(table)
        for chart in made.charts.values():
            made.table.AddNodeReferenceID(CHART, chart.GetID())
    return made


def charts_of(table: Any) -> dict[str, Any]:
    """Return the charts of a table of agreement by quantity and method."""
    if table is None:
        return {}
    charts = [table.GetNthNodeReference(CHART, index) for index in range(table.GetNumberOfNodeReferences(CHART))]
    return {chart.GetName().removeprefix("Agreement in "): chart for chart in charts if chart is not None}


def _common(rows: dict[str, Rows], readers: tuple[str, str], regions: Sequence[str], where: str) -> list[str]:
    """Return the regions to compare."""
    for reader in readers:
        if not rows[reader]:
            raise ValueError(f"{reader} has no measurements {where}.")
    has = {reader: list(dict.fromkeys(row.region for row in rows[reader])) for reader in readers}
    unknown = [name for name in regions if all(name not in has[reader] for reader in readers)]
    if unknown:
        known = ", ".join(dict.fromkeys([*has[readers[0]], *has[readers[1]]]))
        raise ValueError(f"Nobody has measured {', '.join(unknown)}; measured were {known}.")
    wanted = regions or [name for name in has[readers[0]] if not _is_mean(name)]
    common = [name for name in wanted if all(name in has[reader] for reader in readers)]
    if not common:
        told = "; ".join(f"{reader}: {', '.join(has[reader])}" for reader in readers)
        raise ValueError(f"The readers have no region in common ({told}).")
    return common


def _is_mean(region: str) -> bool:
    """Tell whether a region is the mean over others, as L1-L5 or L1+L2."""
    first, _, last = region.partition("-")
    return (first in LEVELS and last in LEVELS) or ("+" in region and all(part in LEVELS for part in region.split("+")))
