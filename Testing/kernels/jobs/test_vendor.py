import re

import numpy as np
import pytest

from mrbiomarkers.jobs import VendorInput, run_vendor_maps
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.vendor_maps import MapScale

SHAPE = (2, 20, 30)
AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])


def body():
    """A fat fraction [%] with subcutaneous fat near 95 %, marrow at 40 %, and muscle at 3 %; and the marrow."""
    rng = np.random.default_rng(0)
    pdff = rng.normal(3.0, 1.0, SHAPE)
    pdff[:, :, 20:] = rng.normal(95.0, 1.0, (2, 20, 10))
    marrow = np.zeros(SHAPE, bool)
    marrow[:, 5:15, 5:15] = True
    pdff[marrow] = 40.0
    return pdff, marrow


def value_of(result, key):
    (row,) = [row for row in result.rows if row.quantity == key]
    return row.value


@pytest.mark.parametrize(
    ("stored", "scale"),
    [
        (1.0, "%"),
        (0.01, "fraction"),
        (10.0, "permille"),
        (10.0, "0.1*%"),
        (10.0, MapScale("PDFF", "%", slope=0.1)),
    ],
)
def test_a_map_is_measured_in_its_kernel_unit_whatever_was_stored(stored, scale):
    pdff, marrow = body()
    numbers = pdff * stored
    result = run_vendor_maps({"PDFF": VendorInput(numbers, AFFINE, scale)}, {"L1": marrow})

    assert value_of(result, "PDFF") == pytest.approx(40.0)
    np.testing.assert_allclose(result.maps["PDFF"].values, pdff, rtol=1e-12)
    assert result.maps["PDFF"].unit == "%"
    np.testing.assert_array_equal(numbers, pdff * stored)


def test_rows_and_provenance_say_where_the_map_is_from():
    pdff, marrow = body()
    identity = MeasureSettings(subject="s1")
    maps = {"PDFF": VendorInput(pdff, AFFINE, "%"), "R2star": VendorInput(np.full(SHAPE, 120.0), AFFINE, "Hz")}
    result = run_vendor_maps(maps, {"L1": marrow}, identity=identity, outside={"L1": 0.25})

    assert [(row.quantity, row.unit, row.n_voxels) for row in result.rows] == [
        ("PDFF", "%", 200),
        ("R2star", "1/s", 200),
    ]
    for row in result.rows:
        assert (row.subject, row.model, row.fit, row.method) == ("s1", "scanner", "as stored", "mean of map")
    scale = result.maps["R2star"].provenance["scale"]
    assert (scale["unit"], scale["slope"], scale["source"]) == ("1/s", 1.0, "user")
    assert any("25.0% of it lies outside" in line for line in result.warnings)


def test_slope_and_intercept_of_the_file_count_before_the_unit():
    pdff, marrow = body()
    given = VendorInput((pdff + 10) * 20, AFFINE, "%", slope=0.05, intercept=-10.0)
    assert value_of(run_vendor_maps({"PDFF": given}, {"L1": marrow}), "PDFF") == pytest.approx(40.0)


def test_times_stay_times_unless_they_are_asked_for_as_rates():
    times = np.full(SHAPE, 8.0)
    times[0] = 12.5
    region = {"x": np.ones(SHAPE, bool)}
    as_times = run_vendor_maps({"T2star": VendorInput(times, AFFINE, "ms")}, region)
    as_rates = run_vendor_maps({"R2star": VendorInput(times, AFFINE, "ms")}, region)

    assert list(as_times.maps) == ["T2star"]
    assert value_of(as_times, "T2star") == pytest.approx((8.0 + 12.5) / 2)  # reported in ms
    assert as_times.maps["T2star"].values.max() == pytest.approx(12.5e-3)  # kernel unit: s
    assert value_of(as_rates, "R2star") == pytest.approx((125.0 + 80.0) / 2)


