"""Regions that follow points: known masks, what was drawn by hand, failures, a model's labels, areas."""

import time

import numpy as np
import pytest

SHAPE = (9, 64, 64)  # sagittal slices of 4 mm, pixels of 3 mm
AFFINE = np.array([[0, 0, 4.0, -16], [0, -3.0, 0, 96], [-3.0, 0, 0, 96], [0, 0, 0, 1]])[:, [1, 0, 2, 3]]
LEVELS = ("L1", "L2", "L3", "L4", "L5")


@pytest.fixture
def mrml(scene):
    """The module under test; it can be imported only where slicer-core is."""
    from mrbiomarkers.mrml import preview

    return preview


def points(**moved):
    heights = zip(LEVELS, (72.0, 36.0, 0.0, -36.0, -72.0), strict=True)
    return {level: np.array([0.0, 0.0, height]) + moved.get(level, 0.0) for level, height in heights}


def masks_of(node):
    """The voxels of each segment on the grid of the tests."""
    from mrbiomarkers.mrml.segments import segment_region

    content = node.GetSegmentation()
    found = {}
    for identifier in content.GetSegmentIDs():
        region = segment_region(node, identifier)
        mask = np.zeros(SHAPE, dtype=bool)
        if region.mask.any():
            start = np.round(np.linalg.solve(AFFINE, region.affine)[:3, 3]).astype(int)[::-1]
            box = tuple(slice(a, a + n) for a, n in zip(start, region.mask.shape, strict=True))
            mask[box] = region.mask
        found[content.GetSegment(identifier).GetName()] = mask
    return found


def draw(node, name, mask):
    """Give one segment other voxels, as the segment editor does."""
    import slicer

    from mrbiomarkers.mrml.geometry import image_of, matrix_of

    picture = slicer.vtkOrientedImageData()
    picture.ShallowCopy(image_of(mask.astype(np.uint8)))
    picture.SetGeometryFromImageToWorldMatrix(matrix_of(AFFINE))
    logic, identifier = slicer.vtkSlicerSegmentationsModuleLogic, node.GetSegmentation().GetSegmentIdBySegmentName(name)
    assert logic.SetBinaryLabelmapToSegment(picture, node, identifier, logic.MODE_REPLACE)


def truth(where, **settings):
    from mrbiomarkers.regions import place_vertebrae
    from mrbiomarkers.settings import PlacementSettings

    return place_vertebrae(where, AFFINE, SHAPE, PlacementSettings(**settings)).masks


def identities(node):
    content = node.GetSegmentation()
    found = {}
    for identifier in content.GetSegmentIDs():
        segment = content.GetSegment(identifier)
        found[identifier] = (segment.GetName(), tuple(segment.GetColor()))
    return found


def same(found, wanted):
    return all(np.array_equal(found[level], mask) for level, mask in wanted.items())


def test_regions_are_those_of_the_points_in_one_layer(mrml):
    node = mrml.add_preview("Regions")
    done = mrml.update_preview(node, points(), AFFINE, SHAPE)

    assert done == mrml.PreviewUpdate(LEVELS, (), {}, done.warnings)
    assert same(masks_of(node), truth(points()))
    assert node.GetSegmentation().GetNumberOfLayers() == 1


def test_a_moved_point_moves_regions_and_nothing_else(mrml):
    node = mrml.add_preview("Regions")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    segment = node.GetSegmentation().GetNthSegment(2)
    segment.SetColor(0.1, 0.2, 0.3)
    before = identities(node)
    moved = points(L3=np.array([4.0, 6.0, 3.0]))
    mrml.update_preview(node, moved, AFFINE, SHAPE)

    assert same(masks_of(node), truth(moved))
    assert identities(node) == before
    assert node.GetSegmentation().GetNumberOfLayers() == 1


def test_vertebrae_carry_their_code(mrml):
    import slicer
    import vtk

    node = mrml.add_preview("Regions")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    tag = vtk.mutable("")

    assert node.GetSegmentation().GetNthSegment(0).GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), tag)
    assert "SCT^66794005^L1 vertebra" in str(tag)


def test_levels_come_one_by_one_and_go_again(mrml):
    node = mrml.add_preview("Regions")
    three = {level: point for level, point in points().items() if level != "L3"}
    mrml.update_preview(node, {"L1": points()["L1"], "L2": points()["L2"]}, AFFINE, SHAPE)
    assert list(masks_of(node)) == ["L1", "L2"]
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    before = identities(node)
    mrml.update_preview(node, three, AFFINE, SHAPE)

    assert list(masks_of(node)) == ["L1", "L2", "L4", "L5"]  # measuring would refuse an empty one
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    assert same(masks_of(node), truth(points()))
    assert list(identities(node).values()) == list(before.values())
    assert node.GetSegmentation().GetNumberOfLayers() == 1


