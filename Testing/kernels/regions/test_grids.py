import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from mrbiomarkers.regions import (
    describe_grid,
    is_same_grid,
    is_same_lattice,
    mask_on_grid,
    place_mask,
    voxel_sizes,
)
from Testing.support.volumes import oblique_affine

SHAPE = (5, 7, 9)


def ball(shape, affine, centre, radius):
    k, j, i = np.indices(shape)
    position = affine[:3, :3] @ np.stack([i, j, k]).reshape(3, -1) + affine[:3, 3:]
    return (np.linalg.norm(position - np.asarray(centre)[:, None], axis=0) < radius).reshape(shape)


def test_voxel_sizes_of_an_oblique_grid():
    np.testing.assert_allclose(voxel_sizes(oblique_affine((1.7, 2.3, 4.1))), [1.7, 2.3, 4.1])


def test_description_has_sizes_in_the_order_i_j_k():
    text = describe_grid(SHAPE, oblique_affine((1.7, 2.3, 4.1), (-31, 12.5, -70.25)))
    assert text == "9 x 7 x 5 voxels of 1.7 x 2.3 x 4.1 mm, origin (-31.00, 12.50, -70.25) mm RAS"


def test_same_grid_forgives_single_precision_and_nothing_more():
    affine = oblique_affine()
    assert is_same_grid(SHAPE, affine, SHAPE, affine.astype(np.float32).astype(float))
    moved = affine.copy()
    moved[:3, 3] += affine[:3, 0] * 0.05
    assert not is_same_grid(SHAPE, affine, SHAPE, moved)
    assert not is_same_grid(SHAPE, affine, (5, 7, 8), affine)
    turned = affine.copy()
    turned[:3, :2] = affine[:3, 1::-1]
    assert not is_same_grid(SHAPE, affine, SHAPE, turned)


def test_a_cropped_grid_lies_on_the_same_lattice():
    affine = oblique_affine()
    cropped = affine.copy()
    cropped[:3, 3] = affine[:3, :3] @ [2, 1, 1] + affine[:3, 3]
    assert is_same_lattice((3, 4, 5), cropped, SHAPE, affine)
    flipped = affine.copy()
    flipped[:3, 0] *= -1
    assert not is_same_lattice(SHAPE, flipped, SHAPE, affine)
    half = affine.copy()
    half[:3, 3] += affine[:3, 1] / 2
    assert not is_same_lattice(SHAPE, half, SHAPE, affine)


def test_cropped_mask_is_put_in_its_place_exactly():
    affine = oblique_affine()
    full = np.zeros(SHAPE, bool)
    full[1:4, 1:5, 2:7] = np.random.default_rng(0).random((3, 4, 5)) > 0.5
    cropped = affine.copy()
    cropped[:3, 3] = affine[:3, :3] @ [2, 1, 1] + affine[:3, 3]
    placed, outside = place_mask("region", full[1:4, 1:5, 2:7], cropped, SHAPE, affine)
    np.testing.assert_array_equal(placed, full)
    assert outside == 0


def test_identical_grids_give_identical_voxels():
    mask = np.random.default_rng(1).random(SHAPE) > 0.5
    placed, outside = mask_on_grid(mask, oblique_affine(), SHAPE, oblique_affine())
    np.testing.assert_array_equal(placed, mask)
    assert outside == 0


def test_copy_between_oblique_and_straight_grids_equals_an_independent_nearest_neighbour():
    source, target = oblique_affine((1.3, 1.1, 2.9)), np.diag([2.1, 1.9, 3.3, 1.0])
    target[:3, 3] = source[:3, 3]
    shape, target_shape = (13, 31, 27), (11, 19, 17)
    mask = ball(shape, source, source[:3, :3] @ [13, 15, 6] + source[:3, 3], 14)
    placed, _ = mask_on_grid(mask, source, target_shape, target)
    k, j, i = np.indices(target_shape)
    world = target[:3, :3] @ np.stack([i, j, k]).reshape(3, -1) + target[:3, 3:]
    index = np.linalg.solve(source[:3, :3], world - source[:3, 3:])[::-1]
    peer = map_coordinates(mask.astype(np.uint8), index, order=0, mode="constant", cval=0).reshape(target_shape) > 0
    assert placed.sum() > 200
    assert np.count_nonzero(placed != peer) == 0


def test_fraction_outside_is_counted_in_voxels_of_the_mask():
    mask = np.zeros((4, 4, 10), bool)
    mask[1, 1, :] = True
    affine, moved = np.eye(4), np.eye(4)
    moved[0, 3] = 7.0
    placed, outside = mask_on_grid(mask, affine, (4, 4, 10), moved)
    assert placed.sum() == 3
    assert outside == pytest.approx(0.7)


def test_another_grid_is_refused_with_both_described_and_the_way_out():
    mask = np.ones((2, 3, 4), bool)
    with pytest.raises(
        ValueError, match=r"region .L3.: expected the grid of the series .*9 x 7 x 5.*--resample-regions"
    ) as e:
        place_mask("region 'L3'", mask, np.diag([2.0, 2, 2, 1]), SHAPE, np.eye(4))
    assert "4 x 3 x 2 voxels of 2 x 2 x 2 mm" in str(e.value)
    placed, outside = place_mask("region 'L3'", mask, np.diag([2.0, 2, 2, 1]), SHAPE, np.eye(4), resample=True)
    # voxels of 2 mm centred on 0, 2, 4 mm hold the centres from -1 mm up to, not including, 2n - 1 mm
    assert placed.sum() == 3 * 5 * 7
    assert outside == 0


def test_empty_and_far_masks_are_refused():
    with pytest.raises(ValueError, match="region: expected at least one voxel above 0, got an empty mask"):
        place_mask("region", np.zeros(SHAPE, bool), np.eye(4), SHAPE, np.eye(4))
    far = np.eye(4)
    far[:3, 3] = 500
    with pytest.raises(ValueError, match="region: expected it to overlap the series"):
        place_mask("region", np.ones(SHAPE, bool), far, SHAPE, np.eye(4))
