"""All results of one subject as DICOM: a Parametric Map for each map, one Segmentation, one report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.files.dicom_read.tags import lenient
from mrbiomarkers.files.dicom_write.deidentify import check_subject
from mrbiomarkers.files.dicom_write.map import write_parametric_map
from mrbiomarkers.files.dicom_write.report import write_measurement_report
from mrbiomarkers.files.dicom_write.segmentation import write_dicom_segmentation
from mrbiomarkers.files.dicom_write.source import prepare_sources
from mrbiomarkers.files.outputs import prepare_output
from mrbiomarkers.files.paths import PathLike
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_FIRST_MAP = 9101  # series numbers of the maps; the Segmentation has 9002 and the report 9003
_MAX_NAME = 64  # characters of a segment's label and of a group of a person's name


@lenient()
def read_source_headers(
    paths: Sequence[PathLike], *, names: Iterable[str] = (), reader: str = "", subject: str = ""
) -> list[Dataset]:
    """Read the headers of the images that results were made of, and check all that can fail before results are there.

    Parameters
    ----------
    paths : sequence of path
        The files; no pixels are read.
    names : iterable of str
        Names of the regions that are to be written.
    reader : str
        Who drew the regions.
    subject : str
        Subject ID chosen by the study.

    Returns
    -------
    list of pydicom.Dataset
        As :func:`write_dicom_results` takes them.

    Raises
    ------
    FileNotFoundError
        When a file is not there any more.
    ValueError
        When the images belong to several patients, studies or frames of reference or lack an element, or a name cannot
        stand in a DICOM file.
    """
    from pydicom import dcmread

    check_subject(subject)
    for name in names:
        if not 0 < len(name.strip()) <= _MAX_NAME or len(name) > _MAX_NAME or "\\" in name:
            raise ValueError(f"region {name!r}: expected a name of 1 to {_MAX_NAME} characters without backslash")
    if len(reader) > _MAX_NAME or any(letter in "\\=" or not letter.isprintable() for letter in reader):
        raise ValueError(
            f"reader: expected at most {_MAX_NAME} printable characters without backslash and =, got {reader!r}"
        )
    headers: list[Dataset] = [dcmread(path, stop_before_pixels=True) for path in paths]
    prepare_sources(headers)
    return headers


@lenient()
def write_dicom_results(
    folder: PathLike,
    source_datasets: Sequence[Dataset | PathLike],
    *,
    maps: Mapping[str, ParameterMap],
    masks: Mapping[str, ArrayLike],
    affine: ArrayLike,
    rows: Iterable[Measurement],
    reader: str = "",
    subject: str = "",
    keep_identity: bool = False,
    sources_of_maps: Mapping[str, Sequence[Dataset | PathLike]] | None = None,
    progress: Callable[[int, int], bool] | None = None,
) -> list[str]:
    """Write maps, regions and the measurement table of one subject: ``<map>.dcm``, ``regions.dcm``, ``report.dcm``.

    Parameters
    ----------
    folder : path
        Made where it does not exist; files of the same names are replaced.
    source_datasets : sequence of pydicom.Dataset or path
        Images from which the results were made, of one patient, study and frame of reference; all objects refer to
        them.
    maps : mapping of str to ParameterMap
        By file name.
    masks : mapping of str to (K, J, I) array_like
        The regions, above 0 inside; without any, neither regions nor a report are written.
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` of the masks to RAS.
    rows : iterable of Measurement
        The table; may hold several readers.
    reader : str
        Who drew the regions.
    subject, keep_identity
        As for :func:`~mrbiomarkers.files.dicom_write.map.write_parametric_map`. UIDs are replaced unless the identity
        is kept.
    sources_of_maps : mapping of str to sequence of pydicom.Dataset or path, optional
        The sources of single maps, by file name, where these are not all.
    progress : callable, optional
        ``progress(done, total) -> bool`` over the objects; False ends the writing, and what is written stays.

    Returns
    -------
    list of str
        What was left out, and why: a map without a fitted voxel, a region without a voxel, a number that is not known.

    Raises
    ------
    FileNotFoundError
        When a source file does not exist.
    ValueError
        When the sources do not belong together or lack something, a grid is sheared or lies beside them, a name cannot
        stand in a DICOM file, or a unit has no code.
    OSError
        When a file cannot be written.
    InterruptedError
        When ``progress`` returned False.
    """
    out = prepare_output(folder, overwrite=True)
    notes: list[str] = []
    for number, (name, parameter_map) in enumerate(maps.items()):
        _tell(progress, number, len(maps) + 1)
        problem = _not_writable(parameter_map.values)
        if problem:
            notes.append(f"map {name}: {problem}, not written as DICOM")
            continue
        write_parametric_map(
            out / f"{name}.dcm",
            parameter_map,
            (sources_of_maps or {}).get(name, source_datasets),
            subject=subject,
            keep_identity=keep_identity,
            series_number=_FIRST_MAP + number,
        )
    filled = {name: mask for name, mask in masks.items() if np.any(mask)}
    notes += [f"region {name}: no voxel, not written as DICOM" for name in masks if name not in filled]
    _tell(progress, len(maps), len(maps) + 1)
    if filled:
        path = out / "regions.dcm"
        write_dicom_segmentation(
            path, filled, affine, source_datasets, reader=reader, subject=subject, keep_identity=keep_identity
        )
        notes += _write_report(out, path, list(rows), source_datasets, subject, keep_identity)
    return notes


def _tell(progress: Callable[[int, int], bool] | None, done: int, total: int) -> None:
    if progress is not None and not progress(done, total):
        raise InterruptedError(f"cancelled after {done} of {total} DICOM objects")


def _write_report(
    out: Path,
    segmentation: Path,
    rows: list[Measurement],
    source_datasets: Sequence[Dataset | PathLike],
    subject: str,
    keep_identity: bool,
) -> list[str]:
    """Write the report where a number is known; return what it leaves out."""
    if not any(row.slice == "all" and np.isfinite(row.value) for row in rows):
        return ["no number is known of any region: no report written as DICOM"]
    said = write_measurement_report(
        out / "report.dcm",
        rows,
        source_datasets,
        segmentation=segmentation,
        subject=subject,
        keep_identity=keep_identity,
    )
    return [f"report: {line}" for line in said]


def _not_writable(values: NDArray[np.generic]) -> str:
    """Return what keeps a map from being written; empty where nothing does."""
    if np.isnan(values).all():
        return "no fitted voxel"
    infinite = np.count_nonzero(np.isinf(values))
    return f"{infinite} infinite values" if infinite else ""
