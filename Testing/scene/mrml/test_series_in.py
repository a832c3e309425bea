"""Nodes to series: signals, b-values and echo times with known truth, and bad input of every kind."""

import tracemalloc

import numpy as np
import pytest

from Testing.support.volumes import oblique_affine

TIMES = (0.00115, 0.0023, 0.00345)
INDEX = ("1.15", "2.3", "3.45")  # [ms]
TE = ("TE", "ms")
PI = np.pi


def diffusion_series(source, **options):
    from mrbiomarkers.mrml.series_in import diffusion_series

    return diffusion_series(source, **options)


def echo_series(**parts):
    from mrbiomarkers.mrml.series_in import echo_series

    return echo_series(**parts)


def signal_of(count=3, shape=(3, 4, 5)):
    """Complex images with phases that fill -pi to pi in every echo."""
    size = np.linspace(10, 200, np.prod(shape) * count).reshape(*shape, count)
    angle = np.linspace(-PI, PI, np.prod(shape)).reshape(*shape, 1) + np.zeros(count)
    return (size * np.exp(1j * angle)).astype(np.complex64), size.astype(np.float32), angle.astype(np.float32)


def test_a_diffusion_series_from_a_sequence(make):
    images = make.numbered(4, np.int16)

    series = diffusion_series(make.sequence(images, ("0", "50", "400", "1000"), Averages="[1, 1, 2, 4]"))

    assert series.signal.dtype == np.float32
    np.testing.assert_array_equal(series.signal, images)
    np.testing.assert_array_equal(series.bvalues, [0, 50, 400, 1000])
    np.testing.assert_allclose(series.affine, oblique_affine(), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(series.averages, [1, 1, 2, 4])
    assert (series.directions, series.source) == (None, ("index value of the sequence",) * 4)


def test_b_values_and_averages_of_the_caller_win(make):
    node = make.sequence(make.numbered(3), ("0", "50", "400"), Averages="[1, 1, 2]")

    series = diffusion_series(node, bvalues=[0, 500, 500], averages=[3, 3, 3])

    np.testing.assert_array_equal(series.bvalues, [0, 500, 500])
    np.testing.assert_array_equal(series.averages, [3, 3, 3])
    assert series.source == ("caller",) * 3


def test_a_list_of_volumes_with_b_values(make):
    images = make.numbered(2, np.float64)
    nodes = [make.volume(images[..., number]) for number in range(2)]

    series = diffusion_series(nodes, bvalues=(800, 0))

    assert series.signal.dtype == np.float64
    np.testing.assert_array_equal(series.signal, images)
    np.testing.assert_array_equal(series.bvalues, [800, 0])


def test_directions_come_along_and_can_be_combined(make):
    """Truth: the geometric mean over two directions at b = 500 of exp(-b D) is that of the mean D."""
    from mrbiomarkers.series import combine

    diffusivity = np.array([0.0, 0.5e-3, 1.5e-3])
    images = np.full((3, 4, 5, 3), 100 * np.exp(-np.array([0, 500, 500]) * diffusivity))
    series = diffusion_series(make.weighted(images, (0, 500, 500), [(0, 0, 0), (1, 0, 0), (0, 1, 0)]))

    combined = combine(series)

    np.testing.assert_array_equal(series.directions[1:], np.eye(3)[:2])
    np.testing.assert_allclose(combined.signal[..., 1], 100 * np.exp(-500 * 1e-3), rtol=1e-12)
    assert combined.source[1] == "geometric mean of 2 directions from diffusion-weighted volume"


def test_a_diffusion_series_written_and_read_back(make):
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence
    from mrbiomarkers.series import DiffusionSeries

    bvalues = [0.0, 0.8, 49.95, 1000.0]
    written = DiffusionSeries(make.numbered(4) / 3, bvalues, oblique_affine(), averages=[1, 2, 3, 4])

    read = diffusion_series(add_diffusion_sequence(written, "DWI"))

    np.testing.assert_array_equal(read.signal, written.signal)
    np.testing.assert_array_equal(read.bvalues, bvalues)
    np.testing.assert_array_equal(read.averages, [1, 2, 3, 4])


def test_every_digit_of_an_index_counts(make):
    series = diffusion_series(make.sequence(make.numbered(2), ("0.7999999999999999", "49.99999999999999")))

    assert series.bvalues.tolist() == [0.7999999999999999, 49.99999999999999]


def test_missing_b_values_say_how_to_give_them(make):
    how = r"Give them: bvalues=\[\.\.\.\] in s/mm2, one for each of its 2 images"
    images = make.numbered(2)
    nodes = [
        (make.sequence(images, ("0", "500"), index=("time", "s")), r"in 'S': its index holds 'time \[s\]'"),
        (make.sequence(images, ("1.1", "2.2"), index=TE), "index value of the sequence holds echo times"),
        ([make.volume(images[..., 0]), make.volume(images[..., 1])], "in 'V': single volumes hold none"),
        (make.volume(images, kind="vtkMRMLVectorVolumeNode"), "no attribute MultiVolume.FrameLabels"),
        (make.weighted(images, (700, 700), [(1, 0, 0), (0, 1, 0)]), "at least two different b-values, got only 700"),
        (make.sequence(images, ("-5", "500")), "expected values of 0 s/mm2 or more, got -5"),
        (make.sequence(images, ("nan", "inf")), "expected finite values in s/mm2"),
        (make.label(make.sequence(images, "01"), "1,2", "EchoTime", "ms"), "FrameLabels holds echo times"),
    ]
    for node, words in nodes:
        with pytest.raises(ValueError, match=f"(?s){words}.*{how}"):
            diffusion_series(node)
        np.testing.assert_array_equal(diffusion_series(node, bvalues=[0, 100]).bvalues, [0, 100])


def test_bad_b_values_of_the_caller(make):
    node = make.sequence(make.numbered(2), ("0", "500"))

    for bvalues, words in [
        ([0, 50, 100], "bvalues: expected 2 values, one for each image of 'S' in its order, got 3"),
        ([50, 50], "bvalues: expected at least two different b-values, got only 50"),
        ([0, np.nan], "bvalues: expected finite values"),
        ([-1, 0], "bvalues: expected values of 0 s/mm2 or more"),
        ([[0, 1]], "bvalues: expected 1 dimensions, got 2"),
    ]:
        with pytest.raises(ValueError, match=words):
            diffusion_series(node, bvalues=bvalues)
    with pytest.raises(TypeError, match="bvalues: expected real numbers"):
        diffusion_series(node, bvalues=["a", "b"])
    with pytest.raises(ValueError, match="averages: expected 2 positive numbers"):
        diffusion_series(node, averages=[1])


def test_a_single_image_and_an_empty_one_are_refused(make):
    images = make.numbered(2)
    images[..., 1] = np.nan

    with pytest.raises(ValueError, match="at least two images with different b-values, got 'V' with one; choose the"):
        diffusion_series(make.volume(images[..., 0]), bvalues=[0])
    with pytest.raises(ValueError, match="source: expected an image in image 2 of 'S', got no finite number"):
        diffusion_series(make.sequence(images, (0, 500)))
    images[0, 0, 0, 1] = 5  # single voxels without a number stay; the fit leaves them out
    assert np.isnan(diffusion_series(make.sequence(images, (0, 500))).signal).sum() == 59


def test_nothing_is_added_to_the_scene(make):
    import slicer

    node = make.sequence(make.numbered(2), (0, 500))
    before = slicer.mrmlScene.GetNumberOfNodes(), node.GetMTime()

    diffusion_series(node)
    with pytest.raises(ValueError, match="field_strength: expected tesla"):
        echo_series(magnitude=node, echo_times=(0.001, 0.002))

    assert (slicer.mrmlScene.GetNumberOfNodes(), node.GetMTime()) == before


def test_magnitudes(make):
    series = echo_series(
        magnitude=make.sequence(make.numbered(3), INDEX, index=TE), field_strength=3, repetition_time=0.01, flip_angle=5
    )

    assert (series.kind, series.field_strength, series.repetition_time, series.flip_angle) == ("magnitude", 3, 0.01, 5)
    assert series.echo_times.tolist() == list(TIMES)
    np.testing.assert_array_equal(series.signal, make.numbered(3))


@pytest.mark.parametrize(
    ("scaled", "words"),
    [
        (lambda angle: angle, None),
        (lambda angle: np.rint(angle / PI * 4096).clip(-4096, 4095).astype(np.int16), "-4096 to 4096 (Siemens)"),
        (lambda angle: np.rint((angle + PI) / PI * 2048).clip(0, 4095).astype(np.int16), "taken as 0 to 4096"),
        (lambda angle: np.rint(angle * 1000).astype(np.int16), "thousandths of a radian"),
    ],
)
def test_magnitude_and_phase_in_every_usual_unit(make, scaled, words):
    signal, size, angle = signal_of()
    notes = []

    series = echo_series(
        magnitude=make.sequence(size, INDEX, index=TE),
        phase=make.sequence(scaled(angle), INDEX, index=TE),
        field_strength=1.5,
        notes=notes,
    )

    assert (series.kind, series.signal.dtype) == ("complex", np.complex64)
    np.testing.assert_allclose(series.signal, signal, atol=200 * 2e-3)  # the phases are whole numbers
    assert [words in note for note in notes] == [True] if words else not notes


def test_a_phase_range_of_the_caller(make):
    signal, size, angle = signal_of()
    parts = {
        "magnitude": make.sequence(size, INDEX, index=TE),
        "phase": make.sequence(np.rad2deg(angle), INDEX, index=TE, name="P"),
    }
    with pytest.raises(ValueError, match=r"phase .P.: phase: .* look like degrees"):
        echo_series(**parts, field_strength=3)

    series = echo_series(**parts, field_strength=3, phase_range=(-180, 180))

    np.testing.assert_allclose(series.signal, signal, atol=1e-3)
    with pytest.raises(ValueError, match="phase_range: expected with phase images only"):
        echo_series(magnitude=parts["magnitude"], field_strength=3, phase_range=(-180, 180))


def test_real_and_imaginary_of_a_list_are_sorted_by_given_times(make):
    signal, _, _ = signal_of()
    parts = {
        name: [make.volume(part[..., number], name=f"{name}{number}") for number in (2, 0, 1)]
        for name, part in {"real": signal.real, "imaginary": signal.imag}.items()
    }

    series = echo_series(**parts, echo_times=[TIMES[2], TIMES[0], TIMES[1]], field_strength=3)

    np.testing.assert_array_equal(series.signal, signal)
    assert series.echo_times.tolist() == list(TIMES)


def test_parts_that_come_in_different_orders_meet_by_echo_time(make):
    signal, _, _ = signal_of()
    real = make.volume(signal.real[..., ::-1], kind="vtkMRMLVectorVolumeNode")
    make.label(real, "3.45,2.3,1.15", "EchoTime", "ms")

    series = echo_series(real=real, imaginary=make.sequence(signal.imag, INDEX, index=TE), field_strength=3)

    np.testing.assert_array_equal(series.signal, signal)


def test_double_parts_stay_double(make):
    signal = signal_of()[0].astype(np.complex128) / 3
    parts = {
        name: make.sequence(part, INDEX, index=TE) for name, part in [("real", signal.real), ("imaginary", signal.imag)]
    }

    np.testing.assert_array_equal(echo_series(**parts, field_strength=3).signal, signal)


@pytest.mark.parametrize("kind", ["complex", "magnitude"])
def test_an_echo_series_written_and_read_back(make, kind):
    from mrbiomarkers.mrml.sequences_out import add_echo_sequences
    from mrbiomarkers.series import EchoSeries

    signal, size, _ = signal_of()
    signal *= np.complex64(np.exp(0.1j))  # phases within -1 to 1 would be no other: the unit is written down
    images = (np.abs(signal) * np.exp(0.2j * np.angle(signal))).astype(np.complex64) if kind == "complex" else size
    written = EchoSeries(images, TIMES, 2.89362, oblique_affine(), kind, 0.0123, 4.5, 1, -1)
    notes = []

    read = echo_series(**add_echo_sequences(written, "GRE"), notes=notes)

    assert (read.kind, notes) == (kind, [])
    assert read.echo_times.tolist() == list(TIMES)
    known = ("field_strength", "repetition_time", "flip_angle", "readout_axis", "precession")
    assert [getattr(read, name) for name in known] == [2.89362, 0.0123, 4.5, 1, -1]
    np.testing.assert_allclose(read.signal, images, rtol=2e-6 if kind == "complex" else 0)


def test_one_complex_array_is_made(make):
    shape = (16, 64, 64)
    parts = {name: make.sequence(make.numbered(4, np.float32, shape), (1, 2, 3, 4), index=TE) for name in "ab"}
    tracemalloc.start()
    try:
        series = echo_series(real=parts["a"], imaginary=parts["b"], field_strength=3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1.5 * series.signal.nbytes  # beside it, one echo at a time is looked through


def test_the_series_does_not_follow_the_nodes(make):
    import slicer

    node = make.sequence(make.numbered(2), (0, 500))
    series = [diffusion_series(node), echo_series(magnitude=node, echo_times=(0.001, 0.002), field_strength=3)]

    slicer.util.arrayFromVolume(node.GetNthDataNode(0))[:] = -1

    for one in series:
        np.testing.assert_array_equal(one.signal, make.numbered(2))


def test_parts_that_make_no_series(make):
    images = make.numbered(3)
    node = make.sequence(images, INDEX, index=TE)
    moved = oblique_affine()
    moved[0, 3] += 1
    other = make.sequence(images, INDEX, index=TE, affine=moved)
    late = make.sequence(images, ("1.15", "2.3", "3.5"), index=TE)
    for parts, words in [
        ({}, "expected those of one of: magnitude; magnitude and phase; real and imaginary; got none"),
        ({"phase": node}, "got phase"),
        ({"real": node}, "got real"),
        ({"magnitude": node, "real": node, "imaginary": node}, "got magnitude and real and imaginary"),
        ({"magnitude": node, "phase": node}, "phase: expected other nodes than those of magnitude, got 'S' as both"),
        ({"real": node, "imaginary": other}, "imaginary: expected the grid of real"),
        ({"real": node, "imaginary": late}, "expected the echo times of real, 1.15, 2.3, 3.45 ms, got 1.15, 2.3, 3.5"),
        ({"real": node, "imaginary": make.sequence(images, INDEX[:2], index=TE)}, "expected 3 images, as real has"),
        ({"magnitude": make.sequence(images, INDEX, index=TE, Part="phase")}, "magnitude: expected magnitude images"),
    ]:
        with pytest.raises(ValueError, match=words):
            echo_series(**parts, field_strength=3)


def test_bad_echo_times(make):
    node = make.sequence(make.numbered(3), (0, 50, 500))
    for times, words in [
        (
            None,
            r"echo_times: expected those of 3 images in magnitude 'S': its values .* Give them: echo_times=\[\.\.\.\]",
        ),
        ((0.001, 0.002), "echo_times: expected 3 values, one for each echo"),
        ((1.15, 2.3, 3.45), "are these milliseconds"),
        ((0.001, 0.001, 0.002), "ascending values, each once"),
        ((0.0, 0.001, 0.002), "expected seconds above 0"),
        ((np.nan, 0.001, 0.002), "expected seconds above 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            echo_series(magnitude=node, echo_times=times, field_strength=3)
    with pytest.raises(ValueError, match="single volumes hold none"):
        echo_series(magnitude=[make.volume(np.ones((3, 4, 5))) for _ in range(2)], field_strength=3)


def test_bad_field_strengths(make):
    node = make.sequence(make.numbered(3), INDEX, index=TE)
    with pytest.raises(
        ValueError, match=r"'S' has no attribute MRBiomarkers\.FieldStrength\. Give it: field_strength="
    ):
        echo_series(magnitude=node)
    for text, words in [("3 T", "expected one number in the attribute"), ("123.2", "is it in mT or MHz")]:
        node.SetAttribute("MRBiomarkers.FieldStrength", text)
        with pytest.raises(ValueError, match=words):
            echo_series(magnitude=node)
    node.SetAttribute("MRBiomarkers.FieldStrength", "1.5")
    other = make.sequence(make.numbered(3), INDEX, index=TE, FieldStrength="3.0")
    with pytest.raises(ValueError, match=r"MRBiomarkers\.FieldStrength, got 1\.5 and 3\.0"):
        echo_series(real=node, imaginary=other)
    assert echo_series(real=node, imaginary=other, field_strength=7).field_strength == 7


def test_bad_images(make):
    images = make.numbered(3) - 10
    with pytest.raises(ValueError, match="0 or more in image 1 of 'S', got -9; this looks like real, imaginary or"):
        echo_series(magnitude=make.sequence(images, INDEX, index=TE), field_strength=3)
    _, _, angle = signal_of()
    phase = make.sequence(angle, INDEX, index=TE)
    with pytest.raises(ValueError, match="magnitude: expected 0 or more in image 1 of 'S', got -9"):
        echo_series(magnitude=make.sequence(images, INDEX, index=TE), phase=phase, field_strength=3)
    images = make.numbered(3)
    images[..., 1] = 0
    with pytest.raises(ValueError, match="nodes: expected an image in image 2 of 'S', got 0 or no number in every"):
        echo_series(magnitude=make.sequence(images, INDEX, index=TE), field_strength=3)
    images[..., 1] = np.nan
    images[0, 0, 0, 1] = 1
    notes = []
    echo_series(magnitude=make.sequence(images, INDEX, index=TE), field_strength=3, notes=notes)
    assert notes == ["59 of 60 voxels hold NaN or infinite values"]
    with pytest.raises(TypeError, match="phase: expected a node of kind"):
        echo_series(magnitude=make.sequence(images, INDEX, index=TE), phase="P", field_strength=3)
    with pytest.raises(ValueError, match="is under the transform 'T'"):
        echo_series(magnitude=make.transformed(make.volume(images, kind="vtkMRMLVectorVolumeNode")), field_strength=3)
