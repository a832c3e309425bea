"""Regions of a scene: on their own voxels, on other grids, and back as a segmentation."""

import numpy as np
import pytest

from mrbiomarkers.jobs import DrawnRegion
from mrbiomarkers.regions import Segment, find_levels

SHAPE = (9, 22, 30)


def rotation(about, degrees):
    turned = np.eye(3)
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    first, second = [axis for axis in range(3) if axis != about]
    turned[[first, first, second, second], [first, second, first, second]] = c, -s, s, c
    return turned


def grid(turned, spacing, origin):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turned * np.array(spacing), origin
    return affine


OBLIQUE = grid(rotation(0, 12) @ rotation(2, 20) @ rotation(1, -7), (1.1, 1.7, 4.0), (-20, 10, 5))
AXIAL = grid(np.eye(3), (1.5, 1.3, 2.1), (-19.3, 13.1, -0.7)), (14, 26, 20)  # covers L1 in part


def bodies():
    k, j, i = np.indices(SHAPE)
    return {
        "L1": ((k - 4) / 3) ** 2 + ((j - 8) / 6) ** 2 + ((i - 10) / 8) ** 2 < 1,
        "L2": ((k - 4) / 3) ** 2 + ((j - 17) / 4) ** 2 + ((i - 22) / 6) ** 2 < 1,
    }


def nearest_neighbour(mask, affine, shape, target):
    """The value of the voxel that holds each target centre, voxel by voxel; and whether a tie decides."""
    copied, tied = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    inverse = np.linalg.inv(affine)
    for k, j, i in np.ndindex(shape):
        position = inverse @ target @ (i, j, k, 1)
        x, y, z = (int(np.floor(value + 0.5)) for value in position[:3])
        tied[k, j, i] = np.min(np.abs(position[:3] - np.floor(position[:3]) - 0.5)) < 1e-9
        if 0 <= z < mask.shape[0] and 0 <= y < mask.shape[1] and 0 <= x < mask.shape[2]:
            copied[k, j, i] = mask[z, y, x]
    return copied, tied


def volume(shape, affine, name="image"):
    import slicer

    from mrbiomarkers.mrml.geometry import matrix_of

    return slicer.util.addVolumeFromArray(np.zeros(shape, np.int16), ijkToRAS=matrix_of(affine), name=name)


def label_map(values, affine, name="labels"):
    import slicer

    from mrbiomarkers.mrml.geometry import matrix_of

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
    node.SetIJKToRASMatrix(matrix_of(affine))
    slicer.util.updateVolumeFromArray(node, values)
    return node


def nodes_of(scene):
    return [scene.GetNthNode(index).GetName() for index in range(scene.GetNumberOfNodes())]


def id_of(node, name):
    return node.GetSegmentation().GetSegmentIdBySegmentName(name)


def test_a_segmentation_gives_back_the_masks_it_was_made_of(scene):
    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions

    node = add_segmentation("reader A", bodies(), OBLIQUE, reference=volume(SHAPE, OBLIQUE))
    found = drawn_regions(node)

    assert list(found) == ["L1", "L2"]
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    for name, mask in bodies().items():
        np.testing.assert_array_equal(found[name].mask, mask)
        np.testing.assert_allclose(found[name].affine, OBLIQUE, rtol=0, atol=1e-12)
    assert scene.GetNumberOfNodesByClass("vtkMRMLLabelMapVolumeNode") == 0


def test_regions_that_overlap_lose_no_voxel(scene):
    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions

    masks = bodies()
    masks["lesion"] = np.roll(masks["L1"], 3, axis=2)
    node = add_segmentation("regions", masks, OBLIQUE)
    found = drawn_regions(node)

    assert node.GetSegmentation().GetNumberOfLayers() == 2
    for name, mask in masks.items():
        np.testing.assert_array_equal(found[name].mask, mask)


