"""Every fit on 100,000 voxels of nearly everything that an image can hold: no exception, no warning, right flags."""

import functools
from functools import partial

import numpy as np
import pytest

from mrbiomarkers.diffusion import fit_adc, fit_ivim, fit_ivim_with_fat, fit_kurtosis, fit_stretched
from mrbiomarkers.maps import NOT_FITTED, Status, parameter_flags
from mrbiomarkers.settings import ADC_BOUNDS, IVIM_BOUNDS, KURTOSIS_BOUNDS, STRETCHED_BOUNDS
from Testing.support.simulate import B_ALL, ivim_population

FITS = {
    "nlls": (fit_ivim, IVIM_BOUNDS),
    "segmented": (partial(fit_ivim, method="segmented"), IVIM_BOUNDS),
    "segmented-unconstrained": (partial(fit_ivim, method="segmented-unconstrained"), IVIM_BOUNDS),
    "shrinkage": (partial(fit_ivim, method="shrinkage"), IVIM_BOUNDS),
    "adc": (fit_adc, ADC_BOUNDS),
    "stretched": (fit_stretched, STRETCHED_BOUNDS),
    "kurtosis": (fit_kurtosis, KURTOSIS_BOUNDS),
    "with_fat": (partial(fit_ivim_with_fat, eta=0.1), IVIM_BOUNDS),
}
N_EACH = 5000  # 20 times that in all
ORDINARY = ("good", "huge", "tiny")  # what has a well determined answer
every_fit = pytest.mark.parametrize("name", FITS)


def noisy(n, seed):
    return ivim_population(n, seed=seed, snr=30)[0]


def with_one(signal, value, seed):
    """Replace one measurement of each voxel, at any b-value."""
    place = np.random.default_rng(seed).integers(0, signal.shape[1], len(signal))
    signal[np.arange(len(signal)), place] = value
    return signal


@functools.cache
def mixture():
    """Return signals (N, B) and what each is, well mixed. The b-values are those of ``B_ALL``."""
    rng, n, shape = np.random.default_rng(0), N_EACH, (N_EACH, B_ALL.size)
    first_empty = rng.integers(1, B_ALL.size, n)[:, None]
    parts = {
        "good": 500 * ivim_population(4 * n, seed=1, snr=50)[0],
        "zeros": np.zeros(shape),
        "negative": -noisy(n, 2),
        "constant": np.repeat(rng.uniform(1, 500, n)[:, None], B_ALL.size, axis=1),
        "negative constant": np.repeat(rng.uniform(-500, -1, n)[:, None], B_ALL.size, axis=1),
        "inf": with_one(noisy(n, 3), np.inf, 13),
        "-inf": with_one(noisy(n, 4), -np.inf, 14),
        "nan": with_one(noisy(n, 5), np.nan, 15),
        "one bright only": with_one(np.zeros(shape), rng.uniform(1, 900, n), 16),
        "one bright": with_one(noisy(n, 6), 100.0, 17),
        "one negative": with_one(noisy(n, 7), -100.0, 18),
        "huge": 1e30 * noisy(n, 8),
        "tiny": 1e-30 * noisy(n, 9),
        "noise": rng.normal(0, 3, shape),
        "rising": np.exp(np.outer(rng.uniform(1e-5, 5e-3, n), B_ALL)),
        "integers": np.round(20 * noisy(n, 10)),
        "step": np.where(np.arange(B_ALL.size) < first_empty, 100.0, 0.0),
    }
    kinds = np.repeat(list(parts), [len(part) for part in parts.values()])
    order = rng.permutation(kinds.size)
    return np.concatenate(list(parts.values()))[order], kinds[order]


@functools.cache
def fitted(name, dtype=np.float64):
    """Fit the mixture with errors; a warning is an error (pyproject.toml)."""
    return FITS[name][0](mixture()[0].astype(dtype), B_ALL, errors=True)


def has(status, flags):
    return (status & int(flags)) != 0


def of_kind(maps, kinds, *wanted):
    """Return the status of the voxels of some kinds."""
    return maps.status[np.isin(kinds, wanted)]


def names_of(maps, limits):
    return ("S0", *limits), [getattr(maps, name) for name in ("S0", *limits)]


def test_the_mixture_has_100_000_voxels():
    signal, kinds = mixture()
    assert len(signal) == kinds.size == 100_000
    assert np.unique(kinds).size == 17


@every_fit
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_voxel_is_finite_inside_its_bounds_or_nan_with_a_reason(name, dtype):
    maps, limits = fitted(name, dtype), FITS[name][1]
    not_fitted = has(maps.status, NOT_FITTED)
    for key, values in zip(*names_of(maps, limits), strict=True):
        assert values.dtype == dtype
        np.testing.assert_array_equal(np.isnan(values), not_fitted, err_msg=key)
        assert not np.isinf(values).any(), key
    tail = maps.S0[~not_fitted]  # a curve that rises out of nothing: S0 of 1e-47 is 0 in float32
    assert np.all(tail > 0 if dtype == np.float64 else tail >= 0)
    assert np.all(maps.rmse[~not_fitted] >= 0)
    for key, pair in limits.items():
        low, high = np.array(pair, dtype)
        values = getattr(maps, key)[~not_fitted]
        assert np.all((values >= low) & (values <= high)), key


