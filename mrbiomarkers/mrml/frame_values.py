"""The b-values or echo times that nodes hold for their images: from text to numbers in s/mm2 or s, or why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

FRAME_LABELS = "MultiVolume.FrameLabels"

_TAG_NAME, _TAG_UNIT = "MultiVolume.FrameIdentifyingDICOMTagName", "MultiVolume.FrameIdentifyingDICOMTagUnits"
_B_NAME = re.compile(r"^b$|b[-_ ]?val|diffusion", re.IGNORECASE)
_TE_NAME = re.compile(r"^te$|echo[-_ ]?time", re.IGNORECASE)
_B_UNITS = ("s/mm2", "sec/mm2", "mm2/s")  # the last: what earlier MultiVolume importers wrote for b-values
_NEW = "s"  # the unit that Slicer gives a new sequence; it says nothing of b-values
_TIMES = {"s": 0, "sec": 0, "second": 0, "seconds": 0, "ms": -3, "msec": -3, "millisecond": -3, "milliseconds": -3}
_NUMBERED = ("", "frame")  # names of an index that Slicer gives where it only numbers the images


@dataclass(frozen=True)
class FrameValues:
    """What is known of the images of a node.

    Attributes
    ----------
    values : tuple of float or None
        b-values [s/mm2] or echo times [s]; None where they are not known.
    quantity : str
        ``"b"``, ``"TE"``, or ``""`` where numbers stand without a name or unit.
    source : str
        Where they came from.
    reason : str
        Why there are none.
    """

    values: tuple[float, ...] | None
    quantity: str = ""
    source: str = ""
    reason: str = ""

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return {"b": "s/mm2", "TE": "s"}.get(self.quantity, "")


def sequence_values(sequence: Any) -> FrameValues:
    """Return the index values of a sequence, or its ``MultiVolume.FrameLabels`` where the index only counts the images.

    Slicer counts 0, 1, 2 when it opens a 4-D NRRD file or a DICOM series as a sequence, and keeps the b-values in the
    attribute. Where images were taken out later, the index still says which label belongs to each.

    Parameters
    ----------
    sequence : vtkMRMLSequenceNode
        The node.
    """
    texts = [sequence.GetNthIndexValue(number) for number in range(sequence.GetNumberOfDataNodes())]
    name, unit = str(sequence.GetIndexName()).strip(), str(sequence.GetIndexUnit()).strip()
    labels = _labels_of(sequence)
    places = _places(texts, name, labels)
    if places is not None:
        return _label_values(sequence, [labels[place] for place in places])
    if sequence.GetIndexType() != sequence.NumericIndex:
        return FrameValues(None, reason=f"its index is text ({', '.join(texts[:3])}), not numbers")
    if name.lower() in _NUMBERED and _places(texts, "frame", texts) is not None and not unit:
        return FrameValues(None, reason="its index only counts the images")
    found, power, reason = _meaning(name, unit)
    return (
        FrameValues(None, reason=f"its index {reason}")
        if reason
        else _parsed(texts, power, found, "index value of the sequence")
    )


def label_values(volume: Any, count: int) -> FrameValues:
    """Return the ``MultiVolume.FrameLabels`` of a volume with several images.

    Parameters
    ----------
    volume : vtkMRMLVolumeNode
        MultiVolume or vector volume.
    count : int
        How many images it holds.
    """
    labels = _labels_of(volume)
    if not labels:
        return FrameValues(None, reason=f"it has no attribute {FRAME_LABELS}")
    if len(labels) != count:
        return FrameValues(None, reason=f"{FRAME_LABELS} holds {len(labels)} values for {count} images")
    return _label_values(volume, labels)


def gradient_values(volume: Any, count: int) -> tuple[FrameValues, NDArray[np.float64] | None]:
    """Return the b-values and the gradient directions of a diffusion-weighted volume.

    The node's b-values are those of each image: Slicer's NRRD reader has multiplied the header's b-value by the squared
    length of the gradient and made the gradients unit vectors (``vtkMRMLNRRDStorageNode::ParseDiffusionInformation``).
    The gradients stand in the measurement frame, which the node's matrix turns to RAS.

    Parameters
    ----------
    volume : vtkMRMLDiffusionWeightedVolumeNode
        The node.
    count : int
        How many images it holds.

    Returns
    -------
    values : FrameValues
        b-values [s/mm2], rounded to 0.001: gradients are written with few digits.
    directions : (M, 3) array or None
        Unit vectors in RAS; NaN where an image has none. None where no image has one.
    """
    n_values, n_gradients = volume.GetBValues().GetNumberOfTuples(), volume.GetNumberOfGradients()
    if n_values != count or n_gradients != count:
        reason = f"it holds {n_values} b-values and {n_gradients} gradients for {count} images"
        return FrameValues(None, reason=reason), None
    values = tuple(round(volume.GetBValue(number), 3) for number in range(count))
    matrix = vtk.vtkMatrix4x4()
    volume.GetMeasurementFrameMatrix(matrix)
    frame = np.array([[matrix.GetElement(row, column) for column in range(3)] for row in range(3)])
    turned = np.array([volume.GetDiffusionGradients().GetTuple3(number) for number in range(count)]) @ frame.T
    lengths = np.linalg.norm(turned, axis=1)
    known = lengths > 0
    directions = np.full(turned.shape, np.nan)
    directions[known] = turned[known] / lengths[known, None]
    return FrameValues(values, "b", "diffusion-weighted volume"), directions if known.any() else None


def _labels_of(node: Any) -> list[str]:
    return re.findall(r"[^\s,]+", node.GetAttribute(FRAME_LABELS) or "")


def _places(texts: Sequence[str], name: str, labels: Sequence[str]) -> list[int] | None:
    """Return the places in ``labels`` that index values count, None where they are no such numbers."""
    numbers = [int(text) for text in texts if text.isdecimal()]
    whole = numbers == list(range(len(labels)))
    part = name.lower() in _NUMBERED and len(set(numbers)) == len(numbers) and max(numbers, default=0) < len(labels)
    return numbers if labels and len(numbers) == len(texts) and (whole or part) else None


def _label_values(node: Any, labels: Sequence[str]) -> FrameValues:
    tag, unit = (str(node.GetAttribute(key) or "").strip() for key in (_TAG_NAME, _TAG_UNIT))
    found, power, reason = _meaning(tag, unit or ("ms" if _TE_NAME.search(tag) else ""))
    if reason:
        return FrameValues(None, reason=f"{FRAME_LABELS} {reason}")
    return _parsed(labels, power, found, FRAME_LABELS)


def _meaning(name: str, unit: str) -> tuple[str, int, str]:
    """Return quantity, power of ten to its unit, and what speaks against it."""
    plain = re.sub(r"[\s^()*]", "", unit.lower()).replace("²", "2")
    if _TE_NAME.search(name):
        if plain in _TIMES:
            return "TE", _TIMES[plain], ""
        return "", 0, f"holds {name} in {unit!r}; expected the unit s or ms"
    if _B_NAME.search(name) or (not name and plain in _B_UNITS):
        return ("b", 0, "") if plain in ("", _NEW, *_B_UNITS) else ("", 0, f"holds {name} in {unit!r}; expected s/mm2")
    if name or unit:
        said = f"{name} [{unit}]" if unit else name
        return "", 0, f"holds {said!r}, neither b-values nor echo times (names: b, TE)"
    return "", 0, ""


def _parsed(texts: Sequence[str], power: int, quantity: str, source: str) -> FrameValues:
    """Return texts as numbers; the power of ten is applied to the decimal digits, so 1.15 ms gives exactly 0.00115."""
    try:
        values = tuple(float(Decimal(text).scaleb(power)) for text in texts)
    except InvalidOperation:
        return FrameValues(None, reason=f"the {source} is not made of numbers ({', '.join(texts[:3])})")
    return FrameValues(values, quantity, source)
