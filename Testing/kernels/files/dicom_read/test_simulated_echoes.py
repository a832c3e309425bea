"""Simulated multi-echo series and scanner maps of each manufacturer, read and compared with the truth."""

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read import read_dicom_echoes, read_dicom_map
from Testing.support.dicom import folders, ge, philips, philips_frames, siemens, siemens_frames

ECHOES = {
    "GE, real and imaginary": lambda folder: ge.ge_real_imaginary(folder, with_magnitude=False),
    "GE, magnitude beside": ge.ge_real_imaginary,
    "Siemens, two series": siemens.siemens_echoes,
    "Philips, mrad": philips.philips_echoes,
    "enhanced, mrad": philips_frames.enhanced_echoes,
}
MAPS = {
    "GE FatFrac": (ge.ge_fat_fraction, "PDFF"),
    "Siemens q-Dixon": (siemens.siemens_fat_fraction, "PDFF"),
    "Philips mDIXON Quant": (philips_frames.philips_fat_fraction, "PDFF"),
    "Philips, other maps between": (
        lambda folder: philips_frames.philips_fat_fraction(folder, words=("WATER", "FAT", "FAT_FRACTION", "R2_STAR")),
        "PDFF",
    ),
    "Philips without unit": (lambda folder: philips_frames.philips_fat_fraction(folder, unit=False), "PDFF"),
}


def check_same(series, truth):
    assert series.kind == "complex"
    assert series.field_strength == 3.0
    np.testing.assert_allclose(series.affine, truth.affine, atol=1e-4)
    np.testing.assert_allclose(series.echo_times, truth.echo_times, rtol=1e-12)
    assert series.signal.shape == truth.signal.shape
    factor = np.abs(series.signal).sum(dtype=float) / np.abs(truth.signal).sum() if truth.any_scale else 1.0
    # Single precision at the largest number; phases of 4096 steps are 0.0015 rad apart.
    assert np.abs(series.signal - truth.signal * factor).max() < 2e-6 * np.abs(truth.signal).max() * factor


@pytest.mark.parametrize("name", ECHOES)
def test_what_is_read_is_what_was_simulated(name, tmp_path):
    truth = ECHOES[name](tmp_path)

    found = read_dicom_echoes(tmp_path)

    check_same(found.series, truth)


def test_magnitude_and_phase_may_lie_in_two_folders(tmp_path):
    truth = siemens.siemens_echoes(tmp_path)

    check_same(read_dicom_echoes([tmp_path / "M", tmp_path / "P"]).series, truth)


def test_scattered_echoes_read_the_same(tmp_path):
    truth = siemens.siemens_echoes(tmp_path / "siemens")
    folders.scatter(tmp_path / "all", truth.folder)

    check_same(read_dicom_echoes(tmp_path / "all").series, truth)


def test_magnitudes_alone_are_a_magnitude_series(tmp_path):
    truth = siemens.siemens_echoes(tmp_path)

    series = read_dicom_echoes(tmp_path / "M").series

    assert series.kind == "magnitude"
    np.testing.assert_allclose(series.signal, np.abs(truth.signal), rtol=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_a_map_keeps_its_stored_numbers_and_says_only_the_unit_that_is_told(name, tmp_path):
    write, quantity = MAPS[name]
    truth = write(tmp_path)

    found = read_dicom_map(tmp_path, quantity)

    np.testing.assert_allclose(found.affine, truth.affine, atol=1e-4)
    np.testing.assert_array_equal(found.values, truth.signal[..., 0])
    if truth.scale is None:
        assert found.scale is None
    else:
        assert (found.scale.slope, found.scale.intercept, found.scale.unit) == truth.scale


def test_an_adc_map_comes_as_stored(tmp_path):
    truth = siemens_frames.siemens_xa_adc(tmp_path)

    found = read_dicom_map(tmp_path, "ADC")

    np.testing.assert_array_equal(found.values, truth.signal[..., 0])
    assert found.scale is None
