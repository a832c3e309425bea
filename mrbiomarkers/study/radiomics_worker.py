"""One case of radiomics from its files, and the process that does one after the other."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import NDArray

from mrbiomarkers.files import read_map, read_regions, read_volume, suffix_of
from mrbiomarkers.files.parameter_maps import has_sidecar
from mrbiomarkers.files.paths import stem_of
from mrbiomarkers.files.segmentation import LEGEND_SUFFIX
from mrbiomarkers.jobs.measuring import DrawnRegion
from mrbiomarkers.jobs.radiomics import CaseNames, GridDigits, ImageOnGrid, failed_row, run_radiomics
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.settings.radiomics_presets import RadiomicsRecipe
from mrbiomarkers.study.cases import digest
from mrbiomarkers.study.messages import receive, send
from mrbiomarkers.study.privacy import paths_in, without_paths
from mrbiomarkers.study.radiomics_cases import RadiomicsCase
from mrbiomarkers.tables.features import FeatureRow, features_to_csv

_DETACHED = re.compile(rb"^\s*(?:data ?file|ElementDataFile)\s*[:=]\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_HEADER_BYTES = 1 << 16
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class RadiomicsTask:
    """One case, and how it is measured.

    Attributes
    ----------
    case : RadiomicsCase
        Its files.
    recipe : RadiomicsRecipe
        What is measured.
    keep_bin_width : bool
        As for :func:`~mrbiomarkers.jobs.radiomics.run_radiomics`.
    known_inputs : str
        Digest of the files that results are there of; with the same files nothing is measured. Empty: none.
    """

    case: RadiomicsCase
    recipe: RadiomicsRecipe
    keep_bin_width: bool = False
    known_inputs: str = ""


@dataclass(frozen=True)
class RadiomicsAnswer:
    """What became of a case.

    Attributes
    ----------
    inputs : str
        Digest of its files; empty where they cannot be read.
    table : str
        Its rows as a feature table (CSV); empty where those that are there hold.
    """

    inputs: str
    table: str


def measure_case(task: RadiomicsTask) -> RadiomicsAnswer:
    """Measure one case; whatever goes wrong becomes a row that says so, naming no file."""
    case = task.case
    inputs, rows = "", []
    try:
        inputs = digest(_inputs(case))
        if inputs == task.known_inputs:
            return RadiomicsAnswer(inputs, "")
        rows = _rows(task)
    except Exception as error:
        rows = [failed_row(names_of(case), case.asked_region, _reason(error, case))]
    return RadiomicsAnswer(inputs, features_to_csv(rows))


def names_of(case: RadiomicsCase) -> CaseNames:
    """Return what the rows of a case are called."""
    return CaseNames(case.subject, case.timepoint, case.series or case.quantity)


def serve() -> None:
    """Measure the tasks that come through standard input, until it ends; answers go to standard output.

    Libraries that print are kept off the answers. The keyboard's interrupt is for the process that started this one.
    """
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    send(answers, "ready")
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            send(answers, measure_case(receive(sys.stdin.buffer)))


def _rows(task: RadiomicsTask) -> list[FeatureRow]:
    image = _image(task.case)
    names = names_of(task.case)
    drawn = _regions(task.case, task.recipe.settings[0].label)
    return run_radiomics(
        image,
        drawn,
        task.recipe,
        names=names,
        keep_bin_width=task.keep_bin_width,
        image_grid=_digits(task.case.image_path, image.affine),
        mask_grid=_digits(task.case.mask_path, next(iter(drawn.values())).affine),
    )


def _digits(path: Path, affine: NDArray[np.float64]) -> GridDigits | None:
    """Return the grid of a file to the last digit; None where its header says something else than the matrix."""
    if path.is_dir():
        return None
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    if reader.GetDimension() != 3:
        return None
    spacing = np.array(reader.GetSpacing())
    direction = np.reshape(reader.GetDirection(), (3, 3))
    in_ras = _LPS_TO_RAS[:, None] * np.column_stack([direction * spacing, reader.GetOrigin()])
    if not np.allclose(in_ras, affine[:3]):
        return None
    return GridDigits(reader.GetSpacing(), reader.GetDirection(), reader.GetOrigin())


def _image(case: RadiomicsCase) -> ParameterMap | ImageOnGrid:
    """Read the image of a case; a map where a JSON file beside it, or the table, says its quantity."""
    path = case.image_path
    if path.is_dir():
        from mrbiomarkers.files.dicom_read import read_dicom_image

        volume = read_dicom_image(path, series=case.dicom_series or None)
    elif case.quantity or has_sidecar(path):
        return read_map(path, key=case.quantity, unit=case.unit)
    else:
        volume = read_volume(path)
    if case.quantity:
        from mrbiomarkers.quantities import quantity

        known = quantity(case.quantity)
        values: np.ndarray[Any, Any] = volume.values.astype(np.float32, copy=False)
        return ParameterMap(values, known, case.unit or known.reported_unit, volume.affine)
    return ImageOnGrid(volume.values, volume.affine)


def _regions(case: RadiomicsCase, usual_label: int) -> dict[str, DrawnRegion]:
    """Return the regions of a case that are asked for."""
    found = read_regions(case.mask_path)
    drawn = {name: DrawnRegion(mask.values.astype(np.bool_, copy=False), mask.affine) for name, mask in found.items()}
    plain = all(re.fullmatch(r"label_\d+", name) for name in drawn)
    label = case.label or (str(usual_label) if usual_label != 1 else "")
    if label:
        return {case.region or f"label_{label}": _labelled(case, drawn, label)}
    if not case.region:
        return drawn
    if case.region in drawn:
        return {case.region: drawn[case.region]}
    if plain and len(drawn) == 1:
        return {case.region: next(iter(drawn.values()))}
    raise ValueError(
        f"mask: expected a region {case.region!r}, got {', '.join(drawn)}"
        f"{'; the column label says which is meant' if plain else ''}"
    )


def _labelled(case: RadiomicsCase, drawn: Mapping[str, DrawnRegion], label: str) -> DrawnRegion:
    """Return the region of a label, which may have a name."""
    if f"label_{label}" in drawn:
        return drawn[f"label_{label}"]
    from mrbiomarkers.files import read_segments

    labels = {str(segment.label): segment.name for segment in read_segments(case.mask_path)[1]}
    if labels.get(label) in drawn:
        return drawn[labels[label]]
    raise ValueError(
        f"mask: expected voxels of label {label}, but it has label{'s' * (len(labels) > 1)} {', '.join(labels)}"
    )


def _inputs(case: RadiomicsCase) -> list[Any]:
    """Return all files that the features of a case depend on."""
    files = [file for path in (case.image_path, case.mask_path) for file in _files_of(path)]
    return [*files, case.label, case.region, case.quantity, case.unit, case.dicom_series]


def _files_of(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir():
        return
    for beside in (stem_of(path) + ".json", stem_of(path) + LEGEND_SUFFIX):
        if path.with_name(beside).is_file():
            yield path.with_name(beside)
    if suffix_of(path) in (".nhdr", ".seg.nhdr", ".seq.nhdr", ".mhd"):
        with path.open("rb") as stream:
            for name in _DETACHED.findall(stream.read(_HEADER_BYTES)):
                voxels = path.parent / os.fsdecode(name)
                if voxels.is_file():
                    yield voxels


def _reason(error: Exception, case: RadiomicsCase) -> str:
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error))
    if not text or not isinstance(error, (ValueError, TypeError, OSError)):
        text = f"{type(error).__name__}: {text}".rstrip(": ")
    for role, path in (("image", case.image_path), ("mask", case.mask_path)):
        # Not of what lies in a folder: without_paths takes that away whole.
        text = re.sub(rf"(?<!\w){re.escape(str(path))}(?![\w/\\])", f"[{role}]", text)
    return without_paths(text, paths_in([case.image_path, case.mask_path]), names=False)
