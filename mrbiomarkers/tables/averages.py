"""What means over regions and over readers return, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mrbiomarkers.measurements import Measurement
from mrbiomarkers.tables.rowkeys import LABELS, describe

NO_MEAN = frozenset({"AICc", "p_F"})
"""Quantities whose mean says nothing: a criterion that only compares models of the same data, and a p value."""


@dataclass(frozen=True)
class Averages:
    """Rows and the means made of them.

    Attributes
    ----------
    given : list of Measurement
        The rows that came in, unchanged.
    means : list of Measurement
        The rows of the means.
    notes : list of str
        What a mean lacks, or why there is none: one line for all quantities that it concerns, which it names.
    """

    given: list[Measurement]
    means: list[Measurement]
    notes: list[str]

    @property
    def rows(self) -> list[Measurement]:
        """All rows: those that came in, then the means."""
        return self.given + self.means


@dataclass
class NoteBook:
    """Notes on single rows, drawn together over the quantities."""

    _entries: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, row: Measurement, text: str, *without: str) -> None:
        """Note ``text`` on what the row is about, of which the columns in ``without`` are not said."""
        what = describe(row, "quantity", *without)
        self._entries.setdefault(f"{what}: {text}" if what else text, {})[row.quantity] = None

    def lines(self) -> list[str]:
        """Return one line for each note, with its quantities."""
        return [f"{text} ({', '.join(quantities)})" for text, quantities in self._entries.items()]


def labels_of(row: Measurement, **changed: str) -> dict[str, Any]:
    """Return the text columns of a row, some of them changed."""
    return {**{name: getattr(row, name) for name in LABELS}, **changed}


def listed(names: Sequence[str]) -> str:
    """Return names for a message."""
    return ", ".join(repr(name) for name in names) or "none"
