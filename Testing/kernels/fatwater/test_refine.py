import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.fatwater import fat_modulation, fat_water_cramer_rao
from mrbiomarkers.fatwater.refine import Refiner
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

UNEVEN = np.array([1.2, 2.0, 3.1, 3.9, 5.0, 5.8]) * 1e-3


def refiner(times=SIX_ECHOES, dtype=np.float64):
    return Refiner(times, fat_modulation(times, 3.0, "ren-marrow"), dtype, (0.0, 600.0))


@pytest.mark.parametrize(("dtype", "near"), [(np.float64, 1e-6), (np.float32, 2e-4)])
@pytest.mark.parametrize("times", [SIX_ECHOES, UNEVEN, SIX_ECHOES[:3]])
def test_noise_free_signals_are_recovered(times, dtype, near):
    rng = np.random.default_rng(0)
    pdff, rate, field = rng.uniform(0, 100, 500), rng.uniform(20, 300, 500), rng.uniform(-450, 450, 500)
    signal = echo_signal(times, 3.0, pdff, rate, field, phase=rng.uniform(0, 6, 500)).T
    fit = refiner(times, dtype).fit(signal, field + rng.uniform(-15, 15, 500), np.full(500, 80.0))
    found = 100 * (fit.fat / (fit.water + fit.fat)).real
    assert fit.converged.all()
    factor = 1 if times.size > 3 else 30  # three echoes determine R2* badly
    np.testing.assert_allclose(found, pdff, atol=100 * near * factor)
    np.testing.assert_allclose(fit.field, field, atol=50 * near * factor)
    np.testing.assert_allclose(fit.rate, rate, atol=300 * near * factor)


def test_noisy_fits_reach_the_optimum_of_scipy():
    rng = np.random.default_rng(1)
    pdff, rate, field = rng.uniform(0, 100, 30), rng.uniform(30, 250, 30), rng.uniform(-300, 300, 30)
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, pdff, rate, field), 1 / 30, 2)
    fit = refiner().fit(signal.T, field, np.full(30, 80.0))
    modulation = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")

    def residual(p, data):
        model = (p[0] + 1j * p[1] + (p[2] + 1j * p[3]) * modulation) * np.exp((2j * np.pi * p[4] - p[5]) * SIX_ECHOES)
        return np.concatenate([(model - data).real, (model - data).imag])

    for voxel in range(30):
        start = [1 - pdff[voxel] / 100, 0, pdff[voxel] / 100, 0, field[voxel], rate[voxel]]
        lower = [-np.inf] * 4 + [-np.inf, 0]
        upper = [np.inf] * 4 + [np.inf, 600]
        best = least_squares(
            residual, start, args=(signal[voxel],), bounds=(lower, upper), x_scale=[1, 1, 1, 1, 10, 50], xtol=1e-12
        )
        assert fit.sum_of_squares[voxel] <= 2 * best.cost * (1 + 1e-6)


def test_spread_is_the_bound_of_water_and_fat():
    modulation = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")
    fit = refiner().fit(echo_signal(SIX_ECHOES, 3.0, 35.0, 90.0, 10.0)[:, None], np.zeros(1), np.full(1, 80.0))
    bound = fat_water_cramer_rao(SIX_ECHOES, modulation, water=0.65, fat=0.35, R2star=90.0, sigma=1.0)
    assert fit.spread_water[0] == pytest.approx(float(bound["water"]), rel=1e-5)
    assert fit.spread_fat[0] == pytest.approx(float(bound["fat"]), rel=1e-5)


def test_neighbours_and_arguments_do_not_matter():
    rng = np.random.default_rng(3)
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, rng.uniform(0, 100, 300), 90.0, 0.0), 0.05, 4).T
    signal[:, ::7] = 0
    signal[:, 1::7] = rng.normal(size=signal[:, 1::7].shape)
    start, rate, before = np.zeros(300), np.full(300, 80.0), signal.copy()
    together = refiner().fit(signal, start, rate)
    alone = [refiner().fit(signal[:, [n]], start[[n]], rate[[n]]) for n in range(0, 300, 10)]
    np.testing.assert_allclose(together.rate[::10], [fit.rate[0] for fit in alone], rtol=1e-7, atol=1e-6)
    np.testing.assert_array_equal(signal, before)
    assert np.all(start == 0)
    assert np.all(rate == 80)
    assert np.isfinite(together.rate).all()
    assert together.rate.min() >= 0
    assert together.rate.max() <= 600


def test_a_field_known_beforehand_is_weighed_with_the_signal():
    sigma, expected, spread = 0.2, 20.0, 9.0
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.full(40, 30.0), 80.0, 10.0), sigma, 5)
    start, rate = np.full(40, 10.0), np.full(40, 80.0)
    fit = refiner().fit_near(signal.T, start, rate, np.full(40, expected), np.full(40, sigma**2 / spread**2))
    modulation = fat_modulation(SIX_ECHOES, 3.0, "ren-marrow")

    def energy(voxel, field, rate):
        decay = np.exp((2j * np.pi * field - rate) * SIX_ECHOES)
        columns = np.stack([decay, modulation * decay], axis=1)
        solution, *_ = np.linalg.lstsq(columns, signal[voxel], rcond=None)
        missed = np.sum(np.abs(signal[voxel] - columns @ solution) ** 2)
        return missed / (2 * sigma**2) + (field - expected) ** 2 / (2 * spread**2)

    for voxel in np.flatnonzero(fit.converged & (fit.rate > 0) & (fit.rate < 600)):
        here = energy(voxel, fit.field[voxel], fit.rate[voxel])
        around = [
            energy(voxel, fit.field[voxel] + d, fit.rate[voxel] + r) for d, r in [(1, 0), (-1, 0), (0, 3), (0, -3)]
        ]
        assert here < min(around)
    assert np.count_nonzero(fit.converged) > 35
    alone = refiner().fit(signal.T, start, rate)
    firm = refiner().fit_near(signal.T, start, rate, np.full(40, expected), np.full(40, 1e6))
    np.testing.assert_allclose(firm.field, expected, atol=0.01)
    free = refiner().fit_near(signal.T, start, rate, np.full(40, expected), np.zeros(40))
    np.testing.assert_array_equal(free.field, alone.field)


def test_the_spread_of_the_field_is_the_scatter_of_repeats():
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.full(3000, 30.0), 80.0, 10.0), 0.02, 6)
    fit = refiner().fit(signal.T, np.full(3000, 10.0), np.full(3000, 80.0))
    assert 0.02 * np.mean(fit.spread_field) == pytest.approx(fit.field.std(), rel=0.05)
