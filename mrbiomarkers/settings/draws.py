"""Settings of intervals and redrawn voxels, which several runs share."""

from __future__ import annotations


def check_draws(confidence: float, samples: int) -> None:
    """Check the settings of intervals and bootstrap."""
    if not 0.5 <= confidence <= 0.999:
        raise ValueError(f"confidence: expected 0.5 to 0.999, got {confidence}")
    if samples < 0 or 0 < samples < 100:
        raise ValueError(f"bootstrap_samples: expected 0, or 100 or more; got {samples}")
