"""What each simulated tissue gives in a spoiled gradient echo image with a low flip angle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mrbiomarkers.phantom.scene import LEVELS


@dataclass(frozen=True)
class FatWaterTissue:
    """Signal of one tissue.

    Attributes
    ----------
    signal : float [a.u.]
        Water and fat together at echo time 0 where the coil sensitivity is 1.
    pdff : float [%]
        Share of fat in it.
    r2star : float [1/s]
        Rate at which water and fat decay.
    """

    signal: float
    pdff: float = 0.0
    r2star: float = 0.0

    @property
    def water(self) -> float:
        """Signal of water at echo time 0 [a.u.]."""
        return self.signal * (1 - self.pdff / 100)

    @property
    def fat(self) -> float:
        """Signal of fat at echo time 0 [a.u.]."""
        return self.signal * self.pdff / 100


MARROW_SIGNAL = 300.0
"""Water and fat of marrow [a.u.] to which the signal-to-noise ratio of a phantom refers."""

MARROWS = ("thoracic", *LEVELS, "sacrum", "posterior", "lesion")
"""Tissues that vary from place to place and whose PDFF and R2* can be chosen."""

# Marrow of an adult holds more fat from level to level downwards; the values span the range of adults (20 to 60 %;
# Baum 2018 finds means of 27 to 32 % in the third decade) and R2* that of published fits (50 to 200 1/s at 3 T).
# Marrow replaced by a tumour holds a few percent (3.8 +- 1.2 % in children, PubMed 32889585). The other tissues only
# have to look right: fat brightest, long-lived fluid, dark cortical bone, nothing where there is gas.
_TISSUES: dict[str, FatWaterTissue] = {
    "air": FatWaterTissue(0.0),
    "gas": FatWaterTissue(0.0),
    "fat": FatWaterTissue(520.0, 95.0, 40.0),
    "muscle": FatWaterTissue(230.0, 3.0, 35.0),
    "bowel": FatWaterTissue(260.0, 2.0, 45.0),
    "liver": FatWaterTissue(260.0, 4.0, 60.0),
    "vessel": FatWaterTissue(300.0, 0.0, 20.0),
    "ligament": FatWaterTissue(70.0, 5.0, 150.0),
    "cortex": FatWaterTissue(30.0, 5.0, 400.0),
    "csf": FatWaterTissue(290.0, 0.0, 5.0),
    "nerve": FatWaterTissue(250.0, 2.0, 20.0),
    "annulus": FatWaterTissue(150.0, 0.0, 60.0),
    "nucleus": FatWaterTissue(270.0, 0.0, 12.0),
    "vein": FatWaterTissue(310.0, 0.0, 30.0),
    "posterior": FatWaterTissue(0.97 * MARROW_SIGNAL, 45.0, 120.0),
    "thoracic": FatWaterTissue(0.98 * MARROW_SIGNAL, 20.0, 160.0),
    "L1": FatWaterTissue(0.99 * MARROW_SIGNAL, 22.0, 150.0),
    "L2": FatWaterTissue(1.01 * MARROW_SIGNAL, 30.0, 130.0),
    "L3": FatWaterTissue(1.00 * MARROW_SIGNAL, 38.0, 110.0),
    "L4": FatWaterTissue(1.02 * MARROW_SIGNAL, 46.0, 95.0),
    "L5": FatWaterTissue(1.00 * MARROW_SIGNAL, 55.0, 80.0),
    "sacrum": FatWaterTissue(0.98 * MARROW_SIGNAL, 60.0, 90.0),
    "lesion": FatWaterTissue(0.95 * MARROW_SIGNAL, 4.0, 60.0),
}


def fat_water_tissues(
    pdff: Mapping[str, float] | None = None, r2star: Mapping[str, float] | None = None
) -> dict[str, FatWaterTissue]:
    """Return every tissue by name, with the chosen values of marrow.

    Parameters
    ----------
    pdff : mapping of str to float [%], optional
        Fat fraction, 0 to 100, of some of ``MARROWS``; the others keep theirs.
    r2star : mapping of str to float [1/s], optional
        R2*, 0 to 1000, of some of them.

    Raises
    ------
    ValueError
        When a name is not one of ``MARROWS`` or a value is out of its range.
    """
    tissues = dict(_TISSUES)
    for argument, values, unit, highest in (("pdff", pdff, "%", 100.0), ("r2star", r2star, "1/s", 1000.0)):
        for name, value in (values or {}).items():
            if name not in MARROWS:
                raise ValueError(f"{argument}: expected some of {', '.join(MARROWS)}, got {name!r}")
            if not 0 <= value <= highest:
                raise ValueError(f"{argument}: expected 0 to {highest:g} {unit} for {name}, got {value}")
            tissues[name] = replace(tissues[name], **{argument: float(value)})
    return tissues
