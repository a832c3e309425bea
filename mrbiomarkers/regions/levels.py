"""Which vertebra a segment is: by its SNOMED code, its ID or name, or a table that is named. Never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mrbiomarkers.checks import check_choice

_CERVICAL = tuple(f"C{n}" for n in range(1, 8))
_THORACIC = tuple(f"T{n}" for n in range(1, 13))
LUMBAR = tuple(f"L{n}" for n in range(1, 7))
LEVELS = (*_CERVICAL, *_THORACIC, "T13", *LUMBAR, "S1")
"""Every level from top to bottom; T13 and L6 are transitional."""
CANAL = "canal"

# From L5 upwards, as tools that count from the bottom do.
_UPWARD = (*LUMBAR[4::-1], *_THORACIC[::-1], *_CERVICAL[::-1])
_DOWNWARD = _UPWARD[::-1]

LABEL_TABLES: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "totalsegmentator-mr": dict(enumerate(_UPWARD, start=2)),
        "totalsegmentator-ct": {26: "S1", **dict(enumerate(_UPWARD, start=27)), 79: CANAL},
        "totalsegmentator-ct-bodies": dict(enumerate(_DOWNWARD, start=1)),
        "totalspineseg": {
            1: CANAL,
            2: CANAL,
            **dict(enumerate(_CERVICAL, start=11)),
            **dict(enumerate(_THORACIC, start=21)),
            **dict(enumerate(LUMBAR, start=41)),
        },
        "spineps": {**dict(enumerate((*_DOWNWARD, "L6", "S1"), start=1)), 28: "T13"},
        "spider": {**dict(enumerate(_UPWARD, start=1)), 100: CANAL},
        "mrspineseg": {1: "S1", **dict(enumerate(_UPWARD[:9], start=2))},
    }
)
"""What the label values of each tool mean: its vertebrae and its canal (or cord).

