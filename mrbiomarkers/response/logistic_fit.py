"""The fit of a logistic model: maximum likelihood and Firth's penalised likelihood, by Newton steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, linprog
from scipy.special import expit
from scipy.stats import chi2

from mrbiomarkers.response.model_columns import Array

_STEPS = 200
_LONGEST = 5.0  # of one step, in standard deviations of a variable


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Coefficients of a logistic model; the intercept first.

    Attributes
    ----------
    coefficients : (p + 1,) array
    covariance : (p + 1, p + 1) array
        Inverse of the information at the coefficients, with Firth too (Heinze and Schemper; other programs weight it).
    log_likelihood : float
        Penalised by half the log determinant of the information when ``firth``.
    firth : bool
        True when Firth's penalty was used.
    converged : bool
    """

    coefficients: Array
    covariance: Array
    log_likelihood: float
    firth: bool
    converged: bool


@dataclass(frozen=True, eq=False)
class Separation:
    """Whether a combination of variables divides the classes, so that maximum likelihood has no finite answer.

    Attributes
    ----------
    kind : str
        ``"none"``, ``"quasi-complete"`` or ``"complete"``.
    variables : (p + 1,) bool array
        Whose coefficients have no finite estimate; the intercept first.
    """

    kind: str
    variables: NDArray[np.bool_]


def fit_logistic(x: Array, y: Array, *, firth: bool = False, fixed: dict[int, float] | None = None) -> LogisticFit:
    """Fit a logistic model with intercept.

    Parameters
    ----------
    x : (n, p) array
        Variables, without missing values; independent of each other.
    y : (n,) array
        0 and 1.
    firth : bool
        Maximise the likelihood times the square root of the determinant of the information (Jeffreys' prior).
    fixed : mapping of int to float, optional
        Coefficients (0 is the intercept) that are held at a value; with Firth the determinant stays that of all.

    Returns
    -------
    LogisticFit

    Raises
    ------
    ValueError
        When variables follow from each other.

    References
    ----------
    Firth, Biometrika 1993;80:27. Heinze and Schemper, Stat Med 2002;21:2409.
    """
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    # Coefficients of the centred and scaled variables are ``turn @ coefficients``.
    turn = np.diag(np.concatenate([[1.0], scale]))
    turn[0, 1:] = mean
    held = dict(fixed or {})
    if 0 in held and mean.any():  # the intercept of the raw scale cannot be held on the centred one
        turn[0, 1:] = 0.0
        mean = np.zeros_like(mean)
    design = np.column_stack([np.ones(len(y)), (x - mean) / scale])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError("columns: expected variables that do not follow from each other")
    start = np.zeros(design.shape[1])
    for j, value in held.items():
        start[j] = value * turn[j, j]
    free = np.array([j for j in range(design.shape[1]) if j not in held], dtype=np.intp)
    theta, value, converged = _maximise(design, y, start, free, firth)
    back = np.linalg.inv(turn)
    covariance = back @ np.linalg.inv(_information(design, theta)) @ back.T
    if firth:  # the determinant of the raw scale
        value += float(np.log(scale).sum())
    return LogisticFit(back @ theta, covariance, value, firth, converged)


def _information(design: Array, theta: Array) -> Array:
    p = expit(design @ theta)
    return np.asarray((design * (p * (1 - p))[:, None]).T @ design)


def _value(design: Array, y: Array, theta: Array, firth: bool) -> float:
    """Return the log-likelihood, with Firth's penalty when asked for."""
    eta = design @ theta
    value = float(y @ eta - np.logaddexp(0.0, eta).sum())
    if firth:
        sign, size = np.linalg.slogdet(_information(design, theta))
        value += 0.5 * float(size) if sign > 0 else -np.inf
    return value


