"""``--dicom`` and ``--bids``: results as DICOM objects, read back, checked by dciodvfy and searched for the patient."""

import csv
import json
import sys

import nibabel as nib
import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import dcmread

from mrbiomarkers.cli import main
from mrbiomarkers.files.dicom_write import read_source_headers, replaced_uid, write_dicom_results
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.faults import edit
from Testing.support.dicom.folders import anatomical, files_of, scatter
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.philips import philips_echoes
from Testing.support.dicom.philips_frames import philips_enhanced
from Testing.support.dicom.siemens import siemens_echoes
from Testing.support.dicom.siemens_frames import siemens_mosaic
from Testing.support.dicom_results import complaints, headers, identity_left, numbered_map, places, regions, row


def run(*words):
    return main([str(word) for word in words])


def save_regions(folder, truth):
    """Write the regions as files; return them and the words of the command line."""
    masks = regions(truth.signal.shape[:3])
    words = []
    for number, (name, mask) in enumerate(masks.items()):
        path = folder / f"region{number}.nii.gz"
        nib.save(nib.Nifti1Image(mask.astype(np.uint8).transpose(2, 1, 0), truth.affine), path)
        words.append(f"{name}={path}")
    return masks, ["--regions", *words]


def referenced(path):
    """The SOP instances that an object refers to, other objects of ours left out."""
    dataset = dcmread(path)
    if "CurrentRequestedProcedureEvidenceSequence" in dataset:
        series = [
            one for item in dataset.CurrentRequestedProcedureEvidenceSequence for one in item.ReferencedSeriesSequence
        ]
        found = [one for item in series for one in item.ReferencedSOPSequence]
    else:
        found = [one for item in dataset.ReferencedSeriesSequence for one in item.ReferencedInstanceSequence]
    return {str(one.ReferencedSOPInstanceUID) for one in found if one.ReferencedSOPClassUID.name == "MR Image Storage"}


def assert_same_voxels(dataset, nifti):
    """Every pixel of the object has, at its place in the patient, the value of the NIfTI file."""
    frames = np.frombuffer(dataset.FloatPixelData, "<f4").reshape(-1, dataset.Rows, dataset.Columns)
    index = (places(dataset, frames) - nifti.affine[:3, 3]) @ np.linalg.inv(nifti.affine[:3, :3]).T
    nearest = np.rint(index).astype(int)
    np.testing.assert_allclose(index, nearest, atol=2e-3)  # mm of the decimal strings of DICOM
    values = np.asarray(nifti.dataobj)[tuple(np.moveaxis(nearest, -1, 0))]
    assert np.isfinite(values).any()
    np.testing.assert_array_equal(frames, values)


