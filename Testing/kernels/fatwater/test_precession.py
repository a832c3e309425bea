import numpy as np
import pytest
from scipy.io import loadmat

from mrbiomarkers.fatwater import fat_modulation
from mrbiomarkers.fatwater.phases import bright_voxels
from mrbiomarkers.fatwater.precession import detect_precession
from mrbiomarkers.fatwater.volume import EchoVolume
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

MIXES = {
    "water": lambda rng, n: np.zeros(n),
    "little fat": lambda rng, n: rng.uniform(0, 3, n),
    "one mixture": lambda rng, n: np.full(n, 20.0),
    "marrow": lambda rng, n: rng.uniform(10, 60, n),
    "all": lambda rng, n: rng.uniform(0, 100, n),
    "fat": lambda rng, n: np.full(n, 95.0),
    "water and fat": lambda rng, n: np.where(rng.random(n) < 0.5, 3.0, 93.0),
}
FIVE = 1.2e-3 + 1.15e-3 * np.arange(5)
FIVE_LONG = 1.5e-3 + 2.0e-3 * np.arange(5)


def modulation(times, tesla=3.0, spectrum="ren-marrow"):
    return fat_modulation(times, tesla, spectrum)


def rows(mix, times=SIX_ECHOES, sigma=1 / 50, seed=0, n=900, tesla=3.0):
    rng = np.random.default_rng(seed)
    field = np.cumsum(rng.normal(0, 3, n))
    signal = echo_signal(times, tesla, MIXES[mix](rng, n), rng.uniform(40, 150, n), field, phase=rng.uniform(0, 6, n))
    return with_complex_noise(signal, sigma, seed + 1).T


@pytest.mark.parametrize("spectrum", ["ren-marrow", "ismrm-6"])
@pytest.mark.parametrize("mix", ["marrow", "all"])
def test_the_sign_of_the_phase_is_found(mix, spectrum):
    signal, of_fat = rows(mix), modulation(SIX_ECHOES, spectrum=spectrum)
    found = detect_precession(signal, SIX_ECHOES, of_fat, 3.0)
    turned = detect_precession(signal.conj(), SIX_ECHOES, of_fat, 3.0)
    assert (found.sign, found.is_clear) == (1, True)
    assert (turned.sign, turned.is_clear) == (-1, True)
    assert found.residual_as_is < found.residual_conjugated
    assert turned.residual_as_is == pytest.approx(found.residual_conjugated, rel=1e-4)
    assert found.text.startswith("as it is (residual ")
    assert turned.text.startswith("reversed (residual ")


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("sigma", [1 / 100, 1 / 15])
@pytest.mark.parametrize("spacing", [0.98e-3, 1.15e-3, 2.0e-3])
def test_the_sign_is_never_clear_and_wrong(mix, sigma, spacing):
    times = 1.2e-3 + spacing * np.arange(5)
    found = detect_precession(rows(mix, times, sigma, seed=3, n=400), times, modulation(times), 3.0)
    assert found.sign == 1
    if mix == "water":
        assert not found.is_clear


@pytest.mark.parametrize("mix", ["one mixture", "fat", "water and fat", "little fat"])
@pytest.mark.parametrize(("times", "tesla"), [(FIVE, 3.0), (FIVE_LONG, 1.5), (SIX_ECHOES, 3.0)])
@pytest.mark.parametrize("error", ["first +20", "first -20", "all 3", "all 4"])
def test_phase_errors_of_echoes_in_an_object_of_few_mixtures_do_not_turn_the_sign(mix, times, tesla, error):
    kind, size = error.split()
    errors = np.zeros(times.size)
    errors[0] = np.deg2rad(float(size))
    if kind == "all":
        errors = np.random.default_rng(int(size)).normal(0, 0.15, times.size)
    signal = rows(mix, times, n=400, tesla=tesla) * np.exp(1j * errors)[:, None]
    assert detect_precession(signal, times, modulation(times, tesla), tesla).sign == 1


@pytest.mark.parametrize("sigma", [1e-9, 0.02])
def test_pure_water_and_three_echoes_have_no_clear_sign(sigma):
    three = SIX_ECHOES[:3]
    for signal, times in ((rows("water", sigma=sigma), SIX_ECHOES), (rows("all", three, sigma), three)):
        for part in (signal, signal.conj()):
            found = detect_precession(part, times, modulation(times), 3.0)
            assert not found.is_clear
            assert found.sign == 1
            assert found.text.startswith("not clear")


@pytest.mark.parametrize("degrees", [-20, 20])
def test_a_phase_error_of_the_first_echo_leaves_marrow_clear(degrees):
    signal = rows("marrow")
    signal[0] *= np.exp(1j * np.deg2rad(degrees))
    found = detect_precession(signal, SIX_ECHOES, modulation(SIX_ECHOES), 3.0)
    assert (found.sign, found.is_clear) == (1, True)


def test_few_voxels_are_not_clear():
    assert not detect_precession(rows("all")[:, :5], SIX_ECHOES, modulation(SIX_ECHOES), 3.0).is_clear


@pytest.mark.parametrize("name", ["ismrm2012/ismrm_13", "ismrm2012/ismrm_15", "ismrm2012/ismrm_16", "b0nice/b0nice_99"])
def test_the_sign_of_real_data_is_that_of_their_header(shared_data, name):
    file = loadmat(shared_data / "fatwater" / f"{name}.mat", squeeze_me=False, struct_as_record=False)
    case = file["imDataParams"][0, 0]
    images = case.images[:, :, :, 0, :].transpose(2, 1, 0, 3).astype(np.complex64)
    times, tesla = case.TE.ravel().astype(float), float(case.FieldStrength.ravel()[0])
    sign = 1 if case.PrecessionIsClockwise.ravel()[0] > 0 else -1
    volume = EchoVolume(images, None, None, None)
    signal = volume.signals(bright_voxels(volume, 4000))
    for spectrum in ("ren-marrow", "ismrm-6"):
        for part, expected in ((signal, sign), (signal.conj(), -sign)):
            found = detect_precession(part, times, modulation(times, tesla, spectrum), tesla)
            assert (found.sign, found.is_clear) == (expected, True)
