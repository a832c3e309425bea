"""The measurement table as a DICOM structured report (TID 1500): one group a region and reader, and the mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mrbiomarkers import __version__
from mrbiomarkers.files.dicom_codes import (
    BONE_MARROW,
    LESION,
    LUMBAR_SPINE,
    STATISTICS,
    Code,
    concept,
    method_codes,
    private_code,
    quantity_code,
    region_codes,
    unit_code,
)
from mrbiomarkers.files.dicom_write.output import equipment, written
from mrbiomarkers.files.dicom_write.source import Sources, prepare_sources
from mrbiomarkers.files.paths import PathLike, existing_file
from mrbiomarkers.measurements import Measurement

if TYPE_CHECKING:
    from highdicom import sr
    from pydicom.dataset import Dataset

    _Group = sr.MeasurementsAndQualitativeEvaluations | sr.VolumetricROIMeasurementsAndQualitativeEvaluations

MEAN_READER = "mean"
"""What stands in the column ``reader`` of the mean of the readers."""

_PROCEDURE: Code = ("LN", "25056-3", "MRI unspecified body region")
_SIZES: tuple[tuple[str, Code, str, str | None], ...] = (
    ("volume_mm3", ("SCT", "118565006", "Volume"), "mm3", None),
    ("area_mm2", ("SCT", "42798000", "Area"), "mm2", "max"),
    ("n_voxels", private_code("n_voxels", "Number of voxels"), "1", None),
)
_UP: Code = ("SCT", "371886008", "+, range of upper measurement uncertainty")
_DOWN: Code = ("SCT", "371885007", "-, range of lower measurement uncertainty")
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, eq=False)
class _Regions:
    """Segmentations, and the segment of each region and reader."""

    datasets: list[Dataset]
    places: dict[tuple[str, str], tuple[Dataset, int]]

    def find(self, region: str, reader: str) -> tuple[Dataset, int] | None:
        """Return the segmentation and segment number of a region as a reader drew it, or as all share it."""
        return self.places.get((region, reader)) or self.places.get((region, ""))


def write_measurement_report(
    path: PathLike,
    rows: Iterable[Measurement],
    source_datasets: Sequence[Dataset | PathLike],
    *,
    segmentation: PathLike | Mapping[str, PathLike] | None = None,
    lesions: Iterable[str] = (),
    subject: str = "",
    keep_identity: bool = False,
    keep_uids: bool = False,
    anatomy: Code = LUMBAR_SPINE,
    series_number: int = 9003,
) -> list[str]:
    """Write measurements as a Comprehensive 3D SR with the template for imaging measurements.

    One measurement group for each time point, series, region and reader. A group refers to the segment that has the
    region's name (TID 1411); a group without one, as the mean of readers or the mean of L1 to L5, has none (TID 1501).
    The reader is the person observer of the group. Of each row: the value with quantity, unit, model and fit, its
    derivation (the mean in the region; for ``reader = "mean"`` the mean of the readers) and, where the interval is
    known, how far its ends are away (TID 310); then standard error and distribution in the region, a number each.

    Parameters
    ----------
    path : path
        ``.dcm``.
    rows : iterable of Measurement
        The table of one subject. Rows of single slices are left out. Time point, series, region and reader go in as
        they are; the column ``subject`` does not.
    source_datasets : sequence of pydicom.Dataset or path
        Images from which the measurements were made, of one patient, study and frame of reference.
    segmentation : path or mapping of str to path, optional
        Segmentation that :func:`~mrbiomarkers.files.dicom_write.segmentation.write_dicom_segmentation` wrote with the
        same choice of identity: one for all readers, or one for each.
    lesions : iterable of str
        Names of the regions that are lesions; a name that begins with "lesion" needs not be here.
    subject, keep_identity, keep_uids
        As for :func:`~mrbiomarkers.files.dicom_write.map.write_parametric_map`.
    anatomy : (scheme, value, meaning) tuple of str
        Code of the part of the body: the place of regions that are no vertebrae.
    series_number : int
        Number of the new series.

    Returns
    -------
    list of str
        What was left out: a line for each number that is not known (NaN), for a report can hold none.

    Raises
    ------
    FileNotFoundError
        When a file does not exist.
    ValueError
        When no number is left to be written, the rows are of several subjects, a unit has no code, a segmentation is of
        another study than the sources, the sources do not belong together or lack something, or the suffix is another
        one.
    OSError
        When the file cannot be written.

    References
    ----------
    DICOM PS3.16 TID 1500, 1411, 1501, 300 and 310; Fedorov et al., PeerJ 2016;4:e2057.
    """
    from highdicom import sr

    groups = _grouped(rows)
    sources = prepare_sources(source_datasets, subject=subject, keep_identity=keep_identity, keep_uids=keep_uids)
    regions = _segments(segmentation, sources)
    marked = frozenset(lesions)
    notes: list[str] = []
    with written(path) as finished:
        contents = [_group(key, members, regions, sources, marked, anatomy, notes) for key, members in groups.items()]
        kept = [content for content in contents if content is not None]
        if not kept:
            raise ValueError("rows: expected at least one known number, got none")
        content = sr.MeasurementReport(
            observation_context=_observers(),
            procedure_reported=concept(_PROCEDURE),
            imaging_measurements=kept,
        )
        finished.append(
            sr.Comprehensive3DSR(
                evidence=[*sources.everything, *regions.datasets],
                content=content[0],
                series_number=series_number,
                is_complete=True,
                series_description="Measurements",
                **equipment(),
            )
        )
    return notes


def _grouped(rows: Iterable[Measurement]) -> dict[_Key, list[Measurement]]:
    table = [row for row in rows if row.slice == "all"]
    if not table:
        raise ValueError("rows: expected measurements of whole regions, got none")
    subjects = {row.subject for row in table}
    if len(subjects) > 1:
        raise ValueError(f"rows: expected one subject, got {', '.join(sorted(subjects))}")
    groups: dict[_Key, list[Measurement]] = {}
    for row in table:
        groups.setdefault((row.timepoint, row.series, row.region, row.reader), []).append(row)
    return groups


def _segments(segmentation: PathLike | Mapping[str, PathLike] | None, sources: Sources) -> _Regions:
    from pydicom import dcmread
    from pydicom.uid import SegmentationStorage

    if segmentation is None:
        return _Regions([], {})
    files = segmentation if isinstance(segmentation, Mapping) else {"": segmentation}
    study = sources.main[0].StudyInstanceUID
    datasets: list[Dataset] = []
    places: dict[tuple[str, str], tuple[Dataset, int]] = {}
    for reader, file in files.items():
        dataset = dcmread(existing_file(file, "a DICOM Segmentation"), stop_before_pixels=True)
        if dataset.SOPClassUID != SegmentationStorage:
            raise ValueError(f"{file}: expected a DICOM Segmentation, got {dataset.SOPClassUID.name}")
        if dataset.StudyInstanceUID != study:
            raise ValueError(
                f"{file}: expected a Segmentation of the study of the sources, written with the same keep_identity and "
                "keep_uids, got one of another study"
            )
        datasets.append(dataset)
        for segment in dataset.SegmentSequence:
            places[str(segment.SegmentLabel), reader] = (dataset, int(segment.SegmentNumber))
    return _Regions(datasets, places)


def _observers() -> sr.ObservationContext:
    from highdicom import sr
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    software = sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=["MRBiomarkers", __version__]),
        name="MRBiomarkers",
        manufacturer_name="MRBiomarkers",
        model_name=__version__,
    )
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DCM.Device, observer_identifying_attributes=software
        )
    )


def _group(
    key: _Key,
    members: list[Measurement],
    regions: _Regions,
    sources: Sources,
    lesions: frozenset[str],
    anatomy: Code,
    notes: list[str],
) -> _Group | None:
    """Return the group of one region and reader, None where no number is known."""
    from highdicom import sr

    timepoint, series, region, reader = key
    measurements = [*_sizes(members[0])]
    values = [one for row in members for one in _measurements(row, notes)]
    if not values:
        return None
    _, kind = region_codes(region, lesion=region in lesions)
    is_vertebra = kind[2].endswith("vertebra")
    options: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(identifier=_title(region, reader)),
        "finding_type": concept(LESION if kind == LESION else BONE_MARROW),
        "finding_sites": [sr.FindingSite(concept(kind if is_vertebra else anatomy))],
        "measurements": [*measurements, *values],
    }
    if timepoint:
        options["time_point_context"] = sr.TimePointContext(time_point=timepoint)
    if series:
        options["session"] = series
    place = None if reader == MEAN_READER else regions.find(region, reader)
    content: _Group
    if place is None:
        content = sr.MeasurementsAndQualitativeEvaluations(**options)
    else:
        segment = _reference(place, sources)
        content = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **options)
    if reader and reader != MEAN_READER:
        _add_reader(content[0], reader)
    return content


def _title(region: str, reader: str) -> str:
    if not reader:
        return region
    return f"{region} mean of readers" if reader == MEAN_READER else f"{region} {reader}"


def _reference(place: tuple[Dataset, int], sources: Sources) -> sr.ReferencedSegment:
    from highdicom import sr

    dataset, number = place
    return sr.ReferencedSegment(
        sop_class_uid=dataset.SOPClassUID,
        sop_instance_uid=dataset.SOPInstanceUID,
        segment_number=number,
        source_series=sr.SourceSeriesForSegmentation(sources.main[0].SeriesInstanceUID),
    )


def _add_reader(group: Dataset, reader: str) -> None:
    """Make the reader the person observer of one group (TID 1003); the template has observers of the whole only."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    person = sr.CodeContentItem(
        name=codes.DCM.ObserverType, value=codes.DCM.Person, relationship_type="HAS OBS CONTEXT"
    )
    name = sr.PnameContentItem(name=codes.DCM.PersonObserverName, value=reader, relationship_type="HAS OBS CONTEXT")
    items = list(group.ContentSequence)
    last = max(n for n, item in enumerate(items) if item.RelationshipType == "HAS OBS CONTEXT")
    group.ContentSequence = [*items[: last + 1], person, name, *items[last + 1 :]]


