"""One frame's view of a header: a value from the functional groups of an enhanced image, or from the header itself."""

from __future__ import annotations

import io
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mrbiomarkers.files.dicom_read.headers import Instance
from mrbiomarkers.files.dicom_read.tags import Tag, items, numbers, private, texts
from mrbiomarkers.files.dicom_read.walk import GroupBytes

if TYPE_CHECKING:
    from pydicom import Dataset

_SHARED, _PER_FRAME = (0x5200, 0x9229), (0x5200, 0x9230)
_PHILIPS_ITEM = (0x2005, 0x140F)
_NOTHING: dict[str, tuple[str, ...]] = {}
_VENDORS = (
    ("SIEMENS", "Siemens"),
    ("PHILIPS", "Philips"),
    ("GE MEDICAL", "GE"),
    ("GE HEALTHCARE", "GE"),
    ("UIH", "UIH"),
    ("UNITED IMAGING", "UIH"),
    ("CANON", "Canon"),
    ("TOSHIBA", "Canon"),
)


@dataclass(frozen=True, eq=False, slots=True)
class FrameHeader:
    """The header as one frame sees it.

    Attributes
    ----------
    instance : Instance
        The file.
    groups : tuple of Dataset
        Its own functional groups, then the shared ones; empty for a classic image.
    number : int
        The frame, from 0.
    found : dict
        What was looked up before; frames with the same header and groups share it.
    """

    instance: Instance
    groups: tuple[Dataset, ...] = ()
    number: int = 0
    found: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def vendor(self) -> str:
        """The manufacturer: "Siemens", "Philips", "GE", "UIH", "Canon" (and Toshiba), or empty."""
        if "vendor" not in self.found:
            name = " ".join(texts(self.instance.dataset, (0x0008, 0x0070))).upper()
            others = "GE" if name.startswith("GE") else ""
            self.found["vendor"] = next((vendor for start, vendor in _VENDORS if start in name), others)
        vendor: str = self.found["vendor"]
        return vendor

    def macro(self, tag: Tag) -> Dataset | None:
        """Return the item of a functional group, or of a sequence of this name in the header itself."""
        if tag not in self.found:
            every = (item for place in self.places() for item in items(place, tag))
            self.found[tag] = next(every, None)
        macro: Dataset | None = self.found[tag]
        return macro

    def numbers(self, tag: Tag, macro: Tag | None = None) -> tuple[float, ...]:
        """Return the numbers of an element, from the functional group ``macro`` or from the header."""
        item = None if macro is None else self.macro(macro)
        return (() if item is None else numbers(item, tag)) or numbers(self.instance.dataset, tag)

    def number_of(self, tag: Tag, macro: Tag | None = None) -> float | None:
        """Return the first number of an element, or None."""
        found = self.numbers(tag, macro)
        return found[0] if found else None

    def texts(self, tag: Tag, macro: Tag | None = None) -> tuple[str, ...]:
        """Return the texts of an element, from the functional group ``macro`` or from the header."""
        item = None if macro is None else self.macro(macro)
        return (() if item is None else texts(item, tag)) or texts(self.instance.dataset, tag)

    def find_private(
        self, group: int, element: int, creators: tuple[str, ...], vendor: str
    ) -> tuple[Dataset, Tag] | None:
        """Return a private element and the part of the header that holds it."""
        known = self.vendor == vendor
        for place in self._places():
            tag = private(place, group, element, creators, known)
            if tag is not None:
                return place, tag
        return None

    def private_numbers(
        self, group: int, element: int, creators: tuple[str, ...], vendor: str, form: str = ""
    ) -> tuple[float, ...]:
        """Return the numbers of a private element; ``form`` as for ``numbers`` of the tags."""
        found = self.find_private(group, element, creators, vendor)
        return () if found is None else numbers(*found, form)

    def places(self) -> list[Dataset]:
        """Return the parts of the header that the frame sees."""
        return [*self.groups, self.instance.dataset]

    def _places(self) -> list[Dataset]:
        """Return where private elements stand: the groups, the private items in them, the header."""
        if "places" not in self.found:
            places: list[Dataset] = []
            for place in self.places():
                places.append(place)
                places.extend(items(place, _PHILIPS_ITEM)[:1])
                for block in (0x11FE, 0x10FE):  # Siemens XA
                    places.extend(items(place, (0x0021, block))[:1])
            self.found["places"] = places
        found: list[Dataset] = self.found["places"]
        return found


def frame_headers(instance: Instance) -> list[FrameHeader]:
    """Return the view of every frame of a file whose functional groups, if it has any, are in its dataset.

    Raises
    ------
    ValueError
        When an enhanced image has other functional groups than frames.
    """
    per_frame = items(instance.dataset, _PER_FRAME)
    if not per_frame:
        return [FrameHeader(instance)]
    shared = items(instance.dataset, _SHARED)[:1]
    check_count(instance, len(per_frame))
    return [FrameHeader(instance, (item, *shared), number) for number, item in enumerate(per_frame)]


def check_count(instance: Instance, expected: int) -> None:
    """Raise a ValueError unless an enhanced image has as many frames as functional groups."""
    count = numbers(instance.dataset, (0x0028, 0x0008))
    if not count or int(count[0]) != expected:
        raise ValueError(
            f"{instance.path}: expected functional groups for each of {count[0] if count else 'an unknown number of'} "
            f"frames, got {expected}"
        )


def shared_groups(instance: Instance) -> tuple[Dataset, ...]:
    """Return the functional groups that all frames share, if there are any, out of their bytes."""
    return () if instance.shared is None else (_item(instance.dataset, b"".join(instance.shared)),)


def frame_header(instance: Instance, group: GroupBytes, shared: tuple[Dataset, ...], number: int = 0) -> FrameHeader:
    """Return the view of a frame with these functional groups, before those that all frames share."""
    return FrameHeader(instance, (_item(instance.dataset, b"".join(group)), *shared), number)


def kept_header(header: FrameHeader, group: GroupBytes | None = None) -> FrameHeader:
    """Return the header with what is needed of it once a frame is made; equal parts are shared by all files."""
    instance = header.instance
    kept, late = instance.kept, instance.late
    if kept is None or late is None:
        return header
    groups = []
    for content in [one.late for one in (group, instance.shared) if one is not None]:
        key = (bool(late.original_encoding[0]), repr(late.original_character_set), content)
        if key not in kept.datasets:
            kept.datasets[key] = _item(late, content)
        groups.append(kept.datasets[key])
    found = kept.found.setdefault((id(late), *map(id, groups)), {})
    return FrameHeader(Instance(instance.path, late, _NOTHING), tuple(groups), header.number, found)


def _item(dataset: Dataset, content: bytes) -> Dataset:
    """Return the item of a sequence, in the encoding of the header."""
    from pydicom.filereader import read_dataset

    is_implicit = bool(dataset.original_encoding[0])
    charset = dataset._character_set
    return read_dataset(io.BytesIO(content), is_implicit, True, parent_encoding=charset, at_top_level=False)
