import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.fatwater import (
    custom_spectrum,
    fat_modulation,
    fat_water_cramer_rao,
    fat_water_jacobian,
    fat_water_signal,
    fat_water_standard_errors,
    magnitude_jacobian,
    magnitude_signal,
)

TIMES = (1.24 + 0.98 * np.arange(6)) * 1e-3
MODULATION = fat_modulation(TIMES, 3.0, "ren-marrow")
SIGMA = 1 / 40
NAMES = ("PDFF", "R2star", "field_map", "water", "fat")


def bounds(percent, rate, **options):
    share = np.asarray(percent) / 100
    given = {"water": 1 - share, "fat": share, "R2star": rate, "sigma": SIGMA} | options
    return fat_water_cramer_rao(TIMES, MODULATION, **given)


def fisher_bounds(function, parameters, steps):
    """Bounds of the parameters of a real function by central differences and the inverse of the whole matrix."""
    columns = []
    for n, step in enumerate(steps):
        ahead, back = np.array(parameters, float), np.array(parameters, float)
        ahead[n] += step
        back[n] -= step
        columns.append((function(ahead) - function(back)) / (2 * step))
    jacobian = np.stack(columns, axis=1)
    return np.linalg.inv(jacobian.T @ jacobian) * SIGMA**2


def polar_signal(p):
    """Real and imaginary signal of |W|, its phase, |F|, its phase, field and R2*."""
    density = p[0] * np.exp(1j * p[1]) + p[2] * np.exp(1j * p[3]) * MODULATION
    signal = density * np.exp(2j * np.pi * p[4] * TIMES) * np.exp(-p[5] * TIMES)
    return np.concatenate([signal.real, signal.imag])


def polar_magnitude(p):
    return np.abs(p[0] + p[1] * MODULATION) * np.exp(-p[2] * TIMES)


def test_bounds_are_those_of_the_reference_table():
    # shared/reference/fatwater.md, section 5: SNR 40, 6 echoes 1.24 + 0.98 n ms, 3 T, ren-marrow; rounded there
    low, high = bounds([1, 20, 60], 50.0), bounds([1, 20, 60], 200.0)
    np.testing.assert_allclose(low["PDFF"], [1.96, 1.56, 1.02], atol=0.006)
    np.testing.assert_allclose(high["PDFF"], [2.98, 2.34, 1.51], atol=0.006)
    np.testing.assert_allclose(low["R2star"], [7.5, 9.8, 18.5], atol=0.06)
    np.testing.assert_allclose(high["R2star"], [13.7, 18, 36], atol=0.25)
    fields = np.concatenate([low["field_map"], high["field_map"]])
    np.testing.assert_allclose([fields.min(), fields.max()], [1.2, 5.7], atol=0.06)


@pytest.mark.parametrize(("water", "fat", "rate"), [(0.99, 0.01, 50), (0.8, 0.2, 200), (4, 6, 80), (0.05, 0.95, 30)])
def test_complex_bounds_are_those_of_a_numerical_fisher_matrix(water, fat, rate):
    truth = (water, 0.9, fat, 0.9, -45.0, rate)
    covariance = fisher_bounds(polar_signal, truth, [1e-5, 1e-4, 1e-5, 1e-4, 1e-3, 1e-3])
    # delta method for 100 |F| / (|W| + |F|)
    slope = 100 * np.array([-fat, 0, water, 0, 0, 0]) / (water + fat) ** 2
    expected = np.sqrt([slope @ covariance @ slope, *covariance.diagonal()[[5, 4, 0, 2]]])

    found = fat_water_cramer_rao(
        TIMES, MODULATION, water=water, fat=fat, R2star=rate, field_map=-45.0, phase=0.9, sigma=SIGMA
    )

    assert tuple(found) == NAMES
    np.testing.assert_allclose([found[name] for name in NAMES], expected, rtol=1e-5)


@pytest.mark.parametrize(("water", "fat", "rate"), [(0.99, 0.01, 50), (0.8, 0.2, 200), (4, 6, 80), (0.05, 0.95, 30)])
def test_magnitude_bounds_are_those_of_a_numerical_fisher_matrix(water, fat, rate):
    covariance = fisher_bounds(polar_magnitude, (water, fat, rate), [1e-5, 1e-5, 1e-3])
    slope = 100 * np.array([-fat, water, 0]) / (water + fat) ** 2
    expected = np.sqrt([slope @ covariance @ slope, *covariance.diagonal()[[2, 0, 1]]])

    found = fat_water_cramer_rao(TIMES, MODULATION, water=water, fat=fat, R2star=rate, sigma=SIGMA, kind="magnitude")

    np.testing.assert_allclose([found[name] for name in ("PDFF", "R2star", "water", "fat")], expected, rtol=1e-5)
    assert found["field_map"] == np.inf


