import json

import numpy as np
import pytest

from mrbiomarkers.fatwater.t1_bias import apply_t1_bias, t1_bias_factor
from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.jobs import run_fatwater
from mrbiomarkers.maps import Status
from mrbiomarkers.phantom import lumbar_fat_water
from mrbiomarkers.series import EchoSeries
from mrbiomarkers.settings import FatWaterSettings, MeasureSettings
from Testing.support.echoes import SIX_ECHOES, echo_signal, smooth_field, with_complex_noise

MAPS = ("PDFF", "R2star", "water", "fat", "in_phase", "opposed_phase", "field_map", "residual")
TIMES = np.array(SIX_ECHOES)
FIT, RATIO, MEAN = "fit of mean signal", "ratio of mean signals", "mean of map"
T1 = {"t1_water": 1.3, "t1_fat": 0.365}


@pytest.fixture(scope="module")
def phantom():
    return lumbar_fat_water(shape=(6, 128, 128), snr=60.0)


@pytest.fixture(scope="module")
def result(phantom):
    identity = MeasureSettings(subject="s1", reader="A")
    return run_fatwater(phantom.series, phantom.regions, settings=FatWaterSettings(errors=True), identity=identity)


def pick(rows, **wanted):
    found = [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]
    assert len(found) == 1, wanted
    return found[0]


def uniform(pdff=20.0, rate=100.0, *, snr=50, shape=(2, 20, 30), **options):
    """A series of one tissue, and a region that holds most of it."""
    signal = echo_signal(TIMES, 3.0, np.full(shape, pdff), rate, smooth_field(shape, 60.0), size=100.0)
    signal = with_complex_noise(signal, 100.0 / snr, 0)
    region = np.zeros(shape, bool)
    region[:, 2:-2, 2:-2] = True
    return EchoSeries(signal, TIMES, 3.0, np.diag([2.0, 2.0, 4.0, 1.0]), **{"precession": 1, **options}), {"x": region}


def test_values_of_the_vertebrae_are_the_true_ones(phantom, result):
    assert set(phantom.regions) == {"L1", "L2", "L3", "L4", "L5"}
    for name, truth in phantom.region_truth.items():
        for method in (MEAN, RATIO, FIT):
            assert pick(result.rows, region=name, quantity="PDFF", method=method).value == pytest.approx(
                truth["PDFF"], abs=0.3
            )
        for method in (MEAN, FIT):
            assert pick(result.rows, region=name, quantity="R2star", method=method).value == pytest.approx(
                truth["R2star"], abs=2.5
            )
        row = pick(result.rows, region=name, quantity="PDFF", method=FIT)
        assert row.ci_low < row.value < row.ci_high
        water, fat = (pick(result.rows, region=name, quantity=key, method=MEAN).value for key in ("water", "fat"))
        assert 100 * fat / (water + fat) == pytest.approx(truth["PDFF"], abs=0.5)


def test_what_a_result_holds(phantom, result):
    assert tuple(result.maps) == (*MAPS, "sd_PDFF", "sd_R2star")
    methods = [(row.quantity, row.method) for row in result.rows if row.region == "L3"]
    assert methods == [(key, MEAN) for key in MAPS] + [
        *((key, FIT) for key in ("PDFF", "R2star", "residual")),
        ("PDFF", RATIO),
    ]
    assert set(result.decays) == set(phantom.regions)
    for row in result.rows:
        assert (row.subject, row.reader, row.model, row.fit) == ("s1", "A", "water-fat ren-marrow", "complex")
        assert row.n_voxels == np.count_nonzero(phantom.regions[row.region])
    provenance = result.maps["R2star"].provenance
    assert provenance["software"].startswith("MRBiomarkers ")
    assert provenance["spectrum"]["name"] == "ren-marrow"
    assert provenance["precession"]["source"] == "given"
    assert provenance["field_strength_T"] == 3.0
    np.testing.assert_allclose(provenance["echo_times_s"], phantom.series.echo_times)
    assert provenance["t1_bias"] is None
    assert json.loads(json_text(dict(provenance)))["bipolar"]["corrected"] is False
    np.testing.assert_array_equal(result.maps["PDFF"].affine, phantom.series.affine)


def test_a_bound_of_r2star_is_counted_where_it_belongs(result):
    on_bound = (result.status & Status.ON_BOUND) != 0
    assert on_bound.any()
    np.testing.assert_array_equal((result.maps["R2star"].status & Status.ON_BOUND) != 0, on_bound)
    assert not np.any(result.maps["PDFF"].status & Status.ON_BOUND)


def test_the_series_and_the_regions_are_left_as_they_were():
    series, regions = uniform()
    signal, region = series.signal.copy(), regions["x"].copy()
    series.signal.flags.writeable = False
    run_fatwater(series, regions)
    np.testing.assert_array_equal(series.signal, signal)
    np.testing.assert_array_equal(regions["x"], region)


