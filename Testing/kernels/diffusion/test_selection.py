"""Criterion and tests against numbers worked out by hand, and models chosen in simulations with known truth."""

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.diffusion import (
    MODELS,
    biexponential,
    fit_adc,
    fit_ivim,
    fit_kurtosis,
    fit_stretched,
    kurtosis,
    monoexponential,
    stretched_exponential,
)
from mrbiomarkers.diffusion.selection import SelectionStatus, f_test, information_criterion, select_model
from Testing.support.simulate import B_ALL, B_LESION, NEX_LESION

FITS = {"adc": fit_adc, "ivim": fit_ivim, "stretched": fit_stretched, "kurtosis": fit_kurtosis}


def noisy(clean, snr, n, seed=0, averages=None):
    sd = clean.max() / snr / np.sqrt(1 if averages is None else averages)
    return clean + np.random.default_rng(seed).normal(0, 1, (n, clean.size)) * sd


def test_criterion_by_hand():
    # n = 11, SS = 0.11, two parameters and sigma: 11 ln(0.01) + 6 + 24 / 7
    assert information_criterion(0.11, 11, 2) == pytest.approx(11 * np.log(0.01) + 6 + 24 / 7, rel=1e-14)
    assert information_criterion(0.11, 11, 4) == pytest.approx(11 * np.log(0.01) + 10 + 60 / 5, rel=1e-14)


@pytest.mark.parametrize("weights", [None, NEX_LESION])
def test_differences_are_those_of_the_log_likelihood(weights):
    """AICc from the likelihood of the residuals, with each measurement's own variance and sigma at its maximum."""
    clean = 100 * monoexponential(B_LESION, 1.0, 0.9e-3)
    signal = noisy(clean, 40, 1, seed=3, averages=weights)[0]
    chosen = select_model(signal, B_LESION, weights=weights)
    w = np.ones(B_LESION.size) if weights is None else weights
    expected = {}
    for model, fit in FITS.items():
        maps = fit(signal, B_LESION, weights=weights)
        values = [getattr(maps, name) for name in MODELS[model].parameters]
        residual = signal - MODELS[model].signal(B_LESION, *values)
        sigma = np.sqrt(np.mean(w * residual**2))
        likelihood = stats.norm.logpdf(residual, scale=sigma / np.sqrt(w)).sum()
        k = len(values) + 1
        expected[model] = -2 * likelihood + 2 * k + 2 * k * (k + 1) / (w.size - k - 1)
    for model, value in expected.items():
        assert chosen.aicc[model] - chosen.aicc["adc"] == pytest.approx(value - expected["adc"], abs=1e-6)


def test_criterion_is_nan_where_there_are_too_few_measurements():
    assert np.isnan(information_criterion([1.0, 2.0], 6, 4)).all()
    assert np.isfinite(information_criterion(1.0, 7, 4))
    np.testing.assert_array_equal(information_criterion([0.0, np.nan], 11, 2), [-np.inf, np.nan])


def test_f_test_by_hand():
    ratio, p = f_test(3.0, 2, 1.0, 4, 10)
    assert ratio == pytest.approx(6.0)  # (2 / 2) / (1 / 6)
    # With 2 and m degrees of freedom p = (1 + 2 F / m)^(-m / 2)
    assert p == pytest.approx((1 + 2 * 6 / 6) ** -3.0, rel=1e-12)


def test_f_test_at_its_edges():
    ratio, p = f_test([1.0, 1.0, np.nan, 0.0, 1.0], 2, [1.0, 1.5, 1.0, 0.0, 0.0], 3, 11)
    np.testing.assert_array_equal(ratio, [0, 0, np.nan, np.nan, np.inf])
    np.testing.assert_array_equal(p, [1, 1, np.nan, np.nan, 0])
    ratio, p = f_test(np.ones((2, 1)), 2, np.ones(3), 4, 4)
    assert ratio.shape == p.shape == (2, 3)
    assert np.isnan(ratio).all()
    assert np.isnan(p).all()


