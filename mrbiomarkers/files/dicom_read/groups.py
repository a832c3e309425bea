"""One frame's view of a header: a value from the functional groups of an enhanced image, or from the header itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mrbiomarkers.files.dicom_read.headers import Instance
from mrbiomarkers.files.dicom_read.tags import Tag, items, numbers, private, texts

if TYPE_CHECKING:
    from pydicom import Dataset

_SHARED, _PER_FRAME = (0x5200, 0x9229), (0x5200, 0x9230)
_PHILIPS_ITEM = (0x2005, 0x140F)
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


@dataclass(frozen=True, eq=False)
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
    """

    instance: Instance
    groups: tuple[Dataset, ...] = ()
    number: int = 0

    @cached_property
    def vendor(self) -> str:
        """The manufacturer: "Siemens", "Philips", "GE", "UIH", "Canon" (and Toshiba), or empty."""
        name = " ".join(texts(self.instance.dataset, (0x0008, 0x0070))).upper()
        return next((vendor for start, vendor in _VENDORS if start in name), "GE" if name.startswith("GE") else "")

    def macro(self, tag: Tag) -> Dataset | None:
        """Return the item of a functional group, or of a sequence of this name in the header itself."""
        for place in (*self.groups, self.instance.dataset):
            found = items(place, tag)
            if found:
                return found[0]
        return None

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
        places: list[Dataset] = []
        for place in (*self.groups, self.instance.dataset):
            places.append(place)
            places.extend(items(place, _PHILIPS_ITEM)[:1])
            for block in (0x11FE, 0x10FE):  # Siemens XA
                places.extend(items(place, (0x0021, block))[:1])
        return places


def frame_headers(instance: Instance) -> list[FrameHeader]:
    """Return the view of every frame of a file: one for a classic image.

    Raises
    ------
    ValueError
        When an enhanced image has other functional groups than frames.
    """
    per_frame = items(instance.dataset, _PER_FRAME)
    if not per_frame:
        return [FrameHeader(instance)]
    shared = items(instance.dataset, _SHARED)[:1]
    count = numbers(instance.dataset, (0x0028, 0x0008))
    if not count or int(count[0]) != len(per_frame):
        raise ValueError(
            f"{instance.path}: expected functional groups for each of {count[0] if count else 'an unknown number of'} "
            f"frames, got {len(per_frame)}"
        )
    return [FrameHeader(instance, (item, *shared), number) for number, item in enumerate(per_frame)]
