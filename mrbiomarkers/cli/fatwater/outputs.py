"""What ``mrbiomarkers fatwater`` prints: the measured values, and where the results are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement

_SAID = ("PDFF", "R2star", "T2star")


def say(
    out: Path,
    rows: Sequence[Measurement],
    warnings: Sequence[str],
    maps: Mapping[str, ParameterMap],
    *,
    notes: Sequence[str] = (),
) -> None:
    """Print what was read and measured, what to be careful with, and where the results are."""
    for line in notes:
        print(f"note: {line}")
    for row in rows:
        if row.quantity in _SAID:
            spread = "" if np.isnan(row.se) else f" ({row.ci_low:.2f} to {row.ci_high:.2f})"
            count = "1 voxel" if row.n_voxels == 1 else f"{row.n_voxels} voxels"
            print(f"{row.region:>12}  {row.quantity:<6} {row.value:8.2f}{spread} {row.unit}  [{row.method}, {count}]")
    for line in warnings:
        print(f"warning: {line}")
    print(f"maps: {', '.join(maps)}")
    print(f"results in {out.resolve()}")
