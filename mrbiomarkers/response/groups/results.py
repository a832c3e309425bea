"""What a test of groups gives back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from mrbiomarkers.response.intervals import Estimate


@dataclass(frozen=True)
class PairComparison:
    """Two of several groups compared after the test of all.

    Attributes
    ----------
    first, second : str
        The groups.
    test : str
        Name of the test, with the correction for several comparisons.
    statistic : float
        t, q or z of the test.
    p : float
        Corrected where the test says so.
    difference : Estimate, optional
        First minus second; the interval is corrected as the p where the test gives one.
    """

    first: str
    second: str
    test: str
    statistic: float
    p: float
    difference: Estimate | None = None

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        row: dict[str, Any] = {"first": self.first, "second": self.second, "test": self.test}
        row |= {"statistic": self.statistic, "p": self.p}
        return row | (self.difference.record("difference") if self.difference else {})


@dataclass(frozen=True)
class GroupTest:
    """A test of groups, of paired values or of counts.

    Attributes
    ----------
    test : str
        Its name, with all that changes its figures.
    statistic_name : str
        ``"t"``, ``"U"``, ``"F"``, ``"H"``, ``"chi2"``, ``"W"``; empty where a test has none.
    statistic : float
        NaN where there is none.
    df : tuple of float
        Degrees of freedom: none, one, or two of F.
    p : float
        Two-sided; NaN where it is not defined.
    groups : tuple of str
        Names, in the order of the figures.
    n, n_missing : tuple of int
        Values used and left out, for each group; of pairs one number.
    difference : Estimate, optional
        First group minus second, or after minus before.
    effects : tuple of Estimate
        Effect sizes with their intervals.
    pairs : tuple of PairComparison
        Comparisons of two groups each, where there are more than two.
    reason : str
        Why this test was taken.
    warnings : tuple of str
        What a reader has to know of these figures.
    """

    test: str
    statistic_name: str
    statistic: float
    df: tuple[float, ...]
    p: float
    groups: tuple[str, ...]
    n: tuple[int, ...]
    n_missing: tuple[int, ...] = ()
    difference: Estimate | None = None
    effects: tuple[Estimate, ...] = ()
    pairs: tuple[PairComparison, ...] = ()
    reason: str = ""
    warnings: tuple[str, ...] = field(default=())

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        df = (*self.df, math.nan, math.nan)
        row: dict[str, Any] = {"test": self.test, "statistic": self.statistic_name, "value": self.statistic}
        row |= {"df1": df[0], "df2": df[1], "p": self.p, "groups": "; ".join(self.groups)}
        row |= {"n": "; ".join(map(str, self.n)), "n_missing": "; ".join(map(str, self.n_missing))}
        if self.difference is not None:
            row |= {"difference_of": self.difference.name, **self.difference.record("difference")}
        for number, effect in enumerate(self.effects, start=1):
            row |= {f"effect{number}_name": effect.name, **effect.record(f"effect{number}")}
        return row | {"reason": self.reason, "warnings": "; ".join(self.warnings)}

    def records(self) -> list[dict[str, Any]]:
        """Return one row for every comparison of two groups, by column; none with two groups."""
        return [pair.record() for pair in self.pairs]
