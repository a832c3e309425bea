"""Intraclass correlation of readers, for one quantity or for thousands of columns at once."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.agreement.ratings import ROUNDING, Array, check_ratings
from mrbiomarkers.checks import check_choice, check_level

_KINDS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")
_MCGRAW_WONG = {"1": "1,1", "a,1": "2,1", "c,1": "3,1", "k": "1,k", "a,k": "2,k", "c,k": "3,k"}
# Upper ends of the bands and their words; a value above the last end has the last word.
_PAPER = ((0.2, 0.4, 0.6, 0.8), ("poor", "fair", "moderate", "good", "excellent"))
_KOO_LI = ((0.5, 0.75, 0.9), ("poor", "moderate", "good", "excellent"))


class IccStatus(enum.IntFlag):
    """Why a column has no coefficient, or what to know about it.

    ``TOO_FEW``: fewer than two subjects with all ratings. ``UNDEFINED``: the ratings (or, for the mean of raters, the
    means of the subjects) do not vary, so there is no ratio. ``IDENTICAL``: all raters agree in every subject; the
    coefficient and both ends of its interval are 1.
    """

    COMPUTED = 0
    TOO_FEW = 1
    UNDEFINED = 2
    IDENTICAL = 4


@dataclass(frozen=True, eq=False)
class IccResult:
    """What :func:`icc` returns; arrays (...) of the leading shape of the ratings, NaN where there is no coefficient.

    Attributes
    ----------
    kind : str
        Name of Shrout and Fleiss, as ``"2,1"``.
    value : (...) array
        The coefficient. Negative values are kept.
    ci_low, ci_high : (...) array
        Confidence interval; the lower end of a mean of raters is minus infinity where the interval has none.
    f, df1, df2, p : (...) array
        F of the subjects against what is left over, its degrees of freedom, and p of no difference among subjects.
    mean_squares : mapping of str to (...) array
        Of ``subjects``, ``raters``, ``error`` (two-way) and ``within`` (one-way, raters and error together).
    n_subjects, n_incomplete : (...) int array
        Subjects used, and subjects left out because a rating is missing.
    n_raters : int
        Number of raters.
    confidence : float
        Level of the interval.
    status : (...) uint8 array
        :class:`IccStatus` flags.
    warnings : tuple of str
        What a reader has to know of these figures.
    """

    kind: str
    value: Array
    ci_low: Array
    ci_high: Array
    f: Array
    df1: Array
    df2: Array
    p: Array
    mean_squares: Mapping[str, Array]
    n_subjects: NDArray[np.int64]
    n_incomplete: NDArray[np.int64]
    n_raters: int
    confidence: float
    status: NDArray[np.uint8]
    warnings: tuple[str, ...] = ()


def icc(ratings: ArrayLike, kind: str = "2,1", *, confidence: float = 0.95) -> IccResult:
    """Return the intraclass correlation coefficient with its confidence interval and F test.

    Parameters
    ----------
    ratings : (..., n, k) array_like
        Ratings of n subjects by k raters; leading axes are columns (quantities, features) that are treated apart. For
        an array (n, k, columns) give ``np.moveaxis(array, -1, 0)``. A subject with a missing rating (NaN) is left out
        of that column and counted.
    kind : str
        ``"1,1"``, ``"2,1"``, ``"3,1"``: one rating, each subject rated by other raters; by the same raters, drawn from
        many, whose levels matter (absolute agreement); by these raters only, whose levels do not matter
        (consistency). ``"1,k"``, ``"2,k"``, ``"3,k"``: the mean of the k raters. The names of McGraw and Wong are
        taken too: ``"1"``, ``"A,1"``, ``"C,1"``, ``"k"``, ``"A,k"``, ``"C,k"``, all also as ``"ICC(A,1)"``.
    confidence : float
        Level of the interval, between 0 and 1.

    Returns
    -------
    IccResult

    Raises
    ------
    TypeError
        When the ratings are not real numbers.
    ValueError
        When there are fewer than two subjects or raters, a rating is infinite, the kind is not known, or the confidence
        is not between 0 and 1.

    Notes
    -----
    The interval of the kinds 1 and 3 is exact for normal errors, that of kind 2 is the approximation by Satterthwaite.
    With two raters the spread among raters has one degree of freedom, and the interval of kind 2 is not to be relied
    on: in simulations the 95 % interval held the truth in 95 % of cases where raters differ little, but in 72 % (70
    subjects; variance among raters twice, among subjects 8 times that of the error). The result warns of it. For the
    degrees of freedom a negative coefficient of kind 2 counts as 0. Rows must be independent: five vertebrae of one
    subject are not five subjects.

    References
    ----------
    Shrout and Fleiss, Psychol Bull 1979;86:420. McGraw and Wong, Psychol Methods 1996;1:30 and 390 (correction).
    """
    from scipy import stats  # late: it takes 0.2 s to load

    kind = _checked_kind(kind)
    confidence = check_level("confidence", confidence)
    values = check_ratings("ratings", ratings, "raters")
    complete = np.asarray(~np.isnan(values).any(axis=-1), dtype=np.bool_)
    n, k = np.asarray(complete.sum(axis=-1)), values.shape[-1]
    squares = _mean_squares(values, complete)
    df1 = np.where(n > 1, n - 1.0, np.nan)
    df2 = df1 * (k - 1) if kind[0] != "1" else np.where(n > 1, n * (k - 1.0), np.nan)
    rest = squares["within" if kind[0] == "1" else "error"]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        f = squares["subjects"] / rest
        value = _single(kind, squares, n, k)
        limits = _interval(kind, squares, n, k, value, f, (df1, df2), (1 - confidence) / 2)
        if kind.endswith("k"):
            value = _mean_of_raters(value, k)
            limits = tuple(_mean_of_raters(limit, k) for limit in limits)
    status = _status(kind, squares, n, value)
    known = (status & (IccStatus.TOO_FEW | IccStatus.UNDEFINED)) == 0
    exact = (status & IccStatus.IDENTICAL) != 0
    low, high = (np.where(exact, 1.0, limit) for limit in limits)
    numbers = {"value": value, "ci_low": low, "ci_high": high, "f": f, "p": stats.f.sf(f, df1, df2)}
    return IccResult(
        kind,
        **{name: np.asarray(np.where(known, array, np.nan)) for name, array in numbers.items()},
        df1=df1,
        df2=np.asarray(df2),
        mean_squares=squares,
        n_subjects=n,
        n_incomplete=np.asarray(values.shape[-2] - n),
        n_raters=k,
        confidence=confidence,
        status=status,
        warnings=_warnings(kind, k, status, values.shape[-2] - n),
    )


def icc_band(value: float, scale: str = "papers") -> str:
    """Return the word for a coefficient; ``"undefined"`` for NaN.

    Parameters
    ----------
    value : float
        Coefficient, at most 1. Judge the lower end of the interval too: a point value says nothing of its precision.
    scale : {"papers", "koo-li"}
        ``"papers"``: poor to 0.20, fair to 0.40, moderate to 0.60, good to 0.80, excellent above, as the studies of
        this project print them (the cut-offs of Landis and Koch, Biometrics 1977;33:159, which were set for kappa).
        ``"koo-li"``: poor below 0.5, moderate to 0.75, good to 0.90, excellent above (Koo and Li, J Chiropr Med
        2016;15:155).

    Raises
    ------
    ValueError
        When the value is above 1 or the scale is not known.
    """
    ends, words = {"papers": _PAPER, "koo-li": _KOO_LI}[check_choice("scale", scale, ("papers", "koo-li"))]
    number = float(value)
    if np.isnan(number):
        return "undefined"
    if number > 1 + 1e-9:
        raise ValueError(f"value: expected a coefficient of 1 or less, got {number:g}")
    if scale == "koo-li" and number == ends[0]:
        return words[1]  # "less than 0.5" is poor: 0.5 itself is not
    return words[int(np.searchsorted(ends, number, side="left"))]


def _checked_kind(kind: str) -> str:
    """Return the name of Shrout and Fleiss for any of the names that are taken."""
    name = re.sub(r"^icc\s*\((.*)\)$", r"\1", str(kind).strip().lower()).replace(" ", "")
    name = _MCGRAW_WONG.get(name, name)
    if name not in _KINDS:
        others = ", ".join(other.upper().replace("K", "k") for other in _MCGRAW_WONG)
        raise ValueError(f"kind: expected one of {'; '.join(_KINDS)} (or of McGraw and Wong: {others}); got {kind!r}")
    return name


def _mean_squares(values: Array, complete: NDArray[np.bool_]) -> dict[str, Array]:
    """Return the mean squares of the two-way layout over the complete subjects of every column."""
    k = values.shape[-1]
    inside = complete[..., None]
    n = complete.sum(axis=-1)
    counted = np.maximum(n, 1)
    ratings = np.where(inside, values, 0.0)
    # Deviations from the mean first: squares of large numbers would lose the digits that count.
    deviations = np.where(inside, ratings - (ratings.sum(axis=(-2, -1)) / (counted * k))[..., None, None], 0.0)
    subjects = deviations.mean(axis=-1)
    raters = deviations.sum(axis=-2) / counted[..., None]
    error = np.where(inside, deviations - subjects[..., None] - raters[..., None, :], 0.0)
    sums = {
        "subjects": k * np.sum(subjects**2, axis=-1),
        "raters": n * np.sum(raters**2, axis=-1),
        "error": np.sum(error**2, axis=(-2, -1)),
    }
    floor = n * k * (ROUNDING * np.abs(ratings).max(axis=(-2, -1))) ** 2
    sums = {name: np.where(total > floor, total, 0.0) for name, total in sums.items()}
    df = np.where(n > 1, n - 1.0, np.nan)
    return {
        "subjects": np.asarray(sums["subjects"] / df),
        "raters": np.where(n > 1, sums["raters"] / (k - 1), np.nan),
        "error": np.asarray(sums["error"] / (df * (k - 1))),
        "within": np.where(n > 1, (sums["raters"] + sums["error"]) / (counted * (k - 1)), np.nan),
    }


def _single(kind: str, squares: Mapping[str, Array], n: NDArray[np.int64], k: int) -> Array:
    """Return the coefficient of one rating."""
    subjects, raters, error = (squares[name] for name in ("subjects", "raters", "error"))
    if kind[0] == "1":
        within = squares["within"]
        return np.asarray((subjects - within) / (subjects + (k - 1) * within))
    levels = k * (raters - error) / n if kind[0] == "2" else 0.0
    return np.asarray((subjects - error) / (subjects + (k - 1) * error + levels))


def _interval(
    kind: str,
    squares: Mapping[str, Array],
    n: NDArray[np.int64],
    k: int,
    value: Array,
    f: Array,
    df: tuple[Array, Array],
    tail: float,
) -> tuple[Array, ...]:
    """Return both ends of the interval of one rating."""
    from scipy import stats  # late: it takes 0.2 s to load

    if kind[0] != "2":
        low, high = f / stats.f.ppf(1 - tail, *df), f * stats.f.ppf(1 - tail, *df[::-1])
        # 1 - k / (F + k - 1) instead of (F - 1) / (F + k - 1): it holds where F is infinite
        return 1 - k / (low + k - 1), 1 - k / (high + k - 1)
    subjects, raters, error = (squares[name] for name in ("subjects", "raters", "error"))
    # Of a negative coefficient the formula can give so few degrees of freedom that the interval does not hold it.
    share = np.maximum(value, 0.0)
    a, b = k * share * raters, (n * (1 + (k - 1) * share) - k * share) * error
    v = (a + b) ** 2 / (a**2 / (k - 1) + b**2 / df[1])
    rest = k * raters + (k * n - k - n) * error
    upper, lower = 1 / stats.f.ppf(1 - tail, df[0], v), stats.f.ppf(1 - tail, v, df[0])
    return tuple(n * (subjects * q - error) / (rest + n * subjects * q) for q in (upper, lower))


def _mean_of_raters(value: Array, k: int) -> Array:
    """Return the coefficient of the mean of k ratings from that of one (Spearman and Brown)."""
    spread = 1 + (k - 1) * value
    return np.where(spread > 0, k * value / spread, np.where(np.isnan(spread), np.nan, -np.inf))


def _status(kind: str, squares: Mapping[str, Array], n: NDArray[np.int64], value: Array) -> NDArray[np.uint8]:
    rest = squares["within" if kind[0] == "1" else "error"]
    too_few = n < 2
    undefined = ~too_few & (((squares["subjects"] == 0) & (rest == 0)) | ~np.isfinite(value))
    identical = ~too_few & ~undefined & (squares["within"] == 0)
    flags = IccStatus.TOO_FEW * too_few + IccStatus.UNDEFINED * undefined + IccStatus.IDENTICAL * identical
    return np.asarray(flags, dtype=np.uint8)


def _warnings(kind: str, k: int, status: NDArray[np.uint8], n_incomplete: NDArray[np.int64]) -> tuple[str, ...]:
    lines = []
    if kind[0] == "2" and k == 2:
        lines.append(
            f"ICC({kind}) of two raters: the spread among raters has one degree of freedom, so the confidence interval "
            f"is not reliable; give ICC(3,{kind[2]}) and the bias of the raters beside it"
        )
    reasons = {
        IccStatus.TOO_FEW: "fewer than two subjects have all ratings",
        IccStatus.UNDEFINED: "the ratings do not vary",
    }
    for flag, reason in reasons.items():
        count = np.count_nonzero(status & flag)
        if count:
            lines.append(f"no ICC in {count} of {status.size} columns: {reason}")
    if np.any(n_incomplete):
        columns = np.count_nonzero(n_incomplete)
        lines.append(
            f"subjects with a missing rating are left out: at most {n_incomplete.max()} of a column, "
            f"in {columns} of {n_incomplete.size} columns"
        )
    return tuple(lines)
