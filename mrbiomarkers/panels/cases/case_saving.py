"""The readings of the case that is open: which nodes they are, and saving them when they have changed. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from mrbiomarkers.mrml import MeasuredNodes, add_measurement_table, add_summary_table, measurements_of
from mrbiomarkers.panels.cases.case_changes import drawn_state, is_blank, points_state, regions_state
from mrbiomarkers.panels.cases.case_readings import Found, read_rows, save_points, save_regions, save_rows
from mrbiomarkers.panels.cases.case_series import holds_both
from mrbiomarkers.panels.readers.reader_nodes import reader_of
from mrbiomarkers.panels.section import EXPECTED, spoken
from mrbiomarkers.study import Worklist, WorklistCase
from mrbiomarkers.study.readings import same_reader

_STATES = {"regions": regions_state, "points": points_state}
_SAVERS: Mapping[str, Callable[[Any, Path], None]] = {"regions": save_regions, "points": save_points}


class Saving:
    """Saves the regions, points and measurements of one case of one reader.

    Parameters
    ----------
    worklist : Worklist
        Says where, and who the reader is.
    case : WorklistCase
        The case.
    """

    def __init__(self, worklist: Worklist, case: WorklistCase) -> None:
        self._worklist, self._case = worklist, case
        self._nodes: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}
        self._tried: dict[str, Any] = {}
        self._table: Any = None
        self._measured: Any = None

    @property
    def has_failed(self) -> bool:
        """Whether something could not be saved."""
        return bool(self._tried)

    @property
    def is_measured(self) -> bool:
        """Whether the case was measured, in the regions as they are now."""
        drawn = drawn_state(self.node("regions"))
        return bool(drawn) and self._measured == drawn

    def identity(self) -> tuple[str, str]:
        """Return subject and time point as they may be shown."""
        worklist, case = self._worklist, self._case
        return (worklist.label(case), "") if worklist.blind else (case.subject, case.timepoint)

    def begin(self, found: Found, table: Any) -> None:
        """Begin with what was restored, which is as it is on the disk."""
        self._nodes = {"regions": found.regions, "points": found.points}
        self._saved = {what: of(node) for what, of in _STATES.items() if (node := self.node(what)) is not None}
        self._measured = drawn_state(found.regions) if found.is_saved and found.rows else None
        if table is not None:
            self._saved["rows"] = _table_state(table)

    def take(self, what: str, node: Any) -> bool:
        """Take a node for the regions or points of the case; False for none, or another reader's."""
        if node is None or node.GetScene() is not slicer.mrmlScene:
            return False
        if reader_of(node) and not same_reader(reader_of(node), self._worklist.reader):
            return False
        self._nodes[what] = node
        return True

    def take_table(self, table: Any) -> None:
        """Take the measurement table that is shown."""
        self._table = table

    def node(self, what: str) -> Any:
        """Return the regions or points; None where they are not in the scene."""
        node = self._nodes.get(what)
        return node if node is not None and node.GetScene() is slicer.mrmlScene else None

    def save(self, *, everything: bool = False, changed: bool = False) -> bool:
        """Save what has changed since it was saved.

        Parameters
        ----------
        everything : bool
            Save what has not changed, too.
        changed : bool
            Do not try again what could not be saved, until it changes.

        Returns
        -------
        bool
            Whether anything was saved.

        Raises
        ------
        OSError
            When something cannot be saved; what was there stays, and the rest is saved.
        """
        places, done, faults = self._worklist.places(self._case)._asdict(), [], []
        for what in ("regions", "points", "rows"):
            try:
                if what == "rows":
                    done.append(self._save_rows(places["measurements"], changed))
                else:
                    done.append(self._save_node(what, places[what], everything, changed))
            except EXPECTED as error:
                faults.append(error)
        if faults:
            why = "; ".join(dict.fromkeys(map(without_folders, faults)))
            raise OSError(_("The readings cannot be saved: {why}").format(why=why))
        return any(done)

    def restored_table(self, found: Found, name: str) -> MeasuredNodes | None:
        """Add the saved measurements as tables, with subject and time point as they may be shown."""
        if not found.rows:
            return None
        subject, timepoint = self.identity()
        shown = [replace(row, subject=subject, timepoint=timepoint) for row in found.rows]
        return MeasuredNodes(
            add_measurement_table(shown, f"Measurements of {name}"), add_summary_table(shown, f"Summary of {name}")
        )

    def _save_node(self, what: str, path: Path, everything: bool, changed: bool) -> bool:
        node = self.node(what)
        if node is None or (is_blank(node) and not path.exists()):
            return False
        state = _STATES[what](node)
        if (state == self._saved.get(what) and not everything) or (changed and state == self._tried.get(what)):
            return False
        self._tried[what] = state
        _SAVERS[what](node, path)
        self._saved[what] = self._tried.pop(what)
        return True

    def _save_rows(self, path: Path, changed: bool) -> bool:
        """Save the measurements that are shown, where they are this reader's of this case."""
        table, case, reader = self._table, self._case, self._worklist.reader
        if table is None or table.GetScene() is not slicer.mrmlScene:
            return False
        state = _table_state(table)
        if state == self._saved.get("rows") or (changed and state == self._tried.get("rows")):
            return False
        own = [
            replace(row, subject=case.subject, timepoint=case.timepoint, reader=reader)
            for row in measurements_of(table)
            if (row.subject, row.timepoint) == self.identity() and (not row.reader or same_reader(row.reader, reader))
        ]
        if own:
            self._tried["rows"] = state
            new = {row.quantity for row in own}
            kept = [row for row in read_rows(path) if row.quantity not in new] if holds_both(case) else []
            save_rows([*kept, *own], path)
            self._tried.pop("rows")
            self._measured = drawn_state(self.node("regions"))
        self._saved["rows"] = state
        return bool(own)


def without_folders(error: BaseException) -> str:
    """Return what an error of writing says, with the name of the file but not of its folder."""
    name, why = getattr(error, "filename", None), getattr(error, "strerror", None)
    if name and why:
        return f"{Path(str(name)).name}: {why}"
    text = spoken(error)
    first, colon, rest = text.partition(": ")
    return f"{Path(first).name}: {rest}" if colon and Path(first).is_absolute() else text


def _table_state(table: Any) -> Any:
    return table.GetID(), table.GetMTime()