def _maximise(design: Array, y: Array, theta: Array, free: NDArray[np.intp], firth: bool) -> tuple[Array, float, bool]:
    """Return coefficients, (penalised) log-likelihood and whether the maximum was reached."""
    value = _value(design, y, theta, firth)
    if free.size == 0:
        return theta, value, True
    for _ in range(_STEPS):
        p = expit(design @ theta)
        w = p * (1 - p)
        information = (design * w[:, None]).T @ design
        residual = y - p
        try:
            if firth:
                leverage = w * np.einsum("ij,ij->i", design, np.linalg.solve(information, design.T).T)
                residual = residual + leverage * (0.5 - p)
            score = design[:, free].T @ residual
            step = np.linalg.solve(information[np.ix_(free, free)], score)
        except np.linalg.LinAlgError:  # all probabilities are 0 or 1: separation
            return theta, value, False
        if float(score @ step) < 1e-16 * max(1.0, abs(value)):
            return theta, value, True
        step *= min(1.0, _LONGEST / max(np.abs(step).max(), 1e-300))
        for share in 0.5 ** np.arange(30):
            trial = theta.copy()
            trial[free] += share * step
            new = _value(design, y, trial, firth)
            if new > value:
                break
        else:  # no step raises it any more: the maximum as far as rounding allows
            return theta, value, bool(score @ step < 1e-8)
        theta, value = trial, new
    return theta, value, False


def find_separation(x: Array, y: Array) -> Separation:
    """Find out by linear programmes whether a combination of the variables divides the classes.

    Parameters
    ----------
    x : (n, p) array
        Variables without missing values.
    y : (n,) array
        0 and 1.

    References
    ----------
    Albert and Anderson, Biometrika 1984;71:1. Konis, thesis, University of Oxford 2007.
    """
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    design = np.column_stack([np.ones(len(y)), (x - x.mean(axis=0)) / scale])
    side = np.where(y == 1, 1.0, -1.0)[:, None] * design
    size = design.shape[1]

    def furthest(goal: Array) -> Array:
        # no patient may lie on the wrong side: side @ b >= 0
        answer = linprog(-goal, A_ub=-side, b_ub=np.zeros(len(y)), bounds=[(-1, 1)] * size, method="highs")
        if answer.x is None:
            raise RuntimeError(f"the linear programme for separation failed: {answer.message}")
        return np.asarray(answer.x)

    divided = side @ furthest(side.sum(axis=0))
    if not divided.max() > 1e-7:
        return Separation("none", np.zeros(size, dtype=np.bool_))
    unbounded = np.zeros(size, dtype=np.bool_)
    axes = np.eye(size)
    axes[0, 1:] = -x.mean(axis=0) / scale  # the intercept of the raw scale
    for j in range(size):
        unbounded[j] = any(abs(axes[j] @ furthest(sign * axes[j])) > 1e-7 for sign in (1.0, -1.0))
    margin = linprog(
        np.concatenate([np.zeros(size), [-1.0]]),
        A_ub=np.column_stack([-side, np.ones(len(y))]),
        b_ub=np.zeros(len(y)),
        bounds=[(-1, 1)] * size + [(0, 1)],
        method="highs",
    )
    complete = margin.x is not None and margin.x[-1] > 1e-7
    return Separation("complete" if complete else "quasi-complete", unbounded)


def profile_interval(x: Array, y: Array, fit: LogisticFit, index: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the profile likelihood interval of one coefficient; infinite where the profile has no end.

    Parameters
    ----------
    x, y : arrays
        As given to :func:`fit_logistic`.
    fit : LogisticFit
        Its answer.
    index : int
        Of the coefficient, 1 or more (0 is the intercept).
    confidence : float
        Between 0 and 1.
    """
    middle, se = float(fit.coefficients[index]), float(np.sqrt(fit.covariance[index, index]))
    target = float(chi2.ppf(confidence, 1))

    def excess(value: float) -> float:
        held = fit_logistic(x, y, firth=fit.firth, fixed={index: value})
        return 2 * (fit.log_likelihood - held.log_likelihood) - target

    ends = []
    for sign in (-1.0, 1.0):
        near, reach = middle, 2.0 * se
        while excess(middle + sign * reach) < 0 and reach < 1e3 * se:
            near, reach = middle + sign * reach, 2 * reach
        far = middle + sign * reach
        ends.append(float(brentq(excess, near, far, xtol=1e-9 * se)) if excess(far) > 0 else sign * float("inf"))
    return ends[0], ends[1]
