"""Columns as they come: groups and classes as text or numbers, figures as numbers, and what is missing in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Label: TypeAlias = "str | int | float"


def clean_label(value: Any) -> Label | None:
    """Return one class as trimmed text, int or float; None where it is None, NaN or empty text."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or value != value:  # NaN
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def read_labels(name: str, values: Sequence[Any] | ArrayLike) -> list[Label | None]:
    """Return classes as text or numbers, None where one is missing; False and True are 0 and 1.

    Parameters
    ----------
    name : str
        Of the column, for the message.
    values : (n,) sequence
        One value for each patient.

    Raises
    ------
    ValueError
        When there are several values for a patient.
    """
    items = _items(name, values)
    return [clean_label(value) for value in items]


def two_classes(labels: Sequence[Label | None], positive: Label | None) -> tuple[Label, Label]:
    """Return the positive and the negative class.

    Raises
    ------
    ValueError
        When there are not two classes, or the positive class is not one of them or has to be said.
    """
    counts = Counter(label for label in labels if label is not None)
    ordered = sorted(counts.items(), key=lambda item: str(item[0]))
    shown = ", ".join(f"{label!r} ({count})" for label, count in ordered[:5]) + (", ..." if len(ordered) > 5 else "")
    if len(counts) != 2:
        raise ValueError(f"outcome: expected two classes, got {len(counts)}: {shown or 'all are missing'}")
    if positive is None:
        if set(counts) != {0, 1}:
            raise ValueError(f"positive: say which class is the positive one, of {shown}")
        return 1, 0
    chosen = clean_label(positive)
    if chosen is None or chosen not in counts:
        raise ValueError(f"positive: expected one of {shown}; got {positive!r}")
    return chosen, next(label for label in counts if label != chosen)


def read_numbers(name: str, values: Sequence[Any] | ArrayLike) -> NDArray[np.float64]:
    """Return a column of figures; NaN where one is missing (None, NaN or empty text).

    Parameters
    ----------
    name : str
        Of the column, for the message.
    values : (n,) sequence
        One value for each patient; text that is a number is taken as one.

    Raises
    ------
    ValueError
        When a value is text or infinite; the message says the row, counted from 1, and the value.
    """
    if (
        isinstance(values, np.ndarray)
        and values.ndim == 1
        and values.dtype.kind in "biuf"
        and not np.isinf(values).any()
    ):
        return values.astype(np.float64)
    found = np.empty(len(items := _items(name, values)))
    for row, value in enumerate(items):
        label = clean_label(value) if not isinstance(value, complex) else str(value)
        try:
            found[row] = np.nan if label is None else float(label)
        except ValueError:
            raise ValueError(f"{name}: expected a number in row {row + 1}, got {value!r}") from None
        if np.isinf(found[row]):
            raise ValueError(f"{name}: expected a finite number in row {row + 1}, got {value!r}")
    return found


def _items(name: str, values: Sequence[Any] | ArrayLike) -> list[Any]:
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise ValueError(f"{name}: expected one value for each patient, got {values!r}")
    items: list[Any] = values.tolist() if isinstance(values, np.ndarray) else list(values)  # type: ignore[arg-type]
    if any(isinstance(value, list | tuple | np.ndarray) for value in items):
        raise ValueError(f"{name}: expected one value for each patient, got rows of several")
    return items
