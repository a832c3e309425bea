"""Maps of a scanner or workstation as input of a command: image files, DICOM folders, one series of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mrbiomarkers.cli.dicom import split_series
from mrbiomarkers.files import read_volume
from mrbiomarkers.files.dicom_read import DicomMap, read_dicom_map
from mrbiomarkers.files.parameter_maps import has_sidecar, read_map
from mrbiomarkers.files.paths import is_dicom
from mrbiomarkers.jobs import VendorInput, run_vendor_maps
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import QUANTITIES, quantity
from mrbiomarkers.vendor_maps import UNITS


class ScannerMap(NamedTuple):
    """A map of a scanner, and the DICOM files that hold it; none where it was an image file."""

    given: VendorInput
    instances: tuple[Path, ...] = ()


def read_scanner_map(
    name: str, path: str, scale: str | None, *, series: Sequence[str | int] | None = None
) -> ScannerMap:
    """Read one map; what a DICOM header states of its unit goes where no scale is given.

    Parameters
    ----------
    name : str
        Quantity.
    path : str
        Image file, DICOM folder, or a series of one as ``FOLDER#NUMBER``.
    scale : str or None
        Unit, or factor and unit.
    series : sequence of str or int, optional
        Series to choose from, where the path names none.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no such file, or it cannot be read as this map.
    """
    folder, own = split_series(path)
    if not is_dicom(folder):
        volume = read_volume(folder)
        return ScannerMap(VendorInput(volume.values, volume.affine, scale=scale))
    found = read_dicom_map(folder, name, series=series if own is None else own)
    return ScannerMap(_input_of(found, scale), found.instances)


def read_map_to_measure(name: str, path: str, scale: str | None) -> tuple[ParameterMap, list[str]]:
    """Read one map in known units; return it and what a user has to know of it.

    Parameters
    ----------
    name : str
        Quantity; empty where the file says it.
    path : str
        As for :func:`read_scanner_map`; what the JSON file beside an image says counts.
    scale : str or None
        Unit, or factor and unit, of a map whose file does not say it.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no such file, it cannot be read as this map, or nobody says what its numbers stand for; the
        message then holds the scale that they speak for, and how to accept it.
    """
    folder, own = split_series(path)
    if not is_dicom(folder):
        if name not in UNITS or has_sidecar(folder):
            return read_map(folder, key=name, unit=scale or ""), []
        return _converted(name, read_scanner_map(name, folder, scale).given)
    found = read_dicom_map(folder, name, series=own)
    name = name or found.quantity
    return (
        _converted(name, _input_of(found, scale)) if name in UNITS else (_plain(name, path, found), list(found.notes))
    )


def _input_of(found: DicomMap, scale: str | None) -> VendorInput:
    return VendorInput(
        found.values,
        found.affine,
        scale=scale or found.scale,
        slope=found.slope,
        intercept=found.intercept,
        provenance=found.provenance,
        notes=found.notes,
    )


def _converted(name: str, given: VendorInput) -> tuple[ParameterMap, list[str]]:
    result = run_vendor_maps({name: given})
    return result.maps[name], result.warnings


def _plain(name: str, path: str, found: DicomMap) -> ParameterMap:
    """Return a map of what no scanner maps, which this package wrote: quantity and unit are those of the header."""
    if name not in QUANTITIES or found.quantity != name or not found.unit:
        raise ValueError(f"{path}: expected a map of {', '.join(UNITS)}, or one whose header codes {name} and its unit")
    slope, intercept, _ = found.real_world or (found.slope, found.intercept, "")
    values = (found.values.astype(np.float64) * slope + intercept).astype(np.float32)
    return ParameterMap(values, quantity(name), found.unit, found.affine, provenance=found.provenance)
