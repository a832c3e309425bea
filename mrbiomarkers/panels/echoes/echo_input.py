"""What is known of a multi-echo series before its fit: echo times, field, phases; and what was edited. No Qt."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from mrbiomarkers.mrml.frames import FrameStack, open_frames
from mrbiomarkers.mrml.series_in import echo_frame
from mrbiomarkers.panels.echoes.echo_choices import (
    DATA,
    PHASES,
    chosen_parts,
    main_series,
    missing_series,
    missing_settings,
)
from mrbiomarkers.panels.source.image_values import ValueRow, by_image, rows_of
from mrbiomarkers.panels.source.phase_words import PhaseReader
from mrbiomarkers.series import EchoSeries

TIMES = (0.001, 1000.0)  # [ms] of one echo
_LONGEST = 0.1  # [ms] the longest echo time is not shorter
_LOWEST_FIELD = 0.05  # [T]


@dataclass(frozen=True, eq=False)
class EchoState:
    """What is known of the series that is chosen.

    Attributes
    ----------
    rows : tuple of ValueRow
        Echo time [ms] of each image, as the series says and as it is edited.
    field : float [T], or None
        Field strength as the series says.
    told : EchoSeries, or None
        What the series says of the rest; its voxel is empty. None where images are missing or do not fit together.
    missing : tuple of str
        What a fit needs yet, in words.
    faults : tuple of str
        What is wrong with the images or the echo times, in words.
    phase : str
        How phases are read.
    """

    rows: tuple[ValueRow, ...] = ()
    field: float | None = None
    told: EchoSeries | None = None
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    phase: str = ""


def edits_of(parameters: Any, node: Any) -> dict[str, Any]:
    """Return what was edited of a series: ``times`` [ms], ``field`` [T], ``phase`` (of PHASES); {} for nothing."""
    for place, edited in enumerate(parameters.edited[: len(parameters.edits)]):
        if edited is not None and edited is node:
            found: dict[str, Any] = json.loads(parameters.edits[place])
            return found
    return {}


def keep_edits(parameters: Any, node: Any, edits: dict[str, Any]) -> None:
    """Keep what was edited of a series, in place of what was kept of it; what belongs to no series is dropped."""
    kept = [
        (other, text)
        for other, text in zip(parameters.edited, parameters.edits, strict=False)
        if other is not None and other is not node and slicer.mrmlScene.IsNodePresent(other)
    ]
    if edits:
        kept.append((node, json.dumps(edits)))
    with slicer.util.NodeModify(parameters):
        parameters.edited = [other for other, _text in kept]
        parameters.edits = [text for _other, text in kept]


def edited_times(rows: Sequence[ValueRow]) -> list[float | None] | None:
    """Return the echo times [ms] as they are kept, None where one is still to be given; None for none edited."""
    if not any(row.edited for row in rows):
        return None
    return [None if math.isnan(time) else time for time in by_image(rows)]


def series_arguments(parameters: Any) -> dict[str, Any]:
    """Return the series as arguments of the logic's ``fit``, with what was edited; {} where none is chosen."""
    main = main_series(parameters)
    if main is None:
        return {}
    given = chosen_parts(parameters)
    times = edits_of(parameters, main).get("times")
    if times and None not in times:
        given["echoTimes"] = [time / 1000 for time in times]
    if parameters.fieldStrength:
        given["fieldStrength"] = parameters.fieldStrength
    if "phase" in given and PHASES[parameters.phaseValues] is not None:
        given["phaseRange"] = PHASES[parameters.phaseValues]
    return given


