"""Files in and out, one file per format. Everything inside the package is RAS and ``[k, j, i]``; LPS ends here."""

from mrbiomarkers.files.bids import bids_name, bids_sidecar
from mrbiomarkers.files.bvalues import read_bvalues
from mrbiomarkers.files.clinical_table import read_clinical_table
from mrbiomarkers.files.echo_protocol import echo_times_from_ms
from mrbiomarkers.files.echoes import EchoFiles, EchoInput, read_echo_series, write_echo_series
from mrbiomarkers.files.geometry import affine_of, set_geometry
from mrbiomarkers.files.images import Volume, is_complex_image, read_series, read_volume, write_map, write_volume
from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.files.nifti import write_nifti_series
from mrbiomarkers.files.nrrd_sequence import write_nrrd_sequence
from mrbiomarkers.files.outputs import check_output, prepare_output, write_json, write_rows, write_text
from mrbiomarkers.files.parameter_maps import read_map, write_map_with_sidecar
from mrbiomarkers.files.paths import atomic_path, is_dicom, suffix_of
from mrbiomarkers.files.points import read_points, write_points
from mrbiomarkers.files.segmentation import read_mask, read_regions, read_segments
from mrbiomarkers.files.segmentation_write import write_regions
from mrbiomarkers.files.table_write import write_table

__all__ = [
    "EchoFiles",
    "EchoInput",
    "Volume",
    "affine_of",
    "atomic_path",
    "bids_name",
    "bids_sidecar",
    "check_output",
    "echo_times_from_ms",
    "is_complex_image",
    "is_dicom",
    "json_text",
    "prepare_output",
    "read_bvalues",
    "read_clinical_table",
    "read_echo_series",
    "read_map",
    "read_mask",
    "read_points",
    "read_regions",
    "read_segments",
    "read_series",
    "read_volume",
    "set_geometry",
    "suffix_of",
    "write_echo_series",
    "write_json",
    "write_map",
    "write_map_with_sidecar",
    "write_nifti_series",
    "write_nrrd_sequence",
    "write_points",
    "write_regions",
    "write_rows",
    "write_table",
    "write_text",
    "write_volume",
]
