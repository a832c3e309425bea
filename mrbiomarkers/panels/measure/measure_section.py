"""The section Measure of both panels: maps in regions, the table, decays, where to look, and maps over the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from mrbiomarkers.mrml import MeasuredNodes, display_regions, measurements_of
from mrbiomarkers.mrml.measured import keep_together, measured_of, regions_of
from mrbiomarkers.mrml.tables_out import show_statistics
from mrbiomarkers.mrml.views import show_overlay, shown_volume
from mrbiomarkers.panels.measure.layout import ReadingLayout, formPlot
from mrbiomarkers.panels.measure.map_list import MapList
from mrbiomarkers.panels.measure.measure_parameters import ALL, SHARED, STATISTICS, MeasureParameterNode
from mrbiomarkers.panels.measure.region_list import RegionList, names_of, sentence
from mrbiomarkers.panels.readers.reader_nodes import readings
from mrbiomarkers.panels.section import EXPECTED, NODE, Section, lacks, spoken
from mrbiomarkers.panels.shortcuts import Shortcuts
from mrbiomarkers.panels.widgets import Soon
from mrbiomarkers.tables import LUMBAR

DELAY = 30  # [ms] from the first new node to the list of maps; nodes that come meanwhile are one change


class MeasureSection(Section):
    """What is measured and what of it is shown.

    Parameters
    ----------
    panel : FitPanel
        The panel that it is a part of.
    """

    form = "measure_section"
    message = "measureMessage"
    shared = (SHARED, MeasureParameterNode)

    def __init__(self, panel: Any) -> None:
        super().__init__(panel)
        self._layout = ReadingLayout(self._onLayoutLeft)
        self._before: tuple[Any, ...] = ()
        self._entered = False
        self._keys: Any = None

    @property
    def measured(self) -> MeasuredNodes | None:
        """What was measured last and is shown, in either module; None where nothing is."""
        return None if self.table is None else measured_of(self.table)

    @property
    def table(self) -> Any:
        """The measurement table that is shown, or None."""
        return None if self._parameters is None else self._parameters.measuredTable

    def typed(self) -> tuple[str, str]:
        """Return the subject and the time point that the user has typed; empty where he has not."""
        parameters = self._parameters
        return ("", "") if parameters is None else (parameters.subject.strip(), parameters.timepoint.strip())

    def setup(self, layout: Any) -> None:
        """Build the form and connect its buttons."""
        super().setup(layout)
        ui = self.ui
        self._maps = MapList(ui.mapTable)
        self._regions = RegionList(ui.regionComboBox, self.onRegion)
        self._keys = Shortcuts(self.widget)
        ui.measureButton.clicked.connect(self.onMeasure)
        ui.jumpButton.clicked.connect(self.onJump)
        ui.nextButton.clicked.connect(self.onNext)
        ui.mapTable.cellChanged.connect(self.check)
        for edit in (ui.subjectEdit, ui.timepointEdit):
            edit.textChanged.connect(self.onTyped)
        ui.overlaySelector.addAttribute("vtkMRMLScalarVolumeNode", "MRBiomarkers.Quantity")
        self._timer = Soon(self.widget, self.updateMaps, DELAY)

    def bind(self, node: Any) -> None:
        """Bind the form, and follow the maps of the scene and what is chosen elsewhere in the panel."""
        super().bind(node)
        if self._parameters is None:
            return
        scene, modified = slicer.mrmlScene, vtk.vtkCommand.ModifiedEvent
        self._before = self._state()
        self.addObserver(self._parameters, modified, self.onParameters)
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodes)
        chosen = (node, scene.GetSingletonNode("MRBiomarkers.Regions", NODE))
        for other in chosen:
            if hasattr(other, "AddObserver"):
                self.addObserver(other, modified, self.onNodes)
        self.updateMaps()

    def release(self) -> None:
        """Let go of the nodes."""
        if self.ui is not None:
            self._timer.stop()
            self._maps.clear()
        super().release()
        if self.ui is not None:
            self.check()

    def enter(self) -> None:
        """Take the keys and the layout of the views, and show what was measured."""
        if self._parameters is None:
            return
        self._entered = True
        self._keys.set({"Ctrl+Shift+M": self.onMeasure, "Ctrl+Shift+J": self.onNext})
        self.ui.plotWidget.setMRMLPlotViewNode(formPlot())
        if self._parameters.reading:
            self._layout.enter()
        self.updateMaps()
        self._showMeasured()

    def exit(self) -> None:
        """Give back the keys and the layout of the views."""
        if self._entered:
            self._entered = False
            self._keys.clear()
            self._layout.exit()

    def leaveNodes(self) -> None:
        """Take away the nodes that are shown; the layout is kept, as a scene comes next."""
        if self.ui is None:
            return
        self._layout.leaveNodes()
        self._showTable(None)
        self._regions.show({})
        self._maps.clear()
        self.say("")

    def nodeRemoved(self, node: Any) -> None:
        """Let go of a node before it is deleted."""
        super().nodeRemoved(node)
        if self.ui.resultTable.mrmlTableNode() is node:  # also of a panel that is not open: it would go on showing it
            self.ui.resultTable.setMRMLTableNode(None)
        if self._parameters is None:
            return
        measured = self.measured
        if measured is not None and node is measured.table:
            self.forget()
        elif measured is not None and node is measured.summary:
            self._showTable(replace(measured, summary=None))
        self._regions.without(node)
        if node.IsA("vtkMRMLScalarVolumeNode"):
            self._maps.refresh(without=node)
            self.onNodes()

    def cleanup(self) -> None:
        """Let go of everything."""
        super().cleanup()
        if self.ui is not None:
            self.ui.plotWidget.setMRMLPlotViewNode(None)

    def onMeasure(self) -> bool:
        """Measure the checked maps, after a fit where the series has not been fitted so; return whether it is done."""
        if self._parameters is None or self.panel.running:
            return False
        if self.panel.regions is not None:
            self.panel.regions.takeReader()
        lacking = self.lacking()
        if lacking:
            self.say(lacks(lacking))
            return False
        self.say("")
        return bool(self.panel.run(_("Measuring"), self._measure, self.say))

    def lacking(self) -> list[str]:
        """Return what is missing before maps can be measured, in words."""
        if self._parameters is None:
            return [_("a scene")]
        missing = [] if any(node is not None for node in self._readings().values()) else [_("regions")]
        if not self._maps.checked() and not self._canFit():
            missing += self.panel.lacking() if self.panel.series() else [_("a map, or a series to fit")]
        return missing

    def show(self, measured: MeasuredNodes, drawn: dict[str, Any] | None = None) -> None:
        """Show what was measured.

        Parameters
        ----------
        measured : MeasuredNodes
            Tables, charts, warnings.
        drawn : dict of str to segmentation node, optional
            The regions by reader; default those that are chosen now.
        """
        if self._parameters is None:
            return
        drawn = self._readings() if drawn is None else drawn
        keep_together(measured, {reader: node for reader, node in drawn.items() if node is not None})
        self._parameters.measuredTable = measured.table
        self._before = self._state()
        if STATISTICS[self._parameters.statistic] != ("value",):
            self._summarize()
        self._showMeasured()

    def forget(self) -> None:
        """Show nothing any more; what was measured stays in the scene."""
        if self._parameters is not None:
            self._parameters.measuredTable = None
            self._before = self._state()
            self._showMeasured()

    def jump(self, region: str) -> bool:
        """Show a region in the middle of all slice views, and its decay; return whether it could be found."""
        try:
            self._regions.jump(region)
        except EXPECTED as error:
            self.say(spoken(error))
            return False
        return True

    def showChart(self, chart: Any) -> None:
        """Show a chart in the layout of the views, or in the form where that is not set; None: nothing."""
        if self._entered:
            formPlot().SetPlotChartNodeID(None if chart is None else chart.GetID())
        self._layout.showChart(chart)
        self.ui.plotWidget.setVisible(chart is not None and not self._layout.isSet)

    def onJump(self) -> None:
        """Show the chosen region in the slice views."""
        self.jump(self.ui.regionComboBox.currentText)

    def onNext(self) -> None:
        """Show the next region in the slice views."""
        if self._regions.regions:
            self.jump(self._regions.next())

    def onRegion(self) -> None:
        """Show the decay of the chosen region."""
        entry = self._regions.chosen
        self.showChart(None if entry is None else entry[2])
        self.check()

    def onTyped(self) -> None:
        """Keep the subject and time point that are typed; what an open case shows is not."""
        if self._parameters is not None and self._ofCase() is None:
            self._parameters.subject = self.ui.subjectEdit.text
            self._parameters.timepoint = self.ui.timepointEdit.text

    def onNodes(self, caller: Any = None, event: Any = None) -> None:
        """List the maps soon, and once for all nodes until then."""
        self._timer.start()

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        """Follow what was chosen."""
        before, now = self._before, self._state()
        self._before = now
        table, shown, statistic, overlay, legend, opacity, reading = (a != b for a, b in zip(before, now, strict=True))
        if statistic:
            self._summarize()
        if table:
            self._showMeasured()
        elif shown:
            self._showTable(self.measured)
        if overlay or legend or opacity:
            self._showOverlay(outlines=overlay)
        if reading and self._entered:
            (self._layout.enter if self._parameters.reading else self._layout.exit)()
            self._showTable(self.measured)
            self.onRegion()
        self.check()

    def updateMaps(self) -> None:
        """List the maps and regions that are in the scene."""
        if self._parameters is not None:
            self._maps.refresh()
            self._regions.show(self._found())
            self.check()

    def check(self, caller: Any = None, event: Any = None) -> None:
        """Enable what can be done; the tooltip of the rest says what is missing."""
        shown, typed = self._ofCase(), self.typed()
        for edit, text in zip((self.ui.subjectEdit, self.ui.timepointEdit), shown or typed, strict=True):
            edit.enabled = shown is None and self._parameters is not None
            if edit.text.strip() != text:
                edit.blockSignals(True)
                edit.text = text
                edit.blockSignals(False)
        self.enable(self.ui.measureButton, self.lacking())
        entry = self._regions.chosen
        there = entry is not None and entry[1] is not None
        self.enable(self.ui.jumpButton, [] if there else [_("a region in the scene")])
        self.enable(self.ui.nextButton, [] if self._regions.regions else [_("regions")])

    def _measure(self, progress: Callable[[int, int], bool]) -> None:
        parameters, panel, drawn = self._parameters, self.panel, self._readings()
        identity = replace(panel.identity(), per_slice=parameters.eachSlice)
        wanted = LUMBAR if parameters.levelMean else ()
        series = {"series": panel.series(), "settings": panel.settings()}
        fit = (panel.fitted() or panel.fit(progress)) if self._canFit() else None
        if progress(0, 1) is False:
            raise InterruptedError(_("nothing was measured"))
        self._maps.refresh()
        maps = self._maps.checked()
        if not maps:
            raise ValueError(_("Check a map to measure."))
        is_own = fit is not None and any(node in fit.maps.values() for node in maps)
        measured = panel.logic.measure(
            maps,
            drawn,
            identity=identity,
            meanOf=wanted if set(wanted) & names_of(drawn) else (),
            progress=progress,
            **(series if is_own else {}),
        )
        self.show(measured, drawn)

    def _readings(self) -> dict[str, Any]:
        """Return the regions that are measured, by reader: of all readers of this image, but none that is hidden."""
        section = self.panel.regions
        reader, own = getattr(section, "reader", ""), getattr(section, "regions", None)
        own = None if own is None or own.GetScene() is not slicer.mrmlScene else own
        image = getattr(section, "image", None) or self.panel.image()
        drawn = {name: one.segmentation for name, one in readings(image).items()}
        open_ones = {name: node for name, node in drawn.items() if node is not None and not node.GetHideFromEditors()}
        return open_ones if len(open_ones) > 1 and own in open_ones.values() else {reader: own}

    def _canFit(self) -> bool:
        return bool(self.panel.series()) and not self.panel.lacking()

    def _ofCase(self) -> Any:
        """Return subject and time point of the case that is open, as they may be shown."""
        return None if self.panel.cases is None else self.panel.cases.identity()

    def _state(self) -> tuple[Any, ...]:
        p = self._parameters
        return p.measuredTable, p.shown, p.statistic, p.overlay, p.legend, p.opacity, p.reading

    def _summarize(self) -> None:
        """Put the chosen statistic into the summary."""
        measured = self.measured
        if measured is not None and measured.summary is not None:
            with self.saying():
                rows = measurements_of(measured.table)
                show_statistics(measured.summary, rows, STATISTICS[self._parameters.statistic])

    def _showMeasured(self) -> None:
        measured = self.measured
        self._showTable(measured)
        self._regions.show(self._found())
        self.onRegion()
        self.say("" if measured is None else "\n".join([sentence(measured.table), *measured.warnings]))

    def _showTable(self, measured: MeasuredNodes | None) -> None:
        wants_all = self._parameters is not None and self._parameters.shown == ALL
        shown = None if measured is None else (measured.summary, measured.table)[wants_all or measured.summary is None]
        if self.ui.resultTable.mrmlTableNode() is not shown:
            self.ui.resultTable.setMRMLTableNode(shown)
        self._layout.showTable(shown)

    def _found(self) -> dict[str, tuple[str, Any, Any]]:
        """Return what was measured and is there; before anything is measured the regions that will be."""
        if self.table is not None:
            return regions_of(self.table)
        return {name: (name, node, None) for node in self._readings().values() for name in sorted(names_of({"": node}))}

    def _showOverlay(self, outlines: bool) -> None:
        """Show the map over the images, and the regions as outlines; without a map they are filled faintly again."""
        p = self._parameters
        with self.saying():
            below = shown_volume(self.panel.image())
            show_overlay(p.overlay, opacity=p.opacity, background=below, legend=p.legend)
            for node in self._readings().values() if outlines else ():
                if node is not None:
                    display_regions(node, fill=p.overlay is None)

    def _onLayoutLeft(self) -> None:
        """Leave the views to the user, who has chosen another layout."""
        if self._parameters is not None:
            self._parameters.reading = False
