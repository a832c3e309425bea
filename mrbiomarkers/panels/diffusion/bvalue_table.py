"""The b-values of the chosen series: shown as the series has them, edited and left out for this panel only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import slicer
from slicer.i18n import tr as _

from mrbiomarkers.mrml.frames import open_frames
from mrbiomarkers.panels.section import EXPECTED, spoken
from mrbiomarkers.panels.source.image_values import ValueRow, by_image, number_in, rows_of
from mrbiomarkers.panels.source.value_table import ValueTable

LIMITS = (0.0, 20000.0)  # [s/mm2]
_SAME = 0.5  # [s/mm2] b-values closer than this are one, as for mrbiomarkers.series.exclude and combine
_DUMMY = 2.0  # [s/mm2] below it a b-value is taken as 0, as for combine


class BValueTable:
    """The table, the button Reset and the line of text below them; the rest is kept in the parameter node.

    The node holds, with the series that they belong to (``tableSeries``), ``bvalues`` in the order of its images
    (empty: those of the series; NaN: still to be given) and ``excluded``, the b-values that are left out. Another
    series has its own values again; those that were edited last come back with their series.

    Parameters
    ----------
    table, reset, message : QTableWidget, QPushButton, QLabel
        Of the form.
    parameters : callable
        Returns the parameter node of the panel, or None.
    changed : callable
        Called when something that cannot be used was written, or was mended: no parameter has changed then.
    """

    def __init__(
        self, table: Any, reset: Any, message: Any, parameters: Callable[[], Any], changed: Callable[[], None]
    ) -> None:
        self._parameters, self._changed = parameters, changed
        self._reset, self._message = reset, message
        self._table = ValueTable(table, _("b [s/mm²]"), self._onChanged, limits=LIMITS, choose=True)
        self._shown: tuple[Any, ...] | None = None  # what the table was filled from
        self._own: list[ValueRow] = []
        self._unread = self._reason = ""  # why the series cannot be read, or holds no b-values
        self._writing = False
        self._reset.clicked.connect(self.onReset)
        self.update()

    @property
    def left(self) -> list[float]:
        """The different b-values that are used, as the fit sees them: repeats as one, nearly 0 as 0."""
        return distinct([row.value for row in self._table.rows if row.used and row.value is not None])

    @property
    def edited(self) -> bool:
        """Whether a b-value was changed or left out."""
        return any(row.edited or not row.used for row in self._table.rows)

    def update(self) -> None:
        """Fill the table where another series was chosen, or its values were changed by something else."""
        parameters = self._parameters()
        state = _state(parameters)
        if self._writing or state == self._shown:
            return
        self._shown = state
        self._unread, self._reason, self._own, rows = "", "", [], []
        if state is not None:
            try:
                self._own, self._reason = _own_rows(parameters.series)
                rows = _kept_rows(self._own, parameters)
            except EXPECTED as error:
                self._unread = spoken(error)
        self._table.show(rows)
        self._tell()

    def missing(self, models: dict[str, int]) -> list[str]:
        """Return what the b-values lack before a fit, in words.

        Parameters
        ----------
        models : dict of str to int
            The models by their names, and how many different b-values each needs.
        """
        if self._unread:
            return [_("a series that can be read")]
        if not self._table.rows:
            return []
        if self._table.wrong:
            return [_("a usable b-value in each row of the table")]
        unknown = sum(row.value is None for row in self._table.rows)
        if unknown:
            return [_("b-values of {count} images, in the table").format(count=unknown)]
        count = len(self.left)
        if count < 2:
            return [_("two different b-values that are used")]
        wanted = _("{needed} different b-values for {model} ({count} are used)")
        return [
            wanted.format(needed=needed, model=model, count=count) for model, needed in models.items() if needed > count
        ]

    def arguments(self) -> dict[str, Any]:
        """Return ``bvalues`` and ``exclude`` of the logic's ``fit``, each only where something was changed."""
        rows = self._table.rows
        found: dict[str, Any] = {}
        if any(row.edited for row in rows):
            found["bvalues"] = by_image(rows)
        if any(not row.used for row in rows):
            found["exclude"] = _excluded(rows)
        return found

    def onReset(self) -> None:
        """Take the series' own b-values, all of them."""
        self._table.show(self._own)
        self._keep()

    def _onChanged(self, number: int) -> None:
        """Keep what the user has changed in a row; images at one b-value are used together, or not."""
        rows = self._table.rows
        row = rows[number]
        if row.value is not None:
            value = row.value
            self._table.use([row.used if _in(value, [one.value]) else one.used for one in rows])
        self._keep()

    def _keep(self) -> None:
        rows, parameters = self._table.rows, self._parameters()
        if parameters is None:
            return
        self._writing = True
        try:
            with slicer.util.NodeModify(parameters):
                parameters.tableSeries = parameters.series if self.edited else None
                parameters.bvalues = by_image(rows) if any(row.edited for row in rows) else []
                parameters.excluded = _excluded(rows)
        finally:
            self._writing = False
        self._shown = _state(parameters)
        self._tell()
        self._changed()

    def _tell(self) -> None:
        lines = self._lines()
        self._message.text = "\n".join(lines)
        self._reset.enabled = self.edited or bool(self._table.wrong)
        self._reset.toolTip = (
            _("Takes the b-values of the series again, all of them.")
            if self._reset.enabled
            else _("Nothing was changed: these are the b-values of the series.")
        )

    def _lines(self) -> list[str]:
        """Return what to say of the table, in words."""
        rows, wrong = self._table.rows, self._table.wrong
        if self._unread:
            return [self._unread]
        lines = [*wrong, _("The last good value is kept.")] if wrong else []
        if any(row.value is None for row in rows):
            reason = _("The series holds no b-values ({reason}). Write them into the table.")
            lines.append(reason.format(reason=self._reason))
        elif rows and len(self.left) < 2:
            lines.append(_("A fit needs two different b-values or more."))
        out = [row.value for row in rows if not row.used and row.value is not None]
        if out:
            lines.append(_("Left out: b {values} s/mm².").format(values=", ".join(f"{b:g}" for b in sorted(out))))
        return lines


