"""What the section Maps of the scanner keeps in the scene; one node for both modules."""

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import parameterNodeWrapper

SHARED = "MRBiomarkers.ScannerMaps"  # singleton tag


@parameterNodeWrapper
class ScannerMapsParameterNode:
    """What the section keeps in the scene, for both modules.

    volume - a map as the scanner or a workstation has made it
    """

    volume: vtkMRMLScalarVolumeNode
