"""Map nodes: what this extension stored comes back bit for bit; what others stored needs a unit and a consent."""

import json

import numpy as np
import pytest

from mrbiomarkers.maps import Status
from mrbiomarkers.vendor_maps import MapScale
from Testing.support.volumes import oblique_affine

SHAPE = (3, 4, 5)


def parameter_map(node, **options):
    from mrbiomarkers.mrml.maps_in import parameter_map

    return parameter_map(node, **options)


def scale_proposal(*arguments, **options):
    from mrbiomarkers.mrml.maps_in import scale_proposal

    return scale_proposal(*arguments, **options)


def stored_values(dtype=np.float32):
    """Numbers that no rounding would leave alone: NaN of two kinds, infinity, -0, the smallest of the type."""
    values = np.random.default_rng(3).normal(size=SHAPE).astype(dtype)
    values[0, 0, :4] = [np.nan, np.inf, -0.0, np.finfo(dtype).smallest_subnormal]
    values.view(np.uint32 if dtype == np.float32 else np.uint64)[0, 0, 4] |= np.isnan(values[0, 0, 0])
    return values


def own(make, values, status=None, *, key="D", unit="10^-3 mm2/s", provenance='{"model": "ivim", "n": [1, null]}'):
    """A map as maps_out writes it, with attributes set by hand."""
    node = make.volume(values, name="D (IVIM)")
    for name, text in (("Quantity", key), ("Unit", unit), ("Provenance", provenance)):
        if text is not None:
            node.SetAttribute(f"MRBiomarkers.{name}", text)
    if status is not None:
        flags = make.volume(status, name="Status")
        node.SetNodeReferenceID("MRBiomarkers.Status", flags.GetID())
    return node


def fat_fractions(scale=1.0, dtype=np.float32, shape=(10, 20, 20)):
    """A body with marrow near 40 %, fat under the skin near 95 % and nothing around it, times ``scale``."""
    draws = np.random.default_rng(0)
    values = np.zeros(shape)
    values[:, 4:] = draws.normal(40, 5, size=values[:, 4:].shape)
    values[:, 16:] = draws.normal(95, 2, size=values[:, 16:].shape)
    return (values * scale).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_our_own_map_comes_back_bit_for_bit(make, dtype):
    values = stored_values(dtype)
    status = np.arange(60, dtype=np.uint16).reshape(SHAPE) * 1000
    node = own(make, values, status)

    found = parameter_map(node)

    assert found.values.dtype == dtype
    assert found.values.tobytes() == values.tobytes()
    assert (found.quantity.key, found.unit, found.is_reported) == ("D", "10^-3 mm2/s", True)
    np.testing.assert_array_equal(found.status, status)
    assert found.status.dtype == np.uint16
    assert found.provenance == {"model": "ivim", "n": [1, None]}
    np.testing.assert_allclose(found.affine, oblique_affine(), rtol=0, atol=1e-12)
    assert parameter_map(node, quantity="D").unit == found.unit


def test_what_add_maps_writes_is_read(make):
    from mrbiomarkers.maps import ParameterMap, to_reported
    from mrbiomarkers.mrml.maps_out import add_maps
    from mrbiomarkers.quantities import quantity

    status = np.arange(60, dtype=np.uint16).reshape(SHAPE)
    made = ParameterMap(stored_values() * np.float32(1e-3), quantity("D"), "mm2/s", oblique_affine(), status, {"a": 1})

    found = parameter_map(add_maps({"D": made}, label="IVIM")["D"])

    assert found.values.tobytes() == to_reported(made).values.tobytes()
    np.testing.assert_array_equal(found.status, status)
    assert (found.quantity, found.unit, found.provenance) == (made.quantity, "10^-3 mm2/s", {"a": 1})
    np.testing.assert_allclose(found.affine, oblique_affine(), rtol=0, atol=1e-12)


