"""A reader's way through a worklist: so few clicks and so little time for a case, and nothing is lost on the way."""
# ruff: noqa: PT009 - unittest's own checks: Slicer does not bundle pytest

import time

import launched_case
import numpy as np
import slicer
from launched_case import LEVELS, LaunchedCase, is_placing, rows_of, save_pictures, sizes_of

CASE_SHAPE = (20, 256, 256)
CLICKS = 12  # for one case of the worklist, from Open to Next
SECONDS = 20.0  # for the same, computing included, on two cores
SUBJECTS = ("S01", "S02", "S03")


class CasePathCase(LaunchedCase):
    """Three simulated cases in a table."""

    @classmethod
    def setUpClass(cls):
        from mrbiomarkers.phantom import lumbar_diffusion, region_centres

        super().setUpClass()
        cls.phantom = lumbar_diffusion(shape=CASE_SHAPE)
        cls.middles = region_centres(cls.phantom.regions, cls.phantom.series.affine)

    def setUp(self):
        from mrbiomarkers.files import write_nrrd_sequence

        super().setUp()
        lines = ["subject,timepoint,series"]
        for subject in SUBJECTS:
            write_nrrd_sequence(self.folder / f"{subject}.seq.nrrd", self.phantom.series)
            lines.append(f"{subject},pre,{subject}.seq.nrrd")
        self.table = self.folder / "cohort.csv"
        self.table.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def opened(self, reader="A"):
        """Return the panel with the worklist open."""
        panel = self.panel("IVIMBoneMarrow")
        ui = panel.cases.ui
        ui.worklistPath.currentPath = str(self.table)
        ui.readerEdit.text = reader
        self.pump(0.1)
        self.click(ui.openWorklistButton)
        self.addCleanup(self.leave_worklist)
        self.assertEqual(ui.caseTable.rowCount, len(SUBJECTS))
        self.clicks = 0
        return panel

    @staticmethod
    def leave_worklist():
        """Leave the reader's folder to the next test."""
        button = slicer.modules.IVIMBoneMarrowWidget.cases.ui.closeButton
        if button.enabled:
            button.click()

    def read_case(self, panel, shift=0.0):
        """Place, measure and save the case that is open; the points lie so many mm below the middles."""
        if not is_placing():
            self.click(panel.regions.ui.placeButton)
        self.place(panel, {level: np.add(middle, [0.0, 0.0, -shift]) for level, middle in self.middles.items()})
        self.click(panel.measure.ui.measureButton)
        self.assertIsNotNone(panel.measure.table, panel.measure.ui.measureMessage.text)
        self.click(panel.cases.ui.saveButton)

    def open_first(self, panel):
        table = panel.cases.ui.caseTable
        table.setCurrentCell(0, 0)
        self.clicks += 1
        self.click(panel.cases.ui.openButton)
        self.assertIsNotNone(panel.cases.case)

    def test_a_case_needs_few_clicks_and_little_time(self):
        panel = self.opened()
        begin = time.monotonic()
        self.open_first(panel)
        first = panel.cases.case
        self.read_case(panel)
        self.click(panel.cases.ui.nextButton)
        seconds = time.monotonic() - begin
        print(f"one case of {CASE_SHAPE}: {self.clicks} clicks, {seconds:.1f} s")

        self.assertLessEqual(self.clicks, CLICKS)
        self.assertLess(seconds, SECONDS)
        self.assertIsNotNone(panel.cases.case)
        self.assertNotEqual(panel.cases.case.name, first.name)
        self.assertEqual(worklist_of(panel).state(first).state, "done")

    def test_what_was_read_is_in_files_and_comes_back(self):
        panel = self.opened()
        self.open_first(panel)
        case = panel.cases.case
        self.read_case(panel)
        sizes, rows = sizes_of(panel.regions.regions), rows_of(panel.measure.table)
        for place in worklist_of(panel).places(case):
            self.assertTrue(place.is_file(), place.name)
        save_pictures(panel, "case_measured")
        self.click(panel.cases.ui.nextButton)
        self.assertEqual(sizes_of(panel.regions.regions), {})
        self.assertIsNone(panel.measure.table)
        self.open_row_of(panel, case)

        self.assertEqual(sizes_of(panel.regions.regions), sizes)
        self.assertEqual(panel.regions.points.GetNumberOfDefinedControlPoints(), len(LEVELS))
        np.testing.assert_equal(rows_of(panel.measure.table), rows)

    def open_row_of(self, panel, case):
        """Open a case again, by its row."""
        number = [one.name for one in worklist_of(panel).cases].index(case.name)
        panel.cases.ui.caseTable.setCurrentCell(number, 0)
        self.click(panel.cases.ui.openButton)
        self.assertEqual(panel.cases.case.name, case.name)

    def test_a_scene_that_is_cleared_loses_no_reading(self):
        panel = self.opened()
        self.open_first(panel)
        case = panel.cases.case
        if not is_placing():
            self.click(panel.regions.ui.placeButton)
        self.place(panel, self.middles)
        sizes = sizes_of(panel.regions.regions)
        slicer.mrmlScene.Clear()  # nothing was saved by hand
        self.pump(0.2)
        self.assertIsNone(panel.cases.case)
        self.open_row_of(panel, case)

        self.assertEqual(sizes_of(panel.regions.regions), sizes)

    def test_a_case_is_excluded_with_its_reason(self):
        panel = self.opened()
        self.open_first(panel)
        case = panel.cases.case
        combo = panel.cases.ui.reasonComboBox
        combo.currentIndex = next(n for n in range(combo.count) if "motion" in combo.itemText(n).casefold())
        self.click(panel.cases.ui.excludeButton)

        state = worklist_of(panel).state(case)
        self.assertEqual((state.state, state.reason), ("excluded", "motion"))

    def test_two_readers_of_one_worklist_see_nothing_of_each_other_and_are_compared(self):
        panel = self.opened("A")
        case = self.read_first(panel)
        self.click(panel.cases.ui.closeButton)
        self.assertEqual((panel.cases.case, panel.regions.regions, panel.measure.table), (None, None, None))
        panel = self.opened("B")
        self.open_row_of(panel, case)
        self.assertEqual((sizes_of(panel.regions.regions), panel.measure.table), ({}, None))
        self.assertEqual(panel.regions.reader, "B")
        self.read_case(panel, shift=1.0)
        readers = panel.readers.ui
        readers.sourceComboBox.currentIndex = 1  # the worklist
        self.pump(0.1)
        self.click(readers.compareButton)
        save_pictures(panel, "readers_compared")

        table = readers.agreementTable.mrmlTableNode()
        self.assertIsNotNone(table, readers.readersMessage.text)
        self.assertGreater(table.GetNumberOfRows(), 0)
        self.assertGreater(readers.quantityComboBox.count, 0)
        self.assertIn("A and B", table.GetName())

    def read_first(self, panel):
        self.open_first(panel)
        case = panel.cases.case
        self.read_case(panel)
        return case

    def test_the_series_is_shown_when_a_case_is_opened(self):
        panel = self.opened()
        self.open_first(panel)
        shown = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        volumes = {node.GetBackgroundVolumeID() for node in shown}

        self.assertEqual(len(volumes), 1)
        self.assertIsNotNone(slicer.mrmlScene.GetNodeByID(volumes.pop()))
        self.assertEqual(launched_case.names_of("vtkMRMLSegmentationNode"), [])


def worklist_of(panel):
    """The worklist that is open, with the state of each case as it is on disk."""
    from mrbiomarkers.panels.cases.open_worklist import OPEN

    return OPEN.worklist
