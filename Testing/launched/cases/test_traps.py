"""What is known to bite in the real program: scenes that change under a panel, reload, NaN, text that VTK drops."""
# ruff: noqa: PT009 - unittest's own checks: Slicer does not bundle pytest

import importlib

import numpy as np
import qt
import slicer
from launched_case import MODULES, LaunchedCase, array_of, lines_since, loaded_package, log_text, names_of, node_ids


class TrapTests:
    """The traps that both modules can meet; a class below names the module."""

    module = ""

    def open_with_inputs(self):
        """Return a simulated subject, its regions and the panel with all of it chosen."""
        subject = self.subject(self.module)
        regions = subject.place()
        panel = self.panel(self.module)
        panel.take(subject.taken())
        panel.regions.choose(segmentation=regions)
        self.pump(0.1)
        return subject, regions, panel

    @staticmethod
    def chosen(panel):
        """Names of the nodes that are chosen in the panel."""
        nodes = {"regions": panel.regions.regions, "image": panel.image()}
        nodes |= {name: node for name, node in panel.series().items() if hasattr(node, "GetName")}
        return {name: None if node is None else node.GetName() for name, node in nodes.items()}

    def test_a_scene_loaded_under_the_open_panel_keeps_its_references(self):
        _, _, panel = self.open_with_inputs()
        before = self.chosen(panel)
        file = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(file)))
        for clear in (True, False):
            slicer.mrmlScene.Clear()
            self.pump(0.1)
            self.assertEqual(set(self.chosen(panel).values()), {None})
            slicer.util.loadScene(str(file), {"clear": clear})
            self.pump(0.2)

            self.assertEqual(self.chosen(panel), before)
            self.assertTrue(panel.ui.applyButton.enabled, panel.ui.applyButton.toolTip)
        self.assertNotIn(None, before.values())

    def test_a_scene_cleared_during_a_fit_ends_it_and_leaves_no_node(self):
        _, _, panel = self.open_with_inputs()
        empty = {"count": 0}

        def clear():
            empty["count"] += 1
            slicer.mrmlScene.Clear()

        qt.QTimer.singleShot(0, clear)  # served by the first call of the progress
        panel.ui.applyButton.click()
        self.pump(0.3)

        self.assertEqual(empty["count"], 1)
        self.assertEqual(names_of("vtkMRMLScalarVolumeNode"), [])
        self.assertEqual(names_of("vtkMRMLTableNode"), [])
        self.assertFalse(panel.running)
        self.assertFalse(panel.ui.applyButton.enabled)
        subject, _, panel = self.open_with_inputs()
        self.assertTrue(panel.ui.applyButton.enabled, "the panel is not ready for the next subject")
        self.assertGreater(len(subject.fit().maps), 0)

    def test_a_deleted_input_takes_nothing_of_the_user_with_it(self):
        subject, _, panel = self.open_with_inputs()
        other = subject.logic.createSampleData(shape=(5, 48, 48))
        kept = {name: array_of(node.GetNthDataNode(0)) for name, node in other.items() if name != "points"}
        for node in subject.inputs:
            slicer.mrmlScene.RemoveNode(node)
        self.pump(0.2)

        self.assertIsNone(panel.image(), "another series was chosen without a word")
        self.assertFalse(panel.ui.applyButton.enabled)
        self.assertFalse(panel.running)
        for name, image in kept.items():
            np.testing.assert_array_equal(array_of(other[name].GetNthDataNode(0)), image)

    def test_what_cannot_be_measured_is_said_and_the_panel_is_ready_again(self):
        _, regions, panel = self.open_with_inputs()
        self.click(panel.ui.applyButton)
        regions.GetSegmentation().AddEmptySegment("empty", "empty")
        self.pump(0.1)
        before = node_ids()
        self.click(panel.measure.ui.measureButton)

        self.assertIn("empty", panel.measure.ui.measureMessage.text)
        self.assertEqual(node_ids(), before)
        self.assertFalse(panel.running)
        regions.GetSegmentation().RemoveSegment("empty")
        self.pump(0.1)
        self.click(panel.measure.ui.measureButton)
        self.assertIsNotNone(panel.measure.table, panel.measure.ui.measureMessage.text)

    def test_three_reloads_leave_one_working_panel(self):
        self.panel(self.module)
        for _ in range(3):
            before, old = log_text(), loaded_package()
            panel = getattr(slicer.modules, f"{self.module}Widget")
            panel.onReload()
            self.pump(0.1)
            new = getattr(slicer.modules, f"{self.module}Widget")

            self.assertIsNot(new, panel)
            self.assertIsNone(panel._parameterNode)
            self.assertEqual(lines_since(before, ("Traceback", "does not have observer")), [])
            changed = [name for name, module in loaded_package().items() if old.get(name) is not module]
            self.assertIn("mrbiomarkers.jobs", changed)
        _, _, panel = self.open_with_inputs()
        self.assertTrue(panel.ui.applyButton.enabled)
        slicer.mrmlScene.Clear()
        self.pump(0.1)
        self.assertFalse(panel.ui.applyButton.enabled)

    def test_a_reload_leaves_the_other_module_working(self):
        other = next(name for name in MODULES if name != self.module)
        self.panel(other)
        self.panel(self.module).onReload()
        self.pump(0.1)
        subject = self.subject(other)
        maps, regions = subject.fit().maps, subject.place()

        self.assertGreater(subject.measure(maps, regions).table.GetNumberOfRows(), 0)

    def test_voxels_without_a_value_are_transparent(self):
        subject = self.subject(self.module)
        _, node = next(iter(subject.fit(mask=subject.place()).maps.items()))
        display = node.GetDisplayNode()
        values = array_of(node)
        self.assertTrue(np.isnan(values).any())
        self.assertTrue(np.isfinite(values).any())
        self.assertTrue(display.GetApplyThreshold())
        self.assertFalse(display.GetAutoWindowLevel())
        self.assertLess(display.GetWindowLevelMin(), display.GetWindowLevelMax())

        np.testing.assert_array_equal(opacity(display).reshape(values.shape) > 0, np.isfinite(values))

    def test_the_text_of_charts_is_what_vtk_can_draw(self):
        subject = self.subject(self.module)
        maps, regions = subject.fit().maps, subject.place()
        measured = subject.measure(maps, {"A": regions, "B": subject.place()})
        subject.logic.agreement(measured.table, "A", "B")
        charts = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
        texts = [text for chart in charts for text in (chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle())]
        texts += names_of("vtkMRMLPlotSeriesNode")

        self.assertGreater(len(charts), 5)
        self.assertEqual([text for text in texts if text is not None and not text.isascii()], [])

    def test_maps_of_a_mask_have_their_statistics_in_segment_statistics(self):
        import SegmentStatistics

        subject = self.subject(self.module)
        maps, regions = subject.fit().maps, subject.place()
        values = array_of(maps[subject.quantity])
        values[..., ::2] = np.nan
        slicer.util.updateVolumeFromArray(maps[subject.quantity], values)
        regions.CreateDefaultDisplayNodes()
        logic = SegmentStatistics.SegmentStatisticsLogic()
        logic.getParameterNode().SetParameter("Segmentation", regions.GetID())
        logic.getParameterNode().SetParameter("ScalarVolume", maps[subject.quantity].GetID())
        logic.computeStatistics()
        found = logic.getStatistics()
        prefix = "ParameterMapSegmentStatisticsPlugin"
        segment = found["SegmentIDs"][0]
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(regions, segment, maps[subject.quantity]) > 0

        self.assertEqual(len(found["SegmentIDs"]), 5)
        self.assertAlmostEqual(found[segment, f"{prefix}.mean"], float(np.nanmean(values[mask])), places=4)
        self.assertEqual(found[segment, f"{prefix}.voxels"], int(mask.sum()))
        self.assertEqual(found[segment, f"{prefix}.unfitted"], int(np.isnan(values[mask]).sum()))
        info = found["MeasurementInfo"][f"{prefix}.mean"]
        self.assertTrue(info["units"])
        self.assertIn("DICOM.QuantityCode", info)
        self.assertEqual(
            sum(plugin.__name__ == prefix for plugin in SegmentStatistics.SegmentStatisticsLogic.registeredPlugins), 1
        )

    def test_sample_data_makes_the_simulated_subject(self):
        import SampleData

        sources = SampleData.SampleDataLogic.sampleDataSourcesByCategory("MRBiomarkers")
        module = importlib.import_module(self.module)
        own = [source for source in sources if getattr(source.customDownloader, "__module__", "") == module.__name__]
        before = node_ids()

        self.assertEqual(len(own), 1, f"{len(sources)} sources are registered")
        own[0].customDownloader(own[0])
        kinds = {slicer.mrmlScene.GetNodeByID(identifier).GetClassName() for identifier in node_ids() - before}
        self.assertLessEqual({"vtkMRMLSequenceNode", "vtkMRMLMarkupsFiducialNode"}, kinds)


def opacity(display):
    """The alpha of the voxels as the display node hands them to a view, as a flat array."""
    from vtk.util.numpy_support import vtk_to_numpy

    port = display.GetOutputImageDataConnection()
    port.GetProducer().Update()
    return vtk_to_numpy(port.GetProducer().GetOutputDataObject(port.GetIndex()).GetPointData().GetScalars())[:, 3]


class DiffusionTrapCase(TrapTests, LaunchedCase):
    module = "IVIMBoneMarrow"


class FatWaterTrapCase(TrapTests, LaunchedCase):
    module = "IDEALFatQuant"
