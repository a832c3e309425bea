"""The feature table: one row a case and region, with what became of it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mrbiomarkers.checks import check_choice
from mrbiomarkers.tables.feature_codes import with_code, without_code

STATES = ("measured", "failed")
_FIXED = ("subject", "timepoint", "series", "region", "status", "reason", "n_voxels", "warnings")
_LEVELS = "levels_"
_BETWEEN = "; "


@dataclass(frozen=True)
class FeatureRow:
    """The features of one region of one image.

    Attributes
    ----------
    subject, timepoint, series, region : str
        What was measured; ``series`` names the image.
    status : str
        ``"measured"``, or ``"failed"`` with the reason.
    reason : str
        Why there are no features.
    n_voxels : int
        Voxels of the region, after resampling and resegmentation; 0 where it failed.
    warnings : tuple of str
        What the user should look at.
    levels : mapping of str to int
        Grey levels in the region, of each image.
    features : mapping of str to float
        Values by name; NaN where not defined.

    Raises
    ------
    ValueError
        When the status is another one, or a row that failed gives no reason.
    """

    subject: str
    timepoint: str = ""
    series: str = ""
    region: str = ""
    status: str = "measured"
    reason: str = ""
    n_voxels: int = 0
    warnings: tuple[str, ...] = ()
    levels: Mapping[str, int] = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("status", self.status, STATES)
        if self.status == "failed" and not self.reason:
            raise ValueError("reason: expected why there are no features, got none")

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells a row from the others."""
        return self.subject, self.timepoint, self.series, self.region


def features_to_csv(rows: Sequence[FeatureRow], *, code_standard: str = "") -> str:
    """Return the feature table as CSV text; NaN is an empty cell, numbers keep every digit.

    Parameters
    ----------
    rows : sequence of FeatureRow
        They may have different features: each stands where the first row that has it has it.
    code_standard : str
        Add IBSI codes to the names of features that were measured with this standard; empty: no codes.

    Returns
    -------
    str
        Columns subject, timepoint, series, region, status, reason, n_voxels, warnings, then the grey levels of each
        image (``levels_original``), then the features.
    """
    levels = _merged(row.levels for row in rows)
    names = _merged(row.features for row in rows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    headings = [with_code(name, code_standard) for name in names] if code_standard else names
    writer.writerow([*_FIXED, *(_LEVELS + name for name in levels), *headings])
    for row in rows:
        fixed = [*row.key, row.status, row.reason, row.n_voxels, _BETWEEN.join(row.warnings)]
        counts = [row.levels.get(name, "") for name in levels]
        writer.writerow([*fixed, *counts, *(_cell(row.features.get(name, math.nan)) for name in names)])
    return stream.getvalue()


def features_from_csv(text: str) -> list[FeatureRow]:
    """Return the rows of a table that :func:`features_to_csv` has written.

    An empty cell of a feature is NaN; a row that failed has no features. IBSI codes are taken off the names.

    Raises
    ------
    ValueError
        When it is no such table, or a cell holds no number where one is expected; the line is named.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    if tuple(header[: len(_FIXED)]) != _FIXED:
        raise ValueError(f"feature table: expected it to start with the columns {', '.join(_FIXED)}; got {header[:8]}")
    names = [without_code(name) for name in header]
    if len(set(names)) < len(names):
        raise ValueError("feature table: expected every column once, got one twice")
    rows = []
    for cells in reader:
        if len(cells) != len(header):
            raise ValueError(f"feature table, line {reader.line_num}: expected {len(header)} cells, got {len(cells)}")
        rows.append(_row(reader.line_num, names, cells))
    return rows


def check_once(rows: Iterable[FeatureRow]) -> None:
    """Check that no region of an image is there twice.

    Raises
    ------
    ValueError
        When one is; the message names it.
    """
    seen = set()
    for row in rows:
        if row.key in seen:
            shown = ", ".join(text for text in row.key if text)
            raise ValueError(
                f"feature table: expected every row once, got {shown} twice; give images and regions names of "
                "their own (columns series and region)"
            )
        seen.add(row.key)


def _merged(rows: Iterable[Mapping[str, float]]) -> list[str]:
    """Return the names of all rows once; a name that is new stands after the one before it in its row."""
    merged: list[str] = []
    known: set[str] = set()
    for row in rows:
        if known.issuperset(row):
            continue
        place = 0
        for name in row:
            if name in known:
                place = merged.index(name) + 1
            else:
                merged.insert(place, name)
                known.add(name)
                place += 1
    return merged


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _row(line: int, names: list[str], cells: list[str]) -> FeatureRow:
    fixed = dict(zip(_FIXED, cells, strict=False))
    given = dict(zip(names[len(_FIXED) :], cells[len(_FIXED) :], strict=True))
    levels: dict[str, int] = {}
    features: dict[str, float] = {}
    has_features = fixed["status"] != "failed"
    for name, cell in {"n_voxels": fixed["n_voxels"], **given}.items():
        try:
            if name == "n_voxels":
                n_voxels = int(cell)
            elif name.startswith(_LEVELS):
                levels.update({name.removeprefix(_LEVELS): int(cell)} if cell else {})
            elif has_features:
                features[name] = float(cell or "nan")
        except ValueError:
            raise ValueError(f"feature table, line {line}, column {name}: expected a number, got {cell!r}") from None
    warnings = tuple(fixed["warnings"].split(_BETWEEN)) if fixed["warnings"] else ()
    texts = {name: fixed[name] for name in _FIXED if name not in ("n_voxels", "warnings")}
    return FeatureRow(**texts, n_voxels=n_voxels, warnings=warnings, levels=levels, features=features)
