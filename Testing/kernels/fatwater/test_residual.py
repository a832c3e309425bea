import numpy as np
import pytest

from mrbiomarkers.fatwater import fat_modulation
from mrbiomarkers.fatwater.residual import FieldResidual
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

UNEVEN = np.array([1.15, 2.3, 3.3, 4.6, 5.5, 6.9]) * 1e-3


def direct_residual(signal, field, times, modulation, rate):
    """Squared residual of one voxel with water and fat solved by lstsq."""
    columns = np.stack([np.ones_like(times), modulation], axis=1) * np.exp((2j * np.pi * field - rate) * times)[:, None]
    solution, *_ = np.linalg.lstsq(columns, signal, rcond=None)
    return np.sum(np.abs(signal - columns @ solution) ** 2)


@pytest.mark.parametrize("times", [SIX_ECHOES, UNEVEN, SIX_ECHOES[:3]])
def test_candidates_are_the_lowest_minima_of_the_direct_residual(times):
    rng = np.random.default_rng(1)
    signal = with_complex_noise(
        echo_signal(times, 3.0, rng.uniform(0, 100, 40), 80.0, rng.uniform(-400, 400, 40), phase=rng.uniform(0, 6, 40)),
        1 / 30,
        2,
    )
    modulation = fat_modulation(times, 3.0, "ren-marrow")
    search = FieldResidual(times, modulation, 3.0)
    found = search.candidates(signal.T.astype(np.complex64))
    fine = np.arange(search.grid[0], search.grid[-1] + 1, 1.0)
    for voxel in range(40):
        curve = np.array([direct_residual(signal[voxel], f, times, modulation, found.rate[voxel]) for f in fine])
        best = fine[curve.argmin()]
        distance = abs(found.field[0, voxel] - best)
        if np.isfinite(search.period):
            distance = min(distance, search.period - distance)
        assert distance < 4
        at_second = direct_residual(signal[voxel], found.field[1, voxel], times, modulation, found.rate[voxel])
        assert at_second - curve.min() == pytest.approx(found.cost[1, voxel], abs=0.02 * np.ptp(curve))
        assert np.all(np.diff(found.cost[:, voxel]) >= 0) or np.any(found.field[1:, voxel] == found.field[0, voxel])


@pytest.mark.parametrize("times", [SIX_ECHOES, UNEVEN])
def test_the_candidates_of_many_voxels_are_those_of_each_alone(times):
    rng = np.random.default_rng(3)
    signal = with_complex_noise(
        echo_signal(times, 3.0, rng.uniform(0, 100, 700), 80.0, rng.uniform(-400, 400, 700)), 1 / 20, 4
    ).T.astype(np.complex64)
    search = FieldResidual(times, fat_modulation(times, 3.0, "ren-marrow"), 3.0)
    together = search.candidates(signal)
    for voxel in range(0, 700, 23):
        alone = search.candidates(signal[:, [voxel]])
        np.testing.assert_allclose(together.field[:, voxel], alone.field[:, 0], atol=0.1)
        np.testing.assert_allclose(together.cost[:, voxel], alone.cost[:, 0], atol=1e-3)


def test_the_curvature_is_that_of_the_direct_residual():
    modulation = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")
    signal = echo_signal(SIX_ECHOES, 3.0, 30.0, 80.0, 55.0)
    found = FieldResidual(SIX_ECHOES, modulation, 3.0).candidates(signal[:, None].astype(np.complex64))
    values = [direct_residual(signal, 55.0 + d, SIX_ECHOES, modulation, 80.0) for d in (-5, 0, 5)]
    assert found.rate[0] == 80
    assert found.curvature[0] == pytest.approx((values[0] - 2 * values[1] + values[2]) / 25, rel=0.1)


def test_even_echoes_have_a_period_and_uneven_ones_none():
    modulation = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")
    assert FieldResidual(SIX_ECHOES, modulation, 3.0).period == pytest.approx(1 / 0.98e-3)
    uneven = FieldResidual(UNEVEN, fat_modulation(UNEVEN, 3.0, "ren-marrow"), 3.0)
    assert np.isinf(uneven.period)
    assert uneven.grid.min() == pytest.approx(-8 * 42.577 * 3)


def test_a_silent_voxel_gives_numbers():
    modulation = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")
    found = FieldResidual(SIX_ECHOES, modulation, 3.0).candidates(np.zeros((6, 3), np.complex64))
    assert np.isfinite(found.field).all()
    assert np.all(found.curvature == 0)


@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_the_scale_is_taken_off(factor):
    modulation = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")
    search = FieldResidual(SIX_ECHOES, modulation, 3.0)
    signal = echo_signal(SIX_ECHOES, 3.0, np.array([10.0, 70.0]), 80.0, np.array([-90.0, 200.0])).T
    plain, scaled = search.candidates(signal), search.candidates(signal * factor, 1 / factor)
    np.testing.assert_allclose(scaled.field, plain.field, atol=0.1)


def test_three_echoes_are_looked_at_with_one_rate():
    times = SIX_ECHOES[:3]
    signal = echo_signal(times, 3.0, np.array([2.0, 95.0]), np.array([30.0, 150.0]), 40.0).T
    found = FieldResidual(times, fat_modulation(times, 3.0, "ren-marrow"), 3.0).candidates(signal)
    np.testing.assert_array_equal(found.rate, 60)
    assert np.all(found.least > 0)


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_the_noise_is_that_of_the_signals(sigma):
    rng = np.random.default_rng(7)
    clean = echo_signal(SIX_ECHOES, 3.0, rng.uniform(0, 100, 4000), 80.0, rng.uniform(-400, 400, 4000))
    search = FieldResidual(SIX_ECHOES, fat_modulation(SIX_ECHOES, 3.0, "ren-marrow"), 3.0)
    found = search.candidates(with_complex_noise(clean, sigma, 8).T)
    assert search.noise_variance(found.least) == pytest.approx(sigma**2, rel=0.2)
