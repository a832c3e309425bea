"""Correction of p for several tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_choice, check_real_array

ADJUSTMENTS = {
    "bh": "false discovery rate, Benjamini-Hochberg",
    "by": "false discovery rate, Benjamini-Yekutieli",
    "holm": "Holm",
    "bonferroni": "Bonferroni",
}


def adjust_p(p: ArrayLike, method: str = "bh") -> NDArray[np.float64]:
    """Return p corrected for the number of tests.

    Parameters
    ----------
    p : (n,) array_like
        From 0 to 1; NaN (no test) stays NaN and is not counted.
    method : {"bh", "by", "holm", "bonferroni"}
        The first two control the false discovery rate (of independent tests, of any), the others the chance of a single
        false finding.

    Raises
    ------
    TypeError
        When p is not numeric.
    ValueError
        When a p is outside 0 to 1 or the method is not known.

    References
    ----------
    Benjamini and Hochberg, J R Stat Soc B 1995;57:289. Benjamini and Yekutieli, Ann Stat 2001;29:1165. Holm, Scand J
    Stat 1979;6:65.
    """
    check_choice("method", method, ADJUSTMENTS)
    values = check_real_array("p", p, ndim=1).astype(np.float64)
    known = ~np.isnan(values)
    if np.any((values[known] < 0) | (values[known] > 1)):
        raise ValueError(f"p: expected values from 0 to 1, got {values[known].min():g} to {values[known].max():g}")
    order = np.argsort(values[known])
    sorted_p = values[known][order]
    n = sorted_p.size
    rank = np.arange(1, n + 1)
    if method == "bonferroni":
        corrected = sorted_p * n
    elif method == "holm":
        corrected = np.maximum.accumulate(sorted_p * (n - rank + 1))
    else:
        factor = n * (np.sum(1 / rank) if method == "by" else 1.0)
        corrected = np.minimum.accumulate((sorted_p * factor / rank)[::-1])[::-1]
    found = np.full(values.shape, np.nan)
    places = np.flatnonzero(known)[order]
    found[places] = np.minimum(corrected, 1.0)
    return found
