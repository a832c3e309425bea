"""What ``mrbiomarkers diffusion`` writes and prints: maps, table, figures, and the fitted values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.cli.diffusion.inputs import InputSeries
from mrbiomarkers.cli.results import file_name, write_maps, write_status
from mrbiomarkers.diffusion import MODELS, ModelSelection
from mrbiomarkers.files import Volume, write_json, write_map_with_sidecar, write_text, write_volume
from mrbiomarkers.jobs import DiffusionResult
from mrbiomarkers.maps import ParameterMap, reported_value
from mrbiomarkers.measurements import measurements_to_csv
from mrbiomarkers.quantities import quantity
from mrbiomarkers.report import decay_figure, map_panel, save_figure
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings

Mask = NDArray[np.bool_]


def write_results(
    out: Path,
    series: DiffusionSeries,
    regions: dict[str, Mask],
    result: DiffusionResult,
    settings: DiffusionSettings,
    *,
    suffix: str,
    read: InputSeries,
) -> None:
    """Write maps, table and figures of one subject into the folder ``out``; ``suffix`` is the format of the maps."""
    write_maps(out, result.maps, suffix)
    for model, status in result.status.items():
        write_status(out / f"status_{model}", status, series.affine, suffix, model=model)
    if result.selection is not None:
        _write_selection(out, series, result.selection, suffix)
    write_text(out / "measurements.csv", measurements_to_csv(result.rows))
    write_json(out / "run.json", _record(read, settings, result))
    _write_figures(out, series, regions, result)


def _write_figures(out: Path, series: DiffusionSeries, regions: dict[str, Mask], result: DiffusionResult) -> None:
    low_b = series.signal[..., int(np.argmin(series.bvalues))]
    hidden = ("S0", "rmse", "sd_")
    shown = [m for m in result.maps.values() if not m.quantity.key.startswith(hidden)]
    for name, mask in regions.items():
        decay = result.decays[name]
        curves = {_curve_label(fit.model, fit.values): fit.signal for fit in decay.fits.values()}
        figure = decay_figure(name, series.bvalues, decay.mean, decay.sd, curves, n_voxels=decay.n_voxels)
        save_figure(figure, out / f"decay_{file_name(name)}.png")
        index = int(mask.sum(axis=(1, 2)).argmax())
        panel = map_panel(low_b, shown, regions, series.affine, index, region=name)
        save_figure(panel, out / f"maps_{file_name(name)}.png")


def _write_selection(out: Path, series: DiffusionSeries, selection: ModelSelection, suffix: str) -> None:
    """Write the number of the best model of each voxel (0: none), and how much of the variance each model explains."""
    numbers = (selection.best + 1).astype(np.uint8)
    write_volume(out / f"best_model{suffix}", Volume(numbers, series.affine))
    legend = {0: "not compared", **{n: MODELS[model].name for n, model in enumerate(selection.models, start=1)}}
    write_json(out / "best_model.json", {"criterion": "smallest corrected Akaike criterion", "numbers": legend})
    known = quantity("R2")
    for model, values in selection.r_squared.items():
        provenance = {"software": f"MRBiomarkers {__version__}", "model": model}
        explained = ParameterMap(values, known, known.unit, series.affine, provenance=provenance)
        write_map_with_sidecar(out / f"R2_{model}{suffix}", explained)


def _record(read: InputSeries, settings: DiffusionSettings, result: DiffusionResult) -> dict[str, object]:
    """Return what made the results; no file name, which may hold a patient's name."""
    series = read.series
    return {
        "software": f"MRBiomarkers {__version__}",
        "settings": asdict(settings),
        "bvalues_s_per_mm2": series.bvalues,
        "images": None if series.source is None else list(series.source),
        "averages": series.averages,
        "acquisition": read.acquisition,
        "notes": list(read.notes),
        "warnings": result.warnings,
    }


def _curve_label(model: str, values: dict[str, float]) -> str:
    parts = []
    for key, value in values.items():
        if key != "S0":
            known = quantity(key)
            unit = "" if known.reported_unit == "1" else f" × {known.reported_unit}"
            parts.append(f"{known.symbol} {reported_value(key, value):.3g}{unit}")
    return f"{MODELS[model].name}: {', '.join(parts)}"


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
