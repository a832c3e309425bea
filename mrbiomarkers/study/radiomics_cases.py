"""The table of cases for radiomics: an image and a mask a line."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

from mrbiomarkers.quantities import QUANTITIES
from mrbiomarkers.study.case_tables import read_case_rows

_REQUIRED = ("subject", "image", "mask")


@dataclass(frozen=True)
class RadiomicsCase:
    """One image and its mask, as the table has them.

    Attributes
    ----------
    subject, timepoint, series : str
        Whose image, when, and which: T2w, ADC ...
    image, mask : str
        Paths; the image may be a folder of DICOM files.
    region : str
        Name of a segment, or of a label by its legend; of a mask with one region, the name that it gets. Empty: all.
    label : str
        Value of the region in the mask; empty: all.
    quantity, unit : str
        What a map is of, where no JSON file beside it says so.
    dicom_series : str
        Number or UID of the series in a DICOM folder that holds several.
    line : int
        Line of the table.
    folder : str
        Folder of the table: paths are relative to it.
    """

    subject: str
    image: str
    mask: str
    timepoint: str = ""
    series: str = ""
    region: str = ""
    label: str = ""
    quantity: str = ""
    unit: str = ""
    dicom_series: str = ""
    line: int = 0
    folder: str = ""

    @property
    def image_path(self) -> Path:
        """Where the image is."""
        return Path(self.folder, self.image)

    @property
    def mask_path(self) -> Path:
        """Where the mask is."""
        return Path(self.folder, self.mask)

    @property
    def name(self) -> str:
        """What messages call the case: no file is named."""
        told = ", ".join(text for text in (self.subject, self.timepoint, self.series, self.region) if text)
        return f"line {self.line} ({told})"

    @property
    def asked_region(self) -> str:
        """Name of the region that is asked for; empty: all."""
        return self.region or (f"label_{self.label}" if self.label else "")

    @property
    def key(self) -> str:
        """Letters and digits that stand for all that the table says of the case, wherever the table lies."""
        told = [getattr(self, name) for name in _COLUMNS]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


_COLUMNS = tuple(field.name for field in fields(RadiomicsCase) if field.name not in ("line", "folder"))
_FIELDS = {"dicomSeries" if name == "dicom_series" else name: name for name in _COLUMNS}  # by the name of the column


class RadiomicsCases(NamedTuple):
    """The cases of a table, and columns of it that are not used."""

    cases: tuple[RadiomicsCase, ...]
    notes: tuple[str, ...]


def read_radiomics_cases(path: str | os.PathLike[str]) -> RadiomicsCases:
    """Read a table of cases for radiomics.

    Parameters
    ----------
    path : path
        UTF-8 text, with commas, semicolons or tabulators between the cells. Columns: subject, image and mask, and if
        wanted timepoint, series, region, label, quantity, unit and dicomSeries (:class:`RadiomicsCase`), in any order
        and in small or capital letters. Paths are absolute, or relative to the folder of the table.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no such table, it holds no case, or a region could be there twice; the line is named.
    """
    place = Path(path)
    table = read_case_rows(place, list(_FIELDS), _REQUIRED)
    cases = tuple(_case(place, line, row) for line, row in table.rows)
    check_told_apart(place.name, cases)
    unused = ", ".join(table.unused)
    notes = (f"columns that are not used: {unused}; used are {', '.join(_FIELDS)}",) if unused else ()
    return RadiomicsCases(cases, notes)


def _case(table: Path, line: int, row: Mapping[str, str]) -> RadiomicsCase:
    where = f"{table.name}, line {line}"
    for name in _REQUIRED:
        if not row.get(name):
            what = "the code of a subject" if name == "subject" else "the path of a file"
            raise ValueError(f"{where}, {name}: expected {what}, got an empty cell")
    label, quantity = row.get("label", ""), row.get("quantity", "")
    if label and not re.fullmatch(r"[1-9]\d*(\.0*)?", label):
        raise ValueError(f"{where}, label: expected a whole number, 1 or more; got {label!r}")
    if quantity and quantity not in QUANTITIES:
        raise ValueError(f"{where}, quantity: expected one of {', '.join(QUANTITIES)}; got {quantity!r}")
    if row.get("unit") and not quantity:
        raise ValueError(f"{where}, unit: expected the quantity, too, got a unit only")
    told = {field: row.get(name, "") for name, field in _FIELDS.items()}
    told["label"] = label.partition(".")[0]
    return RadiomicsCase(**told, line=line, folder=str(table.parent.absolute()))


def check_told_apart(table: str, cases: Sequence[RadiomicsCase]) -> None:
    """Check that no two rows of features can have the same names.

    Parameters
    ----------
    table : str
        Name of the table, for messages.
    cases : sequence of RadiomicsCase
        Its cases.

    Raises
    ------
    ValueError
        When two can; the message names the lines.
    """
    seen: dict[tuple[str, ...], dict[str, RadiomicsCase]] = {}
    for case in cases:
        others = seen.setdefault((case.subject, case.timepoint, case.series), {})
        # Without a name, all regions of a mask are measured: any name may be among them.
        name = case.asked_region
        other = others.get(name) or (next(iter(others.values()), None) if not name else others.get(""))
        if other is not None:
            raise ValueError(
                f"{table}, line {case.line}: expected what tells this case from line {other.line} (subject, "
                "timepoint, series, and region or label), got the same; columns series (T2w, ADC ...) and region name "
                "images and regions"
            )
        others[name] = case
