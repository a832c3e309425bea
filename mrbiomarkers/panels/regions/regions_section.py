"""The section Regions of both panels: reader, points with a live preview, a model's segmentation, drawing, areas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from mrbiomarkers.mrml import add_level_points, level_points
from mrbiomarkers.mrml.preview import update_preview
from mrbiomarkers.panels.readers.reader_nodes import give_reader, reader_of
from mrbiomarkers.panels.regions.drawing import Drawing
from mrbiomarkers.panels.regions.placing import end_placing, next_point, start_placing
from mrbiomarkers.panels.regions.regions_areas import AreaTable
from mrbiomarkers.panels.regions.regions_nodes import (
    GridReader,
    add_lesion,
    points_moved,
    preview_in,
    regions_of_model,
    remember_points,
)
from mrbiomarkers.panels.regions.regions_parameters import BY_NAME, SHARED, RegionsParameterNode
from mrbiomarkers.panels.regions.regions_reader import ReaderField
from mrbiomarkers.panels.section import Section
from mrbiomarkers.panels.shortcuts import Shortcuts
from mrbiomarkers.panels.widgets import Soon, offer
from mrbiomarkers.settings import PlacementSettings
from mrbiomarkers.study.readings import reader_name, same_reader

SHORTCUT = "Ctrl+Shift+L"
DELAY = 30  # [ms] from the first change of a point to the preview; changes that come meanwhile are one
POINT_EVENTS = ("PointModifiedEvent", "PointAddedEvent", "PointRemovedEvent")
SEGMENT_EVENTS = ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved", "SegmentModified")


class RegionsSection(Section):
    """Reader, points, preview, model, drawing and areas.

    Parameters
    ----------
    panel : FitPanel
        Its ``moduleName`` gives the segment editor a node of its own; on the grid of its ``image()`` regions are made
        when no other image is chosen.
    """

    form = "regions_section"
    message = "regionsMessage"
    shared = (SHARED, RegionsParameterNode)

    def __init__(self, panel: Any) -> None:
        super().__init__(panel)
        self._grids = GridReader()
        self._before: tuple[Any, ...] = ()
        self._watched: list[Any] = []
        self._anew: set[str] = set()
        self._shortcuts: Any = None
        self._entered = self._choosing = False

    @property
    def regions(self) -> Any:
        """The segmentation that is chosen, also one that the other module has made; None while nothing is bound."""
        return None if self._parameters is None else self._parameters.segmentation

    @property
    def points(self) -> Any:
        """The points that are chosen, or None."""
        return None if self._parameters is None else self._parameters.points

    @property
    def reader(self) -> str:
        """Who reads; empty where nobody has said so."""
        return "" if self._parameters is None else str(self._parameters.reader)

    @property
    def isBound(self) -> bool:
        """Whether the form is bound to the scene."""
        return self._parameters is not None

    @property
    def image(self) -> Any:
        """The image on whose grid regions are made: the one that is chosen, else the series of the panel."""
        return None if self._parameters is None else (self._parameters.image or self.panel.image())

    def setup(self, layout: Any) -> None:
        """Build the form and connect its buttons."""
        super().setup(layout)
        ui = self.ui
        self._reader = ReaderField(ui.readerLineEdit, self)
        ui.placeButton.clicked.connect(self.onPlace)
        ui.againButton.clicked.connect(self.onAgain)
        ui.rebuildButton.clicked.connect(self.onRebuild)
        ui.modelButton.clicked.connect(self.onModel)
        ui.lesionButton.clicked.connect(self.onLesion)
        self._drawing = Drawing(ui.segmentEditor, self.panel.moduleName)
        ui.segmentEditor.segmentationNodeChanged.connect(self.onSegmentsChanged)
        self._areas = AreaTable(ui.areaTable)
        self._shortcuts = Shortcuts(self.widget)
        ui.placeButton.toolTip = _("Click in the middle of each body, from the top ({keys}).").format(keys=SHORTCUT)
        self._previewTimer = Soon(self.widget, self.updatePreview, DELAY)
        self._areaTimer = Soon(self.widget, self.updateAreas, DELAY)

    def bind(self, node: Any) -> None:
        """Bind the form; regions that are there stay as they are until a point or a setting is changed."""
        super().bind(node)
        if self._parameters is not None:
            self._before = self._state()
            self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            scene = slicer.mrmlScene  # after the editor, which then takes what its own hidden box shows
            self.addObserver(scene, scene.EndBatchProcessEvent, self.onSegmentsChanged, priority=-1.0)
            self._watch()
            self.check()

    def release(self) -> None:
        """Let go of the nodes; a preview that waits is not made."""
        if self.ui is not None:
            self._previewTimer.stop()
            self._areaTimer.stop()
            self._areas.forget()
        super().release()
        self._watched, self._grids = [], GridReader()
        self._anew.clear()
        if self.ui is not None:
            self.check()

    def enter(self) -> None:
        """Give the segment editor its node, and take the shortcuts."""
        if self._parameters is None:
            return
        self._entered = True
        end_placing()  # a scene that was saved while placing comes back so
        if self.points is None:
            self.say("")  # which point comes next, of points that went while another module was open
        self._drawing.enter()
        self._drawing.show(self._parameters.segmentation, self._parameters.image)
        self._shortcuts.set({SHORTCUT: self.onPlace})
        self.updateAreas()
        if points_moved(self.regions, self.points):  # while another module was open
            self.onPointsChanged()

    def exit(self) -> None:
        """End placing and drawing, which would go on in another module."""
        if self._shortcuts is not None:
            self._shortcuts.clear()
        if self._entered:
            self._entered = False
            self._drawing.exit()
            end_placing()

    def leaveNodes(self) -> None:
        """Take the segmentation from the editor: its effects crash Slicer when a scene goes or comes under them."""
        if self.ui is not None:
            self._drawing.leaveNodes()
            end_placing()
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
            end_placing()
            self.say("")
        super().nodeRemoved(node)

    def choose(self, **chosen: Any) -> None:
        """Choose ``reader``, ``points``, ``segmentation`` and ``image`` at once, without making a preview.

        What is not given stays; None chooses none. Placing ends.
        """
        if self._parameters is None:
            return
        unknown = set(chosen) - {"reader", "points", "segmentation", "image"}
        if unknown:
            raise TypeError(f"choose: expected reader, points, segmentation, image; got {', '.join(sorted(unknown))}")
        end_placing()
        self._choosing = True
        try:
            for name, value in chosen.items():
                setattr(self._parameters, name, reader_name(value) if name == "reader" else value)
        finally:
            self._choosing = False
        self._before = self._state()
        self._previewTimer.stop()
        self._anew.clear()
        self.say("")
        self._follow()
        self.updateAreas()  # at once: a second reader must not see them

    def takeReader(self) -> None:
        """Take the name that is still being typed: a shortcut does not end that."""
        self._reader.take()

    def onPlace(self) -> None:
        """Place the points that have no position yet; without a list of points make one."""
        if self._parameters is None:
            return
        self._reader.take()
        with self.saying():
            points = self._parameters.points
            if self._parameters.image is None:
                self._parameters.image = self._grid()[0]
            if points is None:
                points = add_level_points()
                give_reader(self.reader, self.image, points)
                self._parameters.points = points
            start_placing(points)
            self.say(next_point(points))

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
        self._reader.take()
        parameters = self._parameters
        with self.saying():
            target = {}
            if self.image is not None:
                image, matrix = self._grid()[1:]
                target = {"target_shape": image.shape, "target_affine": matrix}
            table = None if parameters.table == BY_NAME else parameters.table
            regions, count, warnings = regions_of_model(parameters, table, target)
            give_reader(self.reader, self.image, regions)
            parameters.segmentation = regions
            self.say("\n".join([_("{count} regions were made.").format(count=count), *warnings]))

    def onLesion(self) -> None:
        """Add an empty segment for a lesion and begin to draw in it."""
        self._reader.take()
        with self.saying():
            node, image, affine = self._grid()
            if self._parameters.image is None:
                self._parameters.image = node  # without one to draw on Slicer disables all effects
            with self._segmentation() as regions:
                pass
            self.ui.segmentEditor.saveStateForUndo()
            self.ui.segmentEditor.setCurrentSegmentID(add_lesion(regions, affine, image.shape))
            self.ui.segmentEditor.setActiveEffectByName("Paint")

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        """Follow what was chosen; only a changed setting, or points without regions, make regions."""
        if self._choosing:
            return
        before, now = self._before, self._state()
        if now == before:
            self.check()
            return
        owner = reader_of(now[2])
        if now[2] is not before[2] and owner and not same_reader(owner, self.reader):
            self.choose(reader=owner)  # whose regions are chosen is the reader
        self._before = now
        self._follow()
        if now[:3] == before[:3] or (now[1] != before[1] and now[2] is None):
            self.onPointsChanged()

    def onPointsChanged(self, caller: Any = None, event: Any = None) -> None:
        """Make the preview soon, and once for all changes until then."""
        self._previewTimer.start()

    def onSegmentsChanged(self, caller: Any = None, event: Any = None) -> None:
        """Measure the areas soon."""
        self._areaTimer.start()

    def updatePreview(self) -> None:
        """Make the regions follow the points."""
        self.check()
        parameters = self._parameters
        if parameters is None or parameters.points is None:
            return
        if parameters.points.GetNumberOfDefinedControlPoints() < 2:
            self.say(next_point(parameters.points))
            return
        with self.saying():
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
            remember_points(regions, parameters.points, points)
            lines = [f"{level}: {reason}" for level, reason in done.left_out.items()]
            if done.kept:
                kept = _("{levels}: changed by hand and kept; Again or Rebuild makes them anew.")
                lines.append(kept.format(levels=", ".join(done.kept)))
            self.say("\n".join([line for line in (next_point(parameters.points), *lines, *done.warnings) if line]))

    def updateAreas(self) -> None:
        """Show the area of each segment in its largest slice; the editor draws on the regions that are chosen."""
        self._areas.show(self.regions)
        if self._entered and self._parameters is not None:  # its own box takes another segmentation without a word
            self._drawing.show(self._parameters.segmentation, self._parameters.image)

    def check(self) -> None:
        """Enable what can be done; the tooltip of the rest says what is missing."""
        bound, labels = self._parameters is not None, self._labels()
        offer(self.ui.levelComboBox, labels)
        self._reader.check()
        scene, points = [] if bound else [_("a scene")], [] if labels else [_("points")]
        model = [] if bound and self._parameters.model is not None else [_("a model's segmentation")]
        wanted = {"place": scene, "again": points, "rebuild": points, "model": model, "lesion": scene}
        for name, missing in wanted.items():
            self.enable(getattr(self.ui, f"{name}Button"), missing)

    @contextmanager
    def _segmentation(self) -> Iterator[Any]:
        """Give the segmentation; a new one is chosen only when the block has ended well, else taken back."""
        name = _("Regions") if self.image is None else _("Regions of {image}").format(image=self.image.GetName())
        with preview_in(self._parameters.segmentation, name) as regions:
            yield regions
        give_reader(self.reader, self.image, regions)
        if self._parameters.segmentation is not regions:
            self._parameters.segmentation = regions

    def _grid(self) -> tuple[Any, Any, Any]:
        """Return the image's node, voxels and matrix; of a series the image with the lowest b-value or first echo."""
        node = self.image
        if node is None:
            raise ValueError(_("Choose an image, or a series of this panel, on whose voxels regions are made."))
        return node, *self._grids.read(node)

    def _state(self) -> tuple[Any, ...]:
        """Return what decides on the regions: three nodes, then the settings."""
        p = self._parameters
        return p.image, p.points, p.segmentation, p.method, p.size, p.neighbours, p.margin

    def _follow(self) -> None:
        """Show and observe what is chosen now."""
        self._watch()
        if self._entered:
            self._drawing.show(self._parameters.segmentation, self._parameters.image)
        self.check()

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
