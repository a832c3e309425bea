"""What the section Regions keeps in the scene; one node for both modules."""

from typing import Annotated, Union

from slicer import (
    vtkMRMLDiffusionWeightedVolumeNode,
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLSequenceNode,
    vtkMRMLVectorVolumeNode,
)
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from mrbiomarkers.regions import LABEL_TABLES
from mrbiomarkers.settings import PLACEMENT_METHODS

SHARED = "MRBiomarkers.Regions"  # singleton tag: regions made in one module are there in the other
BY_NAME = "names and codes"


@parameterNodeWrapper
class RegionsParameterNode:
    """What the section keeps in the scene, for both modules.

    reader - who makes the regions
    image - on whose grid regions are made
    points - one named point for each level
    segmentation - the regions
    model, table, shift - a model's segmentation, what its labels mean, and by how many vertebrae it is wrong
    method, size, neighbours, margin - how regions are made
    """

    reader: str = ""
    image: Union[  # noqa: UP007
        vtkMRMLSequenceNode,
        vtkMRMLScalarVolumeNode,
        vtkMRMLVectorVolumeNode,
        vtkMRMLDiffusionWeightedVolumeNode,
        None,
    ]
    points: vtkMRMLMarkupsFiducialNode
    segmentation: vtkMRMLSegmentationNode
    model: Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007
    table: Annotated[str, Choice([BY_NAME, *LABEL_TABLES])] = BY_NAME
    shift: Annotated[int, WithinRange(-1, 1)] = 0
    method: Annotated[str, Choice(list(PLACEMENT_METHODS))] = PLACEMENT_METHODS[0]
    size: Annotated[float, WithinRange(0.2, 1.0)] = 0.62
    neighbours: Annotated[int, WithinRange(0, 10)] = 1
    margin: Annotated[float, WithinRange(0.0, 10.0)] = 3.0
