import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mrbiomarkers.phantom import lumbar_diffusion
from mrbiomarkers.registration import move_mask, register_rigid
from mrbiomarkers.settings import RegistrationSettings

MOTIONS = (((4, 0, 0), (0, 5, 3)), ((-2, 3, 2), (4, 4, -5)), ((2, -2, 4), (-3, 6, 4)))  # deg, mm; right, forwards, up


class Patient:
    """A simulated spine with two contrasts that have only the anatomy in common."""

    def __init__(self, **options):
        phantom = lumbar_diffusion(shape=(9, 96, 96), bvalues=(0, 1000), **options)
        self.affine, self.masks = phantom.series.affine, phantom.regions
        self.first = phantom.series.signal[..., 0]
        noise = np.random.default_rng(9).normal(0, 0.01, self.first.shape)
        # Dark fluid and bright marrow, not a line but a curve of the other contrast.
        self.second = (np.exp(-2 * self.first / np.percentile(self.first, 99)) + noise).astype(np.float32)
        self.points = {name: self.position(np.argwhere(mask).mean(axis=0)) for name, mask in self.masks.items()}

    def position(self, index):
        return self.affine[:3, :3] @ np.asarray(index)[::-1] + self.affine[:3, 3]

    @property
    def middle(self):
        return np.mean(list(self.points.values()), axis=0)


@pytest.fixture(scope="module")
def patient():
    return Patient()


def motion(middle, degrees, shift):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = middle + shift - matrix[:3, :3] @ middle
    return matrix


def moved(matrix, points):
    return {name: matrix[:3, :3] @ point + matrix[:3, 3] for name, point in points.items()}


def clicked(points, seed):
    """Clicks 1 mm off in the plane and 1.5 mm across."""
    rng = np.random.default_rng(seed)
    return {name: point + rng.normal(0, 1, 3) * (1.5, 1, 1) for name, point in points.items()}


def true_error(result, truth, patient):
    """How far the middles of the bodies, moved by ``truth``, lie from where they were."""
    back = moved(result.transform, moved(truth, patient.points))
    return np.mean([np.linalg.norm(back[name] - point) for name, point in patient.points.items()])


@pytest.mark.parametrize("motion_of", MOTIONS)
def test_clicks_and_search_undo_a_motion(patient, motion_of):
    truth = motion(patient.middle, *motion_of)
    fixed_points, moving_points = clicked(patient.points, 1), clicked(moved(truth, patient.points), 2)
    first, second = patient.first.copy(), patient.second.copy()

    result = register_rigid(
        (patient.first, patient.affine),
        (patient.second, truth @ patient.affine),
        fixed_points=fixed_points,
        moving_points=moving_points,
    )

    assert (result.kind, result.accepted, result.started_from) == ("rigid", True, "points")
    assert true_error(result, truth, patient) < 0.4
    np.testing.assert_allclose(result.transform[:3, :3] @ result.transform[:3, :3].T, np.eye(3), atol=1e-10)
    assert result.metric_after > result.metric_before
    assert result.peak > 2.3
    assert result.tre_scanner > 5 > result.tre_before
    assert result.tre_after == pytest.approx(np.mean(list(result.point_errors.values())))
    assert list(result.point_errors) == ["L1", "L2", "L3", "L4", "L5"]
    assert result.decision.startswith(f"rigid kept: the bodies move by {result.displacement:.1f} mm from the start")
    assert result.warnings == ()
    np.testing.assert_array_equal(patient.first, first)
    np.testing.assert_array_equal(patient.second, second)


def test_distances_are_those_of_the_points(patient):
    truth = motion(patient.middle, *MOTIONS[0])
    points = {"fixed_points": clicked(patient.points, 1), "moving_points": clicked(moved(truth, patient.points), 2)}

    result = register_rigid((patient.first, patient.affine), (patient.second, truth @ patient.affine), **points)

    for matrix, got in (
        (np.eye(4), result.tre_scanner),
        (result.start, result.tre_before),
        (result.transform, result.tre_after),
    ):
        taken = moved(matrix, points["moving_points"])
        expected = np.mean([np.linalg.norm(taken[name] - point) for name, point in points["fixed_points"].items()])
        assert got == pytest.approx(expected)
    shifts = [
        np.subtract(moved(result.transform, {0: p})[0], moved(result.start, {0: p})[0])
        for p in moved(np.linalg.inv(result.start), points["fixed_points"]).values()
    ]
    assert result.displacement == pytest.approx(np.mean(np.linalg.norm(shifts, axis=1)))


