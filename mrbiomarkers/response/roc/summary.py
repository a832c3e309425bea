"""Everything of one score: area, curve, cut-off and what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from mrbiomarkers.response.labels import Label
from mrbiomarkers.response.roc.area import AucResult, auc
from mrbiomarkers.response.roc.curve import RocCurve, roc_curve
from mrbiomarkers.response.roc.cutoffs import Cutoff, find_cutoff
from mrbiomarkers.response.roc.performance import Performance, apply_cutoff


@dataclass(frozen=True, eq=False)
class RocSummary:
    """What :func:`roc_summary` returns.

    Attributes
    ----------
    name : str
        Of the score.
    area : AucResult
        The area under the curve.
    curve : RocCurve
        The curve.
    cutoff : Cutoff
        Found in these patients, or given.
    performance : Performance
        Of the cut-off in these patients.
    """

    name: str
    area: AucResult
    curve: RocCurve
    cutoff: Cutoff
    performance: Performance

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know of these figures."""
        return tuple(dict.fromkeys((*self.area.warnings, *self.cutoff.warnings, *self.performance.warnings)))

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        row = {"score": self.name, **self.area.record(), **self.performance.record()}
        return row | {"n_equal_cutoffs": self.cutoff.n_equal, "warnings": "; ".join(self.warnings)}


def roc_summary(
    outcome: Sequence[Any] | ArrayLike,
    score: Sequence[Any] | ArrayLike,
    *,
    name: str = "score",
    positive: Label | None = None,
    direction: str = "higher",
    cutoff: Cutoff | None = None,
    rule: str = "youden",
    target: float | None = None,
    data: str = "training",
    auc_interval: str = "logit-delong",
    interval: str = "clopper-pearson",
    confidence: float = 0.95,
    band: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> RocSummary:
    """Return area, curve, cut-off, and sensitivity to accuracy at this cut-off.

    Parameters
    ----------
    outcome : (n,) sequence
        Two classes; None, NaN and empty text are missing.
    score : (n,) sequence
        NaN is missing; such patients are left out and counted.
    name : str
        Of the score.
    positive : str, int or float, optional
        The positive class; may be left out for 0/1.
    direction : {"higher", "lower", "auto"}
        Which scores speak for the positive class. With a cut-off given its positive class and direction hold.
    cutoff : Cutoff, optional
        Found in other patients, applied unchanged. Without one it is found here.
    rule, target
        How it is found: as in :func:`find_cutoff`.
    data : str
        Name of these patients.
    auc_interval : {"logit-delong", "delong", "bootstrap"}
        As in :func:`auc`.
    interval : {"clopper-pearson", "wilson"}
        Of sensitivity, specificity, predictive values and accuracy.
    confidence : float
        Level of all intervals.
    band : bool
        Find a band of the curve.
    resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes, or an argument is not allowed.
    """
    if cutoff is not None:
        positive, direction = cutoff.scores.positive, cutoff.scores.direction
    area = auc(
        outcome,
        score,
        positive=positive,
        direction=direction,
        interval=auc_interval,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    positive, direction = area.scores.positive, area.scores.direction
    used = cutoff
    if used is None:
        used = find_cutoff(
            outcome, score, rule=rule, target=target, source=data, positive=positive, direction=direction
        )
    curve = roc_curve(
        outcome,
        score,
        band=band,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        positive=positive,
        direction=direction,
    )
    reached = apply_cutoff(used, outcome, score, data=data, confidence=confidence, interval=interval)
    return RocSummary(name, area, curve, used, reached)
