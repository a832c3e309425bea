"""The needed elements of a header, found by stepping over all others; pydicom turns their bytes into values.

pydicom reads nested sequences whole: 20 to 60 ms for an enhanced image, most of them for elements that nobody needs.
What is not plainly coded is left to it: :func:`walk` then returns None.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from typing import BinaryIO, NamedTuple

_SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_UNDEFINED = 0xFFFFFFFF
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
_SYNTAX, _STORAGE, _DICOMDIR = 0x00020010, 0x00020002, b"1.2.840.10008.1.3.10"
_IMPLICIT, _EXPLICIT = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1"
_COMPRESSED = (b"1.2.840.10008.1.2.4.", b"1.2.840.10008.1.2.5")  # their headers are explicit little endian
_FIRST, _MOST = 1 << 16, 1 << 25  # bytes of a file that are read at first, and at most
_SHARED, _PER_FRAME = 0x52009229, 0x52009230

_element = struct.Struct("<HH2sH").unpack_from
_implicit_element = struct.Struct("<HHI").unpack_from
_number = struct.Struct("<I").unpack_from

Inside = Mapping[int, "Collection[int] | None"]
"""Tags to keep of an item, each with the tags to keep of its own items, or None: all of it."""


class Needs(NamedTuple):
    """Which elements are needed.

    Attributes
    ----------
    header : mapping
        Of the header itself.
    groups : mapping
        Of the shared functional groups and those of a frame.
    position, content : int
        Two of these that differ from frame to frame: Plane Position and Frame Content.
    used : callable
        Whether a tag of ``groups`` is needed for nothing but to make a frame.
    """

    header: Inside
    groups: Inside
    position: int
    content: int
    used: Callable[[int], bool]


class GroupBytes(NamedTuple):
    """The coded elements of one item of functional groups: equal ones say the same.

    Attributes
    ----------
    position, content : bytes
        Plane Position and Frame Content.
    used : bytes
        What is needed for nothing but to make a frame, see ``Needs``.
    late : bytes
        All others.
    """

    position: bytes = b""
    content: bytes = b""
    used: bytes = b""
    late: bytes = b""

    @property
    def alike(self) -> tuple[bytes, bytes]:
        """What frames that differ in position and time only have in common."""
        return self.used, self.late


class Element(NamedTuple):
    """One element of the header: its tag, its type (empty if the file does not say) and its coded value."""

    tag: int
    kind: str
    value: bytes


class Walked(NamedTuple):
    """What was found.

    Attributes
    ----------
    elements : list of Element
        Of the header, functional groups not among them.
    shared : GroupBytes or None
        Functional groups that all frames share.
    frames : tuple of GroupBytes
        Those of each frame.
    is_implicit : bool
        Whether the file leaves out the types of its elements.
    end : int
        Where the element with the pixels begins.
    """

    elements: list[Element]
    shared: GroupBytes | None
    frames: tuple[GroupBytes, ...]
    is_implicit: bool
    end: int


class _OddError(Exception):
    """The bytes are not plainly coded."""


class _ShortError(Exception):
    """The bytes end."""


def _wrong(data: bytes, at: int) -> Exception:
    """Return why there is no element at a place."""
    return _ShortError() if at + 12 > len(data) else _OddError()


def walk(file: BinaryIO, size: int, needs: Needs) -> Walked | None:
    """Return the needed elements of a file of ``size`` bytes; None where pydicom has to read it.

    References
    ----------
    DICOM PS3.5 chapter 7 (data elements, sequences), PS3.10 chapter 7 (file meta information).
    """
    file.seek(0)
    data, wanted = b"", _FIRST
    while len(data) < size and wanted <= _MOST:
        data += file.read(wanted - len(data))
        try:
            return _walk(data, needs)
        except (_ShortError, struct.error, IndexError):
            wanted *= 8
        except (_OddError, RecursionError):
            return None
    return None


def decimals_in(content: bytes, tag: int, is_implicit: bool) -> tuple[float, ...] | None:
    """Return the numbers of a decimal string in the first item of a coded sequence; None where pydicom has to do it."""
    try:
        _, _, start, end, _ = _one(content, 0, is_implicit)
        at, stop = _items(content, start, end, is_implicit)[0]
        found, vr, first, last, after = _one(content, at, is_implicit)
        if found != tag or vr not in (b"DS", b"") or after != stop:
            return None
        return tuple(float(one) for one in content[first:last].split(b"\\"))
    except (_OddError, _ShortError, struct.error, IndexError, ValueError):
        return None


def _walk(data: bytes, needs: Needs) -> Walked:
    if data[128:132] != b"DICM":
        raise _OddError
    at, is_implicit = _syntax(data)
    if is_implicit == (data[at + 4 : at + 6].isalpha() and data[at + 4 : at + 6].isupper()):
        raise _OddError
    elements: list[Element] = []
    groups: dict[int, list[GroupBytes]] = {}
    last = 0
    while True:
        tag, vr, start, end, after = _one(data, at, is_implicit)
        if tag in _PIXELS:
            shared = groups.get(_SHARED, [])
            return Walked(elements, shared[0] if shared else None, tuple(groups.get(_PER_FRAME, ())), is_implicit, at)
        if tag <= last:  # out of order: damaged, or a second dataset
            raise _OddError
        last = tag
        if tag in (_SHARED, _PER_FRAME):
            groups[tag] = [_parted(data, *place, is_implicit, needs) for place in _items(data, start, end, is_implicit)]
        elif tag in needs.header:
            elements.append(_taken(data, (tag, vr, start, end, after), is_implicit, needs.header[tag]))
        at = after


def _syntax(data: bytes) -> tuple[int, bool]:
    """Return where the dataset begins, and whether it leaves out the types."""
    at, syntax = 132, b""
    while data[at : at + 2] == b"\x02\x00":
        tag, _, start, end, after = _one(data, at, False)
        value = data[start:end].rstrip(b"\0 ")
        if tag == _STORAGE and value == _DICOMDIR:
            raise _OddError
        syntax = value if tag == _SYNTAX else syntax
        at = after
    if syntax in (_IMPLICIT, _EXPLICIT) or syntax.startswith(_COMPRESSED):
        return at, syntax == _IMPLICIT
    raise _OddError


def _one(data: bytes, at: int, is_implicit: bool) -> tuple[int, bytes, int, int, int]:
    """Return tag, type, start and end of the value, and where the next element begins."""
    if is_implicit:
        group, number, length = _implicit_element(data, at)
        vr, start = b"", at + 8
    else:
        group, number, vr, length = _element(data, at)
        start = at + 8
        if vr in _LONG:
            length, start = _number(data, start)[0], at + 12
        elif vr not in _SHORT:
            raise _wrong(data, at)
    tag = group << 16 | number
    if group in (0x0000, 0xFFFE):
        raise _OddError
    if tag in _PIXELS:
        return tag, vr, start, start, start
    if length != _UNDEFINED:
        if start + length > len(data):
            raise _ShortError
        return tag, vr, start, start + length, start + length
    if vr not in (b"SQ", b"") or data[start : start + 4] not in (_ITEM, _SEQUENCE_END):
        raise _wrong(data, start)
    after = _after_sequence(data, start, is_implicit)
    return tag, vr, start, after - 8, after


def _after_sequence(data: bytes, at: int, is_implicit: bool) -> int:
    """Return where a sequence of undefined length ends; ``at``: its first item."""
    while True:
        mark = data[at : at + 4]
        if mark == _SEQUENCE_END:
            return at + 8
        if mark != _ITEM:
            raise _wrong(data, at)
        length = _number(data, at + 4)[0]
        at = at + 8 + length if length != _UNDEFINED else _after_item(data, at + 8, is_implicit)


def _after_item(data: bytes, at: int, is_implicit: bool) -> int:
    """Return where an item of undefined length ends; ``at``: its first element. The innermost loop: kept lean."""
    while data[at : at + 4] != _ITEM_END:
        if is_implicit:
            length, at = _number(data, at + 4)[0], at + 8
        else:
            vr = data[at + 4 : at + 6]
            if vr in _SHORT:
                at += 8 + data[at + 6] + (data[at + 7] << 8)
                continue
            if vr not in _LONG:
                raise _wrong(data, at)
            length, at = _number(data, at + 8)[0], at + 12
        if length != _UNDEFINED:
            at += length
        elif is_implicit or vr == b"SQ":
            at = _after_sequence(data, at, is_implicit)
        else:
            raise _OddError
    return at + 8


def _items(data: bytes, at: int, end: int, is_implicit: bool) -> list[tuple[int, int]]:
    """Return start and end of the elements of each item of a sequence."""
    found = []
    while at < end:
        if data[at : at + 4] != _ITEM:
            raise _OddError
        length = _number(data, at + 4)[0]
        start = at + 8
        at = start + length if length != _UNDEFINED else _after_item(data, start, is_implicit)
        found.append((start, at if length != _UNDEFINED else at - 8))
    if at != end:
        raise _OddError
    return found


Place = tuple[int, bytes, int, int, int]


def _taken(data: bytes, place: Place, is_implicit: bool, inside: Collection[int] | None) -> Element:
    tag, vr, start, end, _ = place
    value = data[start:end] if inside is None else _pruned(data, place, is_implicit, inside)
    return Element(tag, vr.decode("ascii"), value)


def _pruned(data: bytes, place: Place, is_implicit: bool, inside: Collection[int]) -> bytes:
    """Return the value of a sequence, its items with the wanted elements only; any other value as it is."""
    _, vr, start, end, _ = place
    if vr not in (b"SQ", b"UN", b"") or data[start : start + 4] != _ITEM:
        return data[start:end]
    is_implicit = is_implicit or vr == b"UN"  # PS3.5, 6.2.2
    parts = []
    for at, stop in _items(data, start, end, is_implicit):
        kept = []
        while at < stop:
            tag, _, _, _, after = _one(data, at, is_implicit)
            if tag in inside:
                kept.append(data[at:after])
            at = after
        if at != stop:
            raise _OddError
        item = b"".join(kept)
        parts += [_ITEM, struct.pack("<I", len(item)), item]
    return b"".join(parts)


def _parted(data: bytes, at: int, stop: int, is_implicit: bool, needs: Needs) -> GroupBytes:
    """Return the needed elements of an item of functional groups."""
    parts: tuple[list[bytes], ...] = ([], [], [], [])
    while at < stop:
        place = _one(data, at, is_implicit)
        tag, vr, _, _, after = place
        if tag in needs.groups:
            inside = needs.groups[tag]
            if inside is None:
                whole = data[at:after]
            else:
                value = _pruned(data, place, is_implicit, inside)
                if vr in _SHORT:
                    raise _OddError
                whole = data[at : at + 4 if is_implicit else at + 8] + struct.pack("<I", len(value)) + value
            is_own = tag in (needs.position, needs.content)
            parts[int(tag == needs.content) if is_own else 2 if needs.used(tag) else 3].append(whole)
        at = after
    if at != stop:
        raise _OddError
    return GroupBytes(*(b"".join(part) for part in parts))
