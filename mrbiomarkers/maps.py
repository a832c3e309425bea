"""Parameter maps with their unit and status, and the only place where a unit changes."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_affine, check_real_array
from mrbiomarkers.quantities import QUANTITIES, Quantity


class Status(enum.IntFlag):
    """Why a voxel holds no value, or what to know about the value it holds.

    The first four mean *not fitted* (the map is NaN); the others come with a value.
    """

    FITTED = 0
    OUTSIDE_MASK = 1
    NOT_FINITE = 2
    NO_SIGNAL = 4
    CONSTANT = 8
    NOT_CONVERGED = 16
    ON_BOUND = 32
    UNDETERMINED = 64
    BEYOND_MODEL = 128
    NOT_IDENTIFIABLE = 256
    AMBIGUOUS = 512
    MERGED = 1024


NOT_FITTED = Status.OUTSIDE_MASK | Status.NOT_FINITE | Status.NO_SIGNAL | Status.CONSTANT

STATUS_TEXT: dict[Status, str] = {
    Status.FITTED: "fitted",
    Status.OUTSIDE_MASK: "not fitted: outside the mask",
    Status.NOT_FINITE: "not fitted: NaN or infinite signal",
    Status.NO_SIGNAL: "not fitted: no positive signal",
    Status.CONSTANT: "not fitted: the same signal at every b-value",
    Status.NOT_CONVERGED: "fitted, but the iteration limit was reached",
    Status.ON_BOUND: "fitted, and this parameter ended on a bound",
    Status.UNDETERMINED: "fitted, but this parameter has no influence there (its compartment is empty)",
    Status.BEYOND_MODEL: "fitted, but the largest b-value lies beyond the range of the model (b > 3 / (MD MK))",
    Status.NOT_IDENTIFIABLE: (
        "fitted, but this parameter cannot be told at this noise: its standard error exceeds its value"
    ),
    Status.AMBIGUOUS: "fitted, but water and fat may be exchanged: voxel and neighbours do not decide",
    Status.MERGED: "fitted, but the solutions with more water and with more fat have merged: PDFF near 50 % is biased",
}


def parameter_flags(position: int) -> tuple[int, int, int]:
    """Return the (on a bound, undetermined, not identifiable) flags of one parameter in the status of a whole fit.

    The status of a fit (uint32) holds the flags of :class:`Status` in its low 16 bits and, above them, three of its own
    for each bounded parameter, numbered by ``position`` from 0 to 4.
    """
    first = 1 << 16 + 3 * position
    return first, 2 * first, 4 * first


@dataclass(frozen=True, eq=False)
class ParameterMap:
    """One quantity on a grid.

    Attributes
    ----------
    values : (K, J, I) array
        In ``unit``; NaN where not fitted.
    quantity : Quantity
        What is mapped.
    unit : str
        Unit of ``values``: the quantity's kernel unit or its reported unit.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    status : (K, J, I) uint16 array
        :class:`Status` flags of every voxel (uint8 is widened); made from NaN where not given.
    provenance : mapping
        What made the map: software version, model, method, b-values, bounds.

    Raises
    ------
    TypeError
        When the values are not floating point, or the status is not of unsigned integers of 16 bits at most.
    ValueError
        When shapes differ or the unit is not one of the quantity's two units.
    """

    values: NDArray[np.floating]
    quantity: Quantity
    unit: str
    affine: NDArray[np.float64]
    status: NDArray[np.uint16] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = check_real_array(f"values of {self.quantity.key}", self.values, ndim=3)
        if values.dtype.kind != "f":
            raise TypeError(f"values of {self.quantity.key}: expected floating point, got {values.dtype}")
        if self.unit not in (self.quantity.unit, self.quantity.reported_unit):
            raise ValueError(
                f"unit of {self.quantity.key}: expected {self.quantity.unit!r} or {self.quantity.reported_unit!r}, "
                f"got {self.unit!r}"
            )
        status = self.status
        if status is None:
            status = np.where(np.isfinite(values), Status.FITTED, Status.NOT_FINITE).astype(np.uint16)
        if status.shape != values.shape:
            raise ValueError(f"status of {self.quantity.key}: expected shape {values.shape}, got {status.shape}")
        if not np.can_cast(status.dtype, np.uint16):
            raise TypeError(f"status of {self.quantity.key}: expected flags as uint16 or uint8, got {status.dtype}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "affine", check_affine(self.affine))
        object.__setattr__(self, "status", status.astype(np.uint16, copy=False))

    @property
    def is_reported(self) -> bool:
        """Whether the values are already in the unit that a person reads."""
        return self.unit == self.quantity.reported_unit


def to_reported(parameter_map: ParameterMap) -> ParameterMap:
    """Return the map in its reported unit; a map that is already reported is returned as it is.

    Parameters
    ----------
    parameter_map : ParameterMap
        In the kernel or the reported unit.

    Returns
    -------
    ParameterMap
        The same map in ``quantity.reported_unit``, with the same floating point type.
    """
    if parameter_map.is_reported:
        return parameter_map
    known = parameter_map.quantity
    scaled = parameter_map.values * np.asarray(known.scale, dtype=parameter_map.values.dtype)
    return replace(parameter_map, values=scaled, unit=known.reported_unit)


def kernel_value(key: str, value: float) -> float:
    """Return a single value of quantity ``key``, given in its reported unit, in its kernel unit."""
    return value / QUANTITIES[key].scale


def reported_value(key: str, value: float) -> float:
    """Return a single kernel-unit value of quantity ``key`` in its reported unit."""
    return value * QUANTITIES[key].scale
