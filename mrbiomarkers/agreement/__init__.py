"""Agreement of readers and repeated measurements: arrays in, numbers out."""

from mrbiomarkers.agreement.intraclass import IccResult, IccStatus, icc, icc_band
from mrbiomarkers.agreement.limits import BlandAltman, bland_altman
from mrbiomarkers.agreement.repeats import Repeatability, repeatability

__all__ = [
    "BlandAltman",
    "IccResult",
    "IccStatus",
    "Repeatability",
    "bland_altman",
    "icc",
    "icc_band",
    "repeatability",
]
