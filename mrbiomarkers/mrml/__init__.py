"""MRML nodes to series, maps, masks and rows, and back. Needs 3D Slicer, or the wheel slicer-core with a scene."""

from mrbiomarkers.mrml.agreement_out import add_agreement_table
from mrbiomarkers.mrml.decays import add_diffusion_decay, add_echo_decay
from mrbiomarkers.mrml.fits import add_fit
from mrbiomarkers.mrml.frames import Frames, frames_of
from mrbiomarkers.mrml.geometry import affine_of_node
from mrbiomarkers.mrml.hierarchy import place_in_folder, place_in_study
from mrbiomarkers.mrml.maps_in import parameter_map, scale_proposal
from mrbiomarkers.mrml.maps_out import add_maps, display_map
from mrbiomarkers.mrml.nodes import check_node, undo_on_error
from mrbiomarkers.mrml.plots_out import add_agreement_chart, add_box_chart, add_decay_chart
from mrbiomarkers.mrml.points import add_level_points, level_points
from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions, masks_on
from mrbiomarkers.mrml.results import AgreementNodes, FitNodes, ImportedNodes, MeasuredNodes, PlacedNodes
from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence, add_echo_sequences
from mrbiomarkers.mrml.series_in import diffusion_series, echo_series
from mrbiomarkers.mrml.tables_out import (
    add_measurement_table,
    add_record_table,
    add_summary_table,
    measurements_of,
)
from mrbiomarkers.mrml.views import display_regions, show_legend

__all__ = [
    "AgreementNodes",
    "FitNodes",
    "Frames",
    "ImportedNodes",
    "MeasuredNodes",
    "PlacedNodes",
    "add_agreement_chart",
    "add_agreement_table",
    "add_box_chart",
    "add_decay_chart",
    "add_diffusion_decay",
    "add_diffusion_sequence",
    "add_echo_decay",
    "add_echo_sequences",
    "add_fit",
    "add_level_points",
    "add_maps",
    "add_measurement_table",
    "add_record_table",
    "add_segmentation",
    "add_summary_table",
    "affine_of_node",
    "check_node",
    "diffusion_series",
    "display_map",
    "display_regions",
    "drawn_regions",
    "echo_series",
    "frames_of",
    "level_points",
    "masks_on",
    "measurements_of",
    "parameter_map",
    "place_in_folder",
    "place_in_study",
    "scale_proposal",
    "show_legend",
    "undo_on_error",
]
