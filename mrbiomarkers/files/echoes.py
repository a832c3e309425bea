"""Multi-echo gradient echo images of every supported kind to one :class:`EchoSeries`, and back to files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array
from mrbiomarkers.fatwater.phase_units import phase_to_radians
from mrbiomarkers.files.echo_protocol import (
    ChosenProtocol,
    EchoProtocol,
    choose_protocol,
    protocol_fields,
    read_protocol,
)
from mrbiomarkers.files.echo_stack import EchoStack, check_stacks, open_stack, read_stack
from mrbiomarkers.files.itk import write_array
from mrbiomarkers.files.matlab import read_fat_water_toolbox
from mrbiomarkers.files.nrrd_sequence import write_image_sequence
from mrbiomarkers.files.outputs import write_json
from mrbiomarkers.files.paths import PathLike, check_suffix, stem_of, suffix_of
from mrbiomarkers.series import EchoSeries

Paths = PathLike | Sequence[PathLike]

_ALLOWED = (("complex",), ("magnitude", "phase"), ("real", "imaginary"), ("magnitude",), ("matlab",))
_WRITABLE = (".nii", ".nii.gz", ".nrrd", ".seq.nrrd")


@dataclass(frozen=True)
class EchoFiles:
    """The files of one multi-echo series: complex, magnitude and phase, real and imaginary, magnitude alone, or MATLAB.

    Attributes
    ----------
    magnitude, phase, real, imaginary, complex : path or sequence of path
        One 4-D file with the echoes last, or one 3-D file for each echo; NIfTI or NRRD. The NRRD of complex images has
        an axis of the kind ``complex``.
    matlab : path or sequence of path
        One ``.mat`` file of the ISMRM fat-water toolbox.

    Raises
    ------
    ValueError
        When the parts given make no series, or a file is given twice.
    """

    magnitude: Paths = ()
    phase: Paths = ()
    real: Paths = ()
    imaginary: Paths = ()
    complex: Paths = ()
    matlab: Paths = ()

    def __post_init__(self) -> None:
        parts = self.parts()
        if set(parts) not in [set(allowed) for allowed in _ALLOWED]:
            expected = "; ".join(" and ".join(allowed) for allowed in _ALLOWED)
            raise ValueError(f"files: expected those of one of: {expected}; got {' and '.join(parts) or 'none'}")
        seen: dict[str, str] = {}
        for part, path in ((part, path) for part, paths in parts.items() for path in paths):
            where = os.path.abspath(path)  # noqa: PTH100  (resolve would follow links)
            if where in seen:
                raise ValueError(f"{path}: expected once, got it as {seen[where]} and as {part} image")
            seen[where] = part
        if len(parts.get("matlab", ())) > 1:
            raise ValueError(f"matlab: expected one file, got {len(parts['matlab'])}")

    def parts(self) -> dict[str, tuple[Path, ...]]:
        """Return the paths of each part that is given."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        listed = {name: [paths] if isinstance(paths, (str, os.PathLike)) else paths for name, paths in given.items()}
        return {name: tuple(Path(path) for path in paths) for name, paths in listed.items() if paths}


class EchoInput(NamedTuple):
    """A series and what its user should know of how it was read.

    Attributes
    ----------
    series : EchoSeries
        The images and how they were acquired.
    notes : tuple of str
        What was done and what was assumed, without file names.
    mask : (K, J, I) boolean array or None
        Voxels to look at, where the file itself says which: a MATLAB file may.
    instances : tuple of path
        The DICOM files that the images were read from.
    """

    series: EchoSeries
    notes: tuple[str, ...]
    mask: NDArray[np.bool_] | None = None
    instances: tuple[Path, ...] = ()


