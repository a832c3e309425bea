"""Stand-ins for the modules SegmentStatistics and SegmentStatisticsPlugins, without the plugins that Slicer brings.

A plugin's checkboxes are not made: the base class here needs no Qt.
"""

import logging

import slicer
import vtk

from .scripted_module import ScriptedLoadableModuleLogic
from .texts import tr as _

SEGMENTATION, VISIBLE_ONLY = "Segmentation", "visibleSegmentsOnly"


class SegmentStatisticsPluginBase:
    """A plugin names its measurements (``keys``), says what they are and computes them for one segment."""

    @staticmethod
    def createCodedEntry(codeValue, codingScheme, codeMeaning, returnAsString=False):
        entry = slicer.vtkCodedEntry()
        entry.SetValueSchemeMeaning(codeValue, codingScheme, codeMeaning)
        return entry.GetAsString() if returnAsString else entry

    @staticmethod
    def isValidCodedEntry(text):
        if not text:
            return False
        entry = slicer.vtkCodedEntry()
        entry.SetFromString(text)
        return entry.GetCodeValue() or entry.GetCodingSchemeDesignator() or entry.GetCodeMeaning()

    @staticmethod
    def createMeasurementInfo(
        name,
        title,
        description,
        units,
        quantityDicomCode=None,
        unitsDicomCode=None,
        measurementMethodDicomCode=None,
        derivationDicomCode=None,
        componentNames=None,
    ):
        """Return what is known of a measurement; codes are given as text, those that say nothing are left out."""
        codes = {"Quantity": quantityDicomCode, "Units": unitsDicomCode}
        codes |= {"MeasurementMethod": measurementMethodDicomCode, "Derivation": derivationDicomCode}
        info = {"name": name, "title": title, "description": description, "units": units}
        if componentNames:
            info["componentNames"] = componentNames
        valid = SegmentStatisticsPluginBase.isValidCodedEntry
        return info | {f"DICOM.{kind}Code": code for kind, code in codes.items() if valid(code)}

    def __init__(self):
        self.name = self.title = ""
        self.keys, self.defaultKeys = [], []
        self.parameterNode = None

    def computeStatistics(self, segmentID):
        """Return the values of the requested keys; for subclasses."""

    def getMeasurementInfo(self, key):
        return None

    def setDefaultParameters(self, parameterNode, overwriteExisting=False):
        if not parameterNode.GetParameter(f"{type(self).__name__}.enabled"):
            parameterNode.SetParameter(f"{type(self).__name__}.enabled", "True")
        for key in self.keys:
            name = f"{self.toLongKey(key)}.enabled"
            if overwriteExisting or not parameterNode.GetParameter(name):
                parameterNode.SetParameter(name, str(key in self.defaultKeys))

    def getRequestedKeys(self):
        if not self.parameterNode:
            return ()
        return [key for key in self.keys if self.parameterNode.GetParameter(f"{self.toLongKey(key)}.enabled") == "True"]

    def toLongKey(self, key):
        return f"{type(self).__name__}.{key}"

    def toShortKey(self, key):
        own = f"{type(self).__name__}."
        return key.removeprefix(own) if key.startswith(own) else ""

    def setParameterNode(self, parameterNode):
        if self.parameterNode != parameterNode:
            self.parameterNode = parameterNode
            if parameterNode:
                self.setDefaultParameters(parameterNode)

    def getParameterNode(self):
        return self.parameterNode


