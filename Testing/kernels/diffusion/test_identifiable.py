from functools import partial

import numpy as np
import pytest

from mrbiomarkers.diffusion import biexponential_jacobian, cramer_rao, fit_ivim, fit_ivim_with_fat
from mrbiomarkers.diffusion.identifiable import DstarDoubt
from mrbiomarkers.diffusion.precision import standard_errors
from mrbiomarkers.maps import Status
from mrbiomarkers.settings import IVIM_BOUNDS
from Testing.support.simulate import B_ALL, B_LESION, NEX_LESION, ivim_signal, marrow_population, with_rician_noise

METHODS = {
    "nlls": fit_ivim,
    "segmented": partial(fit_ivim, method="segmented"),
    "segmented-unconstrained": partial(fit_ivim, method="segmented-unconstrained"),
    "shrinkage": partial(fit_ivim, method="shrinkage"),
    "with_fat": partial(fit_ivim_with_fat, eta=0.0),
}
TOLD_WITHOUT_ERRORS = ("nlls", "shrinkage", "with_fat")
every_method = pytest.mark.parametrize("name", METHODS)


def flagged(maps):
    return (maps.status_of("Dstar") & Status.NOT_IDENTIFIABLE) != 0


def same_tissue(n, snr, seed, f):
    return with_rician_noise(np.tile(ivim_signal(B_ALL, 1.0, f, 0.5e-3, 30e-3), (n, 1)), snr, seed)


@every_method
def test_flagged_where_the_standard_error_exceeds_the_value(name):
    signal, _ = marrow_population(20_000, seed=3, snr=25)
    maps = METHODS[name](signal, B_ALL, errors=True)
    np.testing.assert_array_equal(flagged(maps), maps.sd_Dstar > maps.Dstar)
    assert np.isfinite(maps.Dstar[flagged(maps)]).all()
    for key in ("S0", "f", "D", "rmse"):
        assert not np.any(maps.status_of(key) & Status.NOT_IDENTIFIABLE), key
    # its place in the status of the fit is of D* alone
    assert not np.any((maps.status_of("Dstar") & Status.NOT_IDENTIFIABLE) & maps.status)


@pytest.mark.parametrize("name", TOLD_WITHOUT_ERRORS)
@pytest.mark.parametrize("snr", [8, 25, 100])
def test_the_flag_does_not_need_errors(name, snr):
    signal, _ = marrow_population(10_000, seed=4, snr=snr)
    with_errors, plain = (METHODS[name](signal, B_ALL, errors=errors) for errors in (True, False))
    np.testing.assert_array_equal(plain.status, with_errors.status)
    assert plain.sd_Dstar is None


@pytest.mark.parametrize("name", ["segmented", "segmented-unconstrained"])
def test_the_segmented_methods_tell_it_with_errors_only(name):
    signal, _ = marrow_population(2000, seed=5, snr=15)
    assert flagged(METHODS[name](signal, B_ALL, errors=True)).any()
    assert not flagged(METHODS[name](signal, B_ALL)).any()


def test_hardly_any_voxel_tells_it_in_noise_and_every_one_without():
    """Known truth: 3 % of perfusion, whose D* has a Cramer-Rao bound of 3.5 times its value at SNR 10."""
    bound = cramer_rao("ivim", {"f": 0.03, "D": 0.5e-3, "Dstar": 30e-3}, B_ALL, snr=[10, 2000])["Dstar"] / 30e-3
    assert bound[0] > 3
    assert bound[1] < 0.05
    low, high = (fit_ivim(same_tissue(5000, snr, 6, 0.03), B_ALL) for snr in (10, 2000))
    free = (low.status_of("Dstar") & (Status.ON_BOUND | Status.UNDETERMINED)) == 0
    assert flagged(low)[free].mean() > 0.5
    assert not flagged(high).any()


def test_well_perfused_tissue_is_told_at_500():
    assert not flagged(fit_ivim(same_tissue(5000, 500, 7, 0.2), B_ALL)).any()


@pytest.mark.parametrize("weights", [None, NEX_LESION])
def test_the_answer_is_that_of_the_whole_curvature(weights):
    """Over all the parameters between the bounds and on them, at noise that makes it a close call, far from it too."""
    rng = np.random.default_rng(8)
    n = 60_000
    root = np.ones(B_LESION.size) if weights is None else np.sqrt(weights)
    values = [np.ones(n), *(rng.uniform(*pair, n) for pair in IVIM_BOUNDS.values())]
    values[3] = np.exp(rng.uniform(*np.log(IVIM_BOUNDS["Dstar"]), n))
    held = np.zeros((3, n), bool)
    for row, share in enumerate((0.1, 0.2, 0.05)):
        held[row] = rng.random(n) < share
        values[row + 1] = np.where(held[row], list(IVIM_BOUNDS.values())[row][row == 0], values[row + 1])
    held[1] |= values[1] == 1
    squares = np.exp(rng.uniform(np.log(1e-7), np.log(10), n))
    jacobian = biexponential_jacobian(B_LESION, *values) * root[:, None]
    free = np.vstack([np.ones((1, n), bool), ~held]).T
    expected = standard_errors(jacobian, squares, free)[:, 3] / values[3]
    doubt = DstarDoubt(B_LESION, root, dict(IVIM_BOUNDS))
    # at 1 rounding decides; a singular curvature has no error
    clear = held[2] | (np.abs(expected - 1) > 1e-3)
    assert clear.mean() > 0.999
    found = doubt.find(values, squares, held)
    np.testing.assert_array_equal(found[clear], (expected > 1)[clear])
    assert 0.1 < found.mean() < 0.9
    few = doubt.find([v[:100] for v in values], squares[:100], held[:, :100])
    np.testing.assert_array_equal(few, found[:100])


@pytest.mark.parametrize("limits", [{}, {"D": (0, 20e-3), "Dstar": (1e-3, 0.5)}, {"Dstar": (0, 0.3), "D": (0, 0.01)}])
def test_the_table_never_overrules_the_curvature(limits):
    bounds = {**IVIM_BOUNDS, **limits}
    rng = np.random.default_rng(9)
    n = 50_000
    slow = np.abs(rng.uniform(*bounds["D"], n))
    fast = np.maximum(rng.uniform(*bounds["Dstar"], n), slow)
    values, held = [np.ones(n), np.full(n, 0.3), slow, fast], np.zeros((3, n), bool)
    doubt = DstarDoubt(B_ALL, np.ones(B_ALL.size), bounds)
    information = doubt.information(values[1:], np.ones((2, n), bool))
    # noise in each voxel just above and just below what its own information bears
    limit = (0.3 * fast) ** 2 * information * (B_ALL.size - 4)
    told = information > 0
    assert doubt.find(values, 1.0001 * limit, held)[told].all()
    assert not doubt.find(values, 0.9999 * limit, held).any()


def test_four_measurements_leave_nothing_to_tell_the_noise():
    b = np.array([0.0, 50, 200, 800])
    signal = ivim_signal(b, 1.0, 0.05, 0.5e-3, 30e-3) + np.random.default_rng(1).normal(0, 0.1, (500, 4))
    for errors in (False, True):
        assert not flagged(fit_ivim(signal, b, errors=errors)).any()
