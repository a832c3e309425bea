"""Statistics of parameter maps for the module Segment Statistics: voxels without a value are left out, and counted."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import slicer
from SegmentStatisticsPlugins import SegmentStatisticsPluginBase
from slicer.i18n import tr as _

from mrbiomarkers.jobs import measure_maps
from mrbiomarkers.measurements import Measurement
from mrbiomarkers.mrml import drawn_regions, parameter_map
from mrbiomarkers.quantities import quantity

# By key: column of the measurement table, name, description.
_STATISTICS = {
    "mean": ("mean", "Mean", "Mean over the voxels with a value."),
    "sd": ("sd", "SD", "Standard deviation of the voxels."),
    "median": ("median", "Median", "Median of the voxels."),
    "p25": ("p25", "25th percentile", "A quarter of the voxels lies below."),
    "p75": ("p75", "75th percentile", "A quarter of the voxels lies above."),
    "min": ("min", "Minimum", "Smallest value."),
    "max": ("max", "Maximum", "Largest value."),
}
_CODES = {
    "mean": ("373098007", "SCT", "Mean"),
    "sd": ("386136009", "SCT", "Standard Deviation"),
    "median": ("373099004", "SCT", "Median"),
    "min": ("255605001", "SCT", "Minimum"),
    "max": ("56851009", "SCT", "Maximum"),
}
_COUNTS = {
    "voxels": ("n_voxels", "Voxels of the map", "Voxels of the map in the segment, with or without a value."),
    "unfitted": ("n_unfitted", "Voxels without a value", "Voxels in the segment that were not fitted."),
    "on_bound": ("n_on_bound", "Voxels on a bound", "Voxels whose fit ended on a bound of this parameter."),
}


class ParameterMapSegmentStatisticsPlugin(SegmentStatisticsPluginBase):
    """Statistics of a map made by this extension, in its unit and with the DICOM code of its quantity.

    Slicer's own plugin counts every voxel; one that was not fitted (NaN) makes its mean NaN. This one measures as the
    modules do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name = "Parameter Map"
        self.title = _("Parameter map")
        self.keys = [*_STATISTICS, *_COUNTS]
        self.defaultKeys = ["mean", "sd", "median", "voxels", "unfitted"]

    def computeStatistics(self, segmentID: str) -> dict[str, Any]:
        """Return the statistics of one segment; none where the volume is no map of this extension."""
        wanted = self.getRequestedKeys()
        parameters = self.getParameterNode()
        volume = slicer.mrmlScene.GetNodeByID(parameters.GetParameter("ScalarVolume"))
        segmentation = slicer.mrmlScene.GetNodeByID(parameters.GetParameter("Segmentation"))
        if not wanted or segmentation is None or not _is_map(volume):
            return {}
        try:
            row = _row(volume, segmentation, segmentID)
        except ValueError as error:  # an empty segment, or one outside the map; the others go on
            logging.warning("Statistics of parameter maps: %s", error)
            return {}
        columns = {key: known[0] for key, known in {**_STATISTICS, **_COUNTS}.items()}
        values = {key: getattr(row, columns[key]) for key in wanted}
        return {key: value for key, value in values.items() if value is not None and np.isfinite(value)}

    def getMeasurementInfo(self, key: str) -> dict[str, Any] | None:
        """Return name, unit and codes of one statistic."""
        if key in _COUNTS:
            _column, name, said = _COUNTS[key]
            code = self.createCodedEntry("{voxels}", "UCUM", "voxels", True)
            return dict(
                self.createMeasurementInfo(name=name, title=_(name), description=_(said), units="", unitsDicomCode=code)
            )
        if key not in _STATISTICS:
            return None
        _column, name, said = _STATISTICS[key]
        volume = slicer.mrmlScene.GetNodeByID(self.getParameterNode().GetParameter("ScalarVolume"))
        units, codes = "", {}
        if _is_map(volume):
            known = quantity(volume.GetAttribute("MRBiomarkers.Quantity"))
            units = "" if known.reported_unit == "1" else known.reported_unit
            codes = {"quantityDicomCode": volume.GetVoxelValueQuantity(), "unitsDicomCode": volume.GetVoxelValueUnits()}
            codes = {name: entry.GetAsString() for name, entry in codes.items() if entry is not None}
        if key in _CODES:
            codes["derivationDicomCode"] = self.createCodedEntry(*_CODES[key], True)
        return dict(self.createMeasurementInfo(name=name, title=_(name), description=_(said), units=units, **codes))


def _row(volume: Any, segmentation: Any, segment: str) -> Measurement:
    """Return the measurement of one segment."""
    name = segmentation.GetSegmentation().GetSegment(segment).GetName()
    regions = drawn_regions(segmentation, [name])
    return measure_maps([parameter_map(volume)], {"": regions}).rows[0]


def _is_map(volume: Any) -> bool:
    return volume is not None and volume.GetAttribute("MRBiomarkers.Quantity") is not None
