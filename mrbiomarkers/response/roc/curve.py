"""The ROC curve and its band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.checks import check_level
from mrbiomarkers.response.intervals import check_count
from mrbiomarkers.response.labels import Label
from mrbiomarkers.response.roc.counted import at_specificity, rates, resampled, tally
from mrbiomarkers.response.roc.scores import Array, ClassScores, class_scores


@dataclass(frozen=True, eq=False)
class RocCurve:
    """What :func:`roc_curve` returns.

    Attributes
    ----------
    scores : ClassScores
        Classes, direction and numbers of patients.
    thresholds : (k + 1,) array
        Cut-offs in the unit of the score: midway between neighbouring scores, and infinite at both ends. Positive is a
        score at or beyond the cut-off, in the direction of the scores.
    sensitivity, specificity : (k + 1,) array
        At these cut-offs, from the strictest one (sensitivity 0) to the loosest (sensitivity 1).
    band_specificity, band_low, band_high : (q,) array
        Where a band was asked for: of the sensitivity, point by point; not for the whole curve at once.
    band : str
        How the band was found; empty without one.
    """

    scores: ClassScores
    thresholds: Array
    sensitivity: Array
    specificity: Array
    band_specificity: Array
    band_low: Array
    band_high: Array
    band: str = ""

    def records(self) -> list[dict[str, Any]]:
        """Return one row for every cut-off, by column."""
        columns = (self.thresholds, self.sensitivity, self.specificity)
        return [
            {"threshold": float(t), "sensitivity": float(se), "specificity": float(sp)}
            for t, se, sp in zip(*columns, strict=True)
        ]

    def band_records(self) -> list[dict[str, Any]]:
        """Return one row for every point of the band, by column; none without a band."""
        columns = (self.band_specificity, self.band_low, self.band_high)
        return [
            {"specificity": float(sp), "sensitivity_low": float(low), "sensitivity_high": float(high)}
            for sp, low, high in zip(*columns, strict=True)
        ]


def roc_curve(
    outcome: Sequence[Any] | ArrayLike,
    score: Sequence[Any] | ArrayLike,
    *,
    positive: Label | None = None,
    direction: str = "higher",
    band: bool = False,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> RocCurve:
    """Return the empirical ROC curve, with a band for its sensitivity when asked.

    Parameters
    ----------
    outcome : (n,) sequence
        Two classes; None, NaN and empty text are missing.
    score : (n,) sequence
        NaN is missing; such patients are left out and counted.
    positive : str, int or float, optional
        The positive class; may be left out for 0/1.
    direction : {"higher", "lower", "auto"}
        Which scores speak for the positive class.
    band : bool
        Find a band of the sensitivity at specificities 0, 0.01 ... 1: percentiles of curves whose patients are drawn
        again within each class.
    confidence : float
        Level of the band.
    resamples, seed : int
        Number of curves drawn, and seed of the draw.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes, or an argument is not allowed.
    """
    level = check_level("confidence", confidence)
    check_count("resamples", resamples, least=100)
    scores = class_scores(outcome, score, positive=positive, direction=direction)
    values, m, n = tally(scores)
    cut = np.concatenate([[np.inf], (values[:0:-1] + values[-2::-1]) / 2, [-np.inf]])
    sensitivity, specificity = rates(m, n)
    grid = low = high = np.empty(0)
    text = ""
    if band:
        grid = np.linspace(0, 1, 101)
        drawn = [at_specificity(*rates(a, b), grid) for a, b in resampled(m, n, resamples, seed)]
        tails = ((1 - level) / 2, (1 + level) / 2)
        low, high = np.quantile(np.concatenate(drawn), tails, axis=0)
        text = f"{100 * level:g} % stratified bootstrap percentiles, pointwise, {resamples} resamples, seed {seed}"
    return RocCurve(scores, scores.sign * cut, sensitivity, specificity, grid, low, high, text)
