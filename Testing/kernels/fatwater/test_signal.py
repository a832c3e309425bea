import cmath
import math

import numpy as np
import pytest

from mrbiomarkers.fatwater import (
    GYROMAGNETIC_RATIO,
    SPECTRA,
    FatSpectrum,
    custom_spectrum,
    fat_modulation,
    fat_water_jacobian,
    fat_water_signal,
    magnitude_jacobian,
    magnitude_signal,
)

TIMES = (1.24 + 0.98 * np.arange(6)) * 1e-3
# Ren marrow, typed once more: ppm relative to water and amplitude.
PEAKS = [
    (-3.80, 90 / 1001),
    (-3.40, 584 / 1001),
    (-3.10, 60 / 1001),
    (-2.68, 85 / 1001),
    (-2.46, 60 / 1001),
    (-1.95, 15 / 1001),
    (-0.50, 40 / 1001),
    (0.49, 10 / 1001),
    (0.59, 57 / 1001),
]
# Re W, Im W, Re F, Im F [a.u.], field map [Hz], R2* [1/s]
CASES = [
    (1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (0.8, 0.0, 0.2, 0.0, 33.0, 50.0),
    (0.3, -0.4, -0.2, 0.9, -310.0, 180.0),
    (0.0, 0.0, 0.7, -0.7, 120.0, 400.0),
]


def channels(times, parameters, tesla):
    """Real and imaginary signal (2 N,) peak by peak with cosines and sines, fit for complex steps."""
    water_re, water_im, fat_re, fat_im, field, rate = parameters
    real, imaginary = [], []
    for t in times:
        re, im = 0.0, 0.0
        for part_re, part_im, shift, amplitude in [
            (water_re, water_im, 0.0, 1.0),
            *((fat_re, fat_im, ppm, a) for ppm, a in PEAKS),
        ]:
            angle = 2 * math.pi * (field + 42.577478518 * tesla * shift) * t
            cosine, sine, decay = np.cos(angle), np.sin(angle), np.exp(-rate * t)
            re = re + amplitude * decay * (part_re * cosine - part_im * sine)
            im = im + amplitude * decay * (part_re * sine + part_im * cosine)
        real.append(re)
        imaginary.append(im)
    return np.array(real + imaginary)


def complex_step(function, parameters, step=1e-30):
    """Exact derivatives (M, P) of an analytic function."""
    rows = []
    for n in range(len(parameters)):
        moved = np.array(parameters, dtype=complex)
        moved[n] += 1j * step
        rows.append(function(moved).imag / step)
    return np.stack(rows, axis=-1)


def signal_of(parameters, times=TIMES, tesla=3.0):
    water_re, water_im, fat_re, fat_im, field, rate = parameters
    modulation = fat_modulation(times, tesla, "ren-marrow")
    return fat_water_signal(times, water_re + 1j * water_im, fat_re + 1j * fat_im, field, rate, modulation)


@pytest.mark.parametrize(("tesla", "hertz"), [(1.5, -217.1), (3.0, -434.3), (7.0, -1013.3)])
def test_main_peak_of_fat_is_below_water(tesla, hertz):
    modulation = fat_modulation([1e-4], tesla, "single")
    assert cmath.phase(modulation[0]) / (2 * math.pi * 1e-4) == pytest.approx(hertz, abs=0.06)


def test_gyromagnetic_ratio_is_that_of_codata():
    radians = GYROMAGNETIC_RATIO * 2 * math.pi  # CODATA 2018: 2.675 221 8744e8 rad/s/T
    assert radians == pytest.approx(267.52218744, rel=1e-9)


def test_modulation_is_the_sum_of_the_peaks():
    for tesla in (0.55, 1.5, 3.0):
        found = fat_modulation(TIMES, tesla, "ren-marrow")
        expected = [sum(a * cmath.exp(2j * cmath.pi * 42.577478518 * tesla * p * t) for p, a in PEAKS) for t in TIMES]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert found.shape == (6,)
        assert found.dtype == np.complex128


def test_modulation_starts_at_one_and_never_exceeds_it():
    for name in SPECTRA:
        modulation = fat_modulation(np.linspace(1e-6, 0.05, 500), 3.0, name)
        assert modulation[0] == pytest.approx(1, abs=4e-3)
        assert np.abs(modulation).max() <= 1 + 1e-12


def test_modulation_takes_a_spectrum_or_its_name():
    mine = custom_spectrum([0.9, 1.3, 2.1, 2.76, 4.31, 5.3], [0.087, 0.693, 0.128, 0.004, 0.039, 0.048])
    np.testing.assert_allclose(fat_modulation(TIMES, 3, mine), fat_modulation(TIMES, 3, "ismrm-6"), atol=1e-12)


def test_frequencies_at_one_and_a_half_tesla_are_those_of_the_challenge():
    # ISMRM 2012 challenge: -242.7060, -217.1580, -166.0620, -123.9078, -24.9093, 38.3220 Hz with 42.58 MHz/T
    expected = np.array([-242.7060, -217.1580, -166.0620, -123.9078, -24.9093, 38.3220]) / 42.58 * 42.577478518
    for hertz, shift in zip(expected, SPECTRA["ismrm-6"].shifts, strict=True):
        one = FatSpectrum("one", (shift,), (1.0,), "test", "any")
        found = cmath.phase(fat_modulation([1e-3], 1.5, one)[0]) / (2 * math.pi * 1e-3)
        assert found == pytest.approx(hertz, abs=2e-3)


@pytest.mark.parametrize(
    ("times", "tesla", "which", "message"),
    [
        ([1.2, 2.2], 3.0, "single", "echo_times: expected seconds"),
        ([], 3.0, "single", "echo_times: expected seconds above 0, got none"),
        (TIMES, 127.7, "single", "field_strength: expected 0.05 to 20 T, got 127.7"),
        (TIMES, 3.0, "lard", "spectrum: expected one of .*; got 'lard'"),
    ],
)
def test_bad_arguments_of_the_modulation_are_refused(times, tesla, which, message):
    with pytest.raises(ValueError, match=message):
        fat_modulation(times, tesla, which)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("tesla", [1.5, 3.0])
def test_signal_is_the_sum_over_all_peaks(case, tesla):
    found = signal_of(case, tesla=tesla)
    np.testing.assert_allclose(np.r_[found.real, found.imag], channels(TIMES, case, tesla), atol=1e-13)


def test_signal_at_time_zero_is_water_and_fat_together():
    assert fat_water_signal([0.0], 0.7, 0.3j, 100.0, 80.0, [1.0])[0] == pytest.approx(0.7 + 0.3j, abs=1e-15)


def test_water_alone_turns_with_the_field_and_decays():
    found = fat_water_signal(TIMES, 2.0, 0.0, 50.0, 100.0, fat_modulation(TIMES, 3, "ren-marrow"))
    np.testing.assert_allclose(np.abs(found), 2 * np.exp(-100 * TIMES), rtol=1e-13)
    np.testing.assert_allclose(np.unwrap(np.angle(found)), 2 * np.pi * 50 * TIMES, rtol=1e-12)


def test_parameters_broadcast_and_echoes_are_last():
    modulation = fat_modulation(TIMES, 3, "ren-marrow")
    water, fat = np.linspace(0, 1, 3)[:, None], np.linspace(1, 0, 4) * 1j
    field, rate = np.full((2, 1, 1), 20.0), 60.0
    signal = fat_water_signal(TIMES, water, fat, field, rate, modulation)
    assert signal.shape == (2, 3, 4, 6)
    assert fat_water_jacobian(TIMES, water, fat, field, rate, modulation).shape == (2, 3, 4, 6, 6)
    one = fat_water_signal(TIMES, water[1, 0], fat[2], 20.0, rate, modulation)
    np.testing.assert_allclose(signal[1, 1, 2], one, rtol=1e-14)
    assert magnitude_signal(TIMES, water, fat.imag, rate, modulation).shape == (3, 4, 6)
    assert magnitude_jacobian(TIMES, water, fat.imag, rate, modulation).shape == (3, 4, 6, 3)
    assert fat_water_signal(TIMES, 1.0, 0.0, 0.0, 0.0, modulation).shape == (6,)


def test_arguments_stay_as_they_are_and_nan_stays_in_its_voxel():
    modulation = fat_modulation(TIMES, 3, "ren-marrow")
    water, fat, rate = np.array([1.0, np.nan, 0.5]), np.array([0.1, 0.2, 0.3]), np.array([50.0, 60.0, 70.0])
    copies = [array.copy() for array in (water, fat, rate, modulation)]
    for function in (fat_water_signal, fat_water_jacobian):
        found = function(TIMES, water, fat, 10.0, rate, modulation)
        assert np.isfinite(found[[0, 2]]).all()
        assert np.isnan(found[1]).any()
    assert np.isnan(magnitude_signal(TIMES, water, fat, rate, modulation)).all(axis=-1).tolist() == [False, True, False]
    for array, copy in zip((water, fat, rate, modulation), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("case", CASES)
def test_jacobian_is_that_of_complex_steps_through_the_independent_model(case):
    modulation = fat_modulation(TIMES, 3, "ren-marrow")
    found = fat_water_jacobian(TIMES, case[0] + 1j * case[1], case[2] + 1j * case[3], case[4], case[5], modulation)
    expected = complex_step(lambda p: channels(TIMES, p, 3.0), case)
    np.testing.assert_allclose(np.concatenate([found.real, found.imag]), expected, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_jacobian_is_that_of_finite_differences(case):
    modulation = fat_modulation(TIMES, 3, "ren-marrow")
    found = fat_water_jacobian(TIMES, case[0] + 1j * case[1], case[2] + 1j * case[3], case[4], case[5], modulation)
    for n, step in enumerate([1e-3, 1e-3, 1e-3, 1e-3, 1e-2, 1e-2]):
        ahead, back = np.array(case), np.array(case)
        ahead[n] += step
        back[n] -= step
        slope = (signal_of(ahead) - signal_of(back)) / (2 * step)
        # the third derivative by f, (2 pi t)^3, times step^2 / 6
        np.testing.assert_allclose(found[:, n], slope, atol=2e-9)


@pytest.mark.parametrize(
    ("water", "fat", "rate"), [(0.9, 0.1, 40.0), (0.4, 0.6, 150.0), (0.0, 1.0, 0.0), (1.1, -0.1, 60)]
)
def test_magnitude_is_that_of_the_complex_signal(water, fat, rate):
    modulation = fat_modulation(TIMES, 3, "ren-marrow")
    found = magnitude_signal(TIMES, water, fat, rate, modulation)
    turned = np.exp(0.7j)
    expected = np.abs(fat_water_signal(TIMES, water * turned, fat * turned, -77.0, rate, modulation))
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("water", "fat", "rate"), [(0.9, 0.1, 40.0), (0.4, 0.6, 150.0), (0.0, 1.0, 0.0), (1.1, -0.1, 60)]
)
def test_jacobian_of_the_magnitude_is_that_of_complex_steps_through_the_independent_model(water, fat, rate):
    def magnitude(p):
        both = channels(TIMES, (p[0], 0.0, p[1], 0.0, 0.0, p[2]), 3.0)
        return np.sqrt(both[:6] ** 2 + both[6:] ** 2)

    found = magnitude_jacobian(TIMES, water, fat, rate, fat_modulation(TIMES, 3, "ren-marrow"))
    np.testing.assert_allclose(found, complex_step(magnitude, (water, fat, rate)), atol=1e-12)


def test_a_voxel_without_signal_has_no_slope_and_no_warning():
    found = magnitude_jacobian(TIMES, 0.0, 0.0, 50.0, fat_modulation(TIMES, 3, "ren-marrow"))
    np.testing.assert_array_equal(found, 0)


def test_signal_is_proportional_to_water_and_fat():
    modulation = fat_modulation(TIMES, 3, "ren-marrow")
    one = fat_water_signal(TIMES, 0.7, 0.3j, 10.0, 80.0, modulation)
    np.testing.assert_allclose(fat_water_signal(TIMES, 700j, -300, 10.0, 80.0, modulation), 1000j * one, rtol=1e-13)
