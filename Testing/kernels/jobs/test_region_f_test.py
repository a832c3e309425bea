"""The F test of region fits: rows, p of simulations with known truth, and p worked out by scipy."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import curve_fit

from mrbiomarkers.jobs import ResidualFat, run_diffusion
from mrbiomarkers.jobs.region_fits import fit_region
from mrbiomarkers.measurements import measurements_from_csv, measurements_to_csv
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DIFFUSION_MODELS, DiffusionSettings
from Testing.support.simulate import B_ALL, B_LESION, NEX_LESION, ivim_signal

LARGER = ("ivim", "stretched", "kurtosis")
COMPARED = DiffusionSettings(models=DIFFUSION_MODELS, selection=True, bootstrap_samples=0)


def noisy_series(clean, b, n_voxels, noise, seed, averages=None):
    sd = noise / np.sqrt(1 if averages is None else averages)
    signal = clean + np.random.default_rng(seed).normal(0, 1, (1, 1, n_voxels, b.size)) * sd
    return DiffusionSeries(signal, b, np.eye(4), averages=averages)


def p_rows(series, settings=COMPARED, **options):
    rows = run_diffusion(series, {"x": np.ones(series.grid_shape, bool)}, settings=settings, **options).rows
    return {row.model: row for row in rows if row.quantity == "p_F"}


def kurtosis_curve(b, s0, md, mk):
    return s0 * np.exp(-b * md * 1e-3 + b**2 * md**2 * mk * 1e-6 / 6)


def stretched_curve(b, s0, ddc, alpha):
    return s0 * np.exp(-((b * ddc * 1e-3) ** alpha))


def ivim_curve(b, s0, f, slow, fast):
    return ivim_signal(b, s0, f, slow * 1e-3, fast * 1e-3)


CURVES = {
    "ivim": (ivim_curve, (100, 0.15, 0.5, 30), ((0, 0, 0, 5), (np.inf, 1, 5, 200))),
    "stretched": (stretched_curve, (100, 0.8, 0.9), ((0, 0, 0.1), (np.inf, 20, 1))),
    "kurtosis": (kurtosis_curve, (100, 0.8, 0.5), ((0, 0, -1), (np.inf, 10, 5))),
}


def squares(curve, start, bounds, b, mean, weights):
    found, _ = curve_fit(curve, b, mean, start, 1 / np.sqrt(weights), bounds=bounds, ftol=1e-14, xtol=1e-14, gtol=1e-14)
    return np.sum(weights * (curve(b, *found) - mean) ** 2)


@pytest.mark.parametrize(("b", "averages"), [(B_ALL, None), (B_LESION, NEX_LESION)])
def test_p_is_that_of_scipy_fits_of_the_mean_signal(b, averages):
    series = noisy_series(ivim_signal(b, 100.0, 0.08, 0.7e-3, 30e-3), b, 9, 6.0, 1, averages)
    mean, weights = series.signal[0, 0].mean(axis=0), np.ones(b.size) if averages is None else averages
    simple = squares(lambda x, s0, d: s0 * np.exp(-x * d * 1e-3), (100, 0.8), ((0, -5), (np.inf, 20)), b, mean, weights)
    rows = p_rows(series)
    assert tuple(rows) == LARGER
    for model, (curve, start, bounds) in CURVES.items():
        full, n_full = squares(curve, start, bounds, b, mean, weights), len(start)
        ratio = (simple - full) / (n_full - 2) / (full / (b.size - n_full))
        assert ratio > 0.1  # the example has something to test
        # the sums of squares of two searches agree to 1e-7
        assert rows[model].value == pytest.approx(stats.f.sf(ratio, n_full - 2, b.size - n_full), rel=1e-4)


def test_the_row_says_what_it_is_and_survives_the_table():
    row = p_rows(noisy_series(ivim_signal(B_ALL, 100.0, 0.2, 0.6e-3, 30e-3), B_ALL, 30, 4.0, 2))["ivim"]
    assert (row.region, row.unit, row.method, row.fit, row.n_voxels) == ("x", "1", "fit of mean signal", "nlls", 30)
    assert np.isnan([row.se, row.ci_low, row.ci_high, row.mean]).all()
    assert measurements_from_csv(measurements_to_csv([row]))[0].value == row.value


def test_without_an_effect_p_is_uniform_or_too_large():
    n = 1000
    clean = 100 * np.exp(-B_ALL * 0.8e-3)
    rng = np.random.default_rng(3)
    series = DiffusionSeries(clean + rng.normal(0, 5.0, (n, 1, 20, B_ALL.size)), B_ALL, np.eye(4))
    p = {model: [] for model in LARGER}
    for number in range(n):
        region = np.zeros(series.grid_shape, bool)
        region[number] = True
        fits = fit_region("x", series, region, COMPARED).fits
        assert fits["adc"].p_value is None
        for model in LARGER:
            p[model].append(fits[model].p_value)
    # 1,000 regions give a share of 5 % to 0.7 %
    assert 0.03 < np.mean(np.array(p["kurtosis"]) < 0.05) < 0.07
    assert stats.kstest(p["kurtosis"], "uniform").pvalue > 0.01
    for model in ("ivim", "stretched"):  # alpha = 1 and f = 0 are ends of their ranges
        assert 0.002 < np.mean(np.array(p[model]) < 0.05) < 0.05


def test_two_compartments_are_found():
    rows = p_rows(noisy_series(ivim_signal(B_ALL, 100.0, 0.25, 0.6e-3, 30e-3), B_ALL, 60, 4.0, 4))
    assert rows["ivim"].value < 1e-6
    assert rows["stretched"].value < 1e-3
    assert rows["ivim"].value < rows["kurtosis"].value < 0.2  # kurtosis hardly bends at b = 0, where D* shows


def test_signal_without_noise_supports_the_simplest_model():
    rows = p_rows(noisy_series(100 * np.exp(-B_ALL * 0.8e-3), B_ALL, 5, 0.0, 5))
    assert all(row.value > 0.5 for row in rows.values())


@pytest.mark.parametrize(
    ("changes", "models"),
    [
        ({"selection": False}, ()),
        ({"adc_bvalues": (0, 800)}, ()),
        ({"models": ("ivim", "kurtosis")}, ()),
        ({"models": ("kurtosis", "adc")}, ("kurtosis",)),
        ({"bounds": {"f": (0.05, 1.0)}}, ("stretched", "kurtosis")),
        ({"bounds": {"alpha": (0.1, 0.9), "MK": (0.1, 2.0)}}, ("ivim",)),
    ],
)
def test_no_row_without_two_nested_fits_of_the_same_data(changes, models):
    series = noisy_series(ivim_signal(B_ALL, 100.0, 0.2, 0.6e-3, 30e-3), B_ALL, 10, 4.0, 6)
    settings = DiffusionSettings(**{"models": DIFFUSION_MODELS, "selection": True, "bootstrap_samples": 0} | changes)
    assert tuple(p_rows(series, settings)) == models


def test_ivim_with_residual_fat_does_not_contain_the_mono_exponential_model():
    series = noisy_series(ivim_signal(B_ALL, 100.0, 0.2, 0.6e-3, 30e-3), B_ALL, 10, 4.0, 7)
    assert tuple(p_rows(series, fat=ResidualFat(0.1))) == ("stretched", "kurtosis")


def test_too_few_b_values_for_a_model_give_it_no_p():
    b = np.array([0.0, 50, 400, 800])
    rows = p_rows(noisy_series(ivim_signal(b, 100.0, 0.2, 0.6e-3, 30e-3), b, 10, 4.0, 8))
    assert np.isnan(rows["ivim"].value)
    assert np.isfinite(rows["kurtosis"].value)
