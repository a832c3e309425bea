"""Sign of the phase and bipolar readout, as the public call settles, records and warns of them."""

import numpy as np
import pytest
from scipy.io import loadmat

from mrbiomarkers.fatwater import fit_fat_water
from mrbiomarkers.fatwater.volume import EchoVolume
from mrbiomarkers.phantom import lumbar_fat_water
from Testing.benchmarks import fatwater_fit as benchmark
from Testing.support.echoes import SIX_ECHOES, echo_signal, smooth_field, with_complex_noise

SHAPE = (2, 48, 40)


def scene(sigma=1 / 40, seed=0, shape=SHAPE, n_echoes=6):
    j, i = np.indices(shape)[-2:]
    pdff = np.choose((i // 8 + j // 8) % 4, [3.0, 30.0, 55.0, 95.0]).astype(float)
    field = smooth_field((1, 1, 1)[: 3 - len(shape)] + shape, 200.0, seed).reshape(shape)
    clean = echo_signal(SIX_ECHOES[:n_echoes], 3.0, pdff, np.where(pdff > 90, 40.0, 110.0), field, phase=0.7)
    return with_complex_noise(clean, sigma, seed + 1).astype(np.complex64), pdff


def bipolar(signal, theta, axis):
    """The signal as read to and fro along an axis."""
    along = np.moveaxis(signal.astype(complex), axis, -2)
    signs = np.array([(-1.0) ** n for n in range(signal.shape[-1])])
    return np.moveaxis(along * np.exp(1j * np.outer(theta, signs)), -2, axis).astype(np.complex64)


def end_bias(maps, pdff, axis):
    """Mean error of PDFF over the eight positions at the end of an axis."""
    return float(np.take(maps.PDFF - pdff, range(-8, 0), axis).mean())


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_is_detected_recorded_and_warned_of(sign):
    signal, pdff = scene()
    maps = fit_fat_water(signal if sign == 1 else signal.conj(), SIX_ECHOES, 3.0)
    assert {**maps.record["precession"], "evidence": ""} == {"sign": sign, "source": "detected", "evidence": ""}
    assert "residual" in maps.record["precession"]["evidence"]
    assert np.abs(maps.PDFF - pdff).mean() < 2.5
    assert [("reversed" in text, "conjugate was fitted" in text) for text in maps.warnings] == [(True, True)] * (
        sign == -1
    )


def test_a_given_sign_is_used_and_a_contradiction_is_told():
    signal, pdff = scene()
    right = fit_fat_water(signal.conj(), SIX_ECHOES, 3.0, precession=-1)
    assert right.warnings == ()
    assert (right.record["precession"]["sign"], right.record["precession"]["source"]) == (-1, "given")
    np.testing.assert_array_equal(right.PDFF, fit_fat_water(signal, SIX_ECHOES, 3.0).PDFF)
    wrong = fit_fat_water(signal, SIX_ECHOES, 3.0, precession=-1)
    assert wrong.record["precession"]["sign"] == -1
    assert any("precession=-1 was given, but the signals say 1" in text for text in wrong.warnings)
    assert np.abs(wrong.PDFF - pdff).mean() > 20


def test_a_sign_that_is_not_clear_is_assumed_and_told():
    water = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.zeros((20, 20)), 50.0, 5.0), 1 / 40, 1)
    maps = fit_fat_water(water, SIX_ECHOES, 3.0)
    assert (maps.record["precession"]["sign"], maps.record["precession"]["source"]) == (1, "assumed")
    assert any("not clear" in text and "give precession=-1" in text for text in maps.warnings)


@pytest.mark.parametrize("span", [0.03, 0.1, 0.5])
@pytest.mark.parametrize(("axis", "n_echoes"), [(1, 6), (2, 4)])
def test_a_bipolar_phase_is_corrected_where_it_is_clear(span, axis, n_echoes):
    clean, pdff = scene(n_echoes=n_echoes)
    times = SIX_ECHOES[:n_echoes]
    theta = np.linspace(-span, span, SHAPE[axis])
    signal = bipolar(clean, theta, axis)
    left = fit_fat_water(signal, times, 3.0, bipolar=False)
    maps = fit_fat_water(signal, times, 3.0)
    found = maps.record["bipolar"]
    assert (found["axis"], found["corrected"]) == (axis, True)
    assert found["phase_deg"] == pytest.approx(np.rad2deg(np.sqrt(np.mean(theta**2))), abs=0.15)
    if span < 0.5:  # 0.7 to 1 point for 0.03 rad; 0.5 rad swaps water and fat
        assert abs(end_bias(left, pdff, axis)) > 0.6 * span / 0.03
    else:
        assert np.abs(left.PDFF - pdff).mean() > 10
    assert abs(end_bias(maps, pdff, axis)) < 0.2
    assert np.abs(maps.PDFF - pdff).max() < 15
    assert any("It was corrected; bipolar=False leaves it" in text for text in maps.warnings)
    assert any("It was left, as asked" in text for text in left.warnings)
    assert left.record["bipolar"] | {"evidence": "", "phase_deg": 0} == {
        "axis": axis,
        "corrected": False,
        "phase_deg": 0,
        "evidence": "",
    }


