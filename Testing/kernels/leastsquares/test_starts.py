import itertools

import numpy as np
import pytest

from mrbiomarkers.diffusion.separable import Exponentials
from mrbiomarkers.leastsquares import Box, StartGrid, fit_multistart, fit_separable
from Testing.support.simulate import B_ALL, best_of_five, ivim_population

AXES = (np.array([0.0, 2e-4, 5e-4, 1e-3, 2e-3]), np.array([5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2]))


def brute_force(y, fraction):
    """Sum of squares that each node explains, voxel by voxel, with non-negative edges of the cone as columns."""
    from scipy.optimize import nnls

    scores = []
    for slow, fast in itertools.product(*AXES):
        one, two = np.exp(-B_ALL * slow), np.exp(-B_ALL * fast)
        edges = np.stack([(1 - share) * one + share * two for share in fraction], axis=1)
        scores.append(y @ y - nnls(edges, y)[1] ** 2)
    return np.array(scores)


@pytest.mark.parametrize("fraction", [(0.0, 1.0), (0.1, 0.3)])
def test_first_start_is_the_best_node(fraction):
    signal, _ = ivim_population(40, seed=1, snr=15)
    # some signals that the slow column alone would have to leave: fast decays and rising ones
    signal = np.concatenate([signal, np.exp(-B_ALL * 0.03)[None] + 0.01, np.exp(B_ALL * 1e-3)[None]])
    grid = StartGrid(Exponentials(B_ALL, np.ones_like(B_ALL), 2), AXES, fraction)
    first, _, _ = grid.search(signal.T.copy())
    nodes = list(itertools.product(*AXES))
    for voxel, y in enumerate(signal):
        scores = brute_force(y, fraction)
        chosen = scores[nodes.index(tuple(first[:, voxel]))]
        # single precision scores may prefer a node that is as good to 1e-6
        assert chosen >= scores.max() - 2e-6 * (y @ y)


def test_second_start_lies_in_another_valley():
    signal, _ = ivim_population(500, seed=2, snr=15)
    grid = StartGrid(Exponentials(B_ALL, np.ones_like(B_ALL), 2), AXES)
    first, second, score = grid.search(signal.T.copy())
    found = np.isfinite(score)
    assert 0 < found.mean() < 0.5
    assert np.all(first[1, found] != second[1, found])
    np.testing.assert_array_equal(first[:, ~found], second[:, ~found])


def test_second_start_only_improves_and_does_so_where_minima_compete():
    signal, _ = ivim_population(4000, seed=3, snr=15)
    y = signal.T.copy()
    model = Exponentials(B_ALL, np.ones_like(B_ALL), 2)
    grid = StartGrid(model, AXES)
    box = Box(np.array([0, 5e-3]), np.array([5e-3, 0.2]))
    one = fit_separable(model, y, grid.search(y)[0], box).sum_of_squares
    two = fit_multistart(model, y, grid, box).sum_of_squares
    assert np.all(two <= one)
    better = np.flatnonzero(two < one * (1 - 1e-6))
    assert better.size > 0
    assert two[better[0]] <= best_of_five(signal[better[0]])[0] * (1 + 1e-6)


def test_one_column():
    model = Exponentials(B_ALL, np.ones_like(B_ALL), 1)
    grid = StartGrid(model, [np.array([0.0, 5e-4, 1e-3, 2e-3])])
    y = np.exp(-B_ALL[:, None] * np.array([1e-5, 4e-4, 1.1e-3, 5e-3]))
    first, _, score = grid.search(y)
    np.testing.assert_array_equal(first[0], [0.0, 5e-4, 1e-3, 2e-3])
    assert np.all(score == -np.inf)
