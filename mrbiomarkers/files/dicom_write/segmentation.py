"""Regions as a DICOM Segmentation: vertebrae with their SNOMED codes, lesions, other tissue."""

from __future__ import annotations

import colorsys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers import __version__
from mrbiomarkers.checks import check_affine, check_choice, check_mask
from mrbiomarkers.files.dicom_codes import LUMBAR_SPINE, Code, concept, region_codes
from mrbiomarkers.files.dicom_write.output import equipment, set_planes, written
from mrbiomarkers.files.dicom_write.source import check_covers, plane_geometry, prepare_sources
from mrbiomarkers.files.paths import PathLike

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription
    from pydicom.dataset import Dataset

HOW_MADE = ("manual", "semiautomatic", "automatic")
_MAX_NAME = 64  # characters of an LO


def write_dicom_segmentation(
    path: PathLike,
    masks: Mapping[str, ArrayLike],
    affine: ArrayLike,
    source_datasets: Sequence[Dataset | PathLike],
    *,
    lesions: Collection[str] = (),
    how_made: str = "semiautomatic",
    reader: str = "",
    subject: str = "",
    keep_identity: bool = False,
    keep_uids: bool = False,
    anatomy: Code = LUMBAR_SPINE,
    series_number: int = 9002,
) -> None:
    """Write named regions as a binary DICOM Segmentation, one segment a region, one frame a slice that it touches.

    Regions named after a vertebra (C1 to L5) carry its SNOMED code, lesions that of a lesion, others that of tissue;
    the last two with the part of the body as anatomic region. Regions may overlap.

    Parameters
    ----------
    path : path
        ``.dcm``.
    masks : mapping of str to (K, J, I) array_like
        The regions, above 0 inside, all on one grid; the names become the labels of the segments.
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` of the masks to RAS.
    source_datasets : sequence of pydicom.Dataset or path
        Images on which the regions were drawn, of one patient, study and frame of reference.
    lesions : collection of str
        Names of the regions that are lesions; a name that begins with "lesion" needs not be here.
    how_made : str
        ``"manual"``, ``"semiautomatic"`` (clicks or corrections) or ``"automatic"``.
    reader : str
        Who drew or checked the regions, for example ``"reader A"``; goes into the description.
    subject, keep_identity, keep_uids
        As for :func:`~mrbiomarkers.files.dicom_write.map.write_parametric_map`.
    anatomy : (scheme, value, meaning) tuple of str
        Code of the part of the body.
    series_number : int
        Number of the new series.

    Raises
    ------
    FileNotFoundError
        When a source file does not exist.
    ValueError
        When there is no region, one has no name, too long a name or no voxel, shapes differ, ``lesions`` names none of
        the regions, the affine is sheared or lies beside the sources, the sources do not belong together or lack
        something, or the suffix is another one.
    OSError
        When the file cannot be written.

    References
    ----------
    DICOM PS3.3 A.51 (Segmentation IOD); PS3.16 context group 7603 (vertebral segments).
    """
    from highdicom.seg import Segmentation

    check_choice("how_made", how_made, HOW_MADE)
    regions = _checked(masks)
    unknown = sorted(set(lesions) - set(regions))
    if unknown:
        raise ValueError(f"lesions: expected names among {', '.join(regions)}; got {', '.join(unknown)}")
    matrix = check_affine(affine)
    sources = prepare_sources(source_datasets, subject=subject, keep_identity=keep_identity, keep_uids=keep_uids)
    voxels = np.stack(list(regions.values()), axis=-1)
    check_covers(matrix, voxels.shape[:3], sources)
    segments = [
        _segment(number, name, name in lesions, how_made, anatomy) for number, name in enumerate(regions, start=1)
    ]
    geometry = plane_geometry(matrix, voxels.shape[0], sources)
    with written(path) as finished:
        made = Segmentation(
            source_images=sources.main,
            further_source_images=sources.further or None,
            pixel_array=voxels,
            segmentation_type="BINARY",
            segment_descriptions=segments,
            series_number=series_number,
            content_label="REGIONS",
            content_description=f"Regions {reader}".strip()[:_MAX_NAME],
            series_description=f"Regions {reader}".strip()[:_MAX_NAME],
            **geometry,
            **equipment(),
        )
        set_planes(made, geometry)
        finished.append(made)


def _checked(masks: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.bool_]]:
    regions: dict[str, NDArray[np.bool_]] = {}
    for name, mask in masks.items():
        shape = next(iter(regions.values())).shape if regions else np.shape(mask)
        inside = check_mask(f"region {name!r}", mask, shape)
        named = 0 < len(name.strip()) <= _MAX_NAME and "\\" not in name
        if not named or inside.ndim != 3 or not inside.any():
            raise ValueError(
                f"region {name!r}: expected a name of 1 to {_MAX_NAME} characters without backslash, 3 dimensions and "
                f"a voxel above 0, got shape {inside.shape} and {np.count_nonzero(inside)} voxels"
            )
        regions[name] = inside
    if not regions:
        raise ValueError("masks: expected at least one region, got none")
    return regions


def _segment(number: int, name: str, lesion: bool, how_made: str, anatomy: Code) -> SegmentDescription:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    category, kind = region_codes(name, lesion=lesion)
    options: dict[str, Any] = {}
    if how_made != "manual":
        options["algorithm_identification"] = AlgorithmIdentificationSequence(
            name="MRBiomarkers", version=__version__, family=codes.DCM.ArtificialIntelligence
        )
    if not kind[2].endswith("vertebra"):
        options["anatomic_regions"] = [concept(anatomy)]
    return SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=concept(category),
        segmented_property_type=concept(kind),
        algorithm_type=how_made.upper(),
        tracking_id=name,
        tracking_uid=generate_uid(prefix=None),
        display_color=CIELabColor.from_rgb(*_colour(number)),
        **options,
    )


def _colour(number: int) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, far from those of the neighbours."""
    red, green, blue = colorsys.hsv_to_rgb((number - 1) * 0.618034 % 1.0, 0.6, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)
