import re

import numpy as np
import pytest

from mrbiomarkers.maps import Status
from mrbiomarkers.quantities import quantity
from mrbiomarkers.vendor_maps import MapScale, ScaleProposal, propose_scale, vendor_map
from Testing.support.scanner_maps import body

# Every way to write 23 %, 125 /s and 8 ms: quantity, unit, slope, intercept, stored, kernel value.
WRITTEN = [
    ("PDFF", "%", 1.0, 0.0, 23.0, 23.0),
    ("PDFF", "percent", 0.1, 0.0, 230.0, 23.0),
    ("PDFF", "%", 1.0, -100.0, 123.0, 23.0),
    ("PDFF", "{ratio}", 1.0, 0.0, 0.23, 23.0),
    ("PDFF", "Fraction", 0.001, 0.0, 230.0, 23.0),
    ("PDFF", "[ppth]", 1.0, 0.0, 230.0, 23.0),
    ("R2star", "1/s", 1.0, 0.0, 125.0, 125.0),
    ("R2star", "Hz", 0.1, 0.0, 1250.0, 125.0),
    ("R2star", "/ms", 1.0, 0.0, 0.125, 125.0),
    ("R2star", " ms ", 1.0, 0.0, 8.0, 125.0),
    ("R2star", "msec", 0.1, 0.0, 80.0, 125.0),
    ("R2star", "s", 1.0, 0.0, 0.008, 125.0),
    ("T2star", "ms", 1.0, 0.0, 8.0, 0.008),
    ("T2star", "s", 0.001, 0.0, 8.0, 0.008),
    ("T2star", "s-1", 1.0, 0.0, 125.0, 0.008),
]


@pytest.mark.parametrize(("name", "unit", "slope", "intercept", "stored", "expected"), WRITTEN)
def test_every_way_of_writing_gives_the_kernel_unit(name, unit, slope, intercept, stored, expected):
    found = vendor_map(np.full((2, 3), stored), MapScale(name, unit, slope, intercept))
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    assert found.unit == quantity(name).unit
    assert found.warnings == ()
    assert not found.status.any()
    assert (found.record["slope"], found.record["intercept"], found.record["source"]) == (slope, intercept, "user")


def test_nothing_is_read_without_an_accepted_scale():
    for scale in (propose_scale(body(), "PDFF"), ScaleProposal(None, "", "none"), None, 0.1, "%"):
        with pytest.raises(TypeError, match=r"scale: expected a MapScale, got .*; a proposal has to be accepted first"):
            vendor_map(body(), scale)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'scale'"):
        vendor_map(body())


def test_zeros_are_kept_and_counted_or_are_background():
    scale = MapScale("PDFF", "%")
    stored = np.array([0.0, 0.0, 5.0, 50.0], np.float32)
    found = vendor_map(stored, scale)
    np.testing.assert_array_equal(found.values, stored)
    assert found.warnings == ("PDFF: 2 voxels are exactly 0, clipped or background that was not computed.",)
    found = vendor_map(stored, scale, zero_is_background=True)
    np.testing.assert_array_equal(found.values, [np.nan, np.nan, 5, 50])
    np.testing.assert_array_equal(found.status, [Status.OUTSIDE_MASK] * 2 + [Status.FITTED] * 2)
    assert (found.warnings, found.record["n_zero"]) == ((), 2)
    # 1000 stored for 0 %, through a slope that has no exact representation
    found = vendor_map(np.array([1000, 1300], np.uint16), MapScale("PDFF", "%", 0.1, -100))
    assert (found.values[0], found.record["n_zero"]) == (0, 1)


def test_a_mask_takes_the_rest_out_and_out_of_the_counts():
    stored = np.array([0.0, 3.0, 900.0, 65535.0])
    found = vendor_map(stored, MapScale("PDFF", "%"), mask=[0, 1, 0, 0])
    np.testing.assert_array_equal(found.values, [np.nan, 3, np.nan, np.nan])
    np.testing.assert_array_equal(found.status, [1, 0, 1, 1])
    assert found.warnings == ()
    assert (found.record["n_zero"], found.record["n_not_computed"]) == (0, 0)


