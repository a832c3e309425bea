"""What every vendor writes into an MR image, the patient of all simulations, private elements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from Testing.support.dicom.grid import Grid

PATIENT = {
    "PatientName": "DOE^JANE",
    "PatientID": "MRN-0815-4711",
    "PatientBirthDate": "19780213",
    "PatientAddress": "Elm Street 13",
    "InstitutionName": "General Hospital Elsewhere",
    "ReferringPhysicianName": "HOUSE^GREGORY",
    "AccessionNumber": "ACC-99-1234",
    "DeviceSerialNumber": "SN-778812",
}
"""What no export may hold, by keyword."""


def uid(*words: object) -> str:
    """The same UID for the same words."""
    return str(generate_uid(entropy_srcs=[str(word) for word in words]))


def decimals(values: Iterable[float]) -> list[DSfloat]:
    """Decimal strings, cut to the 16 characters they may have."""
    return [DSfloat(float(value), auto_format=True) for value in values]


def add_private(ds: Dataset, creator: str, tag: int, vr: str, value: Any) -> None:
    """Add a private element with its creator: ``tag`` is (group << 16) + element, its second byte the block."""
    group, element = tag >> 16, tag & 0xFFFF
    ds.add_new((group, element >> 8), "LO", creator)
    ds.add_new(tag, vr, value)


def series_dataset(vendor: str, name: str, *, description: str = "") -> Dataset:
    """What is the same in all images of a series: ``name`` makes its UIDs."""
    ds = Dataset()
    for keyword, value in PATIENT.items():
        setattr(ds, keyword, value)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.Modality = "MR"
    ds.Manufacturer = vendor
    ds.StudyInstanceUID = uid("study")
    ds.SeriesInstanceUID = uid("series", name)
    ds.FrameOfReferenceUID = uid("frame of reference")
    ds.SeriesDescription = description or name
    ds.StudyDate, ds.StudyTime, ds.StudyID = "20260102", "101500", "7"
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260102"
    ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "102000"
    ds.SeriesNumber = 5
    ds.PatientSex, ds.PatientPosition, ds.PositionReferenceIndicator = "F", "HFS", ""
    ds.ManufacturerModelName, ds.SoftwareVersions = "Model", "1.0"
    ds.MagneticFieldStrength = "3"
    return ds


def image_dataset(vendor: str, name: str, grid: Grid, *, description: str = "") -> Dataset:
    """The series dataset with what is the same in all single-frame images of a grid."""
    ds = series_dataset(vendor, name, description=description)
    ds.SOPClassUID = MRImageStorage
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    ds.ScanningSequence, ds.SequenceVariant, ds.MRAcquisitionType = "EP", "NONE", "2D"
    ds.ScanOptions, ds.EchoTrainLength = "", 1
    ds.RepetitionTime, ds.EchoTime, ds.FlipAngle = "3000", "70", "90"
    ds.NumberOfAverages = "1"
    ds.SliceThickness = decimals([grid.thickness])[0]
    ds.SpacingBetweenSlices = decimals([grid.step])[0]
    ds.PixelSpacing = decimals(grid.spacing)
    ds.ImageOrientationPatient = decimals([*grid.row, *grid.column])
    ds.AcquisitionNumber = 1
    return ds
