"""The LASSO path against independent solvers and its dual, cross-validation, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, xlogy

from mrbiomarkers.response.lasso import lasso_path
from mrbiomarkers.response.lasso_cv import assign_folds, cross_validated_lasso


def patients(n, p, effect=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) @ np.diag(rng.uniform(0.1, 50, p)) + rng.normal(size=p)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    y = (rng.random(n) < expit(effect * z[:, 0] - 0.5 * z[:, 1])).astype(float)
    return x, y


def objective(intercept, b, x, y, penalty):
    eta = intercept + x @ b
    return np.mean(np.logaddexp(0, eta) - y * eta) + penalty * np.sum(np.abs(b) * x.std(axis=0))


def by_quasi_newton(x, y, penalty):
    """The optimum by L-BFGS-B on the positive and negative parts."""
    z, p = (x - x.mean(axis=0)) / x.std(axis=0), x.shape[1]

    def loss(t):
        b, eta = t[1 : p + 1] - t[p + 1 :], t[0] + z @ (t[1 : p + 1] - t[p + 1 :])
        r = (expit(eta) - y) / len(y)
        value = np.mean(np.logaddexp(0, eta) - y * eta) + penalty * t[1:].sum()
        return value, np.concatenate([[r.sum()], z.T @ r + penalty, penalty - z.T @ r]), b

    options = {"maxiter": 20000, "maxfun": 10**6, "ftol": 1e-15, "gtol": 1e-9}
    bounds = [(None, None)] + [(0, None)] * (2 * p)
    return minimize(lambda t: loss(t)[:2], np.zeros(2 * p + 1), jac=True, bounds=bounds, options=options).fun


def by_proximal_gradient(x, y, penalty, steps=20000):
    """The optimum by accelerated proximal gradient steps."""
    z = np.column_stack([np.ones(len(y)), (x - x.mean(axis=0)) / x.std(axis=0)])
    rate = 4 * len(y) / np.linalg.norm(z, 2) ** 2
    t = v = np.zeros(z.shape[1])
    for k in range(steps):
        new = v - rate * z.T @ (expit(z @ v) - y) / len(y)
        new[1:] = np.sign(new[1:]) * np.maximum(np.abs(new[1:]) - rate * penalty, 0)
        v = new + k / (k + 3) * (new - t)
        t = new
    return np.mean(np.logaddexp(0, z @ t) - y * (z @ t)) + penalty * np.abs(t[1:]).sum()


def lower_bound(path, i, x, y):
    """A number that no model at this lambda can go below (the dual)."""
    z = (x - x.mean(axis=0)) / np.where(path.scales > 0, path.scales, 1)
    rest = y - expit(path.intercepts[i] + x @ path.coefficients[i])
    rest -= rest.mean()
    rest *= min(1, path.lambdas[i] * len(y) / np.abs(z.T @ rest).max())
    u = np.clip(y - rest, 0, 1)
    return -np.mean(xlogy(u, u) + xlogy(1 - u, 1 - u))


@pytest.mark.parametrize(("n", "p"), [(120, 15), (60, 150)])
def test_optimum_of_two_other_solvers(n, p):
    x, y = patients(n, p)
    path = lasso_path(x, y)
    for i in (3, 25, 45):
        own = objective(path.intercepts[i], path.coefficients[i], x, y, path.lambdas[i])
        assert own == pytest.approx(path.objective[i], abs=1e-12)
        assert own == pytest.approx(by_quasi_newton(x, y, path.lambdas[i]), abs=1e-7)
        assert own == pytest.approx(by_proximal_gradient(x, y, path.lambdas[i]), abs=1e-7)


@pytest.mark.parametrize("effect", [0.0, 1.0, 20.0])
def test_every_model_of_the_path_is_at_its_optimum(effect):
    x, y = patients(80, 200, effect)
    path = lasso_path(x, y)
    gaps = [path.objective[i] - lower_bound(path, i, x, y) for i in range(path.lambdas.size)]
    assert path.warnings == ()
    assert min(gaps) > -1e-12
    assert max(gaps) < 1e-5 * path.null_deviance


def test_grid_and_end_of_the_path_are_those_of_glmnet():
    x, y = patients(120, 15)
    path = lasso_path(x, y)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    assert path.lambdas[0] == pytest.approx(np.abs(z.T @ (y - y.mean())).max() / 120, rel=1e-12)
    np.testing.assert_allclose(path.lambdas[1:] / path.lambdas[:-1], 1e-4 ** (1 / 99))
    assert path.n_selected[0] == 0
    assert path.intercepts[0] == pytest.approx(np.log(y.mean() / (1 - y.mean())))
    gains = np.diff(path.explained_deviance)
    assert gains[-1] < 1e-5 < gains[4:-1].min()
    wide = lasso_path(*patients(60, 150))
    np.testing.assert_allclose(wide.lambdas[1:] / wide.lambdas[:-1], 1e-2 ** (1 / 99))


def test_units_and_order_of_features_do_not_matter():
    x, y = patients(100, 12)
    path = lasso_path(x, y)
    order = np.arange(12)[::-1]
    other = lasso_path(1000 * x[:, order] - 7, y)
    np.testing.assert_allclose(other.coefficients[:, order] * 1000, path.coefficients, atol=1e-5)
    np.testing.assert_allclose(other.linear_predictor(1000 * x[:, order] - 7), path.linear_predictor(x), atol=1e-4)


def test_other_class_turns_all_signs():
    x, y = patients(100, 12)
    path, other = lasso_path(x, y), lasso_path(x, np.where(y == 1, "CR", "N-CR"), positive="N-CR")
    np.testing.assert_allclose(other.coefficients, -path.coefficients, atol=1e-5)
    assert (path.positive, other.positive) == ("1", "N-CR")


def test_features_that_follow_from_each_other():
    x, y = patients(150, 30)
    x = np.hstack([x, x, 2 * x + 1, x[:, :10] + x[:, 10:20], np.full((150, 1), 0.1)])
    path = lasso_path(x, y)
    assert path.warnings == ("without spread, coefficient 0: x101",)
    i = path.lambdas.size - 1
    assert path.objective[i] - lower_bound(path, i, x, y) < 1e-4
    assert np.all(path.coefficients[:, -1] == 0)


def test_between_two_lambdas_it_is_interpolated():
    path = lasso_path(*patients(100, 5))
    b0, b = path.at(0.25 * path.lambdas[6] + 0.75 * path.lambdas[7])
    np.testing.assert_allclose(b, 0.25 * path.coefficients[6] + 0.75 * path.coefficients[7])
    assert b0 == pytest.approx(0.25 * path.intercepts[6] + 0.75 * path.intercepts[7])
    for penalty, i in ((path.lambdas[6], 6), (path.lambdas[0] * 2, 0), (0, -1)):
        np.testing.assert_array_equal(path.at(penalty)[1], path.coefficients[i])


def test_cross_validation_is_what_it_says():
    x, y = patients(90, 8)
    folds = assign_folds(y, 5, seed=3)
    result = cross_validated_lasso(x, y, folds=folds)
    path, k = result.path, 2
    part = lasso_path(x[folds != k], y[folds != k], lambdas=path.lambdas)
    p = expit(part.intercepts[:, None] + part.coefficients @ x[folds == k].T)
    expected = -2 * np.mean(np.log(np.where(y[folds == k] == 1, p, 1 - p)), axis=1)
    np.testing.assert_allclose(result.fold_deviance[k], expected, rtol=1e-9)
    np.testing.assert_allclose(result.deviance, result.fold_deviance.mean(axis=0))  # 18 patients in every fold
    np.testing.assert_allclose(result.deviance_se, result.fold_deviance.std(axis=0, ddof=1) / np.sqrt(5))
    best = np.argmin(result.deviance)
    assert result.lambda_min == path.lambdas[best]
    limit = result.deviance[best] + result.deviance_se[best]
    assert result.lambda_1se == max(path.lambdas[result.deviance <= limit])
    assert result.record()["n_selected_min"] == path.n_selected[best]
    assert len(result.records()) == path.lambdas.size


def test_folds_of_noise_choose_nothing_and_say_so():
    x = np.random.default_rng(1).normal(size=(100, 300))
    result = cross_validated_lasso(x, np.arange(100) % 2, seed=1)
    assert result.path.n_selected[result.path.lambdas == result.lambda_1se] == 0
    assert any("empty" in text for text in result.warnings)


def test_stratified_folds_are_even():
    y = np.array([1] * 23 + [0] * 74)
    folds = assign_folds(y, 10)
    for values in (folds, folds[y == 1], folds[y == 0]):
        assert np.ptp(np.bincount(values, minlength=10)) <= 1
    np.testing.assert_array_equal(folds, assign_folds(y, 10))
    assert np.any(folds != assign_folds(y, 10, seed=1))
    assert np.ptp(np.bincount(assign_folds(y, 10, stratified=False))) <= 1


def test_cancel():
    with pytest.raises(InterruptedError, match="after 3 of 6"):
        cross_validated_lasso(*patients(60, 4), n_folds=5, progress=lambda done, total: done < 3)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"y": np.zeros(50)}, {}, "two classes, got 1"),
        ({"y": np.arange(50) % 3}, {}, "two classes, got 3"),
        (
            {"y": np.where(np.arange(50) % 2, "a", "b")},
            {},
            r"positive: say which class is the positive one, of 'a' \(25\), 'b' \(25\)",
        ),
        ({"y": np.where(np.arange(50) == 4, np.nan, np.arange(50) % 2)}, {}, "1 missing"),
        ({"nan": True}, {}, r"x2 \(1\)"),
        ({}, {"names": ["a", "b", "a"]}, "a more than once"),
        ({}, {"smallest": 2}, "smallest"),
        ({}, {"lambdas": [0.1, 0]}, "lambdas"),
        ({"constant": True}, {}, "at least one that varies"),
    ],
)
def test_bad_input(change, options, message):
    x, y = patients(50, 3)
    if change.get("nan"):
        x[4, 1] = np.nan
    if change.get("constant"):
        x[:] = 1
    with pytest.raises(ValueError, match=message):
        lasso_path(x, change.get("y", y), **options)


def test_text_and_bad_folds():
    x, y = patients(50, 3)
    with pytest.raises(TypeError, match="features"):
        lasso_path({"a": ["x"] * 50}, y)
    with pytest.raises(ValueError, match="smaller class"):
        cross_validated_lasso(x, np.arange(50) < 4)
    with pytest.raises(ValueError, match="both classes outside"):
        cross_validated_lasso(x, y, folds=y)
