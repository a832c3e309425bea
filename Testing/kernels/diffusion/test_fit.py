import tracemalloc

import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.diffusion import (
    biexponential,
    fit_adc,
    fit_ivim,
    fit_kurtosis,
    fit_stretched,
    kurtosis,
    monoexponential,
    stretched_exponential,
)
from mrbiomarkers.maps import Status
from mrbiomarkers.settings import MODEL_BOUNDS
from Testing.support.simulate import (
    B_ALL,
    B_LESION,
    NEX_LESION,
    best_of_five,
    ivim_population,
    ivim_signal,
)

FITS = {
    "adc": (fit_adc, ("S0", "ADC")),
    "ivim": (fit_ivim, ("S0", "f", "D", "Dstar")),
    "stretched": (fit_stretched, ("S0", "DDC", "alpha")),
    "kurtosis": (fit_kurtosis, ("S0", "MD", "MK")),
}


def squares(maps, signal, b=B_ALL):
    return ((biexponential(b, maps.S0, maps.f, maps.D, maps.Dstar) - signal) ** 2).sum(axis=-1)


@pytest.mark.parametrize("snr", [20, 50, 100])
def test_ivim_reaches_the_best_of_five_scipy_starts(snr):
    signal, _ = ivim_population(300, seed=snr, snr=snr)
    maps = fit_ivim(signal, B_ALL)
    best = np.array([best_of_five(row)[0] for row in signal])
    assert np.mean(squares(maps, signal) <= best * (1 + 1e-6)) >= 0.99


def test_ivim_noise_free_equals_truth():
    signal, truth = ivim_population(2000, seed=1)
    maps = fit_ivim(signal, B_ALL)
    for name, values in truth.items():
        np.testing.assert_allclose(getattr(maps, name), values, rtol=1e-6)
    np.testing.assert_allclose(maps.S0, 1.0, rtol=1e-6)
    assert np.all(maps.status == 0)


def test_adc_noise_free_equals_truth_even_when_negative():
    adc = np.linspace(-1e-3, 4e-3, 100)  # 0 is not among them: a constant signal is not fitted
    maps = fit_adc(7.0 * np.exp(-np.outer(adc, B_ALL)), B_ALL)
    np.testing.assert_allclose(maps.ADC, adc, atol=1e-9)
    np.testing.assert_allclose(maps.S0, 7.0, rtol=1e-6)


def test_adc_with_noise_equals_a_scalar_search():
    from scipy.optimize import minimize_scalar

    rng = np.random.default_rng(3)
    signal = np.abs(np.exp(-B_ALL * 0.8e-3) + rng.normal(0, 0.05, (40, B_ALL.size)))
    maps = fit_adc(signal, B_ALL)

    def left(adc, y):
        column = np.exp(-B_ALL * adc)
        return y @ y - (column @ y) ** 2 / (column @ column)

    for y, adc in zip(signal, maps.ADC, strict=True):
        peer = minimize_scalar(left, bounds=(-5e-3, 2e-2), args=(y,), method="bounded", options={"xatol": 1e-12})
        assert left(adc, y) <= peer.fun * (1 + 1e-7)


@pytest.mark.parametrize(
    ("fit", "signal", "ranges"),
    [
        (fit_stretched, stretched_exponential, {"DDC": (0.2e-3, 3e-3), "alpha": (0.4, 0.99)}),
        (fit_kurtosis, kurtosis, {"MD": (0.2e-3, 2e-3), "MK": (-0.5, 1.5)}),
    ],
)
def test_models_of_three_parameters(fit, signal, ranges):
    rng = np.random.default_rng(14)
    truth = {key: rng.uniform(*pair, 2000) for key, pair in ranges.items()}
    clean = signal(B_ALL, 4.0, *truth.values())
    maps = fit(clean, B_ALL)
    for key, values in truth.items():
        np.testing.assert_allclose(getattr(maps, key), values, rtol=1e-6, atol=1e-9)
    noisy = np.abs(clean[:60] + rng.normal(0, 4.0 / 20, (60, B_ALL.size)))
    maps = fit(noisy, B_ALL)
    bounds = np.array([(0, np.inf), *MODEL_BOUNDS["stretched" if fit is fit_stretched else "kurtosis"].values()]).T
    for row in range(60):
        start = [4.0, *(values[row] for values in truth.values())]
        peer = least_squares(
            lambda p, y=noisy[row]: signal(B_ALL, *p) - y,
            np.clip(start, bounds[0] + 1e-9, bounds[1] - 1e-9),
            bounds=bounds,
            x_scale=[1, 1e-3, 1],
            ftol=1e-14,
            xtol=1e-14,
            gtol=1e-14,
        )
        ours = (signal(B_ALL, *(getattr(maps, key)[row] for key in ("S0", *truth))) - noisy[row]) ** 2
        assert ours.sum() <= 2 * peer.cost * (1 + 1e-6)


