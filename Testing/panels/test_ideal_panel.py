"""The fit of the panel IDEALFatQuant: every control, what it makes, what it says when something is missing."""

import ast
import json

import numpy as np
import pytest

from mrbiomarkers.fatwater import SPECTRA
from mrbiomarkers.mrml import add_echo_sequences, add_segmentation
from mrbiomarkers.phantom import lumbar_fat_water
from mrbiomarkers.settings import FatWaterSettings
from Testing.support.scene_nodes import map_nodes, node_ids
from Testing.support.slicer_modules import parameter_fields, read_form
from Testing.support.source_tree import PACKAGE, ROOT

SHAPE = (4, 32, 32)


@pytest.fixture
def panel(program):
    return program.open_panel("IDEALFatQuant")


@pytest.fixture(scope="module")
def spine():
    """A simulated spine almost without noise; its regions lie inside the vertebral bodies."""
    return lumbar_fat_water(shape=SHAPE, snr=1e6)


@pytest.fixture
def chosen(panel, spine):
    """The panel with magnitudes and phases chosen."""
    panel.take(add_echo_sequences(spine.series, "Echoes"))
    return panel


def provenance(name):
    """Return what the maps' provenance says of something; all say the same."""
    found = {json.dumps(json.loads(node.GetAttribute("MRBiomarkers.Provenance"))[name]) for node in map_nodes()}
    assert len(found) == 1
    return json.loads(found.pop())


def map_of(quantity):
    (node,) = [node for node in map_nodes() if node.GetAttribute("MRBiomarkers.Quantity") == quantity]
    return node


PHASE = "a sequence of phases (or the kind of data 'magnitudes only')"
NEEDS = "phases, which the method {} needs"
SINGLE = "a spectrum with several peaks, without which magnitudes do not tell fat from water"


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({}, []),
        ({"method": "magnitude"}, []),
        ({"magnitude": None}, ["a sequence of magnitudes"]),
        ({"phase": None}, [PHASE]),
        ({"magnitude": None, "phase": None}, ["a sequence of magnitudes", PHASE]),
        ({"data": "magnitudes only"}, []),
        ({"data": "magnitudes only", "phase": None}, []),
        ({"data": "magnitudes only", "method": "complex"}, [NEEDS.format("complex")]),
        ({"data": "magnitudes only", "method": "mixed"}, [NEEDS.format("mixed")]),
        ({"data": "real and imaginary"}, ["a sequence of real parts", "a sequence of imaginary parts"]),
        ({"spectrum": "single"}, []),
        ({"spectrum": "single", "method": "magnitude"}, [SINGLE]),
        ({"t1Water": 20.0}, ["a T1 of water of 50 to 10000 ms (or 0)", "a T1 of fat, too (or 0 for both)"]),
        ({"t1Fat": 300.0}, ["a T1 of water, too (or 0 for both)"]),
        (
            {"t1Fat": 300.0, "t1Water": 900.0},
            [f"{name}, which the T1 correction needs" for name in ("a repetition time", "a flip angle")],
        ),
        ({"t1Fat": 300.0, "t1Water": 900.0, "repetitionTime": 8.0, "flipAngle": 3.0}, []),
        ({"repetitionTime": 0.05}, ["a repetition time of 0.1 to 1000 ms (or 0)"]),
        ({"flipAngle": 0.2}, ["a flip angle of 0.5 to 90 deg (or 0)"]),
        ({"fieldStrength": 0.01}, ["a field strength of 0.05 T or more (or 0)"]),
    ],
)
def test_fit_says_what_is_missing(chosen, parameters, missing):
    for name, value in parameters.items():
        setattr(chosen._parameterNode, name, value)
    button = chosen.ui.applyButton

    assert button.enabled is not bool(missing)
    assert ("Missing: " + ", ".join(missing) + "." in button.toolTip) is bool(missing)
    assert ("Missing" in button.toolTip) is bool(missing)
    assert chosen.missing(chosen._parameterNode) == missing


def test_a_new_panel_waits_for_images_and_has_the_defaults_of_the_settings(panel):
    assert not panel.ui.applyButton.enabled
    assert f"Missing: a sequence of magnitudes, {PHASE}." in panel.ui.applyButton.toolTip
    assert panel.ui.applyButton.text == "Fit"
    combo = panel.ui.spectrumComboBox
    assert [combo.itemText(index) for index in range(combo.count)] == list(SPECTRA)
    assert panel.settings() == FatWaterSettings()
    assert (panel.series(), panel.image(), panel.fitOptions()) == ({}, None, {})
    assert panel.ui.advancedGroup.collapsed


