"""What is saved of a reader's worklist, and how it goes together with the list of cases as it is now."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_choice
from mrbiomarkers.files import atomic_path, json_text
from mrbiomarkers.study.worklist_files import CaseList, WorklistCase

TO_DO, DONE, EXCLUDED = "to do", "done", "excluded"
STATES = (TO_DO, DONE, EXCLUDED)
REASONS = ("artefact", "motion", "other")
_FORMAT = 1


class CaseState(NamedTuple):
    """How far a case is.

    Attributes
    ----------
    state : str
        "to do", "done" or "excluded".
    reason : str
        Why it is excluded: "artefact", "motion" or "other"; else empty.
    text : str
        The reader's own words on it.
    """

    state: str = TO_DO
    reason: str = ""
    text: str = ""


class Record(NamedTuple):
    """What ``state.json`` holds; the states by the names of the cases, in the order of the reader."""

    reader: str
    seed: int
    blind: bool = False
    current: str = ""
    states: Mapping[str, CaseState] = {}
    subjects: Mapping[str, tuple[str, str, str]] = {}

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Return what is saved, None where nothing is; ValueError where it cannot be used."""
        if not path.exists():
            return None
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            if told["format"] != _FORMAT:
                raise ValueError("written by another version of MRBiomarkers")
            states = {one["case"]: CaseState(one["state"], one["reason"], one["text"]) for one in told["cases"]}
            subjects = {one["case"]: (one["subject"], one["timepoint"], one["kind"]) for one in told["cases"]}
            record = cls(told["reader"], told["seed"], told["blind"], told["current"], states, subjects)
            for state in states.values():
                checked_state(state)
            if record.current and record.current not in states:
                raise ValueError("the current case is none of the cases")
        except (ValueError, TypeError, KeyError) as error:
            said = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(
                f"{path}: the saved readings cannot be used ({said}); put a copy in its place, or choose another folder"
            ) from None
        return record

    def write(self, path: Path) -> None:
        """Write the file as a whole: after a crash, or a power failure, it is this one or the one before."""
        cases = [
            {"case": name, **dict(zip(("subject", "timepoint", "kind"), self.subjects[name], strict=True))}
            | state._asdict()
            for name, state in self.states.items()
        ]
        head = {"format": _FORMAT, "software": f"MRBiomarkers {__version__}", "reader": self.reader, "seed": self.seed}
        text = json_text({**head, "blind": self.blind, "current": self.current, "cases": cases}, indent=1)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(f"{text}\n".encode())
            file.flush()
            os.fsync(file.fileno())


def checked_state(marked: CaseState) -> CaseState:
    """Return the state of a case; ValueError where there is no such state or reason, or its reason is missing."""
    check_choice("state", marked.state, STATES)
    if marked.state == EXCLUDED:
        check_choice("reason", marked.reason, REASONS)
        if marked.reason == "other" and not marked.text:
            raise ValueError("text: expected some words on why the case is excluded, got none")
    elif marked.reason or marked.text:
        raise ValueError(
            f"reason: expected none of a case that is {marked.state}, got {marked.reason or marked.text!r}"
        )
    return marked


def joined(
    stored: Record, listed: CaseList, reader: str, seed: int | None, folder: Path
) -> tuple[Record, list[WorklistCase]]:
    """Put what is saved and the list of cases together.

    Parameters
    ----------
    stored : Record
        What is saved; at first without cases.
    listed : CaseList
        The cases as they are now. Those that are not saved yet come last, in an order of their own.
    reader, seed
        As asked for; seed None: that of ``stored``.
    folder : path
        Of the reader, for messages.

    Returns
    -------
    Record
        With all cases.
    list of WorklistCase
        The same cases in the same order. A saved one that is no longer in a folder of DICOM files has no data.

    Raises
    ------
    ValueError
        When what is saved belongs to another reader, seed or list of cases.
    """
    if stored.reader != reader:
        raise ValueError(
            f"reader: expected a name whose folder no other reader has, got {reader!r}; {folder.name} belongs to "
            f"{stored.reader!r}: write the name like this, or choose another one"
        )
    if seed not in (None, stored.seed):
        raise ValueError(f"seed: expected {stored.seed}, with which the readings in {folder} were begun, got {seed}")
    found = {case.name: case for case in listed.cases}
    lost = [name for name in stored.states if name not in found]
    if lost and (listed.is_complete or len(lost) == len(stored.states)):
        shown = list(dict.fromkeys(stored.subjects[name][0] for name in lost))
        raise ValueError(
            f"{folder}: holds readings of another worklist, with {len(lost)} of {len(stored.states)} cases that this "
            f"one has not (subjects {', '.join(shown[:5])}{' ...' if len(shown) > 5 else ''}); cases may be added, but "
            "not taken out or changed: choose another folder"
        )
    added = sorted((name for name in found if name not in stored.states), key=_shuffle(reader, stored.seed))
    _check_timepoints(stored, found, {found[name].subject for name in added}, folder)
    cases = [_as_saved(name, stored.subjects[name], found.get(name)) for name in stored.states]
    cases += [found[name] for name in added]
    states = {case.name: stored.states.get(case.name, CaseState()) for case in cases}
    subjects = {case.name: (case.subject, case.timepoint, case.kind) for case in cases}
    return stored._replace(states=states, subjects=subjects), cases


def _check_timepoints(stored: Record, found: Mapping[str, WorklistCase], grown: set[str], folder: Path) -> None:
    """Refuse new studies that are older than the saved ones, or take their place: their numbers would be wrong."""
    for name, (subject, timepoint, _) in stored.subjects.items():
        if subject in grown and (name not in found or found[name].timepoint != timepoint):
            raise ValueError(
                f"{folder}: the time points of {subject} are numbered in another way than in the saved readings, for "
                "studies were added or taken out; put the folders back, or choose another folder for the readings"
            )


def _as_saved(name: str, told: tuple[str, str, str], case: WorklistCase | None) -> WorklistCase:
    """Return a case with the time point under which it was read before."""
    if case is None:
        return WorklistCase(name, *told)
    return replace(case, timepoint=told[1])


def _shuffle(reader: str, seed: int) -> Callable[[str], str]:
    """Return a key that sorts at random, but always alike: on every system, and in every version of Python."""

    def key(name: str) -> str:
        return hashlib.sha256(json_text([seed, reader, name]).encode()).hexdigest()

    return key
