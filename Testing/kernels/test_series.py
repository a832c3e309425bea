import tracemalloc

import numpy as np
import pytest

from mrbiomarkers.series import DiffusionSeries, EchoSeries, combine, exclude


def make(**changes):
    given = {"signal": np.ones((2, 3, 4, 2), np.float32), "bvalues": [0, 500], "affine": np.eye(4), **changes}
    return DiffusionSeries(**given)


def test_integers_and_big_endian_become_float32():
    for kind in (np.int16, ">i2", np.uint8, ">f4"):
        values = np.arange(48).reshape(2, 3, 4, 2).astype(kind)
        series = make(signal=values)
        assert series.signal.dtype == np.float32
        assert series.signal.dtype.isnative
        np.testing.assert_array_equal(series.signal, values)


def test_float64_is_kept_and_nothing_is_copied():
    signal = np.ones((2, 3, 4, 2))
    assert make(signal=signal).signal is signal


def test_grid_shape():
    assert make().grid_shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signal": np.ones((2, 3, 2))}, "signal: expected 4 dimensions"),
        ({"bvalues": [0, 1, 2]}, "bvalues: expected 2 values"),
        ({"affine": np.zeros((4, 4))}, "affine: expected finite numbers"),
        ({"directions": np.zeros((3, 3))}, "directions: expected shape"),
        ({"averages": [1, 0]}, "averages: expected 2 positive numbers"),
        ({"averages": [1, 2, 3]}, "averages: expected 2 positive numbers"),
        ({"source": ("a",)}, "source: expected 2 entries"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_complex_is_refused():
    with pytest.raises(TypeError, match="signal: expected real numbers"):
        make(signal=np.ones((2, 3, 4, 2), complex))


def test_optional_fields_are_kept():
    series = make(averages=[1, 4], directions=[[np.nan] * 3, [0, 0, 1]], source=("caller", "caller"))
    np.testing.assert_array_equal(series.averages, [1, 4])
    assert series.directions.shape == (2, 3)


NO_DIRECTION = [np.nan] * 3
X, Y, Z = np.eye(3).tolist()


def series_of(values, bvalues, **changes):
    """A series of 3 x 4 x 5 voxels whose images are constant; values (B,)."""
    signal = np.ones((3, 4, 5, 1), np.float32) * np.asarray(values, np.float32)
    return DiffusionSeries(signal, bvalues, np.eye(4), **changes)


def test_repeats_become_their_mean_weighted_by_their_averages_and_b_ascends():
    given = series_of([4, 8, 1, 2], [800, 0, 800, 100], averages=[1, 2, 3, 4], source=("a", "b", "a", "c"))

    made = combine(given)

    np.testing.assert_array_equal(made.bvalues, [0, 100, 800])
    np.testing.assert_array_equal(made.signal[0, 0, 0], [8, 2, 1.75])  # (1 * 4 + 3 * 1) / 4
    np.testing.assert_array_equal(made.averages, [2, 4, 4])
    assert made.source == ("b", "c", "arithmetic mean of 2 images from a")
    assert made.signal.dtype == np.float32
    assert made.directions is None
    np.testing.assert_array_equal(given.bvalues, [800, 0, 800, 100])


def test_directions_become_their_geometric_mean_after_their_repeats_were_averaged():
    values, directions = [100, 60, 20, 40, 90, 10], [NO_DIRECTION, X, X, Y, [-2, 0, 0], Z]
    given = series_of(values, [0, 500, 500, 500, 500, 500], directions=directions, averages=[2, 1, 1, 1, 2, 1])

    made = combine(given)

    along_x = (60 + 20 + 2 * 90) / 4  # the opposite direction is the same one
    np.testing.assert_allclose(made.signal[1, 2, 3], [100, (along_x * 40 * 10) ** (1 / 3)], rtol=1e-6)
    np.testing.assert_array_equal(made.averages, [2, 6])
    assert made.source == ("unrecorded source", "geometric mean of 3 directions, 5 images from unrecorded source")
    assert made.directions is None


def test_the_geometric_mean_keeps_the_mean_diffusivity_of_an_anisotropic_tissue():
    b, diffusivities = 1000.0, np.array([2e-3, 1e-3, 0.3e-3])
    given = series_of([1, *np.exp(-b * diffusivities)], [0, b, b, b], directions=[NO_DIRECTION, X, Y, Z])

    made = combine(given)

    np.testing.assert_allclose(-np.log(made.signal[..., 1]) / b, diffusivities.mean(), rtol=1e-6)


def test_directions_can_be_kept_while_repeats_are_averaged():
    given = series_of([1, 2, 4, 8], [500, 0, 500, 500], directions=[X, NO_DIRECTION, Y, X])

    made = combine(given, directions="keep")

    np.testing.assert_array_equal(made.bvalues, [0, 500, 500])
    np.testing.assert_array_equal(made.signal[0, 0, 0], [2, 4.5, 4])
    np.testing.assert_array_equal(made.directions, [NO_DIRECTION, X, Y])


def test_everything_can_be_kept_and_only_sorted():
    made = combine(series_of([3, 1, 2], [500, 0.001, 500]), directions="keep", averages="keep")

    np.testing.assert_array_equal(made.bvalues, [0, 500, 500])
    np.testing.assert_array_equal(made.signal[0, 0, 0], [1, 3, 2])


def test_images_without_a_direction_are_directions_if_the_caller_says_so():
    given = series_of([5, 7, 2, 8], [0, 0, 500, 500])

    made = combine(given, repeats="directions")

    np.testing.assert_allclose(made.signal[0, 0, 0], [6, 4], rtol=1e-6)  # at b = 0 there is no direction
    np.testing.assert_allclose(combine(given).signal[0, 0, 0], [6, 5])


def test_a_dummy_b_is_zero_and_its_raw_value_is_kept():
    given = series_of([1, 3, 2], [0, 0.001, 500], source=("text file",) * 3, directions=[X, Y, Z])

    made = combine(given)

    np.testing.assert_array_equal(made.bvalues, [0, 500])
    np.testing.assert_array_equal(made.signal[0, 0, 0], [2, 2])
    assert made.source[0] == "arithmetic mean of 2 images, b 0, 0.001 as 0 from text file"
    single = combine(series_of([1, 2], [1.9, 500], source=("tag",) * 2))
    assert single.source == ("b 1.9 as 0 from tag", "tag")
    np.testing.assert_array_equal(combine(series_of([1, 2], [1.9, 500]), dummy_below=0).bvalues, [1.9, 500])


def test_nearly_equal_b_values_are_one():
    made = combine(series_of([1, 2, 4], [0, 999.8, 1000.2], source=("tag",) * 3))

    np.testing.assert_allclose(made.bvalues, [0, 1000])
    assert made.source[1] == "arithmetic mean of 2 images, b 999.8, 1000.2 as 1000 from tag"


def test_without_b_0_and_without_anything_to_do_the_signal_is_the_same_array():
    given = series_of([3, 2, 1], [50, 400, 800])

    made = combine(given)

    assert made.signal is given.signal
    np.testing.assert_array_equal(made.averages, [1, 1, 1])


def test_zero_negative_and_missing_values_among_directions():
    signal = np.full((1, 1, 5, 4), 4.0)
    signal[0, 0, :, 1] = [16, 0, -2, np.nan, np.inf]
    signal[0, 0, 4, 2] = -np.inf
    given = DiffusionSeries(signal, [0, 500, 500, 500], np.eye(4), directions=[NO_DIRECTION, X, Y, Z])

    made = combine(given).signal[0, 0, :, 1]

    np.testing.assert_allclose(made[:3], [4 * 4 ** (1 / 3), 8 / 3, 2])  # geometric; arithmetic where one is not above 0
    assert np.isnan(made[3:]).all()


def test_combining_twice_changes_nothing_more():
    given = series_of([5, 7, 2, 8], [0.5, 0, 500, 500], directions=[NO_DIRECTION, NO_DIRECTION, X, Y])
    once = combine(given)
    twice = combine(once)

    assert twice.signal is once.signal
    assert twice.source == once.source
    np.testing.assert_array_equal(twice.averages, once.averages)


def test_combining_takes_no_more_memory_than_the_result():
    given = DiffusionSeries(np.ones((24, 64, 64, 12), np.float32), [0, 0] + [100] * 5 + [800] * 5, np.eye(4))

    tracemalloc.start()
    made = combine(given, repeats="directions")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < made.signal.nbytes + 0.2 * given.signal.nbytes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": "median"}, "directions: expected one of geometric, keep"),
        ({"averages": "none"}, "averages: expected one of arithmetic, keep"),
        ({"repeats": "both"}, "repeats: expected one of averages, directions"),
        ({"averages": "keep"}, "averages: expected 'arithmetic' where directions are combined"),
        ({"dummy_below": -1}, "dummy_below: expected"),
        ({"dummy_below": np.nan}, "dummy_below: expected"),
        ({"dummy_below": 900}, "bvalues: expected at least two different b-values"),
    ],
)
def test_options_that_cannot_be_honoured_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        combine(series_of([1, 2, 3], [0, 500, 800]), **options)