def _sizes(row: Measurement) -> list[sr.Measurement]:
    from highdicom import sr

    found = []
    for column, code, unit, statistic in _SIZES:
        value = float(getattr(row, column))
        if math.isfinite(value) and value > 0:
            derivation = None if statistic is None else concept(STATISTICS[statistic])
            found.append(
                sr.Measurement(name=concept(code), value=value, unit=concept(unit_code(unit)), derivation=derivation)
            )
    return found


def _measurements(row: Measurement, notes: list[str]) -> list[sr.Measurement]:
    """Return the value of a row and the distribution behind it."""
    from highdicom import sr

    model, fit = method_codes(row.model, row.fit)
    told: dict[str, Any] = {
        "name": concept(quantity_code(row.quantity)),
        "unit": concept(unit_code(row.unit)),
        "method": None if model is None else concept(model),
    }
    if not math.isfinite(row.value):
        what = f"{row.quantity} ({', '.join(text for text in (row.model, row.method) if text)})"
        notes.append(f"{_title(row.region, row.reader)}, {what}: no value, left out")
        return []
    of_map = row.method == "mean of map"
    derivation = concept(STATISTICS["mean"]) if of_map or row.reader == MEAN_READER else None
    first = sr.Measurement(value=row.value, derivation=derivation, **told)
    _add_details(first[0], fit, row)
    found = [first]
    for column, code in STATISTICS.items():
        value = getattr(row, column)
        if column != "mean" and math.isfinite(value):
            found.append(sr.Measurement(value=value, derivation=concept(code), **told))
    return found


def _add_details(measurement: Dataset, fit: Code | None, row: Measurement) -> None:
    """Add the fit, and the way up and down to the ends of the interval (TID 310), in the unit of the value."""
    from highdicom import sr

    before, after = [], []
    if fit is not None:
        name = concept(("DCM", "113241", "Model fitting method"))
        before.append(sr.CodeContentItem(name=name, value=concept(fit), relationship_type="HAS CONCEPT MOD"))
    for code, distance in ((_UP, row.ci_high - row.value), (_DOWN, row.value - row.ci_low)):
        if math.isfinite(distance):
            unit = concept(unit_code(row.unit))
            after.append(
                sr.NumContentItem(name=concept(code), value=distance, unit=unit, relationship_type="HAS PROPERTIES")
            )
    measurement.ContentSequence = [*before, *measurement.get("ContentSequence", []), *after]
