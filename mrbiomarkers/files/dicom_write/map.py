"""A parameter map as a DICOM Parametric Map: floating point numbers with quantity, unit, model, fit and b-values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.dicom_codes import (
    LUMBAR_SPINE,
    SCHEME,
    Code,
    concept,
    method_codes,
    quantity_code,
    unit_code,
)
from mrbiomarkers.files.dicom_write.output import equipment, set_planes, written
from mrbiomarkers.files.dicom_write.source import check_covers, plane_geometry, prepare_sources
from mrbiomarkers.files.paths import PathLike
from mrbiomarkers.maps import ParameterMap, to_reported

if TYPE_CHECKING:
    from highdicom.pm import RealWorldValueMapping
    from pydicom.dataset import Dataset

_MAX_TEXT = 64  # characters of an LO


def write_parametric_map(
    path: PathLike,
    parameter_map: ParameterMap,
    source_datasets: Sequence[Dataset | PathLike],
    *,
    subject: str = "",
    keep_identity: bool = False,
    keep_uids: bool = False,
    anatomy: Code = LUMBAR_SPINE,
    series_number: int = 9001,
) -> None:
    """Write a map as a DICOM Parametric Map (one frame a slice, 32-bit floating point).

    The numbers are those of the reported unit; coefficients of diffusion are in um2/ms, which is 10^-3 mm2/s. Voxels
    that were not fitted are NaN: PS3.5 section 8 allows it in floating point pixels, and readers hand it on as it is.
    The range of values for which the unit holds is that of the fitted voxels.

    Parameters
    ----------
    path : path
        ``.dcm``.
    parameter_map : ParameterMap
        In either unit. Of its provenance go in: model, method, b-values or echo times; nothing else.
    source_datasets : sequence of pydicom.Dataset or path
        Images from which the map was made, of one patient, study and frame of reference. The map refers to them and
        takes frame of reference and study from them; its grid may be another one.
    subject : str
        Subject ID chosen by the study. The patient's name, ID, birth date and all else that identifies are left out.
    keep_identity : bool
        Keep what the sources say of patient and study, with all UIDs, as an archive that holds them needs it.
    keep_uids : bool
        Without identity: refer to the sources by their own UIDs, not by replaced ones.
    anatomy : (scheme, value, meaning) tuple of str
        Code of the part of the body; Slicer's reader needs one.
    series_number : int
        Number of the new series.

    Raises
    ------
    FileNotFoundError
        When a source file does not exist.
    ValueError
        When no voxel is fitted or one is infinite, the affine is sheared or lies beside the sources, the sources do not
        belong together or lack something, or the suffix is another one.
    OSError
        When the file cannot be written.

    References
    ----------
    DICOM PS3.3 A.75 (Parametric Map IOD); PS3.16 context groups 7180 and 7272 to 7277.
    """
    from highdicom import VOILUTFunctionValues, VOILUTTransformation
    from highdicom.pm import ParametricMap

    reported = to_reported(parameter_map)
    values = reported.values.astype(np.float32)
    limits = _range(values, reported.quantity.key)
    sources = prepare_sources(source_datasets, subject=subject, keep_identity=keep_identity, keep_uids=keep_uids)
    check_covers(reported.affine, values.shape, sources)
    geometry = plane_geometry(reported.affine, values.shape[0], sources)
    low, high = _window(reported, limits)
    with written(path) as finished:
        made = ParametricMap(
            source_images=sources.main,
            further_source_images=sources.further or None,
            pixel_array=values,
            series_number=series_number,
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[_mapping(reported, limits)],
            voi_lut_transformations=[
                VOILUTTransformation(
                    window_center=(low + high) / 2,
                    window_width=high - low,
                    voi_lut_function=VOILUTFunctionValues.LINEAR_EXACT,  # the plain one allows no width below 1
                )
            ],
            content_label=_label(reported.quantity.key),
            content_description=reported.quantity.name[:_MAX_TEXT],
            series_description=_description(reported),
            **geometry,
            **equipment(),
        )
        made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [_anatomy(anatomy)]
        set_planes(made, geometry)
        made.ContentCreatorName = ""
        _sort_frames(made, values.dtype.itemsize * values[0].size)
        finished.append(made)


def _sort_frames(made: Dataset, n_bytes: int) -> None:
    """Put the frames in the order of their place along the normal (row x column), against which highdicom sorts them.

    dcmqi, which reads these maps in 3D Slicer, takes the order for granted and would turn the volume upside down.
    """
    frames = list(made.PerFrameFunctionalGroupsSequence)
    direction = np.array(made.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient)
    normal = np.cross(direction[:3].astype(float), direction[3:].astype(float))
    places = [
        normal @ np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64) for frame in frames
    ]
    order = np.argsort(places)
    pixels = [made.FloatPixelData[n * n_bytes : (n + 1) * n_bytes] for n in order]
    made.FloatPixelData = b"".join(pixels)
    made.PerFrameFunctionalGroupsSequence = [frames[n] for n in order]
    for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence, start=1):
        frame.FrameContentSequence[0].DimensionIndexValues = [number]


def _range(values: NDArray[np.float32], key: str) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not known.size or not np.isfinite(known).all():
        what = "no fitted voxel" if not known.size else f"{np.count_nonzero(np.isinf(known))} infinite ones"
        raise ValueError(f"values of {key}: expected finite numbers, NaN where not fitted, got {what}")
    return float(known.min()), float(known.max())


def _window(reported: ParameterMap, limits: tuple[float, float]) -> tuple[float, float]:
    """Return the range of grey values: the quantity's own, or that of the map."""
    low, high = reported.quantity.display_range
    if np.isnan(low):
        low, high = limits
    return low, high if high > low else low + 1.0


