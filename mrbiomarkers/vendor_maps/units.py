"""Units in which scanners and workstations write their maps, and their spellings."""

from __future__ import annotations

import re
from typing import NamedTuple


class Units(NamedTuple):
    """The units of a quantity, with factors to its kernel unit; ``inverse`` are those of its inverse."""

    direct: dict[str, float]
    inverse: dict[str, float]


_PERCENT = Units({"%": 1.0, "fraction": 100.0, "permille": 0.1}, {})
_FRACTION = Units({"fraction": 1.0, "%": 0.01, "permille": 1e-3}, {})
_RATES = {"1/s": 1.0, "1/ms": 1e3}
_TIMES = {"s": 1.0, "ms": 1e-3}
_DIFFUSION = Units({"mm2/s": 1.0, "10^-3 mm2/s": 1e-3, "10^-6 mm2/s": 1e-6}, {})
_NUMBER = Units({"1": 1.0}, {})

UNITS: dict[str, Units] = {
    "PDFF": _PERCENT,
    "R2star": Units(_RATES, _TIMES),
    "T2star": Units(_TIMES, _RATES),
    "ADC": _DIFFUSION,
    "D": _DIFFUSION,
    "Dstar": _DIFFUSION,
    "DDC": _DIFFUSION,
    "MD": _DIFFUSION,
    "f": _FRACTION,
    "alpha": _NUMBER,
    "MK": _NUMBER,
}
"""Units of every quantity that a scanner's map can be of."""

DIFFUSIVITIES = tuple(quantity for quantity, units in UNITS.items() if units is _DIFFUSION)
"""The diffusion coefficients among them."""

_SPELLINGS = {
    "%": ("%", "percent", "pct", "percentage"),
    "fraction": ("fraction", "{fraction}", "{ratio}", "ratio", "{0:1}"),
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
# What "1" means where it is said of the quantity itself.
_MEANT_BY_1 = {"f": "fraction", "alpha": "1", "MK": "1"}

# Power of ten of the unit, and the coefficient in mm2/s, for each way to write an area by a time.
_AREAS = {("mm2", "s"): 0, ("um2", "ms"): -3, ("um2", "s"): -6, ("m2", "s"): 6}
_POWERS = {0: "mm2/s", -3: "10^-3 mm2/s", -6: "10^-6 mm2/s"}
_SIGNS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−–µμ×·", "0123456789---uux.")
# As 10-6.mm2/s and 10*-6.mm2/s (UCUM), x10^-3 mm^2/s, 1e-3 mm2/s, um2/ms, mm2.s-1. Not 10e-6, which is 10^-5 by the
# letter and often meant as 10^-6.
_COEFFICIENT = re.compile(
    r"[x*]?(?:(?:10(?:\^|\*|\*\*)?\(?|1(?:\.0)?e)(?P<power>-\d{1,2})\)?[.*x]?)?"
    r"(?P<area>[mu]?m)(?:\^|\*\*)?2(?:/(?P<time>m?s)(?:ec)?|[.*]?(?P<inverse>m?s)(?:ec)?(?:\^|\*\*)?-1)"
)


def known_unit(quantity: str, unit: str | None, *, is_meant: bool = False) -> str | None:
    """Return a unit in its one spelling, None where it tells nothing.

    Parameters
    ----------
    quantity : str
        A key of :data:`UNITS`.
    unit : str, optional
        In any usual spelling.
    is_meant : bool
        Whether the unit is said of this quantity, and not of an image of which nobody knows what it shows. "1" then
        means 0 to 1 for ``f``, and the number itself for ``alpha`` and ``MK``.

    Raises
    ------
    ValueError
        When the quantity is not measured in this unit.
    """
    text = re.sub(r"\s+", " ", str(unit or "")).strip().lower()
    if is_meant and text == "1" and quantity in _MEANT_BY_1:
        return _MEANT_BY_1[quantity]
    if text in _TELL_NOTHING:
        return None
    found = _UNITS.get(text) or _coefficient(text)
    names = [name for units in UNITS[quantity] for name in units]
    if found not in names:
        raise ValueError(f"unit: expected one of {', '.join(names)} for {quantity}, got {unit!r}")
    return found


def _coefficient(text: str) -> str | None:
    """Return the unit of a diffusion coefficient in its one spelling; None where it is none, or of another power."""
    found = _COEFFICIENT.fullmatch(text.translate(_SIGNS).replace(" ", "").strip("[]()"))
    if found is None:
        return None
    power = _AREAS.get((found["area"] + "2", found["time"] or found["inverse"]))
    return None if power is None else _POWERS.get(power + int(found["power"] or 0))
