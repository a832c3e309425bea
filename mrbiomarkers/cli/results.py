"""What commands that make maps write alike."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files import Volume, suffix_of, write_json, write_map_with_sidecar, write_volume
from mrbiomarkers.maps import STATUS_TEXT, ParameterMap


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add the identity columns of the table, ``--out`` and ``--overwrite``."""
    parser.add_argument("--subject", default="", help="name written into the table")
    parser.add_argument("--timepoint", default="", help="time point written into the table")
    parser.add_argument("--reader", default="", help="who drew the regions, written into the table")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results in a folder that is not empty")


def write_maps(out: Path, maps: Mapping[str, ParameterMap], suffix: str) -> None:
    """Write each map, with a JSON file beside it, into the folder ``out``."""
    for name, parameter_map in maps.items():
        write_map_with_sidecar(out / f"{name}{suffix}", parameter_map)


def write_status(
    stem: Path, status: NDArray[np.uint16], affine: NDArray[np.float64], suffix: str, **said: object
) -> None:
    """Write the status of the voxels, and a JSON file that says what its flags mean."""
    write_volume(stem.with_name(stem.name + suffix), Volume(status, affine))
    legend = {int(flag): text for flag, text in STATUS_TEXT.items()}
    write_json(stem.with_name(stem.name + ".json"), {**said, "flags, which add up": legend})


def map_suffix(series_path: str) -> str:
    """Return the format of the maps, that of the series."""
    return ".nrrd" if suffix_of(series_path) in (".nrrd", ".nhdr", ".seq.nrrd") else ".nii.gz"


def file_name(region: str) -> str:
    """Return the region's name with everything replaced that a file system may refuse."""
    return re.sub(r"[^\w.-]+", "_", region).strip("._") or "region"
