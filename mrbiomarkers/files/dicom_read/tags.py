"""Single values out of a DICOM header that may be damaged, or stripped of its private creators."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

Tag = tuple[int, int]
_NO_LETTERS = ("DS", "IS", "CS", "UI", "FD", "FL", "US", "UL", "SS", "SL")  # the same in every character set
_PACKED = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FD": "d", "FL": "f"}
PRIVATE_BLOCKS = range(0x10, 0x18)


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Silence what pydicom has to say of values that break the standard: they are checked where they are used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def numbers(dataset: Dataset, tag: Tag, form: str = "") -> tuple[float, ...]:
    """Return the numbers of an element; empty where it is missing, empty or cannot be read.

    Parameters
    ----------
    dataset : Dataset
        Of an instance or of an item of a sequence.
    tag : (int, int)
        Group and element.
    form : str
        What bytes of an unknown type (UN: a private element whose creator is not known) stand for: ``"f"``, ``"d"``,
        ``"H"`` ... as in :mod:`struct`, or empty for text.
    """
    plain = _plain_numbers(dataset, tag)
    if plain is not None:
        return plain
    value = _value(dataset, tag)
    if isinstance(value, bytes):
        return _from_bytes(dataset, value, form)
    if value is None or value == "":
        return ()
    listed = value if isinstance(value, (list, tuple)) or _is_multi(value) else [value]
    try:
        return tuple(float(one) for one in listed)
    except (TypeError, ValueError, OverflowError):
        return ()


def texts(dataset: Dataset, tag: Tag) -> tuple[str, ...]:
    """Return the texts of an element; empty where it is missing, empty or cannot be read."""
    value = _value(dataset, tag)
    if isinstance(value, bytes):
        value = value.decode("latin-1").rstrip("\0 ").split("\\")
    if value is None or value == "":
        return ()
    listed = value if isinstance(value, (list, tuple)) or _is_multi(value) else [value]
    return tuple(str(one).strip() for one in listed)


def items(dataset: Dataset, tag: Tag) -> list[Dataset]:
    """Return the items of a sequence; empty where it is missing or no sequence."""
    if tag[0] << 16 | tag[1] not in dataset.keys():  # noqa: SIM118  (of the dataset itself pydicom makes a tag: slow)
        return []
    from pydicom import Dataset as DatasetType

    value = _value(dataset, tag)
    if isinstance(value, bytes):
        value = _sequence(value)
    if value is None or isinstance(value, str) or not hasattr(value, "__iter__"):
        return []
    return [item for item in value if isinstance(item, DatasetType)]


def private(dataset: Dataset, group: int, element: int, creators: tuple[str, ...], known_vendor: bool) -> Tag | None:
    """Return the tag of a private element, or None where it is not there.

    Parameters
    ----------
    dataset : Dataset
        The header.
    group, element : int
        As it usually stands: 0x0019 and 0x100C for (0019,100C). The block (10) can be another one.
    creators : tuple of str
        How the names of the creators start, in upper case.
    known_vendor : bool
        Whether the manufacturer is the one that uses this element: it is then taken from the usual block also where the
        creator was removed, as some anonymisers do.
    """
    present = dataset.keys()  # tags are whole numbers: much quicker than to ask for each of them
    for block in PRIVATE_BLOCKS:
        tag = (group, block << 8 | element & 0xFF)
        if tag[0] << 16 | tag[1] in present:
            owner = texts(dataset, (group, block))
            if owner and owner[0].upper().startswith(creators):
                return tag
    usual = (group, element)
    return usual if known_vendor and usual in dataset and not texts(dataset, (group, element >> 8)) else None


def is_there(dataset: Dataset, tag: Tag) -> bool:
    """Whether the element is in the header and not empty, readable or not."""
    if tag not in dataset:
        return False
    try:
        value = dataset[tag].value
    except Exception:  # what pydicom raises for a damaged value depends on its type
        return True
    return value is not None and value != "" and value != b""


def _value(dataset: Dataset, tag: Tag) -> Any:
    """Return the value, None where there is none that can be read.

    Only the raw bytes stay in the header: pydicom's converted elements take several times their memory.
    """
    from pydicom.dataelem import RawDataElement, convert_raw_data_element

    if tag[0] << 16 | tag[1] not in dataset.keys():  # noqa: SIM118
        return None
    try:
        element: Any = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and element.VR in _NO_LETTERS:
            return convert_raw_data_element(element).value
        return dataset[tag].value
    except Exception:  # what pydicom raises for a damaged value depends on its type
        return None


def _plain_numbers(dataset: Dataset, tag: Tag) -> tuple[float, ...] | None:
    """Return the numbers of an element that is plainly coded: quicker than pydicom, which gets all others."""
    number = tag[0] << 16 | tag[1]
    if number not in dataset.keys():  # noqa: SIM118
        return ()
    element: Any = dataset.get_item(number)
    if not getattr(element, "is_raw", False) or not isinstance(element.value, bytes):
        return None
    kind, value = element.VR, element.value
    try:
        if kind == "DS":
            return tuple(float(one) for one in value.split(b"\\"))
        if kind in _PACKED and element.is_little_endian and value:
            form = _PACKED[kind]
            return tuple(float(one) for one in struct.unpack(f"<{len(value) // struct.calcsize(form)}{form}", value))
    except (ValueError, struct.error):  # damaged, or padded in a way of its own
        return None
    return None


def _sequence(value: bytes) -> Any:
    """Return the items in the bytes of a private sequence of unknown type, which are implicit little endian."""
    from pydicom.filereader import read_sequence

    try:
        return read_sequence(io.BytesIO(value), True, True, len(value), "iso8859")
    except Exception:  # these bytes are no sequence
        return None


def _is_multi(value: object) -> bool:
    return type(value).__name__ == "MultiValue"


def _from_bytes(dataset: Dataset, value: bytes, form: str) -> tuple[float, ...]:
    encoding = getattr(dataset, "original_encoding", (None, True))
    if form:
        size = struct.calcsize(form)
        if not value or len(value) % size or encoding[1] is False:
            return ()
        return tuple(float(one) for one in struct.unpack(f"<{len(value) // size}{form}", value))
    try:
        return tuple(float(one) for one in value.decode("ascii").rstrip("\0 ").split("\\") if one.strip())
    except ValueError:
        return ()