def test_the_result_is_the_same_on_every_run(patient):
    truth = motion(patient.middle, *MOTIONS[1])
    given = (patient.first, patient.affine), (patient.second, truth @ patient.affine)
    points = {"fixed_points": patient.points, "moving_points": moved(truth, patient.points)}

    first, second = (register_rigid(*given, **points) for _ in range(2))

    np.testing.assert_array_equal(first.transform, second.transform)
    assert (first.metric_after, first.peak, first.decision) == (second.metric_after, second.peak, second.decision)
    assert first.record == second.record
    assert first.record["settings"]["seed"] == 20
    assert first.record["points"] == ["L1", "L2", "L3", "L4", "L5"]


def test_a_drawn_body_comes_to_lie_on_itself(patient):
    truth = motion(patient.middle, *MOTIONS[2])
    moving_affine = truth @ patient.affine
    result = register_rigid(
        (patient.first, patient.affine),
        (patient.second, moving_affine),
        fixed_points=patient.points,
        moving_points=moved(truth, patient.points),
    )

    body = patient.masks["L3"]
    copied = move_mask(body, moving_affine, result.transform, body.shape, patient.affine)

    assert 2 * np.count_nonzero(copied & body) / (copied.sum() + body.sum()) > 0.95


def test_without_points_the_start_is_the_scanner_and_small_motions_are_found(patient):
    truth = motion(patient.middle, (1, 0.5, -0.5), (1, 2, -1))
    bodies = np.any(list(patient.masks.values()), axis=0)

    result = register_rigid((patient.first, patient.affine), (patient.second, truth @ patient.affine), mask=bodies)

    assert (result.kind, result.started_from) == ("rigid", "scanner")
    np.testing.assert_array_equal(result.start, np.eye(4))
    assert true_error(result, truth, patient) < 0.4
    assert np.isnan([result.tre_scanner, result.tre_before, result.tre_after]).all()
    assert result.point_errors == {}
    rows = np.nonzero(bodies)[1]
    assert result.record["compared_voxels"]["j"][0] < rows.min() - 15 / 2.61
    assert result.record["compared_voxels"]["j"][1] > rows.max() + 15 / 2.61


def test_with_neither_points_nor_mask_all_but_air_is_compared(patient):
    truth = motion(patient.middle, (1, 0.5, -0.5), (1, 2, -1))

    result = register_rigid((patient.first, patient.affine), (patient.second, truth @ patient.affine))

    assert result.kind == "rigid"
    assert true_error(result, truth, patient) < 0.4
    assert result.record["compared_voxels"] == {"k": [0, 9], "j": [0, 96], "i": [0, 96]}


def test_unknown_voxels_are_not_compared(patient):
    truth = motion(patient.middle, *MOTIONS[0])
    holed = [patient.first.copy(), patient.second.copy()]
    holed[0][:, :30] = np.nan
    holed[1][:2] = np.inf
    points = {"fixed_points": patient.points, "moving_points": moved(truth, patient.points)}

    result = register_rigid((holed[0], patient.affine), (holed[1], truth @ patient.affine), **points)

    assert result.kind == "rigid"
    assert true_error(result, truth, patient) < 0.4