def test_the_map_does_not_follow_its_node(make):
    import slicer

    values, status = stored_values(), np.full(SHAPE, 32, np.uint16)
    node = own(make, values, status)
    found = parameter_map(node)

    for changed in (node, node.GetNodeReference("MRBiomarkers.Status")):
        slicer.util.arrayFromVolume(changed)[:] = 7

    assert found.values.tobytes() == values.tobytes()
    np.testing.assert_array_equal(found.status, status)
    found.values[:] = 0
    assert (slicer.util.arrayFromVolume(node) == 7).all()
    other = make.volume(fat_fractions())  # float32 in the kernel unit: nothing has to be converted
    read = parameter_map(other, quantity="PDFF", scale="%")
    slicer.util.arrayFromVolume(other)[:] = 7
    np.testing.assert_array_equal(read.values, fat_fractions())


def test_a_map_without_its_status_volume(make):
    import slicer

    node = own(make, stored_values(), np.full(SHAPE, 32, np.uint16), provenance=None)
    slicer.mrmlScene.RemoveNode(node.GetNodeReference("MRBiomarkers.Status"))

    found = parameter_map(node)

    assert found.provenance == {}
    expected = np.where(np.isfinite(found.values), Status.FITTED, Status.NOT_FINITE)
    np.testing.assert_array_equal(found.status, expected)


def test_attributes_that_do_not_fit_are_refused(make):
    values = stored_values()
    for node, options, words in [
        (own(make, values), {"quantity": "PDFF"}, r"quantity: expected 'D', which 'D \(IVIM\)' says it is, got 'PDFF'"),
        (own(make, values), {"scale": "mm2/s"}, "scale: expected none"),
        (own(make, values, unit=None), {}, r"expected the attribute MRBiomarkers\.Unit"),
        (own(make, values, unit="%"), {}, "unit of D: expected 'mm2/s' or '10\\^-3 mm2/s', got '%'"),
        (own(make, values, key="speed"), {}, "attributes: quantity: expected one of"),
        (own(make, values, provenance="{"), {}, "attributes: "),
        (own(make, values, provenance="[1]"), {}, r"expected a JSON object in MRBiomarkers\.Provenance, got \[1\]"),
        (
            own(make, values, np.zeros((3, 4, 6), np.uint16)),
            {},
            r"status of 'D \(IVIM\)': expected the grid of the map",
        ),
    ]:
        with pytest.raises(ValueError, match=words):
            parameter_map(node, **options)
    with pytest.raises(TypeError, match="status of D: expected flags as uint16 or uint8"):
        parameter_map(own(make, values, np.zeros(SHAPE, np.float32)))
    with pytest.raises(TypeError, match="values of D: expected floating point"):
        parameter_map(own(make, np.ones(SHAPE, np.int16)))


def test_a_map_of_a_scanner_needs_quantity_and_scale(make):
    stored = fat_fractions(10, np.int16)
    node = make.volume(stored, name="FF")

    with pytest.raises(ValueError, match="quantity: expected what 'FF' shows, one of PDFF, R2star"):
        parameter_map(node)
    with pytest.raises(ValueError, match="quantity: expected one of"):
        parameter_map(node, quantity="water")
    with pytest.raises(ValueError, match=r"numbers of 'FF' stand for, got none.*speak for permille.*scale='permille'"):
        parameter_map(node, quantity="PDFF")

    notes = []
    found = parameter_map(node, quantity="PDFF", scale="0.1*%", notes=notes)

    np.testing.assert_allclose(found.values, stored.astype(np.float32) * 0.1, rtol=1e-6)
    assert (found.unit, found.quantity.key, found.provenance["method"]) == ("%", "PDFF", "as stored")
    accepted = parameter_map(node, quantity="PDFF", scale=scale_proposal(node, "PDFF").accept())
    np.testing.assert_allclose(accepted.values, found.values, rtol=1e-6)
    assert accepted.provenance["scale"]["source"] == "value range, accepted"


def test_what_is_doubtful_of_a_scanners_map_is_noted(make):
    node, notes = make.volume(np.where(np.arange(4000).reshape(10, 20, 20) < 40, 130, 20.0)), []

    parameter_map(node, quantity="PDFF", scale="%", notes=notes)

    assert any("40" in note or "1 %" in note for note in notes), notes


