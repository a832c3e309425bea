"""The section Regions of both panels: points with a live preview, a model's segmentation, drawing, areas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from mrbiomarkers.mrml import add_level_points, add_segmentation, frames_of, level_points, undo_on_error
from mrbiomarkers.mrml.model_labels import model_labels
from mrbiomarkers.mrml.preview import SizeReader, add_preview, set_grid, update_preview
from mrbiomarkers.mrml.views import display_regions
from mrbiomarkers.panels.drawing import Drawing
from mrbiomarkers.panels.regions_parameters import BY_NAME, shared_parameters
from mrbiomarkers.panels.section import Section
from mrbiomarkers.regions import LESION_AREA, vertebra_bodies
from mrbiomarkers.settings import BodySettings, PlacementSettings

SHORTCUT = "Ctrl+Shift+L"
DELAY = 30  # [ms] from the first change of a point to the preview; changes that come meanwhile are one
LESION_COLOUR = (0.86, 0.24, 0.20)
POINT_EVENTS = ("PointModifiedEvent", "PointAddedEvent", "PointRemovedEvent")
SEGMENT_EVENTS = ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified")
EXPECTED = (TypeError, ValueError, RuntimeError)  # what input can do wrong; it is said in the panel


class RegionsSection(Section):
    """Points, preview, model, drawing and areas.

    Parameters
    ----------
    name : str
        Name of the module, for a segment editor of its own.
    source : callable
        Returns the series of the panel, on whose grid regions are made when no other image is chosen, or None.
    chosen : callable, optional
        Called with the segmentation, or None, whenever another one is chosen.
    """

    form = "regions_section"

    def __init__(self, name: str, source: Callable[[], Any], chosen: Callable[[Any], None] | None = None) -> None:
        super().__init__()
        self._name, self._source, self._chosen = name, source, chosen
        self._sizes = SizeReader()
        self._image: Any = None  # node, its state, voxels, matrix: read once, and not at each step of the mouse
        self._before: tuple[Any, ...] = ()
        self._watched: list[Any] = []
        self._anew: set[str] = set()
        self._tips: dict[str, str] = {}
        self._shortcut: Any = None
        self._entered = False

    @property
    def regions(self) -> Any:
        """The segmentation that is chosen, also one that the other module has made; None while nothing is bound."""
        return None if self._parameters is None else self._parameters.segmentation

    def setup(self, layout: Any) -> None:
        """Build the form and connect its buttons."""
        super().setup(layout)
        ui = self.ui
        ui.placeButton.clicked.connect(self.onPlace)
        ui.againButton.clicked.connect(self.onAgain)
        ui.rebuildButton.clicked.connect(self.onRebuild)
        ui.modelButton.clicked.connect(self.onModel)
        ui.lesionButton.clicked.connect(self.onLesion)
        self._drawing = Drawing(ui.segmentEditor, self._name)
        ui.areaTable.setHorizontalHeaderLabels([_("Region"), _("Area [mm²]"), _("Usual")])
        ui.placeButton.toolTip = _("Click in the middle of each body, from the top ({keys}).").format(keys=SHORTCUT)
        self._previewTimer = self._timer(self.updatePreview)
        self._areaTimer = self._timer(self.updateAreas)

    def parameters(self, node: Any) -> Any:
        """Return what both modules share; made anew each time, as a wrapper keeps what it has once read."""
        return shared_parameters()

    def bind(self, node: Any) -> None:
        """Bind the form; regions that are there stay as they are until a point or a setting is changed."""
        super().bind(node)
        if self._parameters is not None:
            self._before = self._state()
            self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            self._watch()
            self.check()

    def release(self) -> None:
        """Let go of the nodes; a preview that waits is not made."""
        if self.ui is not None:
            self._previewTimer.stop()
            self._areaTimer.stop()
        super().release()
        self._watched, self._image, self._sizes = [], None, SizeReader()
        self._anew.clear()
        if self.ui is not None:
            self.check()

    def enter(self) -> None:
        """Give the segment editor its node, and take the shortcuts."""
        if self._parameters is None:
            return
        self._entered = True
        _endPlacing()  # a scene that was saved while placing comes back so
        self._drawing.enter()
        self._drawing.show(self._parameters.segmentation, self._parameters.image)
        if self._shortcut is None:
            self._shortcut = qt.QShortcut(slicer.util.mainWindow() or self.widget)
            self._shortcut.setKey(qt.QKeySequence(SHORTCUT))
            self._shortcut.connect("activated()", self.onPlace)
        self.updateAreas()

    def exit(self) -> None:
        """End placing and drawing, which would go on in another module."""
        if self._shortcut is not None:
            self._shortcut.enabled = False
            self._shortcut.deleteLater()
            self._shortcut = None
        if self._entered:
            self._entered = False
            self._drawing.exit()
            _endPlacing()

    def leaveNodes(self) -> None:
        """Take the segmentation from the editor: its effects crash Slicer when a scene goes or comes under them."""
        if self.ui is not None:
            self._drawing.leaveNodes()
            _endPlacing()
            self.ui.areaTable.setRowCount(0)
            self.say("")

    def cleanup(self) -> None:
        """Let go of everything; an editor left over from a reload would crash Slicer later."""
        super().cleanup()
        if self.ui is not None:
            self._drawing.cleanup()

    def nodeRemoved(self, node: Any) -> None:
        """Let go of a node before it is deleted."""
        self._drawing.nodeRemoved(node)
        if self._parameters is not None and node is self._parameters.points:
            _endPlacing()
        super().nodeRemoved(node)

    def onPlace(self) -> None:
        """Place the points that have no position yet; without a list of points make one."""
        if self._parameters is None:
            return
        with self._saying():
            points = self._parameters.points
            if self._parameters.image is None:
                self._parameters.image = self._grid()[0]
            if points is None:
                points = self._parameters.points = add_level_points()
            if points.GetNumberOfDefinedControlPoints() == points.GetNumberOfControlPoints():
                raise ValueError(_("All points are placed: drag them, or choose a level and press Again."))
            logic = slicer.modules.markups.logic()
            logic.SetActiveList(points)
            if not logic.StartPlaceMode(1):  # until all are placed, or the right button is clicked
                raise RuntimeError(_("Slicer did not start placing."))
            self.say(self._next())

    def onAgain(self) -> None:
        """Place the point of one level again; its region is made anew even where it was drawn by hand."""
        points, index = self._parameters.points, self.ui.levelComboBox.currentIndex
        if points is None or not 0 <= index < points.GetNumberOfControlPoints():
            return
        self._anew.add(points.GetNthControlPointLabel(index).strip().upper())
        points.UnsetNthControlPointPosition(index)
        self.onPlace()

    def onRebuild(self) -> None:
        """Make all regions anew from the points; the editor's Undo brings back what was drawn."""
        if self._parameters.segmentation is not None:
            self.ui.segmentEditor.saveStateForUndo()
        self._anew.update(self._labels())
        self.updatePreview()

    def onModel(self) -> None:
        """Make regions from a model's segmentation, as a new segmentation."""
        parameters = self._parameters
        with self._saying():
            table = None if parameters.table == BY_NAME else parameters.table
            settings = BodySettings(margin=parameters.margin, neighbours=parameters.neighbours)
            labels, affine, segments = model_labels(parameters.model)
            target = {}
            if parameters.image is not None or self._source() is not None:
                image, matrix = self._grid()[1:]
                target = {"target_shape": image.shape, "target_affine": matrix}
            made = vertebra_bodies(
                labels, affine, table=table, segments=segments, shift=parameters.shift, settings=settings, **target
            )
            with undo_on_error():
                grid = target.get("target_affine", affine)
                regions = add_segmentation(f"Regions of {parameters.model.GetName()}", made.masks, grid)
                display_regions(regions)
            parameters.segmentation = regions
            count = _("{count} regions were made.").format(count=len(made.masks))
            self.say("\n".join([count, *made.warnings]))

    def onLesion(self) -> None:
        """Add an empty segment for a lesion and begin to draw in it."""
        with self._saying():
            image, affine = self._grid()[1:]
            with self._segmentation() as regions:
                content = regions.GetSegmentation()
                set_grid(regions, affine, image.shape)
            self.ui.segmentEditor.saveStateForUndo()
            taken = {content.GetSegment(identifier).GetName() for identifier in content.GetSegmentIDs()}
            name = next(name for n in range(1, len(taken) + 2) if (name := f"Lesion {n}") not in taken)
            identifier = content.AddEmptySegment("", name, LESION_COLOUR)
            self.ui.segmentEditor.setCurrentSegmentID(identifier)
            self.ui.segmentEditor.setActiveEffectByName("Paint")

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        """Follow what was chosen; only a changed setting, or points without regions, make regions."""
        before, now = self._before, self._state()
        if now == before:
            self.check()
            return
        self._before = now
        self._watch()
        if self._entered:
            self._drawing.show(self._parameters.segmentation, self._parameters.image)
        if now[:3] == before[:3] or (now[1] != before[1] and now[2] is None):
            self.onPointsChanged()
        if now[2] != before[2] and self._chosen is not None:
            self._chosen(self._parameters.segmentation)
        self.check()

    def onPointsChanged(self, caller: Any = None, event: Any = None) -> None:
        """Make the preview soon, and once for all changes until then."""
        if not self._previewTimer.active:
            self._previewTimer.start()

    def onSegmentsChanged(self, caller: Any = None, event: Any = None) -> None:
        """Measure the areas soon."""
        if not self._areaTimer.active:
            self._areaTimer.start()

    def updatePreview(self) -> None:
        """Make the regions follow the points."""
        self.check()
        parameters = self._parameters
        if parameters is None or parameters.points is None:
            return
        if parameters.points.GetNumberOfDefinedControlPoints() < 2:
            self.say(self._next())
            return
        with self._saying():
            settings = PlacementSettings(
                parameters.method, (), int(parameters.neighbours), float(parameters.size), float(parameters.margin)
            )
            points = level_points(parameters.points)
            image, affine = self._grid()[1:]
            anew = self._anew & set(points)
            with self._segmentation() as regions:
                done = update_preview(regions, points, affine, image.shape, settings, image, anew=anew)
            self._anew -= anew
            regions.SetAttribute("MRBiomarkers.Placement", json.dumps(asdict(settings)))
            lines = [f"{level}: {reason}" for level, reason in done.left_out.items()]
            if done.kept:
                kept = _("{levels}: changed by hand and kept; Again or Rebuild makes them anew.")
                lines.append(kept.format(levels=", ".join(done.kept)))
            self.say("\n".join([line for line in (self._next(), *lines, *done.warnings) if line]))

    def updateAreas(self) -> None:
        """Show the area of each segment in its largest slice."""
        table = self.ui.areaTable
        regions = None if self._parameters is None else self._parameters.segmentation
        sizes = list(self._sizes.read(regions).values()) if regions is not None else []
        table.setRowCount(len(sizes))
        usual = "{:g}-{:g}".format(*LESION_AREA)
        for row, size in enumerate(sizes):
            note = "" if size.is_level else usual + (_(" (outside)") if size.warnings else "")
            area = f"{size.area_mm2:.0f}" if size.area_mm2 else _("empty")
            for column, text in enumerate((size.name, area, note)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip("\n".join(size.warnings))
                table.setItem(row, column, item)

    def check(self) -> None:
        """Enable what can be done; the tooltip of the rest says what is missing."""
        bound, labels = self._parameters is not None, self._labels()
        combo = self.ui.levelComboBox
        if [combo.itemText(index) for index in range(combo.count)] != labels:
            chosen = combo.currentText
            combo.clear()
            combo.addItems(labels)
            combo.currentIndex = labels.index(chosen) if chosen in labels else min(0, len(labels) - 1)
        self.ui.placeButton.enabled = bound
        self._enable(self.ui.againButton, bool(labels), _("points"))
        self._enable(self.ui.rebuildButton, bool(labels), _("points"))
        self._enable(self.ui.modelButton, bound and self._parameters.model is not None, _("a model's segmentation"))
        self.ui.lesionButton.enabled = bound

    def say(self, text: str) -> None:
        """Show a text at the top of the section."""
        self.ui.regionsMessage.text = text

    def _timer(self, slot: Callable[[], None]) -> Any:
        timer = qt.QTimer(self.widget)
        timer.setSingleShot(True)
        timer.setInterval(DELAY)
        timer.connect("timeout()", slot)
        return timer

    @contextmanager
    def _saying(self) -> Iterator[None]:
        """Say in the panel what is wrong with the input; nothing pops up."""
        try:
            yield
        except EXPECTED as error:
            self.say(str(error))

    @contextmanager
    def _segmentation(self) -> Iterator[Any]:
        """Give the segmentation; a new one is chosen only when the block has ended well, else taken back."""
        if self._parameters.segmentation is not None:
            yield self._parameters.segmentation
            return
        with undo_on_error():
            regions = add_preview(_("Regions of {image}").format(image=self._grid()[0].GetName()))
            display_regions(regions)
            yield regions
        self._parameters.segmentation = regions

    def _grid(self) -> tuple[Any, Any, Any]:
        """Return the image's node, voxels and matrix; of a series the image with the lowest b-value or first echo."""
        node = self._parameters.image or self._source()
        if node is None:
            raise ValueError(_("Choose an image, or a series of this panel, on whose voxels regions are made."))
        if self._image is None or self._image[:2] != (node, node.GetMTime()):
            frames = frames_of(node)
            first = 0 if frames.values is None else int(np.argmin(frames.values))
            image = np.ascontiguousarray(frames.images[..., first])
            self._image = (node, node.GetMTime(), image, frames.affine)
        return node, *self._image[2:]

    def _state(self) -> tuple[Any, ...]:
        """Return what decides on the regions: three nodes, then the settings."""
        p = self._parameters
        return p.image, p.points, p.segmentation, p.method, p.size, p.neighbours, p.margin

    def _watch(self) -> None:
        """Observe the points and the segmentation that are chosen, and no others."""
        points, regions = self._parameters.points, self._parameters.segmentation
        wanted: list[Any] = []
        if points is not None:
            wanted += [(points, getattr(points, name), self.onPointsChanged) for name in POINT_EVENTS]
        if regions is not None:
            wanted += [(regions, getattr(slicer.vtkSegmentation, n), self.onSegmentsChanged) for n in SEGMENT_EVENTS]
        for entry in [entry for entry in self._watched if entry not in wanted]:
            self.removeObserver(*entry)
        for entry in [entry for entry in wanted if entry not in self._watched]:
            self.addObserver(*entry)
        self._watched = wanted
        self.onSegmentsChanged()

    def _labels(self) -> list[str]:
        points: Any = None if self._parameters is None else self._parameters.points
        count = 0 if points is None else points.GetNumberOfControlPoints()
        return [points.GetNthControlPointLabel(index) for index in range(count)]

    def _next(self) -> str:
        """Return which point the next click places; nothing when none is being placed."""
        node, points = slicer.app.applicationLogic().GetInteractionNode(), self._parameters.points
        if node is None or node.GetCurrentInteractionMode() != node.Place:
            return ""
        for index in range(points.GetNumberOfControlPoints()):
            if points.GetNthControlPointPositionStatus(index) != points.PositionDefined:
                label = points.GetNthControlPointLabel(index)
                return _("Click in the middle of {level}; a right click ends placing.").format(level=label)
        return ""

    def _enable(self, button: Any, enabled: bool, missing: str) -> None:
        """Enable a button; while it cannot be pressed its tooltip says what is missing."""
        tip = self._tips.setdefault(button.name, button.toolTip)
        button.enabled = enabled
        button.toolTip = tip if enabled else _("Missing: {things}.").format(things=missing)


def _endPlacing() -> None:
    node = slicer.app.applicationLogic().GetInteractionNode()
    if node is not None:
        node.SwitchToViewTransformMode()
