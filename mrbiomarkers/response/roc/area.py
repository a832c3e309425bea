"""Area under the ROC curve, whole or in part, with its confidence interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats
from scipy.special import expit

from mrbiomarkers.checks import check_choice, check_level
from mrbiomarkers.response.intervals import Estimate, check_count
from mrbiomarkers.response.labels import Label
from mrbiomarkers.response.roc.counted import area_between, rates, resampled, tally
from mrbiomarkers.response.roc.delong import auc_variance
from mrbiomarkers.response.roc.scores import Array, ClassScores, class_scores

_INTERVALS = ("logit-delong", "delong", "bootstrap")
_RANGES = ("specificity", "sensitivity")
_ROUNDING = 1e-12


@dataclass(frozen=True)
class AucResult:
    """What :func:`auc` and :func:`partial_auc` return.

    Attributes
    ----------
    estimate : Estimate
        The area with its interval.
    se : float
        Standard error, by DeLong or of the resampled areas; NaN where there is none.
    scores : ClassScores
        Classes, direction and numbers of patients.
    range : str
        Part of the curve; empty for the whole of it.
    warnings : tuple of str
        What a reader has to know of these figures.
    """

    estimate: Estimate
    se: float
    scores: ClassScores = field(repr=False)  # as long as the table
    range: str = ""
    warnings: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        row: dict[str, Any] = {"figure": self.estimate.name, **self.estimate.record("auc"), "auc_se": self.se}
        return row | {"range": self.range, **self.scores.record(), "warnings": "; ".join(self.warnings)}


def auc(
    outcome: Sequence[Any] | ArrayLike,
    score: Sequence[Any] | ArrayLike,
    *,
    positive: Label | None = None,
    direction: str = "higher",
    interval: str = "logit-delong",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> AucResult:
    """Return the area under the ROC curve with its confidence interval.

    Parameters
    ----------
    outcome : (n,) sequence
        Two classes; None, NaN and empty text are missing.
    score : (n,) sequence
        NaN is missing; such patients are left out and counted.
    positive : str, int or float, optional
        The positive class; may be left out for 0/1.
    direction : {"higher", "lower", "auto"}
        Which scores speak for the positive class; ``"auto"``: the way in which the area is 0.5 or more.
    interval : {"logit-delong", "delong", "bootstrap"}
        DeLong's variance on the logit scale, which stays between 0 and 1 and holds the truth more often in small
        samples; on the plain scale, as pROC prints it; or percentiles of areas whose patients are drawn again within
        each class.
    confidence : float
        Level of the interval, between 0 and 1.
    resamples, seed : int
        Number of resampled areas, and seed of the draw.

    Returns
    -------
    AucResult

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes, or an argument is not allowed.

    Notes
    -----
    DeLong's variance is 0 when a score separates both classes without exception or has one value only, and undefined
    with one patient of a class. The logit interval is then replaced by Newcombe's score interval, and the result says
    so.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837. Logit: Pepe, The Statistical Evaluation of Medical Tests
    for Classification and Prediction, 2003, section 5.2. Score interval: Newcombe, Stat Med 2006;25:559 (method 5).
    """
    check_choice("interval", interval, _INTERVALS)
    level = check_level("confidence", confidence)
    check_count("resamples", resamples, least=100)
    scores = class_scores(outcome, score, positive=positive, direction=direction)
    area, variance = auc_variance(scores.positives, scores.negatives)
    se, warnings = math.sqrt(variance), list(scores.warnings())
    none = not se > _ROUNDING
    method = {"logit-delong": "logit DeLong", "delong": "DeLong"}.get(interval, "")
    if interval == "bootstrap":
        low, high, se = _bootstrap_auc(scores, level, resamples, seed)
        method = f"stratified bootstrap percentiles, {resamples} resamples, seed {seed}"
    elif none and interval == "logit-delong":
        low, high = _score_interval(area, scores.positives.size, scores.negatives.size, level)
        method = "Newcombe score"
        warnings.append("DeLong's variance is 0 or undefined here: the interval is Newcombe's score interval")
    elif interval == "delong":
        half = stats.norm.ppf((1 + level) / 2) * se
        low, high = max(area - half, 0.0), min(area + half, 1.0)
    else:
        half = stats.norm.ppf((1 + level) / 2) * se / (area * (1 - area))
        middle = math.log(area / (1 - area))
        low, high = expit(middle - half), expit(middle + half)
    if none and interval != "logit-delong":
        warnings.append("the areas do not vary: this interval says nothing of the precision")
    return AucResult(Estimate("AUC", area, float(low), float(high), level, method), se, scores, "", tuple(warnings))


def partial_auc(
    outcome: Sequence[Any] | ArrayLike,
    score: Sequence[Any] | ArrayLike,
    *,
    bounds: tuple[float, float] = (0.9, 1.0),
    of: str = "specificity",
    corrected: bool = False,
    positive: Label | None = None,
    direction: str = "higher",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> AucResult:
    """Return the area under a part of the ROC curve, with a bootstrap interval.

    Parameters
    ----------
    outcome, score, positive, direction, confidence, resamples, seed
        As in :func:`auc`.
    bounds : tuple of two float
        Range of specificity or sensitivity, from 0 to 1.
    of : {"specificity", "sensitivity"}
        What the bounds are of.
    corrected : bool
        Standardise after McClish, so that chance is 0.5 and the best 1. NaN where the part lies below chance.

    Returns
    -------
    AucResult
        The interval is made of percentiles of curves whose patients are drawn again within each class.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes, or an argument is not allowed.

    References
    ----------
    McClish, Med Decis Making 1989;9:190. Robin et al, BMC Bioinformatics 2011;12:77.
    """
    check_choice("of", of, _RANGES)
    level = check_level("confidence", confidence)
    check_count("resamples", resamples, least=100)
    low, high = (float(end) for end in bounds)
    if not 0 <= low < high <= 1:
        raise ValueError(f"bounds: expected two shares, 0 <= low < high <= 1; got ({low:g}, {high:g})")
    scores = class_scores(outcome, score, positive=positive, direction=direction)
    _, m, n = tally(scores)
    floor = (high - low) * (1 - (low + high) / 2)  # area under the diagonal

    def standardised(area: Array) -> Array:
        if not corrected:
            return area
        return np.where(area >= floor, (1 + (area - floor) / (high - low - floor)) / 2, np.nan)

    area = _part(m, n, low, high, of)
    warnings = list(scores.warnings())
    # the ends are those of the plain area, so that resamples below chance count: the correction keeps their order
    drawn = np.concatenate([_part(a, b, low, high, of) for a, b in resampled(m, n, resamples, seed)])
    ends = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    if corrected and area < floor:
        warnings.append("this part of the curve lies below chance: there is no corrected area")
    elif corrected and ends[0] < floor:
        warnings.append("resampled curves lie below chance: the lower end of the corrected area is not defined")
    name = "partial AUC, McClish" if corrected else "partial AUC"
    method = f"stratified bootstrap percentiles, {resamples} resamples, seed {seed}"
    values = [float(standardised(np.asarray(value))) for value in (area, *ends)]
    factor = 1 / (2 * (high - low - floor)) if corrected else 1.0
    estimate = Estimate(name, values[0], values[1], values[2], level, method)
    return AucResult(estimate, float(drawn.std(ddof=1)) * factor, scores, f"{of} {low:g} to {high:g}", tuple(warnings))


def _part(positives: Array, negatives: Array, low: float, high: float, of: str) -> Array:
    sensitivity, specificity = rates(positives, negatives)
    if of == "sensitivity":
        return area_between(sensitivity, specificity, low, high)
    return area_between(specificity[..., ::-1], sensitivity[..., ::-1], low, high)


def _bootstrap_auc(scores: ClassScores, level: float, resamples: int, seed: int) -> tuple[float, float, float]:
    _, m, n = tally(scores)
    pairs = m.sum() * n.sum()
    drawn = [np.sum(a * (np.cumsum(b, axis=-1) - b / 2), axis=-1) / pairs for a, b in resampled(m, n, resamples, seed)]
    areas = np.concatenate(drawn)
    low, high = np.quantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), float(areas.std(ddof=1))


def _score_interval(area: float, m: int, n: int, level: float) -> tuple[float, float]:
    """Return the areas whose own standard error just reaches the one found (Newcombe's method 5)."""
    z, extra = float(stats.norm.ppf((1 + level) / 2)), (m + n) / 2 - 1

    def gap(truth: float) -> float:
        spread = 1 + extra * (1 - truth) / (2 - truth) + extra * truth / (1 + truth)
        return (area - truth) ** 2 - z**2 * truth * (1 - truth) / (m * n) * spread

    # at 0 and 1 the area found is a root itself: the other one lies beyond this small step
    low = float(optimize.brentq(gap, 0.0, area - 1e-9)) if area > 0 else 0.0
    high = float(optimize.brentq(gap, area + 1e-9, 1.0)) if area < 1 else 1.0
    return low, high
