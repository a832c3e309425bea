import numpy as np
import pytest

from mrbiomarkers.fatwater import (
    custom_spectrum,
    fat_modulation,
    fat_water_cramer_rao,
    fit_fat_water,
    triglyceride_spectrum,
)
from mrbiomarkers.maps import Status
from Testing.support.echoes import SIX_ECHOES, echo_signal, smooth_field, with_complex_noise

SHAPE = (3, 48, 40)


def patches(shape=SHAPE):
    """PDFF [%] and R2* [1/s] of a body with patches of muscle, marrow and fat."""
    _, j, i = np.indices(shape)
    pdff = np.choose((i // 8 + j // 8) % 4, [3.0, 30.0, 55.0, 95.0]).astype(float)
    return pdff, np.where(pdff > 90, 40.0, 110.0)


def scene(times=SIX_ECHOES, span=450.0, sigma=1 / 40, tesla=3.0, seed=0):
    pdff, rate = patches()
    field = smooth_field(SHAPE, span, seed)
    phase = 1.0 + 0.5 * smooth_field(SHAPE, 1.0, seed + 1)
    signal = echo_signal(times, tesla, pdff, rate, field, phase=phase)
    noisy = with_complex_noise(signal, sigma, seed + 2) if sigma else signal
    return noisy.astype(np.complex64), pdff, rate, field


def swapped(maps, field, limit=60.0):
    """Voxels whose field is off by more than the limit, periods apart counting as equal."""
    period = maps.record["period_Hz"]
    error = maps.field_map - field
    if np.isfinite(period):
        error -= period * np.round(error / period)
    return np.abs(error) > limit


@pytest.mark.parametrize("span", [100.0, 450.0])
def test_no_swap_and_no_bias_in_a_steep_field(span):
    signal, pdff, rate, field = scene(span=span)
    maps = fit_fat_water(signal, SIX_ECHOES, 3.0)
    assert not np.any(swapped(maps, field))
    assert np.all(maps.status & ~np.uint16(Status.ON_BOUND) == 0)
    for value in np.unique(pdff):
        here = pdff == value
        assert maps.PDFF[here].mean() == pytest.approx(value, abs=0.25)
        assert maps.R2star[here].mean() == pytest.approx(rate[here].mean(), abs=2.5)
    np.testing.assert_allclose(maps.in_phase.mean(), 1.0, atol=0.02)
    assert maps.warnings == ()


@pytest.mark.parametrize(
    ("times", "tesla"),
    [
        (np.array([1.15, 2.3, 3.3, 4.6, 5.5, 6.9]) * 1e-3, 3.0),
        ((1.3 + 1.6 * np.arange(5)) * 1e-3, 1.5),
        ((1.4 + 1.1 * np.arange(8)) * 1e-3, 3.0),
        (SIX_ECHOES[:4], 3.0),
    ],
)
def test_other_echo_trains(times, tesla):
    signal, pdff, _, field = scene(times=times, span=300.0 * tesla / 3, tesla=tesla)
    maps = fit_fat_water(signal, times, tesla)
    assert np.count_nonzero(swapped(maps, field)) <= 2  # of 5,760 voxels; at sharp edges of pure fat
    assert np.abs(maps.PDFF - pdff).mean() < 2.5


def test_three_echoes_swap_little_and_are_warned_about():
    times = (1.24 + 0.98 * np.arange(3)) * 1e-3
    signal, _, _, field = scene(times=times, span=300.0)
    maps = fit_fat_water(signal, times, 3.0)
    assert np.mean(swapped(maps, field, limit=150.0)) <= 0.002  # single voxels are up to 100 Hz off by noise alone
    assert any("3 echoes" in text for text in maps.warnings)


@pytest.mark.parametrize(("pdff", "rate"), [(1.0, 50.0), (20.0, 200.0), (60.0, 50.0)])
def test_the_spread_is_that_of_theory_and_the_stated_errors_too(pdff, rate):
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.full((100, 200), pdff), rate, 10.0), 1 / 40, 5)
    maps = fit_fat_water(signal, SIX_ECHOES, 3.0, errors=True)
    bound = fat_water_cramer_rao(
        SIX_ECHOES,
        fat_modulation(SIX_ECHOES, 3.0, "ren-marrow"),
        water=1 - pdff / 100,
        fat=pdff / 100,
        R2star=rate,
        sigma=1 / 40,
    )
    assert maps.PDFF.std() / bound["PDFF"] == pytest.approx(1.0, abs=0.05)
    assert maps.R2star.std() / bound["R2star"] == pytest.approx(1.0, abs=0.05)
    assert maps.PDFF.mean() == pytest.approx(pdff, abs=0.1)
    assert np.mean(np.abs(maps.PDFF - pdff) < 1.96 * maps.sd_PDFF) == pytest.approx(0.95, abs=0.02)
    assert np.mean(np.abs(maps.R2star - rate) < 1.96 * maps.sd_R2star) == pytest.approx(0.95, abs=0.02)


