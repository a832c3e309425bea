import numpy as np
import pytest
from scipy.optimize import least_squares

from mrbiomarkers.leastsquares import Box, dot, fit_separable

X = np.linspace(0.0, 3.0, 9)


class Point:
    """Columns, slopes and a function that gives the curvature, as the solver asks for them."""

    def __init__(self, columns, slopes, curvature):
        self.columns, self._slopes, self.curvature = columns, slopes, curvature

    def slopes(self):
        return self._slopes


class Curve:
    """One column ``exp(-(x theta_0)^theta_1)``: two parameters that bend each other."""

    n_columns = 1
    column_of = (0, 0)

    def at(self, theta):
        a, alpha = theta
        z = X[:, None] * a
        power = z**alpha
        logs = np.log(np.where(z > 0, z, 1.0))
        column = np.exp(-power)
        u1, u2 = power * alpha / a, power * logs
        u11 = power * alpha * (alpha - 1) / a**2
        u12 = power / a * (1 + alpha * logs)
        u22 = power * logs**2

        def curvature(residual):
            return {
                (0, 0): dot(residual, column * (u1 * u1 - u11)),
                (0, 1): dot(residual, column * (u1 * u2 - u12)),
                (1, 1): dot(residual, column * (u2 * u2 - u22)),
            }

        return Point([column], [-column * u1, -column * u2], curvature)


class Decays:
    """Two exponentials of one rate each."""

    n_columns = 2
    column_of = (0, 1)

    def at(self, theta):
        columns = [np.exp(-X[:, None] * rate) for rate in theta]

        def curvature(residual):
            return {(p, p): dot(residual, X[:, None] ** 2 * column) for p, column in enumerate(columns)}

        return Point(columns, [-X[:, None] * column for column in columns], curvature)


def simulate(model, theta, coefficients, noise, seed=0):
    y = sum(c * column for c, column in zip(coefficients, model.at(theta).columns, strict=True))
    return y + np.random.default_rng(seed).normal(0, noise, y.shape) if noise else y


def scipy_squares(model, y, box, starts):
    """Best sum of squares over several starts, with the coefficients free parameters like the others."""
    lo, hi = box.fraction
    size = len(box.lower)

    def residual(p):
        columns = [c[:, 0] for c in model.at(p[:size, None]).columns]
        weights = [p[-1]] if model.n_columns == 1 else [p[-2] * (1 - p[-1]), p[-2] * p[-1]]
        return sum(w * c for w, c in zip(weights, columns, strict=True)) - y

    linear = [(0, np.inf)] if model.n_columns == 1 else [(0, np.inf), (lo, hi)]
    lower = np.concatenate([box.lower, [pair[0] for pair in linear]])
    upper = np.concatenate([box.upper, [pair[1] for pair in linear]])
    first = [1.0] if model.n_columns == 1 else [1.0, 0.5 * (lo + hi)]
    tight = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14, "max_nfev": 2000}
    fits = [least_squares(residual, np.concatenate([start, first]), bounds=(lower, upper), **tight) for start in starts]
    return 2 * min(fit.cost for fit in fits)


@pytest.fixture
def truth():
    rng = np.random.default_rng(7)
    n = 60
    return {
        Curve: (np.stack([rng.uniform(0.3, 1.5, n), rng.uniform(0.6, 1.0, n)]), rng.uniform(0.5, 2.0, (1, n))),
        Decays: (np.stack([rng.uniform(0.1, 0.6, n), rng.uniform(2, 8, n)]), rng.uniform(0.2, 1.0, (2, n))),
    }


BOXES = {
    Curve: Box(np.array([0.05, 0.3]), np.array([4.0, 1.2])),
    Decays: Box(np.array([0.0, 1.0]), np.array([1.0, 20.0])),
}
STARTS = {Curve: np.array([0.8, 0.8]), Decays: np.array([0.3, 4.0])}


@pytest.mark.parametrize("kind", [Curve, Decays])
def test_noise_free_signals_are_recovered(kind, truth):
    theta, coefficients = truth[kind]
    model = kind()
    start = np.repeat(STARTS[kind][:, None], theta.shape[1], axis=1)
    fit = fit_separable(model, simulate(model, theta, coefficients, 0), start, BOXES[kind])
    assert fit.converged.all()
    # double precision leaves about 1e-16 of the signal; the conditioning of two decays costs six digits
    np.testing.assert_allclose(fit.theta, theta, rtol=1e-6)
    np.testing.assert_allclose(fit.coefficients, coefficients, rtol=1e-6)