def test_a_level_without_a_point_that_was_drawn_or_is_the_users_stays(mrml):
    node = mrml.add_preview("Regions")
    node.GetSegmentation().AddEmptySegment("", "T12")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    drawn = masks_of(node)["L3"]
    drawn[4, 30:34, 20:40] = True
    draw(node, "L3", drawn)
    draw(node, "L4", np.zeros(SHAPE, dtype=bool))
    two = {level: points()[level] for level in ("L1", "L2")}
    mrml.update_preview(node, two, AFFINE, SHAPE)

    assert list(masks_of(node)) == ["T12", "L1", "L2", "L3", "L4"]
    assert np.array_equal(masks_of(node)["L3"], drawn)


def test_a_point_outside_the_image_leaves_its_level_out_with_the_reason(mrml):
    node = mrml.add_preview("Regions")
    away = points(L5=np.array([25.0, 0.0, 0.0]))
    done = mrml.update_preview(node, away, AFFINE, SHAPE)

    assert done.placed == LEVELS[:4]
    assert "inside the image" in done.left_out["L5"]
    assert same(masks_of(node), truth(away, levels=LEVELS[:4]))


def test_a_level_that_could_not_be_placed_goes_with_its_point(mrml):
    node = mrml.add_preview("Regions")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    away = points(L5=np.array([25.0, 0.0, 0.0]))
    mrml.update_preview(node, away, AFFINE, SHAPE)
    assert not masks_of(node)["L5"].any()
    mrml.update_preview(node, {level: away[level] for level in LEVELS[:4]}, AFFINE, SHAPE)

    assert list(masks_of(node)) == list(LEVELS[:4])


def test_what_was_drawn_by_hand_is_kept_until_it_is_asked_for(mrml):
    node = mrml.add_preview("Regions")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    drawn = masks_of(node)["L3"]
    drawn[4, 30:34, 20:40] = True
    draw(node, "L3", drawn)
    moved = points(L2=np.array([0.0, 5.0, 0.0]))
    done = mrml.update_preview(node, moved, AFFINE, SHAPE)

    assert (done.kept, done.placed) == (("L3",), ("L1", "L2", "L4", "L5"))
    found, wanted = masks_of(node), truth(moved)
    assert np.array_equal(found["L3"], drawn)
    assert same(found, {level: wanted[level] & ~drawn for level in done.placed})
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    done = mrml.update_preview(node, moved, AFFINE, SHAPE, anew=["L3"])
    assert done.kept == ()
    assert same(masks_of(node), wanted)


def test_what_was_erased_by_hand_stays_away(mrml):
    node = mrml.add_preview("Regions")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    draw(node, "L4", np.zeros(SHAPE, dtype=bool))
    done = mrml.update_preview(node, points(L2=np.array([0.0, 5.0, 0.0])), AFFINE, SHAPE)

    assert done.kept == ("L4",)
    assert not masks_of(node)["L4"].any()


def test_regions_of_another_origin_are_kept(mrml):
    from mrbiomarkers.mrml import add_segmentation

    given = truth(points(), size=0.3)
    node = add_segmentation("Drawn", given, AFFINE)
    done = mrml.update_preview(node, points(), AFFINE, SHAPE)

    assert done.kept == LEVELS
    assert same(masks_of(node), given)


def test_a_lesion_keeps_its_voxels(mrml):
    from mrbiomarkers.mrml import add_segmentation

    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[4, 31:34, 31:34] = True  # inside L3
    node = add_segmentation("Regions", {"Lesion 1": lesion}, AFFINE)
    for forward in (0.0, 5.0):
        moved = points(L3=np.array([0.0, forward, 0.0]))
        mrml.update_preview(node, moved, AFFINE, SHAPE)
        assert same(masks_of(node), {**truth(moved), "Lesion 1": lesion})


