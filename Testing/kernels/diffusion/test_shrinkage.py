import numpy as np
import pytest
from scipy.optimize import minimize

from mrbiomarkers.diffusion import IVIMMaps, biexponential, fit_ivim
from mrbiomarkers.diffusion.population import Noise, is_bimodal, learn_noise
from mrbiomarkers.maps import Status
from Testing.support.simulate import (
    B_ALL,
    B_LESION,
    NEX_LESION,
    ivim_population,
    ivim_signal,
    marrow_population,
    with_rician_noise,
)

NAMES = ("S0", "f", "D", "Dstar")


def shrink(signal, b=B_ALL, **options):
    return fit_ivim(signal, b, method="shrinkage", **options)


def rmse(maps, truth, name):
    return np.sqrt(np.mean((getattr(maps, name) - truth[name]) ** 2))


def two_tissues(n, snr, share=0.5, **other):
    """Marrow, then a share of another tissue, with their truth."""
    n_other = round(n * share)
    marrow, truth = marrow_population(n - n_other, seed=100 + snr, snr=snr)
    changed, its_truth = marrow_population(n_other, seed=200 + snr, snr=snr, **other)
    return np.concatenate([marrow, changed]), {key: np.r_[truth[key], its_truth[key]] for key in truth}


# Gains on the RMSE of nlls in f, D and D*, and the range that the coverage of 95 % intervals must lie in.
BARS = {20: ((0.40, 0.38, 0.75), (0.90, 0.99)), 50: ((0.15, 0.18, 0.60), (0.92, 0.97))}


@pytest.mark.parametrize("snr", BARS)
def test_marrow_population(snr):
    signal, truth = marrow_population(6000, seed=snr, snr=snr)
    free, maps = fit_ivim(signal, B_ALL), shrink(signal, errors=True)
    gains, (least, most) = BARS[snr]
    for name, gain in zip(truth, gains, strict=True):
        assert rmse(maps, truth, name) <= (1 - gain) * rmse(free, truth, name)
        lower, upper = maps.interval(name)
        inside = np.mean((truth[name] >= lower) & (truth[name] <= upper))
        assert least <= inside <= most
        sd = getattr(maps, f"sd_{name}")
        assert least <= np.mean(np.abs(getattr(maps, name) - truth[name]) <= 1.96 * sd) <= most
    assert 0.92 <= np.mean(np.abs(maps.S0 - 1) <= 1.96 * maps.sd_S0) <= 0.97
    population = maps.populations["all"]
    assert population.centre["D"] == pytest.approx(0.45e-3, rel=0.04)
    assert population.centre["f"] == pytest.approx(0.15, rel=0.08)
    assert population.centre["Dstar"] == pytest.approx(0.03 / np.sqrt(1 + 0.35**2), rel=0.20)
    assert not population.bimodal
    assert not population.small
    assert population.converged
    assert maps.warnings == []
    assert isinstance(maps, IVIMMaps)


@pytest.mark.parametrize("snr", [20, 30, 50])
def test_two_populations_in_one_region_are_noticed_and_do_not_pull_each_other(snr):
    signal, truth = two_tissues(6000, snr, f=0.10, D=0.80e-3, Dstar=30e-3)
    free, maps = fit_ivim(signal, B_ALL), shrink(signal)
    assert maps.populations["all"].bimodal
    assert "two populations" in maps.warnings[0]
    for half in (slice(0, 3000), slice(3000, None)):
        bias = [abs(np.mean((found.D - truth["D"])[half])) for found in (maps, free)]
        assert bias[0] <= 1.5 * bias[1]
    assert rmse(maps, truth, "D") < rmse(free, truth, "D")


@pytest.mark.parametrize("snr", [20, 30, 50])
def test_a_lesion_as_its_own_region_is_less_biased_than_least_squares(snr):
    signal, truth = two_tissues(5000, snr, share=0.1, f=0.08, D=0.95e-3, spread=(0.4, 0.2, 0.35))
    lesion = np.arange(5000) >= 4500
    free, maps = fit_ivim(signal, B_ALL), shrink(signal, regions={"lesion": lesion})
    for name in ("f", "D"):
        bias = [abs(np.mean((getattr(found, name) - truth[name])[lesion])) for found in (maps, free)]
        assert bias[0] <= bias[1]
    assert list(maps.populations) == ["lesion", "elsewhere"]
    assert not any(population.bimodal for population in maps.populations.values())


