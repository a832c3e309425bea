"""Which scale the values of a scanner's map speak for: a proposal with its reason, for a person to accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_mask, check_real_array
from mrbiomarkers.vendor_maps.scale import MapScale, check_line
from mrbiomarkers.vendor_maps.units import DIFFUSIVITIES, UNITS

Values = NDArray[np.float64]
Line = tuple[float, float]

NO_VALUE = (-32768.0, 32767.0, 65535.0)
"""Ends of the integers that images are stored in: codes for "not computed"."""

FROM_RANGE = "value range, accepted"
"""Source of a scale that was proposed from the values and accepted."""

# Lowest and highest usual median, and the slope and unit that it speaks for.
_Medians = tuple[tuple[float, float, float, str], ...]
# R2* and T2*: in vertebral marrow.
_MARROW: _Medians = ((60.0, 250.0, 1.0, "1/s"), (600.0, 2500.0, 0.1, "1/s"), (4.0, 20.0, 1.0, "ms"))
_DIFFUSION: _Medians = ((100.0, 3000.0, 1.0, "10^-6 mm2/s"), (0.1, 3.0, 1.0, "10^-3 mm2/s"), (5e-5, 1e-2, 1.0, "mm2/s"))
_MEDIANS: dict[str, _Medians] = {
    **dict.fromkeys(DIFFUSIVITIES, _DIFFUSION),
    "Dstar": ((3000.0, 2e5, 1.0, "10^-6 mm2/s"), (3.0, 200.0, 1.0, "10^-3 mm2/s"), (3e-3, 0.2, 1.0, "mm2/s")),
    "alpha": ((0.3, 1.05, 1.0, "1"), (30.0, 105.0, 0.01, "1"), (300.0, 1050.0, 1e-3, "1")),
    "MK": ((0.2, 2.0, 1.0, "1"), (20.0, 150.0, 0.01, "1"), (200.0, 2000.0, 1e-3, "1")),
    "R2star": _MARROW,
    "T2star": _MARROW,
}
_FULL_SCALES = ((1.0, "fraction", "low"), (100.0, "%", "moderate"), (1000.0, "permille", "moderate"))
_USUAL_F = (0.02, 0.5)  # median perfusion fraction of a whole image
_ENOUGH = 100  # voxels to propose anything from
_LABELS = 10  # a map with fewer different numbers can be a mask or a label map


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


def propose_scale(
    values: ArrayLike, quantity: str, *, slope: float = 1.0, intercept: float = 0.0, mask: ArrayLike | None = None
) -> ScaleProposal:
    """Return what the range of the values speaks for, with the reason in words; nothing is applied.

    A fat fraction map of a body holds a peak of subcutaneous fat just below its full scale, above a gap: where it does
    not, nothing is proposed. R2* and T2* of a whole body overlap as numbers: they are told apart by the median in
    vertebral marrow only, which ``mask`` has to mark. The units of diffusion coefficients lie a factor of 1000 apart,
    and the median tells; a perfusion fraction that would be usual in % and in permille tells nothing.

    Parameters
    ----------
    values : (...) array_like
        As stored.
    quantity : str
        As for :class:`MapScale`.
    slope, intercept : float
        Of the rescale tags, where the file states these without a unit.
    mask : (...) array_like, optional
        For R2* and T2*: vertebral marrow. For the others: the body, where the background is not 0.

    Raises
    ------
    TypeError, ValueError
        When an argument is not of the form described.
    """
    check_choice("quantity", quantity, UNITS)
    stored = check_real_array("values", values)
    line = check_line(slope, intercept)
    rescaled = line[0] * stored.astype(np.float64) + line[1]
    inside = np.isfinite(stored) & ~np.isin(stored, NO_VALUE) & (stored != 0) & (rescaled != 0)
    if mask is not None:
        inside &= check_mask("mask", mask, stored.shape)
    chosen = rescaled[inside]
    if chosen.size < _ENOUGH:
        return _none(f"only {chosen.size} voxels hold a value other than 0")
    if quantity == "PDFF":
        return _propose_fat(chosen, line)
    if quantity in ("R2star", "T2star"):
        if mask is None:
            return _none("R2* and T2* of a whole image overlap as numbers; mark vertebral marrow")
        return _propose_by_median(quantity, chosen, line)
    different = np.unique(chosen).size
    if different < _LABELS:
        return _none(f"they are only {different} different numbers other than 0, as in a mask or a label map")
    return _propose_perfusion(chosen, line) if quantity == "f" else _propose_by_median(quantity, chosen, line)


def _none(reason: str) -> ScaleProposal:
    return ScaleProposal(None, reason, "none")


def _propose_fat(values: Values, line: Line) -> ScaleProposal:
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
            return ScaleProposal(MapScale("PDFF", unit, *line, FROM_RANGE), reason, confidence)
    top = np.percentile(values, 99)
    return _none(f"values go up to {top:g}, without the peak of fat near 1, 100 or 1000")


def _propose_perfusion(values: Values, line: Line) -> ScaleProposal:
    """Return a proposal for a perfusion fraction: the only full scale below which its median and its top are usual."""
    median, top = float(np.median(values)), float(np.percentile(values, 99))
    fitting = [
        (full, unit)
        for full, unit, _ in _FULL_SCALES
        if top <= 1.001 * full and _USUAL_F[0] <= median / full <= _USUAL_F[1]
    ]
    said = f"the median is {median:g} and 99 % are below {top:g}"
    if len(fitting) != 1:
        units = " and for ".join(unit for _, unit in fitting)
        return _none(f"{said}, usual for {units or 'none of the known units'}")
    full, unit = fitting[0]
    reason = f"{said}: {100 * median / full:.2g} % and {100 * top / full:.2g} % if {full:g} means 100 %"
    return ScaleProposal(MapScale("f", unit, *line, FROM_RANGE), reason, "low")


def _propose_by_median(quantity: str, values: Values, line: Line) -> ScaleProposal:
    """Return a proposal from the median of the values, after the tags' slope and intercept."""
    median = float(np.median(values))
    where = " in marrow" if quantity in ("R2star", "T2star") else ""
    for low, high, factor, unit in _MEDIANS[quantity]:
        if low <= median <= high:
            meant = _meant(quantity, factor, unit)
            reason = f"the median{where}, {median:g}, is usual ({low:g} to {high:g}) for {meant}"
            scale = MapScale(quantity, unit, factor * line[0], factor * line[1], FROM_RANGE)
            return ScaleProposal(scale, reason, _confidence(quantity, values, high))
    return _none(f"the median{where}, {median:g}, is usual for none of the known units")


def _meant(quantity: str, factor: float, unit: str) -> str:
    """Return in words what the numbers are if a unit is right."""
    symbol = "D*" if quantity == "Dstar" else quantity
    if quantity in ("R2star", "T2star"):
        symbol = "R2*" if unit == "1/s" else "T2*"
    if unit == "1":
        return symbol if factor == 1 else f"{symbol} times {1 / factor:g}"
    return f"{symbol} in {f'{factor:g} ' if factor != 1 else ''}{unit}"


def _confidence(quantity: str, values: NDArray[Any], high: float) -> str:
    """Return "moderate" for a coefficient that is hardly anywhere above that of free water, "low" for the others."""
    if quantity not in DIFFUSIVITIES or quantity == "Dstar":
        return "low"
    return "moderate" if np.percentile(values, 99) <= 1.5 * high else "low"
