"""A diffusion series out of a folder of DICOM files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues
from mrbiomarkers.files.dicom_read.acquisition import acquisition_of, averages
from mrbiomarkers.files.dicom_read.frames import Frame
from mrbiomarkers.files.dicom_read.headers import Source
from mrbiomarkers.files.dicom_read.loading import Loaded, load, naming_problems, passed_over
from mrbiomarkers.files.dicom_read.pixels import read_stacks, signal_scale
from mrbiomarkers.files.dicom_read.select import SeriesChoice, choose, label, left_aside, listing
from mrbiomarkers.files.dicom_read.stacks import Grid, Stack, grid_of, stacks_of
from mrbiomarkers.files.dicom_read.tags import lenient
from mrbiomarkers.files.dicom_read.weighting import Weighting, is_computed, is_weighted, snapped, weighting_of
from mrbiomarkers.series import DiffusionSeries

_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


class BRow(NamedTuple):
    """One line of the table of b-values.

    Attributes
    ----------
    bvalue : float [s/mm2]
        As used.
    raw : float or None [s/mm2]
        As the header has it.
    n_volumes : int
        How many volumes have it.
    source : str
        The element that says it.
    """

    bvalue: float
    raw: float | None
    n_volumes: int
    source: str

    def __str__(self) -> str:
        """Return the line as a person reads it."""
        volumes = "volume" if self.n_volumes == 1 else "volumes"
        raw = "" if self.raw in (None, self.bvalue) else f" (there {self.raw:g})"
        return f"b {self.bvalue:g} s/mm2: {self.n_volumes} {volumes}, from {self.source}{raw}"


class DicomDiffusion(NamedTuple):
    """A diffusion series and how it was read.

    Attributes
    ----------
    series : DiffusionSeries
        Every volume, in the order of acquisition; repeats and directions are kept.
    table : tuple of BRow
        Ascending in b: to be looked at before anything is fitted.
    parameters : dict
        How it was acquired, see :func:`~mrbiomarkers.files.dicom_read.acquisition.acquisition_of`.
    notes : tuple of str
        What was set apart, assumed, or does not fit together.
    instances : tuple of tuple of path
        The files that each volume was read from.
    """

    series: DiffusionSeries
    table: tuple[BRow, ...]
    parameters: dict[str, Any]
    notes: tuple[str, ...]
    instances: tuple[tuple[Path, ...], ...] = ()


@lenient()
def read_dicom_diffusion(
    source: Source,
    *,
    series: SeriesChoice = None,
    bvalues: ArrayLike | None = None,
    progress: Callable[[int, int], bool] | None = None,
) -> DicomDiffusion:
    """Read a diffusion series.

    Parameters
    ----------
    source : path or sequence of path
        Folders, with all below them, and files.
    series : str, int or sequence of these, optional
        Series Instance UIDs or series numbers; several are read as one. None: the only diffusion series there is.
    bvalues : (N,) array_like, optional [s/mm2]
        One for each volume in the order of acquisition, in place of what the headers say.
    progress : callable, optional
        ``progress(done, total)`` for every file; False ends the reading.

    Returns
    -------
    DicomDiffusion
        The signal is float32; directions are unit vectors in RAS, NaN where there is none. A b-value below 2 s/mm2 is
        taken as 0 and its raw value kept in ``source`` and in the table.

    Raises
    ------
    FileNotFoundError
        When a path does not exist.
    ValueError
        When there is no diffusion series, or several; b-values are missing or damaged; images are missing, come twice
        or do not make one grid; pixels cannot be decoded. The message names the series.
    """
    loaded = load(source, progress)
    chosen = _chosen(loaded, series, by_hand=bvalues is not None)
    frames = [frame for members in chosen.values() for frame in members]
    name = label(frames)
    with naming_problems(loaded):
        weighting = weighting_of(frames, name, by_hand=bvalues is not None)
        grid = grid_of(weighting.frames, name)
        _check_one_echo(weighting.frames, name)
        stacks = _stacks(weighting, grid, name, by_hand=bvalues is not None)
    found = _values(weighting, stacks)
    if bvalues is not None:
        found = _by_hand(bvalues, stacks, name)
    elif len(stacks) < 2:
        raise ValueError(f"{name}: expected volumes at two b-values or more, got one")
    scale, notes = signal_scale(stacks, name)
    taken = np.array([snapped(value) for value, _, _ in found])
    result = DiffusionSeries(
        read_stacks(stacks, grid, scale),
        taken,
        grid.affine,
        directions=_directions(weighting, stacks, taken),
        averages=_averages(stacks),
        source=tuple(_told(value, raw, origin) for value, (_, raw, origin) in zip(taken, found, strict=True)),
    )
    if len(chosen) > 1:
        notes.append(
            f"{len(chosen)} series read as one: their signals are only comparable if the receiver was set alike"
        )
    notes = [*weighting.notes, *grid.notes, *notes, *left_aside(loaded, chosen), *passed_over(loaded)]
    files = tuple(stack.files for stack in stacks)
    return DicomDiffusion(result, _table(found), acquisition_of(weighting.frames[0]), tuple(notes), files)


def _chosen(loaded: Loaded, series: SeriesChoice, *, by_hand: bool) -> dict[str, list[Frame]]:
    def fits(frames: list[Frame]) -> bool:
        return is_weighted(frames) or (by_hand and any(not is_computed(frame) for frame in frames))

    chosen = choose(loaded, series, fits, "a diffusion series")
    if not chosen and series is None and len(loaded.series) == 1:
        return dict(loaded.series)  # says below what is missing
    if not chosen:
        raise ValueError(
            f"expected a diffusion series, got none with a b-value above 0 among: {listing(loaded.series)}. If one of "
            "them is one, name it with series= and give its b-values with bvalues="
        )
    if series is None and len(chosen) > 1:
        raise ValueError(f"expected one diffusion series, got {len(chosen)}: {listing(chosen)}. Name one with series=")
    return chosen


def _stacks(weighting: Weighting, grid: Grid, name: str, *, by_hand: bool) -> list[Stack]:
    keys = [_Key(b, number) for b, number in weighting.volumes()]
    # By hand: the caller's b-values stand in for headers that do not make volumes.
    return stacks_of(weighting.frames, grid, [""] * len(keys) if by_hand else keys, name)


def _check_one_echo(frames: list[Frame], name: str) -> None:
    times = sorted({frame.echo_time for frame in frames if frame.echo_time is not None})
    if times and times[-1] > 1.01 * times[0]:
        shown = ", ".join(f"{1e3 * time:g}" for time in times)
        raise ValueError(f"{name}: expected diffusion images at one echo time, got {shown} ms: give the files of one")


class _Key(NamedTuple):
    """What the images of a volume share."""

    bvalue: float
    direction: int

    def __str__(self) -> str:
        return f"b {self.bvalue:g}" + (f", direction {self.direction + 1}" if self.direction >= 0 else "")


def _values(weighting: Weighting, stacks: list[Stack]) -> list[tuple[float, float | None, str]]:
    """Return (b, raw b, source) of each volume."""
    told = {id(frame): one for frame, one in zip(weighting.frames, weighting.bvalues, strict=True)}
    result = []
    for stack in stacks:
        one = told[id(stack.frames[0])]
        result.append((float(one.value or 0.0), stack.frames[0].bvalue.value, one.source))
    return result


def _by_hand(bvalues: ArrayLike, stacks: list[Stack], name: str) -> list[tuple[float, float | None, str]]:
    given = check_bvalues(bvalues)
    if given.size != len(stacks):
        raise ValueError(f"{name}: bvalues: expected {len(stacks)}, one for each volume, got {given.size}")
    return [(float(value), stack.frames[0].bvalue.value, "caller") for value, stack in zip(given, stacks, strict=True)]


def _directions(weighting: Weighting, stacks: list[Stack], bvalues: NDArray[np.float64]) -> NDArray[np.float64] | None:
    told = {id(frame): one for frame, one in zip(weighting.frames, weighting.bvalues, strict=True)}
    result = np.full((len(stacks), 3), np.nan)
    for number, stack in enumerate(stacks):
        vector = told[id(stack.frames[0])].direction
        if vector is not None and bvalues[number] > 0:
            result[number] = np.array(vector) * _LPS_TO_RAS
    return None if np.isnan(result).all() else result


def _averages(stacks: list[Stack]) -> NDArray[np.float64] | None:
    found = [averages(stack.frames[0].header) for stack in stacks]
    return None if None in found else np.array(found, dtype=np.float64)


def _told(taken: float, raw: float | None, source: str) -> str:
    return f"{source}, b {raw:.4g} as 0" if raw is not None and taken == 0 < raw and source != "caller" else source


def _table(found: list[tuple[float, float | None, str]]) -> tuple[BRow, ...]:
    counted = Counter((snapped(value), raw, source) for value, raw, source in found)
    rows = [BRow(value, raw, count, source) for (value, raw, source), count in counted.items()]
    return tuple(sorted(rows, key=lambda row: (row.bvalue, row.raw or 0.0, row.source)))
