"""Source images of what is written as DICOM: what of their headers goes into it, and the geometry it must share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its usual name)
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.files.dicom_write.deidentify import deidentified, replaced_uid
from mrbiomarkers.files.geometry import set_geometry
from mrbiomarkers.files.paths import PathLike

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
_PLACED = ("ImageOrientationPatient", "PixelSpacing")  # a mosaic of slices may have no position of its own
_COPIED = (
    *_NEEDED,
    *(
        "FrameOfReferenceUID",
        "Modality",
        "InstanceNumber",
        "SeriesNumber",
        "NumberOfFrames",
        "PositionReferenceIndicator",
    ),
    *("Manufacturer", "ManufacturerModelName", "SoftwareVersions"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_PLANE = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
_PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge"),
    *("PatientSize", "PatientWeight", "AccessionNumber", "StudyID", "StudyDate", "StudyTime", "StudyDescription"),
    "ReferringPhysicianName",
)
_MUST_BE_THERE = (*_PATIENT_AND_STUDY[:2], "PatientBirthDate", "PatientSex", *_PATIENT_AND_STUDY[8:12])
_SAME_GRID = 0.01  # mm


@dataclass(frozen=True, eq=False)
class Sources:
    """Headers of the source images, in the form in which objects made of them may refer to them.

    Attributes
    ----------
    main : list of pydicom.Dataset
        Images of one series and shape; one image where it has several frames.
    further : list of pydicom.Dataset
        The others.
    placed : list of pydicom.Dataset
        Those that state their position. A mosaic of slices may have it in private elements only.
    """

    main: list[Dataset]
    further: list[Dataset]
    placed: list[Dataset]

    @property
    def everything(self) -> list[Dataset]:
        """All headers."""
        return [*self.main, *self.further]


def prepare_sources(
    source_datasets: Sequence[Dataset | PathLike],
    *,
    subject: str = "",
    keep_identity: bool = False,
    keep_uids: bool = False,
) -> Sources:
    """Return the few elements of the source headers that objects made of them need; everything else stays behind.

    Parameters
    ----------
    source_datasets : sequence of pydicom.Dataset or path
        Images of one patient, study and frame of reference, with or without pixels.
    subject : str
        Subject ID chosen by the study, which replaces name and ID of the patient.
    keep_identity : bool
        Keep what the headers say of patient and study, and the UIDs; there can be no subject ID then.
    keep_uids : bool
        Without identity: keep the UIDs, as :func:`~mrbiomarkers.files.dicom_write.deidentify.deidentified` explains.

    Raises
    ------
    FileNotFoundError
        When a file does not exist.
    ValueError
        When there is no image, one lacks an element that must be there, they belong to several patients, studies or
        frames of reference, or a subject ID is given where the identity is to be kept.
    """
    if keep_identity and subject:
        raise ValueError(f"subject: expected none where the identity is kept (keep_identity), got {subject!r}")
    read = [_loaded(source) for source in source_datasets]
    if not read:
        raise ValueError("source_datasets: expected the images from which the results were made, got none")
    for number, dataset in enumerate(read):
        _check_complete(number, dataset)
    for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        found = {_frame_of_reference(one) if keyword[0] == "F" else str(one.get(keyword, "")) for one in read}
        if len(found) > 1:
            raise ValueError(f"source_datasets: expected images with one {keyword}, got {len(found)} different ones")
    unique = list({str(dataset.SOPInstanceUID): dataset for dataset in read}.values())
    copies = [_reduced(dataset, keep_identity) for dataset in unique]
    if not keep_identity:
        copies = [deidentified(copy, subject=subject, keep_uids=keep_uids) for copy in copies]
    placed = [copy for copy in copies if "ImagePositionPatient" in copy or "NumberOfFrames" in copy]
    for copy in copies:
        _complete(copy)
    first = copies[0]
    alike = [copy for copy in copies if _kind(copy) == _kind(first)]
    if "NumberOfFrames" in first:
        alike = [first]
    return Sources(alike, [copy for copy in copies if all(copy is not one for one in alike)], placed)


def plane_geometry(affine: ArrayLike, n_slices: int, sources: Sources) -> dict[str, Any]:
    """Return positions, orientation and pixel measures of the slices of a grid, as highdicom takes them (LPS).

    Parameters
    ----------
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    n_slices : int
        Number of slices, along k.
    sources : Sources
        Their slice thickness is taken where their slices are these; elsewhere it is the spacing.

    Raises
    ------
    ValueError
        When the affine is not valid or is sheared.
    """
    from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence

    image = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    set_geometry(image, affine)
    spacing, axes = image.GetSpacing(), np.array(image.GetDirection()).reshape(3, 3)
    positions = np.array(image.GetOrigin()) + np.arange(n_slices)[:, None] * spacing[2] * axes[:, 2]
    thickness = _thickness(sources.placed, positions) or spacing[2]
    return {
        "plane_positions": [PlanePositionSequence("PATIENT", position.tolist()) for position in positions],
        "plane_orientation": PlaneOrientationSequence("PATIENT", [*axes[:, 0].tolist(), *axes[:, 1].tolist()]),
        "pixel_measures": PixelMeasuresSequence(
            pixel_spacing=(spacing[1], spacing[0]), slice_thickness=thickness, spacing_between_slices=spacing[2]
        ),
    }


def check_covers(affine: ArrayLike, shape: tuple[int, ...], sources: Sources) -> None:
    """Check that a grid lies where the source images are; a wrong affine would put a result beside the patient.

    Parameters
    ----------
    affine : (4, 4) array_like [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    shape : (K, J, I) tuple of int
        Size of the grid.
    sources : Sources
        The images; compared are the boxes along the axes of the grid.

    Raises
    ------
    ValueError
        When grid and images have no place in common.
    """
    image = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    set_geometry(image, affine)
    if not sources.placed:
        return
    corners = np.concatenate([_corners(dataset) for dataset in sources.placed])
    indices = np.array([image.TransformPhysicalPointToContinuousIndex(corner.tolist()) for corner in corners])
    low, high = indices.min(axis=0), indices.max(axis=0)
    if np.any(high < -0.5) or np.any(low > np.array(shape[::-1]) - 0.5):
        raise ValueError(
            "affine: expected a grid that overlaps the source images, got one beside them: the images reach from voxel "
            f"{np.round(low, 1).tolist()} to {np.round(high, 1).tolist()} (i, j, k) of a grid of {shape[::-1]}"
        )


def _loaded(source: Dataset | PathLike) -> Dataset:
    from pydicom import dcmread
    from pydicom.dataset import Dataset
    from pydicom.errors import InvalidDicomError

    if isinstance(source, Dataset):
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise ValueError(f"source_datasets: expected DICOM datasets or paths, got {type(source).__name__}")
    try:
        return dcmread(source, stop_before_pixels=True)
    except InvalidDicomError:
        raise ValueError(f"{source}: expected a DICOM file, got another one") from None


def _check_complete(number: int, dataset: Dataset) -> None:
    from pydicom.uid import UID

    missing = [keyword for keyword in _NEEDED if not dataset.get(keyword)]
    if not all(keyword in dataset for keyword in _GROUPS):
        missing += [keyword for keyword in _PLACED if not dataset.get(keyword)]
    if missing:
        raise ValueError(
            f"source_datasets: expected images with their place in the patient, got one without {', '.join(missing)} "
            f"(number {number})"
        )
    kind = UID(dataset.SOPClassUID).name
    if "Image Storage" not in kind and kind != "Parametric Map Storage":
        raise ValueError(f"source_datasets: expected images, got {kind} (number {number})")


def _frame_of_reference(dataset: Dataset) -> str:
    """Return the frame of reference; where it was removed, one for the series: nothing else is known to share it."""
    return str(dataset.get("FrameOfReferenceUID") or replaced_uid(f"{dataset.SeriesInstanceUID} frame of reference"))


def _reduced(dataset: Dataset, keep_identity: bool) -> Dataset:
    from pydicom.dataset import Dataset

    copy = Dataset()
    copy.SpecificCharacterSet = "ISO_IR 192"
    for keyword in (*_COPIED, *(_PATIENT_AND_STUDY if keep_identity else ())):
        if keyword in dataset and _is_valid(dataset[keyword]):
            value = dataset[keyword].value
            setattr(copy, keyword, str(value) if dataset[keyword].VR == "PN" else value)
    copy.FrameOfReferenceUID = _frame_of_reference(dataset)
    for keyword in _GROUPS:
        if keyword in dataset:
            setattr(copy, keyword, [_planes(item) for item in dataset[keyword].value])
    if all(keyword in copy for keyword in _GROUPS):
        _share_planes(copy)
    for keyword in _MUST_BE_THERE:
        if keyword not in copy:
            setattr(copy, keyword, "")
    return copy


def _planes(item: Dataset) -> Dataset:
    from pydicom.dataset import Dataset

    kept = Dataset()
    for keyword in _PLANE:
        if keyword in item:
            kept.add(item[keyword])
    return kept


def _is_valid(element: DataElement) -> bool:
    """Return whether ages and dates have their form; what anonymisation has put in their place may not."""
    from pydicom.config import RAISE
    from pydicom.valuerep import validate_value

    if element.VR not in ("AS", "DA", "TM"):
        return True
    try:
        validate_value(element.VR, element.value, RAISE)
    except ValueError:
        return False
    return True


def _complete(dataset: Dataset) -> None:
    """Add what highdicom looks up in the header of a single-frame source; none of it is written."""
    if "NumberOfFrames" not in dataset:
        for keyword, value in (("ImagePositionPatient", [0, 0, 0]), ("SliceThickness", 0)):
            if keyword not in dataset or dataset[keyword].is_empty:
                setattr(dataset, keyword, value)


def _share_planes(dataset: Dataset) -> None:
    """Give the shared groups the orientation and measures of the first frame, where each frame has its own.

    Both are looked for there; :func:`_frames` goes by each frame's own.
    """
    shared, first = (dataset[keyword].value[0] for keyword in _GROUPS)
    for keyword in _PLANE[1:]:
        if keyword not in shared and keyword in first:
            shared.add(first[keyword])


def _kind(dataset: Dataset) -> tuple[object, ...]:
    orientation = dataset.get("ImageOrientationPatient")
    return (
        str(dataset.SeriesInstanceUID),
        dataset.Rows,
        dataset.Columns,
        tuple(orientation) if orientation else None,
        "NumberOfFrames" in dataset,
    )


def _frames(dataset: Dataset) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Yield position, orientation, pixel spacing and slice thickness of every frame."""
    if "ImagePositionPatient" in dataset:
        yield (
            dataset.ImagePositionPatient,
            dataset.ImageOrientationPatient,
            dataset.PixelSpacing,
            dataset.get("SliceThickness"),
        )
        return
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for own in dataset.PerFrameFunctionalGroupsSequence:
        position, orientation, measures = (
            (own[keyword] if keyword in own else shared[keyword]).value[0] for keyword in _PLANE
        )
        yield (
            position.ImagePositionPatient,
            orientation.ImageOrientationPatient,
            measures.PixelSpacing,
            measures.get("SliceThickness"),
        )


def _corners(dataset: Dataset) -> NDArray[np.float64]:
    """Return the centres of the four corner pixels of every frame (F * 4, 3), LPS."""
    corners = []
    for position, orientation, spacing, _ in _frames(dataset):
        start = np.array(position, dtype=np.float64)
        across = np.array(orientation[:3], dtype=np.float64) * float(spacing[1]) * (dataset.Columns - 1)
        down = np.array(orientation[3:], dtype=np.float64) * float(spacing[0]) * (dataset.Rows - 1)
        corners += [start, start + across, start + down, start + across + down]
    return np.array(corners)


def _thickness(placed: list[Dataset], positions: NDArray[np.float64]) -> float | None:
    """Return the slice thickness of the source images where each given slice starts at one of theirs."""
    frames = [frame for dataset in placed for frame in _frames(dataset)]
    if not frames:
        return None
    starts = np.array([frame[0] for frame in frames], dtype=np.float64)
    gaps = [np.linalg.norm(starts - position, axis=1).min() for position in positions]
    found = {float(frame[3]) for frame in frames if frame[3]}
    return found.pop() if max(gaps) <= _SAME_GRID and len(found) == 1 else None
