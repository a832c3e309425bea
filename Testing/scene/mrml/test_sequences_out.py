"""Series as sequence nodes: index, order, geometry, and what is read back from them."""

import json

import numpy as np
import pytest
from vtk.util.numpy_support import vtk_to_numpy

from mrbiomarkers.series import DiffusionSeries, EchoSeries, combine
from Testing.support.echoes import SIX_ECHOES, echo_signal
from Testing.support.volumes import SHAPE, oblique_affine

AFFINE = oblique_affine()
B = np.array([0.0, 50.0, 100.0, 400.0, 800.0])


def add_diffusion(series, name="DWI", **options):
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence

    return add_diffusion_sequence(series, name, **options)


def add_echoes(series, name="Echoes", **options):
    from mrbiomarkers.mrml.sequences_out import add_echo_sequences

    return add_echo_sequences(series, name, **options)


def diffusion_series(bvalues=B, dtype=np.float32, **more):
    signal = np.random.default_rng(5).uniform(50, 900, (*SHAPE, len(bvalues))).astype(dtype)
    signal[0, 0, 0, -1] = np.nan
    return DiffusionSeries(signal, np.array(bvalues, dtype=float), AFFINE, **more)


def echo_series(dtype=np.complex64, **more):
    rng = np.random.default_rng(6)
    pdff, rate, field = rng.uniform(0, 100, SHAPE), rng.uniform(30, 200, SHAPE), rng.uniform(-200, 200, SHAPE)
    signal = echo_signal(SIX_ECHOES, 3.0, pdff, rate, field, phase=0.7, size=800.0).astype(dtype)
    return EchoSeries(signal, SIX_ECHOES, 3.0, AFFINE, **more)


def indices(sequence):
    return [sequence.GetNthIndexValue(number) for number in range(sequence.GetNumberOfDataNodes())]


def images(sequence):
    """All images of a sequence, (K, J, I, M)."""
    found = []
    for number in range(sequence.GetNumberOfDataNodes()):
        image = sequence.GetNthDataNode(number).GetImageData()
        found.append(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1]))
    return np.stack(found, axis=-1)


def told(sequence, key):
    text = sequence.GetAttribute(f"MRBiomarkers.{key}")
    return None if text is None else json.loads(text)


