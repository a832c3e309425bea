"""The headers of all DICOM images in a folder; whatever is no image is named with the reason."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mrbiomarkers.files.dicom_read.complete import cut_off, no_image
from mrbiomarkers.files.dicom_read.csa import read_csa
from mrbiomarkers.files.dicom_read.tags import PRIVATE_BLOCKS, items, lenient, numbers, private, texts
from mrbiomarkers.files.dicom_read.walk import Element, GroupBytes, Needs, Walked, walk
from mrbiomarkers.files.paths import PathLike

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import RawDataElement

Source = PathLike | Sequence[PathLike]

_PRIVATE_SEQUENCES = ((0x2005, 0x140F), (0x0021, 0x10FE), (0x0021, 0x11FE))  # Philips, Siemens XA
_CSA_NAMES = ("B_value", "DiffusionGradientDirection", "NumberOfImagesInMosaic", "SliceNormalVector")

# Name, identity number and birth date of the patient are not among them: they are never read.
_PUBLIC = [
    *((0x0008, e) for e in (0x05, 0x08, 0x16, 0x18, 0x21, 0x31, 0x60, 0x70, 0x103E, 0x1090, 0x9208)),
    *((0x0018, e) for e in (0x20, 0x23, 0x24, 0x50, 0x80, 0x81, 0x83, 0x84, 0x86, 0x87, 0x88, 0x91, 0x1020, 0x1030)),
    *((0x0018, e) for e in (0x1310, 0x1312, 0x1314, 0x9005, 0x9073, 0x9075, 0x9076, 0x9087, 0x9089, 0x9117, 0x9098)),
    *((0x0020, e) for e in (0x0D, 0x0E, 0x11, 0x12, 0x13, 0x32, 0x37, 0x52, 0x100, 0x1041, 0x4000)),
    *((0x0028, e) for e in (0x02, 0x04, 0x08, 0x10, 0x11, 0x30, 0x100, 0x101, 0x102, 0x103, 0x1052, 0x1053, 0x1054)),
    *((0x0040, 0x9096), (0x0054, 0x0081), (0x0054, 0x1001), (0x5200, 0x9229), (0x5200, 0x9230)),
]
_PRIVATE = {
    0x0019: (0x0A, 0x0C, 0x0D, 0x0E, 0xBB, 0xBC, 0xBD),
    0x0021: (0x77,),
    0x0029: (0x10,),
    0x0043: (0x2F, 0x30, 0x39, 0x7F),
    0x0051: (0x0B,),
    0x0065: (0x09, 0x0A, 0x37, 0x50, 0x51),
    0x2001: (0x03, 0x04),
    0x2005: (0x0E, 0xB0, 0xB1, 0xB2, 0x09, 0x0A, 0x0F, 0x12, 0x13, 0x96),
}
_GROUPS = (
    *((0x0008, 0x0005), (0x0018, 0x9006), (0x0018, 0x9112), (0x0018, 0x9114), (0x0018, 0x9117), (0x0018, 0x9119)),
    *((0x0018, 0x9125), (0x0018, 0x9226), (0x0020, 0x9116), (0x0028, 0x9110), (0x0028, 0x9145), (0x0040, 0x9096)),
)
_PLACE, _CONTENT = 0x00209113, 0x00209111  # of each frame on its own: its position, its temporal position
_OWN = {_PLACE: (0x00200032,), _CONTENT: (0x00209128,)}
# Diffusion and real world values; with the private elements they are in the frames once these are made.
_USED = (0x00189117, 0x00409096)
# What differs from image to image, and is in the frames as well.
_OF_ONE_IMAGE = {
    *((0x0008, 0x0018), (0x0020, 0x0013), (0x0020, 0x0032), (0x0020, 0x0100), (0x0020, 0x1041), (0x0020, 0x4000)),
    *((0x0018, 0x9075), (0x0018, 0x9076), (0x0018, 0x9087), (0x0018, 0x9089)),
}


class Kept(NamedTuple):
    """What stays of the headers once frames are made of them: equal ones are kept once.

    Attributes
    ----------
    elements : dict
        The elements that pydicom makes values of.
    datasets : dict
        Headers and functional groups, by what is coded in them.
    found : dict
        What frames looked up in them.
    """

    elements: dict[Element, RawDataElement]
    datasets: dict[Hashable, Dataset]
    found: dict[tuple[int, ...], dict[Hashable, Any]]


@dataclass(frozen=True, eq=False, slots=True)
class Instance:
    """One DICOM file that holds images.

    Attributes
    ----------
    path : Path
        The file.
    dataset : Dataset
        The elements that reading needs, no pixels and nothing of the patient.
    csa : mapping
        The entries of a Siemens CSA header that reading needs.
    frames : tuple of GroupBytes
        The functional groups of each frame; empty for a classic image, and where they are in ``dataset``.
    shared : GroupBytes or None
        Those that all frames share.
    kept : Kept or None
        Where to keep what is needed of the header once the frames are made; None: nowhere else.
    late : Dataset or None
        That part of ``dataset``.
    """

    path: Path
    dataset: Dataset
    csa: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frames: tuple[GroupBytes, ...] = ()
    shared: GroupBytes | None = None
    kept: Kept | None = None
    late: Dataset | None = None


class Problem(NamedTuple):
    """A file that was passed over, and why."""

    path: Path
    reason: str


class HeaderScan(NamedTuple):
    """What a folder holds.

    Attributes
    ----------
    instances : tuple of Instance
        The images, in the order of their paths.
    problems : tuple of Problem
        Every file that was passed over.
    """

    instances: tuple[Instance, ...]
    problems: tuple[Problem, ...]


@lenient()
def read_headers(source: Source, *, progress: Callable[[int, int], bool] | None = None) -> HeaderScan:
    """Read the headers of all DICOM images below a folder, whatever the names of the files.

    Parameters
    ----------
    source : path or sequence of path
        Folders (with all folders below them) and files.
    progress : callable, optional
        ``progress(done, total)`` is called for every file; False ends the reading.

    Returns
    -------
    HeaderScan
        A second file of a SOP instance, a truncated or damaged one, a DICOMDIR, and what is no DICOM or no image are
        among the problems.

    Raises
    ------
    FileNotFoundError
        When a path does not exist.
    InterruptedError
        When ``progress`` returned False.
    """
    instances: list[Instance] = []
    problems: list[Problem] = []
    for found in each_header(source, progress):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            instances.append(found)
    return HeaderScan(tuple(instances), tuple(problems))


def each_header(source: Source, progress: Callable[[int, int], bool] | None = None) -> Iterator[Instance | Problem]:
    """Yield what :func:`read_headers` returns, file by file: for folders whose headers need not be kept."""
    paths = list(_files(source))
    seen: dict[str, Path] = {}
    kept = Kept({}, {}, {})
    for done, path in enumerate(paths):
        if progress is not None and progress(done, len(paths)) is False:
            raise InterruptedError(f"reading of DICOM headers was cancelled after {done} of {len(paths)} files")
        found = _read_one(path, kept)
        if isinstance(found, str):
            yield Problem(path, found)
            continue
        uid = texts(found.dataset, (0x0008, 0x0018))[0]
        if uid in seen:
            yield Problem(path, _duplicate(seen[uid], found))
            continue
        seen[uid] = path
        yield found
    if progress is not None:
        progress(len(paths), len(paths))


def _files(source: Source) -> Iterator[Path]:
    given = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    seen = set()
    for one in map(Path, given):
        if not one.exists():
            raise FileNotFoundError(f"{one}: no such file or folder (expected DICOM images)")
        inside = [one] if one.is_file() else sorted(_below(one))
        for path in inside:
            where = os.path.abspath(path)  # noqa: PTH100  (resolve would follow links)
            if where not in seen:
                seen.add(where)
                yield path


def _below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.is_file():
                yield path


def _read_one(path: Path, kept: Kept) -> Instance | str:
    """Return the header, or the reason why there is none."""
    try:
        with path.open("rb") as file, lenient():
            start = file.read(132)
            bare = start[128:] != b"DICM"
            if bare and start[:2] not in (b"\x08\x00", b"\x02\x00"):
                return (
                    "damaged: the mark DICM is missing"
                    if len(start) == 132 and not any(start[:128])
                    else "no DICOM file"
                )
            size = os.fstat(file.fileno()).st_size
            walked = None if bare else walk(file, size, _needs())
            return (
                _by_pydicom(path, file, size, bare=bare) if walked is None else _quick(path, file, size, walked, kept)
            )
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except Exception as error:  # pydicom raises whatever the damage leads to
        return f"damaged header: {type(error).__name__}: {error}"


def _by_pydicom(path: Path, file: BinaryIO, size: int, *, bare: bool) -> Instance | str:
    import pydicom

    file.seek(0)
    dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_wanted()), force=bare)
    reason = no_image(dataset) or cut_off(file, dataset, size)
    if not reason:
        _prune(dataset)
    return reason or Instance(path, dataset, _take_csa(dataset))


def _quick(path: Path, file: BinaryIO, size: int, walked: Walked, kept: Kept) -> Instance | str:
    dataset = _dataset(walked.elements, walked.is_implicit)
    file.seek(walked.end)
    reason = no_image(dataset) or cut_off(file, dataset, size)
    if reason:
        return reason
    late = tuple(one for one in walked.elements if not (one.tag >> 16 & 1 or one.tag in _dropped()))
    key = hashlib.sha256(repr((walked.is_implicit, late)).encode()).digest()
    if key not in kept.datasets:
        kept.datasets[key] = _dataset(late, walked.is_implicit, kept.elements)
    return Instance(path, dataset, _take_csa(dataset), walked.frames, walked.shared, kept, kept.datasets[key])


def _dataset(
    elements: Sequence[Element], is_implicit: bool, known: dict[Element, RawDataElement] | None = None
) -> Dataset:
    """Return the dataset of some elements; those of ``known`` are not made again."""
    from pydicom import Dataset as DatasetType
    from pydicom.dataelem import RawDataElement, empty_value_for_VR
    from pydicom.tag import BaseTag

    known = {} if known is None else known
    for one in elements:
        if one not in known:
            kind, value = one.kind or None, one.value
            content: Any = value or empty_value_for_VR(kind, raw=True)
            known[one] = RawDataElement(BaseTag(one.tag), kind, len(value), content, 0, is_implicit, True)
    raw: Any = {known[one].tag: known[one] for one in elements}
    dataset = DatasetType(raw)
    dataset.set_original_encoding(is_implicit, True, dataset._character_set)
    return dataset


@cache
def _wanted() -> tuple[int, ...]:
    """Return the tags to read, private ones in every block that they may stand in."""
    tags = [group << 16 | element for group, element in _PUBLIC]
    for group, elements in _PRIVATE.items():
        tags += [group << 16 | block for block in PRIVATE_BLOCKS]
        tags += [group << 16 | block << 8 | element for block in PRIVATE_BLOCKS for element in elements]
    return tuple(tags)


@cache
def _needs() -> Needs:
    wanted = frozenset(_wanted())
    sequences = {group << 16 | element: wanted for group, element in _PRIVATE_SEQUENCES}
    groups = dict.fromkeys([tag for tag in wanted if tag >> 16 & 1])
    groups |= dict.fromkeys(group << 16 | element for group, element in _GROUPS)
    header = {tag: sequences.get(tag) for tag in wanted}
    every = {**groups, **sequences, **_OWN}
    return Needs(header, every, _PLACE, _CONTENT, lambda tag: bool(tag >> 16 & 1) or tag in _USED)


@cache
def _dropped() -> frozenset[int]:
    return frozenset([*_USED, *(group << 16 | element for group, element in _OF_ONE_IMAGE)])


def _prune(dataset: Dataset) -> None:
    """Drop what is not needed of the private sequences, which can be most of a header."""
    wanted = set(_wanted())
    del dataset.file_meta
    dataset.preamble = None
    groups = [item for tag in ((0x5200, 0x9229), (0x5200, 0x9230)) for item in items(dataset, tag)]
    for place in (dataset, *groups):
        for tag in _PRIVATE_SEQUENCES:
            for item in items(place, tag):
                for element in [one for one in list(item.keys()) if one not in wanted]:
                    del item[element]


def _take_csa(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Return the needed entries of the CSA header, and drop its bytes."""
    vendor = "SIEMENS" in " ".join(texts(dataset, (0x0008, 0x0070))).upper()
    tag = private(dataset, 0x0029, 0x1010, ("SIEMENS CSA",), vendor)
    if tag is None:
        return {}
    data = dataset[tag].value
    found = read_csa(data, _CSA_NAMES) if isinstance(data, bytes) else {}
    del dataset[tag]
    return found


def _duplicate(first: Path, second: Instance) -> str:
    """Return the reason; the first file is read again to say what differs, its header was not kept."""
    found = _read_one(first, Kept({}, {}, {}))
    differing = []
    if isinstance(found, Instance):
        tags = {"position": (0x0020, 0x0032), "echo time": (0x0018, 0x0081), "b": (0x0018, 0x9087)}
        one, other = found.dataset, second.dataset
        differing = [name for name, tag in tags.items() if texts(one, tag) != texts(other, tag)]
        differing += ["instance number"] * (numbers(one, (0x20, 0x13)) != numbers(other, (0x20, 0x13)))
    what = f", but another {' and '.join(differing)}" if differing else ""
    return f"the same SOP instance as {first}{what}"
