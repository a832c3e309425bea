"""NRRD: MultiVolume, sequence and diffusion-weighted files with their b-values, and maps with their provenance."""

from __future__ import annotations

import re
from urllib.parse import unquote

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.files.bvalues import choose_bvalues
from mrbiomarkers.files.itk import ImageHeader, read_float32, read_header, write_array
from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.files.nrrd_header import axis_label
from mrbiomarkers.files.paths import PathLike, check_suffix
from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.series import DiffusionSeries

NRRD_SUFFIXES = (".nrrd", ".nhdr", ".seq.nrrd", ".seq.nhdr")

_B_NAME = re.compile(r"^b$|b[-_ ]?val", re.IGNORECASE)
_Found = tuple[list[float] | None, str]


def read_nrrd_series(
    path: PathLike, *, bvalues: ArrayLike | None = None, bval_file: PathLike | None = None
) -> DiffusionSeries:
    """Read a diffusion series from an NRRD file, with its list axis first or last.

    Parameters
    ----------
    path : path
        ``.nrrd``, ``.nhdr``, ``.seq.nrrd`` or ``.seq.nhdr``.
    bvalues : (B,) array_like, optional [s/mm2]
        b-value of each image. Without it, ``bval_file`` is read, else the header: the gradients of a diffusion-weighted
        NRRD, ``MultiVolume.FrameLabels``, or the index values of a sequence; else a ``.bval`` file beside the series.
    bval_file : path, optional
        Text file of b-values.

    Returns
    -------
    DiffusionSeries
        With a float32 signal [a.u.]; ``source`` names the header field, the text file or ``"caller"``.

    Raises
    ------
    FileNotFoundError
        When a named file does not exist.
    ValueError
        When the file is damaged or truncated, is no series, or its b-values are missing or do not fit.
    """
    header = read_header(path, NRRD_SUFFIXES)
    values, text = _header_bvalues(header)
    chosen = choose_bvalues(
        header,
        bvalues=bvalues,
        bval_file=bval_file,
        in_header=None if values is None else (values, text),
        header_note=text,
    )
    signal = read_float32(header)
    return DiffusionSeries(signal, chosen.values, header.affine, source=chosen.source)


def write_nrrd_map(path: PathLike, parameter_map: ParameterMap) -> None:
    """Write a map as float32 in its reported unit, with what it is and what made it as key/value pairs.

    The keys are ``MRBiomarkers.quantity``, ``.name``, ``.unit``, ``.provenance`` (one JSON text) and, where the
    standard has one, ``.code`` (DICOM coding scheme, value and meaning as a JSON list).

    Parameters
    ----------
    path : path
        ``.nrrd``.
    parameter_map : ParameterMap
        In either unit. NaN (not fitted) stays NaN.

    Raises
    ------
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When the file cannot be written.
    """
    check_suffix(path, (".nrrd",), "an NRRD file")
    reported = to_reported(parameter_map)
    known = reported.quantity
    pairs = {
        "MRBiomarkers.quantity": known.key,
        "MRBiomarkers.name": known.name,
        "MRBiomarkers.unit": reported.unit,
        "MRBiomarkers.provenance": json_text(reported.provenance),
    }
    if known.code is not None:
        pairs["MRBiomarkers.code"] = json_text(known.code)
    write_array(path, reported.values.astype(np.float32), reported.affine, pairs)


def _header_bvalues(header: ImageHeader) -> _Found:
    """Return the b-values and the name of their field, or None and why there are none."""
    reasons = []
    # The labels go before the index values: 3D Slicer numbers the frames of a MultiVolume that it opens as a sequence.
    for find in (_from_gradients, _from_frame_labels, _from_index_values):
        values, text = find(header)
        if values is not None:
            return values, text
        if text:
            reasons.append(text)
    return None, "; ".join(reasons) or "the header holds no b-values"


def _from_gradients(header: ImageHeader) -> _Found:
    """NA-MIC convention: b of an image is the header's b-value times (its gradient's length / the longest) squared."""
    metadata = header.metadata
    keys = sorted(key for key in metadata if re.fullmatch(r"DWMRI_gradient_\d+", key))
    if "DWMRI_b-value" not in metadata or not keys:
        return None, ""
    if any(key.startswith("DWMRI_NEX_") for key in metadata):
        return None, "the header repeats gradients with DWMRI_NEX_, which is not supported"
    largest = _numbers(metadata["DWMRI_b-value"])
    gradients = [_numbers(metadata[key]) for key in keys]
    if largest is None or len(largest) != 1 or any(g is None or len(g) != 3 for g in gradients):
        return None, "DWMRI_b-value or a DWMRI_gradient is not made of numbers"
    squares = np.sum(np.square(np.array(gradients, dtype=np.float64)), axis=1)
    # Gradients are text: rounding keeps their last digits from making one b-value several.
    return np.round(largest[0] * squares / max(squares.max(), 1e-300), 3).tolist(), "DWMRI_gradient"


def _from_frame_labels(header: ImageHeader) -> _Found:
    key, metadata = "MultiVolume.FrameLabels", header.metadata
    if key not in metadata:
        return None, ""
    tag = metadata.get("MultiVolume.FrameIdentifyingDICOMTagName", "")
    if tag and not _B_NAME.search(tag):
        return None, f"{key} holds {tag}, not b-values"
    values = _numbers(metadata[key])
    return (values, key) if values is not None else (None, f"{key} is not made of numbers")


def _from_index_values(header: ImageHeader) -> _Found:
    match = next((found for key in header.metadata if (found := re.fullmatch(r"axis (\d) index values", key))), None)
    if match is None:
        return None, ""
    key, label = match[0], axis_label(header.path, int(match[1]))
    if label and not _B_NAME.search(label):
        return None, f"{key} holds {label}, not b-values"
    values = _numbers(unquote(header.metadata[key]))
    if values is None:
        return None, f"{key} is not made of numbers"
    if not label and values == list(range(len(values))):
        return None, f"{key} only numbers the images"
    return values, key


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(token) for token in re.split(r"[\s,]+", text.strip())]
    except ValueError:
        return None
