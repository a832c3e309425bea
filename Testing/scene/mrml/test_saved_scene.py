"""A scene saved as .mrb and loaded into a new one: what this room wrote into it comes back."""

import json
import zipfile

import numpy as np
import pytest
from vtk.util.numpy_support import vtk_to_numpy

from mrbiomarkers.maps import ParameterMap, Status, to_reported
from mrbiomarkers.quantities import quantity
from mrbiomarkers.series import DiffusionSeries, EchoSeries
from Testing.support.volumes import SHAPE, oblique_affine

RIGHT_HANDED = oblique_affine()
LEFT_HANDED = RIGHT_HANDED @ np.diag([1, 1, -1, 1])


def saved_and_loaded(scene, folder):
    """A new scene with what ``scene`` held; the old one is gone."""
    from Testing.support import slicer_core

    file = folder / "scene.mrb"
    assert scene.WriteToMRB(str(file))
    loaded = slicer_core.start()
    assert loaded.ReadFromMRB(str(file))
    return loaded


def voxels(node):
    image = node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def affine_of(node):
    from mrbiomarkers.mrml.geometry import affine_of_node

    return affine_of_node(node)


def parameter_map(key, *, affine=RIGHT_HANDED, dtype=np.float32, **provenance):
    known = quantity(key)
    values = np.random.default_rng(len(key)).normal(0.7, 0.2, SHAPE).astype(dtype) / dtype(known.scale)
    values[0, 1, 2] = np.nan
    values[2, 0, 0] = -0.0
    status = np.where(np.isnan(values), Status.NOT_FINITE, 0).astype(np.uint16)
    status[1, 1, 1] = Status.ON_BOUND | Status.MERGED
    return ParameterMap(values, known, known.unit, affine, status, provenance)


def add_maps(maps, **options):
    from mrbiomarkers.mrml.maps_out import add_maps as add

    return add(maps, **options)


def series(affine=RIGHT_HANDED, dtype=np.float32):
    signal = np.random.default_rng(2).uniform(0, 900, (*SHAPE, 3)).astype(dtype)
    signal[1, 2, 3, 2] = np.nan
    return DiffusionSeries(signal, [0, 50.5, 800], affine, averages=[1, 2, 6], source=("caller", "caller", "tag"))


def as_loaded(values, affine):
    """Bytes and matrix that Slicer gives when it reads a file: the slices of a left-handed grid in reverse order."""
    if np.linalg.det(affine) > 0:
        return np.ascontiguousarray(values).tobytes(), affine
    turn = np.diag([1.0, 1, -1, 1])
    turn[2, 3] = len(values) - 1
    return np.ascontiguousarray(values[::-1]).tobytes(), affine @ turn


def slice_picture(scene, node, k):
    """RGBA of slice k as a slice view shows it, one picture element a voxel."""
    import slicer

    affine = affine_of(node)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode", "View")
    middle = [*(np.array(SHAPE[:0:-1]) / 2), k, 1]
    plane = np.column_stack([affine[:, :3] / spacing, affine @ middle])
    view.GetSliceToRAS().DeepCopy(plane.ravel().tolist())
    view.SetDimensions(SHAPE[2], SHAPE[1], 1)
    view.SetFieldOfView(SHAPE[2] * spacing[0], SHAPE[1] * spacing[1], spacing[2])
    view.UpdateMatrices()
    layer = slicer.vtkMRMLSliceLayerLogic()
    layer.SetMRMLScene(scene)
    layer.SetSliceNode(view)
    layer.SetVolumeNode(node)
    producer = layer.GetImageDataConnection().GetProducer()
    producer.Update()
    return vtk_to_numpy(producer.GetOutputDataObject(0).GetPointData().GetScalars()).reshape(*SHAPE[1:], 4)