def test_low_fat_fractions_are_not_biased_by_noise():
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.full((200, 200), 1.0), 50.0, 0.0), 1 / 20, 6)
    assert fit_fat_water(signal, SIX_ECHOES, 3.0).PDFF.mean() == pytest.approx(1.0, abs=0.1)


def test_images_agree_with_each_other():
    signal, *_ = scene(sigma=0)
    maps = fit_fat_water(signal.astype(np.complex128), SIX_ECHOES, 3.0)
    assert maps.PDFF.dtype == np.float64
    np.testing.assert_allclose(maps.water + maps.fat, maps.in_phase, atol=1e-5)
    np.testing.assert_allclose(abs(maps.water - maps.fat), maps.opposed_phase, atol=1e-5)
    np.testing.assert_allclose(100 * maps.fat / (maps.water + maps.fat), maps.PDFF, atol=1e-3)
    assert maps.residual.max() < 0.01


def test_what_cannot_be_fitted_is_nan_with_its_reason_and_disturbs_no_other():
    signal, *_ = scene(span=100.0)
    broken = signal.copy()
    broken[0, 0, 0], broken[0, 0, 1, 2], broken[0, 0, 2] = np.nan, np.inf, 0
    mask = np.ones(SHAPE, bool)
    mask[2, 40:] = False
    maps = fit_fat_water(broken, SIX_ECHOES, 3.0, mask=mask)
    assert maps.status[0, 0, 0] == Status.NOT_FINITE
    assert maps.status[0, 0, 1] == Status.NOT_FINITE
    assert maps.status[0, 0, 2] == Status.NO_SIGNAL
    assert np.all(maps.status[2, 40:] == Status.OUTSIDE_MASK)
    lost = np.isnan(maps.PDFF)
    np.testing.assert_array_equal(lost, ~mask | np.isin(np.arange(SHAPE[0] * 1920).reshape(SHAPE), [0, 1, 2]))
    whole = fit_fat_water(signal, SIX_ECHOES, 3.0)
    np.testing.assert_allclose(maps.PDFF[~lost], whole.PDFF[~lost], atol=0.05)


def test_a_list_of_voxels_has_no_neighbours():
    signal, *_ = scene(span=100.0)
    rows = signal[1, :4, :4].reshape(16, 6)
    together = fit_fat_water(rows, SIX_ECHOES, 3.0)
    alone = [float(fit_fat_water(row, SIX_ECHOES, 3.0).PDFF) for row in rows]
    np.testing.assert_allclose(together.PDFF, alone, atol=1e-3)


def test_air_is_left_out_where_no_mask_is_given():
    signal, *_ = scene(span=100.0)
    signal[:, :, :10] *= 0.01
    maps = fit_fat_water(signal, SIX_ECHOES, 3.0)
    assert np.all(maps.status[:, :, :10] == Status.NO_SIGNAL)
    assert np.isfinite(maps.PDFF[:, :, 10:]).all()


def test_garbage_raises_nothing():
    rng = np.random.default_rng(0)
    signal = (rng.normal(size=(4, 50, 50, 6)) * 10.0 ** rng.uniform(-20, 15, (4, 50, 50, 1))).astype(np.complex64)
    signal[0, :10] = 1.0
    signal[1, :10] = -1.0
    signal[2, :10, :, :3] = 0
    maps = fit_fat_water(signal, SIX_ECHOES, 3.0, mask=np.ones((4, 50, 50), bool))
    fitted = maps.status & np.uint16(Status.NO_SIGNAL | Status.NOT_FINITE) == 0
    assert np.isfinite(maps.R2star[fitted]).all()


def test_progress_and_cancel():
    signal, *_ = scene(span=100.0)
    seen = []
    fit_fat_water(signal, SIX_ECHOES, 3.0, progress=lambda done, total: seen.append((done, total)) is None)
    assert seen == sorted(seen)
    assert seen[-1] == (5760, 5760)
    with pytest.raises(InterruptedError, match="fit cancelled after"):
        fit_fat_water(signal, SIX_ECHOES, 3.0, progress=lambda done, total: False)


def test_low_signal_is_warned_about():
    signal, *_ = scene(sigma=1 / 6, span=50.0)
    assert any("Low signal-to-noise ratio, about 6" in text for text in fit_fat_water(signal, SIX_ECHOES, 3.0).warnings)


def test_ambiguous_spacing_and_foreign_spectrum_are_warned_about():
    times = (1.2 + 2.3 * np.arange(4)) * 1e-3
    signal, *_ = scene(times=times, span=50.0)
    text = " ".join(fit_fat_water(signal, times, 3.0, spectrum="hamilton-liver-9").warnings)
    assert "use a spacing of 0.58 to 1.04 ms" in text
    assert "meant for liver: in marrow it shifts PDFF by up to -2.2 points and R2* by up to +21 1/s" in text


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("ren-marrow", None),
        (custom_spectrum([1.3, 0.9, 5.3], [7, 1, 0.5]), None),
        (triglyceride_spectrum(2.5), None),
        ("ismrm-6", "is meant for no tissue in particular: in marrow it shifts PDFF by up to -2.3 points"),
        ("hernando-6", "is meant for phantom"),
        ("hamilton-vat", "is meant for adipose tissue: in marrow it shifts PDFF and R2* by an amount that was not"),
    ],
)
def test_a_spectrum_of_another_tissue_is_warned_about(which, told):
    signal, *_ = scene(span=50.0)
    found = [text for text in fit_fat_water(signal, SIX_ECHOES, 3.0, spectrum=which).warnings if "spectrum" in text]
    assert (len(found), told is None or told in found[0]) == (told is not None, True)


