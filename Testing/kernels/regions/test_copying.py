import numpy as np
import pytest
import SimpleITK

from mrbiomarkers.regions import region_size
from mrbiomarkers.regions.copying import copy_mask
from Testing.support.volumes import oblique_affine

SHAPE = (13, 31, 27)


def ellipsoid(shape, affine, radii=(15, 11, 13)):
    k, j, i = np.indices(shape)
    position = np.stack([i, j, k], -1) @ affine[:3, :3].T + affine[:3, 3]
    centre = affine[:3, :3] @ [13, 15, 6] + affine[:3, 3]
    return np.sum(((position - centre) / radii) ** 2, axis=-1) < 1


def axial_grid(source, spacing=(2.1, 1.9, 3.3), middle=(8.3, 9.2, 5.4)):
    target = np.diag([*spacing, 1.0])
    target[:3, 3] = source[:3, :3] @ [13, 15, 6] + source[:3, 3] - np.array(spacing) * middle
    return target


def itk_image(mask, affine):
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    to_lps = np.diag([-1.0, -1.0, 1.0])
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((to_lps @ affine[:3, 3]).tolist())
    image.SetDirection((to_lps @ affine[:3, :3] / spacing).ravel().tolist())
    return image


@pytest.mark.parametrize("backwards", [False, True])
def test_copy_between_oblique_and_axial_grids_equals_that_of_itk(backwards):
    source = oblique_affine((1.3, 1.1, 2.9))
    grids = [(SHAPE, source), ((11, 19, 17), axial_grid(source))]
    (shape, affine), (target_shape, target) = grids[::-1] if backwards else grids
    mask = ellipsoid(SHAPE, source)
    if backwards:
        mask = copy_mask(mask, source, shape, affine).mask
    copied = copy_mask(mask, affine, target_shape, target)
    reference = itk_image(np.zeros(target_shape), target)
    peer = SimpleITK.Resample(
        itk_image(mask, affine), reference, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 0
    )
    assert copied.n_voxels > 200
    assert np.count_nonzero(copied.mask != (SimpleITK.GetArrayFromImage(peer) > 0)) == 0


def test_copy_equals_a_search_for_the_nearest_centre():
    source = oblique_affine((1.3, 1.1, 2.9))
    target, target_shape = axial_grid(source, (4.1, 3.7, 5.3), (3.1, 3.4, 2.3)), (6, 8, 7)
    mask = ellipsoid(SHAPE, source)
    copied = copy_mask(mask, source, target_shape, target).mask
    directions = source[:3, :3] / np.linalg.norm(source[:3, :3], axis=0)
    differing = 0
    for k, j, i in np.ndindex(*target_shape):
        point = target @ [i, j, k, 1]
        # the axes are orthogonal: the nearest voxel is the nearest along each of them
        nearest = []
        for axis, size in enumerate(SHAPE[::-1]):
            along = directions[:, axis] @ (point[:3] - source[:3, 3])
            places = np.arange(-1, size + 1) * np.linalg.norm(source[:3, axis])
            nearest.append(int(np.argmin(np.abs(places - along))) - 1)
        a, b, c = nearest
        inside = all(0 <= n < size for n, size in zip(nearest, SHAPE[::-1], strict=True))
        differing += bool(inside and mask[c, b, a]) != copied[k, j, i]
    assert copied.sum() > 30
    assert differing == 0


@pytest.mark.parametrize("by", ["position", "index"])
def test_identical_grids_give_identical_voxels_and_sizes(by):
    affine = oblique_affine((1.3, 1.1, 2.9))
    mask = np.random.default_rng(0).random(SHAPE) < 0.3
    copied = copy_mask(mask, affine, SHAPE, affine.astype(np.float32), by=by)
    np.testing.assert_array_equal(copied.mask, mask)
    size = region_size("A", mask, affine.astype(np.float32).astype(float))
    assert (copied.n_voxels, copied.n_slices) == (mask.sum(), SHAPE[0])
    assert (copied.area_mm2, copied.volume_mm3) == (size["area_mm2"], size["volume_mm3"])
    assert (copied.by, copied.outside_fraction, copied.warnings) == (by, 0.0, ())


def test_part_outside_is_reported():
    mask = np.zeros((4, 4, 10), bool)
    mask[1, 1, :] = True
    moved = np.eye(4)
    moved[0, 3] = 7.0
    copied = copy_mask(mask, np.eye(4), (4, 4, 10), moved)
    assert copied.n_voxels == 3
    assert copied.outside_fraction == pytest.approx(0.7)
    assert copied.warnings == ("70.0% of the region lies outside the target",)


def test_copy_by_index_ignores_where_the_images_say_they_are():
    mask = np.random.default_rng(1).random(SHAPE) < 0.3
    affine = oblique_affine((1.5, 1.5, 4.0))
    lost = np.eye(4)
    copied = copy_mask(mask, affine, SHAPE, lost, by="index")
    np.testing.assert_array_equal(copied.mask, mask)
    assert copied.mask is not mask
    assert copied.volume_mm3 == mask.sum()
    assert copied.warnings == (
        "copied by index between voxels of 1.5 x 1.5 x 4 mm and 1 x 1 x 1 mm: area and volume follow the latter",
    )
    # by position the same pair meets only by chance
    with pytest.raises(ValueError, match="mask: expected it to hold a voxel centre of the target"):
        copy_mask(mask, affine, SHAPE, np.diag([1.0, 1.0, 1.0, 1.0]) + np.eye(4, k=3) * 900)


def test_bad_input_is_refused():
    mask = np.ones((2, 3, 4))
    with pytest.raises(
        ValueError, match=r"expected the shape of the target to copy by index \(5 x 3 x 2 voxels\), got 4"
    ):
        copy_mask(mask, np.eye(4), (2, 3, 5), np.eye(4), by="index")
    with pytest.raises(ValueError, match="by: expected one of index, position; got 'voxel'"):
        copy_mask(mask, np.eye(4), (2, 3, 4), np.eye(4), by="voxel")
    with pytest.raises(ValueError, match="mask: expected 3 dimensions and a voxel above 0"):
        copy_mask(np.zeros((2, 3, 4)), np.eye(4), (2, 3, 4), np.eye(4))
    with pytest.raises(ValueError, match=r"affine: expected shape \(4, 4\)"):
        copy_mask(mask, np.eye(3), (2, 3, 4), np.eye(4))
