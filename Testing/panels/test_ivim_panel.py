"""The panel IVIMBoneMarrow: what it asks for, what it makes, what it says when the input is wrong."""

import json

import numpy as np
import pytest

from mrbiomarkers.mrml import add_diffusion_sequence, add_segmentation
from mrbiomarkers.phantom import lumbar_diffusion
from mrbiomarkers.series import DiffusionSeries
from mrbiomarkers.settings import DIFFUSION_METHODS
from Testing.support.scene_nodes import map_nodes, node_ids

SHAPE = (4, 32, 32)


@pytest.fixture
def panel(program):
    return program.open_panel("IVIMBoneMarrow")


@pytest.fixture(scope="module")
def spine():
    """A simulated spine almost without noise; its regions lie inside the vertebral bodies."""
    return lumbar_diffusion(shape=SHAPE, snr=1e6)


@pytest.fixture
def chosen(panel, spine):
    """The panel with a series and regions chosen."""
    node = panel._parameterNode
    node.series = add_diffusion_sequence(spine.series, "DWI")
    node.regions = add_segmentation("Regions", spine.regions, spine.series.affine)
    return panel


def quantities():
    return {node.GetAttribute("MRBiomarkers.Quantity") for node in map_nodes()}


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({"series": None}, ["a diffusion series"]),
        ({"adc": False, "ivim": False}, ["a model"]),
        ({"regions": None, "method": "shrinkage"}, ["regions, which the method shrinkage needs"]),
        ({"series": None, "adc": False, "ivim": False, "regions": None}, ["a diffusion series", "a model"]),
        (
            {"series": None, "method": "shrinkage", "regions": None},
            ["a diffusion series", "regions, which the method shrinkage needs"],
        ),
        ({"regions": None}, []),
        ({"regions": None, "method": "shrinkage", "ivim": False}, []),
        ({"regions": None, "method": "segmented"}, []),
        ({"method": "shrinkage"}, []),
    ],
)
def test_apply_says_what_is_missing(chosen, parameters, missing):
    for name, value in parameters.items():
        setattr(chosen._parameterNode, name, value)
    button = chosen.ui.applyButton

    assert button.enabled is not bool(missing)
    assert ("Missing: " + ", ".join(missing) + "." in button.toolTip) is bool(missing)
    assert ("Missing" in button.toolTip) is bool(missing)


def test_a_new_panel_waits_for_a_series(panel):
    assert not panel.ui.applyButton.enabled
    assert "Missing: a diffusion series." in panel.ui.applyButton.toolTip
    assert (panel.ui.adcCheckBox.checked, panel.ui.ivimCheckBox.checked) == (True, True)
    assert (panel.ui.stretchedCheckBox.checked, panel.ui.kurtosisCheckBox.checked) == (False, False)
    combo = panel.ui.methodComboBox
    assert [combo.itemText(index) for index in range(combo.count)] == list(DIFFUSION_METHODS)
    assert combo.currentText == "nlls"


def test_the_selector_offers_series_and_nothing_else(panel):
    import slicer

    kinds = ("Sequence", "VectorVolume", "DiffusionWeightedVolume", "ScalarVolume", "LabelMapVolume", "Segmentation")
    for kind in kinds:
        slicer.mrmlScene.AddNewNodeByClass(f"vtkMRML{kind}Node", kind)

    assert [node.GetName() for node in panel.ui.seriesSelector.nodes()] == list(kinds[:3])
    assert [node.GetName() for node in panel.ui.regionsSelector.nodes()] == ["Segmentation"]
    assert panel._parameterNode.series is None


def test_the_table_holds_the_simulated_values(chosen, spine):
    import slicer

    chosen.ui.applyButton.click()
    table = chosen.ui.resultTable.mrmlTableNode()
    regions = [table.GetCellText(row, 0) for row in range(table.GetNumberOfRows())]

    assert regions == list(spine.region_truth)
    for key, factor in (("D", 1000), ("f", 1)):
        truth = [factor * spine.region_truth[region][key] for region in regions]
        np.testing.assert_allclose(slicer.util.arrayFromTableColumn(table, f"{key} (fit)"), truth, rtol=0.01)
    assert chosen.ui.messageLabel.text.splitlines()[0] == "8 maps were made."


