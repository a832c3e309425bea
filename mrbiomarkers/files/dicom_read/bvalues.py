"""The b-value of a DICOM image: where each manufacturer writes it, in which order it is looked for, and what is odd."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mrbiomarkers.files.dicom_read.groups import FrameHeader
from mrbiomarkers.files.dicom_read.tags import is_there, items, numbers

PLACES = (
    "(0018,9087), GE (0043,1039), Siemens (0019,100C), CSA B_value and the sequence name (0018,0024), (0018,9005) or "
    "(0021,1177), Philips (2001,1003), UIH (0065,1009), Image Comments (0020,4000)"
)
Vector = tuple[float, float, float]

_LARGEST = 20_000.0  # s/mm2; more is damage
_SHORTEST, _FULL = 0.03, 0.97  # length of a vector that stands for a direction, and for the whole b-value
_GE_BIAS = 1e9
_MACRO, _B, _WAY = (0x0018, 0x9117), (0x0018, 0x9087), (0x0018, 0x9075)
_DIRECTIONS, _ORIENTATION = (0x0018, 0x9076), (0x0018, 0x9089)
_SEQUENCE_B = re.compile(r"(?:^|[*_])(?:ep_?|re_?|tse_?)?b(\d+)(?:t|#\d+)?(?![\d_])", re.IGNORECASE)
_COMMENT_B = re.compile(r"\bb\s*=\s*([\d.]+)\s*(?:\(([^)]*)\))?", re.IGNORECASE)
_GE = ("GEMS_PARM", "GEMS_ACQU")
_SIEMENS = ("SIEMENS MR",)
_PHILIPS = ("PHILIPS IMAGING", "PHILIPS MR")
_UIH = ("IMAGE PRIVATE", "UIH")


class BValue(NamedTuple):
    """What a header says of diffusion.

    Attributes
    ----------
    value : float or None [s/mm2]
        As written, the offset of GE taken off; None where nothing is said.
    source : str
        The element that says it.
    direction : (3,) tuple of float, or None
        Unit vector in LPS; None where there is none.
    directionality : str
        "none", "directional", "isotropic", or empty where it is not said.
    doubt : str
        What does not fit together, for the user; empty where nothing is odd. With a ``value`` of None: the b-value is
        there but cannot be read.
    """

    value: float | None
    source: str
    direction: Vector | None = None
    directionality: str = ""
    doubt: str = ""


def bvalue_of(header: FrameHeader) -> BValue:
    """Return the b-value of one frame.

    Parameters
    ----------
    header : FrameHeader
        Of a classic image or of a frame of an enhanced one.

    Returns
    -------
    BValue
        The sources are those of the manufacturer, the best first. Another one that says something else is named in
        ``doubt``.

    References
    ----------
    dcm2niix (github.com/rordenlab/dcm2niix), the notes on each manufacturer; DICOM PS3.3 C.8.13.5.9.
    """
    found, unreadable = _candidates(header)
    directionality = _directionality(header)
    direction = _direction(header, directionality)
    if not found:
        if directionality == "none" and not unreadable:
            return BValue(0.0, "(0018,9075) NONE", None, "none")
        return BValue(None, "", direction, directionality, _unreadable(unreadable))
    source, value = found[0]
    doubts = [_unreadable(unreadable)] if unreadable else []
    if _named_zero(found):  # Siemens writes 0 for the low b-values of some series
        source, value = found[-1]
    doubts += [
        f"{other_source} says b {other:g}, {source} says {value:g}"
        for other_source, other in found
        if abs(other - value) > max(10.0, 0.05 * value)
    ]
    doubts += _scaled(header, value)
    if value == 0:
        direction = None
    return BValue(value, source, direction, directionality, "; ".join(doubts))


def _named_zero(found: list[tuple[str, float]]) -> bool:
    return len(found) > 1 and found[0][1] == 0 and "sequence name" in found[-1][0] and found[-1][1] > 0


def _unreadable(sources: list[str]) -> str:
    return f"{', '.join(sources)} cannot be read" if sources else ""


def _candidates(header: FrameHeader) -> tuple[list[tuple[str, float]], list[str]]:
    """Return (source, b) of every element that gives one, the best first, and those that cannot be read."""
    found: list[tuple[str, float]] = []
    unreadable: list[str] = []
    for source, read in _ORDER.get(header.vendor, _ANY):
        value = read(header)
        if value is None:
            continue
        if np.isfinite(value) and 0 <= value <= _LARGEST:
            found.append((source, float(value)))
        else:
            unreadable.append(source)
    return found, unreadable


def _public(header: FrameHeader) -> float | None:
    item = header.macro(_MACRO)
    for place in ([] if item is None else [item]) + [header.instance.dataset]:
        if is_there(place, _B):
            return _first(numbers(place, _B, "d"))
    return None


def _private(
    header: FrameHeader, group: int, element: int, creators: tuple[str, ...], vendor: str, form: str = ""
) -> float | None:
    found = header.find_private(group, element, creators, vendor)
    if found is None or not is_there(*found):
        return None
    return _first(numbers(*found, form))


def _first(values: tuple[float, ...]) -> float:
    """Return the first number; NaN where an element is there but holds none."""
    return values[0] if values else float("nan")


def _ge(header: FrameHeader) -> float | None:
    value = _private(header, 0x0043, 0x1039, _GE, "GE")
    return None if value is None else _without_bias(value)


def _ge_public(header: FrameHeader) -> float | None:
    value = _public(header)
    return None if value is None else _without_bias(value)


def _without_bias(value: float) -> float:
    return value % _GE_BIAS if value >= _GE_BIAS else value


def _siemens(header: FrameHeader) -> float | None:
    return _private(header, 0x0019, 0x100C, _SIEMENS, "Siemens")


def _csa(header: FrameHeader) -> float | None:
    values = header.instance.csa.get("B_value", ())
    if not values:
        return None
    try:
        return float(values[0])
    except ValueError:
        return float("nan")


def _sequence_name(header: FrameHeader) -> float | None:
    names = [*header.texts((0x0018, 0x0024)), *header.texts((0x0018, 0x9005))]
    for group in ((0x0021, 0x1177), (0x0021, 0x1077)):
        found = header.find_private(*group, _SIEMENS, "Siemens")
        names += [] if found is None else [str(found[0][found[1]].value)]
    item = header.macro((0x0018, 0x9226))  # MR Image Frame Type, where XA has its own elements
    names += [] if item is None or (0x0021, 0x1177) not in item else [str(item[0x0021, 0x1177].value)]
    for name in names:
        match = _SEQUENCE_B.search(name)
        if match:
            return float(match.group(1))
    return None


def _philips(header: FrameHeader) -> float | None:
    return _private(header, 0x2001, 0x1003, _PHILIPS, "Philips", "f")


def _uih(header: FrameHeader) -> float | None:
    return _private(header, 0x0065, 0x1009, _UIH, "UIH", "d")


def _uih_user(header: FrameHeader) -> float | None:
    return _private(header, 0x0065, 0x100A, _UIH, "UIH", "d") if _uih(header) is None else None


def _comment(header: FrameHeader) -> float | None:
    match = _COMMENT_B.search(" ".join(header.texts((0x0020, 0x4000))))
    if match is None:
        return None
    try:
        return float(match.group(1))
    except ValueError:
        return float("nan")


Readers = list[tuple[str, Callable[[FrameHeader], "float | None"]]]
_STANDARD: Readers = [("(0018,9087)", _public)]
_NAMED: Readers = [("sequence name", _sequence_name)]
_COMMENTED: Readers = [("Image Comments (0020,4000)", _comment)]
_ORDER: dict[str, Readers] = {
    "GE": [("(0018,9087)", _ge_public), ("GE (0043,1039)", _ge)],
    "Siemens": [*_STANDARD, ("Siemens (0019,100C)", _siemens), ("Siemens CSA B_value", _csa), *_NAMED],
    "Philips": [*_STANDARD, ("Philips (2001,1003)", _philips)],
    "UIH": [("UIH (0065,1009)", _uih), *_STANDARD, ("UIH (0065,100A)", _uih_user)],
    "Canon": [*_STANDARD, *_COMMENTED],
}
# Of an unknown manufacturer, private elements count only where their creator is still there.
_ANY: Readers = [
    *_STANDARD,
    ("GE (0043,1039)", _ge),
    ("Siemens (0019,100C)", _siemens),
    ("Philips (2001,1003)", _philips),
    ("UIH (0065,1009)", _uih),
    *_NAMED,
    *_COMMENTED,
]


def _directionality(header: FrameHeader) -> str:
    told = [text.upper() for text in header.texts(_WAY, _MACRO)]
    if told:
        return {"NONE": "none", "ISOTROPIC": "isotropic"}.get(told[0], "directional")
    found = header.find_private(0x2001, 0x1004, _PHILIPS, "Philips")
    if found is not None and str(found[0][found[1]].value).strip().upper().startswith("I"):
        return "isotropic"
    return ""


def _direction(header: FrameHeader, directionality: str) -> Vector | None:
    """Return the unit vector in LPS, or None."""
    if directionality in ("none", "isotropic"):
        return None
    for read in _VECTORS:
        vector = read(header)
        if len(vector) == 3 and np.all(np.isfinite(vector)) and 0.5 < np.linalg.norm(vector) < 2:
            x, y, z = np.asarray(vector) / np.linalg.norm(vector)
            return float(x), float(y), float(z)
    return None


def _public_direction(header: FrameHeader) -> tuple[float, ...]:
    item = header.macro(_MACRO)
    if item is not None:
        for inner in items(item, _DIRECTIONS)[:1]:
            return numbers(inner, _ORIENTATION, "d")
    return numbers(header.instance.dataset, _ORIENTATION, "d")


def _of_siemens(header: FrameHeader) -> tuple[float, ...]:
    return header.private_numbers(0x0019, 0x100E, _SIEMENS, "Siemens", "d")


def _of_csa(header: FrameHeader) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in header.instance.csa.get("DiffusionGradientDirection", ()))
    except ValueError:
        return ()


def _of_philips(header: FrameHeader) -> tuple[float, ...]:
    return sum((header.private_numbers(0x2005, 0x10B0 + n, _PHILIPS, "Philips", "f") for n in range(3)), ())


def _of_uih(header: FrameHeader) -> tuple[float, ...]:
    """Return UIH's vector, which stands in the frame of the image, in LPS.

    Sources: dcm2niix and dicm2nii; issues 225, 836 and 993 of dcm2niix. In the turned series of its test data
    (dcm_qa_uih) fibres run on from voxel to voxel this way, and less so where the vector is taken as LPS.
    """
    return _in_patient(header, header.private_numbers(0x0065, 0x1037, _UIH, "UIH", "d"))


def _ge_vector(header: FrameHeader) -> tuple[float, ...]:
    return sum((header.private_numbers(0x0019, 0x10BB + n, _GE, "GE") for n in range(3)), ())


def _of_ge(header: FrameHeader) -> tuple[float, ...]:
    """Return GE's vector (frequency, phase, slice) in LPS, of length 1; phase along the column where nothing is said.

    The slice axis runs against row x column; in coronal images the phase axis is the other way round than in axial and
    sagittal ones. The sign of the whole vector is free: a gradient and its opposite weight alike.

    Sources: dicm2nii, and dcm2niix with issue 970 (all planes, checked by GE); MRtrix3 says the same of axial ones.
    """
    vector = _ge_vector(header)
    length = float(np.linalg.norm(vector))
    if len(vector) != 3 or not length > _SHORTEST:
        return ()
    frequency, phase, across = (one / length for one in vector)
    normal = _in_patient(header, (0.0, 0.0, 1.0))
    if normal and np.argmax(np.abs(normal)) == 1:
        phase = -phase
    if header.texts((0x0018, 0x1312), (0x0018, 0x9125))[:1] == ("ROW",):
        return _in_patient(header, (phase, -frequency, -across))
    return _in_patient(header, (frequency, phase, -across))


def _in_patient(header: FrameHeader, vector: tuple[float, ...]) -> tuple[float, ...]:
    """Return a vector along row, column and their normal in LPS; empty where the orientation is not known."""
    cosines = header.numbers((0x0020, 0x0037), (0x0020, 0x9116))
    if len(vector) != 3 or len(cosines) != 6:
        return ()
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    return tuple((vector[0] * row + vector[1] * column + vector[2] * np.cross(row, column)).tolist())


def _scaled(header: FrameHeader, value: float) -> list[str]:
    """Return a doubt where GE's vector is short: series of several b-values can state the largest on every image."""
    length = float(np.linalg.norm(_ge_vector(header))) if value > 0 and header.vendor in ("GE", "") else 0.0
    if not _SHORTEST < length < _FULL:
        return []
    return [
        f"the direction, GE (0019,10BB), has the length {length:.2f}: b {value:g} may be that of a full one, and the "
        f"image one at b {value * length**2:.0f}"
    ]


# UIH's public vector is that of the table before the slices are turned (issue 836 of dcm2niix).
_VECTORS = (_of_uih, _public_direction, _of_siemens, _of_csa, _of_philips, _of_ge)
