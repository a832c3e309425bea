"""The row of the measurement table: its columns, checks, reading and writing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from mrbiomarkers.checks import check_choice

METHODS = ("mean of map", "fit of mean signal", "ratio of mean signals")
_NAN = float("nan")


@dataclass(frozen=True)
class Measurement:
    """One measured value of one region: a row of the tidy table.

    ``value`` is the mean of the map for rows of a map, the fitted parameter for rows of a region fit, and the fat
    fraction of the mean water and fat for rows of their ratio. Empty numbers are NaN. Coefficients of diffusion are in
    10^-3 mm2/s; ``unit`` says the unit of every row.
    """

    subject: str
    timepoint: str
    series: str
    reader: str
    region: str
    slice: str
    quantity: str
    unit: str
    model: str
    fit: str
    method: str
    value: float = _NAN
    se: float = _NAN
    ci_low: float = _NAN
    ci_high: float = _NAN
    mean: float = _NAN
    sd: float = _NAN
    median: float = _NAN
    p25: float = _NAN
    p75: float = _NAN
    min: float = _NAN
    max: float = _NAN
    n_voxels: int = 0
    n_slices: int = 0
    n_unfitted: int = 0
    n_on_bound: int = 0
    area_mm2: float = _NAN
    volume_mm3: float = _NAN
    outside_fraction: float = 0.0

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        for name in ("region", "quantity", "unit"):
            if not getattr(self, name):
                raise ValueError(f"{name}: expected a name in every row of the measurement table, got none")


COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(Measurement))
_INTEGERS = frozenset({"n_voxels", "n_slices", "n_unfitted", "n_on_bound"})
_TEXTS = frozenset(COLUMNS[: COLUMNS.index("value")])


def measurements_to_csv(rows: Iterable[Measurement]) -> str:
    """Return the table as CSV text with a header; NaN is an empty cell, numbers keep every digit."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in COLUMNS])
    return stream.getvalue()


def measurements_from_csv(text: str) -> list[Measurement]:
    """Return the rows of a table written by :func:`measurements_to_csv`.

    Raises
    ------
    ValueError
        When a column is missing or unknown, or a cell is not a number where one is expected; the line is named.
    """
    reader = csv.DictReader(io.StringIO(text))
    found = tuple(reader.fieldnames or ())
    if set(found) != set(COLUMNS):
        missing = sorted(set(COLUMNS) - set(found))
        unknown = sorted(set(found) - set(COLUMNS))
        raise ValueError(f"measurement table: expected columns {', '.join(COLUMNS)}; {missing=}, {unknown=}")
    return [_row(line, record) for line, record in enumerate(reader, start=2)]


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else repr(value)


def _row(line: int, record: Mapping[str | None, str]) -> Measurement:
    values: dict[str, str | float] = {}
    if None in record:  # where DictReader puts what is beyond the last column
        raise ValueError(f"measurement table, line {line}: expected {len(COLUMNS)} cells, got more")
    for name in COLUMNS:
        cell = record[name]
        if cell is None:
            raise ValueError(f"measurement table, line {line}: expected {len(COLUMNS)} cells, got fewer")
        try:
            values[name] = cell if name in _TEXTS else int(cell) if name in _INTEGERS else float(cell or "nan")
        except ValueError:
            raise ValueError(
                f"measurement table, line {line}, column {name}: expected a number, got {cell!r}"
            ) from None
    return Measurement(**values)  # type: ignore[arg-type]