@pytest.mark.parametrize("start", [(0, 0, 0), (2, -3, 5)])
def test_a_layer_that_is_cropped_lies_where_it_was_drawn(scene, start):
    import slicer
    import vtk

    from mrbiomarkers.mrml.geometry import matrix_of
    from mrbiomarkers.mrml.nodes import add_node
    from mrbiomarkers.mrml.regions import drawn_regions

    image = slicer.vtkOrientedImageData()
    i, j, k = start
    image.SetExtent(i, i + 3, j, j + 2, k, k + 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetGeometryFromImageToWorldMatrix(matrix_of(OBLIQUE))
    image.GetPointData().GetScalars().Fill(0)
    image.SetScalarComponentFromDouble(i + 3, j + 1, k, 0, 1)
    node = add_node("vtkMRMLSegmentationNode", "cropped")
    node.AddSegmentFromBinaryLabelmapRepresentation(image, "L3")
    region = drawn_regions(node)["L3"]

    assert [tuple(index) for index in np.argwhere(region.mask)] == [(0, 1, 3)]
    np.testing.assert_allclose(region.affine @ (3, 1, 0, 1), OBLIQUE @ (i + 3, j + 1, k, 1), atol=1e-12)


def test_a_region_on_another_grid_is_the_nearest_neighbour_voxel_for_voxel(scene):
    import slicer

    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions, masks_on

    target, shape = AXIAL
    node = add_segmentation("regions", bodies(), OBLIQUE, reference=volume(SHAPE, OBLIQUE))
    masks, outside = masks_on(drawn_regions(node), shape, target)
    pdff = volume(shape, target)

    for name, mask in bodies().items():
        expected, tied = nearest_neighbour(mask, OBLIQUE, shape, target)
        slicers = slicer.util.arrayFromSegmentBinaryLabelmap(node, id_of(node, name), pdff)
        centres = np.linalg.inv(target) @ OBLIQUE @ np.vstack([np.argwhere(mask)[:, ::-1].T, np.ones(mask.sum())])
        beyond = np.any((centres[:3] < -0.5) | (centres[:3] >= np.array(shape[::-1])[:, None] - 0.5), axis=0)
        assert expected.sum() > 200
        assert not tied.any()
        np.testing.assert_array_equal(masks[name], expected)
        np.testing.assert_array_equal(slicers > 0, expected)
        assert outside[name] == pytest.approx(beyond.mean())
    assert 0 < outside["L1"] < 0.5


@pytest.mark.parametrize("finer", [1, 2])
def test_a_centre_between_two_voxels_takes_the_upper_one_and_slicer_differs_at_the_outer_faces_only(scene, finer):
    import slicer

    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions, masks_on

    source = grid(np.eye(3), (2.0, 2.0, 4.0), (0, 0, 0))
    target = grid(np.eye(3), np.array((2.0, 2.0, 4.0)) / finer, (2 - finer, 0, 0))
    shape = tuple(finer * size for size in SHAPE)
    mask = np.random.default_rng(1).random(SHAPE) < 0.3
    node = add_segmentation("regions", {"R": mask}, source, reference=volume(SHAPE, source))
    masks, _ = masks_on(drawn_regions(node), shape, target)
    expected, tied = nearest_neighbour(mask, source, shape, target)
    slicers = slicer.util.arrayFromSegmentBinaryLabelmap(node, id_of(node, "R"), volume(shape, target)) > 0

    # Slicer takes a centre that lies exactly on the outer face of the drawn grid for inside, NumPy's rule does not.
    indices = np.indices(shape)[::-1].reshape(3, -1)
    positions = (np.linalg.inv(source) @ target @ np.vstack([indices, np.ones(indices.shape[1])]))[:3]
    on_outer_face = np.any(positions == np.array(SHAPE[::-1])[:, None] - 0.5, axis=0).reshape(shape)
    differ = slicers != expected
    assert tied.mean() > 0.8
    np.testing.assert_array_equal(masks["R"], expected)
    assert differ.sum() == {1: 68, 2: 1221}[finer]
    assert not np.any(differ & ~on_outer_face)


def test_a_region_beyond_the_image_is_named_and_a_part_beyond_is_counted(scene):
    from mrbiomarkers.mrml.regions import masks_on

    regions = {name: DrawnRegion(mask, OBLIQUE) for name, mask in bodies().items()}
    cut = OBLIQUE.copy()
    cut[:3, 3] += OBLIQUE[:3, 0] * 10
    _, outside = masks_on(regions, SHAPE, cut)
    far = OBLIQUE.copy()
    far[:3, 3] += 500

    beyond = bodies()["L1"][:, :, :10].sum() / bodies()["L1"].sum()
    assert outside == {"L1": pytest.approx(beyond), "L2": 0.0}
    with pytest.raises(ValueError, match=r"region 'L1'.*\n.*region 'L2'"):
        masks_on(regions, SHAPE, far)
    with pytest.raises(ValueError, match="expected at least one"):
        masks_on({}, SHAPE, OBLIQUE)


def test_vertebrae_carry_their_codes_and_colours_of_their_own(scene):
    import slicer
    import vtk

    from mrbiomarkers.mrml.regions import add_segmentation

    masks = {name: np.zeros((3, 4, 7), dtype=bool) for name in ("L1", "l2", "L3", "L4", "L5", "lesion 1", "node")}
    for number, mask in enumerate(masks.values()):
        mask[1, 2, number] = True
    node = add_segmentation("regions", masks, OBLIQUE, codes={"node": "59441001"})
    described, colours = [], set()
    for index in range(node.GetSegmentation().GetNumberOfSegments()):
        segment, tag = node.GetSegmentation().GetNthSegment(index), vtk.reference("")
        assert segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), tag)
        described.append(Segment(index + 1, name=segment.GetName(), terminology=str(tag)))
        colours.add(segment.GetColor())

    levels = find_levels(described)
    assert levels.labels == {"L1": 1, "L2": 2, "L3": 3, "L4": 4, "L5": 5}
    assert set(levels.found_by.values()) == {"code"}
    assert "SCT^59441001^node" in described[6].terminology
    assert "Tissue" in described[5].terminology
    assert len(colours) == 7


