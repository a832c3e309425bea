"""Bland-Altman analysis: bias and limits of agreement of two readers or two methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.agreement.ratings import (
    ROUNDING,
    SCALES,
    Z95,
    Array,
    Estimate,
    check_above_zero,
    check_not_infinite,
)
from mrbiomarkers.agreement.repeats import repeatability
from mrbiomarkers.checks import check_choice, check_level, check_real_array

_INTERVALS = ("exact", "approximate")


@dataclass(frozen=True, eq=False)
class BlandAltman:
    """What :func:`bland_altman` returns; arrays (...) of the leading shape, NaN where there is no figure.

    On the scale ``"difference"`` figures are in the unit of the measurements, on ``"percent"`` in percent of the mean
    of a pair, on ``"log"`` bias, limits, ``differences`` and the repeatability coefficient are ratios.

    Attributes
    ----------
    scale : str
        ``"difference"``, ``"percent"`` or ``"log"``.
    means, differences : (..., n) array
        Of the pairs: what is plotted. On the log scale the geometric mean and the ratio a / b; NaN where a measurement
        is missing.
    n, n_incomplete : (...) int array
        Pairs used, and pairs left out because a measurement is missing.
    bias : Estimate
        Mean difference.
    sd : (...) array
        Standard deviation of the differences (n - 1); of the logarithm on the log scale.
    lower_limit, upper_limit : Estimate
        Limits between which 95 % of the differences lie.
    within_sd, repeatability_coefficient, cv : Estimate
        As in :class:`~mrbiomarkers.agreement.Repeatability`; the bias is part of them.
    slope : Estimate
        Of the regression of the difference on the mean, per unit of the mean; of the logarithms on the log scale.
    intercept : (...) array
        Difference at mean 0 by this regression.
    slope_p : (...) array
        p of a slope of 0: a small one says that the bias changes with the size, or that one of both spreads more.
    confidence : float
        Level of the intervals.
    interval : str
        ``"exact"`` or ``"approximate"``: how the intervals of the limits were found.
    """

    scale: str
    means: Array
    differences: Array
    n: NDArray[np.int64]
    n_incomplete: NDArray[np.int64]
    bias: Estimate
    sd: Array
    lower_limit: Estimate
    upper_limit: Estimate
    within_sd: Estimate
    repeatability_coefficient: Estimate
    cv: Estimate
    slope: Estimate
    intercept: Array
    slope_p: Array
    confidence: float
    interval: str


def bland_altman(
    a: ArrayLike, b: ArrayLike, *, scale: str = "difference", confidence: float = 0.95, interval: str = "exact"
) -> BlandAltman:
    """Compare two readers or methods on the same subjects: bias, limits of agreement, repeatability.

    Parameters
    ----------
    a, b : (..., n) array_like
        Measurements of n subjects in the same order; differences are a - b. A pair with a missing one (NaN) is left
        out and counted. Leading axes are columns that are treated apart.
    scale : {"difference", "percent", "log"}
        a - b; ``100 (a - b) / mean`` of the pair; or ``ln a - ln b``, given back as the ratio a / b. The last two are
        for differences that grow with the size.
    confidence : float
        Level of the intervals, between 0 and 1. The limits themselves are always those of 95 %.
    interval : {"exact", "approximate"}
        Intervals of the limits: each limit is a percentile of a normal distribution, whose interval is exact by the
        noncentral t distribution; or the symmetric one of Bland and Altman 1999, which is right for large n only.

    Returns
    -------
    BlandAltman

    Raises
    ------
    TypeError
        When the measurements are not real numbers.
    ValueError
        When the shapes differ, there are fewer than two pairs, a value is infinite, a pair's mean (percent) or a value
        (log) is not above 0, or an argument is not one of those allowed.

    Notes
    -----
    The pairs must be independent: with several regions of one subject the intervals are too narrow. The intervals of
    the limits suppose normal differences.

    References
    ----------
    Bland and Altman, Lancet 1986;1:307; Stat Methods Med Res 1999;8:135. Exact intervals: Carkeet, Optom Vis Sci
    2015;92:e71 (limits taken one by one); Shieh, BMC Med Res Methodol 2018;18:45.
    """
    check_choice("scale", scale, SCALES)
    check_choice("interval", interval, _INTERVALS)
    confidence = check_level("confidence", confidence)
    first, second = _pairs(a, b)
    both = np.stack([first, second], axis=-1)
    if scale == "log":
        check_above_zero("a", first, scale)
        check_above_zero("b", second, scale)
    elif scale == "percent":
        check_above_zero("means of a and b", both.mean(axis=-1), scale)
    repeats = repeatability(both, scale=scale, confidence=confidence)
    plotted = np.log(both) if scale == "log" else both
    x = plotted.mean(axis=-1)
    d = plotted[..., 0] - plotted[..., 1]
    # A difference that is the same everywhere must not seem to vary because of rounding.
    floor = ROUNDING * np.nanmax(np.abs(plotted), axis=(-2, -1), initial=1.0 if scale == "log" else 0.0)
    if scale == "percent":
        d = 100 * d / x
        floor = 100 * floor / np.nanmin(x, axis=-1, initial=np.inf)
    n = repeats.n_subjects
    bias, spread = _mean(d, n), np.where(np.isnan(d), 0.0, d - _mean(d, n)[..., None])
    spread = np.where(np.abs(spread) > floor[..., None], spread, 0.0)
    sd = np.where(n > 1, np.sqrt(np.sum(spread**2, axis=-1) / np.maximum(n - 1, 1)), np.nan)
    estimates = _limits(bias, sd, n, confidence, interval)
    slope, p = _slope(x, spread, n, confidence)
    log = scale == "log"
    return BlandAltman(
        scale=scale,
        means=np.exp(x) if log else x,
        differences=np.exp(d) if log else d,
        n=n,
        n_incomplete=repeats.n_incomplete,
        bias=_ratios(estimates[0]) if log else estimates[0],
        sd=sd,
        lower_limit=_ratios(estimates[1]) if log else estimates[1],
        upper_limit=_ratios(estimates[2]) if log else estimates[2],
        within_sd=repeats.within_sd,
        repeatability_coefficient=repeats.coefficient,
        cv=repeats.cv,
        slope=slope,
        intercept=bias - slope.value * _mean(x, n),
        slope_p=p,
        confidence=confidence,
        interval=interval,
    )


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """Return both measurements as float64, NaN in both where one is missing."""
    first = check_real_array("a", a).astype(np.float64)
    second = check_real_array("b", b).astype(np.float64)
    if first.shape != second.shape:
        raise ValueError(f"b: expected the shape of a, {first.shape}, got {second.shape}")
    if first.ndim < 1 or first.shape[-1] < 2:
        raise ValueError(f"a: expected at least two subjects on the last axis, got shape {first.shape}")
    check_not_infinite("a", first)
    check_not_infinite("b", second)
    missing = np.isnan(first) | np.isnan(second)
    return np.where(missing, np.nan, first), np.where(missing, np.nan, second)


def _mean(values: Array, n: NDArray[np.int64]) -> Array:
    """Return the mean over the last axis without NaN; NaN where fewer than two are left."""
    return np.asarray(np.where(n > 1, np.nansum(values, axis=-1) / np.maximum(n, 1), np.nan))


def _limits(
    bias: Array, sd: Array, n: NDArray[np.int64], confidence: float, interval: str
) -> tuple[Estimate, Estimate, Estimate]:
    """Return bias, lower and upper limit with their intervals, in the unit of the differences."""
    from scipy import stats  # late: it takes 0.2 s to load

    tail = (1 - confidence) / 2
    sizes, which = np.unique(np.maximum(n, 2), return_inverse=True)  # one noncentral t for every number of pairs
    t = stats.t.ppf(1 - tail, sizes - 1)
    if interval == "exact":
        shift = Z95 * np.sqrt(sizes)
        with np.errstate(
            divide="ignore"
        ):  # SciPy 1.13 reports a division at one degree of freedom; the result is right
            inner, outer = (stats.nct.ppf(q, sizes - 1, shift) / np.sqrt(sizes) for q in (tail, 1 - tail))
    else:
        half = t * np.sqrt(1 / sizes + Z95**2 / (2 * (sizes - 1)))
        inner, outer = Z95 - half, Z95 + half
    t, inner, outer = (np.asarray(factor)[which].reshape(n.shape) for factor in (t / np.sqrt(sizes), inner, outer))
    return (
        Estimate(bias, bias - t * sd, bias + t * sd),
        Estimate(bias - Z95 * sd, bias - outer * sd, bias - inner * sd),
        Estimate(bias + Z95 * sd, bias + inner * sd, bias + outer * sd),
    )


def _slope(x: Array, spread: Array, n: NDArray[np.int64], confidence: float) -> tuple[Estimate, Array]:
    """Return the slope of the differences on the means, and its p; NaN below three pairs or where all means agree."""
    from scipy import stats  # late: it takes 0.2 s to load

    off = np.where(np.isnan(x), 0.0, x - _mean(x, n)[..., None])
    sxx, sxy, syy = (np.sum(product, axis=-1) for product in (off**2, off * spread, spread**2))
    size = np.nanmax(np.abs(x), axis=-1, initial=0.0)
    df = np.where((n > 2) & (sxx > n * (ROUNDING * size) ** 2), n - 2.0, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(np.isnan(df), np.nan, sxy / sxx)
        error = np.sqrt(np.maximum(syy - value * sxy, 0.0) / (df * sxx))
        p = np.where(syy > 0, 2 * stats.t.sf(np.abs(value) / error, df), np.where(np.isnan(df), np.nan, 1.0))
    half = stats.t.ppf((1 + confidence) / 2, df) * error
    return Estimate(value, value - half, value + half), np.asarray(p)


def _ratios(estimate: Estimate) -> Estimate:
    return Estimate(np.exp(estimate.value), np.exp(estimate.ci_low), np.exp(estimate.ci_high))
