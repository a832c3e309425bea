"""Siemens' own header (CSA, version 2 "SV10") in bytes, as it stands in (0029,1010)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

_SIGNATURE = b"SV10\x04\x03\x02\x01"
_CHECK = 77
_SYNGO_TYPES = {"FD": 4, "IS": 6, "DS": 3, "US": 10, "SH": 22, "CS": 16, "LO": 19}
_SLOTS = 6  # items that a tag has at least, filled or not


def csa_header(tags: Mapping[str, tuple[str, Sequence[object]]]) -> bytes:
    """Bytes of a header with the tags given: name to (VR, values); values are written as text."""
    parts = [_SIGNATURE, struct.pack("<2I", len(tags), _CHECK)]
    for name, (vr, values) in tags.items():
        texts = [f"{value:.8f}" if isinstance(value, float) else str(value) for value in values]
        slots = max(_SLOTS, len(texts))
        parts.append(struct.pack("<64si4s3i", name.encode(), len(texts), vr.encode(), _SYNGO_TYPES[vr], slots, _CHECK))
        for text in texts + [""] * (slots - len(texts)):
            data = text.encode() + b"\0" if text else b""
            parts.append(struct.pack("<4i", len(data), len(data), _CHECK, len(data)))
            parts.append(data + b"\0" * (-len(data) % 4))
    return b"".join(parts)
