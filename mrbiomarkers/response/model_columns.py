"""What the models of response take: an outcome of two classes and columns of numbers, checked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_real_array
from mrbiomarkers.response.labels import read_labels, two_classes

Array = NDArray[np.float64]


def check_outcome(outcome: ArrayLike, positive: Any = None) -> tuple[Array, str]:
    """Return the outcome as 0 and 1 (NaN where missing), and the class that counts as 1, in words.

    Parameters
    ----------
    outcome : (n,) array_like
        Two classes. Missing: NaN, None or an empty text.
    positive : optional
        The class that is modelled. Must be given unless the outcome is 0 and 1 or boolean, where it is 1.

    Raises
    ------
    ValueError
        When there are not two classes, or the positive one is not among them or not said.
    """
    labels = read_labels("outcome", outcome)
    event, _ = two_classes(labels, positive)
    return np.array([np.nan if label is None else float(label == event) for label in labels]), f"{event}"


def check_columns(
    name: str, columns: ArrayLike | Mapping[str, ArrayLike], n: int, names: Sequence[str] | None = None
) -> tuple[Array, tuple[str, ...]]:
    """Return columns as a float64 matrix (n, p) with their names; NaN where a value is missing.

    Parameters
    ----------
    name : str
        Argument name for messages.
    columns : (n, p) array_like or mapping of str to (n,) array_like
        Numbers; a mapping brings its own names.
    n : int
        Rows that are expected.
    names : sequence of str, optional
        Names of the columns of an array; ``x1``, ``x2``, ... when not given.

    Raises
    ------
    TypeError
        When a column holds something else than real numbers.
    ValueError
        When there is no column, a length differs, a name comes twice, or a value is infinite.
    """
    if isinstance(columns, Mapping):
        labels = tuple(str(key) for key in columns)
        parts = [check_real_array(f"{name}[{key!r}]", column, ndim=1) for key, column in columns.items()]
        for label, part in zip(labels, parts, strict=True):
            if part.shape != (n,):
                raise ValueError(f"{name}[{label!r}]: expected {n} values, as the outcome has, got {part.shape[0]}")
        matrix = np.array(parts, dtype=np.float64).T.reshape(n, len(parts))
    else:
        matrix = check_real_array(name, columns, ndim=2).astype(np.float64)
        labels = tuple(f"x{i + 1}" for i in range(matrix.shape[1])) if names is None else tuple(map(str, names))
    if matrix.shape[0] != n:
        raise ValueError(f"{name}: expected {n} rows, as the outcome has, got {matrix.shape[0]}")
    if matrix.shape[1] == 0:
        raise ValueError(f"{name}: expected at least one column, got none")
    if len(labels) != matrix.shape[1]:
        raise ValueError(f"names: expected {matrix.shape[1]}, one for each column, got {len(labels)}")
    twice = sorted({label for label in labels if labels.count(label) > 1}) if len(set(labels)) < len(labels) else []
    if twice:
        raise ValueError(f"names: expected each name once, got {', '.join(twice[:5])} more than once")
    infinite = [labels[j] for j in np.flatnonzero(np.isinf(matrix).any(axis=0))]
    if infinite:
        raise ValueError(f"{name}: expected finite values, or NaN where one is missing; infinite in {listed(infinite)}")
    return matrix, labels


def check_complete(name: str, matrix: Array, labels: Sequence[str]) -> None:
    """Refuse missing values where a method has no answer to them.

    Raises
    ------
    ValueError
        When a value is NaN; the message names the columns with their counts.
    """
    missing = np.isnan(matrix).sum(axis=0)
    if missing.any():
        found = [f"{labels[int(j)]} ({missing[j]})" for j in np.flatnonzero(missing)]
        raise ValueError(f"{name}: expected no missing values (impute them first); missing in {listed(found)}")


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names in one line, the first few and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or bool(value != value)  # NaN is the only number that differs from itself
