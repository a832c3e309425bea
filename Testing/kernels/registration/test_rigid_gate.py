import numpy as np
import pytest

from mrbiomarkers.registration import register_rigid
from mrbiomarkers.registration.gate import Finding, mean_move, refusals
from mrbiomarkers.settings import RegistrationSettings
from Testing.kernels.registration.test_rigid import Patient, motion, moved


@pytest.fixture(scope="module")
def patient():
    return Patient()


def finding(**changes):
    given = {"kind": "rigid", "motion": np.eye(4), "move": 1.0, "before": 0.4, "after": 0.6, "peak": 5.0, **changes}
    return Finding(**given)


def test_a_sound_finding_passes():
    assert refusals(finding(), RegistrationSettings()) == []
    assert refusals(finding(move=4.0, peak=2.3), RegistrationSettings()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"move": 4.01}, "the bodies would move by 4.0 mm (at most 4)"),
        ({"after": 0.4}, "the mutual information is no better (0.400 before, 0.400 after)"),
        (
            {"peak": 2.2},
            "the mutual information is only 2.2 times that of the images pushed 10 mm apart (at least 2.3)",
        ),
        (
            {"before": 0.01, "after": 0.09},
            "the images tell too little of each other (0.090 nat of mutual information, at",
        ),
        ({"peak": np.nan}, "the mutual information is only nan times"),
        ({"before": np.nan}, "the mutual information is no better (nan before"),
        ({"after": np.nan, "move": np.nan}, "the search left the images"),
        ({"kind": "affine", "motion": np.diag([1, 0.85, 1, 1])}, "it would stretch the image by 15% (at most 12%)"),
    ],
)
def test_each_reason_is_said(changes, reason):
    (said,) = refusals(finding(**changes), RegistrationSettings())

    assert said.startswith(reason)


def test_several_reasons_are_all_said():
    assert len(refusals(finding(move=9, after=0.1, peak=1), RegistrationSettings())) == 3


def test_the_move_is_that_of_the_bodies_not_of_the_origin():
    bodies = np.array([[0.0, 100.0, 0.0], [0.0, 120.0, 0.0]])
    start = motion(np.zeros(3), (0, 0, 30), (7, 8, 9))
    about_bodies = motion(np.array([0.0, 110.0, 0.0]), (0, 0, 3), (0, 0, 0)) @ start

    assert mean_move(start, start, bodies) == pytest.approx(0, abs=1e-12)
    assert mean_move(about_bodies, start, bodies) == pytest.approx(10 * 2 * np.sin(np.deg2rad(1.5)))


def test_a_motion_too_far_from_the_start_is_refused_and_let_through_when_allowed(patient):
    truth = motion(patient.middle, (3, 0, 0), (0, 6, 3))
    given = (patient.first, patient.affine), (patient.second, truth @ patient.affine)

    refused = register_rigid(*given, fixed_points=patient.points)
    allowed = register_rigid(*given, fixed_points=patient.points, settings=RegistrationSettings(max_move=15))

    assert (refused.kind, refused.accepted) == ("start", False)
    np.testing.assert_array_equal(refused.transform, np.eye(4))
    assert refused.displacement == pytest.approx(6.9, abs=0.6)
    assert "rigid refused: the bodies would move by" in refused.decision
    assert refused.decision.endswith("the start is kept")
    assert "there are no points: check by eye" in refused.warnings[0]
    assert allowed.kind == "rigid"
    np.testing.assert_allclose(allowed.transform @ truth @ [*patient.middle, 1], [*patient.middle, 1], atol=0.4)


def noise(patient):
    return np.random.default_rng(2).rayleigh(50, patient.first.shape)


def flat(patient):
    return 100 + 0.01 * patient.second + np.random.default_rng(3).normal(0, 0.05, patient.first.shape)


def anatomy_of_another(patient):
    """The spine upside down and back to front: as much structure, none of it in place."""
    return patient.second[:, ::-1, ::-1]


@pytest.mark.parametrize("bad", [noise, flat, anatomy_of_another])
@pytest.mark.parametrize("degrees", [(0, 0, 0), (3, -2, 2)])
def test_a_bad_pair_is_refused(patient, bad, degrees):
    truth = motion(patient.middle, degrees, (2, 3, -3))
    points = {"fixed_points": patient.points, "moving_points": moved(truth, patient.points)}

    result = register_rigid((patient.first, patient.affine), (bad(patient), truth @ patient.affine), **points)

    assert result.kind == "start"
    np.testing.assert_array_equal(result.transform, result.start)
    assert result.tre_after == result.tre_before
    assert result.peak < 2.3 or result.metric_after < 0.1
    assert "check by eye that the points alone" in result.warnings[-1]


def test_points_that_do_not_fit_are_warned_of(patient):
    moving = {name: patient.middle + 1.4 * (point - patient.middle) for name, point in patient.points.items()}

    result = register_rigid(
        (patient.first, patient.affine),
        (patient.second, patient.affine),
        fixed_points=patient.points,
        moving_points=moving,
    )

    assert result.tre_before > 7
    assert result.warnings[0].startswith("the points still lie")
    assert "is it the same patient?" in result.warnings[0]


def test_an_affine_that_bends_is_refused_and_the_rigid_result_kept(patient, monkeypatch):
    monkeypatch.setattr("mrbiomarkers.registration.gate._STRETCH", 0.0)
    truth = motion(patient.middle, (1, 0, 0), (1, 1, 1))
    given = (patient.first, patient.affine), (patient.second, truth @ patient.affine)

    rigid = register_rigid(*given, fixed_points=patient.points)
    result = register_rigid(*given, fixed_points=patient.points, settings=RegistrationSettings(affine=True))

    assert result.kind == "rigid"
    np.testing.assert_array_equal(result.transform, rigid.transform)
    assert "rigid kept" in result.decision
    assert "; affine refused: " in result.decision
