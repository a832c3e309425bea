"""What is in the scene, for tests that ask whether it changed."""


def node_ids():
    """The IDs of all nodes."""
    import slicer

    scene = slicer.mrmlScene
    return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}


def map_nodes():
    """The parameter maps."""
    import slicer

    found = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [node for node in found if node.GetAttribute("MRBiomarkers.Quantity")]
