"""``mrbiomarkers diffusion``: ADC and IVIM maps, a table and figures from one diffusion series."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_mask
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.diffusion import MODELS
from mrbiomarkers.files import (
    Volume,
    check_output,
    prepare_output,
    read_mask,
    read_regions,
    read_series,
    suffix_of,
    write_json,
    write_map_with_sidecar,
    write_text,
    write_volume,
)
from mrbiomarkers.jobs import DiffusionResult, run_diffusion
from mrbiomarkers.maps import STATUS_TEXT, reported_value
from mrbiomarkers.measurements import measurements_to_csv
from mrbiomarkers.quantities import quantity
from mrbiomarkers.regions import place_mask
from mrbiomarkers.report import decay_figure, map_panel, save_figure
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DEFAULT_MODELS, DIFFUSION_MODELS, DiffusionSettings, MeasureSettings

Mask = NDArray[np.bool_]

EXAMPLE = """\
examples:
  mrbiomarkers diffusion dwi.nii.gz --regions L3=l3.nii.gz L4=l4.nii.gz --out results
      reads the b-values from dwi.bval beside the series
  mrbiomarkers diffusion dwi.nii.gz --bvalues 0 50 100 200 400 800 --regions readerA.seg.nrrd --out results
  mrbiomarkers diffusion dwi.seq.nrrd --models ivim --mask body.nrrd --out results

