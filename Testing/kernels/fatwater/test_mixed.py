import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.fatwater import fat_modulation, fit_fat_water
from mrbiomarkers.fatwater.mixed import MixedRefiner, mixed_standard_errors
from mrbiomarkers.fatwater.refine import Refiner
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

UNEVEN = np.array([1.2, 2.0, 3.1, 3.9, 5.0, 5.8]) * 1e-3
BOUNDS = (0.0, 600.0)


def modulation(times):
    return fat_modulation(times, 3.0, "ren-marrow")


def refiner(times=SIX_ECHOES, dtype=np.float64, kind=MixedRefiner):
    return kind(times, modulation(times), dtype, BOUNDS)


def fat_fraction(fit):
    return 100 * (fit.fat / (fit.water + fit.fat)).real


def bias_by_turned_first_echo(pdff, degrees, kind):
    pdff = np.asarray(pdff, dtype=float)
    signal = echo_signal(SIX_ECHOES, 3.0, pdff, 90.0, 10.0).T
    signal[0] *= np.exp(1j * np.deg2rad(degrees))
    return fat_fraction(refiner(kind=kind).fit(signal, np.zeros(pdff.size), np.full(pdff.size, 80.0))) - pdff


@pytest.mark.parametrize(("dtype", "near"), [(np.float64, 1e-6), (np.float32, 2e-4)])
@pytest.mark.parametrize("times", [SIX_ECHOES, UNEVEN, SIX_ECHOES[:4]])
def test_any_phase_of_the_first_echo_leaves_noise_free_signals_as_they_are(times, dtype, near):
    rng = np.random.default_rng(0)
    pdff, rate, field = rng.uniform(0, 100, 500), rng.uniform(20, 300, 500), rng.uniform(-450, 450, 500)
    signal = echo_signal(times, 3.0, pdff, rate, field, phase=rng.uniform(0, 6, 500)).T
    signal[0] *= np.exp(1j * rng.uniform(-np.pi, np.pi, 500))
    before = signal.copy()
    fit = refiner(times, dtype).fit(signal, field + rng.uniform(-8, 8, 500), np.full(500, 80.0))
    factor = 1 if times.size > 4 else 10  # seven unknowns in eight numbers
    settled = fit.converged
    # About water and fat in equal parts the first echo is nearly opposed-phase, faint, and its phase slow to settle.
    assert settled.mean() > 0.99
    np.testing.assert_allclose(fat_fraction(fit)[settled], pdff[settled], atol=100 * near * factor)
    np.testing.assert_allclose(fit.field[settled], field[settled], atol=50 * near * factor)
    np.testing.assert_allclose(fit.rate[settled], rate[settled], atol=300 * near * factor)
    np.testing.assert_array_equal(signal, before)


@pytest.mark.parametrize(("degrees", "least"), [(5, 0.1), (10, 0.4), (20, 1.2)])
def test_eddy_currents_bias_the_complex_fit_and_not_the_mixed_one(degrees, least):
    # Some tenths of a point at 5 degrees, above 1 point at 20 (measured: 0.2, 0.6, 1.9); the echo times decide.
    pdff = [1.0, 5.0, 20.0]
    assert np.all(bias_by_turned_first_echo(pdff, degrees, Refiner) > least)
    assert np.abs(bias_by_turned_first_echo([*pdff, 60.0], degrees, MixedRefiner)).max() < 1e-4


def test_noisy_fits_reach_the_optimum_of_scipy():
    rng = np.random.default_rng(1)
    pdff, rate, field = rng.uniform(0, 100, 25), rng.uniform(30, 250, 25), rng.uniform(-300, 300, 25)
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, pdff, rate, field), 1 / 40, 2)
    fit = refiner().fit(signal.T, field, np.full(25, 80.0))
    of_fat = modulation(SIX_ECHOES)

    def residual(p, data):  # the sum of squares as it is published
        model = (p[0] + 1j * p[1] + (p[2] + 1j * p[3]) * of_fat) * np.exp((2j * np.pi * p[4] - p[5]) * SIX_ECHOES)
        rest = (model - data)[1:]
        return np.concatenate([[abs(model[0]) - abs(data[0])], rest.real, rest.imag])

    for voxel in range(25):
        start = [1 - pdff[voxel] / 100, 0, pdff[voxel] / 100, 0, field[voxel], rate[voxel]]
        low, high = [-np.inf] * 5 + [0], [np.inf] * 5 + [600]
        best = least_squares(
            residual, start, args=(signal[voxel],), bounds=(low, high), x_scale=[1, 1, 1, 1, 10, 50], xtol=1e-12
        )
        assert fit.sum_of_squares[voxel] <= 2 * best.cost * (1 + 1e-5)


@pytest.mark.parametrize(("pdff", "rate"), [(1.0, 50.0), (20.0, 100.0), (60.0, 50.0), (90.0, 60.0)])
@pytest.mark.parametrize("n_echoes", [5, 6])
def test_stated_errors_are_the_scatter_of_simulated_fits(pdff, rate, n_echoes):
    n, sigma, times = 4000, 1 / 150, SIX_ECHOES[:n_echoes]
    signal = with_complex_noise(echo_signal(times, 3.0, np.full(n, pdff), rate, 10.0), sigma, 5)
    fit = refiner(times).fit(signal.T, np.zeros(n), np.full(n, 80.0))
    truth = (np.array([value]) for value in (1 - pdff / 100, pdff / 100, rate, sigma))
    stated = mixed_standard_errors(times, modulation(times), *truth)
    # 1.1 % by chance, and what is left of the curvature at this noise
    assert np.std(fat_fraction(fit)) == pytest.approx(stated["PDFF"][0], rel=0.06)
    assert np.std(fit.rate) == pytest.approx(stated["R2star"][0], rel=0.06)
    assert np.std(fit.field) == pytest.approx(stated["field_map"][0], rel=0.06)
    assert fit.sum_of_squares.mean() / sigma**2 == pytest.approx(2 * n_echoes - 7, rel=0.05)