def test_water_and_fat_out_of_phase_are_warned_about():
    signal, *_ = scene(span=50.0, sigma=1 / 200)
    signal[..., 0] *= np.exp(0.9j)
    assert any("differ in phase" in text for text in fit_fat_water(signal, SIX_ECHOES, 3.0).warnings)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"signal": np.ones((4, 4, 6))}, TypeError, "signal: expected complex numbers"),
        ({"signal": np.zeros((4, 4, 6), complex)}, ValueError, "signal: expected a signal above 0"),
        ({"signal": np.complex64(1)}, ValueError, "signal: expected at least one axis"),
        ({"signal": np.ones((2, 2, 2, 2, 6), complex)}, ValueError, "signal: expected at most three axes"),
        ({"echo_times": SIX_ECHOES * 1e3}, ValueError, "are these milliseconds"),
        ({"echo_times": SIX_ECHOES[:5]}, ValueError, "echo_times: expected 6 values"),
        ({"signal": np.ones((4, 4, 2), complex), "echo_times": SIX_ECHOES[:2]}, ValueError, "three or more echoes"),
        ({"field_strength": 3000}, ValueError, "is it in mT or MHz"),
        ({"spectrum": "butter"}, ValueError, "spectrum: expected one of"),
        ({"method": "magic"}, ValueError, "method: expected one of complex, magnitude, mixed"),
        ({"mask": np.zeros((4, 4))}, ValueError, "mask: expected at least one voxel"),
        ({"mask": np.ones((4, 5))}, ValueError, "mask: expected shape"),
        ({"spacing": (1, 1, 1)}, ValueError, "spacing: expected 2 numbers above 0"),
        ({"spacing": (1, -1)}, ValueError, "spacing: expected 2 numbers above 0"),
        ({"precession": 0}, ValueError, "precession: expected 1, -1 or None"),
        ({"precession": True}, ValueError, "precession: expected 1, -1 or None"),
        ({"bipolar": 2}, ValueError, r"bipolar: expected None, False or an axis .* \(0, 1\), got 2"),
        ({"bipolar": True}, ValueError, "bipolar: expected None, False or an axis"),
        ({"bipolar": 0, "signal": np.ones((4, 6), complex)}, ValueError, "bipolar: expected None, False or an axis"),
        (
            {"bipolar": 0, "signal": np.ones((4, 4, 3), complex), "echo_times": SIX_ECHOES[:3]},
            ValueError,
            "bipolar: expected four or more echoes",
        ),
        ({"regions": {}}, ValueError, "regions: expected None for method 'complex'"),
        ({"echo_times": SIX_ECHOES[::-1]}, ValueError, "echo_times: expected ascending values, each once"),
        ({"echo_times": SIX_ECHOES[[0, 1, 1, 2, 3, 4]]}, ValueError, "echo_times: expected ascending values"),
        ({"echo_times": SIX_ECHOES * 1e-3}, ValueError, "shorter than any echo time"),
        ({"field_strength": None}, ValueError, "field_strength: expected tesla, as 3.0, got none"),
        ({"mask": np.full((4, 4), np.nan)}, ValueError, "mask: expected at least one voxel"),
        ({"signal": np.ones((4, 4, 6)), "method": "mixed"}, TypeError, "without phase use method 'magnitude'"),
        ({"method": "magnitude"}, TypeError, "signal: expected magnitudes .* give its absolute values"),
        ({"signal": np.ones((4, 4, 6), bool), "method": "magnitude"}, TypeError, "signal: expected real numbers"),
        (
            {"signal": np.ones((4, 4, 6)), "method": "magnitude", "precession": 1},
            ValueError,
            "precession: expected None for method 'magnitude'",
        ),
        (
            {"signal": np.ones((4, 4, 6)), "method": "magnitude", "bipolar": False},
            ValueError,
            "bipolar: expected None for method 'magnitude'",
        ),
        (
            {"signal": np.ones((4, 4, 3), complex), "echo_times": SIX_ECHOES[:3], "method": "mixed"},
            ValueError,
            "echo_times: expected four or more echoes for method 'mixed'",
        ),
    ],
)
def test_bad_input_is_named(changes, error, message):
    given = {"signal": np.ones((4, 4, 6), complex), "echo_times": SIX_ECHOES, "field_strength": 3.0, **changes}
    signal, times, tesla = (given.pop(name) for name in ("signal", "echo_times", "field_strength"))
    with pytest.raises(error, match=message):
        fit_fat_water(signal, times, tesla, **given)


def test_errors_need_four_echoes():
    with pytest.raises(ValueError, match="errors: expected four or more echoes"):
        fit_fat_water(np.ones((4, 4, 3), complex), SIX_ECHOES[:3], 3.0, errors=True)
