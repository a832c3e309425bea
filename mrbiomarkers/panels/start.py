"""What the modules say of themselves and register when Slicer has started: help, sample data, statistics, layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

CATEGORY = "MRBiomarkers"


def working_order() -> str:
    """Return what the help of both modules says of the panel: its sections and its keys."""
    return _(
        "<p>From top to bottom: <i>Cases</i> opens the examinations of a worklist one after another; <i>Input</i> and "
        "<i>Fit</i> make maps; <i>Regions</i> places L1-L5 and draws lesions, once for all maps and for both modules; "
        "<i>Measure</i> makes the table (and fits first, where there are no maps yet); <i>Readers</i> compares two "
        "readers; <i>Export</i> writes files.<p>Keys: Ctrl+Shift+L place L1-L5, Ctrl+Shift+J next region in the views, "
        "Ctrl+Shift+M measure, Ctrl+Shift+U save the case, Ctrl+Shift+N next case."
    )


def register_sample(name: str, title: str, generate: Callable[[Any], Any]) -> None:
    """Offer simulated data in the module Sample Data; its button calls ``generate``, nothing is downloaded.

    Parameters
    ----------
    name : str
        Name of the sample.
    title : str
        Text of the button.
    generate : callable
        ``generate(source)`` adds the nodes to the scene.
    """
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=title,
        uris="",
        fileNames="",
        nodeNames=name,
        customDownloader=generate,
    )


def register_statistics() -> None:
    """Offer the statistics of maps in the module Segment Statistics, once for all modules."""
    import SegmentStatistics

    from mrbiomarkers.panels.segment_statistics import ParameterMapSegmentStatisticsPlugin

    logic = SegmentStatistics.SegmentStatisticsLogic
    name = ParameterMapSegmentStatisticsPlugin.__name__
    # By name: after a reload the class is another object, and a second one would double every column.
    if all(known.__name__ != name for known in logic.registeredPlugins):
        logic.registerPlugin(ParameterMapSegmentStatisticsPlugin())


def register_layout() -> None:
    """Make the layout of the panels known: a scene that was saved in it is shown in it before a panel is opened."""
    from mrbiomarkers.panels.measure.layout import register

    register()
