"""What the modules register when Slicer has started: sample data, and statistics of segments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CATEGORY = "MRBiomarkers"


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
