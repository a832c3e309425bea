"""Maps of diffusion quantities from DICOM: units by the real world value mapping, our own maps read back by code."""

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread

from mrbiomarkers.files.dicom_read import inventory, read_dicom_map
from mrbiomarkers.files.dicom_write.map import write_parametric_map
from mrbiomarkers.maps import to_reported
from mrbiomarkers.quantities import QUANTITIES
from mrbiomarkers.vendor_maps import UNITS, MapScale, vendor_map
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.siemens_frames import siemens_xa_adc
from Testing.support.dicom_results import headers, numbered_map
from Testing.support.volumes import positions


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    truth = ge_diffusion(tmp_path_factory.mktemp("ge"))
    return truth.signal.shape[:3], truth.affine, headers(truth.folder)


def code(scheme, value, meaning):
    item = Dataset()
    item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning = scheme, value, meaning
    return item


def mapping(unit, slope=1.0, coded=None):
    """A real world value mapping, with the code of a quantity where one is given."""
    item = Dataset()
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, 0.0
    item.MeasurementUnitsCodeSequence = Sequence([code("UCUM", unit, unit)])
    if coded:
        definition = Dataset()
        definition.ValueType = "CODE"
        definition.ConceptNameCodeSequence = Sequence([code("SCT", "246205007", "Quantity")])
        definition.ConceptCodeSequence = Sequence([code("DCM", coded, "quantity")])
        item.QuantityDefinitionSequence = Sequence([definition])
    return item


def give(folder, *mappings, place="shared"):
    for path in folder.rglob("*.dcm"):
        dataset = dcmread(path)
        target = dataset if place == "header" else dataset.SharedFunctionalGroupsSequence[0]
        target.RealWorldValueMappingSequence = Sequence(list(mappings))
        dataset.save_as(path)


@pytest.mark.parametrize("key", ["D", "Dstar", "f", "ADC", "DDC", "alpha", "MD", "MK", "PDFF", "R2star", "T2star"])
def test_our_own_map_comes_back_with_quantity_and_unit_by_code(tmp_path, source, key):
    shape, affine, datasets = source
    given = numbered_map(shape, affine, key)
    values = to_reported(given).values / 5000  # all below 1, so that none is beyond what can be
    given = type(given)(values / QUANTITIES[key].scale, given.quantity, given.unit, affine, provenance=given.provenance)
    write_parametric_map(tmp_path / "map.dcm", given, datasets)

    found = read_dicom_map(tmp_path)

    assert found.quantity == key
    assert found.scale.source == "real world value mapping"
    assert found.provenance == {"model": "ivim", "method": "segmented", "bvalues": [0.0, 50.0, 400.0, 800.0]}
    np.testing.assert_allclose(
        found.affine[:3, :3] @ found.affine[:3, :3].T, affine[:3, :3] @ affine[:3, :3].T, atol=1e-6
    )
    back, sides = vendor_map(found.values, found.scale), []
    assert (back.unit, back.values.dtype) == (QUANTITIES[key].unit, np.float32)
    # The same number at the same place, whatever the order of slices, rows and columns.
    for values, where in ((back.values, found.affine), (given.values, affine)):
        places = positions(values.shape, where)[~np.isnan(values)]
        order = np.argsort(values[~np.isnan(values)])
        sides.append((places[order], np.sort(values[~np.isnan(values)])))
    np.testing.assert_allclose(sides[0][0], sides[1][0], atol=1e-6)
    np.testing.assert_allclose(sides[0][1], sides[1][1], rtol=1e-6)
    assert inventory(tmp_path).series[0].reason.startswith(f"named as {key}")


@pytest.mark.parametrize("key", sorted(set(QUANTITIES) - set(UNITS)))
def test_every_other_quantity_is_known_by_its_code(tmp_path, source, key):
    shape, affine, datasets = source
    write_parametric_map(tmp_path / "map.dcm", numbered_map(shape, affine, key), datasets)
    found = read_dicom_map(tmp_path)
    assert (found.quantity, found.unit, found.scale) == (key, QUANTITIES[key].reported_unit, None)


