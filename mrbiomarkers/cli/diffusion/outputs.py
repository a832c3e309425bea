"""What ``mrbiomarkers diffusion`` prints: the fitted values, and where the results are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrbiomarkers.diffusion import MODELS
from mrbiomarkers.jobs import DiffusionResult


def say(out: Path, result: DiffusionResult, notes: Sequence[str] = ()) -> None:
    """Print what was read and measured, what to be careful with, and where the results are."""
    for line in notes:
        print(f"note: {line}")
    fits = [
        row for row in result.rows if row.method == "fit of mean signal" and row.quantity not in ("S0", "rmse", "AICc")
    ]
    for row in fits:
        spread = "" if np.isnan(row.se) else f" ({row.ci_low:.3f} to {row.ci_high:.3f})"
        unit = "" if row.unit == "1" else f" {row.unit}"
        count = "1 voxel" if row.n_voxels == 1 else f"{row.n_voxels} voxels"
        value = f"{row.value:8.2g}" if row.quantity == "p_F" else f"{row.value:8.3f}"  # a small P is not 0.000
        print(f"{row.region:>12}  {row.quantity:<6} {value}{spread}{unit}  [{row.model}, {count}]")
    if result.selection is not None:
        shares = [f"{MODELS[m].name} {np.mean(result.selection.chosen(m)):.0%}" for m in result.selection.models]
        print(f"best model (AICc) of all voxels: {', '.join(shares)}")
    for line in result.warnings:
        print(f"warning: {line}")
    print(f"maps: {', '.join(result.maps)}")
    print(f"results in {out.resolve()}")
