"""Overlap and outline distances: cubes and spheres with known answers, ITK's filters, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (its usual name)

from mrbiomarkers.regions.compare import compare_masks, compare_regions
from Testing.support.volumes import oblique_affine

SHAPE = (24, 40, 44)
SPACINGS = (1.25, 1.5, 4.0)  # i, j, k [mm]
AFFINE = oblique_affine(SPACINGS)
DISTANCES = ("mean_distance", "distance_95", "max_distance")


def box(k, j, i, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[slice(*k), slice(*j), slice(*i)] = True
    return mask


def ball(centre, radius, shape=SHAPE, spacings=SPACINGS):
    """Voxels whose centres lie within ``radius`` [mm] of ``centre`` (k, j, i) [voxels]."""
    steps = (np.indices(shape) - np.reshape(centre, (3, 1, 1, 1))) * np.reshape(spacings[::-1], (3, 1, 1, 1))
    return np.sqrt((steps**2).sum(axis=0)) <= radius


def blobs(seed):
    """Two lumpy masks that overlap, away from the edge of the image."""
    rng = np.random.default_rng(seed)
    masks = []
    for _ in range(2):
        centres = rng.uniform((9, 14, 16), (14, 24, 26), (4, 3))
        masks.append(np.any([ball(centre, rng.uniform(6, 12)) for centre in centres], axis=0))
    return masks


def itk(mask):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(SPACINGS)
    return image


def distances_by_itk(first, second):
    """Distances between the contour voxels of both masks by ITK's contour and distance map, face neighbours."""
    there = []
    for one, other in ((first, second), (second, first)):
        contours = [sitk.GetArrayFromImage(sitk.LabelContour(itk(mask))) > 0 for mask in (one, other)]
        away = sitk.SignedMaurerDistanceMap(
            itk(contours[1]), insideIsPositive=False, squaredDistance=False, useImageSpacing=True
        )
        there.append(np.maximum(sitk.GetArrayFromImage(away), 0)[contours[0]])
    both = np.concatenate(there)
    return both.mean(), max(np.percentile(part, 95) for part in there), both.max()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_overlap_equals_that_of_itk(seed):
    first, second = blobs(seed)
    result = compare_masks(first, second, AFFINE)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(itk(first), itk(second))
    assert 0.2 < result.dice < 0.95
    assert result.dice == pytest.approx(overlap.GetDiceCoefficient(), rel=1e-12)
    assert result.jaccard == pytest.approx(overlap.GetJaccardCoefficient(), rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_surface_distances_equal_those_of_itk(seed):
    first, second = blobs(seed)
    result = compare_masks(first, second, AFFINE, boundary="volume")
    expected = distances_by_itk(first, second)
    assert expected[0] > 0.5
    # ITK computes in single precision
    assert [getattr(result, name) for name in DISTANCES] == pytest.approx(expected, rel=1e-6)
    hausdorff = sitk.HausdorffDistanceImageFilter()
    hausdorff.Execute(itk(first), itk(second))
    assert result.max_distance == pytest.approx(hausdorff.GetHausdorffDistance(), rel=1e-6)


def test_outline_distances_are_those_of_every_slice_by_itself():
    # the same two rectangles on three slices, too far apart for the nearest outline to lie on another slice
    first, second = np.zeros((2, 3, 40, 44), bool)
    first[:], second[:] = box((0, 1), (10, 20), (10, 22), (1, 40, 44)), box((0, 1), (12, 20), (11, 24), (1, 40, 44))
    affine = oblique_affine((1.25, 1.5, 50.0))
    stack = compare_masks(first, second, affine)
    single = compare_masks(first[:1], second[:1], affine)
    assert [getattr(stack, name) for name in DISTANCES] == pytest.approx([getattr(single, n) for n in DISTANCES])
    edges = [
        [(j, i) for j in range(*js) for i in range(*xs) if j in (js[0], js[1] - 1) or i in (xs[0], xs[1] - 1)]
        for js, xs in (((10, 20), (10, 22)), ((12, 20), (11, 24)))
    ]
    points = [np.array(edge) * (1.5, 1.25) for edge in edges]
    apart = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    both = np.concatenate([apart.min(axis=1), apart.min(axis=0)])
    assert stack.mean_distance == pytest.approx(both.mean(), rel=1e-12)
    assert stack.max_distance == pytest.approx(both.max(), rel=1e-12)


def test_a_region_on_one_slice_is_all_surface_but_not_all_outline():
    first, second = box((5, 6), (10, 20), (10, 20)), box((5, 6), (10, 20), (12, 22))
    outline, surface = (compare_masks(first, second, AFFINE, boundary=how) for how in ("slice", "volume"))
    assert outline.max_distance == surface.max_distance == pytest.approx(2 * 1.25)
    assert surface.mean_distance == pytest.approx((10 * 2.5 + 10 * 1.25) / 100)  # eight columns of ten are shared
    assert outline.mean_distance > 1.9 * surface.mean_distance


@pytest.mark.parametrize(("axis", "step"), [(0, 4.0), (1, 1.5), (2, 1.25)])
def test_a_shifted_cube_in_anisotropic_voxels(axis, step):
    first = box((8, 16), (12, 20), (14, 22))
    result = compare_masks(first, np.roll(first, 2, axis), AFFINE, boundary="volume")
    assert result.max_distance == pytest.approx(2 * step)
    assert result.distance_95 == pytest.approx(2 * step)
    assert result.dice == pytest.approx(6 / 8)
    assert result.jaccard == pytest.approx(6 / 10)
    assert result.volume_first == result.volume_second == pytest.approx(8**3 * 1.25 * 1.5 * 4.0)


def test_concentric_spheres():
    shape, spacings = (80, 80, 80), (0.5, 0.5, 0.5)
    small, large = (ball((40, 40, 40), radius, shape, spacings) for radius in (12.0, 16.0))
    result = compare_masks(small, large, np.diag([0.5, 0.5, 0.5, 1.0]), boundary="volume")
    # known to about a voxel; Dice of the volumes 2 r^3 / (r^3 + R^3)
    assert result.mean_distance == pytest.approx(4.0, abs=0.15)
    assert result.max_distance == pytest.approx(4.0, abs=0.5)
    assert result.dice == pytest.approx(2 * 12**3 / (12**3 + 16**3), abs=0.002)
    assert result.volume_first == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.005)


