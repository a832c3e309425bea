"""The penalty of a logistic LASSO chosen by cross-validation, as cv.glmnet does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from mrbiomarkers.checks import check_real_array
from mrbiomarkers.response.lasso import LassoPath, checked_outcome, lasso_path
from mrbiomarkers.response.model_columns import Array, check_columns

_CLIP = 1e-5  # glmnet's: a probability of 0 or 1 would have an infinite deviance


@dataclass(frozen=True, eq=False)
class LassoCv:
    """What :func:`cross_validated_lasso` returns.

    Attributes
    ----------
    path : LassoPath
        Of all patients; the arrays below follow its lambdas.
    deviance, deviance_se : (L,) array
        Mean over the folds (weighted by their size) of the deviance in the patients left out, and its standard error.
    fold_deviance : (K, L) array
        Of every fold.
    lambda_min : float
        Where the deviance is smallest.
    lambda_1se : float
        The largest lambda whose deviance is within one standard error of the smallest.
    folds : (n,) int array
        The fold of each patient, from 0.
    fold_rule : str
        How the folds were made.
    warnings : tuple of str
        What a reader has to know.
    """

    path: LassoPath
    deviance: Array
    deviance_se: Array
    fold_deviance: Array
    lambda_min: float
    lambda_1se: float
    folds: NDArray[np.int64]
    fold_rule: str
    warnings: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the choice of lambda as one row."""
        low, far = (int(np.argmin(np.abs(self.path.lambdas - value))) for value in (self.lambda_min, self.lambda_1se))
        return {
            "method": "logistic LASSO, deviance by cross-validation",
            "folds": self.fold_rule,
            "n": self.path.n,
            "n_events": self.path.n_events,
            "n_features": len(self.path.names),
            "lambda_min": self.lambda_min,
            "n_selected_min": int(self.path.n_selected[low]),
            "deviance_min": float(self.deviance[low]),
            "lambda_1se": self.lambda_1se,
            "n_selected_1se": int(self.path.n_selected[far]),
            "deviance_1se": float(self.deviance[far]),
        }

    def records(self) -> list[dict[str, Any]]:
        """Return one row for each lambda."""
        return [
            {**row, "deviance": float(mean), "deviance_se": float(se)}
            for row, mean, se in zip(self.path.records(), self.deviance, self.deviance_se, strict=True)
        ]


