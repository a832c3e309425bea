"""Regions and masks that a command is given, on the grid of the images."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.checks import check_mask
from mrbiomarkers.files import Volume, read_mask, read_regions, read_volume
from mrbiomarkers.regions import describe_grid, is_same_grid, place_mask
from mrbiomarkers.study import file_name

Mask = NDArray[np.bool_]
Shape = tuple[int, int, int]
Affine = NDArray[np.float64]


@dataclass
class Regions:
    """Masks on the grid of the images, and the fraction of each that fell outside it."""

    masks: dict[str, Mask] = field(default_factory=dict)
    outside: dict[str, float] = field(default_factory=dict)


def add_regions(parser: argparse.ArgumentParser, *, mask: str) -> None:
    """Add ``--regions``, ``--resample-regions`` and ``--mask``."""
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
    parser.add_argument("--mask", metavar="FILE", help=mask)


def read_input_regions(words: list[str], shape: Shape, affine: Affine, *, resample: bool) -> Regions:
    """Read ``--regions`` and bring every mask to the grid of the images."""
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
    regions = Regions()
    file_names: dict[str, str] = {}
    for name, volume in found.items():
        other = file_names.setdefault(file_name(name).lower(), name)
        if other != name:
            raise ValueError(f"--regions: {other!r} and {name!r} would give figures of the same file name; rename one")
        what = f"region {name!r} ({volume.name})"
        regions.masks[name], regions.outside[name] = _on_grid(what, volume, shape, affine, resample=resample)
    return regions


def read_fit_mask(path: str | None, shape: Shape, affine: Affine, *, resample: bool) -> Mask | None:
    """Read ``--mask`` and bring it to the grid of the images."""
    return None if path is None else _on_grid(f"--mask {path}", read_mask(path), shape, affine, resample=resample)[0]


def map_on_grid(option: str, path: str, shape: Shape, affine: Affine) -> NDArray[np.generic]:
    """Read a map that must lie on the grid of the images."""
    volume = read_volume(path)
    if not is_same_grid(volume.values.shape, volume.affine, shape, affine):
        ours, theirs = describe_grid(shape, affine), describe_grid(volume.values.shape, volume.affine)
        raise ValueError(f"{option} {path}: expected the grid of the series ({ours}), got {theirs}")
    return volume.values


def _on_grid(what: str, volume: Volume, shape: Shape, affine: Affine, *, resample: bool) -> tuple[Mask, float]:
    inside = check_mask(what, volume.values, volume.values.shape)
    return place_mask(what, inside, volume.affine, shape, affine, resample=resample)