@pytest.mark.parametrize("truth", [(0.8 + 0.3j, 0.2 - 0.1j), (1j, 0), (0, -0.5), (0.6, 0.4j)])
def test_standard_errors_are_those_of_the_whole_matrix_for_any_phases(truth):
    water, fat = truth
    jacobian = fat_water_jacobian(TIMES, water, fat, 70.0, 90.0, MODULATION)
    both = np.concatenate([jacobian.real, jacobian.imag])
    covariance = np.linalg.inv(both.T @ both) * SIGMA**2
    change = 100 * np.array([-fat, -1j * fat, water, 1j * water, 0, 0]) / (water + fat) ** 2
    along = {name: np.zeros(6) for name in ("water", "fat")}
    # the magnitude of a part grows along its phase; at 0 every direction is alike
    for name, part, first in (("water", water, 0), ("fat", fat, 2)):
        unit = part / abs(part) if part else 1
        along[name][first : first + 2] = [np.real(unit), np.imag(unit)]
    slopes = [change.real, np.eye(6)[5], np.eye(6)[4], along["water"], along["fat"]]
    expected = [np.sqrt(slope @ covariance @ slope) for slope in slopes]

    found = fat_water_standard_errors(TIMES, MODULATION, water, fat, 90.0, SIGMA)

    np.testing.assert_allclose([found[name] for name in NAMES], expected, rtol=1e-10)


def test_field_and_rate_are_found_independently():
    jacobian = fat_water_jacobian(TIMES, 0.8 + 0.3j, 0.2 - 0.1j, 70.0, 90.0, MODULATION)
    both = np.concatenate([jacobian.real, jacobian.imag])
    covariance = np.linalg.inv(both.T @ both)
    correlation = covariance[4, 5] / np.sqrt(covariance[4, 4] * covariance[5, 5])
    assert abs(correlation) < 1e-12


@pytest.mark.parametrize("percent", [0.0, 30.0])
def test_scatter_of_repeated_complex_fits_reaches_the_bound(percent):
    rng, sigma, n = np.random.default_rng(11), 1 / 100, 400
    share, turn = percent / 100, np.exp(0.6j)
    truth = turn * np.array([1 - share, share])
    clean = fat_water_signal(TIMES, truth[0], truth[1], 40.0, 80.0, MODULATION)
    start = [truth[0].real, truth[0].imag, truth[1].real, truth[1].imag, 0.4, 0.8]
    scale = np.array([1, 1, 1, 1, 100, 100])

    def model(x):
        return x[0] + 1j * x[1], x[2] + 1j * x[3], 100 * x[4], 100 * x[5], MODULATION

    def jacobian(x):
        found = fat_water_jacobian(TIMES, *model(x)) * scale
        return np.concatenate([found.real, found.imag])

    fits = np.empty((n, 6))
    for row in fits:
        noisy = clean + sigma * (rng.standard_normal(6) + 1j * rng.standard_normal(6))

        def residual(x, noisy=noisy):
            left = fat_water_signal(TIMES, *model(x)) - noisy
            return np.concatenate([left.real, left.imag])

        row[:] = least_squares(residual, start, jac=jacobian, method="lm").x
    water, fat = fits[:, 0] + 1j * fits[:, 1], fits[:, 2] + 1j * fits[:, 3]
    found = {
        "PDFF": (100 * fat / (water + fat)).real,
        "R2star": 100 * fits[:, 5],
        "field_map": 100 * fits[:, 4],
        "water": (water / turn).real,
        "fat": (fat / turn).real,
    }
    expected = fat_water_cramer_rao(TIMES, MODULATION, water=1 - share, fat=share, R2star=80.0, sigma=sigma)
    for name in NAMES:
        # 400 repeats give the scatter to 3.5 %; four times that
        assert found[name].std() == pytest.approx(expected[name], rel=0.14), name
    assert found["PDFF"].mean() == pytest.approx(percent, abs=4 * expected["PDFF"] / np.sqrt(n))