@pytest.mark.parametrize("kind", [Curve, Decays])
def test_noisy_fits_reach_the_optimum_of_scipy(kind, truth):
    theta, coefficients = truth[kind]
    model, box = kind(), BOXES[kind]
    y = simulate(model, theta, coefficients, 0.02, seed=3)
    start = np.clip(theta, box.lower[:, None], box.upper[:, None])
    fit = fit_separable(model, y, start, box)
    for voxel in range(0, y.shape[1], 4):
        best = scipy_squares(model, y[:, voxel], box, [theta[:, voxel], STARTS[kind]])
        assert fit.sum_of_squares[voxel] <= best * (1 + 1e-6)


def test_stated_sum_of_squares_is_that_of_the_returned_parameters(truth):
    theta, coefficients = truth[Decays]
    model = Decays()
    y = simulate(model, theta, coefficients, 0.05, seed=4)
    fit = fit_separable(model, y, theta, BOXES[Decays])
    residual = y - sum(c * column for c, column in zip(fit.coefficients, model.at(fit.theta).columns, strict=True))
    np.testing.assert_allclose(fit.sum_of_squares, (residual**2).sum(axis=0), rtol=1e-10)


def test_bounds_and_fraction_are_obeyed(truth):
    theta, coefficients = truth[Decays]
    model = Decays()
    box = Box(np.array([0.2, 3.0]), np.array([0.25, 4.0]), (0.3, 0.4))
    y = simulate(model, theta, coefficients, 0.05, seed=5)
    fit = fit_separable(model, y, np.repeat(STARTS[Decays][:, None], y.shape[1], axis=1), box)
    assert np.all((fit.theta >= box.lower[:, None]) & (fit.theta <= box.upper[:, None]))
    fraction = fit.coefficients[1] / fit.coefficients.sum(axis=0)
    assert np.all((fraction >= 0.3 - 1e-12) & (fraction <= 0.4 + 1e-12))
    best = [scipy_squares(model, y[:, v], box, [np.array([0.22, 3.5])]) for v in range(0, y.shape[1], 6)]
    assert np.all(fit.sum_of_squares[::6] <= np.array(best) * (1 + 1e-6))


def test_batched_equals_one_by_one(truth):
    theta, coefficients = truth[Decays]
    model = Decays()
    y = simulate(model, theta, coefficients, 0.05, seed=6)
    together = fit_separable(model, y, theta, BOXES[Decays])
    for voxel in (0, 17, 59):
        alone = fit_separable(model, y[:, [voxel]].copy(), theta[:, [voxel]].copy(), BOXES[Decays])
        np.testing.assert_allclose(alone.theta[:, 0], together.theta[:, voxel], rtol=1e-12)


def test_arguments_are_not_written_to(truth):
    theta, coefficients = truth[Decays]
    y = simulate(Decays(), theta, coefficients, 0.05)
    before = y.copy(), theta.copy()
    fit_separable(Decays(), y, theta, BOXES[Decays])
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(theta, before[1])


def test_iteration_limit_is_reported(truth):
    theta, coefficients = truth[Decays]
    y = simulate(Decays(), theta, coefficients, 0.05)
    start = np.repeat(np.array([[0.9], [1.5]]), y.shape[1], axis=1)
    assert not fit_separable(Decays(), y, start, BOXES[Decays], max_steps=1).converged.all()


def test_a_signal_that_no_coefficient_can_follow_gets_zero():
    fit = fit_separable(Decays(), -np.ones((X.size, 1)), np.array([[0.3], [4.0]]), BOXES[Decays])
    np.testing.assert_array_equal(fit.coefficients, 0.0)
    assert fit.sum_of_squares[0] == pytest.approx(X.size)
    assert fit.converged.all()


@pytest.mark.parametrize("noise", [1e-4, 0.03])
def test_fits_that_land_early_are_as_good_as_those_that_go_on(monkeypatch, noise):
    """The last step is not looked back on where its promise was small and kept."""
    import mrbiomarkers.leastsquares.solver as solver

    rng = np.random.default_rng(7)
    truth = np.stack([rng.uniform(0.5, 1.5, 2000), rng.uniform(0.6, 1.0, 2000)])
    y = Curve().at(truth).columns[0] + noise * rng.normal(size=(X.size, 2000))
    box = Box(np.array([0.05, 0.2]), np.array([5.0, 2.0]))
    landed = fit_separable(Curve(), y, truth * 1.2, box)
    monkeypatch.setattr(solver, "_NEAR", 0.0)
    monkeypatch.setattr(solver, "_CONVERGED", 1e-14)
    patient = fit_separable(Curve(), y, truth * 1.2, box)
    assert landed.converged.all()
    assert np.max(landed.sum_of_squares / patient.sum_of_squares) <= 1 + 2e-9