def test_magnitudes_are_fitted_by_magnitude_and_have_no_field():
    phantom = lumbar_fat_water(shape=(6, 128, 128), snr=60.0, kind="magnitude")
    result = run_fatwater(phantom.series, phantom.regions)
    assert tuple(result.maps) == tuple(name for name in MAPS if name != "field_map")
    assert result.record["method"] == "magnitude"
    assert set(result.record["regions"]) == set(phantom.regions)
    for name in ("L1", "L2", "L3", "L4"):  # L5, at 55 %, is where both solutions meet
        truth = phantom.region_truth[name]
        for method in (MEAN, RATIO, FIT):
            value = pick(result.rows, region=name, quantity="PDFF", method=method).value
            assert value == pytest.approx(truth["PDFF"], abs=0.8), (name, method)
        value = pick(result.rows, region=name, quantity="R2star", method=FIT).value
        assert value == pytest.approx(truth["R2star"], abs=2.5)


def test_region_values_without_the_phase_of_a_bipolar_readout():
    phantom = lumbar_fat_water(shape=(6, 128, 128), snr=60.0, bipolar_phase=0.4)
    result = run_fatwater(phantom.series, phantom.regions, settings=FatWaterSettings(bipolar=1, bootstrap_samples=0))
    assert result.record["bipolar"]["corrected"]
    for name, truth in phantom.region_truth.items():
        for method in (MEAN, RATIO, FIT):
            value = pick(result.rows, region=name, quantity="PDFF", method=method).value
            assert value == pytest.approx(truth["PDFF"], abs=0.4), (name, method)
        value = pick(result.rows, region=name, quantity="R2star", method=FIT).value
        assert value == pytest.approx(truth["R2star"], abs=2.5)


def test_magnitudes_of_a_complex_series_are_taken_where_asked_for():
    series, regions = uniform()
    magnitudes = EchoSeries(abs(series.signal), TIMES, 3.0, series.affine, kind="magnitude")
    asked = run_fatwater(series, regions, settings=FatWaterSettings(method="magnitude"))
    peer = run_fatwater(magnitudes, regions)
    np.testing.assert_array_equal(asked.maps["PDFF"].values, peer.maps["PDFF"].values)
    assert [row.value for row in asked.rows] == [row.value for row in peer.rows]


def test_the_sign_of_the_phase_is_that_of_the_settings_then_of_the_series_then_of_the_signals():
    series, _ = uniform()
    conjugated = np.conj(series.signal)

    def sign(signal, of_series, of_settings=None):
        one = EchoSeries(signal, TIMES, 3.0, series.affine, precession=of_series)
        return run_fatwater(one, settings=FatWaterSettings(precession=of_settings)).record["precession"]

    assert (sign(conjugated, -1)["sign"], sign(conjugated, -1)["source"]) == (-1, "given")
    assert (sign(conjugated, 1, -1)["sign"], sign(conjugated, 1, -1)["source"]) == (-1, "given")
    assert sign(conjugated, None)["source"] != "given"


def test_t1_bias_is_taken_off_maps_and_region_values():
    factor = t1_bias_factor(8e-3, 10.0, **T1)
    shown = float(apply_t1_bias(np.float64(20.0), factor))
    assert shown == pytest.approx(33.9, abs=0.1)  # reference: 20 % shows as 33.9 % with TR 8 ms and 10 deg
    series, regions = uniform(shown, repetition_time=8e-3, flip_angle=10.0)
    plain = run_fatwater(series, regions, settings=FatWaterSettings(errors=True))
    result = run_fatwater(series, regions, settings=FatWaterSettings(errors=True, **T1))
    for method in (MEAN, RATIO, FIT):
        assert pick(plain.rows, quantity="PDFF", method=method).value == pytest.approx(shown, abs=0.4)
        assert pick(result.rows, quantity="PDFF", method=method).value == pytest.approx(20.0, abs=0.4)
    row, before = (pick(one.rows, quantity="PDFF", method=FIT) for one in (result, plain))
    slope = factor / (factor - (factor - 1) * shown / 100) ** 2  # of the correction, at the shown fraction
    assert row.se == pytest.approx(slope * before.se, rel=0.02)
    assert row.ci_low < row.value < row.ci_high
    ratio = np.median(result.maps["sd_PDFF"].values / plain.maps["sd_PDFF"].values)
    assert ratio == pytest.approx(slope, rel=0.02)
    np.testing.assert_array_equal(result.maps["fat"].values, plain.maps["fat"].values)
    assert result.maps["PDFF"].provenance["t1_bias"]["factor"] == pytest.approx(factor)
    assert [line for line in result.warnings if "T1 bias" in line]
    assert not [line for line in plain.warnings if "T1 bias" in line]


