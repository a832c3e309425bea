import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.spatial.transform import Rotation

from mrbiomarkers.registration import move_mask
from Testing.support.volumes import oblique_affine

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SHAPE, TARGET = (9, 30, 40), (12, 26, 31)
AFFINE = oblique_affine((1.1, 1.3, 4.0), (-20.0, -25.0, -15.0))
TARGET_AFFINE = oblique_affine((1.7, 1.6, 3.1), (-24.0, -21.0, -12.0))


def transform(degrees=(3, -2, 5), shift=(2.3, -1.7, 4.1), stretch=1.0):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ np.diag([1, stretch, 1])
    matrix[:3, 3] = shift
    return matrix


def blob(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).random(shape) < 0.4


def itk(values, affine):
    matrix = LPS @ affine
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image = sitk.GetImageFromArray(values.astype(np.uint8))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    return image


def resampled(mask, affine, moved_by, shape, target_affine):
    """By SimpleITK, in LPS: its transform goes from the target to the source."""
    back = LPS @ np.linalg.inv(moved_by) @ LPS
    itk_transform = sitk.AffineTransform(3)
    itk_transform.SetMatrix(back[:3, :3].ravel().tolist())
    itk_transform.SetTranslation(back[:3, 3].tolist())
    reference = itk(np.zeros(shape), target_affine)
    return sitk.GetArrayFromImage(
        sitk.Resample(itk(mask, affine), reference, itk_transform, sitk.sitkNearestNeighbor, 0)
    ).astype(bool)


@pytest.mark.parametrize("stretch", [1.0, 1.04])
@pytest.mark.parametrize("seed", range(3))
def test_no_voxel_differs_from_simpleitk(seed, stretch):
    rng = np.random.default_rng(seed)
    moved_by = transform(rng.uniform(-8, 8, 3), rng.uniform(-6, 6, 3), stretch)
    expected = resampled(blob(seed), AFFINE, moved_by, TARGET, TARGET_AFFINE)

    got = move_mask(blob(seed), AFFINE, moved_by, TARGET, TARGET_AFFINE)

    assert 500 < expected.sum() < 0.5 * expected.size
    assert np.count_nonzero(got != expected) == 0


def test_one_voxel_goes_where_the_transform_says():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4, 15, 20] = True
    position = AFFINE @ (20, 15, 4, 1)
    fine = np.eye(4)
    fine[:3, 3] = (transform() @ position)[:3] - 10

    got = move_mask(mask, AFFINE, transform(), (21, 21, 21), fine)

    found = np.argwhere(got).mean(axis=0)[::-1] + fine[:3, 3]
    np.testing.assert_allclose(found, (transform() @ position)[:3], atol=0.25)
    assert got.sum() == pytest.approx(1.1 * 1.3 * 4.0, abs=3)


def test_the_same_grid_without_motion_gives_the_same_voxels():
    np.testing.assert_array_equal(move_mask(blob(), AFFINE, np.eye(4), SHAPE, AFFINE), blob())


def test_a_shift_by_whole_voxels_is_exact():
    step = np.eye(4)
    step[:3, 3] = AFFINE[:3, :3] @ (2, -3, 1)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[1:, :-3, 2:] = blob()[:-1, 3:, :-2]

    np.testing.assert_array_equal(move_mask(blob(), AFFINE, step, SHAPE, AFFINE), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask": np.zeros(SHAPE)}, "mask: expected at least one voxel above 0, got an empty mask"),
        ({"mask": np.ones((4, 4))}, "mask and target_shape: expected 3 dimensions"),
        ({"target_shape": (4, 4)}, "mask and target_shape: expected 3 dimensions"),
        ({"transform": np.zeros((4, 4))}, "transform: affine: expected finite numbers and a last row"),
        ({"transform": np.eye(3)}, r"transform: affine: expected shape \(4, 4\), got \(3, 3\)"),
        ({"target_affine": np.diag([1.0, 0, 1, 1])}, "target_affine: affine: expected three independent axes"),
        ({"transform": transform(shift=(900, 0, 0))}, "mask: expected it to hold a voxel centre of the target"),
    ],
)
def test_bad_input_is_named(changes, message):
    given = {
        "mask": blob(),
        "affine": AFFINE,
        "transform": transform(),
        "target_shape": TARGET,
        "target_affine": TARGET_AFFINE,
    }
    with pytest.raises(ValueError, match=message):
        move_mask(**{**given, **changes})
