"""A table of one value for each image of a series that the user can edit: b-values, echo times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import qt
from slicer.i18n import tr as _

from mrbiomarkers.panels.source.image_values import ValueRow, images_text, number_in


class ValueTable:
    """What a QTableWidget shows and what the user has made of it.

    Something that is no usable number stays in its cell, and the row keeps its last good value.

    Parameters
    ----------
    table : QTableWidget
        It has no columns of its own.
    title : str
        Of the column of values, with the unit: "b [s/mm²]".
    changed : callable
        ``changed(number)`` is called after each change by the user, with the row.
    limits : (float, float)
        Lowest and highest value.
    choose : bool
        Whether there is a column of check boxes: which rows are used.
    """

    def __init__(
        self,
        table: Any,
        title: str,
        changed: Callable[[int], None],
        *,
        limits: tuple[float, float],
        choose: bool = False,
    ) -> None:
        self._table, self._changed, self._limits = table, changed, limits
        titles = [*([_("Use")] if choose else []), title, _("Images"), _("Source")]
        self._use = 0 if choose else -1
        self._value = len(titles) - 3
        self._rows: list[ValueRow] = []
        self._wrong: dict[int, str] = {}
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.cellChanged.connect(self.onCell)

    @property
    def rows(self) -> list[ValueRow]:
        """The rows, each with its last good value."""
        return list(self._rows)

    @property
    def wrong(self) -> list[str]:
        """What stands in the table and cannot be used, in words for the user."""
        return [self._wrong[row] for row in sorted(self._wrong)]

    def show(self, rows: Sequence[ValueRow]) -> None:
        """Show rows in place of those that are shown; ``changed`` is not called."""
        self._rows, self._wrong = list(rows), {}
        table = self._table
        blocked = table.blockSignals(True)
        try:
            table.setRowCount(len(self._rows))
            for number in range(len(self._rows)):
                for column in range(table.columnCount):
                    table.setItem(number, column, self._item(column))
                self._write(number)
            table.resizeColumnsToContents()
        finally:
            table.blockSignals(blocked)

    def onCell(self, number: int, column: int) -> None:
        """Take over what the user has written or ticked."""
        row = self._rows[number]
        if column == self._use:
            used = self._table.item(number, column).checkState() == qt.Qt.Checked
            self._rows[number] = replace(row, used=used)
        elif column == self._value:
            try:
                value = number_in(self._table.item(number, column).text(), *self._limits)
            except ValueError as error:
                self._wrong[number] = _("Image {images}: {problem}").format(
                    images=images_text(row.images), problem=error
                )
            else:
                self._wrong.pop(number, None)
                self._rows[number] = replace(row, value=value)
        self.refresh()
        self._changed(number)

    def use(self, used: Sequence[bool]) -> None:
        """Say of each row whether it is used; ``changed`` is not called."""
        self._rows = [replace(row, used=one) for row, one in zip(self._rows, used, strict=True)]
        self.refresh()

    def refresh(self) -> None:
        """Write the rows into the table again, but not over what cannot be used."""
        blocked = self._table.blockSignals(True)
        try:
            for number in range(len(self._rows)):
                self._write(number)
        finally:
            self._table.blockSignals(blocked)

    def _item(self, column: int) -> Any:
        item = qt.QTableWidgetItem()
        flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
        if column == self._use:
            flags |= qt.Qt.ItemIsUserCheckable
        elif column == self._value:
            flags |= qt.Qt.ItemIsEditable
        item.setFlags(flags)
        return item

    def _write(self, number: int) -> None:
        row, table = self._rows[number], self._table
        if self._use >= 0:
            item = table.item(number, self._use)
            item.setCheckState(qt.Qt.Checked if row.used else qt.Qt.Unchecked)
            item.setToolTip(_("Whether these images are used."))
        item = table.item(number, self._value)
        if number not in self._wrong:
            item.setText("" if row.value is None else f"{row.value:.10g}")
        item.setToolTip(self._wrong.get(number) or _("Double-click to change it; it is changed for this panel only."))
        images = images_text(row.images)
        table.item(number, self._value + 1).setText(images)
        table.item(number, self._value + 1).setToolTip(images)
        source = self._source(number)
        table.item(number, self._value + 2).setText(source)
        table.item(number, self._value + 2).setToolTip(source)

    def _source(self, number: int) -> str:
        row = self._rows[number]
        if number in self._wrong:
            return _("not usable")
        if row.edited:
            return _("edited") if row.own is None else _("edited (was {value})").format(value=f"{row.own:.10g}")
        return row.source if row.value is not None else _("to be given")
