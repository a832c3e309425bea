"""Maps as volume nodes: values, geometry, names, units, status and display on the real MRML classes."""

import json
from pathlib import Path

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from mrbiomarkers.diffusion import fit_adc
from mrbiomarkers.maps import ParameterMap, Status, to_reported
from mrbiomarkers.quantities import QUANTITIES, quantity
from Testing.support.volumes import SHAPE, oblique_affine

AFFINE = oblique_affine()


def voxels(node):
    image = node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def random_map(key="D", *, low=0.2, high=1.8, seed=1, dtype=np.float32, status=None, affine=AFFINE, **provenance):
    """A map in the kernel unit with one voxel that was not fitted."""
    known = quantity(key)
    values = (np.random.default_rng(seed).uniform(low, high, SHAPE) / known.scale).astype(dtype)
    values[0, 1, 2] = np.nan
    return ParameterMap(values, known, known.unit, affine, status, provenance)


def add(maps, **options):
    from mrbiomarkers.mrml.maps_out import add_maps

    return add_maps(maps, **options)


def source_volume(scene, name="DWI"):
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


@pytest.fixture
def unchanged(scene):
    """After the test the scene holds the nodes it held when ``unchanged()`` was called."""
    found = []

    def state():
        return [(n.GetID(), n.GetName()) for n in (scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes()))]

    yield lambda: found.append(state())
    assert len(found) == 1
    assert state() == found[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_node_holds_what_the_kernel_computed_in_the_reported_unit_bit_for_bit(scene, dtype):
    b = np.array([0.0, 50, 400, 800])
    rates = np.random.default_rng(3).uniform(0.3e-3, 2e-3, SHAPE)
    signal = (500 * np.exp(-rates[..., None] * b)).astype(dtype)
    signal[0, 0, 0] = np.nan
    fitted = fit_adc(signal, b)
    made = ParameterMap(fitted.ADC, quantity("ADC"), "mm2/s", AFFINE, fitted.status_of("ADC"))

    node = add({"ADC": made})["ADC"]

    assert voxels(node).dtype == dtype
    assert voxels(node).tobytes() == to_reported(made).values.tobytes()
    np.testing.assert_allclose(voxels(node)[1:], rates[1:] * 1e3, rtol=1e-4)
    assert np.isnan(voxels(node)[0, 0, 0])


@pytest.mark.parametrize("flip", [1, -1])
def test_geometry_of_an_oblique_volume_is_kept(scene, flip):
    from mrbiomarkers.mrml.geometry import affine_of_node

    affine = AFFINE @ np.diag([1, 1, flip, 1])

    node = add({"D": random_map(affine=affine)})["D"]

    np.testing.assert_allclose(affine_of_node(node), affine, rtol=0, atol=1e-13)
    np.testing.assert_allclose(node.GetSpacing(), (1.25, 2.5, 4.0), rtol=1e-15)
    assert node.GetImageData().GetDimensions() == (5, 4, 3)
    assert node.GetImageData().GetOrigin() == (0, 0, 0)
    assert node.GetImageData().GetSpacing() == (1, 1, 1)


def test_a_later_change_of_the_array_does_not_reach_the_node(scene):
    made = random_map("PDFF", low=0, high=100)
    kept = made.values.copy()
    node = add({"PDFF": made})["PDFF"]
    made.values[:] = -1

    np.testing.assert_array_equal(voxels(node), kept)


@pytest.mark.parametrize("kind", [">f4", "<f8", ">u2"])
def test_arrays_of_any_order_of_bytes_and_axes_keep_their_values(scene, kind):
    from mrbiomarkers.mrml.geometry import image_of

    values = np.asfortranarray(np.arange(60).reshape(SHAPE).astype(kind))
    image = image_of(values)

    found = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.dtype(kind).newbyteorder("=")


def test_names_say_quantity_model_and_source_and_are_unique(scene):
    dwi = source_volume(scene)
    maps = {"D": random_map(), "Dstar": random_map("Dstar"), "sd_D": random_map("sd_D"), "S0_ivim": random_map("S0")}

    first = add(maps, source=dwi, label="IVIM")
    second = add({"D": random_map()}, source=dwi, label="IVIM")
    several = add({"S0_adc": random_map("S0"), "S0_ivim": random_map("S0"), "alpha": random_map("alpha")}, source=dwi)

    names = [node.GetName() for node in first.values()]
    assert names == ["D (IVIM) of DWI", "D* (IVIM) of DWI", "SD of D (IVIM) of DWI", "S0 (IVIM) of DWI"]
    assert first["D"].GetName() == "D (IVIM) of DWI"
    assert second["D"].GetName() == "D (IVIM) of DWI_1"
    assert [node.GetName() for node in several.values()] == ["S0 (adc) of DWI", "S0 (ivim) of DWI", "alpha of DWI"]
    assert add({"f": random_map("f")})["f"].GetName() == "f"
    assert dwi.GetName() == "DWI"


def test_every_quantity_has_a_unit_in_words_and_as_code(scene):
    nodes = add({key: random_map(key) for key in QUANTITIES})

    for key, node in nodes.items():
        known = QUANTITIES[key]
        assert node.GetName().isascii()
        assert node.GetAttribute("MRBiomarkers.Quantity") == key
        assert node.GetAttribute("MRBiomarkers.Unit") == known.reported_unit
        assert node.GetVoxelValueUnits().GetCodingSchemeDesignator() == "UCUM"
        code = node.GetVoxelValueQuantity()
        found = code and (code.GetCodingSchemeDesignator(), code.GetCodeValue(), code.GetCodeMeaning())
        assert found == known.code
    assert nodes["D"].GetDescription() == "Diffusion coefficient [10^-3 mm2/s]"
    assert nodes["D"].GetVoxelValueUnits().GetCodeValue() == "um2/ms"
    assert nodes["D"].GetVoxelValueUnits().GetCodeMeaning() == "10^-3 mm2/s"
    assert nodes["f"].GetDescription() == "Perfusion fraction"


def test_provenance_is_json_without_folders_or_numbers_that_json_lacks(scene):
    provenance = {
        "model": "ivim",
        "bvalues": np.array([0.0, 50.0]),
        "bounds": {"f": (0.0, np.inf)},
        "free": np.float32("nan"),
        "n": np.int64(3),
        "flag": Status.ON_BOUND,
        "mask": Path("/home/someone/Patient Name/mask.nrrd"),
    }
    text = add({"D": random_map(**provenance)})["D"].GetAttribute("MRBiomarkers.Provenance")

    assert json.loads(text, parse_constant=pytest.fail) == {
        "model": "ivim",
        "bvalues": [0, 50],
        "bounds": {"f": [0, "inf"]},
        "free": None,
        "n": 3,
        "flag": "ON_BOUND",
        "mask": "mask.nrrd",
    }


def test_status_is_hidden_and_shared_by_maps_with_the_same(scene):
    flags = np.zeros(SHAPE, np.uint16)
    flags[0, 1, 2] = Status.NOT_FINITE
    other = flags.copy()
    other[2, 3, 4] = Status.ON_BOUND
    maps = {"D": random_map(status=flags), "f": random_map("f", status=flags.copy())}
    maps["Dstar"] = random_map("Dstar", status=other)
    maps["MD"] = random_map("MD", status=flags, affine=np.eye(4))

    nodes = add(maps, source=source_volume(scene), label="IVIM")

    status = {name: node.GetNodeReference("MRBiomarkers.Status") for name, node in nodes.items()}
    assert status["D"] is status["f"]
    assert len({node.GetID() for node in status.values()}) == 3
    np.testing.assert_array_equal(voxels(status["D"]), flags)
    np.testing.assert_array_equal(voxels(status["Dstar"]), other)
    for node in status.values():
        assert voxels(node).dtype == np.uint16
        assert node.GetHideFromEditors()
        assert node.GetDisplayNode() is None
        assert node.GetName().startswith("Status (IVIM) of DWI")
    assert json.loads(status["D"].GetAttribute("MRBiomarkers.StatusText"))["2"].startswith("not fitted")
    assert nodes["D"].GetNodeReference("MRBiomarkers.Source").GetName() == "DWI"


def test_a_status_node_is_hidden_before_the_scene_tells_of_it(scene):
    """The desktop program lists a node when it is added and does not look again."""
    hidden = {}

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def listen(caller, event, node):
        hidden[node.GetName()] = bool(node.GetHideFromEditors())

    tag = scene.AddObserver(scene.NodeAddedEvent, listen)
    add({"D": random_map()})
    scene.RemoveObserver(tag)

    assert hidden["Status"] is True
    assert hidden["D"] is False


def test_files_of_maps_can_hold_nan_whatever_the_user_prefers(scene):
    import slicer

    preferred = slicer.vtkMRMLVolumeArchetypeStorageNode()
    preferred.SetDefaultWriteFileExtension("nii.gz")
    scene.AddDefaultNode(preferred)

    nodes = add({"D": random_map()})

    for node in (nodes["D"], nodes["D"].GetNodeReference("MRBiomarkers.Status")):
        assert node.GetStorageNode().GetDefaultWriteFileExtension() == "nrrd"
        assert node.GetStorageNode().GetFileName() is None


@pytest.mark.parametrize(
    ("maps", "match"),
    [
        ({}, "maps: expected one map or more, got none"),
        ({"D": np.zeros(SHAPE)}, r"maps\['D'\]: expected a ParameterMap, got ndarray"),
        ({"D": random_map(), "f": random_map("f", dtype=np.float16)}, r"maps\['f'\]: .* got float16"),
        ({"D": random_map(), "f": random_map("f", tool=object())}, r"maps\['f'\]: provenance: .* got object"),
        ({"D": ParameterMap(np.zeros((0, 2, 2)), quantity("D"), "mm2/s", AFFINE)}, r"shape \(0, 2, 2\)"),
    ],
)
def test_bad_maps_are_refused_before_a_node_is_made(scene, unchanged, maps, match):
    unchanged()
    with pytest.raises((TypeError, ValueError), match=match):
        add(maps)


def test_a_source_under_a_transform_or_without_a_scene_is_refused(scene, unchanged):
    dwi, gone = source_volume(scene), source_volume(scene, "Gone")
    scene.RemoveNode(gone)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "T")
    dwi.SetAndObserveTransformNodeID(transform.GetID())
    unchanged()

    with pytest.raises(ValueError, match="source: 'DWI' is under the transform 'T'"):
        add({"D": random_map()}, source=dwi)
    with pytest.raises(ValueError, match="source: expected a node of the scene, got 'Gone'"):
        add({"D": random_map()}, source=gone)
    with pytest.raises(TypeError, match="source: expected a node"):
        add({"D": random_map()}, source="DWI")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_when_a_later_map_fails(scene, unchanged, monkeypatch, error):
    from mrbiomarkers.mrml import maps_out

    genuine, shown = maps_out.display_map, []

    def fails_at_the_second(node, **options):
        shown.append(node.GetName())
        if len(shown) == 2:
            raise error("stop")
        genuine(node, **options)

    monkeypatch.setattr(maps_out, "display_map", fails_at_the_second)
    source = source_volume(scene)
    unchanged()

    with pytest.raises(error, match="stop"):
        add({"D": random_map(), "f": random_map("f")}, source=source)
    assert shown == ["D of DWI", "f of DWI"]
