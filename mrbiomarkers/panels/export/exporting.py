"""Results of a scene to files: a new folder that is whole or not there at all. No Qt."""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mrbiomarkers.panels.export.export_contents import Results, charted
from mrbiomarkers.panels.export.export_dicom import DicomWish
from mrbiomarkers.panels.export.export_jobs import free_path, gathered, jobs_of
from mrbiomarkers.panels.packages import ensure_package
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.study.results import file_name

PARTS = ("table", "figures", "maps", "regions", "dicom")

Progress = Callable[[int, int], bool]

_READING = 0.4  # of the time, where a DICOM folder is read
_PACKAGES = {
    "figures": ("matplotlib", "matplotlib>=3.8", "An export with figures"),
    "dicom": ("highdicom", "highdicom>=0.25", "An export of DICOM objects"),
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    folder : path
        The new folder.
    files : tuple of str
        Names in it.
    notes : tuple of str
        What was left out, and what to know.
    """

    folder: Path
    files: tuple[str, ...]
    notes: tuple[str, ...]


def lacking(results: Results, parts: Collection[str], dicom: DicomWish | None = None) -> list[str]:
    """Return what is missing before these parts can be exported, as keys in the order of the form.

    Returns
    -------
    list of str
        Among ``"parts"`` (none is chosen), ``"table"``, ``"charts"`` (or maps and regions), ``"maps"``, ``"regions"``
        (or points), ``"source"`` (the DICOM folder).
    """
    has_figures = bool(results.regions is not None and (results.maps or results.image is not None))
    missing = [] if parts else ["parts"]
    if "table" in parts and results.table is None:
        missing.append("table")
    if "figures" in parts and not has_figures and not any(charted(results.is_echo, results.charts)):
        missing.append("charts")
    if {"maps", "dicom"} & set(parts) and not results.maps:
        missing.append("maps")
    if "regions" in parts and results.regions is None and not results.has_points:
        missing.append("regions")
    if "dicom" in parts and dicom is None:
        missing.append("source")
    return missing


def affordable(parts: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the parts whose Python packages are there, or were installed now, and why others are left out."""
    found, notes = [], []
    for part in (part for part in PARTS if part in parts):
        try:
            if part in _PACKAGES:
                ensure_package(*_PACKAGES[part])
            found.append(part)
        except ImportError as error:
            notes.append(str(error))
    return found, notes


def export_results(
    folder: Path,
    results: Results,
    parts: Collection[str],
    *,
    dicom: DicomWish | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write results into a new folder inside ``folder``, named after the subject; an older one gets no new files.

    Parameters
    ----------
    folder : path
        An existing folder.
    results : Results
        What there is.
    parts : collection of str
        What of it is written, among :data:`PARTS`.
    dicom : DicomWish, optional
        For the part ``"dicom"``.
    progress : callable, optional
        ``progress(done, total) -> bool``; False cancels.

    Returns
    -------
    Exported
        A figure that cannot be drawn is left out, and named there.

    Raises
    ------
    TypeError, ValueError
        When a node cannot be used, or the DICOM folder is not that of the maps; nothing is written then.
    OSError
        When the folder cannot be written, or the disk is full; nothing is left of the new one.
    InterruptedError
        When ``progress`` returned False; nothing is left of the new folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; choose one that exists")
    tell = progress or (lambda done, total: True)
    read = _READING if "dicom" in parts else 0.0
    material = gathered(results, parts, dicom, _part(tell, 0.0, read))
    jobs = list(jobs_of(results, parts, material))
    with _new_folder(folder) as made:
        for number, job in enumerate(jobs):
            start, end = (read + (1 - read) * n / len(jobs) for n in (number, number + 1))
            _check(_part(tell, start, end))
            job(made, _part(tell, start, end))
        files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
        if not files:
            raise ValueError("\n".join(["nothing could be exported", *material.notes]))
        target = free_path(folder / _name(results.identity))
        made.rename(target)
    return Exported(target, tuple(files), tuple(dict.fromkeys(material.notes)))


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """Give a hidden folder to write into, which is gone at the end unless it was renamed."""
    made = place / f".export.{secrets.token_hex(4)}.partial"
    try:
        made.mkdir()
        yield made
    except InterruptedError:
        raise
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise OSError(error.errno, f"cannot write there: {reason}; nothing was exported", str(place)) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _name(identity: MeasureSettings) -> str:
    """Return the name of the folder: the subject's code, time point and reader where they are given."""
    given = [file_name(text) for text in (identity.subject, identity.timepoint, identity.reader) if text.strip()]
    return "_".join(given) or "export"


def _part(tell: Progress, start: float, end: float) -> Progress:
    """Return the progress of a part of the work."""
    return lambda done, total: tell(round(1000 * (start + (end - start) * done / max(total, 1))), 1000)


def _check(tell: Progress) -> None:
    if not tell(0, 1):
        raise InterruptedError("the export was ended; nothing is left of it")
