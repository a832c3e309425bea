"""One subject from series and regions to maps and rows."""

from mrbiomarkers.jobs.diffusion import DiffusionResult, RegionDecay, RegionFit, run_diffusion

__all__ = ["DiffusionResult", "RegionDecay", "RegionFit", "run_diffusion"]