--out receives, for each model, maps in the format of the series with a JSON file beside each (unit, model, b-values,
software), measurements.csv (one row for each region, quantity and method) and, for each region, a decay figure and a
map panel.
"""


@dataclass
class _Regions:
    """Masks on the grid of the series, and the fraction of each that fell outside it."""

    masks: dict[str, Mask] = field(default_factory=dict)
    outside: dict[str, float] = field(default_factory=dict)


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "diffusion",
        help="ADC and IVIM maps, a table and figures from a diffusion series",
        description="Fit a diffusion series, voxel by voxel and region by region; write maps, a table and figures.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("series", metavar="SERIES", help="4-D NIfTI or NRRD, .seq.nrrd, or MultiVolume NRRD")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--bvalues", nargs="+", metavar="B", help="b-values in s/mm2, in the order of the images")
    source.add_argument("--bval", metavar="FILE", help="text file of b-values; default: the .bval beside the series")
    parser.add_argument(
        "--regions",
        nargs="+",
        default=[],
        metavar="NAME=MASK",
        help="masks with a name each, or one label map or .seg.nrrd with all regions",
    )
    parser.add_argument(
        "--resample-regions", action="store_true", help="copy regions from another grid by physical position"
    )
    parser.add_argument("--mask", metavar="FILE", help="voxels to fit; default: all")
    parser.add_argument(
        "--models", nargs="+", default=list(DEFAULT_MODELS), choices=DIFFUSION_MODELS, help="default: adc ivim"
    )
    parser.add_argument("--subject", default="", help="name written into the table")
    parser.add_argument("--timepoint", default="", help="time point written into the table")
    parser.add_argument("--reader", default="", help="who drew the regions, written into the table")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results in a folder that is not empty")
    parser.set_defaults(run=run, command="diffusion")


def run(options: argparse.Namespace) -> None:
    """Run the command; nothing is written, not even the folder, before the fits are done."""
    check_output(options.out, overwrite=options.overwrite)
    settings = DiffusionSettings(models=tuple(options.models))
    series = read_series(options.series, bvalues=_bvalues(options.bvalues), bval_file=options.bval)
    regions = _read_regions(options.regions, series, resample=options.resample_regions)
    mask = _read_fit_mask(options.mask, series, resample=options.resample_regions)
    identity = MeasureSettings(subject=options.subject, timepoint=options.timepoint, reader=options.reader)
    result = run_diffusion(
        series,
        regions.masks,
        settings=settings,
        identity=identity,
        mask=mask,
        outside=regions.outside,
        progress=terminal_progress("Fitting voxels"),
    )
    out = prepare_output(options.out, overwrite=options.overwrite)
    write_results(out, series, regions.masks, result, suffix=_map_suffix(options.series))
    _say(out, result)


def write_results(
    out: Path, series: DiffusionSeries, regions: dict[str, Mask], result: DiffusionResult, *, suffix: str
) -> None:
    """Write maps, table and figures of one subject into the folder ``out``; ``suffix`` is the format of the maps."""
    for name, parameter_map in result.maps.items():
        write_map_with_sidecar(out / f"{name}{suffix}", parameter_map)
    for model, status in result.status.items():
        write_volume(out / f"status_{model}{suffix}", Volume(status, series.affine))
        legend = {int(flag): text for flag, text in STATUS_TEXT.items()}
        write_json(out / f"status_{model}.json", {"model": model, "flags, which add up": legend})
    write_text(out / "measurements.csv", measurements_to_csv(result.rows))
    low_b = series.signal[..., int(np.argmin(series.bvalues))]
    shown = [m for m in result.maps.values() if m.quantity.key not in ("S0", "rmse")]
    for name, mask in regions.items():
        decay = result.decays[name]
        curves = {_curve_label(fit.model, fit.values): fit.signal for fit in decay.fits.values()}
        figure = decay_figure(name, series.bvalues, decay.mean, decay.sd, curves, n_voxels=decay.n_voxels)
        save_figure(figure, out / f"decay_{_file_name(name)}.png")
        index = int(mask.sum(axis=(1, 2)).argmax())
        panel = map_panel(low_b, shown, regions, series.affine, index, region=name)
        save_figure(panel, out / f"maps_{_file_name(name)}.png")


def _bvalues(words: list[str] | None) -> list[float] | None:
    """Return the numbers of ``--bvalues``, which may be separated by blanks or commas."""
    if words is None:
        return None
    values = []
    for word in " ".join(words).replace(",", " ").split():
        try:
            values.append(float(word))
        except ValueError:
            raise ValueError(f"--bvalues: expected numbers in s/mm2, got {word!r}") from None
    return values


def _read_regions(words: list[str], series: DiffusionSeries, *, resample: bool) -> _Regions:
    """Read ``--regions`` and bring every mask to the grid of the series."""
    found: dict[str, Volume] = {}
    for word in words:
        name, separator, path = word.partition("=")
        read = {name: read_mask(path)} if separator and not Path(word).exists() else read_regions(word)
        for key, volume in read.items():
            if not key.strip():
                raise ValueError(f"--regions {word}: expected NAME=MASK with a name before the equals sign")
            if key in found:
                raise ValueError(f"--regions: expected a different name for each region, got {key!r} twice")
            found[key] = volume
    regions = _Regions()
    file_names: dict[str, str] = {}
    for name, volume in found.items():
        other = file_names.setdefault(_file_name(name).lower(), name)
        if other != name:
            raise ValueError(f"--regions: {other!r} and {name!r} would give figures of the same file name; rename one")
        what = f"region {name!r} ({volume.name})"
        regions.masks[name], regions.outside[name] = _on_series_grid(what, volume, series, resample=resample)
    return regions


def _read_fit_mask(path: str | None, series: DiffusionSeries, *, resample: bool) -> Mask | None:
    return None if path is None else _on_series_grid(f"--mask {path}", read_mask(path), series, resample=resample)[0]


def _on_series_grid(what: str, volume: Volume, series: DiffusionSeries, *, resample: bool) -> tuple[Mask, float]:
    inside = check_mask(what, volume.values, volume.values.shape)
    return place_mask(what, inside, volume.affine, series.grid_shape, series.affine, resample=resample)


def _map_suffix(series_path: str) -> str:
    return ".nrrd" if suffix_of(series_path) in (".nrrd", ".nhdr", ".seq.nrrd") else ".nii.gz"


def _file_name(region: str) -> str:
    """Return the region's name with everything replaced that a file system may refuse."""
    return re.sub(r"[^\w.-]+", "_", region).strip("._") or "region"


def _curve_label(model: str, values: dict[str, float]) -> str:
    parts = []
    for key, value in values.items():
        if key != "S0":
            known = quantity(key)
            unit = "" if known.reported_unit == "1" else f" × {known.reported_unit}"
            parts.append(f"{known.symbol} {reported_value(key, value):.3g}{unit}")
    return f"{MODELS[model].name}: {', '.join(parts)}"


def _say(out: Path, result: DiffusionResult) -> None:
    """Print what was measured, what to be careful with, and where the results are."""
    fits = [row for row in result.rows if row.method == "fit of mean signal" and row.quantity not in ("S0", "rmse")]
    for row in fits:
        spread = "" if np.isnan(row.se) else f" ({row.ci_low:.3f} to {row.ci_high:.3f})"
        unit = "" if row.unit == "1" else f" {row.unit}"
        print(
            f"{row.region:>12}  {row.quantity:<6} {row.value:8.3f}{spread}{unit}  [{row.model}, {row.n_voxels} voxels]"
        )
    for line in result.warnings:
        print(f"warning: {line}")
    print(f"maps: {', '.join(result.maps)}")
    print(f"results in {out.resolve()}")
