"""What the results of every kind of subject have alike: maps, the status of voxels, names of files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files import Volume, suffix_of, write_json, write_map_with_sidecar, write_volume
from mrbiomarkers.maps import STATUS_TEXT, ParameterMap


def write_maps(out: Path, maps: Mapping[str, ParameterMap], suffix: str) -> None:
    """Write each map, with a JSON file beside it, into the folder ``out``; ``suffix`` is the format (``".nii.gz"``)."""
    for name, parameter_map in maps.items():
        write_map_with_sidecar(out / f"{name}{suffix}", parameter_map)


def write_status(
    stem: Path, status: NDArray[np.uint16], affine: NDArray[np.float64], suffix: str, **said: object
) -> None:
    """Write the status of the voxels, and a JSON file that says what its flags mean.

    Parameters
    ----------
    stem : path
        Folder and name without suffix.
    status : (K, J, I) array
        Flags of :class:`~mrbiomarkers.maps.Status`.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    suffix : str
        Format of the image.
    **said
        What else the JSON file says.
    """
    write_volume(stem.with_name(stem.name + suffix), Volume(status, affine))
    legend = {int(flag): text for flag, text in STATUS_TEXT.items()}
    write_json(stem.with_name(stem.name + ".json"), {**said, "flags, which add up": legend})


def map_suffix(series_path: str) -> str:
    """Return the format of the maps, that of the series."""
    return ".nrrd" if suffix_of(series_path) in (".nrrd", ".nhdr", ".seq.nrrd") else ".nii.gz"


def file_name(region: str) -> str:
    """Return the region's name with everything replaced that a file system may refuse."""
    return re.sub(r"[^\w.-]+", "_", region).strip("._") or "region"