def test_kurtosis_beyond_the_range_of_the_model_is_flagged():
    md, mk = 1e-3, np.array([1.0, 2.0, 4.0])  # the curve turns at b = 3 / (MD MK): 3000, 1500 and 750 s/mm2
    maps = fit_kurtosis(kurtosis(B_ALL, 1.0, np.full(3, md), mk), B_ALL)
    np.testing.assert_allclose(maps.MK, mk, rtol=1e-6)
    assert [bool(flags & Status.BEYOND_MODEL) for flags in maps.status_of("MK")] == [False, False, True]


def test_no_b_zero_unsorted_and_repeated_b_values():
    b = np.array([800.0, 5, 150, 5, 20, 50, 400, 600, 100])
    signal = ivim_signal(b, 3.0, 0.2, 0.7e-3, 25e-3)
    maps = fit_ivim(signal, b)
    np.testing.assert_allclose([maps.S0, maps.f, maps.D, maps.Dstar], [3.0, 0.2, 0.7e-3, 25e-3], rtol=1e-6)


def test_weights_equal_repeated_measurements():
    rng = np.random.default_rng(4)
    signal = ivim_signal(B_LESION, 1.0, 0.3, 0.9e-3, 30e-3) + rng.normal(0, 0.02, (50, B_LESION.size))
    times = NEX_LESION.astype(int)
    weighted = fit_ivim(signal, B_LESION, weights=NEX_LESION)
    repeated = fit_ivim(np.repeat(signal, times, axis=1), np.repeat(B_LESION, times))
    for name in ("S0", "f", "D", "Dstar", "rmse"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-6)
    adc = fit_adc(signal, B_LESION, weights=NEX_LESION).ADC
    np.testing.assert_allclose(
        adc, fit_adc(np.repeat(signal, times, axis=1), np.repeat(B_LESION, times)).ADC, rtol=1e-6
    )


@pytest.mark.parametrize("name", FITS)
def test_shapes_types_and_scaling(name):
    fit, keys = FITS[name]
    signal, _ = ivim_population(24, seed=5, snr=50)
    flat = fit(signal, B_ALL)
    block = fit(signal.reshape(2, 3, 4, -1), B_ALL)
    scaled = fit(signal * 1e6, B_ALL)
    for key in (*keys, "rmse", "status"):
        assert getattr(block, key).shape == (2, 3, 4)
        np.testing.assert_array_equal(getattr(block, key).ravel(), getattr(flat, key))
        if key in ("S0", "rmse"):
            np.testing.assert_allclose(getattr(scaled, key), getattr(flat, key) * 1e6, rtol=1e-6)
        else:
            np.testing.assert_allclose(getattr(scaled, key), getattr(flat, key), rtol=1e-6)
    single = fit(signal.astype(np.float32), B_ALL)
    counts = fit(np.round(signal * 1000).astype(">i2"), B_ALL)
    for key in keys:
        assert getattr(flat, key).dtype == np.float64
        assert getattr(single, key).dtype == np.float32
        assert getattr(counts, key).dtype == np.float32


@pytest.mark.parametrize("name", FITS)
def test_batched_equals_one_by_one(name):
    fit, keys = FITS[name]
    signal, _ = ivim_population(200, seed=6, snr=20)
    together = fit(signal, B_ALL)
    for voxel in range(0, 200, 17):
        alone = fit(signal[voxel], B_ALL)
        for key in keys:
            np.testing.assert_allclose(getattr(alone, key), getattr(together, key)[voxel], rtol=1e-9)


