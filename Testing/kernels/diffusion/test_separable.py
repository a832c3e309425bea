import numpy as np
import pytest

from mrbiomarkers.diffusion import kurtosis, monoexponential, stretched_exponential
from mrbiomarkers.diffusion.separable import Exponentials, KurtosisDecay, StretchedDecay, rate_axis
from Testing.support.simulate import B_ALL

WEIGHTS = np.sqrt(np.linspace(1, 4, B_ALL.size))
THETA = np.array([[0.4e-3, 1.2e-3], [20e-3, 80e-3]])


MODELS = {
    "mono": (lambda root: Exponentials(B_ALL, root, 1), THETA[:1]),
    "bi": (lambda root: Exponentials(B_ALL, root, 2), THETA),
    "stretched": (lambda root: StretchedDecay(B_ALL, root), np.array([[0.4e-3, 1.2e-3], [0.6, 0.9]])),
    "kurtosis": (lambda root: KurtosisDecay(B_ALL, root), np.array([[0.4e-3, 1.2e-3], [0.6, 1.4]])),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("root", [np.ones_like(B_ALL), WEIGHTS])
def test_derivatives_equal_finite_differences(name, root):
    make, theta = MODELS[name]
    model = make(root)
    point = model.at(theta)
    residual = np.random.default_rng(0).normal(size=(B_ALL.size, 2))
    curvature = point.curvature(residual)
    slopes = point.slopes()
    for p, column in enumerate(model.column_of):
        step = 1e-5 * theta[p]
        high, low = theta.copy(), theta.copy()
        high[p] += step
        low[p] -= step
        up, down = model.at(high), model.at(low)
        numeric = (up.columns[column] - down.columns[column]) / (2 * step)
        # the error of central differences is the step squared times the third derivative
        np.testing.assert_allclose(slopes[p], numeric, rtol=1e-6, atol=1e-8 * np.abs(slopes[p]).max())
        for q, other in enumerate(model.column_of):
            if q >= p and other == column:
                bend = (residual * (up.slopes()[q] - down.slopes()[q]) / (2 * step)).sum(axis=0)
                np.testing.assert_allclose(curvature[p, q], bend, rtol=1e-5, atol=1e-7 * np.abs(curvature[p, q]).max())


@pytest.mark.parametrize("name", MODELS)
def test_weights_scale_the_columns(name):
    make, theta = MODELS[name]
    plain, weighted = make(np.ones_like(B_ALL)).at(theta), make(WEIGHTS).at(theta)
    for a, b in zip(plain.columns, weighted.columns, strict=True):
        np.testing.assert_allclose(b, a * WEIGHTS[:, None])


@pytest.mark.parametrize(
    ("name", "signal"), [("mono", monoexponential), ("stretched", stretched_exponential), ("kurtosis", kurtosis)]
)
def test_columns_are_those_of_the_model(name, signal):
    make, theta = MODELS[name]
    np.testing.assert_allclose(make(np.ones_like(B_ALL)).at(theta).columns[0].T, signal(B_ALL, 1.0, *theta), rtol=1e-12)


@pytest.mark.parametrize(("lower", "upper"), [(0, 5e-3), (5e-3, 0.2), (-5e-3, 2e-2), (1e-3, 1.1e-3), (0.0, 1e-6)])
def test_axis_covers_its_bounds(lower, upper):
    axis = rate_axis(lower, upper, 8, 1e-4)
    assert axis[0] == lower
    assert axis[-1] == upper
    assert np.all(np.diff(axis) > 0)
