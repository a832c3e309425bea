"""Codes of what is written as DICOM: quantities, units, models and fits, regions.

A code is (coding scheme, value, meaning), from DICOM PS3.16 (context groups 7180, 7272 to 7277, 7464, 7603) and SNOMED
CT. What the standard has no code for gets one of the private scheme 99MRBIOM, whose values are the names of this
package; files that use it identify it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrbiomarkers.quantities import QUANTITIES

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

Code = tuple[str, str, str]

SCHEME = "99MRBIOM"
LUMBAR_SPINE: Code = ("SCT", "122496007", "Lumbar spine")
BONE_MARROW: Code = ("SCT", "14016003", "Bone marrow")
LESION: Code = ("SCT", "52988006", "Lesion")
ANATOMICAL_STRUCTURE: Code = ("SCT", "123037004", "Anatomical Structure")
ABNORMAL_STRUCTURE: Code = ("SCT", "49755003", "Morphologically Abnormal Structure")
TISSUE: Code = ("SCT", "85756007", "Tissue")

STATISTICS: dict[str, Code] = {
    "se": (SCHEME, "se", "Standard error"),
    "mean": ("SCT", "373098007", "Mean"),
    "sd": ("SCT", "386136009", "Standard Deviation"),
    "median": ("SCT", "373099004", "Median"),
    "p25": (SCHEME, "p25", "25th percentile"),
    "p75": (SCHEME, "p75", "75th percentile"),
    "min": ("SCT", "255605001", "Minimum"),
    "max": ("SCT", "56851009", "Maximum"),
}
"""How a number was derived from the voxels of a region, by column of the measurement table."""

_CODE_LENGTH, _MEANING_LENGTH = 16, 64  # of the values SH and LO

# 1 um2/ms is 10^-3 mm2/s: the unit of context group 7277 in which the numbers are those that a person reads.
_UNITS: dict[str, Code] = {
    "10^-3 mm2/s": ("UCUM", "um2/ms", "um2/ms"),
    "mm2/s": ("UCUM", "mm2/s", "mm2/s"),
    "1": ("UCUM", "1", "no units"),
    "%": ("UCUM", "%", "Percent"),
    "1/s": ("UCUM", "/s", "/s"),
    "s": ("UCUM", "s", "second"),
    "ms": ("UCUM", "ms", "millisecond"),
    "Hz": ("UCUM", "Hz", "Hertz"),
    "a.u.": ("UCUM", "[arb'U]", "arbitrary unit"),
    "s/mm2": ("UCUM", "s/mm2", "second per square millimeter"),
    "mm2": ("UCUM", "mm2", "square millimeter"),
    "mm3": ("UCUM", "mm3", "cubic millimeter"),
}
_MODELS: dict[str, Code] = {
    "adc": ("DCM", "113250", "Mono-exponential diffusion model"),
    "ivim": ("DCM", "113251", "Bi-exponential (IVIM) diffusion model"),
    "kurtosis": ("DCM", "113252", "Kurtosis diffusion model"),
    "stretched": ("DCM", "113254", "Stretched exponential diffusion model"),
}
_FITS: dict[str, Code] = {
    "nlls": ("DCM", "113261", "Least squares fit of multiple samples"),
    "segmented": ("DCM", "113269", "Segmented-Constrained"),
    "segmented-unconstrained": ("DCM", "113268", "Segmented-Unconstrained"),
    "shrinkage": ("DCM", "113270", "Bayesian-Probability"),
}
# fmt: off
_LEVELS = (*(f"C{n}" for n in range(1, 8)), *(f"T{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 6)))
_VERTEBRAE = dict(zip(_LEVELS, (
    "14806007", "39976000", "113205007", "5329002", "36978003", "36054005", "87391001",
    "64864005", "53733008", "1626008", "73071006", "56401006", "45296009", "62487009", "11068009",
    "82687006", "7610001", "12989004", "23215003",
    "66794005", "14293000", "36470004", "11994002", "49668003",
), strict=True))
# fmt: on


def quantity_code(key: str) -> Code:
    """Return the code of a quantity of the measurement table: the standard's, or a private one."""
    known = QUANTITIES.get(key)
    if known is not None and known.code is not None:
        return known.code
    return private_code(key, key if known is None else known.name)


def unit_code(unit: str) -> Code:
    """Return the UCUM code of a unit of this package; coefficients of diffusion keep their numbers (um2/ms).

    Raises
    ------
    ValueError
        When the unit is not one that this package reports.
    """
    if unit not in _UNITS:
        raise ValueError(f"unit: expected one of {', '.join(_UNITS)}; got {unit!r}")
    return _UNITS[unit]


def method_codes(model: str, fit: str) -> tuple[Code | None, Code | None]:
    """Return the codes of a model and of its fit, each None where its name is empty.

    Parameters
    ----------
    model, fit : str
        As in the columns ``model`` and ``fit`` of the measurement table and the provenance of a map. Of a model with a
        variant after a blank (``"water-fat ren-marrow"``) the first word is the private code, all of it the meaning.
    """
    modelled = _MODELS.get(model) or (private_code(model.split()[0], model) if model.strip() else None)
    fitted = _FITS.get(fit) or (private_code(fit.split()[0], fit) if fit.strip() else None)
    return modelled, fitted


def region_codes(name: str, *, lesion: bool = False) -> tuple[Code, Code]:
    """Return category and type of a region: a vertebra by its name (C1 to L5), a lesion, otherwise tissue.

    Parameters
    ----------
    name : str
        Name of the region.
    lesion : bool
        It is a lesion, whatever its name; a name that begins with "lesion" says it, too.
    """
    if lesion or name.strip().lower().startswith("lesion"):
        return ABNORMAL_STRUCTURE, LESION
    level = name.strip().upper()
    if level in _VERTEBRAE:
        return ANATOMICAL_STRUCTURE, ("SCT", _VERTEBRAE[level], f"{level} vertebra")
    return TISSUE, TISSUE


def private_code(value: str, meaning: str) -> Code:
    """Return a code of the private scheme, cut to the lengths that DICOM allows (16 and 64 characters)."""
    return SCHEME, value[:_CODE_LENGTH].strip(), meaning[:_MEANING_LENGTH].strip()


def concept(code: Code) -> CodedConcept:
    """Return a code as highdicom takes it."""
    from highdicom.sr import CodedConcept

    scheme, value, meaning = code
    return CodedConcept(value=value, scheme_designator=scheme, meaning=meaning)