def _mapping(reported: ParameterMap, limits: tuple[float, float]) -> RealWorldValueMapping:
    """Return what the numbers are: quantity, unit, and beside the quantity model, fit and what was acquired."""
    from highdicom.pm import RealWorldValueMapping

    known = reported.quantity
    mapping = RealWorldValueMapping(
        lut_label=known.key[:16],
        lut_explanation=_description(reported),
        unit=concept(unit_code(reported.unit)),
        value_range=limits,
        slope=1.0,
        intercept=0.0,
        quantity_definition=concept(quantity_code(known.key)),
    )
    mapping.QuantityDefinitionSequence = [*mapping.QuantityDefinitionSequence, *_definition(reported)]
    return mapping


def _definition(reported: ParameterMap) -> list[Any]:
    from highdicom.sr import CodeContentItem

    said = reported.provenance
    model, fit = method_codes(str(said.get("model") or ""), str(said.get("method") or ""))
    items: list[Any] = []
    for name, code in (
        (("SCT", "370129005", "Measurement Method"), model),
        (("DCM", "113241", "Model fitting method"), fit),
    ):
        if code is not None:
            items.append(CodeContentItem(name=concept(name), value=concept(code)))
    for key, name, unit in (
        ("bvalues", ("DCM", "113240", "Source image diffusion b-value"), "s/mm2"),
        ("echo_times_s", (SCHEME, "echo_time", "Echo time of a source image"), "s"),
    ):
        numbers = said.get(key)
        for number in [] if numbers is None else np.ravel(np.asarray(numbers, dtype=np.float64)).tolist():
            items.append(_number(name, number, unit))
    return items


def _number(name: Code, number: float, unit: str) -> Dataset:
    """Return a number as the content item macro has it (PS3.3 table 10-2), which differs from that of a report."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ValueType = "NUMERIC"
    item.ConceptNameCodeSequence = [concept(name)]
    item.NumericValue = f"{number:.10g}"
    item.MeasurementUnitsCodeSequence = [concept(unit_code(unit))]
    return item


def _description(reported: ParameterMap) -> str:
    known = reported.quantity
    unit = "" if known.reported_unit == "1" else f" [{known.ascii_unit}]"
    return f"{known.ascii_symbol}{unit} {known.name}"[:_MAX_TEXT]


def _label(key: str) -> str:
    """Return a quantity's key as a code string: 16 capital letters, digits and underscores."""
    return "".join(letter if letter.isalnum() else "_" for letter in key.upper())[:16]


def _anatomy(code: Code) -> Dataset:
    from pydicom.dataset import Dataset

    anatomy = Dataset()
    anatomy.FrameLaterality = "U"
    anatomy.AnatomicRegionSequence = [concept(code)]
    return anatomy
