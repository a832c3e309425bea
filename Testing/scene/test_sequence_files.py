"""The sequences that ``mrbiomarkers convert`` writes, as 3D Slicer's own storage node reads them."""

import numpy as np
import pytest

from mrbiomarkers.cli import main
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.siemens import siemens_echoes

CASES = {
    "b-values": (ge_diffusion, "x", np.abs, "b", "s/mm2", ["0", "50", "400", "800"]),
    "echoes": (siemens_echoes, "x", np.abs, "TE", "ms", ["1.23", "2.46", "3.69"]),
    "phases of echoes": (siemens_echoes, "x_phase", np.angle, "TE", "ms", ["1.23", "2.46", "3.69"]),
}


@pytest.mark.parametrize("case", CASES)
def test_slicer_reads_index_voxels_and_place(scene, case, tmp_path):
    import slicer
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    made, name, part, index, unit, values = CASES[case]
    truth = made(tmp_path / "dicom")
    assert main(["convert", str(truth.folder), "--out", str(tmp_path / "x.seq.nrrd")]) == 0
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "x")
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / f"{name}.seq.nrrd"))

    assert storage.ReadData(sequence) == 1

    assert storage.GetUserMessages().GetNumberOfMessages() == 0
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == (index, unit)
    assert sequence.GetIndexTypeAsString() == "numeric"
    assert [sequence.GetNthIndexValue(n) for n in range(sequence.GetNumberOfDataNodes())] == values
    for n in range(len(values)):
        volume, matrix = sequence.GetNthDataNode(n), vtk.vtkMatrix4x4()
        image = volume.GetImageData()
        voxels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
        np.testing.assert_allclose(voxels, part(truth.signal[..., n]), rtol=1e-6, atol=2e-6)
        volume.GetIJKToRASMatrix(matrix)
        found = [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)]
        np.testing.assert_allclose(found, truth.affine, atol=1e-4)
