"""``mrbiomarkers demo``: simulate a lumbar spine, write it to files, and run a command on them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from mrbiomarkers.cli import diffusion, fatwater
from mrbiomarkers.files import (
    Volume,
    prepare_output,
    write_echo_series,
    write_nifti_series,
    write_text,
    write_volume,
)
from mrbiomarkers.maps import reported_value
from mrbiomarkers.measurements import measurements_from_csv
from mrbiomarkers.phantom import lumbar_diffusion, lumbar_fat_water
from mrbiomarkers.quantities import quantity


class _Demo(NamedTuple):
    """What is shown: the command, its words, the quantities with their digits, and the truth of each region."""

    command: ModuleType
    words: list[str]
    digits: Mapping[str, int]
    truth: Mapping[str, Mapping[str, float]]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="simulate a subject and measure it",
        description="Simulate a sagittal lumbar spine with 11 b-values (diffusion) or 6 echoes (fatwater), then fit, "
        "measure and draw it. No download.",
        epilog="examples:\n  mrbiomarkers demo --out demo_output\n  mrbiomarkers demo fatwater --out demo_fatwater",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "kind", nargs="?", default="diffusion", choices=sorted(_KINDS), help="what to simulate (diffusion)"
    )
    parser.add_argument("--out", default="demo_output", metavar="DIR", help="folder for data and results (demo_output)")
    parser.add_argument("--snr", type=float, default=40.0, help="signal-to-noise ratio of marrow (40)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the noise (1)")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier demo")
    parser.set_defaults(run=run, command="demo")


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    simulate, write = _KINDS[options.kind]
    phantom = simulate(snr=options.snr, seed=options.seed, lesion=True)
    out = prepare_output(options.out, overwrite=options.overwrite)
    data = prepare_output(out / "data", overwrite=True)
    shown = write(data, phantom)
    words = [*shown.words, "--subject", "simulated", "--out", str(out / "results"), "--overwrite"]
    print(f"A simulated lumbar spine is in {data.resolve()}. Now running:")
    print(f"mrbiomarkers {options.kind} {' '.join(words)}\n")
    parser = argparse.ArgumentParser()
    shown.command.add_parser(parser.add_subparsers())
    shown.command.run(parser.parse_args([options.kind, *words]))
    _compare(out / "results", shown)


def _diffusion(folder: Path, phantom: Any) -> _Demo:
    path = folder / "dwi.nii.gz"
    write_nifti_series(path, phantom.series)
    words = [str(path), "--regions", *_write_regions(folder, phantom)]
    return _Demo(diffusion, words, {"f": 3, "D": 3, "Dstar": 1}, phantom.region_truth)


def _fatwater(folder: Path, phantom: Any) -> _Demo:
    magnitude, phase = folder / "magnitude.nii.gz", folder / "phase.nii.gz"
    write_echo_series(magnitude, phantom.series, phase_path=phase)
    words = [str(magnitude), "--phase", str(phase), "--regions", *_write_regions(folder, phantom)]
    return _Demo(fatwater, words, {"PDFF": 2, "R2star": 1}, phantom.region_truth)


_KINDS = {
    "diffusion": (lambda **options: lumbar_diffusion(shape=(11, 160, 160), **options), _diffusion),
    "fatwater": (lambda **options: lumbar_fat_water(shape=(11, 192, 192), **options), _fatwater),
}


def _write_regions(folder: Path, phantom: Any) -> Sequence[str]:
    """Write masks and truth; return the regions as words of the command line."""
    words = []
    for name, mask in phantom.regions.items():
        path = folder / f"{name}.nii.gz"
        write_volume(path, Volume(mask, phantom.series.affine))
        words.append(f"{name}={path}")
    lines = ["region,quantity,unit,value"]
    for region, values in phantom.region_truth.items():
        for key, value in values.items():
            lines.append(f"{region},{key},{quantity(key).reported_unit},{reported_value(key, value):.6g}")
    write_text(folder / "truth.csv", "\n".join(lines) + "\n")
    return words


def _compare(results: Path, shown: _Demo) -> None:
    """Print the fitted values beside the truth of the simulation."""
    rows = measurements_from_csv((results / "measurements.csv").read_text(encoding="utf-8"))
    fits = {(row.region, row.quantity): row for row in rows if row.method == "fit of mean signal"}
    print("\nFit of the mean signal of each region, its 95 % interval, and the truth of the simulation")
    print(f"{'region':<8}" + "".join(f"{quantity(key).label:^38}" for key in shown.digits))
    for region, truth in shown.truth.items():
        cells = []
        for key, digits in shown.digits.items():
            row = fits[region, key]
            interval = f"({row.ci_low:.{digits}f} to {row.ci_high:.{digits}f})"
            cells.append(f"{row.value:.{digits}f} {interval}, true {reported_value(key, truth[key]):.{digits}f}")
        print(f"{region:<8}" + "".join(f"{cell:^38}" for cell in cells))
    print(f"\nmaps       {results.resolve()}/*.nii.gz")
    print(f"table      {(results / 'measurements.csv').resolve()}")
    print(f"pictures   {results.resolve()}/*.png")
