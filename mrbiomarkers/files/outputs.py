"""Output folders and files: nothing is overwritten unasked, nothing is left half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mrbiomarkers.files.images import write_map
from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.files.paths import PathLike, atomic_path, stem_of
from mrbiomarkers.maps import NOT_FITTED, ParameterMap, Status, to_reported


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


def write_map_with_sidecar(path: PathLike, parameter_map: ParameterMap) -> None:
    """Write a map and, beside it, a JSON file that says what it is (``f.nii.gz`` and ``f.json``).

    Parameters
    ----------
    path : path
        ``.nii``, ``.nii.gz`` or ``.nrrd``.
    parameter_map : ParameterMap
        In either unit; written in the reported unit.

    Raises
    ------
    TypeError
        When the provenance holds a value that JSON cannot hold; nothing is written then.
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When a file cannot be written.
    """
    reported = to_reported(parameter_map)
    known = reported.quantity
    text = json_text(
        {
            "file": Path(path).name,
            "quantity": known.key,
            "symbol": known.symbol,
            "name": known.name,
            "unit": reported.unit,
            "code": known.code,
            "provenance": reported.provenance,
            "voxels": _status_counts(reported),
        },
        indent=2,
    )
    write_map(path, reported)
    write_text(Path(path).with_name(stem_of(path) + ".json"), text + "\n")


def _status_counts(parameter_map: ParameterMap) -> dict[str, int]:
    status = np.asarray(parameter_map.status)
    counts = {"total": int(status.size), "fitted": int(np.count_nonzero((status & int(NOT_FITTED)) == 0))}
    for flag in Status:
        if flag:
            counts[str(flag.name).lower()] = int(np.count_nonzero(status & int(flag)))
    return counts
