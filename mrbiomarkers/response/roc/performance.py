"""Sensitivity, specificity, predictive values and accuracy with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mrbiomarkers.response.intervals import Estimate, check_count, proportion
from mrbiomarkers.response.labels import read_labels
from mrbiomarkers.response.roc.cutoffs import Cutoff

_FIGURES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")


@dataclass(frozen=True)
class Performance:
    """What :func:`apply_cutoff` and :func:`performance_from_counts` return.

    Attributes
    ----------
    true_positive, false_positive, false_negative, true_negative : int
        Patients.
    sensitivity, specificity, ppv, npv, accuracy : Estimate
        NaN where nobody is in the denominator. The predictive values hold for the share of positives of these patients
        only.
    data : str
        Name of the patients.
    cutoff : Cutoff, optional
        The cut-off that was applied.
    n_missing : int
        Patients left out because outcome or score is missing.
    warnings : tuple of str
        What a reader has to know of these figures.
    """

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    accuracy: Estimate
    data: str = ""
    cutoff: Cutoff | None = None
    n_missing: int = 0
    warnings: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        row: dict[str, Any] = {"data": self.data, "n_missing": self.n_missing}
        if self.cutoff is not None:
            row |= {"cutoff": self.cutoff.value, "cutoff_text": self.cutoff.text}
            row |= {"rule": self.cutoff.rule, "source": self.cutoff.source}
        names = ("true_positive", "false_positive", "false_negative", "true_negative")
        row |= {name: getattr(self, name) for name in names}
        for name in _FIGURES:
            row |= getattr(self, name).record(name)
        return row | {"warnings": "; ".join(self.warnings)}


def performance_from_counts(
    true_positive: int,
    false_positive: int,
    false_negative: int,
    true_negative: int,
    *,
    confidence: float = 0.95,
    interval: str = "clopper-pearson",
    data: str = "",
) -> Performance:
    """Return the figures of a two-by-two table.

    Parameters
    ----------
    true_positive, false_positive, false_negative, true_negative : int
        Patients, each 0 or more.
    confidence : float
        Level of the intervals.
    interval : {"clopper-pearson", "wilson"}
        As in :func:`~mrbiomarkers.response.intervals.proportion`.
    data : str
        Name of the patients.

    Raises
    ------
    ValueError
        When a count is not a whole number of 0 or more, all are 0, or another argument is not allowed.
    """
    names = ("true_positive", "false_positive", "false_negative", "true_negative")
    given = (true_positive, false_positive, false_negative, true_negative)
    tp, fp, fn, tn = (check_count(name, count) for name, count in zip(names, given, strict=True))
    if tp + fp + fn + tn == 0:
        raise ValueError("true_positive: expected at least one patient in the table, got none")
    pairs = ((tp, tp + fn), (tn, tn + fp), (tp, tp + fp), (tn, tn + fn), (tp + tn, tp + fp + fn + tn))
    sensitivity, specificity, ppv, npv, accuracy = (
        proportion(k, n, confidence=confidence, interval=interval, name=name)
        for name, (k, n) in zip(_FIGURES, pairs, strict=True)
    )
    return Performance(tp, fp, fn, tn, sensitivity, specificity, ppv, npv, accuracy, data=data)


def apply_cutoff(
    cutoff: Cutoff,
    outcome: Sequence[Any] | ArrayLike,
    score: Sequence[Any] | ArrayLike,
    *,
    data: str = "test",
    confidence: float = 0.95,
    interval: str = "clopper-pearson",
) -> Performance:
    """Apply a cut-off unchanged and return how well it divides these patients.

    Parameters
    ----------
    cutoff : Cutoff
        Of :func:`~mrbiomarkers.response.roc.find_cutoff`; positive class and direction are its own.
    outcome : (n,) sequence
        The classes in which the cut-off was found; None, NaN and empty text are missing. One class alone will do.
    score : (n,) sequence
        NaN is missing; such patients are left out and counted.
    data : str
        Name of these patients. Where it is the source of the cut-off the result warns that its figures are too good.
    confidence, interval
        As in :func:`performance_from_counts`.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, no patient has both values, the outcome has another class, or
        an argument is not allowed.
    """
    labels = read_labels("outcome", outcome)
    found = cutoff.apply(score)
    if found.shape != (len(labels),):
        raise ValueError(f"score: expected {len(labels)} values, one for each outcome, got shape {found.shape}")
    classes = (cutoff.scores.positive, cutoff.scores.negative)
    others = sorted({str(label) for label in labels if label is not None and label not in classes})
    if others:
        raise ValueError(f"outcome: the cut-off is for {classes[0]!r} and {classes[1]!r}; got {', '.join(others)} too")
    known = np.array([label is not None for label in labels], dtype=np.bool_) & ~np.isnan(found)
    if not known.any():
        raise ValueError("score: expected at least one patient with outcome and score, got none")
    truth = np.array([label == classes[0] for label in labels], dtype=np.bool_)[known]
    called = found[known] == 1
    counts = [int(np.count_nonzero(x)) for x in (truth & called, ~truth & called, truth & ~called, ~truth & ~called)]
    result = performance_from_counts(*counts, confidence=confidence, interval=interval, data=data)
    missing, lines = int(np.count_nonzero(~known)), []
    if missing:
        lines.append(f"{missing} patients are left out: outcome or score is missing")
    if data == cutoff.source:
        lines.append("the cut-off was found in the same patients: these figures are too good")
    return replace(result, cutoff=cutoff, n_missing=missing, warnings=tuple(lines))
