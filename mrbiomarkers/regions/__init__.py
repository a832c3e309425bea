"""Regions: their grids, and the measurement of maps in them."""

from mrbiomarkers.regions.grids import (
    describe_grid,
    is_same_grid,
    is_same_lattice,
    mask_on_grid,
    place_mask,
    voxel_sizes,
)
from mrbiomarkers.regions.measure import measure, region_size, warnings_of

__all__ = [
    "describe_grid",
    "is_same_grid",
    "is_same_lattice",
    "mask_on_grid",
    "measure",
    "place_mask",
    "region_size",
    "voxel_sizes",
    "warnings_of",
]
