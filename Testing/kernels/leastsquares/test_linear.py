import numpy as np
import pytest
from scipy.optimize import lsq_linear

from mrbiomarkers.leastsquares.linear import solve_one, solve_two


def moments(columns, y):
    gram = {
        (a, b): np.einsum("mn,mn->n", columns[a], columns[b])
        for a in range(len(columns))
        for b in range(a, len(columns))
    }
    return gram, [np.einsum("mn,mn->n", column, y) for column in columns]


@pytest.fixture
def problem():
    rng = np.random.default_rng(1)
    columns = [rng.uniform(0, 1, (8, 200)) for _ in range(2)]
    # coefficients of every sign, so that the interior and both edges of the cone come up
    truth = rng.normal(0.3, 1.0, (2, 200))
    return columns, truth[0] * columns[0] + truth[1] * columns[1] + rng.normal(0, 0.1, (8, 200))


@pytest.mark.parametrize("fraction", [(0.0, 1.0), (0.2, 0.7)])
def test_two_coefficients_equal_a_constrained_solver(problem, fraction):
    columns, y = problem
    (c0, c1), _ = solve_two(*moments(columns, y), fraction)
    lo, hi = fraction
    # the cone's two edges as new columns with coefficients >= 0
    for voxel in range(y.shape[1]):
        edges = [(1 - share) * columns[0][:, voxel] + share * columns[1][:, voxel] for share in (lo, hi)]
        peer = lsq_linear(np.stack(edges, axis=1), y[:, voxel], bounds=(0, np.inf), tol=1e-14)
        ours = y[:, voxel] - c0[voxel] * columns[0][:, voxel] - c1[voxel] * columns[1][:, voxel]
        assert ours @ ours <= 2 * peer.cost * (1 + 1e-9) + 1e-12
    total = c0 + c1
    assert np.all(total >= 0)
    assert np.all((c1 >= lo * total - 1e-12) & (c1 <= hi * total + 1e-12))


def test_inverse_is_that_of_the_free_directions(problem):
    columns, y = problem
    gram, projection = moments(columns, y)
    (c0, c1), inverse = solve_two(gram, projection, (0.0, 1.0))
    inside = (c0 > 0) & (c1 > 0)
    voxel = np.flatnonzero(inside)[0]
    full = np.array([[gram[0, 0][voxel], gram[0, 1][voxel]], [gram[0, 1][voxel], gram[1, 1][voxel]]])
    found = np.array([[inverse[a][b][voxel] for b in range(2)] for a in range(2)])
    np.testing.assert_allclose(found, np.linalg.inv(full), rtol=1e-9)
    first_only = np.flatnonzero((c0 > 0) & (c1 == 0))[0]
    assert inverse[0][0][first_only] == pytest.approx(1 / gram[0, 0][first_only])
    assert inverse[0][1][first_only] == inverse[1][1][first_only] == 0


def test_two_equal_columns_do_not_break():
    column = np.linspace(1, 2, 5)[:, None]
    (c0, c1), _ = solve_two(*moments([column, column], 3 * column), (0.0, 1.0))
    assert c0[0] + c1[0] == pytest.approx(3.0)


def test_one_coefficient_is_not_negative():
    column = np.ones((4, 2))
    (c,), inverse = solve_one(*moments([column], np.array([[2.0, -2.0]] * 4)), (0.0, 1.0))
    np.testing.assert_allclose(c, [2.0, 0.0])
    np.testing.assert_allclose(inverse[0][0], [0.25, 0.0])
