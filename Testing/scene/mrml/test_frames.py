"""Images of nodes: which come, in what order, with what is known of each, and what is refused."""

import json
import tracemalloc

import numpy as np
import pytest

from Testing.support.volumes import oblique_affine

B = (0.0, 50.0, 1000.0)


def frames_of(nodes):
    from mrbiomarkers.mrml.frames import frames_of

    return frames_of(nodes)


def node_of(kind):
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass(kind, "N")


def test_a_sequence_comes_in_the_order_of_its_index_with_its_values(make):
    images = make.numbered(3, np.int16)
    node = make.sequence(images, ("1000", "0", "50.0"), name="DWI of John Doe")

    frames = frames_of(node)

    assert frames.values == (0.0, 50.0, 1000.0)
    assert (frames.quantity, frames.unit, frames.name) == ("b", "s/mm2", "DWI of John Doe")
    assert frames.images.dtype == np.float32
    np.testing.assert_array_equal(frames.images, images[..., [1, 2, 0]])
    np.testing.assert_allclose(frames.affine, oblique_affine(), rtol=0, atol=1e-12)
    assert frames.source == ("index value of the sequence",) * 3  # no name of a node in it


def test_volumes_keep_the_given_order_and_have_no_values(make):
    images = make.numbered(3, np.float64)
    nodes = [make.volume(images[..., number], name=f"V{number}") for number in (2, 0, 1)]

    frames = frames_of(nodes)

    assert frames.images.dtype == np.float64
    np.testing.assert_array_equal(frames.images, images[..., [2, 0, 1]])
    assert (frames.values, frames.reason, frames.name) == (None, "single volumes hold none", "V2")
    assert frames_of(nodes[0]).images.shape == (3, 4, 5, 1)
    assert frames_of(tuple(nodes)).images.shape == (3, 4, 5, 3)


def test_what_our_own_sequences_say_is_read_back(make):
    written = {"Averages": "[1, 4, 9]", "Directions": "[null, [0, 0.6, 0.8], [1, 0, 0]]", "Source": '["a", "b", "c"]'}

    frames = frames_of(make.sequence(make.numbered(3), B, **written))

    np.testing.assert_array_equal(frames.averages, [1, 4, 9])
    np.testing.assert_array_equal(frames.directions, [[np.nan] * 3, [0, 0.6, 0.8], [1, 0, 0]])
    assert frames.source == ("a", "b", "c")


@pytest.mark.parametrize("written", [{"Averages": "[1, 4]"}, {"Directions": "[[1, 0, 0]]"}, {"Averages": "7"}])
def test_attributes_that_do_not_fit_the_images_are_refused(make, written):
    with pytest.raises(ValueError, match=r"nodes: expected 3 entries in attribute MRBiomarkers\.\w+ of 'S'"):
        frames_of(make.sequence(make.numbered(3), B, **written))


def test_damaged_attributes_are_refused(make):
    for text in ("[1, 4", '["x", 2, 3]', '[{"a": 1}, 2, 3]'):
        with pytest.raises(ValueError, match=r"expected a JSON list in attribute MRBiomarkers\.Averages of 'S'"):
            frames_of(make.sequence(make.numbered(3), B, Averages=text))


def test_an_image_that_starts_elsewhere_keeps_its_place(make):
    """A cropped vtkImageData may count its voxels from another number than 0; IJKToRAS goes by these numbers."""
    node = make.volume(make.numbered(1)[..., 0])
    node.GetImageData().SetExtent(2, 6, 1, 4, 0, 2)

    frames = frames_of(node)

    expected = oblique_affine()
    expected[:3, 3] += oblique_affine()[:3, :3] @ [2, 1, 0]
    np.testing.assert_allclose(frames.affine, expected, atol=1e-9)
    node.ShiftImageDataExtentToZeroStart()  # Slicer's own way to make it count from 0
    np.testing.assert_allclose(frames_of(node).affine, frames.affine, atol=1e-9)
    np.testing.assert_array_equal(frames_of(node).images, frames.images)


def test_the_images_are_a_copy(make):
    import slicer

    sequence = make.sequence(make.numbered(2), (0, 800))
    vectors = make.volume(make.numbered(2), kind="vtkMRMLVectorVolumeNode")
    for node, part in ((sequence, sequence.GetNthDataNode(0)), (vectors, vectors)):
        frames = frames_of(node)
        slicer.util.arrayFromVolume(part)[:] = -1
        np.testing.assert_array_equal(frames.images, make.numbered(2))
        frames.images[:] = 5
        assert (slicer.util.arrayFromVolume(part) == -1).all()
        frames.affine[:] = 0
        np.testing.assert_allclose(frames_of(node).affine, oblique_affine(), atol=1e-12)


def test_views_into_the_memory_of_vtk_cannot_be_written_to(make):
    from mrbiomarkers.mrml.frames import open_frames

    stack = open_frames("source", make.sequence(make.numbered(2), (0, 800)))

    with pytest.raises(ValueError, match="read-only"):
        stack.views[0][:] = 0


def test_one_array_is_made_and_no_second_copy(make):
    node = make.sequence(make.numbered(8, np.int16, (16, 64, 64)), range(0, 800, 100))
    frames_of(node)
    tracemalloc.start()
    try:
        frames = frames_of(node)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1.1 * frames.images.nbytes


def moved(affine):
    affine = affine.copy()
    affine[:3, 3] += 0.5
    return affine


