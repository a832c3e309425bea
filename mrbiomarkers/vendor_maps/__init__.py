"""Maps as scanners and workstations write them: which number stands for which value.

A stored number says nothing by itself: fat fractions come as 0 to 1, 0 to 100 or 0 to 1000, diffusion coefficients in
mm2/s or a thousandth or a millionth of it, and what one scanner calls R2* another writes as T2* in ms. So a map is only
read with a :class:`MapScale`, from what the file says (:func:`scale_from_tags`), from what the user says
(``MapScale("PDFF", "%", slope=0.1)``), or from a proposal made from the range of the values (:func:`propose_scale`)
that the user has seen and accepted. Without a scale there is no map.
"""

from mrbiomarkers.vendor_maps.convert import VendorMap, vendor_map
from mrbiomarkers.vendor_maps.proposal import ScaleProposal, propose_scale
from mrbiomarkers.vendor_maps.scale import MapScale, scale_from_tags, scale_from_text
from mrbiomarkers.vendor_maps.units import UNITS

__all__ = [
    "UNITS",
    "MapScale",
    "ScaleProposal",
    "VendorMap",
    "propose_scale",
    "scale_from_tags",
    "scale_from_text",
    "vendor_map",
]