@pytest.mark.parametrize("snr", [20, 100])
def test_one_population_is_not_taken_for_two(snr):
    flagged = [shrink(marrow_population(800, seed=s, snr=snr)[0]).populations["all"].bimodal for s in range(300, 306)]
    assert not any(flagged)


def test_the_mode_is_that_of_a_general_minimiser():
    signal, _ = marrow_population(400, seed=3, snr=25)
    maps = shrink(signal, sigma=0.04)
    population = maps.populations["all"]
    precision = np.linalg.inv(population.covariance)

    def minus_log_posterior(theta, y):
        column = biexponential(B_ALL, 1.0, 1 / (1 + np.exp(-theta[0])), np.exp(theta[1]), np.exp(theta[2]))
        residual = y - column * (column @ y) / (column @ column)
        off = theta - population.mean
        return 0.5 * (residual @ residual / 0.04**2 + off @ precision @ off)

    for row in range(0, 400, 20):
        ours = np.array([np.log(maps.f[row] / (1 - maps.f[row])), np.log(maps.D[row]), np.log(maps.Dstar[row])])
        peer = minimize(minus_log_posterior, population.mean, args=(signal[row],), method="BFGS", tol=1e-9)
        assert minus_log_posterior(ours, signal[row]) <= peer.fun + 1e-4


def test_high_signal_to_noise_ratio_leaves_least_squares():
    signal, truth = ivim_population(1500, seed=4, snr=2000)
    free, maps = fit_ivim(signal, B_ALL), shrink(signal)
    for name in truth:
        assert rmse(maps, truth, name) <= 1.05 * rmse(free, truth, name)
    exact = shrink(ivim_population(500, seed=5)[0])
    np.testing.assert_allclose(exact.D, ivim_population(500, seed=5)[1]["D"], rtol=1e-3)


def test_regions_by_name_and_by_label_agree_and_others_do_not_matter():
    signal, _ = two_tissues(900, 30, f=0.1, D=0.9e-3)
    signal = signal.reshape(30, 30, -1)
    labels = np.zeros((30, 30), dtype=np.uint8)
    labels[:14], labels[16:] = 3, 7
    mask = np.ones((30, 30), dtype=bool)
    mask[:, :3] = False
    named = shrink(signal, regions={"a": labels == 3, "b": labels == 7}, mask=mask)
    labelled = shrink(signal, regions=labels, mask=mask)
    assert list(labelled.populations) == ["3", "7", "elsewhere"]
    assert [p.n for p in named.populations.values()] == [14 * 27, 14 * 27, 2 * 27]
    alone = shrink(signal, mask=mask & (labels == 3))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(named, name), getattr(labelled, name))
        np.testing.assert_allclose(getattr(alone, name)[:14], getattr(named, name)[:14], rtol=1e-9)
        assert np.isnan(getattr(named, name)[:, :3]).all()


def test_a_region_too_small_to_learn_from_has_a_wide_spread_and_says_so():
    signal, _ = marrow_population(400, seed=6, snr=30)
    few = np.arange(400) < 12
    maps = shrink(signal, regions={"few": few}, errors=True)
    assert maps.populations["few"].small
    np.testing.assert_allclose(maps.populations["few"].covariance, np.diag([1.0, 0.49, 0.49]))
    assert "region 'few': 12 voxels are too few" in maps.warnings[0]
    assert np.isfinite(maps.f).all()
    single = shrink(signal[0])
    assert single.f.shape == ()
    assert np.isfinite(single.f)
    assert shrink(signal[:0]).populations == {}


def test_noise_given_as_a_number_and_as_a_map():
    signal, truth = marrow_population(3000, seed=7)
    sigma = np.where(np.arange(3000) < 1500, 0.02, 0.06)
    noise = np.random.default_rng(8).normal(size=(2, *signal.shape)) * sigma[:, None]
    noisy = 500 * np.hypot(signal + noise[0], noise[1])
    mapped, one = shrink(noisy, sigma=500 * sigma, errors=True), shrink(noisy, sigma=500 * 0.04, errors=True)
    found = shrink(noisy, errors=True)
    for name in ("f", "D"):
        assert rmse(mapped, truth, name) < rmse(one, truth, name)
        assert rmse(found, truth, name) < 1.05 * rmse(one, truth, name)
        covered = np.abs(getattr(found, name) - truth[name]) <= 1.96 * getattr(found, f"sd_{name}")
        assert covered[:1500].mean() >= 0.90
        assert covered[1500:].mean() >= 0.87  # the noise of a voxel is known from few measurements
    assert np.isfinite(found.populations["all"].noise.degrees)
    assert np.nanmedian(mapped.sd_f[1500:]) > 1.5 * np.nanmedian(mapped.sd_f[:1500])