def test_the_message_holds_every_warning_once(chosen, monkeypatch):
    said = []
    for name in ("fit", "measure"):
        monkeypatch.setattr(chosen.logic, name, _with_warnings(getattr(chosen.logic, name), ("same", name)))
    monkeypatch.setattr(chosen, "say", said.append)
    chosen.ui.applyButton.click()

    assert said[-1].splitlines() == ["8 maps were made.", "same", "fit", "measure"]


def _with_warnings(call, warnings):
    from dataclasses import replace

    return lambda *given, **options: replace(call(*given, **options), warnings=warnings)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("adc", {"ADC"}),
        ("ivim", {"f", "D", "Dstar"}),
        ("stretched", {"DDC", "alpha"}),
        ("kurtosis", {"MD", "MK"}),
    ],
)
def test_the_models_that_are_ticked_are_fitted(chosen, model, expected):
    chosen._parameterNode.regions = None
    for name in ("adc", "ivim", "stretched", "kurtosis"):
        getattr(chosen.ui, f"{name}CheckBox").checked = name == model
    chosen.ui.applyButton.click()

    assert quantities() - {"S0", "rmse"} == expected
    assert chosen.ui.messageLabel.text.splitlines()[0] == f"{len(expected) + 2} maps were made."


@pytest.mark.parametrize("method", DIFFUSION_METHODS)
def test_the_method_that_is_chosen_is_used(chosen, method):
    chosen._parameterNode.adc = False
    chosen.ui.methodComboBox.currentText = method
    chosen.ui.applyButton.click()

    assert len(map_nodes()) == 5
    assert {json.loads(node.GetAttribute("MRBiomarkers.Provenance"))["method"] for node in map_nodes()} == {method}


@pytest.mark.parametrize("bvalues", [[0], [0, 0, 0]])
def test_too_few_bvalues_are_said_and_nothing_is_made(program, panel, spine, bvalues):
    import slicer

    series = add_diffusion_sequence(
        DiffusionSeries(spine.series.signal[..., :3], [0.0, 100.0, 200.0], spine.series.affine), "DWI"
    )
    values = [series.GetNthIndexValue(index) for index in range(3)]
    for value in values[len(bvalues) :]:
        series.RemoveDataNodeAtValue(value)
    if len(bvalues) > 1:
        series.SetAttribute("MultiVolume.FrameLabels", ",".join(map(str, bvalues)))
        series.SetIndexName("frame")
    panel._parameterNode.series = series
    before = node_ids()
    panel.ui.applyButton.click()

    text = str(program.swallowed.expect(ValueError))
    assert "b-values" in text
    assert panel.ui.messageLabel.text == f"Not finished: {text}"
    assert node_ids() == before
    assert map_nodes() == []
    assert panel.ui.applyButton.enabled
    panel._parameterNode.series = add_diffusion_sequence(spine.series, "Better")
    panel.ui.applyButton.click()
    assert panel.ui.messageLabel.text.splitlines()[0] == "8 maps were made."
    assert slicer.mrmlScene.IsNodePresent(series)


def test_parameters_are_saved_with_the_scene(chosen, tmp_path):
    import slicer

    node = chosen._parameterNode
    values = {"adc": False, "ivim": True, "stretched": True, "kurtosis": True, "method": "segmented"}
    for name, value in values.items():
        setattr(node, name, value)
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert {name: getattr(chosen._parameterNode, name) for name in values} != values
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert {name: getattr(chosen._parameterNode, name) for name in values} == values
    assert (chosen.ui.adcCheckBox.checked, chosen.ui.kurtosisCheckBox.checked) == (False, True)
    assert chosen._parameterNode.series.GetName() == "DWI"
    chosen.ui.applyButton.click()
    assert quantities() >= {"D", "DDC", "MK"}
    assert "ADC" not in quantities()
