import re

import numpy as np
import pytest

from mrbiomarkers.vendor_maps import MapScale, propose_scale, vendor_map
from Testing.support.scanner_maps import body


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


def image(median, spread=0.3, seed=4):
    """A map of a head or pelvis: air of 0 and tissue around a median, with no two values alike."""
    rng = np.random.default_rng(seed)
    values = np.zeros((10, 20, 20))
    values[3:] = median * np.exp(spread * rng.standard_normal((7, 20, 20)))
    return values


@pytest.mark.parametrize(("median", "unit"), [(700.0, "10^-6 mm2/s"), (0.7, "10^-3 mm2/s"), (0.0007, "mm2/s")])
@pytest.mark.parametrize("name", ["ADC", "D", "DDC", "MD"])
def test_diffusion_is_proposed_by_its_median(name, median, unit):
    stored = image(median)
    proposal = propose_scale(np.round(stored).astype(np.uint16) if median > 1 else stored, name)
    assert proposal.scale == MapScale(name, unit, source="value range, accepted")
    assert proposal.confidence == "moderate"
    assert f"for {name} in {unit}" in proposal.reason
    found = vendor_map(stored, proposal.accept())
    assert np.median(found.values[3:]) == pytest.approx(0.7e-3, rel=0.05)
    assert f"1 {unit} taken from the range" in found.warnings[0]


@pytest.mark.parametrize(
    ("name", "median", "unit", "slope"),
    [
        ("Dstar", 12000.0, "10^-6 mm2/s", 1.0),
        ("Dstar", 12.0, "10^-3 mm2/s", 1.0),
        ("Dstar", 0.012, "mm2/s", 1.0),
        ("f", 0.12, "fraction", 1.0),
        ("f", 8.0, "%", 1.0),
        ("f", 130.0, "permille", 1.0),
        ("alpha", 0.8, "1", 1.0),
        ("alpha", 800.0, "1", 0.001),
        ("MK", 0.9, "1", 1.0),
        ("MK", 900.0, "1", 0.001),
    ],
)
def test_others_are_proposed_with_low_confidence(name, median, unit, slope):
    proposal = propose_scale(image(median, 0.1), name)
    assert (proposal.scale.unit, proposal.scale.slope, proposal.confidence) == (unit, slope, "low")
    assert ("times 1000" in proposal.reason) == (slope == 0.001)


def test_an_image_of_signal_speaks_for_adc_with_low_confidence_only():
    # A diffusion-weighted image misnamed as ADC: its bright voxels are beyond free water.
    stored = image(700.0)
    stored[3, :5] = 9000.0
    assert propose_scale(stored, "ADC").confidence == "low"


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("ADC", image(20.0), "the median, 19.9.*is usual for none of the known units"),
        ("ADC", image(0.7e-9), "is usual for none"),
        ("ADC", image(40000.0), "is usual for none"),
        ("Dstar", image(700.0), "is usual for none"),
        ("D", np.arange(2000) % 4, "only 3 different numbers other than 0, as in a mask or a label map"),
        ("alpha", np.ones(2000), "only 1 different numbers"),
        ("f", image(30.0), "usual for % and for permille"),
        ("f", image(0.005), "usual for none"),
        ("f", image(900.0), "usual for none"),
        ("MK", np.zeros(2000), "only 0 voxels hold a value"),
        ("MD", np.full(2000, 65535, np.uint16), "only 0 voxels hold a value"),
    ],
)
def test_where_numbers_could_be_anything_nothing_is_proposed(name, values, reason):
    if name == "f" and reason.endswith("permille"):
        values = np.minimum(values, 95.0)
    proposal = propose_scale(values, name)
    assert (proposal.scale, proposal.confidence) == (None, "none")
    assert re.search(reason, proposal.reason), proposal.reason


def test_the_line_of_the_tags_counts_before_the_range():
    proposal = propose_scale(image(1400.0), "D", slope=0.5)
    assert proposal.scale == MapScale("D", "um2/s", 0.5, 0.0, "value range, accepted")
    assert propose_scale(image(1.4), "D", slope=500.0).scale.slope == 500.0


def test_a_mask_leaves_the_background_out():
    stored = image(700.0)
    stored[:3] = 12.0
    stored[3:6] = 12.0
    assert propose_scale(stored, "ADC").scale is None
    inside = np.zeros(stored.shape, bool)
    inside[6:] = True
    assert propose_scale(stored, "ADC", mask=inside).scale.unit == "10^-6 mm2/s"


def test_bad_arguments_are_named():
    with pytest.raises(TypeError, match="values: expected real numbers"):
        propose_scale(["a"], "PDFF")
    with pytest.raises(ValueError, match="mask: expected shape"):
        propose_scale(body(), "PDFF", mask=[True])
    with pytest.raises(ValueError, match=r"quantity: expected one of .*; got 'T1'"):
        propose_scale(body(), "T1")
    with pytest.raises(ValueError, match="slope, intercept: expected a slope above 0"):
        propose_scale(body(), "ADC", slope=-1)
