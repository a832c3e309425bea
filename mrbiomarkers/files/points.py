"""Points in vertebral bodies: 3D Slicer's markups (``.mrk.json``, ``.fcsv``) and plain tables (``.csv``)."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array
from mrbiomarkers.files.outputs import write_json
from mrbiomarkers.files.paths import PathLike, check_suffix, existing_file
from mrbiomarkers.regions.levels import LEVELS

_SUFFIXES = (".json", ".fcsv", ".csv")
_SCHEMA = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
_SYSTEMS = {"RAS": (1.0, 1.0, 1.0), "LPS": (-1.0, -1.0, 1.0)}
_SYSTEMS |= {"0": _SYSTEMS["RAS"], "1": _SYSTEMS["LPS"]}  # as older versions of Slicer write them
_DEFINED = "2"  # the position status of .fcsv files
_STATUS_COLUMN = 14
_LEVEL = re.compile(r"(?:vertebrae?[ _])?([CTLS]\d{1,2})(?:[ _](?:vertebra|body))?(?:-(\d+))?", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*[-_ ])?\d+")  # F-1, L1-L5-3 (of a list named L1-L5), 1


@dataclass(frozen=True)
class _Point:
    """One point as the file has it: where in the file, its label, its RAS position [mm]."""

    where: str
    label: str
    position: NDArray[np.float64]


def read_points(path: PathLike, *, levels: Sequence[str] = ()) -> dict[str, NDArray[np.float64]]:
    """Read one point for each vertebra.

    A label is a level ("L1", " l4 ", "T12 vertebra"), which may have the number that Slicer adds ("L3-1" of a list
    named "L3"). "L4-5" is not taken for L4: it may be the disc. Points of a list that Slicer has named by numbers
    ("F-1", "F-2") get the ``levels`` in their order.

    Parameters
    ----------
    path : path
        Slicer's ``.mrk.json`` (points without a position are left out; LPS where no coordinate system is stated, as
        Slicer reads it) or ``.fcsv`` (must state it), or a ``.csv`` with the columns ``level,r,a,s`` or
        ``level,l,p,s`` [mm].
    levels : sequence of str
        Names, in the order of the file, of points that have none. Points with names keep these.

    Returns
    -------
    dict of str to (3,) float64 array [mm]
        RAS positions, in the order of the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file cannot be read or holds no point, a position is not three finite numbers, the coordinate system
        is not known, a label is no level, a level comes twice, or the unnamed points and ``levels`` differ in number.
    """
    found = existing_file(path, "points")
    suffix = check_suffix(found, _SUFFIXES, "points")
    try:
        text = found.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected a text file of points, got other bytes") from None
    read = {".json": _read_json, ".fcsv": _read_fcsv, ".csv": _read_csv}[suffix]
    points = list(read(str(path), text))
    if not points:
        raise ValueError(f"{path}: expected at least one point with a position, got none")
    return _named(str(path), points, levels)


def write_points(path: PathLike, points: Mapping[str, ArrayLike]) -> None:
    """Write points as a list of control points that 3D Slicer opens (``.mrk.json``, LPS as Slicer writes it).

    Parameters
    ----------
    path : path
        Ends in ``.mrk.json``; an existing file is replaced.
    points : mapping of str to (3,) array_like [mm]
        RAS positions; the keys become the labels.

    Raises
    ------
    ValueError
        When the name ends otherwise, or a position is not three finite numbers.
    OSError
        When the file cannot be written.
    """
    if not Path(path).name.lower().endswith(".mrk.json"):
        raise ValueError(f"{path}: expected a name that ends in .mrk.json, got {Path(path).name!r}")
    control = []
    for number, (label, point) in enumerate(points.items(), start=1):
        position = check_real_array(f"points[{label!r}]", point).astype(np.float64)
        if position.shape != (3,) or not np.all(np.isfinite(position)):
            raise ValueError(f"points[{label!r}]: expected three finite numbers (RAS, mm), got {position.tolist()}")
        lps = (position * _SYSTEMS["LPS"] + 0.0).tolist()
        control.append(
            {
                "id": str(number),
                "label": label,
                "position": lps,
                "selected": True,
                "locked": False,
                "visibility": True,
                "positionStatus": "defined",
            }
        )
    markups = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": control}
    write_json(path, {"@schema": f"{_SCHEMA}markups-schema-v1.0.3.json#", "markups": [markups]})


def _read_json(path: str, text: str) -> Iterator[_Point]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: expected JSON, got a mistake in line {error.lineno} ({error.msg})") from None
    lists = data.get("markups") if isinstance(data, dict) else None
    if not isinstance(lists, list) or not all(isinstance(item, dict) for item in lists):
        raise ValueError(f"{path}: expected 3D Slicer's markups ('markups' with 'controlPoints'), got other JSON")
    for markups in lists:
        to_ras = _system(path, markups.get("coordinateSystem", "LPS"))
        units = markups.get("coordinateUnits", "mm")
        if units != "mm":
            raise ValueError(f"{path}: expected coordinateUnits 'mm', got {units!r}")
        control = markups.get("controlPoints", [])
        if not isinstance(control, list) or not all(isinstance(item, dict) for item in control):
            raise ValueError(f"{path}: expected a list of points in 'controlPoints', got {type(control).__name__}")
        for number, item in enumerate(control, start=1):
            if item.get("positionStatus", "defined") == "defined":
                label = str(item.get("label") or "")
                where = f"point {number} ({label!r})"
                yield _Point(where, label, _position(path, where, item.get("position"), to_ras))


def _read_fcsv(path: str, text: str) -> Iterator[_Point]:
    stated = re.search(r"^#\s*CoordinateSystem\s*=\s*(\w+)", text, re.MULTILINE)
    if stated is None:  # versions of Slicer differ in what they take it for
        raise ValueError(f"{path}: expected a line '# CoordinateSystem = LPS' (or RAS) at the top, got none")
    to_ras = _system(path, stated[1])
    columns = ["id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label"]
    named = re.search(r"^#\s*columns\s*=\s*(.+)$", text, re.MULTILINE)
    if named is not None:
        columns = [name.strip() for name in named[1].split(",")]
    missing = [name for name in ("x", "y", "z", "label") if name not in columns]
    if missing:
        raise ValueError(f"{path}: expected the columns x, y, z and label, got {', '.join(columns)}")
    places = [columns.index(name) for name in ("x", "y", "z")]
    for number, row in _rows(path, text):
        if len(row) > _STATUS_COLUMN and row[_STATUS_COLUMN].strip() not in ("", _DEFINED):
            continue
        where = f"line {number}"
        if len(row) <= max(places):
            raise ValueError(f"{path}: {where}: expected {len(columns)} columns, got {len(row)}")
        label = row[columns.index("label")] if len(row) > columns.index("label") else ""
        yield _Point(f"{where} ({label!r})", label, _position(path, where, [row[n] for n in places], to_ras))


def _read_csv(path: str, text: str) -> Iterator[_Point]:
    rows = _rows(path, text)
    _, first = next(rows, (0, []))
    columns = [name.strip().lower() for name in first]
    systems = {"RAS": ("r", "a", "s"), "LPS": ("l", "p", "s")}
    held = [system for system, axes in systems.items() if set(axes) <= set(columns)]
    if "level" not in columns or len(held) != 1 or len(set(columns)) < len(columns):
        raise ValueError(
            f"{path}: expected a first line 'level,r,a,s' or 'level,l,p,s', which says what the numbers are; "
            f"got {','.join(first)!r}"
        )
    places = [columns.index(axis) for axis in systems[held[0]]]
    for number, row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{path}: line {number}: expected {len(columns)} columns, got {len(row)}")
        where, label = f"line {number}", row[columns.index("level")]
        position = _position(path, where, [row[n] for n in places], _SYSTEMS[held[0]])
        yield _Point(f"{where} ({label!r})", label, position)


def _rows(path: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the lines that are neither empty nor comments, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            try:
                yield number, next(csv.reader([line], strict=True))
            except csv.Error as error:
                raise ValueError(f"{path}: line {number}: expected comma-separated values ({error})") from None


def _system(path: str, stated: Any) -> tuple[float, float, float]:
    # A number without quotes is refused: Slicer does not look at it and takes the file for LPS.
    if not isinstance(stated, str) or stated.upper() not in _SYSTEMS:
        raise ValueError(f"{path}: expected the coordinate system 'LPS' or 'RAS', got {stated!r}")
    return _SYSTEMS[stated.upper()]


def _position(path: str, where: str, values: Any, to_ras: tuple[float, float, float]) -> NDArray[np.float64]:
    try:
        position = np.array([float(value) for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        position = np.zeros(0)
    if position.shape != (3,) or not np.all(np.isfinite(position)):
        raise ValueError(f"{path}: {where}: expected three finite numbers in mm, got {values!r}")
    return np.asarray(position * to_ras + 0.0)


def _named(path: str, points: list[_Point], levels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return the positions by level, from the labels or, where all of these are numbers only, from ``levels``."""
    names = [_level(path, point) for point in points]
    unnamed = [point.where for point, name in zip(points, names, strict=True) if not name]
    if unnamed and len(unnamed) < len(points):
        raise ValueError(f"{path}: expected every point to be named after its level (L1 ...), got {unnamed[0]}")
    if unnamed:
        if len(levels) != len(points):
            stated = ", ".join(levels) or "none"
            raise ValueError(
                f"{path}: expected points named after their levels (L1 ...), or as many stated levels as unnamed "
                f"points, in their order; got {len(points)} points, from {unnamed[0]} to {unnamed[-1]}, and {stated}"
            )
        names = [_known(f"levels: expected levels as L1 or T12, got {level!r}", level) for level in levels]
    twice = next((n for n, name in enumerate(names) if name in names[:n]), None)
    if twice is not None:
        raise ValueError(f"{path}: {points[twice].where}: expected each level once, got {names[twice]} twice")
    return {name: point.position for name, point in zip(names, points, strict=True)}


def _level(path: str, point: _Point) -> str:
    """Return the level of a point; empty when its label is a number only."""
    label = point.label.strip()
    match = _LEVEL.fullmatch(label)
    wrong = f"{path}: {point.where}: expected the name of a level, as L1 or T12"
    if match is None:
        if label and not _NUMBERED.fullmatch(label):
            raise ValueError(wrong)
        return ""
    name = _known(f"{wrong}; {match[1]} is none", match[1].upper())
    if match[2] is not None and int(match[2]) == int(name[1:]) + 1:
        raise ValueError(f"{wrong}; {label} may be the disc below {name}")
    return name


def _known(message: str, name: str) -> str:
    if name not in LEVELS:
        raise ValueError(message)
    return name
