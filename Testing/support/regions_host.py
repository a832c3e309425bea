"""The section Regions alone in a window, with what a panel does to it; for tests with stand-ins of the program."""

import numpy as np

LEVELS = ["L1", "L2", "L3", "L4", "L5"]
SHAPE = (6, 64, 64)


class Host:
    """The section and what a panel does with it."""

    def __init__(self, program):
        import qt
        import slicer

        from mrbiomarkers.panels.regions_section import RegionsSection
        from mrbiomarkers.phantom import lumbar_diffusion

        self.program, self.phantom, self.told = program, lumbar_diffusion(shape=SHAPE), []
        self.series = None
        self.section = RegionsSection("MadeUp", lambda: self.series, self.told.append)
        self.frame = qt.QWidget()
        self.frame.setLayout(qt.QVBoxLayout())
        self.section.setup(self.frame.layout())
        self.frame.show()
        scene = slicer.mrmlScene
        self.tags = [
            scene.AddObserver(event, call)
            for event, call in (
                (scene.StartCloseEvent, self.start),
                (scene.StartImportEvent, self.start),
                (scene.EndCloseEvent, self.open),
                (scene.EndImportEvent, self.open),
            )
        ]
        self.open()

    def start(self, caller=None, event=None):
        self.section.leaveNodes()
        self.section.release()

    def open(self, caller=None, event=None):
        self.section.bind(object())
        self.section.enter()

    def leave(self):
        self.section.exit()
        self.section.release()

    def end(self):
        import slicer

        for tag in self.tags:
            slicer.mrmlScene.RemoveObserver(tag)
        self.section.cleanup()

    def take_series(self):
        from mrbiomarkers.mrml import add_diffusion_sequence

        self.series = add_diffusion_sequence(self.phantom.series, "DWI", browser=True)
        return self.series

    def middles(self):
        """The middle of each simulated body, RAS."""
        affine, found = self.phantom.series.affine, {}
        for level in LEVELS:
            k, j, i = np.argwhere(self.phantom.regions[level]).mean(axis=0)
            found[level] = (affine @ [i, j, k, 1])[:3]
        return found

    def click(self, *levels):
        """Give points their positions, as clicks do."""
        for level in levels or LEVELS:
            self.node.points.SetNthControlPointPosition(LEVELS.index(level), *self.middles()[level])

    def placed(self):
        """Place all points and wait for the regions."""
        self.take_series()
        self.ui.placeButton.click()
        self.click()
        self.settle()
        return self.node.segmentation

    def settle(self):
        self.program.wait(lambda: not self.section._previewTimer.active)
        self.program.wait(lambda: not self.section._areaTimer.active)

    @property
    def ui(self):
        return self.section.ui

    @property
    def node(self):
        return self.section._parameters

    @property
    def said(self):
        return self.ui.regionsMessage.text

    def areas(self):
        table = self.ui.areaTable
        return [tuple(table.item(row, column).text() for column in range(3)) for row in range(table.rowCount)]


def is_placing():
    """Whether a click would place a point."""
    import slicer

    node = slicer.app.applicationLogic().GetInteractionNode()
    return node.GetCurrentInteractionMode() == node.Place


def sizes_of(node):
    """The number of voxels of each region."""
    from mrbiomarkers.mrml import drawn_regions

    return {name: int(region.mask.sum()) for name, region in drawn_regions(node).items()}


def erase(node, level):
    """Take one slice of a region away, as the user does."""
    content = node.GetSegmentation()
    content.ClearSegment(content.GetSegmentIdBySegmentName(level))
