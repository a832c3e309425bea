"""Simulated subjects with known truth, for the demonstration, the tests and the sample data."""

from __future__ import annotations

from mrbiomarkers.phantom.lumbar import B_ALL, LumbarPhantom, lumbar_diffusion
from mrbiomarkers.phantom.lumbar_fatwater import ECHO_TIMES, FatWaterPhantom, lumbar_fat_water
from mrbiomarkers.phantom.scene import LEVELS, region_centres

__all__ = [
    "B_ALL",
    "ECHO_TIMES",
    "LEVELS",
    "FatWaterPhantom",
    "LumbarPhantom",
    "lumbar_diffusion",
    "lumbar_fat_water",
    "region_centres",
]
