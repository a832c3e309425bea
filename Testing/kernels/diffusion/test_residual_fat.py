import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.diffusion import fit_ivim
from mrbiomarkers.diffusion.residual_fat import FatIVIMMaps, fit_ivim_with_fat
from mrbiomarkers.maps import Status, parameter_flags
from Testing.support.simulate import B_ALL, B_LESION, NEX_LESION

MARROW = (0.15, 0.6e-3, 30e-3)  # f, D, D* in mm2/s
D_FAT = 0.03e-3
NAMES = ("S0", "f", "D", "Dstar")


def fat_signal(b, s0, f, slow, fast, eta, d_fat=D_FAT):
    """Water in two compartments and fat, summed b-value by b-value."""
    water, fat = s0 * (1 - eta), s0 * eta
    columns = [
        water * (1 - f) * np.exp(-x * slow) + water * f * np.exp(-x * fast) + fat * np.exp(-x * d_fat) for x in b
    ]
    return np.stack(columns, axis=-1)


def noisy_marrow(n, snr, eta, seed):
    """Rician magnitudes of marrow whose total signal at b = 0 is 1."""
    rng = np.random.default_rng(seed)
    clean = fat_signal(B_ALL, 1.0, *MARROW, np.broadcast_to(eta, n))
    noise = rng.normal(0, 1 / snr, (2, *clean.shape))
    return np.hypot(clean + noise[0], noise[1])


def population(n, seed, snr):
    """Varied water and eta -0.2 to 0.4, with normal noise."""
    rng = np.random.default_rng(seed)
    ranges = ((0.8, 1.2), (0.05, 0.4), (0.2e-3, 1.2e-3), (10e-3, 100e-3), (-0.2, 0.4))
    truth = [rng.uniform(*pair, n) for pair in ranges]
    clean = fat_signal(B_ALL, *truth)
    return clean + rng.normal(0, 1 / snr, clean.shape), truth


def test_noise_free_equals_truth():
    clean, truth = population(3000, seed=1, snr=np.inf)
    maps = fit_ivim_with_fat(100 * clean, B_ALL, truth[4])
    np.testing.assert_allclose(maps.S0, 100 * truth[0], rtol=1e-6)
    for name, values in zip(NAMES[1:], truth[1:4], strict=True):
        np.testing.assert_allclose(getattr(maps, name), values, rtol=1e-6)
    np.testing.assert_array_equal(maps.eta, truth[4])
    assert np.all(maps.status == 0)


def test_without_fat_it_is_the_plain_fit():
    signal = noisy_marrow(2000, 30, 0.0, seed=2)
    plain = fit_ivim(signal, B_ALL, errors=True)
    for eta in (0.0, np.zeros(2000)):
        maps = fit_ivim_with_fat(signal, B_ALL, eta, errors=True)
        assert isinstance(maps, FatIVIMMaps)
        for name in (*NAMES, "rmse", "status"):
            np.testing.assert_allclose(getattr(maps, name), getattr(plain, name), rtol=1e-9, err_msg=name)
        for name in NAMES:
            np.testing.assert_allclose(getattr(maps, f"sd_{name}"), getattr(plain, f"sd_{name}"), rtol=1e-6)
        assert maps.sd_eta is None


@pytest.mark.parametrize(("eta", "expected"), [(0.05, 0.553), (0.1, 0.510), (0.2, 0.430), (0.3, 0.359)])
def test_what_fat_does_to_a_fit_that_does_not_know_of_it(eta, expected):
    maps = fit_ivim(fat_signal(B_ALL, 1.0, *MARROW, eta), B_ALL)
    np.testing.assert_allclose(maps.D * 1e3, expected, atol=6e-4)  # published to 1e-6 mm2/s


@pytest.mark.parametrize("eta", [-0.1, 0.05, 0.1, 0.2, 0.3])
def test_known_fat_leaves_no_bias(eta):
    signal = noisy_marrow(5000, 100, eta, seed=3)
    maps = fit_ivim_with_fat(signal, B_ALL, eta)
    assert abs(maps.D.mean() - MARROW[1]) <= 0.003e-3  # the mean of 5,000 is known to 0.0004e-3


