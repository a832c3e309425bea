"""Results as DICOM objects: the images that they come from are found in a folder, as the commands do it. No Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.dicom_read import read_dicom_diffusion, read_dicom_echoes
from mrbiomarkers.files.dicom_write import read_source_headers, write_dicom_results
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.regions import describe_grid, is_same_grid
from mrbiomarkers.series import DiffusionSeries, EchoSeries
from mrbiomarkers.settings import MeasureSettings

Mask = NDArray[np.bool_]
Progress = Callable[[int, int], bool]

_ALIKE = 0.9
_NOT_WRITTEN = ("R2", "AICc", "p_F")  # comparisons of models, which the commands do not write as DICOM either


@dataclass(frozen=True)
class DicomWish:
    """Where the images are, and what may be told of the patient.

    Attributes
    ----------
    folder : path
        Folder of DICOM files, with all below it.
    series : str
        Numbers or UIDs of the series where there are several that could be meant.
    is_echo : bool
        A multi-echo series is looked for; else a diffusion series.
    keep_identity : bool
        Keep what the headers say of patient and study; else the subject's code stands in its place.
    """

    folder: Path
    series: str = ""
    is_echo: bool = False
    keep_identity: bool = False


@dataclass(frozen=True, eq=False)
class DicomSource:
    """The series that results come from.

    Attributes
    ----------
    headers : list of pydicom.Dataset
        Of all its images.
    shape : tuple of int
        Size (K, J, I) of its grid.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    image : (K, J, I) array [a.u.]
        Mean of the images of the lowest b-value, or magnitude of the first echo.
    wish : DicomWish
        As it was asked for.
    """

    headers: list[Any]
    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    image: NDArray[Any]
    wish: DicomWish = field(repr=False)


def read_source(
    wish: DicomWish, regions: Iterable[str], identity: MeasureSettings, progress: Progress | None = None
) -> DicomSource:
    """Find the series and check all that can fail before objects are written.

    Parameters
    ----------
    wish : DicomWish
        Where it is.
    regions : iterable of str
        Names of the regions.
    identity : MeasureSettings
        Subject and reader.
    progress : callable, optional
        Over the files of the folder.

    Raises
    ------
    FileNotFoundError, ValueError
        When the folder or the series in it is not there, or a name cannot stand in a DICOM file.
    InterruptedError
        When ``progress`` returned False.
    """
    words: list[str | int] = [
        int(word) if word.isdecimal() else word for word in re.split(r"[,\s]+", wish.series) if word
    ]
    subject = "" if wish.keep_identity else identity.subject
    try:
        if not wish.folder.is_dir():
            raise FileNotFoundError("there is no such folder")
        found: DiffusionSeries | EchoSeries
        if wish.is_echo:
            echoes = read_dicom_echoes(wish.folder, series=words or None, progress=progress)
            found, files = echoes.series, list(echoes.instances)
        else:
            diffusion = read_dicom_diffusion(wish.folder, series=words or None, progress=progress)
            found, files = diffusion.series, list(chain.from_iterable(diffusion.instances))
        used = list(dict.fromkeys(files))
        headers = read_source_headers(used, names=regions, reader=identity.reader, subject=subject)
    except InterruptedError:
        raise
    except (OSError, ValueError) as error:
        raise ValueError(_said(error, wish.folder)) from error
    return DicomSource(headers, tuple(found.grid_shape), found.affine, _first_image(found), wish)


def check_grids(source: DicomSource, maps: Mapping[str, ParameterMap]) -> None:
    """Check that maps lie on the grid of the series.

    Raises
    ------
    ValueError
        When there is no map, or one lies on another grid: it was made from other images.
    """
    if not maps:
        raise ValueError("DICOM objects: expected at least one map, got none")
    for name, one in maps.items():
        if not is_same_grid(one.values.shape, one.affine, source.shape, source.affine):
            raise ValueError(
                f"Source DICOM folder: expected the series that the maps were made from; {name} has "
                f"{describe_grid(one.values.shape, one.affine)}, the series "
                f"{describe_grid(source.shape, source.affine)}"
            )


def check_image(source: DicomSource, image: NDArray[Any]) -> None:
    """Check that the image of the scene is the one in the folder: two patients may have been imaged on one grid.

    Raises
    ------
    ValueError
        When the images have little in common: their correlation is below 0.9. Those of another grid are not compared.
    """
    if image.shape != source.image.shape:
        return
    both = np.stack([np.ravel(np.abs(one)).astype(np.float64) for one in (image, source.image)])
    both = both[:, np.isfinite(both).all(axis=0)]
    if both.shape[1] < 2 or np.any(both.std(axis=1) == 0):
        return
    alike = float(np.asarray(np.corrcoef(both))[0, 1])
    if alike < _ALIKE:
        raise ValueError(
            "Source DICOM folder: expected the images from which the series in the scene was read, got others on the "
            f"same grid (correlation {alike:.2f}); they may be of another patient or visit"
        )


def _first_image(series: DiffusionSeries | EchoSeries) -> NDArray[Any]:
    if isinstance(series, DiffusionSeries):
        lowest = np.flatnonzero(series.bvalues == series.bvalues.min())
        return np.asarray(series.signal[..., lowest].mean(axis=-1))
    return np.abs(series.signal[..., 0])


def write_objects(
    out: Path,
    source: DicomSource,
    maps: Mapping[str, ParameterMap],
    masks: Mapping[str, Mask],
    rows: Iterable[Measurement],
    identity: MeasureSettings,
    progress: Progress | None = None,
) -> list[str]:
    """Write a Parametric Map for each map, a Segmentation and a report; return what was left out, and who is named.

    Raises
    ------
    ValueError
        When the images do not belong together, or something has no place in a DICOM object.
    OSError
        When a file cannot be written.
    InterruptedError
        When ``progress`` returned False.
    """
    keep = source.wish.keep_identity
    notes = write_dicom_results(
        out,
        source.headers,
        maps={name: one for name, one in maps.items() if one.quantity.key not in _NOT_WRITTEN},
        masks=masks,
        affine=source.affine,
        rows=rows,
        reader=identity.reader,
        subject="" if keep else identity.subject,
        keep_identity=keep,
        progress=progress,
    )
    return [*notes, *(["the DICOM objects name the patient"] if keep else [])]


def _said(error: Exception, folder: Path) -> str:
    """Return what is wrong with a folder, in the words of the form and without the folder's own path."""
    text = str(error).replace(f"{folder}/", "").replace(str(folder), "the folder")
    hint = " (The field Series says which one is meant.)" if "series=" in text else ""
    return f"Source DICOM folder: {text}{hint}"