def test_no_value_becomes_nan_with_a_reason():
    stored = np.array([100.0, np.nan, np.inf, -np.inf, 65535.0, -1.0, -32768.0, 32767.0])
    found = vendor_map(stored, MapScale("R2star", "1/s"))
    np.testing.assert_array_equal(found.values, [100] + [np.nan] * 7)
    np.testing.assert_array_equal(found.status, [0] + [Status.NOT_FINITE] * 3 + [Status.OUTSIDE_MASK] * 4)
    assert found.warnings == ("R2star: 4 voxels hold a code for 'not computed'; left out.",)


def test_noise_below_zero_is_not_taken_for_a_code():
    stored = np.array([-3, -1, 2, 40], np.int16)
    np.testing.assert_array_equal(vendor_map(stored, MapScale("PDFF", "%")).values, [-3, -1, 2, 40])


def test_a_slope_over_all_integers_uses_the_last_one():
    stored = np.array([0, 32768, 65535], np.uint16)
    found = vendor_map(stored, MapScale("PDFF", "%", 100 / 65535))
    np.testing.assert_allclose(found.values, [0, 50.00076, 100], atol=1e-4)


@pytest.mark.parametrize("name", ["R2star", "T2star"])
def test_times_of_zero_have_no_value(name):
    found = vendor_map(np.array([0, -2, 10, 20], np.int16), MapScale(name, "ms"))
    expected = [100, 50] if name == "R2star" else [0.01, 0.02]
    np.testing.assert_allclose(found.values, [np.nan, np.nan, *expected], rtol=1e-6)
    np.testing.assert_array_equal(found.status, [Status.NO_SIGNAL] * 2 + [Status.FITTED] * 2)
    assert found.record["n_zero"] == 1


def test_rates_of_zero_are_kept_as_rates_and_have_no_time():
    stored = np.array([0.0, 50.0])
    np.testing.assert_array_equal(vendor_map(stored, MapScale("R2star", "1/s")).values, stored)
    np.testing.assert_array_equal(vendor_map(stored, MapScale("T2star", "1/s")).values, [np.nan, 0.02])


@pytest.mark.parametrize(
    ("stored", "scale", "message"),
    [
        ([10, 20, 30, 125, -25], MapScale("PDFF", "%"), "PDFF: 2 voxels beyond -20 to 120 %, from -25 to 125"),
        ([0.1, 0.2, 0.9], MapScale("PDFF", "%"), "PDFF: nearly all values are below 0.8. %: is the scale too small"),
        ([60, 70, 2001], MapScale("R2star", "1/s"), "R2star: 1 voxels beyond 0 to 2000 1/s, from 2001 to 2001"),
        ([60, 70, -5], MapScale("R2star", "1/s"), "R2star: 1 voxels beyond 0 to 2000 1/s, from -5 to -5"),
        ([600, 900, 1200], MapScale("R2star", "1/s"), "R2star: the median is an R2\\* of 900 1/s: is the scale right"),
        ([7, 9, 12], MapScale("R2star", "1/s"), "R2star: the median is an R2\\* of 9 1/s: is the scale right"),
        ([7, 9, 12], MapScale("T2star", "s"), "T2star: 3 voxels beyond 0.0005 to 1 s, from 7 to 12"),
        ([0.7, 0.9, 1.2], MapScale("T2star", "ms"), "T2star: the median is an R2\\* of 1.11e\\+03 1/s"),
        ([0.7, 0.9, 1.1], MapScale("ADC", "um2/s"), "ADC: the median is 9e-07 mm2/s: is the scale right"),
        ([700, 800, 900, 6000], MapScale("D", "um2/s"), "D: 1 voxels beyond -0.001 to 0.005 mm2/s, from 0.006"),
        ([0.1, 0.2, 0.3], MapScale("Dstar", "um2/ms"), "Dstar: the median is 0.0002 mm2/s: is the scale right"),
        ([0.1, 0.2, 0.3], MapScale("f", "%"), "f: nearly all values are below 0.003: is the scale too small"),
        ([0.1, 0.2, 0.3, -0.5], MapScale("f", "1"), "f: 1 voxels beyond -0.2 to 1.2, from -0.5 to -0.5: noise"),
        ([0.01, 0.02, 0.03], MapScale("alpha", "1"), "alpha: the median is 0.02: is the scale right"),
        ([4, 6, 5], MapScale("MK", "1"), "MK: the median is 5: is the scale right"),
    ],
)
def test_doubtful_values_are_told(stored, scale, message):
    found = vendor_map(np.array(stored, np.float64), scale)
    assert np.isfinite(found.values).all()
    text = "\n".join(found.warnings)
    assert re.search(message, text), text