class EchoReader:
    """Reads what the chosen nodes say; the values of phases are looked through once."""

    def __init__(self) -> None:
        self._phases = PhaseReader()

    def read(self, parameters: Any) -> EchoState:
        """Return what is known of the series that is chosen, and what its fit needs yet.

        Parameters
        ----------
        parameters : IDEALFatQuantParameterNode
            What is chosen. Nothing is raised, whatever the nodes are: what is wrong is in the result.
        """
        missing, parts, main = missing_series(parameters), chosen_parts(parameters), main_series(parameters)
        if main is None:
            return EchoState(missing=(*missing, *missing_settings(parameters)))
        try:
            stack = open_frames(DATA[parameters.data][0], main)
            told = _told(parts, stack.shape[-1]) if len(parts) == len(DATA[parameters.data]) else None
        except (TypeError, ValueError) as error:
            missing += [_("images that can be fitted (see Input)"), *missing_settings(parameters)]
            return EchoState(missing=tuple(missing), faults=(str(error),))
        rows = _rows(parameters, stack)
        lacking, faults = _times_missing(rows, parts if told is not None else {})
        state = EchoState(tuple(rows), faults=tuple(faults), told=told)
        if told is not None:
            state = replace(state, field=_own_field(parts, stack.shape[-1]))
            lacking += _field_missing(parameters, state.field)
            if "phase" in parts:
                words, unknown = self._phases.read(parameters.phase, parameters.phaseValues)
                state = replace(state, phase=words)
                lacking += unknown
        return replace(state, missing=(*missing, *lacking, *missing_settings(parameters, told)))


def _times_fault(times: Sequence[float]) -> str:
    """Return what is wrong with echo times [ms], in words; empty: nothing."""
    ascending = np.sort(np.asarray(times, dtype=np.float64))
    if not np.all(np.isfinite(ascending)) or ascending[0] <= 0:
        return _("Echo times are numbers above 0 ms.")
    if ascending[-1] > TIMES[1]:
        return _("Echo times are at most {most:g} ms; {value:g} ms is too long.").format(
            most=TIMES[1], value=ascending[-1]
        )
    if ascending[-1] < _LONGEST:
        return _("The longest echo time is {value:g} ms, which is too short; were seconds typed?").format(
            value=ascending[-1]
        )
    same = np.diff(ascending) <= 0
    if np.any(same):
        return _("Two images have the echo time {value:g} ms.").format(value=ascending[1:][same][0])
    return ""


def _rows(parameters: Any, stack: FrameStack) -> list[ValueRow]:
    """Return the echo times [ms] of a series, with what was edited."""
    count, known = stack.shape[-1], stack.known
    if known.quantity == "TE" and known.values is not None:
        rows = rows_of([float(f"{1000 * value:.10g}") for value in known.values], stack.source)
    else:
        rows = rows_of(None, count=count)
    times = edits_of(parameters, main_series(parameters)).get("times") or []
    if len(times) != count:  # none, or the series has got other images since
        return rows
    return [replace(row, value=time) for row, time in zip(rows, times, strict=True)]


def _times_missing(rows: Sequence[ValueRow], parts: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return which echo times are missing, and what is wrong with them; ``parts`` where all images are chosen."""
    unknown = sum(row.value is None for row in rows)
    if unknown:
        return [_("the echo times of {count} images, in the table").format(count=unknown)], []
    fault = _times_fault([row.value for row in rows if row.value is not None])
    if not fault and parts and not any(row.edited for row in rows):
        fault = _disagreement(parts)
    return ([_("echo times that can be used (see Input)")], [fault]) if fault else ([], [])


def _told(parts: dict[str, Any], count: int) -> EchoSeries:
    """Return what the images say apart from echo times and field; raise what is wrong with them."""
    return echo_frame(**parts, echo_times=np.linspace(0.001, 0.002, count), field_strength=1.0)


def _own_field(parts: dict[str, Any], count: int) -> float | None:
    try:
        return echo_frame(**parts, echo_times=np.linspace(0.001, 0.002, count)).field_strength
    except ValueError:
        return None


def _disagreement(parts: dict[str, Any]) -> str:
    """Return what is wrong with the echo times that the images say, as when phases have others than magnitudes."""
    try:
        echo_frame(**parts, field_strength=1.0)
    except ValueError as error:
        return str(error)
    return ""


def _field_missing(parameters: Any, own: float | None) -> list[str]:
    if parameters.fieldStrength == 0:
        return [] if own is not None else [_("the field strength, which the series does not say")]
    if parameters.fieldStrength < _LOWEST_FIELD:
        return [_("a field strength of {low:g} T or more (or 0)").format(low=_LOWEST_FIELD)]
    return []