@pytest.mark.parametrize(
    ("control", "value", "setting", "expected"),
    [
        ("spectrumComboBox", "karampinos-8", "spectrum", "karampinos-8"),
        ("methodComboBox", "complex", "method", "complex"),
        ("methodComboBox", "mixed", "method", "mixed"),
        ("methodComboBox", "magnitude", "method", "magnitude"),
        ("precessionComboBox", "+1", "precession", 1),
        ("precessionComboBox", "-1", "precession", -1),
        ("bipolarComboBox", "off", "bipolar", False),
        ("bipolarComboBox", "along rows", "bipolar", 2),
        ("bipolarComboBox", "along columns", "bipolar", 1),
        ("bipolarComboBox", "across slices", "bipolar", 0),
        ("repetitionTimeSpinBox", 8.25, "repetition_time", 0.00825),
        ("flipAngleSpinBox", 3.5, "flip_angle", 3.5),
        ("errorsCheckBox", True, "errors", True),
    ],
)
def test_each_control_is_a_setting(chosen, control, value, setting, expected):
    widget = getattr(chosen.ui, control)
    name = next(n for n in ("currentText", "checked", "value") if hasattr(widget, n))
    setattr(widget, name, value)

    changed = getattr(chosen.settings(), setting)
    assert changed == expected
    assert type(changed) is type(expected)
    assert {**vars(FatWaterSettings()), setting: changed} == vars(chosen.settings())
    assert chosen.ui.applyButton.enabled


def test_both_t1_are_handed_on_in_seconds(chosen):
    chosen.ui.t1WaterSpinBox.value, chosen.ui.t1FatSpinBox.value = 900, 300
    assert (chosen.settings().t1_water, chosen.settings().t1_fat) == (0.9, 0.3)
    assert not chosen.ui.applyButton.enabled


@pytest.mark.parametrize("change", [{"method": "magnitude"}, {"data": "magnitudes only"}])
def test_what_has_no_meaning_for_magnitudes_is_disabled_and_not_handed_on(chosen, change):
    node, ui = chosen._parameterNode, chosen.ui
    node.precession, node.bipolar = "-1", "off"
    before = (node.method, node.data)
    for name, value in change.items():
        setattr(node, name, value)

    assert (chosen.settings().precession, chosen.settings().bipolar) == (None, None)
    for widget in (ui.precessionComboBox, ui.bipolarComboBox):
        assert not widget.enabled
        assert "Magnitudes are fitted" in widget.toolTip
    node.method, node.data = before
    assert chosen.settings().precession == -1
    assert ui.bipolarComboBox.enabled
    assert "alternates" in ui.bipolarComboBox.toolTip


def test_what_a_spectrum_is_meant_for_is_said(chosen):
    assert chosen.ui.spectrumWords.text.startswith("9 peaks, for bone marrow. Ren et al.")
    chosen.ui.spectrumComboBox.currentText = "single"
    assert chosen.ui.spectrumWords.text.startswith("one peak, for no tissue in particular.")
    chosen.ui.spectrumComboBox.currentText = "peanut-oil"
    assert "for phantoms" in chosen.ui.spectrumWords.text


@pytest.mark.parametrize("method", ["complex", "mixed", "magnitude"])
def test_the_method_and_the_spectrum_that_are_chosen_are_used(chosen, method):
    chosen.ui.methodComboBox.currentText, chosen.ui.spectrumComboBox.currentText = method, "philips-7"
    chosen.ui.applyButton.click()

    assert provenance("method") == method
    assert provenance("spectrum")["name"] == "philips-7"


def test_maps_of_errors_and_the_t1_correction_are_made(chosen):
    node = chosen._parameterNode
    chosen.ui.errorsCheckBox.checked = True
    node.t1Water, node.t1Fat, node.repetitionTime, node.flipAngle = 900.0, 300.0, 8.0, 6.0
    chosen.ui.applyButton.click()

    assert provenance("t1_bias")["repetition_time_s"] == 0.008
    assert "corrected for T1 bias" in chosen.ui.messageLabel.text
    assert {"sd_PDFF", "sd_R2star"} <= {one.GetAttribute("MRBiomarkers.Quantity") for one in map_nodes()}


def test_only_the_voxels_of_the_mask_are_fitted(chosen, spine):
    import slicer

    chosen.ui.maskSelector.setCurrentNode(add_segmentation("Inside", {"L3": spine.regions["L3"]}, spine.series.affine))
    assert chosen.fitOptions() == {"mask": chosen._parameterNode.mask}
    chosen.ui.applyButton.click()

    fitted = np.isfinite(slicer.util.arrayFromVolume(map_of("PDFF")))
    np.testing.assert_array_equal(fitted, spine.regions["L3"])
    assert "too dark" not in chosen.ui.messageLabel.text


