"""b-values and echo times that nodes hold: from an index, labels or gradients, with known truth."""

import numpy as np
import pytest

from Testing.support.volumes import pynrrd_write

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def frames_of(nodes):
    from mrbiomarkers.mrml.frames import frames_of

    return frames_of(nodes)


def read_nrrd(path, storage, node):
    """Read a file with one of Slicer's own storage nodes."""
    import slicer

    reader = slicer.mrmlScene.AddNewNodeByClass(storage)
    reader.SetFileName(str(path))
    assert reader.ReadData(node)
    return node


def node_of(kind):
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass(kind, "N")


@pytest.mark.parametrize(
    ("index", "values", "expected"),
    [
        (("TE", "ms"), ("1.15", "2.3"), ("TE", "s", (0.00115, 0.0023))),
        (("echo time", "s"), ("0.00115", "0.0023"), ("TE", "s", (0.00115, 0.0023))),
        (("EchoTime", "ms"), ("1.24", "10"), ("TE", "s", (0.00124, 0.01))),
        (("b", "s"), ("0", "500"), ("b", "s/mm2", (0.0, 500.0))),  # named, but with the unit of a new sequence
        (("b-value", ""), ("0", "5e2"), ("b", "s/mm2", (0.0, 500.0))),
        (("Diffusion b", "s/mm^2"), ("0", "500"), ("b", "s/mm2", (0.0, 500.0))),
        (("", ""), ("0", "500"), ("", "", (0.0, 500.0))),
        (("", "s/mm2"), ("0", "1"), ("b", "s/mm2", (0.0, 1.0))),  # with a unit they are no count
        (("", "s/mm²"), ("0", "500"), ("b", "s/mm2", (0.0, 500.0))),
    ],
)
def test_names_and_units_of_the_index(make, index, values, expected):
    frames = frames_of(make.sequence(make.numbered(2), values, index=index))

    assert (frames.quantity, frames.unit, frames.values) == expected  # exact: 1.15 ms is the float 0.00115


@pytest.mark.parametrize(
    ("index", "values", "reason"),
    [
        (("time", "s"), ("0", "500"), "its index holds 'time [s]', neither b-values nor echo times (names: b, TE)"),
        (("TE", ""), ("1.2", "2.4"), "holds TE in ''; expected the unit s or ms"),
        (("b", "ms/um2"), ("0", "0.5"), "holds b in 'ms/um2'; expected s/mm2"),
        (("", "ms"), ("1.2", "2.4"), "holds ' [ms]', neither"),
        (("frame", ""), ("0", "1"), "only counts the images"),
        (("", ""), ("0", "1"), "only counts the images"),
    ],
)
def test_an_index_that_means_something_else_gives_a_reason(make, index, values, reason):
    frames = frames_of(make.sequence(make.numbered(2), values, index=index))

    assert (frames.values, frames.quantity, frames.source) == (None, "", ())
    assert reason in frames.reason


def test_an_index_of_text_gives_a_reason(make):
    node = make.sequence(make.numbered(1), ("b0",))
    node.SetIndexType(node.TextIndex)

    assert frames_of(node).reason == "its index is text (b0), not numbers"
    node.SetIndexType(node.NumericIndex)
    assert "not made of numbers (b0)" in frames_of(node).reason


@pytest.mark.parametrize("index", [("frame", ""), ("", ""), ("b", "s/mm2")])
def test_labels_go_before_an_index_that_counts(make, index):
    node = make.sequence(make.numbered(3), ("0", "1", "2"), index=index)
    make.label(node, "1000.0,0.0,50.0", "GE.B-value", "mm2/s")

    frames = frames_of(node)

    assert (frames.values, frames.quantity) == ((1000.0, 0.0, 50.0), "b")
    assert set(frames.source) == {"MultiVolume.FrameLabels"}


def test_labels_follow_their_images_when_one_is_taken_out(make):
    node = make.label(make.sequence(make.numbered(4), "0123", index=("frame", "")), "0,50,400,800")
    node.RemoveDataNodeAtValue("1")

    frames = frames_of(node)

    assert frames.values == (0.0, 400.0, 800.0)
    np.testing.assert_array_equal(frames.images, make.numbered(4)[..., [0, 2, 3]])


def test_an_index_of_b_values_goes_before_labels(make):
    node = make.label(make.sequence(make.numbered(2), ("0", "700")), "0,50")

    assert frames_of(node).values == (0.0, 700.0)


def test_a_4d_nrrd_opened_as_sequence_and_as_volume(make, tmp_path):
    images = make.numbered(3, np.int16)
    fields = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([[np.nan] * 3, np.diag([1.5, 2.0, 4.0])]),
        "space origin": np.array([10.0, -20.0, 5.0]),
        "kinds": ["list", "domain", "domain", "domain"],
        "MultiVolume.FrameLabels": "0.0,250.0,500.0",
        "MultiVolume.FrameIdentifyingDICOMTagName": "GE.B-value",
        "MultiVolume.FrameIdentifyingDICOMTagUnits": "mm2/s",
    }
    pynrrd_write(tmp_path / "mv.nrrd", images.transpose(3, 2, 1, 0), fields)
    sequence = read_nrrd(tmp_path / "mv.nrrd", "vtkMRMLVolumeSequenceStorageNode", node_of("vtkMRMLSequenceNode"))
    vectors = read_nrrd(tmp_path / "mv.nrrd", "vtkMRMLNRRDStorageNode", node_of("vtkMRMLVectorVolumeNode"))

    assert sequence.GetIndexName() == "frame"  # with 0, 1, 2: the trap
    for node in (sequence, vectors):
        frames = frames_of(node)
        assert (frames.values, frames.quantity) == ((0.0, 250.0, 500.0), "b")
        np.testing.assert_array_equal(frames.images, images)
        np.testing.assert_allclose(frames.affine[:3, :3], np.diag([-1.5, -2.0, 4.0]), atol=1e-12)
        np.testing.assert_allclose(frames.affine[:3, 3], [-10.0, 20.0, 5.0], atol=1e-12)


