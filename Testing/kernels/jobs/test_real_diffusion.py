import numpy as np
import pytest

from Testing.benchmarks.diffusion_real_data import VOLUNTEERS, bipolar_series, marrow_fits, same_images, volunteer


@pytest.mark.parametrize("number", VOLUNTEERS)
def test_marrow_of_volunteers_is_plausible(shared_data, number):
    decay = marrow_fits(shared_data / "diffusion", number)
    assert decay.n_voxels >= 20
    for model, key in (("adc", "ADC"), ("ivim", "D")):
        fit = decay.fits[model]
        low, high = fit.intervals[key]
        assert 0.05e-3 < fit.values[key] < 1.0e-3
        assert np.isfinite([low, high]).all()
        assert low < fit.values[key] < high
    assert 0 < decay.fits["ivim"].values["f"] < 0.3
    assert decay.fits["ivim"].values["D"] < decay.fits["adc"].values["ADC"]


def test_repeats_and_directions_become_one_image_a_b_value(shared_data):
    series = bipolar_series(volunteer(shared_data / "diffusion", 1))
    np.testing.assert_array_equal(series.bvalues, [0, 10, 25, 50, 100, 200, 300, 400, 500])
    np.testing.assert_array_equal(series.averages, [12] + [6] * 8)


@pytest.mark.parametrize("label", [2, 3])
def test_high_b_diffusion_is_that_of_the_authors_from_the_same_images(shared_data, label):
    ours, theirs = same_images(shared_data / "diffusion", 3, label)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)  # 10^-3 mm2/s
