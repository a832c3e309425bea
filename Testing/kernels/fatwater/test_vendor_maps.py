import re

import numpy as np
import pytest

from mrbiomarkers.fatwater.vendor_maps import MapScale, ScaleProposal, propose_scale, scale_from_tags, vendor_map
from mrbiomarkers.maps import Status
from mrbiomarkers.quantities import quantity


def body(full=100.0, dtype=np.float32):
    """A fat fraction map of a body: air of 0, lean tissue, marrow and subcutaneous fat; in ``full`` for 100 %."""
    rng = np.random.default_rng(1)
    percent = np.zeros(6000)
    percent[1000:4000] = rng.uniform(0.5, 12, 3000)
    percent[4000:5000] = rng.normal(40, 6, 1000)
    percent[5000:] = rng.normal(94, 2, 1000)
    values = percent.reshape(20, 20, 15) * full / 100
    return (np.round(values) if np.issubdtype(dtype, np.integer) else values).astype(dtype)


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


def test_units_are_kept_in_one_spelling():
    assert MapScale("R2star", "HZ").unit == "1/s"
    assert MapScale("PDFF", "{ratio}") == MapScale("PDFF", "fraction")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("PDFF", "ms"), "unit: expected one of %, fraction, permille for PDFF, got 'ms'"),
        (("R2star", "%"), "unit: expected one of 1/s, 1/ms, s, ms for R2star, got '%'"),
        (("R2star", "mm2/s"), "unit: expected one of 1/s, 1/ms, s, ms for R2star, got 'mm2/s'"),
        (("PDFF", "1"), "unit: expected a unit of PDFF, got '1', which does not tell"),
        (("PDFF", None), "unit: expected a unit of PDFF, got None, which does not tell"),
        (("T1", "ms"), "quantity: expected one of PDFF, R2star, T2star; got 'T1'"),
        (("PDFF", "%", 0.0), "slope, intercept: expected a slope above 0 and finite numbers, got 0 and 0"),
        (("PDFF", "%", -1.0), "slope, intercept: expected a slope above 0"),
        (("PDFF", "%", np.inf), "slope, intercept: expected a slope above 0"),
        (("PDFF", "%", 1.0, np.nan), "slope, intercept: expected a slope above 0"),
    ],
)
def test_bad_scales_are_named(arguments, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        MapScale(*arguments)


def test_real_world_value_goes_before_rescale():
    found = scale_from_tags("PDFF", real_world=(0.1, 0, "%"), slope=2.0, intercept=5.0, unit="US")
    assert found == MapScale("PDFF", "%", 0.1, 0.0, "real world value mapping")
    # a real world value without a unit tells nothing, and neither does its slope
    found = scale_from_tags("R2star", real_world=(0.7, 0, "1"), slope=0.5, intercept=0, unit="1/s")
    assert found == MapScale("R2star", "1/s", 0.5, 0.0, "rescale tags")
    assert scale_from_tags("T2star", unit="ms") == MapScale("T2star", "ms", 1.0, 0.0, "rescale tags")


@pytest.mark.parametrize("unit", [None, "", "US", "normalized", "1", " no units "])
def test_without_a_unit_there_is_no_scale(unit):
    assert scale_from_tags("PDFF", slope=0.1, intercept=0, unit=unit) is None
    assert scale_from_tags("PDFF", real_world=(0.1, 0, unit)) is None


def test_contradictory_tags_are_refused():
    with pytest.raises(ValueError, match="unit: expected one of %, fraction, permille for PDFF, got 'mrad'"):
        scale_from_tags("PDFF", slope=1, intercept=0, unit="mrad")
    with pytest.raises(ValueError, match=r"unit: expected one of .* for R2star, got 'um2/s'"):
        scale_from_tags("R2star", real_world=(1, 0, "um2/s"), unit="1/s")
    with pytest.raises(ValueError, match="slope, intercept: expected a slope above 0"):
        scale_from_tags("PDFF", slope=0)
    with pytest.raises(ValueError, match="real_world: expected \\(slope, intercept, unit\\), got \\(1, 0\\)"):
        scale_from_tags("PDFF", real_world=(1, 0))


@pytest.mark.parametrize(
    ("full", "dtype", "unit", "confidence"),
    [
        (1.0, np.float32, "fraction", "low"),
        (100.0, np.float32, "%", "moderate"),
        (100.0, np.uint8, "%", "moderate"),
        (1000.0, np.int16, "permille", "moderate"),
        (1000.0, ">u2", "permille", "moderate"),
    ],
)
def test_a_body_proposes_its_scale_by_its_fat(full, dtype, unit, confidence):
    stored = body(full, np.dtype(dtype))
    proposal = propose_scale(stored, "PDFF")
    assert (proposal.scale.unit, proposal.confidence) == (unit, confidence)
    assert f"% of the values are near {full:g}, as subcutaneous fat is" in proposal.reason
    found = vendor_map(stored, proposal.accept())
    np.testing.assert_allclose(found.values, body(), atol=0.51 if full == 100 else 0.051)
    assert found.warnings[0] == f"PDFF: no unit stated; 1 {unit} taken from the range of the values."
    assert found.record["source"] == "value range, accepted"


def test_a_proposal_goes_with_slope_and_intercept_of_the_tags():
    stored = np.where(body() == 0, 0, 1000 + 10 * body()).astype(np.uint16)
    proposal = propose_scale(stored, "PDFF", slope=0.1, intercept=-100)
    assert proposal.scale == MapScale("PDFF", "%", 0.1, -100.0, "value range, accepted")


LEAN = np.random.default_rng(2).gamma(3, 0.12, (30, 40))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (LEAN, "without the peak of fat near 1, 100 or 1000"),
        (LEAN * 10, "without the peak of fat"),
        (np.clip(LEAN, 0, 1), "without the peak of fat"),
        (np.linspace(0, 100, 1000), "without the peak of fat"),
        (np.full(1000, 95.0), "without the peak of fat"),
        ((LEAN > 0.3).astype(np.uint8), "without the peak of fat"),
        (body() * 41, "values go up to 39"),
        (np.zeros(1000), "only 0 voxels hold a value other than 0"),
        (np.full(1000, np.nan), "only 0 voxels"),
        (np.full(1000, 65535, np.uint16), "only 0 voxels"),
    ],
    ids=["lean below 1", "lean", "clipped at 1", "even", "fat only", "mask", "12 bits", "0", "nan", "codes"],
)
def test_ambiguous_values_propose_nothing(values, reason):
    proposal = propose_scale(values, "PDFF")
    assert (proposal.scale, proposal.confidence) == (None, "none")
    assert reason in proposal.reason
    with pytest.raises(ValueError, match=r"scale: the values propose none \(.*\); give a MapScale with its unit"):
        proposal.accept()