def test_a_real_multivolume(make, shared_data):
    """15 b-values of a prostate, saved by Slicer; DATA.md says 0 to 3500."""
    path = shared_data / "dicom" / "slicerprostate_multivolume_nrrd_GE_15b" / "00943_SER18.nrrd"
    sequence = read_nrrd(path, "vtkMRMLVolumeSequenceStorageNode", node_of("vtkMRMLSequenceNode"))
    vectors = read_nrrd(path, "vtkMRMLNRRDStorageNode", node_of("vtkMRMLVectorVolumeNode"))

    first, second = frames_of(sequence), frames_of(vectors)

    assert first.values == second.values == tuple(range(0, 3501, 250))
    assert first.images.shape == (1, 21, 15, 15)
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_allclose(first.affine, second.affine, atol=1e-9)


def test_a_multivolume_of_echoes(make):
    node = make.volume(make.numbered(3), name="MV", kind="vtkMRMLVectorVolumeNode")

    assert frames_of(node).reason == "it has no attribute MultiVolume.FrameLabels"
    frames = frames_of(make.label(node, "1.2,2.4,3.6", "EchoTime"))
    assert (frames.values, frames.quantity, frames.unit) == ((0.0012, 0.0024, 0.0036), "TE", "s")
    np.testing.assert_array_equal(frames.images, make.numbered(3))
    assert "holds 2 values for 3 images" in frames_of(make.label(node, "1,2", "EchoTime", "ms")).reason
    assert "'TriggerTime [ms]', neither" in frames_of(make.label(node, "1,2,3", "TriggerTime", "ms")).reason
    assert "not made of numbers" in frames_of(make.label(node, "a,b,c", "EchoTime", "ms")).reason


def test_a_node_of_the_class_multivolume(make):
    """The class comes with an extension: here a vector volume stands in for it, under its name."""
    import slicer

    class StandIn(slicer.vtkMRMLVectorVolumeNode):
        def IsA(self, kind):
            return kind == "vtkMRMLMultiVolumeNode" or kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLNode")

    node = StandIn()
    slicer.mrmlScene.AddNode(node)
    slicer.util.updateVolumeFromArray(node, make.numbered(2))

    frames = frames_of(make.label(node, "0.0,800.0", "Siemens.B-value", "sec/mm2"))

    assert (frames.values, frames.quantity) == ((0.0, 800.0), "b")
    np.testing.assert_array_equal(frames.images, make.numbered(2))


def test_a_diffusion_weighted_nrrd(make, tmp_path):
    """Known truth: b by the squared length of the gradient; directions turned by hand from the frame to RAS."""
    angle = np.deg2rad(30.0)
    frame = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    gradients = [(0, 0, 0), (1, 0, 0), (0, 0.5, 0), (0, 0, 0.70710678)]
    images = make.numbered(4, np.int16)
    fields = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([np.diag([1.5, 2.0, 4.0]), [np.nan] * 3]),
        "space origin": np.zeros(3),
        "kinds": ["space", "space", "space", "list"],
        "measurement frame": frame.T,  # the file lists columns
        "modality": "DWMRI",
        "DWMRI_b-value": "1000",
        **{f"DWMRI_gradient_{n:04d}": " ".join(map(str, g)) for n, g in enumerate(gradients)},
    }
    pynrrd_write(tmp_path / "dwi.nrrd", images.transpose(2, 1, 0, 3), fields)
    node = node_of("vtkMRMLDiffusionWeightedVolumeNode")

    frames = frames_of(read_nrrd(tmp_path / "dwi.nrrd", "vtkMRMLNRRDStorageNode", node))

    assert frames.values == (0.0, 1000.0, 250.0, 500.0)
    np.testing.assert_array_equal(frames.images, images)
    assert np.isnan(frames.directions[0]).all()
    expected = (LPS_TO_RAS @ frame @ np.eye(3)).T
    np.testing.assert_allclose(frames.directions[1:], expected, atol=1e-7)


def test_a_diffusion_weighted_node(make):
    node = make.weighted(make.numbered(3), (0, 499.99996, 500.00001), [(0, 0, 0), (1, 0, 0), (0, 0, 1)])
    node.SetMeasurementFrameMatrix(0, 1, 0, 0, 0, 2, 1, 0, 0)  # rows; not a rotation: lengths do not count

    frames = frames_of(node)

    assert frames.values == (0.0, 500.0, 500.0)
    np.testing.assert_allclose(frames.directions[1:], [[0, 0, 1], [0, 1, 0]])
    node.SetNumberOfGradients(2)
    assert "2 b-values and 2 gradients for 3 images" in frames_of(node).reason