def test_an_axis_that_is_asked_for_is_corrected_whether_clear_or_not():
    clean, pdff = scene(sigma=1 / 25, shape=(48, 40))
    signal = bipolar(clean, np.linspace(-0.02, 0.02, 40), 1)
    before = signal.copy()
    assert not fit_fat_water(signal, SIX_ECHOES, 3.0).record["bipolar"]["corrected"]
    for method in ("complex", "mixed"):
        maps = fit_fat_water(signal, SIX_ECHOES, 3.0, bipolar=1, method=method)
        assert (maps.record["bipolar"]["axis"], maps.record["bipolar"]["corrected"]) == (1, True)
        assert maps.record["bipolar"]["phase_deg"] == pytest.approx(0.67, abs=0.25)
        assert abs(end_bias(maps, pdff, 1)) < 0.45
    np.testing.assert_array_equal(signal, before)


def test_another_axis_than_the_one_given_is_told():
    signal = bipolar(scene()[0], np.linspace(-0.2, 0.2, 40), 2)
    maps = fit_fat_water(signal, SIX_ECHOES, 3.0, bipolar=1)
    assert any("axis 1 was given, but the signals show a phase" in text for text in maps.warnings)


def test_reversed_and_bipolar_together_and_progress_only_grows():
    clean, pdff = scene()
    signal = bipolar(clean, np.linspace(-0.2, 0.2, 48), 1).conj()
    seen = []
    maps = fit_fat_water(signal, SIX_ECHOES, 3.0, progress=lambda done, total: seen.append((done, total)) is None)
    assert maps.record["precession"]["sign"] == -1
    assert maps.record["bipolar"]["axis"] == 1
    assert np.abs(maps.PDFF - pdff).mean() < 2.5
    assert seen == sorted(seen)
    assert seen[-1] == (pdff.size, pdff.size)


def test_clean_data_raise_no_alarm():
    for seed in range(3):
        maps = fit_fat_water(scene(seed=seed)[0], SIX_ECHOES, 3.0)
        assert (maps.record["bipolar"]["axis"], maps.record["bipolar"]["corrected"]) == (None, False)
        assert maps.warnings == ()


def test_without_image_or_with_three_echoes_nothing_is_looked_for():
    signal, _ = scene()
    for part, times in ((signal[..., :3], SIX_ECHOES[:3]), (signal[0, 0], SIX_ECHOES)):
        found = fit_fat_water(part, times, 3.0, precession=1).record["bipolar"]
        assert (found["axis"], found["corrected"]) == (None, False)
        assert found["evidence"].startswith("not looked for")


def test_the_spine_phantom_read_to_and_fro_is_corrected():
    phantom = lumbar_fat_water(shape=(4, 96, 96), bipolar_phase=0.2, field_range=200.0)
    maps = fit_fat_water(phantom.series.signal, phantom.series.echo_times, 3.0, mask=phantom.body)
    assert (maps.record["bipolar"]["axis"], maps.record["bipolar"]["corrected"]) == (phantom.series.readout_axis, True)
    assert maps.record["precession"]["sign"] == 1


@pytest.mark.parametrize("method", ["complex", "mixed"])
@pytest.mark.parametrize("number", [13, 15, 16])
def test_the_challenge_cases_raise_no_alarm(shared_data, number, method):
    signal, mask, times, tesla, *_ = benchmark.challenge_case(number)
    for part, sign in ((signal[:2], 1), (signal[:2].conj(), -1)):
        maps = fit_fat_water(part, times, tesla, spectrum="ismrm-6", mask=mask[:2], method=method)
        assert (maps.record["precession"]["sign"], maps.record["precession"]["source"]) == (sign, "detected")
        assert not maps.record["bipolar"]["corrected"]
        assert not any("Bipolar" in text for text in maps.warnings)


@pytest.mark.parametrize("spectrum", ["ren-marrow", "ismrm-6"])
def test_a_thorax_with_the_other_sign_is_set_right(shared_data, spectrum):
    file = loadmat(shared_data / "fatwater" / "b0nice" / "b0nice_99.mat", squeeze_me=False, struct_as_record=False)
    case = file["imDataParams"][0, 0]
    images = case.images[:, :, 0, 0, :].astype(np.complex64)
    sign = 1 if case.PrecessionIsClockwise.ravel()[0] > 0 else -1
    assert sign == -1
    for part, expected in ((images, sign), (images.conj(), -sign)):
        maps = fit_fat_water(part, case.TE.ravel().astype(float), float(case.FieldStrength.item()), spectrum=spectrum)
        assert (maps.record["precession"]["sign"], maps.record["precession"]["source"]) == (expected, "detected")
        assert any("conjugate was fitted" in text for text in maps.warnings) == (expected == -1)
        assert not maps.record["bipolar"]["corrected"]


def test_signals_are_handed_out_turned_back():
    signal, _ = scene()
    volume = EchoVolume(signal, None, None, None)
    phase = np.outer([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], np.linspace(0, 1, 48))
    volume.conjugate = True
    volume.turn_back(phase, 1)
    places = volume.places(slice(500, 510))
    expected = signal.conj()[tuple(places)] * np.exp(-1j * phase[:, places[1]]).T
    np.testing.assert_allclose(volume.signals(slice(500, 510)), expected.T, rtol=1e-5)
    assert volume.signals(slice(0, 3)).dtype == np.complex64
