"""One subject from series and regions to maps and rows."""

from mrbiomarkers.jobs.diffusion import DiffusionResult, run_diffusion
from mrbiomarkers.jobs.models import ResidualFat
from mrbiomarkers.jobs.region_fits import RegionDecay, RegionFit

__all__ = ["DiffusionResult", "RegionDecay", "RegionFit", "ResidualFat", "run_diffusion"]
