"""Phase images of each manufacturer to radians."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.fatwater.phase_units import phase_to_radians
from mrbiomarkers.files.dicom_read.frames import Frame

_UNITS = {
    "mrad": 1e-3,
    "milliradian": 1e-3,
    "rad": 1.0,
    "radian": 1.0,
    "radians": 1.0,
    "deg": math.pi / 180,
    "degree": math.pi / 180,
    "degrees": math.pi / 180,
}
_SIEMENS_RANGE = 4096.0
_BEYOND = 1.01


def to_radians(
    phase: NDArray[np.floating], frames: list[Frame], phase_range: tuple[float, float] | None, name: str
) -> tuple[NDArray[np.floating], list[str]]:
    """Return phase images in radians, and notes.

    Parameters
    ----------
    phase : (K, J, I, N) array
        After Rescale Slope and Intercept.
    frames : list of Frame
        All frames of these images.
    phase_range : (float, float), optional
        The rescaled values that stand for -pi and pi: goes first.
    name : str
        The series, for messages.

    Raises
    ------
    ValueError
        When the unit is neither told by the header nor by the range of the values, or the values do not fit it.
    """
    if phase_range is None:
        found = _from_header(frames)
        if found is not None:
            factor, words = found
            largest = float(np.abs(phase).max()) * factor
            if largest > 2 * math.pi * _BEYOND:
                raise ValueError(
                    f"{name}: expected phase images in {words}, got values up to {largest / factor:g}. Give their "
                    "range: phase_range=(lowest, highest), the values of -pi and pi"
                )
            return phase * phase.dtype.type(factor), [f"{name}: phase in {words}"]
    try:
        radians, note = phase_to_radians(phase, phase_range=phase_range)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return radians, [f"{name}: {note}"] if note else []


def _from_header(frames: list[Frame]) -> tuple[float, str] | None:
    """Return the factor to radians and the unit in words, where every frame says the same."""
    units = {frame.scaling.unit.strip().lower() for frame in frames}
    known = {_UNITS.get(unit) for unit in units}
    if len(known) == 1 and None not in known:
        return next(iter(known - {None})), f"{next(iter(units))} (Rescale Type)"  # type: ignore[return-value]
    lines = {(frame.scaling.slope, frame.scaling.intercept) for frame in frames}
    if {frame.header.vendor for frame in frames} == {"Siemens"} and lines == {(2.0, -_SIEMENS_RANGE)}:
        return math.pi / _SIEMENS_RANGE, "parts of 4096 for pi (Siemens)"
    return None
