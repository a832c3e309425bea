"""The digest that tells maps of a fit: the same after save and load, another one when anything differs."""

import numpy as np
import pytest

from Testing.support.scene_nodes import map_nodes

SHAPE = (4, 24, 24)


@pytest.fixture
def phantom(scene):
    from mrbiomarkers.phantom import lumbar_diffusion

    return lumbar_diffusion(shape=SHAPE)


def add(phantom):
    from mrbiomarkers.mrml import add_diffusion_sequence, add_segmentation

    series = add_diffusion_sequence(phantom.series, "DWI", browser=True)
    return series, add_segmentation("R", phantom.regions, phantom.series.affine)


def test_it_survives_save_and_load(scene, phantom, tmp_path):
    import slicer

    from mrbiomarkers.mrml.fit_key import fit_key
    from mrbiomarkers.settings import DiffusionSettings

    series, regions = add(phantom)
    given = {"bvalues": [0.0, 10.0], "exclude": (50.0,)}
    key = fit_key("diffusion", {"series": series, **given}, {"mask": regions}, DiffusionSettings())
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "s.mrb"))
    slicer.mrmlScene.Clear()
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "s.mrb"))
    series = slicer.util.getNodesByClass("vtkMRMLSequenceNode")[0]
    regions = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0]

    assert fit_key("diffusion", {"series": series, **given}, {"mask": regions}, DiffusionSettings()) == key


def test_it_differs_where_anything_differs(scene, phantom):
    import slicer

    from mrbiomarkers.mrml.fit_key import fit_key
    from mrbiomarkers.settings import DiffusionSettings

    series, regions = add(phantom)

    def key(settings=None, **given):
        return fit_key({"series": series, **given}, settings or DiffusionSettings(), regions)

    keys = [key(), key(exclude=(50.0,)), key(bvalues=[0.0]), key(DiffusionSettings(models=("adc",)))]
    keys.append(key(DiffusionSettings(bounds={"D": (0, 2e-3)})))
    voxels = slicer.util.arrayFromVolume(series.GetNthDataNode(3))
    voxels[1, 2, 3] += 1
    keys.append(key())
    series.GetNthDataNode(0).SetOrigin(1, 2, 3)
    keys.append(key())
    series.SetAttribute("MRBiomarkers.Averages", "[1, 2]")
    keys.append(key())
    regions.GetSegmentation().GetNthSegment(0).SetName("other")
    keys.append(key())

    assert len(set(keys)) == len(keys)
    assert key() == keys[-1]


def test_only_a_whole_fit_is_found_and_of_two_the_later(scene, phantom):
    import slicer

    from mrbiomarkers.maps import ParameterMap
    from mrbiomarkers.mrml import add_maps
    from mrbiomarkers.mrml.fit_key import is_marked, mark_fit, marked_maps
    from mrbiomarkers.quantities import quantity

    affine, status = phantom.series.affine, np.zeros(SHAPE, dtype=np.uint16)
    units = {"D": "mm2/s", "f": "1"}
    given = {k: ParameterMap(np.ones(SHAPE), quantity(k), unit, affine, status, {}) for k, unit in units.items()}
    first, second, other = (add_maps(given) for _ in range(3))
    mark_fit(first.values(), "a")
    mark_fit(second.values(), "a")
    assert not is_marked(other["D"])
    assert set(marked_maps(map_nodes(), "a").values()) == set(second.values())
    assert marked_maps(map_nodes(), "b") == {}
    slicer.mrmlScene.RemoveNode(second["f"])
    slicer.mrmlScene.RemoveNode(first["f"])
    assert marked_maps(map_nodes(), "a") == {}