def node_names(scene):
    return sorted(scene.GetNthNode(i).GetName() or "" for i in range(scene.GetNumberOfNodes()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_image_for_each_b_value_bit_for_bit_and_on_its_grid(scene, dtype):
    from mrbiomarkers.mrml.geometry import affine_of_node

    series = diffusion_series(dtype=dtype)
    sequence = add_diffusion(series)

    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("b", "s/mm2")
    assert sequence.GetIndexType() == sequence.NumericIndex
    assert indices(sequence) == ["0", "50", "100", "400", "800"]
    assert images(sequence).dtype == dtype
    assert images(sequence).tobytes() == series.signal.tobytes()
    for number in range(5):
        node = sequence.GetNthDataNode(number)
        assert node.GetClassName() == "vtkMRMLScalarVolumeNode"
        np.testing.assert_allclose(affine_of_node(node), AFFINE, rtol=0, atol=1e-13)
    assert [told(sequence, key) for key in ("Averages", "Directions", "Source")] == [None, None, None]


def test_nothing_but_the_sequence_is_added(scene):
    before = node_names(scene)
    add_diffusion(diffusion_series())

    assert node_names(scene) == sorted([*before, "DWI"])


def test_images_are_sorted_with_what_is_known_of_them(scene):
    order = [3, 0, 4, 1, 2]
    series = diffusion_series(
        np.array([1.0, 50, 100, 400, 800])[order],  # none at 0, and none taken for 0
        averages=np.array([4.0, 1, 8, 2, 3]),
        directions=np.array([[1, 0, 0], [np.nan] * 3, [0, 0.6, 0.8], [0, 1, 0], [0, 0, -1.0]]),
        source=("a", "b", "c", "d", "e"),
    )
    sequence = add_diffusion(series)

    assert indices(sequence) == ["1", "50", "100", "400", "800"]
    np.testing.assert_array_equal(images(sequence), series.signal[..., np.argsort(order)])
    assert told(sequence, "Averages") == [1, 2, 3, 4, 8]
    assert told(sequence, "Directions") == [None, [0, 1, 0], [0, 0, -1], [1, 0, 0], [0, 0.6, 0.8]]
    assert told(sequence, "Source") == ["b", "d", "e", "a", "c"]


def test_repeats_are_combined_and_counted_and_none_is_lost(scene):
    series = diffusion_series([0, 0, 800, 50, 800, 800])
    sequence = add_diffusion(series)

    assert indices(sequence) == ["0", "50", "800"]
    expected = [series.signal[..., n].astype(np.float64).mean(axis=-1) for n in ([0, 1], [3], [2, 4, 5])]
    np.testing.assert_allclose(images(sequence), np.stack(expected, axis=-1), rtol=1e-6)
    assert told(sequence, "Averages") == [2, 1, 3]
    assert told(sequence, "Source")[2] == "arithmetic mean of 3 images from unrecorded source"


def test_b_values_that_differ_by_rounding_are_one(scene):
    assert indices(add_diffusion(diffusion_series([0, 799.8, 50, 800.2]))) == ["0", "50", "800"]


def test_directions_are_combined_by_the_geometric_mean(scene):
    directions = np.r_[[[np.nan] * 3], np.eye(3), np.eye(3)]
    series = diffusion_series([0, 500, 500, 500, 900, 900, 900], directions=directions)
    sequence = add_diffusion(series)

    assert indices(sequence) == ["0", "500", "900"]
    np.testing.assert_allclose(
        images(sequence)[..., 1], np.prod(series.signal[..., 1:4], axis=-1) ** (1 / 3), rtol=1e-5
    )
    assert told(sequence, "Averages") == [1, 3, 3]
    assert told(sequence, "Directions") is None
    np.testing.assert_array_equal(images(add_diffusion(series, repeats="averages")), combine(series).signal)


def test_a_direction_each_can_be_kept_and_several_cannot(scene):
    directions = np.array([[np.nan] * 3, [np.nan] * 3, [1, 0, 0], [1, 0, 0], [0, 1, 0]])
    one_each = diffusion_series([0, 0, 500, 500, 900], directions=directions)
    several = diffusion_series([0, 0, 500, 500, 500], directions=directions)

    assert told(add_diffusion(one_each, directions="keep"), "Directions") == [None, [1, 0, 0], [0, 1, 0]]
    before = node_names(scene)
    with pytest.raises(ValueError, match=r"directions: expected 'geometric'.* several directions at b 500 s/mm2"):
        add_diffusion(several, directions="keep")
    assert node_names(scene) == before


def test_b_values_are_short_and_come_back(scene):
    sequence = add_diffusion(diffusion_series([1e-3, 100 / 3, 250.123456789, 1000.0, 12000.0]))

    assert indices(sequence) == ["0.001", "33.3333333333", "250.123456789", "1000", "12000"]


def test_names_are_unique_and_nodes_of_the_user_stay(scene):
    mine = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "DWI")

    assert add_diffusion(diffusion_series()).GetName() == "DWI_1"
    assert mine.GetName() == "DWI"


def test_a_browser_only_when_asked_for(scene):
    import slicer

    sequence = add_diffusion(diffusion_series(), browser=True)
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)

    assert browser.GetMasterSequenceNode() is sequence
    assert browser.GetNumberOfItems() == 5
    assert browser.GetProxyNode(sequence).GetImageData().GetDimensions() == SHAPE[::-1]


