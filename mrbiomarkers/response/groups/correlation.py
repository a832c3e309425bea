"""Correlation of two figures: Pearson, Spearman, and partial, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mrbiomarkers.checks import check_choice, check_level
from mrbiomarkers.response.groups.normality import normality
from mrbiomarkers.response.intervals import Estimate
from mrbiomarkers.response.labels import read_numbers

Array = NDArray[np.float64]
_METHODS = ("auto", "pearson", "spearman")


@dataclass(frozen=True)
class Correlation:
    """What :func:`correlate` returns.

    Attributes
    ----------
    test : str
        Its name, with what was held constant.
    estimate : Estimate
        The coefficient with its interval.
    t, df, p : float
        Test of no correlation, two-sided.
    n, n_missing : int
        Patients used, and patients left out because a value is missing.
    reason : str
        Why this coefficient was taken.
    warnings : tuple of str
        What a reader has to know of these figures.
    """

    test: str
    estimate: Estimate
    t: float
    df: float
    p: float
    n: int
    n_missing: int
    reason: str = ""
    warnings: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        row: dict[str, Any] = {"test": self.test, **self.estimate.record("r"), "t": self.t, "df": self.df, "p": self.p}
        row |= {"n": self.n, "n_missing": self.n_missing, "reason": self.reason}
        return row | {"warnings": "; ".join(self.warnings)}


def correlate(
    x: Sequence[Any] | ArrayLike,
    y: Sequence[Any] | ArrayLike,
    *,
    method: str = "auto",
    constant: Mapping[str, Sequence[Any] | ArrayLike] | None = None,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> Correlation:
    """Return the correlation of two figures of the same patients.

    Parameters
    ----------
    x, y : (n,) sequence
        A patient who lacks one value is left out and counted.
    method : {"auto", "pearson", "spearman"}
        ``"auto"``: Pearson when both are normal by Shapiro and Wilk, otherwise Spearman.
    constant : mapping of str to (n,) sequence, optional
        Figures held constant: the partial correlation, of ranks with Spearman.
    alpha : float
        Level of the tests of normality.
    confidence : float
        Level of the interval.

    Returns
    -------
    Correlation
        The interval is Fisher's; of Spearman with the standard error of Bonett and Wright. p is by Student's t.

    Raises
    ------
    ValueError
        When lengths differ, a value is text or infinite, there are too few patients, a figure does not vary or is a
        linear combination of the others, or an argument is not allowed.

    References
    ----------
    Fisher, Metron 1921;1:3 and 1924;3:329 (partial). Bonett and Wright, Psychometrika 2000;65:23.
    """
    check_choice("method", method, _METHODS)
    check_level("alpha", alpha)
    level = check_level("confidence", confidence)
    held = dict(constant or {})
    columns = {"x": read_numbers("x", x), "y": read_numbers("y", y)}
    columns |= {f"constant {name!r}": read_numbers(name, values) for name, values in held.items()}
    values, missing = _complete(columns)
    used, reason = method, "asked for"
    if method == "auto":
        looked = [normality(column, alpha=alpha) for column in values[:2]]
        used = "pearson" if all(one.normal for one in looked) else "spearman"
        reason = f"x: {looked[0].text}; y: {looked[1].text}"
    ranked = np.array([stats.rankdata(column) for column in values]) if used == "spearman" else values
    r, n, k = _partial(ranked), values.shape[1], len(held)
    df = n - 2.0 - k
    t = r * math.sqrt(df / (1 - r * r)) if abs(r) < 1 else math.copysign(math.inf, r)
    spread = (1 + r * r / 2) if used == "spearman" else 1.0
    low, high = _interval(r, spread / (df - 1), level)
    name = "Pearson correlation" if used == "pearson" else "Spearman rank correlation"
    if held:
        name = f"partial {name}, held constant: {', '.join(held)}"
    how = "Fisher z, Bonett-Wright" if used == "spearman" else "Fisher z"
    warnings = (f"{missing} patients are left out: a value is missing",) if missing else ()
    estimate = Estimate("correlation", r, low, high, level, how)
    p = float(2 * stats.t.sf(abs(t), df))
    return Correlation(name, estimate, t, df, p, n, missing, reason, warnings)


def _complete(columns: Mapping[str, Array]) -> tuple[Array, int]:
    """Return the columns of patients who lack nothing, and how many others there are."""
    n = columns["x"].size
    for name, column in columns.items():
        if column.size != n:
            raise ValueError(f"{name}: expected {n} values, one for each patient, got {column.size}")
    stacked = np.array(list(columns.values()))
    known = ~np.isnan(stacked).any(axis=0)
    values = stacked[:, known]
    least = len(columns) + 2
    if values.shape[1] < least:
        raise ValueError(f"x: expected at least {least} patients with all values, got {values.shape[1]}")
    for name, column in zip(columns, values, strict=True):
        if np.ptp(column) <= 1e-12 * np.abs(column).max():
            raise ValueError(f"{name}: it does not vary among the {column.size} patients with all values")
    return values, n - values.shape[1]


def _partial(values: Array) -> float:
    """Return the correlation of the first two rows after the others are taken out of both."""
    centred = values - values.mean(axis=1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    if len(values) > 2:
        others = centred[2:].T
        coefficients = np.linalg.lstsq(others, centred[:2].T, rcond=None)[0]
        rest = centred[:2].T - others @ coefficients
        lengths = np.linalg.norm(rest, axis=0)
        if lengths.min() < 1e-9:
            raise ValueError("constant: x or y is a linear combination of these figures")
        centred = (rest / lengths).T
    return float(np.clip(centred[0] @ centred[1], -1.0, 1.0))


def _interval(r: float, variance: float, confidence: float) -> tuple[float, float]:
    if abs(r) >= 1 - 1e-15:
        return r, r
    half = float(stats.norm.ppf((1 + confidence) / 2)) * math.sqrt(variance)
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