def test_a_map_in_one_time_becomes_a_rate(make):
    """Truth: R2* = 1 / T2*; 20 ms is 50 1/s."""
    node = make.volume(np.full(SHAPE, 20, np.int16))

    found = parameter_map(node, quantity="R2star", scale=MapScale("R2star", "ms"))

    assert found.unit == "1/s"
    np.testing.assert_allclose(found.values, 50)


def test_the_values_propose_no_scale(make):
    node = make.volume(np.zeros(SHAPE, np.float32))

    with pytest.raises(ValueError, match=r"The values propose none: only 0 voxels.*Give it, as scale='mm2/s'"):
        parameter_map(node, quantity="ADC")
    with pytest.raises(ValueError, match="expected one of %, fraction, permille for PDFF, got 'mm2/s'"):
        parameter_map(node, quantity="PDFF", scale="mm2/s")


def test_a_proposal_with_a_factor_can_be_given_as_it_is_said(make):
    node = make.volume(np.random.default_rng(0).normal(80, 5, size=(10, 20, 20)))

    with pytest.raises(ValueError, match=r"speak for 0\.01\*1, .* accept it: scale='0\.01\*1'"):
        parameter_map(node, quantity="alpha")

    assert 0.79 < np.median(parameter_map(node, quantity="alpha", scale="0.01*1").values) < 0.81


def test_a_proposal_in_marrow(make):
    """R2* of marrow near 120 1/s, of the body around it near 30: only the marks tell."""
    values = np.full((10, 20, 20), 30.0)
    values[4:6] = np.random.default_rng(0).normal(120, 5, size=values[4:6].shape)
    marrow = np.zeros(values.shape, bool)
    marrow[4:6] = True
    node = make.volume(values)

    assert "mark vertebral marrow" in scale_proposal(node, "R2star").reason
    for masks in (marrow, {"L1": marrow & (np.arange(20) < 10), "L2": marrow}):
        proposal = scale_proposal(node, "R2star", masks)
        assert proposal.scale.unit == "1/s"
    assert scale_proposal(node, "R2star", {}).scale is None
    nowhere = np.zeros(values.shape, bool)  # marrow is no mask of a fat fraction: its peak lies under the skin
    assert scale_proposal(make.volume(fat_fractions()), "PDFF", nowhere).scale.unit == "%"
    with pytest.raises(ValueError, match="mask 'L1': expected shape"):
        scale_proposal(node, "R2star", {"L1": marrow[1:]})
    with pytest.raises(ValueError, match="quantity: expected one of"):
        scale_proposal(node, "water")
    with pytest.raises(ValueError, match="expected a map that does not say its unit"):
        scale_proposal(own(make, stored_values()), "ADC")


def test_nodes_that_are_no_maps(make):
    import slicer

    gone = make.volume(np.ones(SHAPE), name="gone")
    slicer.mrmlScene.RemoveNode(gone)
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    flat = make.volume(np.ones(SHAPE), np.diag([1.0, 0, 1, 1]))
    for node, words in [
        (gone, "node: expected a node of the scene, got 'gone'"),
        (empty, "got 'empty' without image data"),
        (make.transformed(own(make, stored_values())), "is under the transform 'T'"),
        (flat, "node 'V': affine: expected"),
    ]:
        for call in (parameter_map, lambda one: scale_proposal(one, "PDFF")):
            with pytest.raises(ValueError, match=words):
                call(node)
    labels = make.volume(np.ones(SHAPE, np.int16), kind="vtkMRMLLabelMapVolumeNode")
    for node in (None, "D", labels, make.sequence(make.numbered(2), (0, 500))):
        with pytest.raises(TypeError, match="node: expected a node of kind ScalarVolume"):
            parameter_map(node)


def test_nothing_is_added_to_the_scene(make):
    import slicer

    node = own(make, stored_values(), np.zeros(SHAPE, np.uint16), provenance=json.dumps({"b": [0, 50]}))
    before = slicer.mrmlScene.GetNumberOfNodes(), node.GetMTime(), node.GetImageData().GetMTime()

    parameter_map(node)
    with pytest.raises(ValueError, match="quantity"):
        parameter_map(node, quantity="PDFF")

    assert (slicer.mrmlScene.GetNumberOfNodes(), node.GetMTime(), node.GetImageData().GetMTime()) == before
