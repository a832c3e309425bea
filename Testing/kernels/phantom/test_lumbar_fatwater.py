"""The simulated lumbar spine in water and fat: its signal, its noise, its truth and its field."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from mrbiomarkers.phantom import ECHO_TIMES, LEVELS, lumbar_diffusion, lumbar_fat_water
from mrbiomarkers.phantom.fatwater_tissues import MARROW_SIGNAL, fat_water_tissues

SHAPE = (3, 96, 96)
PPM = (0.90, 1.30, 1.60, 2.02, 2.24, 2.75, 4.20, 5.19, 5.29)
WEIGHTS = (90, 584, 60, 85, 60, 15, 40, 10, 57)


@pytest.fixture(scope="module")
def clean():
    """Without noise and without variation inside marrow."""
    return lumbar_fat_water(shape=SHAPE, snr=None, heterogeneity=0.0, lesion=True)


@pytest.fixture(scope="module")
def noisy():
    return lumbar_fat_water(shape=SHAPE, snr=25.0, seed=3)


def written_out(water, fat, r2star, field, tesla, time):
    """The signal at one echo without phase at echo time 0, one peak after the other."""
    total = complex(water)
    for ppm, weight in zip(PPM, WEIGHTS, strict=True):
        total += fat * weight / 1001 * cmath.exp(2j * math.pi * 42.577478518 * tesla * (ppm - 4.70) * time)
    return total * math.exp(-r2star * time) * cmath.exp(2j * math.pi * field * time)


def test_default_series_follows_the_protocol(noisy):
    series = noisy.series
    assert series.signal.shape == (*SHAPE, 6)
    assert series.signal.dtype == np.complex64
    assert np.all(np.isfinite(series.signal))
    np.testing.assert_allclose(series.echo_times, 1.24e-3 + 0.98e-3 * np.arange(6))
    assert tuple(series.echo_times) == ECHO_TIMES
    assert (series.field_strength, series.kind, series.readout_axis, series.precession) == (3.0, "complex", 1, 1)
    assert noisy.sigma == MARROW_SIGNAL / 25
    assert noisy.body.shape == SHAPE
    assert set(noisy.truth) == {"PDFF", "R2star", "water", "fat", "field_map"}


def test_it_is_the_patient_of_the_diffusion_phantom(clean):
    other = lumbar_diffusion(shape=SHAPE, snr=None, lesion=True, bvalues=(0, 800))
    np.testing.assert_array_equal(clean.series.affine, other.series.affine)
    assert list(clean.regions) == [*LEVELS, "lesion"]
    for name, mask in other.regions.items():
        np.testing.assert_array_equal(clean.regions[name], mask)


@pytest.mark.parametrize("tesla", [1.5, 3.0])
def test_pure_voxels_equal_a_sum_written_out(clean, tesla):
    phantom = clean
    if tesla != 3.0:
        phantom = lumbar_fat_water(shape=SHAPE, snr=None, heterogeneity=0.0, lesion=True, field_strength=tesla)
    pure = np.argwhere(np.isfinite(phantom.truth["PDFF"]))
    for k, j, i in pure[:: len(pure) // 60]:
        at = [phantom.truth[key][k, j, i] for key in ("water", "fat", "R2star", "field_map")]
        expected = np.array([written_out(*at, tesla, time) for time in ECHO_TIMES])
        found = phantom.series.signal[k, j, i].astype(complex)
        # Phase at echo time 0 is not part of the truth: it is taken from the first echo. complex64: seven digits.
        expected *= np.exp(1j * (np.angle(found[0]) - np.angle(expected[0])))
        np.testing.assert_allclose(found, expected, atol=2e-6 * abs(expected).max())


def test_phase_at_echo_time_zero_is_smooth(clean):
    fluid = (clean.truth["PDFF"] == 0) & (clean.truth["R2star"] == 5)  # the sac: water alone
    time = ECHO_TIMES[0]
    phase = clean.series.signal[..., 0] * np.exp(-2j * np.pi * clean.truth["field_map"] * time)
    both = fluid[:, 1:] & fluid[:, :-1]
    steps = np.angle(phase[:, 1:] * phase[:, :-1].conj())[both]
    assert 0 < abs(steps).mean() < 0.05  # [rad] in 2.6 mm


def test_truth_inside_regions_is_what_was_asked_for():
    pdff = {"L1": 1.0, "L2": 5.0, "L3": 20.0, "L4": 40.0, "L5": 60.0, "lesion": 2.0}
    r2star = {"L1": 50.0, "L2": 200.0}
    phantom = lumbar_fat_water(shape=SHAPE, snr=None, heterogeneity=0.0, lesion=True, pdff=pdff, r2star=r2star)
    expected = fat_water_tissues(pdff, r2star)
    for name, mask in phantom.regions.items():
        np.testing.assert_allclose(phantom.truth["PDFF"][mask], pdff[name])
        np.testing.assert_allclose(phantom.truth["R2star"][mask], r2star.get(name, expected[name].r2star))
        share = phantom.truth["fat"][mask] / (phantom.truth["water"] + phantom.truth["fat"])[mask]
        np.testing.assert_allclose(100 * share, pdff[name])
        assert phantom.region_truth[name]["PDFF"] == pytest.approx(pdff[name])
    assert fat_water_tissues()["L1"].pdff == 22.0  # the defaults are not written to


def test_region_truth_is_the_truth_map_inside_the_region(noisy):
    for name, mask in noisy.regions.items():
        for key, values in noisy.truth.items():
            assert np.all(np.isfinite(values[mask]))
            assert noisy.region_truth[name][key] == pytest.approx(values[mask].mean(), rel=1e-12)
        assert np.all(noisy.body[mask])


def test_marrow_varies_and_other_tissue_does_not(noisy):
    relative = np.concatenate(
        [noisy.truth["PDFF"][m] / fat_water_tissues()[n].pdff - 1 for n, m in noisy.regions.items()]
    )
    # Some twenty patches of 6 mm: their spread is known to about a quarter.
    assert 0.02 < relative.std() < 0.06
    other = ~np.isin(noisy.truth["R2star"], [tissue.r2star for tissue in fat_water_tissues().values()])
    pure = np.isfinite(noisy.truth["PDFF"])
    assert np.all(noisy.truth["PDFF"][pure & other] > 10)  # marrow: the least is 20 % in thoracic bodies
    assert np.mean(pure & ~other) > 0.3
    fat = noisy.truth["PDFF"] > 90
    assert fat.any()
    assert np.all(noisy.truth["PDFF"][fat] == 95.0)


def test_fraction_never_leaves_its_range():
    phantom = lumbar_fat_water(shape=SHAPE, snr=None, heterogeneity=0.2, pdff={"L2": 98.0, "L3": 0.0})
    known = phantom.truth["PDFF"][np.isfinite(phantom.truth["PDFF"])]
    assert known.max() == 100.0
    assert known.min() == 0.0
    assert phantom.truth["fat"].min() >= 0
    assert phantom.truth["water"].min() >= 0


def test_truth_is_unknown_where_tissues_mix_and_in_air(clean):
    total = clean.truth["water"] + clean.truth["fat"]
    unknown = np.isnan(clean.truth["PDFF"])
    np.testing.assert_array_equal(unknown, np.isnan(clean.truth["R2star"]))
    assert np.mean(total == 0) > 0.05
    assert np.all(unknown[total == 0])
    assert np.mean(unknown & clean.body) > 0.05
    assert np.all(np.isfinite(clean.truth["field_map"]))
    assert not np.any(clean.body & (total == 0))
    assert 0.6 < clean.body.mean() < 0.85


def test_noise_has_the_asked_for_level_and_no_bias(noisy):
    truth = lumbar_fat_water(shape=SHAPE, snr=None, seed=3)
    residual = noisy.series.signal.astype(complex) - truth.series.signal
    # 165 888 values a channel: standard errors are 0.25 % of sigma for the mean and 0.17 % for the spread.
    for channel in (residual.real, residual.imag):
        assert abs(channel.mean()) < 0.008 * noisy.sigma
        assert channel.std() == pytest.approx(noisy.sigma, rel=0.006)
        assert channel[noisy.body].std() == pytest.approx(noisy.sigma, rel=0.01)
    for key, values in truth.truth.items():
        np.testing.assert_array_equal(values, noisy.truth[key])


def test_marrow_at_the_centre_of_the_coil_has_the_asked_for_ratio(clean):
    at = clean.regions["L3"]
    total = (clean.truth["water"] + clean.truth["fat"])[at].mean()
    assert total == pytest.approx(MARROW_SIGNAL, rel=0.1)  # the region reaches 10 mm from the centre of L3


def test_infinite_snr_means_no_noise(clean):
    again = lumbar_fat_water(shape=SHAPE, snr=float("inf"), heterogeneity=0.0, lesion=True)
    np.testing.assert_array_equal(again.series.signal, clean.series.signal)
    assert again.sigma == 0.0


def test_same_seed_same_phantom_other_seed_other_noise_and_field(noisy):
    again = lumbar_fat_water(shape=SHAPE, snr=25.0, seed=3)
    other = lumbar_fat_water(shape=SHAPE, snr=25.0, seed=4)
    np.testing.assert_array_equal(again.series.signal, noisy.series.signal)
    assert not np.array_equal(other.series.signal, noisy.series.signal)
    assert not np.allclose(other.truth["field_map"], noisy.truth["field_map"])


def test_magnitude_is_that_of_the_same_noisy_images(noisy):
    phantom = lumbar_fat_water(shape=SHAPE, snr=25.0, seed=3, kind="magnitude")
    assert phantom.series.kind == "magnitude"
    assert phantom.series.signal.dtype == np.float32
    np.testing.assert_allclose(phantom.series.signal, abs(noisy.series.signal), rtol=1e-6, atol=1e-4)
    air = phantom.series.signal[phantom.truth["water"] + phantom.truth["fat"] == 0]
    # Rayleigh: the standard error of the mean of over 30 000 values is below 0.4 % of sigma.
    assert air.size > 30000
    assert air.mean() == pytest.approx(phantom.sigma * np.sqrt(np.pi / 2), rel=0.01)


def test_field_keeps_to_its_range_and_is_strongest_near_air_and_gas(clean):
    field = abs(clean.truth["field_map"])
    assert np.percentile(field[clean.body], 99.5) == pytest.approx(400.0, rel=1e-9)
    assert field[clean.body].max() < 1200  # gas is small: no voxel goes far beyond
    # Distance [mm] to air or gas, of the strongest voxels and of all.
    empty = clean.truth["water"] + clean.truth["fat"] == 0
    distance = distance_transform_edt(~empty, sampling=(4.5, 250 / 96, 250 / 96))
    strongest = clean.body & (field > 400)
    assert np.median(distance[strongest]) < 8
    assert np.median(distance[clean.body]) > 15


def test_field_range_changes_the_field_alone(clean):
    weak = lumbar_fat_water(shape=SHAPE, snr=None, heterogeneity=0.0, lesion=True, field_range=100.0)
    np.testing.assert_allclose(weak.truth["field_map"], clean.truth["field_map"] / 4, rtol=1e-9)
    np.testing.assert_allclose(abs(weak.series.signal), abs(clean.series.signal), rtol=1e-5, atol=1e-3)


def test_bipolar_readout_turns_odd_and_even_echoes_apart(clean):
    turned = lumbar_fat_water(shape=SHAPE, snr=None, heterogeneity=0.0, lesion=True, bipolar_phase=0.5)
    ratio = turned.series.signal[clean.body] / clean.series.signal[clean.body]
    theta = 0.5 * np.linspace(-1, 1, SHAPE[1])[np.nonzero(clean.body)[1]]
    strong = abs(clean.series.signal[clean.body]).min(axis=1) > 20
    for n in range(6):
        np.testing.assert_allclose(np.angle(ratio[strong, n]), -theta[strong] * (-1) ** n, atol=1e-5)


def test_anatomy_lies_where_it_should(clean):
    heights = [np.argwhere(clean.regions[level]).mean(axis=0)[1] for level in LEVELS]
    assert np.all(np.diff(heights) > 8)  # rows run down, 2.6 mm each
    pdff = [clean.region_truth[level]["PDFF"] for level in LEVELS]
    assert np.all(np.diff(pdff) > 0)
    assert clean.region_truth["lesion"]["PDFF"] == pytest.approx(4.0)


def test_a_child_and_a_single_slice_have_all_regions():
    for phantom in (lumbar_fat_water(shape=SHAPE, scale=0.6), lumbar_fat_water(shape=(1, 96, 96), field_range=0.0)):
        assert all(mask.any() for mask in phantom.regions.values())
        assert np.all(np.isfinite(phantom.series.signal))
    assert not phantom.truth["field_map"].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (5, 96)}, "shape: expected three whole numbers"),
        ({"shape": (3, 16, 16)}, "shape: expected voxels small enough"),
        ({"echo_times": (1.2, 2.2)}, "echo_times: expected seconds"),
        ({"field_strength": 3000.0}, "field_strength: expected 0.05 to 20 T"),
        ({"snr": 0.0}, "snr: expected a number above 0"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"scale": 3.0}, "scale: expected a number from 0.4 to 1.2, got 3.0"),
        ({"field_range": -1.0}, "field_range: expected 0 to 2000 Hz, got -1.0"),
        ({"field_range": float("nan")}, "field_range: expected"),
        ({"kind": "phase"}, "kind: expected one of complex, magnitude; got 'phase'"),
        ({"pdff": {"L6": 20.0}}, "pdff: expected some of thoracic, L1, .* got 'L6'"),
        ({"pdff": {"L1": 120.0}}, "pdff: expected 0 to 100 % for L1, got 120.0"),
        ({"r2star": {"L1": -5.0}}, "r2star: expected 0 to 1000 1/s for L1, got -5.0"),
        ({"heterogeneity": 0.5}, "heterogeneity: expected"),
        ({"bipolar_phase": 4.0}, "bipolar_phase: expected -pi to pi radians, got 4.0"),
        ({"field_of_view": 20.0}, "field_of_view: expected"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        lumbar_fat_water(**arguments)
