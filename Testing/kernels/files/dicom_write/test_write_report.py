"""Structured reports read back by highdicom, checked by dciodvfy: every number, unit, region and reader."""

import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import dcmread

from mrbiomarkers.files.dicom_write.report import write_measurement_report
from mrbiomarkers.files.dicom_write.segmentation import write_dicom_segmentation
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom_results import complaints, headers, identity_left, regions, row

FIT = {"method": "fit of mean signal", "unit": "1", "value": 0.1, "se": 0.01, "ci_low": 0.075, "ci_high": 0.12}
EMPTY = dict.fromkeys(("mean", "sd", "median", "p25", "p75", "min", "max"), float("nan"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    truth = ge_diffusion(tmp_path_factory.mktemp("ge"))
    datasets = headers(truth.folder)
    path = tmp_path_factory.mktemp("seg") / "regions.dcm"
    masks = regions(truth.signal.shape[:3])
    write_dicom_segmentation(path, masks, truth.affine, datasets, subject="S01")
    return datasets, path


def table():
    rows = [row(region, reader) for region in ("L1", "lesion é", "L1-L5") for reader in ("reader A", "mean")]
    return [*rows, row("L1", "reader A", "f", **{**EMPTY, **FIT})]


def numbers(group):
    """(quantity, derivation) to value and unit of all measurements of a group."""
    found = {}
    for one in group.get_measurements():
        derivation = one.derivation.value if one.derivation is not None else ""
        key = (one.name.value, derivation)
        assert key not in found
        found[key] = (one.value, one.unit.value)
    return found


def groups(path):
    content = srread(path).content
    everything = [*content.get_volumetric_roi_measurement_groups(), *content.get_image_measurement_groups()]
    return {group.tracking_identifier: group for group in everything}


def test_every_number_comes_back_with_its_unit(tmp_path, written):
    datasets, segmentation = written
    path = tmp_path / "report.dcm"
    assert write_measurement_report(path, table(), datasets, segmentation=segmentation, subject="S01") == []
    found = groups(path)
    assert set(found) == {f"{r} {by}" for r in ("L1", "lesion é", "L1-L5") for by in ("reader A", "mean of readers")}
    # PS3.16: D 113291; volume, area; mean, SD, median, minimum, maximum of SNOMED CT; f 113293
    d = {"373098007": 1.25, "386136009": 0.2, "373099004": 1.2, "p25": 1.1, "p75": 1.3, "255605001": 0.7}
    expected = {("113291", code): (value, "um2/ms") for code, value in {**d, "56851009": 1.9}.items()}
    expected[("118565006", "")] = (900.25, "mm3")
    expected[("42798000", "56851009")] = (120.5, "mm2")
    expected[("n_voxels", "")] = (33, "1")
    assert numbers(found["lesion é reader A"]) == expected
    assert numbers(found["L1 reader A"]) == {**expected, ("113293", ""): (0.1, "1"), ("113293", "se"): (0.01, "1")}
    assert complaints(path) == []
    assert identity_left(path) == []
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_groups_refer_to_segments_readers_and_sites(tmp_path, written):
    datasets, segmentation = written
    write_measurement_report(tmp_path / "r.dcm", table(), datasets, segmentation=segmentation, subject="S01")
    content = srread(tmp_path / "r.dcm").content
    drawn = {group.tracking_identifier: group for group in content.get_volumetric_roi_measurement_groups()}
    items = {title: group.referenced_segment[0].ReferencedSOPSequence[0] for title, group in drawn.items()}
    segments = {title: item.ReferencedSegmentNumber for title, item in items.items()}
    assert segments == {"L1 reader A": 1, "lesion é reader A": 3}
    assert {group.finding_sites[0].value.value for group in drawn.values()} == {"66794005", "122496007"}
    assert {item.ReferencedSOPInstanceUID for item in items.values()} == {dcmread(segmentation).SOPInstanceUID}
    readers = {}
    for title, group in groups(tmp_path / "r.dcm").items():
        items = group[0].ContentSequence
        readers[title] = [str(item.PersonName) for item in items if item.ValueType == "PNAME"]
    assert {title for title, names in readers.items() if names == ["reader A"]} == {t for t in readers if "A" in t}
    assert all(names == [] for title, names in readers.items() if "mean of readers" in title)


def test_model_fit_and_interval_stand_beside_the_value(tmp_path, written):
    datasets, segmentation = written
    write_measurement_report(tmp_path / "r.dcm", table(), datasets, segmentation=segmentation, subject="S01")
    group = groups(tmp_path / "r.dcm")["L1 reader A"]
    f = next(one for one in group.get_measurements() if one.name.value == "113293" and one.derivation is None)
    said = {item.ConceptNameCodeSequence[0].CodeValue: item for item in f[0].ContentSequence}
    assert said["370129005"].ConceptCodeSequence[0].CodeValue == "113251"
    assert said["113241"].ConceptCodeSequence[0].CodeValue == "113269"
    distances = [float(said[code].MeasuredValueSequence[0].NumericValue) for code in ("371886008", "371885007")]
    np.testing.assert_allclose(distances, [0.02, 0.025], rtol=1e-12)


def test_each_reader_may_have_a_segmentation(tmp_path, written):
    datasets, first = written
    second = tmp_path / "second.dcm"
    dataset = dcmread(first)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.12345"
    dataset.save_as(second)
    rows = [row("L1", reader) for reader in ("reader A", "reader B", "reader C")]
    files = {"reader A": first, "reader B": second}
    write_measurement_report(tmp_path / "r.dcm", rows, datasets, segmentation=files, subject="S01")
    drawn = srread(tmp_path / "r.dcm").content.get_volumetric_roi_measurement_groups()
    found = {
        group.tracking_identifier: group.referenced_segment[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for group in drawn
    }
    assert found == {"L1 reader A": dcmread(first).SOPInstanceUID, "L1 reader B": "2.25.12345"}
    assert complaints(tmp_path / "r.dcm") == []


def test_numbers_that_are_not_known_are_left_out_and_named(tmp_path, written):
    datasets, _ = written
    rows = [row("L1", "A"), row("L1", "A", "Dstar", value=float("nan")), row("L2", "A", value=float("nan"))]
    of_map = "ivim, mean of map"
    notes = write_measurement_report(tmp_path / "r.dcm", [*rows, row("L4", "A", slice="3")], datasets)
    assert notes == [
        f"L1 A, Dstar ({of_map}): no value, left out",
        f"L2 A, D ({of_map}): no value, left out",
    ]
    found = groups(tmp_path / "r.dcm")
    assert list(found) == ["L1 A"]
    assert {name for name, _ in numbers(found["L1 A"])} == {"113291", "118565006", "42798000", "n_voxels"}
    assert complaints(tmp_path / "r.dcm") == []


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, written):
    datasets, segmentation = written
    cases = [
        ([], {}, "rows: expected measurements of whole regions"),
        ([row("L1", "A", value=float("nan"))], {}, "rows: expected at least one known number"),
        ([row("L1", "A"), row("L1", "A", subject="S02")], {}, "rows: expected one subject, got S01, S02"),
        ([row("L1", "A", unit="furlong")], {}, "unit: expected one of .*'furlong'"),
        (
            [row("L1", "A")],
            {"segmentation": segmentation, "keep_uids": True},
            "regions.dcm: expected a Segmentation of",
        ),
    ]
    for rows, options, message in cases:
        with pytest.raises(ValueError, match=message):
            write_measurement_report(tmp_path / "r.dcm", rows, datasets, **options)
    with pytest.raises(FileNotFoundError, match=r"nothing\.dcm: no such file"):
        write_measurement_report(tmp_path / "r.dcm", [row("L1", "A")], datasets, segmentation=tmp_path / "nothing.dcm")
    assert list(tmp_path.iterdir()) == []
