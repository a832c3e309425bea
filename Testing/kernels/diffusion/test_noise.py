import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from mrbiomarkers.diffusion import fit_ivim
from mrbiomarkers.diffusion.noise import (
    correct_noise_floor,
    magnitude_mean,
    sigma_from_background,
    sigma_from_residuals,
)
from Testing.support.simulate import B_ALL, ivim_signal, with_rician_noise

RATIOS = np.array([0, 0.1, 0.7, 1.5, 4, 12, 29.99, 30.01, 200, 1e5])


def chi_mean(ratio, n):
    """Mean of the non-central chi density, integrated over where it is not negligible."""

    def integrand(m):
        if ratio == 0:
            from math import lgamma

            return m * np.exp((2 * n - 1) * np.log(m) - m * m / 2 - (n - 1) * np.log(2) - lgamma(n)) if m else 0.0
        return m * ratio * (m / ratio) ** n * np.exp(-((m - ratio) ** 2) / 2) * ive(n - 1, ratio * m)

    centre = np.hypot(ratio, np.sqrt(2 * n - 1))
    return quad(integrand, max(0, centre - 12), centre + 12, epsabs=1e-12, epsrel=1e-12, limit=400)[0]


@pytest.mark.parametrize("n_coils", [1, 2, 8])
def test_mean_is_that_of_the_density(n_coils):
    for ratio in RATIOS[:-1]:
        peer = chi_mean(ratio, n_coils)
        assert float(magnitude_mean(ratio * 3.0, 3.0, n_coils=n_coils)) == pytest.approx(3.0 * peer, rel=1e-8)


def test_floor_of_one_coil_is_that_of_rayleigh():
    assert float(magnitude_mean(0.0, 2.0)) == pytest.approx(2 * np.sqrt(np.pi / 2))


@pytest.mark.parametrize("n_coils", [1, 4, 32])
def test_correction_inverts_the_mean(n_coils):
    mean = magnitude_mean(RATIOS * 0.5, 0.5, n_coils=n_coils)
    assert np.all(np.diff(mean) > 0)
    # near 0 the mean is flat (quadratic in S): rounding of it is magnified
    np.testing.assert_allclose(
        correct_noise_floor(mean, 0.5, n_coils=n_coils), RATIOS * 0.5, rtol=1e-9, atol=2e-7 * np.sqrt(n_coils)
    )


def test_below_the_floor_there_is_no_signal_and_nan_stays():
    corrected = correct_noise_floor([0.0, 1.0, 1.2533, 1.2534, np.nan, np.inf], 1.0)
    np.testing.assert_array_equal(corrected[[0, 1, 2]], 0)
    assert 0 < corrected[3] < 0.05
    assert np.isnan(corrected[4])
    assert corrected[5] == np.inf
    assert correct_noise_floor(1.0, 2.0).shape == ()
    assert correct_noise_floor(np.full((4, 3), 5.0), np.array([1.0, 2.0, 3.0])).shape == (4, 3)


# D of the mean magnitude, in 1e-3 mm2/s, for true 0.4, 0.8 and 1.2 (b to 1200; f 0.15, D* 30e-3)
BIASED = {10: (0.389, 0.766, 1.115), 20: (0.397, 0.791, 1.179), 30: (0.398, 0.796, 1.191)}


@pytest.mark.parametrize("snr", BIASED)
def test_bias_of_region_means_is_as_published_and_goes_away(snr):
    for true, biased in zip((0.4e-3, 0.8e-3, 1.2e-3), BIASED[snr], strict=True):
        mean = magnitude_mean(ivim_signal(B_ALL, 1.0, 0.15, true, 30e-3), 1 / snr)
        # those figures are simulated, and rounded to 0.001
        assert pytest.approx(biased, abs=0.0025) == fit_ivim(mean, B_ALL).D * 1e3
        assert pytest.approx(true, rel=1e-6) == fit_ivim(correct_noise_floor(mean, 1 / snr), B_ALL).D


def test_a_simulated_region_is_corrected_with_its_background_noise():
    clean = ivim_signal(B_ALL, 1.0, 0.15, 1.2e-3, 30e-3)
    voxels = with_rician_noise(np.tile(clean, (20_000, 1)), 10, seed=1)
    sigma = sigma_from_background(with_rician_noise(np.zeros(50_000), 10, seed=2))
    assert sigma == pytest.approx(0.1, rel=0.01)
    assert fit_ivim(voxels.mean(axis=0), B_ALL).D < 1.13e-3
    corrected = fit_ivim(correct_noise_floor(voxels.mean(axis=0), sigma), B_ALL)
    assert pytest.approx(1.2e-3, abs=0.012e-3) == corrected.D


def test_averages_of_magnitudes_keep_the_floor_of_one_measurement():
    one = with_rician_noise(np.full((40_000, 8), 0.5), 2, seed=3)  # S = sigma = 0.5
    mean = one.mean()
    as_magnitude = correct_noise_floor(mean, 0.5, averages=8, averaged="magnitude")
    assert as_magnitude == pytest.approx(0.5, rel=0.02)
    assert correct_noise_floor(mean, 0.5, averages=8, averaged="complex") > 0.6
    complex_mean = magnitude_mean(0.5, 0.5 / np.sqrt(8))
    assert correct_noise_floor(complex_mean, 0.5, averages=8, averaged="complex") == pytest.approx(0.5)
    background = with_rician_noise(np.zeros((40_000, 8)), 2, seed=4).mean(axis=1)
    assert sigma_from_background(background) == pytest.approx(0.5, rel=0.01)


def test_background_of_several_coils():
    noise = np.random.default_rng(5).normal(0, 3.0, (8, 20_000))
    assert sigma_from_background(np.sqrt((noise**2).sum(axis=0)), n_coils=4) == pytest.approx(3.0, rel=0.01)


def test_sigma_from_residuals():
    signal = with_rician_noise(np.tile(ivim_signal(B_ALL, 1.0, 0.2, 0.5e-3, 30e-3), (4000, 1)), 50, seed=6)
    rmse = fit_ivim(signal, B_ALL).rmse
    # bounds hold some fits back, so a little less than four parameters are used up
    assert sigma_from_residuals(rmse, 11, 4) == pytest.approx(0.02, rel=0.03)
    assert sigma_from_residuals([np.nan, 1.0], 8, 4) == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: magnitude_mean(-1.0, 1.0), "signal: expected 0 or more, got -1"),
        (lambda: magnitude_mean(1.0, 0.0), "sigma: expected finite numbers above 0"),
        (lambda: correct_noise_floor(1.0, np.nan), "sigma: expected finite numbers above 0"),
        (lambda: correct_noise_floor(1.0, 1.0, n_coils=0), "n_coils: expected a whole number of 1 or more, got 0"),
        (lambda: correct_noise_floor(1.0, 1.0, n_coils=1.5), "n_coils: expected a whole number"),
        (lambda: correct_noise_floor(1.0, 1.0, averages=4), "averaged: expected .* not Rician"),
        (lambda: correct_noise_floor(1.0, 1.0, averages=0), "averages: expected numbers of 1 or more"),
        (lambda: correct_noise_floor(1.0, 1.0, averages=2, averaged="sum"), "averaged: expected one of complex, magn"),
        (lambda: sigma_from_background(np.zeros(100)), "magnitudes: expected at least 20"),
        (lambda: sigma_from_background(np.ones(5)), "magnitudes: expected at least 20"),
        (lambda: sigma_from_residuals([np.nan], 11, 4), "rmse: expected at least one finite"),
        (lambda: sigma_from_residuals([1.0], 4, 4), "n_measurements: expected more than the 4"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
