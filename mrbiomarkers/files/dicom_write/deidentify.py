"""De-identification of DICOM headers: who the patient is goes out, a subject ID chosen by the study comes in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

ANONYMOUS = "ANONYMOUS"
"""Patient name and ID where the study chose no subject ID: archives refuse objects with neither."""

_METHOD = ["MRBiomarkers", "identity, dates, free text and private elements removed"]
_STANDARD_UIDS = "1.2.840.10008."  # classes, transfer syntaxes, coding schemes: the same in every file of the world
_REQUIRED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate")
_REQUIRED_TOO = ("StudyTime", "ReferringPhysicianName")
# Value representations that hold names of persons, dates and times, and free text beyond a line.
_IDENTIFYING_VR = frozenset({"PN", "DA", "DT", "TM", "LT", "ST", "UT", "UN"})
_IDENTIFYING_BEGINNING = (
    "Patient", "OtherPatient", "Issuer", "Institution", "Admission", "Admitting", "RequestedProcedure", "Requesting",
    "Requested", "ScheduledProcedureStep", "ScheduledStation", "PerformedProcedureStep", "PerformedStation",
    "PerformedLocation", "Physician", "ReferringPhysician", "Performing", "Operator", "NameOfPhysician", "Responsible",
    "ClinicalTrial", "Filler", "Placer", "Person", "Reviewer", "Custodial", "Insurance", "Military", "ServiceEpisode",
    "Country", "RegionOfResidence", "CurrentPatientLocation",
    "Order", "ReasonFor", "Confidentiality", "Visit", "Interpretation", "Results", "RouteOfAdmission",
)  # fmt: skip
_IDENTIFYING = frozenset({
    "AccessionNumber", "StudyID", "StudyDescription", "SeriesDescription", "ProtocolName", "StationName",
    "DeviceSerialNumber", "DeviceUID", "GantryID", "DetectorID", "PlateID", "CassetteID", "AcquisitionComments",
    "EthnicGroup", "Occupation", "SmokingStatus", "PregnancyStatus", "MedicalRecordLocator", "MedicalAlerts",
    "Allergies", "SpecialNeeds", "ReasonForStudy", "ContrastBolusAgent", "OriginalAttributesSequence",
    "RequestAttributesSequence", "ReferencedPatientSequence", "ReferencedStudySequence", "IconImageSequence",
    "EncryptedAttributesSequence", "ModifiedAttributesSequence", "DigitalSignaturesSequence", "MACParametersSequence",
    "GraphicAnnotationSequence", "ContributingEquipmentSequence", "VerifyingObserverSequence", "AuthorObserverSequence",
    "ParticipantSequence", "ImageComments", "SourceApplicationEntityTitle", "StationAETitle", "RetrieveAETitle",
    "TimezoneOffsetFromUTC", "BranchOfService", "PreMedication", "StudyIDIssuer",
    "NonconformingModifiedAttributesSequence",
})  # fmt: skip
_KEPT = frozenset({"PatientPosition", "PatientOrientation", "PatientOrientationCodeSequence", "RequestedContrastAgent"})


def deidentified(dataset: Dataset, *, subject: str = "", keep_uids: bool = False) -> Dataset:
    """Return a copy of a DICOM header without what tells who the patient is.

    Removed, also from sequences: private elements; names of persons, dates and times; free text; elements about the
    patient, institution, staff, order, device number and trial, after the list of PS3.15 table E.1-1 as far as it
    concerns MR images and what is derived from them. The image itself is not looked at: a face or burned-in text stays.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Is not changed.
    subject : str
        Subject ID of the study: patient name and ID. Empty: ``"ANONYMOUS"``.
    keep_uids : bool
        False: every UID of an instance, series, study or frame of reference is replaced by another, always by the same
        for the same UID, so that objects exported at different times still refer to each other and to source images
        de-identified in the same way; the new UID does not tell the old one, but whoever has the old ones can find the
        pair. True: UIDs stay, so that what is written refers to the source images as the archive has them; then whoever
        has access to the archive knows the patient.

    Returns
    -------
    pydicom.Dataset
        With ``PatientIdentityRemoved`` and the method; the elements that every object must have are there, empty.

    Raises
    ------
    ValueError
        When the subject ID holds a character that DICOM has other uses for, or is longer than 64.
    """
    from pydicom.dataset import Dataset

    check_subject(subject)
    cleaned = Dataset()
    for element in dataset:
        kept = _cleaned(element, keep_uids)
        if kept is not None:
            cleaned.add(kept)
    for keyword in (*_REQUIRED, *_REQUIRED_TOO):
        setattr(cleaned, keyword, "")
    cleaned.PatientName = cleaned.PatientID = subject or ANONYMOUS
    cleaned.SpecificCharacterSet = "ISO_IR 192"  # the texts were decoded on the way, and a subject ID may need it
    cleaned.PatientIdentityRemoved = "YES"
    cleaned.DeidentificationMethod = _METHOD
    return cleaned


def check_subject(subject: str) -> str:
    """Return a subject ID after checking that DICOM can hold it as name and ID of a patient.

    Raises
    ------
    ValueError
        When it cannot.
    """
    if len(subject) > 64 or any(letter in "\\^=" or not letter.isprintable() for letter in subject):
        raise ValueError(
            f"subject: expected at most 64 printable characters without backslash, ^ and =, got {subject!r}"
        )
    return subject


def replaced_uid(uid: str) -> str:
    """Return another UID (2.25.…), always the same for the same one; UIDs of the standard itself stay."""
    text = str(uid)
    if not text or text.startswith(_STANDARD_UIDS):
        return text
    digest = hashlib.sha256(f"mrbiomarkers {text}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"  # 128 bits, as a UID made of a UUID has


def _cleaned(element: DataElement, keep_uids: bool) -> DataElement | None:
    """Return a copy of an element, of a sequence without what identifies; None where the element itself does."""
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    if _identifies(element):
        return None
    value = element.value
    if element.VR == "SQ":
        items = []
        for item in value:
            kept = [_cleaned(one, keep_uids) for one in item]
            new = Dataset()
            for one in kept:
                if one is not None:
                    new.add(one)
            items.append(new)
        value = items
    elif element.VR == "UI" and not keep_uids and value:
        value = replaced_uid(value) if isinstance(value, str) else [replaced_uid(one) for one in value]
    return DataElement(element.tag, element.VR, value)


def _identifies(element: DataElement) -> bool:
    keyword = element.keyword
    if element.tag.is_private or not keyword:
        return True
    if keyword in _KEPT:
        return False
    return element.VR in _IDENTIFYING_VR or keyword in _IDENTIFYING or keyword.startswith(_IDENTIFYING_BEGINNING)
