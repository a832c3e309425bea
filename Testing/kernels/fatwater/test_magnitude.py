"""Both solutions of magnitudes, against a sum of exponentials of its own and scipy."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.fatwater import fat_modulation, fat_water_cramer_rao
from mrbiomarkers.fatwater.magnitude import fit_magnitude, noise_from_residuals
from Testing.support.echoes import SIX_ECHOES

# Ren's marrow fat: shift against water [ppm] and protons in 1/1000
SHIFTS = np.array([-3.80, -3.40, -3.10, -2.68, -2.46, -1.95, -0.50, 0.49, 0.59])
PARTS = np.array([90, 584, 60, 85, 60, 15, 40, 10, 57]) / 1001
UNEVEN = np.array([1.2, 2.0, 3.1, 3.9, 5.0, 5.8]) * 1e-3


def magnitudes(pdff, rate, *, tesla=3.0, times=SIX_ECHOES, size=1.0, sigma=0.0, seed=0):
    """Magnitudes (V, N) of a plain sum of exponentials, with noise in both channels."""
    pdff, rate, size = np.broadcast_arrays(pdff, rate, size)
    signal = np.zeros((pdff.size, len(times)), dtype=complex)
    for n, t in enumerate(times):
        fat = sum(a * np.exp(2j * np.pi * 42.577478518 * tesla * s * t) for a, s in zip(PARTS, SHIFTS, strict=True))
        signal[:, n] = size * ((1 - pdff / 100) + pdff / 100 * fat) * np.exp(-rate * t)
    noise = np.random.default_rng(seed).normal(0, 1, (2, *signal.shape))
    return np.abs(signal + sigma * (noise[0] + 1j * noise[1]))


def modulation(times=SIX_ECHOES, tesla=3.0):
    return fat_modulation(times, tesla, "ren-marrow")


def fraction(solution):
    return 100 * solution.fat / (solution.water + solution.fat)


def random_voxels(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 100, n), rng.uniform(20, 300, n)


@pytest.mark.parametrize("tesla", [3.0, 1.5])
@pytest.mark.parametrize("times", [SIX_ECHOES, UNEVEN])
@pytest.mark.parametrize(("dtype", "near"), [(np.float64, 1e-4), (np.float32, 2e-2)])
def test_noise_free_magnitudes_are_recovered_on_both_sides(tesla, times, dtype, near):
    pdff, rate = random_voxels(3000)
    size = np.random.default_rng(1).uniform(50, 3000, 3000)
    signal = magnitudes(pdff, rate, tesla=tesla, times=times, size=size).astype(dtype)
    fit = fit_magnitude(signal, times, modulation(times, tesla))
    found = fit.chosen(pdff > fit.turning_point)
    assert found.water.dtype == dtype
    assert found.converged.mean() > 0.999
    np.testing.assert_allclose(fraction(found), pdff, atol=near)
    np.testing.assert_allclose(found.R2star, rate, rtol=near, atol=10 * near)
    np.testing.assert_allclose(found.water + found.fat, size, rtol=near)
    assert found.cost.max() < 1e-3 * near


def test_three_echoes_are_enough_without_noise():
    pdff, rate = random_voxels(500, 2)
    times = SIX_ECHOES[:3]
    fit = fit_magnitude(magnitudes(pdff, rate, times=times), times, modulation(times))
    costs = fit.water_dominant.cost, fit.fat_dominant.cost
    assert np.minimum(*costs).max() < 1e-10
    assert np.isnan(noise_from_residuals(costs[0], 3))


def test_no_other_fit_of_scipy_is_better():
    sigma, bounds = 1 / 24, (-0.1, 1.1)
    pdff, rate = random_voxels(40, 3)
    signal = magnitudes(pdff, rate, sigma=sigma, seed=4)
    fit = fit_magnitude(signal, SIX_ECHOES, modulation(), sigma=sigma, fraction_bounds=bounds)
    of_fat, turn = modulation(), fit.turning_point / 100

    def residual(p, data):
        model = p[0] * np.abs(1 - p[1] + p[1] * of_fat) * np.exp(-100 * p[2] * SIX_ECHOES)
        return np.sqrt(model**2 + sigma**2) - data

    def best(voxel, low, high, starts):
        data = signal[voxel]
        box = ([0, low, 0], [np.inf, high, 6])
        options = {"args": (data,), "bounds": box, "xtol": 1e-13, "ftol": 1e-13, "gtol": 1e-13}
        fits = [least_squares(residual, [1.2 * data.max(), x, 1.0], **options) for x in starts]
        return 2 * min(found.cost for found in fits)

    for n in range(40):
        sides = fit.water_dominant.cost[n], fit.fat_dominant.cost[n]
        assert min(sides) <= best(n, *bounds, (0.1, 0.9)) * (1 + 1e-6)
        assert sides[0] <= best(n, bounds[0], turn, (0.1,)) * (1 + 1e-6)
        assert sides[1] <= best(n, turn, bounds[1], (0.9,)) * (1 + 1e-6)


@pytest.mark.parametrize(("pdff", "rate"), [(1, 50), (1, 200), (5, 50), (20, 50), (20, 200), (80, 50), (95, 50)])
def test_fat_fraction_is_unbiased_and_as_precise_as_can_be(pdff, rate):
    n, sigma = 10000, 1 / 20
    signal = magnitudes(np.full(n, pdff), rate, sigma=sigma, seed=5)
    fit = fit_magnitude(signal, SIX_ECHOES, modulation(), sigma=sigma)
    found = fraction(fit.chosen(np.full(n, pdff > fit.turning_point)))
    share = pdff / 100
    bound = fat_water_cramer_rao(
        SIX_ECHOES, modulation(), water=1 - share, fat=share, R2star=rate, sigma=sigma, kind="magnitude"
    )
    # The mean is off by 5 % of the spread, as a ratio of noisy signals is, and as far as the bounds cut it.
    assert abs(found.mean() - pdff) < (0.3 if (pdff, rate) != (20, 200) else 0.45)
    assert abs(np.median(found) - pdff) < 0.2
    assert 0.85 < found.std() / bound["PDFF"] < 1.1
    if pdff == 1:
        assert np.mean(found < 0) > 0.35  # negative values are kept


def test_the_floor_takes_the_bias_off_late_echoes():
    n, sigma = 5000, 1 / 15
    signal = magnitudes(np.full(n, 40.0), 200.0, sigma=sigma, seed=6)
    with_floor = fit_magnitude(signal, SIX_ECHOES, modulation(), sigma=sigma).water_dominant
    without = fit_magnitude(signal, SIX_ECHOES, modulation()).water_dominant
    assert abs(np.median(with_floor.R2star) - 200) < 3
    assert np.median(without.R2star) < 195


def test_noise_is_known_from_the_residuals():
    pdff, rate = random_voxels(5000, 7)
    sigma = 0.04
    fit = fit_magnitude(magnitudes(pdff, rate / 2, sigma=sigma, seed=8), SIX_ECHOES, modulation())
    cost = fit.chosen(pdff > fit.turning_point).cost.copy()
    cost[:10] = np.nan
    assert noise_from_residuals(cost, 6) == pytest.approx(sigma, rel=0.03)
    assert np.isnan(noise_from_residuals([np.nan], 6))


def test_solutions_that_noise_blurs_are_flagged():
    pdff = np.repeat([10.0, 30.0, 54.0, 60.0, 90.0], 1000)
    fit = fit_magnitude(magnitudes(pdff, 60.0, sigma=1 / 40), SIX_ECHOES, modulation(), sigma=1 / 40)
    share = fit.merged.reshape(5, -1).mean(axis=1)
    np.testing.assert_array_less(share[[0, 1, 4]], 0.001)
    np.testing.assert_array_less(0.9, share[[2, 3]])
    assert 55 < fit.turning_point < 60


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_neighbours_and_arguments_do_not_matter(dtype):
    pdff, rate = random_voxels(9000, 9)
    signal = magnitudes(pdff, rate, sigma=0.05, seed=10).astype(dtype)
    signal[::7] = np.nan
    signal[1::7] = 0
    sigma, before = np.linspace(0.01, 0.1, 9000), signal.copy()
    fit = fit_magnitude(signal, SIX_ECHOES, modulation(), sigma=sigma)
    tolerance = 1e-6 if dtype == np.float64 else 1e-2  # sums are rounded differently in blocks of other sizes
    for n in range(2, 9000, 500):
        alone = fit_magnitude(signal[[n]], SIX_ECHOES, modulation(), sigma=sigma[n])
        for one, all_of_them in ((alone.water_dominant, fit.water_dominant), (alone.fat_dominant, fit.fat_dominant)):
            np.testing.assert_allclose(one.R2star[0], all_of_them.R2star[n], rtol=tolerance, atol=50 * tolerance)
            np.testing.assert_allclose(one.cost[0], all_of_them.cost[n], rtol=tolerance)
    np.testing.assert_array_equal(signal, before)


def test_scale_of_the_signal_scales_water_and_fat_only():
    signal = magnitudes([3.0, 30.0, 90.0], 80.0, sigma=0.05)
    one = fit_magnitude(signal, SIX_ECHOES, modulation(), sigma=0.05).water_dominant
    for factor in (1e-30, 1e6, 1e100):
        many = fit_magnitude(factor * signal, SIX_ECHOES, modulation(), sigma=factor * 0.05).water_dominant
        np.testing.assert_allclose(many.fat, factor * one.fat, rtol=1e-6)
        np.testing.assert_allclose(many.R2star, one.R2star, rtol=1e-6)


@pytest.mark.parametrize("sigma", [None, 0.3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_garbage_is_nan_or_a_number_but_no_error(dtype, sigma):
    rng = np.random.default_rng(11)
    signal = np.ones((12, 6), dtype=dtype)
    signal[0] = 0
    signal[1, 2] = np.nan
    signal[2, 3] = np.inf
    signal[3] = -1
    signal[4] = 7  # constant
    signal[5] = [1, 0, 0, 0, 0, 0]
    signal[6] = [0, 0, 0, 0, 0, 1]
    signal[7] = rng.normal(size=6)
    signal[8] = np.finfo(dtype).max
    signal[9] = np.finfo(dtype).tiny / 8
    signal[10] = [0, 1, 0, 1, 0, 1]
    signal[11] = 1e-12
    fit = fit_magnitude(signal, SIX_ECHOES, modulation(), sigma=sigma)
    for solution in (fit.water_dominant, fit.fat_dominant):
        assert np.isnan(solution.water[:4]).all()
        assert not solution.converged[:4].any()
        known = np.isfinite(solution.water)
        assert known[[4, 5, 6, 7, 10]].all()
        assert solution.R2star[known].min() >= 0
        assert solution.R2star[known].max() <= 600
        assert solution.on_bound[6]  # grows with time: R2* at 0, or nothing above the noise


def test_bounds_are_kept_and_flagged():
    pdff, rate = random_voxels(2000, 12)
    signal = magnitudes(pdff, rate, sigma=0.1, seed=13)
    fit = fit_magnitude(signal, SIX_ECHOES, modulation(), fraction_bounds=(0.0, 1.0), rate_bounds=(20.0, 150.0))
    for solution in (fit.water_dominant, fit.fat_dominant):
        percent = fraction(solution)
        assert percent.min() >= -1e-9
        assert percent.max() <= 100 + 1e-9
        assert solution.R2star.min() >= 20
        assert solution.R2star.max() <= 150
        stuck = (solution.R2star <= 20) | (solution.R2star >= 150) | (percent <= 0) | (percent >= 100)
        np.testing.assert_array_equal(solution.on_bound[stuck], True)
        assert 0.1 < solution.on_bound.mean() < 0.9
    assert fit_magnitude(np.empty((0, 6)), SIX_ECHOES, modulation()).merged.shape == (0,)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"signal": np.ones(6)}, ValueError, "signal: expected"),
        ({"signal": np.ones((2, 6), complex)}, TypeError, "signal: expected"),
        ({"signal": np.ones((2, 5))}, ValueError, "echo_times: expected"),
        ({"signal": np.ones((2, 2)), "echo_times": SIX_ECHOES[:2]}, ValueError, "three or more echoes, got 2"),
        ({"modulation": np.ones(5)}, ValueError, "modulation: expected 6"),
        ({"modulation": ["a"] * 6}, TypeError, "modulation: expected numbers"),
        ({"sigma": -1.0}, ValueError, "sigma: expected finite numbers, 0 or above"),
        ({"sigma": [1.0, np.nan]}, ValueError, "sigma: expected finite numbers, 0 or above"),
        ({"sigma": [1.0, 1.0, 1.0]}, ValueError, r"sigma: expected one number, or one for each of 2 voxels"),
        ({"fraction_bounds": (0.4, 1.0)}, ValueError, "fraction_bounds: expected"),
        ({"fraction_bounds": (1.0, 0.0)}, ValueError, "bounds of the fat fraction"),
        ({"rate_bounds": (-1.0, 100.0)}, ValueError, "rate_bounds: expected"),
    ],
)
def test_wrong_arguments_are_named(change, error, message):
    given = {"signal": np.ones((2, 6)), "echo_times": SIX_ECHOES, "modulation": modulation()} | change
    with pytest.raises(error, match=message):
        fit_magnitude(**given)


def test_a_choice_has_one_member_for_each_voxel():
    fit = fit_magnitude(np.ones((2, 6)), SIX_ECHOES, modulation())
    with pytest.raises(ValueError, match=r"is_fat: expected shape \(2,\), got \(3,\)"):
        fit.chosen([True, False, True])
