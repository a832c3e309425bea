"""Input and fit of IDEALFatQuant: what is shown follows the series and what is chosen for it."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from mrbiomarkers.panels.echoes.echo_choices import DATA, by_magnitude, chosen_parts, main_series
from mrbiomarkers.panels.echoes.echo_input import TIMES, EchoReader, EchoState, edited_times, edits_of, keep_edits
from mrbiomarkers.panels.echoes.echo_words import field_words, sequence_words, spectrum_words
from mrbiomarkers.panels.section import Section
from mrbiomarkers.panels.source.value_table import ValueTable

_PARTS = ("magnitude", "phase", "real", "imaginary")
_NOT_YET = ()
_UNTOUCHED = (0.0, "as their range tells")  # field strength and meaning of the phases: as the series says


class EchoSection(Section):
    """The part of the panel's own form that its parameter node alone does not keep right.

    Echo times, field strength and the meaning of the phases belong to the series that they were edited for: another
    series has its own again, and when the first is chosen again they are back.
    """

    place = "inputPlace"

    def __init__(self, panel: Any) -> None:
        super().__init__(panel)
        self._reader = EchoReader()
        self._state = EchoState()
        self._table: Any = None
        self._main: Any = None  # the series that field strength and phases on the form belong to
        self._watched: list[Any] = []
        self._shown: Any = _NOT_YET  # what the rows of the table came from

    def setup(self, layout: Any) -> None:
        """Take up the panel's own form; nothing is added to it."""
        form = self.ui = self.panel.ui
        self._table = ValueTable(form.echoTable, _("TE [ms]"), self.onTimes, limits=TIMES)
        form.resetButton.clicked.connect(self.onReset)

    def bind(self, node: Any) -> None:
        """Follow the parameter node, to which the panel binds the form."""
        self.release()
        if node is not None:
            self._parameters, self._main = node, main_series(node)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            self.update()

    def release(self) -> None:
        """Let go of all nodes."""
        self._parameters = self._main = None
        self._shown = _NOT_YET
        self._watched, self._state = [], EchoState()
        self.removeObservers()

    def nodeRemoved(self, node: Any) -> None:
        """Do nothing: the panel takes a node that is deleted from its selectors."""

    def check(self) -> None:
        """Look again at the series: its images may have changed unseen, as when a fit could not read them."""
        self.update()

    def missing(self, parameters: Any) -> list[str]:
        """Return what a fit needs yet, in words."""
        missing = list(self._reader.read(parameters).missing)
        if self._table.wrong and self._parameters is not None and main_series(parameters) is self._main:
            missing.insert(0, _("echo times that can be used (see Input)"))
        return list(dict.fromkeys(missing))

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        """Follow what was chosen: what was edited of another series, or of this one."""
        parameters = self._parameters
        main, typed = main_series(parameters), (parameters.fieldStrength, parameters.phaseValues)
        kept = {} if main is None else edits_of(parameters, main)
        known = (kept.get("field", _UNTOUCHED[0]), kept.get("phase", _UNTOUCHED[1]))
        fresh = self._main is None and not kept  # what was typed before a series was chosen is meant for it
        if main is self._main or (main is not None and fresh):
            self._main = main
            if main is not None and typed != known:
                self._keep()
        else:
            self._main = main
            with slicer.util.NodeModify(parameters):
                parameters.fieldStrength, parameters.phaseValues = known
        self.update()

    def onTimes(self, number: int) -> None:
        """Take over echo times that the user has written; what is no number stays in the table."""
        if self._parameters is None or self._main is None:
            return
        edits = {**edits_of(self._parameters, self._main), "times": edited_times(self._table.rows)}
        keep_edits(self._parameters, self._main, {name: value for name, value in edits.items() if value is not None})
        self.update()
        self.panel.check()

    def onReset(self) -> None:
        """Take echo times, field strength and phases as the series says."""
        if self._parameters is None or self._main is None:
            return
        self._shown = _NOT_YET
        with slicer.util.NodeModify(self._parameters):
            keep_edits(self._parameters, self._main, {})
            self._parameters.fieldStrength, self._parameters.phaseValues = _UNTOUCHED
        self.update()
        self.panel.check()

    def onSeries(self, caller: Any = None, event: Any = None) -> None:
        """Look again at a series that has changed."""
        self.update()
        self.panel.check()

    def update(self) -> None:
        """Show what belongs to the kind of data, what the series says, and what is wrong with it."""
        parameters = self._parameters
        if parameters is None:
            return
        self._watch()
        self._state = self._reader.read(parameters)
        if self._shown != self._source():
            self._shown = self._source()
            self._table.show(self._state.rows)
        self._show_parts()
        self._show_words()
        self._enable_fit()

    def _show_parts(self) -> None:
        form, parts = self.ui, DATA[self._parameters.data]
        for part in _PARTS:
            getattr(form, f"{part}Label").visible = part in parts
            getattr(form, f"{part}Selector").visible = part in parts
        for widget in (form.phaseValuesLabel, form.phaseValuesComboBox, form.phaseWords):
            widget.visible = "phase" in parts

    def _show_words(self) -> None:
        form, parameters, state = self.ui, self._parameters, self._state
        lines = [*self._table.wrong, *state.faults]
        if self._table.wrong:
            lines.append(_("Until it is mended the last good value is kept, and nothing is fitted."))
        for label, text in (
            (form.inputMessage, "\n".join(lines)),
            (form.fieldWords, field_words(state, parameters.fieldStrength)),
            (form.phaseWords, state.phase),
            (form.sequenceWords, sequence_words(state)),
            (form.spectrumWords, spectrum_words(parameters.spectrum)),
        ):
            label.text = text
            label.visible = bool(text)
        edited = self._main is not None and bool(edits_of(parameters, self._main) or self._table.wrong)
        self.enable(form.resetButton, why="" if edited else _("Nothing was changed: this is what the series says."))

    def _enable_fit(self) -> None:
        """Disable what has no meaning for magnitudes."""
        form, phases = self.ui, not by_magnitude(self._parameters)
        for widget in (form.precessionComboBox, form.bipolarComboBox):
            self.enable(
                widget, why="" if phases else _("Magnitudes are fitted: they do not tell it, and do not need it.")
            )

    def _keep(self) -> None:
        """Keep field strength and meaning of the phases with the series that they were edited for."""
        parameters = self._parameters
        edits = {name: value for name, value in edits_of(parameters, self._main).items() if name == "times"}
        if parameters.fieldStrength != _UNTOUCHED[0]:
            edits["field"] = parameters.fieldStrength
        if parameters.phaseValues != _UNTOUCHED[1]:
            edits["phase"] = parameters.phaseValues
        keep_edits(parameters, self._main, edits)

    def _source(self) -> Any:
        """Return what the rows of the table come from; while it stays, they do."""
        if self._main is None:
            return None
        return self._main, [(row.own, row.source) for row in self._state.rows]

    def _watch(self) -> None:
        """Observe the images that are chosen, and no others."""
        wanted = list(chosen_parts(self._parameters).values())
        for node in [node for node in self._watched if node not in wanted]:
            self.removeObserver(node, vtk.vtkCommand.ModifiedEvent, self.onSeries)
        for node in [node for node in wanted if node not in self._watched]:
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onSeries)
        self._watched = wanted
