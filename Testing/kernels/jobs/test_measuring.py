import numpy as np
import pytest

from mrbiomarkers.jobs import DrawnRegion, measure_maps
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from mrbiomarkers.settings import MeasureSettings

AFFINE = np.diag([1.0, 1.0, 4.0, 1.0])
SHAPE = (3, 20, 20)


def as_map(key, values, affine=AFFINE):
    known = quantity(key)
    return ParameterMap(values.astype(np.float32), known, known.reported_unit, affine, provenance={"model": "m"})


def box(j, i, size=6, k=1):
    mask = np.zeros(SHAPE, bool)
    mask[k, j : j + size, i : i + size] = True
    return DrawnRegion(mask, AFFINE)


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(10.0, 1.0, SHAPE)


def test_maps_on_two_grids_in_regions_of_two_readers(values):
    fine = as_map("PDFF", values)
    coarse_affine = np.diag([2.0, 2.0, 4.0, 1.0])
    coarse_affine[:2, 3] = 0.5  # each coarse voxel holds two by two fine ones
    coarse = as_map("R2star", values.reshape(3, 10, 2, 10, 2).mean(axis=(2, 4)), coarse_affine)
    regions = {"A": {"L3": box(4, 4), "L4": box(12, 4)}, "B": {"L3": box(4, 6), "L4": box(12, 4)}}
    result = measure_maps([fine, coarse], regions, mean_of=("L3", "L4"))
    rows = {(row.reader, row.region, row.quantity): row for row in result.rows}
    assert len(rows) == len(result.rows) == 3 * 3 * 2
    for reader in "AB":
        for region in ("L3", "L4"):
            inside = values[regions[reader][region].mask]
            assert rows[reader, region, "PDFF"].value == pytest.approx(inside.mean(), rel=1e-6)
            assert rows[reader, region, "R2star"].value == pytest.approx(inside.mean(), rel=1e-6)
            assert rows[reader, region, "R2star"].n_voxels == 9
    both = values[regions["A"]["L3"].mask | regions["A"]["L4"].mask]
    assert rows["A", "L3+L4", "PDFF"].value == pytest.approx(both.mean(), rel=1e-6)
    of_mean = (rows["A", "L3", "PDFF"].value + rows["B", "L3", "PDFF"].value) / 2
    assert rows["mean", "L3", "PDFF"].value == pytest.approx(of_mean)
    np.testing.assert_array_equal(result.copies["A"]["L3"].mask, regions["A"]["L3"].mask)
    assert result.warnings == []


def test_by_index_where_the_geometry_is_lost(values):
    lost = as_map("PDFF", values, np.diag([3.0, 3.0, 1.0, 1.0]))
    regions = {"": {"L3": box(4, 4)}}
    result = measure_maps([lost], regions, by="index", identity=MeasureSettings(subject="s", per_slice=True))
    inside = values[regions[""]["L3"].mask]
    assert [row.slice for row in result.rows] == ["all", "2"]
    assert result.rows[0].value == pytest.approx(inside.mean(), rel=1e-6)
    assert result.rows[0].reader == ""
    assert any("copied by index" in line for line in result.warnings)


def test_what_cannot_be_measured_is_named(values):
    fine = as_map("PDFF", values)
    with pytest.raises(ValueError, match="maps: expected at least one"):
        measure_maps([], {"A": {"L3": box(4, 4)}})
    with pytest.raises(ValueError, match="regions: expected a region of each reader"):
        measure_maps([fine], {"A": {}})
    away = np.diag([1.0, 1.0, 4.0, 1.0])
    away[0, 3] = 500.0
    with pytest.raises(ValueError, match="reader 'A', region 'L3' on the map of PDFF"):
        measure_maps([fine], {"A": {"L3": DrawnRegion(box(4, 4).mask, away)}})