def test_the_segmentation_knows_its_reference_or_the_grid_alone(scene):
    from mrbiomarkers.mrml.regions import add_segmentation

    image = volume(SHAPE, OBLIQUE)
    with_image = add_segmentation("regions", bodies(), OBLIQUE, reference=image)
    alone = add_segmentation("regions", bodies(), OBLIQUE)
    geometries = [
        node.GetSegmentation().GetConversionParameter("Reference image geometry").split(";")[:22]
        for node in (with_image, alone)
    ]

    assert with_image.GetNodeReference(with_image.GetReferenceImageGeometryReferenceRole()) is image
    assert alone.GetNodeReference(alone.GetReferenceImageGeometryReferenceRole()) is None
    np.testing.assert_allclose(*(np.array(values, dtype=float) for values in geometries), atol=1e-6)
    assert geometries[1][16:] == ["0", "29", "0", "21", "0", "8"]
    assert (with_image.GetName(), alone.GetName()) == ("regions", "regions_1")


def test_surfaces_alone_are_converted_on_a_copy(scene):
    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions, masks_on

    node = add_segmentation("regions", bodies(), OBLIQUE)
    node.CreateClosedSurfaceRepresentation()
    node.SetSourceRepresentationToClosedSurface()
    node.RemoveBinaryLabelmapRepresentation()
    names = nodes_of(scene)
    masks, _ = masks_on(drawn_regions(node), SHAPE, OBLIQUE)

    for name, mask in bodies().items():  # a smoothed surface: a few voxels of the rim differ
        assert 2 * np.sum(masks[name] & mask) / (masks[name].sum() + mask.sum()) > 0.95
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")
    assert nodes_of(scene) == names


def test_a_label_map_gives_its_values_by_the_names_of_its_colours(scene):
    from mrbiomarkers.mrml.regions import drawn_regions

    values = np.zeros(SHAPE, np.int16)
    for label, mask in zip((3, 700), bodies().values(), strict=True):
        values[mask] = label
    node = label_map(values, OBLIQUE)
    plain = drawn_regions(node)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeLabels")
    named = drawn_regions(node)

    assert list(plain) == ["label 3", "label 700"]
    assert list(named) == ["Brain", "label 700"]
    np.testing.assert_array_equal(plain["label 3"].mask, bodies()["L1"])
    np.testing.assert_allclose(plain["label 3"].affine, OBLIQUE, atol=1e-12)