@pytest.mark.parametrize("snr", [100, 300])
@pytest.mark.parametrize("eta", [0.05, 0.3])
def test_uncertain_fat_leaves_little_bias_and_the_interval_covers(snr, eta):
    n = 5000
    given = eta + np.random.default_rng(4).normal(0, 0.02, n)
    maps = fit_ivim_with_fat(noisy_marrow(n, snr, eta, seed=5), B_ALL, given, eta_sd=0.02, errors=True)
    assert abs(maps.D.mean() - MARROW[1]) <= 0.005e-3
    covered = np.mean(np.abs(maps.D - MARROW[1]) <= 1.96 * maps.sd_D)
    assert 0.92 <= covered <= 0.97
    np.testing.assert_allclose(maps.sd_eta, 0.02)


def test_the_map_of_eta_reaches_the_best_of_scipy():
    signal, truth = population(60, seed=6, snr=50)
    maps = fit_ivim_with_fat(signal, B_ALL, truth[4])
    scale = np.array([1, 0.3, 1e-3, 3e-2])
    for row in range(60):

        def residual(p, row=row):
            return fat_signal(B_ALL, *(p * scale), truth[4][row]) - signal[row]

        start = np.array([part[row] for part in truth[:4]]) / scale
        bounds = np.array([(0, np.inf), (0, 1), (0, 5e-3), (5e-3, 0.2)]).T / scale
        peer = least_squares(residual, start, bounds=bounds, xtol=1e-13, ftol=1e-13, gtol=1e-13)
        ours = residual(np.array([getattr(maps, name)[row] for name in NAMES]) / scale)
        assert ours @ ours <= 2 * peer.cost * (1 + 1e-6)


def test_a_map_equals_voxels_one_by_one():
    signal, truth = population(40, seed=7, snr=100)
    maps = fit_ivim_with_fat(signal.reshape(4, 10, -1), B_ALL, truth[4].reshape(4, 10), errors=True, eta_sd=0.02)
    for row in range(40):
        one = fit_ivim_with_fat(signal[row], B_ALL, truth[4][row], errors=True, eta_sd=0.02)
        for name in (*NAMES, "eta", "dD_deta", "dD_dDfat", "sd_D", "sd_eta"):
            # the search of one voxel alone ends 1e-9 of its squares above the minimum, a 1e-4 of a standard error
            np.testing.assert_allclose(getattr(maps, name).ravel()[row], getattr(one, name), rtol=2e-4, err_msg=name)


def test_sensitivities_are_those_of_fits_made_anew():
    signal, truth = population(300, seed=8, snr=100)
    keep = (
        np.abs(truth[4] - np.round(truth[4] / 0.05) * 0.05) > 1e-3
    )  # off the start grids, whose fits end less exactly
    signal, eta = signal[keep], truth[4][keep]
    maps = fit_ivim_with_fat(signal, B_ALL, eta)
    inside = maps.status == 0
    assert inside.mean() > 0.9
    up, down = (fit_ivim_with_fat(signal, B_ALL, eta + step).D for step in (5e-4, -5e-4))
    np.testing.assert_allclose(maps.dD_deta[inside], ((up - down) / 1e-3)[inside], rtol=2e-3, atol=1e-6)
    up, down = (fit_ivim_with_fat(signal, B_ALL, eta, D_fat=D_FAT + step).D for step in (1e-6, -1e-6))
    np.testing.assert_allclose(maps.dD_dDfat[inside], ((up - down) / 2e-6)[inside], rtol=2e-3, atol=1e-3)


def test_uncertain_fat_diffusion_goes_into_the_errors():
    signal = noisy_marrow(1, 200, 0.2, seed=9)
    plain = fit_ivim_with_fat(signal, B_ALL, 0.2, errors=True)
    maps = fit_ivim_with_fat(signal, B_ALL, 0.2, errors=True, D_fat_sd=0.01e-3)
    np.testing.assert_allclose(maps.sd_D**2 - plain.sd_D**2, (maps.dD_dDfat * 0.01e-3) ** 2, rtol=1e-9)
    assert np.all(maps.sd_f > plain.sd_f)


def test_known_noise_is_what_the_errors_are_made_of():
    signal = 50 * noisy_marrow(20, 200, 0.1, seed=10)
    maps = fit_ivim_with_fat(signal, B_ALL, 0.1, errors=True)
    known = fit_ivim_with_fat(signal, B_ALL, 0.1, errors=True, sigma=0.25)
    as_map = fit_ivim_with_fat(signal, B_ALL, 0.1, errors=True, sigma=np.full(20, 0.25))
    np.testing.assert_array_equal(as_map.sd_D, known.sd_D)
    noise = maps.rmse * np.sqrt(B_ALL.size / (B_ALL.size - 4))
    np.testing.assert_allclose(known.sd_D / maps.sd_D, 0.25 / noise, rtol=1e-9)


