"""From thousands of features to a few: repeatability, clusters of features that say the same, and the RadScore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from mrbiomarkers.agreement import icc
from mrbiomarkers.checks import check_choice, check_real_array
from mrbiomarkers.response.lasso import LassoPath, standardise
from mrbiomarkers.response.model_columns import Array, check_columns, check_complete, listed

_RANGES = ("range", "relative range")


@dataclass(frozen=True, eq=False)
class IccFilter:
    """What :func:`icc_filter` returns.

    Attributes
    ----------
    names, kept : tuple of str
        All features, and those kept.
    value, ci_low, ci_high : (p,) array
        Intraclass correlation with its interval; NaN where there is none.
    reasons : mapping of str to str
        Why each of the others was left out.
    rule : str
        The rule in words.
    warnings : tuple of str
        What a reader has to know.
    """

    names: tuple[str, ...]
    kept: tuple[str, ...]
    value: Array
    ci_low: Array
    ci_high: Array
    reasons: Mapping[str, str]
    rule: str
    warnings: tuple[str, ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """Return one row for each feature."""
        return [
            {
                "feature": name,
                "kept": name not in self.reasons,
                "reason": self.reasons.get(name, ""),
                "icc": float(self.value[j]),
                "icc_low": float(self.ci_low[j]),
                "icc_high": float(self.ci_high[j]),
                "rule": self.rule,
            }
            for j, name in enumerate(self.names)
        ]


@dataclass(frozen=True, eq=False)
class FeatureClusters:
    """What :func:`correlation_clusters` returns.

    Attributes
    ----------
    names : tuple of str
        All features.
    cluster : (p,) int array
        Number of the cluster from 1, in the order of their first features; 0 for a feature that does not vary.
    representatives : tuple of str
        One feature for each cluster, in the order of the clusters.
    dynamic_range : (p,) array
        What the representatives were chosen by.
    constant : tuple of str
        Features that do not vary: in no cluster.
    rule : str
        The rule in words.
    """

    names: tuple[str, ...]
    cluster: NDArray[np.int64]
    representatives: tuple[str, ...]
    dynamic_range: Array
    constant: tuple[str, ...]
    rule: str

    def records(self) -> list[dict[str, Any]]:
        """Return one row for each feature."""
        chosen = set(self.representatives)
        return [
            {
                "feature": name,
                "cluster": int(self.cluster[j]),
                "representative": name in chosen,
                "dynamic_range": float(self.dynamic_range[j]),
                "rule": self.rule,
            }
            for j, name in enumerate(self.names)
        ]


@dataclass(frozen=True)
class RadScore:
    """A score of features on their raw scale: ``intercept + sum(coefficient x feature)``, a logit.

    Attributes
    ----------
    intercept : float
    coefficients : mapping of str to float
        Of the features selected.
    positive : str
        The class whose logit it is.
    penalty : float
        The lambda of the model.
    """

    intercept: float
    coefficients: Mapping[str, float]
    positive: str
    penalty: float

    @property
    def formula(self) -> str:
        """The score as text, with figures that give it to about six digits."""
        parts = [f" {'-' if b < 0 else '+'} {abs(b):.8g} x {name}" for name, b in self.coefficients.items()]
        return f"RadScore = {self.intercept:.8g}{''.join(parts)}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know: that the model is empty."""
        return () if self.coefficients else ("no feature was selected: the score is the same for every patient",)

    def score(self, columns: Mapping[str, ArrayLike]) -> Array:
        """Return the score (m,) of patients; NaN where a selected feature is missing.

        Raises
        ------
        ValueError
            When a selected feature is not among the columns, or there are none at all.
        """
        absent = [name for name in self.coefficients if name not in columns]
        if absent or not columns:
            raise ValueError(f"columns: expected the features of the score, without {listed(absent) or 'any'}")
        used = {name: columns[name] for name in self.coefficients} or dict(list(columns.items())[:1])
        x, names = check_columns("columns", used, np.asarray(next(iter(used.values()))).shape[0])
        weights = np.array([self.coefficients.get(name, 0.0) for name in names])
        if not self.coefficients:
            return np.full(len(x), self.intercept)
        return np.asarray(self.intercept + x @ weights)

    def record(self) -> dict[str, Any]:
        """Return the score as one row."""
        return {
            "method": "RadScore of a logistic LASSO, raw scale",
            "positive": self.positive,
            "lambda": self.penalty,
            "n_selected": len(self.coefficients),
            "formula": self.formula,
        }