@pytest.mark.parametrize("what", ["place", "size", "turned"])
def test_frames_that_differ_in_geometry_are_named(make, what):
    import slicer

    node = make.sequence(make.numbered(2), (0, 50))
    affine = {"place": moved(oblique_affine()), "size": oblique_affine(), "turned": np.diag([1.25, 2.5, 4.0, 1.0])}
    shape = (3, 4, 6) if what == "size" else (3, 4, 5)
    node.SetDataNodeAtValue(make.volume(np.ones(shape), affine[what]), "800")

    with pytest.raises(ValueError, match=r"image 3 of 'S' \(index '800'\): expected the grid of the first image"):
        frames_of(node)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 1


def test_volumes_of_a_list_that_differ_are_named(make):
    nodes = [make.volume(np.ones((3, 4, 5)), name="A"), make.volume(np.ones((3, 4, 5)), moved(oblique_affine()), "B")]

    with pytest.raises(ValueError, match=r"nodes: volume 2 \('B'\): expected the grid of the first image \(5 x 4 x 3"):
        frames_of(nodes)


@pytest.mark.parametrize(
    "kind", ["vtkMRMLLabelMapVolumeNode", "vtkMRMLDiffusionTensorVolumeNode", "vtkMRMLSegmentationNode", "none", "text"]
)
@pytest.mark.parametrize("in_list", [False, True])
def test_other_kinds_of_nodes_are_refused(make, kind, in_list):
    node = {"none": None, "text": "S"}.get(kind) if kind in ("none", "text") else node_of(kind)
    nodes = [make.volume(np.ones((3, 4, 5))), node] if in_list else node

    with pytest.raises(TypeError, match="nodes: expected a node of kind"):
        frames_of(nodes)


def test_nodes_that_cannot_be_used_are_refused(make):
    import slicer

    removed = make.volume(np.ones((3, 4, 5)), name="gone")
    slicer.mrmlScene.RemoveNode(removed)
    same = make.volume(np.ones((3, 4, 5)))
    colour = make.volume(np.ones((3, 4, 5, 3), np.uint8), kind="vtkMRMLVectorVolumeNode")
    colour.SetVoxelVectorType(colour.VoxelVectorTypeColorRGB)
    flat = make.volume(np.ones((3, 4, 5)), np.diag([1.0, 1, 0, 1]))
    vectors = make.sequence(make.numbered(1), (0,))
    vectors.SetDataNodeAtValue(make.volume(make.numbered(3), kind="vtkMRMLVectorVolumeNode"), "50")
    closed = make.sequence(make.numbered(2), (0, 50), name="closed")
    slicer.mrmlScene.RemoveNode(closed)
    rgb = make.volume(np.ones((3, 4, 5)))
    rgb.GetImageData().AllocateScalars(rgb.GetImageData().GetScalarType(), 3)
    refused = [
        (removed, "expected a node of the scene, got 'gone', which was removed or never added"),
        ([make.volume(np.ones((3, 4, 5))), removed], "expected a node of the scene, got 'gone'"),
        (closed, "expected a node of the scene, got 'closed'"),
        (rgb, "expected one value a voxel, got 3"),
        ([], "got an empty list"),
        (node_of("vtkMRMLSequenceNode"), "got 'N' without any image"),
        (node_of("vtkMRMLScalarVolumeNode"), "got 'N' without image data"),
        (node_of("vtkMRMLDiffusionWeightedVolumeNode"), "got 'N' without image data"),
        ([same, same], "expected every volume once, got 'V' twice"),
        (colour, "a colour image"),
        (flat, r"volume 1 \(.V.\): affine: expected finite numbers"),
        (make.transformed(make.volume(np.ones((3, 4, 5)))), "is under the transform 'T'"),
        (make.transformed(make.weighted(make.numbered(2), (0, 1), [(0, 0, 0)] * 2)), "is under the transform 'T"),
    ]
    for nodes, words in refused:
        with pytest.raises(ValueError, match=words):
            frames_of(nodes)
    with pytest.raises(TypeError, match=r"image 2 of 'S' \(index '50'\): expected a node of kind ScalarVolume"):
        frames_of(vectors)


def test_a_sequence_that_is_shown_under_a_transform_is_refused(make):
    node = make.sequence(make.numbered(2), (0, 50))
    other = make.sequence(make.numbered(2), (0, 50), name="other")
    proxy = make.show(node)
    assert frames_of(node).values == (0.0, 50.0)
    assert frames_of([proxy, make.show(other)]).images.shape[-1] == 2  # plain volumes

    make.transformed(proxy)

    with pytest.raises(ValueError, match="is under the transform 'T'"):
        frames_of(node)
    assert frames_of(other).values == (0.0, 50.0)


def test_json_of_averages_is_what_the_writer_makes(make):
    """The writer of sequences and this reader share attribute names: a series with both comes back."""
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence
    from mrbiomarkers.series import DiffusionSeries

    directions = np.array([[np.nan] * 3, [0, 0.6, 0.8], [1, 0, 0]])
    series = DiffusionSeries(make.numbered(3), B, oblique_affine(), directions, np.array([1, 4, 9]), ("a", "b", "c"))

    node = add_diffusion_sequence(series, "DWI")
    frames = frames_of(node)

    assert json.loads(node.GetAttribute("MRBiomarkers.Averages")) == [1, 4, 9]
    np.testing.assert_array_equal(frames.images, series.signal)
    np.testing.assert_array_equal(frames.directions, directions)
    assert (frames.values, frames.source) == (B, ("a", "b", "c"))
