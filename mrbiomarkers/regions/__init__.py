"""Regions: their grids, and the measurement of maps in them."""

from mrbiomarkers.regions.compare import MaskComparison, RegionsComparison, compare_masks, compare_regions
from mrbiomarkers.regions.copying import CopiedMask, copy_mask
from mrbiomarkers.regions.grids import (
    describe_grid,
    is_same_grid,
    is_same_lattice,
    mask_on_grid,
    place_mask,
    voxel_sizes,
)
from mrbiomarkers.regions.interpolation import map_on_grid
from mrbiomarkers.regions.lesions import LESION_AREA, LesionSize, lesion_size
from mrbiomarkers.regions.levels import LABEL_TABLES, SNOMED_CODES, Segment, SegmentLevels, find_levels
from mrbiomarkers.regions.measure import measure, region_size, warnings_of
from mrbiomarkers.regions.placement import PlacedRegions, place_vertebrae
from mrbiomarkers.regions.spine_curve import shift_levels
from mrbiomarkers.regions.vertebrae import BodyRegions, vertebra_bodies

__all__ = [
    "LABEL_TABLES",
    "LESION_AREA",
    "SNOMED_CODES",
    "BodyRegions",
    "CopiedMask",
    "LesionSize",
    "MaskComparison",
    "PlacedRegions",
    "RegionsComparison",
    "Segment",
    "SegmentLevels",
    "compare_masks",
    "compare_regions",
    "copy_mask",
    "describe_grid",
    "find_levels",
    "is_same_grid",
    "is_same_lattice",
    "lesion_size",
    "map_on_grid",
    "mask_on_grid",
    "measure",
    "place_mask",
    "place_vertebrae",
    "region_size",
    "shift_levels",
    "vertebra_bodies",
    "voxel_sizes",
    "warnings_of",
]
