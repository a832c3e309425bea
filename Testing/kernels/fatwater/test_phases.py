import numpy as np

from mrbiomarkers.fatwater import fat_modulation
from mrbiomarkers.fatwater.phases import bright_voxels, common_phases, phase_derivatives
from mrbiomarkers.fatwater.refine import Refiner
from mrbiomarkers.fatwater.volume import EchoVolume
from Testing.support.echoes import SIX_ECHOES, echo_signal


def modulation():
    return fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")


def refiner():
    return Refiner(SIX_ECHOES, modulation(), np.float64, (0.0, 600.0))


def test_derivatives_by_phases_are_those_of_the_fitted_residual():
    of_fat, angle = modulation(), 1e-4
    signal = echo_signal(SIX_ECHOES, 3.0, np.array([10.0, 60.0]), 80.0, 20.0).T
    at = np.full(2, 20.0), np.full(2, 80.0)
    _, turned = phase_derivatives(signal, *at, SIX_ECHOES, of_fat, np.eye(6))
    fitter = refiner()
    for echo in range(6):
        moved = signal.copy()
        moved[echo] *= np.exp(1j * angle)
        fit = fitter.fit(moved, *at)
        size = np.sqrt((abs(turned[echo]) ** 2).sum(axis=0))
        np.testing.assert_allclose(np.sqrt(fit.sum_of_squares), angle * size, rtol=2e-3)


def test_phases_that_all_voxels_share_are_found():
    rng = np.random.default_rng(8)
    phases = 0.05 * rng.normal(size=6)
    signal = echo_signal(SIX_ECHOES, 3.0, rng.uniform(0, 90, 200), rng.uniform(40, 150, 200), 0.0).T
    signal = signal * np.exp(1j * phases)[:, None]
    fitter, start = refiner(), (np.zeros(200), np.full(200, 80.0))
    for _ in range(3):
        fit = fitter.fit(signal, *start)
        found = common_phases(signal, fit.field, fit.rate, SIX_ECHOES, modulation())
        signal = signal * np.exp(-1j * found)[:, None]
    fit = fitter.fit(signal, *start)
    assert np.sqrt(fit.sum_of_squares.sum() / (abs(signal) ** 2).sum()) < 1e-5


def test_bright_voxels_are_bright_spread_over_all_columns_and_in_order():
    signal = np.ones((16, 32, 64, 6), np.complex64)
    signal[:, :, :16] *= 0.1
    volume = EchoVolume(signal, None, None, None)
    some = bright_voxels(volume, 512)
    assert some.size == 512
    assert np.all(np.diff(some) > 0)
    places = volume.places(some)
    assert places[2].min() == 16
    assert np.unique(places[2]).size > 40
    assert np.unique(places[0]).size == 16
    assert bright_voxels(volume, 10**6).size == 16 * 32 * 48
