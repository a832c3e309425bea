"""``mrbiomarkers demo``: simulate a lumbar spine, write it to files, and run the main job on them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrbiomarkers.cli import diffusion
from mrbiomarkers.files import Volume, prepare_output, write_nifti_series, write_text, write_volume
from mrbiomarkers.maps import reported_value
from mrbiomarkers.measurements import measurements_from_csv
from mrbiomarkers.phantom import LumbarPhantom, lumbar_diffusion
from mrbiomarkers.quantities import quantity


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="simulate a subject and run the main job on it",
        description="Simulate a sagittal lumbar spine with 11 b-values, then fit, measure and draw it. No download.",
        epilog="example:\n  mrbiomarkers demo --out demo_output",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", default="demo_output", metavar="DIR", help="folder for data and results (demo_output)")
    parser.add_argument("--snr", type=float, default=40.0, help="signal-to-noise ratio of marrow at b = 0 (40)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the noise (1)")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier demo")
    parser.set_defaults(run=run, command="demo")


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    phantom = lumbar_diffusion(shape=(11, 160, 160), snr=options.snr, seed=options.seed, lesion=True)
    out = prepare_output(options.out, overwrite=options.overwrite)
    data = prepare_output(out / "data", overwrite=True)
    words = [*_write_data(data, phantom), "--subject", "simulated", "--out", str(out / "results"), "--overwrite"]
    print(f"A simulated lumbar spine is in {data.resolve()}. Now running:")
    print(f"mrbiomarkers diffusion {' '.join(words)}\n")
    parser = argparse.ArgumentParser()
    diffusion.add_parser(parser.add_subparsers())
    diffusion.run(parser.parse_args(["diffusion", *words]))
    _compare(out / "results", phantom)


def _write_data(folder: Path, phantom: LumbarPhantom) -> list[str]:
    """Write series, b-values, masks and truth; return the arguments that measure them."""
    series = folder / "dwi.nii.gz"
    write_nifti_series(series, phantom.series)
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
    return [str(series), "--regions", *words]


def _compare(results: Path, phantom: LumbarPhantom) -> None:
    """Print the fitted values beside the truth of the simulation."""
    rows = measurements_from_csv((results / "measurements.csv").read_text(encoding="utf-8"))
    fits = {(row.region, row.quantity): row for row in rows if row.method == "fit of mean signal"}
    print("\nFit of the mean signal of each region, its 95 % interval, and the truth of the simulation")
    print(f"{'region':<8}" + "".join(f"{quantity(key).label:^38}" for key in ("f", "D", "Dstar")))
    for region, truth in phantom.region_truth.items():
        cells = []
        for key in ("f", "D", "Dstar"):
            row = fits[region, key]
            digits = 1 if key == "Dstar" else 3
            interval = f"({row.ci_low:.{digits}f} to {row.ci_high:.{digits}f})"
            cells.append(f"{row.value:.{digits}f} {interval}, true {reported_value(key, truth[key]):.{digits}f}")
        print(f"{region:<8}" + "".join(f"{cell:^38}" for cell in cells))
    print(f"\nmaps       {results.resolve()}/*.nii.gz")
    print(f"table      {(results / 'measurements.csv').resolve()}")
    print(f"pictures   {results.resolve()}/*.png")
