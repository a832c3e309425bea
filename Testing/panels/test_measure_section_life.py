"""The section Measure through scenes that come and go, deleted nodes and other modules; slices, plots and overlays."""

from types import SimpleNamespace

import numpy as np
import pytest

from Testing.support.section_host import LEVELS, SectionHost


@pytest.fixture
def host(program):
    import slicer

    from mrbiomarkers.panels.measure.measure_section import MeasureSection

    slicer.mrmlScene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())  # the module Colors does so
    host = SectionHost(program, measure=MeasureSection)
    host.regions = SimpleNamespace(regions=None, reader="", takeReader=lambda: None)
    yield host
    host.end()


@pytest.fixture
def views(program):
    """The program has a layout manager from the start."""
    return program.open_layout()


@pytest.fixture
def measured(views, host):
    """A host in a program with views that has measured ADC and IVIM in five regions."""
    return measure(host)


def measure(host):
    from mrbiomarkers.mrml import add_segmentation, display_regions

    host.take_series()
    host.regions.regions = add_segmentation("Regions", host.phantom.regions, host.phantom.series.affine)
    display_regions(host.regions.regions)
    assert host.measure.onMeasure()
    return host


def plotted(host):
    """The charts in the form and in the layout; the one in the form counts only while it can be seen."""
    import slicer

    views = [slicer.mrmlScene.GetSingletonNode(t, "vtkMRMLPlotViewNode") for t in (FORM, LAYOUT)]
    shown = [None if view is None else view.GetPlotChartNode() for view in views]
    return (shown[0] if host.measure.ui.plotWidget.visible else None), shown[1]


FORM, LAYOUT, TABLE = "MRBiomarkersFormPlot", "MRBiomarkersPlot", "MRBiomarkersTable"


def layers():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def legends():
    import slicer

    nodes = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    return [node.GetDisplayableNode() for node in nodes if node.GetVisibility()]


def choose(host, name):
    combo = host.measure.ui.regionComboBox
    combo.currentIndex = [combo.itemText(n) for n in range(combo.count)].index(name)


def saved(tmp_path):
    import slicer

    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    return str(tmp_path / "scene.mrb")


def test_the_chosen_regions_decay_is_in_the_layout_or_in_the_form(measured):
    charts, views = measured.measure.measured.charts, measured.program.open_layout()
    assert plotted(measured) == (None, charts["L1"])
    choose(measured, "L4")
    assert plotted(measured) == (None, charts["L4"])
    assert views.viewNodes()[TABLE].GetTableNode() is measured.measure.measured.summary
    measured.measure.ui.readingCheckBox.checked = False
    assert views.layout == 3
    assert plotted(measured)[0] is charts["L4"]
    measured.measure.ui.readingCheckBox.checked = True
    assert plotted(measured) == (None, charts["L4"])
    assert set(views.viewNodes()) == {"Red", "Green", "Yellow", LAYOUT, TABLE}


def test_without_a_layout_manager_the_form_has_it_all(host):
    measure(host)
    charts = host.measure.measured.charts
    assert plotted(host) == (charts["L1"], None)
    host.measure.ui.nextButton.click()
    host.measure.ui.nextButton.click()
    assert plotted(host) == (charts["L2"], None)
    assert host.measure.ui.plotWidget.chart() is charts["L2"]


def test_next_goes_through_the_regions_and_the_slices_follow(measured):
    views, node = measured.program.open_layout(), measured.regions.regions
    yellow = views.sliceWidget("Yellow").mrmlSliceNode()
    voxel = np.linalg.norm(measured.phantom.series.affine[:3, :3], axis=0).max()
    for level in [*LEVELS, "L1"]:
        measured.measure.ui.nextButton.click()
        assert measured.measure.ui.regionComboBox.currentText == level
        centre = np.array([yellow.GetSliceToRAS().GetElement(row, 3) for row in range(3)])
        np.testing.assert_allclose(centre, measured.middles()[level], atol=voxel)
    choose(measured, "L3")
    measured.measure.ui.jumpButton.click()
    assert measured.measure.jump("L5")
    assert measured.measure.ui.regionComboBox.currentText == "L5"
    content = node.GetSegmentation()
    content.RemoveSegment(content.GetSegmentIdBySegmentName("L2"))
    measured.measure.updateMaps()
    assert not measured.measure.jump("L2")
    assert measured.measure.ui.measureMessage.text == "The region L2 is not in the scene."
    content.ClearSegment(content.GetSegmentIdBySegmentName("L4"))
    assert not measured.measure.jump("L4")
    assert "'L4'" in measured.measure.ui.measureMessage.text
    assert "is empty" in measured.measure.ui.measureMessage.text