def test_scatter_of_repeated_magnitude_fits_reaches_the_bound():
    rng, sigma, n = np.random.default_rng(12), 1 / 200, 400
    clean = fat_water_signal(TIMES, 0.8, 0.2, 40.0, 80.0, MODULATION)

    def jacobian(x):
        return magnitude_jacobian(TIMES, x[0], x[1], 100 * x[2], MODULATION) * [1, 1, 100]

    fits = np.empty((n, 3))
    for row in fits:
        noisy = np.abs(clean + sigma * (rng.standard_normal(6) + 1j * rng.standard_normal(6)))

        def residual(x, noisy=noisy):
            return magnitude_signal(TIMES, x[0], x[1], 100 * x[2], MODULATION) - noisy

        row[:] = least_squares(residual, [0.8, 0.2, 0.8], jac=jacobian, method="lm").x
    found = {"PDFF": 100 * fits[:, 1] / (fits[:, 0] + fits[:, 1]), "R2star": 100 * fits[:, 2]}
    expected = fat_water_cramer_rao(TIMES, MODULATION, water=0.8, fat=0.2, R2star=80.0, sigma=sigma, kind="magnitude")
    for name, values in found.items():
        # 400 repeats give the scatter to 3.5 %; four times that
        assert values.std() == pytest.approx(expected[name], rel=0.14), name


def test_phase_and_field_do_not_matter():
    plain = bounds(20.0, 80.0)
    turned = bounds(20.0, 80.0, phase=[0.4, -2.0], field_map=[[0.0], [350.0]])
    for name in NAMES:
        assert turned[name].shape == (2, 2)
        np.testing.assert_array_equal(turned[name], np.full((2, 2), plain[name]))


@pytest.mark.parametrize("kind", ["complex", "magnitude"])
def test_bounds_follow_noise_and_signal(kind):
    one, noisy = bounds(20.0, 80.0, kind=kind), bounds(20.0, 80.0, kind=kind, sigma=4 * SIGMA)
    scaled = bounds(20.0, 80.0, kind=kind, sigma=1000 * SIGMA, water=800.0, fat=200.0)
    for name in NAMES:
        assert noisy[name] == pytest.approx(4 * one[name], rel=1e-12)
        assert scaled[name] == pytest.approx(one[name] * (1000 if name in ("water", "fat") else 1), rel=1e-12)


@pytest.mark.parametrize("kind", ["complex", "magnitude"])
def test_a_batch_equals_voxel_by_voxel_and_shapes_broadcast(kind):
    percent, rate = np.linspace(0, 95, 7)[:, None], np.linspace(20, 300, 5)
    batch = bounds(percent, rate, kind=kind)
    for name in NAMES:
        assert batch[name].shape == (7, 5)
        assert batch[name].dtype == np.float64
        one = [[bounds(p, r, kind=kind)[name] for r in rate] for p in percent[:, 0]]
        np.testing.assert_allclose(batch[name], one, rtol=1e-12)
    assert bounds(20.0, 80.0, kind=kind)["PDFF"].shape == ()
    assert bounds(np.empty((0, 3)), 80.0, kind=kind)["PDFF"].shape == (0, 3)


def test_more_voxels_than_a_chunk_are_all_done():
    found = bounds(np.full(65537, 20.0), 80.0)
    for name in NAMES:
        assert np.ptp(found[name]) == 0
        assert found[name][-1] == bounds(20.0, 80.0)[name]


@pytest.mark.parametrize("kind", ["complex", "magnitude"])
def test_unknown_parameters_have_no_bound_and_disturb_no_neighbour(kind):
    found = fat_water_cramer_rao(
        TIMES, MODULATION, water=[1, np.nan, 1, 1], fat=0.2, R2star=[50, 50, np.inf, 50], sigma=SIGMA, kind=kind
    )
    for name in NAMES:
        assert np.isnan(found[name]).tolist() == [False, True, True, False]
        assert found[name][0] == found[name][3] == bounds(0, 50.0, water=1, fat=0.2, kind=kind)[name]
    field = bounds(20.0, 80.0, field_map=[0.0, np.nan], phase=[[0.0], [np.inf]], kind=kind)
    assert np.isnan(field["PDFF"]).tolist() == [[False, True], [True, True]]


def test_standard_errors_of_voxels_without_a_fit_are_nan():
    found = fat_water_standard_errors(
        TIMES, MODULATION, [1 + 0j, np.nan, 1, 1], [0.2, 0.2, 0.2, 0.2], [50, 50, np.nan, 50], [0.1, 0.1, 0.1, np.nan]
    )
    for name in NAMES:
        assert np.isnan(found[name]).tolist() == [False, True, True, True]


