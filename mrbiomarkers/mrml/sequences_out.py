"""Series to sequence nodes: one volume for each b-value or echo time, and what is needed to read them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from mrbiomarkers.mrml.geometry import image_of, matrix_of
from mrbiomarkers.mrml.maps_out import json_text
from mrbiomarkers.mrml.nodes import add_node, undo_on_error
from mrbiomarkers.series import DiffusionSeries, EchoSeries, combine

_SAME_B = 0.5  # b-values closer than this are one [s/mm2], as in mrbiomarkers.series


def add_diffusion_sequence(
    series: DiffusionSeries,
    name: str,
    *,
    directions: str = "geometric",
    repeats: str = "averages",
    browser: bool = False,
) -> Any:
    """Add a diffusion series as a sequence node with the b-values as index.

    A sequence holds one image at each b-value: where several images have one, they are combined first
    (:func:`mrbiomarkers.series.combine`).

    Parameters
    ----------
    series : DiffusionSeries
        Is not changed. Without repeated b-values its images are only sorted.
    name : str
        Wanted name; a number is added where it is taken.
    directions, repeats : str
        As :func:`mrbiomarkers.series.combine` takes them. ``directions="keep"`` needs one direction at each b-value.
    browser : bool
        Whether to add a browser node, which makes a volume that shows one image at a time.

    Returns
    -------
    vtkMRMLSequenceNode
        Index ``b`` in s/mm2. Attributes, JSON lists in the order of the images: ``MRBiomarkers.Averages`` where known,
        ``MRBiomarkers.Directions`` (null for an image without one) where there are any, ``MRBiomarkers.Source``.

    Raises
    ------
    TypeError
        When something else than a series is given.
    ValueError
        When the name is empty, ``directions="keep"`` leaves several images at one b-value, or the images cannot be
        combined. The scene is as it was.
    """
    if not isinstance(series, DiffusionSeries):
        raise TypeError(f"series: expected a DiffusionSeries, got {type(series).__name__}")
    _check_name(name)
    order = np.argsort(series.bvalues, kind="stable")
    if np.any(np.diff(series.bvalues[order]) <= _SAME_B):
        series = combine(series, directions=directions, repeats=repeats)
        order = np.arange(series.bvalues.size)
        repeated = np.diff(series.bvalues) <= _SAME_B
        if repeated.any():
            raise ValueError(
                "directions: expected 'geometric', since a sequence holds one image at each b-value; got 'keep' with "
                f"several directions at b {series.bvalues[1:][repeated][0]:g} s/mm2"
            )
    values = [_text(b) for b in series.bvalues[order]]
    attributes = {}
    if series.averages is not None:
        attributes["Averages"] = json_text(series.averages[order])
    if series.directions is not None:
        kept = series.directions[order]
        attributes["Directions"] = json_text([None if np.isnan(one).any() else one for one in kept])
    if series.source is not None:
        attributes["Source"] = json_text([series.source[number] for number in order])
    with undo_on_error():
        node = _add_sequence(name, ("b", "s/mm2"), values, attributes)
        _add_images(node, values, (series.signal[..., number] for number in order), series.affine)
        if browser:
            _add_browser([node], name)
    return node


def add_echo_sequences(series: EchoSeries, name: str, *, browser: bool = False) -> dict[str, Any]:
    """Add a multi-echo series as sequence nodes with the echo times as index.

    Complex images become magnitude and phase, which a reader of images knows, in the precision of the series. Put
    together again they differ from the images by rounding: by less than 1e-6 of the magnitude for complex64 (half a
    unit in the last place of a phase near pi), 1e-15 for complex128.

    Parameters
    ----------
    series : EchoSeries
        Is not changed.
    name : str
        Wanted name; with a second part, the names end in "magnitude" and "phase".
    browser : bool
        Whether to add one browser node for both.

    Returns
    -------
    dict of str to vtkMRMLSequenceNode
        ``"magnitude"`` and, of a complex series, ``"phase"`` [rad]. Index ``TE`` in ms. Attributes, where known:
        ``MRBiomarkers.Part``, ``.Unit``, ``.FieldStrength`` [T], ``.RepetitionTime`` [s], ``.FlipAngle`` [deg],
        ``.ReadoutAxis``, ``.Precession``.

    Raises
    ------
    TypeError
        When something else than a series is given.
    ValueError
        When the name is empty, or two echo times differ by less than a sequence can tell (0.001 ms). The scene is as it
        was.
    """
    if not isinstance(series, EchoSeries):
        raise TypeError(f"series: expected an EchoSeries, got {type(series).__name__}")
    _check_name(name)
    milliseconds = series.echo_times * 1e3
    if np.any(np.diff(milliseconds) < 2e-3):
        raise ValueError(f"echo_times: expected at least 0.002 ms between them, got {milliseconds.tolist()} ms")
    values = [_text(time, power=3) for time in series.echo_times]
    is_complex = series.kind == "complex"
    known = {
        "FieldStrength": series.field_strength,
        "RepetitionTime": series.repetition_time,
        "FlipAngle": series.flip_angle,
        "ReadoutAxis": series.readout_axis,
        "Precession": series.precession,
    }
    told = {key: json_text(value) for key, value in known.items() if value is not None}
    parts: dict[str, tuple[str, Callable[[NDArray[Any]], NDArray[Any]] | None]]
    parts = {"magnitude": ("a.u.", np.abs), "phase": ("rad", np.angle)} if is_complex else {"magnitude": ("a.u.", None)}
    nodes = {}
    with undo_on_error():
        for part, (unit, of) in parts.items():
            attributes = {"Part": part, "Unit": unit, **told}
            node = _add_sequence(f"{name} {part}" if is_complex else name, ("TE", "ms"), values, attributes)
            _add_images(node, values, _part(series.signal, of), series.affine)
            nodes[part] = node
        if browser:
            _add_browser(list(nodes.values()), name)
    return nodes


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"name: expected a name, got {name!r}")


def _text(number: float, *, power: int = 0) -> str:
    """Return a number times a power of ten as a person reads it, to 12 digits: 0.0022199999999999998 s is 2.22 ms."""
    return f"{Decimal(f'{number:.12g}').scaleb(power).normalize():f}"


def _part(signal: NDArray[Any], of: Callable[[NDArray[Any]], NDArray[Any]] | None) -> Iterator[NDArray[Any]]:
    """Return a part of one complex image after another; the images as they are where no part is named."""
    for number in range(signal.shape[-1]):
        yield signal[..., number] if of is None else of(signal[..., number])


def _add_sequence(name: str, index: tuple[str, str], values: Sequence[str], attributes: dict[str, str]) -> Any:
    node = add_node("vtkMRMLSequenceNode", name)
    node.SetIndexName(index[0])
    node.SetIndexUnit(index[1])
    node.SetIndexType(node.NumericIndex)
    for key, text in attributes.items():
        node.SetAttribute(f"MRBiomarkers.{key}", text)
    return node


def _add_images(node: Any, values: Sequence[str], images: Iterable[NDArray[Any]], affine: NDArray[np.float64]) -> None:
    """Put the images into a sequence, one after another so that no second copy of them all takes memory."""
    matrix = matrix_of(affine)
    for value, image in zip(values, images, strict=True):
        volume = slicer.vtkMRMLScalarVolumeNode()  # of no scene: the sequence keeps a copy in its own
        volume.SetName(f"{node.GetName()} {value}")
        volume.SetIJKToRASMatrix(matrix)
        volume.SetAndObserveImageData(image_of(image))
        node.SetDataNodeAtValue(volume, value)


def _add_browser(sequences: Sequence[Any], name: str) -> None:
    browser = add_node("vtkMRMLSequenceBrowserNode", f"{name} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequences[0].GetID())
    for other in sequences[1:]:
        browser.AddSynchronizedSequenceNodeID(other.GetID())