def assign_folds(outcome: ArrayLike, n_folds: int = 10, *, stratified: bool = True, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold (0 to n_folds - 1) of every patient, drawn at random.

    Parameters
    ----------
    outcome : (n,) array_like
        0 and 1, none missing.
    n_folds : int
        At least 2, at most the number of patients.
    stratified : bool
        Each class is spread evenly over the folds, and so are the patients.
    seed : int
        Of the random numbers.

    Raises
    ------
    ValueError
        When there are too few or too many folds; when stratified, also when the smaller class has fewer patients than
        there are folds.
    """
    y, _ = checked_outcome(outcome, 1)
    if not 2 <= n_folds <= y.size:
        raise ValueError(f"n_folds: expected 2 to {y.size} (patients), got {n_folds}")
    rng = np.random.default_rng(seed)
    folds = np.empty(y.size, dtype=np.int64)
    if not stratified:
        folds[rng.permutation(y.size)] = np.arange(y.size) % n_folds
        return folds
    fewest = int(min(y.sum(), y.size - y.sum()))
    if fewest < n_folds:
        raise ValueError(f"n_folds: expected at most {fewest}, the patients of the smaller class, got {n_folds}")
    order = np.concatenate([rng.permutation(np.flatnonzero(y == value)) for value in (1.0, 0.0)])
    folds[order] = rng.permutation(n_folds)[np.arange(y.size) % n_folds]
    return folds


def cross_validated_lasso(
    features: ArrayLike | Mapping[str, ArrayLike],
    outcome: ArrayLike,
    *,
    positive: Any = None,
    names: Sequence[str] | None = None,
    n_folds: int = 10,
    stratified: bool = True,
    seed: int = 0,
    folds: ArrayLike | None = None,
    lambdas: ArrayLike | None = None,
    progress: Callable[[int, int], bool | None] | None = None,
) -> LassoCv:
    """Fit the LASSO path to all patients and choose its penalty by the deviance in patients left out.

    Every fold standardises its features anew and fits the lambdas of the path of all patients.

    Parameters
    ----------
    features, outcome, positive, names, lambdas
        As in :func:`~mrbiomarkers.response.lasso.lasso_path`.
    n_folds, stratified, seed
        As in :func:`assign_folds`. The folds of cv.glmnet are not stratified.
    folds : (n,) array_like of int, optional
        Folds of one's own instead, any whole numbers.
    progress : callable, optional
        ``progress(done, total) -> bool`` over the folds and the path of all patients; False cancels.

    Returns
    -------
    LassoCv

    Raises
    ------
    InterruptedError
        When the progress callback returned False.
    TypeError, ValueError
        As in :func:`~mrbiomarkers.response.lasso.lasso_path` and :func:`assign_folds`, and when the patients outside a
        fold are of one class.

    Notes
    -----
    The deviance at the chosen lambda is the smallest of many and flatters the model: it is no measure of performance.
    Other folds choose another lambda; repeat with other seeds to see how much.
    """
    y, event = checked_outcome(outcome, positive)
    x, labels = check_columns("features", features, y.size, names)
    group, rule = _folds(y, folds, n_folds, stratified, seed)
    numbers = np.unique(group)
    total = numbers.size + 1
    full = lasso_path(x, y, names=labels, lambdas=lambdas)
    _report(progress, 1, total)
    fold_deviance = np.empty((numbers.size, full.lambdas.size))
    warnings = list(full.warnings)
    for k, number in enumerate(numbers):
        out = group == number
        if np.ptp(y[~out]) == 0:
            raise ValueError(f"folds: expected both classes outside every fold, got one class outside fold {number}")
        part = lasso_path(x[~out], y[~out], names=labels, lambdas=full.lambdas)
        warnings += [f"fold {number}: {text}" for text in part.warnings if text not in full.warnings]
        fold_deviance[k] = _deviance(part.linear_predictor(x[out]), y[out])
        _report(progress, k + 2, total)
    sizes = np.array([(group == number).sum() for number in numbers])
    mean = np.average(fold_deviance, axis=0, weights=sizes)
    se = np.sqrt(np.average((fold_deviance - mean) ** 2, axis=0, weights=sizes) / (numbers.size - 1))
    best = int(np.argmin(mean))  # the first: the largest lambda
    within = int(np.flatnonzero(mean <= mean[best] + se[best])[0])
    return LassoCv(
        path=_named(full, event),
        deviance=mean,
        deviance_se=se,
        fold_deviance=fold_deviance,
        lambda_min=float(full.lambdas[best]),
        lambda_1se=float(full.lambdas[within]),
        folds=group,
        fold_rule=rule,
        warnings=(*warnings, *_remarks(full, best, within)),
    )


def _folds(
    y: Array, folds: ArrayLike | None, n_folds: int, stratified: bool, seed: int
) -> tuple[NDArray[np.int64], str]:
    """Return the fold of every patient, and how the folds were made in words."""
    if folds is None:
        group = assign_folds(y, n_folds, stratified=stratified, seed=seed)
        return group, f"{n_folds} {'stratified' if stratified else 'unstratified'} random folds, seed {seed}"
    given = check_real_array("folds", folds, ndim=1)
    if given.shape != y.shape:
        raise ValueError(f"folds: expected {y.size}, one for each patient, got {given.size}")
    if not np.all(given == np.round(given)) or np.unique(given).size < 2:
        raise ValueError("folds: expected whole numbers of at least two folds")
    return given.astype(np.int64), f"{np.unique(given).size} given folds"


def _deviance(logit: Array, y: Array) -> Array:
    """Return ``-2 log-likelihood / m`` of every model (L, m)."""
    p = np.clip(expit(logit), _CLIP, 1 - _CLIP)
    return np.asarray(-2 * np.mean(np.where(y == 1, np.log(p), np.log1p(-p)), axis=1))


def _remarks(path: LassoPath, best: int, within: int) -> list[str]:
    """Return what the choice of lambda tells a reader."""
    found = []
    if path.n_selected[best] == 0:
        found.append("the empty model has the smallest deviance: no feature helps in patients left out")
    elif path.n_selected[within] == 0:
        found.append("the model at lambda.1se is empty: within one standard error no feature helps")
    if best == path.lambdas.size - 1:
        found.append("the smallest deviance lies at the end of the path: a smaller lambda may be better")
    return found


def _named(path: LassoPath, event: str) -> LassoPath:
    """Return the path with the class of the caller in place of 1."""
    return LassoPath(**{**path.__dict__, "positive": event})


def _report(progress: Callable[[int, int], bool | None] | None, done: int, total: int) -> None:
    if progress is not None and progress(done, total) is False:
        raise InterruptedError(f"cross-validation cancelled after {done} of {total} fits")
