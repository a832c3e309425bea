"""The part of Input that reads a series out of a folder of DICOM files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from mrbiomarkers.panels.section import Section

_NUMBER = re.compile(r"\bseries (\d+)")
_UID = re.compile(r",? UID [\d.]+")
_ARGUMENT = re.compile(r"\b[Nn]ame (one|it|them) with series=")
_BY_HAND = re.compile(r"\. (Give them by hand|If the header repeats the first echo time, give)\b.*", re.DOTALL)


class ImportSection(Section):
    """Folder, subject code, series number and the button Import; what was read is chosen as the panel's series.

    Nothing of it is kept in the scene: a path can hold a name.
    """

    form = "import_section"
    message = "importMessage"
    place = "inputPlace"

    def setup(self, layout: Any) -> None:
        """Build the form and connect it."""
        super().setup(layout)
        self.ui.folderEdit.currentPathChanged.connect(self.onFolder)
        self.ui.folderEdit.validInputChanged.connect(self.check)
        self.ui.importButton.clicked.connect(self.onImport)
        if self.panel.kind == "multi-echo":
            self.ui.seriesNumberComboBox.toolTip = _(
                "Numbers of the series, parted by blanks; magnitudes and phases are often two. Empty: the only ones."
            )
        self.check()

    def bind(self, node: Any) -> None:
        """Keep nothing in the scene, so there is nothing to bind."""
        self.release()

    def check(self, valid: bool = True) -> None:
        """Enable the button when there is a folder and nothing else runs."""
        tip = _("Reads the series and chooses it; the files stay as they are, names of patients are not taken over.")
        self.enable(self.ui.importButton, [] if self._folder() else [_("a folder")], tip=tip)

    def onFolder(self, path: str = "") -> None:
        """Forget the series of another folder."""
        combo = self.ui.seriesNumberComboBox
        combo.clear()
        combo.setEditText("")
        self.say("")
        self.check()

    def onImport(self) -> None:
        """Read the series, choose it, and say where its values come from."""
        folder, numbers = self._folder(), self.ui.seriesNumberComboBox.currentText.replace(",", " ").split()
        series: Any = None if not numbers else numbers[0] if len(numbers) == 1 else numbers
        subject, read = self.ui.subjectEdit.text.strip(), []

        def work(progress: Any) -> None:
            logic = self.panel.logic
            read.append(logic.importFolder(Path(folder), series=series, subject=subject, progress=progress))

        self.say("")
        if not self.panel.run(_("Reading files"), work, self._refused):
            return
        imported = read[0]
        self.panel.take(imported.series)
        names = ", ".join(f'"{node.GetName()}"' for node in imported.series.values())
        self.say("\n".join([_("{names} was imported and is chosen.").format(names=names), *imported.notes]))

    def leaveNodes(self) -> None:
        """Say nothing any more of nodes that go."""
        if self.ui is not None:
            self.say("")

    def nodeRemoved(self, node: Any) -> None:
        """Hold no nodes, so there is none to let go of."""

    def _refused(self, text: str) -> None:
        """Say why nothing was read; where the reader lists several series, offer their numbers."""
        combo = self.ui.seriesNumberComboBox
        numbers, typed = list(dict.fromkeys(_NUMBER.findall(text))), combo.currentText
        if len(numbers) > 1:
            combo.clear()
            combo.addItems(numbers)
            combo.setEditText(typed)
            again = _("choose it in Series number")
        else:
            again = _("write it into Series number")
        unique = len(set(_NUMBER.findall(text))) == len(_NUMBER.findall(text))
        shown = _UID.sub("", text) if unique else text.replace("UID ", "UID\n")
        self.say(_BY_HAND.sub(".", _ARGUMENT.sub(again, shown)))  # the form takes no values for a series it cannot read

    def _folder(self) -> str:
        return str(self.ui.folderEdit.currentPath).strip()
