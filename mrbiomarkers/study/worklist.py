"""The cases of a cohort as one reader works through them: order, state of each, files of the readings. No Qt."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from mrbiomarkers.files import prepare_output
from mrbiomarkers.study.cases import Case
from mrbiomarkers.study.lock import folder_lock
from mrbiomarkers.study.results import file_name
from mrbiomarkers.study.worklist_files import WorklistCase, cases_of_dicom, read_case_table
from mrbiomarkers.study.worklist_state import STATES, TO_DO, CaseState, Record, checked_state, joined

RECORD = "state.json"


class Places(NamedTuple):
    """Where the readings of a case are kept: segmentation, points, table of measurements. They may not exist yet."""

    regions: Path
    points: Path
    measurements: Path


class Worklist:
    """The cases of a cohort in the order of one reader; made by :meth:`read`.

    Everything is written to ``state.json`` in the reader's folder at once: after a crash the same worklist goes on
    where it was. Only one program has a reader's folder at a time, until :meth:`close` or the end of a ``with``.

    Attributes
    ----------
    folder : Path
        The reader's folder: ``state.json``, and the files of :meth:`places`.
    reader : str
        As given, without blanks too many.
    seed : int
        Makes, with the reader's name, the order of the cases.
    notes : tuple of str
        What is odd in the list of cases, without names of folders.
    """

    def __init__(
        self,
        folder: Path,
        notes: tuple[str, ...],
        record: Record,
        cases: Iterable[WorklistCase],
        lock: contextlib.ExitStack,
    ) -> None:
        self.folder, self.notes, self.reader, self.seed = folder, notes, record.reader, record.seed
        self._record, self._lock, self._closed = record, lock, False
        self._cases = {case.name: case for case in cases}
        self._missing = {case.name for case in self._cases.values() if case.missing}
        self._labels = _labels(self._cases)

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        reader: str,
        seed: int | None = None,
        blind: bool | None = None,
        folder: str | os.PathLike[str] | None = None,
        progress: Callable[[int, int], bool] | None = None,
    ) -> Worklist:
        """Read a worklist, and what this reader has done of it.

        Cases that a saved worklist did not hold yet come last; the order of the others stays.

        Parameters
        ----------
        path : path
            A table (CSV, see :func:`~mrbiomarkers.study.worklist_files.read_case_table`) or a folder with a folder of
            DICOM files for each subject (see :func:`~mrbiomarkers.study.worklist_files.cases_of_dicom`).
        reader : str
            Name of the reader, or a code. The folder of the readings is named after it.
        seed : int, optional
            For the order of the cases; None: that of the saved readings, at first 0.
        blind : bool, optional
            :meth:`label` tells a number in place of subject and time point; None: as saved, at first False.
        folder : path, optional
            Where the folder of each reader is; None: ``readings`` beside ``path``.
        progress : callable, optional
            ``progress(done, total)`` for every subject of a DICOM folder; False ends the reading.

        Raises
        ------
        FileNotFoundError
            When ``path`` does not exist. Files that the worklist names need not exist, see :attr:`missing`.
        ValueError
            When the table is wrong, the reader has no name or shares the folder of another one, or what is saved there
            belongs to other cases or another seed, or cannot be read; nothing is written then.
        TypeError
            When the seed is no whole number.
        BlockingIOError
            When another program has the folder of this reader open.
        OSError
            When the folder cannot be written.
        InterruptedError
            When ``progress`` returned False.
        """
        place = Path(path).absolute()
        if not place.exists():
            raise FileNotFoundError(f"{place}: no such file or folder (expected a worklist)")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise TypeError(f"seed: expected a whole number, got {seed!r}")
        name = " ".join(unicodedata.normalize("NFC", reader or "").split())
        wanted = _reader_folder(name)
        listed = cases_of_dicom(place, progress) if place.is_dir() else read_case_table(place)
        top = place.parent / "readings" if folder is None else Path(folder).absolute()
        with contextlib.ExitStack() as stack:
            own = _take(top, wanted, stack)
            stored = Record.read(own / RECORD)
            record, cases = joined(stored or Record(name, seed or 0), listed, name, seed, own)
            record = record if blind is None else record._replace(blind=blind)
            if record != stored:
                record.write(own / RECORD)
            return cls(own, listed.notes, record, cases, stack.pop_all())

    @property
    def cases(self) -> tuple[WorklistCase, ...]:
        """All cases in the order of the reader."""
        return tuple(self._cases.values())

    @property
    def missing(self) -> tuple[WorklistCase, ...]:
        """Cases with files that were not there when the worklist was read, or the case was opened last."""
        return tuple(case for case in self.cases if case.name in self._missing)

    @property
    def current(self) -> WorklistCase | None:
        """The case that was opened last, also before a crash; None before the first."""
        return self._cases.get(self._record.current)

    @property
    def blind(self) -> bool:
        """Whether :meth:`label` hides subject and time point."""
        return self._record.blind

    def label(self, case: WorklistCase | str) -> str:
        """Return how a case is shown: "S01, pre, diffusion", or "case 17" where subject and time point are hidden."""
        number, text = self._labels[self._found(case).name]
        return f"case {number}" if self.blind else text

    def state(self, case: WorklistCase | str) -> CaseState:
        """Return how far a case is."""
        return self._record.states[self._found(case).name]

    def next(self, kind: str = "", skip: Collection[str] = ()) -> WorklistCase | None:
        """Return the case that comes next; the worklist stays where it is until the case is opened.

        Parameters
        ----------
        kind : str
            Pass over cases that are known to be of another kind ("diffusion", "multi-echo").
        skip : collection of str
            Names of other cases to pass over.

        Returns
        -------
        WorklistCase or None
            The first one to do after the current one, with files that are there; those before it and itself come last.
            None where nothing is left.
        """
        names = list(self._cases)
        begin = names.index(self._record.current) + 1 if self._record.current else 0
        for name in names[begin:] + names[:begin]:
            case = self._cases[name]
            fits = not kind or case.kind in ("", kind)
            if fits and name not in self._missing and name not in skip and self._record.states[name].state == TO_DO:
                return case
        return None

    def check(self, case: WorklistCase | str) -> WorklistCase:
        """Return a case after looking whether its files are there now; nothing is saved.

        Raises
        ------
        KeyError
            When the worklist has no such case.
        FileNotFoundError
            When files of it are missing.
        """
        found = self._found(case)
        missing = found.missing
        (self._missing.add if missing else self._missing.discard)(found.name)
        if missing:
            where = f" ({found.origin} of the worklist)" if found.origin and not self.blind else ""
            raise FileNotFoundError(f"{self.label(found)}: missing: {', '.join(missing)}{where}: no such file")
        return found

    def open(self, case: WorklistCase | str) -> WorklistCase:
        """Make a case the current one, and save that.

        Raises
        ------
        KeyError
            When the worklist has no such case.
        FileNotFoundError
            When files of it are missing; the current case stays.
        OSError
            When this cannot be saved; the current case stays.
        """
        found = self.check(case)
        self._save(self._record._replace(current=found.name))
        return found

    def mark(self, case: WorklistCase | str, state: str, reason: str = "", text: str = "") -> None:
        """Set the state of a case, and save it.

        Parameters
        ----------
        case : WorklistCase or str
            A case of this worklist, or its name.
        state : str
            "to do", "done" or "excluded".
        reason : str
            Of an excluded case: "artefact", "motion" or "other".
        text : str
            The reader's own words, which "other" needs.

        Raises
        ------
        KeyError
            When the worklist has no such case.
        ValueError
            When there is no such state or reason, or the reason is missing or one too many.
        OSError
            When this cannot be saved; the state stays what it was.
        """
        name = self._found(case).name
        marked = checked_state(CaseState(state, reason, text.strip()))
        self._save(self._record._replace(states={**self._record.states, name: marked}))

    def places(self, case: WorklistCase | str) -> Places:
        """Return where the readings of a case are kept; the names hold the code of the subject and nothing else."""
        name = self._found(case).name
        return Places(*(self.folder / f"{name}{suffix}" for suffix in (".seg.nrrd", ".mrk.json", ".measurements.csv")))

    def summary(self) -> dict[str, int]:
        """Return how many cases are in each state; those to do whose files are missing are counted as "missing"."""
        found = Counter(
            "missing" if state.state == TO_DO and name in self._missing else state.state
            for name, state in self._record.states.items()
        )
        return {state: found[state] for state in (*STATES, "missing")}

    def close(self) -> None:
        """Leave the folder to other programs; nothing can be saved any more."""
        self._closed = True
        self._lock.close()

    def __enter__(self) -> Worklist:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _found(self, case: WorklistCase | str) -> WorklistCase:
        name = case.name if isinstance(case, WorklistCase) else case
        if name not in self._cases:
            raise KeyError(f"case: expected one of this worklist, got {name!r}")
        return self._cases[name]

    def _save(self, record: Record) -> None:
        if self._closed:
            raise ValueError("worklist: it is closed, nothing can be saved; read it again")
        if record != self._record:
            record.write(self.folder / RECORD)
            self._record = record


def _reader_folder(reader: str) -> str:
    """Return the name of the folder of a reader."""
    if not any(sign.isalnum() for sign in reader):
        raise ValueError(f"reader: expected a name or code, got {reader!r}")
    try:
        return Case(file_name(reader)).folder
    except ValueError as error:
        raise ValueError(str(error).replace("name: ", "reader: ", 1)) from None


def _take(top: Path, wanted: str, stack: contextlib.ExitStack) -> Path:
    """Make the reader's folder, or find it, and lock it; what a crash has left half written is removed."""
    names = [place.name for place in top.iterdir()] if top.is_dir() else []
    alike = [name for name in names if _folded(name) == _folded(wanted)]
    own = prepare_output(top / (alike[0] if alike and wanted not in alike else wanted), overwrite=True)
    try:
        stack.enter_context(folder_lock(own))
    except BlockingIOError:
        raise BlockingIOError(
            f"{own}: another program has the worklist of this reader open; close it there first"
        ) from None
    for left in own.glob(".state.*.partial.json"):
        left.unlink(missing_ok=True)
    return own


def _labels(cases: Mapping[str, WorklistCase]) -> dict[str, tuple[int, str]]:
    """Return the number of each case and what tells it; the number too where that is not enough."""
    shown = [", ".join(filter(None, (case.subject, case.timepoint, case.kind))) for case in cases.values()]
    often = Counter(shown)
    numbered = enumerate(zip(cases, shown, strict=True), start=1)
    return {name: (n, text if often[text] == 1 else f"{text} (case {n})") for n, (name, text) in numbered}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
