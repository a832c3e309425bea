"""Designs whose optimum is known in closed form: polynomials on -1 to 1."""

import itertools

import numpy as np
import pytest

from mrbiomarkers.diffusion.design import DesignTask, continuous_design, whole_design

PLACES = np.linspace(-1, 1, 21)


def task(degree, costs, places=PLACES, worst=False):
    """The problem of one tissue or more whose signal is a polynomial; costs (T, degree + 1)."""
    costs = np.atleast_2d(np.asarray(costs, float))
    rows = np.stack([places**power for power in range(degree + 1)], axis=-1)
    rows = np.broadcast_to(rows, (len(costs), *rows.shape))
    return DesignTask(
        rows, np.einsum("tcp,tcq->ctpq", rows, rows), costs, 0 * costs[:, :, None] @ costs[:, None], worst
    )


@pytest.mark.parametrize(
    ("degree", "costs", "shares", "loss"),
    [
        (1, [1, 1], {-1: 0.5, 1: 0.5}, 2),  # the inverse of the information is the unit matrix
        (2, [1, 1, 1], {-1: 0.25, 0: 0.5, 1: 0.25}, 8),  # A-optimal parabola: Atkinson, Donev and Tobias 2007
        (2, [0, 0, 1], {-1: 0.25, 0: 0.5, 1: 0.25}, 4),  # the best for the curvature alone: a Chebyshev polynomial
    ],
)
def test_known_optima(degree, costs, shares, loss):
    problem = task(degree, costs)
    found, limit = continuous_design(problem)
    expected = np.zeros(PLACES.size)
    for place, share in shares.items():
        expected[np.argmin(abs(PLACES - place))] = share
    assert limit == pytest.approx(loss, rel=1e-4)
    assert limit <= loss * (1 + 1e-9)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, expected, atol=0.03)

    counts = whole_design(problem, found, 8, np.zeros(PLACES.size, np.intp))

    np.testing.assert_array_equal(counts, 8 * expected)
    assert problem.loss(np.tensordot(counts, problem.outer, 1)) == pytest.approx(loss / 8)


@pytest.mark.parametrize("worst", [False, True])
def test_a_whole_design_is_the_best_of_all(worst):
    places = np.array([-1.0, -0.4, 0.1, 0.7, 1.0])
    problem = task(2, [[1, 1, 1], [4, 0.5, 0]], places, worst)
    least = np.array([0, 2, 0, 0, 0])
    counts = whole_design(problem, continuous_design(problem)[0], 7, least)
    assert counts.sum() == 7
    assert np.all(counts >= least)
    losses = []
    for chosen in itertools.combinations_with_replacement(range(5), 5):
        tried = least + np.bincount(chosen, minlength=5)
        losses.append(problem.loss(np.tensordot(tried, problem.outer, 1)))
    assert problem.loss(np.tensordot(counts, problem.outer, 1)) == pytest.approx(min(losses), rel=1e-9)


def test_too_few_images_are_refused():
    problem = task(2, [1, 1, 1])
    shares, _ = continuous_design(problem)
    with pytest.raises(ValueError, match="n_images: 2 images, with those of minimum, do not determine"):
        whole_design(problem, shares, 2, np.zeros(PLACES.size, np.intp))
