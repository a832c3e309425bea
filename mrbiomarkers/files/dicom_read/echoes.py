"""A multi-echo series out of a folder of DICOM files: magnitude, magnitude and phase, or real and imaginary images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_echo_times, check_field_strength
from mrbiomarkers.files.dicom_read.acquisition import acquisition_of, readout_axis
from mrbiomarkers.files.dicom_read.frames import Frame
from mrbiomarkers.files.dicom_read.headers import Source
from mrbiomarkers.files.dicom_read.loading import Loaded, load, naming_problems, passed_over
from mrbiomarkers.files.dicom_read.phases import to_radians
from mrbiomarkers.files.dicom_read.pixels import read_stacks, rescaled, signal_scale
from mrbiomarkers.files.dicom_read.select import SeriesChoice, choose, label, listing
from mrbiomarkers.files.dicom_read.stacks import Grid, Stack, grid_of, stacks_of
from mrbiomarkers.files.dicom_read.tags import lenient
from mrbiomarkers.files.echoes import EchoInput
from mrbiomarkers.series import EchoSeries

# What scanners compute from the echoes and may keep in the same series.
_COMPUTED = {
    *("W", "F", "IP", "OP", "WATER", "FAT", "IN_PHASE", "OUT_PHASE", "OPP_PHASE", "FAT_FRACTION", "FF", "PDFF"),
    *("R2_STAR", "R2STAR", "R2*", "T2_STAR", "T2STAR", "T2*", "R2S", "T2S", "WATER_FRACTION", "B0", "ADC", "MIP"),
}
Parts = dict[str, list[Stack]]


@lenient()
def read_dicom_echoes(
    source: Source,
    *,
    series: SeriesChoice = None,
    echo_times: ArrayLike | None = None,
    field_strength: float | None = None,
    phase_range: tuple[float, float] | None = None,
    progress: Callable[[int, int], bool] | None = None,
) -> EchoInput:
    """Read a multi-echo gradient echo series.

    Parameters
    ----------
    source : path or sequence of path
        Folders, with all below them, and files.
    series : str, int or sequence of these, optional
        Series Instance UIDs or series numbers: magnitudes and phases are often two series, and an echo can be one.
        None: all series that can be meant, if they make one set of echoes.
    echo_times : (N,) array_like, optional [s]
        In the order of echo numbers, in place of what the headers say.
    field_strength : float, optional [T]
        In place of the header's.
    phase_range : (float, float), optional
        The values, after rescaling, that stand for -pi and pi in the phase images.
    progress : callable, optional
        ``progress(done, total)`` for every file; False ends the reading.

    Returns
    -------
    EchoInput
        complex64 from magnitude and phase or real and imaginary images, float32 from magnitudes alone. Whether the
        phase grows or falls in a positive field is not known.

    Raises
    ------
    FileNotFoundError
        When a path does not exist.
    ValueError
        When there are no echoes, or several images at one; magnitude and phase do not go together; images are missing
        or do not make one grid; echo times or the field are not given; the unit of the phase is not known.
    """
    loaded = load(source, progress)
    frames, notes = _frames(loaded, series)
    name = label(frames)
    with naming_problems(loaded):
        grid = grid_of(frames, name)
        parts, times = _parts(frames, grid, echo_times, name)
    used = _used(parts, name, notes)
    _check_same_times(used, times, name)
    first = used[next(iter(used))][0].frames[0]
    parameters = acquisition_of(first)
    field = check_field_strength(parameters["field_strength"] if field_strength is None else field_strength)
    signal = _signal(used, grid, phase_range, notes, name)
    _check_images(signal, name)
    result = EchoSeries(
        signal,
        check_echo_times(times[next(iter(used))], signal.shape[-1]),
        field,
        grid.affine,
        kind="complex" if np.iscomplexobj(signal) else "magnitude",
        repetition_time=parameters["repetition_time"],
        flip_angle=parameters["flip_angle"],
        readout_axis=readout_axis(first.header),
    )
    files = dict.fromkeys(file for stacks in used.values() for stack in stacks for file in stack.files)
    return EchoInput(result, (*notes, *grid.notes, *passed_over(loaded)), instances=tuple(files))


def has_echoes(frames: list[Frame]) -> bool:
    """Whether a series holds images at two echo times or more that were not computed from others."""
    times = {(frame.echo_time, _echo_number(frame)) for frame in frames if not _is_computed(frame)}
    return len({time for time, _ in times if time is not None}) > 1 or len({number for _, number in times}) > 1


def _is_computed(frame: Frame) -> bool:
    return bool(_COMPUTED & set(frame.image_type[2:]))


def _echo_number(frame: Frame) -> int:
    value = frame.header.number_of((0x0018, 0x0086))
    return int(value) if value is not None and 0 <= value < 1000 else 0


def _frames(loaded: Loaded, series: SeriesChoice) -> tuple[list[Frame], list[str]]:
    chosen = choose(loaded, series, has_echoes, "a multi-echo series")
    if not chosen and series is None:
        # Each echo, or each part, can be a series of its own.
        chosen = choose(loaded, None, lambda frames: not all(map(_is_computed, frames)), "a multi-echo series")
    elif series is None:
        first = next(iter(chosen.values()))[0]
        others = choose(loaded, None, lambda frames: _goes_with(first, frames), "a multi-echo series")
        chosen = {**chosen, **others}
    frames, notes = [], []
    for members in chosen.values():
        kept = [frame for frame in members if not _is_computed(frame)]
        if len(kept) < len(members):
            notes.append(f"{label(members)}: {len(members) - len(kept)} computed images (water, fat ...) set apart")
        frames += kept
    if not frames:
        raise ValueError(f"expected a multi-echo series, got none among: {listing(loaded.series)}")
    _check_one_set(frames, chosen, named=series is not None)
    return frames, notes


def _goes_with(first: Frame, frames: list[Frame]) -> bool:
    """Whether a series can be the phase of another: the same matrix, and phase images only."""
    return all(
        frame.component in ("phase", "real", "imaginary")
        and (frame.rows, frame.columns) == (first.rows, first.columns)
        and not _is_computed(frame)
        for frame in frames
    )


def _check_one_set(frames: list[Frame], chosen: dict[str, list[Frame]], *, named: bool) -> None:
    """Refuse series that give the same part at the same echo time, unless the caller named them."""
    owner: dict[tuple[str, float | None, int], str] = {}
    for frame in frames:
        key = (_part(frame), frame.echo_time, _echo_number(frame))
        if owner.setdefault(key, frame.series) != frame.series:
            hint = "They do not go together" if named else "Name those that belong together with series="
            raise ValueError(
                f"expected one {key[0]} image at each echo time, got some of several series: {listing(chosen)}. {hint}"
            )
    if not named:
        _check_one_acquisition(frames, chosen)


def _check_one_acquisition(frames: list[Frame], chosen: dict[str, list[Frame]]) -> None:
    """Refuse to mix series of which each has several echoes of one part: they may be two acquisitions."""
    echoes: dict[tuple[str, str], set[tuple[float | None, int]]] = {}
    for frame in frames:
        echoes.setdefault((_part(frame), frame.series), set()).add((frame.echo_time, _echo_number(frame)))
    whole = [part for (part, _), times in echoes.items() if len(times) > 1]
    twice = next((part for part in whole if whole.count(part) > 1), None)
    if twice is not None:
        raise ValueError(
            f"expected one series with several {twice} echoes, got {whole.count(twice)} among: {listing(chosen)}. "
            "Name one, or those that were acquired as one, with series="
        )


def _part(frame: Frame) -> str:
    return "magnitude" if frame.component == "unknown" else frame.component


def _parts(
    frames: list[Frame], grid: Grid, echo_times: ArrayLike | None, name: str
) -> tuple[Parts, dict[str, NDArray[np.float64]]]:
    """Return the volumes of each part in the order of their echoes, and the echo times of each part."""
    told = [frame.echo_time for frame in frames]
    keys: list[Any] = [
        _Echo((_part(frame), time or 0.0, _echo_number(frame))) for frame, time in zip(frames, told, strict=True)
    ]
    stacks = stacks_of(frames, grid, keys, name)
    parts: Parts = {}
    for stack in sorted(stacks, key=lambda one: one.key[1:] if echo_times is None else (one.key[2], one.key[1])):  # type: ignore[index]
        parts.setdefault(stack.key[0], []).append(stack)  # type: ignore[index]
    times = {part: np.array([stack.key[1] for stack in members]) for part, members in parts.items()}  # type: ignore[index]
    if echo_times is not None:
        given = np.asarray(echo_times, dtype=np.float64).ravel()
        for part, members in parts.items():
            if given.size != len(members):
                raise ValueError(
                    f"{name}: echo_times: expected {len(members)}, one for each {part} image, got {given.size}"
                )
        return parts, dict.fromkeys(parts, given)
    if None in told:
        raise ValueError(f"{name}: expected echo times in (0018,0081) or (0018,9082), got none. Give echo_times= in s")
    for part, found in times.items():
        if np.unique(found).size < found.size:
            raise ValueError(
                f"{name}: expected one {part} image at each echo time, got {found.size} at "
                f"{', '.join(f'{1e3 * one:g}' for one in np.unique(found))} ms. If the header repeats the first echo "
                "time, give echo_times= in s; if these are repeats, read them one by one"
            )
    return parts, times


class _Echo(tuple[str, float, int]):
    """Part, echo time [s] and echo number of a volume."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self[0]}, echo time {1e3 * self[1]:g} ms"


