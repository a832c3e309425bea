"""What several sections do with widgets of Qt: a change that is followed soon, and what a combo box offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt


class Soon:
    """Does something soon after it is asked for, and once for all that asked until then.

    Parameters
    ----------
    widget : QWidget
        The timer goes with it.
    slot : callable
        What is done.
    delay : int [ms]
        From the first who asks.
    """

    def __init__(self, widget: Any, slot: Callable[[], Any], delay: int) -> None:
        self._timer = qt.QTimer(widget)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay)
        self._timer.connect("timeout()", slot)

    @property
    def active(self) -> bool:
        """Whether somebody has asked."""
        return bool(self._timer.active)

    def start(self) -> None:
        """Ask for it."""
        if not self._timer.active:
            self._timer.start()

    def stop(self) -> None:
        """Do not do it."""
        self._timer.stop()


def offer(combo: Any, texts: Sequence[str], first: int = 0) -> bool:
    """Offer texts in a combo box, without its signals, and return whether they are others than before.

    Parameters
    ----------
    combo : QComboBox
        What was chosen stays chosen.
    texts : sequence of str
        All that is offered.
    first : int
        Which one is chosen where what was chosen is not among them.
    """
    wanted = list(texts)
    if [combo.itemText(index) for index in range(combo.count)] == wanted:
        return False
    chosen = combo.currentText
    combo.blockSignals(True)
    combo.clear()
    combo.addItems(wanted)
    combo.currentIndex = wanted.index(chosen) if chosen in wanted else min(first, len(wanted) - 1)
    combo.blockSignals(False)
    return True
