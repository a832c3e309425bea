"""Parametric Maps read back by pydicom and highdicom, checked by dciodvfy; what goes in and what stays out."""

import copy

import numpy as np
import pytest
from highdicom.pm import ParametricMap
from pydicom import DataElement, dcmread
from pydicom.config import IGNORE

from mrbiomarkers.files.dicom_write.deidentify import replaced_uid
from mrbiomarkers.files.dicom_write.map import write_parametric_map
from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.quantities import QUANTITIES, quantity
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.siemens_frames import siemens_xa
from Testing.support.dicom_results import complaints, headers, identity_left, numbered_map, places
from Testing.support.volumes import positions


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    truth = ge_diffusion(tmp_path_factory.mktemp("ge"))
    return truth.signal.shape[:3], truth.affine, headers(truth.folder)


def mirrored(given):
    """The same image with its slices in the opposite order: a left-handed grid where it was a right-handed one."""
    affine = given.affine.copy()
    affine[:3, 3] += (given.values.shape[0] - 1) * affine[:3, 2]
    affine[:3, 2] *= -1
    return ParameterMap(given.values[::-1], given.quantity, given.unit, affine, provenance=given.provenance)


def assert_same_places(path, given):
    """Every number lies where the affine of the map puts it, and NaN stays NaN."""
    dataset = dcmread(path)
    frames = dataset.pixel_array
    expected = to_reported(given).values.astype(np.float32)
    assert np.isnan(frames).sum() == np.isnan(expected).sum()
    found, wanted = np.argsort(frames[~np.isnan(frames)]), np.argsort(expected[~np.isnan(expected)])
    np.testing.assert_array_equal(frames[~np.isnan(frames)][found], expected[~np.isnan(expected)][wanted])
    where = places(dataset, frames)[~np.isnan(frames)][found]
    truth = positions(given.values.shape, given.affine)[~np.isnan(expected)][wanted]
    np.testing.assert_allclose(where, truth, atol=1e-9)


@pytest.mark.parametrize("turn", [lambda given: given, mirrored])
def test_numbers_and_geometry_come_back(tmp_path, source, turn):
    shape, affine, datasets = source
    path = tmp_path / "D.dcm"
    given = turn(numbered_map(shape, affine))
    write_parametric_map(path, given, datasets, subject="S01")
    assert_same_places(path, given)
    assert complaints(path) == []
    assert [file.name for file in tmp_path.iterdir()] == ["D.dcm"]


@pytest.mark.parametrize("turn", [lambda given: given, mirrored])
def test_frames_ascend_along_the_normal(tmp_path, source, turn):
    # dcmqi's reader of maps takes the order of the frames for that of the slices, whatever their positions say.
    shape, affine, datasets = source
    write_parametric_map(tmp_path / "D.dcm", turn(numbered_map(shape, affine)), datasets)
    dataset = dcmread(tmp_path / "D.dcm")
    shared = dataset.SharedFunctionalGroupsSequence[0]
    direction = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
    normal = np.cross(direction[:3], direction[3:])
    items = dataset.PerFrameFunctionalGroupsSequence
    along = [normal @ np.array(item.PlanePositionSequence[0].ImagePositionPatient, dtype=float) for item in items]
    assert np.all(np.diff(along) > 0)
    assert [item.FrameContentSequence[0].DimensionIndexValues for item in items] == [1, 2, 3, 4]


def test_highdicom_reads_the_same_numbers_in_their_unit(tmp_path, source):
    shape, affine, datasets = source
    given = numbered_map(shape, affine)
    write_parametric_map(tmp_path / "D.dcm", given, datasets)
    volume = ParametricMap.from_dataset(dcmread(tmp_path / "D.dcm")).get_volume(apply_real_world_transform=True)
    found = np.sort(np.ravel(volume.array))
    np.testing.assert_array_equal(found, np.sort(np.ravel(given.values * 1e3).astype(np.float32)))


def test_another_grid_and_an_enhanced_source(tmp_path):
    truth = siemens_xa(tmp_path / "xa")
    affine = truth.affine.copy()
    affine[:3, :3] *= 0.5
    given = numbered_map((3, 7, 5), affine, "R2star", model="water-fat ren-marrow", method="complex")
    write_parametric_map(tmp_path / "R2star.dcm", given, sorted((tmp_path / "xa").rglob("*.dcm")))
    assert_same_places(tmp_path / "R2star.dcm", given)
    assert complaints(tmp_path / "R2star.dcm") == []


