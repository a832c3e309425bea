import numpy as np
import pytest

from mrbiomarkers.fatwater.t1_bias import apply_t1_bias, correct_t1_bias, t1_bias_factor

# Apparent fat fractions [%] at TR 8 ms and T1 of fat 365 ms, from shared/reference/fatwater.md, section 2:
# T1 of water [s], flip angle [deg], true, apparent.
PUBLISHED = [
    (1.3, 3, 20, 22.3),
    (1.3, 5, 20, 25.6),
    (1.3, 10, 20, 33.9),
    (1.3, 3, 40, 43.4),
    (1.3, 5, 40, 47.9),
    (1.3, 10, 40, 57.8),
    (0.8, 3, 20, 21.1),
    (0.8, 5, 20, 22.7),
    (0.8, 10, 20, 27.1),
]


def bloch_steady_state(repetition_time, flip_angle, t1):
    """Transverse signal after many pulses, each turning what has recovered, with ideal spoiling."""
    angle, longitudinal = np.radians(flip_angle), 1.0
    for _ in range(20000):
        longitudinal = 1 + (longitudinal * np.cos(angle) - 1) * np.exp(-repetition_time / t1)
    return longitudinal * np.sin(angle)


@pytest.mark.parametrize(("t1_water", "angle", "true", "apparent"), PUBLISHED)
def test_bias_is_the_published_one(t1_water, angle, true, apparent):
    factor = t1_bias_factor(0.008, angle, t1_water, 0.365)
    # the figures are rounded to 0.1 %
    assert float(apply_t1_bias(np.float64(true), factor)) == pytest.approx(apparent, abs=0.051)
    # and so is what they come from: at most 0.06 % after the correction
    assert float(correct_t1_bias(np.float64(apparent), factor)) == pytest.approx(true, abs=0.06)


def test_factor_is_that_of_pulse_after_pulse():
    expected = bloch_steady_state(0.0065, 8, 0.3) / bloch_steady_state(0.0065, 8, 1.0)
    assert t1_bias_factor(0.0065, 8, 1.0, 0.3) == pytest.approx(expected, rel=1e-9)


def test_equal_relaxation_and_full_recovery_have_no_bias():
    assert t1_bias_factor(0.008, 10, 0.5, 0.5) == 1
    assert t1_bias_factor(1.0, 10, 0.06, 0.05) == pytest.approx(1, abs=1e-8)
    values = np.array([-5.0, 0.0, 37.0, 100.0])
    np.testing.assert_array_equal(correct_t1_bias(values, 1.0), values)


@pytest.mark.parametrize("factor", [0.3, 0.9, 1.15, 2.05, 6.0])
def test_correction_is_the_exact_inverse_and_rises_beyond_both_ends(factor):
    # for each of these factors the range ends before the poles of both directions
    true = np.linspace(-14, 114, 257)
    shown = apply_t1_bias(true, factor)
    assert np.all(np.diff(shown) > 0)
    np.testing.assert_allclose(correct_t1_bias(shown, factor), true, atol=1e-10)
    np.testing.assert_allclose(correct_t1_bias([0.0, 100.0], factor), [0, 100], atol=1e-12)
    sign = np.sign(factor - 1)
    inside = (true > 0) & (true < 100)
    assert np.all(sign * (shown - true)[inside] > 0)


def test_from_the_pole_on_there_is_no_value():
    # k = 2: nothing shows as 200 % or more, and nothing is to be shown for -100 % or less
    np.testing.assert_allclose(correct_t1_bias([150.0, 199.0], 2.0), [300, 19900], rtol=1e-12)
    assert np.isnan(correct_t1_bias([200.0, 250.0], 2.0)).all()
    assert np.isnan(apply_t1_bias([-100.0, -150.0], 2.0)).all()
    # k = 1/2: the same with the ends exchanged
    assert np.isnan(correct_t1_bias([-100.0, -150.0], 0.5)).all()


def test_nan_stays_alone_and_infinity_has_no_value():
    values = np.array([[20.0, np.nan], [np.inf, -np.inf]])
    found = correct_t1_bias(values, 1.4)
    np.testing.assert_array_equal(np.isfinite(found), [[True, False], [False, False]])
    assert found[0, 0] == correct_t1_bias(20.0, 1.4)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (">f4", np.float32),
        (np.int16, np.float32),
        (bool, np.float32),
    ],
)
def test_precision_is_kept_and_arguments_are_not_written_to(given, expected):
    values = np.array([[0, 1], [1, 0]], dtype=given)
    values.flags.writeable = False
    for convert in (apply_t1_bias, correct_t1_bias):
        found = convert(values, 1.3)
        assert found.dtype == expected
        assert found.shape == (2, 2)
        assert not np.shares_memory(found, values)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3, 4)])
def test_any_shape_is_taken(shape):
    assert correct_t1_bias(np.full(shape, 25.0), 1.3).shape == shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repetition_time": 8}, r"repetition_time: expected 0.0001 to 1 s, got 8; is it in milliseconds\?"),
        ({"repetition_time": 0}, "repetition_time: expected 0.0001 to 1 s, got 0"),
        ({"repetition_time": np.nan}, "repetition_time: expected .* got nan"),
        ({"flip_angle": 0.05}, r"flip_angle: expected 0.5 to 90 deg, got 0.05; is it in radians\?"),
        ({"flip_angle": 120}, "flip_angle: expected 0.5 to 90 deg, got 120"),
        ({"t1_water": 1300}, r"t1_water: expected 0.05 to 10 s, got 1300; is it in milliseconds\?"),
        ({"t1_fat": 365}, r"t1_fat: expected 0.05 to 10 s, got 365; is it in milliseconds\?"),
        ({"t1_fat": -0.3}, "t1_fat: expected 0.05 to 10 s, got -0.3"),
        ({"t1_fat": [0.3, 0.4]}, "t1_fat: expected 0 dimensions, got 1"),
    ],
)
def test_bad_acquisitions_are_named(change, message):
    usual = {"repetition_time": 0.008, "flip_angle": 3, "t1_water": 1.3, "t1_fat": 0.365}
    with pytest.raises(ValueError, match=message):
        t1_bias_factor(**{**usual, **change})


def test_missing_numbers_are_named():
    with pytest.raises(TypeError, match="t1_water: expected real numbers"):
        t1_bias_factor(0.008, 3, None, 0.365)


@pytest.mark.parametrize("convert", [apply_t1_bias, correct_t1_bias])
def test_bad_maps_and_factors_are_named(convert):
    for factor in (0, -1, 25, np.inf, np.nan):
        with pytest.raises(ValueError, match=r"factor: expected 0.05 to 20, got"):
            convert([20.0], factor)
    with pytest.raises(TypeError, match="pdff: expected real numbers"):
        convert([20 + 1j], 1.2)