@pytest.mark.parametrize("affine", [RIGHT_HANDED, LEFT_HANDED], ids=["right-handed", "left-handed"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maps_come_back_bit_for_bit_on_their_grid(scene, tmp_path, affine, dtype):
    maps = {key: parameter_map(key, affine=affine, dtype=dtype) for key in ("D", "Dstar", "PDFF")}
    nodes = add_maps(maps, label="IVIM")
    before = {node.GetName(): as_loaded(voxels(node), affine)[0] for node in nodes.values()}
    status, expected = as_loaded(maps["D"].status, affine)

    loaded = saved_and_loaded(scene, tmp_path)

    assert list(before) == ["D (IVIM)", "D* (IVIM)", "PDFF (IVIM)"]
    for name, data in before.items():
        node = loaded.GetFirstNodeByName(name)
        assert voxels(node).dtype == dtype
        assert voxels(node).tobytes() == data
        assert np.isnan(voxels(node)).sum() == 1
        np.testing.assert_allclose(affine_of(node), expected, rtol=0, atol=1e-12)
        hidden = node.GetNodeReference("MRBiomarkers.Status")
        assert voxels(hidden).dtype == np.uint16
        assert voxels(hidden).tobytes() == status
        np.testing.assert_allclose(affine_of(hidden), expected, rtol=0, atol=1e-12)
        assert hidden.GetHideFromEditors()


def test_files_in_the_scene_are_nrrd(scene, tmp_path):
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence

    add_maps({"D": parameter_map("D")}, source=add_diffusion_sequence(series(), "DWI"))
    saved_and_loaded(scene, tmp_path)

    with zipfile.ZipFile(tmp_path / "scene.mrb") as archive:
        files = [name.rsplit("/", 1)[-1] for name in archive.namelist() if not name.endswith(("/", ".mrml"))]
    assert sorted(files) == ["D of DWI.nrrd", "DWI.seq.nrrd", "Status of DWI.nrrd"]


def test_what_a_map_says_of_itself_comes_back(scene, tmp_path):
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence

    provenance = {"model": 'a;b:c "d" <&> µ', "bounds": {"f": [0.0, np.inf]}, "n": 3}
    source = add_diffusion_sequence(series(), "DWI")
    add_maps({"D": parameter_map("D", **provenance), "f": parameter_map("f")}, source=source)

    loaded = saved_and_loaded(scene, tmp_path)

    node, other = (loaded.GetFirstNodeByName(f"{key} of DWI") for key in "Df")
    assert node.GetAttribute("MRBiomarkers.Quantity") == "D"
    assert node.GetAttribute("MRBiomarkers.Unit") == "10^-3 mm2/s"
    assert json.loads(node.GetAttribute("MRBiomarkers.Provenance")) == {**provenance, "bounds": {"f": [0, "inf"]}}
    assert node.GetDescription() == "Diffusion coefficient [10^-3 mm2/s]"
    units, code = node.GetVoxelValueUnits(), node.GetVoxelValueQuantity()
    assert (units.GetCodeValue(), units.GetCodeMeaning()) == ("um2/ms", "10^-3 mm2/s")
    assert (code.GetCodingSchemeDesignator(), code.GetCodeValue()) == ("DCM", "113291")
    assert node.GetNodeReference("MRBiomarkers.Source") is loaded.GetFirstNodeByClass("vtkMRMLSequenceNode")
    assert node.GetNodeReference("MRBiomarkers.Status") is other.GetNodeReference("MRBiomarkers.Status")
    legend = json.loads(node.GetNodeReference("MRBiomarkers.Status").GetAttribute("MRBiomarkers.StatusText"))
    assert legend["0"] == "fitted"


@pytest.mark.parametrize("key", ["D", "S0", "AICc", "water"])
def test_the_display_comes_back(scene, tmp_path, key):
    node = add_maps({key: parameter_map(key)})[key]
    display = node.GetDisplayNode()
    name, window = node.GetName(), (display.GetWindowLevelMin(), display.GetWindowLevelMax())

    picture = slice_picture(scene, node, 0)
    loaded = saved_and_loaded(scene, tmp_path)
    node = loaded.GetFirstNodeByName(name)
    display = node.GetDisplayNode()

    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx(window, abs=1e-9)
    assert not display.GetAutoWindowLevel()
    assert not display.GetInterpolate()
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeGrey"
    again = slice_picture(loaded, node, 0)
    np.testing.assert_array_equal(again, picture)
    np.testing.assert_array_equal(again[..., 3] == 0, np.isnan(voxels(node)[0]))
    assert len(np.unique(again[..., 0])) > 3


def test_maps_are_read_as_they_were_written(scene, tmp_path):
    from mrbiomarkers.mrml.maps_in import parameter_map as read

    written = to_reported(parameter_map("D", model="ivim", bvalues=[0, 50]))
    add_maps({"D": written})
    for where in (scene, saved_and_loaded(scene, tmp_path)):
        found = read(where.GetFirstNodeByName("D"))
        assert found.values.tobytes() == written.values.tobytes()
        assert (found.quantity, found.unit, found.provenance) == (written.quantity, written.unit, written.provenance)
        np.testing.assert_array_equal(found.status, written.status)


def test_series_are_read_as_they_were_written(scene, tmp_path):
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence, add_echo_sequences
    from mrbiomarkers.mrml.series_in import diffusion_series, echo_series

    rng = np.random.default_rng(4)
    signal = (rng.normal(size=(*SHAPE, 3)) + 1j * rng.normal(size=(*SHAPE, 3))).astype(np.complex64)
    known = {"repetition_time": 0.012, "flip_angle": 5.0, "readout_axis": 2, "precession": -1}
    echoes = EchoSeries(signal, [1.24e-3, 2.22e-3, 3.2e-3], 1.494, RIGHT_HANDED, **known)
    add_diffusion_sequence(series(), "DWI")
    add_echo_sequences(echoes, "Echoes")
    for where in (scene, saved_and_loaded(scene, tmp_path)):
        found = diffusion_series(where.GetFirstNodeByName("DWI"))
        np.testing.assert_array_equal(found.signal, series().signal)
        assert found.bvalues.tolist() == [0, 50.5, 800]
        assert found.averages.tolist() == [1, 2, 6]
        parts = {part: where.GetFirstNodeByName(f"Echoes {part}") for part in ("magnitude", "phase")}
        again = echo_series(**parts)
        np.testing.assert_allclose(again.signal, signal, rtol=0, atol=1e-6 * np.abs(signal).max())
        assert again.echo_times.tolist() == echoes.echo_times.tolist()
        for key, value in {"field_strength": 1.494, "kind": "complex", **known}.items():
            assert getattr(again, key) == value


@pytest.mark.parametrize("affine", [RIGHT_HANDED, LEFT_HANDED], ids=["right-handed", "left-handed"])
def test_a_diffusion_sequence_comes_back(scene, tmp_path, affine):
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence

    add_diffusion_sequence(series(affine), "DWI")
    sequence = saved_and_loaded(scene, tmp_path).GetFirstNodeByName("DWI")

    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("b", "s/mm2")
    assert [sequence.GetNthIndexValue(number) for number in range(3)] == ["0", "50.5", "800"]
    for number in range(3):
        node = sequence.GetNthDataNode(number)
        data, expected = as_loaded(series().signal[..., number], affine)
        assert voxels(node).tobytes() == data
        np.testing.assert_allclose(affine_of(node), expected, rtol=0, atol=1e-12)
    assert json.loads(sequence.GetAttribute("MRBiomarkers.Averages")) == [1, 2, 6]
    assert json.loads(sequence.GetAttribute("MRBiomarkers.Source")) == ["caller", "caller", "tag"]


def test_echo_sequences_with_a_browser_come_back(scene, tmp_path):
    from mrbiomarkers.mrml.sequences_out import add_echo_sequences

    rng = np.random.default_rng(4)
    signal = (rng.normal(size=(*SHAPE, 3)) + 1j * rng.normal(size=(*SHAPE, 3))).astype(np.complex64)
    add_echo_sequences(EchoSeries(signal, [1.24e-3, 2.22e-3, 3.2e-3], 1.5, RIGHT_HANDED), "Echoes", browser=True)
    loaded = saved_and_loaded(scene, tmp_path)

    magnitude, phase = (loaded.GetFirstNodeByName(f"Echoes {part}") for part in ("magnitude", "phase"))
    for sequence, expected in ((magnitude, np.abs(signal)), (phase, np.angle(signal))):
        assert [sequence.GetNthIndexValue(number) for number in range(3)] == ["1.24", "2.22", "3.2"]
        assert sequence.GetIndexUnit() == "ms"
        assert sequence.GetAttribute("MRBiomarkers.FieldStrength") == "1.5"
        for number in range(3):
            np.testing.assert_array_equal(voxels(sequence.GetNthDataNode(number)), expected[..., number])
    browser = loaded.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    assert browser.GetMasterSequenceNode() is magnitude


def test_folders_and_studies_come_back(scene, tmp_path):
    import slicer

    from mrbiomarkers.mrml.hierarchy import place_in_folder, place_in_study

    dwi = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "DWI")
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    tree.CreateItem(place_in_study([], "Subject 1", "baseline"), dwi)
    for _ in range(2):
        nodes = add_maps({"D": parameter_map("D"), "f": parameter_map("f")}, source=dwi)
        place_in_folder(nodes.values(), dwi, "IVIM of DWI")

    loaded = saved_and_loaded(scene, tmp_path)

    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(loaded)
    folders = {}
    for name in ("D of DWI", "f of DWI", "D of DWI_1", "f of DWI_1"):
        folder = tree.GetItemParent(tree.GetItemByDataNode(loaded.GetFirstNodeByName(name)))
        study = tree.GetItemParent(folder)
        folders[name] = tree.GetItemName(folder)
        assert tree.GetItemLevel(folder) == "Folder"
        assert (tree.GetItemName(study), tree.GetItemLevel(study)) == ("baseline", "Study")
        assert tree.GetItemName(tree.GetItemParent(study)) == "Subject 1"
    assert list(folders.values()) == ["IVIM of DWI"] * 2 + ["IVIM of DWI (2)"] * 2
    assert study == place_in_study([], "Subject 1", "baseline")
