"""The simulated lumbar spine: its signal, its noise, its truth, its size and its place."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.phantom import B_ALL, LEVELS, lumbar_diffusion
from mrbiomarkers.phantom.tissues import MARROW_S0, TISSUES


@pytest.fixture(scope="module")
def clean():
    """Without noise and without variation inside a tissue."""
    return lumbar_diffusion(snr=None, heterogeneity=0.0, lesion=True)


@pytest.fixture(scope="module")
def noisy():
    return lumbar_diffusion(snr=25.0, seed=3)


def centre_ras(phantom, name):
    k, j, i = (axis.mean() for axis in np.nonzero(phantom.regions[name]))
    return (phantom.series.affine @ (i, j, k, 1.0))[:3]


def test_default_series_follows_the_protocol():
    phantom = lumbar_diffusion()
    series = phantom.series
    assert series.signal.shape == (11, 96, 96, 11)
    assert series.signal.dtype == np.float32
    assert tuple(series.bvalues) == B_ALL
    assert np.all(np.isfinite(series.signal))
    assert phantom.sigma == MARROW_S0 / 40
    spacing = np.linalg.norm(series.affine[:3, :3], axis=0)
    np.testing.assert_allclose(spacing, (250 / 96, 250 / 96, 4.5))


@pytest.mark.parametrize(
    ("region", "ratios"),
    [
        # Worked out by hand, S(b)/S(0) at b = 100, 600, 1200 s/mm2.
        ("L1", (0.847734, 0.667755, 0.506701)),  # .88 exp(-.046) + .12 exp(-2.8), then exp(-.276), exp(-.552)
        ("L3", (0.805754, 0.652822, 0.519727)),  # .82 exp(-.038) + .18 exp(-2.4), then exp(-.228), exp(-.456)
        ("lesion", (0.843190, 0.520283, 0.294234)),  # .92 exp(-.095) + .08 exp(-2.5), then exp(-.57), exp(-1.14)
    ],
)
def test_pure_voxels_decay_as_worked_out_by_hand(clean, region, ratios):
    signal = clean.series.signal[clean.regions[region]]
    at = [B_ALL.index(b) for b in (100.0, 600.0, 1200.0)]
    # float32 of the series: about seven digits; the numbers above have six.
    np.testing.assert_allclose(signal[:, at] / signal[:, :1], np.broadcast_to(ratios, (len(signal), 3)), rtol=4e-6)


def test_region_truth_is_the_truth_map_inside_the_region(clean, noisy):
    for phantom in (clean, noisy):
        for name, mask in phantom.regions.items():
            for key, values in phantom.truth.items():
                assert np.all(np.isfinite(values[mask]))
                assert phantom.region_truth[name][key] == pytest.approx(values[mask].mean(), rel=1e-12)
    for name, mask in clean.regions.items():
        assert np.all(clean.truth["D"][mask] == TISSUES[name].D)
        assert np.all(clean.truth["f"][mask] == TISSUES[name].f)
        assert np.all(clean.truth["Dstar"][mask] == TISSUES[name].Dstar)


def test_truth_map_s0_is_the_signal_at_b_zero_everywhere(clean):
    np.testing.assert_allclose(clean.truth["S0"], clean.series.signal[..., 0], rtol=1e-6)


def test_truth_is_unknown_where_tissues_mix_and_in_air(clean):
    air = clean.truth["S0"] == 0
    assert air.mean() > 0.05
    unknown = np.isnan(clean.truth["D"])
    assert np.all(unknown[air])
    assert np.array_equal(unknown, np.isnan(clean.truth["f"]))
    assert np.mean(unknown & ~air) > 0.05


def test_heterogeneity_is_smooth_and_as_large_as_asked_for():
    phantom = lumbar_diffusion(shape=(11, 128, 128), snr=None, heterogeneity=0.05, seed=5)
    relative = np.concatenate([phantom.truth["D"][phantom.regions[name]] / TISSUES[name].D - 1 for name in LEVELS])
    # The five regions hold some twenty patches of 6 mm, so their spread is known to about a quarter.
    assert 0.025 < relative.std() < 0.075
    mask = phantom.regions["L2"][:, 1:] & phantom.regions["L2"][:, :-1]
    steps = np.diff(phantom.truth["D"], axis=1)[mask] / TISSUES["L2"].D
    assert abs(steps).max() < 0.05


def test_background_is_rician(noisy):
    air = noisy.series.signal[noisy.truth["S0"] == 0]
    assert air.size > 20000
    # Rayleigh: the standard error of the mean is 0.655 sigma / sqrt(N), under 0.5 % of sigma here: 1.4 % is three.
    assert air.mean() == pytest.approx(noisy.sigma * np.sqrt(np.pi / 2), rel=0.014)
    assert air.std() == pytest.approx(noisy.sigma * np.sqrt(2 - np.pi / 2), rel=0.02)


def test_noise_in_marrow_has_the_asked_for_signal_to_noise_ratio(noisy):
    truth = lumbar_diffusion(snr=None, seed=3)
    inside = np.any(list(noisy.regions.values()), axis=0)
    residual = noisy.series.signal[inside] - truth.series.signal[inside]
    # Above an SNR of 10 the Rician distribution is Gaussian within 1 %; of over 5000 values 5 % is five errors.
    assert residual.std() == pytest.approx(MARROW_S0 / 25, rel=0.05)
    np.testing.assert_array_equal(truth.truth["D"], noisy.truth["D"])


def test_infinite_snr_means_no_noise(clean):
    again = lumbar_diffusion(snr=float("inf"), heterogeneity=0.0, lesion=True)
    np.testing.assert_array_equal(again.series.signal, clean.series.signal)
    assert again.sigma == 0.0


def test_same_seed_same_phantom_other_seed_other_noise(noisy):
    again = lumbar_diffusion(snr=25.0, seed=3)
    other = lumbar_diffusion(snr=25.0, seed=4)
    np.testing.assert_array_equal(again.series.signal, noisy.series.signal)
    assert not np.array_equal(other.series.signal, noisy.series.signal)


def test_affine_is_right_handed_oblique_and_sagittal(clean):
    axes = clean.series.affine[:3, :3] / np.linalg.norm(clean.series.affine[:3, :3], axis=0)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert axes[1, 0] < -0.98  # columns run to posterior
    assert axes[2, 1] < -0.98  # rows run to inferior
    assert axes[0, 2] > 0.98  # slices run to the right
    assert np.all(abs(axes) < 0.9999)


def test_anatomy_lies_where_it_should(clean):
    heights = [centre_ras(clean, level)[2] for level in LEVELS]
    assert np.all(np.diff(heights) < -25)  # L1 on top, a body and a disc lower each time
    body = centre_ras(clean, "L3")
    fluid = np.argwhere((clean.truth["D"] == TISSUES["csf"].D) & (np.arange(11)[:, None, None] == 5))
    canal = (clean.series.affine @ np.r_[fluid[:, ::-1].mean(axis=0), 1.0])[:3]
    assert canal[1] < body[1] - 15  # the canal behind the bodies
    # Aorta to the left, vena cava to the right: they are the pure voxels with the D of a vessel.
    vessels = np.argwhere(clean.truth["D"] == TISSUES["vessel"].D)
    spine = np.argwhere(clean.regions["L2"]).mean(axis=0)
    assert np.all(vessels[:, 2] < spine[2])
    assert {-1, 1} == set(np.sign(vessels[:, 0] - 5))


def test_regions_lie_on_the_three_middle_slices_and_do_not_touch(clean):
    assert list(clean.regions) == [*LEVELS, "lesion"]
    for name in LEVELS:
        assert set(np.nonzero(clean.regions[name])[0]) == {4, 5, 6}
        assert clean.regions[name].sum() >= 50
    assert np.sum(list(clean.regions.values()), axis=0).max() == 1
    assert clean.regions["lesion"].sum() >= 20


def test_a_child_is_smaller_all_over():
    adult, child = (lumbar_diffusion(snr=None, scale=scale) for scale in (1.0, 0.6))
    spans = [np.linalg.norm(centre_ras(phantom, "L1") - centre_ras(phantom, "L5")) for phantom in (adult, child)]
    # Centres of regions are known to a fraction of a 2.6 mm pixel.
    assert spans[1] / spans[0] == pytest.approx(0.6, abs=0.01)
    assert all(mask.any() for mask in child.regions.values())


def test_finer_matrix_keeps_the_truth_of_the_regions():
    coarse = lumbar_diffusion(shape=(3, 96, 96), snr=None, heterogeneity=0.0)
    fine = lumbar_diffusion(shape=(3, 160, 160), snr=None, heterogeneity=0.0)
    for name in LEVELS:
        assert fine.region_truth[name]["D"] == pytest.approx(coarse.region_truth[name]["D"])
        assert fine.regions[name].sum() > 2 * coarse.regions[name].sum()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"snr": 0.0}, "snr: expected a number above 0"),
        ({"snr": float("nan")}, "snr: expected a number above 0"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"scale": 3.0}, r"scale: expected a number from 0.4 to 1.2, got 3.0"),
        ({"heterogeneity": -0.1}, "heterogeneity: expected"),
        ({"field_of_view": 20.0}, "field_of_view: expected"),
        ({"shape": (11, 96)}, "shape: expected three whole numbers"),
        ({"shape": (11, 4, 96)}, "shape: expected three whole numbers"),
        ({"shape": (3, 16, 16)}, "shape: expected voxels small enough"),
        ({"bvalues": (0, -5)}, "bvalues: expected values of 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        lumbar_diffusion(**arguments)