@pytest.mark.parametrize(("full", "unit"), [(1000.0, "%"), (100.0, "fraction"), (1000.0, "fraction")])
def test_impossible_scales_are_refused(full, unit):
    with pytest.raises(ValueError, match=r"scale: expected fat fractions up to 100 %, got .* % at the 90th percentile"):
        vendor_map(body(full), MapScale("PDFF", unit))


@pytest.mark.parametrize(
    ("name", "unit", "stored", "message"),
    [
        (
            "ADC",
            "um2/ms",
            700.0,
            "expected diffusion coefficients up to that of free water, 0.003 mm2/s, got 0.7 mm2/s",
        ),
        ("ADC", "mm2/s", 0.7, "expected diffusion coefficients up to that of free water, 0.003 mm2/s, got 0.7 mm2/s"),
        ("Dstar", "mm2/s", 12.0, "expected values of D\\* up to 1 mm2/s, got 12 mm2/s at the 90th percentile"),
        ("f", "fraction", 12.0, "expected perfusion fractions up to 1, got 12 at the 90th percentile"),
        ("f", "%", 130.0, "expected perfusion fractions up to 1, got 1.3 at"),
        ("alpha", "1", 800.0, "expected values of alpha up to 1, got 800 at"),
        ("MK", "1", 900.0, "expected values of MK up to 5, got 900 at"),
    ],
)
def test_numbers_a_thousand_times_too_large_are_refused(name, unit, stored, message):
    with pytest.raises(ValueError, match=f"scale: {message}"):
        vendor_map(np.full((3, 4), stored), MapScale(name, unit))


def test_the_end_of_the_integers_is_no_diffusion():
    stored = np.array([0, 700, 65535, 900], np.uint16)
    found = vendor_map(stored, MapScale("ADC", "um2/s"))
    np.testing.assert_allclose(found.values, [0, 7e-4, np.nan, 9e-4], rtol=1e-6)
    np.testing.assert_array_equal(found.status, [0, 0, Status.OUTSIDE_MASK, 0])
    assert (found.record["n_not_computed"], found.record["n_zero"]) == (1, 1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.uint8, np.float32),
        (np.int32, np.float32),
        (">i2", np.float32),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
    ],
)
def test_precision_is_kept_and_arguments_are_not_written_to(given, expected):
    stored = np.arange(24).reshape(2, 3, 4).astype(given)
    before = stored.copy()
    stored.flags.writeable = False
    for scale in (MapScale("PDFF", "%"), MapScale("R2star", "ms")):
        found = vendor_map(stored, scale)
        assert found.values.dtype == expected
        assert found.status.dtype == np.uint16
        assert found.values.shape == found.status.shape == (2, 3, 4)
        assert not np.shares_memory(found.values, stored)
    propose_scale(stored, "PDFF")
    np.testing.assert_array_equal(stored, before)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_any_shape_is_taken(shape):
    for name, unit in (("PDFF", "%"), ("R2star", "ms"), ("T2star", "ms")):
        assert vendor_map(np.full(shape, 20.0), MapScale(name, unit)).values.shape == shape


def test_bad_arrays_are_named():
    with pytest.raises(TypeError, match="values: expected real numbers"):
        vendor_map([1j], MapScale("PDFF", "%"))
    with pytest.raises(ValueError, match="mask: expected shape"):
        vendor_map([1.0, 2.0], MapScale("PDFF", "%"), mask=[True])


def test_quantities_of_water_and_fat_have_the_codes_of_the_standard():
    # DICOM PS3.16, context group 7180
    codes = {"PDFF": "129100", "R2star": "126395", "T2star": "113064", "in_phase": "129101", "opposed_phase": "129102"}
    for key, code in codes.items():
        assert quantity(key).code[:2] == ("DCM", code)
    assert quantity("T2star").scale == 1000
    assert quantity("sd_PDFF").label == "SD of PDFF [%]"
    assert quantity("sd_R2star").label == "SD of R2* [1/s]"
