"""NIfTI: a 4-D series with its b-values, and maps.

Where sform and qform disagree, ITK's choice holds, as in 3D Slicer: the sform when it is in scanner space (code 1) or
there is no qform, else the qform.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.files.bvalues import choose_bvalues
from mrbiomarkers.files.itk import read_float32, read_header, write_array
from mrbiomarkers.files.paths import PathLike, atomic_path, check_suffix, stem_of
from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.series import DiffusionSeries

NIFTI_SUFFIXES = (".nii", ".nii.gz")
_DESCRIPTION_BYTES = 79


def read_nifti_series(
    path: PathLike, *, bvalues: ArrayLike | None = None, bval_file: PathLike | None = None
) -> DiffusionSeries:
    """Read a diffusion series from a 4-D NIfTI file.

    Parameters
    ----------
    path : path
        ``.nii`` or ``.nii.gz``; the slope and intercept of the header are applied.
    bvalues : (B,) array_like, optional [s/mm2]
        b-value of each image. Without it, ``bval_file`` is read, else ``x.bval`` or ``x.bvals`` beside ``x.nii.gz``.
    bval_file : path, optional
        Text file of b-values.

    Returns
    -------
    DiffusionSeries
        With a float32 signal [a.u.]; ``source`` is ``"caller"`` or ``"text file"``.

    Raises
    ------
    FileNotFoundError
        When a named file does not exist.
    ValueError
        When the file is damaged or truncated, is no series, or its b-values are missing or do not fit.
    """
    header = read_header(path, NIFTI_SUFFIXES)
    chosen = choose_bvalues(header, bvalues=bvalues, bval_file=bval_file)
    signal = read_float32(header)
    return DiffusionSeries(signal, chosen.values, header.affine, source=chosen.source)


def write_nifti_series(path: PathLike, series: DiffusionSeries) -> None:
    """Write a diffusion series as a 4-D NIfTI file, and its b-values beside it (``x.nii.gz`` and ``x.bval``).

    Parameters
    ----------
    path : path
        ``.nii`` or ``.nii.gz``.
    series : DiffusionSeries
        The signal keeps its floating point type; directions and averages are not written.

    Raises
    ------
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When a file cannot be written.
    """
    check_suffix(path, NIFTI_SUFFIXES, "a NIfTI file")
    write_array(path, series.signal, series.affine, {})
    with atomic_path(Path(path).with_name(stem_of(path) + ".bval")) as temporary:
        temporary.write_text(" ".join(f"{b:.10g}" for b in series.bvalues) + "\n", encoding="ascii")


def write_nifti_map(path: PathLike, parameter_map: ParameterMap) -> None:
    """Write a map as float32 in its reported unit; the header's description says what it is and in which unit.

    Parameters
    ----------
    path : path
        ``.nii`` or ``.nii.gz``.
    parameter_map : ParameterMap
        In either unit. NaN (not fitted) stays NaN.

    Raises
    ------
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When the file cannot be written.
    """
    check_suffix(path, NIFTI_SUFFIXES, "a NIfTI file")
    reported = to_reported(parameter_map)
    known = reported.quantity
    text = f"{known.key} [{reported.unit}] {known.name}; MRBiomarkers"
    description = text.encode("ascii", "replace")[:_DESCRIPTION_BYTES].decode("ascii")
    write_array(path, reported.values.astype(np.float32), reported.affine, {"ITK_FileNotes": description})
