"""The text header of an NRRD file, for what ITK's reader leaves out or gets wrong."""

from __future__ import annotations

import re
from pathlib import Path

_MAX_LINES = 10_000
_LAS = re.compile(r"left-anterior-superior(-time)?|LAST?", re.IGNORECASE)


def check_space(path: Path) -> None:
    """Refuse an NRRD file whose space is left-anterior-superior: some versions of ITK turn it to the wrong side.

    Raises
    ------
    ValueError
        When it is.
    """
    space = _fields(path).get("space", "")
    if _LAS.fullmatch(space):
        raise ValueError(
            f"{path}: expected the space left-posterior-superior or right-anterior-superior, got {space}; "
            "saving the file again in 3D Slicer changes it"
        )


def axis_label(path: Path, axis: int) -> str:
    """Return the label of one axis, numbered from 0 in the order of the file; empty when it has none."""
    labels = re.findall(r'"([^"]*)"', _fields(path).get("labels", ""))
    return labels[axis] if axis < len(labels) else ""


def _fields(path: Path) -> dict[str, str]:
    """Return the fields ``name: value``, without the key/value pairs ``key:=value``."""
    fields = {}
    with path.open("rb") as file:
        for _ in range(_MAX_LINES):
            line = file.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                break
            name, colon, value = line.partition(": ")
            if colon and not line.startswith("#") and ":=" not in name:
                fields[name.strip().lower()] = value.strip()
    return fields