def test_identical_masks():
    mask = blobs(4)[0]
    result = compare_masks(mask, mask.astype(np.uint8) * 7, AFFINE)
    assert (result.dice, result.jaccard, result.note) == (1, 1, "")
    assert [getattr(result, name) for name in DISTANCES] == [0, 0, 0]


def test_apart_masks_have_a_distance_and_no_overlap():
    result = compare_masks(box((3, 4), (3, 4), (3, 4)), box((3, 4), (3, 4), (33, 34)), AFFINE)
    assert (result.dice, result.jaccard) == (0, 0)
    assert [getattr(result, name) for name in DISTANCES] == pytest.approx([37.5] * 3)


def test_the_edge_of_the_image_bounds_a_mask():
    whole = np.ones((1, 9, 9), bool)
    part = whole.copy()
    part[:, :, 6:] = False
    assert compare_masks(whole, part, np.eye(4)).max_distance == pytest.approx(3)


def test_order_changes_sides_only():
    first, second = blobs(5)
    one, other = compare_masks(first, second, AFFINE), compare_masks(second, first, AFFINE)
    assert (one.n_voxels_first, one.volume_second) == (other.n_voxels_second, other.volume_first)
    for name in ("dice", "jaccard", *DISTANCES):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12)


def test_empty_masks_are_said_to_be_empty():
    mask, empty = blobs(6)[0], np.zeros(SHAPE, bool)
    one = compare_masks(mask, empty, AFFINE)
    assert (one.dice, one.jaccard, one.n_voxels_second, one.volume_second) == (0, 0, 0, 0)
    assert np.isnan([getattr(one, name) for name in DISTANCES]).all()
    assert one.note == "the mask of the second reader is empty"
    none = compare_masks(empty, empty, AFFINE)
    assert np.isnan([none.dice, none.jaccard, none.max_distance]).all()
    assert none.note == "the mask of the first and of the second reader is empty"


def test_regions_are_matched_by_name_and_the_rest_listed():
    first, second = blobs(7)
    empty = np.zeros(SHAPE, bool)
    result = compare_regions(
        {"L5": first, "L1": first, "T12": second, "L4": first},
        {"L1": second, "L4": empty, "L5": first, "S1": second},
        AFFINE,
    )
    assert [row.region for row in result.rows] == ["L5", "L1", "L4"]
    assert (result.only_first, result.only_second) == (("T12",), ("S1",))
    assert result.rows[0].dice == 1
    assert result.rows[1] == compare_masks(first, second, AFFINE, region="L1")
    assert result.warnings == (
        "region 'L4': the mask of the second reader is empty",
        "only the first reader has 'T12'",
        "only the second reader has 'S1'",
    )


def test_bad_input_is_named():
    mask = blobs(8)[0]
    with pytest.raises(ValueError, match=r"region 'L1', second: expected shape \(24, 40, 44\), got \(24, 40, 43\)"):
        compare_regions({"L1": mask}, {"L1": mask[..., 1:]}, AFFINE)
    with pytest.raises(ValueError, match=r"second: .* name of the first reader's \('L1', 'L2'\), got 'l1'"):
        compare_regions({"L1": mask, "L2": mask}, {"l1": mask}, AFFINE)
    with pytest.raises(ValueError, match=r"first reader's \(none\), got none"):
        compare_regions({}, {}, AFFINE)
    with pytest.raises(ValueError, match=r"first: expected shape \(K, J, I\), got \(40, 44\)"):
        compare_masks(mask[0], mask[0], AFFINE)
    with pytest.raises(ValueError, match="boundary: expected one of slice, volume; got 'faces'"):
        compare_masks(mask, mask, AFFINE, boundary="faces")
    with pytest.raises(ValueError, match="affine: expected three independent axes"):
        compare_masks(mask, mask, np.diag([1.0, 1.0, 0.0, 1.0]))
    with pytest.raises(TypeError, match="first: expected real numbers"):
        compare_masks(mask.astype(complex), mask, AFFINE)