def test_fitted_eta_follows_signal_and_prior():
    n, eta = 4000, 0.2
    given = eta + np.random.default_rng(11).normal(0, 0.05, n)
    signal = noisy_marrow(n, 400, eta, seed=12)
    maps = fit_ivim_with_fat(signal, B_ALL, given, eta_sd=0.05, fit_eta=True, sigma=1 / 400, errors=True)
    held = fit_ivim_with_fat(signal, B_ALL, given, eta_sd=0.05, errors=True)
    assert np.std(maps.eta) < 0.8 * np.std(given)
    assert np.std(maps.D) < 0.85 * np.std(held.D)
    for name, true in (("D", MARROW[1]), ("eta", eta)):
        off, stated = getattr(maps, name) - true, getattr(maps, f"sd_{name}")
        assert np.sqrt(np.mean(stated**2)) == pytest.approx(np.std(off), rel=0.05)
        assert 0.92 <= np.mean(np.abs(off) <= 1.96 * stated) <= 0.97


def test_a_narrow_prior_is_eta_held_and_moves_with_it():
    signal = noisy_marrow(30, 200, 0.1, seed=13)
    held = fit_ivim_with_fat(signal, B_ALL, 0.1, eta_sd=1e-6, errors=True)
    fitted = fit_ivim_with_fat(signal, B_ALL, 0.1, eta_sd=1e-6, errors=True, fit_eta=True)
    for name in (*NAMES, "dD_deta", "dD_dDfat", "sd_D", "sd_eta"):
        np.testing.assert_allclose(getattr(fitted, name), getattr(held, name), rtol=1e-4, err_msg=name)
    wide = {"eta_sd": 0.05, "fit_eta": True, "sigma": 1 / 200}
    maps = fit_ivim_with_fat(signal, B_ALL, 0.1, **wide)
    up, down = (fit_ivim_with_fat(signal, B_ALL, 0.1 + step, **wide).D for step in (1e-4, -1e-4))
    np.testing.assert_allclose(maps.dD_deta, (up - down) / 2e-4, rtol=1e-3)


def test_a_fitted_eta_that_runs_away_is_flagged():
    signal = fat_signal(B_ALL, 1.0, 0.1, 2e-3, 40e-3, 0.9999)
    maps = fit_ivim_with_fat(signal, B_ALL, 0.9, eta_sd=0.5, fit_eta=True, sigma=1e-4, bounds={"D": (1e-3, 5e-3)})
    assert maps.eta == 0.99
    assert maps.status & parameter_flags(3)[0]
    assert maps.status_of("eta") & Status.ON_BOUND


def test_weights_equal_repeated_measurements():
    rng = np.random.default_rng(14)
    eta = rng.uniform(0, 0.3, 40)
    signal = fat_signal(B_LESION, 1.0, *MARROW, eta) + rng.normal(0, 0.01, (40, B_LESION.size))
    times = NEX_LESION.astype(int)
    weighted = fit_ivim_with_fat(signal, B_LESION, eta, weights=NEX_LESION)
    repeated = fit_ivim_with_fat(np.repeat(signal, times, axis=1), np.repeat(B_LESION, times), eta)
    for name in (*NAMES, "rmse", "dD_deta", "dD_dDfat"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-4, err_msg=name)


def test_what_cannot_be_fitted_says_why_and_leaves_the_others_alone():
    signal = noisy_marrow(8, 100, 0.1, seed=15)
    eta = np.full(8, 0.1)
    eta[1], eta[2], eta[7] = np.nan, np.nan, 7.0
    mask = np.array([1, 1, 0, 0, 1, 1, 1, 0])
    signal[4], signal[5, 3] = -signal[4], np.inf
    maps = fit_ivim_with_fat(signal, B_ALL, eta, mask=mask, errors=True, eta_sd=0.01)
    reasons = [0, Status.NOT_FINITE, *[Status.OUTSIDE_MASK] * 2, Status.NO_SIGNAL, Status.NOT_FINITE, 0, 1]
    assert maps.status.tolist() == [int(reason) for reason in reasons]
    for name in (*NAMES, "eta", "dD_deta", "dD_dDfat", "sd_D", "sd_eta"):
        np.testing.assert_array_equal(np.isnan(getattr(maps, name)), np.array(reasons) != 0, err_msg=name)
    alone = fit_ivim_with_fat(signal[[0, 6]], B_ALL, 0.1)
    np.testing.assert_array_equal(maps.D[[0, 6]], alone.D)
    assert np.isnan(fit_ivim_with_fat(signal, B_ALL, np.full(8, np.nan)).D).all()


