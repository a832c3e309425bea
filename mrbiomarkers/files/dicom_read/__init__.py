"""DICOM in: every file below a folder, the b-values and echoes of every manufacturer, maps, what a folder holds."""

from mrbiomarkers.files.dicom_read.diffusion import BRow, DicomDiffusion, read_dicom_diffusion
from mrbiomarkers.files.dicom_read.echoes import read_dicom_echoes
from mrbiomarkers.files.dicom_read.headers import read_headers
from mrbiomarkers.files.dicom_read.inventory import Inventory, SeriesEntry, inventory
from mrbiomarkers.files.dicom_read.maps import DicomMap, read_dicom_image, read_dicom_map
from mrbiomarkers.files.dicom_read.study import study_of

__all__ = [
    "BRow",
    "DicomDiffusion",
    "DicomMap",
    "Inventory",
    "SeriesEntry",
    "inventory",
    "read_dicom_diffusion",
    "read_dicom_echoes",
    "read_dicom_image",
    "read_dicom_map",
    "read_headers",
    "study_of",
]
