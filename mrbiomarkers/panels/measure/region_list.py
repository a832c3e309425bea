"""The regions in a combo box: which one's decay is shown, and where the slice views look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slicer.i18n import tr as _

from mrbiomarkers.measurements import METHODS
from mrbiomarkers.mrml.views import jump_to_region
from mrbiomarkers.panels.widgets import offer
from mrbiomarkers.quantities import QUANTITIES

MAP = METHODS[0]  # rows of a map; others say more of a fit than a person wants to read in a line
Shown = tuple[str, Any, Any]  # the region's own name, its segmentation or None, its chart or None


class RegionList:
    """A ``QComboBox`` with regions.

    Parameters
    ----------
    combo : QComboBox
        The combo box.
    changed : callable
        Called when another region is chosen, or what belongs to it has changed.
    """

    def __init__(self, combo: Any, changed: Callable[[], Any]) -> None:
        self._combo, self._changed = combo, changed
        self._regions: dict[str, Shown] = {}
        self._seen = False  # whether the chosen one was jumped to
        combo.currentIndexChanged.connect(self._onChosen)

    @property
    def regions(self) -> dict[str, Shown]:
        """What is offered, by what a person calls it."""
        return dict(self._regions)

    @property
    def chosen(self) -> Shown | None:
        """The region that is chosen."""
        return self._regions.get(self._combo.currentText)

    def show(self, regions: Mapping[str, Shown]) -> None:
        """Offer regions; the one that was chosen stays chosen."""
        before, self._regions = self._regions, dict(regions)
        chosen = self._combo.currentText
        if offer(self._combo, list(regions)):
            self._seen = self._seen and chosen in regions
        if before != self._regions:
            self._changed()

    def without(self, node: Any) -> None:
        """Let go of a node that is about to be deleted."""
        kept: dict[str, Shown] = {}
        for name, (region, drawn, chart) in self._regions.items():
            drawn, chart = (None if one is node else one for one in (drawn, chart))
            if drawn is not None or chart is not None:
                kept[name] = region, drawn, chart
        self.show(kept)

    def jump(self, name: str) -> None:
        """Choose a region and show it in the middle of all slice views.

        Raises
        ------
        ValueError
            When it is not in the scene, or empty.
        """
        region, drawn, _chart = self._regions.get(name, (name, None, None))
        if drawn is None:
            raise ValueError(_("The region {name} is not in the scene.").format(name=region))
        self._combo.currentIndex = list(self._regions).index(name)
        self._seen = True
        jump_to_region(drawn, region)

    def next(self) -> str:
        """Return the region after the one that is chosen; the first time that one itself."""
        names = list(self._regions)
        return names[(self._combo.currentIndex + self._seen) % len(names)] if names else ""

    def _onChosen(self) -> None:
        self._changed()


def names_of(drawn: Mapping[str, Any]) -> set[str]:
    """Return the names of the regions of all readers."""
    contents = [node.GetSegmentation() for node in drawn.values() if node is not None]
    return {content.GetSegment(identifier).GetName() for content in contents for identifier in content.GetSegmentIDs()}


def sentence(table: Any) -> str:
    """Return what a measurement table holds, in a line."""
    data = table.GetTable()
    columns = [data.GetColumnByName(name) for name in ("region", "reader", "quantity", "method")]
    if None in columns:
        return ""
    rows = [[column.GetValue(row) for column in columns] for row in range(data.GetNumberOfRows())]
    regions, readers = (list(dict.fromkeys(row[n] for row in rows)) for n in (0, 1))
    quantities = list(dict.fromkeys(row[2] for row in rows if row[3] == MAP))
    symbols = [QUANTITIES[key].symbol if key in QUANTITIES else key for key in quantities]
    who = [name for name in readers if name]
    line = _("Measured {quantities} in {regions}.").format(quantities=", ".join(symbols), regions=", ".join(regions))
    return f"{line} " + _("Reader: {names}.").format(names=", ".join(who)) if who else line
