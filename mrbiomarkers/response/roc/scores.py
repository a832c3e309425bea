"""Outcome and score of every patient: which class is positive, which way the score points, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice
from mrbiomarkers.response.labels import Label, read_labels, read_numbers, two_classes

Array = NDArray[np.float64]
DIRECTIONS = ("higher", "lower", "auto")


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of the two classes.

    Attributes
    ----------
    positive, negative : str, int or float
        The classes of the outcome.
    direction : str
        ``"higher"``: a higher score speaks for the positive class; ``"lower"``: a lower one.
    chosen : bool
        True when the direction was chosen from the data.
    positives, negatives : (m,), (n,) array
        Scores of both classes, turned so that higher speaks for the positive class.
    n_missing : int
        Patients left out because outcome or score is missing.
    """

    positive: Label
    negative: Label
    direction: str
    chosen: bool
    positives: Array
    negatives: Array
    n_missing: int

    @property
    def sign(self) -> int:
        """1, or -1 where a lower score speaks for the positive class."""
        return 1 if self.direction == "higher" else -1

    def record(self) -> dict[str, Any]:
        """Return classes, direction and numbers of patients by column."""
        return {
            "positive": self.positive,
            "negative": self.negative,
            "direction": f"{self.direction} score: {self.positive}",
            "direction_chosen_from_data": self.chosen,
            "n_positive": self.positives.size,
            "n_negative": self.negatives.size,
            "n_missing": self.n_missing,
        }

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader has to know of these scores."""
        lines = []
        if self.n_missing:
            lines.append(f"{self.n_missing} patients are left out: outcome or score is missing")
        if self.chosen:
            lines.append(f"the direction ({self.direction}) was chosen from the data: the AUC cannot be below 0.5")
        return tuple(lines)


def class_scores(
    outcome: Sequence[Any] | ArrayLike,
    score: Sequence[Any] | ArrayLike,
    *,
    positive: Label | None = None,
    direction: str = "higher",
) -> ClassScores:
    """Divide the scores by class.

    Parameters
    ----------
    outcome : (n,) sequence
        Numbers, booleans or text of exactly two classes; None, NaN and empty text are missing.
    score : (n,) sequence
        Marker or model output; NaN is missing.
    positive : str, int or float, optional
        The positive class. It may be left out for 0/1 or False/True, where it is 1.
    direction : {"higher", "lower", "auto"}
        Which scores speak for the positive class; ``"auto"``: the way in which the AUC is 0.5 or more.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes, or the positive class is not one of
        them or has to be said.
    """
    check_choice("direction", direction, DIRECTIONS)
    labels = read_labels("outcome", outcome)
    values = read_numbers("score", score)
    if values.size != len(labels):
        raise ValueError(f"score: expected {len(labels)} values, one for each outcome, got {values.size}")
    known = np.array([label is not None for label in labels], dtype=np.bool_) & ~np.isnan(values)
    first, second = two_classes([label for label, use in zip(labels, known, strict=True) if use], positive)
    inside = np.array([label == first for label in labels], dtype=np.bool_)
    high, low = values[known & inside], values[known & ~inside]
    way = direction
    if direction == "auto":
        way = "higher" if _wins(high, low) >= 0.5 else "lower"
    sign = 1.0 if way == "higher" else -1.0
    missing = int(np.count_nonzero(~known))
    return ClassScores(first, second, way, direction == "auto", sign * high, sign * low, missing)


def _wins(high: Array, low: Array) -> float:
    """Return the share of pairs in which the first is larger; ties count half."""
    order = np.sort(low)
    below = np.searchsorted(order, high, "left") + np.searchsorted(order, high, "right")
    return float(below.sum() / (2 * high.size * low.size))
