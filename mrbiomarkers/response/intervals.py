"""A figure with its confidence interval, and the intervals of proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy import stats

from mrbiomarkers.checks import check_choice, check_level

_METHODS = {"clopper-pearson": "Clopper-Pearson", "wilson": "Wilson"}


@dataclass(frozen=True)
class Estimate:
    """A figure with its confidence interval.

    Attributes
    ----------
    name : str
        What it is, as ``"difference of means"``.
    value, ci_low, ci_high : float
        NaN where there is none.
    confidence : float
        Level of the interval, between 0 and 1.
    method : str
        How the interval was found.
    """

    name: str
    value: float
    ci_low: float
    ci_high: float
    confidence: float = 0.95
    method: str = ""

    def record(self, key: str) -> dict[str, Any]:
        """Return value, both ends and method by column; the columns begin with ``key``."""
        return {
            key: self.value,
            f"{key}_low": self.ci_low,
            f"{key}_high": self.ci_high,
            f"{key}_interval": f"{100 * self.confidence:g} % {self.method}".rstrip(),
        }


def check_count(name: str, value: int, *, least: int = 0) -> int:
    """Return a count as an int.

    Raises
    ------
    ValueError
        When it is not a whole number of at least ``least``.
    """
    if isinstance(value, bool) or not math.isfinite(value) or int(value) != value or value < least:
        raise ValueError(f"{name}: expected a whole number of {least} or more, got {value!r}")
    return int(value)


def proportion(
    count: int, total: int, *, confidence: float = 0.95, interval: str = "clopper-pearson", name: str = "proportion"
) -> Estimate:
    """Return ``count / total`` with its confidence interval.

    Parameters
    ----------
    count, total : int
        Of a total of 0 there is no proportion: all figures are NaN.
    confidence : float
        Level of the interval, between 0 and 1.
    interval : {"clopper-pearson", "wilson"}
        The exact interval, which covers the truth at least as often as it says; or the score interval, which is
        shorter and right on average.
    name : str
        What the proportion is.

    Raises
    ------
    ValueError
        When the counts are not whole, negative or larger than the total, or another argument is not allowed.

    References
    ----------
    Clopper and Pearson, Biometrika 1934;26:404. Wilson, J Am Stat Assoc 1927;22:209.
    """
    k, n = check_count("count", count), check_count("total", total)
    level = check_level("confidence", confidence)
    label = _METHODS[check_choice("interval", interval, _METHODS)]
    if k > n:
        raise ValueError(f"count: expected at most the total of {n}, got {k}")
    if n == 0:
        return Estimate(name, math.nan, math.nan, math.nan, level, label)
    tail = (1 - level) / 2
    if interval == "clopper-pearson":
        low = float(stats.beta.ppf(tail, k, n - k + 1)) if k else 0.0
        high = float(stats.beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    else:
        z2, share = float(stats.norm.ppf(1 - tail)) ** 2, k / n
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        low, high = (middle - half if k else 0.0), (middle + half if k < n else 1.0)
    return Estimate(name, k / n, low, high, level, label)
