import numpy as np
import pytest

from mrbiomarkers.series import DiffusionSeries


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
