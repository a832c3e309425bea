"""Phase images in the units that scanners and converters write, to radians."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bounds, check_real_array

_PI = float(np.pi)
_RADIAN_SLACK = 0.01  # [rad] of rounded header slopes
_NEAR_FULL = 0.98  # noise and wraps fill the whole range of a phase image
_MOST_TURNS = 10  # more than this many times the range given: it is in another unit

# (lowest, highest value; what they are in the note). The lowest is -pi, the highest pi.
_KNOWN_RANGES = (
    ((-4096.0, 4096.0), "-4096 to 4096 (Siemens)"),
    ((0.0, 4096.0), "0 to 4096"),
    ((-1000 * _PI, 1000 * _PI), "-3142 to 3142 (thousandths of a radian)"),
)
_EXPECTED = "-pi to pi or 0 to 2 pi (radians), -4096 to 4095, 0 to 4095, or -3142 to 3141 (thousandths of a radian)"
_ASK = "Give its range with --phase-range (in Python: phase_range=(lowest, highest), the values of -pi and pi)"


def phase_to_radians(
    phase: ArrayLike, *, phase_range: tuple[float, float] | None = None
) -> tuple[NDArray[np.floating], str]:
    """Turn phase images into radians; the unit is told by the range of all their values.

    A unit is only taken for known where the values reach both ends of its range to 2 %, as noise and wraps make them.
    A mistake in a constant (0 to 4096 as -pi to pi or as 0 to 2 pi) turns the sign of the whole image, which no
    water-fat fit feels.

    Parameters
    ----------
    phase : (..., N) array_like
        Phase images of N echoes. NaN and infinite values are passed over.
    phase_range : (float, float), optional
        The values that stand for -pi and pi, in place of what the range of the values tells. Values beyond it are
        further turns (unwrapped phase).

    Returns
    -------
    phase : (..., N) array [rad]
        float32, float64 where that came.
    note : str
        What was assumed; empty where the values cover -pi to pi or 0 to 2 pi.

    Raises
    ------
    ValueError
        When an image holds one value only, the range fits no known unit, or it does not fit ``phase_range``.
    """
    values = check_real_array("phase", phase)
    values = values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)
    lowest, highest = _extremes(values)
    if phase_range is not None:
        low, high = _check_range(phase_range, lowest, highest)
        return _scaled(values, low, high), f"phase: {low:g} to {high:g} taken as -pi to pi, as given"
    if _is_radians(lowest, highest) and not np.array_equal(values, np.rint(values), equal_nan=True):
        return values, _radians_note(lowest, highest)
    for (low, high), words in _KNOWN_RANGES:
        if _fills(lowest, highest, low, high):
            return _scaled(values, low, high), f"phase: values of {lowest:g} to {highest:g} taken as {words}, -pi to pi"
    raise ValueError(f"phase: expected values of {_EXPECTED}; got {lowest:g} to {highest:g}{_hint(lowest, highest)}")


def _extremes(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the lowest and the highest finite value, after checking that no image holds one value only."""
    found = []
    for number in range(values.shape[-1]):
        image = values[..., number]
        finite = image[np.isfinite(image)]
        if finite.size == 0:
            raise ValueError(f"phase: expected finite values, got none in the image of echo {number + 1}")
        found.append((float(finite.min()), float(finite.max())))
        if found[-1][0] == found[-1][1]:
            raise ValueError(f"phase: expected an image, got {found[-1][0]:g} in every voxel of echo {number + 1}")
    return min(low for low, _ in found), max(high for _, high in found)


def _check_range(phase_range: tuple[float, float], lowest: float, highest: float) -> tuple[float, float]:
    low, high = check_bounds("phase_range", phase_range)
    turns = max(high - lowest, highest - low) / (high - low)
    if not np.isfinite(high - low) or turns > _MOST_TURNS:
        raise ValueError(
            f"phase_range: expected the range of the values, got {low:g} to {high:g} for values of "
            f"{lowest:g} to {highest:g}"
        )
    return low, high


def _scaled(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    radians = values - values.dtype.type((low + high) / 2)
    radians *= values.dtype.type(2 * _PI / (high - low))
    return radians


def _is_radians(lowest: float, highest: float) -> bool:
    """Whether the values can be radians; -1 to 1 and 0 to 1 are a scale of their own."""
    around_zero = lowest >= -_PI - _RADIAN_SLACK and highest <= _PI + _RADIAN_SLACK
    from_zero = lowest >= -_RADIAN_SLACK and highest <= 2 * _PI + _RADIAN_SLACK
    is_unit_scale = lowest >= -1 and 0.999 <= highest <= 1
    return (around_zero or from_zero) and not is_unit_scale


def _radians_note(lowest: float, highest: float) -> str:
    if highest - lowest >= 2 * _PI * 0.75:
        return ""
    return f"phase: values of {lowest:.3g} to {highest:.3g} taken as radians, though they do not fill -pi to pi"


def _fills(lowest: float, highest: float, low: float, high: float) -> bool:
    slack = (1 - _NEAR_FULL) * (high - low) / 2
    inside = lowest >= low - 1 and highest <= high + 1
    return inside and lowest <= low + slack and highest >= high - slack


def _hint(lowest: float, highest: float) -> str:
    for low, high in ((-180.0, 180.0), (0.0, 360.0)):
        if _fills(lowest, highest, low, high):
            return f", which look like degrees: then phase_range is ({low:g}, {high:g}). {_ASK}"
    return f". {_ASK}"
