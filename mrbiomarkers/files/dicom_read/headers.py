"""The headers of all DICOM images in a folder; whatever is no image is named with the reason."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from mrbiomarkers.files.dicom_read.csa import read_csa
from mrbiomarkers.files.dicom_read.tags import PRIVATE_BLOCKS, items, lenient, numbers, private, texts
from mrbiomarkers.files.paths import PathLike

if TYPE_CHECKING:
    from pydicom import Dataset

Source = PathLike | Sequence[PathLike]

_DICOMDIR = "1.2.840.10008.1.3.10"
_NO_IMAGE = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.4.2": "spectroscopy",
    "1.2.840.10008.5.1.4.1.1.66": "raw data",
}
_IMAGES = {f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "2.1", "4", "4.1", "4.3", "4.4", "7", "30")}
_BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_PIXELS = ((0x7FE0, 0x0010), (0x7FE0, 0x0008), (0x7FE0, 0x0009))
_UNDEFINED = 0xFFFFFFFF
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


@dataclass(frozen=True, eq=False)
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
    """

    path: Path
    dataset: Dataset
    csa: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
    seen: dict[str, Instance] = {}
    for done, path in enumerate(paths):
        if progress is not None and progress(done, len(paths)) is False:
            raise InterruptedError(f"reading of DICOM headers was cancelled after {done} of {len(paths)} files")
        found = _read_one(path)
        if isinstance(found, str):
            yield Problem(path, found)
            continue
        uid = texts(found.dataset, (0x0008, 0x0018))[0]
        if uid in seen:
            yield Problem(path, _duplicate(seen[uid], found))
            continue
        seen[uid] = found
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


def _read_one(path: Path) -> Instance | str:
    """Return the header, or the reason why there is none."""
    import pydicom

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
            file.seek(0)
            dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_wanted(), force=bare)
            reason = _no_image(dataset) or _cut_off(file, dataset, path.stat().st_size)
            if not reason:
                _prune(dataset)
            return reason or Instance(path, dataset, _take_csa(dataset))
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except Exception as error:  # pydicom raises whatever the damage leads to
        return f"damaged header: {type(error).__name__}: {error}"


_wanted_tags: list[int] = []


def _wanted() -> list[int]:
    """Return the tags to read, private ones in every block that they may stand in."""
    if not _wanted_tags:
        from pydicom.tag import Tag

        tags = [Tag(tag) for tag in _PUBLIC]
        for group, elements in _PRIVATE.items():
            tags += [Tag(group, block) for block in PRIVATE_BLOCKS]
            tags += [Tag(group, block << 8 | element) for block in PRIVATE_BLOCKS for element in elements]
        _wanted_tags.extend(tags)
    return _wanted_tags


def _no_image(dataset: Dataset) -> str:
    """Return why this is no image, or an empty text."""
    kind = texts(dataset, (0x0008, 0x0016))
    meta = getattr(dataset, "file_meta", None)
    storage = str(getattr(meta, "MediaStorageSOPClassUID", "")) if meta is not None else ""
    if storage == _DICOMDIR or kind == (_DICOMDIR,):
        return "a DICOMDIR: the images are read from their own files"
    if not texts(dataset, (0x0008, 0x0018)):
        # This is also what a file looks like that ends in its first bytes.
        return "truncated or damaged: it has no SOP Instance UID (0008,0018)"
    if kind and kind[0] in _NO_IMAGE:
        return f"no image but {_NO_IMAGE[kind[0]]}"
    size = numbers(dataset, (0x0028, 0x0010)) + numbers(dataset, (0x0028, 0x0011))
    if not size and kind and kind[0] not in _IMAGES and _name_of(kind[0]):
        return f"no image but {_name_of(kind[0])}"
    if not size:
        return "truncated or damaged: the header ends before Rows (0028,0010)"
    if len(size) != 2 or min(size) < 1:
        return f"damaged: Rows and Columns are {size}"
    return ""


def _name_of(sop_class: str) -> str:
    """Return the name of a SOP class; empty for one that the standard does not have."""
    from pydicom.uid import UID

    name = UID(sop_class).name
    return "" if name == sop_class else name


def _cut_off(file: BinaryIO, dataset: Dataset, size: int) -> str:
    """Return whether the pixels end early, as far as this shows without reading them."""
    meta = getattr(dataset, "file_meta", None)
    syntax = str(getattr(meta, "TransferSyntaxUID", ""))
    if syntax == _DEFLATED:
        return ""
    at = file.tell()
    head = file.read(12)
    order = ">" if syntax == _BIG_ENDIAN else "<"
    if len(head) < 8:
        return "ends before its pixels (truncated)"
    if struct.unpack(order + "HH", head[:4]) not in _PIXELS:
        return "damaged: no pixels follow the header"
    if dataset.original_encoding[0]:
        length, start = struct.unpack(order + "I", head[4:8])[0], at + 8
    elif len(head) == 12:
        length, start = struct.unpack(order + "I", head[8:12])[0], at + 12
    else:
        return "ends before its pixels (truncated)"
    if length == _UNDEFINED:
        return ""
    expected = _native_bytes(dataset)
    if start + length > size:
        return f"truncated: {length} bytes of pixels expected, {size - start} found"
    return f"damaged: {expected} bytes of pixels expected, {length} found" if length < expected else ""


def _native_bytes(dataset: Dataset) -> int:
    """Return how many bytes uncompressed pixels take; 0 where the header does not say."""
    parts = [numbers(dataset, (0x0028, element))[:1] for element in (0x10, 0x11, 0x100)]
    if not all(parts):
        return 0
    frames = numbers(dataset, (0x0028, 0x0008)) or (1.0,)
    samples = numbers(dataset, (0x0028, 0x0002)) or (1.0,)
    product = parts[0][0] * parts[1][0] * parts[2][0] / 8 * max(frames[0], 1.0) * max(samples[0], 1.0)
    return int(product) if product < 1e15 else 0


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


def _duplicate(first: Instance, second: Instance) -> str:
    differing = [
        name
        for name, tag in (("position", (0x0020, 0x0032)), ("echo time", (0x0018, 0x0081)), ("b", (0x0018, 0x9087)))
        if texts(first.dataset, tag) != texts(second.dataset, tag)
    ]
    differing += ["instance number"] * (numbers(first.dataset, (0x20, 0x13)) != numbers(second.dataset, (0x20, 0x13)))
    other = f", but another {' and '.join(differing)}" if differing else ""
    return f"the same SOP instance as {first.path}{other}"
