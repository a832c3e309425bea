import numpy as np
import pytest

from mrbiomarkers.regions.erosion import depth_in_plane, fitting_margin, outlying_voxels, vein_wedge


def rectangle(shape=(1, 40, 50), up=slice(8, 28), ahead=slice(10, 40)):
    mask = np.zeros(shape, bool)
    mask[:, up, ahead] = True
    return mask


@pytest.mark.parametrize("spacing", [(1.5, 1.5), (0.7, 3.1), (4.0, 0.9)])
def test_depth_is_the_distance_to_the_nearest_voxel_outside(spacing):
    mask = np.random.default_rng(0).random((2, 9, 11)) < 0.9
    depth = depth_in_plane(mask, spacing)
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    for number, outside in enumerate(~padded):
        for s, a in np.argwhere(mask[number]):
            apart = np.abs(np.argwhere(outside) - (s + 1, a + 1)) - 0.5  # to the voxel's faces
            nearest = np.linalg.norm(np.maximum(apart, 0) * spacing, axis=1).min()
            assert depth[number, s, a] == pytest.approx(nearest, abs=1e-9)
    assert np.all(depth[~mask] == 0)


def test_margin_is_taken_off_in_mm_whatever_the_voxels():
    # 20 x 30 mm in voxels of 0.5 x 2 mm
    mask = rectangle((1, 60, 25), slice(10, 50), slice(5, 20))
    inner = depth_in_plane(mask, (0.5, 2.0)) >= 3.0
    expected = rectangle((1, 60, 25), slice(16, 44), slice(6, 19))  # centres 3 mm deep are kept
    np.testing.assert_array_equal(inner, expected)


def test_margin_scales_with_small_bodies_only():
    assert fitting_margin(3.0, 25.0) == 3.0
    assert fitting_margin(3.0, 18.0) == 3.0
    assert fitting_margin(3.0, 12.0) == pytest.approx(2.0)
    assert fitting_margin(3.0, 6.0) == 1.5
    assert fitting_margin(1.0, 6.0) == 1.0
    assert fitting_margin(0.0, 6.0) == 0.0


def test_wedge_is_the_middle_third_of_the_posterior_third():
    body = rectangle(up=slice(8, 29), ahead=slice(10, 40))  # 21 rows, 30 columns
    wedge = vein_wedge(body, (1.0, 1.0), 0)
    assert wedge.sum() == 7 * 10
    np.testing.assert_array_equal(np.argwhere(wedge[0]).min(axis=0), [15, 10])


@pytest.mark.parametrize("degrees", [-30, -12, 20, 35])
def test_wedge_turns_with_the_body(degrees):
    turn = np.deg2rad(degrees)
    s, a = np.indices((80, 80)) - 40.0
    height, depth = np.cos(turn) * s - np.sin(turn) * a, np.sin(turn) * s + np.cos(turn) * a
    body = ((np.abs(height) <= 13.5) & (np.abs(depth) <= 18))[None]
    expected = body[0] & (np.abs(height) <= 4.5) & (depth <= -6)
    wedge = vein_wedge(np.repeat(body, 3, axis=0), (1.0, 1.0), 1)
    assert np.all(wedge == wedge[0])
    dice = 2 * (wedge[0] & expected).sum() / (wedge[0].sum() + expected.sum())
    assert dice > 0.9  # the edges of a turned box are cut into voxels


def test_outlying_voxels_are_those_beyond_the_limit():
    rng = np.random.default_rng(1)
    image = rng.normal(100, 5, (3, 30, 30))
    region = np.zeros(image.shape, bool)
    region[:, 5:25, 5:25] = True
    image[1, 10, 10:13], image[1, 20, 20], image[0, 0, 0] = 180.0, np.nan, 1e6
    outlying = outlying_voxels(region, image)
    assert outlying[1, 10, 10:13].all()
    assert outlying[1, 20, 20]
    assert not outlying[~region].any()
    # 3 scaled MAD are 3 standard deviations of normal noise: 0.27 % of 1196 voxels, beside the four
    assert 4 <= outlying.sum() <= 4 + 10
    assert outlying_voxels(region, image, 100.0).sum() == 1


def test_a_flat_region_without_numbers_has_no_inner_part():
    region = np.ones((1, 3, 3), bool)
    assert outlying_voxels(region, np.full((1, 3, 3), np.nan)).all()
    assert not outlying_voxels(region, np.full((1, 3, 3), 7)).any()
