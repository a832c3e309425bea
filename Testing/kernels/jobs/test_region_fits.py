import numpy as np
import pytest

from mrbiomarkers.diffusion import kurtosis
from mrbiomarkers.jobs import run_diffusion
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings
from Testing.support.simulate import B_ALL, ivim_signal

B = np.array([0.0, 500, 1000, 1500, 2000])


def pick(rows, **wanted):
    found = [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]
    assert len(found) == 1, wanted
    return found[0]


def two_regions(n, noise, seed):
    """A lesion (MD 1.0, MK 0.9) and a reference (MD 1.6, MK 0.6) of n voxels each, independent noise."""
    rng = np.random.default_rng(seed)
    signal = np.stack([np.tile(kurtosis(B, 100.0, md, mk), (n, 1)) for md, mk in ((1.0e-3, 0.9), (1.6e-3, 0.6))])
    signal = (signal + rng.normal(0, noise, signal.shape))[:, :, None]
    lesion = np.zeros(signal.shape[:3], bool)
    lesion[0] = True
    return DiffusionSeries(signal, B, np.eye(4)), {"lesion": lesion, "reference": ~lesion}


SETTINGS = DiffusionSettings(models=("kurtosis",), reference_region="reference")


def test_ratios_to_the_reference_region():
    series, regions = two_regions(200, 1.0, 0)
    rows = run_diffusion(series, regions, settings=SETTINGS).rows
    for key, truth in (("rMD", 1.0 / 1.6), ("rMK", 0.9 / 0.6)):
        row = pick(rows, quantity=key)
        base = key[1:]
        values = [pick(rows, region=r, quantity=base, method="fit of mean signal").value for r in regions]
        assert row.region == "lesion"
        assert row.unit == "1"
        assert row.value == pytest.approx(values[0] / values[1], rel=1e-12)
        assert row.ci_low < truth < row.ci_high


@pytest.mark.parametrize("n_voxels", [12, 100])
def test_stated_errors_of_values_and_ratios_are_the_scatter_of_repeated_measurements(n_voxels):
    found = {"MD": [], "MK": [], "rMD": [], "rMK": []}
    stated = {key: [] for key in found}
    for seed in range(60):
        series, regions = two_regions(n_voxels, 2.0, seed)
        rows = run_diffusion(series, regions, settings=SETTINGS).rows
        for key in found:
            row = pick(rows, region="lesion", quantity=key, method="fit of mean signal")
            found[key].append(row.value)
            stated[key].append(row.se)
    for key in found:
        # 60 repeats give the scatter to 9 %; the curvature of a fit with two degrees of freedom scatters by itself
        assert np.sqrt(np.mean(np.square(stated[key]))) == pytest.approx(np.std(found[key], ddof=1), rel=0.3), key


def test_draws_are_the_same_for_the_same_seed_and_others_for_another():
    series, regions = two_regions(50, 2.0, 1)

    def errors(seed):
        settings = DiffusionSettings(models=("kurtosis",), bootstrap_seed=seed)
        return [row.se for row in run_diffusion(series, regions, settings=settings).rows if row.quantity == "MK"]

    np.testing.assert_array_equal(errors(0), errors(0))
    assert errors(0) != errors(1)


def test_bootstrap_intervals_hold_the_truth_as_often_as_they_say():
    settings = DiffusionSettings(models=("ivim",), bootstrap_samples=200)
    truth = {"f": 0.2, "D": 0.5, "Dstar": 30.0}
    hits = dict.fromkeys(truth, 0)
    n_trials = 200
    rng = np.random.default_rng(3)
    clean = ivim_signal(B_ALL, 100.0, 0.2, 0.5e-3, 30e-3)
    for _ in range(n_trials):
        series = DiffusionSeries(clean + rng.normal(0, 4.0, (1, 6, 10, B_ALL.size)), B_ALL, np.eye(4))
        rows = run_diffusion(series, {"x": np.ones((1, 6, 10))}, settings=settings).rows
        for key, true in truth.items():
            row = pick(rows, quantity=key, method="fit of mean signal")
            hits[key] += row.ci_low <= true <= row.ci_high
    # percentile intervals of 60 voxels are a little narrow; 200 trials have a standard deviation of 1.5 %
    for key, count in hits.items():
        assert 0.88 <= count / n_trials <= 0.99, key


def test_without_draws_the_curvature_gives_the_errors():
    series, regions = two_regions(100, 2.0, 4)
    plain = DiffusionSettings(models=("kurtosis",), bootstrap_samples=0, reference_region="reference")
    result = run_diffusion(series, regions, settings=plain)
    assert result.decays["lesion"].fits["kurtosis"].draws == {}
    row = pick(result.rows, quantity="rMK")
    assert row.ci_low < row.value < row.ci_high


def test_unknown_reference_region_is_refused():
    series, regions = two_regions(5, 1.0, 0)
    with pytest.raises(
        ValueError, match=r"reference_region: expected one of the regions .lesion, reference., got 'fat'"
    ):
        run_diffusion(series, regions, settings=DiffusionSettings(models=("kurtosis",), reference_region="fat"))
