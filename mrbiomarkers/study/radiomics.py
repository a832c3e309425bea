"""Radiomics of many cases: a table of cases in, a table of features out; an interrupted run goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrbiomarkers import __version__
from mrbiomarkers.files import check_output, json_text, prepare_output, write_json, write_text
from mrbiomarkers.jobs.radiomics import failed_row
from mrbiomarkers.settings import RadiomicsSettings
from mrbiomarkers.settings.radiomics_presets import RadiomicsRecipe, check_first_bin
from mrbiomarkers.study.lock import folder_lock
from mrbiomarkers.study.radiomics_cases import RadiomicsCase, check_told_apart, read_radiomics_cases
from mrbiomarkers.study.radiomics_worker import RadiomicsAnswer, RadiomicsTask, names_of
from mrbiomarkers.study.worker_pool import Finished, run_tasks
from mrbiomarkers.tables.features import FeatureRow, check_once, features_from_csv, features_to_csv

Progress = Callable[[int, int], bool]

_MADE_FROM = "made_from.json"
_PARTS = ".parts"


@dataclass(frozen=True, eq=False)
class RadiomicsReport:
    """What :func:`run_radiomics_cases` returns.

    Attributes
    ----------
    rows : list of FeatureRow
        The table, in the order of the cases; also rows that failed.
    done, resumed : int
        Cases that were measured now, and that were there already.
    cancelled : int
        Cases that were not reached; the table was not written then, the others are kept for the next run.
    failed : dict of str to str
        Why cases or regions of them could not be measured, by line and names.
    notes : tuple of str
        What the user should know.
    """

    rows: list[FeatureRow]
    done: int
    resumed: int
    cancelled: int
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def run_radiomics_cases(
    cases: str | os.PathLike[str] | Sequence[RadiomicsCase],
    out: str | os.PathLike[str],
    recipe: RadiomicsRecipe | RadiomicsSettings | None = None,
    *,
    n_jobs: int = 1,
    ibsi_names: bool = False,
    keep_bin_width: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RadiomicsReport:
    """Measure the radiomic features of many cases, several at a time, and write them as one table.

    Each case that is measured is kept in a folder beside the table (``features.parts`` for ``features.csv``). When the
    run is killed and started again, these are not measured again, as long as their files and the settings are the same,
    and the table is the same, byte for byte. The folder may be removed when the table is complete. Cases that failed
    are tried again. A case that cannot be measured has a row that says why; the rest goes on.

    Parameters
    ----------
    cases : path or sequence of RadiomicsCase
        Table of cases (:func:`~mrbiomarkers.study.radiomics_cases.read_radiomics_cases`).
    out : path
        The table of features, CSV; its folder exists.
    recipe : RadiomicsRecipe or RadiomicsSettings, optional
        What is measured, and how; default: PyRadiomics' 107 features.
    n_jobs : int
        How many processes measure at the same time, each with one thread.
    ibsi_names : bool
        Add IBSI codes to the names of the features.
    keep_bin_width : bool
        Take the bin width of the settings for maps of a quantity, too.
    overwrite : bool
        Replace results of other settings or versions, and a table that no such run has written.
    progress : callable, optional
        ``progress(done, total)`` in cases, several times a second; False cancels.

    Raises
    ------
    ValueError
        When the table of cases is no such table, ``n_jobs`` is below 1, the settings do not say where the first bin of
        IBSI's starts, or there are results of other settings or of
        another version and ``overwrite`` is False; before any work.
    FileExistsError
        When there is a table that no such run has written, and ``overwrite`` is False.
    BlockingIOError
        When another run is writing the same table.
    OSError
        When nothing can be written, or no process started.
    """
    notes: tuple[str, ...] = ()
    if isinstance(cases, (str, os.PathLike)):
        cases, notes = read_radiomics_cases(cases)
    else:
        check_told_apart("cases", cases)
    if not cases:
        raise ValueError("cases: expected at least one, got none")
    if n_jobs < 1:
        raise ValueError(f"n_jobs: expected 1 or more, got {n_jobs}")
    chosen = recipe if isinstance(recipe, RadiomicsRecipe) else RadiomicsRecipe("", (recipe or RadiomicsSettings(),))
    for one in chosen.settings:
        check_first_bin(one)
    settings = {"settings": chosen.settings, "features": chosen.features, "keep_bin_width": keep_bin_width}
    made_from = {"software": f"MRBiomarkers {__version__}", **json.loads(json_text(settings))}
    target = Path(out).absolute()
    parts = _Parts(target, made_from)
    parts.check(overwrite=overwrite)
    with folder_lock(parts.prepare()):
        parts.start(overwrite=overwrite)
        run = _Run(parts, cases, progress)
        run.run([RadiomicsTask(case, chosen, keep_bin_width, parts.inputs(case)) for case in cases], n_jobs)
        rows = [row for case in cases for row in run.rows.get(case.key, ())]
        cancelled = len(cases) - len(run.rows)
        if not cancelled:
            check_once(rows)
            standard = chosen.settings[0].standard if ibsi_names else ""
            write_text(target, features_to_csv(rows, code_standard=standard))
    if run.error is not None:
        raise run.error
    return RadiomicsReport(rows, run.done, run.resumed, cancelled, run.failed, (*notes, *chosen.notes))


class _Parts:
    """The folder that keeps the cases that are measured."""

    def __init__(self, table: Path, made_from: Mapping[str, Any]) -> None:
        self._table, self._made_from = table, made_from
        self.folder = table.with_name(table.stem + _PARTS)

    def check(self, *, overwrite: bool) -> None:
        """Refuse what would mix results or replace what is not ours; nothing is changed."""
        if self._table.is_dir():
            raise FileExistsError(f"{self._table}: expected a file for the table, got a folder")
        check_output(self._table.parent, overwrite=True)
        there = (self.folder / _MADE_FROM).is_file()
        if self._table.exists() and not there and not overwrite:
            raise FileExistsError(
                f"{self._table}: is there already, without the folder {self.folder.name} of the run that wrote it; "
                "overwrite (--overwrite) replaces it"
            )
        different = self._difference() if there else ""
        if different and not overwrite:
            raise ValueError(
                f"{self.folder}: expected results of these settings, got others ({different}); overwrite (--overwrite) "
                "measures all cases anew, or choose another table"
            )

    def prepare(self) -> Path:
        """Make the folder."""
        return prepare_output(self.folder, overwrite=True)

    def start(self, *, overwrite: bool) -> None:
        """Remove results of other settings, and say which these are."""
        self.check(overwrite=overwrite)  # another run may have ended just now
        place = self.folder / _MADE_FROM
        if place.is_file() and not self._difference():
            return
        for path in self.folder.glob("*.case.json"):
            path.unlink()
        write_json(place, self._made_from)

    def inputs(self, case: RadiomicsCase) -> str:
        """Return the digest of the files that a case was measured from; empty where it is not there."""
        stored = self._stored(case)
        return stored["inputs"] if stored else ""

    def table(self, case: RadiomicsCase) -> str:
        """Return the rows of a case that is there, as CSV."""
        stored = self._stored(case)
        if stored is None:
            raise ValueError(f"{self._place(case)}: was there, and is gone")
        return stored["table"]

    def keep(self, case: RadiomicsCase, answer: RadiomicsAnswer) -> None:
        """Keep the rows of a case."""
        write_json(self._place(case), {"inputs": answer.inputs, "table": answer.table})

    def _place(self, case: RadiomicsCase) -> Path:
        return self.folder / f"{case.key}.case.json"

    def _stored(self, case: RadiomicsCase) -> dict[str, str] | None:
        try:
            stored = json.loads(self._place(case).read_text(encoding="utf-8"))
            return {"inputs": str(stored["inputs"]), "table": str(stored["table"])}
        except (OSError, ValueError, KeyError, TypeError):  # what cannot be read is measured again
            return None

    def _difference(self) -> str:
        """Return in words how the results that are there were made otherwise."""
        try:
            then = json.loads((self.folder / _MADE_FROM).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return f"{_MADE_FROM} cannot be read"
        if not isinstance(then, dict):
            return f"{_MADE_FROM} cannot be read"
        return "; ".join(_differences(then, self._made_from))


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = []
    for name in now:
        if then.get(name) == now[name]:
            continue
        if name == "settings" and isinstance(then.get(name), list) and len(then[name]) == len(now[name]):
            for one, other in zip(then[name], now[name], strict=True):
                found += [f"{key} {one.get(key)}, now {other[key]}" for key in other if one.get(key) != other[key]]
        else:
            found.append(f"{name} {then.get(name)}, now {now[name]}" if name == "software" else f"other {name}")
    return list(dict.fromkeys(found))


class _Run:
    """The cases as they come in."""

    def __init__(self, parts: _Parts, cases: Sequence[RadiomicsCase], progress: Progress | None) -> None:
        self._parts, self._cases, self._progress = parts, cases, progress
        self.rows: dict[str, list[FeatureRow]] = {}
        self.failed: dict[str, str] = {}
        self.done = self.resumed = 0
        self.error: Exception | None = None

    def run(self, tasks: Sequence[RadiomicsTask], n_jobs: int) -> None:
        """Measure what is not there."""
        try:
            if not self._go_on():
                return
            # Closed at once, whatever happens: no process is left behind.
            with contextlib.closing(run_tasks(tasks, n_jobs, self._go_on)) as answers:
                for finished in answers:
                    self._take(self._cases[finished.number], finished)
            self._go_on()
        except KeyboardInterrupt:
            pass  # the report says how many were not reached
        self.failed = {case.name: self.failed[case.name] for case in self._cases if case.name in self.failed}

    def _take(self, case: RadiomicsCase, finished: Finished) -> None:
        answer = finished.answer
        if answer is None:
            row = failed_row(names_of(case), case.asked_region, finished.problem)
            answer = RadiomicsAnswer("", features_to_csv([row]))
        self.resumed += not answer.table
        self.done += bool(answer.table)
        # The rows always come out of text, whether measured now or before: the table is the same.
        text = answer.table or self._parts.table(case)
        rows = features_from_csv(text)
        failed = [f"{row.region}: {row.reason}" if row.region else row.reason for row in rows if row.status == "failed"]
        if failed:
            self.failed[case.name] = "; ".join(failed)
        elif answer.table:
            self._parts.keep(case, answer)
        self.rows[case.key] = rows

    def _go_on(self) -> bool:
        """Show how many are done; an exception of the caller's cancels, and is raised when all is put away."""
        if self._progress is None or self.error is not None:
            return self.error is None
        try:
            return self._progress(len(self.rows), len(self._cases)) is not False
        except Exception as error:
            self.error = error
            return False
