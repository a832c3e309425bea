"""Maps of PDFF, R2* and T2* as scanners write them: which number stands for which value.

A stored number says nothing by itself: fat fractions come as 0 to 1, 0 to 100 or 0 to 1000, and what one scanner calls
R2* another writes as T2* in ms. So a map is only read with a :class:`MapScale`, from what the file says
(:func:`scale_from_tags`), from what the user says (``MapScale("PDFF", "%", slope=0.1)``), or from a proposal made from
the range of the values (:func:`propose_scale`) that the user has seen and accepted. Without a scale there is no map.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_mask, check_real_array
from mrbiomarkers.maps import Status

Values = NDArray[np.float64]

# Factors to the kernel unit, which comes first; for each quantity the units it has and those that are inverted.
_FRACTIONS = {"%": 1.0, "fraction": 100.0, "permille": 0.1}
_RATES = {"1/s": 1.0, "1/ms": 1e3}
_TIMES = {"s": 1.0, "ms": 1e-3}
_KINDS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "PDFF": (_FRACTIONS, {}),
    "R2star": (_RATES, _TIMES),
    "T2star": (_TIMES, _RATES),
}
_SPELLINGS = {
    "%": ("%", "percent", "pct", "percentage"),
    "fraction": ("fraction", "{fraction}", "{ratio}", "ratio"),
    "permille": ("permille", "[ppth]", "‰"),
    # A rate in Hz is taken for 1/s (UCUM), not for a line width, which is pi times less.
    "1/s": ("1/s", "/s", "s-1", "s^-1", "1/sec", "/sec", "sec-1", "hz"),
    "1/ms": ("1/ms", "/ms", "ms-1", "ms^-1", "1/msec", "khz"),
    "s": ("s", "sec", "second", "seconds"),
    "ms": ("ms", "msec", "millisecond", "milliseconds"),
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}
# "1" is UCUM's "no units", fit for any image: it does not say that a fraction goes from 0 to 1.
_TELL_NOTHING = {"", "1", "us", "unspecified", "normalized", "none", "no unit", "no units", "unity", "a.u."}

_PLAUSIBLE = {"PDFF": (-20.0, 120.0), "R2star": (0.0, 2000.0), "T2star": (0.0005, 1.0)}
_USUAL_RATES = (10.0, 400.0)  # median R2* of a whole image or of one tissue [1/s]
_NO_VALUE = (-32768.0, 32767.0, 65535.0)  # ends of the integers that images are stored in
_FROM_RANGE = "value range, accepted"

# Median in vertebral marrow, and the slope and unit that it speaks for.
_MARROW = ((60.0, 250.0, 1.0, "1/s"), (600.0, 2500.0, 0.1, "1/s"), (4.0, 20.0, 1.0, "ms"))
_FULL_SCALES = ((1.0, "fraction", "low"), (100.0, "%", "moderate"), (1000.0, "permille", "moderate"))
_ENOUGH = 100  # voxels to propose anything from


@dataclass(frozen=True)
class MapScale:
    """What a stored number stands for: ``slope * stored + intercept``, in ``unit``, is the quantity.

    Attributes
    ----------
    quantity : str
        What is wanted: "PDFF" [%], "R2star" [1/s] or "T2star" [s]. R2* is also made of times, and T2* of rates.
    unit : str
        Unit of the rescaled values, in any usual spelling: "%", "fraction" or "{ratio}" (0 to 1), "permille"; "1/s",
        "Hz" (taken for 1/s), "1/ms"; "s", "ms". Kept in one spelling.
    slope, intercept : float
        Slope above 0; intercept in ``unit``.
    source : str
        Who says so; stored with the map.

    Raises
    ------
    ValueError
        When the quantity is unknown, it is not measured in this unit, or slope or intercept are no usable numbers.
    """

    quantity: str
    unit: str
    slope: float = 1.0
    intercept: float = 0.0
    source: str = "user"

    def __post_init__(self) -> None:
        unit = _known_unit(check_choice("quantity", self.quantity, _KINDS), self.unit)
        if unit is None:
            raise ValueError(f"unit: expected a unit of {self.quantity}, got {self.unit!r}, which does not tell")
        slope, intercept = _line(self.slope, self.intercept)
        object.__setattr__(self, "unit", unit)
        object.__setattr__(self, "slope", slope)
        object.__setattr__(self, "intercept", intercept)


@dataclass(frozen=True)
class ScaleProposal:
    """A scale that the range of the values speaks for. It is not one yet: a person has to accept it.

    Attributes
    ----------
    scale : MapScale or None
        What is proposed; None where the values do not tell.
    reason : str
        Why, in words, to be shown to the user.
    confidence : str
        "moderate", "low" or "none"; a range alone never gives more.
    """

    scale: MapScale | None
    reason: str
    confidence: str

    def accept(self) -> MapScale:
        """Return the scale, marked as accepted from the range of the values.

        Raises
        ------
        ValueError
            When nothing is proposed; the message says why.
        """
        if self.scale is None:
            raise ValueError(f"scale: the values propose none ({self.reason}); give a MapScale with its unit")
        return self.scale


@dataclass(frozen=True, eq=False)
class VendorMap:
    """A scanner's map in the kernel unit.

    Attributes
    ----------
    values : array
        PDFF in %, R2* in 1/s, T2* in s; NaN where there is no value.
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


