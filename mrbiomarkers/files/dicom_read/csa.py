"""The CSA header: Siemens' own list of named values in (0029,1010) and (0029,1020)."""

from __future__ import annotations

import struct

_MOST_TAGS = 1000
_MOST_ITEMS = 10_000
_MARKS = (77, 205)


def read_csa(data: bytes, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the values of the named entries; empty where the header cannot be read.

    Parameters
    ----------
    data : bytes
        Of type 1 (no mark) or 2 (begins with ``SV10``).
    names : tuple of str
        ``"B_value"``, ``"NumberOfImagesInMosaic"`` ...

    References
    ----------
    The layout as NiBabel describes it (nibabel.org, "Siemens format DICOM with CSA header").
    """
    second = data[:4] == b"SV10"
    start = 8 if second else 0
    try:
        return _entries(data, start, second, names)
    except (struct.error, ValueError):
        return {}


def _entries(data: bytes, start: int, second: bool, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    count, _ = struct.unpack_from("<2I", data, start)
    if not 0 < count <= _MOST_TAGS:
        raise ValueError("no CSA header")
    at, found = start + 8, {}
    first_length = 0
    for number in range(count):
        raw, _, _, _, n_items, mark = struct.unpack_from("<64si4siii", data, at)
        if mark not in _MARKS or not 0 <= n_items <= _MOST_ITEMS:
            raise ValueError("no CSA header")
        at += 84
        name = raw.split(b"\0")[0].decode("latin-1")
        values = []
        for _ in range(n_items):
            lengths = struct.unpack_from("<4i", data, at)
            at += 16
            if not second and number == 0 and first_length == 0:
                first_length = lengths[0]
            length = lengths[1] if second else lengths[0] - first_length
            if length < 0 or (not second and at + length > len(data)):
                length = 0
            if at + length > len(data):
                raise ValueError("the CSA header ends early")
            values.append(data[at : at + length].split(b"\0")[0].decode("latin-1").strip())
            at += (length + 3) // 4 * 4
        if name in names:
            found[name] = tuple(value for value in values if value)
    return found
