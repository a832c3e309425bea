"""One case of a batch: its names, and what tells whether its data are still the same."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mrbiomarkers.files import json_text

_LONGEST = 100  # characters of a folder's name, which file systems limit to 255 bytes
_TAKEN = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}  # by Windows
_TAKEN |= {"measurements.csv", "batch.csv"}


@dataclass(frozen=True, eq=False)
class Case:
    """One unit of work of a batch.

    Attributes
    ----------
    name : str
        Code of the subject; with ``timepoint`` and ``reader`` the name of the case's folder. Letters, digits, ``_``,
        ``-``, ``+``, ``.`` and blanks inside.
    timepoint, reader : str
        As ``name``; empty where they are not told apart.
    data : Any
        What the work needs; nothing of it is written.
    inputs : Any
        What the results depend on besides the settings: arrays, series, numbers, texts, and paths, which stand for what
        the files and folders hold. Results of other inputs are not taken for those of this case. None: not looked at.
    """

    name: str
    timepoint: str = ""
    reader: str = ""
    data: Any = None
    inputs: Any = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: expected the code of a subject, got an empty text")
        for field in ("name", "timepoint", "reader"):
            text = getattr(self, field)
            if text and not _is_safe(text):
                allowed = "letters, digits, _ - + . and blanks inside, which file systems accept"
                raise ValueError(f"{field}: expected {allowed}, got {text!r}")
        if len(self.folder) > _LONGEST:
            raise ValueError(f"name: expected at most {_LONGEST} characters in all, got {len(self.folder)}")
        if self.folder.lower() in _TAKEN or self.folder.partition(".")[0].lower() in _TAKEN:
            raise ValueError(f"name: expected another name, for {self.folder!r} is taken")

    @property
    def folder(self) -> str:
        """Name of the folder that receives the results: ``name_timepoint_reader``."""
        return "_".join(part for part in (self.name, self.timepoint, self.reader) if part)


def check_cases(cases: Sequence[Case]) -> list[Case]:
    """Return the cases after checking that each has a folder of its own, also where upper case counts as lower case.

    Raises
    ------
    TypeError
        When one is no :class:`Case`.
    ValueError
        When there is none, or two share a folder.
    """
    checked = list(cases)
    if not checked:
        raise ValueError("cases: expected at least one, got none")
    seen: dict[str, Case] = {}
    for case in checked:
        if not isinstance(case, Case):
            raise TypeError(f"cases: expected Case, got {type(case).__name__}")
        other = seen.setdefault(unicodedata.normalize("NFC", case.folder).casefold(), case)
        if other is not case:
            raise ValueError(f"cases: expected names that differ, got {other.folder!r} and {case.folder!r}")
    return checked


def _is_safe(name: str) -> bool:
    """Tell whether every file system takes the name as it is, and no list of files hides it."""
    known = all(sign.isalnum() or sign in "_-+. " or unicodedata.category(sign).startswith("M") for sign in name)
    return known and name[0] not in "-+. " and name[-1] not in ". "


def digest(inputs: Any) -> str:
    """Return the SHA-256 of what :attr:`Case.inputs` holds; empty for None.

    Raises
    ------
    TypeError
        When something is neither array, data class, path, container nor plain value.
    OSError
        When a file cannot be read.
    """
    if inputs is None:
        return ""
    found = hashlib.sha256()
    _add(found, inputs)
    return found.hexdigest()


def _add(found: Any, value: Any) -> None:
    """Add a value with its kind and length, so that no two values look alike."""
    if isinstance(value, os.PathLike):
        _add_path(found, Path(value))
    elif isinstance(value, np.ndarray) and value.dtype != object:
        found.update(f"array {value.dtype.str} {value.shape} ".encode())
        found.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        _add(found, {"class": type(value).__name__, **fields})
    elif isinstance(value, Mapping):
        found.update(f"mapping {len(value)} ".encode())
        for key, item in value.items():
            _add(found, key)
            _add(found, item)
    elif isinstance(value, (list, tuple)):
        found.update(f"sequence {len(value)} ".encode())
        for item in value:
            _add(found, item)
    else:
        found.update(f"value {json_text(value)} ".encode(errors="surrogatepass"))


def _add_path(found: Any, path: Path) -> None:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    found.update(f"files {len(files)} ".encode())
    for file in files:
        name = file.relative_to(path).as_posix()  # empty for a file that was given itself
        found.update(f"file {name} {file.stat().st_size} ".encode(errors="surrogateescape"))
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
