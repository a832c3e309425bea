"""What the sub-commands write and print alike: the segmentation, its record, its figure, and a table."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files import Volume, suffix_of, write_json, write_regions
from mrbiomarkers.regions import describe_grid
from mrbiomarkers.report import region_figure, save_figure
from mrbiomarkers.report.style import ON_GREY

Mask = NDArray[np.bool_]

_DPI = 200
_SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add ``--out`` and ``--overwrite``."""
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="regions to write: .seg.nrrd for 3D Slicer, or a label map (.nii.gz, .nii, .nrrd) with a legend beside it",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def check_outputs(options: argparse.Namespace, inputs: Sequence[str | None]) -> None:
    """Check, before any work, that the files of ``--out`` can be written and are none of ``inputs``.

    Raises
    ------
    ValueError
        When the suffix is not supported, or one of them is an input.
    FileExistsError
        When one of them exists and ``--overwrite`` was not given.
    FileNotFoundError, PermissionError
        When the folder does not exist or is not writable.
    """
    out = Path(options.out)
    suffix = suffix_of(out)
    if suffix not in _SUFFIXES or len(out.name) == len(suffix):
        raise ValueError(f"--out {out}: expected a file name that ends in {', '.join(_SUFFIXES)}")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"--out {out}: the folder {out.parent} does not exist")
    if not os.access(out.parent, os.W_OK):
        raise PermissionError(f"--out {out}: the folder {out.parent} is not writable")
    read = {Path(path).resolve() for path in inputs if path is not None}
    changed = [path.name for path in _files(out) if path.resolve() in read]
    if changed:
        raise ValueError(f"--out {out}: expected another name, for {changed[0]} is an input and would be replaced")
    there = [path.name for path in _files(out) if path.exists()]
    if there and not options.overwrite:
        raise FileExistsError(f"--out {out}: {', '.join(there)} exists; --overwrite replaces it")


def write_results(
    options: argparse.Namespace,
    masks: Mapping[str, Mask],
    background: Volume,
    record: Mapping[str, Any],
    warnings: Sequence[str],
    title: str,
) -> None:
    """Write the regions, the record and the figure; ``background`` is the image on the grid of the masks."""
    out = Path(options.out)
    regions, json_file, png_file, *_ = _files(out)
    colours = {name: _rgb(ON_GREY[n % len(ON_GREY)]) for n, name in enumerate(masks)}
    figure = region_figure(background.values, masks, background.affine, title=title)
    grid = describe_grid(background.values.shape, background.affine)
    write_regions(regions, masks, background.affine, colours=colours)
    write_json(json_file, {"command": options.command, **record, "grid": grid, "warnings": list(warnings)})
    save_figure(figure, png_file, dpi=_DPI)


def say(options: argparse.Namespace, levels: Mapping[str, Mapping[str, Any]], warnings: Sequence[str]) -> None:
    """Print a line for each level (a margin of None as "-"), what to look at, and where the files are."""
    print(f"{'level':<6}{'voxels':>8}{'area [mm2]':>12}{'margin [mm]':>13}")
    for name, facts in levels.items():
        margin = "-" if facts.get("margin_mm") is None else f"{facts['margin_mm']:.1f}"
        print(f"{name:<6}{facts['n_voxels']:>8}{facts['area_mm2']:>12.0f}{margin:>13}")
    for line in warnings:
        print(f"warning: {line}")
    regions, record, figure, *_ = _files(Path(options.out))
    print(f"regions in {regions.resolve()}, record in {record.name}, figure to check in {figure.name}")


def _files(out: Path) -> tuple[Path, ...]:
    """Return the regions, the record, the figure and, of a plain label map, the legend."""
    stem = out.name[: -len(suffix_of(out))]
    names = [f"{stem}.json", f"{stem}.png"]
    if suffix_of(out) != ".seg.nrrd":
        names.append(f"{stem}.labels.json")
    return out, *(out.with_name(name) for name in names)


def _rgb(colour: str) -> tuple[float, float, float]:
    """Return the colour ``#rrggbb`` as red, green and blue, 0 to 1."""
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return red, green, blue
