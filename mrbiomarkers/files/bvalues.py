"""b-values of a series: from the caller, a text file, the image header or a file beside the series, in this order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues
from mrbiomarkers.files.itk import ImageHeader
from mrbiomarkers.files.paths import PathLike, existing_file, stem_of

_SIDECARS = (".bval", ".bvals")


class BValues(NamedTuple):
    """b-values [s/mm2] and where each came from."""

    values: NDArray[np.float64]
    source: tuple[str, ...]


def read_bvalues(path: PathLike) -> NDArray[np.float64]:
    """Read b-values from a text file: one row or one column, separated by white space or commas.

    Parameters
    ----------
    path : path
        For example FSL's ``dwi.bval``.

    Returns
    -------
    (B,) array [s/mm2]

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file holds no numbers, a text that is no number, a negative or infinite number, or a table.
    """
    found = existing_file(path, "a text file of b-values")
    try:
        text = found.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{found}: expected a text file of b-values, got other data") from None
    rows = [row for line in text.splitlines() if (row := [token for token in re.split(r"[\s,;]+", line) if token])]
    if not rows:
        raise ValueError(f"{found}: expected b-values in s/mm2, got an empty file")
    numbers = [_number(found, token) for row in rows for token in row]
    if len(rows) > 1 and max(map(len, rows)) > 1:
        raise ValueError(f"{found}: expected b-values in one row or one column, got {len(rows)} rows")
    return np.array(numbers, dtype=np.float64)


def choose_bvalues(
    header: ImageHeader,
    *,
    bvalues: ArrayLike | None = None,
    bval_file: PathLike | None = None,
    in_header: tuple[Sequence[float], str] | None = None,
    header_note: str = "",
) -> BValues:
    """Return the b-values of the series that ``header`` describes, checked against its number of images.

    Parameters
    ----------
    header : ImageHeader
        Header of the series.
    bvalues : (B,) array_like, optional [s/mm2]
        The caller's own b-values: they go first.
    bval_file : path, optional
        A text file of b-values: goes second.
    in_header : tuple, optional
        b-values [s/mm2] that the image header holds and the name of the field: goes third. A sidecar file goes last.
    header_note : str
        Why the header gave none, for the message.

    Raises
    ------
    FileNotFoundError
        When ``bval_file`` does not exist.
    ValueError
        When no b-values are found, their number differs from that of the images, or they are not valid.
    """
    path = header.path
    if header.n_images < 2:
        raise ValueError(f"{path}: expected a series of at least two images, got one image of shape {header.shape}")
    given, source, place = _first_source(path, bvalues, bval_file, in_header, header_note)
    try:
        values = check_bvalues(given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error} (from {place})") from None
    if values.size != header.n_images:
        raise ValueError(
            f"{path}: expected {header.n_images} b-values, one for each image, got {values.size} from {place}"
        )
    return BValues(values, (source,) * values.size)


def _first_source(
    path: Path,
    bvalues: ArrayLike | None,
    bval_file: PathLike | None,
    in_header: tuple[Sequence[float], str] | None,
    header_note: str,
) -> tuple[ArrayLike, str, str]:
    """Return the b-values, where they come from for exports, and the same for messages.

    A file name may hold a patient's name, so exports say "text file" only.
    """
    if bvalues is not None:
        return bvalues, "caller", "caller"
    if bval_file is not None:
        return read_bvalues(bval_file), "text file", Path(bval_file).name
    if in_header is not None:
        return in_header[0], in_header[1], in_header[1]
    sidecar = _sidecar(path, header_note)
    return read_bvalues(sidecar), "text file", sidecar.name


def _number(path: Path, token: str) -> float:
    try:
        value = float(token)
    except ValueError:
        value = float("nan")
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"{path}: expected b-values of 0 s/mm2 or more, got {token[:40]!r}")
    return value


def _sidecar(path: Path, header_note: str) -> Path:
    candidates = [path.with_name(stem_of(path) + suffix) for suffix in _SIDECARS]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    places = [header_note] if header_note else []
    places.append(f"beside it there is no {' or '.join(candidate.name for candidate in candidates)}")
    raise ValueError(
        f"{path}: no b-values found: {'; '.join(places)}. Give them with --bvalues or --bval "
        "(in Python: bvalues= or bval_file=)"
    )
