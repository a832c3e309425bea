"""A diffusion series out of an image file or a DICOM folder, as batches and worklists name them. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrbiomarkers.files import is_dicom, read_bvalues, read_series
from mrbiomarkers.files.dicom_read import read_dicom_diffusion
from mrbiomarkers.series import DiffusionSeries


@dataclass(frozen=True, eq=False)
class FileSeries:
    """A series and what its file says of it.

    Attributes
    ----------
    series : DiffusionSeries
        As it is stored: repeats and directions are not combined.
    notes : tuple of str
        What was assumed.
    table : tuple of str
        Of a DICOM folder: each b-value and where it comes from.
    parameters : dict
        Of a DICOM folder: how it was acquired.
    """

    series: DiffusionSeries
    notes: tuple[str, ...] = ()
    table: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)


def read_diffusion_files(
    source: Path,
    *,
    bvalues: Path | Sequence[float] | None = None,
    chosen: Any = None,
    progress: Callable[[int, int], bool] | None = None,
) -> FileSeries:
    """Read a diffusion series.

    Parameters
    ----------
    source : path
        Image file or DICOM folder.
    bvalues : path or sequence of float [s/mm2], optional
        In place of those of the series.
    chosen : int, str or sequence of these, optional
        Numbers or UIDs of series in a DICOM folder.
    progress : callable, optional
        ``progress(done, total) -> bool`` over the files of a folder; False ends it.

    Raises
    ------
    ValueError, OSError
        When it cannot be read, or a series is chosen where there is no DICOM folder.
    InterruptedError
        When ``progress`` returned False.
    """
    if is_dicom(source):
        values = read_bvalues(bvalues) if isinstance(bvalues, Path) else bvalues
        found = read_dicom_diffusion(source, series=chosen, bvalues=values, progress=progress)
        return FileSeries(found.series, tuple(found.notes), tuple(map(str, found.table)), found.parameters)
    check_no_choice({} if chosen is None else {"dicomSeries": chosen}, source)
    named: dict[str, Any] = {"bval_file" if isinstance(bvalues, Path) else "bvalues": bvalues}
    return FileSeries(read_series(source, **named))


def check_no_choice(given: Mapping[str, Any], source: Any) -> None:
    """Raise ValueError where a series of a DICOM folder is chosen, and the source is none."""
    if "dicomSeries" in given:
        raise ValueError(f"dicomSeries: expected with a DICOM folder only, got {source}")
