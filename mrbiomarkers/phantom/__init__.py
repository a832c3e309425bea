"""Simulated subjects with known truth, for the demonstration, the tests and the sample data."""

from __future__ import annotations

from mrbiomarkers.phantom.lumbar import B_ALL, LEVELS, LumbarPhantom, lumbar_diffusion

__all__ = ["B_ALL", "LEVELS", "LumbarPhantom", "lumbar_diffusion"]
