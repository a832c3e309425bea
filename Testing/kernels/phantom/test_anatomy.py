"""The drawn anatomy: sizes in millimetres and shares of tissue."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.phantom.anatomy import SagittalGrid, core_mask, tissue_fractions
from mrbiomarkers.phantom.spine import discs, vertebrae


@pytest.fixture(scope="module")
def fine():
    """Voxels of 1 mm around L3 and its discs, slices of 3 mm without gaps."""
    axis = np.arange(-39.5, 40.0)
    grid = SagittalGrid(np.arange(-27.0, 28.0, 3.0), axis[::-1].copy(), axis, (3.0, 1.0, 1.0))
    return grid, tissue_fractions(grid)


def length(profile):
    """Length [mm] of a run of voxels of 1 mm, edges counted by their share."""
    return float(profile.sum())


def test_shares_add_up_to_one(fine):
    _, fractions = fine
    np.testing.assert_allclose(sum(fractions.values()), 1.0, atol=1e-6)


def test_l3_has_the_size_of_an_adult_body(fine):
    grid, fractions = fine
    marrow = fractions["L3"] + fractions.get("vein", 0)
    middle, row, column = len(grid.x) // 2, len(grid.v) // 2, len(grid.u) // 2
    # Marrow ends 0.9 mm of cortical bone short of the outside on either side, and walls are hollow by a tenth.
    depth = length(marrow[middle, row + 6, column - 25 : column + 25]) + 1.8
    height = length(marrow[middle, row - 20 : row + 20, column + 8]) + 1.8
    width = 3.0 * length(fractions["L3"][:, row, column]) + 1.8
    assert depth == pytest.approx(33, abs=3.5)
    assert height == pytest.approx(27, abs=2.5)
    assert width == pytest.approx(45, abs=3.0)


def test_bodies_and_discs_stack_without_gaps():
    bodies = {block.name: block for block in vertebrae()}
    assert [block.name for block in vertebrae()][4:11] == ["T12", "L1", "L2", "L3", "L4", "L5", "S1"]
    for upper, lower in (("L1", "L2"), ("L3", "L4"), ("L4", "L5")):
        top, bottom = bodies[upper].point(0, -bodies[upper].q), bodies[lower].point(0, bodies[lower].q)
        assert 7 < np.hypot(top[0] - bottom[0], top[1] - bottom[1]) < 11  # height of the disc [mm]
    assert [disc.name for disc in discs()][7] == "L3/L4"


def test_the_spine_has_a_lordosis():
    bodies = {block.name: block for block in vertebrae()}
    assert bodies["L1"].u < bodies["L3"].u  # the front of the curve is in the middle
    assert bodies["S1"].u < bodies["L4"].u
    tilts = [bodies[name].tilt for name in ("L1", "L2", "L3", "L4", "L5", "S1")]
    assert np.all(np.diff(tilts) > 0)


def test_local_axes_and_points_undo_each_other():
    block = vertebrae()[9]
    u, v = block.point(3.0, -4.0)
    p, q = block.local(np.array([u]), np.array([v]))
    np.testing.assert_allclose((p[0], q[0]), (3.0, -4.0), atol=1e-12)


def test_core_lies_inside_its_body(fine):
    grid, fractions = fine
    core = core_mask("L3", grid)
    assert core.any()
    assert np.all((fractions["L3"] + fractions["vein"])[core] > 0.99)


def test_a_lesion_replaces_marrow_of_its_size(fine):
    grid, without = fine
    fractions = tissue_fractions(grid, lesion=True)
    volume = float(fractions["lesion"].sum()) * 3.0  # voxels of 3 mm3
    # A ball of 7 mm radius; three planes in each slice of 3 mm follow its surface within a few percent.
    assert volume == pytest.approx(4 / 3 * np.pi * 7.0**3, rel=0.03)
    assert "lesion" not in without
    assert float((without["L3"] - fractions["L3"]).sum()) * 3.0 == pytest.approx(volume, rel=0.03)


def test_rows_upside_down_give_the_same_picture_upside_down():
    axis = np.arange(-40.0, 41.0, 4.0)
    upright = tissue_fractions(SagittalGrid(np.zeros(1), axis, axis, (4.0, 4.0, 4.0)))
    turned = tissue_fractions(SagittalGrid(np.zeros(1), axis[::-1].copy(), axis, (4.0, 4.0, 4.0)))
    for name, share in upright.items():
        np.testing.assert_array_equal(share[:, ::-1], turned[name])
