"""The results of one fat-water subject on disk, fitted or from a scanner's own maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers import __version__
from mrbiomarkers.files import write_json, write_text
from mrbiomarkers.jobs import EchoFit, FatWaterResult, VendorResult
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.measurements import measurements_to_csv
from mrbiomarkers.report import echo_figure, map_panel, save_figure
from mrbiomarkers.series import EchoSeries
from mrbiomarkers.settings import FatWaterSettings
from mrbiomarkers.study.results import file_name, write_maps, write_status

Mask = NDArray[np.bool_]

_PANEL = ("water", "fat", "PDFF", "R2star", "field_map", "residual")


def write_fatwater_results(
    out: Path,
    series: EchoSeries,
    regions: Mapping[str, Mask],
    result: FatWaterResult,
    settings: FatWaterSettings,
    *,
    suffix: str = ".nii.gz",
    notes: Sequence[str] = (),
    figures: bool = True,
) -> None:
    """Write maps, table, record and figures of one subject.

    Parameters
    ----------
    out : path
        An existing folder. Files of the same names are replaced, others are left alone.
    series : EchoSeries
        What was fitted.
    regions : mapping of str to (K, J, I) array
        Masks on the grid of the series: those that ``result`` was made with.
    result : FatWaterResult
        What :func:`~mrbiomarkers.jobs.run_fatwater` returned.
    settings : FatWaterSettings
        With which it was made.
    suffix : str
        Format of the maps: ``".nii.gz"``, ``".nii"`` or ``".nrrd"``.
    notes : sequence of str
        How the series was read, for the record.
    figures : bool
        Also write figures, panels of maps and a decay for each region. They need matplotlib, which 3D Slicer does not
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
    if not figures:
        return
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


def write_vendor_results(
    out: Path, regions: Mapping[str, Mask], result: VendorResult, *, suffix: str = ".nii.gz", figures: bool = True
) -> None:
    """Write the maps of a scanner in known units, their table, record and panels.

    Parameters
    ----------
    out : path
        An existing folder. Files of the same names are replaced, others are left alone.
    regions : mapping of str to (K, J, I) array
        Masks on the grid of the maps: those that ``result`` was made with.
    result : VendorResult
        What :func:`~mrbiomarkers.jobs.run_vendor_maps` returned.
    suffix : str
        Format of the maps: ``".nii.gz"``, ``".nii"`` or ``".nrrd"``.
    figures : bool
        Also write panels of the maps, which need matplotlib.

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
    write_text(out / "measurements.csv", measurements_to_csv(result.rows))
    record: dict[str, Any] = {"software": f"MRBiomarkers {__version__}", "model": "scanner"}
    scales = {name: known.provenance["scale"] for name, known in result.maps.items()}
    write_json(out / "run.json", {**record, "scales": scales, "warnings": result.warnings})
    if figures:
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
