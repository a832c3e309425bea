import numpy as np
import pytest

from mrbiomarkers.diffusion import fit_adc, fit_ivim, kurtosis
from mrbiomarkers.jobs import run_diffusion
from mrbiomarkers.maps import Status
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings, MeasureSettings
from Testing.support.simulate import B_ALL, best_of_five, ivim_signal, marrow_population
from Testing.support.volumes import oblique_affine

SHAPE = (3, 6, 7)
TRUTH = {"f": 0.2, "D": 0.5e-3, "Dstar": 30e-3}


@pytest.fixture
def series():
    rng = np.random.default_rng(0)
    clean = ivim_signal(B_ALL, 800.0, TRUTH["f"], TRUTH["D"], TRUTH["Dstar"])
    signal = np.abs(clean + rng.normal(0, 8.0, (*SHAPE, B_ALL.size))).astype(np.float32)
    signal[0, 0, 0] = 0
    signal[0, 0, 1, 3] = np.nan
    return DiffusionSeries(signal, B_ALL, oblique_affine(), source=("caller",) * B_ALL.size)


@pytest.fixture
def regions():
    one, two = np.zeros((2, *SHAPE), bool)
    one[:2] = True
    two[2, 1:5, 2:6] = True
    return {"whole": one, "small": two}


def pick(rows, **wanted):
    found = [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]
    assert len(found) == 1, wanted
    return found[0]


def test_maps_are_those_of_the_kernels_with_unit_and_provenance(series):
    result = run_diffusion(series)
    adc, ivim = fit_adc(series.signal, B_ALL), fit_ivim(series.signal, B_ALL)
    assert list(result.maps) == ["ADC", "S0_adc", "rmse_adc", "f", "D", "Dstar", "S0_ivim", "rmse_ivim"]
    expected = {"ADC": adc.ADC, "S0_adc": adc.S0, "f": ivim.f, "Dstar": ivim.Dstar, "rmse_ivim": ivim.rmse}
    for name, values in expected.items():
        np.testing.assert_array_equal(result.maps[name].values, values)
    parameter_map = result.maps["Dstar"]
    assert parameter_map.unit == "mm2/s"
    np.testing.assert_array_equal(parameter_map.affine, series.affine)
    assert parameter_map.status[0, 0, 0] == Status.NO_SIGNAL
    assert parameter_map.status[0, 0, 1] == Status.NOT_FINITE
    provenance = parameter_map.provenance
    assert provenance["model"] == "ivim"
    assert provenance["bvalues"] == B_ALL.tolist()
    assert provenance["bounds"]["Dstar"] == (5e-3, 0.2)
    assert provenance["software"].startswith("MRBiomarkers ")


def test_rows_of_both_methods_for_every_region_and_quantity(series, regions):
    result = run_diffusion(series, regions, identity=MeasureSettings(subject="s7", timepoint="pre", reader="A"))
    assert len(result.rows) == 2 * (2 * 8 + 2)  # AICc is of the region fits only
    for region, mask in regions.items():
        for key in ("ADC", "f", "D", "Dstar"):
            row = pick(result.rows, region=region, quantity=key, method="mean of map")
            scale = 1 if key == "f" else 1e3
            assert row.mean == pytest.approx(np.nanmean(result.maps[key].values[mask].astype(float)) * scale, rel=1e-6)
            fit = pick(result.rows, region=region, quantity=key, method="fit of mean signal")
            assert (fit.subject, fit.timepoint, fit.reader) == ("s7", "pre", "A")
            assert (fit.unit, fit.n_voxels, fit.volume_mm3) == (row.unit, row.n_voxels, row.volume_mm3)
            assert fit.ci_low < fit.value < fit.ci_high
            assert np.isnan(fit.mean)


def test_region_fit_is_the_best_fit_of_the_mean_signal(series, regions):
    result = run_diffusion(series, regions)
    mask = regions["whole"] & np.isfinite(series.signal).all(axis=-1)
    mean = series.signal[mask].astype(float).mean(axis=0)
    best, _ = best_of_five(mean / 800)
    decay = result.decays["whole"]
    np.testing.assert_allclose(decay.mean, mean, rtol=1e-12)
    assert decay.n_voxels == mask.sum() == 83
    residual = (decay.fits["ivim"].signal(B_ALL) - mean) / 800
    assert residual @ residual <= best * (1 + 1e-6)
    row = pick(result.rows, region="whole", quantity="rmse", model="ivim", method="fit of mean signal")
    assert row.value == pytest.approx(800 * np.sqrt(residual @ residual / B_ALL.size), rel=1e-4)


