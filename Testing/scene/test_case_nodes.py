"""A case of a worklist in the scene: what comes with it and goes with it, and readings on the disk."""

import numpy as np
import pytest

SHAPE = (6, 48, 48)


@pytest.fixture
def phantom(program):
    from mrbiomarkers.phantom import lumbar_diffusion

    return lumbar_diffusion(shape=SHAPE)


@pytest.fixture
def logic(program):
    program.load_module("IVIMBoneMarrow")
    from IVIMBoneMarrow import IVIMBoneMarrowLogic

    return IVIMBoneMarrowLogic()


def names_in_scene():
    import slicer

    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(number) for number in range(scene.GetNumberOfNodes())]
    kept = ("vtkMRMLSubjectHierarchyNode", "vtkMRMLSelectionNode", "vtkMRMLInteractionNode")
    return sorted(node.GetID() for node in nodes if not any(map(node.IsA, kept)) and not node.GetSingletonTag())


def items_in_scene():
    from mrbiomarkers.panels.cases.case_nodes import _items

    return sorted(_items())


def opened(phantom, label="S01, pre"):
    from mrbiomarkers.panels.cases.case_nodes import CaseNodes

    nodes = CaseNodes(label)
    nodes.begin()
    with nodes.adding():
        series = nodes.add_series(phantom.series, "diffusion")["diffusion"]
    return nodes, series


def measured(logic, phantom, series):
    from mrbiomarkers.mrml import add_segmentation
    from mrbiomarkers.settings import DiffusionSettings

    settings = DiffusionSettings(models=("adc", "ivim"))
    fitted = logic.fit(series, settings=settings)
    regions = add_segmentation("Regions", phantom.regions, phantom.series.affine)
    logic.measure(fitted.maps, regions, series=series, settings=settings)
    return regions


def with_file(node, path):
    """Make a node look as one that was read from a file, or written to one."""
    if node.AddDefaultStorageNode() and node.GetStorageNode() is not None:
        node.GetStorageNode().SetFileName(str(path))


def own_nodes(tmp_path, phantom):
    """What a user makes and loads: a volume, a table and a segmentation, and an earlier map from a file."""
    import slicer

    from mrbiomarkers.mrml import add_segmentation

    own = [add_segmentation("Mine", phantom.regions, phantom.series.affine)]
    own.append(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "My table"))
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "My volume")
    slicer.util.updateVolumeFromArray(volume, np.ones(SHAPE, dtype=np.int16))
    volume.CreateDefaultDisplayNodes()
    with_file(volume, tmp_path / "volume.nrrd")
    loaded = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Earlier ADC")
    slicer.util.updateVolumeFromArray(loaded, np.ones(SHAPE, dtype=np.float32))
    loaded.SetAttribute("MRBiomarkers.Quantity", "ADC")
    with_file(loaded, tmp_path / "adc.nrrd")
    return [*own, volume, loaded]


def test_a_case_leaves_the_scene_as_it_was(phantom, logic):
    before, items = names_in_scene(), items_in_scene()
    nodes, series = opened(phantom)
    nodes.own(measured(logic, phantom, series))
    assert len(names_in_scene()) > len(before) + 20  # maps, tables, charts with their series
    nodes.remove()

    assert names_in_scene() == before
    assert items_in_scene() == items


def test_what_the_user_made_or_loaded_meanwhile_stays(phantom, logic, tmp_path):
    from mrbiomarkers.mrml.views import shown_volume

    nodes, series = opened(phantom)
    before = own_nodes(tmp_path, phantom)
    nodes.own(measured(logic, phantom, series))
    nodes.sort()
    after = own_nodes(tmp_path, phantom)
    volume = series
    shown = shown_volume(series)
    nodes.remove()

    assert all(node.GetScene() is not None for node in [*before, *after])
    assert before[2].GetDisplayNode() is not None
    assert (volume.GetScene(), shown.GetScene()) == (None, None)