def test_two_echoes_determine_nothing_and_three_just_everything():
    two = fat_water_cramer_rao(TIMES[:2], MODULATION[:2], water=0.8, fat=0.2, R2star=50, sigma=SIGMA)
    three = fat_water_cramer_rao(TIMES[:3], MODULATION[:3], water=0.8, fat=0.2, R2star=50, sigma=SIGMA)
    one = fat_water_cramer_rao(TIMES[:1], MODULATION[:1], water=0.8, fat=0.2, R2star=50, sigma=SIGMA)
    six = bounds(20.0, 50.0)
    for name in NAMES:
        assert one[name] == two[name] == np.inf
        assert six[name] < three[name] < np.inf


def test_three_magnitudes_are_needed():
    options = {"water": 0.8, "fat": 0.2, "R2star": 50.0, "sigma": SIGMA, "kind": "magnitude"}
    two = fat_water_cramer_rao(TIMES[:2], MODULATION[:2], **options)
    three = fat_water_cramer_rao(TIMES[:3], MODULATION[:3], **options)
    assert two["PDFF"] == two["R2star"] == np.inf
    assert three["PDFF"] < np.inf


def test_echoes_in_phase_only_tell_rate_and_sum_but_not_the_fraction():
    # one peak, echoes a whole turn of it apart: fat and water look alike, up to a constant phase
    period = 1 / (3.4 * 42.577478518 * 3)
    times = period * np.arange(1, 7)
    modulation = fat_modulation(times, 3.0, custom_spectrum([1.3], [1]))
    found = fat_water_cramer_rao(times, modulation, water=0.8, fat=0.2, R2star=50.0, sigma=SIGMA)
    assert found["PDFF"] == found["water"] == found["fat"] == np.inf
    weights = np.exp(-2 * 50 * times)
    spread = np.sum(weights * (times - np.average(times, weights=weights)) ** 2)
    assert found["R2star"] == pytest.approx(SIGMA / np.sqrt(spread), rel=1e-6)


@pytest.mark.parametrize("kind", ["complex", "magnitude"])
def test_a_voxel_without_signal_has_no_fraction_and_no_rate(kind):
    found = bounds(0.0, 50.0, water=0.0, fat=0.0, kind=kind)
    assert found["PDFF"] == found["R2star"] == found["field_map"] == np.inf
    assert (found["water"] < np.inf) == (kind == "complex")
    gone = bounds(20.0, 1e7, kind=kind)
    assert all(gone[name] == np.inf for name in NAMES)


def test_magnitudes_tell_less_about_the_fraction():
    percent = np.array([0, 1, 20, 60, 95])
    complex_fit, magnitude = bounds(percent, 80.0), bounds(percent, 80.0, kind="magnitude")
    assert np.all(magnitude["PDFF"] > 1.1 * complex_fit["PDFF"])
    assert np.all(magnitude["R2star"] > 0.99 * complex_fit["R2star"])


def test_arguments_stay_as_they_are():
    water, fat, rate = np.array([1.0, np.nan]), np.array([0.1, 0.2]), np.array([50.0, 60.0])
    copies = [array.copy() for array in (water, fat, rate)]
    fat_water_cramer_rao(TIMES, MODULATION, water=water, fat=fat, R2star=rate, sigma=SIGMA)
    fat_water_standard_errors(TIMES, MODULATION, water, fat, rate, SIGMA)
    for array, copy in zip((water, fat, rate), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sigma": 0.0}, ValueError, r"sigma: expected finite numbers above 0, got \[0.0\]"),
        ({"sigma": np.nan}, ValueError, "sigma: expected finite numbers above 0"),
        ({"water": 1j}, TypeError, "water: expected real numbers, got an array of type complex128"),
        ({"fat": [1, 2, 3]}, ValueError, r"shapes that fit together, got water \(2,\), fat \(3,\)"),
        ({"kind": "mixed"}, ValueError, "kind: expected one of complex, magnitude; got 'mixed'"),
        ({"modulation": MODULATION[:5]}, ValueError, r"modulation: expected 6 finite values.*got shape \(5,\)"),
        ({"modulation": ["a"] * 6}, TypeError, "modulation: expected numbers"),
        ({"echo_times": TIMES * 1e3}, ValueError, "are these milliseconds"),
    ],
)
def test_bad_arguments_are_refused(change, error, message):
    good = {
        "echo_times": TIMES,
        "modulation": MODULATION,
        "water": [0.8, 0.5],
        "fat": 0.2,
        "R2star": 50.0,
        "sigma": SIGMA,
    }
    with pytest.raises(error, match=message):
        fat_water_cramer_rao(**(good | change))