def test_the_slice_spacing_is_that_of_the_map(tmp_path, source):
    # Equal pixel spacing in plane must not bring the slice spacing of the source along.
    shape, affine, datasets = source
    finer = affine.copy()
    finer[:3, 2] *= 0.5
    given = numbered_map((6, *shape[1:]), finer)
    write_parametric_map(tmp_path / "D.dcm", given, datasets)
    assert_same_places(tmp_path / "D.dcm", given)
    measures = dcmread(tmp_path / "D.dcm").SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    step = np.linalg.norm(finer[:3, 2])
    assert float(measures.SpacingBetweenSlices) == pytest.approx(step, abs=1e-9)
    assert float(measures.SliceThickness) == pytest.approx(step, abs=1e-9)


def test_sources_stripped_of_their_frame_of_reference_serve(tmp_path, source):
    shape, affine, datasets = source
    stripped = copy.deepcopy(datasets)
    for one in stripped:
        del one.FrameOfReferenceUID, one.SliceThickness
    write_parametric_map(tmp_path / "D.dcm", numbered_map(shape, affine), stripped)
    assert_same_places(tmp_path / "D.dcm", numbered_map(shape, affine))
    assert complaints(tmp_path / "D.dcm") == []
    for one in stripped:
        del one.ImagePositionPatient  # a mosaic with its positions in private elements
    write_parametric_map(tmp_path / "D.dcm", numbered_map(shape, affine), stripped)
    assert_same_places(tmp_path / "D.dcm", numbered_map(shape, affine))
    assert complaints(tmp_path / "D.dcm") == []


def test_quantity_unit_model_fit_and_b_values_are_coded(tmp_path, source):
    shape, affine, datasets = source
    write_parametric_map(tmp_path / "D.dcm", numbered_map(shape, affine), datasets)
    shared = dcmread(tmp_path / "D.dcm").SharedFunctionalGroupsSequence[0]
    mapping = shared.RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "um2/ms"
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    # PS3.16: quantity, measurement method, model fitting method, source image b-value
    said = [
        (item.ConceptNameCodeSequence[0].CodeValue, item.ConceptCodeSequence[0].CodeValue)
        for item in mapping.QuantityDefinitionSequence
        if item.ValueType == "CODE"
    ]
    assert said == [("246205007", "113291"), ("370129005", "113251"), ("113241", "113269")]
    numbers = [item for item in mapping.QuantityDefinitionSequence if item.ValueType == "NUMERIC"]
    assert [float(item.NumericValue) for item in numbers] == [0, 50, 400, 800]
    assert {item.MeasurementUnitsCodeSequence[0].CodeValue for item in numbers} == {"s/mm2"}
    assert shared.FrameAnatomySequence[0].FrameLaterality == "U"
    assert shared.FrameAnatomySequence[0].AnatomicRegionSequence[0].CodeValue == "122496007"


@pytest.mark.parametrize("key", list(QUANTITIES))
def test_every_quantity_can_be_written(tmp_path, source, key):
    _, affine, datasets = source
    write_parametric_map(tmp_path / "map.dcm", numbered_map((1, 3, 2), affine, key), datasets)
    found = dcmread(tmp_path / "map.dcm").SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    code = found.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    expected = quantity(key).code or ("99MRBIOM", key, quantity(key).name)
    assert (code.CodingSchemeDesignator, code.CodeValue) == expected[:2]


def test_the_patient_stays_out_and_references_are_consistent(tmp_path, source):
    shape, affine, datasets = source
    write_parametric_map(tmp_path / "D.dcm", numbered_map(shape, affine), datasets, subject="Prüfling 7")
    assert identity_left(tmp_path / "D.dcm") == []
    dataset = dcmread(tmp_path / "D.dcm")
    assert dataset.PatientID == str(dataset.PatientName) == "Prüfling 7"
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.StudyInstanceUID == replaced_uid(datasets[0].StudyInstanceUID) != datasets[0].StudyInstanceUID
    assert dataset.FrameOfReferenceUID == replaced_uid(datasets[0].FrameOfReferenceUID)
    referenced = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    expected = {replaced_uid(one.SOPInstanceUID) for one in datasets}
    assert {item.ReferencedSOPInstanceUID for item in referenced} == expected