def test_the_map_that_codes_the_quantity_is_chosen_among_several(tmp_path, source):
    shape, affine, datasets = source
    for number, key in enumerate(("D", "Dstar", "f", "ADC"), start=9001):
        write_parametric_map(tmp_path / f"{key}.dcm", numbered_map(shape, affine, key), datasets, series_number=number)
    for key in ("D", "Dstar", "f", "ADC"):
        assert read_dicom_map(tmp_path, key).quantity == key
    with pytest.raises(ValueError, match="expected one series, got 4"):
        read_dicom_map(tmp_path)
    with pytest.raises(ValueError, match="series 9003: expected a map of D, got one that its header codes as f"):
        read_dicom_map(tmp_path, "D", series=9003)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("10-6.mm2/s", "10^-6 mm2/s"),
        ("um2/s", "10^-6 mm2/s"),
        ("um2/ms", "10^-3 mm2/s"),
        ("mm2/s", "mm2/s"),
    ],
)
@pytest.mark.parametrize("place", ["shared", "header"])
def test_the_units_of_the_standard_give_a_scale(tmp_path, unit, expected, place):
    siemens_xa_adc(tmp_path)
    give(tmp_path, mapping(unit, 0.5), place=place)
    found = read_dicom_map(tmp_path, "ADC")
    assert found.scale == MapScale("ADC", expected, 0.5, 0.0, "real world value mapping")
    assert found.quantity == ""


@pytest.mark.parametrize("coded", ["113041", "113290"])
def test_a_scanners_map_that_codes_its_quantity(tmp_path, coded):
    siemens_xa_adc(tmp_path)
    give(tmp_path, mapping("um2/s", coded=coded))
    assert (read_dicom_map(tmp_path).quantity, read_dicom_map(tmp_path).provenance) == ("ADC", {})
    with pytest.raises(ValueError, match="expected a map of D, got one that its header codes as ADC"):
        read_dicom_map(tmp_path, "D")


@pytest.mark.parametrize(
    ("mappings", "asked"),
    [
        ([], ""),
        ([mapping("um2/s")], ""),
        ([mapping("um2/s", coded="999999")], ""),
        ([mapping("um2/s", coded="113041"), mapping("um2/s", coded="113291")], ""),
    ],
    ids=["none", "no quantity", "unknown code", "two quantities"],
)
def test_without_a_code_the_caller_has_to_say_what_it_is(tmp_path, mappings, asked):
    siemens_xa_adc(tmp_path)
    give(tmp_path, *mappings)
    with pytest.raises(ValueError, match="expected a header that codes what the map is of, or its name; got neither"):
        read_dicom_map(tmp_path, asked)
    assert read_dicom_map(tmp_path, "ADC").quantity == ""


def test_no_units_of_a_fraction_count_only_beside_its_code(tmp_path):
    siemens_xa_adc(tmp_path)
    give(tmp_path, mapping("1", 0.001))
    assert read_dicom_map(tmp_path, "f").scale is None
    give(tmp_path, mapping("1", 0.001, coded="113293"))
    assert read_dicom_map(tmp_path).scale == MapScale("f", "fraction", 0.001, 0.0, "real world value mapping")


def test_a_unit_of_something_else_is_refused(tmp_path):
    siemens_xa_adc(tmp_path)
    give(tmp_path, mapping("ms"))
    with pytest.raises(ValueError, match=r"unit: expected one of mm2/s, .* for ADC, got 'ms'"):
        read_dicom_map(tmp_path, "ADC")


def test_a_damaged_definition_is_passed_over(tmp_path):
    siemens_xa_adc(tmp_path)
    broken = mapping("um2/s", coded="113041")
    del broken.QuantityDefinitionSequence[0].ConceptCodeSequence
    give(tmp_path, broken)
    found = read_dicom_map(tmp_path, "ADC")
    assert (found.quantity, found.scale.unit) == ("", "10^-6 mm2/s")
