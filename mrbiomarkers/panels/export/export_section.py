"""The section Export of both panels: a table to the clipboard, and results to files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from mrbiomarkers.panels.export.export_contents import Results, latest_table, maps_of, table_text
from mrbiomarkers.panels.export.export_dicom import DicomWish
from mrbiomarkers.panels.export.export_parameters import SHARED, ExportParameterNode
from mrbiomarkers.panels.export.exporting import Exported, affordable, export_results, lacking
from mrbiomarkers.panels.section import Section, lacks
from mrbiomarkers.panels.widgets import Soon

FOLDER = "MRBiomarkers/ExportFolder"  # in the user's settings, not in the scene
DELAY = 100  # [ms] from a change of the scene to what can be exported now
QUANTITY, LABELS = "MRBiomarkers.Quantity", "best_model"


class ExportSection(Section):
    """Copies a table, and writes tables, figures, maps, regions and DICOM objects."""

    form = "export_section"
    message = "exportMessage"
    shared = (SHARED, ExportParameterNode)

    def __init__(self, panel: Any = None) -> None:
        super().__init__(panel)
        self._about: tuple[Any, Any] = (None, None)  # case and series that the DICOM fields were filled in for

    def setup(self, layout: Any) -> None:
        """Build the form and connect its buttons."""
        super().setup(layout)
        ui = self.ui
        ui.tableSelector.addAttribute("vtkMRMLTableNode", "MRBiomarkers.Table")  # any value: tables of this extension
        ui.copyButton.clicked.connect(self.onCopy)
        ui.exportButton.clicked.connect(self.onExport)
        ui.folderPathLineEdit.currentPathChanged.connect(self.onFolder)
        ui.sourcePathLineEdit.currentPathChanged.connect(self.onSource)
        for edit in (ui.folderPathLineEdit, ui.sourcePathLineEdit):
            edit.validInputChanged.connect(self.onInput)  # an emptied field is no "current path"
        ui.exportedList.setVisible(False)
        self._timer = Soon(self.widget, self.check, DELAY)

    def bind(self, node: Any) -> None:
        """Bind the form, and follow what comes into the scene and leaves it."""
        super().bind(node)
        if self._parameters is not None:
            scene = slicer.mrmlScene
            self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self.onChanged)
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
                self.addObserver(scene, event, self.onChanged)
            self.check()

    def release(self) -> None:
        """Let go of the nodes."""
        if self.ui is not None:
            self._timer.stop()
        super().release()
        if self.ui is not None:
            self.check()

    def enter(self) -> None:
        """Take up the folder that the other module may have set, and look at what there is."""
        folder = str(qt.QSettings().value(FOLDER, "") or "")
        if folder:
            self.ui.folderPathLineEdit.currentPath = folder
        self.check()

    def leaveNodes(self) -> None:
        """Forget what was exported of a scene that goes, and where its images are."""
        if self.ui is not None:
            self._show("", ())
            self._forgetSource()

    def onChanged(self, caller: Any = None, event: Any = None) -> None:
        """Look soon, and once for all changes until then, at what can be exported."""
        self._timer.start()

    def onFolder(self, path: str = "") -> None:
        """Remember the folder for the other module and the next session."""
        if path:
            qt.QSettings().setValue(FOLDER, path)
        self.check()

    def onSource(self, path: str = "") -> None:
        """Look at what is missing."""
        self.check()

    def onInput(self, isValid: bool = True) -> None:
        """Look at what is missing."""
        self.check()

    def onCopy(self) -> None:
        """Put the table on the clipboard, as text and as HTML, as it is shown: with header and units."""
        table = self._copied()
        if table is None:
            return
        with self.saying():
            text, html = table_text(table)
            data = qt.QMimeData()
            data.setText(text)
            data.setHtml(html)
            slicer.app.clipboard().setMimeData(data)
            rows = text.count("\n") - 1
            self.say(_("Copied: {table}, {count} rows.").format(table=table.GetName(), count=rows))

    def onExport(self) -> None:
        """Write what is chosen into a new folder."""
        if self._parameters is None or self.panel.running:
            return
        self._forgetOthers()
        missing = self._missing()
        if missing:
            self.say(lacks(missing))
            return
        parts, notes = affordable(self._parts())
        if not parts or self._parameters is None:  # the user was asked; the scene may be another
            self._show("\n".join(notes), ())
            return
        folder, results, wish = Path(self._folder()), self._results(), self._wish()
        made: list[Exported] = []
        self._show("", ())

        def work(progress: Any) -> None:
            made.append(export_results(folder, results, parts, dicom=wish, progress=progress))

        if self.panel.run(_("Exporting"), work, self.say):
            done = made[0]
            count = _("{count} files were exported into {folder}.").format(
                count=len(done.files), folder=done.folder.name
            )
            self._show("\n".join([count, *notes, *done.notes]), done.files)

    def check(self) -> None:
        """Enable what can be done; the tooltip of the rest says what is missing."""
        ui, bound = self.ui, self._parameters is not None
        self._forgetOthers()
        ui.dicomPlace.setVisible(bound and self._parameters.writeDicom)
        copied = self._copied()
        if copied is None:
            self.enable(ui.copyButton, [_("a table (Measure makes it)")])
        else:
            tip = _("Copy {table} with its header and units, for a spreadsheet or a text.")
            self.enable(ui.copyButton, tip=tip.format(table=copied.GetName()))
        self.enable(ui.exportButton, self._missing(), tip=_("Write into a new folder; nothing is ever overwritten."))

    def _show(self, text: str, files: tuple[str, ...]) -> None:
        """Show a text and the names of files."""
        self.say(text)
        self.ui.exportedList.clear()
        self.ui.exportedList.addItems(list(files))
        self.ui.exportedList.setVisible(bool(files))

    def _forgetOthers(self) -> None:
        """Forget the DICOM folder of another case or series: its patient's name must not come into these objects."""
        image = None if self._parameters is None else self.panel.image()
        about = (getattr(self.panel.cases, "case", None), None if image is None else image.GetID())
        if self._parameters is not None and about != self._about:
            was, self._about = self._about, about
            if was != (None, None):
                self._forgetSource()

    def _forgetSource(self) -> None:
        self.ui.seriesLineEdit.text = ""
        self.ui.identityCheckBox.checked = False
        self.ui.sourcePathLineEdit.currentPath = ""

    def _missing(self) -> list[str]:
        """Return what is missing before the export, in words."""
        if self._parameters is None:
            return [_("a scene")]
        words = {
            "parts": _("something to export"),
            "table": _("a table (Measure makes it)"),
            "charts": _("charts or regions for figures"),
            "maps": _("maps of a fit"),
            "regions": _("regions or points"),
            "source": _("the source DICOM folder"),
        }
        found = [words[key] for key in lacking(self._results(), self._parts(), self._wish())]
        return found if self._folder() else [*found, _("a folder")]

    def _parts(self) -> list[str]:
        p = self._parameters
        chosen = {
            "table": p.writeTable,
            "figures": p.writeFigures,
            "maps": p.writeMaps,
            "regions": p.writeRegions,
            "dicom": p.writeDicom,
        }
        return [part for part, wanted in chosen.items() if wanted]

    def _folder(self) -> str:
        return str(self.ui.folderPathLineEdit.currentPath or "").strip()

    def _results(self) -> Results:
        """Return what there is to export now."""
        panel = self.panel
        measured, fitted = getattr(panel.measure, "measured", None), panel.fitted()
        given = [
            node
            for value in panel.series().values()
            for node in (value if isinstance(value, (list, tuple)) else [value])
        ]
        maps = dict(maps_of([node for node in given if hasattr(node, "IsA")]) if fitted is None else fitted.maps)
        best = maps.pop(LABELS, None)
        measurements = self._measurements()
        return Results(
            identity=panel.identity(),
            is_echo=panel.kind == "multi-echo",
            table=self._parameters.exportedTable or measurements,
            measurements=measurements,
            charts=list(measured.charts.values()) if measured is not None and measured.charts else None,
            maps={name: node for name, node in maps.items() if node.GetAttribute(QUANTITY)},
            best_model=best,
            regions=getattr(panel.regions, "regions", None),
            points=getattr(panel.regions, "points", None),
            image=panel.image(),
        )

    def _measurements(self) -> Any:
        """Return the measurement table of the section Measure, else the latest of the scene."""
        table = getattr(self.panel.measure, "table", None)
        is_shown = table is not None and table.GetScene() is slicer.mrmlScene and not table.GetHideFromEditors()
        return table if is_shown else latest_table("measurements")

    def _copied(self) -> Any:
        """Return the table that is copied: the chosen one, else the latest summary."""
        if self._parameters is None:
            return None
        return self._parameters.exportedTable or latest_table("summary") or self._measurements()

    def _wish(self) -> DicomWish | None:
        """Return where the DICOM images are; the folder of the open case is not shown, its name may tell the visit."""
        ui, case = self.ui, getattr(self.panel.cases, "case", None)
        folder, series = str(ui.sourcePathLineEdit.currentPath or "").strip(), str(ui.seriesLineEdit.text).strip()
        if not folder and case is not None and Path(case.data.get("series") or ".no folder").is_dir():
            folder = str(case.data["series"])
            is_own = not case.kind or case.kind == self.panel.kind
            series = series or (_words(case.data.get("dicomSeries")) if is_own else "")
        if not folder:
            return None
        keep = bool(ui.identityCheckBox.checked)
        return DicomWish(Path(folder), series, self.panel.kind == "multi-echo", keep)


def _words(series: Any) -> str:
    """Return series numbers or UIDs as they are typed."""
    listed = series if isinstance(series, (list, tuple)) else [] if series is None else [series]
    return re.sub(r"[,;\s]+", " ", " ".join(str(one) for one in listed))