@pytest.mark.parametrize("name", FITS)
def test_voxels_that_cannot_be_fitted_are_nan_with_a_reason_and_disturb_no_neighbour(name):
    fit, keys = FITS[name]
    good, _ = ivim_population(8, seed=7, snr=50)
    bad = {
        Status.NO_SIGNAL: [np.zeros(11), -np.ones(11), -np.arange(11.0)],
        Status.CONSTANT: [np.full(11, 5.0)],
        Status.NOT_FINITE: [np.r_[np.nan, np.ones(10)], np.r_[np.ones(10), np.inf], np.r_[np.ones(10), -np.inf]],
    }
    rows = [row for group in bad.values() for row in group]
    reasons = [status for status, group in bad.items() for _ in group]
    mixed = np.concatenate([good[:4], rows, good[4:]])
    before = mixed.copy()
    maps, clean = fit(mixed, B_ALL, errors=True), fit(good, B_ALL, errors=True)
    np.testing.assert_array_equal(mixed, before)
    assert [Status(int(s)) for s in maps.status[4 : 4 + len(rows)]] == reasons
    for key in (*keys, "rmse", *(f"sd_{key}" for key in keys)):
        values = getattr(maps, key)
        assert np.isnan(values[4 : 4 + len(rows)]).all()
        np.testing.assert_allclose(np.r_[values[:4], values[4 + len(rows) :]], getattr(clean, key), rtol=1e-9)


def test_a_few_negative_measurements_are_noise_not_an_error():
    rng = np.random.default_rng(8)
    signal = ivim_signal(B_ALL, 1.0, 0.3, 1.2e-3, 50e-3) - 0.28 * (B_ALL == 1200) + rng.normal(0, 0.01, B_ALL.size)
    assert signal.min() < 0
    for fit, keys in FITS.values():
        maps = fit(signal, B_ALL)
        assert maps.status_of(keys[1]) & ~Status.ON_BOUND == 0
        assert all(np.isfinite(getattr(maps, key)) for key in keys)


@pytest.mark.parametrize("name", FITS)
def test_mask(name):
    fit, keys = FITS[name]
    signal, _ = ivim_population(30, seed=9, snr=50)
    mask = np.arange(30) % 3 == 0
    masked, full = fit(signal, B_ALL, mask=mask), fit(signal, B_ALL)
    for key in keys:
        assert np.isnan(getattr(masked, key)[~mask]).all()
        np.testing.assert_allclose(getattr(masked, key)[mask], getattr(full, key)[mask], rtol=1e-9)
    assert np.all(masked.status[~mask] == Status.OUTSIDE_MASK)


def test_bounds_are_obeyed_and_flagged():
    signal, _ = ivim_population(500, seed=10, snr=20)
    bounds = {"f": (0.25, 0.3), "D": (0.5e-3, 0.6e-3), "Dstar": (20e-3, 30e-3)}
    maps = fit_ivim(signal, B_ALL, bounds=bounds)
    for key, (low, high) in bounds.items():
        values = getattr(maps, key)
        assert np.all((values >= low) & (values <= high))
        flagged = (maps.status_of(key) & Status.ON_BOUND) != 0
        np.testing.assert_array_equal(flagged, (values <= low * (1 + 1e-9)) | (values >= high * (1 - 1e-9)))
        assert flagged.any()
    low, high = (np.array([0, *[bounds[k][side] for k in ("f", "D", "Dstar")]], float) for side in (0, 1))
    high[0] = np.inf
    for voxel in range(0, 500, 25):
        best = best_of_five(signal[voxel], lower=low, upper=high)[0]
        assert squares(maps, signal)[voxel] <= best * (1 + 1e-6)


def test_an_empty_compartment_leaves_its_rate_undetermined():
    maps = fit_ivim(np.exp(-B_ALL * 1e-3), B_ALL)
    assert maps.f == 0
    assert maps.status_of("f") == Status.ON_BOUND
    assert maps.status_of("Dstar") & Status.UNDETERMINED
    assert maps.status_of("D") == Status.FITTED
    assert pytest.approx(1e-3) == maps.D
    only_fast = fit_ivim(np.exp(-B_ALL * 30e-3), B_ALL)
    assert only_fast.f == 1
    assert only_fast.status_of("D") & Status.UNDETERMINED


