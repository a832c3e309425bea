import numpy as np
import pytest
from scipy.optimize import curve_fit, least_squares, minimize_scalar

from mrbiomarkers.diffusion import fit_ivim
from mrbiomarkers.maps import Status
from Testing.support.simulate import B_ALL, B_LESION, NEX_LESION, ivim_population, ivim_signal, marrow_population

NAMES = ("S0", "f", "D", "Dstar")
METHODS = ("segmented", "segmented-unconstrained")
HIGH = B_ALL >= 200


@pytest.mark.parametrize("method", METHODS)
def test_noise_free_equals_truth_as_far_as_perfusion_has_vanished_at_the_threshold(method):
    rng = np.random.default_rng(1)
    f, slow, fast = rng.uniform(0.05, 0.6, 2000), rng.uniform(0.2e-3, 1.2e-3, 2000), rng.uniform(70e-3, 150e-3, 2000)
    maps = fit_ivim(ivim_signal(B_ALL, 4.0, f, slow, fast), B_ALL, method=method)
    # exp(-200 D*) < 1e-6 of perfusion is left; it is magnified by f / (1 - f) and by how D depends on b = 200
    for name, truth in zip(NAMES, (np.full(2000, 4.0), f, slow, fast), strict=True):
        np.testing.assert_allclose(getattr(maps, name), truth, rtol=1e-5)
    assert np.all(maps.status == 0)


def test_the_steps_are_those_of_the_definition():
    signal, _ = marrow_population(60, seed=2, snr=60)
    maps = {method: fit_ivim(signal, B_ALL, method=method) for method in METHODS}
    for row, y in enumerate(signal):
        (intercept, slow), _ = curve_fit(
            lambda b, a, d: a * np.exp(-b * d * 1e-3), B_ALL[HIGH], y[HIGH], p0=(0.8, 0.5), xtol=1e-14, ftol=1e-14
        )
        slow *= 1e-3
        for found in maps.values():
            assert found.D[row] == pytest.approx(max(slow, 0), rel=1e-5, abs=1e-9)
        f, slow = np.clip(1 - intercept / y[0], 0, 1), maps["segmented"].D[row]
        assert maps["segmented"].f[row] == pytest.approx(f, abs=1e-5)  # the first step is converged to 1e-4 of an sd

        def left(log_fast, share=f, slow=slow, y=y):
            column = (1 - share) * np.exp(-B_ALL * slow) + share * np.exp(-B_ALL * np.exp(log_fast))
            return y @ y - (column @ y) ** 2 / (column @ column)

        walls = np.log([5e-3, 0.2])
        best = min(
            minimize_scalar(left, bounds=pair, method="bounded", options={"xatol": 1e-10}).fun
            for pair in zip(np.linspace(*walls, 9)[:-1], np.linspace(*walls, 9)[1:], strict=True)
        )
        assert left(np.log(maps["segmented"].Dstar[row])) <= best * (1 + 1e-6)

        peers = [
            least_squares(
                lambda p, slow=slow, y=y: ivim_signal(B_ALL, p[0], p[1], slow, p[2]) - y,
                (1.0, 0.15, start),
                bounds=([0, 0, 5e-3], [np.inf, 1, 0.2]),
                x_scale=(1, 0.1, 0.02),
                xtol=1e-14,
                ftol=1e-14,
                gtol=1e-14,
            )
            for start in (8e-3, 30e-3, 0.12)
        ]
        ours = [getattr(maps["segmented-unconstrained"], name)[row] for name in NAMES]
        squares = ((ivim_signal(B_ALL, *ours) - y) ** 2).sum()
        assert squares <= 2 * min(peer.cost for peer in peers) * (1 + 1e-5)
        assert squares == pytest.approx(11 * maps["segmented-unconstrained"].rmse[row] ** 2, rel=1e-9)


def test_scatter_is_that_of_published_implementations():
    """RMSE at SNR 20 on the same kind of volume: OGC_biexp_segmented, and IAR_LU_segmented_2step."""
    published = {"segmented": (0.0720, 0.171e-3, 47.1e-3), "segmented-unconstrained": (0.0560, 0.171e-3, 42.6e-3)}
    signal, truth = ivim_population(8000, seed=3, snr=20)
    for method, figures in published.items():
        maps = fit_ivim(signal, B_ALL, method=method)
        for name, figure in zip(truth, figures, strict=True):
            # those are of 600 voxels: the RMSE of f and D is uncertain by 5 %, that of D* (heavy tails) by 15 %
            rmse = np.sqrt(np.mean((getattr(maps, name) - truth[name]) ** 2))
            assert rmse <= figure * (1.15 if name == "Dstar" else 1.05)


@pytest.mark.parametrize("method", METHODS)
def test_bounds_are_kept_and_flagged(method):
    signal, _ = ivim_population(500, seed=4, snr=20)
    bounds = {"f": (0.25, 0.3), "D": (0.5e-3, 0.6e-3), "Dstar": (20e-3, 30e-3)}
    maps = fit_ivim(signal, B_ALL, method=method, bounds=bounds)
    for name, (low, high) in bounds.items():
        values = getattr(maps, name)
        assert np.all((values >= low) & (values <= high))
        on_bound = (maps.status_of(name) & Status.ON_BOUND) != 0
        np.testing.assert_array_equal(
            on_bound, np.isclose(values, low, rtol=1e-8) | np.isclose(values, high, rtol=1e-8)
        )
        assert on_bound.any()


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_compartment_leaves_its_rate_undetermined(method):
    maps = fit_ivim(np.exp(-B_ALL * 1e-3) + 0.01 * (B_ALL == 400), B_ALL, method=method)
    assert maps.f == 0
    assert maps.status_of("Dstar") & Status.UNDETERMINED
    only_fast = fit_ivim(np.where(HIGH, -1e-3, np.exp(-B_ALL * 30e-3)), B_ALL, method=method)
    assert only_fast.f == 1
    assert only_fast.status_of("D") & Status.UNDETERMINED


