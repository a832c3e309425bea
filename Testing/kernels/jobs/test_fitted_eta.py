"""The share of residual fat fitted with a prior: against known truth, in maps and in region fits."""

import numpy as np
import pytest

from mrbiomarkers.diffusion import fit_ivim_with_fat
from mrbiomarkers.jobs import ResidualFat, run_diffusion
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings
from Testing.support.simulate import B_ALL, ivim_signal

ETA, D = 0.2, 0.6e-3
PRIOR = ResidualFat(0.1, 0.05)  # the truth is two standard deviations above its mean
CLEAN = 100 * ((1 - ETA) * ivim_signal(B_ALL, 1.0, 0.15, D, 30e-3) + ETA * np.exp(-B_ALL * 0.03e-3))


def noisy_series(n_voxels, noise, seed, b=B_ALL, clean=CLEAN):
    signal = clean + np.random.default_rng(seed).normal(0, noise, (1, 1, n_voxels, b.size))
    return DiffusionSeries(signal, b, np.eye(4))


def run(series, fat=PRIOR, **changes):
    settings = DiffusionSettings(**{"models": ("ivim",), "fit_eta": True, "bootstrap_samples": 200} | changes)
    return run_diffusion(series, {"x": np.ones(series.grid_shape, bool)}, settings=settings, fat=fat)


def region_rows(result):
    return {row.quantity: row for row in result.rows if row.method == "fit of mean signal"}


def test_region_eta_moves_to_the_truth_and_d_with_it():
    found = {True: [], False: []}
    for seed in range(20):
        for fitted, values in found.items():
            rows = region_rows(run(noisy_series(400, 2.0, seed), fit_eta=fitted))
            values.append((rows["D"].value, rows["eta"].value if fitted else PRIOR.eta))
            assert ("eta" in rows) == fitted
    fitted_d, fitted_eta = np.mean(found[True], axis=0)
    held_d = np.mean(found[False], axis=0)[0]
    assert held_d == pytest.approx(0.50, abs=0.01)  # 0.01 of eta is 0.01e-3 mm2/s of D
    # the prior keeps its part, a tenth to a quarter; means of 20 scatter by 0.006
    assert 0.165 < fitted_eta < 0.2
    assert abs(fitted_d - 1e3 * D) < 0.35 * abs(held_d - 1e3 * D)


@pytest.mark.parametrize("noise", [0.3, 0.1])
def test_a_wrong_prior_does_not_hold_itself_up(noise):
    """A clear signal wins over a prior that is three standard deviations off.

    Weighed against the residuals with eta held, the prior would leave an error of 0.06 * 9 / 16 = 0.03.
    """
    rows = region_rows(run(noisy_series(1000, noise, 8), ResidualFat(0.14, 0.02)))
    assert abs(rows["eta"].value - ETA) < 0.005  # its standard error is 0.0025 at most
    assert rows["eta"].se < 0.004
    assert rows["eta"].ci_low < rows["eta"].value < rows["eta"].ci_high


def test_stated_errors_are_the_scatter_of_repeated_measurements():
    rng = np.random.default_rng(9)
    for sd in (0.02, 0.05):
        found, stated = {"D": [], "eta": []}, {"D": [], "eta": []}
        for seed in range(80):
            rows = region_rows(run(noisy_series(1000, 1.0, seed), ResidualFat(rng.normal(ETA, sd), sd)))
            for key in found:
                found[key].append(rows[key].value)
                stated[key].append(rows[key].se)
        for key in found:  # 80 repeats give the scatter to 8 %
            assert np.sqrt(np.mean(np.square(stated[key]))) == pytest.approx(np.std(found[key], ddof=1), rel=0.25), key


@pytest.mark.parametrize("n_voxels", [15, 100])
def test_intervals_hold_the_truth_as_often_as_they_say(n_voxels):
    rng = np.random.default_rng(1)
    hits = {"D": 0, "eta": 0}
    n_trials, sd = 200, 0.03
    for seed in range(n_trials):
        series = noisy_series(n_voxels, 2.0 * np.sqrt(n_voxels / 100), seed)
        rows = region_rows(run(series, ResidualFat(rng.normal(ETA, sd), sd)))
        for key, true in (("D", 1e3 * D), ("eta", ETA)):
            hits[key] += rows[key].ci_low <= true <= rows[key].ci_high
    for key, count in hits.items():  # 200 trials have a standard deviation of 1.5 %
        assert 0.90 <= count / n_trials <= 0.99, key