def test_a_scene_file_keeps_the_regions(scene, tmp_path):
    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions
    from Testing.support import slicer_core

    masks = bodies() | {"lesion": np.roll(bodies()["L1"], 3, axis=2)}
    add_segmentation("regions", masks, OBLIQUE, reference=volume(SHAPE, OBLIQUE))
    assert scene.WriteToMRB(str(tmp_path / "s.mrb"))
    again = slicer_core.start()
    again.ReadFromMRB(str(tmp_path / "s.mrb"), True)
    found = drawn_regions(again.GetFirstNodeByName("regions"))

    assert list(found) == list(masks)
    for name, mask in masks.items():  # the file holds the part with voxels only
        where = np.argwhere(found[name].mask)[:, ::-1]
        positions = where @ found[name].affine[:3, :3].T + found[name].affine[:3, 3]
        expected = np.argwhere(mask)[:, ::-1] @ OBLIQUE[:3, :3].T + OBLIQUE[:3, 3]
        np.testing.assert_allclose(positions, expected, atol=1e-6)


def test_empty_missing_and_doubled_segments_are_named(scene):
    from mrbiomarkers.mrml.nodes import add_node
    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions

    node = add_segmentation("regions", bodies(), OBLIQUE)
    for name in ("L4", "L5", "L2"):
        node.GetSegmentation().AddEmptySegment("", name)

    assert list(drawn_regions(node, ["L1"])) == ["L1"]
    with pytest.raises(ValueError, match=r"'regions'.*none in 'L4', 'L5'"):
        drawn_regions(node, ["L1", "L4", "L5"])
    with pytest.raises(ValueError, match="got 'L2' more than once"):
        drawn_regions(node)
    with pytest.raises(ValueError, match=r"'L1', 'L2'.*got 'L9'"):
        drawn_regions(node, ["L9"])
    with pytest.raises(ValueError, match="got none"):
        drawn_regions(node, [])
    with pytest.raises(TypeError, match="segments"):
        drawn_regions(node, "L1")
    with pytest.raises(ValueError, match="at least one region"):
        drawn_regions(add_node("vtkMRMLSegmentationNode", "nothing"))


def test_other_nodes_transforms_and_images_are_refused(scene):
    from mrbiomarkers.mrml.nodes import add_node
    from mrbiomarkers.mrml.regions import add_segmentation, drawn_regions

    node = add_segmentation("regions", bodies(), OBLIQUE)
    node.SetAndObserveTransformNodeID(add_node("vtkMRMLLinearTransformNode", "moved").GetID())

    with pytest.raises(ValueError, match="transform 'moved'"):
        drawn_regions(node)
    with pytest.raises(TypeError, match=r"Segmentation or LabelMapVolume, got 'image'"):
        drawn_regions(volume(SHAPE, OBLIQUE))
    with pytest.raises(TypeError, match="got nothing"):
        drawn_regions(None)
    with pytest.raises(ValueError, match="fractions"):
        drawn_regions(label_map(np.full(SHAPE, 0.5), OBLIQUE))
    with pytest.raises(ValueError, match="is it an image"):
        drawn_regions(label_map(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), OBLIQUE))
    with pytest.raises(ValueError, match="at least one region"):
        drawn_regions(label_map(np.zeros(SHAPE, np.int16), OBLIQUE))


def test_masks_that_cannot_be_added_leave_the_scene_as_it_was(scene, monkeypatch):
    import slicer

    from mrbiomarkers.mrml import regions

    image, masks = volume((9, 22, 31), OBLIQUE), bodies()
    names = nodes_of(scene)
    wrong = [
        ({}, {}, "at least one region"),
        ({" ": masks["L1"]}, {}, "expected a name"),
        ({"L1": masks["L1"], "L2": masks["L2"][1:]}, {}, "region 'L2': expected shape"),
        ({"L1": np.zeros(SHAPE)}, {}, "0 voxels"),
        (masks, {"reference": image}, "reference: expected the grid of the masks"),
    ]
    for given, options, message in wrong:
        with pytest.raises(ValueError, match=message):
            regions.add_segmentation("regions", given, OBLIQUE, **options)
    with pytest.raises(TypeError, match="reference"):
        regions.add_segmentation("regions", masks, OBLIQUE, reference="image")
    monkeypatch.setattr(slicer.util, "updateVolumeFromArray", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        regions.add_segmentation("regions", masks, OBLIQUE)

    assert nodes_of(scene) == names
