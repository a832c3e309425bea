"""What the cases share: a clean scene, the two modules through one form, panels and the program's log."""
# ruff: noqa: PT009 - unittest's own checks: Slicer does not bundle pytest

import importlib
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np
import slicer
import vtk

LEVELS = ["L1", "L2", "L3", "L4", "L5"]
SECTIONS = ("cases", "imported", "scanner", "regions", "measure", "readers", "export")
MODULES = ("IVIMBoneMarrow", "IDEALFatQuant")
SHAPE = (7, 64, 64)  # the smallest simulated spine with some dozen voxels in each vertebra


class LaunchedCase(unittest.TestCase):
    """Starts with an empty scene and leaves one; has a folder of its own."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.pump()
        self.clicks = 0
        self.folder = Path(tempfile.mkdtemp(prefix="mrbiomarkers-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(slicer.mrmlScene.Clear)

    @staticmethod
    def pump(seconds=0.0):
        """Serve events, for at least so long."""
        end = time.monotonic() + seconds
        slicer.app.processEvents()
        while time.monotonic() < end:
            time.sleep(0.01)
            slicer.app.processEvents()

    def click(self, button):
        """Click a button that can be clicked, now or soon, and count it."""
        end = time.monotonic() + 1.0  # panels look at what has changed by timers of some hundredths of a second
        while not button.enabled and time.monotonic() < end:
            self.pump(0.02)
        self.assertTrue(button.enabled, f"{button.name} cannot be clicked: {button.toolTip}")
        self.clicks += 1
        button.click()
        self.pump(0.1)

    def place(self, panel, middles):
        """Click the middle of each body that has no point yet, and wait for the regions."""
        for middle in middles.values():
            self.clicks += 1
            click_in_view(middle)
        self.wait_for(lambda: set(middles) <= set(sizes_of(panel.regions.regions)), "the regions")

    def wait_for(self, condition, what, seconds=10.0):
        """Serve events until something is so; fail when it does not become so."""
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited {seconds} s for {what}")
            self.pump(0.02)

    def panel(self, name):
        """Open a module and return its widget class's object."""
        slicer.util.selectModule(name)
        self.pump(0.2)
        return getattr(slicer.modules, f"{name}Widget")

    def subject(self, name):
        return SUBJECTS[name]()


class Subject:
    """A simulated subject in the scene and one module's logic, with the same calls for both modules."""

    module = ""
    quantity = ""

    def __init__(self, **options):
        loaded = importlib.import_module(self.module)
        self.logic = getattr(loaded, f"{self.module}Logic")()
        self.sample = self.logic.createSampleData(shape=SHAPE, **options)
        self.inputs = [node for name, node in self.sample.items() if name != "points"]

    def fit(self, **options):
        raise NotImplementedError

    def place(self):
        return self.logic.placeVertebrae(self.sample["points"], self.inputs[0]).segmentation

    def measure(self, maps, segmentations):
        return self.logic.measure(maps, segmentations, series=self.series(), settings=self.settings())

    def series(self):
        raise NotImplementedError

    def taken(self):
        """The series by the names that a panel's ``take`` knows."""
        raise NotImplementedError

    def middles(self):
        """The middle of each body, RAS [mm]."""
        from mrbiomarkers.mrml import level_points

        return level_points(self.sample["points"])

    def settings(self):
        return None


class DiffusionSubject(Subject):
    """ADC and IVIM of a diffusion series."""

    module = "IVIMBoneMarrow"
    quantity = "D"

    def fit(self, **options):
        return self.logic.fit(self.series(), settings=self.settings(), **options)

    def series(self):
        return self.sample["series"]

    def taken(self):
        return {"diffusion": self.sample["series"]}

    def settings(self):
        from mrbiomarkers.settings import DiffusionSettings

        return DiffusionSettings(models=("adc", "ivim"))

    def truth(self):
        """D [10^-3 mm2/s] of each vertebra."""
        from mrbiomarkers.phantom import lumbar_diffusion

        return {level: 1e3 * values["D"] for level, values in lumbar_diffusion(shape=SHAPE).region_truth.items()}

    def kernel_maps(self):
        """The same fit without nodes behind it, in the units a person reads."""
        from mrbiomarkers.jobs import run_diffusion

        return in_reported_units(run_diffusion(self.logic.readSeries(self.series()), settings=self.settings()).maps)


class FatWaterSubject(Subject):
    """Water and fat of a multi-echo series."""

    module = "IDEALFatQuant"
    quantity = "PDFF"

    def fit(self, **options):
        return self.logic.fit(**self.series(), **options)

    def series(self):
        return {"magnitude": self.sample["magnitude"], "phase": self.sample["phase"]}

    def taken(self):
        return self.series()

    def truth(self):
        """PDFF [%] of each vertebra."""
        from mrbiomarkers.phantom import lumbar_fat_water

        return {level: values["PDFF"] for level, values in lumbar_fat_water(shape=SHAPE).region_truth.items()}

    def kernel_maps(self):
        from mrbiomarkers.jobs import run_fatwater

        return in_reported_units(run_fatwater(self.logic.readSeries(self.series())).maps)


