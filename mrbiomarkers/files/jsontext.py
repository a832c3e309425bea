"""JSON text of the values that provenance and settings hold."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Return ``data`` as JSON text; keys keep their order.

    Turned into plain values: numpy scalars and arrays, tuples, sets, enumerations, dataclasses and paths. NaN, which
    JSON does not know, becomes null; an infinite number (an open bound) becomes ``"inf"`` or ``"-inf"``.

    Raises
    ------
    TypeError
        When a value has no plain form; the message names its type.
    """
    return json.dumps(_plain(data), indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name if isinstance(value, enum.Flag) else _plain(value.value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (float, np.floating)):
        return _plain_float(float(value))
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return _plain_container(value)


def _plain_container(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"data: expected values that JSON can hold, got {type(value).__name__}")


def _plain_float(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
