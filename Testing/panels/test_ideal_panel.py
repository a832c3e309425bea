"""The panel IDEALFatQuant: what it asks for, what it makes, what it says when the input is wrong."""

import json

import numpy as np
import pytest

from mrbiomarkers.fatwater import SPECTRA
from mrbiomarkers.mrml import add_echo_sequences, add_segmentation
from mrbiomarkers.phantom import lumbar_fat_water
from Testing.support.scene_nodes import map_nodes, node_ids

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
    """The panel with magnitudes, phases and regions chosen."""
    node = panel._parameterNode
    for part, sequence in add_echo_sequences(spine.series, "Echoes").items():
        setattr(node, part, sequence)
    node.regions = add_segmentation("Regions", spine.regions, spine.series.affine)
    return panel


def provenance(name):
    """Return what the maps' provenance says of something; all say the same."""
    found = {json.dumps(json.loads(node.GetAttribute("MRBiomarkers.Provenance"))[name]) for node in map_nodes()}
    assert len(found) == 1
    return json.loads(found.pop())


PHASES = "a sequence of phases, which the method {} needs"


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({"magnitude": None}, ["a sequence of magnitudes"]),
        ({"phase": None, "method": "complex"}, [PHASES.format("complex")]),
        ({"phase": None, "method": "mixed"}, [PHASES.format("mixed")]),
        ({"magnitude": None, "phase": None, "method": "mixed"}, ["a sequence of magnitudes", PHASES.format("mixed")]),
        ({"phase": None}, []),
        ({"phase": None, "method": "magnitude"}, []),
        ({"regions": None}, []),
        ({"method": "complex"}, []),
    ],
)
def test_apply_says_what_is_missing(chosen, parameters, missing):
    for name, value in parameters.items():
        setattr(chosen._parameterNode, name, value)
    button = chosen.ui.applyButton

    assert button.enabled is not bool(missing)
    assert ("Missing: " + ", ".join(missing) + "." in button.toolTip) is bool(missing)
    assert ("Missing" in button.toolTip) is bool(missing)


def test_a_new_panel_waits_for_magnitudes(panel):
    assert not panel.ui.applyButton.enabled
    assert "Missing: a sequence of magnitudes." in panel.ui.applyButton.toolTip
    combo = panel.ui.spectrumComboBox
    assert [combo.itemText(index) for index in range(combo.count)] == list(SPECTRA)
    assert combo.currentText == "ren-marrow"
    assert panel.ui.methodComboBox.currentText == "automatic"


def test_the_field_strength_is_shown_with_its_unit(panel):
    box = panel.ui.fieldStrengthSpinBox
    assert (box.value, box.text) == (0.0, "as the series says")
    assert (box.minimum, box.maximum) == (0.0, 15.0)
    box.value = 2.893

    assert panel._parameterNode.fieldStrength == 2.893
    assert box.text in ("2.893 T", "2,893 T")


def test_the_selectors_offer_sequences_and_segmentations_only(panel):
    import slicer

    for kind in ("Sequence", "VectorVolume", "ScalarVolume", "LabelMapVolume", "Segmentation"):
        slicer.mrmlScene.AddNewNodeByClass(f"vtkMRML{kind}Node", kind)

    for selector in (panel.ui.magnitudeSelector, panel.ui.phaseSelector):
        assert [node.GetName() for node in selector.nodes()] == ["Sequence"]
        assert selector.currentNode() is None
    assert [node.GetName() for node in panel.ui.regionsSelector.nodes()] == ["Segmentation"]


def test_the_table_holds_the_simulated_values(chosen, spine):
    import slicer

    chosen.ui.applyButton.click()
    table = chosen.ui.resultTable.mrmlTableNode()
    regions = [table.GetCellText(row, 0) for row in range(table.GetNumberOfRows())]

    assert regions == list(spine.region_truth)
    for key, tolerance in (("PDFF", 0.3), ("R2star", 3.0)):
        truth = [spine.region_truth[region][key] for region in regions]
        np.testing.assert_allclose(slicer.util.arrayFromTableColumn(table, key), truth, rtol=0, atol=tolerance)
    assert chosen.ui.messageLabel.text.splitlines()[0] == "8 maps were made."


def test_phases_that_are_deleted_are_not_replaced_by_the_magnitudes(chosen):
    """The selector of the phases would take the sequence of magnitudes, which is a sequence, too."""
    import slicer

    slicer.mrmlScene.RemoveNode(chosen._parameterNode.phase)

    assert chosen._parameterNode.phase is chosen.ui.phaseSelector.currentNode() is None
    assert chosen._parameterNode.magnitude is not None
    chosen.ui.applyButton.click()
    assert provenance("method") == "magnitude"


@pytest.mark.parametrize("method", ["complex", "mixed", "magnitude"])
def test_the_method_and_the_spectrum_that_are_chosen_are_used(chosen, method):
    other = next(name for name in SPECTRA if name != "ren-marrow")
    chosen.ui.methodComboBox.currentText, chosen.ui.spectrumComboBox.currentText = method, other
    chosen._parameterNode.regions = None
    chosen.ui.applyButton.click()

    assert provenance("method") == method
    assert provenance("spectrum")["name"] == other


def test_a_field_that_no_node_says_is_asked_for(program, chosen):
    node = chosen._parameterNode
    for part in (node.magnitude, node.phase):
        part.RemoveAttribute("MRBiomarkers.FieldStrength")
    before = node_ids()
    chosen.ui.applyButton.click()

    text = str(program.swallowed.expect(ValueError, "field"))
    assert chosen.ui.messageLabel.text == f"Not finished: {text}"
    assert node_ids() == before
    assert chosen.ui.applyButton.enabled
    chosen.ui.fieldStrengthSpinBox.value = 3.0
    chosen.ui.applyButton.click()
    assert chosen.ui.messageLabel.text.splitlines()[0] == "8 maps were made."


def test_one_echo_is_said_to_be_too_few_and_nothing_is_made(program, chosen):
    node = chosen._parameterNode
    for part in (node.magnitude, node.phase):
        for value in [part.GetNthIndexValue(index) for index in range(1, part.GetNumberOfDataNodes())]:
            part.RemoveDataNodeAtValue(value)
    before = node_ids()
    chosen.ui.applyButton.click()

    text = str(program.swallowed.expect(ValueError, "echo"))
    assert chosen.ui.messageLabel.text == f"Not finished: {text}"
    assert (node_ids(), map_nodes()) == (before, [])
    assert chosen.ui.applyButton.enabled


def test_parameters_are_saved_with_the_scene(chosen, tmp_path):
    import slicer

    values = {"fieldStrength": 1.494, "spectrum": list(SPECTRA)[-1], "method": "mixed"}
    for name, value in values.items():
        setattr(chosen._parameterNode, name, value)
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert chosen._parameterNode.fieldStrength == 0.0
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert {name: getattr(chosen._parameterNode, name) for name in values} == values
    assert chosen.ui.fieldStrengthSpinBox.value == 1.494
    assert chosen._parameterNode.phase.GetName() != chosen._parameterNode.magnitude.GetName()
    chosen.ui.applyButton.click()
    assert provenance("method") == "mixed"