def test_the_keys_measure_and_go_on_and_are_given_back(measured):
    shortcuts = measured.measure._keys._made
    assert [one.key.toString() for one in shortcuts] == ["Ctrl+Shift+M", "Ctrl+Shift+J"]
    shortcuts[1].activated.emit()
    assert measured.measure.ui.regionComboBox.currentText == "L1"
    measured.leave()
    assert measured.measure._keys._made == []


def test_a_map_lies_over_what_the_user_shows_with_one_legend(measured):
    import slicer

    maps, ui = measured.last.maps, measured.measure.ui
    own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "the user's own")
    red, *others = layers()
    red.SetBackgroundVolumeID(own.GetID())
    ui.overlaySelector.setCurrentNode(maps["D"])
    assert {one.GetForegroundVolumeID() for one in layers()} == {maps["D"].GetID()}
    assert red.GetBackgroundVolumeID() == own.GetID()
    proxies = {one.GetBackgroundVolumeID() for one in others}
    assert [slicer.mrmlScene.GetNodeByID(one).GetName().startswith("DWI") for one in proxies] == [True]
    assert legends() == [maps["D"]]
    display = measured.regions.regions.GetDisplayNode()
    assert (display.GetVisibility2DFill(), display.GetVisibility2DOutline()) == (False, True)

    ui.opacitySlider.value = 0.3
    assert {one.GetForegroundOpacity() for one in layers()} == {0.3}
    ui.overlaySelector.setCurrentNode(maps["f"])
    assert legends() == [maps["f"]]
    ui.legendCheckBox.checked = False
    assert legends() == []
    ui.legendCheckBox.checked = True
    ui.overlaySelector.setCurrentNode(None)
    assert ({one.GetForegroundVolumeID() for one in layers()}, legends()) == ({None}, [])
    assert display.GetVisibility2DFill()


def test_only_maps_can_lie_over_the_images(measured):
    import slicer

    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "plain")
    offered = measured.measure.ui.overlaySelector.nodes()

    assert measured.last.maps["D"] in offered
    assert all(node.GetAttribute("MRBiomarkers.Quantity") for node in offered)


@pytest.mark.parametrize("close_first", [True, False])
def test_a_saved_scene_brings_all_back(measured, tmp_path, close_first):
    import slicer

    ui, section = measured.measure.ui, measured.measure
    ui.subjectEdit.text = "S01"
    ui.statisticComboBox.currentText = "median"
    ui.overlaySelector.setCurrentNode(measured.last.maps["D"])
    row = next(n for n in range(ui.mapTable.rowCount) if ui.mapTable.item(n, 0).text().startswith("ADC"))
    import qt

    ui.mapTable.item(row, 0).setCheckState(qt.Qt.Unchecked)
    text, checked = ui.measureMessage.text, [node.GetName() for node in section._maps.checked()]
    path = saved(tmp_path)
    slicer.mrmlScene.Clear()
    assert (section.measured, ui.measureMessage.text, ui.mapTable.rowCount) == (None, "", 0)
    assert ui.resultTable.mrmlTableNode() is None
    assert ui.regionComboBox.count == 0
    if not close_first:
        measured.regions.regions = None
        measure(measured)
    assert slicer.mrmlScene.ReadFromMRB(path)

    assert (ui.subjectEdit.text, ui.statisticComboBox.currentText) == ("S01", "median")
    assert section.table.GetScene() is slicer.mrmlScene
    assert ui.resultTable.mrmlTableNode() is section.measured.summary
    assert ui.measureMessage.text == text
    assert ui.overlaySelector.currentNode().GetAttribute("MRBiomarkers.Quantity") == "D"
    if close_first:
        assert [node.GetName() for node in section._maps.checked()] == checked
    assert [ui.regionComboBox.itemText(n) for n in range(ui.regionComboBox.count)] == LEVELS
    choose(measured, "L2")
    assert plotted(measured)[1] is section.measured.charts["L2"]
    assert section.jump("L2")


