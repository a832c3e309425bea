"""A scanner's map, or one image, out of a folder of DICOM files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mrbiomarkers.files.dicom_read.acquisition import acquisition_of
from mrbiomarkers.files.dicom_read.coded import Coded, coded_of, unit_coded
from mrbiomarkers.files.dicom_read.frames import Frame, Scaling
from mrbiomarkers.files.dicom_read.headers import Source
from mrbiomarkers.files.dicom_read.loading import Loaded, load, naming_problems, passed_over
from mrbiomarkers.files.dicom_read.pixels import read_stacks, rescaled, stored
from mrbiomarkers.files.dicom_read.select import SeriesChoice, choose, label, listing
from mrbiomarkers.files.dicom_read.stacks import Grid, Stack, grid_of, stacks_of
from mrbiomarkers.files.dicom_read.tags import lenient, texts
from mrbiomarkers.files.images import Volume
from mrbiomarkers.vendor_maps import UNITS, MapScale, scale_from_tags

_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
# How image types and series descriptions name a map.
_NAMES = {
    "PDFF": r"fat_?frac(tion)?|pdff|(?<![a-z])ff(?![a-z])|(?<![a-z])fp(?![a-z])",
    "R2star": r"r2_?(star|\*|s)",
    "T2star": r"t2_?(star|\*|s(?!e))",
    "ADC": r"adc",
    "Dstar": r"d_?star|d\*|pseudo.?diffusion|fast.?diffusion",
    "f": r"perfusion.?fraction|ivim.*(?<![a-z])f(?![a-z])|(?<![a-z])f.?(map|ivim)|^f$",
}
_NAMED_FOR_SURE = ("PDFF", "R2star", "T2star", "ADC")  # by an image type or a description alone


class DicomMap(NamedTuple):
    """A map as it is stored, and what its header says of its numbers.

    Attributes
    ----------
    values : (K, J, I) array
        As stored, to go with the slope and intercept of ``scale``; rescaled where these differ between slices.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    scale : MapScale or None
        What the header states; None where it states no unit: the user has to say it.
    slope, intercept : float
        Rescale Slope and Intercept that go with ``values``.
    unit : str
        Rescale Type, or the unit of the Real World Value Mapping; empty where none is given. Of a coded quantity that
        no scanner maps (the signal of water ...) the unit of this package.
    real_world : (float, float, str) or None
        Slope, intercept and unit of the Real World Value Mapping.
    parameters : dict
        How it was acquired.
    notes : tuple of str
        What the user should know.
    quantity : str
        Quantity that the Real World Value Mapping codes; empty where it codes none.
    provenance : dict
        Model, fit and b-values or echo times, as far as they are coded beside it.
    instances : tuple of Path
        The files.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64]
    scale: MapScale | None
    slope: float
    intercept: float
    unit: str
    real_world: tuple[float, float, str] | None
    parameters: dict[str, Any]
    notes: tuple[str, ...]
    quantity: str
    provenance: dict[str, Any]
    instances: tuple[Path, ...] = ()


@lenient()
def read_dicom_map(
    source: Source,
    quantity: str = "",
    *,
    series: SeriesChoice = None,
    progress: Callable[[int, int], bool] | None = None,
) -> DicomMap:
    """Read a map that a scanner or workstation computed.

    Parameters
    ----------
    source : path or sequence of path
        Folders, with all below them, and files.
    quantity : str
        "PDFF", "R2star", "T2star", "ADC", "D" ...: where there are several maps, the one whose header codes it, else
        the one of this name. Empty: what the header codes.
    series : str or int, optional
        Series Instance UID or series number; None: the only one, or the only one of this name.
    progress : callable, optional
        ``progress(done, total)`` for every file; False ends the reading.

    Returns
    -------
    DicomMap
        ``scale`` is only given for quantities of :data:`mrbiomarkers.vendor_maps.UNITS`.

    Raises
    ------
    FileNotFoundError
        When a path does not exist.
    ValueError
        When no series, or several, can be meant; images are missing or do not make one grid; another quantity is coded,
        or none where none is asked for; a unit is stated in which the quantity is not measured.
    """
    loaded = load(source, progress)
    frames, name = _one_series(loaded, series, quantity)
    coded = coded_of(frames[0])
    quantity = _what(quantity, coded.quantity, name)
    with naming_problems(loaded):
        stack, grid = _one_volume(frames, quantity, name)
    lines = [frame.scaling for frame in stack.frames]
    line, notes = lines[0], [f"{name}: {note}" for note in dict.fromkeys(one.note for one in lines) if note]
    differ = len({(one.slope, one.intercept, one.real_world) for one in lines}) > 1
    if differ:
        values = read_stacks([stack], grid, rescaled)[..., 0]
        notes.append(f"{name}: slope and intercept differ between slices: values are rescaled")
        line = Scaling(unit=line.unit if len({one.unit for one in lines}) == 1 else "", is_told=True)
    else:
        values = read_stacks([stack], grid, stored, _dtype_of(stack))[..., 0]
    parameters = acquisition_of(stack.frames[0])
    notes += [*grid.notes, *passed_over(loaded)]
    scale, unit = _scale_and_unit(quantity, line, coded)
    return DicomMap(
        values,
        grid.affine,
        scale,
        line.slope,
        line.intercept,
        unit,
        line.real_world,
        parameters,
        tuple(notes),
        *coded,
        instances=stack.files,
    )