@every_fit
def test_the_reason_is_the_right_one(name):
    signal, kinds = mixture()
    maps = fitted(name)
    reasons = {
        Status.NOT_FINITE: ("inf", "-inf", "nan"),
        Status.NO_SIGNAL: ("zeros", "negative", "negative constant"),
        Status.CONSTANT: ("constant",),
    }
    for reason, wanted in reasons.items():
        assert np.all(of_kind(maps, kinds, *wanted) == reason)
    assert not has(of_kind(maps, kinds, *ORDINARY, "integers", "rising", "one bright"), NOT_FITTED).any()
    # elsewhere only "no positive signal" is possible, and only where a measurement is not positive
    lost = has(maps.status, NOT_FITTED) & ~np.isin(kinds, sum(reasons.values(), ()))
    assert np.all(maps.status[lost] == Status.NO_SIGNAL)
    assert np.all(signal[lost].min(axis=-1) <= 0)


@every_fit
def test_a_fit_without_a_reason_carries_no_flag_of_its_parameters(name):
    maps = fitted(name)
    assert np.all(maps.status[has(maps.status, NOT_FITTED)] < 256)
    assert not has(maps.status, Status.OUTSIDE_MASK).any()


@every_fit
def test_the_bound_flag_is_set_on_the_bound_and_nowhere_else(name):
    """Nearer than 1e-9 of the bound is on it; ``"shrinkage"`` also holds D* at 8 D or above."""
    maps, limits = fitted(name), FITS[name][1]
    fit_here = ~has(maps.status, NOT_FITTED)
    for position, (key, (low, high)) in enumerate(limits.items()):
        values, near = getattr(maps, key), 1e-9 * (high - low)
        flag = has(maps.status, parameter_flags(position)[0])
        on_it = fit_here & ((values <= low) | (values >= high))
        assert np.all(flag[on_it]), key
        beside = fit_here & ((values <= low + 1e-3 * near) | (values >= high - 1e-3 * near))
        assert np.all(flag[beside]), key
        allowed = (values <= low + near) | (values >= high - near)
        if name == "shrinkage":
            rest = {"f": 2e-3, "D": 1e-7, "Dstar": 0.0}[key]  # logit and logarithm have their own ends
            allowed |= (values <= low + rest) | (values >= high - rest)
            if key == "Dstar":
                allowed |= np.isclose(values, 8 * maps.D, rtol=1e-9)
        assert np.all(allowed[flag]), key
        assert np.all(has(maps.status_of(key), Status.ON_BOUND) == flag)


@every_fit
def test_stated_errors_are_finite_or_nan_and_nan_on_a_bound(name):
    maps, limits = fitted(name), FITS[name][1]
    fit_here = ~has(maps.status, NOT_FITTED)
    for position, key in enumerate(limits):
        error = getattr(maps, f"sd_{key}")
        assert not np.isinf(error).any(), key
        assert not np.any(error < 0), key
        held = fit_here & has(maps.status, sum(parameter_flags(position)[:2]))
        assert np.isnan(error[held]).all(), key


@every_fit
def test_a_rate_is_not_identifiable_where_its_error_exceeds_it_and_nothing_else_is(name):
    maps, limits = fitted(name), FITS[name][1]
    for key in ("S0", *limits):
        flag = has(maps.status_of(key), Status.NOT_IDENTIFIABLE)
        expected = maps.sd_Dstar > maps.Dstar if key == "Dstar" else np.zeros_like(flag)
        np.testing.assert_array_equal(flag, expected, err_msg=key)


@pytest.mark.parametrize("name", ["nlls", "shrinkage", "with_fat"])
def test_the_same_rates_are_not_identifiable_without_errors(name):
    signal, kinds = mixture()
    maps, plain = fitted(name), FITS[name][0](signal, B_ALL)
    same = maps.status == plain.status
    assert same[np.isin(kinds, ORDINARY)].all()
    # beside a noise-free signal (an empty or single measurement left) both errors are 0 to rounding
    assert same.mean() > 0.9995


@every_fit
def test_a_voxel_that_is_not_fitted_has_no_stated_error(name):
    maps = fitted(name)
    lost = has(maps.status, NOT_FITTED)
    for key in ("S0", *FITS[name][1]):
        assert np.isnan(getattr(maps, f"sd_{key}")[lost]).all(), key


@pytest.mark.parametrize("name", ["nlls", "segmented", "segmented-unconstrained", "with_fat"])
def test_an_empty_compartment_makes_its_rate_undetermined(name):
    maps = fitted(name)
    for key, share in (("D", 1), ("Dstar", 0)):
        empty = maps.f == share
        assert np.all(has(maps.status_of(key), Status.UNDETERMINED)[empty])
    undetermined = has(maps.status_of("Dstar"), Status.UNDETERMINED)
    assert np.all(maps.f[undetermined] == 0)