def test_a_saved_segmentation_is_known_as_placed_again(mrml, tmp_path):
    import slicer

    node = mrml.add_preview("Regions")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    assert storage.WriteData(node)
    again = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "again")
    assert storage.ReadData(again)
    moved = points(L3=np.array([0.0, 6.0, 0.0]))

    assert mrml.update_preview(again, moved, AFFINE, SHAPE).kept == ()
    assert same(masks_of(again), truth(moved))


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        ({"L1": points()["L2"], "L2": points()["L1"]}, "from head to feet"),
        ({"L1": points()["L1"]}, "two|spacing"),
        ({level: point + 1000.0 for level, point in points().items()}, "inside the image"),
    ],
)
def test_points_of_which_nothing_can_be_made_change_nothing(mrml, bad, match):
    node = mrml.add_preview("Regions")
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    with pytest.raises(ValueError, match=match):
        mrml.update_preview(node, bad, AFFINE, SHAPE)

    assert same(masks_of(node), truth(points()))


def test_a_failure_half_way_is_taken_back(mrml, monkeypatch):
    node = mrml.add_preview("Regions")
    four = {level: point for level, point in points().items() if level != "L5"}
    mrml.update_preview(node, four, AFFINE, SHAPE)
    before = identities(node)

    def fail(given, masks, affine):
        for identifier in masks:
            given.GetSegmentation().ClearSegment(identifier)
        raise RuntimeError("refused")

    monkeypatch.setattr(mrml, "import_masks", fail)
    with pytest.raises(RuntimeError, match="refused"):
        mrml.update_preview(node, points(L2=np.array([0.0, 5.0, 0.0])), AFFINE, SHAPE)
    monkeypatch.undo()

    assert identities(node) == before
    assert same(masks_of(node), truth(four))
    assert mrml.update_preview(node, points(), AFFINE, SHAPE).kept == ()


def test_what_is_no_segmentation_or_is_moved_is_refused(mrml):
    import slicer

    with pytest.raises(TypeError, match="segmentation"):
        mrml.update_preview(None, points(), AFFINE, SHAPE)
    node = mrml.add_preview("Regions")
    node.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode").GetID())
    with pytest.raises(ValueError, match="transform"):
        mrml.update_preview(node, points(), AFFINE, SHAPE)


def test_an_update_is_quick(mrml):
    """100 ms are allowed on this grid; the median of some updates, as the machine is shared."""
    affine = np.array([[0, 0, 4.0, -40], [0, -1.0, 0, 128], [-1.0, 0, 0, 128], [0, 0, 0, 1]])[:, [1, 0, 2, 3]]
    node, times = mrml.add_preview("Regions"), []
    reader = mrml.SizeReader()
    for step in range(7):
        start = time.perf_counter()
        mrml.update_preview(node, points(L3=np.array([0.0, float(step), 0.0])), affine, (20, 256, 256))
        reader.read(node)
        times.append(time.perf_counter() - start)

    assert np.median(times) < 0.1


def test_areas_are_those_of_the_largest_slice(mrml):
    from mrbiomarkers.mrml import add_segmentation

    lesion, small, body = (np.zeros(SHAPE, dtype=bool) for _ in range(3))
    lesion[3:5, 10:12, 10:12] = lesion[4, 10:12, 12] = True  # 6 pixels of 9 mm2
    small[4, 20, 20] = True
    body[4, 40:45, 40:45] = True
    node = add_segmentation("Regions", {"Lesion 1": lesion, "Lesion 2": small, "L3": body}, AFFINE)
    node.GetSegmentation().AddEmptySegment("", "Lesion 3")
    sizes = list(mrml.SizeReader().read(node).values())

    assert [(size.name, size.area_mm2, size.is_level) for size in sizes] == [
        ("Lesion 1", pytest.approx(54.0), False),
        ("Lesion 2", pytest.approx(9.0), False),
        ("L3", pytest.approx(225.0), True),
        ("Lesion 3", 0.0, False),
    ]
    assert [bool(size.warnings) for size in sizes] == [False, True, False, False]


def test_only_what_has_changed_is_measured_again(mrml, monkeypatch):
    node, reader, seen = mrml.add_preview("Regions"), mrml.SizeReader(), []
    mrml.update_preview(node, points(), AFFINE, SHAPE)
    measure = mrml._size
    monkeypatch.setattr(mrml, "_size", lambda *given: seen.append(given) or measure(*given))
    before = reader.read(node)
    assert len(seen) == 5
    assert reader.read(node) == before
    assert len(seen) == 5
    draw(node, "L3", np.ones(SHAPE, dtype=bool))
    area = next(size.area_mm2 for size in reader.read(node).values() if size.name == "L3")

    assert area == pytest.approx(64 * 64 * 9.0)
