"""DICOM folders as input of a command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrbiomarkers.files import is_dicom


def split_series(path: str) -> tuple[str, str | int | None]:
    """Return the path and the series of ``FOLDER#SERIES``; a path that exists as it is written has no series.

    Raises
    ------
    ValueError
        When a series is named for what is no DICOM folder.
    """
    folder, mark, series = path.rpartition("#")
    if not mark or Path(path).exists():
        return path, None
    if not is_dicom(folder) or not series:
        raise ValueError(f"{path}: expected a DICOM folder and a series as FOLDER#NUMBER, or a file that exists")
    return folder, int(series) if series.isdecimal() else series


def add_series_choice(parser: Any) -> None:
    """Add ``--dicom-series``."""
    parser.add_argument(
        "--dicom-series",
        nargs="+",
        default=[],
        metavar="NUMBER|UID",
        help="of a DICOM folder: number (mrbiomarkers inventory lists them) or UID of the series; default: the only"
        " one",
    )


def series_choice(options: argparse.Namespace) -> list[str | int] | None:
    """Return the series that ``--dicom-series`` names; None where it names none."""
    words = options.dicom_series
    return [int(word) if word.isdecimal() else word for word in words] or None


def check_no_choice(options: argparse.Namespace, path: str) -> None:
    """Check that no DICOM series is named for a path that is none.

    Raises
    ------
    ValueError
        When one is.
    """
    if options.dicom_series:
        raise ValueError(f"--dicom-series: expected with a DICOM folder only, got {path}")