def read_echo_series(
    files: EchoFiles,
    *,
    echo_times: ArrayLike | None = None,
    field_strength: float | None = None,
    repetition_time: float | None = None,
    flip_angle: float | None = None,
    readout_axis: int | None = None,
    precession: int | None = None,
    phase_range: tuple[float, float] | None = None,
    spacing: Sequence[float] | None = None,
) -> EchoInput:
    """Read a multi-echo gradient echo series.

    What is not given is read from the JSON files beside the images (``x.json`` beside ``x.nii.gz``; BIDS ``EchoTime``,
    ``MagneticFieldStrength``, ``RepetitionTime``, ``FlipAngle``) or from the MATLAB file.

    Parameters
    ----------
    files : EchoFiles
        The images.
    echo_times : (N,) array_like, optional [s]
        In the order of the images; where they do not ascend, they and the images are sorted.
    field_strength : float, optional [T]
        Static field.
    repetition_time : float, optional [s]
        Repetition time.
    flip_angle : float, optional [deg]
        Flip angle.
    readout_axis : int, optional
        Axis of the grid (0, 1 or 2 for k, j, i) along which the echoes are read.
    precession : int, optional
        1: a positive field makes the phase grow. -1: it makes it fall. Images from MATLAB are then conjugated, and the
        series has 1; others stay as they are.
    phase_range : (float, float), optional
        The values that stand for -pi and pi in the phase images, see :func:`mrbiomarkers.files.phase_to_radians`.
    spacing : (3,) sequence of float, optional [mm]
        Voxel size of a MATLAB file along x, y and z.

    Returns
    -------
    EchoInput
        The series, the notes and, from MATLAB, the mask of the file if it has one. Real numbers are read as float32, so
        complex images made of them are complex64.

    Raises
    ------
    FileNotFoundError
        When a file does not exist.
    ValueError
        When a file cannot be used (the message names it), files do not fit together, echo times or field strength are
        missing or not valid, an image is empty, magnitudes are negative, or the unit of the phase is not known.
    """
    given = EchoProtocol(
        None if echo_times is None else check_real_array("echo_times", echo_times, ndim=1).astype(np.float64),
        field_strength,
        repetition_time,
        flip_angle,
    )
    parts = files.parts()
    _check_options(parts, phase_range=phase_range, spacing=spacing)
    if "matlab" in parts:
        return _read_matlab(parts["matlab"][0], given, readout_axis, precession, spacing)
    stacks = {part: open_stack(paths, part) for part, paths in parts.items()}
    first = next(iter(stacks.values()))
    for stack in stacks.values():
        check_stacks(first, stack)
    n_echoes = first.n_echoes
    found = {part: read_protocol(parts[part], n_echoes) for part in stacks}
    chosen = choose_protocol(given, found, n_echoes, place=str(first.headers[0].path))
    notes = list(chosen.notes)
    kind = "magnitude" if tuple(stacks) == ("magnitude",) else "complex"
    frame = _frame(chosen, first.headers[0].affine, kind, readout_axis, precession)
    signal = _read_signal(stacks, chosen.order, phase_range, notes)
    _check_signal(signal, [first.place(number) for number in chosen.order[first.part]], notes)
    return EchoInput(replace(frame, signal=signal), tuple(notes))


def write_echo_series(path: PathLike, series: EchoSeries, *, phase_path: PathLike | None = None) -> None:
    """Write the magnitudes as a 4-D file, the phase as a second one, and a JSON file beside the first.

    :func:`read_echo_series` finds echo times, field strength, repetition time and flip angle in the JSON file.

    Parameters
    ----------
    path : path
        Of the magnitudes, float32 or float64: ``.nii``, ``.nii.gz``, ``.nrrd``, or ``.seq.nrrd``, a sequence for 3D
        Slicer with the echo times [ms] as index.
    series : EchoSeries
        The series.
    phase_path : path, optional
        Of the phase images [rad], -pi to pi; for a complex series only, and needed for it.

    Raises
    ------
    ValueError
        When a suffix is another one, the affine is sheared, or ``phase_path`` is missing or not wanted.
    OSError
        When a file cannot be written.
    """
    if (phase_path is None) == (series.kind == "complex"):
        raise ValueError(
            f"phase_path: expected {'a path' if phase_path is None else 'none'} for a {series.kind} series, got "
            f"{phase_path}"
        )
    for target in (path, *([] if phase_path is None else [phase_path])):
        check_suffix(target, _WRITABLE, "an image")
    _write_images(path, np.abs(series.signal) if series.kind == "complex" else series.signal, series)
    if phase_path is not None:
        _write_images(phase_path, np.angle(series.signal), series)
    protocol = EchoProtocol(series.echo_times, series.field_strength, series.repetition_time, series.flip_angle)
    write_json(Path(path).with_name(stem_of(path) + ".json"), protocol_fields(protocol))


def _write_images(path: PathLike, images: NDArray[Any], series: EchoSeries) -> None:
    if suffix_of(path) != ".seq.nrrd":
        write_array(path, images, series.affine, {})
        return
    milliseconds = [round(1000 * time, 9) for time in series.echo_times.tolist()]
    write_image_sequence(path, images, series.affine, name="TE", unit="ms", index=milliseconds)