@every_fit
def test_almost_all_voxels_converge(name):
    _, kinds = mixture()
    maps = fitted(name)
    stopped = has(maps.status, Status.NOT_CONVERGED)
    assert not has(of_kind(maps, kinds, *ORDINARY), Status.NOT_CONVERGED).any()
    assert stopped.mean() < 0.01


# A fit stops when what is left to gain is far below the noise. Where exactly is worth this part of a standard error.
STOP = {"adc": 1e-6, "stretched": 1e-4, "kurtosis": 1e-4, "nlls": 1e-3, "with_fat": 1e-3}
STOP |= {"segmented": 1e-6, "segmented-unconstrained": 1e-6, "shrinkage": 1e-2}


def assert_same_fit(name, one, other, of_other=slice(None)):
    """Compare two fits of the same voxels with errors: the same status, and values within ``STOP``."""
    np.testing.assert_array_equal(one.status, other.status[of_other])
    for key in ("S0", *FITS[name][1]):
        values, others, error = getattr(one, key), getattr(other, key)[of_other], getattr(one, f"sd_{key}")
        allowed = 1e-6 * np.abs(others) + STOP[name] * np.nan_to_num(error, posinf=0.0)
        assert np.all(np.abs(values - others) <= allowed), key
    np.testing.assert_allclose(one.rmse, other.rmse[of_other], rtol=1e-3 if name == "shrinkage" else 1e-6)


@every_fit
def test_good_voxels_do_not_feel_their_neighbours(name):
    """``"shrinkage"``: when they are a region of their own."""
    signal, kinds = mixture()
    good, fit = kinds == "good", FITS[name][0]
    among = fit(signal, B_ALL, regions={"good": good}) if name == "shrinkage" else fitted(name)
    assert_same_fit(name, fit(signal[good], B_ALL, errors=True), among, good)


@every_fit
def test_the_order_of_b_does_not_matter(name):
    """Of voxels with a well determined answer; those of ``"shrinkage"`` have a population of their own."""
    signal, kinds = mixture()
    order = np.random.default_rng(1).permutation(B_ALL.size)
    assert B_ALL[order[0]] > 0
    voxels = kinds == "good" if name == "shrinkage" else np.isin(kinds, ORDINARY)
    fit = FITS[name][0]
    sorted_b = fit(signal[voxels], B_ALL, errors=True)
    assert_same_fit(name, sorted_b, fit(signal[voxels][:, order], B_ALL[order], errors=True))


@every_fit
def test_any_order_of_b_is_robust(name):
    signal, _ = mixture()
    order = np.random.default_rng(2).permutation(B_ALL.size)
    maps = FITS[name][0](signal[::5][:, order], B_ALL[order])
    lost = has(maps.status, NOT_FITTED)
    for key, values in zip(*names_of(maps, FITS[name][1]), strict=True):
        np.testing.assert_array_equal(np.isfinite(values), ~lost, err_msg=key)


@pytest.mark.parametrize("name", [name for name in FITS if name != "shrinkage"])
def test_the_order_of_voxels_does_not_matter(name):
    """``"shrinkage"`` learns from voxels at certain places."""
    signal, kinds = mixture()
    order = np.random.default_rng(3).permutation(len(signal))
    maps = FITS[name][0](signal[order], B_ALL, errors=True)
    back = np.argsort(order)[np.isin(kinds, ORDINARY)]  # where the ordinary voxels are in ``maps``
    alone = FITS[name][0](signal[np.isin(kinds, ORDINARY)], B_ALL, errors=True)
    assert_same_fit(name, alone, maps, back)


@every_fit
def test_scale_does_not_matter(name):
    """A whole image a power of two larger or smaller, to the ends of what float32 can hold."""
    signal = noisy(2000, 20)
    fit, limits = FITS[name]
    plain = fit(signal, B_ALL)
    for scale in (2.0**100, 2.0**-100):
        scaled = fit(scale * signal, B_ALL)
        np.testing.assert_array_equal(scaled.status, plain.status)
        for key in limits:
            np.testing.assert_allclose(getattr(scaled, key), getattr(plain, key), rtol=1e-6, err_msg=key)
        np.testing.assert_allclose(scaled.S0 / scale, plain.S0, rtol=1e-6)


@every_fit
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.uint8])
def test_integers_are_those_numbers(name, dtype):
    signal = np.round(200 * noisy(2000, 21)).clip(0, 255)
    fit, limits = FITS[name]
    whole, real = fit(signal.astype(dtype), B_ALL), fit(signal, B_ALL)
    assert whole.S0.dtype == np.float32
    np.testing.assert_array_equal(whole.status, real.status)
    for key in limits:
        np.testing.assert_allclose(getattr(whole, key), getattr(real, key), rtol=1e-5)


@every_fit
def test_nothing_to_fit_is_no_error(name):
    for signal in (np.full((50, B_ALL.size), np.nan), np.zeros((50, B_ALL.size)), np.zeros((0, B_ALL.size))):
        maps = FITS[name][0](signal, B_ALL, errors=True)
        assert np.isnan(maps.S0).all()
        assert has(maps.status, NOT_FITTED).all()
