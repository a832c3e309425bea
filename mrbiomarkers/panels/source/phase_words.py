"""How the values of phase images are read, told to the user before the fit. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from slicer.i18n import tr as _

from mrbiomarkers.fatwater.phase_units import phase_to_radians
from mrbiomarkers.mrml.frames import FrameStack, open_frames
from mrbiomarkers.panels.echoes.echo_choices import PHASES


class PhaseReader:
    """Looks through the values of phases, and again only when they or the choice have changed."""

    def __init__(self) -> None:
        self._seen: tuple[Any, tuple[str, list[str]]] = (None, ("", []))

    def read(self, node: Any, chosen: str) -> tuple[str, list[str]]:
        """Return how the phases are read, and what is missing for it, both in words.

        Parameters
        ----------
        node : node
            The phase images, as for :func:`mrbiomarkers.mrml.frames.frames_of`.
        chosen : str
            One of :data:`mrbiomarkers.panels.echoes.echo_choices.PHASES`.
        """
        stack = open_frames("phase", node)
        known = PHASES[chosen] is None and all(one.GetAttribute("MRBiomarkers.Unit") == "rad" for one in stack.nodes)
        if known:
            return _("Phases are in radians, as the series says."), []
        key = (node.GetID(), _changed(node), chosen)
        if self._seen[0] != key:
            self._seen = (key, _words(stack, chosen))
        return self._seen[1]


def _changed(node: Any) -> list[int]:
    """Return when the images of a node were changed last."""
    is_sequence = node.IsA("vtkMRMLSequenceNode")
    images = [node.GetNthDataNode(number) for number in range(node.GetNumberOfDataNodes())] if is_sequence else [node]
    return [image.GetImageData().GetMTime() for image in images]


def _words(stack: FrameStack, chosen: str) -> tuple[str, list[str]]:
    try:
        note = phase_to_radians(_telling_values(stack), phase_range=PHASES[chosen])[1]
    except ValueError as error:
        text = str(error).partition(": then phase_range")[0].partition(". Give its range")[0]
        return _sentence(text), [_("what the values of the phases mean (Phase values)")]
    return _sentence(note) or _("The phases fill the range of radians and are taken as such."), []


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""


def _telling_values(stack: FrameStack) -> NDArray[np.float64]:
    """Return (3, N) values of N images that tell their unit as all would: lowest, highest, one not whole."""
    found = np.full((3, len(stack.views)), np.nan)
    for number, view in enumerate(stack.views):
        is_whole = view.dtype.kind in "iu"
        finite = view if is_whole else view[np.isfinite(view)]
        if finite.size:
            place = 0 if is_whole else int((finite != np.rint(finite)).argmax())
            found[:, number] = finite.min(), finite.max(), finite.flat[place]
    return found
