"""The panel of a module that fits a series: its own input and fit, and the sections that both modules share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from mrbiomarkers.mrml import FitNodes
from mrbiomarkers.mrml.fit_key import fit_key, is_marked, mark_fit, marked_maps
from mrbiomarkers.panels.cases.cases_section import CasesSection
from mrbiomarkers.panels.export.export_section import ExportSection
from mrbiomarkers.panels.measure.map_list import maps_of_scene
from mrbiomarkers.panels.measure.measure_section import MeasureSection
from mrbiomarkers.panels.module_widget import ModulePanel, Progress
from mrbiomarkers.panels.readers.readers_section import ReadersSection
from mrbiomarkers.panels.regions.regions_parameters import SHARED
from mrbiomarkers.panels.regions.regions_section import RegionsSection
from mrbiomarkers.panels.section import NODE, Section
from mrbiomarkers.panels.source.import_section import ImportSection
from mrbiomarkers.panels.source.scanner_maps_section import ScannerMapsSection
from mrbiomarkers.settings import MeasureSettings


class FitPanel(ModulePanel):
    """Cases, input, fit, regions, measure, readers, export; a module says what is chosen and what is missing.

    Attributes
    ----------
    kind : str
        Of the series that the module takes: "diffusion" or "multi-echo".
    """

    kind = ""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._fitted: tuple[Any, FitNodes] | None = None
        self._shared: Any = None

    def image(self) -> Any:
        """Return the series on whose grid regions are made, or None."""
        raise NotImplementedError

    def series(self) -> dict[str, Any]:
        """Return the series, as arguments of the logic's ``fit``; empty where none is chosen."""
        raise NotImplementedError

    def settings(self) -> Any:
        """Return the settings of the fit."""
        raise NotImplementedError

    def fitOptions(self) -> dict[str, Any]:
        """Return the other arguments of the logic's ``fit``: nodes that a fit takes into account."""
        return {}

    def take(self, nodes: Mapping[str, Any]) -> None:
        """Choose a series by the names that :class:`~mrbiomarkers.mrml.ImportedNodes` has."""
        raise NotImplementedError

    def makeSections(self) -> list[Section]:
        """Return the sections that both modules have."""
        self.cases = CasesSection(self)
        self.imported = ImportSection(self)
        self.scanner = ScannerMapsSection(self)
        self.regions = RegionsSection(self)
        self.measure = MeasureSection(self)
        self.readers = ReadersSection(self)
        self.export = ExportSection(self)
        return [self.cases, self.imported, self.scanner, self.regions, self.measure, self.readers, self.export]

    def lacking(self) -> list[str]:
        """Return what is missing before a fit, in words; empty: nothing."""
        return [_("a scene")] if self._parameterNode is None else self.missing(self._parameterNode)

    def fitted(self) -> FitNodes | None:
        """Return the maps of a fit of this very series with these settings, when all of them are there.

        They may come from the module's last fit or from a scene that was loaded.
        """
        if self._parameterNode is None or self.lacking():
            return None
        made = self._made()
        if self._fitted is not None and _are_there(self._fitted[1]) and made == self._fitted[0]:
            return self._fitted[1]
        marked = [node for node in maps_of_scene() if is_marked(node)]
        maps = marked_maps(marked, self._key()) if marked else {}
        if not maps:
            return None
        self._fitted = (made, FitNodes(maps))
        return self._fitted[1]

    def fit(self, progress: Progress) -> FitNodes:
        """Fit the series, and say how many maps were made and what to know of them."""
        made, key = self._made(), self._key()
        fit: FitNodes = self.logic.fit(
            **self.series(), **self.fitOptions(), settings=self.settings(), progress=progress
        )
        mark_fit(fit.maps.values(), key)
        self._fitted = (made, fit)
        lines = [_("{count} maps were made.").format(count=len(fit.maps)), *fit.warnings]
        self.say("\n".join(dict.fromkeys(lines)))
        return fit

    def work(self, parameters: Any, progress: Progress) -> None:
        """Fit the series."""
        self.fit(progress)

    def identity(self) -> MeasureSettings:
        """Return whose values are measured, as it may be shown, and who measures."""
        subject, timepoint = self.cases.identity() or self.measure.typed()
        return MeasureSettings(subject=subject, timepoint=timepoint, reader=self.regions.reader)

    def enter(self) -> None:
        """Open the panel; what it asks for may also be chosen in the section Regions."""
        super().enter()
        self._shared = slicer.mrmlScene.GetSingletonNode(SHARED, NODE)
        self.addObserver(self._shared, vtk.vtkCommand.ModifiedEvent, self.check)
        self.check()

    def setParameterNode(self, node: Any) -> None:
        """Bind the panel to a parameter node; None: to none."""
        if self._shared is not None:
            self.removeObserver(self._shared, vtk.vtkCommand.ModifiedEvent, self.check)
            self._shared = None
        super().setParameterNode(node)

    def onSceneStart(self, caller: Any = None, event: Any = None) -> None:
        """Let go of the nodes before the scene is closed or another is loaded into it."""
        super().onSceneStart(caller, event)
        self._fitted = None

    def check(self, caller: Any = None, event: Any = None) -> None:
        """Enable what can be done; of maps that are gone nothing is said any more."""
        if self._fitted is not None and not _are_there(self._fitted[1]):
            self._fitted = None
            self.say("")
        super().check(caller, event)

    def _key(self) -> str:
        """Return a digest of what a fit depends on, which a scene file keeps."""
        return fit_key(self.kind, self.series(), self.fitOptions(), self.settings())

    def _made(self) -> tuple[Any, ...]:
        """Return what a fit depends on."""
        series, options = self.series(), self.fitOptions()
        given = [getattr(value, "node", value) for value in (*series.values(), *options.values())]
        nodes = [value for value in given if hasattr(value, "GetMTime")]
        return series, options, self.settings(), [_changed(node) for node in nodes]


def _are_there(fit: FitNodes) -> bool:
    """Tell whether all maps of a fit are in the scene."""
    return all(node.GetScene() is slicer.mrmlScene for node in fit.maps.values())


def _changed(node: Any) -> list[int]:
    """Return when the voxels of a node were changed last; to look at another image of a sequence is no change."""
    if node.IsA("vtkMRMLSequenceNode"):
        inner = [node.GetNthDataNode(index) for index in range(node.GetNumberOfDataNodes())]
        return [image.GetMTime() for one in inner if (image := one.GetImageData()) is not None]
    return [int(node.GetMTime())]
