"""The section Cases of both panels: a worklist, the case that is open, and how far each case is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from mrbiomarkers.panels.cases.case_saving import without_folders
from mrbiomarkers.panels.cases.open_worklist import OPEN
from mrbiomarkers.panels.section import Section
from mrbiomarkers.panels.shortcuts import Shortcuts
from mrbiomarkers.study import REASONS, Worklist, WorklistCase

SETTINGS = "MRBiomarkers/Worklist"  # what was opened last is there again when Slicer starts anew
SAVE_KEY, NEXT_KEY = "Ctrl+Shift+U", "Ctrl+Shift+N"


class CasesSection(Section):
    """A worklist as a table; both modules show the same one, and the same case.

    Parameters
    ----------
    panel : FitPanel
        The panel that it is a part of.
    """

    form = "cases_section"
    place = "casesPlace"

    def __init__(self, panel: Any) -> None:
        super().__init__(panel)
        self._rows: dict[str, int] = {}
        self._listed: Worklist | None = None
        self._chosen = {"order": False, "hide": False}  # whether the user has set it himself
        self._entered = False

    @property
    def case(self) -> WorklistCase | None:
        """The case that is open, in either module."""
        return OPEN.case

    @property
    def worklist(self) -> Worklist | None:
        """The worklist that is open, in either module."""
        return OPEN.worklist

    def identity(self) -> tuple[str, str] | None:
        """Return subject and time point of the open case as they may be shown; None without one."""
        return OPEN.identity()

    def setup(self, layout: Any) -> None:
        """Build the form and connect its buttons."""
        super().setup(layout)
        ui = self.ui
        words = {"artefact": _("artefact"), "motion": _("motion"), "other": _("other")}
        ui.reasonComboBox.addItems([words[reason] for reason in REASONS])
        ui.caseTable.setHorizontalHeaderLabels([_("Case"), _("State")])
        ui.caseTable.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        ui.openWorklistButton.clicked.connect(self.onOpenWorklist)
        ui.folderButton.clicked.connect(self.onFolder)
        ui.closeButton.clicked.connect(self.onClose)
        ui.openButton.clicked.connect(self.onOpen)
        ui.saveButton.clicked.connect(self.onSave)
        ui.nextButton.clicked.connect(self.onNext)
        ui.excludeButton.clicked.connect(self.onExclude)
        ui.caseTable.cellDoubleClicked.connect(self.onOpen)
        ui.caseTable.itemSelectionChanged.connect(self.check)
        ui.readerEdit.textChanged.connect(self.onForm)
        ui.worklistPath.currentPathChanged.connect(self.onForm)
        ui.worklistPath.validInputChanged.connect(self.onForm)  # a folder, or nothing, is no "current path"
        ui.hideCheckBox.clicked.connect(self.onHide)
        ui.orderSpinBox.valueChanged.connect(self.onOrder)
        ui.reasonComboBox.currentIndexChanged.connect(self.check)
        ui.wordsEdit.textChanged.connect(self.check)
        self._keys = Shortcuts(self.widget)
        self._restoreForm()
        OPEN.listeners.append(self.onChanged)
        self.refresh()

    def bind(self, node: Any) -> None:
        """Show the worklist that is open; the section keeps nothing in the scene, where a path would be told."""
        self.release()
        self.refresh()

    def enter(self) -> None:
        """Take the keys, and save what this panel shows."""
        self._entered = True
        self._keys.set({SAVE_KEY: self.onSave, NEXT_KEY: self.onNext})
        OPEN.watch(self.panel)
        self.refresh()

    def exit(self) -> None:
        """Give the keys back; the case stays open."""
        if self._entered:
            self._entered = False
            self._keys.clear()
            OPEN.onTime()
            OPEN.unwatch(self.panel)

    def leaveNodes(self) -> None:
        """Save before the scene is closed or another comes."""
        if self._entered:
            OPEN.onTime()
            OPEN.unwatch(self.panel)

    def cleanup(self) -> None:
        """Close the worklist, so that the reloaded module can open it."""
        if self.ui is None:
            return
        with suppress(ValueError):
            OPEN.listeners.remove(self.onChanged)
        super().cleanup()
        OPEN.abandon()

    def onForm(self, text: str = "") -> None:
        """Forget what was chosen for another worklist or reader."""
        self._chosen = {"order": False, "hide": False}
        self.check()

    def onFolder(self) -> None:
        """Choose a folder, which the field's own dialog does not offer."""
        folder = qt.QFileDialog.getExistingDirectory(self.widget, _("Folder of DICOM files"))
        if folder:
            self.ui.worklistPath.currentPath = folder

    def onHide(self, on: bool = False) -> None:
        """Note that the user wants it so."""
        self._chosen["hide"] = True

    def onOrder(self, number: int = 0) -> None:
        """Note that the user wants it so."""
        self._chosen["order"] = True

    def onOpenWorklist(self) -> None:
        """Read the worklist, and select the case that was open when the program ended last."""
        ui = self.ui
        path, reader = ui.worklistPath.currentPath.strip(), ui.readerEdit.text.strip()
        if OPEN.worklist is not None or self._lacking():
            return
        read: list[Worklist] = []
        seed = int(ui.orderSpinBox.value) if self._chosen["order"] else None
        blind = bool(ui.hideCheckBox.checked) if self._chosen["hide"] or ui.hideCheckBox.checked else None
        self.say("")
        self.panel.run(
            _("Reading the worklist"),
            lambda progress: read.append(Worklist.read(path, reader=reader, seed=seed, blind=blind, progress=progress)),
            self.say,
        )
        self.check()
        if read:
            OPEN.open(read[0])
            self._keepForm(path, read[0])
            self._select(read[0].current or read[0].next(self.panel.kind))

    def onClose(self) -> None:
        """Close the worklist; with readings that cannot be saved it stays open."""
        if not self.panel.running:
            with self.saying():
                OPEN.close()

    def onOpen(self, row: int = 0, column: int = 0) -> None:
        """Open the selected case."""
        case = self._selected()
        if case is not None and not self.panel.running:
            self._open(case)

    def onSave(self) -> bool:
        """Save the readings and mark the case as done; return whether that is so."""
        case = OPEN.case
        if case is None or self.panel.running:
            return False
        saved = False
        with self.saying():
            OPEN.save(everything=True)
            OPEN.mark(case, "done")
            measured = "" if OPEN.is_measured else _("It was not measured since its regions changed last.")
            self.say(" ".join(filter(None, (_("{case}: saved, done.").format(case=self._label(case)), measured))))
            saved = True
        return saved

    def onNext(self) -> None:
        """Save what has changed and open the next case; a case that was measured is done."""
        worklist = OPEN.worklist
        if worklist is None or self.panel.running:
            return
        with self.saying():
            OPEN.save()
            case = OPEN.case
            if case is not None and worklist.state(case).state == "to do" and OPEN.is_measured:
                OPEN.mark(case, "done")
            passed = self._passed() | ({case.name} if case is not None else set())
            following = worklist.next(self.panel.kind, passed)
            if following is None:
                failed = _("{count} could not be opened in this module.").format(count=len(self._passed()))
                self.say(" ".join([_("No other case is left to do here."), *([failed] if self._passed() else [])]))
                return
            self._open(following)

    def onExclude(self) -> None:
        """Mark the selected case as excluded, or as to do again where it is."""
        case, worklist = self._selected(), OPEN.worklist
        if case is None or worklist is None or self.panel.running:
            return
        label = self._label(case)
        with self.saying():
            OPEN.save()
            if worklist.state(case).state == "excluded":
                OPEN.mark(case, "to do")
                self.say(_("{case}: to do again.").format(case=label))
                return
            reason = REASONS[self.ui.reasonComboBox.currentIndex]
            OPEN.mark(case, "excluded", reason, self.ui.wordsEdit.text)
            self.ui.wordsEdit.clear()
            self.say(_("{case}: excluded.").format(case=label))

    def onChanged(self, case: WorklistCase | None = None) -> None:
        """Follow what was changed, here or in the other module; with a case its row only."""
        if case is None or self._listed is not OPEN.worklist:
            self.refresh()
            return
        self._showState(case)
        self._showCounts()
        self.check()

    def refresh(self) -> None:
        """Show the worklist that is open, and what was said last."""
        ui, worklist = self.ui, OPEN.worklist
        ui.worklistForm.setVisible(worklist is None)
        ui.casesBox.setVisible(worklist is not None)
        if worklist is not self._listed:
            self._list(worklist)
        elif worklist is not None:
            for case in worklist.cases:
                self._showState(case)
        self._showCounts()
        ui.casesMessage.text = OPEN.message
        ui.casesMessage.setVisible(bool(OPEN.message))
        self.check()

    def check(self) -> None:
        """Enable what can be done; the tooltip of the rest says what is missing."""
        ui, case, worklist = self.ui, self._selected(), OPEN.worklist
        self.enable(ui.openWorklistButton, self._lacking())
        self.enable(ui.openButton, [] if case is not None else [_("a selected case")])
        self.enable(ui.saveButton, [] if OPEN.case is not None else [_("an open case")])
        self.enable(ui.nextButton, [] if worklist is not None else [_("a worklist")])
        self.enable(ui.closeButton, [] if worklist is not None else [_("a worklist")])
        again = case is not None and worklist is not None and worklist.state(case).state == "excluded"
        lacking = [] if case is not None else [_("a selected case")]
        wordless = REASONS[max(0, ui.reasonComboBox.currentIndex)] == "other" and not ui.wordsEdit.text.strip()
        if not again and wordless:
            lacking.append(_("words on the reason"))
        ui.excludeButton.text = _("Include") if again else _("Exclude")
        self.enable(ui.excludeButton, lacking)

    def say(self, text: str) -> None:
        """Show a text at the end of the section, in both modules."""
        OPEN.tell(text)

    def wording(self, error: BaseException) -> str:
        """Return what is said of an error; the folders of a case may tell subject and time point."""
        return without_folders(error)

    def _open(self, case: WorklistCase) -> None:
        """Open a case, show it, and begin to place points where it has none."""
        notes: list[str] = []
        self.say("")

        def work(progress: Callable[[int, int], bool]) -> None:
            notes.extend(OPEN.openCase(case, self.panel, progress))

        if not self.panel.run(_("Opening {case}").format(case=self._label(case)), work, self.say):
            self._select(case)
            self.check()
            return
        OPEN.watch(self.panel)
        self.say("\n".join([_("{case} is open.").format(case=self._label(case)), *notes]))
        self._select(case)
        volume, regions = OPEN.shown(self.panel.kind), self.panel.regions
        if volume is not None and slicer.app.layoutManager() is not None:
            slicer.util.setSliceViewerLayers(
                background=volume, foreground=None, label=None, fit=True, rotateToVolumePlane=True
            )
        if self._entered and regions.points is None and regions.regions is None:
            regions.onPlace()

    def _lacking(self) -> list[str]:
        ui = self.ui
        missing = [] if ui.worklistPath.currentPath.strip() else [_("a worklist")]
        return missing if ui.readerEdit.text.strip() else [*missing, _("the reader's name")]

    def _passed(self) -> set[str]:
        return OPEN.passed.get(self.panel.kind, set())

    def _label(self, case: WorklistCase) -> str:
        return OPEN.worklist.label(case) if OPEN.worklist is not None else ""

    def _selected(self) -> WorklistCase | None:
        worklist, row = OPEN.worklist, self.ui.caseTable.currentRow()
        if worklist is None or self._listed is not worklist or not 0 <= row < len(worklist.cases):
            return None
        return worklist.cases[row]

    def _select(self, case: WorklistCase | None) -> None:
        if case is not None and case.name in self._rows:
            self.ui.caseTable.setCurrentCell(self._rows[case.name], 0)
            self.ui.caseTable.scrollToItem(self.ui.caseTable.item(self._rows[case.name], 0))

    def _list(self, worklist: Worklist | None) -> None:
        """Fill the table."""
        table, cases = self.ui.caseTable, () if worklist is None else worklist.cases
        self._listed, self._rows = worklist, {case.name: row for row, case in enumerate(cases)}
        table.blockSignals(True)
        table.setRowCount(0)
        table.setRowCount(len(cases))
        for row, case in enumerate(cases):
            table.setItem(row, 0, qt.QTableWidgetItem(self._label(case)))
            table.setItem(row, 1, qt.QTableWidgetItem(""))
            self._showState(case)
        table.blockSignals(False)
        if worklist is not None:
            self.ui.casesSection.collapsed = False
            hidden = _("subject and time point hidden") if worklist.blind else ""
            order = _("order {number}").format(number=worklist.seed)
            who = _("Reader {name}").format(name=worklist.reader)
            self.ui.openLabel.text = ", ".join(filter(None, (who, order, hidden)))
            self._select(OPEN.case or worklist.current)

    def _showState(self, case: WorklistCase) -> None:
        """Show how far a case is."""
        worklist = self._listed
        if worklist is None or case.name not in self._rows:
            return
        state = worklist.state(case)
        words = {"to do": _("to do"), "done": _("done"), "excluded": _("excluded")}
        reasons = {"artefact": _("artefact"), "motion": _("motion"), "other": _("other")}
        why = ": ".join(filter(None, (reasons.get(state.reason, ""), state.text)))
        parts = [_("open") if OPEN.case is not None and OPEN.case.name == case.name else "", words[state.state], why]
        item = self.ui.caseTable.item(self._rows[case.name], 1)
        text = ", ".join(filter(None, parts))
        if item.text() != text:
            item.setText(text)
            item.setToolTip(text)

    def _showCounts(self) -> None:
        """Show how many cases are in each state."""
        words = {
            "to do": _("{count} to do"),
            "done": _("{count} done"),
            "excluded": _("{count} excluded"),
            "missing": _("{count} with missing files"),
        }
        counts = {} if OPEN.worklist is None else OPEN.worklist.summary()
        shown = [words[state].format(count=count) for state, count in counts.items() if count or state != "missing"]
        self.ui.countsLabel.text = ", ".join(shown)

    def _keepForm(self, path: str, worklist: Worklist) -> None:
        settings = slicer.app.userSettings()
        settings.setValue(f"{SETTINGS}Path", path)
        settings.setValue(f"{SETTINGS}Reader", worklist.reader)

    def _restoreForm(self) -> None:
        settings = slicer.app.userSettings()
        self.ui.worklistPath.currentPath = str(settings.value(f"{SETTINGS}Path") or "")
        self.ui.readerEdit.text = str(settings.value(f"{SETTINGS}Reader") or "")
        self.onForm()
