"""Output folders and files: nothing is overwritten unasked, nothing is left half written."""

from __future__ import annotations

import csv
import io
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.files.paths import PathLike, atomic_path


def check_output(folder: PathLike, *, overwrite: bool = False) -> None:
    """Check, without making anything, that an output folder may be made or written to.

    Parameters
    ----------
    folder : path
        It may exist or not.
    overwrite : bool
        Accept a folder that holds something.

    Raises
    ------
    FileExistsError
        When the folder holds something and ``overwrite`` is False, or the path is a file.
    PermissionError
        When the folder, or the nearest one above it that exists, is not writable.
    NotADirectoryError
        When a file stands where a folder above it should be.
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"{target}: expected a folder for the results, got a file")
    if target.is_dir() and not overwrite and any(target.iterdir()):
        raise FileExistsError(f"{target}: expected an empty or new folder; --overwrite replaces files in this one")
    nearest = next(parent for parent in (target, *target.absolute().parents) if parent.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(f"{target}: cannot be made, for {nearest} is a file")
    if not os.access(nearest, os.W_OK):
        raise PermissionError(f"{target}: cannot write results there ({nearest} is not writable)")


def prepare_output(folder: PathLike, *, overwrite: bool = False) -> Path:
    """Make the output folder, or check that an existing one may be written to.

    Parameters
    ----------
    folder : path
        Made with its parents where it does not exist.
    overwrite : bool
        Accept a folder that holds something. Nothing is deleted: files of the same names are replaced later.

    Raises
    ------
    OSError
        As for :func:`check_output`, or when the folder cannot be made or written to after all.
    """
    check_output(folder, overwrite=overwrite)
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            pass  # asking the file system is the only check that also sees read-only disks and quotas
    except OSError as error:
        raise type(error)(f"{target}: cannot write results there ({error.strerror or error})") from None
    return target


def write_text(path: PathLike, text: str) -> None:
    """Write a text file (UTF-8, line ends as given) under a temporary name and put it in place.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: PathLike, data: Any) -> None:
    """Write a JSON file; keys keep their order, NaN becomes null (see :func:`mrbiomarkers.files.jsontext.json_text`).

    Raises
    ------
    TypeError
        When a value has no plain form.
    OSError
        When the file cannot be written.
    """
    write_text(path, json_text(data, indent=2) + "\n")


def write_rows(path: PathLike, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV table: a header of the first row's keys, NaN as an empty cell, numbers with every digit.

    Raises
    ------
    ValueError
        When there is no row, or a row has other keys than the first.
    OSError
        When the file cannot be written.
    """
    if not rows:
        raise ValueError(f"{path}: expected at least one row, got none")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {name: "" if isinstance(cell, float) and math.isnan(cell) else cell for name, cell in row.items()}
        )
    write_text(path, stream.getvalue())
