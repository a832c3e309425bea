"""What the panel of multi-echo series keeps in the scene."""

from typing import Annotated, Union

from slicer import (
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLSequenceNode,
    vtkMRMLVectorVolumeNode,
)
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from mrbiomarkers.fatwater import SPECTRA
from mrbiomarkers.panels.echoes.echo_choices import BIPOLAR, DATA, LIMITS, METHODS, PHASES, PRECESSIONS


@parameterNodeWrapper
class EchoParameterNode:
    """What the panel keeps in the scene.

    data - kind of the images: which of the four that follow are used
    magnitude, phase, real, imaginary - the multi-echo series
    phaseValues - what the values of the phases mean
    fieldStrength - static field [T]; 0: as the series says
    edited, edits - series whose echo times, field or phases were edited, and for each what was (JSON)
    spectrum, method - spectrum of fat; how the signal is fitted
    precession, bipolar - sign of the phase; axis of a bipolar readout
    t1Water, t1Fat - T1 [ms] with which the T1 bias is taken off PDFF; 0: it is left
    repetitionTime, flipAngle - for that [ms, deg]; 0: as the series says
    mask, errors - voxels to fit; whether maps of standard errors are made
    """

    data: Annotated[str, Choice(list(DATA))] = "magnitude and phase"
    magnitude: Union[vtkMRMLSequenceNode, vtkMRMLVectorVolumeNode, None]  # noqa: UP007
    phase: Union[vtkMRMLSequenceNode, vtkMRMLVectorVolumeNode, None]  # noqa: UP007
    real: Union[vtkMRMLSequenceNode, vtkMRMLVectorVolumeNode, None]  # noqa: UP007
    imaginary: Union[vtkMRMLSequenceNode, vtkMRMLVectorVolumeNode, None]  # noqa: UP007
    phaseValues: Annotated[str, Choice(list(PHASES))] = "as their range tells"
    fieldStrength: Annotated[float, WithinRange(0.0, 15.0)] = 0.0
    edited: list[Union[vtkMRMLSequenceNode, vtkMRMLVectorVolumeNode, None]]  # noqa: UP007
    edits: list[str]
    spectrum: Annotated[str, Choice(list(SPECTRA))] = "ren-marrow"
    method: Annotated[str, Choice(list(METHODS))] = "automatic"
    precession: Annotated[str, Choice(list(PRECESSIONS))] = "automatic"
    bipolar: Annotated[str, Choice(list(BIPOLAR))] = "automatic"
    t1Water: Annotated[float, WithinRange(0.0, LIMITS["t1Water"][1])] = 0.0
    t1Fat: Annotated[float, WithinRange(0.0, LIMITS["t1Fat"][1])] = 0.0
    repetitionTime: Annotated[float, WithinRange(0.0, LIMITS["repetitionTime"][1])] = 0.0
    flipAngle: Annotated[float, WithinRange(0.0, LIMITS["flipAngle"][1])] = 0.0
    mask: Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007
    errors: bool = False
