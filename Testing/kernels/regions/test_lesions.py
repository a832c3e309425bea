import itertools

import numpy as np
import pytest

from mrbiomarkers.regions.lesions import lesion_size
from Testing.support.volumes import oblique_affine

SHAPE = (4, 20, 22)


def block(k, j, i, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[k, j, i] = True
    return mask


def test_size_of_a_block_is_that_of_its_sides():
    affine = oblique_affine((1.5, 2.0, 4.0))
    size = lesion_size(block(slice(1, 3), slice(4, 7), slice(5, 10)), affine)
    assert size.areas == pytest.approx({1: 45.0, 2: 45.0})
    assert size.area_mm2 == pytest.approx(45.0)
    assert size.volume_mm3 == pytest.approx(2 * 15 * 12)
    assert size.diameter_mm == pytest.approx(np.hypot(5 * 1.5, 3 * 2.0))
    assert size.warnings == ()
    ends = {tuple(end) for end in np.round(size.ends, 6)}
    corners = affine @ np.array([[4.5, 9.5, 4.5, 9.5], [3.5, 6.5, 6.5, 3.5], [1, 1, 1, 1], [1, 1, 1, 1]])
    found = [{tuple(np.round(corners[:3, n], 6)) for n in pair} for pair in ((0, 1), (2, 3))]
    assert ends in found


def test_a_single_voxel_has_its_diagonal():
    size = lesion_size(block(0, 3, 3), np.diag([3.0, 4.0, 9.0, 1.0]))
    assert size.diameter_mm == pytest.approx(5.0)
    assert size.area_mm2 == pytest.approx(12.0)


def test_diameter_equals_the_farthest_of_all_pairs_of_corners():
    rng = np.random.default_rng(3)
    affine = oblique_affine((0.9, 1.7, 3.0))
    for _ in range(5):
        mask = block(slice(None), slice(None), slice(None)) & (rng.random(SHAPE) < 0.02)
        size = lesion_size(mask, affine, area_range=(0, 1e6))
        longest = 0.0
        for k in range(SHAPE[0]):
            corners = [
                np.array([i + a, j + b]) * (0.9, 1.7)
                for j, i in np.argwhere(mask[k])
                for a, b in itertools.product((-0.5, 0.5), repeat=2)
            ]
            longest = max([longest, *(np.linalg.norm(p - q) for p, q in itertools.combinations(corners, 2))])
        assert size.diameter_mm == pytest.approx(longest, rel=1e-9)
        assert np.linalg.norm(size.ends[0] - size.ends[1]) == pytest.approx(longest)


def test_diameter_of_a_disc_and_the_slice_that_has_it():
    j, i = np.indices((40, 40))
    mask = np.zeros((3, 40, 40), bool)
    mask[0] = np.hypot(j - 20, i - 20) < 5
    mask[2] = np.hypot(j - 20, i - 20) < 12
    size = lesion_size(mask, np.diag([0.5, 0.5, 3.0, 1.0]), area_range=(100, 120))
    # 12 mm across; the centres of the voxels lie within it, their corners at most half a diagonal beyond at each end
    assert 12.0 - 0.5 <= size.diameter_mm <= 12.0 + 0.5 * np.sqrt(2)
    assert size.diameter_slice == 2
    assert sorted(size.areas) == [0, 2]
    assert size.areas[2] == pytest.approx(np.pi * 36, rel=0.04)


def test_area_outside_the_usual_range_is_said():
    affine = np.eye(4)
    small, large = block(1, slice(0, 5), slice(0, 5)), block(1, slice(0, 11), slice(0, 10))
    assert lesion_size(small, affine, name="L3 lesion").warnings == (
        "region 'L3 lesion': its largest slice has 25.0 mm2, usual are 30 to 100 mm2",
    )
    assert "110.0 mm2" in lesion_size(large, affine).warnings[0]
    assert lesion_size(large, affine, area_range=(20, 110)).warnings == ()
    assert lesion_size(block(1, slice(0, 10), slice(0, 10)), affine).warnings == ()


def test_contact_with_the_outer_contour_is_counted():
    bone = block(slice(1, 3), slice(2, 18), slice(2, 20))
    inner = block(1, slice(5, 11), slice(5, 11))
    edge = block(1, slice(2, 8), slice(5, 11))
    beyond = block(1, slice(0, 6), slice(5, 11))
    assert lesion_size(inner, np.eye(4), outline=bone).n_touching == 0
    touching = lesion_size(edge, np.eye(4), outline=bone)
    assert touching.n_touching == 6
    assert touching.warnings == ("region 'lesion': 6 of its voxels touch the outer contour or lie beyond it",)
    assert lesion_size(beyond, np.eye(4), outline=bone).n_touching == 18
    for j, i in ((2, 8), (17, 8), (8, 2), (8, 19)):  # a voxel at each of the four sides
        assert lesion_size(block(1, j, i), np.eye(4), outline=bone).n_touching == 1
    # neighbours in other slices do not count, what lies beyond the image does
    assert lesion_size(block(2, slice(5, 11), slice(5, 11)), np.eye(4), outline=bone).n_touching == 0
    everything = np.ones(SHAPE, bool)
    assert lesion_size(block(0, slice(0, 6), slice(5, 11)), np.eye(4), outline=everything).n_touching == 6


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"region 'A': expected at least one voxel above 0"):
        lesion_size(np.zeros(SHAPE), np.eye(4), name="A")
    with pytest.raises(ValueError, match=r"region 'lesion': expected 3 dimensions, got 2"):
        lesion_size(np.ones((4, 4)), np.eye(4))
    with pytest.raises(ValueError, match="outline: expected shape"):
        lesion_size(np.ones(SHAPE), np.eye(4), outline=np.ones((4, 20, 21)))
    with pytest.raises(ValueError, match="area_range: expected lower < upper"):
        lesion_size(np.ones(SHAPE), np.eye(4), area_range=(100, 30))
