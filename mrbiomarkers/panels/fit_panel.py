"""The panel of a module that fits a series and measures the maps in regions that both modules share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from mrbiomarkers.panels.module_widget import ModulePanel
from mrbiomarkers.panels.regions_section import RegionsSection
from mrbiomarkers.panels.section import Section


class FitPanel(ModulePanel):
    """Input, fit, regions, Apply, results; a module says what is chosen and what is missing."""

    def image(self, parameters: Any) -> Any:
        """Return the series on whose grid regions are made."""
        raise NotImplementedError

    def chosen(self, parameters: Any) -> tuple[dict[str, Any], Any]:
        """Return the series, as arguments of the logic's ``fit``, and the settings."""
        raise NotImplementedError

    def makeSections(self) -> list[Section]:
        """Return the section in which regions are made; the regions are those that are measured."""
        self._regions = RegionsSection(self.moduleName, lambda: self.image(self._parameterNode), self.onRegions)
        return [self._regions]

    def enter(self) -> None:
        """Open the panel; where no regions are chosen, those that the other module has made are."""
        super().enter()
        if self._parameterNode.regions is None:
            self.onRegions(self._regions.regions)

    def onRegions(self, regions: Any) -> None:
        """Measure in the regions that the section has made or chosen."""
        self._parameterNode.regions = regions

    def work(self, parameters: Any, progress: Callable[[int, int], bool]) -> None:
        """Fit the series; with regions, measure them."""
        series, settings = self.chosen(parameters)
        regions = parameters.regions
        fitted = self.logic.fit(**series, settings=settings, regions=regions, progress=progress)
        lines = [_("{count} maps were made.").format(count=len(fitted.maps)), *fitted.warnings]
        self.say("\n".join(dict.fromkeys(lines)))  # it stays when measuring fails
        if regions is not None:
            measured = self.logic.measure(fitted.maps, regions, series=series, settings=settings, progress=progress)
            self.showTable(measured.summary)
            self.say("\n".join(dict.fromkeys([*lines, *measured.warnings])))