@pytest.fixture(scope="module")
def diffusion(tmp_path_factory):
    """A heap with another series, one b-value left out, four regions, a reader and a subject."""
    folder = tmp_path_factory.mktemp("diffusion")
    truth = ge_diffusion(folder / "a")
    masks, words = save_regions(folder, truth)
    used = {
        str(one.SOPInstanceUID)
        for one in headers(truth.folder)
        if truth.bvalues[(one.InstanceNumber - 1) // len(truth.signal)] != 400
    }
    scatter(folder / "heap", truth.folder, anatomical(folder / "b").folder)
    words = [folder / "heap", *words, "--models", "adc", "--exclude-b", "400", "--reader", "reader A", "--dicom"]
    out = folder / "out"
    assert run("diffusion", *words, "--subject", "S01", "--timepoint", "pre", "--bids", "01", "--out", out) == 0
    return out, masks, used, words


def test_maps_lie_where_the_images_lie_and_hold_the_same_numbers(diffusion):
    out, _, used, _ = diffusion
    names = {"ADC", "S0_adc", "rmse_adc"}
    assert {path.name for path in (out / "dicom").iterdir()} == {
        f"{name}.dcm" for name in (*names, "regions", "report")
    }
    numbers = set()
    for name in names:
        dataset = dcmread(out / "dicom" / f"{name}.dcm")
        assert_same_voxels(dataset, nib.load(out / f"{name}.nii.gz"))
        numbers.add(int(dataset.SeriesNumber))
    assert len(numbers) == len(names)
    assert len(used) == 12  # 3 of 4 b-values, 4 slices; nothing of the other series


def test_objects_refer_to_the_images_that_were_used(diffusion):
    out, _, used, _ = diffusion
    for path in (out / "dicom").iterdir():
        assert referenced(path) == {replaced_uid(uid) for uid in used}, path.name


def test_regions_and_measurements_come_back(diffusion):
    out, masks, *_ = diffusion
    segmentation = dcmread(out / "dicom" / "regions.dcm")
    labels = [str(one.SegmentLabel) for one in segmentation.SegmentSequence]
    assert labels == list(masks)
    voxels = dict.fromkeys(labels, 0)
    frames = segmentation.pixel_array
    for frame, item in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        voxels[labels[number - 1]] += int(np.count_nonzero(frame))
    assert voxels == {name: int(mask.sum()) for name, mask in masks.items()}
    with (out / "measurements.csv").open(newline="", encoding="utf-8") as stream:
        table = {
            one["region"]: float(one["value"])
            for one in csv.DictReader(stream)
            if (one["quantity"], one["method"], one["slice"]) == ("ADC", "mean of map", "all")
        }
    groups = srread(out / "dicom" / "report.dcm").content.get_volumetric_roi_measurement_groups()
    found = {}
    for group in groups:
        assert group.referenced_segment.referenced_sop_instance_uid == segmentation.SOPInstanceUID
        for one in group.get_measurements():
            if one.name.value == "113041" and one.derivation is not None and one.derivation.value == "373098007":
                found[group.tracking_identifier.removesuffix(" reader A")] = one.value  # PS3.16: ADC, mean
    assert found == pytest.approx(table)
    assert set(found) == set(masks)


def test_objects_are_valid_and_without_the_patient(diffusion):
    out = diffusion[0]
    for path in (path for path in out.rglob("*") if path.is_file()):
        assert identity_left(path) == [], path.name
        assert not any(word in str(path.relative_to(out)) for word in PATIENT.values())
    for path in (out / "dicom").iterdir():
        assert complaints(path) == [], path.name
        dataset = dcmread(path)
        assert (dataset.PatientID, str(dataset.PatientName), dataset.PatientIdentityRemoved) == ("S01", "S01", "YES")
        assert (dataset.PatientBirthDate, dataset.AccessionNumber) == ("", "")


def test_identity_is_kept_where_asked(diffusion, tmp_path, capsys):
    _, _, used, words = diffusion
    out = tmp_path / "out"
    assert run("diffusion", *words, "--subject", "S01", "--keep-identity", "--out", out) == 0
    assert "name the patient" in capsys.readouterr().out
    for path in (out / "dicom").iterdir():
        dataset = dcmread(path)
        assert (str(dataset.PatientName), dataset.PatientID) == (PATIENT["PatientName"], PATIENT["PatientID"])
        assert "PatientIdentityRemoved" not in dataset
        assert referenced(path) == used
        assert complaints(path) == []
    for path in (path for path in out.iterdir() if path.is_file()):
        assert identity_left(path) == [], path.name  # the other files never hold it


def test_bids_names(diffusion):
    out = diffusion[0] / "bids"
    place = out / "sub-01" / "dwi"
    names = {f"sub-01_model-adc_param-{key}_dwimap" for key in ("ADC", "S0", "rmse")}
    assert {path.name for path in place.iterdir()} == {name + end for name in names for end in (".nii.gz", ".json")}
    ours, theirs = (
        nib.load(p) for p in (diffusion[0] / "ADC.nii.gz", place / "sub-01_model-adc_param-ADC_dwimap.nii.gz")
    )
    np.testing.assert_array_equal(np.asarray(ours.dataobj), np.asarray(theirs.dataobj))
    said = json.loads((place / "sub-01_model-adc_param-ADC_dwimap.json").read_text())
    assert (said["Units"], said["BValues"]) == ("10^-3 mm2/s", [0.0, 50.0, 800.0])
    assert json.loads((out / "dataset_description.json").read_text())["DatasetType"] == "derivative"


@pytest.mark.parametrize("made", [siemens_echoes, philips_echoes])
def test_fat_water_of_magnitudes_and_phases(tmp_path, made):
    truth = made(tmp_path / "a")
    _, words = save_regions(tmp_path, truth)
    out = tmp_path / "out"
    words = [truth.folder, *words[:2], "--repetition-time", 8, "--dicom", "--bids", "01", "--session", "pre"]
    assert run("fatwater", *words, "--out", out) == 0
    uids = {str(one.SOPInstanceUID) for one in headers(truth.folder)}
    used = referenced(out / "dicom" / "PDFF.dcm")
    assert used <= {replaced_uid(uid) for uid in uids}
    assert len(used) == (len(uids) if truth.left_out == 0 else len(uids) - truth.left_out)
    for path in (out / "dicom").iterdir():
        assert complaints(path) == [], path.name
        assert identity_left(path) == [], path.name
        assert dcmread(path).PatientID == "ANONYMOUS"
    assert_same_voxels(dcmread(out / "dicom" / "PDFF.dcm"), nib.load(out / "PDFF.nii.gz"))
    assert (out / "bids" / "sub-01" / "ses-pre" / "anat" / "sub-01_ses-pre_R2starmap.nii.gz").is_file()


@pytest.mark.parametrize("made", [siemens_mosaic, philips_enhanced])
def test_mosaics_and_enhanced_images_as_sources(tmp_path, made):
    truth = made(tmp_path / "a")
    out = tmp_path / "out"
    words = ("--models", "adc", "--dicom", "--out", out)
    assert run("diffusion", truth.folder, *words) == 0
    assert {path.name for path in (out / "dicom").iterdir()} == {"ADC.dcm", "S0_adc.dcm", "rmse_adc.dcm"}
    assert complaints(out / "dicom" / "ADC.dcm") == []
    assert identity_left(out / "dicom" / "ADC.dcm") == []
    assert_same_voxels(dcmread(out / "dicom" / "ADC.dcm"), nib.load(out / "ADC.nii.gz"))


def test_several_readers_in_one_report_and_what_cannot_be_written(tmp_path):
    truth = ge_diffusion(tmp_path / "a")
    shape = truth.signal.shape[:3]
    headers_read = read_source_headers(files_of(truth.folder), names=["L1"], reader="reader A", subject="S01")
    table = [row(region, reader) for region in ("L1", "L3") for reader in ("reader A", "reader B", "mean")]
    unknown = row("L1", "reader A", "f", unit="1", value=float("nan"))
    maps = {key: numbered_map(shape, truth.affine, key) for key in ("D", "f", "Dstar")}
    maps["f"].values[:] = np.nan
    maps["Dstar"].values[1, 1, 1] = np.inf
    masks = {**regions(shape), "empty": np.zeros(shape, bool)}
    given = {"maps": maps, "masks": masks, "affine": truth.affine, "subject": "S01"}
    notes = write_dicom_results(tmp_path / "o", headers_read, rows=[*table, unknown], **given)
    assert [note.split(":")[0] for note in notes] == ["map f", "map Dstar", "region empty", "report"]
    content = srread(tmp_path / "o" / "report.dcm").content
    groups = [*content.get_volumetric_roi_measurement_groups(), *content.get_image_measurement_groups()]
    expected = {f"{region} {by}" for region in ("L1", "L3") for by in ("reader A", "reader B", "mean of readers")}
    assert {group.tracking_identifier for group in groups} == expected
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"D.dcm", "regions.dcm", "report.dcm"}
    for path in (tmp_path / "o").iterdir():
        assert complaints(path) == [], path.name
    notes = write_dicom_results(tmp_path / "none", headers_read, rows=[unknown], **given)
    assert notes[-1].startswith("no number is known")
    assert not (tmp_path / "none" / "report.dcm").exists()