@pytest.mark.parametrize("stretch", [0.96, 1.04])
def test_an_affine_search_undoes_a_stretch(patient, stretch):
    truth = motion(patient.middle, (2, 1, -1), (2, 3, -1))
    affine = patient.affine.copy()
    affine[:3, 0] *= stretch  # along the rows, back to front, about the middle of the spine
    affine[:3, 3] += patient.middle - (affine @ np.linalg.inv(patient.affine) @ [*patient.middle, 1])[:3]
    moving_affine = truth @ affine
    stretched = moving_affine @ np.linalg.inv(patient.affine)
    points = {"fixed_points": patient.points, "moving_points": moved(stretched, patient.points)}
    given = (patient.first, patient.affine), (patient.second, moving_affine)

    rigid = register_rigid(*given, **points)
    result = register_rigid(*given, **points, settings=RegistrationSettings(affine=True))

    assert (rigid.kind, result.kind) == ("rigid", "affine")
    assert result.decision.startswith("rigid kept")
    assert "; affine kept" in result.decision

    def stretch_left(transform):
        return np.linalg.norm((transform @ moving_affine)[:3, 0]) / np.linalg.norm(patient.affine[:3, 0]) - 1

    assert stretch_left(rigid.transform) == pytest.approx(stretch - 1)
    assert abs(stretch_left(result.transform)) < 0.02
    body = np.argwhere(patient.masks["L3"])
    corners = {n: patient.position(index) for n, index in enumerate(body)}

    def off(transform):
        back = moved(transform, moved(stretched, corners))
        return np.mean([np.linalg.norm(back[n] - corner) for n, corner in corners.items()])

    assert off(result.transform) < 0.5
    assert off(result.transform) < 0.6 * off(rigid.transform)
    assert result.metric_after > rigid.metric_after


def test_steps_are_counted_and_can_be_cancelled(patient):
    given = (patient.first, patient.affine), (patient.second, patient.affine)
    seen = []

    def watch(done, total):
        seen.append((done, total))
        return True

    truth = motion(patient.middle, (1, 0, 0), (1, 1, 1))
    register_rigid(
        given[0],
        (patient.second, truth @ patient.affine),
        fixed_points=patient.points,
        settings=RegistrationSettings(affine=True),
        progress=watch,
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(InterruptedError, match="cancelled after 1 of 2 steps"):
        register_rigid(*given, fixed_points=patient.points, progress=lambda done, total: False)


def test_the_order_of_the_axes_of_either_image_does_not_matter(patient):
    truth = motion(patient.middle, *MOTIONS[0])
    points = {"fixed_points": patient.points, "moving_points": moved(truth, patient.points)}
    moving_affine = truth @ patient.affine
    # k and i change places, then j runs the other way: a left-handed grid becomes right-handed and back.
    swapped = moving_affine[:, [2, 1, 0, 3]]
    flipped = patient.affine.copy()
    flipped[:3, 3] += flipped[:3, 1] * (patient.first.shape[1] - 1)
    flipped[:3, 1] *= -1

    usual = register_rigid((patient.first, patient.affine), (patient.second, moving_affine), **points)
    turned = register_rigid((patient.first[:, ::-1], flipped), (patient.second.transpose(2, 1, 0), swapped), **points)

    assert np.linalg.det(swapped) * np.linalg.det(moving_affine) < 0
    assert true_error(turned, truth, patient) < 0.4
    np.testing.assert_allclose(turned.start, usual.start, atol=1e-9)
    assert (
        np.mean(
            [
                np.linalg.norm(moved(turned.transform, {0: p})[0] - moved(usual.transform, {0: p})[0])
                for p in points["moving_points"].values()
            ]
        )
        < 0.2
    )


def test_only_points_in_both_count_and_two_are_enough(patient):
    truth = motion(patient.middle, (1, 0, 0), (2, 3, 1))
    fixed_points = {name: patient.points[name] for name in ("L2", "L3", "L4")}
    moving_points = {name: moved(truth, patient.points)[name] for name in ("L3", "L4", "L5")}

    result = register_rigid(
        (patient.first, patient.affine),
        (patient.second, truth @ patient.affine),
        fixed_points=fixed_points,
        moving_points=moving_points,
    )

    assert result.record["points"] == ["L3", "L4"]
    assert list(result.point_errors) == ["L3", "L4"]
    assert result.kind == "rigid"
    assert true_error(result, truth, patient) < 0.6
