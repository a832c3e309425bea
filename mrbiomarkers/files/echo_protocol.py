"""How a multi-echo series was acquired: what the caller says, else the JSON files beside the images (as in BIDS)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_echo_times, check_field_strength, check_real_array
from mrbiomarkers.files.paths import stem_of

_SAME_TIME = 1.01e-5  # echo times closer than this are one: they are typed and stored to 0.01 ms [s]
_SAME_NUMBER = 0.005  # relative
_BIDS_NUMBERS = {
    "field_strength": "MagneticFieldStrength",
    "repetition_time": "RepetitionTime",
    "flip_angle": "FlipAngle",
}
_WORDS = {
    "field_strength": ("field strength", "T", 1.0),
    "repetition_time": ("repetition time", "ms", 1e3),
    "flip_angle": ("flip angle", "degrees", 1.0),
}


@dataclass(frozen=True, eq=False)
class EchoProtocol:
    """What is known of an acquisition; None where nothing is said.

    Attributes
    ----------
    echo_times : (N,) array [s], optional
        In the order of the images.
    field_strength : float [T], optional
        Static field.
    repetition_time : float [s], optional
        Repetition time.
    flip_angle : float [deg], optional
        Flip angle.
    """

    echo_times: NDArray[np.float64] | None = None
    field_strength: float | None = None
    repetition_time: float | None = None
    flip_angle: float | None = None


class ChosenProtocol(NamedTuple):
    """What holds for a series, from :func:`choose_protocol`: ascending echo times [s], a field strength [T], the rest.

    ``order`` gives of each part the image of each echo, counted from 0; ``notes`` say without file names what the user
    should know.
    """

    echo_times: NDArray[np.float64]
    field_strength: float
    repetition_time: float | None
    flip_angle: float | None
    order: dict[str, list[int]]
    notes: tuple[str, ...]


def echo_times_from_ms(values: ArrayLike) -> NDArray[np.float64]:
    """Return echo times that a person gave in milliseconds as seconds, in the order given.

    Parameters
    ----------
    values : (N,) array_like [ms]
        Above 0, in any order.

    Returns
    -------
    (N,) array [s]

    Raises
    ------
    TypeError
        When they are not numbers.
    ValueError
        When there is none, one is not above 0, or they look like seconds (all below 0.2) or microseconds (above 1000).
    """
    times = check_real_array("echo times", np.atleast_1d(np.asarray(values)), ndim=1).astype(np.float64)
    shown = " ".join(f"{time:g}" for time in times) or "none"
    expected = "echo times: expected milliseconds, as 1.24 2.22"
    if times.size == 0 or not np.all(np.isfinite(times)) or times.min() <= 0:
        raise ValueError(f"{expected}; got {shown}")
    if times.max() < 0.2:
        raise ValueError(f"{expected}; got {shown}; are these seconds?")
    if times.max() > 1000:
        raise ValueError(f"{expected}; got {shown}; are these microseconds?")
    # Rounded, for 1.24 / 1000 and 0.00124 to be the same number.
    return np.array([float(f"{time / 1000:.12g}") for time in times])


def read_protocol(paths: Sequence[Path], n_echoes: int) -> EchoProtocol:
    """Read the JSON files beside the images of one part (``x.json`` beside ``x.nii.gz``), where there are any.

    Parameters
    ----------
    paths : sequence of path
        One file of all echoes, whose ``EchoTime`` must then be a list to count, or one file for each echo.
    n_echoes : int
        Number of echoes N.

    Returns
    -------
    EchoProtocol
        Its echo times are None unless all N are there.

    Raises
    ------
    ValueError
        When a JSON file is damaged, a field is not made of numbers above 0, or two files disagree.
    """
    found = [(sidecar, _load(sidecar)) for path in paths if (sidecar := _sidecar_of(path)).is_file()]
    numbers = {name: _agreed(found, key) for name, key in _BIDS_NUMBERS.items()}
    times = [_numbers(sidecar, data, "EchoTime") for sidecar, data in found]
    complete = [len(one) for one in times] == [n_echoes // len(paths)] * len(paths)
    return EchoProtocol(np.ravel(times) if complete else None, **numbers)


def choose_protocol(
    given: EchoProtocol, found: Mapping[str, EchoProtocol], n_echoes: int, *, place: str
) -> ChosenProtocol:
    """Choose what holds: what the caller gave, else what stands with the images; sort the echoes by their times.

    Parameters
    ----------
    given : EchoProtocol
        From the caller, in the order of the images.
    found : mapping of str to EchoProtocol
        What stands with the images of each part.
    n_echoes : int
        Number of echoes N.
    place : str
        Where the images are, for messages.

    Returns
    -------
    ChosenProtocol
        With the notes on what was read from files, what they contradict and what was sorted.

    Raises
    ------
    ValueError
        When echo times or the field strength are missing or not valid, an echo time is there twice, or the parts
        disagree.
    """
    notes: list[str] = []
    if given.echo_times is not None:
        times, order = _given_times(given.echo_times, found, n_echoes, place, notes)
    else:
        times, order = _found_times(found, n_echoes, place, notes)
    numbers = {name: _choose_number(name, getattr(given, name), found, notes) for name in _BIDS_NUMBERS}
    if numbers["field_strength"] is None:
        raise ValueError(
            f"{place}: no field strength found{_ask('MagneticFieldStrength', '--field-strength', 'field_strength')}"
        )
    field_strength = check_field_strength(numbers["field_strength"])
    return ChosenProtocol(times, field_strength, numbers["repetition_time"], numbers["flip_angle"], order, tuple(notes))


def protocol_fields(protocol: EchoProtocol) -> dict[str, Any]:
    """Return the fields of the JSON file that :func:`read_protocol` reads; what is None is left out."""
    data: dict[str, Any] = {} if protocol.echo_times is None else {"EchoTime": protocol.echo_times.tolist()}
    for name, key in _BIDS_NUMBERS.items():
        if (value := getattr(protocol, name)) is not None:
            data[key] = value
    return data


def _sidecar_of(path: Path) -> Path:
    return path.with_name(stem_of(path) + ".json")


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path}: cannot be read as JSON ({str(error).splitlines()[0]})") from None
    return data if isinstance(data, dict) else {}


def _numbers(path: Path, data: Mapping[str, Any], key: str) -> list[float]:
    """Return the number or the list of numbers of a field, empty where there is none."""
    value = data.get(key)
    if value is None:
        return []
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < np.inf:
            raise ValueError(f"{path}: {key}: expected numbers above 0, got {json.dumps(value)[:60]}")
    return [float(number) for number in numbers]


def _agreed(found: Sequence[tuple[Path, dict[str, Any]]], key: str) -> float | None:
    """Return the one number that all files hold; None where none does."""
    first: tuple[Path, float] | None = None
    for path, data in found:
        for number in _numbers(path, data, key):
            if first is None:
                first = path, number
            elif _differ(number, first[1]):
                raise ValueError(f"{path}: expected {key} {first[1]:g} as in {first[0]}, got {number:g}")
    return None if first is None else first[1]


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > _SAME_NUMBER * abs(other)


def _choose_number(name: str, given: float | None, found: Mapping[str, EchoProtocol], notes: list[str]) -> float | None:
    words, unit, scale = _WORDS[name]
    held = {part: value for part, protocol in found.items() if (value := getattr(protocol, name)) is not None}
    if not held:
        return given
    first = next(iter(held.values()))
    if given is None:
        for part, value in held.items():
            if _differ(value, first):
                raise ValueError(
                    f"{words}: expected one for all images, got {scale * first:g} and, of the {part} images, "
                    f"{scale * value:g} {unit}"
                )
        notes.append(f"{words} {scale * first:g} {unit} read from the files")
        return first
    if _differ(first, given):
        notes.append(f"{words} {scale * given:g} {unit} used as given; the files say {scale * first:g} {unit}")
    return given


def _given_times(
    given: NDArray[np.float64], found: Mapping[str, EchoProtocol], n_echoes: int, place: str, notes: list[str]
) -> tuple[NDArray[np.float64], dict[str, list[int]]]:
    values = check_real_array("echo_times", given, ndim=1).astype(np.float64)
    if values.size != n_echoes:
        raise ValueError(f"echo_times: expected {n_echoes} values, one for each echo of {place}, got {values.size}")
    order = np.argsort(values, kind="stable").tolist()
    times = check_echo_times(values[order], n_echoes)
    if order != list(range(n_echoes)):
        notes.append("echo times were not in ascending order: they and the images were sorted")
    for protocol in found.values():
        if protocol.echo_times is not None and np.abs(protocol.echo_times - values).max() > _SAME_TIME:
            notes.append(f"echo times {_ms(values)} ms used as given; the files say {_ms(protocol.echo_times)} ms")
            break
    return times, dict.fromkeys(found, order)


def _found_times(
    found: Mapping[str, EchoProtocol], n_echoes: int, place: str, notes: list[str]
) -> tuple[NDArray[np.float64], dict[str, list[int]]]:
    known = {part: protocol.echo_times for part, protocol in found.items() if protocol.echo_times is not None}
    if not known:
        raise ValueError(f"{place}: no echo times found{_ask('EchoTime of each echo', '--echo-times', 'echo_times')}")
    orders = {part: np.argsort(times, kind="stable").tolist() for part, times in known.items()}
    main = next(iter(known))
    try:
        times = check_echo_times(known[main][orders[main]], n_echoes)
    except ValueError as error:
        raise ValueError(f"{place}: {error} (from the files)") from None
    for part, order in orders.items():
        if np.abs(known[part][order] - times).max() > _SAME_TIME:
            raise ValueError(
                f"{place}: expected the same echo times for all parts, got {_ms(times)} ms for the {main} images and "
                f"{_ms(known[part][order])} ms for the {part} images (from the files)"
            )
    notes.append(f"echo times {_ms(times)} ms read from the files")
    return times, {part: orders.get(part, orders[main]) for part in found}


def _ms(times: NDArray[np.float64]) -> str:
    return ", ".join(f"{1000 * time:.6g}" for time in times)


def _ask(key: str, option: str, argument: str) -> str:
    return (
        f": a JSON file beside the images would hold {key}, as in BIDS. Give it with {option} (in Python: {argument}=)"
    )
