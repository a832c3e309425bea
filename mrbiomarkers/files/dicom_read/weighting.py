"""Which frames of a series are diffusion images, at which b-value, in which direction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from mrbiomarkers.files.dicom_read.bvalues import PLACES, BValue
from mrbiomarkers.files.dicom_read.frames import Frame

DUMMY_BELOW = 2.0  # s/mm2: stored for b = 0 by Philips and UIH

_COMPUTED = {"ADC", "EADC", "EXP", "FA", "RA", "COLFA", "TENSOR", "TTEST", "SYNTHETIC", "CALC_BVALUE", "CALCULATED"}
_TRACE = {"TRACEW", "TRACE", "ISO", "ISOTROPIC"}
_SAME_DIRECTION = np.cos(np.deg2rad(0.5))


@dataclass(eq=False)
class Weighting:
    """The diffusion images of a series.

    Attributes
    ----------
    frames : list of Frame
        Those to be used.
    bvalues : list of BValue
        What each has; the ``value`` is never None, unless the caller gives the b-values.
    notes : list of str
        What was set apart and what is odd.
    """

    frames: list[Frame]
    bvalues: list[BValue]
    notes: list[str] = field(default_factory=list)

    def volumes(self) -> list[tuple[float, int]]:
        """Return for each frame the b-value and the number of the direction (-1: none) of its volume."""
        known: list[np.ndarray] = []
        found = []
        for one in self.bvalues:
            number = -1
            if one.direction is not None:
                vector = np.array(one.direction)
                same = [n for n, other in enumerate(known) if vector @ other >= _SAME_DIRECTION]
                number = same[0] if same else len(known)
                known.extend([] if same else [vector])
            found.append((float(one.value or 0.0), number))
        return found


def is_computed(frame: Frame) -> bool:
    """Whether the scanner computed this image from others: ADC, FA, exponential, synthetic."""
    return any(token in _COMPUTED or token.startswith(("ADC", "EADC")) for token in frame.image_type)


def is_weighted(frames: list[Frame]) -> bool:
    """Whether a series holds diffusion images: some have a b-value above 0 and are not computed from others."""
    return any((frame.bvalue.value or 0.0) >= DUMMY_BELOW and not is_computed(frame) for frame in frames)


def weighting_of(frames: list[Frame], name: str, *, by_hand: bool) -> Weighting:
    """Return the diffusion images of a series and their b-values.

    Parameters
    ----------
    frames : list of Frame
        Of one series, or of several that belong together.
    name : str
        The series, for messages.
    by_hand : bool
        Whether the caller gives the b-values: then none are needed here.

    Raises
    ------
    ValueError
        When no image has a b-value, or one cannot be read.
    """
    notes: list[str] = []
    kept = _set_apart(
        frames, [not is_computed(frame) for frame in frames], "computed images (ADC, FA ...)", name, notes
    )
    is_signal = [frame.component in ("magnitude", "unknown") for frame in kept]
    kept = _set_apart(kept, is_signal, "phase, real or imaginary images", name, notes)
    for wanted, what in (
        (_is_original, "derived images among the original ones"),
        (_is_raw, "trace images among raw ones"),
    ):
        # Only where something is left to fit: the low b of some trace series is an original image.
        keep = [wanted(frame) for frame in kept]
        left = [frame for frame in kept if wanted(frame)]
        if is_weighted(left) or (by_hand and left):
            kept = _set_apart(kept, keep, what, name, notes)
    if not kept:
        raise ValueError(f"{name}: expected diffusion images, got only images computed from them")
    result = Weighting(kept, [frame.bvalue for frame in kept], notes)
    if not by_hand:
        _fill(result, name)
        _drop_isotropic(result, name)
    return result


def snapped(bvalue: float) -> float:
    """Return 0 for the small b-values that stand for it."""
    return 0.0 if bvalue < DUMMY_BELOW else bvalue


def _set_apart(frames: list[Frame], keep: list[bool], what: str, name: str, notes: list[str]) -> list[Frame]:
    if not all(keep):
        notes.append(f"{name}: {keep.count(False)} {what} set apart")
    return [frame for frame, wanted in zip(frames, keep, strict=True) if wanted]


def _is_original(frame: Frame) -> bool:
    return frame.image_type[:1] != ("DERIVED",)


def _is_raw(frame: Frame) -> bool:
    return not _TRACE & set(frame.image_type)


def _fill(result: Weighting, name: str) -> None:
    """Give images without b-value b = 0 where others have one, and gather what is odd."""
    values = [one.value for one in result.bvalues]
    for frame, one in zip(result.frames, result.bvalues, strict=True):
        if one.value is None and one.doubt:
            raise ValueError(f"{frame.path}: expected a b-value, got one that is damaged: {one.doubt}. {_BY_HAND}")
    missing = values.count(None)
    if missing == len(values) or not any(value is not None and value >= DUMMY_BELOW for value in values):
        found = "none" if missing == len(values) else "only b = 0"
        raise ValueError(f"{name}: expected b-values in the headers, got {found}. Looked at: {PLACES}. {_BY_HAND}")
    if missing:
        result.bvalues = [
            one._replace(value=0.0, source="no element: taken as b = 0", direction=None) if one.value is None else one
            for one in result.bvalues
        ]
        doubt = ", though others say b = 0 themselves: check them" if 0.0 in values else ""
        result.notes.append(f"{name}: {missing} of {len(values)} images have no b-value: taken as b = 0{doubt}")
    sources = Counter(one.source for one, value in zip(result.bvalues, values, strict=True) if value is not None)
    if len(sources) > 1:
        shown = ", ".join(f"{source} ({count} images)" for source, count in sources.items())
        result.notes.append(f"{name}: b-values come from several elements: {shown}")
    for doubt, count in Counter(one.doubt for one in result.bvalues if one.doubt).items():
        result.notes.append(f"{name}: {count} images: {doubt}")
    _note_lowest(result, name)


_BY_HAND = "Give them by hand, one for each volume in the order of acquisition: bvalues=[0, 50, ...]"


def _note_lowest(result: Weighting, name: str) -> None:
    found = sorted({one.value for one in result.bvalues if one.value is not None})
    dummies = [value for value in found if 0 < value < DUMMY_BELOW]
    if dummies:
        result.notes.append(f"{name}: b {', '.join(f'{value:.4g}' for value in dummies)} taken as 0")
    if DUMMY_BELOW <= found[0] <= 10 and any(frame.header.vendor == "Siemens" for frame in result.frames):
        result.notes.append(f"{name}: the lowest b is {found[0]:g}; some Siemens software writes 5 for b = 0")


def _drop_isotropic(result: Weighting, name: str) -> None:
    """Set the scanner's own mean over directions apart from the directions themselves."""
    directed = {one.value for one in result.bvalues if one.direction is not None}
    keep = [one.direction is not None or one.value not in directed or one.value == 0 for one in result.bvalues]
    frames = _set_apart(result.frames, keep, "isotropic (trace) images beside their directions", name, result.notes)
    result.bvalues = [one for one, wanted in zip(result.bvalues, keep, strict=True) if wanted]
    result.frames = frames