def _used(parts: Parts, name: str, notes: list[str]) -> Parts:
    """Return the parts that the signal is made of."""
    for wanted in (("real", "imaginary"), ("magnitude", "phase"), ("magnitude",)):
        if set(wanted) <= set(parts):
            unused = set(parts) - set(wanted)
            if unused:
                notes.append(
                    f"{name}: {' and '.join(wanted)} images read, {' and '.join(sorted(unused))} images not needed"
                )
            return {part: parts[part] for part in wanted}
    raise ValueError(
        f"{name}: expected magnitude, magnitude and phase, or real and imaginary images, got {' and '.join(parts)} "
        "only. They can be another series: give both folders, or both with series="
    )


def _check_same_times(parts: Parts, times: dict[str, NDArray[np.float64]], name: str) -> None:
    (first, one), *rest = ((part, times[part]) for part in parts)
    for part, other in rest:
        if one.shape != other.shape or not np.allclose(one, other, rtol=0, atol=1e-6):
            raise ValueError(
                f"{name}: expected {part} images at the echo times of the {first} images "
                f"({', '.join(f'{1e3 * t:g}' for t in one)} ms), got {', '.join(f'{1e3 * t:g}' for t in other)} ms"
            )
    if one.size < 2:
        raise ValueError(f"{name}: expected two echoes or more, got one at {1e3 * one[0]:g} ms")


