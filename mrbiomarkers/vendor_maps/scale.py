"""What the numbers of a scanner's map stand for, as the file or the user says it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from mrbiomarkers.checks import check_choice, check_real_array
from mrbiomarkers.vendor_maps.units import UNITS, known_unit

_FACTOR = re.compile(r"(?P<factor>[^*]*)\*(?P<unit>[^-*].*)")  # 0.1*1/s, and not 10*-6.mm2/s, which is UCUM


@dataclass(frozen=True)
class MapScale:
    """What a stored number stands for: ``slope * stored + intercept``, in ``unit``, is the quantity.

    Attributes
    ----------
    quantity : str
        What is wanted: "PDFF" [%], "R2star" [1/s], "T2star" [s]; "ADC", "D", "Dstar", "DDC", "MD" [mm2/s]; "f",
        "alpha", "MK" [1]. R2* is also made of times, and T2* of rates.
    unit : str
        Unit of the rescaled values, in any usual spelling: "%", "fraction" or "{ratio}" (0 to 1), "permille"; "1/s",
        "Hz" (taken for 1/s), "1/ms"; "s", "ms"; "mm2/s", "10^-3 mm2/s" or "um2/ms", "10^-6 mm2/s" or "um2/s"; "1",
        which for ``f`` is 0 to 1. Kept in one spelling.
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
        unit = known_unit(check_choice("quantity", self.quantity, UNITS), self.unit, is_meant=True)
        if unit is None:
            raise ValueError(f"unit: expected a unit of {self.quantity}, got {self.unit!r}, which does not tell")
        slope, intercept = check_line(self.slope, self.intercept)
        object.__setattr__(self, "unit", unit)
        object.__setattr__(self, "slope", slope)
        object.__setattr__(self, "intercept", intercept)


def scale_from_text(quantity: str, text: str, *, slope: float = 1.0, intercept: float = 0.0) -> MapScale:
    """Return the scale that a unit ("um2/s"), or a factor and a unit ("0.1*1/s"), stands for.

    Parameters
    ----------
    quantity : str
        As for :class:`MapScale`.
    text : str
        What a user says of the values after ``slope`` and ``intercept``.
    slope, intercept : float
        Of the file's rescale tags, where they came without a unit.

    Raises
    ------
    ValueError
        When the text is neither, the quantity is not measured in this unit, or a number cannot be used.
    """
    found = _FACTOR.fullmatch(text.strip())
    if found is None:
        return MapScale(quantity, text, slope, intercept)
    try:
        factor = float(found["factor"])
    except ValueError:
        raise ValueError(
            f"map {quantity!r}: expected a unit, or a factor and a unit as 0.1*1/s, got {text!r}"
        ) from None
    return MapScale(quantity, found["unit"], factor * slope, factor * intercept)


def scale_from_tags(
    quantity: str,
    *,
    real_world: tuple[float, float, str | None] | None = None,
    slope: float | None = None,
    intercept: float | None = None,
    unit: str | None = None,
    is_coded: bool = False,
) -> MapScale | None:
    """Return the scale that a file states, or None where it states no unit.

    Parameters
    ----------
    quantity : str
        As for :class:`MapScale`.
    real_world : (slope, intercept, unit), optional
        Real World Value Mapping: slope (0040,9225), intercept (0040,9224) and the code value of the unit (0040,08EA).
        Goes before the rescale tags.
    slope, intercept : float, optional
        Rescale Slope (0028,1053) and Intercept (0028,1052), where the values are as stored; none where the reader of
        the file has applied them. 1 and 0 where missing.
    unit : str, optional
        Rescale Type (0028,1054), or Units (0054,1001).
    is_coded : bool
        Whether the mapping also codes this quantity. The unit "1" of ``f``, ``alpha`` and ``MK`` then counts.

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
    DICOM PS3.3 C.7.6.16.2.11 (real world value mapping) and C.11.1 (modality rescale); units of diffusion coefficients:
    PS3.16, context group 7277. Philips: for maps the displayed or the real-world value counts, never the "floating
    point" value (Chenevert et al. 2014, PMC3998685).
    """
    check_choice("quantity", quantity, UNITS)
    if real_world is not None:
        if len(real_world) != 3:
            raise ValueError(f"real_world: expected (slope, intercept, unit), got {real_world!r}")
        known = known_unit(quantity, real_world[2], is_meant=is_coded)
        if known is not None:
            return MapScale(quantity, known, *real_world[:2], "real world value mapping")
    line = check_line(1.0 if slope is None else slope, 0.0 if intercept is None else intercept)
    known = known_unit(quantity, unit)
    return None if known is None else MapScale(quantity, known, *line, "rescale tags")


def check_line(slope: float, intercept: float) -> tuple[float, float]:
    """Return slope and intercept after checking them.

    Raises
    ------
    TypeError, ValueError
        When the slope is not above 0, or one of them is no finite number.
    """
    steep = float(check_real_array("slope", slope, ndim=0))
    start = float(check_real_array("intercept", intercept, ndim=0))
    if not (np.isfinite(steep) and steep > 0 and np.isfinite(start)):
        raise ValueError(f"slope, intercept: expected a slope above 0 and finite numbers, got {steep:g} and {start:g}")
    return steep, start
