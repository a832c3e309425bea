"""What the section Measure keeps in the scene; one node for both modules."""

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

SHARED = "MRBiomarkers.Measure"  # singleton tag
SUMMARY, ALL = "summary", "all measurements"
STATISTICS = {
    "mean": ("value",),
    "mean and SD": ("value", "sd"),
    "median": ("median",),
    "median and quartiles": ("median", "p25", "p75"),
    "smallest and largest": ("min", "max"),
}


@parameterNodeWrapper
class MeasureParameterNode:
    """What the section keeps in the scene, for both modules.

    subject, timepoint - of the rows, while no case is open
    measuredTable - the measurements that are shown
    shown, statistic - which table, and what the summary tells
    eachSlice, levelMean - rows of single slices, and of the mean of L1 to L5
    overlay, opacity, legend - the map over the images
    reading - whether the panel sets its layout of slices, plot and table
    """

    subject: str = ""
    timepoint: str = ""
    measuredTable: vtkMRMLTableNode
    shown: Annotated[str, Choice([SUMMARY, ALL])] = SUMMARY
    statistic: Annotated[str, Choice(list(STATISTICS))] = "mean"
    eachSlice: bool = False
    levelMean: bool = False
    overlay: vtkMRMLScalarVolumeNode
    opacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.6
    legend: bool = True
    reading: bool = True