def test_errors_from_the_curvature_take_the_t1_correction():
    factor = t1_bias_factor(8e-3, 10.0, **T1)
    series, regions = uniform(30.0)
    told = {"repetition_time": 8e-3, "flip_angle": 10.0, "bootstrap_samples": 0}
    before = pick(run_fatwater(series, regions, settings=FatWaterSettings(**told)).rows, quantity="PDFF", method=FIT)
    row = pick(run_fatwater(series, regions, settings=FatWaterSettings(**told, **T1)).rows, quantity="PDFF", method=FIT)
    slope = factor / (factor - (factor - 1) * before.value / 100) ** 2
    assert row.se == pytest.approx(slope * before.se, rel=0.01)
    assert row.ci_high - row.ci_low == pytest.approx(slope * (before.ci_high - before.ci_low), rel=0.01)


@pytest.mark.parametrize(
    ("of_series", "of_settings", "missing"),
    [
        ({}, {}, "missing: repetition_time, flip_angle"),
        ({"repetition_time": 8e-3}, {}, "missing: flip_angle$"),
        ({"flip_angle": 5.0}, {}, "missing: repetition_time$"),
        ({"flip_angle": 5.0}, {"flip_angle": 3.0}, "missing: repetition_time$"),
    ],
)
def test_t1_correction_says_what_it_lacks(of_series, of_settings, missing):
    series, regions = uniform(**of_series)
    with pytest.raises(ValueError, match=missing):
        run_fatwater(series, regions, settings=FatWaterSettings(**T1, **of_settings))


def test_settings_go_before_the_series_in_the_t1_correction():
    series, _ = uniform(repetition_time=20e-3, flip_angle=3.0)
    record = run_fatwater(series, settings=FatWaterSettings(**T1, repetition_time=8e-3, flip_angle=10.0)).record
    assert record["t1_bias"]["factor"] == pytest.approx(t1_bias_factor(8e-3, 10.0, **T1))


def test_a_region_without_a_fitted_voxel_has_empty_rows_and_a_warning():
    series, regions = uniform()
    regions["empty"] = np.zeros(series.grid_shape, bool)
    regions["empty"][0, 0, :3] = True
    result = run_fatwater(series, regions, mask=regions["x"])
    rows = [row for row in result.rows if row.region == "empty"]
    assert len(rows) == len(MAPS) + 4
    assert all(np.isnan(row.value) and row.n_unfitted == 3 for row in rows)
    assert "empty" not in result.decays
    said = [line for line in result.warnings if "'empty'" in line]
    assert len(said) == 1  # not a line for each map
    assert "region 'empty': none of its voxels was fitted" in said[0]
    assert pick(result.rows, region="x", quantity="PDFF", method=FIT).n_unfitted == 0


def test_few_voxels_have_errors_from_the_curvature_and_voxels_without_a_fit_are_counted():
    series, _ = uniform()
    series.signal[0, 3, 3] = np.nan
    small = np.zeros(series.grid_shape, bool)
    small[0, 3, 3:10] = True
    result = run_fatwater(series, {"small": small})
    row = pick(result.rows, quantity="PDFF", method=FIT)
    assert (row.n_voxels, row.n_unfitted, result.decays["small"].n_voxels) == (7, 1, 6)
    assert result.decays["small"].fit.draws == {}
    assert row.ci_low < 20.0 < row.ci_high


def test_progress_and_cancel():
    series, regions = uniform()
    seen = []
    run_fatwater(series, regions, progress=lambda done, total: seen.append((done, total)) or True)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1] == series.signal[..., 0].size
    with pytest.raises(InterruptedError, match="fit cancelled"):
        run_fatwater(series, regions, progress=lambda done, total: False)
    steps = iter([True] * (len(seen) - 1) + [False])
    with pytest.raises(InterruptedError, match="region fits cancelled after region 'x'"):
        run_fatwater(series, regions, progress=lambda done, total: next(steps))


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (np.zeros((2, 20, 30), bool), "region 'x': expected at least one voxel"),
        (np.ones((2, 20, 31), bool), r"region 'x': expected shape \(2, 20, 30\)"),
    ],
)
def test_bad_regions_are_named_before_the_fit(region, message):
    series, _ = uniform()
    with pytest.raises(ValueError, match=message):
        run_fatwater(series, {"x": region}, progress=lambda done, total: pytest.fail("the fit began"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "mixed"}, "method: expected 'magnitude' or None for a series of magnitudes, got 'mixed'"),
        ({"precession": -1}, "precession and bipolar: expected None for a series of magnitudes"),
        ({"bipolar": 0}, "precession and bipolar: expected None for a series of magnitudes"),
        ({"spectrum": "lard"}, "spectrum: expected one of"),
    ],
)
def test_settings_that_do_not_fit_the_series_are_named(changes, message):
    series, _ = uniform()
    magnitudes = EchoSeries(abs(series.signal), TIMES, 3.0, series.affine, kind="magnitude")
    with pytest.raises(ValueError, match=message):
        run_fatwater(magnitudes, settings=FatWaterSettings(**changes))
