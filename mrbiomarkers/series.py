"""What was acquired: diffusion and multi-echo series, checked once, here; repeats and directions combined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrbiomarkers.checks import (
    check_affine,
    check_bvalues,
    check_choice,
    check_echo_times,
    check_field_strength,
    check_real_array,
)

_SAME_B = 0.5  # b-values closer than this are one [s/mm2]
_SAME_DIRECTION = np.cos(np.deg2rad(1.0))
_UNKNOWN = "unrecorded source"


@dataclass(frozen=True, eq=False)
class DiffusionSeries:
    """A diffusion-weighted series on one grid.

    Attributes
    ----------
    signal : (K, J, I, B) array [a.u.]
        Magnitude images. Integers become float32; float32 and float64 are kept.
    bvalues : (B,) array [s/mm2]
        b-value of each measurement, in any order, repeats allowed.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    directions : (B, 3) array, optional
        Unit gradient directions in RAS; NaN rows for measurements without a direction.
    averages : (B,) array, optional
        Number of averages (NEX) behind each measurement; weights of the fits.
    source : tuple of str, optional
        Where each b-value came from (a tag, a file, the caller), and what was done to it (:func:`combine`).
    left_out : tuple of float [s/mm2]
        b-values that were acquired and are not here, ascending (:func:`exclude`).

    Raises
    ------
    TypeError
        When an array is complex or not numeric.
    ValueError
        When shapes or values do not fit together.
    """

    signal: NDArray[np.floating]
    bvalues: NDArray[np.float64]
    affine: NDArray[np.float64]
    directions: NDArray[np.float64] | None = None
    averages: NDArray[np.float64] | None = None
    source: tuple[str, ...] | None = None
    left_out: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        signal = check_real_array("signal", self.signal, ndim=4)
        if signal.dtype not in (np.float32, np.float64):
            signal = signal.astype(np.float32)
        n = signal.shape[-1]
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "bvalues", check_bvalues(self.bvalues, n))
        object.__setattr__(self, "affine", check_affine(self.affine))
        if self.directions is not None:
            directions = check_real_array("directions", self.directions).astype(np.float64)
            if directions.shape != (n, 3):
                raise ValueError(f"directions: expected shape {(n, 3)}, got {directions.shape}")
            object.__setattr__(self, "directions", directions)
        if self.averages is not None:
            averages = check_real_array("averages", self.averages, ndim=1).astype(np.float64)
            if averages.size != n or not np.all(averages > 0):
                raise ValueError(f"averages: expected {n} positive numbers, got {averages.tolist()}")
            object.__setattr__(self, "averages", averages)
        if self.source is not None and len(self.source) != n:
            raise ValueError(f"source: expected {n} entries, one for each b-value, got {len(self.source)}")

    @property
    def grid_shape(self) -> tuple[int, int, int]:
        """Shape (K, J, I) of one image."""
        k, j, i = self.signal.shape[:3]
        return k, j, i


@dataclass(frozen=True, eq=False)
class EchoSeries:
    """A multi-echo gradient echo series on one grid.

    Attributes
    ----------
    signal : (K, J, I, N) array [a.u.]
        Complex images (complex64 and complex128 are kept), or magnitudes (integers become float32).
    echo_times : (N,) array [s]
        Ascending.
    field_strength : float [T]
        Static field.
    affine : (4, 4) array [mm]
        Maps ``(i, j, k, 1)`` to RAS.
    kind : str
        ``"complex"`` or ``"magnitude"``.
    repetition_time : float [s], optional
        Repetition time.
    flip_angle : float [deg], optional
        Flip angle.
    readout_axis : int, optional
        Axis of the grid (0, 1 or 2 for k, j, i) along which the echoes are read.
    precession : int, optional
        1: a positive field makes the phase grow, as in the signal model. -1: it makes it fall. None: not known.

    Raises
    ------
    TypeError
        When the signal is complex and should be real, or the reverse.
    ValueError
        When shapes or values do not fit together.
    """

    signal: NDArray[Any]
    echo_times: NDArray[np.float64]
    field_strength: float
    affine: NDArray[np.float64]
    kind: str = "complex"
    repetition_time: float | None = None
    flip_angle: float | None = None
    readout_axis: int | None = None
    precession: int | None = None

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, ("complex", "magnitude"))
        signal = _check_echoes(self.signal, self.kind)
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "echo_times", check_echo_times(self.echo_times, signal.shape[-1]))
        object.__setattr__(self, "field_strength", check_field_strength(self.field_strength))
        object.__setattr__(self, "affine", check_affine(self.affine))
        if self.repetition_time is not None and not 0 < self.repetition_time < 60:
            raise ValueError(f"repetition_time: expected seconds, 0 to 60, got {self.repetition_time}")
        if self.flip_angle is not None and not 0 < self.flip_angle <= 180:
            raise ValueError(f"flip_angle: expected degrees, 0 to 180, got {self.flip_angle}")
        if self.readout_axis not in (None, 0, 1, 2):
            raise ValueError(f"readout_axis: expected 0, 1, 2 or None, got {self.readout_axis!r}")
        if self.precession not in (None, 1, -1):
            raise ValueError(f"precession: expected 1, -1 or None, got {self.precession!r}")

    @property
    def grid_shape(self) -> tuple[int, int, int]:
        """Shape (K, J, I) of one image."""
        k, j, i = self.signal.shape[:3]
        return k, j, i


def _check_echoes(signal: ArrayLike, kind: str) -> NDArray[Any]:
    array = np.asarray(signal)
    if kind == "magnitude":
        magnitude = check_real_array("signal", array, ndim=4)
        return magnitude if magnitude.dtype in (np.float32, np.float64) else magnitude.astype(np.float32)
    if array.dtype.kind != "c":
        raise TypeError(f"signal: expected complex images for kind 'complex', got an array of type {array.dtype}")
    if array.ndim != 4:
        raise ValueError(f"signal: expected 4 dimensions, got {array.ndim} (shape {array.shape})")
    return array if array.dtype in (np.complex64, np.complex128) else array.astype(np.complex64)


def combine(
    series: DiffusionSeries,
    *,
    directions: str = "geometric",
    averages: str = "arithmetic",
    repeats: str = "averages",
    dummy_below: float = 2.0,
) -> DiffusionSeries:
    """Make one image of the repeats and directions at each b-value, in ascending order of b.

    Images whose b-values lie within 0.5 s/mm2 belong together; their mean is the b-value. What was done to them, and
    their raw b-values, stand in ``source``, for example ``"geometric mean of 3 directions, b 0.001 as 0 from text
    file"``.

    Parameters
    ----------
    series : DiffusionSeries
        Images in any order; is not changed. No b = 0 is needed.
    directions : str
        ``"geometric"``: the geometric mean over the directions at one b, each direction counting once, which keeps the
        mean diffusivity of an anisotropic tissue. Where a value is zero or negative, the arithmetic mean of that voxel.
        ``"keep"``: an image for each direction. Opposite directions are one direction. At b = 0 there are none.
    averages : str
        ``"arithmetic"``: the arithmetic mean of images of one b and direction, weighted by their averages.
        ``"keep"``: no image is combined, only sorted; then ``directions`` must be ``"keep"``, too.
    repeats : str
        What images at one b above 0 are where the series knows no directions: ``"averages"`` or ``"directions"``.
    dummy_below : float [s/mm2]
        Smaller b-values are taken as 0.

    Returns
    -------
    DiffusionSeries
        ``averages`` holds the number of acquired images behind each (the sum of theirs); ``directions`` is NaN where
        several were combined and None where none is left. The signal keeps its type and is the same array when every
        image stays as and where it is. A voxel that is NaN in one image is NaN in the combined one.

    Raises
    ------
    ValueError
        When an option is not one of those named, fewer than two different b-values remain, or some images at one b have
        a direction and some have none (as when a scanner's own mean is stored among the raw images).

    References
    ----------
    Basser and Jones, NMR Biomed 2002;15:456 (mean diffusivity from the geometric mean).
    """
    check_choice("directions", directions, ("geometric", "keep"))
    check_choice("averages", averages, ("arithmetic", "keep"))
    check_choice("repeats", repeats, ("averages", "directions"))
    if averages == "keep" and directions != "keep":
        raise ValueError("averages: expected 'arithmetic' where directions are combined, got 'keep'")
    if not 0 <= dummy_below < np.inf:
        raise ValueError(f"dummy_below: expected a b-value of 0 s/mm2 or more, got {dummy_below}")
    bvalues = np.where(series.bvalues < dummy_below, 0.0, series.bvalues)
    groups: list[list[list[int]]] = []  # of each new image: of each of its directions: positions of its images
    for members in _same_b(bvalues):
        parts = _same_direction(series, members, bool(bvalues[members].max() == 0), repeats == "directions")
        if averages == "keep":
            groups.extend([[one]] for one in members)
        elif directions == "keep":
            groups.extend([part] for part in parts)
        else:
            groups.append(parts)
    flat = [[one for part in parts for one in part] for parts in groups]
    mean_b = np.array([bvalues[members].mean() for members in flat])
    nex = np.ones(bvalues.size) if series.averages is None else series.averages
    return replace(
        series,
        signal=_combined(series.signal, groups, nex),
        bvalues=mean_b,
        directions=_kept_directions(series.directions, groups),
        averages=np.array([nex[members].sum() for members in flat]),
        source=tuple(_record(series, parts, b) for parts, b in zip(groups, mean_b, strict=True)),
    )


def exclude(series: DiffusionSeries, bvalues: ArrayLike) -> DiffusionSeries:
    """Leave out every image at the given b-values.

    Parameters
    ----------
    series : DiffusionSeries
        The series; is not changed.
    bvalues : (N,) array_like [s/mm2]
        What to leave out; all images within 0.5 s/mm2 of each.

    Raises
    ------
    ValueError
        When a given b-value is not in the series, or fewer than two different ones are left.
    """
    unwanted = check_real_array("bvalues", np.atleast_1d(np.asarray(bvalues)), ndim=1).astype(np.float64)
    near = np.abs(series.bvalues[:, None] - unwanted) <= _SAME_B
    present = ", ".join(f"{b:g}" for b in np.unique(series.bvalues))
    if not near.any(axis=0).all():
        missing = ", ".join(f"{b:g}" for b in unwanted[~near.any(axis=0)])
        raise ValueError(f"bvalues to exclude: expected some of {present} s/mm2, got {missing}")
    keep = ~near.any(axis=1)
    if np.unique(series.bvalues[keep]).size < 2:
        raise ValueError(
            f"bvalues to exclude: expected to leave at least two different b-values of {present} s/mm2, "
            f"got {', '.join(f'{b:g}' for b in unwanted)}"
        )
    return replace(
        series,
        signal=series.signal if keep.all() else series.signal[..., keep],
        bvalues=series.bvalues[keep],
        directions=None if series.directions is None else series.directions[keep],
        averages=None if series.averages is None else series.averages[keep],
        source=None if series.source is None else tuple(np.array(series.source, dtype=object)[keep]),
        left_out=tuple(np.unique([*series.left_out, *series.bvalues[~keep]]).tolist()),
    )


def _same_b(bvalues: NDArray[np.float64]) -> list[list[int]]:
    """Return the positions of the images of each b-value, ascending; a b-value joins the smallest within 0.5 s/mm2."""
    groups: list[list[int]] = []
    for number in np.argsort(bvalues, kind="stable"):
        if groups and bvalues[number] - bvalues[groups[-1][0]] <= _SAME_B:
            groups[-1].append(int(number))
        else:
            groups.append([int(number)])
    return [sorted(group) for group in groups]


def _same_direction(series: DiffusionSeries, members: list[int], is_zero: bool, split: bool) -> list[list[int]]:
    """Return the images of one b-value, parted by direction."""
    if is_zero:
        return [members]
    lengths = np.zeros(len(members))
    if series.directions is not None:
        lengths = np.nan_to_num(np.linalg.norm(series.directions[members], axis=1))
    known = lengths > 0
    if not known.any():
        return [[one] for one in members] if split else [members]
    if series.directions is None or not known.all():
        raise ValueError(
            f"directions: expected all images at b {series.bvalues[members[0]]:g} s/mm2 to have one or none, got "
            f"{np.count_nonzero(known)} with and {np.count_nonzero(~known)} without"
        )
    units = series.directions[members] / lengths[:, None]
    parts: list[list[int]] = []
    first: list[NDArray[np.float64]] = []
    for one, unit in zip(members, units, strict=True):
        same = [number for number, other in enumerate(first) if abs(unit @ other) >= _SAME_DIRECTION]
        if same:
            parts[same[0]].append(one)
        else:
            parts.append([one])
            first.append(unit)
    return parts


def _combined(
    signal: NDArray[np.floating], groups: list[list[list[int]]], nex: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Return the signal (K, J, I, G) of the groups, worked slice by slice so that only the result takes memory."""
    if groups == [[[number]] for number in range(signal.shape[-1])]:
        return signal
    result = np.empty((*signal.shape[:-1], len(groups)), dtype=signal.dtype)
    with np.errstate(invalid="ignore"):  # +Inf and -Inf in one mean give NaN
        for part, target in zip(signal, result, strict=True):
            for number, directions in enumerate(groups):
                target[..., number] = _mean_over_directions([_weighted_mean(part, nex, one) for one in directions])
    return result


def _weighted_mean(part: NDArray[np.floating], nex: NDArray[np.float64], members: list[int]) -> NDArray[np.float64]:
    """Return the mean (J, I) of the images of one direction, weighted by their averages."""
    if len(members) == 1:
        return part[..., members[0]].astype(np.float64)
    total = sum(part[..., one].astype(np.float64) * nex[one] for one in members)
    return np.asarray(total / nex[members].sum())


def _mean_over_directions(images: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the geometric mean (J, I); the arithmetic mean where a value is not above 0."""
    if len(images) == 1:
        return images[0]
    stack = np.stack(images)
    not_positive = (stack <= 0).any(axis=0)
    safe = np.where(not_positive, 1.0, stack)
    return np.where(not_positive, stack.mean(axis=0), np.exp(np.log(safe).mean(axis=0)))


def _kept_directions(
    directions: NDArray[np.float64] | None, groups: list[list[list[int]]]
) -> NDArray[np.float64] | None:
    """Return the direction (G, 3) of each group that has a single one, NaN for the others; None where none has."""
    if directions is None:
        return None
    kept = np.array([directions[parts[0][0]] if len(parts) == 1 else [np.nan] * 3 for parts in groups])
    return None if np.isnan(kept).all() else kept


def _record(series: DiffusionSeries, parts: list[list[int]], bvalue: float) -> str:
    """Return what was done to the images of a group, their raw b-values, and where these came from."""
    members = [one for part in parts for one in part]
    done = []
    if len(parts) > 1:
        done.append(f"geometric mean of {len(parts)} directions")
    if len(members) > len(parts):
        done.append(f"arithmetic mean of {len(members)} images" if len(parts) == 1 else f"{len(members)} images")
    raw = np.unique(series.bvalues[members])
    if raw.size > 1 or raw[0] != bvalue:
        done.append(f"b {', '.join(f'{b:g}' for b in raw)} as {bvalue:g}")
    origin = " and ".join(dict.fromkeys(series.source[one] for one in members)) if series.source else _UNKNOWN
    return f"{', '.join(done)} from {origin}" if done else origin
