"""What the section Export keeps in the scene; one node for both modules."""

from slicer import vtkMRMLTableNode
from slicer.parameterNodeWrapper import parameterNodeWrapper

SHARED = "MRBiomarkers.Export"  # singleton tag


@parameterNodeWrapper
class ExportParameterNode:
    """What is exported. Folders are not kept here: a scene is handed on, and their names may tell who the patient is.

    exportedTable - the table that is copied or exported; None: the latest
    writeTable, writeFigures, writeMaps, writeRegions, writeDicom - what is written
    """

    exportedTable: vtkMRMLTableNode
    writeTable: bool = True
    writeFigures: bool = True
    writeMaps: bool = False
    writeRegions: bool = True
    writeDicom: bool = False