def test_a_map_of_small_numbers_is_valid(tmp_path):
    truth = ge_diffusion(tmp_path / "a")
    small = numbered_map(truth.signal.shape[:3], truth.affine, "rmse")
    small.values[:] *= 1e-6  # a range of grey values far below 1
    write_dicom_results(
        tmp_path, files_of(truth.folder), maps={"rmse": small}, masks={}, affine=truth.affine, rows=[], subject="S01"
    )
    assert complaints(tmp_path / "rmse.dcm") == []
    window = dcmread(tmp_path / "rmse.dcm").SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]
    assert 0 < window.WindowWidth < 1


def test_what_is_wrong_is_said_before_the_fits(tmp_path, capsys, monkeypatch):
    truth = ge_diffusion(tmp_path / "a")
    out = tmp_path / "out"
    mask = tmp_path / "l1.nii.gz"
    nib.save(nib.Nifti1Image(np.ones(truth.signal.shape[2::-1], np.uint8), truth.affine), mask)
    monkeypatch.setattr("mrbiomarkers.cli.diffusion.run_diffusion", lambda *_, **__: pytest.fail("fits were begun"))

    def complaint(*words):
        assert run(*words, "--out", out) == 2
        assert not out.exists()
        return capsys.readouterr().err

    folder = truth.folder
    assert "--dicom: expected a DICOM folder as SERIES" in complaint("diffusion", tmp_path / "x.nii.gz", "--dicom")
    said = complaint("fatwater", "--maps", f"PDFF={mask}", "--dicom")
    assert f"got PDFF={mask}: an image file does not say from which DICOM images it comes" in said
    assert "together with --dicom only" in complaint("diffusion", folder, "--keep-identity")
    assert "subject: expected" in complaint("diffusion", folder, "--dicom", "--subject", "A^B")
    assert "reader: expected" in complaint("diffusion", folder, "--dicom", "--reader", "A\\B")
    long = f"{'x' * 65}={mask}"
    assert "region 'xxx" in complaint("diffusion", folder, "--dicom", "--regions", long)
    assert "letters and digits" in complaint("diffusion", folder, "--bids", "S_01")
    assert "--session: expected" in complaint("diffusion", folder, "--session", "pre")
    edit(files_of(folder)[0], lambda ds: setattr(ds, "PatientID", "another"))
    assert "one PatientID" in complaint("diffusion", folder, "--dicom")
    monkeypatch.setitem(sys.modules, "highdicom", None)
    assert 'pip install "mrbiomarkers[dicom]"' in complaint("diffusion", folder, "--dicom")