def test_noise_of_a_region():
    rng = np.random.default_rng(9)
    uniform = learn_noise(4.0 * rng.chisquare(7, 5000), 7)
    assert uniform.degrees == np.inf
    assert uniform.variance == pytest.approx(4.0, rel=0.03)
    mixed = learn_noise(4.0 / (rng.chisquare(10, 20_000) / 10) * rng.chisquare(7, 20_000), 7)
    assert mixed.degrees == pytest.approx(10, rel=0.15)
    assert mixed.variance == pytest.approx(4.0, rel=0.05)
    np.testing.assert_allclose(Noise(2.0, 6.0).of(np.array([8.0, 0.0]), 2.0), [2.5, 1.5])


def test_two_populations_among_known_errors():
    rng = np.random.default_rng(10)
    variance = rng.uniform(0.01, 0.09, 2000)
    one = rng.normal(0, 0.3, 2000) + rng.normal(0, np.sqrt(variance))
    two = one + np.where(np.arange(2000) < 600, 0.9, 0)
    assert not is_bimodal(one, variance, 0.3)
    assert is_bimodal(two, variance, 0.5)
    assert not is_bimodal(two[:20], variance[:20], 0.5)


def test_bounds_are_kept_and_flagged_and_the_compartments_stay_apart():
    signal, _ = ivim_population(600, seed=11, snr=20)
    bounds = {"f": (0.25, 0.3), "D": (0.5e-3, 0.6e-3), "Dstar": (20e-3, 30e-3)}
    maps = shrink(signal, bounds=bounds, errors=True)
    for name, (low, high) in bounds.items():
        values = getattr(maps, name)
        assert np.all((values >= low) & (values <= high))
        flagged = (maps.status_of(name) & Status.ON_BOUND) != 0
        assert flagged.any()
        assert np.isnan(getattr(maps, f"sd_{name}")[flagged]).all()
        assert np.isfinite(getattr(maps, f"sd_{name}")[~flagged]).all()
    merged = shrink(with_rician_noise(np.exp(-np.outer(np.full(300, 1.5e-3), B_ALL)), 40, seed=12))
    assert np.all(merged.Dstar >= 8 * merged.D * (1 - 1e-9))


def test_intervals_are_inside_the_bounds_and_follow_the_confidence():
    maps = shrink(marrow_population(300, seed=13, snr=15)[0], errors=True)
    for name, (low, high) in (("f", (0, 1)), ("D", (0, 5e-3)), ("Dstar", (5e-3, 0.2))):
        narrow, wide = maps.interval(name, 0.5), maps.interval(name, 0.99)
        value = getattr(maps, name)
        assert np.all((low <= wide[0]) & (wide[0] < narrow[0]) & (narrow[0] < value))
        assert np.all((value < narrow[1]) & (narrow[1] < wide[1]) & (wide[1] <= high))
    with pytest.raises(ValueError, match="name: expected one of f, D, Dstar; got 'S0'"):
        maps.interval("S0")
    with pytest.raises(ValueError, match="confidence: expected a number between 0 and 1, got 95"):
        maps.interval("f", 95)
    with pytest.raises(ValueError, match="sd_f: expected maps fitted with errors=True"):
        shrink(marrow_population(40, seed=14, snr=15)[0]).interval("f")


def test_shapes_types_scaling_weights_and_what_cannot_be_fitted():
    signal, _ = marrow_population(240, seed=15, snr=30)
    flat = shrink(signal, errors=True)
    block, scaled = shrink(signal.reshape(4, 6, 10, -1)), shrink(signal * 1e6, errors=True)
    bad = np.stack([np.zeros(11), np.full(11, 5.0), np.r_[np.nan, np.ones(10)], -np.arange(11.0)])
    with np.errstate(all="raise"):
        among = shrink(np.concatenate([signal, bad]), errors=True)
    for name in (*NAMES, "rmse"):
        factor = 1e6 if name in ("S0", "rmse") else 1
        assert getattr(block, name).shape == (4, 6, 10)
        np.testing.assert_array_equal(getattr(block, name).ravel(), getattr(flat, name))
        np.testing.assert_allclose(getattr(scaled, name), getattr(flat, name) * factor, rtol=1e-6)
        assert np.isnan(getattr(among, name)[240:]).all()
        np.testing.assert_allclose(getattr(among, name)[:240], getattr(flat, name), rtol=1e-6)
        assert getattr(shrink(signal.astype(np.float32)), name).dtype == np.float32
    np.testing.assert_allclose(scaled.sd_S0, flat.sd_S0 * 1e6, rtol=1e-6)
    assert among.status[240] == Status.NO_SIGNAL
    noisy = ivim_signal(B_LESION, 1.0, 0.3, 0.9e-3, 30e-3) + np.random.default_rng(16).normal(0, 0.02, (60, 10))
    times = NEX_LESION.astype(int)
    weighted = shrink(noisy, B_LESION, weights=NEX_LESION, sigma=0.02)
    repeated = shrink(np.repeat(noisy, times, axis=1), np.repeat(B_LESION, times), sigma=0.02)
    np.testing.assert_allclose(weighted.D, repeated.D, rtol=1e-4)


