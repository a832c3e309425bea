"""What is known to bite in the views: effects under a scene that comes, layouts, deleted maps, text that VTK drops."""
# ruff: noqa: PT009 - unittest's own checks: Slicer does not bundle pytest

import numpy as np
import slicer
from launched_case import (
    MODULES,
    LaunchedCase,
    is_placing,
    names_of,
    node_ids,
    picture_folder,
    pixels_of,
    save_picture,
    scene_node,
)

FOUR_UP = 3  # vtkMRMLLayoutNode.SlicerLayoutFourUpView
CONVENTIONAL = 2


class ViewTrapTests:
    """The traps that both modules can meet; a class below names the module."""

    module = ""

    def ready(self):
        """Return a simulated subject and the panel with its series and regions chosen, in the layout of four views."""
        slicer.app.layoutManager().setLayout(FOUR_UP)
        subject = self.subject(self.module)
        regions = subject.place()
        panel = self.panel(self.module)
        panel.take(subject.taken())
        panel.regions.choose(segmentation=regions)
        self.pump(0.1)
        return subject, panel

    def measured(self):
        subject, panel = self.ready()
        self.click(panel.measure.ui.measureButton)
        self.assertIsNotNone(panel.measure.table, panel.measure.ui.measureMessage.text)
        return subject, panel

    def overlay(self, panel, subject):
        """Show the map of the module's quantity over the images; return its node."""
        node = next(
            node
            for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
            if node.GetAttribute("MRBiomarkers.Quantity") == subject.quantity
        )
        panel.measure.ui.overlaySelector.setCurrentNode(node)
        self.pump(0.2)
        return node

    def test_a_scene_comes_while_paint_is_active(self):
        _, panel = self.ready()
        names = [panel.regions.regions.GetName(), panel.image().GetName()]
        file = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(file)))
        for clear in (True, False):
            slicer.app.layoutManager().setLayout(CONVENTIONAL)  # the scene that comes has another one
            editor = panel.regions.ui.segmentEditor
            editor.setActiveEffectByName("Paint")
            self.pump(0.1)
            self.assertIsNotNone(editor.activeEffect())
            slicer.util.loadScene(str(file), {"clear": clear})  # this crashed Slicer
            self.pump(0.3)

            self.assertIsNone(editor.activeEffect())
            self.assertEqual([panel.regions.regions.GetName(), panel.image().GetName()], names)
            self.assertIs(editor.segmentationNode(), panel.regions.regions)

    def test_a_scene_is_cleared_while_paint_is_active_and_points_are_placed(self):
        _, panel = self.ready()
        panel.regions.ui.segmentEditor.setActiveEffectByName("Paint")
        self.click(panel.regions.ui.placeButton)
        self.assertTrue(is_placing())
        slicer.mrmlScene.Clear()
        self.pump(0.2)

        self.assertIsNone(panel.regions.ui.segmentEditor.activeEffect())
        self.assertFalse(is_placing())
        self.assertIsNone(panel.regions.ui.segmentEditor.segmentationNode())

    def test_an_effect_ends_when_the_module_is_left(self):
        _, panel = self.ready()
        panel.regions.ui.segmentEditor.setActiveEffectByName("Paint")
        self.click(panel.regions.ui.placeButton)
        slicer.util.selectModule("Data")
        self.pump(0.1)

        self.assertIsNone(panel.regions.ui.segmentEditor.activeEffect())
        self.assertFalse(is_placing(), "the next click in a view would place a point")

    def test_the_layout_is_set_and_given_back(self):
        _, panel = self.ready()
        manager, box = slicer.app.layoutManager(), panel.measure.ui.readingCheckBox
        box.checked = False
        self.pump(0.1)
        manager.setLayout(CONVENTIONAL)
        self.pump(0.1)
        box.checked = True
        self.pump(0.2)
        own = manager.layout
        self.assertNotEqual(own, CONVENTIONAL)
        for tag, kind in (("MRBiomarkersPlot", "vtkMRMLPlotViewNode"), ("MRBiomarkersTable", "vtkMRMLTableViewNode")):
            self.assertIsNotNone(slicer.mrmlScene.GetSingletonNode(tag, kind), tag)
        save_picture(panel.parent, f"{self.module}_reading")
        slicer.util.selectModule("Data")
        self.pump(0.2)
        self.assertEqual(manager.layout, CONVENTIONAL)
        self.panel(self.module)
        self.assertEqual(manager.layout, own)
        box.checked = False
        self.pump(0.1)
        self.assertEqual(manager.layout, CONVENTIONAL)

    def test_two_modules_in_turn_give_the_first_layout_back(self):
        _, panel = self.ready()
        manager = slicer.app.layoutManager()
        panel.measure.ui.readingCheckBox.checked = True
        self.pump(0.2)
        own = manager.layout
        for name in (*MODULES, *MODULES):
            self.panel(name)
            self.assertEqual(manager.layout, own, name)
        slicer.util.selectModule("Data")
        self.pump(0.2)

        self.assertEqual(manager.layout, FOUR_UP)

    def test_a_layout_that_the_user_chooses_stays(self):
        _, panel = self.ready()
        panel.measure.ui.readingCheckBox.checked = True
        self.pump(0.2)
        slicer.app.layoutManager().setLayout(CONVENTIONAL)
        self.pump(0.2)
        self.assertFalse(panel.measure.ui.readingCheckBox.checked)
        slicer.util.selectModule("Data")
        self.pump(0.1)

        self.assertEqual(slicer.app.layoutManager().layout, CONVENTIONAL)

    def test_a_deleted_map_is_not_replaced_by_another(self):
        subject, panel = self.measured()
        node = self.overlay(panel, subject)
        name, rows = node.GetName(), panel.measure.ui.mapTable.rowCount
        self.assertTrue(all(view.GetForegroundVolumeID() == node.GetID() for view in composites()))
        slicer.mrmlScene.RemoveNode(node)
        self.pump(0.2)

        self.assertIsNone(panel.measure.ui.overlaySelector.currentNode())
        self.assertIsNone(scene_node(name))
        self.assertEqual(panel.measure.ui.mapTable.rowCount, rows - 1)
        self.assertIsNone(panel.fitted())
        self.assertEqual([view.GetForegroundVolumeID() for view in composites() if view.GetForegroundVolumeID()], [])

    def test_deleted_regions_leave_a_panel_that_asks_for_them(self):
        _, panel = self.measured()
        other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "of the user")
        slicer.mrmlScene.RemoveNode(panel.regions.regions)
        self.pump(0.2)
        before = node_ids()

        self.assertIsNone(panel.regions.regions)
        self.assertFalse(panel.measure.ui.measureButton.enabled)
        self.assertIn("regions", panel.measure.ui.measureButton.toolTip)
        self.assertEqual(node_ids(), before)
        self.assertEqual(other.GetSegmentation().GetNumberOfSegments(), 0)

    def test_one_legend_is_visible_with_text_that_vtk_can_draw(self):
        subject, panel = self.measured()
        self.overlay(panel, subject)
        shown = [node for node in slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode") if node.GetVisibility()]

        self.assertEqual(len(shown), 1)
        self.assertTrue(shown[0].GetTitleText())
        self.assertTrue(shown[0].GetTitleText().isascii(), shown[0].GetTitleText())
        panel.measure.ui.overlaySelector.setCurrentNode(None)
        self.pump(0.1)
        self.assertEqual([node for node in shown if node.GetVisibility()], [])

    def test_the_charts_of_the_panel_have_text_that_vtk_can_draw(self):
        _, panel = self.measured()
        combo, charts = panel.measure.ui.regionComboBox, set()
        for index in range(combo.count):
            combo.currentIndex = index
            self.pump()
            charts.add(panel.measure.ui.plotWidget.mrmlPlotViewNode().GetPlotChartNodeID())

        self.assertEqual(len(charts), 5)
        for chart in map(slicer.mrmlScene.GetNodeByID, charts):
            for text in (chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle()):
                self.assertTrue(text)
                self.assertTrue(text.isascii(), text)
        self.assertTrue(all(name.isascii() for name in names_of("vtkMRMLPlotSeriesNode")))

    def test_the_legend_is_drawn(self):
        subject, panel = self.measured()
        self.overlay(panel, subject)
        view = slicer.app.layoutManager().sliceWidget("Yellow").sliceView()
        legend = next(
            node for node in slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode") if node.GetVisibility()
        )
        pictures = []
        for visible in (True, False):
            legend.SetVisibility(visible)
            view.forceRender()
            self.pump(0.3)
            pictures.append(pixels_of(view).astype(int))
        columns = np.abs(pictures[0] - pictures[1]).sum(axis=(0, 2))

        self.assertGreater(columns[len(columns) // 2 :].sum(), 0, "no legend is seen at the right of the view")

    def test_the_text_of_a_chart_is_drawn(self):
        _, panel = self.measured()
        panel.measure.ui.readingCheckBox.checked = False
        self.pump(0.3)
        plot = panel.measure.ui.plotWidget
        self.assertTrue(plot.visible)
        picture = pixels_of(plot.plotView()).astype(int)
        rows, columns = picture.shape[:2]
        save_picture(plot, f"{self.module}_chart")
        for name, part in {
            "title": picture[: rows // 8],
            "axis below": picture[-rows // 8 :],
            "axis at the left": picture[:, : columns // 8],
        }.items():
            self.assertGreater(np.ptp(part), 100, f"{name}: nothing is written there")

    def test_pictures_are_saved_where_a_folder_is_named(self):
        panel = self.panel(self.module)
        save_picture(panel.parent, f"{self.module}_alone")
        folder = picture_folder()
        if folder is not None:
            self.assertGreater((folder / f"{self.module}_alone.png").stat().st_size, 1000)
        else:
            self.assertEqual(list(self.folder.iterdir()), [])


def composites():
    """The nodes that say what each slice view shows."""
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


class DiffusionViewCase(ViewTrapTests, LaunchedCase):
    module = "IVIMBoneMarrow"


class FatWaterViewCase(ViewTrapTests, LaunchedCase):
    module = "IDEALFatQuant"
