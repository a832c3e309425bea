"""The results of one diffusion subject on disk: maps, table, record and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.diffusion import MODELS, ModelSelection
from mrbiomarkers.files import Volume, write_json, write_map_with_sidecar, write_text, write_volume
from mrbiomarkers.jobs import DiffusionResult
from mrbiomarkers.maps import ParameterMap, reported_value
from mrbiomarkers.measurements import measurements_to_csv
from mrbiomarkers.quantities import quantity
from mrbiomarkers.report import decay_figure, map_panel, save_figure
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DiffusionSettings
from mrbiomarkers.study.results import file_name, write_maps, write_status

Mask = NDArray[np.bool_]


def write_diffusion_results(
    out: Path,
    series: DiffusionSeries,
    regions: Mapping[str, Mask],
    result: DiffusionResult,
    settings: DiffusionSettings,
    *,
    suffix: str = ".nii.gz",
    acquisition: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    figures: bool = True,
) -> None:
    """Write maps, table, record and figures of one subject.

    Parameters
    ----------
    out : path
        An existing folder. Files of the same names are replaced, others are left alone.
    series : DiffusionSeries
        What was fitted.
    regions : mapping of str to (K, J, I) array
        Masks on the grid of the series: those that ``result`` was made with.
    result : DiffusionResult
        What :func:`~mrbiomarkers.jobs.run_diffusion` returned.
    settings : DiffusionSettings
        With which it was made.
    suffix : str
        Format of the maps: ``".nii.gz"``, ``".nii"`` or ``".nrrd"``.
    acquisition : mapping, optional
        How the series was acquired, for the record; without the patient's identity and without file names.
    notes : sequence of str
        How the series was read, for the record.
    figures : bool
        Also write figures, a decay and a panel of maps for each region. They need matplotlib, which 3D Slicer does not
        bundle.

    Raises
    ------
    ValueError
        When ``suffix`` is no format that maps are written in.
    OSError
        When a file cannot be written.
    ImportError
        When figures are asked for and matplotlib is not installed; the other files are there then.
    """
    write_maps(out, result.maps, suffix)
    for model, status in result.status.items():
        write_status(out / f"status_{model}", status, series.affine, suffix, model=model)
    if result.selection is not None:
        _write_selection(out, series, result.selection, suffix)
    write_text(out / "measurements.csv", measurements_to_csv(result.rows))
    # No file name in the record, which may hold a patient's name.
    record = {
        "software": f"MRBiomarkers {__version__}",
        "settings": asdict(settings),
        "bvalues_s_per_mm2": series.bvalues,
        "images": None if series.source is None else list(series.source),
        "averages": series.averages,
        "acquisition": dict(acquisition or {}),
        "notes": list(notes),
        "warnings": result.warnings,
    }
    write_json(out / "run.json", record)
    if figures:
        _write_figures(out, series, regions, result)


def _write_figures(out: Path, series: DiffusionSeries, regions: Mapping[str, Mask], result: DiffusionResult) -> None:
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


def _curve_label(model: str, values: dict[str, float]) -> str:
    parts = []
    for key, value in values.items():
        if key != "S0":
            known = quantity(key)
            unit = "" if known.reported_unit == "1" else f" × {known.reported_unit}"
            parts.append(f"{known.symbol} {reported_value(key, value):.3g}{unit}")
    return f"{MODELS[model].name}: {', '.join(parts)}"