def _check_options(parts: dict[str, tuple[Path, ...]], **options: object) -> None:
    """Refuse options that the images given have no use for."""
    for option, part in (("phase_range", "phase"), ("spacing", "matlab")):
        if options[option] is not None and part not in parts:
            raise ValueError(f"{option}: expected with {part} images only, got {' and '.join(parts)} images")


def _frame(
    chosen: ChosenProtocol, affine: NDArray[np.float64], kind: str, readout_axis: int | None, precession: int | None
) -> EchoSeries:
    """Return a series of one empty voxel: whatever is wrong with its parameters is said before voxels are read."""
    return EchoSeries(
        np.zeros((1, 1, 1, chosen.echo_times.size), np.complex64 if kind == "complex" else np.float32),
        chosen.echo_times,
        chosen.field_strength,
        affine,
        kind=kind,
        repetition_time=chosen.repetition_time,
        flip_angle=chosen.flip_angle,
        readout_axis=readout_axis,
        precession=precession,
    )


def _read_signal(
    stacks: dict[str, EchoStack], order: dict[str, list[int]], phase_range: tuple[float, float] | None, notes: list[str]
) -> NDArray[Any]:
    """Return the images (K, J, I, N) of all parts together."""
    if "complex" in stacks:
        return read_stack(stacks["complex"], order["complex"])
    if "real" in stacks:
        real, imaginary = (read_stack(stacks[part], order[part]) for part in ("real", "imaginary"))
        return _joined(real, imaginary)
    magnitude = read_stack(stacks["magnitude"], order["magnitude"])
    _check_magnitude(magnitude, stacks["magnitude"], order["magnitude"])
    if "phase" not in stacks:
        return magnitude
    try:
        phase, note = phase_to_radians(read_stack(stacks["phase"], order["phase"]), phase_range=phase_range)
    except ValueError as error:
        raise ValueError(f"{stacks['phase'].headers[0].path}: {error}") from None
    notes.extend([note] if note else [])
    return _from_polar(magnitude, phase)


def _joined(real: NDArray[Any], imaginary: NDArray[Any]) -> NDArray[np.complex64]:
    signal = np.empty(real.shape, np.complex64)
    signal.real, signal.imag = real, imaginary
    return signal


def _from_polar(magnitude: NDArray[Any], phase: NDArray[np.floating]) -> NDArray[np.complex64]:
    signal = np.empty(magnitude.shape, np.complex64)
    with np.errstate(invalid="ignore"):  # infinite magnitudes and phases
        for target, size, angle in zip(signal, magnitude, phase, strict=True):  # slices: only the result takes memory
            target.real = size * np.cos(angle)
            target.imag = size * np.sin(angle)
    return signal


def _check_magnitude(magnitude: NDArray[Any], stack: EchoStack, order: Sequence[int]) -> None:
    for echo, number in enumerate(order):
        image = magnitude[..., echo]
        if np.any(image < 0):
            raise ValueError(
                f"{stack.place(number)}: expected magnitudes of 0 or more, got {np.nanmin(image):g}; this looks like "
                "real, imaginary or phase images"
            )


def _check_signal(signal: NDArray[Any], places: Sequence[str], notes: list[str]) -> None:
    """Refuse an echo without any signal, and count the voxels that hold no numbers."""
    lost = np.zeros(signal.shape[:3], dtype=bool)
    for echo, place in enumerate(places):
        finite = np.isfinite(signal[..., echo])
        if not np.any(signal[..., echo][finite]):
            raise ValueError(f"{place}: expected an image, got zero (or no number) in every voxel")
        lost |= ~finite
    if lost.any():
        notes.append(f"{np.count_nonzero(lost)} of {lost.size} voxels hold NaN or infinite values")


def _read_matlab(
    path: Path,
    given: EchoProtocol,
    readout_axis: int | None,
    precession: int | None,
    spacing: Sequence[float] | None,
) -> EchoInput:
    read = read_fat_water_toolbox(path, spacing=spacing, precession=precession)
    n_echoes = read.signal.shape[-1]
    chosen = choose_protocol(given, {"matlab": read.protocol}, n_echoes, place=str(path))
    notes, order = list(chosen.notes), chosen.order["matlab"]
    frame = _frame(chosen, read.affine, "complex", readout_axis, read.precession)
    _check_signal(read.signal, [f"{path}, echo {number + 1}" for number in range(n_echoes)], notes)
    signal = read.signal if order == list(range(n_echoes)) else read.signal[..., order]
    return EchoInput(replace(frame, signal=signal), (*read.notes, *notes), read.mask)