def test_a_mean_image_among_directions_is_refused():
    given = series_of([1, 2, 3, 2.5], [0, 500, 500, 500], directions=[NO_DIRECTION, X, Y, [0, 0, 0]])

    with pytest.raises(ValueError, match="at b 500 s/mm2 to have one or none, got 2 with and 1 without"):
        combine(given)


def test_b_values_are_left_out_by_hand():
    options = {"averages": [1, 2, 3, 4], "directions": [NO_DIRECTION, X, Y, Z], "source": ("a", "b", "c", "d")}
    given = series_of([1, 2, 3, 4], [0, 800.3, 50, 799.8], **options)

    made = exclude(given, [800])

    np.testing.assert_array_equal(made.bvalues, [0, 50])
    np.testing.assert_array_equal(made.signal[0, 0, 0], [1, 3])
    np.testing.assert_array_equal(made.averages, [1, 3])
    np.testing.assert_array_equal(made.directions, [NO_DIRECTION, Y])
    assert made.source == ("a", "c")
    assert exclude(given, []).signal is given.signal
    assert exclude(given, 50).bvalues.size == 3


@pytest.mark.parametrize(
    ("bvalues", "message"),
    [
        ([50, 700], "expected some of 0, 50, 800 s/mm2, got 700"),
        ([np.nan], "expected some of 0, 50, 800 s/mm2, got nan"),
        ([0, 50], "leave at least two different b-values of 0, 50, 800 s/mm2, got 0, 50"),
        ([[50]], "bvalues: expected 1 dimensions"),
    ],
)
def test_what_cannot_be_left_out_is_named(bvalues, message):
    with pytest.raises(ValueError, match=message):
        exclude(series_of([1, 2, 3], [0, 50, 800]), bvalues)