class SegmentStatisticsLogic(ScriptedLoadableModuleLogic):
    """Runs every registered plugin on every segment; a new instance of each plugin for each logic."""

    registeredPlugins: list = []  # noqa: RUF012  Slicer keeps them on the class
    segmentColumnName = "Segment"

    @staticmethod
    def registerPlugin(plugin):
        """Register the class of a plugin. What is no plugin is left out without a word, as Slicer does."""
        if not isinstance(plugin, SegmentStatisticsPluginBase):
            return
        if any("." in key for key in plugin.keys):
            logging.warning("Plugin keys should not contain a dot")
        if type(plugin) in SegmentStatisticsLogic.registeredPlugins:
            logging.warning("a plugin of this class is registered already")
        else:
            SegmentStatisticsLogic.registeredPlugins.append(type(plugin))

    def __init__(self, parent=None):
        super().__init__(parent)
        self.moduleName = "SegmentStatistics"
        self.plugins = [plugin() for plugin in self.registeredPlugins]
        self.isSingletonParameterNode = False
        self.parameterNode = None
        self.reset()

    def getParameterNode(self):
        if not self.parameterNode:
            self.parameterNode = super().getParameterNode()
            for plugin in self.plugins:
                plugin.setParameterNode(self.parameterNode)
            if not self.parameterNode.GetParameter(VISIBLE_ONLY):
                self.parameterNode.SetParameter(VISIBLE_ONLY, "True")
        return self.parameterNode

    def reset(self):
        self.getParameterNode()
        self.keys = [self.segmentColumnName]
        self.keys += [plugin.toLongKey(key) for plugin in self.plugins for key in plugin.keys]
        self._statistics = {"SegmentIDs": [], "MeasurementInfo": {}}

    def getStatistics(self):
        return self._statistics

    def computeStatistics(self):
        self.reset()
        segmentation = slicer.mrmlScene.GetNodeByID(self.getParameterNode().GetParameter(SEGMENTATION))
        segments = vtk.vtkStringArray()
        if self.getParameterNode().GetParameter(VISIBLE_ONLY) == "True":
            segmentation.GetDisplayNode().GetVisibleSegmentIDs(segments)
        else:
            segmentation.GetSegmentation().GetSegmentIDs(segments)
        for index in range(segments.GetNumberOfValues()):
            self.updateStatisticsForSegment(segments.GetValue(index))

    def updateStatisticsForSegment(self, segmentID):
        parameters, statistics = self.getParameterNode(), self._statistics
        segmentation = slicer.mrmlScene.GetNodeByID(parameters.GetParameter(SEGMENTATION)).GetSegmentation()
        segment = segmentation.GetSegment(segmentID)
        if not segment:
            return
        if segmentID not in statistics["SegmentIDs"]:
            statistics["SegmentIDs"].append(segmentID)
        statistics[segmentID, self.segmentColumnName] = segment.GetName()
        for plugin in self.plugins:
            if parameters.GetParameter(f"{type(plugin).__name__}.enabled") == "True":
                for key, value in plugin.computeStatistics(segmentID).items():
                    statistics[segmentID, plugin.toLongKey(key)] = value
                    statistics["MeasurementInfo"][plugin.toLongKey(key)] = plugin.getMeasurementInfo(key)

    def getNonEmptyKeys(self):
        return [key for key in self.keys if self._values(key)]

    def _values(self, key):
        found = [(segment, key) for segment in self._statistics["SegmentIDs"]]
        return [self._statistics[pair] for pair in found if pair in self._statistics]

    def exportToTable(self, table, nonEmptyKeysOnly=True):
        """Write one column a measurement: numbers for Python's int and float, text for anything else."""
        table.RemoveAllColumns()
        keys = self.getNonEmptyKeys() if nonEmptyKeysOnly else self.keys
        for key in keys:
            self._add_column(table, key)
        for segment in self._statistics["SegmentIDs"]:
            row = table.AddEmptyRow()
            for column, key in enumerate(keys):
                value = self._statistics.get((segment, key), float("nan"))
                table.GetTable().GetColumn(column).SetValue(row, value)
        table.Modified()

    def _add_column(self, table, key):
        first = next(iter(self._values(key)), None)
        kinds = [
            array for kind, array in ((int, vtk.vtkLongArray), (float, vtk.vtkDoubleArray)) if isinstance(first, kind)
        ]
        column = table.AddColumn(kinds[0]()) if kinds else table.AddColumn()
        info = self._statistics["MeasurementInfo"].get(key) or {}
        name = info.get("name") or key
        column.SetName(name)
        table.SetColumnTitle(name, info.get("title") or (_("Segment") if key == self.segmentColumnName else ""))
        for field, value in info.items():
            if field == "description":
                table.SetColumnDescription(name, str(value))
            elif field == "units":
                table.SetColumnUnitLabel(name, str(value))
            elif field not in ("name", "title", "componentNames"):
                table.SetColumnProperty(name, field, str(value))
