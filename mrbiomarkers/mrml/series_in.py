"""Nodes to diffusion and multi-echo series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import check_bvalues, check_echo_times, check_field_strength, check_real_array
from mrbiomarkers.fatwater.phase_units import phase_to_radians
from mrbiomarkers.mrml.frames import FrameStack, open_frames
from mrbiomarkers.mrml.nodes import said
from mrbiomarkers.regions import describe_grid, is_same_grid
from mrbiomarkers.series import DiffusionSeries, EchoSeries

_PARTS = (("magnitude",), ("magnitude", "phase"), ("real", "imaginary"))
_SAME_TIME = 1e-6  # [s]
_PREFIX = "MRBiomarkers."
Stacks = Mapping[str, FrameStack]


def diffusion_series(
    source: Any, *, bvalues: ArrayLike | None = None, averages: ArrayLike | None = None
) -> DiffusionSeries:
    """Return a diffusion series from nodes; the images stay as they are, see :func:`mrbiomarkers.series.combine`.

    Parameters
    ----------
    source : node or iterable of nodes
        As for :func:`mrbiomarkers.mrml.frames.frames_of`.
    bvalues : (B,) array_like, optional [s/mm2]
        One for each image, in the order of the node; they go before those of the node.
    averages : (B,) array_like, optional
        Number of averages of each image; they go before those of the node.

    Returns
    -------
    DiffusionSeries
        float64 where the nodes hold float64, else float32.

    Raises
    ------
    TypeError
        When a node is of another kind.
    ValueError
        As for ``frames_of``; when b-values are missing or do not fit, fewer than two are different, or an image holds
        no numbers.
    """
    stack = open_frames("source", source)
    count = stack.shape[-1]
    if count < 2:
        raise ValueError(
            f"source: expected at least two images with different b-values, got {said(stack.nodes[0])} with one; "
            "choose the sequence, not the volume that shows one of its images"
        )
    known = _given_bvalues(bvalues, stack) if bvalues is not None else _own_bvalues(stack)
    signal = np.empty(stack.shape, stack.dtype)
    stack.copy_into(signal)
    for number in range(count):
        if not np.isfinite(signal[..., number]).any():
            raise ValueError(f"source: expected an image in {stack.place(number)}, got no finite number in any voxel")
    return DiffusionSeries(
        signal,
        known,
        stack.affine,
        directions=stack.directions,
        averages=stack.averages if averages is None else check_real_array("averages", averages, ndim=1),
        source=stack.source if bvalues is None else ("caller",) * count,
    )


def echo_series(
    *,
    magnitude: Any = None,
    phase: Any = None,
    real: Any = None,
    imaginary: Any = None,
    echo_times: ArrayLike | None = None,
    field_strength: float | None = None,
    repetition_time: float | None = None,
    flip_angle: float | None = None,
    phase_range: tuple[float, float] | None = None,
    notes: list[str] | None = None,
) -> EchoSeries:
    """Return a multi-echo series from nodes: magnitudes, magnitude and phase, or real and imaginary images.

    What is not given is taken from the nodes: echo times from the index of a sequence or the labels of a MultiVolume;
    the others from the attributes ``MRBiomarkers.FieldStrength`` [T], ``.RepetitionTime`` [s], ``.FlipAngle`` [deg],
    ``.ReadoutAxis`` and ``.Precession``.

    Parameters
    ----------
    magnitude, phase, real, imaginary : node or iterable of nodes
        Each as for :func:`mrbiomarkers.mrml.frames.frames_of`.
    echo_times : (N,) array_like, optional [s]
        In the order of the images; where they do not ascend, they and the images are sorted.
    field_strength : float, optional [T]
        Static field.
    repetition_time : float, optional [s]
        Repetition time.
    flip_angle : float, optional [deg]
        Flip angle.
    phase_range : (float, float), optional
        The values that stand for -pi and pi in the phase images, see
        :func:`mrbiomarkers.fatwater.phase_units.phase_to_radians`.
    notes : list, optional
        Receives what was assumed, in words.

    Returns
    -------
    EchoSeries
        Of kind ``"magnitude"`` for magnitudes alone, else ``"complex"``.

    Raises
    ------
    TypeError
        When a node is of another kind.
    ValueError
        As for ``frames_of``; when the parts make no series, differ in grid, number or echo times; when echo times or
        field strength are missing or not valid; when an image is empty, magnitudes are negative, or the unit of the
        phase is not known.
    """
    given = {"magnitude": magnitude, "phase": phase, "real": real, "imaginary": imaginary}
    stacks = _open_parts({part: nodes for part, nodes in given.items() if nodes is not None})
    if phase_range is not None and phase is None:
        raise ValueError("phase_range: expected with phase images only")
    times, order = _times(echo_times, stacks)
    noted: list[str] = []
    frame = _frame(stacks, times, field_strength, repetition_time, flip_angle)
    signal = _signal(stacks, order, phase_range, noted)
    if notes is not None:
        notes.extend(noted)
    return replace(frame, signal=signal)


def echo_frame(
    *,
    magnitude: Any = None,
    phase: Any = None,
    real: Any = None,
    imaginary: Any = None,
    echo_times: ArrayLike | None = None,
    field_strength: float | None = None,
) -> EchoSeries:
    """Return what :func:`echo_series` would, with one empty voxel: all but the voxels is checked, in no time.

    Parameters
    ----------
    magnitude, phase, real, imaginary : node or iterable of nodes
    echo_times : (N,) array_like, optional [s]
    field_strength : float, optional [T]
        As for :func:`echo_series`.

    Raises
    ------
    TypeError, ValueError
        As for :func:`echo_series`, but for what is wrong with voxels.
    """
    given = {"magnitude": magnitude, "phase": phase, "real": real, "imaginary": imaginary}
    stacks = _open_parts({part: nodes for part, nodes in given.items() if nodes is not None})
    return _frame(stacks, _times(echo_times, stacks)[0], field_strength, None, None)


def _given_bvalues(bvalues: ArrayLike, stack: FrameStack) -> NDArray[np.float64]:
    count = stack.shape[-1]
    values = check_real_array("bvalues", bvalues, ndim=1)
    if values.size != count:
        raise ValueError(
            f"bvalues: expected {count} values, one for each image of {said(stack.nodes[0])} in its order, got "
            f"{values.size}"
        )
    return check_bvalues(values, count)


def _own_bvalues(stack: FrameStack) -> NDArray[np.float64]:
    """Return the b-values that the nodes hold, or say how to give them."""
    known, count = stack.known, stack.shape[-1]
    reason = f"{known.source} holds echo times" if known.quantity == "TE" else known.reason
    if known.values is not None and not reason:
        try:
            return check_bvalues(known.values, count)
        except ValueError as error:
            reason = f"{known.source}: {error}"
    raise ValueError(
        f"source: expected b-values in {said(stack.nodes[0])}: {reason}. Give them: bvalues=[...] in s/mm2, one "
        f"for each of its {count} images in their order"
    )


def _open_parts(given: Mapping[str, Any]) -> dict[str, FrameStack]:
    """Return the images of each part, after checking that the parts make one series on one grid."""
    if set(given) not in [set(parts) for parts in _PARTS]:
        expected = "; ".join(" and ".join(parts) for parts in _PARTS)
        raise ValueError(f"nodes: expected those of one of: {expected}; got {' and '.join(given) or 'none'}")
    stacks = {part: open_frames(part, nodes) for part, nodes in given.items()}
    for part, stack in stacks.items():
        written = {node.GetAttribute(f"{_PREFIX}Part") for node in stack.nodes} - {None, "", part}
        if written:
            raise ValueError(f"{part}: expected {part} images, got {said(stack.nodes[0])}, of {' and '.join(written)}")
    name, first = next(iter(stacks.items()))
    for part, stack in stacks.items():
        if part != name and any(node is other for node in stack.nodes for other in first.nodes):
            raise ValueError(f"{part}: expected other nodes than those of {name}, got {said(stack.nodes[0])} as both")
        if stack.shape[-1] != first.shape[-1]:
            raise ValueError(f"{part}: expected {first.shape[-1]} images, as {name} has, got {stack.shape[-1]}")
        if not is_same_grid(stack.shape[:3], stack.affine, first.shape[:3], first.affine):
            raise ValueError(
                f"{part}: expected the grid of {name} ({describe_grid(first.shape[:3], first.affine)}), got "
                f"{describe_grid(stack.shape[:3], stack.affine)}"
            )
    return stacks


def _times(echo_times: ArrayLike | None, stacks: Stacks) -> tuple[NDArray[np.float64], dict[str, list[int]]]:
    """Return the echo times [s], ascending, and for each part which of its images belong to them."""
    count = next(iter(stacks.values())).shape[-1]
    if echo_times is not None:
        given = check_real_array("echo_times", echo_times, ndim=1)
        order = np.argsort(given, kind="stable").tolist()
        return check_echo_times(given[order], count), dict.fromkeys(stacks, order)
    found = {part: np.array(one.known.values) for part, one in stacks.items() if one.known.quantity == "TE"}
    if not found:
        part, stack = next(iter(stacks.items()))
        reason = stack.known.reason or "its values are not said to be echo times (name TE, unit s or ms)"
        raise ValueError(
            f"echo_times: expected those of {count} images in {part} {said(stack.nodes[0])}: {reason}. Give them: "
            "echo_times=[...] in seconds, in the order of the images"
        )
    orders = {part: np.argsort(times, kind="stable").tolist() for part, times in found.items()}
    name = next(iter(found))
    times = check_echo_times(found[name][orders[name]], count)
    for part, other in found.items():
        if not np.allclose(other[orders[part]], times, rtol=0, atol=_SAME_TIME):
            got = _milliseconds(np.sort(other))
            raise ValueError(f"{part}: expected the echo times of {name}, {_milliseconds(times)}, got {got}")
    return times, {part: orders.get(part, orders[name]) for part in stacks}


def _milliseconds(times: NDArray[np.float64]) -> str:
    return f"{', '.join(f'{1000 * time:g}' for time in times)} ms"


def _frame(
    stacks: Stacks,
    times: NDArray[np.float64],
    field_strength: float | None,
    repetition_time: float | None,
    flip_angle: float | None,
) -> EchoSeries:
    """Return a series of one empty voxel: whatever is wrong with its parameters is said before voxels are copied."""
    first = next(iter(stacks.values()))
    kind = "magnitude" if len(stacks) == 1 else "complex"
    tesla = _attribute(stacks, "FieldStrength") if field_strength is None else field_strength
    if tesla is None:
        raise ValueError(
            f"field_strength: expected tesla, as 3.0; {said(first.nodes[0])} has no attribute {_PREFIX}FieldStrength. "
            "Give it: field_strength=..."
        )
    axis, precession = (_attribute(stacks, key) for key in ("ReadoutAxis", "Precession"))
    return EchoSeries(
        np.zeros((1, 1, 1, times.size), np.float32 if kind == "magnitude" else np.complex64),
        times,
        check_field_strength(tesla),
        first.affine,
        kind=kind,
        repetition_time=_attribute(stacks, "RepetitionTime") if repetition_time is None else repetition_time,
        flip_angle=_attribute(stacks, "FlipAngle") if flip_angle is None else flip_angle,
        readout_axis=None if axis is None else int(axis),
        precession=None if precession is None else int(precession),
    )


def _attribute(stacks: Stacks, key: str) -> float | None:
    """Return the number that an attribute of the nodes holds; None where none has it."""
    texts = {node.GetAttribute(_PREFIX + key) for stack in stacks.values() for node in stack.nodes} - {None, ""}
    if not texts:
        return None
    try:
        (value,) = {float(text) for text in texts}
    except ValueError:
        raise ValueError(
            f"nodes: expected one number in the attribute {_PREFIX}{key}, got {' and '.join(sorted(texts))}"
        ) from None
    return value


def _signal(
    stacks: Stacks, orders: Mapping[str, Sequence[int]], phase_range: tuple[float, float] | None, notes: list[str]
) -> NDArray[Any]:
    """Return the images (K, J, I, N) of all parts together, in one array that both parts are copied into."""
    first = next(iter(stacks.values()))
    double = any(stack.dtype == np.float64 for stack in stacks.values())
    if len(stacks) == 1:
        signal = np.empty(first.shape, first.dtype)
        first.copy_into(signal, orders["magnitude"])
        _check_magnitude(signal, first, orders["magnitude"])
    else:
        signal = np.empty(first.shape, np.complex128 if double else np.complex64)
        for half, (part, stack) in zip((signal.real, signal.imag), stacks.items(), strict=True):
            stack.copy_into(half, orders[part])
        if "phase" in stacks:
            _check_magnitude(signal.real, first, orders["magnitude"])
            _from_polar(signal, stacks["phase"], phase_range, notes)
    _check_echoes(signal, first, next(iter(orders.values())), notes)
    return signal


def _from_polar(
    signal: NDArray[Any], phase: FrameStack, phase_range: tuple[float, float] | None, notes: list[str]
) -> None:
    """Turn magnitude (real part) and phase (imaginary part) into the complex signal, in place."""
    radians: NDArray[Any] = signal.imag
    if phase_range is not None or any(node.GetAttribute(f"{_PREFIX}Unit") != "rad" for node in phase.nodes):
        try:
            radians, note = phase_to_radians(radians, phase_range=phase_range)
        except ValueError as error:
            raise ValueError(f"phase {said(phase.nodes[0])}: {error}") from None
        notes.extend([note] if note else [])
    with np.errstate(invalid="ignore"):  # infinite magnitudes and phases
        for target, angle in zip(signal, radians, strict=True):
            size, along, across = target.real.copy(), np.cos(angle), np.sin(angle)
            target.real = size * along
            target.imag = size * across


def _check_magnitude(magnitude: NDArray[Any], stack: FrameStack, order: Sequence[int]) -> None:
    for echo, number in enumerate(order):
        image = magnitude[..., echo]
        if np.any(image < 0):
            raise ValueError(
                f"magnitude: expected 0 or more in {stack.place(number)}, got {np.nanmin(image):g}; this looks like "
                "real, imaginary or phase images"
            )


def _check_echoes(signal: NDArray[Any], stack: FrameStack, order: Sequence[int], notes: list[str]) -> None:
    """Refuse an echo without any signal, and count the voxels that hold no numbers."""
    lost = np.zeros(signal.shape[:3], dtype=bool)
    for echo, number in enumerate(order):
        image = signal[..., echo]
        finite = np.isfinite(image)
        if not np.any(image[finite]):
            raise ValueError(f"nodes: expected an image in {stack.place(number)}, got 0 or no number in every voxel")
        lost |= ~finite
    if lost.any():
        notes.append(f"{np.count_nonzero(lost)} of {lost.size} voxels hold NaN or infinite values")
