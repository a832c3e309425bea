"""The section Readers of both panels: a second reader who sees nothing of the first, and how far readers agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vtk
from slicer.i18n import tr as _

from mrbiomarkers.panels.readers.blinding import hidden_nodes, hide, show_hidden, to_hide
from mrbiomarkers.panels.readers.comparing import (
    charts_of,
    compare,
    rows_by_reader,
    tables_of_scene,
    worklist_readers,
    worklist_rows,
)
from mrbiomarkers.panels.readers.reader_nodes import Reading, give_reader, readings, wrong_name
from mrbiomarkers.panels.readers.readers_parameters import SHARED, ReadersParameterNode
from mrbiomarkers.panels.section import EXPECTED, Section
from mrbiomarkers.panels.widgets import offer
from mrbiomarkers.study.readings import reader_name, same_reader

SECTIONS = ("cases", "imported", "scanner", "regions", "measure", "readers", "export")


class ReadersSection(Section):
    """Second reader, both readers, and their agreement.

    Parameters
    ----------
    panel : FitPanel
        The panel.
    """

    form = "readers_section"
    message = "readersMessage"
    shared = (SHARED, ReadersParameterNode)

    def __init__(self, panel: Any) -> None:
        super().__init__(panel)
        self._known: tuple[Any, list[str]] = ((), [])  # state of the tables, and the readers in them

    @property
    def blinded(self) -> bool:
        """Whether a second reader reads, and what the first has made is hidden."""
        return self._parameters is not None and (bool(self._parameters.blinded) or bool(hidden_nodes()))

    def readings(self) -> dict[str, Any]:
        """Return the segmentations that are to be measured, by reader: all of this image that are not hidden.

        While a second reader reads, or a case of a worklist is open, only those that are chosen in Regions.
        """
        regions = self.panel.regions
        if regions is None or regions.regions is None:
            return {}
        own = {regions.reader: regions.regions}
        if not regions.reader or self.blinded or self._case() is not None:
            return own
        found = {name: made.segmentation for name, made in readings(regions.image).items()}
        others = {name: node for name, node in found.items() if node and not same_reader(name, regions.reader)}
        known = {**own, **others}
        return dict(sorted(known.items(), key=lambda entry: not same_reader(entry[0], self._parameters.first)))

    def setup(self, layout: Any) -> None:
        """Build the form and connect its buttons."""
        super().setup(layout)
        ui = self.ui
        ui.beginButton.clicked.connect(self.onBegin)
        ui.showButton.clicked.connect(self.onShow)
        ui.compareButton.clicked.connect(self.onCompare)
        ui.sourceComboBox.currentIndexChanged.connect(self.onSource)
        ui.quantityComboBox.currentIndexChanged.connect(self.onQuantity)

    def bind(self, node: Any) -> None:
        """Bind the form, and show the last comparison."""
        super().bind(node)
        if self._parameters is not None:
            self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            self._showAgreement()
            self.check()

    def release(self) -> None:
        """Let go of the nodes."""
        super().release()
        self._known = ((), [])
        if self.ui is not None:
            self.check()

    def enter(self) -> None:
        """Offer what is there now; boxes that another module has filled may still list what is hidden."""
        if self._parameters is not None:
            self._renewBoxes()
            self._showAgreement()
            self.check()

    def leaveNodes(self) -> None:
        """Take the table and the chart away."""
        if self.ui is not None:
            self.ui.agreementTable.setMRMLTableNode(None)
            offer(self.ui.quantityComboBox, [])
            self.ui.notesLabel.text = ""
            self.say("")

    def nodeRemoved(self, node: Any) -> None:
        """Let go of a node before it is deleted."""
        super().nodeRemoved(node)
        if self._parameters is not None and node is self._parameters.agreement:
            self._parameters.agreement = None
            self._showAgreement()

    def onBegin(self) -> None:
        """Hide what the first reader has made, and let the second begin with the same image."""
        if self._parameters is None or self.blinded or self.panel.running:
            return
        regions, second = self.panel.regions, reader_name(self._parameters.second)
        with self.saying():
            self._checkSecond(second)
            give_reader(regions.reader, regions.image, regions.regions, regions.points)
            self._parameters.first = regions.reader
            image = regions.image
            own = next((made for name, made in readings(image).items() if same_reader(name, second)), Reading())
            gone = to_hide(second)
            regions.choose(reader=second, image=image, segmentation=own.segmentation, points=own.points)
            if self.panel.measure is not None:
                self.panel.measure.forget()
            for section in [section for section in self._sections() if section is not self]:
                for node in gone:
                    section.nodeRemoved(node)  # a box that loses its node would choose another one
            hide(gone)
            self._parameters.second, self._parameters.blinded = second, True
            self._afterwards()
            self.say(_("{reader} reads now, and begins with Place in Regions.").format(reader=second))

    def onShow(self) -> None:
        """Show both readers' regions, as they were."""
        if self._parameters is None or not self.blinded:
            return
        show_hidden()
        self._parameters.blinded = False
        self._afterwards()
        self.say(_("Both readers are shown; Measure measures the regions of both, and their mean."))

    def onCompare(self) -> None:
        """Compare the two chosen readers, and show table, charts and notes."""
        if self._parameters is None or self.blinded:
            return
        ui = self.ui
        readers = (ui.readerAComboBox.currentText, ui.readerBComboBox.currentText)
        wanted = [name.strip() for name in self._parameters.onlyRegions.split(",") if name.strip()]
        if same_reader(*readers) or not all(readers):
            self.say(_("Choose two different readers."))
            return
        worklist = self._worklist() if ui.sourceComboBox.currentIndex == 1 else None
        made: list[Any] = []
        notes: list[str] = []

        def work(progress: Callable[[int, int], bool]) -> None:
            progress(0, 2)
            if worklist is None:
                found, where = rows_by_reader(tables_of_scene()), _("in this scene")
            else:
                found, lines = worklist_rows(worklist, readers)
                notes.extend(lines)
                where = _("in the cases of the worklist that are done")
            if not progress(1, 2):
                raise InterruptedError(_("nothing was compared"))
            made.append(compare(self.panel.logic, found, readers, wanted, where))

        self.say("")
        if self.panel.run(_("Comparing"), work, self.say) and self._parameters is not None:
            self._parameters.agreement = made[0].table
            self._parameters.notes = "\n".join(dict.fromkeys([*notes, *made[0].warnings]))
            self._showAgreement()
            self.onQuantity()
            self.say(_("{a} and {b} were compared.").format(a=readers[0], b=readers[1]))

    def onSource(self) -> None:
        """Offer the readers of the scene, or of the worklist."""
        self.check()

    def onQuantity(self) -> None:
        """Show the chart of the chosen quantity."""
        chart = self._charts().get(self.ui.quantityComboBox.currentText)
        if self.panel.measure is not None and chart is not None and not self.blinded:
            self.panel.measure.showChart(chart)

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        """Follow what was written."""
        self.check()

    def check(self) -> None:
        """Enable what can be done; the tooltip of the rest says what is missing."""
        if self.ui is None:
            return
        ui, bound, blinded = self.ui, self._parameters is not None, self.blinded
        ui.secondLineEdit.enabled = bound and not blinded
        ui.stateLabel.text = self._state()
        if not bound:
            for button in (ui.beginButton, ui.showButton, ui.compareButton):
                button.enabled = False
            return
        second = [] if reader_name(self._parameters.second) else [_("the second reader's name")]
        self.enable(ui.beginButton, second if not blinded else [_("the end of this reading: press Show both")])
        self.enable(ui.showButton, [] if blinded else [_("a second reader who is reading")])
        offer(ui.sourceComboBox, [_("This scene"), *([_("Worklist")] if self._worklist() is not None else [])])
        names = [] if blinded else self._readers()
        names = names if len(names) > 1 else []  # or the first who has measured would stay in the first box
        is_new = offer(ui.readerAComboBox, names) + offer(ui.readerBComboBox, names, 1)
        if is_new and len(names) > 1 and ui.readerAComboBox.currentText == ui.readerBComboBox.currentText:
            ui.readerBComboBox.currentIndex = int(ui.readerAComboBox.currentIndex == 0)
        lacking = [] if len(names) > 1 else [_("measurements of two readers")]
        self.enable(ui.compareButton, lacking if not blinded else [_("the end of this reading: press Show both")])

    def _checkSecond(self, second: str) -> None:
        """Raise ValueError, in plain words, when the second reader cannot begin."""
        regions = self.panel.regions
        if self._case() is not None:
            raise ValueError(
                _(
                    "A case of {reader}'s worklist is open. A second reader opens the worklist under a name of "
                    "his own in Cases; what others have read is not shown there."
                ).format(reader=regions.reader or _("a reader"))
            )
        if wrong_name(second):
            raise ValueError(_(wrong_name(second)))
        if not regions.reader:
            raise ValueError(_("Write the name of the first reader in Regions."))
        if same_reader(second, regions.reader):
            raise ValueError(_("The second reader needs another name than the first, {name}.").format(name=second))
        if regions.regions is None and regions.points is None:
            raise ValueError(_("{reader} has made no regions yet.").format(reader=regions.reader))

    def _afterwards(self) -> None:
        """Let all that is offered be what may be seen now."""
        self._renewBoxes()
        self._showAgreement()
        for section in self._sections():
            section.check()

    def _sections(self) -> list[Any]:
        """Return the sections of the panel that have a form."""
        found = [getattr(self.panel, name, None) for name in SECTIONS]
        return [section for section in found if section is not None and section.ui is not None]

    def _renewBoxes(self) -> None:
        """Let all boxes for nodes look again which are hidden: Slicer's do so only when what they show changes."""
        forms = [section.ui for section in self._sections()]
        for form in [form for form in (*forms, getattr(self.panel, "ui", None)) if form is not None]:
            for widget in [widget for widget in vars(form).values() if hasattr(widget, "currentNode")]:
                if hasattr(widget, "showHidden") and not widget.showHidden:
                    widget.showHidden = True
                    widget.showHidden = False

    def _state(self) -> str:
        """Return in words who reads and what is hidden."""
        if self._parameters is None:
            return ""
        regions = self.panel.regions
        if self.blinded:
            told = _("{second} reads; the regions, points, tables and charts of {first} are hidden.")
            return str(told.format(second=regions.reader, first=self._parameters.first or _("the first reader")))
        names = [name for name in self.readings() if name]
        if len(names) > 1:
            return str(_("Regions of {readers} are there.").format(readers=", ".join(names)))
        return str(_("A second reader begins without seeing what the first has made."))

    def _case(self) -> Any:
        return getattr(self.panel.cases, "case", None)

    def _worklist(self) -> Any:
        return getattr(self.panel.cases, "worklist", None)

    def _readers(self) -> list[str]:
        """Return who can be compared."""
        if self.ui.sourceComboBox.currentIndex == 1 and self._worklist() is not None:
            return worklist_readers(self._worklist())
        tables = tables_of_scene()
        state = tuple((table.GetID(), table.GetMTime()) for table in tables)
        if self._known[0] != state:
            self._known = (state, _names(tables))
        first = self._parameters.first
        return sorted(self._known[1], key=lambda name: not same_reader(name, first))  # others stay in their order

    def _charts(self) -> dict[str, Any]:
        return {} if self._parameters is None else charts_of(self._parameters.agreement)

    def _showAgreement(self) -> None:
        """Show the last comparison, unless it is hidden."""
        table = None if self._parameters is None or self.blinded else self._parameters.agreement
        if self.ui.agreementTable.mrmlTableNode() is not table:
            self.ui.agreementTable.setMRMLTableNode(table)
        offer(self.ui.quantityComboBox, [] if table is None else list(self._charts()))
        self.ui.notesLabel.text = "" if table is None else self._parameters.notes
        for widget in (self.ui.agreementTable, self.ui.quantityLabel, self.ui.quantityComboBox, self.ui.notesLabel):
            widget.setVisible(table is not None)


def _names(tables: list[Any]) -> list[str]:
    """Return the readers of tables; none where one cannot be read."""
    try:
        return list(rows_by_reader(tables))
    except EXPECTED:
        return []
