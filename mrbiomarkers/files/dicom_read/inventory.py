"""What a folder of DICOM files holds: each series, what it is, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mrbiomarkers.files.dicom_read.acquisition import acquisition_of
from mrbiomarkers.files.dicom_read.echoes import has_echoes
from mrbiomarkers.files.dicom_read.frames import Frame
from mrbiomarkers.files.dicom_read.headers import Problem, Source
from mrbiomarkers.files.dicom_read.loading import Loaded, load
from mrbiomarkers.files.dicom_read.maps import quantity_named
from mrbiomarkers.files.dicom_read.stacks import grid_of, orientations
from mrbiomarkers.files.dicom_read.tags import lenient
from mrbiomarkers.files.dicom_read.weighting import is_weighted, weighting_of

_WORDS = {2: "two", 3: "three"}


@dataclass(frozen=True)
class SeriesEntry:
    """One series.

    Attributes
    ----------
    uid : str
        Series Instance UID.
    number : int or None
        Series number.
    kind : str
        "diffusion", "multi-echo", "scanner map", "anatomical" or "unusable".
    reason : str
        Why.
    n_images : int
        Two-dimensional images; tiles of a mosaic count.
    n_slices : int or None
        Slices of a volume; None where the images make no grid.
    bvalues : tuple of float [s/mm2]
        Of a diffusion series, as stored.
    echo_times : tuple of float [s]
        Of every image.
    components : tuple of str
        "magnitude", "phase", "real", "imaginary", "unknown".
    parameters : dict
        Vendor, field and the like, see :func:`~mrbiomarkers.files.dicom_read.acquisition.acquisition_of`.
    notes : tuple of str
        What is odd.
    """

    uid: str
    number: int | None
    kind: str
    reason: str
    n_images: int
    n_slices: int | None = None
    bvalues: tuple[float, ...] = ()
    echo_times: tuple[float, ...] = ()
    components: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Inventory(NamedTuple):
    """All series of a folder, by number, and the files that were passed over."""

    series: tuple[SeriesEntry, ...]
    problems: tuple[Problem, ...]


@lenient()
def inventory(source: Source, *, progress: Callable[[int, int], bool] | None = None) -> Inventory:
    """Return what each series below a folder is; no pixels are read, and nothing tells who the patient is.

    Parameters
    ----------
    source : path or sequence of path
        Folders, with all below them, and files.
    progress : callable, optional
        ``progress(done, total)`` for every file; False ends the reading.

    Raises
    ------
    FileNotFoundError
        When a path does not exist.
    """
    loaded = load(source, progress)
    entries = [_entry(loaded, uid) for uid in {**loaded.series, **loaded.unusable}]
    ordered = sorted(entries, key=lambda entry: (entry.number is None, entry.number or 0, entry.uid))
    return Inventory(tuple(ordered), loaded.problems)


def _entry(loaded: Loaded, uid: str) -> SeriesEntry:
    frames = loaded.series.get(uid, [])
    lost = loaded.unusable.get(uid, [])
    if not frames:
        return SeriesEntry(uid, None, "unusable", lost[0].reason, 0)
    number = frames[0].header.number_of((0x0020, 0x0011))
    kind, reason, bvalues, notes = _kind(frames)
    n_slices = None
    try:
        grid = grid_of(frames, "its images")
        n_slices = grid.shape[0]
    except ValueError as error:
        count = orientations(frames) if kind == "anatomical" else 0
        if count > 1:
            reason = f"localiser, {_WORDS.get(count, count)} orientations: no one volume"
        else:
            kind, reason = "unusable", str(error)
    if lost:
        notes.append(f"{len(lost)} images cannot be used: {lost[0].reason}")
    return SeriesEntry(
        uid,
        None if number is None or not np.isfinite(number) else int(number),
        kind,
        reason,
        len(frames),
        n_slices,
        bvalues,
        tuple(sorted({frame.echo_time for frame in frames if frame.echo_time is not None})),
        tuple(sorted({frame.component for frame in frames})),
        acquisition_of(frames[0]),
        tuple(notes),
    )


def _unit(frame: Frame) -> str:
    """Return the unit that the header states; "US" means unspecified."""
    told = frame.scaling.real_world
    return told[2] if told and told[2] else frame.scaling.unit.removeprefix("US")


def _kind(frames: list[Frame]) -> tuple[str, str, tuple[float, ...], list[str]]:
    """Return what a series is, why, its b-values, and notes."""
    quantity = quantity_named(frames)
    if quantity:
        unit = next((one for one in map(_unit, frames) if one), "")
        return "scanner map", f"named as {quantity}; unit {unit or 'not stated'}", (), []
    if is_weighted(frames):
        try:
            weighting = weighting_of(frames, "this series", by_hand=False)
        except ValueError as error:
            return "unusable", str(error), (), []
        found = tuple(sorted({float(one.value or 0.0) for one in weighting.bvalues}))
        sources = ", ".join(dict.fromkeys(one.source for one in weighting.bvalues))
        return "diffusion", f"b-values in {sources}", found, list(weighting.notes)
    if has_echoes(frames):
        return "multi-echo", "images at several echo times", (), []
    return "anatomical", "one contrast, no b-value above 0", (), []