def _signal(
    parts: Parts, grid: Grid, phase_range: tuple[float, float] | None, notes: list[str], name: str
) -> NDArray[Any]:
    if "real" in parts:
        scale, said = signal_scale([*parts["real"], *parts["imaginary"]], name)
        notes += said
        signal = np.empty((*grid.shape, len(parts["real"])), np.complex64)
        signal.real = read_stacks(parts["real"], grid, scale)
        signal.imag = read_stacks(parts["imaginary"], grid, scale)
        return signal
    scale, said = signal_scale(parts["magnitude"], name)
    notes += said
    magnitude = read_stacks(parts["magnitude"], grid, scale)
    if np.any(magnitude < 0):
        raise ValueError(
            f"{name}: expected magnitudes of 0 or more, got {magnitude.min():g}; this looks like real or phase images"
        )
    if "phase" not in parts:
        return magnitude
    raw = read_stacks(parts["phase"], grid, rescaled, np.float64)
    frames = [frame for stack in parts["phase"] for frame in stack.frames]
    phase, said = to_radians(raw, frames, phase_range, name)
    notes += said
    return (magnitude * np.exp(1j * phase)).astype(np.complex64)


def _check_images(signal: NDArray[Any], name: str) -> None:
    for number in range(signal.shape[-1]):
        if not np.any(signal[..., number]):
            raise ValueError(f"{name}: expected an image at echo {number + 1}, got zero in every voxel")
