"""Parameter maps in files: what a map is stands in the JSON file beside it, or is said by the caller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.images import read_volume, write_map
from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.files.outputs import write_text
from mrbiomarkers.files.paths import PathLike, stem_of
from mrbiomarkers.maps import NOT_FITTED, ParameterMap, Status, to_reported
from mrbiomarkers.quantities import QUANTITIES, quantity
from mrbiomarkers.vendor_maps import UNITS, MapScale


def read_map(path: PathLike, *, key: str = "", unit: str = "") -> ParameterMap:
    """Read a parameter map.

    Parameters
    ----------
    path : path
        NIfTI, NRRD or MetaImage; ``f.json`` beside ``f.nii.gz`` says quantity, unit and provenance, as
        :func:`~mrbiomarkers.files.write_map_with_sidecar` writes it.
    key : str
        Quantity (a key of :data:`mrbiomarkers.quantities.QUANTITIES`), where there is no such file.
    unit : str
        Unit of the values, where there is no such file: the kernel unit or the reported unit of the quantity. Maps of a
        scanner in other units: :func:`mrbiomarkers.jobs.run_vendor_maps`.

    Returns
    -------
    ParameterMap
        In the unit of the file, with its provenance. Which voxels are on a bound is not known: the map holds values
        only.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When quantity or unit are not known, the JSON file is damaged or says something else than the caller, or the
        image cannot be read.
    """
    volume = read_volume(path)
    said = _beside(Path(path))
    for name, given in (("quantity", key), ("unit", unit)):
        stated = said.get(name, given)
        if given and stated != given and not (name == "unit" and _is_same_unit(said["quantity"], stated, given)):
            raise ValueError(f"{path}: expected {name} {stated!r}, as the JSON file beside it says, got {given!r}")
    found, found_unit = said.get("quantity", key), said.get("unit", unit)
    if not found:
        raise ValueError(f"{path}: expected a JSON file beside it that says what it is, or NAME={path}; got neither")
    if found not in QUANTITIES:
        raise ValueError(f"{path}: expected a quantity of {', '.join(QUANTITIES)}; got {found!r}")
    known = quantity(found)
    if not found_unit:
        units = " or ".join(repr(one) for one in dict.fromkeys((known.reported_unit, known.unit)))
        raise ValueError(f"{path}: expected the unit of {found}, {units}; the file does not say it and none was given")
    values: NDArray[np.floating] = volume.values.astype(np.float64 if volume.values.dtype == np.float64 else np.float32)
    try:
        return ParameterMap(values, known, found_unit, volume.affine, provenance=said.get("provenance", {}))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def has_sidecar(path: PathLike) -> bool:
    """Whether a JSON file beside a map says its quantity and its unit.

    Raises
    ------
    ValueError
        When there is one that cannot be read.
    """
    return bool(_beside(Path(path)))


def write_map_with_sidecar(path: PathLike, parameter_map: ParameterMap) -> None:
    """Write a map and, beside it, a JSON file that says what it is (``f.nii.gz`` and ``f.json``).

    Parameters
    ----------
    path : path
        ``.nii``, ``.nii.gz`` or ``.nrrd``.
    parameter_map : ParameterMap
        In either unit; written in the reported unit.

    Raises
    ------
    TypeError
        When the provenance holds a value that JSON cannot hold; nothing is written then.
    ValueError
        When the suffix is another one, or the affine is sheared.
    OSError
        When a file cannot be written.
    """
    reported = to_reported(parameter_map)
    known = reported.quantity
    text = json_text(
        {
            "file": Path(path).name,
            "quantity": known.key,
            "symbol": known.symbol,
            "name": known.name,
            "unit": reported.unit,
            "code": known.code,
            "provenance": reported.provenance,
            "voxels": _status_counts(reported),
        },
        indent=2,
    )
    write_map(path, reported)
    write_text(Path(path).with_name(stem_of(path) + ".json"), text + "\n")


def _beside(path: Path) -> dict[str, Any]:
    """Return what the JSON file beside a map says; nothing where there is none, or it is of another kind."""
    sidecar = path.with_name(stem_of(path) + ".json")
    if not sidecar.is_file():
        return {}
    try:
        data = json.loads(sidecar.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{sidecar}: expected a JSON file, got one that cannot be read ({error})") from None
    if not isinstance(data, dict) or not isinstance(data.get("quantity"), str) or not isinstance(data.get("unit"), str):
        return {}
    provenance = data.get("provenance")
    return {**data, "provenance": provenance if isinstance(provenance, dict) else {}}


def _is_same_unit(key: str, stated: str, given: str) -> bool:
    """Whether two spellings mean one unit of a quantity."""
    if key not in UNITS:
        return False
    try:
        return MapScale(key, stated).unit == MapScale(key, given).unit
    except ValueError:
        return False


def _status_counts(parameter_map: ParameterMap) -> dict[str, int]:
    status = np.asarray(parameter_map.status)
    counts = {"total": int(status.size), "fitted": int(np.count_nonzero((status & int(NOT_FITTED)) == 0))}
    for flag in Status:
        if flag:
            counts[str(flag.name).lower()] = int(np.count_nonzero(status & int(flag)))
    return counts
