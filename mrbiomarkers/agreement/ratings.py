"""Checks of ratings, and what intraclass correlation, limits of agreement and repeatability share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array

Array = NDArray[np.float64]

SCALES = ("difference", "percent", "log")
Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""
ROUNDING = 8 * np.finfo(np.float64).eps
"""Share of the largest rating below which a deviation is rounding."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A figure with its confidence interval.

    Attributes
    ----------
    value, ci_low, ci_high : (...) array
        NaN where there is none.
    """

    value: Array
    ci_low: Array
    ci_high: Array


def check_ratings(name: str, value: ArrayLike, columns: str) -> Array:
    """Return ratings (..., n, k) as float64 after checking them.

    Parameters
    ----------
    name : str
        Argument name for the message.
    value : (..., n, k) array_like
        Subjects on the last axis but one; NaN where a rating is missing.
    columns : str
        What the last axis counts, for the message.

    Raises
    ------
    TypeError
        When the array is complex or not numeric.
    ValueError
        When there are fewer than two axes, two subjects or two ratings a subject, or a rating is infinite.
    """
    values = check_real_array(name, value).astype(np.float64)
    if values.ndim < 2:
        raise ValueError(f"{name}: expected shape (..., subjects, {columns}), got {values.shape}")
    if values.shape[-2] < 2:
        raise ValueError(f"{name}: expected at least two subjects, got {values.shape[-2]} (shape {values.shape})")
    if values.shape[-1] < 2:
        raise ValueError(f"{name}: expected at least two {columns}, got {values.shape[-1]} (shape {values.shape})")
    check_not_infinite(name, values)
    return values


def check_not_infinite(name: str, values: Array) -> None:
    """Refuse infinite values; NaN passes, for it marks what is missing.

    Raises
    ------
    ValueError
        When a value is infinite.
    """
    n_infinite = np.count_nonzero(np.isinf(values))
    if n_infinite:
        raise ValueError(f"{name}: expected finite values, or NaN where one is missing; got {n_infinite} infinite")


def check_above_zero(name: str, values: Array, scale: str) -> None:
    """Refuse values at or below 0, which have no logarithm and no percentage.

    Raises
    ------
    ValueError
        When a value is not above 0; NaN passes.
    """
    n_bad = np.count_nonzero(values <= 0)
    if n_bad:
        raise ValueError(
            f"{name}: expected values above 0 for the scale {scale!r}, got {n_bad} at or below 0 "
            f"(lowest {np.nanmin(values):g})"
        )


def spread_estimate(sd: Array, df: NDArray[Any], confidence: float) -> Estimate:
    """Return a standard deviation with its confidence interval, which is exact for normal errors.

    ``df sd^2 / sigma^2`` follows a chi-square distribution.

    Parameters
    ----------
    sd : (...) array
        Estimated standard deviation.
    df : (...) array
        Its degrees of freedom.
    confidence : float
        Between 0 and 1.
    """
    from scipy import stats  # late: it takes 0.2 s to load

    degrees = np.where(df > 0, df, np.nan)
    tail = (1 - confidence) / 2
    low = sd * np.sqrt(degrees / stats.chi2.ppf(1 - tail, degrees))
    high = sd * np.sqrt(degrees / stats.chi2.ppf(tail, degrees))
    return Estimate(np.asarray(sd), np.asarray(low), np.asarray(high))
