"""The panels as a reader works in them: by clicks from Sample Data to maps, regions, a table and files."""
# ruff: noqa: PT009 - unittest's own checks: Slicer does not bundle pytest

import csv

import launched_case
import numpy as np
import slicer
from launched_case import LEVELS, LaunchedCase, is_placing, names_of, rows_of, save_pictures, sizes_of

TOLERANCE = {"D": 0.08, "PDFF": 1.5}  # 10^-3 mm2/s; %: coarse voxels, whose edges mix tissues


class PanelTests:
    """The tests of both modules; a class below names the module."""

    module = ""

    def opened(self):
        """Return a simulated subject, and the panel with its series chosen and no points yet."""
        subject = self.subject(self.module)
        middles = subject.middles()
        slicer.mrmlScene.RemoveNode(subject.sample["points"])
        panel = self.panel(self.module)
        panel.take(subject.taken())
        self.pump(0.1)
        return subject, panel, middles

    def placed(self):
        """Return the same with five points clicked."""
        subject, panel, middles = self.opened()
        self.click(panel.regions.ui.placeButton)
        self.assertTrue(is_placing(), panel.regions.ui.regionsMessage.text)
        self.place(panel, middles)
        return subject, panel, middles

    def measured(self):
        """Return the same, fitted and measured."""
        subject, panel, middles = self.placed()
        self.click(panel.ui.applyButton)
        self.assertIn("maps were made", panel.ui.messageLabel.text)
        self.click(panel.measure.ui.measureButton)
        self.assertIsNotNone(panel.measure.table, panel.measure.ui.measureMessage.text)
        return subject, panel, middles

    def test_sample_data_are_there_to_be_chosen(self):
        import SampleData

        panel = self.panel(self.module)
        sources = SampleData.SampleDataLogic.sampleDataSourcesByCategory("MRBiomarkers")
        own = [source for source in sources if getattr(source.customDownloader, "__module__", "") == self.module]
        self.assertEqual(len(own), 1)
        self.assertFalse(panel.ui.applyButton.enabled)
        self.assertIn("Missing", panel.ui.applyButton.toolTip)
        own[0].customDownloader(own[0])
        self.pump(0.2)
        names = {"IVIMBoneMarrow": ["seriesSelector"], "IDEALFatQuant": ["magnitudeSelector", "phaseSelector"]}
        for name in names[self.module]:
            selector = getattr(panel.ui, name)
            self.assertGreater(selector.nodeCount(), 0, name)
            nodes = listed(selector)
            wanted = [node for node in nodes if name[:5].casefold() in node.GetName().casefold()] or nodes
            selector.setCurrentNode(wanted[0])
        self.pump(0.1)

        self.assertTrue(panel.ui.applyButton.enabled, panel.ui.applyButton.toolTip)
        self.assertIsNotNone(panel.image())

    def test_five_clicks_make_five_regions(self):
        _, panel, middles = self.placed()
        points = panel.regions.points
        found = {points.GetNthControlPointLabel(index): index for index in range(points.GetNumberOfControlPoints())}

        self.assertEqual(list(found), LEVELS)
        self.assertFalse(is_placing(), "placing has not ended with the last point")
        for level, index in found.items():
            placed = np.zeros(3)
            points.GetNthControlPointPositionWorld(index, placed)
            self.assertLess(np.abs(placed - middles[level]).max(), 2.0, level)  # [mm] a pixel of the view is smaller
        self.assertEqual(sorted(sizes_of(panel.regions.regions)), LEVELS)
        self.assertGreater(min(sizes_of(panel.regions.regions).values()), 0)
        table = panel.regions.ui.areaTable
        self.wait_for(lambda: table.rowCount == 5, "the areas")
        self.assertEqual([table.item(row, 0).text() for row in range(5)], LEVELS)

    def test_a_right_order_is_asked_for_in_words(self):
        _, panel, middles = self.opened()
        self.click(panel.regions.ui.placeButton)
        self.assertIn("L1", panel.regions.ui.regionsMessage.text)
        for level in ("L3", "L1"):  # the first click is L1's, the second L2's: from feet to head
            launched_case.click_in_view(middles[level])
        self.wait_for(lambda: "head" in panel.regions.ui.regionsMessage.text, "the message")

        self.assertEqual(sizes_of(panel.regions.regions), {})

    def test_what_is_measured_is_near_the_truth(self):
        subject, panel, _ = self.measured()
        truth = subject.truth()
        rows = rows_of(panel.measure.table)
        values = {row[0]: row[4] for row in rows if row[1] == subject.quantity and "mean of" in row[3]}

        self.assertEqual(sorted(values), LEVELS)
        for level, value in values.items():
            self.assertAlmostEqual(value, truth[level], delta=TOLERANCE[subject.quantity], msg=level)
        shown = panel.measure.ui.resultTable.mrmlTableNode()
        self.assertIsNotNone(shown)
        self.assertEqual([shown.GetCellText(row, 0) for row in range(5)], LEVELS)
        self.assertEqual(panel.measure.ui.regionComboBox.count, 5)
        save_pictures(panel, f"{self.module}_measured")

    def test_a_second_measurement_needs_no_second_fit(self):
        _, panel, _ = self.measured()
        maps = names_of("vtkMRMLScalarVolumeNode")
        self.click(panel.measure.ui.measureButton)

        self.assertEqual(names_of("vtkMRMLScalarVolumeNode"), maps)
        self.assertIsNotNone(panel.fitted())

    def test_a_jump_shows_the_region_in_the_middle_of_the_views(self):
        _, panel, _ = self.measured()
        combo = panel.measure.ui.regionComboBox
        combo.currentIndex = combo.findText("L4")
        self.click(panel.measure.ui.jumpButton)
        content = panel.regions.regions.GetSegmentation()
        middle = panel.regions.regions.GetSegmentCenterRAS(content.GetSegmentIdBySegmentName("L4"))

        views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
        self.assertGreater(len(views), 0)
        for view in views:
            matrix = view.GetSliceToRAS()
            centre = [matrix.GetElement(row, 3) for row in range(3)]
            np.testing.assert_allclose(centre, middle, atol=0.01, err_msg=view.GetName())

    def test_a_scene_loaded_under_the_open_panel_has_everything_again(self):
        _, panel, _ = self.measured()
        rows, regions = rows_of(panel.measure.table), sizes_of(panel.regions.regions)
        names = [node.GetName() for node in (panel.image(), panel.regions.regions, panel.regions.points)]
        file = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(file)))
        slicer.mrmlScene.Clear()
        self.pump(0.1)
        self.assertEqual((panel.image(), panel.regions.regions, panel.measure.table), (None, None, None))
        slicer.util.loadScene(str(file), {"clear": True})
        self.pump(0.3)

        self.assertEqual(
            [node.GetName() for node in (panel.image(), panel.regions.regions, panel.regions.points)], names
        )
        self.assertEqual(sizes_of(panel.regions.regions), regions)
        np.testing.assert_equal(rows_of(panel.measure.table), rows)
        self.assertTrue(panel.ui.applyButton.enabled, panel.ui.applyButton.toolTip)
        self.click(panel.measure.ui.measureButton)
        again = [(row[0], row[1], row[4]) for row in rows_of(panel.measure.table)]
        self.assertEqual(len(again), len(rows))

    def test_the_table_is_exported_and_copied(self):
        _, panel, _ = self.measured()
        ui = panel.export.ui
        ui.folderPathLineEdit.currentPath = str(self.folder)
        for box in (ui.figuresCheckBox, ui.mapsCheckBox, ui.regionsCheckBox, ui.dicomCheckBox):
            box.checked = False
        ui.tableCheckBox.checked = True
        self.wait_for(lambda: ui.exportButton.enabled, "the button Export")
        self.click(ui.exportButton)
        found = sorted(self.folder.rglob("measurements.csv"))
        self.assertEqual(len(found), 1, ui.exportMessage.text)
        with found[0].open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))

        expected = rows_of(panel.measure.table)
        self.assertEqual([(line["region"], line["quantity"]) for line in lines], [row[:2] for row in expected])
        np.testing.assert_array_equal([float(line["value"]) for line in lines], [row[4] for row in expected])
        self.click(ui.copyButton)
        text = slicer.app.clipboard().text()
        self.assertIn("L5", text)
        self.assertGreater(len(text.splitlines()), 5)
        self.assertIn("\t", text.splitlines()[0])

    def test_clear_leaves_an_empty_panel(self):
        _, panel, _ = self.measured()
        slicer.mrmlScene.Clear()
        self.pump(0.2)

        self.assertEqual((panel.image(), panel.regions.regions, panel.measure.table), (None, None, None))
        self.assertIsNone(panel.measure.ui.resultTable.mrmlTableNode())
        self.assertFalse(panel.ui.applyButton.enabled)
        self.assertFalse(panel.measure.ui.measureButton.enabled)
        self.assertFalse(panel.export.ui.copyButton.enabled)
        self.assertEqual((panel.regions.ui.areaTable.rowCount, panel.measure.ui.regionComboBox.count), (0, 0))

    def test_a_second_reader_sees_nothing_of_the_first_and_both_are_compared(self):
        _, panel, middles = self.opened()
        panel.regions.ui.readerLineEdit.text = "A"
        panel.regions.ui.readerLineEdit.editingFinished.emit()
        self.click(panel.regions.ui.placeButton)
        self.place(panel, middles)
        self.click(panel.measure.ui.measureButton)
        self.assertIsNotNone(panel.measure.table, panel.measure.ui.measureMessage.text)
        first, ui = panel.regions.regions, panel.readers.ui
        ui.secondLineEdit.text = "B"
        self.pump(0.1)
        self.click(ui.beginButton)

        self.assertEqual(panel.regions.reader, "B")
        self.assertEqual((sizes_of(panel.regions.regions), panel.measure.table), ({}, None))
        self.assertTrue(first.GetHideFromEditors())
        self.assertFalse(first.GetDisplayNode().GetVisibility())
        self.assertNotIn(first, listed(panel.regions.ui.segmentationSelector))
        self.assertFalse(ui.compareButton.enabled)
        self.click(panel.regions.ui.placeButton)
        self.place(panel, {level: np.add(middle, [0.0, 0.0, -1.0]) for level, middle in middles.items()})
        self.click(panel.measure.ui.measureButton)
        self.assertIsNotNone(panel.measure.table, panel.measure.ui.measureMessage.text)
        self.click(ui.showButton)
        self.assertFalse(first.GetHideFromEditors())
        self.assertTrue(first.GetDisplayNode().GetVisibility())
        self.click(panel.measure.ui.measureButton)
        self.click(ui.compareButton)
        save_pictures(panel, f"{self.module}_compared")

        table = ui.agreementTable.mrmlTableNode()
        self.assertIsNotNone(table, ui.readersMessage.text)
        self.assertGreater(table.GetNumberOfRows(), 0)
        self.assertIn("A and B", table.GetName())
        self.assertGreater(ui.quantityComboBox.count, 0)

    def test_regions_are_there_in_the_other_module(self):
        _, panel, _ = self.placed()
        regions, points = panel.regions.regions, panel.regions.points
        other = self.panel(next(name for name in launched_case.MODULES if name != self.module))

        self.assertIs(other.regions.regions, regions)
        self.assertIs(other.regions.points, points)
        again = self.panel(self.module)
        self.assertIs(again.regions.regions, regions)
        self.assertEqual(sorted(sizes_of(regions)), LEVELS)


def listed(selector):
    """The nodes that a selector offers."""
    return [selector.nodeFromIndex(index) for index in range(selector.nodeCount())]


class DiffusionPanelCase(PanelTests, LaunchedCase):
    module = "IVIMBoneMarrow"


class FatWaterPanelCase(PanelTests, LaunchedCase):
    module = "IDEALFatQuant"
