"""Many cases, one after the other: a bad one is named and the rest goes on, an interrupted run goes on where it was."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mrbiomarkers import __version__
from mrbiomarkers.files import json_text, prepare_output, write_rows, write_text
from mrbiomarkers.measurements import Measurement, measurements_to_csv
from mrbiomarkers.study.batch_progress import STEPS, BatchProgress, Progress
from mrbiomarkers.study.case_folder import RECORD, TABLE, CaseFolder, StoredCase
from mrbiomarkers.study.cases import Case, check_cases, digest
from mrbiomarkers.study.failures import lost_folder, reason_of
from mrbiomarkers.study.lock import folder_lock

Work = Callable[[Case, Path, Progress], Sequence[Measurement]]

_STATES = ("done", "failed", "resumed", "cancelled")


@dataclass(frozen=True, eq=False)
class BatchReport:
    """What :func:`run_cases` returns; cases go by the names of their folders.

    Attributes
    ----------
    done, resumed, cancelled : list of str
        Cases that were made now, that were there already, and that were not reached.
    failed : dict of str to str
        Why a case failed.
    rows : list of Measurement
        Content of ``measurements.csv``.
    notes : list of str
        Which earlier cases of the folder are not in the table, and why.
    """

    done: list[str]
    failed: dict[str, str]
    resumed: list[str]
    rows: list[Measurement]
    cancelled: list[str]
    notes: list[str] = field(default_factory=list)


def run_cases(
    cases: Sequence[Case],
    work: Work,
    folder: str | os.PathLike[str],
    *,
    settings: Any = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> BatchReport:
    """Run cases one after the other, each into a folder of its own, and put their rows together.

    A case is made in a hidden folder beside its place and put there when it is done. A case that is there already, made
    from the same inputs with the same settings by the same version, is not made again. A case that raises is named with
    the reason; the rest goes on. Nothing but rows is kept in memory.

    ``measurements.csv`` holds the rows of all cases, also of earlier ones of this folder that are not asked for now,
    where made with the same settings by the same version. ``batch.csv`` says what became of each case; it names no file
    and no folder.

    Parameters
    ----------
    cases : sequence of Case
        At least one, with names that differ.
    work : callable
        ``work(case, out, progress)`` writes into the existing folder ``out`` and returns the rows of the case, which
        become its ``measurements.csv``; where they leave subject, time point or reader empty, those of the case are
        filled in. It passes ``progress(done, total)`` on to what takes long.
    folder : path
        Made where it does not exist.
    settings : Any
        Everything that the results depend on besides the inputs of the cases; whatever JSON can hold, or data classes.
        It is written into ``case.json`` of each case: no paths, no patient's name.
    progress : callable, optional
        ``progress(done, total)`` in hundredths of a case; False cancels. An exception that it raises stops the batch.
    overwrite : bool
        Make cases anew that are there with other settings, inputs or version. Files in their folders that no batch has
        written stay.

    Returns
    -------
    BatchReport
        Also after a cancel, by ``progress`` or the keyboard: cases that were done stay.

    Raises
    ------
    TypeError
        When ``cases`` or ``settings`` hold something else than is said above.
    ValueError
        When two cases share a name, or one is there with other settings and ``overwrite`` is False; before any work.
    FileExistsError
        When a file stands where a folder should be; before any work.
    BlockingIOError
        When another batch is running in the folder.
    OSError
        When the folder cannot be written; cases that were done stay.
    """
    checked = check_cases(cases)
    made_from = {"software": f"MRBiomarkers {__version__}", "settings": json.loads(json_text(settings))}
    top = prepare_output(Path(folder).absolute(), overwrite=True)
    with folder_lock(top):
        batch = _Batch(top, checked, made_from)
        batch.look(overwrite=overwrite)
        shown = BatchProgress(progress, len(checked))
        try:
            batch.run(work, shown)
        except OSError:
            with contextlib.suppress(OSError):  # what is raised says already that nothing can be written
                batch.write_tables()
            raise
        report = batch.write_tables()
    if shown.error is not None:
        raise shown.error
    return report


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What became of a case; ``reason`` with the names of files, ``public_reason`` without."""

    state: str
    rows: Sequence[Measurement] = ()
    seconds: float = float("nan")
    reason: str = ""
    public_reason: str = ""