def test_intervals_of_region_fits_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(5)
    hits = dict.fromkeys(TRUTH, 0)
    n_trials = 300
    mask = np.ones((1, 1, 10), bool)
    for _ in range(n_trials):
        clean = ivim_signal(B_ALL, 100.0, *TRUTH.values())
        noisy = clean + rng.normal(0, 2.0, (1, 1, 10, B_ALL.size))
        rows = run_diffusion(
            DiffusionSeries(noisy, B_ALL, np.eye(4)), {"x": mask}, settings=DiffusionSettings(models=("ivim",))
        ).rows
        for key, true in TRUTH.items():
            row = pick(rows, quantity=key, method="fit of mean signal")
            hits[key] += row.ci_low <= true * (1 if key == "f" else 1e3) <= row.ci_high
    # 95 % nominal; 300 trials have a standard deviation of 1.3 %, the model's curvature takes the rest
    for key, count in hits.items():
        assert 0.90 <= count / n_trials <= 0.985, key


def test_mask_limits_the_maps_but_not_the_region_fits(series, regions):
    mask = np.zeros(SHAPE, bool)
    mask[1] = True
    limited, full = run_diffusion(series, regions, mask=mask), run_diffusion(series, regions)
    assert np.isnan(limited.maps["D"].values[0]).all()
    np.testing.assert_array_equal(limited.maps["D"].values[1], full.maps["D"].values[1])
    row = pick(limited.rows, region="small", quantity="D", method="mean of map")
    assert row.n_unfitted == row.n_voxels
    assert any("'small', D (ivim, mean of map): none of 16 voxels" in line for line in limited.warnings)


def test_shrinkage_learns_each_region_and_a_lesion_is_cut_out_of_its_vertebra():
    signal, truth = marrow_population(2400, 5, snr=20)
    tumour, _ = marrow_population(400, 6, snr=20, f=0.08, D=0.95e-3)
    both = np.concatenate([signal, tumour]).reshape(7, 20, 20, -1)
    whole, lesion = np.ones(both.shape[:3], bool), np.zeros(both.shape[:3], bool)
    lesion[6] = True
    settings = DiffusionSettings(models=("ivim",), method="shrinkage")
    regions = {"L3": whole, "lesion": lesion}
    result = run_diffusion(DiffusionSeries(both, B_ALL, np.eye(4)), regions, settings=settings)
    d = result.maps["D"].values
    free = fit_ivim(both, B_ALL)
    error = [np.sqrt(np.mean((maps[:6].ravel() - truth["D"]) ** 2)) for maps in (d, free.D)]
    assert error[0] < 0.7 * error[1]
    assert d[6].mean() > 0.85e-3
    assert result.maps["D"].provenance["method"] == "shrinkage"
    rows = {(row.region, row.quantity, row.method): row for row in result.rows}
    assert rows["lesion", "D", "mean of map"].fit == "shrinkage"
    assert rows["lesion", "D", "fit of mean signal"].fit == "nlls"


def test_adc_from_chosen_b_values_is_the_two_point_value(series, regions):
    settings = DiffusionSettings(models=("adc", "ivim"), adc_bvalues=(0, 800), selection=True)
    result = run_diffusion(series, regions, settings=settings)
    low, high = (series.signal[1, ..., b].astype(float) for b in (0, 8))
    np.testing.assert_allclose(result.maps["ADC"].values[1], np.log(low / high) / 800, rtol=1e-4)
    assert result.maps["ADC"].provenance["fitted_bvalues"] == [0, 800]
    assert np.isnan(pick(result.rows, region="small", quantity="AICc", model="adc").value)
    assert result.selection.models == ("adc", "ivim")
    with pytest.raises(ValueError, match=r"adc_bvalues: expected some of 0, 10, .* got 801"):
        run_diffusion(series, regions, settings=DiffusionSettings(adc_bvalues=(0, 801)))


