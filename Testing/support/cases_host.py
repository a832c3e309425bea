"""The section Cases in a panel with made-up sections Regions and Measure, and worklists for it."""

from types import SimpleNamespace

from Testing.support.section_host import SHAPE, SectionHost


class Regions:
    """What the section Cases uses of the section Regions."""

    def __init__(self, host):
        self.host, self.regions, self.points, self.reader, self.placed, self.image = host, None, None, "", 0, None

    def choose(self, *, reader, points, segmentation, image):
        self.reader, self.points, self.regions, self.image = reader, points, segmentation, image

    def onPlace(self):  # noqa: N802
        self.placed += 1


class Measure:
    """What the section Cases uses of the section Measure."""

    def __init__(self):
        self.measured = None

    @property
    def table(self):
        return None if self.measured is None else self.measured.table

    def show(self, measured):
        self.measured = measured

    def forget(self):
        self.measured = None

    def typed(self):
        return "", ""


class CasesHost(SectionHost):
    """A panel with the section Cases."""

    def __init__(self, program, name="MadeUp"):
        from mrbiomarkers.panels.cases.cases_section import CasesSection

        super().__init__(program, cases=CasesSection)
        self.moduleName = name
        self.regions, self.measure = Regions(self), Measure()

    ui = property(lambda self: self.cases.ui)
    said = property(lambda self: self.ui.casesMessage.text)

    def open_worklist(self, path, reader="A", *, hide=False):
        self.ui.worklistPath.currentPath = str(path)
        self.ui.readerEdit.text = reader
        self.ui.hideCheckBox.checked = hide
        self.ui.openWorklistButton.click()

    def select(self, name):
        """Select the case of a subject."""
        from mrbiomarkers.panels.cases.open_worklist import OPEN

        row = next(row for row, case in enumerate(OPEN.worklist.cases) if case.subject == name)
        self.ui.caseTable.setCurrentCell(row, 0)
        return OPEN.worklist.cases[row]

    def open_case(self, name):
        case = self.select(name)
        self.ui.openButton.click()
        return case

    def states(self):
        table = self.ui.caseTable
        return {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount)}

    def draw(self):
        """Make the regions of the phantom, as the section Regions does."""
        from mrbiomarkers.mrml import add_level_points, add_segmentation

        regions = add_segmentation("Regions", self.phantom.regions, self.phantom.series.affine)
        points = add_level_points(points=self.middles())
        self.regions.choose(reader=self.regions.reader, points=points, segmentation=regions, image=self.node)
        return regions, points

    def measure_now(self):
        """Measure the regions, as the section Measure does."""
        from mrbiomarkers.settings import DiffusionSettings

        self.chosen_settings = DiffusionSettings(models=("adc",))
        fitted = self.fit(lambda done, total: True)
        maps = {"ADC": fitted.maps["ADC"]}
        self.measure.show(
            self.logic.measure(maps, {self.identity().reader: self.regions.regions}, identity=self.identity())
        )
        return self.measure.measured


def write_cases(folder, subjects=("S01", "S02", "S03"), *, columns="", cells=None):
    """Write a table of cases that share one small series; ``cells`` by subject."""
    from mrbiomarkers.files import write_nifti_series
    from mrbiomarkers.phantom import lumbar_diffusion

    folder.mkdir(parents=True, exist_ok=True)
    series = folder / "dwi.nii.gz"
    if not series.exists():
        write_nifti_series(series, lumbar_diffusion(shape=SHAPE).series)
    lines = [f"subject,timepoint,series{columns}"]
    lines += [f"{name},pre,dwi.nii.gz{(cells or {}).get(name, ',' * columns.count(','))}" for name in subjects]
    table = folder / "cohort.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def voxels_of(node):
    """Name, colour and voxels of every segment, in order."""
    from mrbiomarkers.mrml.segments import cropped, segment_region

    content, found = node.GetSegmentation(), []
    for identifier in content.GetSegmentIDs():
        segment, region = content.GetSegment(identifier), cropped(segment_region(node, identifier))
        told = None if region is None else (region.mask.tolist(), region.affine.round(6).tolist())
        found.append((identifier, segment.GetName(), tuple(round(c, 5) for c in segment.GetColor()), told))
    return found


def node_names():
    """The names of the nodes that a user sees."""
    import slicer

    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(number) for number in range(scene.GetNumberOfNodes())]
    return {node.GetID(): node.GetName() for node in nodes}


def folders(path):
    return SimpleNamespace(own=path.parent / "readings" / "A")