def test_a_scene_that_was_saved_meanwhile_makes_no_difference(phantom, logic, tmp_path):
    import slicer

    before = names_in_scene()
    nodes, series = opened(phantom)
    nodes.own(measured(logic, phantom, series))
    for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):  # as Slicer's dialog for saving does
        if node.GetID() not in before and not node.GetSingletonTag():
            with_file(node, tmp_path / node.GetID())
    nodes.remove()

    assert names_in_scene() == before


def test_an_own_table_that_a_chart_of_the_case_uses_stays(phantom, logic):
    import slicer

    nodes, series = opened(phantom)
    nodes.own(measured(logic, phantom, series))
    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", "My chart")
    theirs = slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode")[0]
    mine.AddAndObservePlotSeriesNodeID(theirs.GetID())
    nodes.remove()

    assert theirs.GetScene() is not None


def readings_of(phantom):
    """Regions with a lesion inside L3, an empty segment and another order; points of which two have no place."""
    from mrbiomarkers.mrml import add_level_points, add_segmentation
    from mrbiomarkers.mrml.segments import add_segment

    lesion = np.zeros(SHAPE, dtype=bool)
    k, j, i = np.argwhere(phantom.regions["L3"]).mean(axis=0).astype(int)
    lesion[k, j - 1 : j + 2, i - 1 : i + 2] = True
    masks = {"Lesion 1": lesion, **{name: phantom.regions[name] for name in ("L3", "L1", "L2")}}
    regions = add_segmentation("Regions", masks, phantom.series.affine)
    add_segment(regions, "Lesion 2", 7, None)
    regions.GetSegmentation().GetSegment(regions.GetSegmentation().GetNthSegmentID(1)).SetColor(0.11, 0.22, 0.33)
    regions.SetAttribute("MRBiomarkers.Placement", '{"size": 0.7, "text": "a: \\"b\\"\\\\n"}')
    regions.SetAttribute("MRBiomarkers.Case", "S01")
    places = {"L1": [1 / 3, 2.123456789012345, -3e-7], "L2": [0.0, 0.0, 0.0], "L4": [5.0, 6.0, 1e3]}
    points = add_level_points(levels=["L1", "L2", "L3", "L4", "L5"], points=places)
    return regions, points


def test_readings_come_back_bit_for_bit(phantom, tmp_path):
    from mrbiomarkers.files import read_points, read_regions
    from mrbiomarkers.panels.cases.case_changes import drawn_state, points_state, regions_state
    from mrbiomarkers.panels.cases.case_readings import Found, save_points, save_regions
    from mrbiomarkers.study.worklist import Places
    from Testing.support.cases_host import voxels_of

    regions, points = readings_of(phantom)
    places = Places(tmp_path / "a.seg.nrrd", tmp_path / "a.mrk.json", tmp_path / "a.measurements.csv")
    state = regions_state(regions)
    save_regions(regions, places.regions)
    save_points(points, places.points)
    assert regions_state(regions) == state  # writing does not touch the node
    found = Found(places, {}, SHAPE, phantom.series.affine)
    found.add("S01")

    assert voxels_of(found.regions) == voxels_of(regions)
    assert drawn_state(found.regions) == drawn_state(regions)
    assert found.regions.GetAttribute("MRBiomarkers.Placement") == regions.GetAttribute("MRBiomarkers.Placement")
    assert found.regions.GetAttribute("MRBiomarkers.Case") is None
    assert points_state(found.points)[1:] == points_state(points)[1:]
    assert found.points.GetFixedNumberOfControlPoints()
    assert list(read_regions(places.regions)) == ["Lesion 1", "L3", "L1", "L2", "Lesion 2"]
    assert list(read_points(places.points)) == ["L1", "L2", "L4"]


