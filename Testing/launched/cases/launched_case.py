"""What the cases share: a clean scene, the two modules through one form, panels and the program's log."""

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

MODULES = ("IVIMBoneMarrow", "IDEALFatQuant")
SHAPE = (7, 64, 64)  # the smallest simulated spine with some dozen voxels in each vertebra


class LaunchedCase(unittest.TestCase):
    """Starts with an empty scene and leaves one; has a folder of its own."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.pump()
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

    def settings(self):
        from mrbiomarkers.settings import DiffusionSettings

        return DiffusionSettings(models=("adc", "ivim"))

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


def save_picture(widget, name):
    """Save a picture of a panel where the environment variable MRBIOMARKERS_SCREENSHOTS names a folder."""
    folder = os.environ.get("MRBIOMARKERS_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        if not widget.grab().save(str(Path(folder) / f"{name}.png")):
            raise OSError(f"the picture of {name} could not be written to {folder}")


def loaded_package():
    """The package's modules that are loaded now, by name."""
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "mrbiomarkers"}
