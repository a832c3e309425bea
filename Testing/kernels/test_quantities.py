import math

import pytest

from mrbiomarkers.quantities import QUANTITIES, RATIOS, quantity


@pytest.mark.parametrize("key", QUANTITIES)
def test_texts_for_vtk_are_ascii_and_units_are_named(key):
    known = quantity(key)
    assert known.key == key
    assert known.ascii_symbol.isascii()
    assert known.ascii_unit.isascii()
    assert known.unit
    assert known.reported_unit


def test_diffusion_coefficients_are_reported_in_thousandths():
    for key in ("ADC", "D", "Dstar", "DDC", "MD"):
        known = quantity(key)
        assert (known.unit, known.reported_unit, known.scale) == ("mm2/s", "10^-3 mm2/s", 1e3)


def test_codes_are_those_of_the_standard():
    codes = {key: known.code[:2] for key, known in QUANTITIES.items() if known.code}
    # DICOM PS3.16, context groups 7272 and 7180
    assert codes == {
        "ADC": ("DCM", "113041"),
        "D": ("DCM", "113291"),
        "Dstar": ("DCM", "113292"),
        "f": ("DCM", "113293"),
        "DDC": ("DCM", "113298"),
        "alpha": ("DCM", "113299"),
        "MD": ("DCM", "113202"),
        "MK": ("DCM", "113205"),
        "PDFF": ("DCM", "129100"),
        "R2star": ("DCM", "126395"),
        "T2star": ("DCM", "113064"),
        "in_phase": ("DCM", "129101"),
        "opposed_phase": ("DCM", "129102"),
    }


def test_display_range_is_ordered_or_taken_from_the_data():
    for known in QUANTITIES.values():
        low, high = known.display_range
        assert (math.isnan(low) and math.isnan(high)) or low < high


def test_water_and_fat_are_shown_alike():
    family = [key for key, known in QUANTITIES.items() if known.family == "water and fat"]
    assert family == ["water", "fat", "in_phase", "opposed_phase"]
    assert len({(QUANTITIES[key].reported_unit, QUANTITIES[key].colour_map) for key in family}) == 1


def test_label_says_the_unit():
    assert quantity("Dstar").label == "D* [10^-3 mm2/s]"
    assert quantity("f").label == "f"


def test_ratios_are_pure_numbers():
    for key in RATIOS:
        ratio = quantity(f"r{key}")
        assert (ratio.unit, ratio.reported_unit, ratio.scale) == ("1", "1", 1.0)


def test_errors_of_fitted_quantities_share_their_units():
    for key in ("S0", *RATIOS, "eta"):
        assert quantity(f"sd_{key}").reported_unit == quantity(key).reported_unit
    assert quantity("sd_eta").name == "Standard error of share of residual fat in the signal"


def test_unknown_quantity_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"expected one of S0, ADC, f, D, Dstar, DDC, .* rmse, rADC, .*; got 'T1'"):
        quantity("T1")