def test_garbage_is_fitted_or_flagged():
    rng = np.random.default_rng(17)
    garbage = rng.normal(size=(3000, 11))
    garbage[:500] = np.abs(garbage[:500])
    garbage[500:700] = 1e-3
    garbage[500:700, rng.integers(0, 11, 200)] = 1.0
    garbage[700:800] *= 1e30
    with np.errstate(all="raise"):
        maps = shrink(garbage, errors=True)
    fitted = ~np.isnan(maps.f)
    assert np.all((maps.status[~fitted] & 15) != 0)
    assert np.all((maps.Dstar[fitted] >= 5e-3) & (maps.Dstar[fitted] <= 0.2))
    assert np.all((maps.f[fitted] >= 0) & (maps.f[fitted] <= 1))


def test_prostate(shared_data):
    """Where the model is wrong, the fast compartment must not swallow the slow one."""
    nibabel = pytest.importorskip("nibabel")
    folder = shared_data / "diffusion" / "prostate_3T"
    image = nibabel.load(folder / "ivim13b.nii.gz").get_fdata(dtype=np.float32)
    b = np.array([0, 25, 50, 75, 100, 150, 200, 500, 800, 1000, 1250, 1500, 2000])
    used = b <= 1000
    regions, taken = {}, np.zeros(image.shape[:3], dtype=bool)
    for name in ("tumor", "bph", "pz"):
        regions[name] = (nibabel.load(folder / f"{name}_roi.nii.gz").get_fdata() > 0) & ~taken
        taken |= regions[name]
    signal = image[..., used]
    free = fit_ivim(signal, b[used], mask=taken)
    maps = shrink(signal, b[used], mask=taken, regions=regions)
    for name, region in regions.items():
        assert np.all(maps.Dstar[region] >= 5e-3)
        assert np.median(maps.f[region]) <= np.median(free.f[region])
        assert np.median(maps.f[region]) < 0.35
        assert maps.populations[name].centre["Dstar"] > 8e-3
    tumour, zone = (np.median(maps.D[regions[name]]) for name in ("tumor", "pz"))
    assert tumour < 0.6 * zone


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sigma": 0.0}, ValueError, "sigma: expected finite numbers above 0"),
        ({"sigma": np.ones(3)}, ValueError, r"sigma: expected a number or an array of shape \(5,\), got shape \(3,\)"),
        ({"regions": {"a": np.ones(3)}}, ValueError, r"regions\['a'\]: expected shape \(5,\), got \(3,\)"),
        (
            {"regions": {"a": np.arange(5) < 3, "b": np.arange(5) > 1}},
            ValueError,
            "regions: expected each voxel in one region at most, got 1 in both 'a' and 'b'",
        ),
        ({"regions": np.ones(4, dtype=int)}, ValueError, r"regions: expected shape \(5,\), got \(4,\)"),
        ({"regions": -np.ones(5, dtype=int)}, ValueError, "regions: expected labels of 0 or more, got -1"),
        ({"regions": np.ones(5)}, TypeError, "regions: expected masks by name or an array of whole numbers"),
    ],
)
def test_bad_arguments_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        shrink(np.ones((5, 11)), **changes)


def test_four_measurements_need_the_noise():
    b = np.array([0.0, 50, 200, 800])
    signal = ivim_signal(b, 1.0, 0.2, 1e-3, 30e-3)[None]
    with pytest.raises(ValueError, match="sigma: expected the noise with as few as 4 measurements"):
        shrink(signal, b)
    assert np.isfinite(shrink(signal, b, sigma=0.02).D).all()
