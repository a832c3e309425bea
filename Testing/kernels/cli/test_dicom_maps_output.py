"""``mrbiomarkers fatwater --maps ... --dicom``: maps of a scanner, in known units, as DICOM beside their sources."""

import nibabel as nib
import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import dcmread

from mrbiomarkers.cli import main
from mrbiomarkers.files.dicom_read import read_dicom_map
from mrbiomarkers.files.dicom_write import replaced_uid
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.faults import edit
from Testing.support.dicom.folders import files_of, scatter
from Testing.support.dicom.philips_frames import philips_fat_fraction
from Testing.support.dicom.siemens import siemens_fat_fraction
from Testing.support.dicom.siemens_frames import siemens_xa_adc
from Testing.support.dicom_results import complaints, headers, identity_left, places


def run(*words):
    return main([str(word) for word in words])


def save_region(path, truth):
    mask = np.zeros(truth.signal.shape[:3], np.uint8)
    mask[1:3, 2:6, 3:7] = 1
    nib.save(nib.Nifti1Image(mask.transpose(2, 1, 0), truth.affine), path)
    return mask > 0, ["--regions", f"L3={path}"]


def sources(path):
    """The instances that an object refers to, those of this run left out."""
    dataset = dcmread(path)
    if "CurrentRequestedProcedureEvidenceSequence" in dataset:
        studies = dataset.CurrentRequestedProcedureEvidenceSequence
        series = [one for study in studies for one in study.ReferencedSeriesSequence]
        found = [one for item in series for one in item.ReferencedSOPSequence]
    else:
        found = [one for item in dataset.ReferencedSeriesSequence for one in item.ReferencedInstanceSequence]
    return {
        str(one.ReferencedSOPInstanceUID) for one in found if one.ReferencedSOPClassUID.name != "Segmentation Storage"
    }