@pytest.mark.parametrize("method", METHODS)
def test_standard_errors_are_the_scatter(method):
    clean = ivim_signal(B_ALL, 10.0, 0.2, 0.6e-3, 40e-3)
    noisy = clean + np.random.default_rng(5).normal(0, 0.05, (3000, B_ALL.size))
    maps = fit_ivim(noisy, B_ALL, method=method, errors=True)
    for name in NAMES:
        stated = np.sqrt(np.mean(getattr(maps, f"sd_{name}") ** 2))
        # 3000 draws know a standard deviation to 1.3 %; D* is not quite linear in the noise
        assert stated == pytest.approx(np.std(getattr(maps, name)), rel=0.08 if name == "Dstar" else 0.05)


@pytest.mark.parametrize("method", METHODS)
def test_weights_equal_repeats_and_order_does_not_matter(method):
    rng = np.random.default_rng(6)
    signal = ivim_signal(B_LESION, 1.0, 0.3, 0.9e-3, 30e-3) + rng.normal(0, 0.02, (50, B_LESION.size))
    times = NEX_LESION.astype(int)
    weighted = fit_ivim(signal, B_LESION, method=method, weights=NEX_LESION, errors=True)
    repeated = fit_ivim(np.repeat(signal, times, axis=1), np.repeat(B_LESION, times), method=method)
    order = rng.permutation(B_LESION.size)
    shuffled = fit_ivim(signal[:, order], B_LESION[order], method=method, weights=NEX_LESION[order], errors=True)
    for name in (*NAMES, "rmse"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-5)
        np.testing.assert_allclose(getattr(weighted, name), getattr(shuffled, name), rtol=1e-5)
    np.testing.assert_allclose(weighted.sd_f, shuffled.sd_f, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_shapes_types_neighbours_and_what_cannot_be_fitted(method):
    signal, _ = ivim_population(24, seed=7, snr=50)
    flat = fit_ivim(signal, B_ALL, method=method, errors=True)
    block = fit_ivim(signal.reshape(2, 3, 4, -1), B_ALL, method=method)
    bad = np.stack([np.zeros(11), np.full(11, 5.0), np.r_[np.nan, np.ones(10)], -np.arange(11.0)])
    mixed = np.concatenate([signal[:7], bad, signal[7:]])
    with np.errstate(all="raise"):
        among = fit_ivim(mixed, B_ALL, method=method, errors=True)
    for name in (*NAMES, "rmse"):
        assert getattr(block, name).shape == (2, 3, 4)
        np.testing.assert_allclose(getattr(block, name).ravel(), getattr(flat, name), rtol=1e-7)
        values = getattr(among, name)
        assert np.isnan(values[7:11]).all()
        np.testing.assert_allclose(np.r_[values[:7], values[11:]], getattr(flat, name), rtol=1e-7)
        alone = fit_ivim(signal[3].astype(np.float32), B_ALL, method=method)
        assert getattr(alone, name).dtype == np.float32
        np.testing.assert_allclose(getattr(alone, name), getattr(flat, name)[3], rtol=1e-3)
    reasons = [Status.NO_SIGNAL, Status.CONSTANT, Status.NOT_FINITE, Status.NO_SIGNAL]
    assert [Status(int(flags)) for flags in among.status[7:11]] == reasons


def test_threshold_decides_what_is_high():
    signal = ivim_signal(B_ALL, 1.0, 0.2, 0.6e-3, 12e-3)
    at_200, at_400 = (fit_ivim(signal, B_ALL, method="segmented", threshold=edge) for edge in (200, 400))
    assert at_200.D > at_400.D > 0.6e-3
    assert fit_ivim(signal, B_ALL, method="segmented").D == at_200.D


def test_without_b_zero_the_unconstrained_variant_works():
    b = np.array([5.0, 15, 40, 90, 200, 500, 900])
    maps = fit_ivim(ivim_signal(b, 2.0, 0.2, 0.7e-3, 90e-3), b, method="segmented-unconstrained")
    np.testing.assert_allclose([maps.S0, maps.f, maps.D, maps.Dstar], [2.0, 0.2, 0.7e-3, 90e-3], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 1200}, r"threshold: expected at least two different b-values of 1200 .* got \[1200.0\]"),
        ({"threshold": 0}, "threshold: expected b-values below it too"),
        ({"bvalues": B_ALL + 5}, "bvalues: expected a measurement at b = 0 for method 'segmented'"),
        ({"sigma": 1.0}, "sigma: expected only with method 'shrinkage'; method 'segmented' cannot honour it"),
        ({"regions": {"a": np.ones(5)}}, "regions: expected only with method 'shrinkage'"),
        ({"method": "nlls", "threshold": 200}, "threshold: expected only with the segmented methods; method 'nlls'"),
        ({"method": "nlls", "sigma": 1.0}, "sigma: expected only with method 'shrinkage'; method 'nlls'"),
        ({"method": "shrinkage", "threshold": 100}, "threshold: expected only with the segmented methods"),
    ],
)
def test_what_a_method_cannot_honour_is_said(changes, message):
    given = {"signal": np.ones((5, 11)), "bvalues": B_ALL, "method": "segmented", **changes}
    with pytest.raises(ValueError, match=message):
        fit_ivim(given.pop("signal"), given.pop("bvalues"), **given)
