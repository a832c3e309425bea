"""The section Regions alone in a window, with what a panel does to it; for tests with stand-ins of the program."""

from Testing.support.section_host import LEVELS, SHAPE, SectionHost

__all__ = ["LEVELS", "SHAPE", "Host", "erase", "is_placing", "sizes_of"]


class Host(SectionHost):
    """The section and what a panel does with it; other sections by name, as ``SectionHost`` takes them."""

    def __init__(self, program, **others):
        from mrbiomarkers.panels.regions.regions_section import RegionsSection

        super().__init__(program, regions=RegionsSection, **others)

    def click(self, *levels):
        """Give points their positions, as clicks do."""
        for level in levels or LEVELS:
            self.shared.points.SetNthControlPointPosition(LEVELS.index(level), *self.middles()[level])

    def placed(self):
        """Place all points and wait for the regions."""
        if self.node is None:
            self.take_series()
        self.ui.placeButton.click()
        self.click()
        self.settle()
        return self.shared.segmentation

    def settle(self):
        self.program.wait(lambda: not self.regions._previewTimer.active)
        self.program.wait(lambda: not self.regions._areaTimer.active)

    def sign(self, reader):
        """Write the reader's name and leave the field."""
        self.ui.readerLineEdit.text = reader
        self.ui.readerLineEdit.editingFinished.emit()

    @property
    def ui(self):
        return self.regions.ui

    @property
    def shared(self):
        return self.regions._parameters

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
