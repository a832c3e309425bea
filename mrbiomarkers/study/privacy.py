"""Paths taken out of messages, for folders and files are often named after the patient."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mrbiomarkers.files import suffix_of

_SUFFIXES = ".nii .nii.gz .nrrd .nhdr .mha .mhd .dcm .ima .json .csv .bval .bvec .mat .txt .toml .png .mrb .mrml .raw"
_SUFFIXES += " .seq.nrrd .seg.nrrd .seq.nhdr .seg.nhdr .gz .zip .h5 .npy .npz"
_KNOWN = frozenset(_SUFFIXES.split())
_ENDING = "|".join(re.escape(suffix) for suffix in sorted(_KNOWN, key=len, reverse=True))
_UNIT = r"(?:1|[uµm]*m[23²³]?)/m?s\b"
_PART = rf"(?:(?!(?<!\w){_UNIT})(?:[^\\/\n:;,'\"<>|*?()\[\]]|\([^()\\/\n]*\)))*"
_START = r"(?<![\w.+\-)\]}/\\^²³])(?:[A-Za-z]:[\\/]+|\\\\|~[\\/]|\.{1,2}[\\/]|/+)(?=[^\s\\/])"
_PATHS = re.compile(
    rf"(?P<unit>(?<!\w){_UNIT})"
    rf"|(?P<whole>{_START}(?:{_PART}[\\/]+)*(?:{_PART}?(?:{_ENDING})\b|[^\s\\/:;,'\"<>|*?()\[\]]*))"
    rf"|(?P<partial>(?<![\w/\\])[\w.+-]+(?:[\\/]+[\w.+-]+)+)",
    re.IGNORECASE,
)


def without_paths(text: str, known: Iterable[str] = (), *, names: bool = True) -> str:
    """Return a message on one line without the folders that it names.

    Parameters
    ----------
    text : str
        Message of an error.
    known : iterable of str
        Paths that may occur in it; they are found whatever characters they hold. Others are found by their slashes.
    names : bool
        Keep the last part of each path; else only the ending of a file stays: ``[file].nii.gz``, ``[path]``.

    Returns
    -------
    str
        One line. Units (``mm2/s``) stay as they are.
    """
    for path in sorted(_forms(known), key=len, reverse=True):
        # Not inside a longer word: "data/S1" must not be found in "data/S10".
        text = re.sub(rf"(?<!\w){re.escape(path)}(?!\w)", lambda found: _short(found[0], names), text)

    def replaced(found: re.Match[str]) -> str:
        if found["unit"] or (found["partial"] and not _is_path(found["partial"])):
            return found[0]
        return _short(found[0], names)

    shortened = " ".join(_PATHS.sub(replaced, text).split())
    return shortened.encode(errors="replace").decode()  # names that are no text can be in no table


def paths_in(value: Any) -> Iterator[str]:
    """Yield the paths that a value holds: path objects, and texts with a slash, also inside containers."""
    if isinstance(value, os.PathLike):
        yield os.fsdecode(value)
    elif isinstance(value, str):
        if re.search(r"[\\/]", value) and not re.search(rf"(?<!\w){_UNIT}", value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from paths_in(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from paths_in(item)


def _forms(known: Iterable[str]) -> set[str]:
    """Return the paths, the folders above them, and how Python writes them where it escapes the backslash."""
    found = set()
    for path in known:
        path = path.rstrip("\\/")
        while len(path) > 1:
            found |= {path, path.replace("\\", "\\\\")}
            above = re.sub(r"[\\/]+[^\\/]*$", "", path)
            # The first part of a path is too short to be told from a word.
            path = above if above != path and re.search(r"[\\/].*[\\/]|[^\\/][\\/]", above) else ""
    return found


def _is_path(text: str) -> bool:
    """Tell a relative path from "water/fat": by two slashes, or a file's ending."""
    return len(re.findall(r"[\\/]+", text)) > 1 or suffix_of(text) in _KNOWN


def _short(path: str, names: bool) -> str:
    last = re.split(r"[\\/]", path.rstrip("\\/"))[-1]
    if names:
        return last
    suffix = suffix_of(last)
    return f"[file]{suffix}" if suffix in _KNOWN else "[path]"