def test_compartments_keep_their_order_where_bounds_overlap():
    truth = (1.0, 0.4, 1.5e-3, 8e-3)
    signal = ivim_signal(B_ALL, *truth)
    maps = fit_ivim(signal, B_ALL, bounds={"D": (0, 10e-3), "Dstar": (1e-3, 0.1)})
    np.testing.assert_allclose([maps.S0, maps.f, maps.D, maps.Dstar], truth, rtol=1e-5)


def test_progress_counts_the_voxels_and_false_cancels(monkeypatch):
    import mrbiomarkers.diffusion.batches as batches

    monkeypatch.setattr(batches, "BATCH", 100)
    signal, _ = ivim_population(250, seed=11, snr=50)
    seen = []
    fit_adc(signal, B_ALL, progress=lambda done, total: seen.append((done, total)) is None)
    assert seen == [(100, 250), (200, 250), (250, 250)]
    with pytest.raises(InterruptedError, match="fit cancelled after 100 of 250 voxels"):
        fit_ivim(signal, B_ALL, progress=lambda done, total: False)


@pytest.mark.parametrize("n", [300_000, 600_000])
def test_memory_stays_below_one_more_series(n):
    signal = np.tile(ivim_population(20_000, seed=13, snr=50)[0].astype(np.float32), (n // 20_000, 1))
    tracemalloc.start()
    try:
        maps = fit_ivim(signal, B_ALL)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    returned = sum(getattr(maps, key).nbytes for key in ("S0", "f", "D", "Dstar", "rmse", "status"))
    assert peak - returned <= signal.nbytes
    assert peak - returned <= 40e6  # one batch, however large the volume; a tiny image costs 10 MB too


def test_empty_and_single():
    assert fit_ivim(np.zeros((0, 11)), B_ALL).f.shape == (0,)
    assert fit_ivim(ivim_signal(B_ALL, 1.0, 0.2, 1e-3, 30e-3), B_ALL).f.shape == ()


def test_numpy_error_settings_of_the_caller_do_not_matter():
    signal, _ = ivim_population(200, seed=12, snr=20)
    with np.errstate(all="raise"):
        fit_ivim(signal, B_ALL, errors=True)
        fit_adc(signal, B_ALL, errors=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bvalues": B_ALL[:5]}, "bvalues: expected 11 values"),
        ({"bvalues": np.repeat([0, 50, 900], [4, 4, 3])}, "expected at least 4 different b-values .* got 3"),
        ({"bvalues": -B_ALL}, "bvalues: expected values of 0"),
        (
            {"method": "bayes"},
            "method: expected one of nlls, segmented, segmented-unconstrained, shrinkage; got 'bayes'",
        ),
        ({"bounds": {"Dp": (0, 1)}}, "bounds: expected parameter names among f, D, Dstar; got 'Dp'"),
        ({"bounds": {"f": (-0.1, 1)}}, "bounds of f: expected 0 <= lower < upper <= 1"),
        ({"bounds": {"D": (-1e-3, 1e-3)}}, "bounds of D and Dstar: expected 0 mm2/s or more"),
        ({"bounds": {"D": (0, 0.3)}}, "expected those of D not to lie above"),
        ({"weights": np.ones(3)}, "weights: expected 11 positive numbers"),
        ({"weights": np.zeros(11)}, "weights: expected 11 positive numbers"),
        ({"mask": np.ones(3)}, r"mask: expected shape \(5,\), got \(3,\)"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    given = {"signal": np.ones((5, 11)), "bvalues": B_ALL, **changes}
    with pytest.raises(ValueError, match=message):
        fit_ivim(given.pop("signal"), given.pop("bvalues"), **given)


def test_adc_needs_two_different_b_values():
    with pytest.raises(ValueError, match="bvalues: expected at least two different"):
        fit_adc(np.ones((5, 2)), [0, 0])
    two = fit_adc(np.array([1.0, np.exp(-0.8)]), [0, 800])
    assert pytest.approx(1e-3) == two.ADC
    np.testing.assert_allclose(monoexponential([0, 800], two.S0, two.ADC), [1.0, np.exp(-0.8)])
