"""The path of logistic LASSO models, as glmnet defines it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array
from mrbiomarkers.response.lasso_solver import LassoSolver
from mrbiomarkers.response.model_columns import Array, check_columns, check_complete, check_outcome, listed

# Where glmnet ends a path early: explained deviance, gain in it from one lambda to the next, least number of lambdas.
_EXPLAINED, _GAIN, _LEAST = 0.999, 1e-5, 5


@dataclass(frozen=True, eq=False)
class LassoPath:
    """What :func:`lasso_path` returns: one model for each lambda, the largest lambda first.

    Attributes
    ----------
    names : tuple of str
        The p features.
    positive : str
        The class whose probability is modelled.
    lambdas : (L,) array
        Penalties, for features divided by their standard deviation.
    intercepts : (L,) array
    coefficients : (L, p) array
        On the raw scale of the features.
    scales : (p,) array
        Standard deviation (1/N) each feature was divided by; 0 where a feature does not vary.
    n_selected : (L,) int array
        Features whose coefficient is not 0.
    explained_deviance : (L,) array
        1 - deviance / deviance of the model without features.
    objective : (L,) array
        ``-log-likelihood / N + lambda sum |b scale|`` at the solution.
    null_deviance : float
        ``-2 log-likelihood / N`` without features.
    n, n_events : int
        Patients, and those of the positive class.
    warnings : tuple of str
        What a reader has to know.
    """

    names: tuple[str, ...]
    positive: str
    lambdas: Array
    intercepts: Array
    coefficients: Array
    scales: Array
    n_selected: NDArray[np.int64]
    explained_deviance: Array
    objective: Array
    null_deviance: float
    n: int
    n_events: int
    warnings: tuple[str, ...] = ()

    def at(self, penalty: float) -> tuple[float, Array]:
        """Return intercept and coefficients (p,) at a lambda, on the raw scale.

        Between two lambdas of the path they are interpolated linearly, as glmnet does; beyond an end they are its own.
        """
        value = float(penalty)
        if not value >= 0:
            raise ValueError(f"penalty: expected 0 or more, got {penalty}")
        ascending = self.lambdas[::-1]
        right = int(np.clip(np.searchsorted(ascending, value), 1, max(ascending.size - 1, 1)))
        if ascending.size == 1:
            return float(self.intercepts[0]), self.coefficients[0].copy()
        low, high = ascending[right - 1], ascending[right]
        share = float(np.clip((value - low) / (high - low), 0.0, 1.0))
        i, j = ascending.size - right, ascending.size - 1 - right  # of low and of high in the path
        intercept = (1 - share) * self.intercepts[i] + share * self.intercepts[j]
        return float(intercept), (1 - share) * self.coefficients[i] + share * self.coefficients[j]

    def linear_predictor(self, features: ArrayLike | Mapping[str, ArrayLike]) -> Array:
        """Return the logit (L, m) of m patients for every model; features as given to :func:`lasso_path`."""
        if isinstance(features, Mapping):
            absent = [name for name in self.names if name not in features]
            if absent:
                raise ValueError(f"features: expected the columns of the model, without {listed(absent)}")
            features = np.column_stack([np.asarray(features[name], dtype=np.float64) for name in self.names])
        matrix = check_real_array("features", features, ndim=2)
        if matrix.shape[1] != len(self.names):
            raise ValueError(f"features: expected {len(self.names)} columns, got {matrix.shape[1]}")
        return np.asarray(self.intercepts[:, None] + self.coefficients @ matrix.T)

    def records(self) -> list[dict[str, Any]]:
        """Return one row for each lambda, without the coefficients."""
        return [
            {
                "lambda": float(self.lambdas[i]),
                "n_selected": int(self.n_selected[i]),
                "explained_deviance": float(self.explained_deviance[i]),
                "intercept": float(self.intercepts[i]),
                "method": "logistic LASSO",
            }
            for i in range(self.lambdas.size)
        ]


def lasso_path(
    features: ArrayLike | Mapping[str, ArrayLike],
    outcome: ArrayLike,
    *,
    positive: Any = None,
    names: Sequence[str] | None = None,
    lambdas: ArrayLike | None = None,
    n_lambdas: int = 100,
    smallest: float | None = None,
    tolerance: float = 1e-6,
) -> LassoPath:
    """Fit logistic models with the LASSO penalty, from the empty model to a weak penalty.

    ``-log-likelihood / N + lambda sum |b|`` is minimised for features divided by their standard deviation (1/N inside);
    the intercept is not penalised.

    Parameters
    ----------
    features : (n, p) array_like or mapping of str to (n,) array_like
        Numbers without missing values. A feature that does not vary keeps the coefficient 0 and is named.
    outcome : (n,) array_like
        Two classes.
    positive : optional
        The class that is modelled; may be left out when the outcome is 0 and 1.
    names : sequence of str, optional
        Of the columns of an array.
    lambdas : (L,) array_like, optional
        Penalties of one's own, each above 0; all are fitted. By default ``n_lambdas`` from the smallest that leaves the
        model empty down to ``smallest`` times this, in equal ratios. As in glmnet that path ends early when 99.9 % of
        the deviance are explained or a step explains less than 0.001 % more.
    n_lambdas : int
        At least 2.
    smallest : float, optional
        Between 0 and 1; by default 1e-4 with at least as many patients as features, otherwise 1e-2.
    tolerance : float
        Largest departure from the conditions of the optimum, as a share of the largest lambda.

    Returns
    -------
    LassoPath

    Raises
    ------
    TypeError
        When features are not real numbers.
    ValueError
        When the outcome has not two classes or is missing somewhere, a feature is missing somewhere or infinite, no
        feature varies, or an option is out of its range.

    References
    ----------
    Friedman, Hastie, Tibshirani, J Stat Softw 2010;33(1). Strong rules: Tibshirani et al., J R Stat Soc B 2012;74:245.
    """
    y, event = checked_outcome(outcome, positive)
    x, labels = check_columns("features", features, y.size, names)
    check_complete("features", x, labels)
    standardised, scales = standardise(x)
    solver = LassoSolver(standardised, y, tolerance)
    if not solver.lambda_max > 0:
        raise ValueError("features: expected at least one that varies and is related to the outcome, got none")
    own = lambdas is not None
    if lambdas is None:
        grid = _grid(solver.lambda_max, n_lambdas, smallest, few_features=x.shape[1] <= y.size)
    else:
        grid = _checked_lambdas(lambdas)
    null = solver.loss
    found, unsolved = [], []
    for number, penalty in enumerate(grid):
        if not solver.solve(float(penalty)):
            unsolved.append(f"{penalty:.3g}")
        found.append((solver.intercept, solver.coefficients.copy(), 1 - solver.loss / null))
        if not own and number + 1 >= _LEAST and _is_at_its_end(found[-2][2], found[-1][2]):
            break
    return _path(labels, event, x, y, scales, grid[: len(found)], found, null, unsolved)


def checked_outcome(outcome: ArrayLike, positive: Any) -> tuple[Array, str]:
    """Return an outcome without missing values as 0 and 1, and the positive class in words."""
    y, event = check_outcome(outcome, positive)
    missing = int(np.isnan(y).sum())
    if missing:
        raise ValueError(f"outcome: expected one for every patient, got {missing} missing; leave these patients out")
    return y, event


def standardise(x: Array) -> tuple[Array, Array]:
    """Return columns with mean 0 and standard deviation (1/N) 1, and these deviations; 0 where a column is constant."""
    centred = x - x.mean(axis=0)
    scales = np.sqrt(np.mean(centred**2, axis=0))
    # A constant column must not seem to vary because of rounding.
    scales[scales <= 1e-13 * np.abs(x).max(axis=0, initial=0.0)] = 0.0
    return np.where(scales > 0, centred / np.where(scales > 0, scales, 1.0), 0.0), scales


def _grid(largest: float, n_lambdas: int, smallest: float | None, *, few_features: bool) -> Array:
    ratio = (1e-4 if few_features else 1e-2) if smallest is None else float(smallest)
    if not 0 < ratio < 1:
        raise ValueError(f"smallest: expected a share between 0 and 1 of the largest lambda, got {ratio:g}")
    if n_lambdas < 2:
        raise ValueError(f"n_lambdas: expected 2 or more, got {n_lambdas}")
    return np.asarray(largest * ratio ** (np.arange(n_lambdas) / (n_lambdas - 1)))


def _checked_lambdas(lambdas: ArrayLike) -> Array:
    values = check_real_array("lambdas", lambdas, ndim=1).astype(np.float64)
    if values.size == 0 or not np.all(np.isfinite(values)) or values.min() <= 0:
        raise ValueError(f"lambdas: expected finite numbers above 0, got {values.tolist()[:5]}")
    return np.sort(values)[::-1]


def _is_at_its_end(before: float, now: float) -> bool:
    return now > _EXPLAINED or now - before < _GAIN


def _path(
    labels: tuple[str, ...],
    event: str,
    x: Array,
    y: Array,
    scales: Array,
    grid: Array,
    found: list[tuple[float, Array, float]],
    null: float,
    unsolved: list[str],
) -> LassoPath:
    """Bring the solutions to the raw scale."""
    standardised = np.array([b for _, b, _ in found])
    coefficients = np.where(scales > 0, standardised / np.where(scales > 0, scales, 1.0), 0.0)
    explained = np.array([ratio for _, _, ratio in found])
    warnings = []
    constant = [labels[j] for j in np.flatnonzero(scales == 0)]
    if constant:
        warnings.append(f"without spread, coefficient 0: {listed(constant)}")
    if unsolved:
        warnings.append(f"the optimum was not reached for lambda {listed(unsolved)}")
    return LassoPath(
        names=labels,
        positive=event,
        lambdas=grid,
        intercepts=np.array([b0 for b0, _, _ in found]) - coefficients @ x.mean(axis=0),
        coefficients=coefficients,
        scales=scales,
        n_selected=np.count_nonzero(coefficients, axis=1).astype(np.int64),
        explained_deviance=explained,
        objective=(1 - explained) * null + grid * np.abs(standardised).sum(axis=1),
        null_deviance=2 * null,
        n=y.size,
        n_events=int(y.sum()),
        warnings=tuple(warnings),
    )