SUBJECTS = {case.module: case for case in (DiffusionSubject, FatWaterSubject)}


def in_reported_units(maps):
    from mrbiomarkers.maps import to_reported

    return {name: to_reported(given).values for name, given in maps.items()}


def array_of(node):
    return np.array(slicer.util.arrayFromVolume(node))


def node_ids():
    """The nodes of the scene; two equal sets mean that nothing was added or taken away."""
    nodes = slicer.mrmlScene.GetNodes()
    return {nodes.GetItemAsObject(index).GetID() for index in range(nodes.GetNumberOfItems())}


def scene_node(name):
    """The node of a name; ``slicer.util.getNode`` takes a name as a pattern, and that of D* fits D, too."""
    return slicer.mrmlScene.GetFirstNodeByName(name)


def names_of(kind):
    """Names of the nodes of a class, sorted."""
    return sorted(node.GetName() for node in slicer.util.getNodesByClass(kind))


def rows_of(table):
    """The rows of a measurement table: what was measured where, and the figures."""
    from mrbiomarkers.mrml import measurements_of

    return [
        (row.region, row.quantity, row.model, row.method, row.value, row.sd, row.n_voxels)
        for row in measurements_of(table)
    ]


def log_text():
    """All messages of the program's log. Messages that follow each other may share an entry: only text is counted."""
    slicer.app.processEvents()  # messages reach the log through the event loop
    log = slicer.app.errorLogModel()
    return "\n".join(str(log.logEntryDescription(index)) for index in range(log.logEntryCount()))


def lines_since(before, signs):
    """The lines of the log that hold one of the signs and came after the text ``before``."""
    return [line for line in log_text()[len(before) :].splitlines() if any(sign in line for sign in signs)]


def click_in_view(position, view="Yellow"):
    """Click a point [mm, RAS] in a slice view, which is moved there; Slicer's own events, as the mouse makes them."""
    widget = slicer.app.layoutManager().sliceWidget(view)
    node, interactor = widget.mrmlSliceNode(), widget.sliceView().interactor()
    node.JumpSliceByCentering(*(float(value) for value in position))
    LaunchedCase.pump(0.05)
    to_view = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), to_view)
    column, row = to_view.MultiplyPoint((*(float(value) for value in position), 1.0))[:2]
    interactor.SetEventInformation(round(column), round(row))
    for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.InvokeEvent(event)
        LaunchedCase.pump()


def is_placing():
    """Whether a click in a view places a point."""
    node = slicer.app.applicationLogic().GetInteractionNode()
    return node.GetCurrentInteractionMode() == node.Place


def sizes_of(segmentation):
    """The number of voxels of each region; none without a segmentation."""
    from mrbiomarkers.mrml import drawn_regions

    if segmentation is None:
        return {}
    return {name: int(region.mask.sum()) for name, region in drawn_regions(segmentation).items()}


def picture_folder():
    """The folder of the environment variable MRBIOMARKERS_SCREENSHOTS, or None where it names none."""
    name = os.environ.get("MRBIOMARKERS_SCREENSHOTS")
    if not name:
        return None
    Path(name).mkdir(parents=True, exist_ok=True)
    return Path(name)


def save_picture(widget, name):
    """Save a picture of a widget in the folder of pictures, if there is one."""
    folder = picture_folder()
    if folder is not None and not widget.grab().save(str(folder / f"{name}.png")):
        raise OSError(f"the picture of {name} could not be written to {folder}")


def save_pictures(panel, name):
    """Save a picture of each section of a panel, opened, of the whole panel and of the main window."""
    if picture_folder() is None:
        return
    for section in SECTIONS:
        widget = getattr(panel, section).widget
        for part in widget.children():
            if hasattr(part, "collapsed"):
                part.collapsed = False
        LaunchedCase.pump(0.1)
        save_picture(widget, f"{name}_{section}")
    save_picture(panel.parent, name)
    window = slicer.util.mainWindow()
    if window is not None:
        save_picture(window, f"{name}_window")


def pixels_of(widget):
    """A widget as an array (rows, columns, 3) of what is seen on the screen."""
    image = widget.grab().toImage()
    points = [(row, column) for row in range(image.height()) for column in range(image.width())]
    colours = [image.pixel(column, row) for row, column in points]
    values = [(colour >> 16 & 255, colour >> 8 & 255, colour & 255) for colour in colours]
    return np.array(values, np.uint8).reshape(image.height(), image.width(), 3)


def loaded_package():
    """The package's modules that are loaded now, by name."""
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "mrbiomarkers"}
