"""What a map is, where its real world value mapping codes it: quantity, model, fit and what was acquired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mrbiomarkers.files.dicom_codes import method_codes, quantity_code, unit_code
from mrbiomarkers.files.dicom_read.frames import Frame
from mrbiomarkers.files.dicom_read.tags import Tag, items, lenient, numbers, texts
from mrbiomarkers.quantities import QUANTITIES

if TYPE_CHECKING:
    from pydicom import Dataset

_MAPPING, _DEFINITION = (0x0040, 0x9096), (0x0040, 0x9220)
_SHARED, _PER_FRAME = (0x5200, 0x9229), (0x5200, 0x9230)
_NAME, _CODE, _NUMBER = (0x0040, 0xA043), (0x0040, 0xA168), (0x0040, 0xA30A)

# Values of the names of the items: SNOMED CT and its older form, and DICOM PS3.16.
_QUANTITY, _MODEL, _FIT = ("246205007", "G-C1C6"), ("370129005", "G-C306"), ("113241",)
_NUMBERS = {"113240": "bvalues", "echo_time": "echo_times_s"}

_CODED = {quantity_code(key)[:2]: key for key in QUANTITIES}
_CODED["DCM", "113290"] = "ADC"  # mono-exponential
_MODELS = {
    code[1]: name for name in ("adc", "ivim", "kurtosis", "stretched") for code in method_codes(name, "")[:1] if code
}
_FITS = {
    code[1]: name
    for name in ("nlls", "segmented", "segmented-unconstrained", "shrinkage")
    for code in method_codes("", name)[1:]
    if code
}


class Coded(NamedTuple):
    """What the real world value mapping says of a map.

    Attributes
    ----------
    quantity : str
        Key of :data:`mrbiomarkers.quantities.QUANTITIES`; empty where none, an unknown or several are coded.
    provenance : dict
        "model", "method", "bvalues" and "echo_times_s", as far as coded.
    """

    quantity: str
    provenance: dict[str, Any]


@lenient()
def coded_of(frame: Frame) -> Coded:
    """Return what the header codes of the quantity of an image; the header is read again for it.

    References
    ----------
    DICOM PS3.3 C.7.6.16.2.11 (Quantity Definition Sequence), PS3.16 context groups 7180, 7272 to 7276.
    """
    definitions = [list(items(mapping, _DEFINITION)) for mapping in _mappings(frame)]
    found = [(key, definition) for definition in definitions for key in [_quantity_of(definition)] if key]
    if len({key for key, _ in found}) != 1:
        return Coded("", {})
    key, definition = found[0]
    provenance: dict[str, Any] = {}
    for item in definition:
        name = _code(item, _NAME)[1]
        scheme, value, meaning = _code(item, _CODE)
        if name in _MODEL and value:
            provenance["model"] = _MODELS.get(value, meaning) if scheme == "DCM" else meaning
        elif name in _FIT and value:
            provenance["method"] = _FITS.get(value, meaning) if scheme == "DCM" else meaning
        elif name in _NUMBERS:
            provenance.setdefault(_NUMBERS[name], []).extend(numbers(item, _NUMBER))
    return Coded(key, provenance)


def unit_coded(code: str, quantity: str) -> str:
    """Return the unit of a quantity of this package that a UCUM code stands for; empty where it is another."""
    known = QUANTITIES[quantity]
    return next((unit for unit in (known.reported_unit, known.unit) if unit_code(unit)[1] == code), "")


def _mappings(frame: Frame) -> list[Dataset]:
    import pydicom

    wanted = [(group << 16) | element for group, element in (_MAPPING, _SHARED, _PER_FRAME)]
    try:
        dataset = pydicom.dcmread(frame.path, stop_before_pixels=True, specific_tags=wanted, force=True)
    except Exception:  # pydicom raises whatever damage leads to; the pixels, read next, name the file
        return []
    number = frame.header.number
    places = [*items(dataset, _PER_FRAME)[number : number + 1], *items(dataset, _SHARED)[:1], dataset]
    return [mapping for place in places for mapping in items(place, _MAPPING)]


def _quantity_of(definition: list[Dataset]) -> str:
    for item in definition:
        if _code(item, _NAME)[1] in _QUANTITY:
            return _CODED.get(_code(item, _CODE)[:2], "")
    return ""


def _code(item: Dataset, tag: Tag) -> tuple[str, str, str]:
    """Return scheme, value and meaning of a code; empty texts where there is none."""
    for code in items(item, tag)[:1]:
        scheme, value, meaning = ((*texts(code, (0x0008, part)), "")[0] for part in (0x0102, 0x0100, 0x0104))
        return scheme, value, meaning
    return "", "", ""
