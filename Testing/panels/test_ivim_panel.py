"""The panel IVIMBoneMarrow: what it asks for, what it makes, what it says when the input is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.mrml import add_diffusion_sequence, add_maps, add_segmentation
from mrbiomarkers.phantom import lumbar_diffusion
from mrbiomarkers.quantities import quantity
from mrbiomarkers.settings import DIFFUSION_METHODS, DiffusionSettings
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
    """The panel with a series chosen."""
    panel._parameterNode.series = add_diffusion_sequence(spine.series, "DWI")
    return panel


def give_regions(panel, spine):
    panel.regions._parameters.segmentation = add_segmentation("Regions", spine.regions, spine.series.affine)
    panel.check()


def missing(panel):
    """What the tooltip of the button says is missing; the button is enabled where it says nothing."""
    tip = panel.ui.applyButton.toolTip
    found = tip.partition("Missing: ")[2].partition(".</p>")[0]
    assert panel.ui.applyButton.enabled is not bool(found)
    return found


def provenance():
    return [json.loads(node.GetAttribute("MRBiomarkers.Provenance")) for node in map_nodes()]


def quantities():
    return {node.GetAttribute("MRBiomarkers.Quantity") for node in map_nodes()}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"series": None}, "a diffusion series"),
        ({"adc": False, "ivim": False}, "a model"),
        ({"method": "shrinkage"}, "regions, which the method shrinkage needs"),
        ({"series": None, "adc": False, "ivim": False}, "a diffusion series, a model"),
        ({"method": "shrinkage", "ivim": False}, ""),
        ({"method": "segmented"}, ""),
        ({"adcBvalues": "0 800"}, ""),
        ({"adcBvalues": "0, 800"}, ""),
        ({"adcBvalues": "0;800"}, ""),
        ({"adcBvalues": "0 high"}, "usable b-values of the ADC fit, as 0 800 (or none for all)"),
        ({"adcBvalues": "0 -5"}, "usable b-values of the ADC fit, as 0 800 (or none for all)"),
        ({"adcBvalues": "0 77 800"}, "b-values of the ADC fit that the series has, and not 77"),
        ({"adcBvalues": "800"}, "two different b-values of the ADC fit"),
        ({"adcBvalues": "0 high", "adc": False}, ""),
        (
            {"method": "segmented", "threshold": 1100.0},
            "a threshold with two b-values from it on and one below it, and not 1100 s/mm²",
        ),
        ({"method": "nlls", "threshold": 1100.0}, ""),
    ],
)
def test_the_button_says_what_is_missing(chosen, parameters, expected):
    assert missing(chosen) == ""
    for name, value in parameters.items():
        setattr(chosen._parameterNode, name, value)

    assert missing(chosen) == expected


def test_shrinkage_is_ready_with_regions(chosen, spine):
    chosen._parameterNode.method = "shrinkage"
    assert missing(chosen)
    give_regions(chosen, spine)
    assert missing(chosen) == ""
    assert chosen.fitOptions() == {"regions": chosen.regions.regions}


def test_bounds_that_exclude_all_are_missing_good_ones(chosen):
    chosen.ui.DBoundsWidget.setValues(3.0, 3.0)
    assert missing(chosen) == "a lower bound of D that lies below the upper one"
    chosen.ui.DBoundsWidget.setValues(6.0, 8.0)
    assert missing(chosen) == "bounds of D that do not lie above those of D*"
    chosen._parameterNode.ivim = False
    assert missing(chosen) == ""


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
    assert [node.GetName() for node in panel.ui.maskSelector.nodes()] == ["LabelMapVolume", "Segmentation"]
    assert [node.GetName() for node in panel.ui.pdffSelector.nodes()] == ["ScalarVolume"]
    assert panel._parameterNode.series is None


def test_the_message_holds_every_warning_once(chosen, monkeypatch):
    fit = chosen.logic.fit
    monkeypatch.setattr(
        chosen.logic, "fit", lambda *given, **options: replace(fit(*given, **options), warnings=("same", "same", "x"))
    )
    chosen.ui.applyButton.click()

    assert chosen.ui.messageLabel.text.splitlines() == ["8 maps were made.", "same", "x"]


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
    for name in ("adc", "ivim", "stretched", "kurtosis"):
        getattr(chosen.ui, f"{name}CheckBox").checked = name == model
    chosen.ui.applyButton.click()

    assert quantities() - {"S0", "rmse"} == expected
    assert chosen.ui.messageLabel.text.splitlines()[0] == f"{len(expected) + 2} maps were made."


@pytest.mark.parametrize("method", DIFFUSION_METHODS)
def test_the_method_that_is_chosen_is_used(chosen, spine, method):
    give_regions(chosen, spine)
    chosen._parameterNode.adc = False
    chosen.ui.methodComboBox.currentText = method
    chosen.ui.applyButton.click()

    assert len(map_nodes()) == 5
    assert {one["method"] for one in provenance()} == {method}


def test_what_is_not_changed_is_not_recorded_as_chosen(chosen):
    assert chosen.settings() == DiffusionSettings(models=("adc", "ivim"))
    assert chosen.series() == {"series": chosen._parameterNode.series}
    assert chosen.fitOptions() == {}


def test_bounds_are_turned_once_from_what_is_read_to_what_is_fitted(chosen):
    ui = chosen.ui
    assert (ui.fBoundsWidget.minimumValue, ui.fBoundsWidget.maximumValue) == (0.0, 1.0)
    assert (ui.DBoundsWidget.minimumValue, ui.DBoundsWidget.maximumValue) == (0.0, 5.0)
    assert (ui.DstarBoundsWidget.minimumValue, ui.DstarBoundsWidget.maximumValue) == (5.0, 200.0)
    ui.DstarBoundsWidget.setValues(5.0, 300.0)
    ui.fBoundsWidget.setValues(0.0, 0.7)

    bounds = chosen.settings().bounds
    assert bounds == {"f": (0.0, 0.7), "Dstar": (pytest.approx(5e-3), pytest.approx(0.3))}
    chosen._parameterNode.adc = False
    ui.applyButton.click()
    assert provenance()[0]["bounds"]["D"] == [0.0, 5e-3]
    assert provenance()[0]["bounds"]["Dstar"] == [pytest.approx(5e-3), pytest.approx(0.3)]
    ui.DstarBoundsWidget.setValues(5.0, 200.0)
    ui.fBoundsWidget.setValues(0.0, 1.0)
    assert chosen.settings().bounds == {}


def test_advanced_settings_reach_the_fit(chosen, spine):
    node, ui = chosen._parameterNode, chosen.ui
    node.method = "segmented"
    ui.thresholdSpinBox.value = 300
    ui.adcBvaluesEdit.text = "0 800"
    ui.errorsCheckBox.checked = True
    ui.maskSelector.setCurrentNode(add_segmentation("Mask", {"L3": spine.regions["L3"]}, spine.series.affine))
    ui.applyButton.click()

    maps = {one.GetAttribute("MRBiomarkers.Quantity"): one for one in map_nodes()}
    assert {"sd_D", "sd_ADC"} <= set(maps)
    records = {key: json.loads(one.GetAttribute("MRBiomarkers.Provenance")) for key, one in maps.items()}
    assert records["D"]["threshold"] == 300
    assert records["ADC"]["fitted_bvalues"] == [0, 800]
    values = slicer_array(maps["D"])
    np.testing.assert_array_equal(np.isfinite(values), spine.regions["L3"])


def slicer_array(node):
    import slicer

    return slicer.util.arrayFromVolume(node)


def test_noise_settings_are_handed_on(chosen):
    chosen.ui.noiseSpinBox.value = 2.5
    chosen.ui.coilsSpinBox.value = 4
    chosen.ui.averagedComboBox.currentText = "complex"

    settings = chosen.settings()
    assert (settings.noise_sigma, settings.n_coils, settings.averaged) == (2.5, 4, "complex")


def pdff_node(spine, *, percent=40.0, away=0.0):
    """A map of PDFF on a finer grid that covers the series, or lies some mm away."""
    affine = spine.series.affine @ np.diag([0.5, 0.5, 0.5, 1.0])
    affine[:3, 3] = spine.series.affine[:3, 3] + spine.series.affine[:3, :3] @ np.full(3, -0.25) + away
    shape = tuple(2 * length for length in SHAPE)
    known = quantity("PDFF")
    return add_maps({"PDFF": ParameterMap(np.full(shape, percent), known, known.unit, affine)})["PDFF"]


def test_a_fat_fraction_of_another_grid_is_used_by_fit_and_measure(chosen, spine):
    ui = chosen.ui
    ui.pdffSelector.setCurrentNode(pdff_node(spine))
    assert missing(chosen) == (
        "the part of the fat signal that suppression leaves, the echo time of the diffusion series, T2 of fat, T2 of "
        "water"
    )
    ui.residueSpinBox.value, ui.echoTimeSpinBox.value = 0.1, 60.0
    ui.fatT2SpinBox.value, ui.waterT2SpinBox.value = 70.0, 25.0
    assert missing(chosen) == ""
    chosen._parameterNode.method = "segmented"
    assert missing(chosen) == "the method nlls, which a fat fraction needs"
    chosen._parameterNode.method = "nlls"
    chosen._parameterNode.adc = False
    ui.applyButton.click()

    share = next(one for one in map_nodes() if one.GetAttribute("MRBiomarkers.Quantity") == "eta")
    fat, water = 0.1 * 0.4 * np.exp(-60 / 70), 0.6 * np.exp(-60 / 25)
    np.testing.assert_allclose(slicer_array(share), fat / (fat + water), rtol=1e-5)
    assert chosen.logic.readSeries(chosen.series()).fat.eta[1, 2, 3] == pytest.approx(fat / (fat + water))
    measured = chosen.logic.measure(
        [share],
        add_segmentation("L3", {"L3": spine.regions["L3"]}, spine.series.affine),
        series=chosen.series(),
        settings=chosen.settings(),
    )
    (chart,) = measured.charts.values()
    assert chart.GetTitle().startswith("L3")


def test_a_volume_that_is_no_fat_fraction_map_is_refused_in_words(chosen):
    import slicer

    chosen.ui.pdffSelector.setCurrentNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1"))

    assert missing(chosen).startswith("a fat fraction map of this extension")
    chosen._parameterNode.ivim = False
    assert missing(chosen) == ""
    assert "fat" not in chosen.series()


def test_a_fat_fraction_elsewhere_is_said(chosen, spine):
    node = pdff_node(spine, away=1000.0)
    for name, value in (("residue", 0.1), ("echoTime", 60.0), ("fatT2", 70.0), ("waterT2", 25.0), ("pdff", node)):
        setattr(chosen._parameterNode, name, value)
    before = node_ids()
    chosen.ui.applyButton.click()

    assert "expected a fat fraction map that meets the series" in chosen.ui.messageLabel.text
    assert node_ids() == before


def test_parameters_are_saved_with_the_scene(chosen, tmp_path):
    import slicer

    node = chosen._parameterNode
    values = {"adc": False, "ivim": True, "stretched": True, "kurtosis": True, "method": "segmented"}
    values |= {"threshold": 250.0, "adcBvalues": "0 800", "errors": True, "noise": 1.5, "coils": 2, "echoTime": 61.0}
    chosen.ui.DstarBoundsWidget.setValues(6.0, 90.0)
    for name, value in values.items():
        setattr(node, name, value)
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert {name: getattr(chosen._parameterNode, name) for name in values} != values
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert {name: getattr(chosen._parameterNode, name) for name in values} == values
    widget = chosen.ui.DstarBoundsWidget
    assert (widget.minimumValue, widget.maximumValue) == (6.0, 90.0)
    assert (chosen.ui.adcCheckBox.checked, chosen.ui.kurtosisCheckBox.checked) == (False, True)
    assert chosen._parameterNode.series.GetName() == "DWI"
    chosen.ui.applyButton.click()
    assert quantities() >= {"D", "DDC", "MK"}
    assert "ADC" not in quantities()