TotalSegmentator ``vertebrae_mr``, ``total`` (CT), and ``vertebrae_pp`` or ``vertebrae_pp_refined`` (CT); TotalSpineSeg;
the vertebra map of SPINEPS, numbered by VERIDAH (without it the values are running numbers: state a table); SPIDER,
counted from the lowest lumbar vertebra, where 101 and above are cut by the image and left out; MRSpineSeg, up to T9.
"""

# SNOMED CT, as in the mapping that TotalSegmentator publishes.
# fmt: off
_SNOMED = (
    "14806007", "39976000", "113205007", "5329002", "36978003", "36054005", "87391001",
    "64864005", "53733008", "1626008", "73071006", "56401006", "45296009", "62487009", "11068009",
    "82687006", "7610001", "12989004", "23215003",
    "66794005", "14293000", "36470004", "11994002", "49668003",
    "65985001", "2748008",
)
# fmt: on
SNOMED_CODES: Mapping[str, str] = MappingProxyType(dict(zip((*_DOWNWARD, "S1", CANAL), _SNOMED, strict=True)))
"""SNOMED CT code of each level and of the cord."""
_BY_CODE = {code: name for name, code in SNOMED_CODES.items()}
_LEVEL_NAME = re.compile(
    r"(?:vertebrae?[_ ])?(C[1-7]|T1[0-3]|T[1-9]|L[1-6]|S1)(?:[_ ](?:vertebra|vertebral[_ ]body|body))?", re.IGNORECASE
)
_CANAL_NAME = re.compile(r"(?:(?:spinal|vertebral)[_ ])?(?:canal|cord)", re.IGNORECASE)


@dataclass(frozen=True)
class Segment:
    """One label of a segmentation and what the file says of it.

    Attributes
    ----------
    label : int
        Value in the label map.
    id, name : str
        ID and name of the segment; empty when the file has none.
    terminology : str
        3D Slicer's ``TerminologyEntry`` tag, or a bare ``SCT^66794005^L1 vertebra``; may be empty.
    """

    label: int
    id: str = ""
    name: str = ""
    terminology: str = ""


@dataclass(frozen=True)
class SegmentLevels:
    """The vertebrae of a segmentation.

    Attributes
    ----------
    labels : mapping of str to int
        Label value of each level, from top to bottom.
    found_by : mapping of str to str
        ``"code"``, ``"name"`` or ``"table"`` for each level.
    canal : tuple of int
        Labels of the spinal canal or cord.
    unused : tuple of str
        Segments that are neither.
    warnings : tuple of str
        Where code and name of a segment differ, and levels that the shift moved off the spine.
    """

    labels: Mapping[str, int]
    found_by: Mapping[str, str]
    canal: tuple[int, ...] = ()
    unused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def find_levels(
    segments: Iterable[Segment], table: str | Mapping[int | str, str] | None = None, *, shift: int = 0
) -> SegmentLevels:
    """Find which vertebra each segment is.

    The SNOMED code decides, then the ID, the name, then the table. A code counts where it is the type of the segment,
    not where it is the region in which a lesion lies. A name must be that of a level ("vertebrae_L1", "L1 vertebra",
    "L1"), not only hold one ("L1-L2 disc").

    Parameters
    ----------
    segments : iterable of Segment
        The labels that occur.
    table : str or mapping, optional
        A key of :data:`LABEL_TABLES`, or the user's own: label value, ID or name to level or "canal".
    shift : int
        1 moves every level one vertebra down (T12 becomes L1, L5 becomes L6), -1 one up, for transitional anatomy or a
        model that has counted wrongly. T13 takes part where it occurs; S1 does not.

    Raises
    ------
    ValueError
        When no vertebra is found (what was found and what is known are listed), two segments are of one level, the
        table is not known or names a level that is not, or the shift is not -1, 0 or 1.
    """
    if shift not in (-1, 0, 1):
        raise ValueError(f"shift: expected -1, 0 or 1 vertebra, got {shift}")
    of_table = _table(table)
    found: dict[str, tuple[int, str]] = {}
    canal: list[int] = []
    unused: list[str] = []
    warnings: list[str] = []
    given = list(segments)
    for segment in given:
        level, how = _level_of(segment, of_table, warnings)
        if level == CANAL:
            canal.append(segment.label)
        elif not level:
            unused.append(_describe(segment))
        elif level in found:
            raise ValueError(f"segments: expected each level once, got {level} as labels "
                             f"{found[level][0]} and {segment.label}")  # fmt: skip
        else:
            found[level] = segment.label, how
    if not found:
        raise ValueError(_nothing_found(given, table))
    found = _shifted(found, shift, warnings)
    ordered = sorted(found, key=LEVELS.index)
    return SegmentLevels(
        {level: found[level][0] for level in ordered},
        {level: found[level][1] for level in ordered},
        tuple(canal),
        tuple(unused),
        tuple(warnings),
    )


def _table(table: str | Mapping[int | str, str] | None) -> Mapping[int | str, str]:
    if table is None:
        return {}
    if isinstance(table, str):
        return dict(LABEL_TABLES[check_choice("table", table, LABEL_TABLES)].items())
    for key, level in table.items():
        if level not in LEVELS and level != CANAL:
            raise ValueError(f"table: expected a level (C1-C7, T1-T13, L1-L6, S1) or 'canal' for {key!r}, "
                             f"got {level!r}")  # fmt: skip
    return table


def _level_of(segment: Segment, table: Mapping[int | str, str], warnings: list[str]) -> tuple[str, str]:
    """Return the level (or "canal", or nothing) and what it was found by."""
    by_code = _of_terminology(segment.terminology)
    by_name = _of_name(segment.id) or _of_name(segment.name)
    if by_code:
        differs = [text for text in (segment.id, segment.name) if _of_name(text) not in ("", by_code)]
        if differs:
            warnings.append(f"segment {differs[0]!r}: its code says {by_code}, its name does not; the code is followed")
        return by_code, "code"
    if by_name:
        return by_name, "name"
    keys: tuple[int | str, ...] = (segment.label, segment.id, segment.name)
    return next((table[key] for key in keys if key in table), ""), "table"


def _of_terminology(text: str) -> str:
    # context ~ category ~ type ~ modifier ~ context ~ region ~ modifier: the type only
    parts = text.split("~")
    scheme, _, rest = (parts[2] if len(parts) > 2 else parts[0]).partition("^")
    return _BY_CODE.get(rest.partition("^")[0], "") if scheme == "SCT" else ""


def _of_name(text: str) -> str:
    match = _LEVEL_NAME.fullmatch(text.strip())
    if match:
        return match[1].upper()
    return CANAL if _CANAL_NAME.fullmatch(text.strip()) else ""


def _shifted(found: dict[str, tuple[int, str]], shift: int, warnings: list[str]) -> dict[str, tuple[int, str]]:
    if not shift:
        return found
    fixed = {"S1"} if "T13" in found else {"S1", "T13"}
    chain = [level for level in LEVELS if level not in fixed]
    moved = {}
    for level, what in found.items():
        place = chain.index(level) + shift if level in chain else -1
        if 0 <= place < len(chain):
            moved[chain[place]] = what
        else:
            warnings.append(f"shift: {level} (label {what[0]}) cannot be moved by {shift} and is left out")
    return moved


def _describe(segment: Segment) -> str:
    names = [text for text in (segment.id, segment.name) if text]
    return " ".join([str(segment.label), *dict.fromkeys(names)])


def _nothing_found(segments: list[Segment], table: str | Mapping[int | str, str] | None) -> str:
    shown = "; ".join(_describe(segment) for segment in segments[:40]) or "no label above 0"
    asked = "no table was given" if table is None else f"table {table!r}" if isinstance(table, str) else "own table"
    hint = ""
    if any("vertebrae" in (segment.id, segment.name) for segment in segments):
        hint = "; one mask of all vertebrae holds no levels: segment each vertebra (vertebrae_mr)"
    return (
        f"labels: expected vertebrae, found none ({asked}). Found: {shown}. Known: SNOMED codes, names as "
        f"'vertebrae_L1' or 'L1 vertebra', the tables {', '.join(LABEL_TABLES)}, or a table of your own{hint}"
    )