def test_identity_or_only_the_uids_are_kept_when_asked(tmp_path, source):
    shape, affine, datasets = source
    given = numbered_map(shape, affine)
    write_parametric_map(tmp_path / "all.dcm", given, datasets, keep_identity=True)
    write_parametric_map(tmp_path / "uids.dcm", given, datasets, subject="S01", keep_uids=True)
    known, uids = dcmread(tmp_path / "all.dcm"), dcmread(tmp_path / "uids.dcm")
    assert (str(known.PatientName), known.PatientID) == ("DOE^JANE", "MRN-0815-4711")
    assert (known.PatientBirthDate, known.StudyDate) == ("19780213", "20260102")
    assert identity_left(tmp_path / "uids.dcm") == []
    for dataset in (known, uids):
        assert dataset.StudyInstanceUID == datasets[0].StudyInstanceUID
        referenced = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        assert {item.ReferencedSOPInstanceUID for item in referenced} == {one.SOPInstanceUID for one in datasets}
        assert dataset.SOPInstanceUID not in {one.SOPInstanceUID for one in datasets}
    assert complaints(tmp_path / "all.dcm") == []


def test_dates_that_are_none_are_left_out(tmp_path, source):
    # As anonymised files have them.
    shape, affine, datasets = source
    changed = copy.deepcopy(datasets)
    for one in changed:
        for keyword, vr, value in (("PatientAge", "AS", "0Y"), ("StudyDate", "DA", "***")):
            one[keyword] = DataElement(keyword, vr, value, validation_mode=IGNORE)
    write_parametric_map(tmp_path / "D.dcm", numbered_map(shape, affine), changed, keep_identity=True)
    found = dcmread(tmp_path / "D.dcm")
    assert ("PatientAge" in found, found.StudyDate, found.PatientBirthDate) == (False, "", "19780213")
    assert complaints(tmp_path / "D.dcm") == []


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, source):
    shape, affine, datasets = source
    given = numbered_map(shape, affine)
    far, sheared = affine.copy(), affine.copy()
    far[:3, 3] += 500
    sheared[0, 1] += 0.5
    empty = ParameterMap(np.full(shape, np.nan), quantity("D"), "mm2/s", affine)
    infinite = ParameterMap(np.full(shape, np.inf), quantity("D"), "mm2/s", affine)
    cases = [
        (numbered_map(shape, far), datasets, {}, "affine: expected a grid that overlaps the source images"),
        (numbered_map(shape, sheared), datasets, {}, "affine: expected perpendicular axes"),
        (empty, datasets, {}, "values of D: expected finite numbers.*no fitted voxel"),
        (infinite, datasets, {}, "values of D: expected finite numbers.*480 infinite"),
        (given, [], {}, "source_datasets: expected the images"),
        (given, datasets, {"subject": "a^b"}, "subject: expected at most 64"),
        (given, datasets, {"subject": "S01", "keep_identity": True}, "subject: expected none where the identity"),
    ]
    for case, sources, options, message in cases:
        with pytest.raises(ValueError, match=message):
            write_parametric_map(tmp_path / "D.dcm", case, sources, **options)
    with pytest.raises(ValueError, match=r"expected a DICOM file \(\.dcm\)"):
        write_parametric_map(tmp_path / "D.nii", given, datasets)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_parametric_map(tmp_path / "nowhere" / "D.dcm", given, datasets)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("PatientID", "other", "one PatientID, got 2"),
        ("StudyInstanceUID", "1.2.3", "one StudyInstanceUID, got 2"),
        ("FrameOfReferenceUID", "1.2.3", "one FrameOfReferenceUID, got 2"),
        ("PixelSpacing", None, "got one without PixelSpacing"),
        ("SeriesInstanceUID", None, "got one without SeriesInstanceUID"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.33", "expected images, got Comprehensive SR"),
    ],
)
def test_sources_that_do_not_belong_together_are_refused(tmp_path, source, keyword, value, message):
    shape, affine, datasets = source
    other = copy.deepcopy(datasets[1])
    if value is None:
        delattr(other, keyword)
    else:
        setattr(other, keyword, value)
    with pytest.raises(ValueError, match=message):
        write_parametric_map(tmp_path / "D.dcm", numbered_map(shape, affine), [datasets[0], other])


def test_a_source_that_is_no_dicom_file_is_named(tmp_path, source):
    shape, affine, _ = source
    (tmp_path / "notes.txt").write_text("no image " * 50)
    with pytest.raises(ValueError, match=r"notes\.txt: expected a DICOM file"):
        write_parametric_map(tmp_path / "D.dcm", numbered_map(shape, affine), [tmp_path / "notes.txt"])
