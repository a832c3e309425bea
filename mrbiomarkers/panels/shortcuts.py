"""Keys of an open panel; they are given back when it is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer


class Shortcuts:
    """Keys that work in the whole main window while a panel is open.

    Parameters
    ----------
    widget : QWidget
        Where the keys work when there is no main window.
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._made: list[Any] = []

    def set(self, slots: Mapping[str, Callable[[], Any]]) -> None:
        """Take keys, by their names in Qt ("Ctrl+Shift+L"), and no others."""
        self.clear()
        for key, slot in slots.items():
            shortcut = qt.QShortcut(slicer.util.mainWindow() or self._widget)
            shortcut.setKey(qt.QKeySequence(key))
            shortcut.connect("activated()", slot)
            self._made.append(shortcut)

    def clear(self) -> None:
        """Give all keys back."""
        for shortcut in self._made:
            shortcut.enabled = False
            shortcut.deleteLater()
        self._made.clear()
