"""A column divided by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.response.labels import Label, clean_label, read_labels, read_numbers


@dataclass(frozen=True, eq=False)
class SplitColumn:
    """What :func:`split_by_group` returns.

    Attributes
    ----------
    names : tuple of str
        Of the groups.
    values : tuple of (n,) array
        Figures of each group, none missing.
    n_missing : tuple of int
        Figures missing in each group.
    n_without_group : int
        Patients without a group.
    """

    names: tuple[str, ...]
    values: tuple[NDArray[np.float64], ...]
    n_missing: tuple[int, ...]
    n_without_group: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """Who is left out."""
        lines = []
        if any(self.n_missing):
            shown = ", ".join(f"{n} of {name}" for name, n in zip(self.names, self.n_missing, strict=True) if n)
            lines.append(f"patients whose value is missing are left out: {shown}")
        if self.n_without_group:
            lines.append(f"{self.n_without_group} patients without a group are left out")
        return tuple(lines)


def group_order(labels: Sequence[Label | None], order: Sequence[Label] | None) -> list[Label]:
    """Return the groups in their order: as given, or sorted, numbers before text.

    Raises
    ------
    ValueError
        When there are fewer than two groups, or the order does not hold the groups that there are.
    """
    present = {label for label in labels if label is not None}
    if len(present) < 2:
        raise ValueError(f"groups: expected two groups or more, got {', '.join(map(repr, present)) or 'none'}")
    if order is None:
        return sorted(present, key=lambda label: (isinstance(label, str), label))
    given = [label for label in map(clean_label, order) if label is not None]
    if len(given) != len(set(given)) or set(given) != present:
        shown = ", ".join(sorted(map(repr, present)))
        raise ValueError(f"order: expected the groups {shown}, each once; got {list(order)!r}")
    return given


def split_by_group(
    values: Sequence[Any] | ArrayLike, groups: Sequence[Any] | ArrayLike, *, order: Sequence[Label] | None = None
) -> SplitColumn:
    """Divide a column by group.

    Parameters
    ----------
    values : (n,) sequence
        Figures; None, NaN and empty text are missing.
    groups : (n,) sequence
        Text or numbers; None, NaN and empty text are missing.
    order : sequence, optional
        Of the groups.

    Raises
    ------
    ValueError
        When lengths differ, a value is text or infinite, or there are fewer than two groups.
    """
    column, labels = read_numbers("values", values), read_labels("groups", groups)
    if column.size != len(labels):
        raise ValueError(f"groups: expected {column.size} values, one for each figure, got {len(labels)}")
    names = group_order(labels, order)
    parts, missing = [], []
    for name in names:
        part = column[np.array([label == name for label in labels], dtype=np.bool_)]
        parts.append(part[~np.isnan(part)])
        missing.append(int(np.count_nonzero(np.isnan(part))))
    without = sum(label is None for label in labels)
    return SplitColumn(tuple(map(str, names)), tuple(parts), tuple(missing), without)