def scale_from_tags(
    quantity: str,
    *,
    real_world: tuple[float, float, str | None] | None = None,
    slope: float | None = None,
    intercept: float | None = None,
    unit: str | None = None,
) -> MapScale | None:
    """Return the scale that a file states, or None where it states no unit.

    Parameters
    ----------
    quantity : str
        "PDFF", "R2star" or "T2star".
    real_world : (slope, intercept, unit), optional
        Real World Value Mapping: slope (0040,9225), intercept (0040,9224) and the code value of the unit (0040,08EA).
        Goes before the rescale tags.
    slope, intercept : float, optional
        Rescale Slope (0028,1053) and Intercept (0028,1052), where the values are as stored; none where the reader of
        the file has applied them. 1 and 0 where missing.
    unit : str, optional
        Rescale Type (0028,1054), or Units (0054,1001).

    Returns
    -------
    MapScale or None
        None when no unit is given or it tells nothing ("US", "normalized", "1"): a slope without a unit is no scale.
        Ask the user then, with :func:`propose_scale` for a start.

    Raises
    ------
    ValueError
        When a unit is stated in which the quantity is not measured, or slope or intercept are no usable numbers.

    References
    ----------
    DICOM PS3.3 C.7.6.16.2.11 (real world value mapping) and C.11.1 (modality rescale). Philips: for maps the displayed
    or the real-world value counts, never the "floating point" value (Chenevert et al. 2014, PMC3998685).
    """
    check_choice("quantity", quantity, _KINDS)
    if real_world is not None:
        if len(real_world) != 3:
            raise ValueError(f"real_world: expected (slope, intercept, unit), got {real_world!r}")
        known = _known_unit(quantity, real_world[2])
        if known is not None:
            return MapScale(quantity, known, *real_world[:2], "real world value mapping")
    line = _line(1.0 if slope is None else slope, 0.0 if intercept is None else intercept)
    known = _known_unit(quantity, unit)
    return None if known is None else MapScale(quantity, known, *line, "rescale tags")


