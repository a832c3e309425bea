"""The independent forward model and the noise."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.phantom.signal import decay, rician, smooth_variation


def test_decay_equals_numbers_worked_out_by_hand():
    b = np.array([0.0, 50.0, 1000.0])
    found = decay(b, np.array([0.2]), np.array([0.5e-3]), np.array([20e-3]))
    # 0.8 exp(-0.025) + 0.2 exp(-1) and 0.8 exp(-0.5) + 0.2 exp(-20)
    np.testing.assert_allclose(found, [[1.0, 0.8538238, 0.4852245]], rtol=1e-6)


def test_rician_mean_and_spread_at_low_signal():
    generator = np.random.default_rng(1)
    found = rician(np.full(200_000, 10.0), 10.0, generator)
    # Signal equal to sigma: mean 1.5486 sigma and E[M^2] = S^2 + 2 sigma^2; standard errors are below 0.2 %.
    assert found.mean() == pytest.approx(15.486, rel=0.006)
    assert np.mean(found**2) == pytest.approx(300.0, rel=0.012)


def test_variation_has_the_asked_for_spread_and_stops_at_three_of_it():
    fields = smooth_variation((8, 40, 40), (1.0, 2.0, 2.0), 0.05, np.random.default_rng(2))
    assert fields.shape == (4, 8, 40, 40)
    np.testing.assert_allclose(fields.std(axis=(1, 2, 3)), 0.05, rtol=0.02)
    assert abs(fields).max() <= 0.15 + 1e-12
    assert not smooth_variation((2, 4, 4), (1.0, 1.0, 1.0), 0.0, np.random.default_rng(2)).any()
