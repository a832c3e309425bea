"""Logistic regression as papers print it: the univariable screen and the multivariable table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, norm

from mrbiomarkers.checks import check_choice, check_level
from mrbiomarkers.response.logistic_fit import LogisticFit, Separation, find_separation, fit_logistic, profile_interval
from mrbiomarkers.response.logistic_size import SampleSize, sample_size, variance_inflation
from mrbiomarkers.response.model_columns import Array, check_columns, check_outcome, listed

_METHODS = ("auto", "maximum likelihood", "firth")
_INTERVALS = ("wald", "profile")
_HIGH_VIF = 5.0


@dataclass(frozen=True)
class LogisticTerm:
    """One line of a logistic table.

    Attributes
    ----------
    variable : str
    b, se : float
        Coefficient per 1 of the variable, and its standard error.
    wald, p : float
        ``(B / SE)^2`` with one degree of freedom, and its P.
    lr, lr_p : float
        Likelihood ratio chi-square of leaving the variable out, and its P; of the penalised likelihood with Firth.
    unit : float
        Step of the variable that the odds ratio is for.
    odds_ratio, ci_low, ci_high : float
        Per ``unit``. All four are NaN for the intercept.
    sd : float
        Standard deviation (n - 1) of the variable.
    sd_odds_ratio, sd_ci_low, sd_ci_high : float
        Per ``sd``.
    vif : float
        Variance inflation factor among the variables of the model.
    separated : bool
        True when maximum likelihood has no finite estimate.
    """

    variable: str
    b: float
    se: float
    wald: float
    p: float
    lr: float = float("nan")
    lr_p: float = float("nan")
    unit: float = float("nan")
    odds_ratio: float = float("nan")
    ci_low: float = float("nan")
    ci_high: float = float("nan")
    sd: float = float("nan")
    sd_odds_ratio: float = float("nan")
    sd_ci_low: float = float("nan")
    sd_ci_high: float = float("nan")
    vif: float = float("nan")
    separated: bool = False


@dataclass(frozen=True, eq=False)
class LogisticTable:
    """What :func:`logistic_table` returns.

    Attributes
    ----------
    terms : tuple of LogisticTerm
        One for each variable.
    intercept : LogisticTerm
    method : str
        Fit, tests and intervals in words.
    positive : str
        The class whose probability is modelled.
    n, n_events, n_missing : int
        Patients used, those of the positive class among them, and patients left out because a value is missing.
    chi2, df, p : float, int, float
        Likelihood ratio test of the whole model.
    log_likelihood, nagelkerke_r2 : float
        Penalised likelihood with Firth; R2 is NaN then.
    separation : str
        ``"none"``, ``"quasi-complete"`` or ``"complete"``.
    confidence : float
        Level of the intervals.
    size : SampleSize
    equation : str
        The model in full.
    warnings : tuple of str
        What a reader has to know.
    """

    terms: tuple[LogisticTerm, ...]
    intercept: LogisticTerm
    method: str
    positive: str
    n: int
    n_events: int
    n_missing: int
    chi2: float
    df: int
    p: float
    log_likelihood: float
    nagelkerke_r2: float
    separation: str
    confidence: float
    size: SampleSize
    equation: str
    warnings: tuple[str, ...] = ()

    def predict(self, columns: Mapping[str, ArrayLike]) -> Array:
        """Return the probability of the positive class (m,); NaN where a value is missing."""
        logit: Array = np.asarray(self.intercept.b)
        for term in self.terms:
            if term.variable not in columns:
                raise ValueError(f"columns: expected the variables of the model, without {term.variable!r}")
            logit = logit + term.b * np.asarray(columns[term.variable], dtype=np.float64)
        return np.asarray(1 / (1 + np.exp(-np.clip(logit, -700, 700))))

    def records(self) -> list[dict[str, Any]]:
        """Return one row for each variable and one for the intercept."""
        model = {
            "method": self.method,
            "positive": self.positive,
            "n": self.n,
            "n_events": self.n_events,
            "n_missing": self.n_missing,
            "confidence": self.confidence,
            "separation": self.separation,
        }
        return [{**term.__dict__, **model} for term in (*self.terms, self.intercept)]


def logistic_table(
    columns: Mapping[str, ArrayLike],
    outcome: ArrayLike,
    *,
    positive: Any = None,
    units: Mapping[str, float] | None = None,
    method: str = "auto",
    interval: str | None = None,
    confidence: float = 0.95,
    n_candidates: int | None = None,
) -> LogisticTable:
    """Fit one logistic model of all variables: B, SE, Wald, P, odds ratios with intervals, likelihood ratio P.

    Parameters
    ----------
    columns : mapping of str to (n,) array_like
        Variables as numbers; NaN where missing. A patient with a missing value is left out and counted.
    outcome : (n,) array_like
        Two classes; a patient without one is left out and counted.
    positive : optional
        The class that is modelled; may be left out when the outcome is 0 and 1.
    units : mapping of str to float, optional
        The step an odds ratio is for, by variable; 1 where not said.
    method : {"auto", "maximum likelihood", "firth"}
        ``"auto"``: maximum likelihood, or Firth's penalised likelihood when the classes are separated.
    interval : {"wald", "profile"}, optional
        By default Wald with maximum likelihood, profile likelihood with Firth.
    confidence : float
        Level of the intervals.
    n_candidates : int, optional
        Variables that were tried, those left out by a screen with them; by default those of the model.

    Returns
    -------
    LogisticTable

    Raises
    ------
    TypeError
        When a column is not of real numbers.
    ValueError
        When the outcome has not two classes, a variable does not vary or follows from others among the patients
        without missing values, there are not more patients than coefficients, a unit is not above 0 or names no
        variable, or the classes are separated and ``method`` is ``"maximum likelihood"``.

    Notes
    -----
    With Firth the P of the likelihood ratio is to be preferred to that of Wald.

    References
    ----------
    Hosmer and Lemeshow, Applied Logistic Regression. Heinze and Schemper, Stat Med 2002;21:2409 (separation, Firth).
    """
    check_choice("method", method, _METHODS)
    if interval is not None:
        check_choice("interval", interval, _INTERVALS)
    confidence = check_level("confidence", confidence)
    y, event = check_outcome(outcome, positive)
    x, names = check_columns("columns", columns, y.size)
    steps = _checked_units(units, names)
    complete = ~(np.isnan(x).any(axis=1) | np.isnan(y))
    n_missing = int((~complete).sum())
    x, y = x[complete], y[complete]
    _check_model(x, y, names)
    separation = find_separation(x, y)
    if separation.kind != "none" and method == "maximum likelihood":
        raise ValueError(f"columns: {separation.kind} separation of the classes has no maximum likelihood; use firth")
    firth = method == "firth" or separation.kind != "none"
    fit = fit_logistic(x, y, firth=firth)
    kind = interval or ("profile" if firth else "wald")
    vifs = variance_inflation(x)
    terms = tuple(
        _term(j, name, (x, y), fit, separation, (steps[j], float(vifs[j])), (kind, confidence))
        for j, name in enumerate(names)
    )
    total, null = _whole_model(x, y, fit)
    size = sample_size(y.size, int(y.sum()), max(n_candidates or 0, len(names)))
    fit_name = "Firth's penalised likelihood" if firth else "maximum likelihood"
    test = "penalised likelihood ratio" if firth else "likelihood ratio"
    r2 = (1 - np.exp(-total / y.size)) / (1 - np.exp(2 * null / y.size))
    return LogisticTable(
        terms=terms,
        intercept=_intercept(fit, bool(separation.variables[0])),
        method=f"logistic regression, {fit_name}; Wald and {test} test; {kind} interval",
        positive=event,
        n=y.size,
        n_events=int(y.sum()),
        n_missing=n_missing,
        chi2=total,
        df=len(names),
        p=float(chi2.sf(total, len(names))),
        log_likelihood=fit.log_likelihood,
        nagelkerke_r2=float("nan") if firth else float(r2),
        separation=separation.kind,
        confidence=confidence,
        size=size,
        equation=_equation(fit, names, event),
        warnings=_warnings(fit, separation, names, n_missing, size, terms),
    )


def univariable_screen(
    columns: Mapping[str, ArrayLike],
    outcome: ArrayLike,
    *,
    positive: Any = None,
    units: Mapping[str, float] | None = None,
    method: str = "auto",
    interval: str | None = None,
    confidence: float = 0.95,
) -> tuple[LogisticTable, ...]:
    """Fit a model of its own for each variable: arguments, answers and errors as in :func:`logistic_table`.

    Each model uses all patients that have this variable; its ``n`` and ``n_missing`` say how many. The sample size
    statement of each counts all variables of the screen as candidates.
    """
    _checked_units(units, tuple(columns))
    return tuple(
        logistic_table(
            {name: column},
            outcome,
            positive=positive,
            units={name: units[name]} if units and name in units else None,
            method=method,
            interval=interval,
            confidence=confidence,
            n_candidates=len(columns),
        )
        for name, column in columns.items()
    )


def _checked_units(units: Mapping[str, float] | None, names: tuple[str, ...]) -> list[float]:
    given = dict(units or {})
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ValueError(f"units: expected names of columns, got {listed(unknown)}")
    for name, value in given.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"units[{name!r}]: expected a number above 0, got {value}")
    return [float(given.get(name, 1.0)) for name in names]


def _check_model(x: Array, y: Array, names: tuple[str, ...]) -> None:
    """Refuse what has no model: one class left, too few patients, constant or dependent variables."""
    if y.size == 0 or np.ptp(y) == 0:
        raise ValueError(f"outcome: expected both classes among the {y.size} patients without missing values")
    if y.size <= len(names) + 1:
        raise ValueError(f"columns: expected more than {len(names) + 1} patients without missing values, got {y.size}")
    vif = variance_inflation(x)
    constant = [names[j] for j in np.flatnonzero(np.isnan(vif))]
    if constant:
        raise ValueError(f"columns: expected variables that vary; constant without missing values: {listed(constant)}")
    dependent = [names[j] for j in np.flatnonzero(np.isinf(vif))]
    if dependent:
        raise ValueError(f"columns: expected variables that do not follow from each other; do: {listed(dependent)}")


def _term(
    j: int,
    name: str,
    data: tuple[Array, Array],
    fit: LogisticFit,
    separation: Separation,
    unit_vif: tuple[float, float],
    interval: tuple[str, float],
) -> LogisticTerm:
    """Return the line of one variable."""
    (x, y), (unit, vif), (kind, confidence) = data, unit_vif, interval
    b, se = float(fit.coefficients[j + 1]), float(np.sqrt(fit.covariance[j + 1, j + 1]))
    if kind == "profile":
        low, high = profile_interval(x, y, fit, j + 1, confidence)
    else:
        half = float(norm.ppf((1 + confidence) / 2)) * se
        low, high = b - half, b + half
    lr = _likelihood_ratio(x, y, fit, [j + 1])
    sd = float(x[:, j].std(ddof=1))
    # too large for a number: infinite
    with np.errstate(over="ignore"):
        ratios = [float(np.exp(np.float64(value * step))) for step in (unit, sd) for value in (b, low, high)]
    return LogisticTerm(
        variable=name,
        b=b,
        se=se,
        wald=(b / se) ** 2,
        p=float(chi2.sf((b / se) ** 2, 1)),
        lr=lr,
        lr_p=float(chi2.sf(lr, 1)),
        unit=unit,
        odds_ratio=ratios[0],
        ci_low=ratios[1],
        ci_high=ratios[2],
        sd=sd,
        sd_odds_ratio=ratios[3],
        sd_ci_low=ratios[4],
        sd_ci_high=ratios[5],
        vif=vif,
        separated=bool(separation.variables[j + 1]),
    )


def _intercept(fit: LogisticFit, separated: bool) -> LogisticTerm:
    b, se = float(fit.coefficients[0]), float(np.sqrt(fit.covariance[0, 0]))
    wald = (b / se) ** 2
    return LogisticTerm("(intercept)", b, se, wald, float(chi2.sf(wald, 1)), separated=separated)


def _likelihood_ratio(x: Array, y: Array, fit: LogisticFit, indices: list[int]) -> float:
    held = fit_logistic(x, y, firth=fit.firth, fixed=dict.fromkeys(indices, 0.0))
    return max(2 * (fit.log_likelihood - held.log_likelihood), 0.0)


def _whole_model(x: Array, y: Array, fit: LogisticFit) -> tuple[float, float]:
    """Return the likelihood ratio chi-square of the model, and the log-likelihood without variables."""
    rate = y.mean()
    null = float(y.size * (rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))
    return _likelihood_ratio(x, y, fit, list(range(1, x.shape[1] + 1))), null


def _equation(fit: LogisticFit, names: tuple[str, ...], event: str) -> str:
    parts = [
        f"{'-' if b < 0 else '+'} {abs(b):.6g} x {name}" for b, name in zip(fit.coefficients[1:], names, strict=True)
    ]
    return f"probability of {event} = 1 / (1 + exp(-z)), z = {fit.coefficients[0]:.6g} {' '.join(parts)}"


def _warnings(
    fit: LogisticFit,
    separation: Separation,
    names: tuple[str, ...],
    n_missing: int,
    size: SampleSize,
    terms: tuple[LogisticTerm, ...],
) -> tuple[str, ...]:
    found = []
    if n_missing:
        found.append(f"{n_missing} patients are left out: outcome or a variable is missing")
    if not fit.converged:
        found.append("the maximum of the likelihood was not reached: do not use these figures")
    if separation.kind != "none":
        cause = [name for name, alone in zip(names, separation.variables[1:], strict=True) if alone]
        found.append(
            f"{separation.kind} separation ({listed(cause) or 'intercept'}): maximum likelihood has no finite answer, "
            "Firth's penalised likelihood was used"
        )
    if size.events_per_variable < 10:
        found.append(f"{size.events_per_variable:.1f} events per variable: fewer than 10, expect an overfitted model")
    high = [f"{term.variable} ({term.vif:.1f})" for term in terms if term.vif > _HIGH_VIF]
    if high:
        found.append(f"collinear, variance inflation above {_HIGH_VIF:g}: {listed(high)}")
    return tuple(found)