def propose_scale(
    values: ArrayLike, quantity: str, *, slope: float = 1.0, intercept: float = 0.0, mask: ArrayLike | None = None
) -> ScaleProposal:
    """Return what the range of the values speaks for, with the reason in words; nothing is applied.

    A fat fraction map of a body holds a peak of subcutaneous fat just below its full scale, above a gap: where it does
    not, nothing is proposed. R2* and T2* of a whole body overlap as numbers: they are told apart by the median in
    vertebral marrow only, which ``mask`` has to mark.

    Parameters
    ----------
    values : (...) array_like
        As stored.
    quantity : str
        "PDFF", "R2star" or "T2star".
    slope, intercept : float
        Of the rescale tags, where the file states these without a unit.
    mask : (...) array_like, optional
        For a fat fraction: the body, where the background is not 0. For R2* and T2*: vertebral marrow.

    Raises
    ------
    TypeError, ValueError
        When an argument is not of the form described.
    """
    check_choice("quantity", quantity, _KINDS)
    stored = check_real_array("values", values)
    line = _line(slope, intercept)
    rescaled = line[0] * stored.astype(np.float64) + line[1]
    inside = np.isfinite(stored) & ~np.isin(stored, _NO_VALUE) & (stored != 0) & (rescaled != 0)
    if mask is not None:
        inside &= check_mask("mask", mask, stored.shape)
    chosen = rescaled[inside]
    if chosen.size < _ENOUGH:
        return ScaleProposal(None, f"only {chosen.size} voxels hold a value other than 0", "none")
    if quantity == "PDFF":
        return _propose_fraction(chosen, line)
    if mask is None:
        return ScaleProposal(None, "R2* and T2* of a whole image overlap as numbers; mark vertebral marrow", "none")
    return _propose_relaxation(quantity, float(np.median(chosen)), line)


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
        When the mask has another shape, or the scale must be wrong: more than a quarter of fat fractions beyond 120 %.
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
    unit = next(iter(_KINDS[scale.quantity][0]))
    said = _warnings(found[status == 0], scale, unit, n_codes)
    counts = {"n_not_computed": n_codes, "n_zero": n_zero, "zero_is_background": zero_is_background}
    precision = np.float64 if stored.dtype == np.float64 else np.float32
    return VendorMap(found.astype(precision), status, unit, tuple(said), asdict(scale) | counts)


def _known_unit(quantity: str, unit: str | None) -> str | None:
    """Return a unit in its one spelling, None where it tells nothing; one of another quantity is an error."""
    text = re.sub(r"\s+", " ", str(unit or "")).strip().lower()
    if text in _TELL_NOTHING:
        return None
    known = _UNITS.get(text)
    names = [name for units in _KINDS[quantity] for name in units]
    if known not in names:
        raise ValueError(f"unit: expected one of {', '.join(names)} for {quantity}, got {unit!r}")
    return known


def _line(slope: float, intercept: float) -> tuple[float, float]:
    """Return slope and intercept after checking them."""
    steep = float(check_real_array("slope", slope, ndim=0))
    start = float(check_real_array("intercept", intercept, ndim=0))
    if not (np.isfinite(steep) and steep > 0 and np.isfinite(start)):
        raise ValueError(f"slope, intercept: expected a slope above 0 and finite numbers, got {steep:g} and {start:g}")
    return steep, start


def _to_kernel(rescaled: Values, scale: MapScale) -> Values:
    """Return values in the kernel unit; NaN for a time that is not above 0 and for what cannot be inverted."""
    direct, inverse = _KINDS[scale.quantity]
    positive = np.where(rescaled > 0, rescaled, np.nan)
    if scale.unit in inverse:
        return 1.0 / (inverse[scale.unit] * positive)
    return direct[scale.unit] * (positive if scale.quantity == "T2star" else rescaled)


def _not_computed(stored: NDArray[Any], found: Values, scale: MapScale) -> NDArray[np.bool_]:
    """Return where the stored numbers are codes of the scanner for "no value"."""
    low, high = _PLAUSIBLE[scale.quantity]
    # With a slope that spreads the quantity over all integers the last one is a value like any other.
    codes: NDArray[np.bool_] = np.isin(stored, _NO_VALUE) & ~((found >= low) & (found <= high))
    negative = stored[np.isfinite(stored) & (stored < 0) & ~codes]
    # Noise below 0 would reach other values than -1 too.
    return codes | (stored == -1) if scale.intercept == 0 and np.all(negative == -1) else codes


