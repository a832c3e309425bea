"""Regions written as a segmentation that 3D Slicer opens, or as a plain label map with a legend."""

from __future__ import annotations

import colorsys
import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.files.geometry import affine_of, set_geometry
from mrbiomarkers.files.images import Volume, write_volume
from mrbiomarkers.files.outputs import write_json
from mrbiomarkers.files.paths import PathLike, atomic_path, check_suffix, stem_of
from mrbiomarkers.files.segmentation import LEGEND_SUFFIX
from mrbiomarkers.regions import SNOMED_CODES
from mrbiomarkers.regions.layers import check_regions, layers_of

Colour = tuple[float, float, float]

_SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd")
_TERMINOLOGY = (
    "TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list~{}~{}~^^~"
    "Anatomic codes - DICOM master list~^^~^^|"
)
_GEOMETRY = "Reference image geometry|{};|&"


def write_regions(
    path: PathLike,
    masks: Mapping[str, ArrayLike],
    affine: ArrayLike,
    *,
    colours: Mapping[str, Colour] | None = None,
) -> None:
    """Write named regions.

    Parameters
    ----------
    path : path
        ``.seg.nrrd``: a segmentation as 3D Slicer 5 writes it, in one layer where no regions overlap. Regions that are
        named after a vertebra (C1 to S1) carry its SNOMED code. ``.nii``, ``.nii.gz`` or ``.nrrd``: a label map with
        the values 1, 2 ... in the order of ``masks``, and beside it a legend (``r.labels.json``) from which
        :func:`~mrbiomarkers.files.read_regions` has the names. An existing file is replaced.
    masks : mapping of str to (K, J, I) array_like
        The regions, above 0 inside, all on one grid.
    affine : (4, 4) array_like [mm]
        Voxel to RAS.
    colours : mapping of str to (3,) tuple of float, optional
        Red, green and blue, 0 to 1, of a region in Slicer; those without one get colours far apart.

    Raises
    ------
    ValueError
        When there is no region, one has no name or no voxel, shapes differ, the affine is sheared, the suffix is
        another one, or regions overlap that are to become a label map.
    OSError
        When the file cannot be written.
    """
    suffix = check_suffix(path, _SUFFIXES, "regions")
    regions = check_regions(masks)
    layers, places = _layers(regions)
    if suffix == ".seg.nrrd":
        _write_segmentation(path, layers, places, np.asarray(affine, dtype=np.float64), colours or {})
        return
    if len(layers) > 1:
        first, second = _overlapping(regions)
        raise ValueError(
            f"{path}: expected regions that do not overlap, for a label map cannot hold them, got {first!r} and "
            f"{second!r}; a .seg.nrrd file can"
        )
    write_volume(path, Volume(layers[0], np.asarray(affine, dtype=np.float64)))
    legend = {str(label): name for name, (_, label) in places.items()}
    write_json(Path(path).with_name(stem_of(path) + LEGEND_SUFFIX), {"labels": legend})


def _layers(
    regions: Mapping[str, NDArray[np.bool_]],
) -> tuple[list[NDArray[np.uint16]], dict[str, tuple[int, int]]]:
    """Return as few label maps as hold the regions in this order, and the layer and label of each region."""
    layers: list[NDArray[np.uint16]] = []
    places = {}
    for names in layers_of(regions):
        labels = np.zeros(regions[names[0]].shape, dtype=np.uint16)
        for label, name in enumerate(names, start=1):
            labels[regions[name]] = label
            places[name] = (len(layers), label)
        layers.append(labels)
    smallest = np.uint8 if len(regions) < 256 else np.uint16
    return [labels.astype(smallest) for labels in layers], {name: places[name] for name in regions}


def _overlapping(regions: Mapping[str, NDArray[np.bool_]]) -> tuple[str, str]:
    names = list(regions)
    pairs = ((a, b) for n, b in enumerate(names) for a in names[:n])
    return next((a, b) for a, b in pairs if np.any(regions[a] & regions[b]))


def _write_segmentation(
    path: PathLike,
    layers: list[NDArray[np.uint16]],
    places: Mapping[str, tuple[int, int]],
    affine: NDArray[np.float64],
    colours: Mapping[str, Colour],
) -> None:
    """Write NRRD text and voxels: ITK's writer has no list axis, as which Slicer stores layers."""
    image = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    set_geometry(image, affine)
    extent = " ".join(f"0 {n - 1}" for n in layers[0].shape[::-1])
    # The whole grid is the reference geometry: what Slicer makes of the regions later stays on it.
    geometry = ";".join([*(repr(float(value)) for value in affine_of(image).ravel()), *extent.split()])
    lines = _header(layers, image)
    for number, (name, place) in enumerate(places.items()):
        fields = _segment_fields(number, name, place, colours.get(name, _colour(number)))
        lines += [f"Segment{number}_{key}:={value}" for key, value in (fields | {"Extent": extent}).items()]
    lines += [
        "Segmentation_ContainedRepresentationNames:=Binary labelmap|",
        f"Segmentation_ConversionParameters:={_GEOMETRY.format(geometry)}",
        "Segmentation_MasterRepresentation:=Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset:=0 0 0",
    ]
    voxels = np.stack(layers, axis=-1).astype(layers[0].dtype.newbyteorder("<")).tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes("\n".join([*lines, "", ""]).encode("utf-8") + gzip.compress(voxels, mtime=0))


def _header(layers: list[NDArray[np.uint16]], image: sitk.Image) -> list[str]:
    """Return the fields of the NRRD file; ``image`` has its geometry (LPS)."""
    columns = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    directions, size = [_vector(column) for column in columns.T], [str(n) for n in layers[0].shape[::-1]]
    kinds = ["domain"] * 3
    if len(layers) > 1:
        directions, size, kinds = ["none", *directions], [str(len(layers)), *size], ["list", *kinds]
    return [
        "NRRD0004",
        f"type: {'unsigned char' if layers[0].dtype == np.uint8 else 'unsigned short'}",
        f"dimension: {len(size)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(size)}",
        f"space directions: {' '.join(directions)}",
        f"kinds: {' '.join(kinds)}",
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(np.array(image.GetOrigin()))}",
    ]


def _segment_fields(number: int, name: str, place: tuple[int, int], colour: Colour) -> dict[str, str]:
    return {
        "ID": f"Segment_{number + 1}",
        "Name": name.replace("\\", "\\\\").replace("\n", "\\n"),  # as NRRD writes them
        "NameAutoGenerated": "0",
        "Color": " ".join(f"{value:.6g}" for value in colour),
        "ColorAutoGenerated": "0",
        "LabelValue": str(place[1]),
        "Layer": str(place[0]),
        "Tags": _tags(name),
    }


def _vector(values: NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"


def _colour(number: int) -> Colour:
    return colorsys.hsv_to_rgb(number * 0.618034 % 1.0, 0.6, 0.95)


def _tags(name: str) -> str:
    code = SNOMED_CODES.get(name.upper())
    if code is None:
        return _TERMINOLOGY.format("SCT^85756007^Tissue", "SCT^85756007^Tissue")
    return _TERMINOLOGY.format("SCT^123037004^Anatomical Structure", f"SCT^{code}^{name.upper()} vertebra")
