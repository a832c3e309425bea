"""DICOM out: parametric maps, segmentations and measurement reports, de-identified unless asked otherwise."""

from mrbiomarkers.files.dicom_write.deidentify import deidentified, replaced_uid
from mrbiomarkers.files.dicom_write.map import write_parametric_map
from mrbiomarkers.files.dicom_write.report import write_measurement_report
from mrbiomarkers.files.dicom_write.results import read_source_headers, write_dicom_results
from mrbiomarkers.files.dicom_write.segmentation import write_dicom_segmentation

__all__ = [
    "deidentified",
    "read_source_headers",
    "replaced_uid",
    "write_dicom_results",
    "write_dicom_segmentation",
    "write_measurement_report",
    "write_parametric_map",
]
