"""What the section Readers keeps in the scene; one node for both modules."""

from slicer import vtkMRMLTableNode
from slicer.parameterNodeWrapper import parameterNodeWrapper

SHARED = "MRBiomarkers.Readers"  # singleton tag


@parameterNodeWrapper
class ReadersParameterNode:
    """What the section keeps in the scene, for both modules.

    first, second - names of the readers
    blinded - whether the second one reads, and sees nothing of the first
    onlyRegions - regions that are compared, with commas between them; empty: all
    agreement, notes - the last comparison
    """

    first: str
    second: str
    blinded: bool = False
    onlyRegions: str
    agreement: vtkMRMLTableNode
    notes: str