def assert_holds(path, values, affine):
    """Every pixel has, at its place in the patient, the value of [k, j, i] numbers."""
    dataset = dcmread(path)
    frames = np.frombuffer(dataset.FloatPixelData, "<f4").reshape(-1, dataset.Rows, dataset.Columns)
    index = (places(dataset, frames) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    i, j, k = np.moveaxis(np.rint(index).astype(int), -1, 0)
    np.testing.assert_allclose(frames, values[k, j, i], rtol=1e-6)
    assert frames.size == values.size


def unit_of(path):
    mapping = dcmread(path).SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    return mapping.MeasurementUnitsCodeSequence[0].CodeValue


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    pdff, adc = siemens_fat_fraction(folder / "a"), siemens_xa_adc(folder / "b")
    uids = [{str(one.SOPInstanceUID) for one in headers(truth.folder)} for truth in (pdff, adc)]
    heap = scatter(folder / "heap", pdff.folder, adc.folder)
    mask, regions = save_region(folder / "l3.nii.gz", pdff)
    words = [f"PDFF={heap}#{pdff.uids[0]}", f"ADC={heap}#{adc.uids[0]}", "--map-scale", "PDFF=permille", "ADC=um2/s"]
    words = ["fatwater", "--maps", *words, *regions, "--reader", "A", "--dicom"]
    out = folder / "out"
    assert run(*words, "--subject", "S01", "--out", out) == 0
    return out, words, pdff, adc, mask, uids


def test_maps_have_their_unit_and_lie_where_the_scanner_put_them(written):
    out, _, pdff, adc, *_ = written
    assert {path.name for path in (out / "dicom").iterdir()} == {"PDFF.dcm", "ADC.dcm", "regions.dcm", "report.dcm"}
    assert_holds(out / "dicom" / "PDFF.dcm", pdff.signal[..., 0] / 10, pdff.affine)
    assert_holds(out / "dicom" / "ADC.dcm", adc.signal[..., 0] / 1000, adc.affine)
    assert (unit_of(out / "dicom" / "PDFF.dcm"), unit_of(out / "dicom" / "ADC.dcm")) == ("%", "um2/ms")
    for key, truth in (("PDFF", pdff), ("ADC", adc)):
        found = read_dicom_map(out / "dicom" / f"{key}.dcm")
        assert (found.quantity, found.scale.source) == (key, "real world value mapping")
        np.testing.assert_allclose(found.affine, truth.affine, atol=1e-3)


def test_each_map_refers_to_its_own_series_and_the_others_to_both(written):
    out, *_, (of_pdff, of_adc) = written
    expected = {"PDFF": of_pdff, "ADC": of_adc, "regions": of_pdff | of_adc, "report": of_pdff | of_adc}
    for name, uids in expected.items():
        assert sources(out / "dicom" / f"{name}.dcm") - {dcmread(out / "dicom" / "regions.dcm").SOPInstanceUID} == {
            replaced_uid(uid) for uid in uids
        }, name


def test_the_report_holds_the_means_of_the_region(written):
    out, _, pdff, adc, mask, _ = written
    (group,) = srread(out / "dicom" / "report.dcm").content.get_volumetric_roi_measurement_groups()
    means = [
        one.value for one in group.get_measurements() if one.derivation is not None and one.derivation.meaning == "Mean"
    ]
    assert sorted(means) == pytest.approx(
        sorted([pdff.signal[..., 0][mask].mean() / 10, adc.signal[..., 0][mask].mean() / 1000]), rel=1e-5
    )


def test_objects_are_valid_and_without_the_patient(written):
    out = written[0]
    for path in (path for path in out.rglob("*") if path.is_file()):
        assert identity_left(path) == [], path.name
    for path in (out / "dicom").iterdir():
        assert complaints(path) == [], path.name
        assert dcmread(path).PatientID == "S01"


def test_identity_is_kept_where_asked(written, tmp_path, capsys):
    _, words, *_, (of_pdff, _) = written
    assert run(*words, "--keep-identity", "--out", tmp_path / "out") == 0
    assert "name the patient" in capsys.readouterr().out
    assert sources(tmp_path / "out" / "dicom" / "PDFF.dcm") == of_pdff
    assert dcmread(tmp_path / "out" / "dicom" / "report.dcm").PatientID == PATIENT["PatientID"]


def test_maps_of_ours_and_of_enhanced_images_are_sources_too(tmp_path):
    truth = philips_fat_fraction(tmp_path / "a")
    _, regions = save_region(tmp_path / "l3.nii.gz", truth)
    slope, *_ = truth.scale
    words = ["fatwater", *regions, "--dicom", "--subject", "S01", "--maps"]
    assert run(*words, f"PDFF={truth.folder}", "--out", tmp_path / "one") == 0
    assert run(*words, f"PDFF={tmp_path / 'one' / 'dicom' / 'PDFF.dcm'}", "--out", tmp_path / "two") == 0
    for name in ("one", "two"):
        assert_holds(tmp_path / name / "dicom" / "PDFF.dcm", truth.signal[..., 0] * slope, truth.affine)
        assert all(complaints(path) == [] for path in (tmp_path / name / "dicom").iterdir())
    first = dcmread(tmp_path / "one" / "dicom" / "PDFF.dcm").SOPInstanceUID
    assert sources(tmp_path / "two" / "dicom" / "PDFF.dcm") == {replaced_uid(first)}


def test_maps_that_do_not_belong_together_are_refused(tmp_path, capsys):
    pdff, adc = siemens_fat_fraction(tmp_path / "a"), siemens_xa_adc(tmp_path / "b")
    for path in files_of(adc.folder):
        edit(path, lambda ds: setattr(ds, "StudyInstanceUID", "1.2.3"))
    words = ["fatwater", "--maps", f"PDFF={pdff.folder}", f"ADC={adc.folder}", "--map-scale", "PDFF=permille"]
    assert run(*words, "ADC=um2/s", "--dicom", "--out", tmp_path / "out") == 2
    assert "--dicom: source_datasets: expected images with one StudyInstanceUID" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
