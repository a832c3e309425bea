"""Magnitudes of a volume: maps, flags, what is recorded and warned of, against a direct sum of exponentials."""

import numpy as np
import pytest

from mrbiomarkers.fatwater import fat_modulation
from mrbiomarkers.fatwater.magnitude_run import MagnitudeRun
from mrbiomarkers.fatwater.volume import EchoVolume
from mrbiomarkers.maps import NOT_FITTED, Status
from mrbiomarkers.phantom import lumbar_fat_water
from Testing.support.echoes import SIX_ECHOES, echo_signal, with_complex_noise

SHAPE = (6, 24, 20)


def run(signal, *, times=SIX_ECHOES, tesla=3.0, regions=None, errors=False, spectrum="ren-marrow", **volume):
    """Return maps, record and warnings."""
    given = {"mask": None, "spacing": None, "progress": None} | volume
    record, warnings = {}, []
    fit = MagnitudeRun(EchoVolume(signal, **given), times, fat_modulation(times, tesla, spectrum), tesla)
    return fit.run(errors, record, warnings, regions), record, warnings


def halves(snr=24.0, pdff=(30.0, 90.0), times=SIX_ECHOES, tesla=3.0, shape=SHAPE, dtype=np.float32):
    """Magnitudes and PDFF (k, j, i) of an image of two halves, R2* 80 1/s."""
    truth = np.broadcast_to(np.where(np.arange(shape[1])[:, None] < shape[1] // 2, *pdff), shape)
    signal = with_complex_noise(echo_signal(times, tesla, truth, 80.0, 30.0, phase=0.7, size=500.0), 500 / snr, 3)
    return np.abs(signal).astype(dtype), truth


def flagged(maps, flag):
    return (maps.status & np.uint16(flag)) != 0


def names_of(truth):
    return {f"{value:g}": truth == value for value in np.unique(truth)}


@pytest.mark.parametrize("tesla", [3.0, 1.5])
def test_vertebrae_that_decide_together_are_right(tesla):
    phantom = lumbar_fat_water(shape=(6, 96, 96), field_strength=tesla, snr=24, kind="magnitude")
    marrow, truth = np.any(list(phantom.regions.values()), axis=0), phantom.truth["PDFF"]
    call = {"mask": phantom.body, "spacing": (4.5, 250 / 96, 250 / 96), "tesla": tesla}
    wrong = []
    for regions in (None, phantom.regions):
        maps, record, _ = run(phantom.series.signal, regions=regions, **call)
        turn = record["turning_point_percent"]
        crossed = (maps.PDFF - turn) * (truth - turn) < 0
        wrong.append((crossed & (np.abs(maps.PDFF - truth) > 15))[marrow].mean())
        assert record["noise"] == pytest.approx(phantom.sigma, rel=0.05)
    assert wrong[1] <= 0.001
    assert wrong[1] <= wrong[0]
    for name, where in phantom.regions.items():
        assert maps.PDFF[where].mean() == pytest.approx(phantom.region_truth[name]["PDFF"], abs=2.0)
        assert maps.R2star[where].mean() == pytest.approx(phantom.region_truth[name]["R2star"], abs=8.0)
        assert record["regions"][name]["solution"] == "water"
    alone, _, _ = run(phantom.series.signal[marrow], tesla=tesla)
    assert (np.abs(alone.PDFF - truth[marrow]) > 15).mean() > 0.1


@pytest.mark.parametrize(("dtype", "near"), [(np.float64, 1e-4), (np.float32, 2e-2)])
def test_maps_are_those_of_the_truth_without_noise(dtype, near):
    signal, truth = halves(snr=1e12, dtype=dtype)
    before = signal.copy()
    signal.setflags(write=False)
    maps, record, warnings = run(signal, regions=names_of(truth), errors=True)
    np.testing.assert_allclose(maps.PDFF, truth, atol=near)
    np.testing.assert_allclose(maps.R2star, 80.0, atol=10 * near)
    np.testing.assert_allclose(maps.water, 500 * (1 - truth / 100), atol=10 * near)
    np.testing.assert_allclose(maps.fat, 500 * truth / 100, atol=10 * near)
    np.testing.assert_allclose(maps.in_phase, 500.0, atol=10 * near)
    np.testing.assert_allclose(maps.opposed_phase, 500 * np.abs(1 - truth / 50), atol=10 * near)
    assert maps.residual.max() < near
    assert maps.sd_PDFF.max() < near
    for name in ("PDFF", "R2star", "water", "fat", "in_phase", "residual", "field_map", "phase", "sd_R2star"):
        assert getattr(maps, name).dtype == dtype
        assert getattr(maps, name).shape == SHAPE
    assert np.isnan(maps.field_map).all()
    assert np.isnan(maps.phase).all()
    assert record["regions"]["30"]["solution"] == "water"
    assert record["regions"]["90"]["solution"] == "fat"
    assert record["ambiguous_percent"] == record["merged_percent"] == 0
    assert warnings == []
    np.testing.assert_array_equal(signal, before)


@pytest.mark.parametrize(("pdff", "rate"), [(2.0, 50.0), (20.0, 50.0), (30.0, 150.0), (85.0, 50.0)])
def test_standard_errors_are_the_scatter_of_repeats(pdff, rate):
    signal = with_complex_noise(echo_signal(SIX_ECHOES, 3.0, np.full(6000, pdff), rate, 0.0), 1 / 40, 5)
    maps, record, _ = run(np.abs(signal), regions={"all": np.ones(6000)}, errors=True)
    assert record["noise"] == pytest.approx(1 / 40, rel=0.03)
    for name in ("PDFF", "R2star"):
        assert np.median(getattr(maps, f"sd_{name}")) == pytest.approx(getattr(maps, name).std(), rel=0.1)
    assert run(np.abs(signal[:10]))[0].sd_PDFF is None


def test_neighbours_help_and_far_slices_are_none():
    truth = np.broadcast_to(np.where(np.arange(8) % 2, 15.0, 92.0)[:, None, None], (8, 20, 20))
    signal = np.abs(with_complex_noise(echo_signal(SIX_ECHOES, 3.0, truth, 80.0, 0.0), 1 / 24, 7))

    def wrong(**call):
        maps, _, _ = run(signal.reshape(-1, 6) if not call else signal, **call)
        return np.mean(np.abs(maps.PDFF.reshape(truth.shape) - truth) > 15), flagged(maps, Status.AMBIGUOUS).mean()

    alone, thick, cubic = wrong(), wrong(spacing=(10.0, 1.0, 1.0)), wrong(spacing=(1.0, 1.0, 1.0))
    assert alone[1] == 1.0
    assert thick[0] < alone[0] / 5
    assert thick[0] < cubic[0] / 5
    coarse = wrong(spacing=(30.0, 3.0, 3.0))  # the nearest neighbours always have a say
    assert coarse == thick


def test_flags_tell_of_doubt():
    signal, truth = halves(pdff=(56.0, 10.0))
    signal[0, 0, 0], signal[0, 0, 1], signal[0, 0, 2, 3] = 0, 1e-9, np.nan
    signal[2, -1] = 500 * np.array([1, 1.1, 1.2, 1.3, 1.4, 1.5])  # grows: R2* on its bound
    mask = np.ones(SHAPE, dtype=bool)
    mask[-1] = False
    maps, record, warnings = run(signal, mask=mask, regions=names_of(truth))
    assert flagged(maps, Status.MERGED)[:5, :12].mean() > 0.7
    assert flagged(maps, Status.MERGED)[:5, 12:23].mean() < 0.02
    assert flagged(maps, Status.ON_BOUND)[2, -1].all()
    assert flagged(maps, Status.ON_BOUND)[:, :12].mean() < 0.01
    assert maps.status[0, 0, 0] == Status.NO_SIGNAL
    assert maps.status[0, 0, 2] == Status.NOT_FINITE
    assert (maps.status[-1] == Status.OUTSIDE_MASK).all()
    np.testing.assert_array_equal(np.isnan(maps.PDFF), (maps.status & np.uint16(NOT_FITTED)) != 0)
    assert any(text.startswith(f"In {record['merged_percent']:.0f} % of the voxels") for text in warnings)
    clear = ~flagged(maps, Status.AMBIGUOUS) & mask
    assert clear[:5, 13:].all()
    np.testing.assert_allclose(maps.PDFF[clear & (truth == 10) & ~flagged(maps, Status.ON_BOUND)].mean(), 10, atol=1)


def test_regions_that_do_not_decide_are_named():
    signal, truth = halves(pdff=(57.4, 40.0))
    few, empty = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    few[0, -3, :5] = True
    mask = truth == 40
    mask[0, 0, 0] = True
    regions = {"whole": truth == 40, "few": few, "outside": empty, "one": mask & (truth != 40)}
    maps, record, warnings = run(signal, mask=mask, regions=regions)
    assert record["regions"]["whole"]["score"] < -3
    assert np.isnan(record["regions"]["one"]["score"])
    assert record["regions"]["one"]["solution"] == record["regions"]["outside"]["solution"] == "unknown"
    text = next(text for text in warnings if text.startswith("Not clear"))
    assert "few, outside, one" in text
    assert "whole" not in text
    np.testing.assert_array_equal(flagged(maps, Status.AMBIGUOUS), few | regions["one"])
    assert record["ambiguous_percent"] == pytest.approx(100 * 6 / mask.sum())
    assert not any("are ambiguous" in text for text in warnings)
    assert any("100 % of the voxels are ambiguous" in text for text in run(signal[0, 0])[2])


@pytest.mark.parametrize(
    ("count", "tesla", "start"),
    [(3, 3.0, "3 echoes: both"), (4, 3.0, "4 echoes over 2.9 ms"), (5, 1.5, "5 echoes over 3.9 ms"), (5, 3.0, None)],
)
def test_what_few_echoes_cost_is_said(count, tesla, start):
    times = SIX_ECHOES[:count]
    signal, truth = halves(times=times, tesla=tesla, pdff=(20.0, 80.0), shape=(4, 20, 20))
    maps, record, warnings = run(signal, times=times, tesla=tesla, regions=names_of(truth))
    found = [text for text in warnings if " echoes" in text]
    assert [text[: len(start or "")] for text in found] == ([start] if start else [])
    assert flagged(maps, Status.AMBIGUOUS).all() == (count == 3)
    assert np.isnan(record["noise"]) == (count == 3)
    if count == 3:
        assert np.isnan(record["regions"]["20"]["score"])
    elif tesla == 3.0:
        assert np.mean(np.abs(maps.PDFF - truth) > 15) < 0.03


def test_progress_is_told_and_can_stop():
    signal, _ = halves()
    told = []
    run(signal, progress=lambda done, total: told.append((done, total)) or True)
    assert told[-1] == (2880, 2880)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({done for done, _ in told}) >= 3
    with pytest.raises(InterruptedError, match="cancelled"):
        run(signal, progress=lambda done, total: done < total / 2)


def test_low_signal_to_noise_is_said():
    signal, _ = halves(snr=6.0)
    assert any("Low signal-to-noise" in text for text in run(signal, mask=np.ones(SHAPE))[2])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"spectrum": "single"}, ValueError, "spectrum: expected two or more peaks of fat.*at 3 T"),
        ({"signal": -np.ones((2, 3, 6))}, ValueError, "signal: expected magnitudes, 0 or above, got -1"),
        ({"signal": np.ones((2, 3, 6), complex)}, TypeError, "signal: expected magnitudes as real numbers"),
        ({"regions": {"L1": np.ones((3, 2))}}, ValueError, r"regions\['L1'\]: expected shape \(2, 3\), got \(3, 2\)"),
        ({"regions": {"L1": ["a"]}}, TypeError, r"regions\['L1'\]: expected real numbers"),
    ],
)
def test_wrong_arguments_are_named(change, error, message):
    with pytest.raises(error, match=message):
        run(**{"signal": np.ones((2, 3, 6))} | change)


def test_one_voxel_and_infinite_values_are_no_harm():
    signal = np.abs(echo_signal(SIX_ECHOES, 3.0, np.full(3, 20.0), 80.0, 0.0))
    signal[0, 1], signal[1, 2] = -np.inf, np.inf
    maps, _, _ = run(signal)
    np.testing.assert_array_equal(maps.status[:2], Status.NOT_FINITE)
    assert np.isfinite(maps.PDFF[2])
    nothing, record, _ = run(signal, mask=[1, 1, 0])
    assert np.isnan(nothing.PDFF).all()
    assert np.isnan(record["noise"])
    assert record["ambiguous_percent"] == 0