def test_a_point_under_the_cursor_is_saved_without_a_place(phantom, tmp_path):
    from mrbiomarkers.files import read_points
    from mrbiomarkers.panels.cases.case_changes import points_state
    from mrbiomarkers.panels.cases.case_readings import save_points

    _, points = readings_of(phantom)
    before = points_state(points)
    points.SetNthControlPointPosition(2, 1.0, 2.0, 3.0, points.PositionPreview)
    assert points_state(points) == before
    save_points(points, tmp_path / "a.mrk.json")

    assert list(read_points(tmp_path / "a.mrk.json")) == ["L1", "L2", "L4"]
    assert points.GetNthControlPointPositionStatus(2) == points.PositionPreview


def test_a_disk_that_is_full_leaves_what_was_there(phantom, tmp_path, monkeypatch):
    import slicer

    from mrbiomarkers.panels.cases import case_readings
    from mrbiomarkers.panels.cases.case_readings import save_points, save_regions

    regions, points = readings_of(phantom)
    save_regions(regions, tmp_path / "a.seg.nrrd")
    save_points(points, tmp_path / "a.mrk.json")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(case_readings, "_write", lambda store, node, temporary, path: _refuse(path))
    for save, node, name in ((save_regions, regions, "a.seg.nrrd"), (save_points, points, "a.mrk.json")):
        with pytest.raises(OSError, match="full"):
            save(node, tmp_path / name)
    monkeypatch.undo()
    store = slicer.vtkMRMLSegmentationStorageNode()
    with pytest.raises(OSError, match="cannot be written"):
        case_readings._write(store, regions, tmp_path / "none" / "x.seg.nrrd", tmp_path / "x.seg.nrrd")

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def _refuse(path):
    raise OSError(28, "the disk is full", str(path))


@pytest.mark.parametrize("cut", [40, 700, -60])
def test_a_damaged_file_is_refused_by_name(phantom, tmp_path, cut):
    from mrbiomarkers.panels.cases.case_readings import Found, save_points, save_regions
    from mrbiomarkers.study.worklist import Places

    regions, points = readings_of(phantom)
    places = Places(tmp_path / "a.seg.nrrd", tmp_path / "a.mrk.json", tmp_path / "a.measurements.csv")
    save_regions(regions, places.regions)
    save_points(points, places.points)
    before = names_in_scene()
    for place, word in ((places.regions, "a.seg.nrrd: the regions"), (places.points, "a.mrk.json: the points")):
        whole = place.read_bytes()
        place.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=word) as caught:
            Found(places, {}, SHAPE, phantom.series.affine)
        assert str(tmp_path) not in str(caught.value)
        place.write_bytes(whole)
    places.measurements.write_text("region,value\nL1,2\n")
    with pytest.raises(ValueError, match=r"a\.measurements\.csv: the saved measurements"):
        Found(places, {}, SHAPE, phantom.series.affine)

    assert names_in_scene() == before


def test_a_row_of_the_table_names_a_start(phantom, tmp_path):
    from mrbiomarkers.files import write_points, write_regions
    from mrbiomarkers.panels.cases.case_readings import Found
    from mrbiomarkers.study.worklist import Places

    places = Places(tmp_path / "a.seg.nrrd", tmp_path / "a.mrk.json", tmp_path / "a.measurements.csv")
    write_regions(tmp_path / "start.seg.nrrd", phantom.regions, phantom.series.affine)
    write_regions(tmp_path / "start.nii.gz", phantom.regions, phantom.series.affine)
    write_points(tmp_path / "start.mrk.json", {"L2": [1.0, 2.0, 3.0]})
    for name in ("start.seg.nrrd", "start.nii.gz"):
        start = {"regions": tmp_path / name, "points": tmp_path / "start.mrk.json"}
        found = Found(places, start, SHAPE, phantom.series.affine)
        found.add("S01")
        content = found.regions.GetSegmentation()
        assert [content.GetNthSegment(n).GetName() for n in range(5)] == list(phantom.regions)
        assert not found.is_saved
        assert found.points.GetNumberOfControlPoints() == 5
        assert found.points.GetNumberOfDefinedControlPoints() == 1
    elsewhere = phantom.series.affine.copy()
    elsewhere[:3, 3] += 1000
    with pytest.raises(ValueError, match="outside the images"):
        Found(places, start, SHAPE, elsewhere)
