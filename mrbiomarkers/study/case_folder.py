"""The folder of one case: made under a temporary name, replaced as a whole, recognised when a batch is run again."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrbiomarkers.files import write_json, write_text
from mrbiomarkers.measurements import Measurement, measurements_from_csv, measurements_to_csv

RECORD, TABLE = "case.json", "measurements.csv"
_MADE_FROM = ("software", "settings", "inputs")


@dataclass(frozen=True)
class StoredCase:
    """What an earlier run has left of a case.

    Attributes
    ----------
    rows : list of Measurement
        Its rows; empty where they are not those of this run.
    difference : str
        What was different then; empty: nothing, the results are those of this run.
    seconds : float
        How long it took.
    """

    rows: list[Measurement] = field(default_factory=list)
    difference: str = ""
    seconds: float = float("nan")


class CaseFolder:
    """Where the results of one case are, and where they are made.

    Parameters
    ----------
    batch : path
        Folder of all cases; no other run writes there meanwhile.
    name : str
        Name of the case's folder.
    """

    def __init__(self, batch: Path, name: str) -> None:
        self.target = batch / name
        self._partial = batch / f".{name}.partial"
        self._old = batch / f".{name}.old"

    def recover(self) -> None:
        """Put in order what an interrupted run has left: nothing is half done, nothing of the user's is lost.

        Raises
        ------
        OSError
            When the folder cannot be changed.
        """
        _remove(self._partial)
        if self._old.exists():
            if self.target.exists():
                self._keep_foreign_files()
            else:
                self._old.rename(self.target)

    def stored(self, made_from: Mapping[str, Any]) -> StoredCase | None:
        """Return what is there of an earlier run, or None.

        Parameters
        ----------
        made_from : mapping
            What the results of this run depend on, as in the record; what it lacks is not compared.

        Raises
        ------
        FileExistsError
            When a file stands where the folder should be.
        """
        if not self.target.exists():
            return None
        if not self.target.is_dir():
            raise FileExistsError(f"{self.target}: expected a folder for the results of a case, got a file")
        if not (self.target / RECORD).exists():
            return StoredCase(difference="files that no batch has written") if any(self.target.iterdir()) else None
        try:
            record = _read_record(self.target)
            rows = measurements_from_csv((self.target / TABLE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return StoredCase(difference=f"{RECORD} or {TABLE} cannot be read")
        difference = "; ".join(_differences(record, made_from))
        seconds = record.get("seconds")
        known = float(seconds) if isinstance(seconds, (int, float)) else float("nan")
        return StoredCase([] if difference else rows, difference, known)

    def start(self) -> Path:
        """Return an empty temporary folder to work in.

        Raises
        ------
        OSError
            When the folder cannot be made.
        """
        self._partial.mkdir()
        return self._partial

    def tidy(self) -> None:
        """Remove the temporary folder, if :meth:`finish` has not put it in place.

        What cannot be put in order now is by :meth:`recover` when the batch is run again.
        """
        with contextlib.suppress(OSError):
            self.recover()

    def finish(self, rows: Sequence[Measurement], record: Mapping[str, Any]) -> None:
        """Write table and record, and put the temporary folder in place of what was there.

        Parameters
        ----------
        rows : sequence of Measurement
            They become ``measurements.csv``.
        record : mapping
            What ``case.json`` says; the names of the files are added.

        Raises
        ------
        OSError
            When something cannot be written; what was there stays.
        """
        write_text(self._partial / TABLE, measurements_to_csv(rows))
        files = [path.relative_to(self._partial).as_posix() for path in self._partial.rglob("*") if not path.is_dir()]
        write_json(self._partial / RECORD, {**record, "files": sorted([*files, RECORD])})
        if self.target.exists():
            self.target.rename(self._old)
        self._partial.rename(self.target)
        if self._old.exists():
            self._keep_foreign_files()

    def _keep_foreign_files(self) -> None:
        """Move what no batch has written from the replaced folder into the new one, and remove the rest."""
        made: set[str] = set()
        with contextlib.suppress(OSError, ValueError):
            made = set(_read_record(self._old).get("files", ()))
        for path in [path for path in self._old.rglob("*") if not path.is_dir()]:
            name = path.relative_to(self._old)
            place = self.target / name
            if name.as_posix() not in made and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                path.rename(place)
        self._old.rename(self._partial)  # under the name of what may go
        _remove(self._partial)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _read_record(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        raise ValueError(f"{RECORD}: expected an object, got {type(record).__name__}")
    return record


def _differences(record: Mapping[str, Any], made_from: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs, in words."""
    for name in _MADE_FROM:
        if name not in made_from or record.get(name) == made_from[name]:
            continue
        then, now = record.get(name), made_from[name]
        if name == "software":
            yield f"made by {then or 'unknown software'}, this is {now}"
        elif name == "inputs":
            yield "made from other data"
        elif isinstance(then, dict) and isinstance(now, dict):
            keys = [key for key in {**then, **now} if then.get(key) != now.get(key) or (key in then) != (key in now)]
            yield f"made with other settings ({', '.join(keys)})"
        else:
            yield "made with other settings"