@pytest.mark.parametrize(
    ("name", "factor", "text", "value"),
    [
        ("PDFF", 0.01, "fraction", 40.0),
        ("PDFF", 1.0, "%", 40.0),
        ("R2star", 1.0, "1/s", 120.0),
        ("R2star", 10.0, "0.1*1/s", 120.0),
    ],
)
def test_a_missing_scale_is_proposed_with_its_reason_and_applied_only_when_accepted(name, factor, text, value):
    pdff, marrow = body()
    numbers = factor * (pdff if name == "PDFF" else np.full(SHAPE, 120.0))
    given = VendorInput(numbers, AFFINE)
    with pytest.raises(ValueError, match=f"map '{name}': expected a scale") as caught:
        run_vendor_maps({name: given}, {"L1": marrow})

    said = str(caught.value)
    assert "subcutaneous fat" in said if name == "PDFF" else "the median in marrow" in said
    assert "confidence" in said
    (accepted,) = re.findall(r"--map-scale (\S+)", said)
    assert accepted == f"{name}={text}"
    agreed = VendorInput(numbers, AFFINE, accepted.partition("=")[2])
    assert value_of(run_vendor_maps({name: agreed}, {"L1": marrow}), name) == pytest.approx(value)


def test_the_proposal_counts_the_slope_of_the_file():
    pdff, marrow = body()
    numbers = (pdff - 1.0) * 4
    given = {"slope": 0.25, "intercept": 1.0}
    with pytest.raises(ValueError, match="--map-scale PDFF=% "):
        run_vendor_maps({"PDFF": VendorInput(numbers, AFFINE, **given)}, {"L1": marrow})
    result = run_vendor_maps({"PDFF": VendorInput(numbers, AFFINE, "%", **given)}, {"L1": marrow})
    assert value_of(result, "PDFF") == pytest.approx(40.0)


def test_where_the_values_do_not_tell_nothing_is_proposed():
    numbers = np.full(SHAPE, 40.0)
    for name in ("PDFF", "R2star"):
        with pytest.raises(ValueError, match=f"The values propose none.*--map-scale {name}=UNIT"):
            run_vendor_maps({name: VendorInput(numbers, AFFINE)})


def test_background_of_zeros_is_left_out_where_it_is_said_to_be_background():
    pdff, marrow = body()
    pdff[:, 5:10, 5:15] = 0.0
    kept = run_vendor_maps({"PDFF": VendorInput(pdff, AFFINE, "%")}, {"L1": marrow})
    given = VendorInput(pdff, AFFINE, "%", zero_is_background=True)
    left_out = run_vendor_maps({"PDFF": given}, {"L1": marrow})
    assert value_of(kept, "PDFF") == pytest.approx(20.0)
    assert value_of(left_out, "PDFF") == pytest.approx(40.0)
    assert left_out.rows[0].n_unfitted == 100
    assert any("exactly 0" in line for line in kept.warnings)


def test_a_mask_leaves_the_rest_out():
    pdff, marrow = body()
    result = run_vendor_maps({"PDFF": VendorInput(pdff, AFFINE, "%")}, {"fat": pdff > 80}, mask=marrow)
    assert np.isfinite(result.maps["PDFF"].values).sum() == 200
    assert any("none of" in line for line in result.warnings)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"scale": "1/s"}, ValueError, "unit: expected one of %, fraction, permille for PDFF, got '1/s'"),
        ({"scale": "ten*%"}, ValueError, r"map 'PDFF': expected a unit, or a factor and a unit as 0.1\*1/s, got 'ten"),
        ({"scale": MapScale("R2star", "1/s")}, ValueError, "map 'PDFF': expected a scale of PDFF, got one of R2star"),
        ({"scale": 0.1}, TypeError, "map 'PDFF': expected a MapScale or the name of a unit, got float"),
        ({"values": np.zeros((3, 3))}, ValueError, "map 'PDFF': expected 3 dimensions"),
        ({"affine": np.eye(3)}, ValueError, "affine"),
    ],
)
def test_bad_input_is_named(changes, error, message):
    given = {"values": body()[0], "affine": AFFINE, "scale": "%", **changes}
    with pytest.raises(error, match=message):
        run_vendor_maps({"PDFF": VendorInput(**given)})