def test_deleted_nodes_are_let_go_and_no_other_is_taken(measured):
    import slicer

    scene, section, ui = slicer.mrmlScene, measured.measure, measured.measure.ui
    ui.overlaySelector.setCurrentNode(measured.last.maps["D"])
    for node in (
        measured.last.maps["D"],
        section.measured.charts["L1"],
        section.measured.summary,
        measured.regions.regions,
    ):
        section.nodeRemoved(node)
        scene.RemoveNode(node)
    measured.regions.regions = None
    section.updateMaps()

    assert ui.overlaySelector.currentNode() is None
    assert ({one.GetForegroundVolumeID() for one in layers()}, legends()) == ({None}, [])
    assert plotted(measured) == (None, section.measured.charts["L2"])
    assert ui.resultTable.mrmlTableNode() is section.table
    assert not ui.jumpButton.enabled
    assert "Missing: regions" in ui.measureButton.toolTip
    table = section.table
    section.nodeRemoved(table)
    scene.RemoveNode(table)
    assert (section.table, ui.resultTable.mrmlTableNode(), ui.measureMessage.text) == (None, None, "")
    assert ui.regionComboBox.count == 0


def test_forgotten_numbers_are_nowhere_and_can_be_shown_again(measured):
    section, views = measured.measure, measured.program.open_layout()
    shown = section.measured
    section.forget()
    assert (section.measured, section.ui.resultTable.mrmlTableNode(), section.ui.measureMessage.text) == (
        None,
        None,
        "",
    )
    assert views.viewNodes()[TABLE].GetTableNode() is None
    assert plotted(measured) == (None, None)
    section.show(shown)
    assert section.measured.charts == shown.charts
    assert plotted(measured) == (None, shown.charts["L1"])


def test_what_one_panel_has_measured_is_there_in_another(measured, program):
    from mrbiomarkers.panels.measure.measure_section import MeasureSection

    table = measured.measure.table
    measured.leave()
    assert program.open_layout().layout == 3
    other = SectionHost(program, measure=MeasureSection)
    other.regions = SimpleNamespace(regions=None, reader="", takeReader=lambda: None)
    assert (other.measure.table, measured.measure.table) == (table, None)
    assert plotted(other)[1] is other.measure.measured.charts["L1"]
    other.leave()
    assert program.open_layout().layout == 3
    other.end()


def test_a_layout_that_the_user_chose_is_not_taken_from_him_again(measured):
    views = measured.program.open_layout()
    views.setLayout(7)
    assert not measured.measure.ui.readingCheckBox.checked
    assert plotted(measured)[0] is measured.measure.measured.charts["L1"]
    measured.leave()
    measured.open()
    assert views.layout == 7


def test_a_scene_closed_while_measuring_leaves_nothing(host):
    import slicer

    measure(host)
    host.run = lambda label, work, say: SectionHost.run(host, label, lambda progress: work(closing), say)

    def closing(done, total):
        slicer.mrmlScene.Clear()
        return False

    assert not host.measure.onMeasure()
    assert slicer.util.getNodesByClass("vtkMRMLTableNode") == []
    assert host.measure.measured is None


def test_cleanup_leaves_no_observer_and_the_users_layout(measured):
    measured.end()

    assert measured.measure.Observations == []
    assert not measured.measure._layout.isSet
    assert measured.program.open_layout().layout == 3
    assert measured.measure.ui.plotWidget.mrmlPlotViewNode() is None


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_the_form_needs_no_more_than_480_pixels(host, scale):
    host.measure.say("A word of a message that is long enough to need several lines of the panel. " * 5)
    font = host.frame.font
    font.setPointSizeF(scale * font.pointSizeF())
    host.frame.font = font
    host.program.app.processEvents()

    assert host.frame.layout().minimumSize().width() <= 480
