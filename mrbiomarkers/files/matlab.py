"""MATLAB files of the ISMRM fat-water toolbox (2012): ``imDataParams`` with images, echo times and field strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_mask, check_real_array
from mrbiomarkers.fatwater.coils import combine_coils
from mrbiomarkers.files.echo_protocol import EchoProtocol
from mrbiomarkers.files.paths import PathLike, check_suffix, existing_file

_RECORD = "imDataParams"
_WHAT = "a MATLAB file of the fat-water toolbox"


@dataclass(frozen=True, eq=False)
class ToolboxImages:
    """What a file of the fat-water toolbox holds, in the package's conventions.

    Attributes
    ----------
    signal : (K, J, I, N) array [a.u.]
        Complex; ``images[x, y, z, coil, n]`` stands at ``[z, y, x, n]``.
    affine : (4, 4) array [mm]
        x runs to the left, y to the back, z upwards, and the first voxel is at 0: the file does not say.
    protocol : EchoProtocol
        Echo times in the order of the images, and the field strength.
    precession : int or None
        1: the phase runs as in the signal model, after conjugation where it was needed. None: the file does not say.
    notes : tuple of str
        What was done and what was assumed.
    mask : (K, J, I) boolean array or None
        Voxels to look at, where the file says which.
    """

    signal: NDArray[Any]
    affine: NDArray[np.float64]
    protocol: EchoProtocol
    precession: int | None
    notes: tuple[str, ...]
    mask: NDArray[np.bool_] | None = None


def read_fat_water_toolbox(
    path: PathLike, *, spacing: Sequence[float] | None = None, precession: int | None = None
) -> ToolboxImages:
    """Read a ``.mat`` file of the ISMRM fat-water toolbox.

    Several coils are combined with the phase between the echoes kept
    (:func:`mrbiomarkers.fatwater.coils.combine_coils`).

    Parameters
    ----------
    path : path
        MATLAB 5 to 7 (``save -v7``).
    spacing : (3,) sequence of float, optional [mm]
        Voxel size along x, y and z, which the file does not hold. Without it 1 mm, which the notes say.
    precession : int, optional
        1: the images are used as they are. -1: they are conjugated. Without it ``PrecessionIsClockwise`` decides (1: as
        they are; 0 or less: conjugated).

    Returns
    -------
    ToolboxImages
        The images with their echo times, field strength, and notes without file names.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is damaged, is of MATLAB 7.3 (HDF5), holds no ``imDataParams``, or a field of it has another form
        than in the toolbox; when ``spacing`` is not three numbers above 0 or ``precession`` neither 1 nor -1.
    """
    found = existing_file(path, _WHAT)
    check_suffix(found, (".mat",), _WHAT)
    sizes, notes = _check_spacing(spacing)
    record = _load(found)
    images = _images(found, record)
    echo_times = _numbers(found, record, "TE")
    field_strength = _numbers(found, record, "FieldStrength")
    if echo_times.size != images.shape[4] or field_strength.size != 1:
        raise ValueError(
            f"{found}: expected {images.shape[4]} echo times, one for each echo, and one field strength, got "
            f"{echo_times.size} and {field_strength.size}"
        )
    direction, words = _precession(found, record, precession)
    mask, words_of_mask = _mask(found, record, images.shape[:3])
    signal = combine_coils(images.transpose(2, 1, 0, 3, 4))
    if direction == -1:
        np.conjugate(signal, out=signal)
    notes.append(words)
    if images.shape[3] > 1:
        notes.append(f"{images.shape[3]} coils combined, weighted by the sensitivities that the images show")
    notes.extend(words_of_mask)
    affine = np.diag([-sizes[0], -sizes[1], sizes[2], 1.0])
    protocol = EchoProtocol(echo_times, float(field_strength[0]))
    return ToolboxImages(signal, affine, protocol, None if direction is None else 1, tuple(notes), mask)


def _check_spacing(spacing: Sequence[float] | None) -> tuple[NDArray[np.float64], list[str]]:
    """Return the voxel size along x, y, z and what is to be said of the geometry."""
    orientation = "x taken to the left, y to the back, z upwards"
    if spacing is None:
        return np.ones(3), [f"the file holds no geometry: voxels of 1 x 1 x 1 mm assumed, {orientation}"]
    sizes = check_real_array("spacing", np.asarray(spacing)).astype(np.float64)
    if sizes.shape != (3,) or not np.all(np.isfinite(sizes)) or sizes.min() <= 0:
        raise ValueError(f"spacing: expected three numbers above 0, in mm along x, y and z, got {sizes.tolist()}")
    return sizes, [f"the file holds no geometry: voxel size as given, {orientation}"]


def _load(path: Path) -> NDArray[np.void]:
    """Return the record ``imDataParams``."""
    import scipy.io

    try:
        content = scipy.io.loadmat(path)
    except NotImplementedError:
        raise ValueError(
            f"{path}: expected a file of MATLAB 5 to 7, got one of MATLAB 7.3 (HDF5); in MATLAB, "
            "save(name, 'imDataParams', '-v7') writes one that can be read"
        ) from None
    except Exception as error:  # of any kind: a damaged file makes scipy stumble anywhere
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: cannot be read as a MATLAB file ({reason})") from None
    names = [name for name in content if not name.startswith("__")]
    record = content.get(_RECORD)
    if record is None or record.dtype.names is None or record.size != 1:
        raise ValueError(f"{path}: expected one struct {_RECORD}, got the variables {', '.join(names) or 'none'}")
    one: NDArray[np.void] = record.ravel()[0]
    return one


def _field(path: Path, record: NDArray[np.void], name: str) -> NDArray[Any]:
    names = record.dtype.names or ()
    if name not in names:
        raise ValueError(f"{path}: expected {_RECORD}.{name}, got the fields {', '.join(names) or 'none'}")
    return np.asarray(record[name])


def _numbers(path: Path, record: NDArray[np.void], name: str) -> NDArray[np.float64]:
    try:
        return check_real_array(name, _field(path, record, name)).astype(np.float64).ravel()
    except TypeError as error:
        raise ValueError(f"{path}: {_RECORD}.{error}") from None


def _images(path: Path, record: NDArray[np.void]) -> NDArray[Any]:
    """Return the images (nx, ny, nz, coils, N), complex64 or complex128."""
    images = _field(path, record, "images")
    if images.ndim != 5 or images.size == 0:
        raise ValueError(
            f"{path}: expected {_RECORD}.images [x, y, z, coil, echo], got an array of shape {images.shape}"
        )
    if images.dtype.kind != "c":
        raise ValueError(f"{path}: expected complex {_RECORD}.images, got an array of type {images.dtype}")
    return images


def _precession(path: Path, record: NDArray[np.void], given: int | None) -> tuple[int | None, str]:
    """Return 1 or -1 (to be conjugated), None where it is not known, and what to say of it."""
    if given is not None:
        if given not in (1, -1):
            raise ValueError(f"precession: expected 1, -1 or None, got {given!r}")
        return given, f"images {'conjugated' if given == -1 else 'not conjugated'}, as given"
    if "PrecessionIsClockwise" not in (record.dtype.names or ()):
        return None, "the file does not say the sign of the precession: images used as they are"
    values = _numbers(path, record, "PrecessionIsClockwise")
    if values.size != 1 or not np.isfinite(values[0]):
        raise ValueError(f"{path}: expected one number in {_RECORD}.PrecessionIsClockwise, got {values.tolist()}")
    said = f"PrecessionIsClockwise is {values[0]:g}"
    return (-1, f"{said}: images conjugated") if values[0] <= 0 else (1, f"{said}: images used as they are")


def _mask(path: Path, record: NDArray[np.void], grid: tuple[int, ...]) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """Return the mask (nz, ny, nx), None where there is none of use, and what to say of it."""
    if "mask" not in (record.dtype.names or ()) or record["mask"].size == 0:
        return None, []
    values = record["mask"]
    if values.ndim == 2 and grid[2] == 1:  # MATLAB drops a last axis of length 1
        values = values[..., None]
    try:
        inside = check_mask(f"{_RECORD}.mask", values, grid)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    count = np.count_nonzero(inside)
    if count == 0:
        return None, ["the mask of the file is empty: left out"]
    return np.ascontiguousarray(inside.transpose(2, 1, 0)), [f"the file holds a mask of {count} voxels"]
