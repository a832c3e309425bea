"""The gate: whether what a search found replaces the start it set out from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.settings import RegistrationSettings

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float64]

_STRETCH = 0.12  # beyond what an echo-planar image is stretched by, the search has bent the anatomy


@dataclass(frozen=True, eq=False)
class Finding:
    """What a search found.

    Attributes
    ----------
    kind : str
        ``"rigid"`` or ``"affine"``.
    motion : (4, 4) array [mm]
        Moving to fixed.
    move : float [mm]
        Mean distance by which it moves the bodies from the start.
    before, after : float [nat]
        Mutual information of what it set out from, and its own; NaN where the search failed.
    peak : float
        See :meth:`mrbiomarkers.registration.matching.Matcher.peak`.
    """

    kind: str
    motion: Matrix
    move: float
    before: float
    after: float
    peak: float


def mean_move(motion: Matrix, start: Matrix, bodies: Vectors) -> float:
    """Return how far [mm], on average, points (N, 3) of the fixed image lie from where the start put them."""
    change = motion @ np.linalg.inv(start)
    moved = bodies @ change[:3, :3].T + change[:3, 3]
    return float(np.mean(np.linalg.norm(moved - bodies, axis=1)))


def refusals(found: Finding, settings: RegistrationSettings) -> list[str]:
    """Return why a finding is refused, one phrase a reason; empty when it is kept."""
    if np.isnan(found.after):
        return ["the search left the images"]
    reasons = []
    if not found.after > found.before:
        reasons.append(f"the mutual information is no better ({found.before:.3f} before, {found.after:.3f} after)")
    elif found.after < settings.min_metric:
        reasons.append(
            f"the images tell too little of each other ({found.after:.3f} nat of mutual information, at least "
            f"{settings.min_metric:g})"
        )
    if not found.move <= settings.max_move:
        reasons.append(f"the bodies would move by {found.move:.1f} mm (at most {settings.max_move:g})")
    if not found.peak >= settings.min_peak:
        reasons.append(
            f"the mutual information is only {found.peak:.1f} times that of the images pushed 10 mm apart "
            f"(at least {settings.min_peak:g})"
        )
    if found.kind == "affine":
        stretch = float(np.max(np.abs(np.linalg.svd(found.motion[:3, :3], compute_uv=False) - 1)))
        if not stretch <= _STRETCH:
            reasons.append(f"it would stretch the image by {stretch:.0%} (at most {_STRETCH:.0%})")
    return reasons
