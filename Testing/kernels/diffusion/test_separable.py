import numpy as np
import pytest

from mrbiomarkers.diffusion.separable import Exponentials, rate_axis
from Testing.support.simulate import B_ALL

WEIGHTS = np.sqrt(np.linspace(1, 4, B_ALL.size))
THETA = np.array([[0.4e-3, 1.2e-3], [20e-3, 80e-3]])


@pytest.mark.parametrize("root", [np.ones_like(B_ALL), WEIGHTS])
def test_derivatives_equal_finite_differences(root):
    model = Exponentials(B_ALL, root, 2)
    columns = model.columns(THETA)
    slopes = model.slopes(THETA, columns)
    residual = np.random.default_rng(0).normal(size=(B_ALL.size, 2))
    curvature = model.curvature(THETA, columns, residual)
    for p in range(2):
        step = 1e-4 * THETA[p]
        high, low = THETA.copy(), THETA.copy()
        high[p] += step
        low[p] -= step
        up, down = model.columns(high)[p], model.columns(low)[p]
        # the error of central differences is the step squared times the third derivative
        np.testing.assert_allclose(slopes[p], (up - down) / (2 * step), rtol=1e-5, atol=1e-6 * np.abs(slopes[p]).max())
        second = (residual * (up - 2 * columns[p] + down) / step**2).sum(axis=0)
        np.testing.assert_allclose(curvature[p, p], second, rtol=1e-4)


def test_weights_scale_the_columns():
    plain, weighted = (Exponentials(B_ALL, root, 2).columns(THETA) for root in (np.ones_like(B_ALL), WEIGHTS))
    for a, b in zip(plain, weighted, strict=True):
        np.testing.assert_allclose(b, a * WEIGHTS[:, None])


@pytest.mark.parametrize(("lower", "upper"), [(0, 5e-3), (5e-3, 0.2), (-5e-3, 2e-2), (1e-3, 1.1e-3), (0.0, 1e-6)])
def test_axis_covers_its_bounds(lower, upper):
    axis = rate_axis(lower, upper, 8, 1e-4)
    assert axis[0] == lower
    assert axis[-1] == upper
    assert np.all(np.diff(axis) > 0)
