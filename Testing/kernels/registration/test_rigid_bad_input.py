import numpy as np
import pytest

from mrbiomarkers.registration import register_rigid
from mrbiomarkers.settings import RegistrationSettings

SHAPE = (6, 24, 20)
AFFINE = np.array([[0.0, 0, 4, -10], [-3, 0, 0, 30], [0, -3, 0, 36], [0, 0, 0, 1]])
POINTS = {"L1": (0.0, 0, 25), "L2": (0, 2, 0), "L3": (0, 0, -25)}


def image(seed=0):
    return np.random.default_rng(seed).random(SHAPE)


def constant_inside():
    values = image()
    values[:, 2:-2, 2:-2] = 3.0
    return values


def skewed():
    affine = AFFINE.copy()
    affine[:3, 0] += (0, 0, 0.3)
    return affine


def far_away():
    affine = AFFINE.copy()
    affine[:3, 3] += 500
    return affine


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fixed": (image()[0], AFFINE)}, r"fixed: expected 3 dimensions, got 2 \(shape \(24, 20\)\)"),
        ({"moving": (image()[..., None], AFFINE)}, "moving: expected 3 dimensions, got 4"),
        ({"fixed": image()}, r"fixed: expected a pair \(values, affine\), got ndarray"),
        (
            {"moving": (np.full(SHAPE, 7.0), AFFINE)},
            "moving: expected contrast where the images are compared, got only 7",
        ),
        ({"fixed": (np.full(SHAPE, np.nan), AFFINE)}, "fixed: expected contrast .* got only NaN or infinite values"),
        ({"fixed": (image()[:2], AFFINE)}, "fixed: expected at least 3 voxels along each axis .* got 20 x 24 x 2"),
        (
            {"moving": (image(), skewed())},
            "moving: expected an affine with axes at right angles, got a cosine of 0.0995",
        ),
        ({"fixed": (image(), np.eye(3))}, r"fixed: affine: expected shape \(4, 4\)"),
        ({"moving": (image(), far_away())}, "fixed and moving: expected images that overlap .* got 0% in common"),
        ({"mask": np.ones((2, 2, 2))}, r"mask: expected shape \(6, 24, 20\)"),
        ({"mask": np.zeros(SHAPE)}, "mask: expected at least one voxel, got an empty mask"),
        ({"moving_points": POINTS}, "fixed_points: expected points too, as moving_points were given; got none"),
        ({"fixed_points": POINTS, "moving_points": {"T12": (0, 0, 0), "L1": (0, 0, 9)}}, "at least 2 names that both"),
        ({"fixed_points": {"L1": (0, 0, np.nan)}}, "fixed_points: expected three finite numbers for 'L1'"),
        ({"fixed_points": {"L1": (0, 0, 900), "L2": (0, 0, 870)}}, "fixed_points: expected points in the fixed image"),
    ],
)
def test_what_cannot_be_registered_is_named(changes, message):
    given = {"fixed": (image(), AFFINE), "moving": (image(1), AFFINE), **changes}
    with pytest.raises(ValueError, match=message):
        register_rigid(given.pop("fixed"), given.pop("moving"), **given)


def test_no_contrast_where_images_are_compared_is_refused_whatever_lies_around():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3, 12, 10] = True

    with pytest.raises(ValueError, match="fixed: expected contrast where the images are compared, got only 3"):
        register_rigid(
            (constant_inside(), AFFINE), (image(), AFFINE), mask=mask, settings=RegistrationSettings(margin=9)
        )


def test_complex_images_are_refused():
    with pytest.raises(TypeError, match="moving: expected real numbers"):
        register_rigid((image(), AFFINE), (image() + 1j, AFFINE))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": ()}, "levels: expected voxel sizes in mm from coarse to fine"),
        ({"levels": (2.0, 4.0)}, "levels: expected voxel sizes in mm from coarse to fine"),
        ({"levels": (4.0, 0.0)}, "levels: expected voxel sizes in mm from coarse to fine"),
        ({"bins": 4}, "bins: expected 8 to 128, got 4"),
        ({"samples": 10}, "samples: expected 1000 or more, got 10"),
        ({"margin": -1}, "margin: expected a number, 0 or more, got -1"),
        ({"max_move": float("inf")}, "max_move: expected a number, 0 or more, got inf"),
        ({"min_peak": float("nan")}, "min_peak: expected a number, 0 or more, got nan"),
        ({"seed": 0}, "seed: expected a whole number, 1 or more, got 0"),
    ],
)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        RegistrationSettings(**changes)