def icc_filter(
    ratings: Mapping[str, ArrayLike],
    *,
    threshold: float = 0.75,
    kind: str = "2,1",
    by: str = "value",
    confidence: float = 0.95,
) -> IccFilter:
    """Keep the features that readers or repeated segmentations agree on.

    Parameters
    ----------
    ratings : mapping of str to (m, k) array_like
        For each feature k readings of m lesions; a lesion with a missing one (NaN) is left out of that feature.
    threshold : float
        A feature is kept when its coefficient is above this; below 1.
    kind : str
        As in :func:`mrbiomarkers.agreement.icc`.
    by : {"value", "lower limit"}
        What must be above the threshold: the coefficient, or the lower end of its interval.
    confidence : float
        Level of the interval.

    Raises
    ------
    ValueError
        When there is no feature, shapes differ, or an option is not one of those allowed.

    Notes
    -----
    The outcome is not looked at, so the filter may be found outside cross-validation.
    """
    check_choice("by", by, ("value", "lower limit"))
    if not threshold < 1:
        raise ValueError(f"threshold: expected a number below 1, got {threshold:g}")
    if not ratings:
        raise ValueError("ratings: expected at least one feature, got none")
    arrays = {name: check_real_array(f"ratings[{name!r}]", value, ndim=2) for name, value in ratings.items()}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) > 1:
        raise ValueError(f"ratings: expected one shape (lesions, readings) for all features, got {sorted(shapes)}")
    result = icc(np.stack([array.astype(np.float64) for array in arrays.values()]), kind, confidence=confidence)
    deciding = result.value if by == "value" else result.ci_low
    names = tuple(arrays)
    reasons = {
        name: "no coefficient: too few lesions or no variation" if np.isnan(deciding[j]) else f"{deciding[j]:.3f}"
        for j, name in enumerate(names)
        if not deciding[j] > threshold
    }
    level = "" if by == "value" else f"lower limit of the {100 * confidence:g} % interval of "
    return IccFilter(
        names=names,
        kept=tuple(name for name in names if name not in reasons),
        value=result.value,
        ci_low=result.ci_low,
        ci_high=result.ci_high,
        reasons=reasons,
        rule=f"{level}ICC({result.kind}) > {threshold:g}, {result.n_raters} readings",
        warnings=result.warnings,
    )


def correlation_clusters(
    features: ArrayLike | Mapping[str, ArrayLike],
    *,
    names: Sequence[str] | None = None,
    threshold: float = 0.95,
    by: str = "range",
    priority: ArrayLike | None = None,
) -> FeatureClusters:
    """Group features whose ranks go together and choose one of each group.

    Complete linkage of ``1 - |Spearman|``, cut at ``1 - threshold``: within a cluster every pair has ``|Spearman|`` of
    at least the threshold.

    Parameters
    ----------
    features : (n, p) array_like or mapping of str to (n,) array_like
        Of the training patients, none missing.
    names : sequence of str, optional
        Of the columns of an array.
    threshold : float
        From 0 to 1.
    by : {"range", "relative range"}
        The representative has the largest dynamic range: maximum - minimum on the raw scale, which depends on the unit
        of a feature; or this divided by the absolute mean. The first one where several are equal.
    priority : (p,) array_like, optional
        Figures of one's own to choose by instead, the largest wins.

    Raises
    ------
    ValueError
        When values are missing or infinite, there are fewer than three patients, or an option is out of its range.

    References
    ----------
    As in R: ``cutree(hclust(as.dist(1 - abs(cor(x, method = "spearman")))), h = 0.05)``.
    """
    check_choice("by", by, _RANGES)
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold: expected a number from 0 to 1, got {threshold:g}")
    n = _n_rows(features)
    x, labels = check_columns("features", features, n, names)
    check_complete("features", x, labels)
    if n < 3:
        raise ValueError(f"features: expected at least three patients, got {n}")
    size = np.ptp(x, axis=0)
    if by == "relative range":
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(size > 0, size / np.abs(x.mean(axis=0)), 0.0)
    if priority is not None:
        size = check_real_array("priority", priority, ndim=1).astype(np.float64)
        if size.shape != (len(labels),) or np.isnan(size).any():
            raise ValueError(f"priority: expected {len(labels)} numbers, one for each feature, got shape {size.shape}")
    varying = np.flatnonzero(np.ptp(x, axis=0) > 0)
    cluster = np.zeros(len(labels), dtype=np.int64)
    cluster[varying] = _complete_linkage(x[:, varying], 1 - threshold)
    chosen = []
    for number in range(1, int(cluster.max(initial=0)) + 1):
        members = np.flatnonzero(cluster == number)
        chosen.append(labels[int(members[np.argmax(size[members])])])
    choice = "given priority" if priority is not None else by
    return FeatureClusters(
        names=labels,
        cluster=cluster,
        representatives=tuple(chosen),
        dynamic_range=size,
        constant=tuple(labels[int(j)] for j in np.flatnonzero(cluster == 0)),
        rule=f"complete linkage of 1 - |Spearman|, cut at {1 - threshold:.4g}; representative of largest {choice}",
    )


def rad_score(path: LassoPath, penalty: float) -> RadScore:
    """Return the score of a LASSO model at one lambda, as lambda.min of a cross-validation."""
    intercept, coefficients = path.at(penalty)
    selected = {path.names[int(j)]: float(coefficients[j]) for j in np.flatnonzero(coefficients)}
    return RadScore(intercept, selected, path.positive, float(penalty))


def _n_rows(features: ArrayLike | Mapping[str, ArrayLike]) -> int:
    if not isinstance(features, Mapping):
        return int(check_real_array("features", features, ndim=2).shape[0])
    if not features:
        raise ValueError("features: expected at least one column, got none")
    return int(np.asarray(next(iter(features.values()))).size)


def _complete_linkage(x: Array, height: float) -> NDArray[np.int64]:
    """Return cluster numbers from 1 in the order of their first columns."""
    if x.shape[1] < 2:
        return np.ones(x.shape[1], dtype=np.int64)
    ranks, _ = standardise(rankdata(x, axis=0))
    distance = 1 - np.abs(np.clip(ranks.T @ ranks / len(x), -1, 1))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(np.maximum(distance, 0.0), checks=False), method="complete")
    # equal ranks have a distance of 0 but for rounding
    found = fcluster(tree, t=height + 1e-12, criterion="distance")
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    order = np.empty(first.size, dtype=np.int64)
    order[np.argsort(first)] = np.arange(1, first.size + 1)
    return np.asarray(order[inverse])
