import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mrbiomarkers.registration.landmarks import across_axis, check_named_points, common_points, landmark_start

RIGHT = np.array([1.0, 0.0, 0.0])
# L1 to L5 of an adult with a lordosis, RAS [mm].
SPINE = np.array([[2.0, -30, 70], [1.5, -22, 36], [1.0, -18, 0], [1.5, -20, -36], [2.0, -30, -70]])
NAMES = ("L1", "L2", "L3", "L4", "L5")


def motion(degrees, shift=(0, 0, 0)):
    """A turn about right, anterior and superior about the middle of the spine, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    middle = SPINE.mean(axis=0)
    matrix[:3, 3] = middle + shift - matrix[:3, :3] @ middle
    return matrix


def moved(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def apart(matrix, moving, fixed=SPINE):
    return np.linalg.norm(moved(matrix, moving) - fixed, axis=1).mean()


@pytest.mark.parametrize("degrees", [-20.0, -4.0, 0.0, 4.0])
def test_a_turn_in_the_sagittal_plane_and_any_shift_are_undone(degrees):
    truth = motion((degrees, 0, 0), (5, -8, 3))

    start = landmark_start(SPINE, moved(truth, SPINE), RIGHT)

    np.testing.assert_allclose(start @ truth, np.eye(4), atol=1e-10)


@pytest.mark.parametrize("degrees", [(3.0, 4.0, -2.0), (0, -8, 10), (0, 0, 25)])
def test_the_start_is_rigid_and_meets_the_middle(degrees):
    moving = moved(motion(degrees, (1, 2, 3)), SPINE)

    start = landmark_start(SPINE, moving, RIGHT)

    np.testing.assert_allclose(start[:3, :3] @ start[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(start[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(moved(start, moving).mean(axis=0), SPINE.mean(axis=0), atol=1e-10)


def test_no_turn_about_the_spine_is_made_up_from_scattered_clicks():
    rng = np.random.default_rng(0)
    spine_axis = (SPINE[0] - SPINE[-1]) / np.linalg.norm(SPINE[0] - SPINE[-1])
    turns, full = [], []
    for _ in range(50):
        fixed, moving = (SPINE + rng.normal(0, 2, SPINE.shape) for _ in range(2))
        turn = landmark_start(fixed, moving, RIGHT)[:3, :3]
        best = Rotation.align_vectors(fixed - fixed.mean(axis=0), moving - moving.mean(axis=0))[0]
        turns.append(abs(Rotation.from_matrix(turn).as_rotvec() @ spine_axis))
        full.append(abs(best.as_rotvec() @ spine_axis))

    assert np.rad2deg(np.median(full)) > 5, "the full fit makes one up, so this test can fail"
    assert np.rad2deg(max(turns)) < 0.2


def test_a_sideways_tilt_is_followed_half_way():
    moving = moved(motion((0, 4, 0)), SPINE)

    start = landmark_start(SPINE, moving, RIGHT)

    tilt = np.rad2deg(Rotation.from_matrix(start[:3, :3]).as_rotvec())
    assert -3 < tilt[1] < -1
    assert apart(start, moving) < 0.7 * apart(np.eye(4), moving)


def test_simulated_clicks_start_close_to_the_truth():
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(200):
        truth = motion(rng.uniform(-4, 4, 3), rng.uniform(-5, 5, 3))
        clicks = [SPINE + rng.normal(0, 1, SPINE.shape) * (2, 1.5, 1.5) for _ in range(2)]
        errors.append(apart(landmark_start(clicks[0], moved(truth, clicks[1]), RIGHT), moved(truth, SPINE)))

    # 4 mm is what the gate allows for the correction.
    assert np.mean(errors) < 2.4
    assert np.quantile(errors, 0.98) < 4


def test_two_neighbours_shift_but_do_not_turn():
    truth = motion((6, 0, 0), (4, 4, 4))
    moving = moved(truth, SPINE)

    start = landmark_start(SPINE[2:4], moving[2:4], RIGHT)
    far = landmark_start(SPINE[[0, 4]], moving[[0, 4]], RIGHT)

    angle = np.rad2deg(Rotation.from_matrix(start[:3, :3]).magnitude())
    assert angle < 0.1
    np.testing.assert_allclose(moved(start, moving[2:4]).mean(axis=0), SPINE[2:4].mean(axis=0), atol=1e-10)
    assert np.rad2deg(Rotation.from_matrix(far[:3, :3]).magnitude()) == pytest.approx(6, abs=0.01)


def test_across_follows_the_slices_and_points_to_the_right():
    turn = Rotation.from_euler("xyz", (3, -5, 20), degrees=True).as_matrix()
    for columns in ([1, 2, 0], [0, 1, 2], [2, 0, 1]):
        for sign in (1, -1):
            affine = np.eye(4)
            affine[:3, :3] = turn[:, columns] * (1.2, 0.9, 4.4) * sign
            np.testing.assert_allclose(across_axis(affine), turn[:, 0], atol=1e-12)


def test_an_oblique_stack_turns_about_its_own_normal():
    yaw = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    truth = motion((5, 0, 0), (3, 2, 1))
    fixed, moving = SPINE @ yaw.T, moved(truth, SPINE) @ yaw.T

    start = landmark_start(fixed, moving, yaw[:, 0])

    assert apart(start, moving, fixed) < 1e-10
    np.testing.assert_allclose(start[:3, :3] @ yaw[:, 0], yaw[:, 0], atol=1e-12)


def named(points, names=NAMES):
    return dict(zip(names, points, strict=True))


def test_only_common_names_are_paired():
    names, fixed, moving = common_points(named(SPINE), named(SPINE[::-1] + 1, ("L6", "L4", "L3", "L2", "T12")))

    assert names == ("L2", "L3", "L4")
    np.testing.assert_array_equal(fixed, SPINE[1:4])
    np.testing.assert_array_equal(moving, SPINE[1:4] + 1)


@pytest.mark.parametrize(
    ("moving", "message"),
    [
        (named(SPINE, ("C1", "C2", "C3", "C4", "C5")), "expected at least 2 names that both have, got none .L1, L2"),
        ({"L3": SPINE[2]}, "at least 2 names that both have, got L3"),
        ({"L3": SPINE[2], "L4": SPINE[2] + 1}, "moving_points: expected points of different bodies, got L3, L4 0.9 mm"),
    ],
)
def test_points_that_cannot_be_paired_are_refused(moving, message):
    with pytest.raises(ValueError, match=message):
        common_points(named(SPINE), moving)


@pytest.mark.parametrize(
    ("points", "error", "message"),
    [
        ({}, ValueError, "moving_points: expected points by name"),
        ({"L1": (1, 2)}, ValueError, "moving_points: expected three finite numbers for 'L1'"),
        ({"L1": (1, 2, np.nan)}, ValueError, "moving_points: expected three finite numbers for 'L1'"),
        ({"L1": ("a", "b", "c")}, TypeError, "moving_points 'L1': expected real numbers"),
    ],
)
def test_bad_points_are_named(points, error, message):
    with pytest.raises(error, match=message):
        check_named_points("moving_points", points)


def test_names_in_reverse_order_are_refused():
    with pytest.raises(ValueError, match="expected a turn of at most 45 degrees between them, got 180"):
        landmark_start(SPINE, SPINE[::-1], RIGHT)