def test_rubbish_is_fitted_or_flagged():
    rng = np.random.default_rng(16)
    signal = rng.normal(0, 1, (3000, B_ALL.size)) * 10.0 ** rng.integers(-8, 8, (3000, 1))
    signal[::3, 4] *= 1e4
    eta = rng.uniform(-1, 1, 3000)
    for options in ({}, {"fit_eta": True}):
        maps = fit_ivim_with_fat(signal, B_ALL, eta, eta_sd=0.02, errors=True, **options)
        fitted = maps.status & 15 == 0
        for name in (*NAMES, "eta"):
            np.testing.assert_array_equal(np.isfinite(getattr(maps, name)), fitted, err_msg=name)
        assert np.all((maps.D[fitted] >= 0) & (maps.D[fitted] <= 5e-3))


def test_type_arguments_and_progress():
    signal = noisy_marrow(12, 100, 0.1, seed=17).astype(np.float32)
    kept, eta = signal.copy(), np.linspace(-0.1, 0.3, 12)
    seen = []
    maps = fit_ivim_with_fat(signal, B_ALL, eta, progress=lambda done, total: seen.append((done, total)) is None)
    np.testing.assert_array_equal(signal, kept)
    assert {getattr(maps, name).dtype for name in (*NAMES, "eta", "dD_deta", "dD_dDfat")} == {np.dtype(np.float32)}
    assert seen == [(12, 12)]
    with pytest.raises(InterruptedError, match="12 of 12"):
        fit_ivim_with_fat(signal, B_ALL, eta, progress=lambda done, total: False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": 1.0}, r"eta: expected values inside \(-1, 1\).*got 1"),
        ({"eta": [0.1, -1.5, 0.1]}, r"eta: expected values inside \(-1, 1\).*got -1.5"),
        ({"eta": np.nan}, "eta: expected a number inside"),
        ({"eta": [0.1, 0.2]}, r"eta: expected one number or a map of shape \(3,\).*got shape \(2,\)"),
        ({"eta_sd": -0.1}, "eta_sd: expected finite values of 0 or more.*got -0.1"),
        ({"eta_sd": [0.1, np.nan, 0.1]}, "eta_sd: expected finite values.*got nan"),
        ({"eta_sd": np.ones((3, 1))}, r"eta_sd: expected .* shape \(3,\)"),
        ({"D_fat": -1e-5}, "D_fat: expected a number of mm2/s, 0 or more; got -1e-05"),
        ({"D_fat_sd": np.inf}, "D_fat_sd: expected a number of mm2/s"),
        ({"sigma": 0}, "sigma: expected finite values above 0; got 0"),
        ({"fit_eta": True}, "eta_sd: expected the standard deviation of eta"),
        ({"fit_eta": True, "eta_sd": 0.0}, "eta_sd: expected values above 0"),
        ({"bounds": {"eta": (0, 1)}}, "bounds: expected parameter names among f, D, Dstar; got 'eta'"),
        ({"bounds": {"f": (0.5, 0.2)}}, "bounds of f: expected lower < upper"),
        ({"mask": [1, 0]}, r"mask: expected shape \(3,\)"),
    ],
)
def test_bad_input_is_named(options, message):
    arguments = {"eta": 0.1, **options}
    with pytest.raises(ValueError, match=message):
        fit_ivim_with_fat(noisy_marrow(3, 100, 0.1, seed=18), B_ALL, **arguments)


def test_a_fit_of_eta_with_four_measurements_needs_the_noise():
    b = np.array([0.0, 50, 400, 800])
    signal = fat_signal(b, 1.0, *MARROW, 0.1)
    with pytest.raises(ValueError, match="sigma: expected the standard deviation of the noise"):
        fit_ivim_with_fat(signal, b, 0.1, eta_sd=0.02, fit_eta=True)
    maps = fit_ivim_with_fat(signal, b, 0.1, eta_sd=0.02, fit_eta=True, sigma=1e-3, errors=True)
    np.testing.assert_allclose(maps.D, MARROW[1], rtol=1e-4)
    assert np.isfinite(maps.sd_D)
