"""Headers without the patient: what must go, what must stay, and the same UIDs every time."""

import copy
import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from mrbiomarkers.files.dicom_write.deidentify import deidentified, replaced_uid
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom_results import headers


@pytest.fixture
def header(tmp_path):
    dataset = headers(ge_diffusion(tmp_path / "ge").folder)[0]
    nested = Dataset()
    nested.PersonName, nested.StudyDate, nested.ReferencedSOPInstanceUID = "DOE^JANE", "20260102", "1.2.3.4"
    nested.add_new((0x0011, 0x0010), "LO", "DOE PRIVATE")
    nested.CodeValue, nested.CodeMeaning = "113291", "Slow Diffusion Coefficient"
    dataset.DerivationCodeSequence = [nested]
    dataset.OtherPatientIDs, dataset.PatientComments, dataset.OperatorsName = "MRN-0815-4711", "JANE", "DOE^JOHN"
    dataset.RequestedProcedureID, dataset.StudyDescription, dataset.DeviceSerialNumber = "ACC-99-1234", "Jane", "4711"
    return dataset


def bytes_of(dataset):
    stream = io.BytesIO()
    dataset.save_as(stream, implicit_vr=False, little_endian=True)
    return stream.getvalue()


@pytest.mark.parametrize("keep_uids", [False, True])
def test_nothing_of_the_patient_is_left(header, keep_uids):
    cleaned = deidentified(header, subject="S01", keep_uids=keep_uids)
    content = bytes_of(cleaned).upper()
    for word in (*PATIENT.values(), "DOE", "JANE", "20260102", "0815", "4711", "101500", "GEMS"):
        assert word.encode().upper() not in content, word
    assert not any(element.tag.is_private for element in cleaned.iterall())
    assert (cleaned.PatientID, str(cleaned.PatientName), cleaned.PatientIdentityRemoved) == ("S01", "S01", "YES")


def test_what_the_image_is_stays(header):
    cleaned = deidentified(header)
    for keyword in ("Rows", "PixelSpacing", "ImagePositionPatient", "EchoTime", "FlipAngle", "ImageType",
                    "PatientPosition", "MagneticFieldStrength", "Manufacturer", "SOPClassUID"):  # fmt: skip
        assert cleaned[keyword].value == header[keyword].value, keyword
    assert cleaned.DerivationCodeSequence[0].CodeValue == "113291"
    assert str(cleaned.PatientName) == cleaned.PatientID == "ANONYMOUS"
    for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "AccessionNumber", "ReferringPhysicianName"):
        assert cleaned[keyword].value == "", keyword  # type 2: there, and empty


def test_uids_are_replaced_the_same_way_everywhere_or_kept(header):
    cleaned, again = deidentified(header), deidentified(header, subject="other")
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        found = cleaned[keyword].value
        assert found == again[keyword].value == replaced_uid(header[keyword].value) != header[keyword].value
        assert UID(found).is_valid
        assert int(found.removeprefix("2.25.")) < 2**128
    assert cleaned.DerivationCodeSequence[0].ReferencedSOPInstanceUID == replaced_uid("1.2.3.4")
    assert replaced_uid("1.2.840.10008.5.1.4.1.1.4") == "1.2.840.10008.5.1.4.1.1.4"
    assert replaced_uid("1.2.3.4") != replaced_uid("1.2.3.5")
    kept = deidentified(header, keep_uids=True)
    assert kept.StudyInstanceUID == header.StudyInstanceUID
    assert kept.DerivationCodeSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"


def test_the_given_header_is_not_changed(header):
    before = copy.deepcopy(header)
    deidentified(header, subject="S01")
    assert header == before


def test_texts_of_another_character_set_survive(tmp_path, header):
    header.SpecificCharacterSet, header.Manufacturer = "ISO_IR 100", "Müller"
    path = tmp_path / "header.dcm"
    cleaned = deidentified(header, subject="患者")
    cleaned.save_as(path, implicit_vr=False, little_endian=True)
    found = dcmread(path, force=True)
    assert (found.Manufacturer, found.PatientID) == ("Müller", "患者")


@pytest.mark.parametrize("subject", ["a^b", "a\\b", "a=b", "a\nb", "x" * 65])
def test_a_subject_that_dicom_cannot_hold_is_refused(header, subject):
    with pytest.raises(ValueError, match="subject: expected at most 64 printable characters"):
        deidentified(header, subject=subject)
