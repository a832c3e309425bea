"""The areas of all regions, in a table beside the editor."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from mrbiomarkers.mrml.preview import SizeReader
from mrbiomarkers.regions import LESION_AREA


class AreaTable:
    """A ``QTableWidget`` with the area of each segment in its largest slice.

    Parameters
    ----------
    table : QTableWidget
        With three columns.
    """

    def __init__(self, table: Any) -> None:
        self._table, self._sizes = table, SizeReader()
        table.setHorizontalHeaderLabels([_("Region"), _("Area [mm²]"), _("Usual")])

    def show(self, regions: Any) -> None:
        """Show the areas of a segmentation, measured again where they have changed; None: nothing."""
        sizes = list(self._sizes.read(regions).values()) if regions is not None else []
        self._table.setRowCount(len(sizes))
        usual = "{:g}-{:g}".format(*LESION_AREA)
        for row, size in enumerate(sizes):
            note = "" if size.is_level else usual + (_(" (outside)") if size.warnings else "")
            area = f"{size.area_mm2:.0f}" if size.area_mm2 else _("empty")
            for column, text in enumerate((size.name, area, note)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip("\n".join(size.warnings))
                self._table.setItem(row, column, item)

    def forget(self) -> None:
        """Let go of what was measured."""
        self._sizes = SizeReader()
