"""The independent forward model of water and fat, against sums written out."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.phantom.gradient_echo import add_noise, decaying_echoes, fat_phasor, turn_by_field, turn_by_readout

TIMES = np.array([0.0, 1.24e-3, 2.22e-3])


@pytest.mark.parametrize("field_strength", [1.5, 3.0])
def test_fat_is_the_sum_of_nine_published_peaks(field_strength):
    # Shifts relative to water and normalised amplitudes as published; five digits, so the sums agree to 1e-4.
    shifts = (-3.80, -3.40, -3.10, -2.68, -2.46, -1.95, -0.50, 0.49, 0.59)
    amplitudes = (0.08991, 0.58342, 0.05994, 0.08492, 0.05994, 0.01499, 0.03996, 0.00999, 0.05694)
    megahertz = 127.732436 * field_strength / 3.0
    for time, found in zip(TIMES, fat_phasor(TIMES, field_strength), strict=True):
        angles = [2 * np.pi * shift * megahertz * time for shift in shifts]
        expected = sum(a * (np.cos(w) + 1j * np.sin(w)) for a, w in zip(amplitudes, angles, strict=True))
        assert found == pytest.approx(expected, abs=1e-4)


def test_fat_turns_backwards_and_opposes_water_when_expected():
    # The main peak lies 434.3 Hz below water at 3 T: after 0.1 ms it has turned by -15.6 degrees, the sum by less.
    assert -16 < np.degrees(np.angle(fat_phasor(np.array([1e-4]), 3.0)[0])) < -11
    assert fat_phasor(np.array([1.15e-3]), 3.0)[0].real < -0.6
    assert fat_phasor(np.array([2.30e-3]), 3.0)[0].real > 0.6


def test_echoes_of_one_voxel_worked_out_by_hand():
    fat = np.array([1.0, -0.5 + 0.25j, 0.5])
    found = decaying_echoes(TIMES, fat, (np.array([60.0]), np.array([40.0])), np.array([100.0]))
    # (60 + 40) 1; (40 + 10i) exp(-0.124); 80 exp(-0.222)
    np.testing.assert_allclose(found, [[100.0, 35.335191 + 8.8337977j, 64.073223]], rtol=1e-6)


def test_a_positive_field_makes_the_phase_grow():
    signal = np.ones((1, 1, 2, 3), dtype=np.complex128)
    field = np.array([[[100.0, -50.0]]])
    turn_by_field(signal, TIMES, field, np.full((1, 1, 2), 0.3))
    np.testing.assert_allclose(np.angle(signal[0, 0, 0]), 0.3 + 2 * np.pi * 100 * TIMES)
    np.testing.assert_allclose(np.angle(signal[0, 0, 1]), 0.3 - 2 * np.pi * 50 * TIMES)
    np.testing.assert_allclose(abs(signal), 1.0)


def test_readouts_of_alternating_direction_turn_echoes_one_way_and_the_other():
    signal = np.ones((2, 5, 3, 4), dtype=np.complex128)
    turn_by_readout(signal, 0.4)
    expected = np.outer((-0.4, -0.2, 0.0, 0.2, 0.4), (-1, 1, -1, 1))
    np.testing.assert_allclose(np.angle(signal[1, :, 2]), expected, atol=1e-12)


def test_noise_has_the_asked_for_spread_in_both_channels():
    signal = np.full((50, 40, 30, 2), 3.0 - 2.0j)
    add_noise(signal, 5.0, np.random.default_rng(0))
    # 120 000 values: standard errors are 0.29 % of sigma for the mean, 0.2 % for the spread.
    assert signal.real.mean() == pytest.approx(3.0, abs=0.06)
    assert signal.imag.mean() == pytest.approx(-2.0, abs=0.06)
    assert signal.real.std() == pytest.approx(5.0, rel=0.01)
    assert signal.imag.std() == pytest.approx(5.0, rel=0.01)
    assert abs(np.corrcoef(signal.real.ravel(), signal.imag.ravel())[0, 1]) < 0.012