def test_maps_and_regions_that_do_not_fit_together_are_named():
    pdff, marrow = body()
    shifted = AFFINE.copy()
    shifted[0, 3] = 1.0
    maps = {"PDFF": VendorInput(pdff, AFFINE, "%"), "R2star": VendorInput(pdff, shifted, "1/s")}
    with pytest.raises(ValueError, match="map 'R2star': expected the grid of map 'PDFF'"):
        run_vendor_maps(maps)
    with pytest.raises(ValueError, match="region 'L1': expected shape"):
        run_vendor_maps({"PDFF": maps["PDFF"]}, {"L1": marrow[:1]})
    with pytest.raises(ValueError, match="region 'L1': expected at least one voxel"):
        run_vendor_maps({"PDFF": maps["PDFF"]}, {"L1": np.zeros(SHAPE, bool)})
    with pytest.raises(
        ValueError, match="maps: expected one of ADC, D, DDC, Dstar, MD, MK, PDFF, R2star, T2star, alpha, f; got 'T1'"
    ):
        run_vendor_maps({"T1": maps["PDFF"]})
    with pytest.raises(TypeError, match="map 'PDFF': expected a VendorInput, got ndarray"):
        run_vendor_maps({"PDFF": pdff})
    with pytest.raises(
        ValueError, match="maps: expected some of PDFF, R2star, T2star, ADC, D, Dstar, DDC, MD, f, alpha, MK; got none"
    ):
        run_vendor_maps({})


def diffusion():
    """D [mm2/s] and f of a head: air of 0, tissue, and a region of known values."""
    rng = np.random.default_rng(5)
    d, f = 0.7e-3 * np.exp(0.2 * rng.standard_normal(SHAPE)), 0.1 * np.exp(0.1 * rng.standard_normal(SHAPE))
    region = np.zeros(SHAPE, bool)
    region[:, 5:15, 5:15] = True
    d[region], f[region] = 0.4e-3, 0.15
    d[:, 15:], f[:, 15:] = 0.0, 0.0
    return d, f, region


def test_a_workstations_ivim_is_measured_like_our_own():
    d, f, region = diffusion()
    dstar = np.full(SHAPE, 0.02)
    maps = {
        "D": VendorInput(np.round(d * 1e6).astype(np.uint16), AFFINE, "10-6.mm2/s"),
        "f": VendorInput(f * 1000, AFFINE, "permille"),
        "Dstar": VendorInput(dstar * 1e3, AFFINE, "um2/ms"),
        "alpha": VendorInput(np.full(SHAPE, 800.0), AFFINE, "0.001*1"),
    }
    result = run_vendor_maps(maps, {"L1": region})
    found = {row.quantity: (row.unit, row.value) for row in result.rows}
    assert found == {
        "D": ("10^-3 mm2/s", pytest.approx(0.4)),
        "f": ("1", pytest.approx(0.15)),
        "Dstar": ("10^-3 mm2/s", pytest.approx(20.0)),
        "alpha": ("1", pytest.approx(0.8)),
    }
    assert result.maps["D"].unit == "mm2/s"


@pytest.mark.parametrize(("factor", "text"), [(1e6, "10^-6 mm2/s"), (1e3, "10^-3 mm2/s"), (1.0, "mm2/s")])
def test_a_missing_unit_of_diffusion_is_proposed_from_the_whole_image(factor, text):
    d, _, region = diffusion()
    small = np.zeros(SHAPE, bool)
    small[0, 8, 8] = True
    with pytest.raises(ValueError, match=r"map 'D': expected a scale.*confidence moderate.*the median") as caught:
        run_vendor_maps({"D": VendorInput(d * factor, AFFINE)}, {"x": small})
    assert "taken for marrow" not in str(caught.value)
    (accepted,) = re.findall(r"--map-scale '?(D=[^']+?)'? on the", str(caught.value))
    assert accepted == f"D={text}"
    result = run_vendor_maps({"D": VendorInput(d * factor, AFFINE, accepted[2:])}, {"L1": region})
    assert value_of(result, "D") == pytest.approx(0.4)


def test_what_the_file_says_of_the_map_is_kept():
    d, _, region = diffusion()
    given = VendorInput(d, AFFINE, "mm2/s", provenance={"model": "ivim", "method": "nlls"}, notes=("one file missing",))
    result = run_vendor_maps({"D": given}, {"L1": region})
    assert (result.rows[0].model, result.rows[0].fit) == ("ivim", "nlls")
    assert result.warnings[0] == "one file missing"
    assert result.maps["D"].provenance["scale"]["unit"] == "mm2/s"