def test_maps_are_those_of_the_kernel_and_record_the_prior():
    series = noisy_series(12, 0.3, 2)
    result = run(series, errors=True)
    peer = fit_ivim_with_fat(series.signal, B_ALL, 0.1, eta_sd=0.05, fit_eta=True, errors=True)
    for name in ("eta", "sd_eta", "D", "sd_D"):
        np.testing.assert_array_equal(result.maps[name].values, getattr(peer, name))
    assert np.ptp(result.maps["eta"].values) > 0
    for name in ("eta", "D"):
        assert result.maps[name].provenance["residual_fat"] == {
            "D_fat_mm2_per_s": 0.03e-3,
            "eta": "fitted",
            "prior": {"eta": 0.1, "eta_sd": 0.05},
        }
    keys = {(row.quantity, row.method) for row in result.rows}
    assert ("eta", "mean of map") in keys
    assert ("eta", "fit of mean signal") in keys
    assert not [key for key, _ in keys if key.startswith("sd_")]


def test_a_map_as_prior_is_recorded_by_its_range():
    series = noisy_series(12, 0.3, 3)
    share = np.linspace(0.1, 0.2, 12).reshape(1, 1, 12)
    share[0, 0, 3] = np.nan
    result = run(series, ResidualFat(share, 0.05))
    prior = result.maps["eta"].provenance["residual_fat"]["prior"]
    assert prior == {"eta": {"map": {"lowest": 0.1, "highest": 0.2}}, "eta_sd": 0.05}
    assert np.isnan(result.maps["eta"].values[0, 0, 3])


def test_given_eta_is_as_before():
    series = noisy_series(12, 0.3, 4)
    result = run(series, fit_eta=False, errors=True)
    assert "sd_eta" not in result.maps
    assert result.maps["D"].provenance["residual_fat"] == {"D_fat_mm2_per_s": 0.03e-3, "eta": "given"}
    np.testing.assert_array_equal(result.maps["eta"].values, 0.1)
    assert np.isfinite(region_rows(result)["AICc"].value)
    assert run_diffusion(series).maps["D"].provenance["residual_fat"] is None


def test_the_curve_of_the_region_is_that_of_the_fitted_eta():
    result = run(noisy_series(400, 2.0, 5))
    decay = result.decays["x"]
    fit = decay.fits["ivim"]
    assert fit.fat[0] == fit.values["eta"] != PRIOR.eta
    residual = fit.signal(B_ALL) - decay.mean
    assert np.sqrt(np.mean(residual**2)) == pytest.approx(fit.rmse, rel=1e-6)
    assert np.isnan(fit.aicc)


def test_signal_without_noise():
    rows = region_rows(run(noisy_series(30, 0.0, 6), ResidualFat(ETA, 0.05)))
    assert rows["eta"].value == pytest.approx(ETA, abs=1e-4)
    assert rows["D"].value == pytest.approx(1e3 * D, rel=1e-3)


B_FOUR = np.array([0.0, 50, 400, 800])


@pytest.mark.parametrize(
    ("series", "fat", "message"),
    [
        (noisy_series(5, 1.0, 7), None, r"fit_eta: expected what is known of residual fat .* got none"),
        (noisy_series(5, 1.0, 7), ResidualFat(0.1), r"fit_eta: expected .* \(eta_sd\) above 0, its prior; got none"),
        (noisy_series(5, 1.0, 7), ResidualFat(0.1, 0.0), r"\(eta_sd\) above 0, its prior; got 0"),
        (noisy_series(5, 1.0, 7), ResidualFat(0.1, -0.02), r"\(eta_sd\) above 0, its prior; got -0.02"),
        (noisy_series(5, 1.0, 7), ResidualFat(0.1, np.inf), r"\(eta_sd\) above 0, its prior; got inf"),
        (
            noisy_series(5, 1.0, 7, B_FOUR, CLEAN[[0, 3, 6, 8]]),
            PRIOR,
            r"fit_eta: expected at least 5 measurements, for S0, f, D, D\* and eta; got 4",
        ),
    ],
)
def test_a_missing_prior_is_named_before_any_fit(series, fat, message):
    settings = DiffusionSettings(fit_eta=True)
    with pytest.raises(ValueError, match=message):
        run_diffusion(series, settings=settings, fat=fat, progress=lambda done, total: pytest.fail("a fit was started"))
