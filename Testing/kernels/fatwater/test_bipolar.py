import numpy as np
import pytest

from mrbiomarkers.fatwater import fat_modulation
from mrbiomarkers.fatwater.bipolar import AlternatingPhase, alternating, detect_bipolar
from mrbiomarkers.fatwater.refine import Refiner
from Testing.support.echoes import SIX_ECHOES, echo_signal, smooth_field, with_complex_noise

SHAPE = (3, 30, 36)
PLACES = np.indices(SHAPE).reshape(3, -1)


def volume(times=SIX_ECHOES, sigma=1 / 50, seed=1):
    rng = np.random.default_rng(seed)
    pdff = np.where(rng.random(SHAPE) < 0.3, 90.0, rng.uniform(1, 60, SHAPE))
    field = smooth_field(SHAPE, 60, seed)
    clean = echo_signal(times, 3.0, pdff, rng.uniform(40, 200, SHAPE), field, phase=rng.uniform(0, 6, SHAPE))
    return with_complex_noise(clean, sigma, seed).reshape(-1, times.size).T, field.ravel()


def turned(signal, theta, axis):
    """The signal with a phase of theta on even echoes and of -theta on odd ones."""
    signs = np.array([(-1.0) ** n for n in range(len(signal))])
    return signal * np.exp(1j * signs[:, None] * np.asarray(theta)[PLACES[axis]])


def seen(signal, times, field, **options):
    of_fat = fat_modulation(times, 3.0, "ren-marrow")
    fit = Refiner(times, of_fat, np.float64, (0.0, 600.0)).fit(signal, field, np.full(field.size, 80.0))
    return AlternatingPhase(signal, fit.field, fit.rate, times, of_fat, PLACES, SHAPE, **options)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("n_echoes", [4, 6])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_bipolar_phase_is_found_and_undone(n_echoes, axis, free):
    times = 1.24e-3 + 0.98e-3 * np.arange(n_echoes)
    clean, field = volume(times)
    theta = np.linspace(-0.15, 0.25, SHAPE[axis])
    signal = turned(clean, theta, axis)
    found = detect_bipolar(seen(signal, times, field))
    assert (found.axis, found.is_clear) == (axis, True)
    total = np.zeros(SHAPE[axis])
    for _ in range(4):
        total += seen(turned(signal, -total, axis), times, field, first_is_free=free).estimate(axis).theta
    np.testing.assert_allclose(total, theta, atol=0.008)  # noise of 3,240 voxels at an SNR of 50


def test_a_constant_phase_is_measured_but_points_at_no_axis():
    signal, field = volume()
    voxels = seen(turned(signal, np.full(SHAPE[2], 0.1), 2), SIX_ECHOES, field)
    assert not detect_bipolar(voxels).is_clear
    found = voxels.estimate(2)
    np.testing.assert_allclose(found.theta, 0.1, atol=0.01)  # one step of Gauss and Newton
    assert found.size == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("error", ["none", "first echo", "first echo along an axis"])
def test_other_data_are_not_taken_for_bipolar(error):
    signal, field = volume(seed=4)
    if error != "none":
        end = 0.3 if error == "first echo" else 0.6
        signal[0] *= np.exp(1j * np.linspace(0.3, end, SHAPE[2])[PLACES[2]])
    found = detect_bipolar(seen(signal, SIX_ECHOES, field))
    assert not found.is_clear
    assert found.text.startswith("no bipolar readout stands out")


def test_the_first_echo_is_no_part_of_it_where_its_phase_is_free():
    signal, field = volume(sigma=1e-4)
    signal[0] *= np.exp(0.1j)
    held, free = (seen(signal, SIX_ECHOES, field, first_is_free=free) for free in (False, True))
    assert held.estimate(2).size > 0.01
    assert free.estimate(2).size < 1e-3
    assert free.left < 0.05 * held.left


def test_alternating_begins_with_one():
    np.testing.assert_array_equal(alternating(5), [1, -1, 1, -1, 1])