TRUTHS = {
    "adc": (monoexponential(B_ALL, 1.0, 0.8e-3), 50, {"adc": 0.9}),
    "ivim": (biexponential(B_ALL, 1.0, 0.15, 0.5e-3, 30e-3), 100, {"ivim": 0.88}),
    "stretched": (stretched_exponential(B_ALL, 1.0, 1.2e-3, 0.7), 100, {"stretched": 0.9}),
    "kurtosis": (kurtosis(B_ALL, 1.0, 1e-3, 1.0), 100, {"kurtosis": 0.65}),
}


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_model_that_made_the_signal_is_chosen(truth):
    clean, snr, shares = TRUTHS[truth]
    chosen = select_model(noisy(clean, snr, 2000), B_ALL)
    for model, share in shares.items():
        assert chosen.chosen(model).mean() > share  # 2,000 voxels give a share to 0.01
    if truth == "kurtosis":  # at this SNR its nearest rival is the stretched exponential
        assert (chosen.chosen("kurtosis") | chosen.chosen("stretched")).mean() > 0.9
    assert (chosen.status == SelectionStatus.COMPARED).all()
    assert all(0.9 < values.mean() < 1 for values in chosen.r_squared.values())


def test_p_values_are_uniform_without_an_effect_and_never_too_many_are_small():
    chosen = select_model(noisy(monoexponential(B_ALL, 1.0, 0.8e-3), 200, 4000, seed=7), B_ALL)
    assert stats.kstest(chosen.p_value["kurtosis"], "uniform").pvalue > 0.01
    # alpha = 1 and f = 0 are bounds: many p values are 1, and small ones are rarer than they say
    for model in ("stretched", "ivim"):
        assert (chosen.p_value[model] == 1).mean() > 0.3
        for level in (0.01, 0.05, 0.1):
            assert (chosen.p_value[model] < level).mean() < level


def test_p_values_find_an_effect():
    chosen = select_model(noisy(biexponential(B_ALL, 1.0, 0.15, 0.5e-3, 30e-3), 100, 500), B_ALL)
    assert (chosen.p_value["ivim"] < 0.001).mean() > 0.95
    assert set(chosen.p_value) == {"ivim", "stretched", "kurtosis"}


def test_quality_and_weights_are_those_worked_out_one_by_one():
    signal = noisy(biexponential(B_ALL, 200.0, 0.2, 0.6e-3, 40e-3), 60, 12).reshape(3, 4, -1)
    chosen = select_model(signal, B_ALL)
    assert chosen.best.shape == (3, 4)
    for at in np.ndindex(3, 4):
        aicc = np.array([chosen.aicc[model][at] for model in chosen.models])
        likelihood = np.exp(-(aicc - aicc.min()) / 2)
        found = [chosen.akaike_weights[model][at] for model in chosen.models]
        np.testing.assert_allclose(found, likelihood / likelihood.sum(), rtol=1e-9)
        assert chosen.best[at] == aicc.argmin()
        maps = fit_ivim(signal[at], B_ALL)
        residual = signal[at] - biexponential(B_ALL, maps.S0, maps.f, maps.D, maps.Dstar)
        expected = 1 - (residual**2).sum() / ((signal[at] - signal[at].mean()) ** 2).sum()
        assert chosen.r_squared["ivim"][at] == pytest.approx(expected, rel=1e-9)
        one = select_model(signal[at], B_ALL)
        assert one.best.shape == ()
        np.testing.assert_allclose([one.aicc[m] for m in one.models], aicc, rtol=1e-9)


def test_fits_that_are_there_are_used_and_not_repeated(monkeypatch):
    import mrbiomarkers.diffusion.selection as module

    signal = noisy(kurtosis(B_LESION, 100.0, 0.9e-3, 0.8), 60, 30, averages=NEX_LESION).astype(np.float32)
    whole = select_model(signal, B_LESION, weights=NEX_LESION)
    fits = {model: fit(signal, B_LESION, weights=NEX_LESION) for model, fit in FITS.items()}
    monkeypatch.setattr(module, "_FITS", {})
    again = select_model(signal, B_LESION, weights=NEX_LESION, fits=fits)
    for model in whole.models:
        assert again.aicc[model].dtype == np.float32
        np.testing.assert_array_equal(again.aicc[model], whole.aicc[model])
    np.testing.assert_array_equal(again.best, whole.best)


def test_scaling_of_the_signal_changes_nothing():
    signal = noisy(stretched_exponential(B_ALL, 1.0, 1e-3, 0.8), 40, 50)
    small, large = select_model(signal, B_ALL), select_model(signal * 1e4, B_ALL)
    np.testing.assert_array_equal(small.best, large.best)
    for model in small.models:
        np.testing.assert_allclose(small.akaike_weights[model], large.akaike_weights[model], rtol=1e-4)
        np.testing.assert_allclose(small.r_squared[model], large.r_squared[model], rtol=1e-6)