class _Batch:
    """The state of one run."""

    def __init__(self, top: Path, cases: Sequence[Case], made_from: Mapping[str, Any]) -> None:
        self.top, self.cases, self.made_from = top, cases, made_from
        self.outcomes: dict[str, _Outcome] = {}

    def look(self, *, overwrite: bool) -> None:
        """Find out which cases are there; refuse to replace other results unasked."""
        different = []
        for case in self.cases:
            stored = self._stored(case)
            if stored is None:
                continue
            if not stored.difference:
                self.outcomes[case.folder] = _Outcome("resumed", stored.rows, stored.seconds)
            else:
                different.append(f"{case.folder} ({stored.difference})")
        if different and not overwrite:
            more = f" and {len(different) - 3} more" if len(different) > 3 else ""
            raise ValueError(
                f"{self.top}: expected no other results of these cases, got {', '.join(different[:3])}{more}; "
                "overwrite=True makes them anew, or choose another folder"
            )

    def run(self, work: Work, shown: BatchProgress) -> None:
        """Make the cases that are not there; a cancel leaves the rest."""
        with contextlib.suppress(KeyboardInterrupt, InterruptedError):  # the report says which were not reached
            for number, case in enumerate(self.cases):
                if shown.stopped or not shown(number * STEPS):
                    return
                if case.folder not in self.outcomes:
                    self._make(case, work, shown.of_case(number))
            shown(len(self.cases) * STEPS)

    def _stored(self, case: Case) -> StoredCase | None:
        """Return what is there of a case; one whose inputs cannot be read has failed."""
        place = CaseFolder(self.top, case.folder)
        place.recover()
        try:
            inputs = digest(case.inputs) if place.target.is_dir() else ""
        except (OSError, TypeError, ValueError) as error:
            self.outcomes[case.folder] = self._failed(case, error, time.monotonic())
            return None
        return place.stored({**self.made_from, "inputs": inputs})

    def _make(self, case: Case, work: Work, shown: Progress) -> None:
        place, begin = CaseFolder(self.top, case.folder), time.monotonic()
        try:
            made_from = {**self.made_from, "inputs": digest(case.inputs)}
            rows = _named(work(case, place.start(), shown), case)
            seconds = round(time.monotonic() - begin, 3)
            names = {"name": case.name, "timepoint": case.timepoint, "reader": case.reader}
            place.finish(rows, {"case": names, **made_from, "seconds": seconds})
            self.outcomes[case.folder] = _Outcome("done", rows, seconds)
        except InterruptedError:
            raise
        except Exception as error:
            self.outcomes[case.folder] = self._failed(case, error, begin)
            self._check_folder(case, error)
        finally:
            place.tidy()

    def _failed(self, case: Case, error: Exception, begin: float) -> _Outcome:
        said, public = (reason_of(error, case, names=names) for names in (True, False))
        return _Outcome("failed", (), round(time.monotonic() - begin, 3), said, public)

    def _check_folder(self, case: Case, error: Exception) -> None:
        """Stop where every further case would fail too."""
        reason = lost_folder(self.top, error)
        if reason is None:
            return
        ready = sum(outcome.state != "failed" for outcome in self.outcomes.values())
        kind = PermissionError if reason.errno in (errno.EACCES, errno.EPERM) else OSError
        stopped = kind(
            f"{self.top}: no results can be written there ({reason.strerror or reason}); the batch stopped at case "
            f"{case.folder}, {ready} of {len(self.cases)} cases are done: run it again for the others"
        )
        stopped.errno = reason.errno
        raise stopped from error

    def write_tables(self) -> BatchReport:
        """Write the tables of all cases, and return what became of them."""
        outcomes = {case.folder: self.outcomes.get(case.folder, _Outcome("cancelled")) for case in self.cases}
        listed: list[tuple[str, _Outcome]] = [*outcomes.items(), *self._earlier()]
        rows = [row for _, outcome in listed for row in outcome.rows]
        write_text(self.top / TABLE, measurements_to_csv(rows))
        lines = [
            {"case": name, "state": outcome.state, "reason": outcome.public_reason, "seconds": outcome.seconds}
            for name, outcome in listed
        ]
        write_rows(self.top / "batch.csv", lines)
        found = {state: [name for name in outcomes if outcomes[name].state == state] for state in _STATES}
        return BatchReport(
            done=found["done"],
            failed={name: outcomes[name].reason for name in found["failed"]},
            resumed=found["resumed"],
            rows=rows,
            cancelled=found["cancelled"],
            notes=[f"{name}: {outcome.reason}" for name, outcome in listed[len(outcomes) :] if outcome.reason],
        )

    def _earlier(self) -> Iterator[tuple[str, _Outcome]]:
        """Yield the cases of this folder that were not asked for now, in the order of their names."""
        asked = {_identity(self.top / case.folder) for case in self.cases}
        for path in sorted(self.top.iterdir()):
            if path.name.startswith(".") or not (path / RECORD).is_file() or _identity(path) in asked:
                continue
            stored = CaseFolder(self.top, path.name).stored(self.made_from)
            if stored is not None:
                reason = f"not in the table, {stored.difference}" if stored.difference else ""
                yield path.name, _Outcome("earlier", stored.rows, stored.seconds, reason, reason)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from others, also where a name in other letter case is the same."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _named(rows: Sequence[Measurement], case: Case) -> list[Measurement]:
    """Return the rows with the names of the case where they have none.

    Raises
    ------
    TypeError
        When they are no rows of the measurement table.
    """
    named = []
    for row in rows if isinstance(rows, (list, tuple)) else [rows]:
        if not isinstance(row, Measurement):
            raise TypeError(f"work: expected a list of Measurement, got {type(row).__name__}")
        named.append(
            replace(
                row,
                subject=row.subject or case.name,
                timepoint=row.timepoint or case.timepoint,
                reader=row.reader or case.reader,
            )
        )
    return named