def test_a_mask_outside_the_images_is_said_and_nothing_is_made(chosen, spine):
    moved = spine.series.affine.copy()
    moved[:3, 3] += 5000.0
    chosen._parameterNode.mask = add_segmentation("Elsewhere", {"L3": spine.regions["L3"]}, moved)
    before = node_ids()
    chosen.ui.applyButton.click()

    assert chosen.ui.messageLabel.text.startswith("Not finished: ")
    assert "L3" in chosen.ui.messageLabel.text or "mask" in chosen.ui.messageLabel.text
    assert node_ids() == before


def test_regions_decide_together_where_magnitudes_are_fitted(chosen, spine):
    regions = add_segmentation("Regions", spine.regions, spine.series.affine)
    chosen.regions._parameters.segmentation = regions
    assert chosen.fitOptions() == {}
    chosen._parameterNode.method = "magnitude"
    assert chosen.fitOptions() == {"regions": regions}


def test_warnings_of_a_fit_are_said_in_lines(chosen):
    chosen.ui.spectrumComboBox.currentText = "ismrm-6"
    chosen.ui.applyButton.click()
    lines = chosen.ui.messageLabel.text.splitlines()

    assert lines[0] == "8 maps were made."
    assert any("ismrm-6 is meant for no tissue in particular" in line for line in lines)
    assert any(line.endswith("% of the voxels are not fitted: they are too dark.") for line in lines)
    assert chosen.ui.messageLabel.wordWrap


@pytest.mark.parametrize("closed", [True, False])
def test_everything_is_saved_with_the_scene(chosen, spine, tmp_path, closed):
    import slicer

    values = {
        "data": "magnitude and phase",
        "phaseValues": "radians",
        "fieldStrength": 1.494,
        "spectrum": "single",
        "method": "mixed",
        "precession": "-1",
        "bipolar": "along rows",
        "t1Water": 900.0,
        "t1Fat": 300.0,
        "repetitionTime": 8.5,
        "flipAngle": 3.5,
        "errors": True,
    }
    node = chosen._parameterNode
    node.mask = add_segmentation("Inside", {"L3": spine.regions["L3"]}, spine.series.affine)
    for name, value in values.items():
        setattr(node, name, value)
    chosen.ui.echoTable.item(0, 0).setText("1.1")
    settings = chosen.settings()
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    if closed:
        slicer.mrmlScene.Clear()
        assert chosen.settings() == FatWaterSettings()
        assert chosen.ui.echoTable.rowCount == 0
    else:
        node.method, node.fieldStrength = "complex", 0.0
        chosen.ui.resetButton.click()
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    node = chosen._parameterNode
    assert {name: getattr(node, name) for name in values} == values
    assert chosen.settings() == settings
    assert node.mask.GetName().startswith("Inside")
    assert chosen.series()["phase"] is node.phase is not node.magnitude
    assert chosen.ui.echoTable.item(0, 0).text() == "1.1"
    assert chosen.series()["echoTimes"][0] == 0.0011
    assert (chosen.ui.fieldStrengthSpinBox.value, chosen.ui.bipolarComboBox.currentText) == (1.494, "along rows")
    node.mask = None
    chosen.ui.applyButton.click()
    assert provenance("method") == "mixed"
    assert provenance("field_strength_T") == 1.494


def test_every_parameter_and_every_widget_that_is_named_exists():
    """A misspelt parameter would be kept without a word, a misspelt widget is found only when it is used."""
    trees = {
        path.name: ast.parse(path.read_text(encoding="utf-8"))
        for path in (*(PACKAGE / "panels" / "echoes").glob("echo_*.py"), ROOT / "IDEALFatQuant" / "IDEALFatQuant.py")
    }
    fields = set(parameter_fields(trees["echo_parameters.py"]))
    form = read_form(ROOT / "IDEALFatQuant" / "Resources" / "UI" / "IDEALFatQuant.ui")
    named = {"parameters": set(), "form": set()}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in named:
                named[node.value.id].add(node.attr)

    assert len(named["parameters"]) > 8
    assert named["parameters"] <= fields
    assert len(named["form"]) > 8
    assert named["form"] <= form.names
    assert sorted(widget.parameter for widget in form.widgets if widget.parameter) == sorted(
        fields - {"edited", "edits"}
    )