@pytest.mark.parametrize(("dtype", "error"), [(np.complex64, 1e-6), (np.complex128, 1e-15)])
def test_complex_echoes_are_magnitude_and_phase(scene, dtype, error):
    series = echo_series(dtype)
    nodes = add_echoes(series)

    assert {part: node.GetName() for part, node in nodes.items()} == {
        "magnitude": "Echoes magnitude",
        "phase": "Echoes phase",
    }
    for node in nodes.values():
        assert (node.GetIndexName(), node.GetIndexUnit()) == ("TE", "ms")
        assert indices(node) == ["1.24", "2.22", "3.2", "4.18", "5.16", "6.14"]
        assert told(node, "FieldStrength") == 3
    magnitude, phase = images(nodes["magnitude"]), images(nodes["phase"])
    assert magnitude.dtype == phase.dtype == np.zeros(1, dtype).real.dtype
    back = magnitude.astype(np.float64) * np.exp(1j * phase.astype(np.float64))
    assert np.max(np.abs(back - series.signal) / np.abs(series.signal)) < error
    assert np.abs(phase).max() > 3
    assert [nodes[part].GetAttribute("MRBiomarkers.Unit") for part in nodes] == ["a.u.", "rad"]
    assert [nodes[part].GetAttribute("MRBiomarkers.Part") for part in nodes] == ["magnitude", "phase"]


def test_echo_times_in_ms_have_no_digits_of_rounding(scene):
    times = np.array([0.00115, 0.0022199999999999998, 0.0034500000000000004, 0.00460123])
    signal = np.ones((*SHAPE, 4), np.float32)
    node = add_echoes(EchoSeries(signal, times, 1.5, AFFINE, kind="magnitude"))["magnitude"]

    assert indices(node) == ["1.15", "2.22", "3.45", "4.60123"]


def test_magnitudes_alone_are_one_sequence_with_all_that_is_known(scene):
    signal = np.random.default_rng(7).uniform(1, 9, (*SHAPE, 6)).astype(np.float32)
    known = {"repetition_time": 0.012, "flip_angle": 5.0, "readout_axis": 2, "precession": -1}
    nodes = add_echoes(EchoSeries(signal, SIX_ECHOES, 1.494, AFFINE, kind="magnitude", **known), browser=True)

    assert list(nodes) == ["magnitude"]
    assert nodes["magnitude"].GetName() == "Echoes"
    np.testing.assert_array_equal(images(nodes["magnitude"]), signal)
    keys = ("FieldStrength", "RepetitionTime", "FlipAngle", "ReadoutAxis", "Precession", "Averages")
    assert [told(nodes["magnitude"], key) for key in keys] == [1.494, 0.012, 5.0, 2, -1, None]


def test_one_browser_shows_both_parts(scene):
    nodes = add_echoes(echo_series(), browser=True)
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")

    assert browser.GetMasterSequenceNode() is nodes["magnitude"]
    assert browser.IsSynchronizedSequenceNodeID(nodes["phase"].GetID())
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 1


def test_bad_input_leaves_the_scene_as_it_was(scene):
    before = node_names(scene)
    close = EchoSeries(np.ones((*SHAPE, 3), np.float32), [1e-3, 1.001e-3, 2e-3], 3.0, AFFINE, kind="magnitude")
    for call, error, match in (
        (lambda: add_diffusion(echo_series()), TypeError, "series: expected a DiffusionSeries, got EchoSeries"),
        (lambda: add_echoes(diffusion_series()), TypeError, "series: expected an EchoSeries, got DiffusionSeries"),
        (lambda: add_diffusion(diffusion_series(), " "), ValueError, "name: expected a name"),
        (lambda: add_echoes(echo_series(), ""), ValueError, "name: expected a name"),
        (lambda: add_diffusion(diffusion_series([5, 5, 5])), ValueError, "b-value"),
        (lambda: add_echoes(close), ValueError, "echo_times: expected at least 0.002 ms between them"),
    ):
        with pytest.raises(error, match=match):
            call()
    assert node_names(scene) == before


def test_an_error_in_the_middle_leaves_nothing(scene, monkeypatch):
    from mrbiomarkers.mrml import sequences_out

    genuine, made = sequences_out.image_of, []

    def fails_in_the_phase(values):
        made.append(values)
        if len(made) == 9:
            raise MemoryError("stop")
        return genuine(values)

    monkeypatch.setattr(sequences_out, "image_of", fails_in_the_phase)
    before = node_names(scene)

    with pytest.raises(MemoryError, match="stop"):
        add_echoes(echo_series())
    assert node_names(scene) == before
