"""What the panel of IDEALFatQuant says of the series, the spectrum and the voxels of a fit. No Qt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from slicer.i18n import tr as _

from mrbiomarkers.fatwater.spectra import spectrum
from mrbiomarkers.maps import STATUS_TEXT, Status
from mrbiomarkers.panels.echoes.echo_input import EchoState

# What is told of the voxels of a fit, where there are such.
_TOLD = {
    Status.NOT_FINITE: _("not fitted: their signal is not a number"),
    Status.NO_SIGNAL: _("not fitted: they are too dark"),
    **{flag: STATUS_TEXT[flag] for flag in (Status.NOT_CONVERGED, Status.AMBIGUOUS, Status.MERGED)},
}


def spectrum_words(name: str) -> str:
    """Return what a spectrum of fat is, what it is meant for, and where it is from."""
    known = spectrum(name)
    meant = {
        "marrow": _("for bone marrow"),
        "liver": _("for the liver"),
        "phantom": _("for phantoms"),
        "adipose tissue": _("for adipose tissue"),
        "any": _("for no tissue in particular"),
    }[known.intended_for]
    peaks = _("{count} peaks").format(count=len(known.shifts)) if len(known.shifts) > 1 else _("one peak")
    return _("{peaks}, {meant}. {source}.").format(peaks=peaks, meant=meant, source=known.source)


def field_words(state: EchoState, chosen: float) -> str:
    """Return what the series says of its field, and what is used where another one is typed [T]; empty: no series."""
    if state.told is None:
        return ""
    if state.field is None:
        return _("The series does not say its field strength.")
    if chosen and not np.isclose(chosen, state.field, rtol=1e-4):
        text = _("The series says {own:g} T; {chosen:g} T is used instead.")
        return text.format(own=state.field, chosen=chosen)
    return _("The series says {own:g} T.").format(own=state.field)


def sequence_words(state: EchoState) -> str:
    """Return what the series says of repetition time and flip angle; empty: no series."""
    if state.told is None:
        return ""
    time, angle = state.told.repetition_time, state.told.flip_angle
    said = [
        *([_("a repetition time of {time:g} ms").format(time=1000 * time)] if time else []),
        *([_("a flip angle of {angle:g}°").format(angle=angle)] if angle else []),
    ]
    if not said:
        return _("The series says neither repetition time nor flip angle.")
    return _("The series says {things}.").format(things=_(" and ").join(said))


def voxel_lines(status: NDArray[np.uint16]) -> list[str]:
    """Return which share of the voxels was not fitted, or fitted with a doubt; those outside the mask do not count.

    Parameters
    ----------
    status : (K, J, I) uint16 array
        :class:`~mrbiomarkers.maps.Status` of the voxels.
    """
    inside = status[(status & Status.OUTSIDE_MASK) == 0]
    lines = []
    for flag, what in _TOLD.items():
        count = int(np.count_nonzero(inside & flag))
        if count:
            share = f"{100 * count / inside.size:.3g} %"
            lines.append(_("{share} of the voxels are {what}.").format(share=share, what=what))
    return lines
