"""Repeatability: the spread of repeated measurements of the same subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.agreement.ratings import (
    SCALES,
    Z95,
    Array,
    Estimate,
    check_above_zero,
    check_ratings,
    spread_estimate,
)
from mrbiomarkers.checks import check_choice, check_level


@dataclass(frozen=True, eq=False)
class Repeatability:
    """What :func:`repeatability` returns; arrays (...) of the leading shape, NaN where there is no figure.

    Attributes
    ----------
    scale : str
        ``"difference"``, ``"percent"`` or ``"log"``.
    mean : (...) array
        Mean of the subjects' means, in the unit of the ratings; geometric on the log scale.
    within_sd : Estimate
        Within-subject standard deviation: in the unit of the ratings, in percent of the subject's mean, or of the
        natural logarithm.
    coefficient : Estimate
        Repeatability coefficient: two measurements of one subject differ by less in 95 % of cases. On the log scale
        the factor between them.
    cv : Estimate
        Within-subject coefficient of variation [%]; NaN where the mean of a subject is not above 0.
    df : (...) int array
        Degrees of freedom of the within-subject standard deviation.
    n_subjects, n_incomplete : (...) int array
        Subjects with at least two measurements, and subjects left out because they have fewer.
    confidence : float
        Level of the intervals.
    """

    scale: str
    mean: Array
    within_sd: Estimate
    coefficient: Estimate
    cv: Estimate
    df: NDArray[np.int64]
    n_subjects: NDArray[np.int64]
    n_incomplete: NDArray[np.int64]
    confidence: float


def repeatability(ratings: ArrayLike, *, scale: str = "difference", confidence: float = 0.95) -> Repeatability:
    """Return within-subject standard deviation, repeatability coefficient and coefficient of variation.

    The within-subject variance is that of a one-way analysis of variance: the squared deviations from the subjects'
    means over their degrees of freedom. A bias between first and second measurement counts as error.

    Parameters
    ----------
    ratings : (..., n, k) array_like
        Measurements of n subjects, at most k of each; NaN where one is missing. Subjects with one measurement tell
        nothing of repeatability: they are left out and counted. Leading axes are columns that are treated apart.
    scale : {"difference", "percent", "log"}
        Errors of the same size everywhere; in proportion to the subject's mean; or of the logarithm.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Repeatability

    Raises
    ------
    TypeError
        When the ratings are not real numbers.
    ValueError
        When there are fewer than two subjects or measurements, a rating is infinite, a mean of a subject (percent) or
        a rating (log) is not above 0, or an argument is not one of those allowed.

    Notes
    -----
    The coefficient is ``1.96 sqrt(2)`` times the within-subject standard deviation. The coefficient of variation is the
    root of the mean squared ratio of a subject's standard deviation to its mean, and ``sqrt(exp(s^2) - 1)`` on the log
    scale. Intervals are those of chi-square, exact for normal errors on the scale; for percentages, and for the
    coefficient of variation beside the log scale, they are approximate.

    References
    ----------
    Bland and Altman, BMJ 1996;312:1654 and 313:106; Stat Methods Med Res 1999;8:135. Raunig et al., Stat Methods Med
    Res 2015;24:27.
    """
    check_choice("scale", scale, SCALES)
    confidence = check_level("confidence", confidence)
    values = check_ratings("ratings", ratings, "measurements")
    used = np.count_nonzero(~np.isnan(values), axis=-1) > 1
    values = np.where(used[..., None], values, np.nan)
    df = np.asarray(np.count_nonzero(~np.isnan(values), axis=-1).sum(axis=-1) - used.sum(axis=-1))
    means = _mean(values)
    if scale == "log":
        check_above_zero("ratings", values, scale)
        values = np.log(values)
        within = spread_estimate(_within_sd(values, df), df, confidence)
        cv = _each(within, lambda s: 100 * np.sqrt(np.expm1(s**2)))
        coefficient = _each(within, lambda s: np.exp(Z95 * np.sqrt(2) * s))
        mean = np.exp(_mean(_mean(values)))
    else:
        if scale == "percent":
            check_above_zero("means of the subjects in ratings", means, scale)
        relative = 100 * values / np.where(means > 0, means, np.nan)[..., None]
        proportional = np.all(~used | (means > 0), axis=-1)
        cv = spread_estimate(np.where(proportional, _within_sd(relative, df), np.nan), df, confidence)
        within = cv if scale == "percent" else spread_estimate(_within_sd(values, df), df, confidence)
        coefficient = _each(within, lambda s: Z95 * np.sqrt(2) * s)
        mean = _mean(means)
    n = np.asarray(used.sum(axis=-1))
    n_incomplete = np.asarray(values.shape[-2] - n)
    return Repeatability(scale, mean, within, coefficient, cv, df, n, n_incomplete, confidence)


def _mean(values: Array) -> Array:
    """Return the mean over the last axis without NaN; NaN where all is NaN."""
    known = ~np.isnan(values)
    n = known.sum(axis=-1)
    return np.asarray(np.where(n > 0, np.where(known, values, 0.0).sum(axis=-1) / np.maximum(n, 1), np.nan))


def _within_sd(values: Array, df: NDArray[np.int64]) -> Array:
    """Return the root of the mean squared deviation (...) of the values (..., n, k) from the subjects' means."""
    squares = np.nansum((values - _mean(values)[..., None]) ** 2, axis=(-2, -1))
    return np.asarray(np.where(df > 0, np.sqrt(squares / np.maximum(df, 1)), np.nan))


def _each(estimate: Estimate, change: Callable[[Array], Array]) -> Estimate:
    return Estimate(change(estimate.value), change(estimate.ci_low), change(estimate.ci_high))