def test_stated_errors_are_those_of_the_whole_information_matrix():
    water, fat, rate, sigma, of_fat = 0.7 * np.exp(0.3j), 0.3 * np.exp(0.3j), 90.0, 0.02, modulation(SIX_ECHOES)
    decay = np.exp(-rate * SIX_ECHOES)
    fitted = (water + fat * of_fat) * decay
    first = np.where(np.arange(6) == 0, 1j * fitted, 0)
    by = [decay, 1j * decay, of_fat * decay, 1j * of_fat * decay]
    jacobian = np.stack([*by, 2j * np.pi * SIX_ECHOES * fitted, -SIX_ECHOES * fitted, first], axis=1)
    whole = np.concatenate([jacobian.real, jacobian.imag])
    covariance = sigma**2 * np.linalg.inv(whole.T @ whole)
    by_water, by_fat = -fat / (water + fat) ** 2, water / (water + fat) ** 2
    slope = np.array([by_water.real, -by_water.imag, by_fat.real, -by_fat.imag, 0, 0, 0]) * 100
    values = (np.array([value]) for value in (water, fat, rate, sigma))
    found = mixed_standard_errors(SIX_ECHOES, of_fat, *values)
    assert found["PDFF"][0] == pytest.approx(np.sqrt(slope @ covariance @ slope), rel=1e-8)
    assert found["R2star"][0] == pytest.approx(np.sqrt(covariance[5, 5]), rel=1e-8)
    assert found["field_map"][0] == pytest.approx(np.sqrt(covariance[4, 4]), rel=1e-8)


def test_the_public_call_does_without_the_first_phase():
    pdff, rng = np.repeat([2.0, 20.0, 60.0], 400).reshape(30, 40), np.random.default_rng(2)
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, pdff, 90.0, 15.0), 1 / 100, 3)
    signal[..., 0] *= np.exp(1j * np.deg2rad(20) * rng.uniform(0.8, 1.2, pdff.shape))
    call = {"precession": 1, "bipolar": False, "errors": True}
    plain = fit_fat_water(signal, SIX_ECHOES, 3.0, **call)
    mixed = fit_fat_water(signal, SIX_ECHOES, 3.0, method="mixed", **call)
    for value in (2.0, 20.0):
        assert (plain.PDFF - pdff)[pdff == value].mean() > 1.2
    for value in (2.0, 20.0, 60.0):
        assert (mixed.PDFF - pdff)[pdff == value].mean() == pytest.approx(0, abs=0.12)
    assert mixed.record["method"] == "mixed"
    assert np.mean(np.abs(mixed.PDFF - pdff) < 1.96 * mixed.sd_PDFF) == pytest.approx(0.95, abs=0.02)
    assert np.mean(np.abs(mixed.R2star - 90) < 1.96 * mixed.sd_R2star) == pytest.approx(0.95, abs=0.02)
    assert mixed.record["noise"] == pytest.approx(0.01, rel=0.06)


def test_without_an_error_little_precision_is_lost():
    n = 3000
    for pdff, most in ((1.0, 1.05), (20.0, 1.05), (60.0, 1.5)):  # measured 1.00, 1.00, 1.28
        signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.full(n, pdff), 50.0, 10.0), 1 / 40, 6).T
        both = [refiner(kind=kind).fit(signal, np.zeros(n), np.full(n, 80.0)) for kind in (Refiner, MixedRefiner)]
        assert np.std(fat_fraction(both[1])) < most * np.std(fat_fraction(both[0]))
        assert both[1].converged.mean() > 0.995


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbours_zeros_and_garbage_do_not_matter(dtype):
    rng = np.random.default_rng(3)
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, rng.uniform(0, 100, 300), 90.0, 0.0), 0.02, 4).T
    signal[:, ::7] = 0
    signal[:, 1::7] = rng.normal(size=signal[:, 1::7].shape)
    signal[0, 2::7] = 0
    start, rate = np.zeros(300), np.full(300, 80.0)
    together = refiner(dtype=dtype).fit(signal, start, rate)
    alone = [refiner(dtype=dtype).fit(signal[:, [n]], start[[n]], rate[[n]]) for n in range(3, 300, 7)]
    near = 1e-6 if dtype == np.float64 else 1e-2
    np.testing.assert_allclose(together.rate[3::7], [fit.rate[0] for fit in alone], rtol=near, atol=near)
    for values in (together.rate, together.field, together.water, together.fat, together.sum_of_squares):
        assert np.isfinite(values).all()
    assert together.rate.min() >= 0
    assert together.rate.max() <= 600
    assert np.all(together.water[::7] == 0)
    assert together.converged[::7].all()
    assert np.all(start == 0)


def test_three_echoes_are_refused():
    with pytest.raises(ValueError, match=r"echo_times: expected four or more echoes for method 'mixed'.*got 3"):
        refiner(SIX_ECHOES[:3])


def test_a_field_cannot_be_held():
    one = np.zeros(1)
    with pytest.raises(ValueError, match="held: expected None"):
        refiner().fit(np.ones((6, 1), complex), one, one, (one, one))