def distinct(values: Sequence[float]) -> list[float]:
    """Return the different b-values [s/mm2] that are left when repeats are combined, ascending."""
    found: list[float] = []
    for value in sorted(0.0 if value < _DUMMY else value for value in values):
        if not found or value - found[-1] > _SAME:
            found.append(value)
    return found


def bvalues_in(text: str) -> tuple[float, ...]:
    """Return the b-values [s/mm2] that a user has written, parted by blanks or semicolons; none for an empty text.

    Raises
    ------
    ValueError
        When one of them is no usable number.
    """
    words = text.replace(";", " ").replace(", ", " ").split()
    return tuple(number_in(word.strip(","), *LIMITS) for word in words)


def _own_rows(series: Any) -> tuple[list[ValueRow], str]:
    """Return a row for each b-value of a series; where it holds none, for each image, and why it holds none."""
    stack = open_frames("series", series)
    known, count = stack.known, stack.shape[-1]
    if known.values is None or known.quantity == "TE":
        return rows_of(None, count=count), known.reason or _("its values are echo times")
    if not all(LIMITS[0] <= value <= LIMITS[1] for value in known.values):
        values = ", ".join(f"{value:g}" for value in known.values)
        return rows_of(None, count=count), _("its values, {values}, cannot be b-values").format(values=values)
    return rows_of(known.values, stack.source, together=True), ""


def _kept_rows(own: Sequence[ValueRow], parameters: Any) -> list[ValueRow]:
    """Return the rows as they were edited, where that belongs to this series."""
    values = list(parameters.bvalues) if _belongs(parameters) else []
    excluded = list(parameters.excluded) if _belongs(parameters) else []
    count = sum(len(row.images) for row in own)
    rows = []
    for row in own:
        value = row.value
        if len(values) == count:
            given = float(values[row.images[0]])
            value = None if math.isnan(given) else given
        rows.append(ValueRow(row.images, row.own, value, row.source, value is None or not _in(value, excluded)))
    return rows


def _belongs(parameters: Any) -> bool:
    return parameters.tableSeries is not None and parameters.tableSeries is parameters.series


def _in(value: float, values: Sequence[float | None]) -> bool:
    return any(other is not None and abs(value - other) <= _SAME for other in values)


def _excluded(rows: Sequence[ValueRow]) -> list[float]:
    return sorted({float(row.value) for row in rows if not row.used and row.value is not None})


def _state(parameters: Any) -> tuple[Any, ...] | None:
    """Return what the table shows: the series and its values as they are, and what was changed."""
    if parameters is None or parameters.series is None:
        return None
    series = parameters.series
    kept = _belongs(parameters)
    values = [repr(value) for value in parameters.bvalues] if kept else []  # text: NaN is not equal to itself
    return series, series.GetMTime(), values, list(parameters.excluded) if kept else []