def test_noise_free_signal_of_the_simplest_model_is_given_to_it():
    for signal in (monoexponential(B_ALL, 300.0, 0.7e-3), monoexponential(B_ALL, 300.0, 0.7e-3).astype(np.float32)):
        chosen = select_model(signal, B_ALL)
        assert chosen.chosen("adc")
        assert all(chosen.p_value[model] > 0.5 for model in ("ivim", "kurtosis", "stretched"))


def test_bad_voxels_are_not_compared_and_disturb_no_neighbour():
    signal = noisy(biexponential(B_ALL, 1.0, 0.2, 0.5e-3, 30e-3), 50, 6)
    whole = select_model(signal, B_ALL)
    damaged = signal.copy()
    damaged[0, 3], damaged[1, 0], damaged[2], damaged[3] = np.nan, np.inf, 0, 5
    mask = np.array([1, 1, 1, 1, 0, 1])
    chosen = select_model(damaged, B_ALL, mask=mask)
    np.testing.assert_array_equal(chosen.status, [1, 1, 1, 1, 1, 0])
    np.testing.assert_array_equal(chosen.best[:5], -1)
    for name in ("aicc", "akaike_weights", "r_squared", "p_value"):
        for model, values in getattr(chosen, name).items():
            assert np.isnan(values[:5]).all()
            assert values[5] == pytest.approx(getattr(whole, name)[model][5], rel=1e-9)


def test_a_model_with_too_few_measurements_is_left_out_and_said_so():
    signal = noisy(biexponential(B_ALL[:6], 1.0, 0.3, 0.5e-3, 30e-3), 50, 5)
    chosen = select_model(signal, B_ALL[:6])
    assert (chosen.status == SelectionStatus.TOO_FEW).all()
    assert np.isnan(chosen.aicc["ivim"]).all()
    assert np.isnan(chosen.akaike_weights["ivim"]).all()
    together = sum(chosen.akaike_weights[model] for model in ("adc", "stretched", "kurtosis"))
    np.testing.assert_allclose(together, 1)
    assert not chosen.chosen("ivim").any()
    none = select_model(signal[:, :5], B_ALL[:5], models=("stretched", "kurtosis"))
    assert (none.best == -1).all()
    assert none.p_value == {}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"models": ("adc", "dti")}, ValueError, "models: expected one of adc, .* got 'dti'"),
        ({"models": ("adc",)}, ValueError, "models: expected at least two different ones, got adc"),
        ({"models": ("adc", "adc", "ivim")}, ValueError, "models: expected at least two different ones"),
        ({"weights": [1, 2]}, ValueError, "weights: expected 11 positive numbers"),
        ({"bvalues": B_ALL[:4]}, ValueError, "bvalues: expected 11 values"),
        ({"signal": 3.0}, ValueError, "bvalues: expected 0 values"),
        ({"signal": np.ones((2, 11), complex)}, TypeError, "signal: expected real numbers"),
        ({"fits": {"dti": None}}, ValueError, "fits: expected one of adc"),
        ({"fits": {"adc": fit_adc(np.exp(-B_ALL / 900), B_ALL)}}, ValueError, r"fits: expected maps of shape \(2,\)"),
    ],
)
def test_bad_arguments_are_named(changes, error, message):
    arguments = {"signal": np.ones((2, 11)), "bvalues": B_ALL} | changes
    with pytest.raises(error, match=message):
        select_model(arguments.pop("signal"), arguments.pop("bvalues"), **arguments)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: information_criterion(-1.0, 11, 2), "sum_of_squares: expected values of 0 or more, got -1"),
        (lambda: information_criterion(1.0, 0, 2), "n: expected a whole number above 0, got 0"),
        (lambda: f_test(1.0, 4, 1.0, 4, 11), "p_full: expected more parameters than p_simple = 4, got 4"),
        (lambda: f_test(1.0, 2, -2.0, 4, 11), "ss_full: expected values of 0 or more, got -2"),
        (
            lambda: select_model(np.ones((2, 11)), B_ALL).chosen("dti"),
            "model: expected one of adc, ivim, kurtosis, stretched; got 'dti'",
        ),
    ],
)
def test_bad_arguments_of_the_parts_are_named(function, message):
    with pytest.raises(ValueError, match=message):
        function()