def test_kurtosis_beyond_its_range_is_warned_about():
    signal = np.tile(kurtosis(B_ALL, 1.0, 1e-3, 4.0), (1, 5, 5, 1))
    settings = DiffusionSettings(models=("kurtosis",))
    result = run_diffusion(DiffusionSeries(signal, B_ALL, np.eye(4)), {"x": np.ones((1, 5, 5))}, settings=settings)
    assert "region 'x', kurtosis: in 100% of the voxels the largest b-value lies beyond" in result.warnings[0]


def test_averages_are_weights():
    rng = np.random.default_rng(2)
    averages = np.array([1, 1, 1, 1, 2, 2, 4, 4, 6, 8, 10], float)
    signal = ivim_signal(B_ALL, 1.0, *TRUTH.values()) + rng.normal(0, 0.02, (1, 2, 2, B_ALL.size))
    series = DiffusionSeries(signal, B_ALL, np.eye(4), averages=averages)
    result = run_diffusion(series)
    np.testing.assert_array_equal(result.maps["D"].values, fit_ivim(signal, B_ALL, weights=averages).D)
    assert result.maps["D"].provenance["weights"] == averages.tolist()


def test_progress_runs_once_from_start_to_end_over_all_models(series):
    seen = []
    run_diffusion(series, progress=lambda done, total: seen.append((done, total)) is None)
    assert seen == [(126, 252), (252, 252)]
    with pytest.raises(InterruptedError):
        run_diffusion(series, progress=lambda done, total: False)


def test_fits_on_a_bound_are_flagged_and_warned_about(series, regions):
    settings = DiffusionSettings(models=("ivim",), bounds={"Dstar": (50e-3, 0.2)})
    result = run_diffusion(series, regions, settings=settings)
    row = pick(result.rows, region="small", quantity="Dstar", method="fit of mean signal")
    assert row.value == pytest.approx(50.0)
    assert row.n_on_bound == 1
    assert np.isnan(row.se)
    assert "region 'small', Dstar (ivim, fit of mean signal): the fit ended on a bound" in result.warnings


def test_a_d_star_that_noise_hides_is_flagged_warned_about_and_measured():
    rng = np.random.default_rng(4)
    clean = ivim_signal(B_ALL, 1.0, 0.05, 0.5e-3, 30e-3)
    signal = clean + np.array([0.1, 1e-4])[:, None, None, None] * rng.normal(size=(2, 20, 20, B_ALL.size))
    regions = {name: np.zeros((2, 20, 20), bool) for name in ("noisy", "clean")}
    regions["noisy"][0] = regions["clean"][1] = True
    settings = DiffusionSettings(models=("ivim",))
    result = run_diffusion(DiffusionSeries(signal, B_ALL, np.eye(4)), regions, settings=settings)
    hidden = (result.maps["Dstar"].status & Status.NOT_IDENTIFIABLE) != 0
    share = hidden[0].mean()
    assert share > 0.2
    assert not hidden[1].any()
    np.testing.assert_array_equal((result.status["ivim"] & Status.NOT_IDENTIFIABLE) != 0, hidden)
    told = [line for line in result.warnings if "not identifiable" in line]
    assert told == [f"region 'noisy', ivim: D* is not identifiable in {share:.0%} of the voxels (error above value)"]
    values, undetermined = result.maps["Dstar"].values[0], (result.status["ivim"][0] & Status.UNDETERMINED) != 0
    row = pick(result.rows, region="noisy", quantity="Dstar", method="mean of map")
    assert row.mean == pytest.approx(1e3 * values[~undetermined].mean())
    assert row.n_unfitted == undetermined.sum()


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ({"x": np.zeros(SHAPE)}, "region 'x': expected at least one voxel above 0"),
        ({"x": np.ones((2, 2, 2))}, "region 'x': expected shape"),
    ],
)
def test_bad_regions_are_named_before_any_fit(series, regions, message):
    with pytest.raises(ValueError, match=message):
        run_diffusion(series, regions, progress=lambda done, total: pytest.fail("a fit was started"))


def test_region_of_nan_voxels_only_is_refused(series):
    mask = np.zeros(SHAPE, bool)
    mask[0, 0, 1] = True
    with pytest.raises(ValueError, match="region 'x': expected at least one voxel with a finite signal"):
        run_diffusion(series, {"x": mask})
