"""The cases of a worklist: from a table (CSV), or from a folder of DICOM files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mrbiomarkers.files.dicom_read import SeriesEntry, inventory, read_headers
from mrbiomarkers.study.case_tables import read_case_rows
from mrbiomarkers.study.cases import Case

_NAMES = ("subject", "timepoint")
_IMAGES = ("series", "magnitude", "phase")
_PATHS = (*_IMAGES, "regions", "points", "bvalues")
_REQUIRED = (*_NAMES, "series")
_COLUMNS = (*_NAMES, *_PATHS, "dicomSeries")
_KINDS = ("diffusion", "multi-echo")


@dataclass(frozen=True)
class WorklistCase:
    """One case of a worklist: a series of an examination of a subject.

    Attributes
    ----------
    name : str
        The code of the subject and eight digits that stand for time point and series: the name of the case's files,
        which tells neither. The digits depend on the names of the files and folders of the images, not on where these
        are.
    subject, timepoint : str
        As the table has them; of DICOM folders, see :func:`cases_of_dicom`.
    kind : str
        "diffusion" or "multi-echo"; empty where it is not known before the case is opened.
    origin : str
        Where the worklist has it, for messages: "line 5".
    data : dict
        What is to be read, by the names of the columns, without what is empty: paths, b-values [s/mm2] where the table
        holds numbers, and the number or UID of a DICOM series
        (two UIDs: magnitudes and phases, or real and imaginary parts).
    """

    name: str
    subject: str
    timepoint: str = ""
    kind: str = ""
    origin: str = field(default="", compare=False)
    data: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def missing(self) -> tuple[str, ...]:
        """The columns whose file or folder is not there now; of a DICOM series, whether its folder is there."""
        if not self.data:
            return ("series",)
        return tuple(name for name in _PATHS if isinstance(self.data.get(name), Path) and not _exists(self.data[name]))


class CaseList(NamedTuple):
    """Cases.

    Attributes
    ----------
    cases : tuple of WorklistCase
        Each has a name of its own.
    notes : tuple of str
        What is odd, in words that name no folder.
    is_complete : bool
        Whether a case is named even if its files are gone: in a table, but not in a folder.
    """

    cases: tuple[WorklistCase, ...]
    notes: tuple[str, ...]
    is_complete: bool


def read_case_table(path: str | os.PathLike[str]) -> CaseList:
    """Read a table of cases.

    Parameters
    ----------
    path : path
        UTF-8 text, with commas, semicolons or tabulators between the cells. Columns: subject, timepoint and series,
        and if wanted magnitude, phase, regions, points, bvalues (a file, or numbers) and dicomSeries. Paths are
        absolute, or relative to the folder of the table. Other columns are not used.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no such table, it holds no case, or one twice; the line is named.
    """
    place = Path(path)
    table = read_case_rows(place, _COLUMNS, _REQUIRED)
    cases = tuple(_case_of_row(place, line, row) for line, row in table.rows)
    _check_once(place, cases)
    unused = _listed(table.unused)
    notes = [f"columns that are not used: {unused}; used are {_listed(_COLUMNS)}"] if unused else []
    return CaseList(cases, (*notes, *_oddities(cases)), True)


def cases_of_dicom(folder: str | os.PathLike[str], progress: Callable[[int, int], bool] | None = None) -> CaseList:
    """Find the diffusion and multi-echo series in a folder that holds one folder for each subject.

    Each series is a case, with its phases or imaginary parts where these are a series of their own. The name of a
    subject's folder is taken as the code of the subject. The time points are "1", "2" ... : the studies
    in the order of their dates.

    Parameters
    ----------
    folder : path
        Only its folders are looked at, with all below them, except hidden ones.
    progress : callable, optional
        ``progress(done, total)`` for every subject; False ends the reading.

    Raises
    ------
    NotADirectoryError
        When it is no folder.
    ValueError
        When there is no such series.
    InterruptedError
        When ``progress`` returned False.
    """
    top = Path(folder)
    if not top.is_dir():
        raise NotADirectoryError(f"{top}: expected a folder that holds a folder of DICOM files for each subject")
    subjects = sorted(place for place in top.iterdir() if place.is_dir() and not place.name.startswith("."))
    cases: list[WorklistCase] = []
    notes: list[str] = []
    for done, place in enumerate(subjects):
        if progress is not None and progress(done, len(subjects)) is False:
            raise InterruptedError(f"reading was cancelled after {done} of {len(subjects)} subjects")
        _add_subject(place, cases, notes)
    if not cases:
        raise ValueError(
            f"{top}: expected a folder for each subject with diffusion or multi-echo series in it, got none"
            f"{f' ({notes[0]})' if notes else ''}"
        )
    if progress is not None:
        progress(len(subjects), len(subjects))
    return CaseList(tuple(cases), (*_counted(notes), *_oddities(cases)), False)


def _case_of_row(table: Path, line: int, row: Mapping[str, str]) -> WorklistCase:
    where = f"{table.name}, line {line}"
    if not any(row.get(name) for name in _IMAGES):
        raise ValueError(f"{where}, series: expected the path of a file or folder, got an empty cell")
    data: dict[str, Any] = {name: table.parent.absolute() / row[name] for name in _PATHS if row.get(name)}
    bvalues = _numbers(row.get("bvalues", ""))
    if bvalues:
        data["bvalues"] = bvalues
    if row.get("dicomSeries"):
        data["dicomSeries"] = row["dicomSeries"]
    try:
        return _case(_clean(row["subject"]), _clean(row.get("timepoint", "")), data, f"line {line}")
    except ValueError as error:
        raise ValueError(f"{where}: {str(error).replace('name: ', 'subject: ', 1)}") from None


def _case(subject: str, timepoint: str, data: Mapping[str, Any], origin: str, kind: str = "") -> WorklistCase:
    """Return a case; ValueError where its names can be no part of a file's name.

    Where the kind is known the series has a UID, and keeps its name even if its study gets another number.
    """
    Case(subject)
    images = [re.split(r"[\\/]", str(data[name]).rstrip("\\/"))[-1] if name in data else "" for name in _IMAGES]
    uids = data.get("dicomSeries", "")
    uid = uids if isinstance(uids, str) else uids[0]
    told = [_clean(text) for text in (subject, "" if kind else timepoint, *images, uid)]
    digits = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]
    name = Case(f"{subject}-{digits}", timepoint).name
    return WorklistCase(name, subject, timepoint, kind, origin, data)


def _check_once(table: Path, cases: Iterable[WorklistCase]) -> None:
    seen: dict[str, WorklistCase] = {}
    for case in cases:
        other = seen.setdefault(case.name.casefold(), case)
        if other is not case:
            raise ValueError(
                f"{table.name}, {case.origin}: expected every case once, got {case.subject} "
                f"{f'({case.timepoint}) ' if case.timepoint else ''}of {other.origin} again"
            )


def _oddities(cases: Sequence[WorklistCase]) -> Iterator[str]:
    """Yield what may be a slip of the pen: it is told, for it may be meant."""
    examinations = Counter((case.subject, case.timepoint, case.kind) for case in cases)
    several = sum(count for count in examinations.values() if count > 1)
    if several:
        yield f"{several} cases share subject and time point with another one: their series tell them apart"
    read = Counter(repr([str(case.data.get(name)) for name in (*_IMAGES, "dicomSeries")]) for case in cases)
    same = sum(count for count in read.values() if count > 1)
    if same:
        yield f"{same} cases have their images in common with another one"
    subjects = Counter(subject.casefold() for subject in {case.subject for case in cases})
    if subjects and max(subjects.values()) > 1:
        alike = [code for code, count in subjects.items() if count > 1]
        yield f"codes of subjects that differ in capital letters only: {_listed(sorted(alike))}"


def _add_subject(place: Path, cases: list[WorklistCase], notes: list[str]) -> None:
    """Add the series of the folder of one subject."""
    subject = _clean(place.name)
    try:
        Case(f"{subject}-{0:08}")
    except ValueError:
        notes.append("folders left out, for their names can be no code of a subject")
        return
    found = [entry for entry in inventory(place).series if entry.kind in _KINDS]
    if not found:
        notes.append("folders without a diffusion or multi-echo series")
        return
    timepoints, is_dated = _timepoints(place, {entry.uid for entry in found})
    if not is_dated:
        notes.append("subjects with several studies without a date: the order of their time points is not known")
    partners = _partners(found, timepoints)
    if any(_is_part(entry) and entry.uid not in partners.values() for entry in found):
        notes.append("subjects with a phase or imaginary part whose other part is not clear: a case of its own")
    for entry in found:
        if entry.uid in partners.values():
            continue
        uids = (entry.uid, partners[entry.uid]) if entry.uid in partners else entry.uid
        data = {"series": place.absolute(), "dicomSeries": uids}
        origin = f"series {entry.number}" if entry.number is not None else "a series without number"
        cases.append(_case(subject, timepoints.get(entry.uid, ""), data, origin, entry.kind))


def _is_part(entry: SeriesEntry) -> bool:
    """Tell whether a series holds only what belongs to the magnitudes or real parts of another one."""
    return bool(entry.components) and set(entry.components) <= {"phase", "imaginary"}


def _partners(found: Sequence[SeriesEntry], timepoints: Mapping[str, str]) -> dict[str, str]:
    """Return the UID of the phases (imaginary parts) for that of the magnitudes (real parts), in order of numbers."""
    groups: dict[Any, tuple[list[str], list[str]]] = {}
    for entry in found:
        key = (timepoints.get(entry.uid), entry.kind, entry.n_images, entry.n_slices, entry.echo_times)
        groups.setdefault(key, ([], []))[_is_part(entry)].append(entry.uid)
    return {
        uid: other
        for mains, parts in groups.values()
        if len(mains) == len(parts)
        for uid, other in zip(mains, parts, strict=True)
    }


def _timepoints(place: Path, wanted: set[str]) -> tuple[dict[str, str], bool]:
    """Return the number of its study for each series, and whether dates tell the order.

    A folder mostly holds one series: its first file is looked at, and all files only where this does not do.
    """
    first = {folder: Path(folder, min(names)) for folder, _, names in os.walk(place) if names}
    studies: dict[str, tuple[str, str]] = {}
    for source in (sorted(first.values()), place):
        if wanted <= set(studies):
            break
        for instance in read_headers(source).instances:
            told = [str(instance.dataset.get(name) or "") for name in ("SeriesInstanceUID", "StudyInstanceUID")]
            when = "".join(str(instance.dataset.get(name) or "") for name in ("SeriesDate", "SeriesTime"))
            if told[0] in wanted:
                studies[told[0]] = min(studies.get(told[0], (told[1], when)), (told[1], when))
    dates: dict[str, str] = {}
    for study, when in studies.values():
        dates[study] = min(filter(None, (dates.get(study, ""), when)), default="")
    ordered = sorted(dates, key=lambda study: (dates[study], study))
    numbers = {study: str(number) for number, study in enumerate(ordered, start=1)}
    return {uid: numbers[study] for uid, (study, _) in studies.items()}, len(dates) < 2 or all(dates.values())


def _counted(notes: Iterable[str]) -> list[str]:
    return [f"{count} {note}" for note, count in Counter(notes).items()]


def _numbers(cell: str) -> tuple[float, ...]:
    """Return the numbers of a cell; none where it holds something else."""
    words = re.split(r"[\s,;]+", cell.strip())
    return tuple(map(float, words)) if all(re.fullmatch(r"\d+(\.\d*)?", word) for word in words) else ()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a folder that may not be looked into; a name that can be none
        return False


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