def _propose_fraction(values: Values, line: tuple[float, float]) -> ScaleProposal:
    """Return a proposal for a fat fraction from its values other than 0, after the tags' slope and intercept."""
    for full, unit, confidence in _FULL_SCALES:
        share = values / full
        fat, between = np.mean((share >= 0.85) & (share < 1.05)), np.mean((share >= 0.6) & (share < 0.8))
        lean, beyond = np.mean(share < 0.6), np.mean(share > 1.2)
        # Full scale on whole numbers 0 and 1 is a mask.
        is_mask = full == 1 and np.all(values == np.round(values))
        if fat >= 0.05 and fat > between and lean >= 0.05 and beyond <= 0.01 and not is_mask:
            reason = (
                f"{100 * fat:.0f} % of the values are near {full:g}, as subcutaneous fat is if that means 100 %, "
                f"and {100 * lean:.0f} % below {0.6 * full:g}"
            )
            return ScaleProposal(MapScale("PDFF", unit, *line, _FROM_RANGE), reason, confidence)
    top = np.percentile(values, 99)
    return ScaleProposal(None, f"values go up to {top:g}, without the peak of fat near 1, 100 or 1000", "none")


def _propose_relaxation(quantity: str, median: float, line: tuple[float, float]) -> ScaleProposal:
    """Return a proposal for R2* or T2* from its median in marrow, after the tags' slope and intercept."""
    for low, high, factor, unit in _MARROW:
        if low <= median <= high:
            meant = f"{'R2*' if unit == '1/s' else 'T2*'} in {f'{factor:g} ' if factor != 1 else ''}{unit}"
            reason = f"the median in marrow, {median:g}, is usual ({low:g} to {high:g}) for {meant}"
            scale = MapScale(quantity, unit, factor * line[0], factor * line[1], _FROM_RANGE)
            return ScaleProposal(scale, reason, "low")
    return ScaleProposal(None, f"the median in marrow, {median:g}, is usual for none of the known units", "none")


def _warnings(values: Values, scale: MapScale, unit: str, n_codes: int) -> list[str]:
    """Return what is doubtful in the values (V,) that are left, in the kernel unit."""
    quantity, said = scale.quantity, []
    low, high = _PLAUSIBLE[quantity]
    if scale.source == _FROM_RANGE:
        said.append(f"{quantity}: no unit stated; {scale.slope:g} {scale.unit} taken from the range of the values.")
    if n_codes:
        said.append(f"{quantity}: {n_codes} voxels hold a code for 'not computed'; left out.")
    n_zero = int(np.sum(values == 0))
    if n_zero:
        said.append(f"{quantity}: {n_zero} voxels are exactly 0, clipped or background that was not computed.")
    beyond = values[(values < low) | (values > high)]
    if beyond.size:
        most = f"from {beyond.min():g} to {beyond.max():g}"
        said.append(
            f"{quantity}: {beyond.size} voxels beyond {low:g} to {high:g} {unit}, {most}: noise, or a wrong scale."
        )
    return said + _doubts_of_scale(values[values != 0], quantity)


def _doubts_of_scale(measured: Values, quantity: str) -> list[str]:
    """Return whether the values (V,) other than 0 make the scale doubtful, and raise when they make it impossible."""
    if measured.size == 0:
        return []
    if quantity == "PDFF":
        if np.mean(measured > _PLAUSIBLE[quantity][1]) > 0.25:
            top = np.percentile(measured, 90)
            raise ValueError(f"scale: expected fat fractions up to 100 %, got {top:g} % at the 90th percentile")
        top = np.percentile(measured, 99)
        return [f"PDFF: nearly all values are below {top:.2g} %: is the scale too small?"] if 0 < top < 1.5 else []
    rate = float(np.median(measured if quantity == "R2star" else 1.0 / measured))
    low, high = _USUAL_RATES
    return [] if low <= rate <= high else [f"{quantity}: the median is an R2* of {rate:.3g} 1/s: is the scale right?"]
