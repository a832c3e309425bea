import numpy as np
import pytest

from mrbiomarkers.quantities import quantity
from mrbiomarkers.vendor_maps import UNITS, MapScale, scale_from_tags, scale_from_text, vendor_map


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
        (
            ("T1", "ms"),
            "quantity: expected one of ADC, D, DDC, Dstar, MD, MK, PDFF, R2star, T2star, alpha, f; got 'T1'",
        ),
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


# 0.7e-3 mm2/s in every spelling of the units of CID 7277 and of workstations.
SPELLINGS = {
    "mm2/s": ("mm2/s", "mm^2/s", "mm²/s", "MM2/sec", "mm2.s-1", "mm² s⁻¹", "mm**2/s", "[mm2/s]"),
    "10^-3 mm2/s": (
        "um2/ms", "µm²/ms", "μm^2/ms", "10^-3 mm2/s", "10-3.mm2/s", "10*-3.mm2/s", "x10-3 mm^2/s", "×10⁻³ mm²/s",
        "10−3 mm2/s", "1e-3 mm2/s", "*10^-3 mm2/s", "10^(-3) mm^2/s", "10^-3mm2/s", "10^-9 m2/s", "1E-03 mm2/s",
    ),
    "10^-6 mm2/s": (
        "um2/s", "µm2/s", "10-6.mm2/s", "10*-6.mm2/s", "10^-6 mm2/s", "x10-6 mm^2/s", "1e-6 mm²/s", "10-6 mm2/s",
        "10^-6·mm²/s", "10^-12 m2/s", "10^-3 um2/ms",
    ),
}  # fmt: skip
IN = {"mm2/s": 0.0007, "10^-3 mm2/s": 0.7, "10^-6 mm2/s": 700.0}


@pytest.mark.parametrize(("unit", "text"), [(unit, text) for unit, texts in SPELLINGS.items() for text in texts])
def test_coefficients_of_diffusion_in_every_spelling(unit, text):
    for name in ("ADC", "D", "DDC", "MD", "Dstar"):
        scale = MapScale(name, text)
        assert scale.unit == unit
        found = vendor_map(np.full((2, 3), IN[unit]), scale)
        np.testing.assert_allclose(found.values, 0.7e-3, rtol=1e-12)
        assert found.unit == quantity(name).unit == "mm2/s"
    assert scale_from_tags("D", real_world=(0.5, 0, text)) == MapScale("D", unit, 0.5, 0, "real world value mapping")


@pytest.mark.parametrize(
    "text",
    ["10e-6 mm2/s", "10^-4 mm2/s", "mm/s", "mm2", "um2/us", "s/mm2", "mm3/s", "10^6 mm2/s", "10-6", "%", "ms", "µs"],
)
def test_what_is_no_unit_of_diffusion_is_refused(text):
    with pytest.raises(ValueError, match=r"unit: expected one of mm2/s, 10\^-3 mm2/s, 10\^-6 mm2/s for D, got '"):
        MapScale("D", text)
    with pytest.raises(ValueError, match=r"for D, got '"):
        scale_from_tags("D", unit=text)


@pytest.mark.parametrize(
    ("name", "unit", "stored", "expected"),
    [
        ("f", "fraction", 0.12, 0.12),
        ("f", "1", 0.12, 0.12),
        ("f", "{0:1}", 0.12, 0.12),
        ("f", "%", 12.0, 0.12),
        ("f", "permille", 120.0, 0.12),
        ("alpha", "1", 0.8, 0.8),
        ("MK", "1", 0.9, 0.9),
    ],
)
def test_numbers_without_dimension(name, unit, stored, expected):
    found = vendor_map(np.full((2, 3), stored), MapScale(name, unit))
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    assert (found.unit, found.warnings) == ("1", ())


@pytest.mark.parametrize(("name", "unit"), [("f", "fraction"), ("alpha", "1"), ("MK", "1"), ("PDFF", None)])
def test_no_units_counts_only_where_the_quantity_is_coded(name, unit):
    assert scale_from_tags(name, real_world=(2.0, 0, "1"), unit="1") is None
    found = scale_from_tags(name, real_world=(2.0, 0, "1"), is_coded=True)
    assert found == (unit and MapScale(name, unit, 2.0, 0.0, "real world value mapping"))


@pytest.mark.parametrize(
    ("text", "unit", "slope"),
    [
        ("um2/s", "10^-6 mm2/s", 2.0),
        ("0.1*mm2/s", "mm2/s", 0.2),
        ("1e-3*um2/ms", "10^-3 mm2/s", 0.002),
        (" 5 * 10-6.mm2/s", "10^-6 mm2/s", 10.0),
        ("10*-6.mm2/s", "10^-6 mm2/s", 2.0),
    ],
)
def test_a_text_gives_a_scale_after_the_line_of_the_file(text, unit, slope):
    found = scale_from_text("D", text, slope=2.0, intercept=4.0)
    assert (found.unit, found.slope, found.intercept) == (unit, pytest.approx(slope), pytest.approx(2 * slope))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ten*mm2/s", r"map 'D': expected a unit, or a factor and a unit as 0.1\*1/s, got 'ten\*mm2/s'"),
        ("-1*mm2/s", "slope, intercept: expected a slope above 0"),
        ("nan*mm2/s", "slope, intercept: expected a slope above 0"),
        ("", "unit: expected a unit of D, got '', which does not tell"),
        ("1", "unit: expected a unit of D, got '1', which does not tell"),
    ],
)
def test_bad_texts_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        scale_from_text("D", text)


def test_every_quantity_keeps_the_kernel_unit_of_the_house():
    for name, units in UNITS.items():
        kernel = quantity(name).unit
        assert units.direct[MapScale(name, kernel).unit if name != "PDFF" else kernel] == 1.0
