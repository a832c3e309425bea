import numpy as np
import pytest
from scipy.optimize import lsq_linear

from mrbiomarkers.leastsquares import Box
from mrbiomarkers.leastsquares.steps import _pair_along_walls, _step_along_walls, next_step


def problems(n, seed):
    """Random quadratic problems of two parameters in the unit square; some start on a wall."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, 2, 2))
    matrix = root @ root.transpose(0, 2, 1) + 0.05 * np.eye(2)
    gradient = rng.normal(size=(2, n))
    theta = np.clip(rng.uniform(-0.3, 1.3, (2, n)), 0, 1)
    return matrix, gradient, theta


def as_state(matrix, gradient):
    """Rows as ``evaluate`` gives them: sum of squares, one coefficient, gradient, triangle."""
    n = gradient.shape[1]
    return np.stack([np.ones(n), np.ones(n), *gradient, matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 1]])


def test_two_parameters_in_closed_form_step_as_any_number_does():
    matrix, gradient, theta = problems(5000, 1)
    damping = np.random.default_rng(2).choice([0.0, 0.1, 3.0], 5000)
    rows = [[matrix[:, p, q] for q in range(2)] for p in range(2)]
    walls = np.zeros((2, 1)), np.ones((2, 1))
    pair = _pair_along_walls(rows, gradient, damping, theta, *walls)
    general = _step_along_walls([[x.copy() for x in row] for row in rows], gradient, damping, theta, *walls)
    np.testing.assert_allclose(pair, general, atol=1e-9)


def test_a_parameter_without_influence_stays_where_it_is():
    rows = [[np.array([0.0]), np.array([0.0])], [np.array([0.0]), np.array([2.0])]]
    walls = np.zeros((2, 1)), np.ones((2, 1))
    stepped = _pair_along_walls(rows, np.array([[0.0], [-10.0]]), np.zeros(1), np.array([[0.5], [0.5]]), *walls)
    np.testing.assert_array_equal(stepped, [[0.5], [1.0]])


@pytest.mark.parametrize("seed", [3, 4])
def test_steps_stay_inside_and_reach_the_best_point_of_the_square(seed):
    matrix, gradient, start = problems(300, seed)
    theta, box = start, Box(np.zeros(2), np.ones(2))
    for _ in range(6):
        here = gradient + np.einsum("npq,qn->pn", matrix, theta - start)
        theta, gain = next_step(as_state(matrix, here), theta, np.zeros(300), box)
        assert theta.min() >= 0
        assert theta.max() <= 1
    assert np.abs(gain).max() < 1e-12
    for n in range(300):  # 0.5 m' A m + g' m as a least-squares problem in a box
        root = np.linalg.cholesky(matrix[n]).T
        target = -np.linalg.solve(root.T, gradient[:, n])
        found = lsq_linear(root, target, (-start[:, n] - 1e-12, 1 - start[:, n] + 1e-12), tol=1e-14)
        np.testing.assert_allclose(theta[:, n] - start[:, n], found.x, atol=1e-5)