def make_echoes(**changes):
    given = {
        "signal": np.ones((2, 3, 4, 3), np.complex64),
        "echo_times": [1.2e-3, 2.2e-3, 3.2e-3],
        "field_strength": 3,
        "affine": np.eye(4),
        **changes,
    }
    return EchoSeries(**given)


def test_echo_series_keeps_complex_and_makes_magnitudes_float32():
    assert make_echoes().signal.dtype == np.complex64
    assert make_echoes().grid_shape == (2, 3, 4)
    assert make_echoes().field_strength == 3.0
    real = make_echoes(signal=np.ones((2, 3, 4, 3), np.int16), kind="magnitude")
    assert real.signal.dtype == np.float32
    assert make_echoes(signal=np.ones((2, 3, 4, 3), ">c8")).signal.dtype == np.complex64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"echo_times": [1.2, 2.2, 3.2]}, "are these milliseconds"),
        ({"echo_times": [1.2e-6, 2.2e-6, 3.2e-6]}, "shorter than any echo time"),
        ({"echo_times": [2.2e-3, 1.2e-3, 3.2e-3]}, "expected ascending values, each once"),
        ({"echo_times": [1.2e-3, 1.2e-3, 3.2e-3]}, "expected ascending values, each once"),
        ({"echo_times": [1.2e-3, 2.2e-3]}, "echo_times: expected 3 values"),
        ({"echo_times": [0, 2.2e-3, 3.2e-3]}, "seconds above 0"),
        ({"echo_times": [np.nan, 2.2e-3, 3.2e-3]}, "seconds above 0"),
        ({"field_strength": 3000}, "is it in mT or MHz"),
        ({"field_strength": None}, "field_strength: expected tesla"),
        ({"field_strength": float("nan")}, "field_strength: expected 0.05 to 20 T"),
        ({"kind": "phase"}, "kind: expected one of complex, magnitude"),
        ({"signal": np.ones((3, 4, 3), np.complex64)}, "signal: expected 4 dimensions"),
        ({"repetition_time": 0}, "repetition_time: expected seconds"),
        ({"flip_angle": 200}, "flip_angle: expected degrees"),
        ({"readout_axis": 3}, "readout_axis: expected 0, 1, 2"),
        ({"precession": 0}, "precession: expected 1, -1"),
    ],
)
def test_what_does_not_fit_an_echo_series_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make_echoes(**changes)


def test_real_where_complex_is_needed_is_refused_and_the_reverse():
    with pytest.raises(TypeError, match="signal: expected complex images"):
        make_echoes(signal=np.ones((2, 3, 4, 3)))
    with pytest.raises(TypeError, match="signal: expected real numbers"):
        make_echoes(kind="magnitude")
