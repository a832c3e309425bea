"""Argument checks: each error names the argument, what was expected and what came."""

from __future__ import annotations

from mrbiomarkers.checks.acquisition import check_bvalues, check_echo_times, check_field_strength
from mrbiomarkers.checks.arrays import (
    check_affine,
    check_bounds,
    check_choice,
    check_level,
    check_mask,
    check_real_array,
)

__all__ = [
    "check_affine",
    "check_bounds",
    "check_bvalues",
    "check_choice",
    "check_echo_times",
    "check_field_strength",
    "check_level",
    "check_mask",
    "check_real_array",
]
