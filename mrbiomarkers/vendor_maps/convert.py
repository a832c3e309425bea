"""A scanner's map in the kernel unit, without the voxels that it did not compute, and what is doubtful in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_mask, check_real_array
from mrbiomarkers.maps import Status
from mrbiomarkers.quantities import quantity as quantity_of
from mrbiomarkers.vendor_maps.proposal import FROM_RANGE, NO_VALUE
from mrbiomarkers.vendor_maps.scale import MapScale
from mrbiomarkers.vendor_maps.units import DIFFUSIVITIES, UNITS

Values = NDArray[np.float64]

# All in kernel units. What a voxel can hold, noise included.
_PLAUSIBLE = {
    **dict.fromkeys(DIFFUSIVITIES, (-1e-3, 5e-3)),
    "Dstar": (0.0, 1.0),
    "PDFF": (-20.0, 120.0),
    "R2star": (0.0, 2000.0),
    "T2star": (0.0005, 1.0),
    "f": (-0.2, 1.2),
    "alpha": (0.0, 1.5),
    "MK": (-1.0, 5.0),
}
# Median of a whole image or of one tissue; fat hardly diffuses, and free water is at 0.003.
_USUAL_MEDIANS = {
    **dict.fromkeys(DIFFUSIVITIES, (2e-5, 3.5e-3)),
    "Dstar": (1e-3, 0.5),
    "alpha": (0.3, 1.05),
    "MK": (0.1, 3.0),
    "R2star": (10.0, 400.0),
    "T2star": (10.0, 400.0),  # of its inverse
}
# Where a quarter of the values lie beyond it the scale is wrong: what to say was expected.
_IMPOSSIBLE = {
    **dict.fromkeys(DIFFUSIVITIES, (1e-2, "diffusion coefficients up to that of free water, 0.003 mm2/s")),
    "Dstar": (10.0, "values of D* up to 1 mm2/s"),
    "PDFF": (120.0, "fat fractions up to 100 %"),
    "f": (1.2, "perfusion fractions up to 1"),
    "alpha": (1.5, "values of alpha up to 1"),
    "MK": (10.0, "values of MK up to 5"),
}


@dataclass(frozen=True, eq=False)
class VendorMap:
    """A scanner's map in the kernel unit.

    Attributes
    ----------
    values : array
        PDFF in %, R2* in 1/s, T2* in s, diffusion coefficients in mm2/s, the others as numbers; NaN where there is no
        value.
    status : uint16 array
        :class:`~mrbiomarkers.maps.Status`: ``OUTSIDE_MASK`` also where the scanner wrote its code for "not computed".
    unit : str
        Kernel unit of the values.
    warnings : tuple of str
        What a user has to know of this map.
    record : mapping
        The scale, who gave it, and the numbers of voxels without value and of exactly 0.
    """

    values: NDArray[np.floating]
    status: NDArray[np.uint16]
    unit: str
    warnings: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)


def vendor_map(
    values: ArrayLike, scale: MapScale, *, mask: ArrayLike | None = None, zero_is_background: bool = False
) -> VendorMap:
    """Return a scanner's map in the kernel unit.

    Parameters
    ----------
    values : (...) array_like
        As stored, to go with the slope and intercept of ``scale``.
    scale : MapScale
        What the numbers stand for. A proposal has to be accepted first.
    mask : (...) array_like, optional
        Voxels to keep; the others are NaN.
    zero_is_background : bool
        Whether a value of exactly 0 means that the scanner computed none. By default zeros are kept and counted: a fat
        fraction that was clipped at 0 % is a measurement. A T2* of 0 or less never is one, nor its inverse.

    Returns
    -------
    VendorMap
        float64 where the values were, float32 otherwise. NaN, with the reason in its status, where the values are NaN
        or infinite or stand at an end of the integers (65535, 32767, -32768) beyond anything plausible, and where they
        are -1 while nothing else is below 0.

    Raises
    ------
    TypeError
        When ``scale`` is no :class:`MapScale`, or the values are not real.
    ValueError
        When the mask has another shape, or the scale must be wrong: more than a quarter of the values beyond anything
        possible (fat fractions beyond 120 %, diffusion coefficients beyond 0.01 mm2/s).
    """
    if not isinstance(scale, MapScale):
        raise TypeError(f"scale: expected a MapScale, got {type(scale).__name__}; a proposal has to be accepted first")
    stored = check_real_array("values", values)
    kept = np.ones(stored.shape, bool) if mask is None else check_mask("mask", mask, stored.shape)
    rescaled = scale.slope * stored.astype(np.float64) + scale.intercept
    zero = np.abs(rescaled) <= 1e-9 * max(scale.slope, abs(scale.intercept))
    rescaled = np.where(zero, 0.0, rescaled)  # exactly, whatever the slope and intercept were rounded to
    found = _to_kernel(rescaled, scale)
    codes = _not_computed(stored, found, scale)
    status = np.zeros(stored.shape, np.uint16)
    status[~np.isfinite(found)] = Status.NO_SIGNAL  # times of 0 or less
    status[~np.isfinite(stored)] = Status.NOT_FINITE
    status[codes | ~kept | (zero & zero_is_background)] = Status.OUTSIDE_MASK
    found = np.where(status == 0, found, np.nan)
    n_codes, n_zero = int(np.sum(codes & kept)), int(np.sum(zero & kept))
    unit = quantity_of(scale.quantity).unit
    said = _warnings(found[status == 0], scale, unit, n_codes)
    counts = {"n_not_computed": n_codes, "n_zero": n_zero, "zero_is_background": zero_is_background}
    precision = np.float64 if stored.dtype == np.float64 else np.float32
    return VendorMap(found.astype(precision), status, unit, tuple(said), asdict(scale) | counts)


def _to_kernel(rescaled: Values, scale: MapScale) -> Values:
    """Return values in the kernel unit; NaN for a time that is not above 0 and for what cannot be inverted."""
    direct, inverse = UNITS[scale.quantity]
    positive = np.where(rescaled > 0, rescaled, np.nan)
    if scale.unit in inverse:
        return 1.0 / (inverse[scale.unit] * positive)
    return direct[scale.unit] * (positive if scale.quantity == "T2star" else rescaled)


def _not_computed(stored: NDArray[Any], found: Values, scale: MapScale) -> NDArray[np.bool_]:
    """Return where the stored numbers are codes of the scanner for "no value"."""
    low, high = _PLAUSIBLE[scale.quantity]
    # With a slope that spreads the quantity over all integers the last one is a value like any other.
    codes: NDArray[np.bool_] = np.isin(stored, NO_VALUE) & ~((found >= low) & (found <= high))
    negative = stored[np.isfinite(stored) & (stored < 0) & ~codes]
    # Noise below 0 would reach other values than -1 too.
    return codes | (stored == -1) if scale.intercept == 0 and np.all(negative == -1) else codes


def _warnings(values: Values, scale: MapScale, unit: str, n_codes: int) -> list[str]:
    """Return what is doubtful in the values (V,) that are left, in the kernel unit."""
    quantity, said = scale.quantity, []
    low, high = _PLAUSIBLE[quantity]
    if scale.source == FROM_RANGE:
        said.append(f"{quantity}: no unit stated; {scale.slope:g} {scale.unit} taken from the range of the values.")
    if n_codes:
        said.append(f"{quantity}: {n_codes} voxels hold a code for 'not computed'; left out.")
    n_zero = int(np.sum(values == 0))
    if n_zero:
        said.append(f"{quantity}: {n_zero} voxels are exactly 0, clipped or background that was not computed.")
    beyond = values[(values < low) | (values > high)]
    if beyond.size:
        most = f"from {beyond.min():g} to {beyond.max():g}"
        limits = f"{low:g} to {high:g}{'' if unit == '1' else f' {unit}'}"
        said.append(f"{quantity}: {beyond.size} voxels beyond {limits}, {most}: noise, or a wrong scale.")
    return said + _doubts_of_scale(values[values != 0], quantity, unit)


def _doubts_of_scale(measured: Values, quantity: str, unit: str) -> list[str]:
    """Return whether the values (V,) other than 0 make the scale doubtful, and raise when they make it impossible."""
    if measured.size == 0:
        return []
    shown = "" if unit == "1" else f" {unit}"
    limit, expected = _IMPOSSIBLE.get(quantity, (np.inf, ""))
    if np.mean(measured > limit) > 0.25:
        top = float(np.percentile(measured, 90))
        raise ValueError(f"scale: expected {expected}, got {top:g}{shown} at the 90th percentile")
    if quantity in ("PDFF", "f"):
        top = float(np.percentile(measured, 99))
        is_small = 0 < top < 1.5 * UNITS[quantity].direct["%"]
        return (
            [f"{quantity}: nearly all values are below {top:.2g}{shown}: is the scale too small?"] if is_small else []
        )
    low, high = _USUAL_MEDIANS[quantity]
    median = float(np.median(1.0 / measured if quantity == "T2star" else measured))
    what = f"an R2* of {median:.3g} 1/s" if quantity in ("R2star", "T2star") else f"{median:.3g}{shown}"
    return [] if low <= median <= high else [f"{quantity}: the median is {what}: is the scale right?"]
