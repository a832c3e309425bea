"""Nodes that hold several images, built by hand from arrays; only the tests in scenes need them."""

import numpy as np
import slicer

from Testing.support.volumes import oblique_affine

SHAPE = (3, 4, 5)  # (K, J, I): three different sizes


def numbered(count, dtype=np.float32, shape=SHAPE):
    """Images (K, J, I, M) whose every voxel holds another number, above 0."""
    return (np.arange(np.prod(shape) * count).reshape(*shape, count) + 1).astype(dtype)


def volume(image, affine=None, name="V", kind="vtkMRMLScalarVolumeNode"):
    """A volume node of an array (K, J, I), or (K, J, I, M) where the kind holds vectors."""
    affine = oblique_affine() if affine is None else affine
    return slicer.util.addVolumeFromArray(np.ascontiguousarray(image), affine, name=name, nodeClassName=kind)


def sequence(images, values, *, index=("b", "s/mm2"), affine=None, name="S", **attributes):
    """A sequence node of images (K, J, I, M); ``values`` are its index, put in as text in the order given."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    node.SetIndexName(index[0])
    node.SetIndexUnit(index[1])
    for number, value in enumerate(values):
        one = volume(images[..., number], affine)
        node.SetDataNodeAtValue(one, str(value))
        slicer.mrmlScene.RemoveNode(one)
    for key, text in attributes.items():
        node.SetAttribute(f"MRBiomarkers.{key}", text)
    return node


def label(node, labels, tag="", unit=""):
    """Give a node the attributes of a MultiVolume."""
    node.SetAttribute("MultiVolume.FrameLabels", labels)
    node.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagName", tag)
    node.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagUnits", unit)
    return node


def weighted(images, bvalues, gradients, name="W"):
    """A diffusion-weighted volume node."""
    node = volume(images, name=name, kind="vtkMRMLDiffusionWeightedVolumeNode")
    node.SetNumberOfGradients(len(bvalues))
    for number, (b, gradient) in enumerate(zip(bvalues, gradients, strict=True)):
        node.SetBValue(number, b)
        node.SetDiffusionGradient(number, gradient)
    return node


def show(node, name="B"):
    """A browser of a sequence; returns the volume that shows one of its images."""
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name)
    browser.SetAndObserveMasterSequenceNodeID(node.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return browser.GetProxyNode(node)


def transformed(node):
    """The node, under a transform."""
    node.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "T").GetID())
    return node