@lenient()
def read_dicom_image(
    source: Source, *, series: SeriesChoice = None, progress: Callable[[int, int], bool] | None = None
) -> Volume:
    """Read one three-dimensional image, rescaled.

    Parameters
    ----------
    source : path or sequence of path
        Folders, with all below them, and files.
    series : str or int, optional
        Series Instance UID or series number; None: the only series.
    progress : callable, optional
        ``progress(done, total)`` for every file; False ends the reading.

    Raises
    ------
    FileNotFoundError
        When a path does not exist.
    ValueError
        When there are several series, the series holds several volumes, or images are missing or do not make one grid.
    """
    loaded = load(source, progress)
    frames, name = _one_series(loaded, series, "")
    with naming_problems(loaded):
        stack, grid = _one_volume(frames, "", name)
    line = {(frame.scaling.slope, frame.scaling.intercept) for frame in stack.frames}
    plain = line == {(1.0, 0.0)}
    values = read_stacks([stack], grid, rescaled, _dtype_of(stack) if plain else np.float32)[..., 0]
    return Volume(values, grid.affine, str(stack.frames[0].path))


def quantity_named(frames: list[Frame]) -> str:
    """Return the quantity that all images of a series are of, or empty.

    A Parametric Map codes it; other images are named after "PDFF", "R2star", "T2star" or "ADC", where they are of one.
    """
    if texts(frames[0].header.instance.dataset, (0x0008, 0x0016)) == (_PARAMETRIC_MAP,):
        coded = coded_of(frames[0]).quantity
        if coded:
            return coded
    types = {frame.image_type for frame in frames}
    description = " ".join(frames[0].header.texts((0x0008, 0x103E)))
    is_derived = all(kind[:1] == ("DERIVED",) for kind in types)
    for quantity in _NAMED_FOR_SURE:
        if all(_is_named(quantity, kind) for kind in types) or (is_derived and _is_named(quantity, (description,))):
            return quantity
    return ""


def _what(asked: str, coded: str, name: str) -> str:
    """Return what a map is of: what was asked for, unless the header codes something else."""
    if asked and coded and asked != coded:
        raise ValueError(f"{name}: expected a map of {asked}, got one that its header codes as {coded}")
    if not asked and not coded:
        raise ValueError(f"{name}: expected a header that codes what the map is of, or its name; got neither")
    return asked or coded


def _scale_and_unit(quantity: str, line: Scaling, coded: Coded) -> tuple[MapScale | None, str]:
    """Return the scale that the header states, and the unit in its words."""
    mapped = line.real_world[2] if line.real_world else ""
    is_coded = coded.quantity == quantity
    if quantity not in UNITS:
        return None, unit_coded(mapped, quantity) if is_coded else line.unit or mapped
    found = scale_from_tags(
        quantity,
        real_world=line.real_world,
        slope=line.slope,
        intercept=line.intercept,
        unit=line.unit,
        is_coded=is_coded,
    )
    return found, line.unit or mapped


def _one_series(loaded: Loaded, series: SeriesChoice, quantity: str) -> tuple[list[Frame], str]:
    chosen = choose(loaded, series, lambda frames: True, "an image")
    if len(chosen) > 1 and quantity:
        coded = {uid: frames for uid, frames in chosen.items() if coded_of(frames[0]).quantity == quantity}
        named = {uid: frames for uid, frames in chosen.items() if _describes(frames[0], quantity)}
        chosen = coded or named or chosen
    if len(chosen) != 1:
        raise ValueError(f"expected one series, got {len(chosen)}: {listing(chosen)}. Name one with series=")
    frames = next(iter(chosen.values()))
    return frames, label(frames)


def _describes(frame: Frame, quantity: str) -> bool:
    description = " ".join(frame.header.texts((0x0008, 0x103E)))
    return _is_named(quantity, (*frame.image_type, description))


def _is_named(quantity: str, words: tuple[str, ...]) -> bool:
    pattern = _NAMES.get(quantity, rf"(?<![a-z]){re.escape(quantity.lower())}(?![a-z*])")
    return any(re.search(pattern, word.lower()) for word in words)


def _one_volume(frames: list[Frame], quantity: str, name: str) -> tuple[Stack, Grid]:
    """Return the only volume, or the only one whose image type names the quantity."""
    types = {frame.image_type for frame in frames}
    named = [one for one in types if quantity and _is_named(quantity, one)]
    if len(types) > 1 and len(named) == 1:
        frames = [frame for frame in frames if frame.image_type == named[0]]
    grid = grid_of(frames, name)
    keys = [(frame.image_type, frame.echo_time, frame.bvalue.value) for frame in frames]
    stacks = stacks_of(frames, grid, keys, name)
    if len(stacks) != 1:
        kinds = "; ".join("\\".join(stack.frames[0].image_type) for stack in stacks[:6])
        raise ValueError(f"{name}: expected one volume, got {len(stacks)} ({kinds}). Give the files of one of them")
    return stacks[0], grid


def _dtype_of(stack: Stack) -> type[np.generic]:
    """Return a number type that holds the stored pixels as they are."""
    header = stack.frames[0].header
    bits = header.number_of((0x0028, 0x0100))
    if header.number_of((0x0028, 0x0101)) is None:  # float pixel data
        return np.float32 if bits == 32 else np.float64
    if bits == 32:
        return np.int64
    return np.int16 if header.number_of((0x0028, 0x0103)) == 1 else np.uint16
