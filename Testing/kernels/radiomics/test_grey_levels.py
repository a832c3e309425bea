"""Bins, and the features of the distribution of values."""

import numpy as np
import pytest
from scipy import stats

from mrbiomarkers.radiomics.discretise import discretise
from mrbiomarkers.radiomics.firstorder import first_order_features
from mrbiomarkers.settings import RadiomicsSettings


def greys(values, minimum=None, **settings):
    levels = discretise(np.asarray(values), RadiomicsSettings(**settings), minimum=minimum)
    assert levels.counts.tolist() == [np.count_nonzero(levels.index == at) for at in range(levels.grey.size)]
    return levels.grey[levels.index].astype(int).tolist()


def test_bins_start_at_a_multiple_of_the_width():
    assert greys([54, 75, 74, 166, 100], bin_width=25) == [1, 2, 1, 5, 3]
    assert greys([-1.0, 0.0, 0.1, 25.0], bin_width=25) == [1, 2, 2, 3]
    assert greys([0.35, 0.12, 0.21], bin_width=0.1) == [3, 1, 2]


def test_bins_start_at_a_stated_minimum():
    assert greys([54, 75, 74, 166, 100], minimum=50, bin_width=10) == [1, 3, 3, 12, 6]
    assert greys([10, 35], minimum=10, bin_width=25) == [1, 2]


def test_a_number_of_bins_fills_the_range_and_takes_in_the_largest_value():
    assert greys([0, 1, 2, 3, 4, 8], bin_count=4) == [1, 1, 2, 2, 3, 4]
    assert set(greys(np.linspace(-3, 9, 1000), bin_count=7)) == set(range(1, 8))


@pytest.mark.parametrize("settings", [{"bin_width": 25}, {"bin_count": 8}])
def test_equal_values_have_one_level(settings):
    levels = discretise(np.full(5, 50), RadiomicsSettings(**settings))

    assert levels.grey.size == 1
    assert levels.counts.tolist() == [5]


def test_levels_far_apart_are_found_too():
    levels = discretise(np.array([0.0, 0.4, 900_000.0]), RadiomicsSettings(bin_width=1))

    assert levels.grey.tolist() == [1, 900_001]
    assert levels.highest == 900_001
    assert levels.index.tolist() == [0, 0, 1]


def features(values, **settings):
    settings = RadiomicsSettings(bin_width=1, **settings)
    return first_order_features(values, discretise(values, settings), 1.5, settings)


def test_first_order_features_are_those_of_scipy():
    values = np.random.default_rng(0).gamma(2, 10, 501)
    found = features(values)

    assert found["Skewness"] == pytest.approx(stats.skew(values))
    assert found["Kurtosis"] == pytest.approx(stats.kurtosis(values, fisher=False))
    assert found["InterquartileRange"] == pytest.approx(stats.iqr(values))
    assert found["Variance"] == pytest.approx(np.var(values))
    assert found["Entropy"] == pytest.approx(stats.entropy(np.unique(np.floor(values), return_counts=True)[1], base=2))
    inner = values[(values >= np.percentile(values, 10)) & (values <= np.percentile(values, 90))]
    assert found["RobustMeanAbsoluteDeviation"] == pytest.approx(np.mean(np.abs(inner - inner.mean())))
    assert found["MeanAbsoluteDeviation"] == pytest.approx(np.mean(np.abs(values - values.mean())))
    assert found["RootMeanSquared"] ** 2 * 501 == pytest.approx(found["Energy"])
    assert found["TotalEnergy"] == pytest.approx(1.5 * found["Energy"])


def test_large_whole_numbers_do_not_overflow():
    values = np.array([30_000, 31_000, 32_000], dtype=np.int16)

    assert features(values)["Energy"] == pytest.approx(np.sum(values.astype(float) ** 2))


def test_a_shift_moves_energy_only():
    values = np.arange(5.0)
    plain, shifted = features(values), features(values, voxel_array_shift=10)

    assert shifted["Energy"] == np.sum((values + 10) ** 2)
    changed = {name for name in plain if plain[name] != shifted[name]}
    assert changed == {"Energy", "TotalEnergy", "RootMeanSquared"}


def test_kurtosis_of_ibsi_is_in_excess_of_the_normal():
    values = np.random.default_rng(1).normal(size=200_000)

    assert features(values, standard="ibsi")["Kurtosis"] == pytest.approx(0, abs=0.05)
