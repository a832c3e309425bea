"""Both panels of the extension as a radiologist has them, one open at a time; on the stand-ins of the program."""

import time

import numpy as np

LEVELS = ("L1", "L2", "L3", "L4", "L5")
IVIM, IDEAL = "IVIMBoneMarrow", "IDEALFatQuant"
SHAPE = (6, 64, 64)


class TwoPanels:
    """The desktop with both modules; what a test clicks, types and reads."""

    def __init__(self, program):
        program.open_layout()
        self.program, self.open = program, None
        for name in (IVIM, IDEAL):
            program.load_module(name)
        program.finish_start()

    def select(self, name):
        """Open a module, and leave the one before; return the panel."""
        import slicer

        if self.open not in (None, name):
            getattr(slicer.modules, self.open.lower()).widgetRepresentation().exit()
        self.open = name
        panel = self.program.open_panel(name)
        self.pump(0.1)
        return panel

    def pump(self, seconds=0.0):
        """Serve events, for at least so long."""
        end = time.monotonic() + seconds
        self.program.app.processEvents()
        while time.monotonic() < end:
            time.sleep(0.005)
            self.program.app.processEvents()

    def click(self, button):
        """Click a button that can be clicked, now or soon."""
        end = time.monotonic() + 1.0
        while not button.enabled and time.monotonic() < end:
            self.pump(0.02)
        assert button.enabled, f"{button.name} cannot be clicked: {button.toolTip}"
        button.click()
        self.pump(0.15)

    def sample(self, panel, shape=SHAPE):
        """Add the simulated subject of the panel's module, and choose its series; return the middles of the bodies."""
        import slicer

        from mrbiomarkers.mrml import level_points

        nodes = panel.logic.createSampleData(shape=shape)
        points = nodes.pop("points")
        middles = level_points(points)
        slicer.mrmlScene.RemoveNode(points)
        panel.take({"diffusion": nodes["series"]} if panel.kind == "diffusion" else nodes)
        self.pump(0.1)
        return middles

    def reader(self, panel, name):
        """Write the reader's name and leave the field."""
        panel.regions.ui.readerLineEdit.text = name
        panel.regions.ui.readerLineEdit.editingFinished.emit()
        self.pump(0.05)

    def place(self, panel, middles, shift=0.0):
        """Press Place if need be, and give every point that is free its position."""
        import slicer

        if panel.regions.points is None or panel.regions.points.GetNumberOfDefinedControlPoints() == 0:
            self.click(panel.regions.ui.placeButton)
        points = panel.regions.points
        for index, level in enumerate(LEVELS):
            points.SetNthControlPointPosition(index, *np.add(middles[level], [0.0, 0.0, shift]))
        slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
        self.pump(0.2)

    def read(self, panel, middles, name="A", shift=0.0):
        """Place and measure as a reader; return the measurement table."""
        self.reader(panel, name)
        self.place(panel, middles, shift)
        return self.measure(panel)

    def measure(self, panel):
        self.click(panel.measure.ui.measureButton)
        assert panel.measure.table is not None, panel.measure.ui.measureMessage.text
        return panel.measure.table

    def save_and_load(self, path):
        """Save the scene, clear it, and load it again under the open panel."""
        import slicer

        assert slicer.mrmlScene.WriteToMRB(str(path), None)
        slicer.mrmlScene.Clear()
        self.pump(0.1)
        assert slicer.mrmlScene.ReadFromMRB(str(path), False)
        self.pump(0.2)

    def open_worklist(self, panel, path, reader="A"):
        ui = panel.cases.ui
        ui.worklistPath.currentPath = str(path)
        ui.readerEdit.text = reader
        self.pump(0.05)
        self.click(ui.openWorklistButton)

    def open_row(self, panel, row):
        panel.cases.ui.caseTable.setCurrentCell(row, 0)
        self.click(panel.cases.ui.openButton)
        self.pump(0.1)


def said(panel):
    """All that the panel says, by the names of its labels."""
    forms = [panel.ui, *(section.ui for section in panel._sections if section.ui is not None)]
    found = {}
    for form in forms:
        for name, widget in vars(form).items():
            if name.endswith(("Message", "messageLabel", "stateLabel", "notesLabel")) and hasattr(widget, "text"):
                found[name] = widget.text
    return {name: text for name, text in found.items() if text}


def segments_of(regions):
    """Names and voxel counts of all segments."""
    from mrbiomarkers.mrml.segments import segment_region

    content = None if regions is None else regions.GetSegmentation()
    found = {} if content is None else {content.GetSegment(one).GetName(): one for one in content.GetSegmentIDs()}
    masks = {name: segment_region(regions, identifier) for name, identifier in found.items()}
    return {name: 0 if region is None else int(region.mask.sum()) for name, region in masks.items()}
