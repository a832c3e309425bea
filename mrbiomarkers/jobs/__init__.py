"""One subject from series and regions to maps and rows."""

from mrbiomarkers.jobs.diffusion import DiffusionResult, run_diffusion
from mrbiomarkers.jobs.echo_fits import EchoDecay, EchoFit
from mrbiomarkers.jobs.fatwater import FatWaterResult, run_fatwater
from mrbiomarkers.jobs.mask_mapping import MappedMask, MaskMapping, map_masks
from mrbiomarkers.jobs.measuring import DrawnRegion, MeasuredMaps, measure_maps
from mrbiomarkers.jobs.models import ResidualFat
from mrbiomarkers.jobs.readers import ReaderAgreement, agree_readers
from mrbiomarkers.jobs.region_fits import RegionDecay, RegionFit
from mrbiomarkers.jobs.vendor import VendorInput, VendorResult, run_vendor_maps

__all__ = [
    "DiffusionResult",
    "DrawnRegion",
    "EchoDecay",
    "EchoFit",
    "FatWaterResult",
    "MappedMask",
    "MaskMapping",
    "MeasuredMaps",
    "ReaderAgreement",
    "RegionDecay",
    "RegionFit",
    "ResidualFat",
    "VendorInput",
    "VendorResult",
    "agree_readers",
    "map_masks",
    "measure_maps",
    "run_diffusion",
    "run_fatwater",
    "run_vendor_maps",
]
