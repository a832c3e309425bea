"""DeLong's variance of the area under the curve, and the tests that compare two areas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrbiomarkers.checks import check_choice, check_level
from mrbiomarkers.response.intervals import Estimate
from mrbiomarkers.response.labels import Label, read_labels, read_numbers
from mrbiomarkers.response.roc.scores import Array, ClassScores, class_scores

_ALTERNATIVES = ("two-sided", "greater", "less")
# Differences of two areas below this are rounding: shares of pairs are multiples of 1 / (2 m n).
_ROUNDING = 1e-12


@dataclass(frozen=True)
class AucComparison:
    """What :func:`delong_test` and :func:`delong_test_unpaired` return.

    Attributes
    ----------
    test : str
        Name of the test.
    statistic : float
        Z, or D (which follows t) of unpaired curves; NaN where it is not defined.
    df : float
        Degrees of freedom; infinite for Z.
    p : float
        NaN where it is not defined.
    alternative : str
        ``"two-sided"``, ``"greater"`` or ``"less"``: the first area against the second.
    auc_a, auc_b : float
        The areas.
    difference : Estimate
        First minus second, with its interval.
    first, second : ClassScores
        Classes, directions and numbers of patients.
    warnings : tuple of str
        What a reader has to know of these figures.
    """

    test: str
    statistic: float
    df: float
    p: float
    alternative: str
    auc_a: float
    auc_b: float
    difference: Estimate
    first: ClassScores
    second: ClassScores
    warnings: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        row: dict[str, Any] = {"test": self.test, "statistic": self.statistic, "df": self.df, "p": self.p}
        row |= {"alternative": self.alternative, "auc_a": self.auc_a, "auc_b": self.auc_b}
        row |= self.difference.record("difference")
        for letter, side in (("a", self.first), ("b", self.second)):
            row |= {f"{key}_{letter}": value for key, value in side.record().items()}
        return row | {"warnings": "; ".join(self.warnings)}


def placements(positives: Array, negatives: Array) -> tuple[Array, Array]:
    """Return DeLong's components: of each positive its share of negatives below, and the other way round.

    Parameters
    ----------
    positives, negatives : (m,), (n,) array
        Scores; higher speaks for the positive class. Ties count half.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837; by midranks, Sun and Xu, IEEE Signal Process Lett
    2014;21:1389.
    """
    m, n = positives.size, negatives.size
    ranks = stats.rankdata(np.concatenate([positives, negatives]))
    above = (ranks[:m] - stats.rankdata(positives)) / n
    below = 1 - (ranks[m:] - stats.rankdata(negatives)) / m
    return above, below


def auc_variance(positives: Array, negatives: Array) -> tuple[float, float]:
    """Return the area under the curve and its variance; NaN variance with fewer than two patients of a class."""
    above, below = placements(positives, negatives)
    if min(above.size, below.size) < 2:
        return float(above.mean()), math.nan
    return float(above.mean()), float(above.var(ddof=1) / above.size + below.var(ddof=1) / below.size)


def delong_test(
    outcome: Sequence[Any] | ArrayLike,
    score_a: Sequence[Any] | ArrayLike,
    score_b: Sequence[Any] | ArrayLike,
    *,
    positive: Label | None = None,
    direction: str | tuple[str, str] = "higher",
    alternative: str = "two-sided",
    confidence: float = 0.95,
) -> AucComparison:
    """Compare the areas of two scores of the same patients.

    Parameters
    ----------
    outcome : (n,) sequence
        Two classes; None, NaN and empty text are missing.
    score_a, score_b : (n,) sequence
        Both scores. A patient who lacks one (NaN) is left out of both curves and counted.
    positive : str, int or float, optional
        The positive class; may be left out for 0/1.
    direction : str or tuple of two str
        ``"higher"``, ``"lower"`` or ``"auto"``, for both scores or each.
    alternative : {"two-sided", "greater", "less"}
        The first area differs from, is above, or is below the second.
    confidence : float
        Level of the interval of the difference.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes with two patients each, or an
        argument is not allowed.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837.
    """
    check_choice("alternative", alternative, _ALTERNATIVES)
    level = check_level("confidence", confidence)
    labels = read_labels("outcome", outcome)
    both = [read_numbers("score_a", score_a), read_numbers("score_b", score_b)]
    for letter, values in zip("ab", both, strict=True):
        if values.size != len(labels):
            raise ValueError(f"score_{letter}: expected {len(labels)} values, one for each outcome, got {values.size}")
    missing = np.isnan(both[0]) | np.isnan(both[1])
    ways = (direction, direction) if isinstance(direction, str) else direction
    first, second = (
        class_scores(labels, np.where(missing, np.nan, values), positive=positive, direction=way)
        for values, way in zip(both, ways, strict=True)
    )
    _check_two_each(first)
    parts = [placements(side.positives, side.negatives) for side in (first, second)]
    areas = (float(parts[0][0].mean()), float(parts[1][0].mean()))
    off = [a - b for a, b in zip(parts[0], parts[1], strict=True)]
    variance = float(sum(part.var(ddof=1) / part.size for part in off))
    name = "DeLong test, paired"
    return _comparison(name, (first, second), areas, variance, math.inf, alternative, level)


def delong_test_unpaired(
    outcome_a: Sequence[Any] | ArrayLike,
    score_a: Sequence[Any] | ArrayLike,
    outcome_b: Sequence[Any] | ArrayLike,
    score_b: Sequence[Any] | ArrayLike,
    *,
    positive: Label | None = None,
    direction: str | tuple[str, str] = "higher",
    alternative: str = "two-sided",
    confidence: float = 0.95,
) -> AucComparison:
    """Compare the areas of two groups of different patients.

    The difference over its standard error follows t with Welch's degrees of freedom, as in pROC.

    Parameters
    ----------
    outcome_a, outcome_b : (n,), (m,) sequence
        Two classes; None, NaN and empty text are missing.
    score_a, score_b : (n,), (m,) sequence
        Scores; NaN is missing.
    positive, direction, alternative, confidence
        As in :func:`delong_test`.

    Raises
    ------
    ValueError
        When lengths differ, a score is text or infinite, there are not two classes with two patients each, or an
        argument is not allowed.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837. Robin et al, BMC Bioinformatics 2011;12:77.
    """
    check_choice("alternative", alternative, _ALTERNATIVES)
    level = check_level("confidence", confidence)
    ways = (direction, direction) if isinstance(direction, str) else direction
    first = class_scores(outcome_a, score_a, positive=positive, direction=ways[0])
    second = class_scores(outcome_b, score_b, positive=positive, direction=ways[1])
    found = []
    for side in (first, second):
        _check_two_each(side)
        found.append((*auc_variance(side.positives, side.negatives), side.positives.size + side.negatives.size))
    variance = found[0][1] + found[1][1]
    spread = sum(v**2 / (n - 1) for _, v, n in found)
    df = variance**2 / spread if spread > 0 else math.inf
    areas = (found[0][0], found[1][0])
    return _comparison("DeLong test, unpaired", (first, second), areas, variance, df, alternative, level)


def _check_two_each(side: ClassScores) -> None:
    fewest = min(side.positives.size, side.negatives.size)
    if fewest < 2:
        raise ValueError(f"outcome: expected two patients or more of each class, got {fewest} of one")


def _comparison(
    test: str,
    sides: tuple[ClassScores, ClassScores],
    areas: tuple[float, float],
    variance: float,
    df: float,
    alternative: str,
    confidence: float,
) -> AucComparison:
    difference, error = areas[0] - areas[1], math.sqrt(max(variance, 0.0))
    warnings = list(dict.fromkeys(line for side in sides for line in side.warnings()))
    if abs(difference) < _ROUNDING and error < _ROUNDING:
        statistic, p = 0.0, 1.0
        warnings.append("both scores order the patients alike: no difference to test")
    elif error < _ROUNDING:
        statistic = p = math.nan
        warnings.append("DeLong's variance is 0: there is no test")
    else:
        statistic = difference / error
        law = stats.t(df) if math.isfinite(df) else stats.norm()
        tails = {"two-sided": 2 * law.sf(abs(statistic)), "greater": law.sf(statistic), "less": law.cdf(statistic)}
        p = float(min(tails[alternative], 1.0))
    half = float(stats.t.ppf((1 + confidence) / 2, df) if math.isfinite(df) else stats.norm.ppf((1 + confidence) / 2))
    low, high = difference - half * error, difference + half * error
    estimate = Estimate("difference of AUC", difference, max(low, -1.0), min(high, 1.0), confidence, "DeLong")
    return AucComparison(test, statistic, df, p, alternative, *areas, estimate, *sides, tuple(warnings))
