"""Is a column normal, and how it is described: mean and standard deviation, or median and quartiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mrbiomarkers.checks import check_choice, check_level
from mrbiomarkers.response.labels import read_numbers

_SHAPIRO_MOST = 5000
_QUARTILES = ("linear", "weibull")


@dataclass(frozen=True)
class Normality:
    """What :func:`normality` returns.

    Attributes
    ----------
    test : str
        Its name; says why where there was none.
    statistic, p : float
        NaN where there was no test.
    n : int
        Values tested.
    alpha : float
        Level above which p counts as normal.
    normal : bool
        False too where the values could not be tested.
    """

    test: str
    statistic: float
    p: float
    n: int
    alpha: float
    normal: bool

    @property
    def text(self) -> str:
        """The finding in words."""
        word = "normal" if self.normal else "not normal"
        return f"{self.test}: {word}" if math.isnan(self.p) else f"{self.test} p = {self.p:.3g} (n = {self.n}): {word}"


@dataclass(frozen=True)
class Description:
    """What :func:`describe` returns; NaN where there are too few values.

    Attributes
    ----------
    n, n_missing : int
        Values, and values missing.
    mean, sd, median, p25, p75, minimum, maximum : float
        Of the values; standard deviation with n - 1.
    normality : Normality
        Of the values.
    quartiles : str
        How the quartiles were found.
    """

    n: int
    n_missing: int
    mean: float
    sd: float
    median: float
    p25: float
    p75: float
    minimum: float
    maximum: float
    normality: Normality
    quartiles: str

    def text(self, *, normal: bool | None = None, digits: int = 2) -> str:
        """Return ``"mean ± SD"`` or ``"median (P25, P75)"``.

        Parameters
        ----------
        normal : bool, optional
            Which of both; without it as the test of normality says.
        digits : int
            After the point.
        """
        if self.n == 0:
            return "no values"
        if self.normality.normal if normal is None else normal:
            return f"{self.mean:.{digits}f} ± {self.sd:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.p25:.{digits}f}, {self.p75:.{digits}f})"

    def record(self) -> dict[str, Any]:
        """Return the figures as one row of a table, by column."""
        names = ("n", "n_missing", "mean", "sd", "median", "p25", "p75", "minimum", "maximum")
        row: dict[str, Any] = {name: getattr(self, name) for name in names}
        found = self.normality
        row |= {"normality_test": found.test, "normality_statistic": found.statistic, "normality_p": found.p}
        return row | {"normal": found.normal, "quartiles": self.quartiles}


def normality(values: Sequence[Any] | ArrayLike, *, alpha: float = 0.05, name: str = "values") -> Normality:
    """Test whether values are normal, by Shapiro and Wilk.

    Parameters
    ----------
    values : (n,) sequence
        Missing ones are left out. Fewer than three or constant values cannot be tested and count as not normal; of more
        than 5,000, where the p of Shapiro and Wilk is not exact, D'Agostino's test takes its place.
    alpha : float
        Values with p above it count as normal.
    name : str
        Of the column, for messages.

    Raises
    ------
    ValueError
        When a value is text or infinite, or alpha is not between 0 and 1.

    References
    ----------
    Shapiro and Wilk, Biometrika 1965;52:591. D'Agostino and Pearson, Biometrika 1973;60:613.
    """
    level = check_level("alpha", alpha)
    column = read_numbers(name, values)
    known = column[~np.isnan(column)]
    if known.size < 3:
        return Normality("not tested, fewer than three values", math.nan, math.nan, known.size, level, False)
    if np.ptp(known) <= 1e-12 * np.abs(known).max():
        return Normality("not tested, all values are equal", math.nan, math.nan, known.size, level, False)
    if known.size > _SHAPIRO_MOST:
        test, found = "D'Agostino-Pearson", stats.normaltest(known)
    else:
        test, found = "Shapiro-Wilk", stats.shapiro((known - known.mean()) / known.std())
    p = float(found.pvalue)
    return Normality(test, float(found.statistic), p, known.size, level, p > level)


def describe(
    values: Sequence[Any] | ArrayLike, *, alpha: float = 0.05, quartiles: str = "linear", name: str = "values"
) -> Description:
    """Describe a column.

    Parameters
    ----------
    values : (n,) sequence
        Missing ones are left out and counted.
    alpha : float
        Of the test of normality.
    quartiles : {"linear", "weibull"}
        As R and NumPy find them by default, or as SPSS does.
    name : str
        Of the column, for messages.

    Raises
    ------
    ValueError
        When a value is text or infinite, or an argument is not allowed.
    """
    check_choice("quartiles", quartiles, _QUARTILES)
    column = read_numbers(name, values)
    known: NDArray[np.float64] = column[~np.isnan(column)]
    found = normality(known, alpha=alpha)
    missing = column.size - known.size
    if known.size == 0:
        none = math.nan
        return Description(0, missing, none, none, none, none, none, none, none, found, quartiles)
    p25, median, p75 = np.quantile(known, [0.25, 0.5, 0.75], method=quartiles)  # type: ignore[call-overload]
    sd = float(known.std(ddof=1)) if known.size > 1 else math.nan
    return Description(
        n=known.size,
        n_missing=missing,
        mean=float(known.mean()),
        sd=sd,
        median=float(median),
        p25=float(p25),
        p75=float(p75),
        minimum=float(known.min()),
        maximum=float(known.max()),
        normality=found,
        quartiles=quartiles,
    )
