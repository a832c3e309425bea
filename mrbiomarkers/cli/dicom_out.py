"""``--dicom`` of the commands that make maps: the results as DICOM objects beside the other files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.cli.dicom import split_series
from mrbiomarkers.files.dicom_write import read_source_headers, write_dicom_results
from mrbiomarkers.files.paths import is_dicom
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DicomOutput:
    """Where the results come from, and what may be told of the patient; nothing is written where it is off.

    Attributes
    ----------
    sources : list
        Headers of the images that were used; empty where no DICOM is asked for.
    subject, reader : str
        Subject ID in place of the patient's (empty where the identity is kept), and who drew the regions.
    keep_identity : bool
        Keep what the headers say of patient and study.
    of_maps : dict of str to list
        Those among the headers that single maps come from; of a map that is not here, all.
    """

    sources: list[Any]
    subject: str = ""
    reader: str = ""
    keep_identity: bool = False
    of_maps: dict[str, list[Any]] = field(default_factory=dict)

    def write(
        self,
        out: Path,
        maps: Mapping[str, ParameterMap],
        masks: Mapping[str, Mask],
        affine: NDArray[np.float64],
        rows: Iterable[Measurement],
    ) -> list[str]:
        """Write the results into ``out/dicom``; return what was left out and, where it matters, who is named."""
        if not self.sources:
            return []
        notes = write_dicom_results(
            out / "dicom",
            self.sources,
            maps=maps,
            masks=masks,
            affine=affine,
            rows=rows,
            reader=self.reader,
            subject=self.subject,
            keep_identity=self.keep_identity,
            sources_of_maps=self.of_maps,
        )
        if self.keep_identity:
            notes.append("the files in dicom/ name the patient (--keep-identity)")
        return notes


def add_dicom_output(parser: Any) -> None:
    """Add ``--dicom`` and ``--keep-identity``."""
    parser.add_argument(
        "--dicom",
        action="store_true",
        help="of DICOM folders: also write OUT/dicom, a Parametric Map for each map, a Segmentation and a report of"
        " the measurements, without the patient's identity, with --subject as patient ID",
    )
    parser.add_argument(
        "--keep-identity",
        action="store_true",
        help="with --dicom: keep patient and study, as an archive that holds the images needs it",
    )


def check_dicom_options(
    options: argparse.Namespace, series: Sequence[str], *, maps: Mapping[str, str] | None = None
) -> None:
    """Check, before anything is read, that ``--dicom`` can be done.

    Parameters
    ----------
    options : argparse.Namespace
        With ``dicom`` and ``keep_identity``.
    series : sequence of str
        Paths of the images.
    maps : mapping of str to str, optional
        Paths of the maps of a scanner that stand in for them, by quantity.

    Raises
    ------
    ValueError
        When ``series`` or ``maps`` are no DICOM, the library that writes it is not installed, or ``--keep-identity``
        comes alone.
    """
    if options.keep_identity and not options.dicom:
        raise ValueError("--keep-identity: expected together with --dicom only")
    if not options.dicom:
        return
    for name, path in (maps or {}).items():
        if not is_dicom(split_series(path)[0]):
            raise ValueError(
                f"--dicom: expected maps in DICOM folders, got {name}={path}: an image file does not say from which "
                "DICOM images it comes, and a DICOM object has to refer to them"
            )
    stray = [path for path in series if not is_dicom(path)]
    if stray or not (series or maps):
        raise ValueError(f"--dicom: expected a DICOM folder as SERIES, got {stray[0] if stray else 'none'}")
    if find_spec("highdicom") is None:
        raise ValueError('--dicom: expected the library highdicom, got none: pip install "mrbiomarkers[dicom]"')


def dicom_output(
    options: argparse.Namespace,
    instances: Iterable[Path],
    regions: Iterable[str],
    *,
    of_maps: Mapping[str, Iterable[Path]] | None = None,
) -> DicomOutput:
    """Return what is to be written as DICOM; whatever is wrong with the source images is said here, before the fits.

    Parameters
    ----------
    options : argparse.Namespace
        With ``dicom``, ``keep_identity``, ``subject`` and ``reader``.
    instances : iterable of path
        The files that were used.
    regions : iterable of str
        Names of the regions.
    of_maps : mapping of str to iterable of path, optional
        The files among these that single maps come from.

    Raises
    ------
    ValueError
        When the images do not belong together, or a name cannot stand in a DICOM file.
    """
    if not options.dicom:
        return DicomOutput([])
    subject = "" if options.keep_identity else options.subject
    paths = list(dict.fromkeys(instances))
    try:
        sources = read_source_headers(paths, names=regions, reader=options.reader, subject=subject)
    except ValueError as error:
        raise ValueError(f"--dicom: {error}") from None
    known = dict(zip(paths, sources, strict=True))
    single = {name: [known[path] for path in used] for name, used in (of_maps or {}).items()}
    return DicomOutput(sources, subject, options.reader, options.keep_identity, single)
