"""The solver of the logistic LASSO: coordinate descent on the quadratic approximation, helped by direct solves.

The problem is that of glmnet: minimise ``mean(log(1 + exp(eta)) - y eta) + lambda sum |b|`` with ``eta = b0 + X b``. A
sweep of coordinate descent finds which coefficients are not 0 and their signs; with these known the quadratic problem
is a linear system, which is solved at once. Strong rules say which features to look at; the conditions of the optimum
are checked on all features before a solution is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import expit

from mrbiomarkers.response.model_columns import Array

_WEIGHT_FLOOR = 1e-8
# A step that promises less than this share of the loss without features ends the search: where features nearly follow
# from each other the objective is flat long before the gradient is small.
_SMALL_GAIN = 1e-10
_MAX_STEPS = 500
_MAX_ROUNDS = 50
# Added to every curvature: with features that follow from each other the quadratic has no single minimum without it.
# The optimum stays where it is, for the gradient is exact.
_PROXIMAL = 1e-9


@dataclass
class _Work:
    """The features looked at, and the quadratic approximation among them (intercept taken out)."""

    index: NDArray[np.intp]
    x: Array
    weights: Array
    gram: Array
    tilt: Array  # X'w / n
    hessian: Array
    cholesky: tuple[bytes, tuple[Array, bool]] | None = None


class LassoSolver:
    """Solutions for one set of patients, each started from the one before.

    Parameters
    ----------
    x : (n, p) array
        Features with mean 0; those without spread are 0.
    y : (n,) array
        Outcome, 0 and 1, both present.
    tolerance : float
        Largest departure from the conditions of the optimum, as a share of the largest useful lambda.

    Attributes
    ----------
    intercept : float
    coefficients : (p,) array
        Of the latest solution.
    loss : float
        Mean negative log-likelihood of the latest solution.
    lambda_max : float
        The lambda from which on all coefficients are 0.
    """

    def __init__(self, x: Array, y: Array, tolerance: float = 1e-6) -> None:
        self._x, self._y, self._n = np.asfortranarray(x), y, len(y)
        rate = float(y.mean())
        self.intercept = float(np.log(rate / (1 - rate)))
        self.coefficients: Array = np.zeros(x.shape[1])
        self._eta: Array = np.full(self._n, self.intercept)
        self._gradient = self._pull(self._x)
        self.lambda_max = float(np.abs(self._gradient).max(initial=0.0))
        self._latest = self.lambda_max
        self._tolerance = tolerance * max(self.lambda_max, 1e-12)
        self._null = self.loss = self._loss(self._eta)
        self._work = self._look_at(np.empty(0, dtype=np.intp))

    def solve(self, penalty: float) -> bool:
        """Go to the solution of one lambda; True when the conditions of the optimum hold there."""
        strong = np.abs(self._gradient) >= min(2 * penalty - self._latest, penalty)
        self._grow(strong)
        while True:
            converged = self._solve_work(penalty)
            self._gradient = self._pull(self._x)
            outside = np.abs(self._gradient) > penalty + self._tolerance
            outside[self._work.index] = False
            if not outside.any() or not converged:
                break
            self._grow(outside)
        self._latest = penalty
        self.loss = self._loss(self._eta)
        return converged

    def _pull(self, x: Array) -> Array:
        """Return the negative gradient of the loss by the coefficients."""
        return np.asarray((self._y - expit(self._eta)) @ x / self._n)

    def _loss(self, eta: Array) -> float:
        return float(np.mean(np.logaddexp(0.0, eta) - self._y * eta))

    def _weights(self) -> Array:
        p = expit(self._eta)
        return np.maximum(p * (1 - p), _WEIGHT_FLOOR)

    def _look_at(self, index: NDArray[np.intp]) -> _Work:
        """Start a working set with the weights of the present solution."""
        x, weights = np.asfortranarray(self._x[:, index]), self._weights() / self._n
        scaled = x * np.sqrt(weights)[:, None]
        gram, tilt = scaled.T @ scaled, weights @ x
        return _Work(index, x, weights, gram, tilt, _centred(gram, tilt, weights))

    def _grow(self, wanted: NDArray[np.bool_]) -> None:
        """Add features to the working set, at the weights it has."""
        work = self._work
        wanted = wanted.copy()
        wanted[work.index] = False
        new = np.flatnonzero(wanted)
        if new.size == 0:
            return
        x = self._x[:, new]
        scaled = x * work.weights[:, None]
        across = work.x.T @ scaled
        gram = np.block([[work.gram, across], [across.T, x.T @ scaled]])
        tilt = np.concatenate([work.tilt, work.weights @ x])
        hessian = _centred(gram, tilt, work.weights)
        stacked = np.asfortranarray(np.hstack([work.x, x]))
        self._work = _Work(np.concatenate([work.index, new]), stacked, work.weights, gram, tilt, hessian)

    def _refresh(self, pull: Array, penalty: float) -> None:
        """Take the weights of the present solution; features far from entering are put aside."""
        near = (self.coefficients[self._work.index] != 0) | (np.abs(pull) > 0.8 * penalty)
        self._work = self._look_at(self._work.index[near])

    def _solve_work(self, penalty: float) -> bool:
        """Solve for the working set; the others keep their 0."""
        before, fresh = np.inf, False
        for _ in range(_MAX_STEPS):
            pull, pull0 = self._pull(self._work.x), float(np.mean(self._y - expit(self._eta)))
            b = self.coefficients[self._work.index]
            departure = max(_departure(pull, b, penalty), abs(pull0))
            if departure <= self._tolerance:
                return True
            # Weights of an earlier lambda serve as long as they bring the solution nearer quickly.
            if departure > 0.2 * before and not fresh:
                self._refresh(pull, penalty)
                fresh, before = True, np.inf
                continue
            before = departure
            lowered, promised = self._step(b, pull, pull0, penalty, departure)
            if promised < _SMALL_GAIN * self._null:
                return True
            if not lowered:
                if fresh:
                    return False
                before = 0.0
                continue
            fresh = False
        return False

    def _step(self, b: Array, pull: Array, pull0: float, penalty: float, departure: float) -> tuple[bool, float]:
        """Go towards the minimum of the quadratic approximation.

        Return whether the objective became smaller, and by how much the approximation promised.
        """
        work = self._work
        total = work.weights.sum()
        goal = _quadratic_minimum(
            work, pull - work.tilt * (pull0 / total), b, penalty, 0.1 * max(self._tolerance, 0.2 * departure)
        )
        d = goal - b
        d0 = (pull0 - float(work.tilt @ d)) / total
        along = d0 + work.x @ d
        expected = -float(pull @ d) - pull0 * d0 + penalty * (np.abs(goal).sum() - np.abs(b).sum())
        here = self._loss(self._eta) + penalty * np.abs(b).sum()
        share = 1.0
        for _ in range(30):
            value = self._loss(self._eta + share * along) + penalty * np.abs(b + share * d).sum()
            if value <= here + 1e-4 * share * expected + 1e-14:
                break
            share /= 2
        else:
            return False, -expected
        self.intercept += share * d0
        self.coefficients[work.index] = goal if share == 1.0 else b + share * d
        self._eta = self._eta + share * along
        return True, -expected


def _centred(gram: Array, tilt: Array, weights: Array) -> Array:
    """Return the curvature with the intercept taken out, never quite singular."""
    return np.asarray(gram - np.outer(tilt, tilt) / weights.sum() + _PROXIMAL * np.eye(tilt.size))


def _departure(pull: Array, b: Array, penalty: float) -> float:
    """Return how far the conditions of the optimum are from being met: the largest subgradient."""
    if b.size == 0:
        return 0.0
    inside = np.maximum(np.abs(pull) - penalty, 0.0)
    return float(np.where(b != 0, np.abs(pull - penalty * np.sign(b)), inside).max())


def _quadratic_minimum(work: _Work, pull: Array, b: Array, penalty: float, tolerance: float) -> Array:
    """Return the v that minimises ``(v-b)'H(v-b)/2 - pull'(v-b) + penalty |v|``."""
    v, slope = b.copy(), pull.copy()  # slope: the negative gradient at v
    at_zero = pull + work.hessian @ b
    look = (v != 0) | (np.abs(slope) > penalty)
    for _ in range(_MAX_ROUNDS):
        _sweep(work.hessian, v, slope, penalty, look)
        for _ in range(_MAX_ROUNDS):
            v, settled = _direct(work, v, at_zero, penalty)
            if settled:
                break
        slope = at_zero - work.hessian @ v
        if _departure(slope, v, penalty) <= tolerance:
            break
        look = np.abs(slope) > penalty  # after the first sweep only what wants to enter, or the solves are undone
        look &= v == 0
        if not look.any():
            look = v != 0
    return v


def _sweep(hessian: Array, v: Array, slope: Array, penalty: float, look: NDArray[np.bool_]) -> None:
    """One pass of coordinate descent over the coefficients to look at; v and slope are changed."""
    for j in np.flatnonzero(look).tolist():
        curve, old = hessian[j, j], v[j]
        if curve <= 0:
            continue
        target = slope[j] + curve * old
        new = (target - penalty if target > penalty else target + penalty if target < -penalty else 0.0) / curve
        if new != old:
            slope -= hessian[j] * (new - old)
            v[j] = new


def _direct(work: _Work, v: Array, at_zero: Array, penalty: float) -> tuple[Array, bool]:
    """Solve for the coefficients that are not 0 with their signs; those that would change sign become 0.

    True when none did, so that another solve would change nothing.
    """
    active = np.flatnonzero(v)
    if active.size == 0:
        return v, True
    key = active.tobytes()
    if work.cholesky is None or work.cholesky[0] != key:
        try:
            work.cholesky = (key, cho_factor(work.hessian[np.ix_(active, active)], check_finite=False))
        except LinAlgError:  # features that follow from each other: coordinate descent alone goes on
            return v, True
    here = v[active]
    target = cho_solve(work.cholesky[1], at_zero[active] - penalty * np.sign(here), check_finite=False)
    kept = np.sign(target) == np.sign(here)
    goal = v.copy()
    goal[active] = np.where(kept, target, 0.0)
    if kept.all() or _quadratic(work, goal, at_zero, penalty) <= _quadratic(work, v, at_zero, penalty):
        return goal, bool(kept.all())
    # Within the signs the objective falls all the way: go until the first coefficient is 0.
    share = here[~kept] / (here[~kept] - target[~kept])
    first = share.min()
    goal[active] = here + first * (target - here)
    goal[active[~kept][share <= first]] = 0.0
    return goal, False


def _quadratic(work: _Work, v: Array, at_zero: Array, penalty: float) -> float:
    return float(v @ (work.hessian @ v) / 2 - at_zero @ v + penalty * np.abs(v).sum())
