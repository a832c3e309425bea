"""The images of a case of a worklist, read from its files. No Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from slicer.i18n import tr as _

from mrbiomarkers.files import EchoFiles, is_dicom, read_echo_series
from mrbiomarkers.files.dicom_read import read_dicom_echoes
from mrbiomarkers.panels.series_files import check_no_choice, read_diffusion_files
from mrbiomarkers.series import DiffusionSeries, EchoSeries
from mrbiomarkers.study import WorklistCase

Progress = Callable[[int, int], bool]

MODULES = {"diffusion": "IVIM Bone Marrow", "multi-echo": "IDEAL Fat Quant"}
"""Titles of the modules by the kind of series that they take."""

_UNREADABLE = (TypeError, ValueError, OSError)  # what reading files of another kind ends with
_SHORTEST = 3  # a file's name of fewer letters is not looked for in messages


class CaseImages(NamedTuple):
    """The series of a case, and what its user should know of how it was read."""

    series: DiffusionSeries | EchoSeries
    notes: tuple[str, ...]


class OtherKindError(ValueError):
    """The case is for the other module."""


def read_images(case: WorklistCase, kind: str, progress: Progress | None = None) -> CaseImages:
    """Read the series of a case.

    Diffusion series come from ``series``; echoes from ``magnitude`` and ``phase`` where the case has these, else from
    ``series`` as magnitudes.

    Parameters
    ----------
    case : WorklistCase
        The case.
    kind : str
        "diffusion" or "multi-echo".
    progress : callable, optional
        ``progress(done, total)``; False ends the reading of DICOM files.

    Raises
    ------
    OtherKindError
        When it holds a series of the other kind only; the message names the module that takes it.
    TypeError, ValueError, OSError
        When it cannot be read; the message may name its files, see :func:`plain`.
    InterruptedError
        When ``progress`` returned False.
    """
    other = next(name for name in MODULES if name != kind)
    if case.kind == other or not _may_be(case.data, kind):
        raise OtherKindError(_other(other))
    try:
        return _READERS[kind](case.data, progress)
    except InterruptedError:
        raise
    except _UNREADABLE:
        if not case.kind and _may_be(case.data, other) and _is_readable(case, other, progress):
            raise OtherKindError(_other(other)) from None
        raise


def holds_both(case: WorklistCase) -> bool:
    """Tell whether a case names files for both modules."""
    return "series" in case.data and "magnitude" in case.data


def plain(text: str, case: WorklistCase) -> str:
    """Return a message without the names of a case's files and folders, which may tell subject and time point."""
    for column, path in case.data.items():
        if isinstance(path, Path):
            word = _("the file in {column}").format(column=column).replace("\\", "/")
            text = re.sub(re.escape(str(path)) + r"([\\/][^\s:;,()'\"]+)*", word, text)
            if len(path.name) >= _SHORTEST:
                text = re.sub(rf"(?<!\w){re.escape(path.name)}(?!\w)", word, text)
    return text


def _other(kind: str) -> str:
    words = {"diffusion": _("a diffusion series"), "multi-echo": _("a multi-echo series")}
    return _("the case is {kind}: open it in the module {module}").format(kind=words[kind], module=MODULES[kind])


def _may_be(data: Mapping[str, Any], kind: str) -> bool:
    """Tell whether the columns that are filled can be a series of a kind."""
    if kind == "diffusion":
        return "series" in data
    return "magnitude" in data or ("series" in data and "bvalues" not in data)


def _is_readable(case: WorklistCase, kind: str, progress: Progress | None) -> bool:
    try:
        _READERS[kind](case.data, progress)
    except InterruptedError:
        raise
    except _UNREADABLE:
        return False
    return True


def _diffusion(data: Mapping[str, Any], progress: Progress | None) -> CaseImages:
    given = {"bvalues": data.get("bvalues"), "chosen": data.get("dicomSeries")}
    read = read_diffusion_files(data["series"], **given, progress=progress)
    return CaseImages(_anonymous(read.series), read.notes)


def _echoes(data: Mapping[str, Any], progress: Progress | None) -> CaseImages:
    parts = {name: data[name] for name in ("magnitude", "phase") if name in data}
    if "magnitude" not in parts and is_dicom(data["series"]):
        read = read_dicom_echoes(data["series"], series=data.get("dicomSeries"), progress=progress)
    elif any(map(is_dicom, parts.values())):
        read = read_dicom_echoes(list(dict.fromkeys(parts.values())), series=data.get("dicomSeries"), progress=progress)
    else:
        check_no_choice({} if "series" in data and "magnitude" in data else data, _("an image file"))
        read = read_echo_series(EchoFiles(**(parts if "magnitude" in parts else {"magnitude": data["series"]})))
    return CaseImages(read.series, tuple(read.notes))


def _anonymous(series: DiffusionSeries) -> DiffusionSeries:
    """Return a series without the names of files, which the nodes would keep."""
    return replace(series, source=None)


_READERS: Mapping[str, Callable[[Mapping[str, Any], Progress | None], CaseImages]]
_READERS = {"diffusion": _diffusion, "multi-echo": _echoes}
