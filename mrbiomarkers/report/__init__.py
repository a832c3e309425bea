"""Figures for people to read and print. Drawing only: nothing is fitted or averaged here."""

from __future__ import annotations

from mrbiomarkers.report.agreement import bland_altman_figure
from mrbiomarkers.report.decay import decay_figure
from mrbiomarkers.report.echoes import echo_figure
from mrbiomarkers.report.mapping import mapping_figure
from mrbiomarkers.report.panels import map_panel
from mrbiomarkers.report.plan import plan_figure
from mrbiomarkers.report.planes import SlicePlane, slice_plane
from mrbiomarkers.report.regions import region_figure
from mrbiomarkers.report.style import save_figure, typeset

__all__ = [
    "SlicePlane",
    "bland_altman_figure",
    "decay_figure",
    "echo_figure",
    "map_panel",
    "mapping_figure",
    "plan_figure",
    "region_figure",
    "save_figure",
    "slice_plane",
    "typeset",
]
