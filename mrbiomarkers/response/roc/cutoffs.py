"""Cut-offs: found in one set of patients, applied unchanged to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.checks import check_choice
from mrbiomarkers.response.labels import Label, read_numbers
from mrbiomarkers.response.roc.counted import rates, tally
from mrbiomarkers.response.roc.scores import Array, ClassScores, class_scores

_RULES = ("youden", "sensitivity", "specificity")
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Cutoff:
    """What :func:`find_cutoff` returns.

    Attributes
    ----------
    value : float
        In the unit of the score.
    rule : str
        How it was found.
    source : str
        In which patients it was found.
    scores : ClassScores
        These patients: classes, direction, numbers.
    sensitivity, specificity : float
        In these patients.
    n_equal : int
        Cut-offs that fulfil the rule equally well; of these the most sensitive one is taken.
    warnings : tuple of str
        What a reader has to know of it.
    """

    value: float
    rule: str
    source: str
    scores: ClassScores
    sensitivity: float
    specificity: float
    n_equal: int = 1
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What makes a patient positive, as ``"score >= 3.2: CR"``."""
        sign = ">=" if self.scores.direction == "higher" else "<="
        return f"score {sign} {self.value:.6g}: {self.scores.positive}"

    def apply(self, score: Sequence[Any] | ArrayLike) -> Array:
        """Return 1 for positive, 0 for negative, NaN where the score is missing.

        Parameters
        ----------
        score : (n,) sequence
            In the unit in which the cut-off was found.

        Raises
        ------
        ValueError
            When a score is text or infinite.
        """
        values = read_numbers("score", score)
        beyond = values >= self.value if self.scores.direction == "higher" else values <= self.value
        return np.where(np.isnan(values), np.nan, beyond.astype(np.float64))

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        row: dict[str, Any] = {"cutoff": self.value, "cutoff_text": self.text, "rule": self.rule, "source": self.source}
        row |= {"sensitivity": self.sensitivity, "specificity": self.specificity, "n_equal": self.n_equal}
        return row | self.scores.record() | {"warnings": "; ".join(self.warnings)}


def find_cutoff(
    outcome: Sequence[Any] | ArrayLike,
    score: Sequence[Any] | ArrayLike,
    *,
    rule: str = "youden",
    target: float | None = None,
    positive: Label | None = None,
    direction: str = "higher",
    source: str = "training",
) -> Cutoff:
    """Find a cut-off of a score.

    It lies midway between neighbouring scores; where the rule asks for all patients to be positive, on the last score.

    Parameters
    ----------
    outcome : (n,) sequence
        Two classes; None, NaN and empty text are missing.
    score : (n,) sequence
        NaN is missing; such patients are left out and counted.
    rule : {"youden", "sensitivity", "specificity"}
        Largest sensitivity + specificity - 1; or the largest specificity that keeps the sensitivity at the target or
        above; or the largest sensitivity that keeps the specificity there.
    target : float, optional
        For the last two rules, above 0 and at most 1.
    positive, direction
        As in :func:`~mrbiomarkers.response.roc.auc`.
    source : str
        Name of these patients, which stays with the cut-off.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes, an argument is not allowed, a
        target is missing or not used, or the score does not vary.

    Notes
    -----
    Sensitivity and specificity in the patients in whom a cut-off was found are too good; :func:`apply_cutoff` gives
    them in others.

    References
    ----------
    Youden, Cancer 1950;3:32.
    """
    check_choice("rule", rule, _RULES)
    goal = _checked_target(rule, target)
    scores = class_scores(outcome, score, positive=positive, direction=direction)
    values, m, n = tally(scores)
    if values.size < 2:
        raise ValueError(f"score: expected at least two different values, got only {scores.sign * values[0]:g}")
    sensitivity, specificity = (rate[1:] for rate in rates(m, n))  # a cut-off above all scores finds nobody
    warnings = list(scores.warnings())
    if rule == "youden":
        index = sensitivity + specificity - 1
        best = np.flatnonzero(index >= index.max() - _ROUNDING)
        if index.max() <= _ROUNDING:
            warnings.append("no cut-off is better than chance (Youden index 0 or below)")
    else:
        held, other = (sensitivity, specificity) if rule == "sensitivity" else (specificity, sensitivity)
        fit = held >= goal - _ROUNDING
        if not fit.any():
            raise ValueError(f"target: no cut-off on a score reaches a {rule} of {goal:g}, the best is {held.max():g}")
        best = np.flatnonzero(fit & (other >= other[fit].max() - _ROUNDING))
    place = int(best[-1])
    ordered = values[::-1]
    value = ordered[place]
    if place + 1 < ordered.size:
        middle = (value + ordered[place + 1]) / 2
        value = middle if middle > ordered[place + 1] else value  # neighbours may have no number between them
    name = {"youden": "largest Youden index"}.get(rule, f"{rule} at least {goal:g}")
    found = (float(sensitivity[place]), float(specificity[place]))
    return Cutoff(float(scores.sign * value), name, source, scores, *found, int(best.size), tuple(warnings))


def _checked_target(rule: str, target: float | None) -> float:
    if rule == "youden":
        if target is not None:
            raise ValueError("target: the rule 'youden' has none")
        return 0.0
    if target is None or not 0 < float(target) <= 1:
        raise ValueError(f"target: expected a {rule} above 0 and at most 1, as 0.9; got {target!r}")
    return float(target)
