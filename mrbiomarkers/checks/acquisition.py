"""Checks of what a scanner was told: b-values, echo times, field strength."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks.arrays import check_real_array


def check_bvalues(bvalues: ArrayLike, n_measurements: int | None = None) -> NDArray[np.float64]:
    """Return b-values as a float64 vector after checking them.

    Parameters
    ----------
    bvalues : (B,) array_like [s/mm2]
        Finite, not negative, not all equal.
    n_measurements : int, optional
        Length of the measurement axis that the b-values describe.

    Raises
    ------
    ValueError
        When the b-values break one of these rules.
    """
    values = check_real_array("bvalues", bvalues, ndim=1).astype(np.float64)
    if n_measurements is not None and values.size != n_measurements:
        raise ValueError(
            f"bvalues: expected {n_measurements} values, one for each measurement (last axis), got {values.size}"
        )
    if values.size == 0:
        raise ValueError("bvalues: expected at least two b-values, got none")
    if not np.all(np.isfinite(values)):
        raise ValueError(f"bvalues: expected finite values in s/mm2, got {values.tolist()}")
    if values.min() < 0:
        raise ValueError(f"bvalues: expected values of 0 s/mm2 or more, got {values.min():g} s/mm2")
    if np.ptp(values) == 0:
        raise ValueError(f"bvalues: expected at least two different b-values, got only {values[0]:g} s/mm2")
    return values


def check_echo_times(echo_times: ArrayLike, n_echoes: int | None = None) -> NDArray[np.float64]:
    """Return echo times as a float64 vector after checking them.

    Parameters
    ----------
    echo_times : (N,) array_like [s]
        Ascending, each once, above 0; more than 1 s is taken for milliseconds and refused.
    n_echoes : int, optional
        Length of the echo axis that they describe.

    Raises
    ------
    ValueError
        When the echo times break one of these rules.
    """
    values = check_real_array("echo_times", echo_times, ndim=1).astype(np.float64)
    if n_echoes is not None and values.size != n_echoes:
        raise ValueError(f"echo_times: expected {n_echoes} values, one for each echo (last axis), got {values.size}")
    shown = ", ".join(f"{value:g}" for value in values)
    if values.size == 0 or not np.all(np.isfinite(values)) or values.min() <= 0:
        raise ValueError(f"echo_times: expected seconds above 0, got {shown or 'none'}")
    if values.max() > 1:
        raise ValueError(f"echo_times: expected seconds, as 0.0012, got {shown}; are these milliseconds?")
    if values.max() < 1e-4:
        raise ValueError(f"echo_times: expected seconds, as 0.0012, got {shown}: shorter than any echo time")
    if np.any(np.diff(values) <= 0):
        raise ValueError(f"echo_times: expected ascending values, each once, got {shown} s")
    return values


def check_field_strength(field_strength: float | None) -> float:
    """Return the field strength [T] as a float.

    Raises
    ------
    ValueError
        When it is missing or not from 0.05 to 20 T, as when it was given in mT, gauss or MHz.
    """
    if field_strength is None:
        raise ValueError("field_strength: expected tesla, as 3.0, got none")
    value = float(field_strength)
    if not 0.05 <= value <= 20:
        hint = "; is it in mT or MHz?" if value > 20 else ""
        raise ValueError(f"field_strength: expected 0.05 to 20 T, got {value:g}{hint}")
    return value
