"""What ``mrbiomarkers fatwater`` writes and prints: maps, table, figures, and the measured values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.cli.results import file_name, write_maps, write_status
from mrbiomarkers.files import write_json, write_text
from mrbiomarkers.jobs import EchoFit, FatWaterResult, VendorResult
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import Measurement, measurements_to_csv
from mrbiomarkers.report import echo_figure, map_panel, save_figure
from mrbiomarkers.series import EchoSeries
from mrbiomarkers.settings import FatWaterSettings

Mask = NDArray[np.bool_]

_PANEL = ("water", "fat", "PDFF", "R2star", "field_map", "residual")
_SAID = ("PDFF", "R2star", "T2star")


def write_results(
    out: Path,
    series: EchoSeries,
    regions: Mapping[str, Mask],
    result: FatWaterResult,
    settings: FatWaterSettings,
    *,
    suffix: str,
    notes: Sequence[str],
) -> None:
    """Write maps, table and figures of one subject into the folder ``out``; ``suffix`` is the format of the maps."""
    write_maps(out, result.maps, suffix)
    write_status(out / "status", result.status, series.affine, suffix)
    write_text(out / "measurements.csv", measurements_to_csv(result.rows))
    record = {
        "software": f"MRBiomarkers {__version__}",
        "settings": asdict(settings),
        **result.record,
        "notes": list(notes),
        "warnings": result.warnings,
    }
    write_json(out / "run.json", record)
    shown = [result.maps[name] for name in _PANEL if name in result.maps]
    _write_panels(out, np.abs(series.signal[..., 0]), shown, regions)
    for name, decay in result.decays.items():
        figure = echo_figure(
            name,
            series.echo_times,
            decay.mean,
            decay.sd,
            {_label(decay.fit): decay.fit.signal},
            field_strength=series.field_strength,
            n_voxels=decay.n_voxels,
        )
        save_figure(figure, out / f"decay_{file_name(name)}.png")


def write_vendor_results(out: Path, regions: Mapping[str, Mask], result: VendorResult, *, suffix: str) -> None:
    """Write the maps of a scanner in known units, their table and panels into the folder ``out``."""
    write_maps(out, result.maps, suffix)
    write_text(out / "measurements.csv", measurements_to_csv(result.rows))
    record: dict[str, Any] = {"software": f"MRBiomarkers {__version__}", "model": "scanner"}
    scales = {name: known.provenance["scale"] for name, known in result.maps.items()}
    write_json(out / "run.json", {**record, "scales": scales, "warnings": result.warnings})
    first = next(iter(result.maps.values()))
    _write_panels(out, np.nan_to_num(first.values), list(result.maps.values()), regions)


def _write_panels(
    out: Path, background: NDArray[np.generic], shown: list[ParameterMap], regions: Mapping[str, Mask]
) -> None:
    """Draw the slice that holds most of the regions, else the middle one, and the largest slice of each region."""
    affine = shown[0].affine
    together = np.sum([mask.sum(axis=(1, 2)) for mask in regions.values()], axis=0) if regions else np.zeros(1)
    middle = int(together.argmax()) if regions else len(background) // 2
    save_figure(map_panel(background, shown, regions, affine, middle), out / "maps.png")
    for name, mask in regions.items():
        index = int(mask.sum(axis=(1, 2)).argmax())
        panel = map_panel(background, shown, regions, affine, index, region=name)
        save_figure(panel, out / f"maps_{file_name(name)}.png")


def _label(fit: EchoFit) -> str:
    return f"Fit: PDFF {fit.values['PDFF']:.1f} %, R2* {fit.values['R2star']:.0f} 1/s"


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