@pytest.mark.parametrize(
    ("median", "unit", "slope"), [(120.0, "1/s", 1.0), (1200.0, "1/s", 0.1), (9.0, "ms", 1.0), (40.0, None, None)]
)
@pytest.mark.parametrize("name", ["R2star", "T2star"])
def test_relaxation_is_proposed_from_marrow_only(name, median, unit, slope):
    stored = np.random.default_rng(3).normal(median, 0.1 * median, (10, 10, 10))
    stored[5:] = 30
    marrow = np.zeros(stored.shape, bool)
    marrow[:5] = True
    assert "mark vertebral marrow" in propose_scale(stored, name).reason
    proposal = propose_scale(stored, name, mask=marrow)
    if unit is None:
        assert proposal.scale is None
        assert "usual for none of the known units" in proposal.reason
    else:
        assert (proposal.scale.unit, proposal.scale.slope, proposal.confidence) == (unit, slope, "low")
        assert f"for {'T2*' if unit == 'ms' else 'R2*'} in " in proposal.reason


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
    with pytest.raises(TypeError, match="values: expected real numbers"):
        propose_scale(["a"], "PDFF")
    with pytest.raises(ValueError, match="mask: expected shape"):
        propose_scale(body(), "PDFF", mask=[True])
    with pytest.raises(ValueError, match="quantity: expected one of PDFF, R2star, T2star; got 'ADC'"):
        propose_scale(body(), "ADC")


def test_quantities_of_water_and_fat_have_the_codes_of_the_standard():
    # DICOM PS3.16, context group 7180
    codes = {"PDFF": "129100", "R2star": "126395", "T2star": "113064", "in_phase": "129101", "opposed_phase": "129102"}
    for key, code in codes.items():
        assert quantity(key).code[:2] == ("DCM", code)
    assert quantity("T2star").scale == 1000
    assert quantity("sd_PDFF").label == "SD of PDFF [%]"
    assert quantity("sd_R2star").label == "SD of R2* [1/s]"
